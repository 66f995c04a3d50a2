//! Keys and rows of the state's columns, bytes to types and back. They are part of
//! [`STORE_VERSION`](crate::storage::STORE_VERSION): a change here needs a migration. The journal's rows are in
//! [`super::journal`], the keys of nodes in [`super::path`].

use chancery_abi::{Address, Digest};

use super::{
    error::StateError,
    hasher::{HASH_BYTES, Hash, TrieKey, hash},
};
use crate::storage::{Column, StateReader};

/// Name in [`Column::Meta`] of the finalised height and root.
pub(super) const META_HEAD: &[u8] = b"state/head";
/// Name in [`Column::Meta`] of the height and root that the stored nodes are of.
pub(super) const META_NODES: &[u8] = b"state/nodes";
/// What stands under [`META_NODES`] while the trie is being rebuilt and there is no telling what the nodes are of.
pub(super) const NODES_INVALID: &[u8] = b"";
/// A key above all keys of the columns of leaves and nodes.
pub(super) const ABOVE_ALL_KEYS: [u8; HASH_BYTES + 1] = [0xff; HASH_BYTES + 1];

/// The key of an entry in the column of values: contract ‖ slot key.
pub(super) fn value_key(contract: &Address, slot_key: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(HASH_BYTES + slot_key.len());
    key.extend_from_slice(&contract.0);
    key.extend_from_slice(slot_key);
    key
}

/// The key in the trie of the entry that has `value_key` in the column of values.
pub(super) fn trie_key(value_key: &[u8]) -> TrieKey {
    hash(value_key)
}

/// The row of a leaf: contract ‖ value's hash ‖ slot key.
pub(super) fn leaf_row(value_key: &[u8], value_hash: &Hash) -> Vec<u8> {
    let (contract, slot_key) = value_key.split_at(HASH_BYTES);
    [contract, value_hash, slot_key].concat()
}

/// The value's hash in a leaf's row.
pub(super) fn leaf_value_hash(row: &[u8]) -> Result<Hash, StateError> {
    row.get(HASH_BYTES..2 * HASH_BYTES)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| StateError::corrupt("a row too short", "the column of leaves"))
}

/// The key of a height in the journal.
pub(super) fn height_key(height: u64) -> [u8; 8] {
    height.to_be_bytes()
}

/// The height that a key of the journal is of.
pub(super) fn height_of_key(key: &[u8]) -> Result<u64, StateError> {
    key.try_into().map(u64::from_be_bytes).map_err(|_| StateError::corrupt("a key that is no height", "the journal"))
}

/// A height and the state's root after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) height: u64,
    pub(super) root: Digest,
}

impl Point {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [&self.height.to_be_bytes()[..], &self.root.0].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (height, root) = bytes.split_first_chunk()?;
        Some(Self { height: u64::from_be_bytes(*height), root: Digest(root.try_into().ok()?) })
    }
}

/// What a name in [`Column::Meta`] says.
pub(super) enum PointRow {
    /// Nothing stands there.
    Absent,
    /// Something that is no height and root.
    Invalid,
    /// A height and root.
    Present(Point),
}

/// Reads a height and root.
pub(super) fn read_point<R: StateReader + ?Sized>(store: &R, name: &[u8]) -> Result<PointRow, StateError> {
    Ok(match store.get(Column::Meta, name)? {
        None => PointRow::Absent,
        Some(bytes) => Point::from_bytes(&bytes).map_or(PointRow::Invalid, PointRow::Present),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_the_format_says() {
        let key = value_key(&Address([1; 32]), b"slot");
        assert_eq!(key, [&[1; 32][..], b"slot"].concat());
        let row = leaf_row(&key, &[2; 32]);
        assert_eq!(row, [&[1; 32][..], &[2; 32], b"slot"].concat());
        assert_eq!(leaf_value_hash(&row), Ok([2; 32]));
        assert!(leaf_value_hash(&row[..63]).is_err());
        assert_eq!(height_key(258), [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(height_of_key(&height_key(258)), Ok(258));
        assert!(height_of_key(&[0; 7]).is_err());
        let point = Point { height: 7, root: Digest([3; 32]) };
        assert_eq!(Point::from_bytes(&point.to_bytes()), Some(point));
        assert_eq!(Point::from_bytes(NODES_INVALID), None);
    }
}
