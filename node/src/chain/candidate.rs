//! An executed block that is not final: what building and checking give, and committing takes.

use std::{collections::BTreeMap, sync::Arc};

use chancery_abi::{Address, Block, Digest, Receipt, Refusal};
use chancery_runtime::{
    execution::{ChainRules, ExecutedBlock, chain::ChainTip},
    state::Overlay,
};

/// A block with everything that executing it gave. It exists only for blocks whose header says what execution gives.
#[derive(Clone, Debug)]
pub struct Candidate {
    block: Block,
    receipts: Vec<Receipt>,
    overlay: Arc<Overlay>,
    tip: ChainTip,
    subtrees: Vec<(u8, u64, Digest)>,
}

/// A block that was built, and the transactions that turned out not to belong in it.
#[derive(Debug)]
pub struct Built {
    /// The block.
    pub candidate: Candidate,
    /// What may not be in a block at this height, and why.
    pub refused: Vec<(Digest, Refusal)>,
}

impl Candidate {
    pub(super) fn new(
        rules: &ChainRules,
        parent: &ChainTip,
        block: Block,
        executed: ExecutedBlock,
        overlay: Arc<Overlay>,
    ) -> Self {
        let mut tip = parent.clone();
        let ExecutedBlock { receipts, next_committee, .. } = executed;
        let subtrees = tip.advance(rules, &block.header, next_committee);
        Self { block, receipts, overlay, tip, subtrees }
    }

    /// The block.
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// The digest of its header.
    pub fn digest(&self) -> &Digest {
        &self.tip.header
    }

    /// Its height.
    pub fn height(&self) -> u64 {
        self.tip.height
    }

    /// What its transactions did, in order.
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    /// What the block after it needs to know.
    pub fn tip(&self) -> &ChainTip {
        &self.tip
    }

    /// The nonces that the state expects after it, of its senders.
    pub fn next_nonces(&self) -> Vec<(Address, u64)> {
        let bodies = self.block.transactions.iter().map(|transaction| &transaction.body);
        let nonces: BTreeMap<Address, u64> = bodies.map(|body| (body.sender, body.nonce + 1)).collect();
        nonces.into_iter().collect()
    }

    /// Whether it is the last of its epoch.
    pub(super) fn ends_epoch(&self) -> bool {
        self.tip.epoch > self.block.header.epoch
    }

    pub(super) fn overlay(&self) -> &Arc<Overlay> {
        &self.overlay
    }

    pub(super) fn subtrees(&self) -> &[(u8, u64, Digest)] {
        &self.subtrees
    }
}
