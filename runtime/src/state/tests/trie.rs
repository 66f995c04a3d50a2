//! The update of the trie against sp-trie's `TrieDBMut`, with keys that random hashes never give: long common
//! beginnings, neighbours in the last nibble, chains of branches.

use std::collections::HashMap;

use hash_db::Hasher as _;
use proptest::prelude::*;

use super::*;
use crate::{
    state::{
        base::{Base, DirtyNodes},
        changes::LeafChange,
        codec::decode_branch,
        hasher::TrieKey,
        node::Cache,
        path::Path,
        trie::update,
    },
    storage::{Column, StateReader as _},
};

type Leaves = BTreeMap<TrieKey, [u8; 32]>;

/// A key that agrees with others far down: a few nibbles at a few depths, zeros between.
fn key() -> impl Strategy<Value = TrieKey> {
    prop::collection::vec((prop::sample::select(vec![0usize, 1, 2, 30, 31, 62, 63]), 0..3u8), 0..5).prop_map(
        |nibbles| {
            let mut key = [0; 32];
            for (index, nibble) in nibbles {
                key[index / 2] |= if index % 2 == 0 { nibble << 4 } else { nibble };
            }
            key
        },
    )
}

fn batches() -> impl Strategy<Value = Vec<BTreeMap<TrieKey, Option<u8>>>> {
    let change = prop_oneof![2 => any::<u8>().prop_map(Some), 1 => Just(None)];
    prop::collection::vec(prop::collection::btree_map(key(), change, 1..24), 1..12)
}

/// A trie in memory: leaves in a store, branch nodes beside it.
struct Trie {
    store: MemoryBackend,
    nodes: DirtyNodes,
    leaves: Leaves,
    root: [u8; 32],
}

impl Trie {
    fn new() -> Self {
        Self { store: MemoryBackend::new(), nodes: HashMap::new(), leaves: Leaves::new(), root: empty_root().0 }
    }

    fn apply(&mut self, batch: &BTreeMap<TrieKey, Option<u8>>) {
        let changes: Vec<_> = batch
            .iter()
            .map(|(key, new)| (key, self.leaves.get(key).copied(), new.map(|byte| [byte; 32])))
            .filter(|(_, old, new)| old != new)
            .map(|(key, old, new)| LeafChange { key: *key, old, new, entry: 0 })
            .collect();
        let cache = Cache::new(0);
        let base = Base { layers: &[], dirty: &self.nodes, cache: &cache, store: &self.store };
        let update = update(&base, &self.root, &changes).expect("a sound trie can be read");
        for (path, change) in &update.nodes {
            let there = self.nodes.get(path).cloned().flatten();
            assert_eq!(change.before, there, "what was before at {path:?} is not what was there");
            assert!(change.before != change.after, "nothing happens at {path:?}");
        }
        self.nodes.extend(update.nodes.into_iter().map(|(path, change)| (path, change.after)));
        self.root = update.root;
        let mut writes = WriteBatch::default();
        for change in changes {
            match change.new {
                Some(value) => {
                    self.leaves.insert(change.key, value);
                    writes.put(Column::Leaves, change.key, format::leaf_row(&[0; 32], &value));
                }
                None => {
                    self.leaves.remove(&change.key);
                    writes.delete(Column::Leaves, change.key);
                }
            }
        }
        self.store.write(writes, Durability::Synced).expect("memory can be written");
    }

    /// The paths that a walk from the root comes to, with the encoded branch nodes there.
    fn reachable(&self, at: Path, hash: [u8; 32], found: &mut BTreeMap<Path, Vec<u8>>) {
        let Some(Some(node)) = self.nodes.get(&at) else { return };
        assert_eq!(*node.hash(), hash, "another node stands at {at:?}");
        let branch = decode_branch(&at, node.encoded()).expect("a branch node");
        found.insert(at, node.encoded().to_vec());
        for (nibble, child) in (0..).zip(branch.children) {
            if let Some(child) = child {
                self.reachable(branch.prefix.with(nibble).expect("a child is no deeper than a key"), child, found);
            }
        }
    }
}

/// sp-trie's root for `leaves`, and how many branch nodes it has.
fn plain(leaves: &Leaves) -> ([u8; 32], usize) {
    let mut database = sp_trie::MemoryDB::<Sha256Hasher>::new(&[0]);
    let mut root = [0; 32];
    let mut trie = TrieDBMutBuilder::<PlainLayout>::new(&mut database, &mut root).build();
    for (key, value) in leaves {
        trie.insert(key, value).expect("a database in memory is complete");
    }
    trie.commit();
    drop(trie);
    let nodes = database.drain().into_values().filter(|(node, count)| *count > 0 && node[0] >> 6 == 0b10);
    // Two of the same content, at different paths, are one entry that counts twice.
    (root, nodes.map(|(_, count)| count as usize).sum())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn updates_come_to_sp_tries_root_and_nodes(batches in batches()) {
        let mut trie = Trie::new();
        for batch in &batches {
            trie.apply(batch);
            let (root, branches) = plain(&trie.leaves);
            prop_assert_eq!(trie.root, root);
            let mut reachable = BTreeMap::new();
            trie.reachable(Path::ROOT, trie.root, &mut reachable);
            prop_assert_eq!(reachable.len(), branches);
            prop_assert_eq!(trie.nodes.values().flatten().count(), branches, "nodes are left that nothing leads to");
        }
    }
}

#[test]
fn a_branch_in_the_last_nibble_is_sp_tries() {
    let mut trie = Trie::new();
    let mut last = [0x11; 32];
    last[31] = 0x12;
    for batch in [[([0x11; 32], Some(1)), (last, Some(2))], [([0x11; 32], Some(3)), (last, None)]] {
        trie.apply(&batch.into());
        assert_eq!(trie.root, plain(&trie.leaves).0);
    }
    assert_eq!(trie.nodes.values().flatten().count(), 0);
    assert_eq!(Sha256Hasher::hash(&[0]), empty_root().0);
    assert!(trie.store.scan(Column::Nodes, &[], &[], 1).expect("memory can be read").is_empty());
}

#[test]
fn an_old_value_that_is_not_the_tries_is_an_error() {
    let mut trie = Trie::new();
    trie.apply(&[([0x11; 32], Some(1)), ([0x12; 32], Some(2))].into());
    let cache = Cache::new(0);
    let base = Base { layers: &[], dirty: &trie.nodes, cache: &cache, store: &trie.store };
    for (key, old) in [([0x11; 32], None), ([0x11; 32], Some([2; 32])), ([0x13; 32], Some([1; 32]))] {
        for new in [None, Some([9; 32])] {
            let outcome = update(&base, &trie.root, &[LeafChange { key, old, new, entry: 0 }]).map(|_| ());
            assert!(matches!(outcome, Err(StateError::Corrupt { .. })), "{key:x?} {old:x?}: {outcome:?}");
        }
    }
}
