//! Why a transaction never enters a block ([`Refusal`]) or, once in one, does not reach a contract
//! ([`ExecutionRefusal`]). Both have numbers that are stable for ever.

use alloc::string::String;
use core::fmt;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use crate::{Address, Name};

/// Why a transaction may not be in a block at a given height. A refused transaction costs nothing and changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bytes are not a transaction.
    Malformed(crate::DecodeError),
    /// It is for another chain.
    WrongChain {
        /// This chain.
        expected: Name,
        /// The transaction's chain.
        found: Name,
    },
    /// The authorising key is not the sender's, or the sponsor's key not the sponsor's.
    WrongKey,
    /// A signature does not hold, or is not in its one accepted form.
    BadSignature,
    /// A sponsor is named and did not sign, or signed and is not named.
    SponsorMismatch,
    /// The sponsor that it names pays for no department.
    NotSponsor {
        /// The account.
        sponsor: Address,
    },
    /// The relying party of a passkey's signature is not one that the genesis registers.
    UnknownRelyingParty,
    /// The nonce was used before.
    NonceUsed {
        /// The nonce that is due.
        expected: u64,
        /// The transaction's nonce.
        found: u64,
    },
    /// The nonce is not yet due.
    NonceGap {
        /// The nonce that is due.
        expected: u64,
        /// The transaction's nonce.
        found: u64,
    },
    /// Its last valid height has passed.
    Expired {
        /// The last valid height.
        valid_until: u64,
        /// The height it was to be executed at.
        height: u64,
    },
    /// Its last valid height lies too far ahead.
    ValidTooLong {
        /// The last valid height.
        valid_until: u64,
        /// The highest that is allowed now.
        limit: u64,
    },
    /// Its gas limit is below what the transaction costs before any contract runs.
    GasBelowIntrinsic {
        /// The cost before any contract runs.
        intrinsic: u64,
        /// The transaction's gas limit.
        found: u64,
    },
    /// Its gas limit is above the protocol's.
    GasAboveLimit {
        /// The protocol's limit.
        limit: u64,
        /// The transaction's gas limit.
        found: u64,
    },
    /// A department that would pay for it has less gas left in this period than its gas limit.
    QuotaExhausted {
        /// The department.
        department: String,
        /// Gas it has left.
        left: u64,
        /// The transaction's gas limit.
        gas_limit: u64,
        /// When its next period begins, milliseconds since 1970.
        refilled_ms: u64,
    },
    /// What it says of another chain is not shown, not due, or not for this chain.
    Lane(LaneRefusal),
    /// It is a batch of no calls.
    EmptyBatch,
    /// A part of it is over a limit.
    TooLarge {
        /// Which part.
        what: &'static str,
        /// How large it may be.
        limit: u64,
        /// How large it is.
        found: u64,
    },
}

impl Refusal {
    /// A stable, lower-case code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::WrongChain { .. } => "wrong_chain",
            Self::WrongKey => "wrong_key",
            Self::BadSignature => "bad_signature",
            Self::SponsorMismatch => "sponsor_mismatch",
            Self::NotSponsor { .. } => "not_sponsor",
            Self::UnknownRelyingParty => "unknown_relying_party",
            Self::NonceUsed { .. } => "nonce_used",
            Self::NonceGap { .. } => "nonce_gap",
            Self::Expired { .. } => "expired",
            Self::ValidTooLong { .. } => "valid_too_long",
            Self::GasBelowIntrinsic { .. } => "gas_below_intrinsic",
            Self::GasAboveLimit { .. } => "gas_above_limit",
            Self::QuotaExhausted { .. } => "quota_exhausted",
            Self::Lane(lane) => lane.code(),
            Self::EmptyBatch => "empty_batch",
            Self::TooLarge { .. } => "too_large",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "the transaction cannot be read: {error}"),
            Self::WrongChain { expected, found } => write!(f, "the transaction is for chain {found}, this is {expected}"),
            Self::WrongKey => f.write_str("the key that signed is not the key of the address it signs for"),
            Self::BadSignature => f.write_str("the signature does not hold (a key of another network, a changed byte, or not in its one accepted form)"),
            Self::SponsorMismatch => f.write_str("a sponsor must be both named and have signed, or neither"),
            Self::NotSponsor { sponsor } => write!(f, "{sponsor} pays for no department: it is neither an administrator nor a sponsor whose time has not ended"),
            Self::UnknownRelyingParty => f.write_str("the passkey belongs to a site that this chain's genesis does not register"),
            Self::NonceUsed { expected, found } => write!(f, "nonce {found} was used before; {expected} is due"),
            Self::NonceGap { expected, found } => write!(f, "nonce {found} is not due before {expected}"),
            Self::Expired { valid_until, height } => write!(f, "valid until height {valid_until}, and height {height} is next"),
            Self::ValidTooLong { valid_until, limit } => write!(f, "valid until height {valid_until}, at most {limit} is allowed now"),
            Self::GasBelowIntrinsic { intrinsic, found } => write!(f, "gas limit {found}, but its bytes, signatures and code alone cost {intrinsic}"),
            Self::GasAboveLimit { limit, found } => write!(f, "gas limit {found} is above {limit}"),
            Self::QuotaExhausted { department, left, gas_limit, .. } => write!(f, "department {department} has {left} gas left in this period, and the transaction's gas limit is {gas_limit}; ask for less, wait for the next period, or have the registry grant more"),
            Self::Lane(lane) => write!(f, "{lane}"),
            Self::EmptyBatch => f.write_str("a batch has at least one call"),
            Self::TooLarge { what, limit, found } => write!(f, "{what}: {found}, of which at most {limit} is allowed"),
        }
    }
}

impl core::error::Error for Refusal {}

/// Why what a transaction says of another chain is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneRefusal {
    /// Only a mainchain takes this.
    NotAMainchain,
    /// Only a sidechain takes this.
    NotASidechain,
    /// There is no such chain, as far as this one knows.
    UnknownChain {
        /// Its name.
        chain: Name,
    },
    /// The chain was closed: it was retired, or its committee certified two histories.
    ChainClosed {
        /// Its name.
        chain: Name,
    },
    /// It is not closed.
    NotClosed {
        /// Its name.
        chain: Name,
    },
    /// It has nothing in it, or more than is allowed.
    Count {
        /// How many.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// It is not what is due.
    NotDue {
        /// What is due.
        expected: u64,
        /// What it has.
        found: u64,
    },
    /// The gas limit does not cover what its messages may use.
    GasBelowMessages {
        /// What they may use, with what the transaction costs before.
        needed: u64,
        /// The transaction's gas limit.
        found: u64,
    },
    /// A mainchain header that this chain has not seen, or has forgotten.
    HeaderNotSeen {
        /// Its height.
        height: u64,
    },
    /// A header that is not anchored.
    NotAnchored {
        /// Its chain.
        chain: Name,
        /// Its height.
        height: u64,
    },
    /// The kind of proof is not the one that this chain takes for that lane.
    WrongProof,
    /// A message of another lane.
    WrongLane,
    /// What is claimed does not follow from what this chain knows.
    NotShown {
        /// Why.
        reason: String,
    },
    /// Nothing waits under that number.
    NothingToClaim,
}

impl LaneRefusal {
    /// A stable, lower-case code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAMainchain => "not_a_mainchain",
            Self::NotASidechain => "not_a_sidechain",
            Self::UnknownChain { .. } => "unknown_sidechain",
            Self::ChainClosed { .. } => "chain_closed",
            Self::NotClosed { .. } => "chain_not_closed",
            Self::Count { .. } => "lane_count",
            Self::NotDue { .. } => "not_due",
            Self::GasBelowMessages { .. } => "gas_below_messages",
            Self::HeaderNotSeen { .. } => "header_not_seen",
            Self::NotAnchored { .. } => "not_anchored",
            Self::WrongProof => "wrong_lane_proof",
            Self::WrongLane => "wrong_lane",
            Self::NotShown { .. } => "not_shown",
            Self::NothingToClaim => "nothing_to_claim",
        }
    }
}

impl fmt::Display for LaneRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAMainchain => f.write_str("only a mainchain takes this"),
            Self::NotASidechain => f.write_str("only a sidechain takes this"),
            Self::UnknownChain { chain } => write!(f, "there is no chain {chain}, as far as this one knows"),
            Self::ChainClosed { chain } => {
                write!(f, "chain {chain} is closed: it was retired, or its committee certified two histories")
            }
            Self::NotClosed { chain } => write!(f, "chain {chain} is not closed"),
            Self::Count { found, limit } => write!(f, "{found} parts, and there may be 1 to {limit}"),
            Self::NotDue { expected, found } => write!(f, "number {found}, and {expected} is due"),
            Self::GasBelowMessages { needed, found } => {
                write!(f, "gas limit {found}, and its messages may need {needed}")
            }
            Self::HeaderNotSeen { height } => {
                write!(f, "this chain has not seen that mainchain header of height {height}, or not of late")
            }
            Self::NotAnchored { chain, height } => write!(f, "height {height} of chain {chain} is not anchored"),
            Self::WrongProof => f.write_str("this chain takes another kind of proof for that lane"),
            Self::WrongLane => f.write_str("a message of another lane"),
            Self::NotShown { reason } => write!(f, "it does not follow from what this chain knows: {reason}"),
            Self::NothingToClaim => f.write_str("nothing waits under that number"),
        }
    }
}

impl core::error::Error for LaneRefusal {}

/// Why a transaction that is in a block did not run any contract, or was undone. It paid its gas and used its nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum ExecutionRefusal {
    /// There is no contract at the address.
    #[codec(index = 0)]
    UnknownContract,
    /// The contract has no such method, or it may not be called this way.
    #[codec(index = 1)]
    UnknownMethod,
    /// A contract of this department and name exists.
    #[codec(index = 2)]
    ContractExists,
    /// The sender may not deploy or upgrade for this department.
    #[codec(index = 3)]
    NotDepartment,
    /// The module is refused; checking it anywhere gives the reason.
    #[codec(index = 4)]
    InvalidModule,
    /// The module has no schema, or one that does not fit it.
    #[codec(index = 5)]
    InvalidSchema,
    /// The gas limit does not cover the module's compilation.
    #[codec(index = 6)]
    OutOfGas,
    /// The new code cannot take the place of the old.
    #[codec(index = 7)]
    IncompatibleUpgrade,
    /// The registry has frozen the sender or the contract.
    #[codec(index = 8)]
    Frozen,
    /// A field that the new code adds still has entries of an earlier release.
    #[codec(index = 9)]
    StaleEntries,
    /// The department's contracts would hold more bytes than its quota has left.
    #[codec(index = 10)]
    StorageQuota,
    /// More of something came on a lane than was sent, or it is not the sender's.
    #[codec(index = 11)]
    WrongBooks,
    /// It would upgrade the registry, and no act has approved this code.
    #[codec(index = 12)]
    UpgradeNotApproved,
    /// The upgrade would leave a registry that nodes cannot read as they need, or that lacks what they and offices call.
    #[codec(index = 13)]
    UnreadableRegistry,
}

impl ExecutionRefusal {
    /// A stable, lower-case code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownContract => "unknown_contract",
            Self::UnknownMethod => "unknown_method",
            Self::ContractExists => "contract_exists",
            Self::NotDepartment => "not_department",
            Self::InvalidModule => "invalid_module",
            Self::InvalidSchema => "invalid_schema",
            Self::OutOfGas => "out_of_gas",
            Self::IncompatibleUpgrade => "incompatible_upgrade",
            Self::Frozen => "frozen",
            Self::StaleEntries => "stale_entries",
            Self::StorageQuota => "storage_quota",
            Self::WrongBooks => "wrong_books",
            Self::UpgradeNotApproved => "upgrade_not_approved",
            Self::UnreadableRegistry => "unreadable_registry",
        }
    }

    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::UnknownContract,
        Self::UnknownMethod,
        Self::ContractExists,
        Self::NotDepartment,
        Self::InvalidModule,
        Self::InvalidSchema,
        Self::OutOfGas,
        Self::IncompatibleUpgrade,
        Self::Frozen,
        Self::StaleEntries,
        Self::StorageQuota,
        Self::WrongBooks,
        Self::UpgradeNotApproved,
        Self::UnreadableRegistry,
    ];

    /// What [`Display`](fmt::Display) says, in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::UnknownContract => "该地址没有合约",
            Self::UnknownMethod => "合约没有此方法,或不可如此调用",
            Self::ContractExists => "该部门已有同名合约;请升级它,或另取名称",
            Self::NotDepartment => "发送者无权为该部门部署",
            Self::InvalidModule => "模块不被接受;`chancery contract check` 会说明原因",
            Self::InvalidSchema => "模块没有接口说明,或说明与模块不符",
            Self::OutOfGas => "燃料上限不足以编译该模块",
            Self::IncompatibleUpgrade => "新代码不能取代旧代码",
            Self::Frozen => "登记机构已冻结发送者或合约;可在该处提出申诉",
            Self::StaleEntries => "新代码新增的字段仍有早期版本留下的数据:请改名,或在 #[migrate] 方法中清除",
            Self::StorageQuota => "该部门本期的存储配额不足;请待下期,或由登记机构追加",
            Self::WrongBooks => "跨链到账的数量多于发出的数量,或并非发送者所有",
            Self::UpgradeNotApproved => "没有事项批准登记机构升级至此代码,或批准已失效;登记机构的升级不带参数",
            Self::UnreadableRegistry => "升级后将无法读取登记机构的数据或调用其必要方法;一切保持不变",
        }
    }
}

impl fmt::Display for ExecutionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownContract => "there is no contract at this address",
            Self::UnknownMethod => "the contract has no such method, or it may not be called this way",
            Self::ContractExists => "the department already has a contract of this name; upgrade it, or choose another",
            Self::NotDepartment => "the sender may not deploy for this department",
            Self::InvalidModule => "the module is refused; `chancery contract check` says why",
            Self::InvalidSchema => {
                "the module's schema is missing or does not fit its exports; `chancery contract check` says why"
            }
            Self::OutOfGas => "the gas limit does not cover checking and compiling the module",
            Self::IncompatibleUpgrade => "the new code cannot take the place of the old",
            Self::Frozen => "the registry has frozen the sender or the contract; an appeal can be filed there",
            Self::StaleEntries => {
                "a field that the new code adds still has entries of an earlier release: name it otherwise, or remove \
                 them in a #[migrate] method"
            }
            Self::StorageQuota => {
                "the department's contracts would hold more bytes than its quota has left: wait for the next period, or \
                 have the registry grant more"
            }
            Self::WrongBooks => "more of something came on a lane than was sent, or it is not the sender's own",
            Self::UpgradeNotApproved => {
                "no act has approved this code for the registry, or its approval has ended; and a registry's upgrade takes \
                 no arguments"
            }
            Self::UnreadableRegistry => {
                "after this upgrade nodes could not read or call what they need of the registry, so everything stays as it was"
            }
        })
    }
}
