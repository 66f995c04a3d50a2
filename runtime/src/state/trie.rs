//! Computes the trie that follows from changed leaves.
//!
//! The changes, in the order of their keys, go down the trie together, so every node on the way is read once, changed
//! once and hashed once. The result is that of sp-trie's `TrieDBMut` for the same changes, which the tests hold it
//! against; that one walks down for each key, copies every node several times, needs sp-core to be built, and cannot
//! report a read error.
//!
//! A subtree is computed without its place: a leaf as its key and value, a branch as the nibbles from the root to where
//! it branches and its children's hashes. Its parent then puts it where it belongs, or, when it is the only child
//! left, takes its own place with it.

use std::collections::HashMap;

use super::{
    base::{Base, Found},
    changes::{LeafChange, NodeChange},
    codec::{BRANCH_CHILDREN, Branch, decode_branch, encode_leaf},
    error::StateError,
    hasher::{Hash, TrieKey, empty_root, hash},
    node::Node,
    path::{Path, common_nibbles, nibble},
};
use crate::storage::StateReader;

/// A new trie, as it differs from the one before.
pub(super) struct Update {
    pub(super) root: Hash,
    pub(super) nodes: HashMap<Path, NodeChange>,
}

/// Changes the leaves of the trie that `base` shows under `root`. `changes` are in the order of their keys, each key
/// once; an old value that is not the trie's is an error.
pub(super) fn update<R>(base: &Base<'_, R>, root: &Hash, changes: &[LeafChange]) -> Result<Update, StateError>
where
    R: StateReader + ?Sized,
{
    let mut updater = Updater { base, nodes: HashMap::with_capacity(4 * changes.len()) };
    if changes.is_empty() {
        return Ok(Update { root: *root, nodes: updater.nodes });
    }
    let empty = empty_root().0;
    let existing = if *root == empty { None } else { Some(updater.read(&Path::ROOT, root, changes)?) };
    let root = match updater.merge(existing, changes)? {
        Some(subtree) => updater.place(&Path::ROOT, &subtree),
        None => empty,
    };
    Ok(Update { root, nodes: updater.nodes })
}

/// A part of the trie without its place.
#[allow(clippy::large_enum_variant, reason = "it lives on the stack, one a level, and boxing costs more than moving")]
enum Subtree {
    Leaf(TrieKey, Hash),
    Branch(Branch),
}

struct Updater<'a, R: ?Sized> {
    base: &'a Base<'a, R>,
    /// The nodes read, which all go or are placed anew, and those placed.
    nodes: HashMap<Path, NodeChange>,
}

impl<R: StateReader + ?Sized> Updater<'_, R> {
    /// Takes what stands at `at` out of the trie. `changes` are those below.
    fn read(&mut self, at: &Path, hash: &Hash, changes: &[LeafChange]) -> Result<Subtree, StateError> {
        match self.base.find(at, hash, changes)? {
            Found::Leaf(key, value) => Ok(Subtree::Leaf(key, value)),
            Found::Branch(node) => {
                let branch = decode(at, &node)?;
                self.nodes.entry(*at).or_default().before = Some(node);
                Ok(Subtree::Branch(branch))
            }
        }
    }

    /// Puts `subtree` at `at` and returns its hash.
    fn place(&mut self, at: &Path, subtree: &Subtree) -> Hash {
        match subtree {
            Subtree::Leaf(key, value) => hash(encode_leaf(at.len(), key, value).as_slice()),
            Subtree::Branch(branch) => {
                let node = Node::of_branch(at.len(), branch);
                let hash = *node.hash();
                self.nodes.entry(*at).or_default().after = Some(node);
                hash
            }
        }
    }

    /// What `changes`, of which there is at least one, make of `existing`.
    fn merge(&mut self, existing: Option<Subtree>, changes: &[LeafChange]) -> Result<Option<Subtree>, StateError> {
        match existing {
            None => self.merge_leaf(None, changes),
            Some(Subtree::Leaf(key, value)) => self.merge_leaf(Some((key, value)), changes),
            Some(Subtree::Branch(branch)) => self.merge_branch(branch, changes),
        }
    }

    fn merge_leaf(
        &mut self,
        leaf: Option<(TrieKey, Hash)>,
        changes: &[LeafChange],
    ) -> Result<Option<Subtree>, StateError> {
        let old = |change: &LeafChange| leaf.filter(|(key, _)| *key == change.key).map(|(_, value)| value);
        if let Some(wrong) = changes.iter().find(|change| change.old != old(change)) {
            let place = format_args!("trie key {:?}", Path::of_key(&wrong.key, usize::MAX));
            return Err(StateError::corrupt("a value with another hash than its leaf says", place));
        }
        let changed = changes.iter().filter_map(|change| Some((change.key, change.new?)));
        let stays = leaf.filter(|(key, _)| changes.binary_search_by_key(key, |change| change.key).is_err());
        if let ([_], None) = (changes, stays) {
            return Ok(changed.map(|(key, value)| Subtree::Leaf(key, value)).next());
        }
        let mut leaves: Vec<_> = changed.chain(stays).collect();
        leaves.sort_unstable_by_key(|(key, _)| *key);
        Ok(self.build(&leaves))
    }

    /// The trie of `leaves`, which are in order.
    fn build(&mut self, leaves: &[(TrieKey, Hash)]) -> Option<Subtree> {
        let ((first, value), (last, _)) = (leaves.first()?, leaves.last()?);
        if leaves.len() == 1 {
            return Some(Subtree::Leaf(*first, *value));
        }
        let depth = common_nibbles(first, last);
        let mut branch = Branch { prefix: Path::of_key(first, depth), children: [None; BRANCH_CHILDREN] };
        for leaves in leaves.chunk_by(|(left, _), (right, _)| nibble(left, depth) == nibble(right, depth)) {
            let at = Path::of_key(&leaves[0].0, depth + 1);
            branch.children[child_index(&at)] = self.build(leaves).map(|subtree| self.place(&at, &subtree));
        }
        Some(Subtree::Branch(branch))
    }

    fn merge_branch(&mut self, branch: Branch, changes: &[LeafChange]) -> Result<Option<Subtree>, StateError> {
        let common = |change: Option<&LeafChange>| change.map_or(0, |change| branch.prefix.common(&change.key));
        let common = common(changes.first()).min(common(changes.last()));
        if common == branch.prefix.len() {
            return self.merge_children(branch, None, changes);
        }
        // Some keys part from the branch's prefix, so there is a branch where they do, and the old one is below it.
        let prefix = Path::of_key(branch.prefix.padded(), common);
        let above = Branch { prefix, children: [None; BRANCH_CHILDREN] };
        self.merge_children(above, Some(branch), changes)
    }

    /// Applies `changes`, all of them below where `branch` branches, to its children; one of these may be `unplaced`.
    fn merge_children(
        &mut self,
        mut branch: Branch,
        mut unplaced: Option<Branch>,
        changes: &[LeafChange],
    ) -> Result<Option<Subtree>, StateError> {
        let depth = branch.prefix.len();
        let mut last_leaf = None;
        for changes in changes.chunk_by(|left, right| nibble(&left.key, depth) == nibble(&right.key, depth)) {
            let at = Path::of_key(&changes[0].key, depth + 1);
            let child = &branch.children[child_index(&at)];
            let existing = match (unplaced.take_if(|unplaced| at.leads_to(unplaced.prefix.padded())), child) {
                (Some(unplaced), _) => Some(Subtree::Branch(unplaced)),
                (None, Some(hash)) => Some(self.read(&at, hash, changes)?),
                (None, None) => None,
            };
            let subtree = self.merge(existing, changes)?;
            branch.children[child_index(&at)] = subtree.as_ref().map(|subtree| self.place(&at, subtree));
            if let Some(leaf @ Subtree::Leaf(..)) = subtree {
                last_leaf = Some(leaf);
            }
        }
        if let Some(unplaced) = unplaced {
            let at = Path::of_key(unplaced.prefix.padded(), depth + 1);
            branch.children[child_index(&at)] = Some(self.place(&at, &Subtree::Branch(unplaced)));
        }
        let mut children = (0..).zip(&branch.children).filter_map(|(nibble, child)| Some((nibble, child.as_ref()?)));
        match (children.next(), children.next()) {
            (None, _) => Ok(None),
            (Some((nibble, hash)), None) => {
                let at = branch.prefix.with(nibble).ok_or_else(|| too_deep(&branch.prefix))?;
                // A changed child that is a leaf is still there, so if there was one it is this.
                match last_leaf {
                    Some(leaf) => Ok(Some(leaf)),
                    None => self.take_back(&at, hash).map(Some),
                }
            }
            _ => Ok(Some(Subtree::Branch(branch))),
        }
    }

    /// Takes the subtree at `at`, which may just have been placed there, out of the trie.
    fn take_back(&mut self, at: &Path, hash: &Hash) -> Result<Subtree, StateError> {
        let Some(node) = self.nodes.get_mut(at).and_then(|change| change.after.take()) else {
            return self.read(at, hash, &[]);
        };
        if self.nodes.get(at).is_some_and(|change| change.before.is_none()) {
            self.nodes.remove(at);
        }
        decode(at, &node).map(Subtree::Branch)
    }
}

/// Which child of its parent the node at `at` is.
fn child_index(at: &Path) -> usize {
    at.len().checked_sub(1).map_or(0, |last| usize::from(at.nibble(last)))
}

fn decode(at: &Path, node: &Node) -> Result<Branch, StateError> {
    decode_branch(at, node.encoded()).ok_or_else(|| StateError::corrupt_node("a node that is none of this trie's", at))
}

fn too_deep(at: &Path) -> StateError {
    StateError::corrupt_node("a branch as deep as a key is long", at)
}
