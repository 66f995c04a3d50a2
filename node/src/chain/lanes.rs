//! What came from whom: every validator's transactions have a share of the pool that others cannot take, and what is
//! handed in here is to be passed on.
//!
//! Invariant: an entry for exactly the pool's transactions that came from other validators.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chancery_abi::Digest;

/// Bytes that wait to be passed on at most. What is over stays in this node's pool and is proposed by this node.
const OUTGOING_BYTES_MAX: usize = 16 << 20;

/// How much came from one validator and waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lane {
    count: usize,
    bytes: usize,
}

/// The validators' lanes into the pool.
#[derive(Debug)]
pub(super) struct Lanes {
    count_max: usize,
    bytes_max: usize,
    lanes: BTreeMap<[u8; 32], Lane>,
    origins: HashMap<Digest, ([u8; 32], usize)>,
    outgoing: Vec<Arc<Vec<u8>>>,
    outgoing_bytes: usize,
}

impl Lanes {
    /// Lanes into a pool of this size: as many equal ones as there are validators.
    pub(super) fn new(members: usize, count_max: usize, bytes_max: usize) -> Self {
        Self {
            count_max: (count_max / members.max(1)).max(1),
            bytes_max: (bytes_max / members.max(1)).max(1),
            lanes: BTreeMap::new(),
            origins: HashMap::new(),
            outgoing: Vec::new(),
            outgoing_bytes: 0,
        }
    }

    /// Whether another transaction of so many bytes may come from this validator.
    pub(super) fn has_room(&self, from: &[u8; 32], bytes: usize) -> bool {
        let lane = self.lanes.get(from).copied().unwrap_or_default();
        lane.count < self.count_max && lane.bytes + bytes <= self.bytes_max
    }

    /// Whether a transaction came from another validator.
    pub(super) fn is_of_another(&self, digest: &Digest) -> bool {
        self.origins.contains_key(digest)
    }

    /// The pool took a transaction that came from this validator.
    pub(super) fn entered(&mut self, from: [u8; 32], digest: Digest, bytes: usize) {
        if self.origins.insert(digest, (from, bytes)).is_none() {
            let lane = self.lanes.entry(from).or_default();
            lane.count += 1;
            lane.bytes += bytes;
        }
    }

    /// Transactions left the pool.
    pub(super) fn left<'a>(&mut self, digests: impl Iterator<Item = &'a Digest>) {
        for digest in digests {
            if let Some((from, bytes)) = self.origins.remove(digest)
                && let Some(lane) = self.lanes.get_mut(&from)
            {
                lane.count -= 1;
                lane.bytes -= bytes;
                if lane.count == 0 {
                    self.lanes.remove(&from);
                }
            }
        }
    }

    /// A transaction was handed in here. Tells whether it is to be passed on.
    pub(super) fn pass_on(&mut self, transaction: Vec<u8>) -> bool {
        let fits = self.outgoing_bytes + transaction.len() <= OUTGOING_BYTES_MAX;
        if fits {
            self.outgoing_bytes += transaction.len();
            self.outgoing.push(Arc::new(transaction));
        }
        fits
    }

    /// What is to be passed on.
    pub(super) fn take_outgoing(&mut self) -> Vec<Arc<Vec<u8>>> {
        self.outgoing_bytes = 0;
        std::mem::take(&mut self.outgoing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_floods_fills_its_own_lane_only() {
        let mut lanes = Lanes::new(4, 8, 1_000);
        let (flood, other) = ([1; 32], [2; 32]);
        for n in 0..2 {
            assert!(lanes.has_room(&flood, 10));
            lanes.entered(flood, Digest([n; 32]), 10);
            lanes.entered(flood, Digest([n; 32]), 10);
        }
        assert!(!lanes.has_room(&flood, 10) && lanes.has_room(&other, 250) && !lanes.has_room(&other, 251));
        lanes.left([Digest([0; 32]), Digest([9; 32])].iter());
        assert!(lanes.has_room(&flood, 10));
        lanes.left([Digest([1; 32])].iter());
        assert!(lanes.lanes.is_empty() && lanes.origins.is_empty());
    }
}
