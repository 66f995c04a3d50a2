//! A contract that calls others through handles made from their schemas, and checks what only the host can.
#![no_std]
use chancery_sdk::prelude::*;

handle!(pub mod counter = "interfaces/counter.schema");
handle!(
    /// The department's evidence repository.
    mod evidence = "interfaces/evidence.schema"
);

use counter::{Counter, CounterRefusal};
use evidence::{Evidence, EvidenceRefusal};

/// Calls a counter and an evidence repository.
#[contract]
pub struct Caller {
    counter: Value<Address>,
    evidence: Value<Address>,
}

#[error]
pub enum CallerError {
    #[code(1)]
    #[message(en = "the counter is full", zh = "计数器已满")]
    CounterFull,
    #[code(2)]
    #[message(en = "nothing was filed under {digest}", zh = "未找到存证:{digest}")]
    NotFiled { digest: Digest },
    #[code(3)]
    #[message(en = "the called contract was stopped", zh = "被调用的合约已中止")]
    Stopped,
    #[code(4)]
    #[message(en = "the called contract refused with error {code}", zh = "被调用的合约返回错误{code}")]
    Unexpected { code: u32 },
    #[code(5)]
    #[message(en = "the called contract has changed", zh = "被调用的合约已变更")]
    Changed,
}

impl From<CallError<CounterRefusal>> for CallerError {
    fn from(error: CallError<CounterRefusal>) -> Self {
        match error {
            CallError::Refused(CounterRefusal::Full) => Self::CounterFull,
            CallError::Failed(CallFailure::Failed { code, .. }) => Self::Unexpected { code },
            CallError::Failed(_) => Self::Stopped,
            CallError::Unreadable => Self::Changed,
        }
    }
}

#[methods]
impl Caller {
    /// Finds both by their names in this department.
    #[init]
    pub fn init(&mut self, cx: &Cx, department: String) {
        let name = |text: &str| Name::new(text).expect("a name");
        let department = name(&department);
        self.counter.set(&cx.contract(&department, &name("counter")));
        self.evidence.set(&cx.contract(&department, &name("evidence")));
    }

    /// Counts on by `step`, twice.
    #[access(anyone)]
    pub fn add_twice(&mut self, cx: &Cx, step: u64) -> Result<u64, CallerError> {
        let counter = self.counter();
        counter.add(cx, step)?;
        Ok(counter.add(cx, step)?)
    }

    /// Counts on by `step`, and goes on whatever becomes of it: whether it was done.
    #[access(anyone)]
    pub fn try_add(&mut self, cx: &Cx, step: u64) -> bool {
        self.counter().add(cx, step).is_ok()
    }

    /// Resets the counter, which only its owner may.
    #[access(anyone)]
    pub fn reset(&mut self, cx: &Cx) -> Result<(), CallerError> {
        Ok(self.counter().reset(cx)?)
    }

    /// The counter's value, asked for with so much gas.
    #[query]
    pub fn count(&self, cx: &Cx, gas: u64) -> Result<u64, CallerError> {
        Ok(self.counter().with_gas(gas).value(cx)?)
    }

    /// The case of a record, and how often it changed hands.
    #[query]
    pub fn case_of(&self, cx: &Cx, digest: Digest) -> Result<(String, u32, bool), CallerError> {
        let evidence = Evidence::at(self.evidence.get().unwrap_or_default());
        match evidence.record(cx, &digest) {
            Ok(record) => Ok((record.case_number, record.steps, record.status == evidence::Status::Open)),
            Err(CallError::Refused(EvidenceRefusal::NotFiled { digest })) => Err(CallerError::NotFiled { digest }),
            Err(_) => Err(CallerError::Stopped),
        }
    }

    /// Whether a P-256 signature holds.
    #[query]
    pub fn p256(&self, cx: &Cx, key: [u8; 33], signature: [u8; 64], message: Vec<u8>) -> bool {
        cx.verify_p256(&key, &signature, &message)
    }

    /// Whether an ed25519 signature holds.
    #[query]
    pub fn ed25519(&self, cx: &Cx, key: [u8; 32], signature: [u8; 64], message: Vec<u8>) -> bool {
        cx.verify_ed25519(&key, &signature, &message)
    }

    /// What a call knows of where it is: this contract, the caller, the signer, the chain, the height, the time.
    #[query]
    pub fn whereabouts(&self, cx: &Cx) -> (Address, Address, Address, String, u64, u64) {
        let chain = String::from(cx.chain().as_str());
        (cx.this(), cx.caller(), cx.signer(), chain, cx.height(), cx.time_ms())
    }

    fn counter(&self) -> Counter {
        Counter::at(self.counter.get().unwrap_or_default())
    }
}
