//! Making trees and paths, which takes hashing here.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};
use sha2::{Digest as _, Sha256};

use super::{Path, split};
use crate::Digest;

/// The hash of a leaf.
pub fn leaf(entry: &[u8]) -> Digest {
    Digest(Sha256::new_with_prefix([0]).chain_update(entry).finalize().into())
}

/// The hash of an inner node.
pub fn node(left: &Digest, right: &Digest) -> Digest {
    Digest(Sha256::new_with_prefix([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The root over no entries: SHA-256 of nothing.
pub fn empty_root() -> Digest {
    Digest::of(&[])
}

/// The root over entries whose leaf hashes are `leaves`.
pub fn root(leaves: &[Digest]) -> Digest {
    let mut mountain = Mountain::default();
    for leaf in leaves {
        mountain.push(*leaf);
    }
    mountain.root()
}

/// The path of entry `index` under the root over `leaves`, or `None` when there is no such entry.
pub fn path(leaves: &[Digest], index: u64) -> Option<Path> {
    let count = leaves.len() as u64;
    if index >= count {
        return None;
    }
    let mut siblings = Vec::new();
    collect(leaves, index as usize, &mut siblings);
    Some(Path { index, count, siblings })
}

fn collect(leaves: &[Digest], index: usize, siblings: &mut Vec<Digest>) {
    if leaves.len() < 2 {
        return;
    }
    let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
    if index < left.len() {
        collect(left, index, siblings);
        siblings.push(root(right));
    } else {
        collect(right, index - left.len(), siblings);
        siblings.push(root(left));
    }
}

impl Path {
    /// The root this path leads to from the leaf hash `leaf`, or `None` when it has not exactly the siblings that its
    /// index and count ask for.
    pub fn root(&self, leaf: &Digest) -> Option<Digest> {
        self.root_by(leaf, node)
    }
}

/// A Merkle mountain range: the peaks of the complete subtrees over all entries so far, the tallest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Mountain {
    count: u64,
    peaks: Vec<Digest>,
}

impl Mountain {
    /// How many entries there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mountain over `count` entries, where `subtree(level, place)` gives a complete subtree's hash as
    /// [`push`](Self::push) returned it.
    ///
    /// # Errors
    /// Whatever `subtree` returns.
    pub fn of_subtrees<E>(count: u64, mut subtree: impl FnMut(u8, u64) -> Result<Digest, E>) -> Result<Self, E> {
        let peaks = peak_places(count).map(|(level, place)| subtree(level, place)).collect::<Result<_, _>>()?;
        Ok(Self { count, peaks })
    }

    /// The peaks, the tallest first: level, place on that level, hash.
    pub fn peaks(&self) -> impl Iterator<Item = (u8, u64, Digest)> {
        peak_places(self.count).zip(&self.peaks).map(|((level, place), peak)| (level, place, *peak))
    }

    /// Whether it has as many peaks as its count of entries makes. One that was decoded may not.
    pub fn is_whole(&self) -> bool {
        self.peaks.len() == self.count.count_ones() as usize
    }

    /// Adds an entry's leaf hash, and returns every complete subtree that it closed: level (0 is the leaf), place on
    /// that level, hash. Keeping these is all it takes to make paths later.
    pub fn push(&mut self, leaf: Digest) -> Vec<(u8, u64, Digest)> {
        let mut closed = Vec::with_capacity(2);
        let (mut hash, mut place, mut level) = (leaf, self.count, 0);
        closed.push((level, place, hash));
        while place % 2 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node(&left, &hash);
            place /= 2;
            level += 1;
            closed.push((level, place, hash));
        }
        self.peaks.push(hash);
        self.count += 1;
        closed
    }

    /// The root over all entries so far.
    pub fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(last) => peaks.fold(*last, |right, left| node(left, &right)),
        }
    }
}

/// Where the peaks over `count` entries are, the tallest first: level and place on it.
fn peak_places(count: u64) -> impl Iterator<Item = (u8, u64)> {
    (0..64u8).rev().filter(move |level| count >> level & 1 == 1).map(move |level| (level, (count >> level) - 1))
}

/// The path of entry `index` among the first `count`, where `subtree(level, place)` gives a complete subtree's hash
/// as [`Mountain::push`] returned it.
///
/// # Errors
/// Whatever `subtree` returns.
pub fn path_in_mountain<E>(
    index: u64,
    count: u64,
    mut subtree: impl FnMut(u8, u64) -> Result<Digest, E>,
) -> Result<Option<Path>, E> {
    if index >= count {
        return Ok(None);
    }
    // From the root down; each step splits [start, start + size) and keeps the other side.
    let (mut start, mut size) = (0, count);
    let mut siblings = Vec::new();
    while size > 1 {
        let left = split(size);
        if index < start + left {
            siblings.push(range_root(start + left, size - left, &mut subtree)?);
            size = left;
        } else {
            siblings.push(range_root(start, left, &mut subtree)?);
            (start, size) = (start + left, size - left);
        }
    }
    siblings.reverse();
    Ok(Some(Path { index, count, siblings }))
}

/// The root over the `size` entries from `start` on, where `start` is a multiple of a power of two at least `size`.
fn range_root<E>(start: u64, size: u64, subtree: &mut impl FnMut(u8, u64) -> Result<Digest, E>) -> Result<Digest, E> {
    if size.is_power_of_two() {
        let level = size.trailing_zeros() as u8;
        return subtree(level, start >> level);
    }
    let left = split(size);
    let left_root = range_root(start, left, subtree)?;
    Ok(node(&left_root, &range_root(start + left, size - left, subtree)?))
}

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeMap, vec::Vec};
    use core::convert::Infallible;

    use super::*;

    fn leaves(count: u64) -> Vec<Digest> {
        (0..count).map(|i| leaf(&i.to_le_bytes())).collect()
    }

    #[test]
    fn a_mountain_is_its_peaks_and_goes_on_from_them() {
        let mut subtrees = BTreeMap::new();
        let mut mountain = Mountain::default();
        for (count, leaf) in (1..=70u64).zip(leaves(70)) {
            subtrees.extend(mountain.push(leaf).into_iter().map(|(level, place, hash)| ((level, place), hash)));
            let again = Mountain::of_subtrees(count, |level, place| Ok::<_, Infallible>(subtrees[&(level, place)]));
            assert_eq!(again.as_ref(), Ok(&mountain), "{count}");
            assert!(mountain.is_whole());
            assert!(mountain.peaks().all(|(level, place, hash)| subtrees[&(level, place)] == hash), "{count}");
        }
        assert!(!Mountain { peaks: mountain.peaks[1..].to_vec(), ..mountain }.is_whole());
    }

    /// RFC 6962's definition, word for word.
    fn defined_root(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => empty_root(),
            [only] => *only,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
                node(&defined_root(left), &defined_root(right))
            }
        }
    }

    #[test]
    fn mountain_and_list_give_the_defined_root() {
        for count in 0..130 {
            assert_eq!(root(&leaves(count)), defined_root(&leaves(count)), "{count} entries");
        }
    }

    #[test]
    fn every_path_leads_to_the_root_and_no_other_entry_does() {
        for count in 1..40u64 {
            let leaves = leaves(count);
            let mut kept = BTreeMap::new();
            let mut mountain = Mountain::default();
            for leaf in &leaves {
                kept.extend(mountain.push(*leaf).into_iter().map(|(level, place, hash)| ((level, place), hash)));
            }
            for index in 0..count {
                let path = path(&leaves, index).expect("the entry exists");
                let grown = path_in_mountain::<Infallible>(index, count, |level, place| Ok(kept[&(level, place)]));
                assert_eq!(grown, Ok(Some(path.clone())));
                for (other, leaf) in leaves.iter().enumerate() {
                    let leads = path.root(leaf) == Some(mountain.root());
                    assert_eq!(leads, other as u64 == index, "entry {other} by the path of {index} of {count}");
                }
            }
        }
    }

    #[test]
    fn a_path_with_a_sibling_more_or_less_leads_nowhere() {
        let leaves = leaves(9);
        let good = path(&leaves, 4).expect("the entry exists");
        let mut longer = good.clone();
        longer.siblings.push(Digest::default());
        let mut shorter = good.clone();
        shorter.siblings.pop();
        assert_eq!(longer.root(&leaves[4]), None);
        assert_eq!(shorter.root(&leaves[4]), None);
        assert_eq!(Path { index: 9, ..good }.root(&leaves[4]), None);
        assert_eq!(Path { index: u64::MAX - 1, count: u64::MAX, siblings: Vec::new() }.root(&leaves[0]), None);
    }
}
