//! What the repository stores, announces and refuses with. Fields are stored as they stand here, so a change needs a
//! migration; the errors' numbers never change.

use chancery_sdk::prelude::*;

/// Bytes of a case number, an order number, a label or a reason.
const REFERENCE_BYTES_MAX: usize = 40;

/// Whether a record may still change hands.
#[data]
#[derive(Clone, PartialEq, Eq)]
pub enum Status {
    /// It may.
    Open,
    /// It never will again.
    Sealed,
}

/// An account that may file, and receive custody.
#[data]
pub struct Custodian {
    /// The department's own reference for it.
    pub label: String,
    /// Since when, milliseconds since 1970.
    pub since_ms: u64,
}

/// What was filed.
#[data]
pub struct Record {
    /// The case it belongs to.
    pub case_number: String,
    /// In whose hands it is.
    pub custodian: Address,
    /// Who filed it.
    pub filed_by: Address,
    /// The height at which it was filed.
    pub filed_height: u64,
    /// When it was filed, milliseconds since 1970.
    pub filed_ms: u64,
    /// How often it changed hands.
    pub steps: u32,
    /// Whether it may still change hands.
    pub status: Status,
    /// The court's order under which it is withheld.
    pub withheld: Option<String>,
}

/// One change of hands.
#[data]
pub struct Step {
    /// Who gave it.
    pub from: Address,
    /// Who took it.
    pub to: Address,
    /// Why: a reference into the department's register.
    pub reason: String,
    /// At which height.
    pub height: u64,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

/// Many digests under one root.
#[data]
pub struct Batch {
    /// The case they belong to.
    pub case_number: String,
    /// How many there are.
    pub count: u64,
    /// Who filed them.
    pub filed_by: Address,
    /// The height at which they were filed.
    pub filed_height: u64,
    /// When they were filed, milliseconds since 1970.
    pub filed_ms: u64,
}

/// A digest was filed.
#[event]
pub struct Filed {
    #[index]
    pub digest: Digest,
    #[index]
    pub case_number: String,
    pub custodian: Address,
}

/// A batch was filed.
#[event]
pub struct BatchFiled {
    #[index]
    pub root: Digest,
    pub count: u64,
    #[index]
    pub case_number: String,
}

/// A record changed hands.
#[event]
pub struct HandedOver {
    #[index]
    pub digest: Digest,
    #[index]
    pub from: Address,
    #[index]
    pub to: Address,
}

/// A record was sealed.
#[event]
pub struct Sealed {
    #[index]
    pub digest: Digest,
}

/// The court withheld a record.
#[event]
pub struct Withheld {
    #[index]
    pub digest: Digest,
    #[index]
    pub order: String,
}

/// The court released a record.
#[event]
pub struct Released {
    #[index]
    pub digest: Digest,
    #[index]
    pub order: String,
}

/// An account may file and receive custody.
#[event]
pub struct CustodianAppointed {
    #[index]
    pub custodian: Address,
}

/// An account may no longer file or receive custody.
#[event]
pub struct CustodianDismissed {
    #[index]
    pub custodian: Address,
}

#[error]
pub enum EvidenceError {
    #[code(1)]
    #[message(en = "{digest} was filed before", zh = "该摘要已存证:{digest}")]
    AlreadyFiled { digest: Digest },
    #[code(2)]
    #[message(en = "nothing was filed under {digest}", zh = "未找到存证:{digest}")]
    NotFiled { digest: Digest },
    #[code(3)]
    #[message(en = "{account} is not a custodian", zh = "该账户不是保管人:{account}")]
    NotCustodian { account: Address },
    #[code(4)]
    #[message(en = "the record is in the hands of {custodian}", zh = "记录由其他保管人持有:{custodian}")]
    NotInYourHands { custodian: Address },
    #[code(5)]
    #[message(en = "the record is sealed", zh = "记录已封存")]
    RecordSealed,
    #[code(6)]
    #[message(en = "the record is withheld by order {order}", zh = "记录依裁定暂不公开:{order}")]
    RecordWithheld { order: String },
    #[code(7)]
    #[message(en = "the record is not withheld", zh = "记录未被限制")]
    NotWithheld,
    #[code(8)]
    #[message(
        en = "a case number, order or label has 1 to 40 letters, digits and - _ / . ( )",
        zh = "案号、裁定号或标签须为1至40个字母、数字或 - _ / . ( )"
    )]
    BadReference,
    #[code(9)]
    #[message(en = "a batch holds at least one digest", zh = "批次至少包含一个摘要")]
    EmptyBatch,
    #[code(10)]
    #[message(en = "the order cannot be sent there", zh = "无法送达该链")]
    NotSent,
}

/// Accepts what can be a number in a register and cannot be a sentence: 1 to 40 bytes of ASCII letters, digits and a few
/// joiners. The bound also keeps an index entry's key within the storage's limit.
pub(crate) fn check_reference(text: &str) -> Result<(), EvidenceError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/.()".contains(&byte);
    let is_reference = !text.is_empty() && text.len() <= REFERENCE_BYTES_MAX && text.bytes().all(is_allowed);
    ensure!(is_reference, EvidenceError::BadReference);
    Ok(())
}

/// An order of the court went to another chain.
#[event]
pub struct OrderSent {
    #[index]
    pub subject: Digest,
    pub order: String,
    pub withheld: bool,
    pub number: u64,
}

/// An order was not taken there.
#[event]
pub struct OrderReturned {
    #[index]
    pub contract: Address,
    pub number: u64,
}
