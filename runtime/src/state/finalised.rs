//! The finalised state and its trie: what a block is executed on, and what it becomes part of.
//!
//! A block passes through here in three steps: [`State::prepare`] computes what it makes of the trie and writes nothing;
//! [`State::stage`] adds its writes to the caller's batch; [`State::advance`], once that batch is durable, makes it the
//! finalised state. Between the last two the store may be a block ahead of this object: what the staged block overwrote
//! lies over the store as a layer, so reads and proofs are of the finalised height throughout.

use std::{
    mem,
    sync::{Arc, Mutex},
};

use chancery_abi::Digest;

use super::{
    base::{Base, DirtyNodes},
    changes::{Changes, EntryChange, Layer, Layers, Step},
    config::StateConfig,
    error::StateError,
    format::{self, Point},
    history::History,
    journal,
    node::{Cache, entry_bytes},
    overlay::{self, Overlay},
    proof::Rewound,
    reads::Reads,
    recovery::{self, Recovery},
    trie,
    view::{LayeredView, StateView, in_layers},
};
use crate::storage::{Column, Durability, StateBackend, StorageError, WriteBatch};

/// How many rows of the journal one block prunes at most; more are left to the next.
const PRUNED_ROWS_MAX: u64 = 1_024;

/// A chain's finalised state over its store.
pub struct State<B> {
    pub(super) backend: Arc<B>,
    pub(super) config: StateConfig,
    pub(super) head: Point,
    /// What the stored nodes are of.
    pub(super) nodes: Point,
    /// The nodes that differ from the stored ones.
    pub(super) dirty: DirtyNodes,
    dirty_bytes: usize,
    pub(super) cache: Cache,
    pub(super) history: History,
    reads: Reads,
    pub(super) rewound: Mutex<Option<Arc<Rewound>>>,
    staged: Option<Staged>,
    /// The lowest height that the journal may have.
    pub(super) journal_from: u64,
    recovery: Recovery,
}

struct Staged {
    overlay: Arc<Overlay>,
    journal_from: u64,
}

impl<B: StateBackend> State<B> {
    /// Opens the state that `backend` holds and brings its trie up to the head.
    ///
    /// # Errors
    /// When the store fails, or when the head's root is not that of the stored values.
    pub fn open(backend: Arc<B>, config: StateConfig) -> Result<Self, StateError> {
        let cache = Cache::new(config.cache_bytes);
        let recovered = recovery::recover(backend.as_ref(), &config, &cache)?;
        let journal_from = journal::lowest(backend.as_ref())?.unwrap_or(recovered.head.height + 1);
        let dirty_bytes = recovered.dirty.values().map(|node| entry_bytes(node.as_ref())).sum();
        Ok(Self {
            backend,
            config,
            head: recovered.head,
            nodes: recovered.nodes,
            dirty: recovered.dirty,
            dirty_bytes,
            cache,
            history: History::new(config.history_bytes, config.provable_heights),
            reads: Reads::default(),
            rewound: Mutex::new(None),
            staged: None,
            journal_from,
            recovery: recovered.recovery,
        })
    }

    /// The height of the last final block, 0 before the first.
    pub fn height(&self) -> u64 {
        self.head.height
    }

    /// The root after that block; of the empty state before the first.
    pub fn root(&self) -> Digest {
        self.head.root
    }

    /// What opening had to do.
    pub fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// The height whose nodes are stored. What was final since is brought up from the journal when the node starts.
    pub fn nodes_height(&self) -> u64 {
        self.nodes.height
    }

    /// The store.
    pub fn backend(&self) -> &Arc<B> {
        &self.backend
    }

    /// Reads the state after `tip`, or the finalised one. Where `tip` does not lead to the finalised state every read
    /// fails.
    pub fn view<'a>(&'a self, tip: Option<&'a Arc<Overlay>>) -> impl StateView + 'a {
        let layers = self.layers(tip).map_err(|error| match error {
            StateError::Storage(error) => error,
            error => StorageError::new("read the state under a block", error),
        });
        LayeredView { layers, store: self.backend.as_ref(), reads: &self.reads }
    }

    /// Whether `tip` leads to the finalised state. It no longer does once another block than those under it became final.
    pub fn is_under(&self, tip: Option<&Arc<Overlay>>) -> bool {
        !matches!(self.layers(tip), Err(StateError::Conflict { .. }))
    }

    /// Computes what a block that makes `changes` makes of the state after `parent`, or of the finalised one. Writes
    /// nothing. A change to the value that is already there is none.
    ///
    /// # Errors
    /// When `parent` does not lead to the finalised state, and when the store fails or contradicts itself.
    pub fn prepare(&self, parent: Option<&Arc<Overlay>>, changes: Changes) -> Result<Overlay, StateError> {
        let layers = self.layers(parent)?;
        let base = parent.map_or(self.head, |parent| parent.point);
        let values = changes.0.into_iter().map(|((contract, key), value)| (format::value_key(&contract, &key), value));
        let (root, step) = self.step(&layers, base.root, values.collect())?;
        Ok(Overlay::new(base, root, step, parent))
    }

    /// Adds to `batch` all that makes `overlay` the finalised state: values, leaves, journal row, head. The caller adds
    /// what is its own, writes the batch with [`Durability::Synced`] and then calls [`advance`](Self::advance).
    ///
    /// # Errors
    /// When `overlay` is not the next block.
    pub fn stage(&mut self, overlay: &Arc<Overlay>, batch: &mut WriteBatch) -> Result<(), StateError> {
        if overlay.base != self.head {
            return Err(StateError::Conflict {
                height: self.head.height,
                root: self.head.root,
                found_height: overlay.base.height,
                found_root: overlay.base.root,
            });
        }
        let step = &overlay.step;
        for entry in &step.entries {
            match &entry.new {
                Some(value) => batch.put(Column::Values, entry.key.clone(), value.clone()),
                None => batch.delete(Column::Values, entry.key.clone()),
            }
        }
        for leaf in &step.leaves {
            match &leaf.new {
                Some(hash) => {
                    batch.put(Column::Leaves, leaf.key, format::leaf_row(&step.entries[leaf.entry].key, hash));
                }
                None => batch.delete(Column::Leaves, leaf.key),
            }
        }
        let height = overlay.point.height;
        let row = journal::encode(&overlay.base.root, &step.entries);
        batch.put(Column::Journal, format::height_key(height), row);
        batch.put(Column::Meta, format::META_HEAD, overlay.point.to_bytes());
        let keep_from = height.saturating_sub(self.config.provable_heights).min(self.nodes.height) + 1;
        let journal_from = keep_from.min(self.journal_from + PRUNED_ROWS_MAX).max(self.journal_from);
        for pruned in self.journal_from..journal_from {
            batch.delete(Column::Journal, format::height_key(pruned));
        }
        self.staged = Some(Staged { overlay: overlay.clone(), journal_from });
        Ok(())
    }

    /// Makes the staged block the finalised state, once its batch is durable. Writes the changed nodes when there are
    /// enough of them.
    ///
    /// # Errors
    /// When `overlay` is not what was staged, and when the store fails; the node must then stop.
    pub fn advance(&mut self, overlay: Arc<Overlay>) -> Result<(), StateError> {
        let staged = self.staged.take_if(|staged| Arc::ptr_eq(&staged.overlay, &overlay));
        let Some(staged) = staged else { return Err(StateError::NotStaged { height: overlay.point.height }) };
        for (path, change) in &overlay.step.nodes {
            let node = change.after.clone();
            self.dirty_bytes += entry_bytes(node.as_ref());
            if let Some(replaced) = self.dirty.insert(*path, node) {
                self.dirty_bytes -= entry_bytes(replaced.as_ref());
            }
        }
        self.history.push(overlay.base.root, overlay.step.clone());
        self.journal_from = staged.journal_from;
        self.head = overlay.point;
        self.reads.clear();
        overlay.cut();
        let lag = self.head.height - self.nodes.height;
        if self.dirty_bytes >= self.config.flush_bytes || lag >= self.config.provable_heights {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes the changed nodes, as a node does before it stops, so that the next start has nothing to bring up. They
    /// are durable with the next batch that is synced.
    ///
    /// # Errors
    /// When the store fails; the node must then stop.
    pub fn flush(&mut self) -> Result<(), StateError> {
        if self.nodes == self.head {
            return Ok(());
        }
        let mut dirty: Vec<_> = self.dirty.iter().collect();
        dirty.sort_unstable_by_key(|(path, _)| **path);
        let mut batch = WriteBatch::default();
        for (path, node) in dirty {
            match node {
                Some(node) => batch.put(Column::Nodes, path.column_key(), node.encoded()),
                None => batch.delete(Column::Nodes, path.column_key()),
            }
        }
        batch.put(Column::Meta, format::META_NODES, self.head.to_bytes());
        self.backend.write(batch, Durability::Buffered)?;
        for (path, node) in self.dirty.drain() {
            match node {
                Some(node) => self.cache.insert(path, node),
                None => self.cache.remove(&path),
            }
        }
        self.dirty_bytes = 0;
        self.nodes = self.head;
        Ok(())
    }

    /// The layers that show the state after `tip`, or the finalised one, whether or not a staged block's batch has
    /// reached the store.
    fn layers(&self, tip: Option<&Arc<Overlay>>) -> Result<Layers, StateError> {
        let mut layers = overlay::layers(tip, self.head)?;
        layers.extend(self.under_staged());
        Ok(layers)
    }

    /// What takes a staged block back out of the store.
    pub(super) fn under_staged(&self) -> Option<Layer> {
        self.staged.as_ref().map(|staged| Layer::back(staged.overlay.step.clone()))
    }

    /// Computes the step from the state under `layers`, which has `root`, to one with `values`, which are in the order
    /// of their keys: the new root and the step.
    pub(super) fn step(
        &self,
        layers: &Layers,
        root: Digest,
        values: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(Digest, Step), StateError> {
        let mut entries = self.with_old_values(layers, values)?;
        entries.retain(|entry| entry.old != entry.new);
        let mut step = Step::of_entries(entries);
        let base = Base { layers, dirty: &self.dirty, cache: &self.cache, store: self.backend.as_ref() };
        let update = trie::update(&base, &root.0, &step.leaves)?;
        step.nodes = update.nodes;
        Ok((Digest(update.root), step))
    }

    /// The changes to `values` from what there is under `layers`.
    fn with_old_values(
        &self,
        layers: &Layers,
        values: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<Vec<EntryChange>, StateError> {
        let mut entries: Vec<_> = values.into_iter().map(|(key, new)| EntryChange { key, old: None, new }).collect();
        let mut stored = Vec::new();
        for (index, entry) in entries.iter_mut().enumerate() {
            match in_layers(layers, &entry.key) {
                Some(value) => entry.old = value.cloned(),
                None => match self.reads.get(&entry.key) {
                    Some(value) => entry.old = value,
                    None => stored.push((index, mem::take(&mut entry.key))),
                },
            }
        }
        let (indices, keys): (Vec<_>, Vec<_>) = stored.into_iter().unzip();
        let old = self.backend.get_many(Column::Values, &keys)?;
        if old.len() != keys.len() {
            return Err(StorageError::new("read several keys", "it returned another number of values").into());
        }
        for ((index, key), old) in indices.into_iter().zip(keys).zip(old) {
            entries[index].key = key;
            entries[index].old = old;
        }
        Ok(entries)
    }
}
