//! The judicial department's evidence repository: that a document existed, in whose hands it was, and whether a court
//! withholds it, without any of its content on the chain.
//!
//! What is filed is a digest: SHA-256 over a salt kept off the chain and the document. Invariants: a digest is filed
//! once; its custody grows and is never rewritten; a sealed or withheld record does not change hands; only the court
//! withholds and releases. What is deliberately absent: names and texts of any kind. Case numbers, order numbers and
//! labels are references into the department's own registers and are limited to characters that cannot hold a sentence.
#![no_std]

pub mod batches;
pub mod custody;
mod types;

use chancery_sdk::prelude::*;
pub use types::{
    Batch, BatchFiled, Custodian, CustodianAppointed, CustodianDismissed, EvidenceError, Filed, HandedOver, Record,
    Released, Sealed, Status, Step, Withheld,
};

use types::check_reference;

/// The evidence repository of a judicial department.
///
/// zh: 司法部门电子证据存证
#[contract]
pub struct Evidence {
    /// Who appoints and dismisses custodians.
    /// zh: 管理员
    admin: Value<Address>,
    /// Who withholds and releases.
    /// zh: 法院
    court: Value<Address>,
    /// Who may file, and receive custody.
    /// zh: 保管人
    #[public]
    custodians: Map<Address, Custodian>,
    /// What was filed, by its digest.
    /// zh: 存证记录
    #[public]
    records: Map<Digest, Record>,
    /// Who had it when, by digest and place.
    /// zh: 保管链
    #[public]
    custody: Map<(Digest, u32), Step>,
    /// Many digests under one Merkle root.
    /// zh: 批量存证
    #[public]
    batches: Map<Digest, Batch>,
    /// The digests and roots of a case.
    /// zh: 案件索引
    cases: Index<String, Digest>,
}

#[methods]
impl Evidence {
    /// Sets the repository up; whoever deploys it becomes its administrator.
    /// zh: 初始化,部署者为管理员
    #[init]
    pub fn init(&mut self, cx: &Cx, court: Address) {
        self.admin.set(&cx.caller());
        self.court.set(&court);
    }

    /// Lets an account file, and receive custody. The label is the department's own reference for it.
    /// zh: 任命保管人
    #[access(only(admin))]
    pub fn appoint(&mut self, cx: &Cx, custodian: Address, label: String) -> Result<(), EvidenceError> {
        check_reference(&label)?;
        self.custodians.insert(&custodian, &Custodian { label, since_ms: cx.time_ms() });
        cx.emit(&CustodianAppointed { custodian });
        Ok(())
    }

    /// Takes an account's right to file and to receive custody. What it holds stays with it until handed over.
    /// zh: 撤销保管人
    #[access(only(admin))]
    pub fn dismiss(&mut self, cx: &Cx, custodian: Address) -> Result<(), EvidenceError> {
        ensure!(self.custodians.remove(&custodian), EvidenceError::NotCustodian { account: custodian });
        cx.emit(&CustodianDismissed { custodian });
        Ok(())
    }

    /// Files the digest of a document and its salt. Whoever files it is its first custodian.
    /// zh: 存证:提交文件与盐的摘要
    #[access(member(custodians))]
    pub fn file(&mut self, cx: &Cx, digest: Digest, case_number: String) -> Result<u64, EvidenceError> {
        check_reference(&case_number)?;
        ensure!(!self.records.contains(&digest), EvidenceError::AlreadyFiled { digest });
        let custodian = cx.caller();
        let (filed_height, filed_ms) = (cx.height(), cx.time_ms());
        let record = Record {
            case_number: case_number.clone(),
            custodian,
            filed_by: custodian,
            filed_height,
            filed_ms,
            steps: 0,
            status: Status::Open,
            withheld: None,
        };
        self.records.insert(&digest, &record);
        self.cases.insert(&case_number, &digest);
        cx.emit(&Filed { digest, case_number, custodian });
        Ok(filed_height)
    }

    /// Files many digests under one Merkle root (RFC 6962, SHA-256; a leaf is a digest).
    /// zh: 批量存证:提交默克尔根
    #[access(member(custodians))]
    pub fn file_batch(&mut self, cx: &Cx, root: Digest, count: u64, case_number: String) -> Result<u64, EvidenceError> {
        check_reference(&case_number)?;
        ensure!(count > 0, EvidenceError::EmptyBatch);
        ensure!(!self.batches.contains(&root), EvidenceError::AlreadyFiled { digest: root });
        let (filed_by, filed_height, filed_ms) = (cx.caller(), cx.height(), cx.time_ms());
        let batch = Batch { case_number: case_number.clone(), count, filed_by, filed_height, filed_ms };
        self.batches.insert(&root, &batch);
        self.cases.insert(&case_number, &root);
        cx.emit(&BatchFiled { root, count, case_number });
        Ok(filed_height)
    }

    /// What was filed under a digest.
    /// zh: 查询存证记录
    #[query]
    pub fn record(&self, digest: Digest) -> Result<Record, EvidenceError> {
        self.records.get(&digest).ok_or(EvidenceError::NotFiled { digest })
    }

    /// The digests and roots of a case, in byte order, after the one given.
    /// zh: 查询案件的存证
    #[query]
    pub fn case(&self, case_number: String, after: Option<Digest>, limit: u32) -> Vec<Digest> {
        self.cases.page(&case_number, after.as_ref(), limit)
    }
}
