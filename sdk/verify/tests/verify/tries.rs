//! The trie walk agrees with sp-trie on every key of random tries, and reads no bytes that sp-trie reads otherwise.

use std::collections::BTreeMap;

use chancery_abi::{Digest, limits::PROOF_NODES_MAX};
use chancery_verify::{TrieError, trie};
use hash_db::Hasher;
use proptest::{collection, prelude::*};
use sha2::{Digest as _, Sha256};

use crate::fixture::{ReferenceTrie, Sha256Hasher};

type Entries = BTreeMap<[u8; 32], [u8; 32]>;

fn check(trie: &ReferenceTrie, key: &[u8; 32]) -> (Option<[u8; 32]>, Vec<Vec<u8>>) {
    let (value, nodes) = trie.look_up(key).expect("a database in memory has all nodes");
    let value = value.map(|value| value.try_into().expect("values have 32 bytes"));
    assert_eq!(trie::verify(&Digest(trie.root), key, &nodes), Ok(value));
    (value, nodes)
}

/// Keys that share many nibbles, so that branches stand deep and partial keys have every length.
fn clustered_key() -> impl Strategy<Value = [u8; 32]> {
    let bytes = collection::vec(prop::sample::select(vec![0x00u8, 0x01, 0x10, 0x11]), 3);
    (bytes, 0usize..=31, any::<u8>()).prop_map(|(bytes, place, last)| {
        let mut key = [0; 32];
        key[..3].copy_from_slice(&bytes);
        key[place] ^= last;
        key
    })
}

fn entries() -> impl Strategy<Value = Entries> {
    let key = prop_oneof![clustered_key(), any::<[u8; 32]>()];
    collection::btree_map(key, any::<[u8; 32]>(), 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_key_of_a_random_trie(entries in entries(), others in collection::vec(clustered_key(), 20), flip in 0usize..256) {
        let trie = ReferenceTrie::new(&entries);
        for (key, value) in &entries {
            prop_assert_eq!(check(&trie, key).0, Some(*value));
            let mut near = *key;
            near[flip / 8] ^= 1 << (flip % 8);
            prop_assert_eq!(check(&trie, &near).0, entries.get(&near).copied());
        }
        for key in &others {
            prop_assert_eq!(check(&trie, key).0, entries.get(key).copied());
        }
    }

    #[test]
    fn a_node_more_less_or_elsewhere_is_refused(entries in entries(), key in clustered_key(), place in any::<prop::sample::Index>()) {
        let trie = ReferenceTrie::new(&entries);
        let (_, nodes) = check(&trie, &key);
        let place = place.index(nodes.len());
        let root = Digest(trie.root);
        let mut less = nodes.clone();
        less.remove(place);
        prop_assert!(trie::verify(&root, &key, &less).is_err());
        let mut twice = nodes.clone();
        twice.insert(place, nodes[place].clone());
        prop_assert!(trie::verify(&root, &key, &twice).is_err());
        if nodes.len() > 1 {
            let mut turned = nodes;
            turned.reverse();
            prop_assert!(trie::verify(&root, &key, &turned).is_err());
        }
    }

    /// The hashes are made to fit, so that only the node format can refuse.
    #[test]
    fn what_is_read_at_all_is_read_as_sp_trie_reads_it(
        entries in entries(),
        key in clustered_key(),
        flips in collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in 0usize..3,
        more in collection::vec(any::<u8>(), 0..2),
    ) {
        let (_, nodes) = ReferenceTrie::new(&entries).look_up(&key).expect("a database in memory has all nodes");
        let mut node = nodes[0].clone();
        for (place, flip) in flips {
            // Most of a node is hashes; the format is at its front.
            let place = place.index(node.len().min(8));
            node[place] ^= flip;
        }
        node.truncate(node.len().saturating_sub(cut));
        node.extend(more);
        let mut forged = nodes;
        forged[0] = node;
        let trie = ReferenceTrie::of_nodes(&forged);
        if let Ok(value) = trie::verify(&Digest(trie.root), &key, &forged) {
            let (expected, _) = trie.look_up(&key).expect("sp-trie reads it too");
            prop_assert_eq!(value.map(Vec::from), expected);
        }
    }

    #[test]
    fn random_bytes_never_panic(nodes in collection::vec(collection::vec(any::<u8>(), 0..80), 1..3), key in any::<[u8; 32]>()) {
        let root = Digest(Sha256Hasher::hash(&nodes[0]));
        prop_assert!(trie::verify(&root, &key, &nodes).is_err() || nodes[0] == [0] || nodes[0][0] >> 6 == 1 || nodes[0][0] >> 6 == 2);
    }
}

/// A trie of the keys given, with their first bytes as values.
fn trie_of(keys: &[[u8; 32]]) -> ReferenceTrie {
    ReferenceTrie::new(&keys.iter().map(|key| (*key, Sha256::digest(key).into())).collect())
}

fn key(bytes: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    key[..bytes.len()].copy_from_slice(bytes);
    key
}

#[test]
fn the_empty_trie() {
    let trie = ReferenceTrie::new(&Entries::new());
    assert_eq!(Digest(trie.root), trie::empty_root());
    assert_eq!(trie::verify(&trie::empty_root(), &[1; 32], &[trie::EMPTY_NODE.to_vec()]), Ok(None));
    assert_eq!(trie::verify(&trie::empty_root(), &[1; 32], &[]), Err(TrieError::MissingNode { found: 0 }));
    let two = [vec![0], vec![0]];
    assert_eq!(trie::verify(&trie::empty_root(), &[1; 32], &two), Err(TrieError::ExtraNodes { used: 1, found: 2 }));
}

#[test]
fn absent_because_a_child_is_missing() {
    let trie = trie_of(&[key(&[0x10]), key(&[0x20])]);
    let (value, nodes) = check(&trie, &key(&[0x30]));
    assert_eq!((value, nodes.len()), (None, 1));
}

#[test]
fn absent_because_another_leaf_is_there() {
    let trie = trie_of(&[key(&[0x10]), key(&[0x20])]);
    let (value, nodes) = check(&trie, &key(&[0x11]));
    assert_eq!((value, nodes.len()), (None, 2));
    let (value, nodes) = check(&trie_of(&[key(&[0x10])]), &key(&[0x77]));
    assert_eq!((value, nodes.len()), (None, 1));
}

#[test]
fn absent_because_a_branch_has_another_partial_key() {
    let trie = trie_of(&[key(&[0x12, 0x34, 0x50]), key(&[0x12, 0x34, 0x60])]);
    for absent in [key(&[0x12, 0x35, 0x50]), key(&[0x13]), key(&[0xff])] {
        let (value, nodes) = check(&trie, &absent);
        assert_eq!((value, nodes.len()), (None, 1));
    }
}

#[test]
fn the_longest_path_has_the_most_nodes() {
    // One key for each nibble at which another can part from zero.
    let mut keys = vec![[0; 32]];
    for nibble in 0..64 {
        let mut key = [0; 32];
        key[nibble / 2] = if nibble % 2 == 0 { 0x10 } else { 0x01 };
        keys.push(key);
    }
    let trie = trie_of(&keys);
    let (value, nodes) = check(&trie, &[0; 32]);
    assert_eq!((value.is_some(), nodes.len()), (true, PROOF_NODES_MAX));
    for key in &keys {
        assert!(check(&trie, key).0.is_some());
    }
    let found = PROOF_NODES_MAX + 1;
    let error = TrieError::TooManyNodes { found };
    assert_eq!(trie::verify(&Digest(trie.root), &[0; 32], &vec![vec![0]; found]), Err(error));
}

#[test]
fn nodes_that_our_trie_cannot_have() {
    let hash = [7u8; 32];
    let child = |bytes: &mut Vec<u8>| {
        bytes.push(0x80);
        bytes.extend_from_slice(&hash);
    };
    let mut whole_leaf = vec![0x7f, 0x01];
    whole_leaf.extend_from_slice(&[0; 32]);
    child(&mut whole_leaf);
    let verify = |node: &[u8]| trie::verify(&Digest::of(node), &[0; 32], &[node.to_vec()]);
    assert_eq!(verify(&whole_leaf), Ok(Some(hash)));

    let mut padded = vec![0x7f, 0x00, 0x10];
    padded.extend_from_slice(&[0; 31]);
    child(&mut padded);
    let mut short = vec![0x41, 0x00];
    child(&mut short);
    let mut long = vec![0x7f, 0x02];
    long.extend_from_slice(&[0; 33]);
    child(&mut long);
    let mut longer = vec![0x7f, 0xff, 0x00];
    longer.extend_from_slice(&[0; 160]);
    child(&mut longer);
    let mut hashed_value = vec![0x3f, 0x22];
    hashed_value.extend_from_slice(&[0; 32]);
    hashed_value.extend_from_slice(&hash);
    let mut one_child = vec![0x80, 0x02, 0x00];
    child(&mut one_child);
    let no_child = vec![0x80, 0x00, 0x00];
    let mut inline_child = vec![0x80, 0x06, 0x00, 0x08, 0x41, 0x00];
    child(&mut inline_child);
    let mut with_value = vec![0xc0, 0x06, 0x00];
    (0..3).for_each(|_| child(&mut with_value));
    let mut wide_length = vec![0x7f, 0x01];
    wide_length.extend_from_slice(&[0; 32]);
    wide_length.extend_from_slice(&[0x81, 0x00]);
    wide_length.extend_from_slice(&hash);
    let mut too_deep = vec![0xbf, 0x01];
    too_deep.extend_from_slice(&[0; 32]);
    too_deep.extend_from_slice(&[0x06, 0x00]);
    (0..2).for_each(|_| child(&mut too_deep));
    let forged = [
        padded,
        short,
        long,
        longer,
        hashed_value,
        one_child,
        no_child,
        inline_child,
        with_value,
        wide_length,
        too_deep,
        vec![],
        vec![0, 0],
        vec![1],
        vec![0x7f],
        vec![0xbf],
    ];
    for node in forged {
        assert_eq!(verify(&node), Err(TrieError::MalformedNode { place: 0 }), "{node:02x?}");
    }
}
