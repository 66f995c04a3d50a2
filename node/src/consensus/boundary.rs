//! The seam between the engine and a chain: what is asked in each direction, in our own types.

use std::{collections::BTreeSet, sync::Arc};

use chancery_abi::{Beacon, Block, Digest, Genesis};
use chancery_runtime::execution::registry::{Ceremony, CommitteeTerm, Group, Readiness, Stage};
use tokio::sync::watch;

use super::Terms;

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

    /// The committees' terms, as far as the newest final block says.
    fn terms(&self) -> &Arc<Terms>;

    /// The digest of the final block at `height`, the genesis' at 0; none where the store does not have it.
    fn digest_at(&self, height: u64) -> Option<Digest>;

    /// The newest final height.
    fn final_height(&self) -> u64;

    /// Whether blocks can be built and checked on the block with this digest: it is the newest final one, or was
    /// executed since.
    fn knows(&self, digest: &Digest) -> bool;

    /// The time of a block that the chain knows, in milliseconds since 1970.
    fn time_of(&self, digest: &Digest) -> Option<u64>;

    /// Whether a block on `parent` would have transactions.
    fn has_work_on(&self, parent: &Digest) -> bool;

    /// Whether so many transactions wait that they are better taken together.
    fn is_under_load(&self) -> bool;

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

    /// Whether a proposal has to wait for something that this node does not know yet and will: a sidechain's block that has
    /// seen more of the mainchain than this node.
    fn is_ahead(&self, block: &Block) -> bool;

    /// Who certifies the chain's blocks, now or soon.
    fn certifiers(&self) -> Vec<[u8; 32]>;

    /// Those, and everyone who ever did: whoever has left the committee goes on to follow the chain.
    fn audience(&self) -> Vec<[u8; 32]>;

    /// The engine ended by itself, which it must not.
    fn engine_failed(&self, reason: &str);
}

/// Where transactions come from and go to between validators.
pub trait TransactionSource: Clone + Send + Sync + 'static {
    /// Transactions that were handed in here since the last call, in their own bytes, for every other validator.
    fn take_outgoing(&self) -> Vec<Arc<Vec<u8>>>;

    /// Changes when [`take_outgoing`](Self::take_outgoing) has some.
    fn outgoing(&self) -> watch::Receiver<u64>;

    /// Transactions that were handed in here and still wait, the first that are due, up to `bytes_max`: a validator that
    /// was away has not heard of them.
    fn still_waiting(&self, bytes_max: usize) -> Vec<Arc<Vec<u8>>>;

    /// Takes in a transaction that the validator with key `from` passed on. Tells whether it was worth passing on.
    fn take_in(&self, from: &[u8; 32], transaction: &[u8]) -> bool;
}

/// What the newest final state says of the threshold key.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// The final height.
    pub height: u64,
    /// The key in force.
    pub group: Option<Group>,
    /// The ceremony under way.
    pub ceremony: Option<Ceremony>,
    /// The ceremony that made the key in force.
    pub concluded: Option<Ceremony>,
    /// The ceremony that made the announced key.
    pub announced: Option<Ceremony>,
    /// The key that was announced and is not in force yet.
    pub successor: Option<Group>,
    /// Whether a key is to be made that takes the place of the one in force.
    pub rotates: bool,
    /// Who put up the signature over the announced key.
    pub endorsed_by: Vec<[u8; 32]>,
    /// The committee that is to hold the key: the next one where one is decided, else the present one.
    pub target: Option<CommitteeTerm>,
    /// The height of the newest beacon that a block brought.
    pub newest_beacon: Option<u64>,
}

/// A node in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredNode {
    /// Its key.
    pub key: [u8; 32],
    /// What it said last of itself.
    pub ready: Option<Readiness>,
}

/// What the newest final state says of nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roll {
    /// The final height.
    pub height: u64,
    /// Nodes whose keys are not revoked, in the order of those.
    pub nodes: Vec<RegisteredNode>,
    /// Committees change at multiples of this height only.
    pub epoch_blocks: u64,
    /// The committee that is decided and does not serve yet.
    pub next: Option<CommitteeTerm>,
    /// Those who certify sidechains, now or soon.
    pub partners: BTreeSet<[u8; 32]>,
}

/// A mainchain's registry as the blackboard of ceremonies, and where beacons go.
pub trait Blackboard: Clone + Send + Sync + 'static {
    /// The genesis' digest, which domains are made of.
    fn domain_of(&self) -> Digest;

    /// The board as of the newest final block; none where the chain has no registry or cannot be read.
    fn board(&self) -> Option<Board>;

    /// The nodes as of the newest final block; none where the chain has no registry or cannot be read.
    fn roll(&self) -> Option<Roll>;

    /// What a node contributed to a stage.
    fn contribution(&self, round: u32, stage: Stage, node: &[u8; 32]) -> Option<Vec<u8>>;

    /// Everything public about the key of a round.
    fn output(&self, round: u32) -> Option<Vec<u8>>;

    /// Changes with the final height.
    fn finals(&self) -> watch::Receiver<u64>;

    /// Hands in a call of the registry, signed with this validator's key.
    ///
    /// # Errors
    /// When it is not taken, with the reason.
    fn call_registry(&self, method: &'static str, input: Vec<u8>) -> Result<(), String>;

    /// A beacon that this node's next proposals may bring.
    fn offer(&self, beacon: Beacon);

    /// The digest of the final header at a height; none where this node does not have it.
    fn header(&self, height: u64) -> Option<Digest>;

    /// The height of the newest attestation that is kept here; 0 before the first.
    fn attested(&self) -> u64;

    /// The signature of the threshold key over the header at a height, which is to be kept.
    fn attest(&self, height: u64, signature: [u8; 48]);
}
