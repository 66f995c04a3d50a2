//! Proofs of entries, and of their absence, under the newest roots.
//!
//! A proof is the whole encoded nodes from the root along the key's path and no others. The last one decides: a leaf
//! with the key's remaining nibbles holds the value's hash; a leaf or branch that diverges from the key, a branch
//! without the key's child, or the empty trie's only node, shows that there is no such entry.
//!
//! The newest root is walked as it is. For an older one the steps back lie over the trie as layers: those of the newest
//! blocks are in memory; the rest is computed from the journal's old values like any block, and the last such step is
//! kept, since proofs of one height tend to come together.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    base::{Base, Found},
    changes::{Layer, Layers, Step},
    codec::{decode_branch, encode_leaf},
    error::StateError,
    finalised::State,
    format,
    hasher::{EMPTY_NODE, Hash, TrieKey, empty_root, hash},
    journal,
    node::lock,
    path::Path,
    view::in_layers,
};
use crate::storage::{Column, StateBackend, StateReader};
use chancery_abi::{Address, Digest};

/// What proves one entry of the state, or its absence, under a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateProof {
    /// The root it is proven under.
    pub root: Digest,
    /// The entry's value, or `None` when there is none.
    pub value: Option<Vec<u8>>,
    /// The encoded trie nodes from the root along the key's path.
    pub nodes: Vec<Vec<u8>>,
}

/// A step back that was computed from the journal.
pub(super) struct Rewound {
    to: u64,
    from: u64,
    root: Digest,
    step: Arc<Step>,
}

impl<B: StateBackend> State<B> {
    /// The heights whose roots can be proven, the oldest and the newest.
    pub fn provable(&self) -> (u64, u64) {
        let oldest = self.head.height.saturating_sub(self.config.provable_heights.saturating_sub(1));
        (oldest.max(self.journal_from - 1).min(self.head.height), self.head.height)
    }

    /// The oldest height whose root is proven from memory. Older ones go back through the journal, which is work that grows
    /// with what many blocks changed.
    pub fn remembered(&self) -> u64 {
        self.history.oldest(self.head).height
    }

    /// Proves `contract`'s entry `key`, or that there is none, under the root after the block at `height`.
    ///
    /// # Errors
    /// When that root cannot be proven any more, or not yet, and when the store fails or contradicts itself.
    pub fn prove(&self, height: u64, contract: &Address, key: &[u8]) -> Result<StateProof, StateError> {
        let (oldest, newest) = self.provable();
        if !(oldest..=newest).contains(&height) {
            return Err(StateError::NotProvable { height, oldest, newest });
        }
        let (root, layers) = self.layers_at(height)?;
        let value_key = format::value_key(contract, key);
        let value = match in_layers(&layers, &value_key) {
            Some(value) => value.cloned(),
            None => self.backend.get(Column::Values, &value_key)?,
        };
        let base = Base { layers: &layers, dirty: &self.dirty, cache: &self.cache, store: self.backend.as_ref() };
        let (nodes, proven) = walk(&base, &root.0, &format::trie_key(&value_key))?;
        if proven != value.as_deref().map(hash) {
            return Err(StateError::corrupt("a value with another hash than its leaf says", "the column of values"));
        }
        Ok(StateProof { root, value, nodes })
    }

    /// The root after `height`, and the layers that show that state.
    pub(super) fn layers_at(&self, height: u64) -> Result<(Digest, Layers), StateError> {
        let mut layers = Layers::new();
        let root = match self.history.root_at(height, self.head) {
            Some(root) => root,
            None => {
                let rewound = self.rewind(height)?;
                layers.push(Layer::forward(rewound.step.clone()));
                layers.extend(self.history.layers(rewound.from, self.head));
                layers.extend(self.under_staged());
                return Ok((rewound.root, layers));
            }
        };
        layers.extend(self.history.layers(height, self.head));
        layers.extend(self.under_staged());
        Ok((root, layers))
    }

    /// The step back to height `to` from the oldest point that the history in memory reaches, or from one that it reached
    /// a little earlier. One at a time: it is the only work here whose cost grows with what many blocks changed.
    fn rewind(&self, to: u64) -> Result<Arc<Rewound>, StateError> {
        let mut kept = lock(&self.rewound);
        let from = self.history.oldest(self.head);
        if let Some(rewound) = kept.as_ref().filter(|kept| kept.to == to && kept.from >= from.height) {
            return Ok(rewound.clone());
        }
        let mut old = BTreeMap::new();
        let mut root_at_height = None;
        for height in to + 1..=from.height {
            let journal = journal::read(self.backend.as_ref(), height)?;
            root_at_height.get_or_insert(journal.root_before);
            for (key, value) in journal.old {
                old.entry(key).or_insert(value);
            }
            if old.len() > self.config.rewind_entries_max {
                return Err(StateError::TooMuchChanged { height: to, limit: self.config.rewind_entries_max });
            }
        }
        let mut layers: Layers = self.history.layers(from.height, self.head).collect();
        layers.extend(self.under_staged());
        let (root, step) = self.step(&layers, from.root, old.into_iter().collect())?;
        if root_at_height != Some(root) {
            return Err(StateError::corrupt("a journal that leads to another root", format_args!("height {to}")));
        }
        let rewound = Arc::new(Rewound { to, from: from.height, root, step: Arc::new(step) });
        *kept = Some(rewound.clone());
        Ok(rewound)
    }
}

/// The encoded nodes from `root` along the path of `key`, and the value's hash in the leaf that they end at, if it is
/// the key's.
fn walk<R>(base: &Base<'_, R>, root: &Hash, key: &TrieKey) -> Result<(Vec<Vec<u8>>, Option<Hash>), StateError>
where
    R: StateReader + ?Sized,
{
    if *root == empty_root().0 {
        return Ok((vec![EMPTY_NODE.to_vec()], None));
    }
    let mut nodes = Vec::new();
    let (mut path, mut hash) = (Path::ROOT, *root);
    loop {
        let node = match base.find(&path, &hash, &[])? {
            Found::Branch(node) => node,
            Found::Leaf(found, value) => {
                nodes.push(encode_leaf(path.len(), &found, &value).as_slice().to_vec());
                return Ok((nodes, (found == *key).then_some(value)));
            }
        };
        nodes.push(node.encoded().to_vec());
        let branch = decode_branch(&path, node.encoded())
            .ok_or_else(|| StateError::corrupt_node("a node that is none of this trie's", &path))?;
        let depth = branch.prefix.len() + 1;
        if !branch.prefix.leads_to(key) {
            return Ok((nodes, None));
        }
        path = Path::of_key(key, depth);
        match branch.children[usize::from(path.nibble(depth - 1))] {
            Some(child) => hash = child,
            None => return Ok((nodes, None)),
        }
    }
}
