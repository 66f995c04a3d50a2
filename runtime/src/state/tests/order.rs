//! What is refused: blocks that do not extend the finalised state, and steps out of their order. And what must not
//! depend on chance.

use super::*;
use crate::state::{OVERLAYS_MAX, StateView};

fn one(n: u64) -> Changes {
    Changes([(slot(n), Some(n.to_be_bytes().to_vec()))].into())
}

fn prepared(state: &State<MemoryBackend>, parent: Option<&Arc<Overlay>>, changes: Changes) -> Arc<Overlay> {
    Arc::new(state.prepare(parent, changes).expect("the parent leads to the finalised state"))
}

#[test]
fn a_block_on_an_abandoned_fork_is_refused() {
    let (_, mut state) = open(small());
    let left = prepared(&state, None, one(1));
    let right = prepared(&state, None, one(2));
    let over_right = prepared(&state, Some(&right), one(3));
    finalise(&mut state, left.clone()).expect("the first block becomes final");
    for stale in [&right, &over_right] {
        let refused = state.prepare(Some(stale), one(4)).map(|_| ());
        assert!(matches!(refused, Err(StateError::Conflict { height: 1, .. })), "{refused:?}");
        assert!(state.view(Some(stale)).get(&Address([1; 32]), b"key").is_err(), "an abandoned fork can be read");
        assert!(state.stage(stale, &mut WriteBatch::default()).is_err());
    }
    let child = prepared(&state, Some(&left), one(5));
    assert_eq!(child.height(), 2, "a block on the finalised one is executed");
    finalise(&mut state, child).expect("it becomes final");
}

#[test]
fn only_the_staged_block_becomes_final_and_only_once() {
    let (_, mut state) = open(small());
    let (first, sibling) = (prepared(&state, None, one(1)), prepared(&state, None, one(2)));
    let refused = Err(StateError::NotStaged { height: 1 });
    assert_eq!(state.advance(first.clone()), refused);
    state.stage(&first, &mut WriteBatch::default()).expect("the next block is staged");
    assert_eq!(state.advance(sibling), refused);
    assert_eq!(state.height(), 0);
    assert_eq!(state.advance(first.clone()), Ok(()));
    assert_eq!(state.advance(first.clone()), refused);
    assert!(matches!(state.stage(&first, &mut WriteBatch::default()), Err(StateError::Conflict { .. })));
    assert_eq!(state.height(), 1);
}

#[test]
fn overlays_lie_only_so_deep() {
    let (_, mut state) = open(small());
    let mut tips: Vec<Arc<Overlay>> = Vec::new();
    for n in 0..OVERLAYS_MAX as u64 {
        tips.push(prepared(&state, tips.last(), one(n)));
    }
    let tip = tips.last().expect("there are overlays").clone();
    let over = prepared(&state, Some(&tip), one(1));
    let refused = state.prepare(Some(&over), one(2)).map(|_| ());
    assert_eq!(refused, Err(StateError::TooManyOverlays { limit: OVERLAYS_MAX }));
    for overlay in tips {
        finalise(&mut state, overlay).expect("the chain becomes final");
    }
    assert!(state.prepare(Some(&over), one(2)).is_ok());
}

#[test]
fn final_overlays_do_not_keep_their_ancestors() {
    let (_, mut state) = open(small());
    let first = prepared(&state, None, one(1));
    let weak = Arc::downgrade(&first);
    let second = prepared(&state, Some(&first), one(2));
    let third = prepared(&state, Some(&second), one(3));
    finalise(&mut state, first).expect("the first becomes final");
    finalise(&mut state, second).expect("the second becomes final");
    assert!(weak.upgrade().is_none(), "a final block's overlay is kept by its grandchild {}", third.height());
}

#[test]
fn a_change_to_the_same_value_is_none() {
    let (_, mut state) = open(small());
    block(&mut state, one(1)).expect("a block becomes final");
    let again = prepared(&state, None, Changes(one(1).0.into_iter().chain([(slot(2), None)]).collect()));
    assert_eq!((again.changed(), again.root()), (0, state.root()));
}

#[test]
fn two_runs_write_the_same_batches() {
    let run = || {
        let (backend, mut state) = open(small());
        let mut batches = Vec::new();
        let mut model = Model::new();
        for height in 1..=20 {
            let changes = random_changes(&mut Numbers(height), &model, 200, 40);
            apply(&mut model, &changes);
            let overlay = prepared(&state, None, changes);
            let mut batch = WriteBatch::default();
            state.stage(&overlay, &mut batch).expect("the next block is staged");
            batches.push(batch.clone());
            state.backend().write(batch, Durability::Synced).expect("a store in memory can be written");
            state.advance(overlay).expect("the staged block becomes final");
        }
        (batches, backend.writes())
    };
    assert!(run() == run(), "a batch depends on chance");
}

#[test]
fn a_state_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<State<MemoryBackend>>();
    shared::<Overlay>();
}
