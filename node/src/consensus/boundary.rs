//! The seam between the engine and a chain: what is asked in each direction, in our own types.

use std::sync::Arc;

use chancery_abi::{Block, Digest, Genesis};
use tokio::sync::watch;

/// What a chain says of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was executed here and says what execution gives.
    Valid,
    /// It can never be part of this chain.
    Invalid(String),
    /// This node cannot say, now or ever; nobody else is to draw conclusions from that.
    Undecided(String),
}

/// What became of a block that is to be made final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is durable, or was final already.
    Done,
    /// Nothing in the chain's store shows that it is final. After a loss of power the store may have kept a block and
    /// lost the certificate that came with it; a later one shows the same.
    NotShown,
}

/// The chain does not go on; the reason is known to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain has stopped")]
pub struct Stopped;

/// A chain, as the engine sees it. All calls block for as long as the work takes.
pub trait ChainSide: Clone + Send + Sync + 'static {
    /// What the chain begins with.
    fn genesis(&self) -> &Genesis;

    /// The genesis' digest.
    fn genesis_digest(&self) -> Digest;

    /// The newest final height.
    fn final_height(&self) -> u64;

    /// Whether blocks can be built and checked on the block with this digest: it is the newest final one, or was
    /// executed since.
    fn knows(&self, digest: &Digest) -> bool;

    /// The time of a block that the chain knows, in milliseconds since 1970.
    fn time_of(&self, digest: &Digest) -> Option<u64>;

    /// Whether a block on `parent` would have transactions.
    fn has_work_on(&self, parent: &Digest) -> bool;

    /// Changes whenever [`has_work_on`](Self::has_work_on) may give another answer.
    fn work(&self) -> watch::Receiver<u64>;

    /// Builds a block on `parent`, whose time is `now_ms` or, where that is later, its parent's.
    ///
    /// # Errors
    /// When the chain does not go on, or does not know the parent any more.
    fn build(&self, parent: &Digest, proposer: [u8; 32], now_ms: u64) -> Result<Arc<Block>, Stopped>;

    /// Executes a block on its parent, which the chain knows.
    fn check(&self, block: &Arc<Block>) -> Verdict;

    /// Makes a block final, which the chain's store has already, as it has what shows that it is final, or will have.
    /// Returns when it is durable; a block that is final already is passed over.
    ///
    /// # Errors
    /// When the chain has to stop.
    fn commit(&self, block: &Arc<Block>) -> Result<Committed, Stopped>;

    /// The engine ended by itself, which it must not.
    fn engine_failed(&self, reason: &str);
}

/// Where transactions come from and go to between validators.
pub trait TransactionSource: Clone + Send + Sync + 'static {
    /// Transactions that were handed in here since the last call, in their own bytes, for every other validator.
    fn take_outgoing(&self) -> Vec<Arc<Vec<u8>>>;

    /// Changes when [`take_outgoing`](Self::take_outgoing) has some.
    fn outgoing(&self) -> watch::Receiver<u64>;

    /// Takes in a transaction that the validator with key `from` passed on. Tells whether it was worth passing on.
    fn take_in(&self, from: &[u8; 32], transaction: &[u8]) -> bool;
}
