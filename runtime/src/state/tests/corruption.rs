//! Stores that contradict themselves: each is noticed, and either mended from what is sound or refused, never followed
//! to another root.

use super::*;
use crate::{
    state::Recovery,
    storage::{Column, Entry, StateReader},
};

/// A chain of 30 blocks whose nodes are those of an earlier block, and its last model.
fn chain() -> (Arc<MemoryBackend>, Model, Digest) {
    let (backend, mut state) = open(StateConfig { flush_bytes: usize::MAX, ..small() });
    let mut model = Model::new();
    for height in 1..=30 {
        let changes = random_changes(&mut Numbers(height), &model, 200, 30);
        apply(&mut model, &changes);
        block(&mut state, changes).expect("a sound store can be written");
    }
    assert!(state.nodes_height() < 30, "the nodes are the head's");
    (backend, model, state.root())
}

fn rows(backend: &MemoryBackend, column: Column) -> Vec<Entry> {
    backend.scan(column, &[], &[], 100_000).expect("a store in memory can be read")
}

fn write(backend: &MemoryBackend, change: impl FnOnce(&mut WriteBatch)) {
    let mut batch = WriteBatch::default();
    change(&mut batch);
    backend.write(batch, Durability::Synced).expect("a store in memory can be written");
}

fn assert_mended(backend: Arc<MemoryBackend>, model: &Model, root: Digest, what: &str) {
    let state = State::open(backend, small()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(state.recovery(), Recovery::Rebuilt { entries: model.len() as u64 }, "{what}");
    assert_eq!(state.root(), root, "{what}");
}

#[test]
fn a_journal_with_a_gap_or_malformed_leads_to_a_rebuild() {
    let newest = format::height_key(30);
    for (what, value) in [("missing", None), ("malformed", Some(vec![9; 50])), ("empty", Some(Vec::new()))] {
        let (backend, model, root) = chain();
        write(&backend, |batch| match value {
            Some(value) => batch.put(Column::Journal, newest, value),
            None => batch.delete(Column::Journal, newest),
        });
        assert_mended(backend, &model, root, what);
    }
}

#[test]
fn missing_nodes_or_a_wrong_height_of_theirs_lead_to_a_rebuild() {
    type Change = fn(&mut WriteBatch);
    let cases: [(&str, Change); 4] = [
        ("no nodes", |batch| batch.delete_range(Column::Nodes, Vec::new(), format::ABOVE_ALL_KEYS)),
        ("no height", |batch| batch.delete(Column::Meta, format::META_NODES)),
        ("malformed height", |batch| batch.put(Column::Meta, format::META_NODES, *b"?")),
        ("height above the head", |batch| batch.put(Column::Meta, format::META_NODES, [0xff; 40])),
    ];
    for (what, change) in cases {
        let (backend, model, root) = chain();
        write(&backend, change);
        assert_mended(backend, &model, root, what);
    }
}

#[test]
fn nodes_of_unknown_height_are_not_built_upon_though_the_journal_is_complete() {
    let (backend, mut state) = open(small());
    let mut model = Model::new();
    for height in 1..=3 {
        let changes = random_changes(&mut Numbers(height), &model, 200, 60);
        apply(&mut model, &changes);
        block(&mut state, changes).expect("a sound store can be written");
    }
    state.flush().expect("a sound store can be written");
    write(&backend, |batch| batch.delete(Column::Meta, format::META_NODES));
    assert_mended(backend, &model, state.root(), "no height of the nodes");
}

#[test]
fn values_of_another_root_are_refused() {
    for what in ["changed", "missing", "added"] {
        let (backend, _, _) = chain();
        let (key, mut value) = rows(&backend, Column::Values)[5].clone();
        write(&backend, |batch| match what {
            "changed" => {
                value.push(1);
                batch.put(Column::Values, key, value);
            }
            "missing" => batch.delete(Column::Values, key),
            _ => batch.put(Column::Values, [7; 40], [1]),
        });
        let refused = State::open(backend, StateConfig { rebuild: true, ..small() }).err();
        assert!(matches!(refused, Some(StateError::Corrupt { .. })), "{what}: {refused:?}");
    }
}

#[test]
fn a_malformed_head_is_refused_and_so_are_entries_without_one() {
    let (backend, _, _) = chain();
    write(&backend, |batch| batch.put(Column::Meta, format::META_HEAD, [1, 2, 3]));
    assert!(matches!(State::open(backend.clone(), small()).err(), Some(StateError::Corrupt { .. })));
    write(&backend, |batch| batch.delete(Column::Meta, format::META_HEAD));
    assert!(matches!(State::open(backend, small()).err(), Some(StateError::Corrupt { .. })));
}

/// Touches every entry of a state whose store was changed behind its back.
fn touch_all(backend: &Arc<MemoryBackend>, model: &Model, config: StateConfig) -> Result<Digest, StateError> {
    let state = State::open(backend.clone(), config)?;
    let changes = model.keys().map(|slot| (slot.clone(), Some(b"touched".to_vec())));
    state.prepare(None, Changes(changes.collect())).map(|overlay| overlay.root())
}

#[test]
fn every_changed_or_missing_node_is_noticed_when_it_is_needed() {
    let (backend, model, root) = chain();
    State::open(backend.clone(), StateConfig { rebuild: true, ..small() }).expect("the trie can be rebuilt");
    let config = small();
    let sound = touch_all(&backend, &model, config).expect("a sound store can be read");
    let nodes = rows(&backend, Column::Nodes);
    assert!(nodes.len() > 20);
    for (key, node) in nodes.iter().skip(1) {
        let mut changed = node.clone();
        *changed.last_mut().expect("a node is not empty") ^= 1;
        for wrong in [Some(changed), None] {
            write(&backend, |batch| match &wrong {
                Some(wrong) => batch.put(Column::Nodes, key.clone(), wrong.clone()),
                None => batch.delete(Column::Nodes, key.clone()),
            });
            let outcome = touch_all(&backend, &model, config);
            assert!(matches!(outcome, Err(StateError::Corrupt { .. })), "{key:x?}: {outcome:?}");
        }
        write(&backend, |batch| batch.put(Column::Nodes, key.clone(), node.clone()));
    }
    assert_eq!(touch_all(&backend, &model, config), Ok(sound));
    assert_eq!(State::open(backend, config).map(|state| state.root()).ok(), Some(root));
}

#[test]
fn a_changed_value_is_noticed_when_it_is_overwritten_and_when_it_is_proven() {
    let (backend, model, _) = chain();
    State::open(backend.clone(), StateConfig { rebuild: true, ..small() }).expect("the trie can be rebuilt");
    let (slot, value) = model.iter().nth(3).expect("there are entries");
    let key = format::value_key(&slot.0, &slot.1);
    for wrong in [Some([&value[..], b"x"].concat()), None] {
        write(&backend, |batch| match &wrong {
            Some(wrong) => batch.put(Column::Values, key.clone(), wrong.clone()),
            None => batch.delete(Column::Values, key.clone()),
        });
        let state = State::open(backend.clone(), small()).expect("only the trie is looked at");
        let overwritten = state.prepare(None, Changes([(slot.clone(), Some(b"new".to_vec()))].into()));
        assert!(matches!(overwritten.map(|_| ()), Err(StateError::Corrupt { .. })));
        let proven = state.prove(30, &slot.0, &slot.1);
        assert!(matches!(proven, Err(StateError::Corrupt { .. })), "{proven:?}");
    }
}

#[test]
fn a_store_that_cannot_be_read_is_an_error_and_no_missing_node() {
    let (backend, model, _) = chain();
    let state =
        State::open(backend.clone(), StateConfig { rebuild: true, ..small() }).expect("the trie can be rebuilt");
    backend.inject(0, crate::state::Fault::StopBefore);
    assert!(backend.write(WriteBatch::default(), Durability::Synced).is_err());
    let slot = model.keys().next().expect("there are entries").clone();
    // The value is new, so its old one is not read before the trie is.
    let outcome = state.prepare(None, Changes([(slot.clone(), Some(vec![1]))].into())).map(|_| ());
    assert!(matches!(outcome, Err(StateError::Storage(_))), "{outcome:?}");
    assert!(matches!(state.prove(30, &slot.0, &slot.1), Err(StateError::Storage(_))));
}
