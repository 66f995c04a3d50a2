//! Makes the trie anew from the flat values: first the leaves, in the order of the values; then the branch nodes, by
//! adding the leaves in their own order, a batch at a time. Memory is a batch, however many entries there are.
//!
//! While it runs the store says that its nodes are invalid, so a crash on the way begins it again.

use std::collections::HashMap;

use super::{
    base::Base,
    changes::LeafChange,
    error::StateError,
    format::{self, Point},
    hasher::{HASH_BYTES, Hash, empty_root, hash},
    node::Cache,
    trie,
};
use crate::storage::{Column, Durability, Entry, StateBackend, StateReader, WriteBatch};

/// Rows that are read from the store at once; a value has at most 64 KiB.
const ROWS_PER_READ: usize = 256;
/// Leaves that are added to the trie at once.
const LEAVES_PER_STEP: usize = 8 * 1_024;
/// Bytes of the nodes that are kept from one step for the next: those on the way to the last leaf are enough.
const CACHE_BYTES: usize = 1024 * 1024;

/// Rewrites the columns of leaves and nodes and checks the root; returns how many entries there are.
pub(super) fn rebuild<B: StateBackend + ?Sized>(store: &B, head: Point, batch_bytes: usize) -> Result<u64, StateError> {
    let mut batch = WriteBatch::default();
    batch.put(Column::Meta, format::META_NODES, format::NODES_INVALID);
    batch.delete_range(Column::Leaves, Vec::new(), format::ABOVE_ALL_KEYS);
    batch.delete_range(Column::Nodes, Vec::new(), format::ABOVE_ALL_KEYS);
    store.write(batch, Durability::Synced)?;

    let entries = write_leaves(store, batch_bytes)?;
    let root = write_nodes(store)?;
    if root != head.root.0 {
        let place = format_args!("height {}", head.height);
        return Err(StateError::corrupt("values whose root is not the head's", place));
    }
    let mut batch = WriteBatch::default();
    batch.put(Column::Meta, format::META_NODES, head.to_bytes());
    store.write(batch, Durability::Synced)?;
    Ok(entries)
}

fn write_leaves<B: StateBackend + ?Sized>(store: &B, batch_bytes: usize) -> Result<u64, StateError> {
    let mut rows = Rows::new(store, Column::Values);
    let (mut entries, mut batch, mut bytes) = (0, WriteBatch::default(), 0);
    while let Some((key, value)) = rows.next()? {
        if key.len() < HASH_BYTES {
            return Err(StateError::corrupt("a key without a contract", "the column of values"));
        }
        let row = format::leaf_row(&key, &hash(&value));
        bytes += HASH_BYTES + row.len();
        batch.put(Column::Leaves, format::trie_key(&key), row);
        entries += 1;
        if bytes >= batch_bytes {
            store.write(std::mem::take(&mut batch), Durability::Buffered)?;
            bytes = 0;
        }
    }
    store.write(batch, Durability::Buffered)?;
    Ok(entries)
}

/// Adds the leaves to an empty trie. The column already holds those still to come, but where a leaf is looked for, the
/// first with its path is meant, and that is one which was added: they come in order.
fn write_nodes<B: StateBackend + ?Sized>(store: &B) -> Result<Hash, StateError> {
    let mut rows = Rows::new(store, Column::Leaves);
    let mut root = empty_root().0;
    let cache = Cache::new(CACHE_BYTES);
    loop {
        let mut leaves = Vec::new();
        while leaves.len() < LEAVES_PER_STEP
            && let Some((key, row)) = rows.next()?
        {
            let wrong = |_| StateError::corrupt("a key of the wrong length", "the column of leaves");
            let new = Some(format::leaf_value_hash(&row)?);
            leaves.push(LeafChange { key: key.try_into().map_err(wrong)?, old: None, new, entry: leaves.len() });
        }
        if leaves.is_empty() {
            return Ok(root);
        }
        let update = trie::update(&Base { layers: &[], dirty: &HashMap::new(), cache: &cache, store }, &root, &leaves)?;
        root = update.root;
        let mut nodes: Vec<_> = update.nodes.into_iter().collect();
        nodes.sort_unstable_by_key(|(path, _)| *path);
        let mut batch = WriteBatch::default();
        for (path, change) in nodes {
            match change.after {
                Some(node) => {
                    batch.put(Column::Nodes, path.column_key(), node.encoded());
                    cache.insert(path, node);
                }
                None => {
                    batch.delete(Column::Nodes, path.column_key());
                    cache.remove(&path);
                }
            }
        }
        store.write(batch, Durability::Buffered)?;
    }
}

/// Reads a column from its beginning to its end.
pub(super) struct Rows<'a, B: ?Sized> {
    store: &'a B,
    column: Column,
    next: Option<Vec<u8>>,
    ready: std::vec::IntoIter<Entry>,
}

impl<'a, B: StateReader + ?Sized> Rows<'a, B> {
    pub(super) fn new(store: &'a B, column: Column) -> Self {
        Self { store, column, next: Some(Vec::new()), ready: Vec::new().into_iter() }
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry>, StateError> {
        if let Some(row) = self.ready.next() {
            return Ok(Some(row));
        }
        let Some(from) = self.next.take() else { return Ok(None) };
        let rows = self.store.scan(self.column, &[], &from, ROWS_PER_READ)?;
        if let (Some((last, _)), true) = (rows.last(), rows.len() == ROWS_PER_READ) {
            self.next = Some([last, &[0][..]].concat());
        }
        self.ready = rows.into_iter();
        Ok(self.ready.next())
    }
}
