//! Paths in the trie: the nibbles that lead from the root to a node, or to the point where a branch node branches.
//!
//! A path is at most 64 nibbles long, because trie keys have 32 bytes. Equality, order and hash go by length and then
//! nibbles; the unused part of `bytes` is always zero, which is what makes derived equality right.

use std::{cmp::Ordering, fmt, hash};

use super::hasher::{HASH_BYTES, TrieKey};

/// Nibbles of a key, and of a path at most.
pub(super) const KEY_NIBBLES: usize = 2 * HASH_BYTES;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Path {
    bytes: [u8; HASH_BYTES],
    nibbles: u8,
}

/// The nibble of `bytes` at `index`, the high one of a byte first.
pub(super) fn nibble(bytes: &[u8; HASH_BYTES], index: usize) -> u8 {
    let byte = bytes[index / 2];
    if index.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f }
}

/// How many nibbles two keys begin with in common.
pub(super) fn common_nibbles(left: &[u8; HASH_BYTES], right: &[u8; HASH_BYTES]) -> usize {
    match left.iter().zip(right).position(|(left, right)| left != right) {
        Some(byte) => 2 * byte + usize::from(left[byte] >> 4 == right[byte] >> 4),
        None => KEY_NIBBLES,
    }
}

impl Path {
    /// The root's path.
    pub(super) const ROOT: Self = Self { bytes: [0; HASH_BYTES], nibbles: 0 };

    /// The first `nibbles` of `key`, or all when it has fewer.
    pub(super) fn of_key(key: &TrieKey, nibbles: usize) -> Self {
        let nibbles = nibbles.min(KEY_NIBBLES);
        let mut path = Self { bytes: [0; HASH_BYTES], nibbles: nibbles as u8 };
        let whole = nibbles / 2;
        path.bytes[..whole].copy_from_slice(&key[..whole]);
        if !nibbles.is_multiple_of(2) {
            path.bytes[whole] = key[whole] & 0xf0;
        }
        path
    }

    /// The path and one more nibble, or `None` when it would be longer than a key.
    pub(super) fn with(mut self, nibble: u8) -> Option<Self> {
        let byte = self.bytes.get_mut(usize::from(self.nibbles / 2))?;
        *byte |= if self.nibbles.is_multiple_of(2) { nibble << 4 } else { nibble & 0x0f };
        self.nibbles += 1;
        Some(self)
    }

    /// How many nibbles the path has.
    pub(super) fn len(&self) -> usize {
        usize::from(self.nibbles)
    }

    /// The path's nibble at `index`.
    pub(super) fn nibble(&self, index: usize) -> u8 {
        nibble(&self.bytes, index)
    }

    /// How many of the path's nibbles lead to `key`.
    pub(super) fn common(&self, key: &TrieKey) -> usize {
        common_nibbles(&self.bytes, key).min(self.len())
    }

    /// Whether the path leads to `key`.
    pub(super) fn leads_to(&self, key: &TrieKey) -> bool {
        self.common(key) == self.len()
    }

    /// The path's nibbles, two a byte, the last perhaps half empty: the first key that has this path is this and zeros.
    pub(super) fn packed(&self) -> &[u8] {
        &self.bytes[..usize::from(self.nibbles.div_ceil(2))]
    }

    /// The bytes of the path that are full.
    pub(super) fn whole(&self) -> &[u8] {
        &self.bytes[..usize::from(self.nibbles / 2)]
    }

    /// The path's nibbles and zeros.
    pub(super) fn padded(&self) -> &TrieKey {
        &self.bytes
    }

    /// The path's key in the column of nodes: its length in nibbles, then the nibbles packed.
    pub(super) fn column_key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(1 + self.packed().len());
        key.push(self.nibbles);
        key.extend_from_slice(self.packed());
        key
    }
}

impl Ord for Path {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.nibbles, &self.bytes).cmp(&(other.nibbles, &other.bytes))
    }
}

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl hash::Hash for Path {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        state.write_u8(self.nibbles);
        state.write(self.packed());
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/")?;
        (0..self.len()).try_for_each(|i| write!(f, "{:x}", self.nibble(i)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_the_keys_that_begin_with_it() {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&[0xab, 0xcd]);
        let path = [0xa, 0xb, 0xc].into_iter().try_fold(Path::ROOT, Path::with).expect("3 nibbles fit");
        assert_eq!(path, Path::of_key(&key, 3));
        assert_eq!((path.len(), path.whole(), path.packed()), (3, &[0xab][..], &[0xab, 0xc0][..]));
        assert_eq!(path.column_key(), [3, 0xab, 0xc0]);
        assert!(path.leads_to(&key) && Path::ROOT.leads_to(&key));
        key[1] = 0xdd;
        assert!(!path.leads_to(&key));
        assert_eq!((path.common(&key), path.nibble(1), format!("{path:?}")), (2, 0xb, "/abc".into()));
    }

    #[test]
    fn common_nibbles_are_counted_up_to_the_whole_key() {
        let key = [0x12; 32];
        for at in 0..64 {
            let mut other = key;
            other[at / 2] ^= if at % 2 == 0 { 0x80 } else { 0x08 };
            assert_eq!(common_nibbles(&key, &other), at);
            assert_eq!(Path::of_key(&key, 70).common(&other), at);
            assert_eq!(Path::of_key(&key, at).common(&other), at);
        }
        assert_eq!(common_nibbles(&key, &key), KEY_NIBBLES);
    }

    #[test]
    fn a_path_is_never_longer_than_a_key() {
        let path = (0..64).try_fold(Path::ROOT, |path, _| path.with(0xf)).expect("64 nibbles fit");
        assert_eq!(path.with(0), None);
        assert!(path.leads_to(&[0xff; 32]));
    }
}
