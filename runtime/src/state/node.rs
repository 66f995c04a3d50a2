//! Branch nodes in memory, and the bounded cache of those that the store has.
//!
//! Invariant: a [`Node`]'s hash is the SHA-256 of its bytes. The cache holds only what the store holds at that path, or
//! what has just been written there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    codec::{BRANCH_BYTES_MAX, Branch, encode_branch},
    hasher::{HASH_BYTES, Hash, hash},
    path::Path,
};

/// What a node costs in memory beside its bytes: its path, its reference count and the map's overhead.
const NODE_OVERHEAD_BYTES: usize = 112;

/// An encoded branch node and its hash, in one shared allocation: hash ‖ bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node(Arc<[u8]>);

impl Node {
    /// The node with the encoding `encoded`, or `None` when that is longer than any branch node.
    pub(super) fn new(encoded: &[u8]) -> Option<Self> {
        let mut bytes = [0; HASH_BYTES + BRANCH_BYTES_MAX];
        let bytes = bytes.get_mut(..HASH_BYTES + encoded.len())?;
        bytes[..HASH_BYTES].copy_from_slice(&hash(encoded));
        bytes[HASH_BYTES..].copy_from_slice(encoded);
        Some(Self(Arc::from(&*bytes)))
    }

    /// `branch` as the node at a path of `depth` nibbles.
    pub(super) fn of_branch(depth: usize, branch: &Branch) -> Self {
        Self::new(encode_branch(depth, branch).as_slice()).expect("an encoded branch is no longer than the longest")
    }

    pub(super) fn hash(&self) -> &Hash {
        self.0.first_chunk().expect("a node begins with its hash")
    }

    pub(super) fn encoded(&self) -> &[u8] {
        &self.0[HASH_BYTES..]
    }
}

/// What an entry of a map from paths to nodes costs in memory, about.
pub(super) fn entry_bytes(node: Option<&Node>) -> usize {
    NODE_OVERHEAD_BYTES + node.map_or(0, |node| node.0.len())
}

/// Takes a lock whose holders cannot leave its data half-changed, whether or not one of them panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cache in two generations: what is used moves to the young one; when that is full it becomes the old one, and what
/// was not used since is dropped. What the old one has of a path does not count when the young one has it too. Lookups
/// decide nothing but speed.
pub(super) struct Cache {
    generations: Mutex<Generations>,
    young_bytes_max: usize,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Path, Node>,
    old: HashMap<Path, Node>,
    young_bytes: usize,
}

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { generations: Mutex::default(), young_bytes_max: bytes_max / 2 }
    }

    pub(super) fn get(&self, path: &Path) -> Option<Node> {
        let mut generations = lock(&self.generations);
        if let Some(node) = generations.young.get(path) {
            return Some(node.clone());
        }
        let node = generations.old.remove(path)?;
        self.insert_young(&mut generations, *path, node.clone());
        Some(node)
    }

    pub(super) fn insert(&self, path: Path, node: Node) {
        let mut generations = lock(&self.generations);
        self.insert_young(&mut generations, path, node);
    }

    pub(super) fn remove(&self, path: &Path) {
        let mut generations = lock(&self.generations);
        generations.old.remove(path);
        if let Some(node) = generations.young.remove(path) {
            generations.young_bytes -= entry_bytes(Some(&node));
        }
    }

    pub(super) fn clear(&self) {
        *lock(&self.generations) = Generations::default();
    }

    fn insert_young(&self, generations: &mut Generations, path: Path, node: Node) {
        generations.young_bytes += entry_bytes(Some(&node));
        if let Some(replaced) = generations.young.insert(path, node) {
            generations.young_bytes -= entry_bytes(Some(&replaced));
        }
        if generations.young_bytes > self.young_bytes_max {
            generations.old = std::mem::take(&mut generations.young);
            generations.young_bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(n: u16) -> Path {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&n.to_be_bytes());
        Path::of_key(&key, 4)
    }

    fn node(bytes: &[u8]) -> Node {
        Node::new(bytes).expect("the bytes are few")
    }

    #[test]
    fn a_node_is_its_bytes_and_their_hash() {
        let one = node(b"bytes");
        assert_eq!((one.hash(), one.encoded()), (&hash(b"bytes"), &b"bytes"[..]));
        assert!(Node::new(&[0; BRANCH_BYTES_MAX]).is_some());
        assert!(Node::new(&[0; BRANCH_BYTES_MAX + 1]).is_none());
    }

    #[test]
    fn the_cache_keeps_what_is_used_and_stays_below_its_limit() {
        let cache = Cache::new(20_000);
        cache.insert(path(0), node(&[0; 100]));
        for n in 1..1_000 {
            cache.insert(path(n), node(&n.to_be_bytes()));
            assert!(cache.get(&path(0)).is_some(), "the node that is always used went at {n}");
        }
        assert!(cache.get(&path(1)).is_none(), "the node that was never used stayed");
        let generations = lock(&cache.generations);
        let bytes = generations.young.values().chain(generations.old.values()).map(|node| entry_bytes(Some(node)));
        assert!(bytes.sum::<usize>() <= 20_000 + 2 * entry_bytes(Some(&node(&[0; 100]))));
    }

    #[test]
    fn a_removed_node_is_gone_from_both_generations() {
        let cache = Cache::new(1_000);
        for n in 0..6 {
            cache.insert(path(n), node(&[1; 60]));
        }
        (0..6).for_each(|n| cache.remove(&path(n)));
        assert!((0..6).all(|n| cache.get(&path(n)).is_none()));
        assert_eq!(lock(&cache.generations).young_bytes, 0);
    }
}
