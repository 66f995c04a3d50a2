//! Filing digests and looking them up: the heart of an evidence repository.
#![no_std]
use chancery_sdk::prelude::*;

/// Digests that were filed, by whom and when.
/// zh: 存证登记
#[contract]
pub struct Filing {
    owner: Value<Address>,
    #[public]
    records: Map<Digest, Record>,
}

/// What was filed under a digest.
#[data]
pub struct Record {
    pub case_number: String,
    pub filed_by: Address,
    pub filed_ms: u64,
}

/// A digest was filed.
#[event]
pub struct Filed {
    #[index]
    pub digest: Digest,
    pub case_number: String,
}

#[error]
pub enum FilingError {
    #[code(1)]
    #[message(en = "{digest} was filed before", zh = "该摘要已存证:{digest}")]
    AlreadyFiled { digest: Digest },
}

#[methods]
impl Filing {
    #[init]
    pub fn init(&mut self, cx: &Cx) {
        self.owner.set(&cx.caller());
    }

    /// Files the digest of a document.
    #[access(only(owner))]
    pub fn file(&mut self, cx: &Cx, digest: Digest, case_number: String) -> Result<(), FilingError> {
        let record = Record { case_number: case_number.clone(), filed_by: cx.caller(), filed_ms: cx.time_ms() };
        ensure!(self.records.insert_new(&digest, &record), FilingError::AlreadyFiled { digest });
        cx.emit(&Filed { digest, case_number });
        Ok(())
    }

    /// What was filed under a digest.
    #[query]
    pub fn record(&self, digest: Digest) -> Option<Record> {
        self.records.get(&digest)
    }
}
