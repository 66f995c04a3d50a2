//! How a block hangs on the one before: what the next header needs to know, making a header, and checking one.

use crate::{
    abi::{
        Beacon, Block, Committee, Digest, Header, MainchainSeen, Receipt, Transaction, WIRE_VERSION, merkle::Mountain,
    },
    execution::{ChainRules, ExecutedBlock, beacons::BeaconError, lanes::seen::SeenError},
};
use chancery_verify::roots;
use parity_scale_codec::{Decode, Encode};

/// What the next block needs to know of the chain so far.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ChainTip {
    /// The last block's height; 0 before the first.
    pub height: u64,
    /// The last header's digest; the genesis' before the first.
    pub header: Digest,
    /// The last block's time; the genesis' before the first.
    pub timestamp_ms: u64,
    /// The term of the committee that certifies the next block.
    pub epoch: u64,
    /// That committee.
    pub committee: Committee,
    /// All headers so far.
    pub mountain: Mountain,
}

impl ChainTip {
    /// The tip before the first block.
    pub fn genesis(rules: &ChainRules) -> Self {
        Self {
            height: 0,
            header: *rules.digest(),
            timestamp_ms: rules.genesis().timestamp_ms,
            epoch: 0,
            committee: rules.genesis().committee.clone(),
            mountain: Mountain::default(),
        }
    }

    /// Moves on to `header`, which extends this tip, and to `next_committee` where it ends an epoch; returns the history's
    /// subtrees that it closed.
    pub fn advance(
        &mut self,
        rules: &ChainRules,
        header: &Header,
        next_committee: Option<Committee>,
    ) -> Vec<(u8, u64, Digest)> {
        self.height = header.height;
        self.header = header.digest(rules.digest());
        self.timestamp_ms = header.timestamp_ms;
        self.epoch = header.epoch;
        if let Some(committee) = next_committee {
            self.epoch += 1;
            self.committee = committee;
        }
        self.mountain.push(roots::history_leaf(&self.header))
    }
}

/// What a proposer decides about a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The proposer's ed25519 key.
    pub proposer: [u8; 32],
    /// The block's time.
    pub timestamp_ms: u64,
    /// Beacons that became known, in the order of their heights.
    pub beacons: Vec<Beacon>,
    /// On a sidechain, the newest mainchain header seen.
    pub mainchain: Option<MainchainSeen>,
}

/// The header of the block that extends `tip` with these transactions, once executed.
pub fn assemble_header(
    rules: &ChainRules,
    tip: &ChainTip,
    proposal: Proposal,
    transactions: &[Transaction],
    executed: &ExecutedBlock,
    state_root: Digest,
) -> Header {
    Header {
        version: WIRE_VERSION,
        chain: rules.name().clone(),
        height: tip.height + 1,
        epoch: tip.epoch,
        parent: tip.header,
        timestamp_ms: proposal.timestamp_ms,
        proposer: proposal.proposer,
        state_root,
        transactions_root: roots::transactions_root(rules.digest(), transactions),
        receipts_root: receipts_root(rules, &executed.receipts),
        history_root: roots::history_root(rules.digest(), &tip.mountain),
        next_committee: executed.next_committee.as_ref().map(|committee| committee.digest(rules.digest())),
        gas_used: executed.gas_used,
        schedule: rules.schedule().number,
        beacons: proposal.beacons,
        mainchain: proposal.mainchain,
    }
}

fn receipts_root(rules: &ChainRules, receipts: &[Receipt]) -> Digest {
    roots::receipts_root(rules.digest(), receipts)
}

/// Why a block does not extend a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// A field of the header is not what execution gives.
    #[error("the block's {field} is {found}, and execution gives {expected}")]
    Field {
        /// Which one.
        field: &'static str,
        /// What execution gives.
        expected: String,
        /// What the header has.
        found: String,
    },
    /// Its time is before its parent's.
    #[error("the block's time {found} is before its parent's {parent}")]
    TimeRunsBack {
        /// The parent's time.
        parent: u64,
        /// The block's time.
        found: u64,
    },
    /// A transaction may not be in it.
    #[error("transaction {index} may not be in the block: {refusal}")]
    Transaction {
        /// Its place.
        index: usize,
        /// Why.
        refusal: crate::abi::Refusal,
    },
    /// Its transactions are over the block's limits.
    #[error("the block's transactions are over the block's limits")]
    Overfull,
    /// Its beacons are wrong.
    #[error(transparent)]
    Beacon(#[from] BeaconError),
    /// What it says of the mainchain is wrong.
    #[error(transparent)]
    Seen(#[from] SeenError),
    /// Its proposer is not of the epoch's committee.
    #[error("the block's proposer is not of its epoch's committee")]
    UnknownProposer,
}

/// Checks what can be checked of a block before anything in it is executed.
///
/// # Errors
/// When the block does not follow `tip`.
pub fn check_before_execution(tip: &ChainTip, block: &Block) -> Result<(), BlockError> {
    let Header { height, epoch, parent, timestamp_ms, proposer, .. } = &block.header;
    if *height != tip.height + 1 {
        return Err(field("height", tip.height + 1, height));
    }
    if *parent != tip.header {
        return Err(field("parent", tip.header, parent));
    }
    if *epoch != tip.epoch {
        return Err(field("epoch", tip.epoch, epoch));
    }
    if *timestamp_ms < tip.timestamp_ms {
        return Err(BlockError::TimeRunsBack { parent: tip.timestamp_ms, found: *timestamp_ms });
    }
    if !tip.committee.keys().contains(proposer) {
        return Err(BlockError::UnknownProposer);
    }
    Ok(())
}

/// Checks a block's header against what executing the block gave.
///
/// # Errors
/// When any field differs.
pub fn check_header(
    rules: &ChainRules,
    tip: &ChainTip,
    block: &Block,
    executed: &ExecutedBlock,
    state_root: Digest,
) -> Result<(), BlockError> {
    let found = &block.header;
    let Header { proposer, timestamp_ms, mainchain, .. } = *found;
    let proposal = Proposal { proposer, timestamp_ms, beacons: found.beacons.clone(), mainchain };
    let expected = assemble_header(rules, tip, proposal, &block.transactions, executed, state_root);
    if expected == *found {
        return Ok(());
    }
    let digests = [
        ("state root", expected.state_root, found.state_root),
        ("transactions root", expected.transactions_root, found.transactions_root),
        ("receipts root", expected.receipts_root, found.receipts_root),
        ("history root", expected.history_root, found.history_root),
        ("next committee", digest(&expected.next_committee), digest(&found.next_committee)),
    ];
    for (name, expected, found) in digests {
        if expected != found {
            return Err(field(name, expected, found));
        }
    }
    Err(field("header", format!("{expected:?}"), format!("{found:?}")))
}

fn digest(of: &Option<Digest>) -> Digest {
    of.unwrap_or_default()
}

fn field(field: &'static str, expected: impl ToString, found: impl ToString) -> BlockError {
    BlockError::Field { field, expected: expected.to_string(), found: found.to_string() }
}
