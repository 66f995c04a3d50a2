//! What blocks change: [`Changes`] as the executor hands them over, and [`Step`], the same with the old values and all
//! that follows for the trie. A step can be taken in both directions, so one serves the blocks executed on top and the
//! way back to older roots.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chancery_abi::Address;

use super::{
    format,
    hasher::{Hash, TrieKey, hash},
    node::{Node, entry_bytes},
    path::Path,
};

/// An entry's place: the contract, and the slot key within it.
pub type SlotId = (Address, Vec<u8>);

/// The entries that a block's execution wrote, with their new values; `None` where it removed one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(pub BTreeMap<SlotId, Option<Vec<u8>>>);

/// What happens to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryChange {
    /// Its key in the column of values.
    pub(super) key: Vec<u8>,
    /// Its value before; `None` where there was none.
    pub(super) old: Option<Vec<u8>>,
    /// Its value after.
    pub(super) new: Option<Vec<u8>>,
}

/// What happens to a leaf: the hashes of its values before and after.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeafChange {
    pub(super) key: TrieKey,
    pub(super) old: Option<Hash>,
    pub(super) new: Option<Hash>,
    /// Which of the step's entries it is of.
    pub(super) entry: usize,
}

/// What happens at a path: the branch node there before and after; `None` where there is a leaf or nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeChange {
    pub(super) before: Option<Node>,
    pub(super) after: Option<Node>,
}

/// All that a block, or several, change.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// In the order of their keys, each once.
    pub(super) entries: Vec<EntryChange>,
    /// In the order of their keys, each once.
    pub(super) leaves: Vec<LeafChange>,
    pub(super) nodes: HashMap<Path, NodeChange>,
}

/// What an entry with its leaf costs in memory beside the bytes of key and values.
const ENTRY_OVERHEAD_BYTES: usize = 240;

impl Step {
    /// The step that makes `entries`, which are in order, without the nodes, which follow from it.
    pub(super) fn of_entries(entries: Vec<EntryChange>) -> Self {
        let leaf = |(entry, change): (usize, &EntryChange)| LeafChange {
            key: format::trie_key(&change.key),
            old: change.old.as_deref().map(hash),
            new: change.new.as_deref().map(hash),
            entry,
        };
        let mut leaves: Vec<_> = entries.iter().enumerate().map(leaf).collect();
        leaves.sort_unstable_by_key(|leaf| leaf.key);
        Self { entries, leaves, nodes: HashMap::new() }
    }

    /// What the step costs in memory, about.
    pub(super) fn size_bytes(&self) -> usize {
        let value = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        let entries = self.entries.iter().map(|entry| entry.key.len() + value(&entry.old) + value(&entry.new));
        let nodes = self.nodes.values().map(|node| entry_bytes(node.before.as_ref()));
        ENTRY_OVERHEAD_BYTES * self.leaves.len() + entries.sum::<usize>() + nodes.sum::<usize>()
    }
}

/// A step that lies over a store, in one of its directions.
#[derive(Clone)]
pub(super) struct Layer {
    step: Arc<Step>,
    back: bool,
}

/// Layers over a store, the one that counts most first.
pub(super) type Layers = Vec<Layer>;

impl Layer {
    /// Shows what is after `step`.
    pub(super) fn forward(step: Arc<Step>) -> Self {
        Self { step, back: false }
    }

    /// Shows what was before `step`.
    pub(super) fn back(step: Arc<Step>) -> Self {
        Self { step, back: true }
    }

    /// What the layer says of an entry, if it knows it.
    pub(super) fn value(&self, key: &[u8]) -> Option<Option<&Vec<u8>>> {
        let index = self.step.entries.binary_search_by(|entry| entry.key.as_slice().cmp(key)).ok()?;
        Some(self.value_of(&self.step.entries[index]))
    }

    /// The entries from `from` on, in order.
    pub(super) fn values_from(&self, from: &[u8]) -> impl Iterator<Item = (&[u8], Option<&Vec<u8>>)> {
        let start = self.step.entries.partition_point(|entry| entry.key.as_slice() < from);
        self.step.entries[start..].iter().map(|entry| (entry.key.as_slice(), self.value_of(entry)))
    }

    /// The leaves from `from` on, in order.
    pub(super) fn leaves_from(&self, from: &[u8]) -> impl Iterator<Item = (&[u8], Option<Hash>)> {
        let start = self.step.leaves.partition_point(|leaf| leaf.key.as_slice() < from);
        let of = |leaf: &LeafChange| if self.back { leaf.old } else { leaf.new };
        self.step.leaves[start..].iter().map(move |leaf| (leaf.key.as_slice(), of(leaf)))
    }

    /// What the layer says of the branch node at a path, if it knows it.
    pub(super) fn node(&self, path: &Path) -> Option<Option<&Node>> {
        let change = self.step.nodes.get(path)?;
        Some(if self.back { change.before.as_ref() } else { change.after.as_ref() })
    }

    fn value_of<'a>(&self, entry: &'a EntryChange) -> Option<&'a Vec<u8>> {
        if self.back { entry.old.as_ref() } else { entry.new.as_ref() }
    }
}
