//! Binary Merkle trees after RFC 6962: a leaf is hashed behind a 0 byte, an inner node behind a 1 byte, and a list of n
//! entries splits at the largest power of two below n.
//!
//! The same shape serves three ends: the roots of a block's transactions and receipts, the batches that a contract
//! files under one root, and (because its peaks are the complete subtrees) the Merkle mountain range over all
//! headers. `Mountain` grows one without keeping its leaves.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use crate::Digest;

#[cfg(feature = "sha256")]
mod tree;
#[cfg(feature = "sha256")]
pub use tree::{Mountain, empty_root, leaf, node, path, path_in_mountain, root};

/// Where an entry stands under a root, and what it takes to get there.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Path {
    /// The entry's place, from 0.
    pub index: u64,
    /// How many entries there are.
    pub count: u64,
    /// The siblings from the leaf upwards.
    pub siblings: Vec<Digest>,
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (63 - (count - 1).leading_zeros())
}

impl Path {
    /// The root this path leads to from the leaf hash `leaf` with inner nodes hashed by `node`, or `None` when it has
    /// not exactly the siblings that its index and count ask for. A contract lets its host hash.
    pub fn root_by(&self, leaf: &Digest, node: impl Fn(&Digest, &Digest) -> Digest) -> Option<Digest> {
        if self.index >= self.count {
            return None;
        }
        // Which side each sibling is on, from the root down to the leaf.
        let (mut index, mut count) = (self.index, self.count);
        let mut sibling_is_left = Vec::with_capacity(64);
        while count > 1 {
            let left = split(count);
            sibling_is_left.push(index >= left);
            (index, count) = if index >= left { (index - left, count - left) } else { (index, left) };
        }
        if sibling_is_left.len() != self.siblings.len() {
            return None;
        }
        let climb = |hash: Digest, (sibling, is_left): (&Digest, &bool)| {
            if *is_left { node(sibling, &hash) } else { node(&hash, sibling) }
        };
        Some(self.siblings.iter().zip(sibling_is_left.iter().rev()).fold(*leaf, climb))
    }
}
