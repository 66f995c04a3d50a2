//! The read side of the trie: what stands at a path, seen through layers, the nodes not written yet, the cache and the
//! store, in that order.
//!
//! Invariant: nothing is returned but the node whose hash was asked for. What is found at a path and hashes to
//! something else is an error, never a missing node and never another root. Branch nodes are found by path; where there
//! is none, the node is the leaf of the only key that the path leads to.

use std::collections::HashMap;

use super::{
    changes::{Layer, LeafChange},
    codec::encode_leaf,
    error::StateError,
    format,
    hasher::{Hash, TrieKey, hash},
    merge::{self, Span},
    node::{Cache, Node},
    path::Path,
};
use crate::storage::{Column, StateReader};

/// Changed nodes that are not written yet; `None` where a branch node went.
pub(super) type DirtyNodes = HashMap<Path, Option<Node>>;

/// A state of the trie to read: layers over nodes not written yet over the store.
pub(super) struct Base<'a, R: ?Sized> {
    pub(super) layers: &'a [Layer],
    pub(super) dirty: &'a DirtyNodes,
    pub(super) cache: &'a Cache,
    pub(super) store: &'a R,
}

/// What stands at a path.
pub(super) enum Found {
    /// A branch node.
    Branch(Node),
    /// The leaf of a key, with its value's hash.
    Leaf(TrieKey, Hash),
}

impl<R: StateReader + ?Sized> Base<'_, R> {
    /// What stands at `path`, which must have `expected` as its hash. `changes` are all changes of the update to keys
    /// below the path, with their values as this state has them: where there is only one such key, the leaf is
    /// probably its own, and need not be looked for.
    pub(super) fn find(&self, path: &Path, expected: &Hash, changes: &[LeafChange]) -> Result<Found, StateError> {
        let in_memory = match self.layers.iter().find_map(|layer| layer.node(path)) {
            Some(node) => Some(node.cloned()),
            None => match self.dirty.get(path) {
                Some(node) => Some(node.clone()),
                None => self.cache.get(path).map(Some),
            },
        };
        if let Some(Some(node)) = in_memory {
            if node.hash() != expected {
                return Err(StateError::corrupt_node("a node with another hash than its parent says", path));
            }
            return Ok(Found::Branch(node));
        }
        if let Some(leaf) = changing_leaf(path, expected, changes) {
            return Ok(leaf);
        }
        if in_memory.is_none()
            && let Some(node) = self.in_store(path, expected)?
        {
            return Ok(Found::Branch(node));
        }
        self.leaf(path, expected)
    }

    /// The branch node that the store has at `path`, if it has one.
    fn in_store(&self, path: &Path, expected: &Hash) -> Result<Option<Node>, StateError> {
        let Some(bytes) = self.store.get(Column::Nodes, &path.column_key())? else { return Ok(None) };
        match Node::new(&bytes) {
            Some(node) if node.hash() == expected => {
                self.cache.insert(*path, node.clone());
                Ok(Some(node))
            }
            _ => Err(StateError::corrupt_node("a stored node with another hash than its parent says", path)),
        }
    }

    /// The leaf at `path`: that of the first, and only, key that the path leads to.
    fn leaf(&self, path: &Path, expected: &Hash) -> Result<Found, StateError> {
        let span = Span { column: Column::Leaves, prefix: path.whole(), from: path.packed() };
        let layers = self.layers.iter().map(|layer| layer.leaves_from(span.start())).collect();
        let found = merge::page(layers, self.store, &span, 1, |hash| hash, |row| format::leaf_value_hash(&row))?;
        let missing = || StateError::corrupt_node("a node that is missing", path);
        let (key, value) = found.into_iter().next().ok_or_else(missing)?;
        let key: TrieKey =
            key.try_into().map_err(|_| StateError::corrupt("a key of the wrong length", "the column of leaves"))?;
        if !path.leads_to(&key) {
            return Err(missing());
        }
        if leaf_hash(path, &key, &value) != *expected {
            return Err(StateError::corrupt_node("a leaf with another hash than its parent says", path));
        }
        Ok(Found::Leaf(key, value))
    }
}

fn leaf_hash(path: &Path, key: &TrieKey, value: &Hash) -> Hash {
    hash(encode_leaf(path.len(), key, value).as_slice())
}

/// The leaf at `path` when it is that of the only changing key below that exists. Where there are two there is a
/// branch.
fn changing_leaf(path: &Path, expected: &Hash, changes: &[LeafChange]) -> Option<Found> {
    let mut existing = changes.iter().filter_map(|change| Some((&change.key, change.old.as_ref()?)));
    let (key, value) = existing.next()?;
    let alone = existing.next().is_none();
    (alone && leaf_hash(path, key, value) == *expected).then_some(Found::Leaf(*key, *value))
}
