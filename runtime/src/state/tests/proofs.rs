//! Proofs against a verifier that shares no code with the prover, and against sp-trie's own reading of the nodes.

use trie_db::Trie as _;

use super::*;
use crate::state::{StateProof, StateView as _};

/// Checks a proof with nothing but SHA-256 and the node format as the design writes it down, and again with sp-trie.
pub(super) fn verify(proof: &StateProof, contract: &Address, key: &[u8]) {
    let trie_key = Digest::of(&[&contract.0[..], key].concat()).0;
    let expected = proof.value.as_ref().map(|value| Digest::of(value).0);
    assert_eq!(follow(proof, &trie_key), Ok(expected), "a proof does not show what it says");

    let mut database = sp_trie::MemoryDB::<Sha256Hasher>::new(&[0]);
    for node in &proof.nodes {
        hash_db::HashDB::insert(&mut database, hash_db::EMPTY_PREFIX, node);
    }
    let trie = trie_db::TrieDBBuilder::<PlainLayout>::new(&database, &proof.root.0).build();
    let found = trie.get(&trie_key).expect("the proof has all nodes on the path");
    assert_eq!(found, expected.map(Vec::from), "sp-trie reads a proof differently");
}

/// Follows the nodes from the root: the value's hash, or that there is none, or where the proof is wrong.
fn follow(proof: &StateProof, key: &[u8; 32]) -> Result<Option<[u8; 32]>, &'static str> {
    let nibbles: Vec<u8> = key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    let mut rest = &nibbles[..];
    let mut expected = proof.root;
    let mut nodes = proof.nodes.iter().peekable();
    loop {
        let node = nodes.next().ok_or("a node is missing")?;
        if Digest::of(node) != expected {
            return Err("a node has another hash");
        }
        let child = match parse(node).ok_or("a node is malformed")? {
            Parsed::Empty => None,
            Parsed::Leaf(partial, value) => {
                return if nodes.peek().is_some() {
                    Err("a node follows a leaf")
                } else {
                    Ok((partial == rest).then_some(value))
                };
            }
            Parsed::Branch(partial, children) => match rest.strip_prefix(&partial[..]) {
                Some([nibble, below @ ..]) => {
                    rest = below;
                    children[usize::from(*nibble)]
                }
                _ => None,
            },
        };
        match child {
            Some(child) => expected = Digest(child),
            None if nodes.peek().is_some() => return Err("a node follows the divergence"),
            None => return Ok(None),
        }
    }
}

enum Parsed {
    Empty,
    Leaf(Vec<u8>, [u8; 32]),
    Branch(Vec<u8>, Vec<Option<[u8; 32]>>),
}

fn parse(node: &[u8]) -> Option<Parsed> {
    let (&header, mut input) = node.split_first()?;
    if header == 0 {
        return input.is_empty().then_some(Parsed::Empty);
    }
    let mut count = usize::from(header & 0x3f);
    if count == 63 {
        loop {
            let (&more, tail) = input.split_first()?;
            input = tail;
            count += usize::from(more);
            if more < 255 {
                break;
            }
        }
    }
    let (packed, tail) = input.split_at_checked(count.div_ceil(2))?;
    let mut partial: Vec<u8> = packed.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    partial.drain(..count % 2);
    input = tail;
    let mut hash = || -> Option<[u8; 32]> {
        let (length, tail) = input.split_first()?;
        let (hash, tail) = tail.split_first_chunk()?;
        input = tail;
        (*length == 32 << 2).then_some(*hash)
    };
    match header >> 6 {
        0b01 => {
            let value = hash()?;
            input.is_empty().then_some(Parsed::Leaf(partial, value))
        }
        0b10 => {
            let (bitmap, tail) = tail.split_first_chunk()?;
            let bitmap = u16::from_le_bytes(*bitmap);
            let mut input = tail;
            let mut children = [None; 16];
            for (i, child) in children.iter_mut().enumerate().filter(|(i, _)| bitmap >> i & 1 == 1) {
                let (length, tail) = input.split_first()?;
                let (hash, tail) = tail.split_first_chunk()?;
                input = tail;
                *child = (*length == 32 << 2).then_some(*hash);
                assert!(child.is_some(), "child {i} is embedded");
            }
            input.is_empty().then_some(Parsed::Branch(partial, children.to_vec()))
        }
        _ => None,
    }
}

/// A chain of `blocks` blocks with the model after each.
fn chain(config: StateConfig, blocks: u64) -> (Arc<MemoryBackend>, State<MemoryBackend>, Vec<Model>) {
    let (backend, mut state) = open(config);
    let mut numbers = Numbers(11);
    let mut models = vec![Model::new()];
    for _ in 0..blocks {
        let mut model = models.last().expect("there is the empty one").clone();
        let changes = random_changes(&mut numbers, &model, 120, 30);
        apply(&mut model, &changes);
        block(&mut state, changes).expect("a sound store can be written");
        models.push(model);
    }
    (backend, state, models)
}

/// Proves every slot at every provable height.
fn prove_all(state: &State<MemoryBackend>, models: &[Model]) {
    let (oldest, newest) = state.provable();
    for height in oldest..=newest {
        let model = &models[height as usize];
        for slot in (0..120).map(slot) {
            let proof = state.prove(height, &slot.0, &slot.1).expect("a provable height is proven");
            assert_eq!(proof.root, plain_root(model), "height {height} is proven under another root");
            assert_eq!(proof.value.as_ref(), model.get(&slot), "height {height} is proven with another value");
            verify(&proof, &slot.0, &slot.1);
        }
    }
}

#[test]
fn every_slot_is_proven_under_the_last_roots_from_memory() {
    let (_, state, models) = chain(StateConfig { history_bytes: usize::MAX, ..small() }, 20);
    assert_eq!(state.provable(), (13, 20));
    prove_all(&state, &models);
}

#[test]
fn every_slot_is_proven_under_the_last_roots_from_the_journal() {
    for history_bytes in [0, 40_000] {
        let (backend, state, models) = chain(StateConfig { history_bytes, ..small() }, 20);
        prove_all(&state, &models);
        drop(state);
        let state = State::open(backend, StateConfig { history_bytes, ..small() }).expect("a sound store opens");
        assert_eq!(state.provable(), (13, 20));
        prove_all(&state, &models);
    }
}

#[test]
fn heights_that_are_remembered_are_proven_without_the_journal() {
    for (history_bytes, expected) in [(0, Some(20)), (40_000, None), (usize::MAX, Some(12))] {
        let config = StateConfig { history_bytes, ..small() };
        let (backend, mut state, _) = chain(config, 20);
        let remembered = state.remembered();
        assert!(expected.is_none_or(|expected| remembered == expected), "{remembered}");
        // Nothing may be taken back from it now.
        state.config.rewind_entries_max = 0;
        for height in 13..=20 {
            let proof = state.prove(height, &Address([1; 32]), b"key");
            assert_eq!(proof.is_ok(), height >= remembered, "height {height}: {proof:?}");
        }
        drop(state);
        let state = State::open(backend, config).expect("a sound store opens");
        assert_eq!(state.remembered(), 20, "memory does not outlast the process");
    }
}

#[test]
fn a_kept_step_back_serves_while_the_history_reaches_it() {
    for history_bytes in [0, 30_000, 60_000] {
        let config = StateConfig { provable_heights: 16, history_bytes, ..small() };
        let (backend, state, mut models) = chain(config, 20);
        drop(state);
        let mut state = State::open(backend, config).expect("a sound store opens");
        let mut numbers = Numbers(3);
        for _ in 0..6 {
            for slot in (0..120).map(slot) {
                let proof = state.prove(14, &slot.0, &slot.1).expect("height 14 is provable");
                assert_eq!((proof.root, proof.value.as_ref()), (plain_root(&models[14]), models[14].get(&slot)));
                verify(&proof, &slot.0, &slot.1);
            }
            let mut model = models.last().expect("there are some").clone();
            let changes = random_changes(&mut numbers, &model, 120, 30);
            apply(&mut model, &changes);
            block(&mut state, changes).expect("a sound store can be written");
            models.push(model);
        }
    }
}

#[test]
fn the_empty_state_is_proven_by_one_node() {
    let (_, state) = open(small());
    let proof = state.prove(0, &Address([1; 32]), b"key").expect("height 0 is provable");
    assert_eq!(proof, StateProof { root: empty_root(), value: None, nodes: vec![vec![0]] });
    verify(&proof, &Address([1; 32]), b"key");
}

#[test]
fn a_proof_holds_no_node_beside_the_path() {
    let (_, state, _) = chain(small(), 20);
    let slot = slot(3);
    let proof = state.prove(20, &slot.0, &slot.1).expect("the head is provable");
    let trie_key = format::trie_key(&format::value_key(&slot.0, &slot.1));
    for cut in 0..proof.nodes.len() {
        let mut less = proof.clone();
        less.nodes.remove(cut);
        assert!(follow(&less, &trie_key).is_err(), "node {cut} of a proof is not needed");
    }
}

#[test]
fn heights_outside_the_window_are_refused() {
    let (_, state, _) = chain(small(), 20);
    for height in [0, 12, 21, u64::MAX] {
        let refused = state.prove(height, &Address([1; 32]), b"key");
        assert_eq!(refused, Err(StateError::NotProvable { height, oldest: 13, newest: 20 }));
    }
}

#[test]
fn what_changed_too_much_since_is_refused() {
    let config = StateConfig { history_bytes: 0, rewind_entries_max: 50, ..small() };
    let (_, state, models) = chain(config, 20);
    let slot = slot(3);
    let refused = state.prove(13, &slot.0, &slot.1);
    assert_eq!(refused, Err(StateError::TooMuchChanged { height: 13, limit: 50 }));
    let proof = state.prove(18, &slot.0, &slot.1).expect("little changed since");
    assert_eq!(proof.root, plain_root(&models[18]));
}

#[test]
fn between_writing_and_advancing_proofs_are_of_the_finalised_height() {
    let (backend, mut state, models) = chain(small(), 20);
    let mut model = models[20].clone();
    let changes = random_changes(&mut Numbers(77), &model, 120, 60);
    apply(&mut model, &changes);
    let gets = |state: &State<MemoryBackend>, tip: Option<&Arc<Overlay>>, model: &Model| {
        let view = state.view(tip);
        for slot in (0..120).map(slot) {
            assert_eq!(view.get(&slot.0, &slot.1).expect("a sound store can be read").as_ref(), model.get(&slot));
        }
    };
    gets(&state, None, &models[20]);
    let overlay = Arc::new(state.prepare(None, changes.clone()).expect("a sound store can be read"));
    let mut batch = WriteBatch::default();
    state.stage(&overlay, &mut batch).expect("the next block is staged");
    prove_all(&state, &models);
    backend.write(batch, Durability::Synced).expect("a sound store can be written");
    prove_all(&state, &models);
    assert_eq!(entries(&state.view(None)), models[20]);
    assert_eq!(entries(&state.view(Some(&overlay))), model);
    gets(&state, None, &models[20]);
    gets(&state, Some(&overlay), &model);
    let sibling = state.prepare(None, changes).expect("a sibling can be executed meanwhile");
    assert_eq!(sibling.root(), overlay.root());
    let child = Arc::new(state.prepare(Some(&overlay), Changes::default()).expect("a child can be executed meanwhile"));
    state.advance(overlay).expect("the staged block becomes final");
    assert_eq!(state.root(), plain_root(&model));
    gets(&state, None, &model);
    finalise(&mut state, child).expect("the child becomes final");
    assert_eq!((state.height(), state.root()), (22, plain_root(&model)));
}
