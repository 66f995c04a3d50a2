//! The blocks that were executed here and are not final, and the newest final one, on which they stand.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use chancery_abi::{Address, Digest};

use super::Candidate;

/// A block that was executed, and how long that took.
#[derive(Clone)]
pub(super) struct Executed {
    pub(super) candidate: Arc<Candidate>,
    pub(super) took: Duration,
}

/// Executed blocks by their digests.
#[derive(Default)]
pub(super) struct Unfinal {
    blocks: HashMap<Digest, Executed>,
}

impl Unfinal {
    pub(super) fn get(&self, digest: &Digest) -> Option<&Executed> {
        self.blocks.get(digest)
    }

    pub(super) fn insert(&mut self, executed: Executed) {
        self.blocks.insert(*executed.candidate.digest(), executed);
    }

    /// The nonces due after the blocks from `digest` down that are above `final_height`, of the accounts in them.
    pub(super) fn used_nonces(&self, digest: &Digest, final_height: u64) -> BTreeMap<Address, u64> {
        let mut used = BTreeMap::new();
        let mut next = self.blocks.get(digest);
        while let Some(Executed { candidate, .. }) = next {
            if candidate.height() <= final_height {
                break;
            }
            for (sender, nonce) in candidate.next_nonces() {
                // The newest block comes first and knows best.
                used.entry(sender).or_insert(nonce);
            }
            next = self.blocks.get(&candidate.block().header.parent);
        }
        used
    }

    /// `committed` is final: what cannot follow it any more is forgotten.
    pub(super) fn committed(&mut self, committed: &Candidate) {
        self.blocks.retain(|digest, executed| {
            executed.candidate.height() > committed.height() || digest == committed.digest()
        });
    }
}
