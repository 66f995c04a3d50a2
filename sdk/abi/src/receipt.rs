//! Receipts and events: what a transaction did, identical on every node.

use alloc::vec::Vec;
use core::fmt;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use crate::{Address, Digest, ExecutionRefusal, Ident};
#[cfg(feature = "sha256")]
use crate::{codec, domain};

/// Why the sandbox stopped a contract. The class is part of the outcome; an engine's text never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, DecodeWithMemTracking)]
pub enum TrapClass {
    /// The gas ran out.
    #[codec(index = 0)]
    OutOfGas,
    /// The logical stack's limit was reached.
    #[codec(index = 1)]
    StackOverflow,
    /// The contract executed `unreachable`: a panic, a failed assertion, an overflow.
    #[codec(index = 2)]
    Unreachable,
    /// An access outside the memory, by the contract or by an address it gave the host.
    #[codec(index = 3)]
    MemoryOutOfBounds,
    /// An index outside the table.
    #[codec(index = 4)]
    TableOutOfBounds,
    /// A call through an empty table entry.
    #[codec(index = 5)]
    IndirectCallToNull,
    /// A call through the table to a function of another type.
    #[codec(index = 6)]
    BadSignature,
    /// A division by zero.
    #[codec(index = 7)]
    DivisionByZero,
    /// A division whose result does not fit.
    #[codec(index = 8)]
    IntegerOverflow,
    /// A host function was given something it does not take: too long, malformed, not allowed here.
    #[codec(index = 9)]
    HostMisuse,
    /// A query tried to change something.
    #[codec(index = 10)]
    ReadOnly,
    /// Too many contracts were under execution at once.
    #[codec(index = 11)]
    CallDepth,
    /// A contract was called again while it was under execution, and does not allow it.
    #[codec(index = 12)]
    Reentrancy,
}

impl TrapClass {
    /// A stable, lower-case code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OutOfGas => "out_of_gas",
            Self::StackOverflow => "stack_overflow",
            Self::Unreachable => "unreachable",
            Self::MemoryOutOfBounds => "memory_out_of_bounds",
            Self::TableOutOfBounds => "table_out_of_bounds",
            Self::IndirectCallToNull => "indirect_call_to_null",
            Self::BadSignature => "bad_signature",
            Self::DivisionByZero => "division_by_zero",
            Self::IntegerOverflow => "integer_overflow",
            Self::HostMisuse => "host_misuse",
            Self::ReadOnly => "read_only",
            Self::CallDepth => "call_depth",
            Self::Reentrancy => "reentrancy",
        }
    }

    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::OutOfGas,
        Self::StackOverflow,
        Self::Unreachable,
        Self::MemoryOutOfBounds,
        Self::TableOutOfBounds,
        Self::IndirectCallToNull,
        Self::BadSignature,
        Self::DivisionByZero,
        Self::IntegerOverflow,
        Self::HostMisuse,
        Self::ReadOnly,
        Self::CallDepth,
        Self::Reentrancy,
    ];

    /// What [`Display`](fmt::Display) says, in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::OutOfGas => "燃料用尽",
            Self::StackOverflow => "超出栈深上限:递归过深",
            Self::Unreachable => "合约异常中止(断言失败或运算溢出)",
            Self::MemoryOutOfBounds => "访问超出合约内存",
            Self::TableOutOfBounds => "索引超出函数表",
            Self::IndirectCallToNull => "调用了空的函数表项",
            Self::BadSignature => "通过函数表调用了类型不符的函数",
            Self::DivisionByZero => "除数为零",
            Self::IntegerOverflow => "除法结果溢出",
            Self::HostMisuse => "传给宿主函数的参数不被接受",
            Self::ReadOnly => "查询方法试图更改状态",
            Self::CallDepth => "合约相互调用层数过多",
            Self::Reentrancy => "合约在执行中被再次调用",
        }
    }
}

impl fmt::Display for TrapClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfGas => "the gas ran out",
            Self::StackOverflow => "the stack's limit was reached; recursion is too deep",
            Self::Unreachable => "the contract panicked",
            Self::MemoryOutOfBounds => "an access outside the contract's memory",
            Self::TableOutOfBounds => "an index outside the function table",
            Self::IndirectCallToNull => "a call through an empty table entry",
            Self::BadSignature => "a call through the table to a function of another type",
            Self::DivisionByZero => "a division by zero",
            Self::IntegerOverflow => "a division whose result does not fit",
            Self::HostMisuse => "a host function was given something it does not take",
            Self::ReadOnly => "a query tried to change something",
            Self::CallDepth => "too many contracts called one another",
            Self::Reentrancy => "a contract was called again while it was running",
        })
    }
}

/// What a contract announced.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Event {
    /// The contract that emitted it.
    pub contract: Address,
    /// The event's name in the contract's schema.
    pub name: Ident,
    /// Its index fields, each in SCALE, in the schema's order.
    pub keys: Vec<Vec<u8>>,
    /// All its fields in SCALE.
    pub data: Vec<u8>,
}

/// How a transaction ended. Only after `Done` did it change anything but its sender's nonce.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum Outcome {
    /// It did what it says.
    #[codec(index = 0)]
    Done {
        /// What the method returned, in SCALE; for a batch, the last one's.
        output: Vec<u8>,
    },
    /// A contract refused, with one of its own errors.
    #[codec(index = 1)]
    Failed {
        /// The contract that refused.
        contract: Address,
        /// The error's number in that contract's schema.
        code: u32,
        /// The error's fields in SCALE.
        data: Vec<u8>,
    },
    /// The sandbox stopped a contract.
    #[codec(index = 2)]
    Trapped {
        /// The contract that was stopped.
        contract: Address,
        /// Why.
        class: TrapClass,
    },
    /// No contract ran.
    #[codec(index = 3)]
    Refused {
        /// Why.
        reason: ExecutionRefusal,
    },
}

impl Outcome {
    /// Whether the transaction did what it says.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }
}

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Receipt {
    /// [`WIRE_VERSION`](crate::WIRE_VERSION).
    pub version: u8,
    /// The transaction's digest.
    pub transaction: Digest,
    /// The block's height.
    pub height: u64,
    /// The transaction's place in the block.
    pub index: u32,
    /// Gas it used.
    pub gas_used: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// What contracts announced; empty unless it was done.
    pub events: Vec<Event>,
}

#[cfg(feature = "sha256")]
impl Receipt {
    /// The digest that the block's receipts root is made of.
    pub fn digest(&self, genesis: &Digest) -> Digest {
        domain::digest(domain::Kind::Receipt, genesis, &[&codec::encode(self)])
    }
}
