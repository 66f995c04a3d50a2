//! Opening a store: the head is what the last durable batch says, the nodes are as of an earlier block, and the trie is
//! brought up from there.
//!
//! Values and leaves are the head's. The old values of the keys that changed since the nodes' height, from the journal,
//! lie over the leaves and so show them as of that height; then the keys' present values are applied, and the root must
//! be the head's. Where it is not, or where anything on the way is missing or malformed, the trie is rebuilt from the
//! values; where even that gives another root the store is corrupt.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chancery_abi::Digest;

use super::{
    base::{Base, DirtyNodes},
    changes::{Layer, LeafChange, Step},
    config::StateConfig,
    error::StateError,
    format::{self, Point, PointRow},
    hasher::{Hash, empty_root, hash},
    journal,
    node::Cache,
    path::Path,
    rebuild, trie,
};
use crate::storage::{Column, StateBackend};

/// Keys that are read from the store at once.
const KEYS_PER_READ: usize = 1_024;

/// What opening a state had to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing: the stored nodes are the head's.
    Clean,
    /// Bring the nodes up to the head.
    BroughtUp {
        /// Over how many blocks.
        blocks: u64,
        /// How many entries had changed in them.
        entries: u64,
    },
    /// Make the trie anew.
    Rebuilt {
        /// From how many entries.
        entries: u64,
    },
}

/// A store's state, brought up to its head.
pub(super) struct Recovered {
    pub(super) head: Point,
    pub(super) nodes: Point,
    pub(super) dirty: DirtyNodes,
    pub(super) recovery: Recovery,
}

/// Reads what `store` holds and brings its trie up to the head.
pub(super) fn recover<B>(store: &B, config: &StateConfig, cache: &Cache) -> Result<Recovered, StateError>
where
    B: StateBackend + ?Sized,
{
    let start = Point { height: 0, root: empty_root() };
    let head = match format::read_point(store, format::META_HEAD)? {
        PointRow::Present(head) => head,
        PointRow::Invalid => return Err(StateError::corrupt("a malformed head", "the store's meta column")),
        PointRow::Absent => {
            for column in [Column::Values, Column::Leaves, Column::Nodes, Column::Journal] {
                if !store.scan(column, &[], &[], 1)?.is_empty() {
                    return Err(StateError::corrupt("entries without a head", column.name()));
                }
            }
            return Ok(Recovered { head: start, nodes: start, dirty: DirtyNodes::new(), recovery: Recovery::Clean });
        }
    };
    let nodes = match format::read_point(store, format::META_NODES)? {
        PointRow::Present(nodes) if nodes.height <= head.height => Some(nodes),
        // No nodes were ever written, so all there ever were follow from the journal.
        PointRow::Absent if store.scan(Column::Nodes, &[], &[], 1)?.is_empty() => Some(start),
        _ => None,
    };
    if let (Some(nodes), false) = (nodes, config.rebuild) {
        match bring_up(store, cache, nodes, head) {
            Ok(recovered) => return Ok(recovered),
            Err(StateError::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    cache.clear();
    let entries = rebuild::rebuild(store, head, config.flush_bytes)?;
    Ok(Recovered { head, nodes: head, dirty: DirtyNodes::new(), recovery: Recovery::Rebuilt { entries } })
}

/// Applies to the nodes, which are `nodes`', what changed since.
fn bring_up<B>(store: &B, cache: &Cache, nodes: Point, head: Point) -> Result<Recovered, StateError>
where
    B: StateBackend + ?Sized,
{
    let old = old_hashes(store, nodes, head)?;
    let step = Arc::new(Step { leaves: leaf_changes(store, old)?, ..Step::default() });
    let before = [Layer::back(step.clone())];
    let base = Base { layers: &before, dirty: &HashMap::new(), cache, store };
    if nodes.root != empty_root() {
        base.find(&Path::ROOT, &nodes.root.0, &step.leaves)?;
    }
    let update = trie::update(&base, &nodes.root.0, &step.leaves)?;
    if update.root != head.root.0 {
        return Err(StateError::corrupt("another root than the head's", format_args!("height {}", head.height)));
    }
    let recovery = match head.height - nodes.height {
        0 => Recovery::Clean,
        blocks => Recovery::BroughtUp { blocks, entries: step.leaves.len() as u64 },
    };
    let dirty = update.nodes.into_iter().map(|(path, change)| (path, change.after)).collect();
    Ok(Recovered { head, nodes, dirty, recovery })
}

/// The hashes that the values changed after `nodes` had at `nodes`, by their keys in the column of values.
fn old_hashes<B>(store: &B, nodes: Point, head: Point) -> Result<BTreeMap<Vec<u8>, Option<Hash>>, StateError>
where
    B: StateBackend + ?Sized,
{
    let mut old = BTreeMap::new();
    let mut root: Option<Digest> = Some(nodes.root);
    for height in nodes.height + 1..=head.height {
        let journal = journal::read(store, height)?;
        if root.take().is_some_and(|root| root != journal.root_before) {
            return Err(StateError::corrupt("another root than the nodes'", format_args!("height {height}")));
        }
        for (key, value) in journal.old {
            old.entry(key).or_insert_with(|| value.as_deref().map(hash));
        }
    }
    Ok(old)
}

/// The changes from the `old` hashes to the present values', by trie key.
fn leaf_changes<B>(store: &B, old: BTreeMap<Vec<u8>, Option<Hash>>) -> Result<Vec<LeafChange>, StateError>
where
    B: StateBackend + ?Sized,
{
    let (keys, old): (Vec<_>, Vec<_>) = old.into_iter().unzip();
    let mut changes = Vec::new();
    for (keys, old) in keys.chunks(KEYS_PER_READ).zip(old.chunks(KEYS_PER_READ)) {
        let values = store.get_many(Column::Values, keys)?;
        for ((key, old), value) in keys.iter().zip(old).zip(values) {
            let new = value.as_deref().map(hash);
            if *old != new {
                changes.push(LeafChange { key: format::trie_key(key), old: *old, new, entry: changes.len() });
            }
        }
    }
    changes.sort_unstable_by_key(|change| change.key);
    Ok(changes)
}
