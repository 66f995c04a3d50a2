//! What can go wrong on a chain, sorted by what it means: for the node ([`ChainError`]), for a proposer
//! ([`CheckError`]), for a reader ([`ReadError`]), for a sender ([`SubmitError`]).

use chancery_abi::{Digest, Name, Refusal};
use chancery_runtime::{
    execution::{GenesisError, Halt, chain::BlockError},
    state::StateError,
    storage::StorageError,
};
use chancery_verify::CertificateError;

use crate::pool::PoolRefusal;

/// Why a chain cannot go on, or not as it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The genesis cannot begin a chain.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The store begins with another genesis.
    #[error("the store begins with genesis {found}, not with {expected}; check the configuration's genesis file")]
    OtherGenesis {
        /// The genesis that was to be opened.
        expected: Digest,
        /// The one that is there.
        found: Digest,
    },
    /// The store's parts contradict each other.
    #[error(
        "the store contradicts itself: {0}; keep the directory for analysis and restore a backup, or start with an empty one"
    )]
    Inconsistent(String),
    /// The block's parent is not the newest final block's descendant any more, because others became final meanwhile.
    /// Nothing is wrong with that: whoever asked was overtaken.
    #[error("the block to build on is at height {parent}, and height {height} became final without it")]
    Overtaken {
        /// The parent's height.
        parent: u64,
        /// The newest final height.
        height: u64,
    },
    /// The state failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The store failed. Nothing of the block at hand was acknowledged.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Execution failed for a reason of this node's.
    #[error("executing the block at height {height} of chain {chain} failed: {halt}")]
    Halt {
        /// The chain.
        chain: Name,
        /// The block's height.
        height: u64,
        /// Why.
        halt: Halt,
    },
    /// A block is final that does not follow the last one.
    #[error("height {found} is final and {expected} is not known here; the blocks between are missing")]
    Gap {
        /// The height that is next here.
        expected: u64,
        /// The height that was given.
        found: u64,
    },
    /// Two different blocks are final at one height, or a final block builds on another one.
    #[error(
        "conflicting final blocks at height {height}: {ours} here, {theirs} there; the chain stops until people have looked at it"
    )]
    Conflict {
        /// The height.
        height: u64,
        /// The header here.
        ours: Digest,
        /// The other header.
        theirs: Digest,
    },
    /// A final block does not say what executing it gives here.
    #[error(
        "the final block at height {height} differs from what executing it gives here: {reason}; this node's release,          memory or disk is at fault, or more validators than may be are"
    )]
    ExecutesDifferently {
        /// The block's height.
        height: u64,
        /// What differs.
        reason: String,
    },
    /// A certificate does not hold, or is not of the block.
    #[error("the certificate of height {height} does not hold: {reason}")]
    Certificate {
        /// The block's height.
        height: u64,
        /// Why.
        reason: String,
    },
    /// An earlier panic left the state in the middle of a change.
    #[error("an earlier panic left this chain's state unusable until the node is restarted")]
    Poisoned,
}

impl ChainError {
    /// Whether the store is at fault, so that the whole process must stop.
    pub fn is_storage(&self) -> bool {
        matches!(
            self,
            Self::Storage(_)
                | Self::State(StateError::Storage(_) | StateError::Corrupt { .. })
                | Self::Halt { halt: Halt::Storage(_), .. }
        )
    }

    pub(super) fn certificate(height: u64, error: CertificateError) -> Self {
        Self::Certificate { height, reason: error.to_string() }
    }
}

/// Why a block was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The block is wrong.
    #[error(transparent)]
    Invalid(#[from] BlockError),
    /// This node cannot say.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What was asked for does not exist.
    #[error("{what} is not known on chain {chain}")]
    Unknown {
        /// What was asked for.
        what: String,
        /// A stable code.
        code: &'static str,
        /// The chain.
        chain: Name,
    },
    /// Contracts of several departments bear the name.
    #[error("contract {name} exists for several departments: {}; write DEPARTMENT.{name}", .departments.join(", "))]
    Ambiguous {
        /// The contract's name.
        name: Name,
        /// The departments.
        departments: Vec<String>,
    },
    /// A sidechain's height that its mainchain has not on record yet.
    #[error("height {height} of this sidechain is not on its mainchain's record yet, height {anchored} is; ask again")]
    NotAnchored {
        /// The height asked for.
        height: u64,
        /// The newest that is; 0 before the first.
        anchored: u64,
    },
    /// What the mainchain has on record of a sidechain is above this node's height of it.
    #[error(
        "this node is at height {height} of the chain, and the proof begins at height {needed}; ask again, or another node"
    )]
    Behind {
        /// This node's height.
        height: u64,
        /// The height that is needed.
        needed: u64,
    },
    /// A height that the threshold key has not attested yet.
    #[error("height {height} is not attested yet, height {attested} is; ask again, or for a proof by certificate")]
    NotAttested {
        /// The height asked for.
        height: u64,
        /// The newest that is; 0 before the first.
        attested: u64,
    },
    /// The question itself is malformed.
    #[error("{0}")]
    Invalid(String),
    /// Chains of this kind do not have what was asked for.
    #[error("{0}")]
    NotHere(&'static str),
    /// The height cannot be proven.
    #[error("height {height} cannot be proven by state; heights {oldest} to {newest} can")]
    NotProvable {
        /// The height asked for.
        height: u64,
        /// The oldest that can be proven.
        oldest: u64,
        /// The newest.
        newest: u64,
    },
    /// The state that the question is about is gone.
    #[error("{0}")]
    TooOld(String),
    /// The transaction may not be in the next block.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A limit of this node.
    #[error("{what} is {found}, of which at most {limit} is allowed")]
    Limit {
        /// What.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
        /// How much was asked for.
        found: u64,
    },
    /// Too many questions at once.
    #[error("too many queries are running; try again in a moment")]
    Busy,
    /// The machine could not run it, or the code panicked.
    #[error("this node could not answer: {0}")]
    Failed(String),
    /// The store failed; the node stops.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a transaction was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It may not be in a block.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The mempool does not take it.
    #[error(transparent)]
    Pool(PoolRefusal),
    /// The chain takes none at present.
    #[error("chain {chain} takes no transactions at present: {reason}")]
    Closed {
        /// The chain.
        chain: Name,
        /// A stable code.
        code: &'static str,
        /// Why.
        reason: String,
    },
    /// The store failed; the node stops.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<PoolRefusal> for SubmitError {
    fn from(refusal: PoolRefusal) -> Self {
        match refusal {
            PoolRefusal::Transaction(refusal) => Self::Refused(refusal),
            refusal => Self::Pool(refusal),
        }
    }
}
