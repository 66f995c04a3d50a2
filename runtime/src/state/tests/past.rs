//! Earlier states read as they were.

use super::*;

/// Compares every height that can be read with the model of then.
fn assert_pasts(state: &State<MemoryBackend>, models: &[Model]) {
    let (oldest, newest) = state.provable();
    for height in oldest..=newest {
        let past = state.past(height).expect("it can be proven, so it can be read");
        assert_eq!(entries(&past.view(state.backend().as_ref())), models[height as usize], "height {height}");
        assert_eq!(past.root(), plain_root(&models[height as usize]));
    }
    for height in [newest + 1, oldest.wrapping_sub(1)] {
        assert!(matches!(state.past(height), Err(StateError::NotProvable { .. })));
    }
}

#[test]
fn earlier_states_read_as_they_were_also_after_a_restart() {
    let (backend, mut state) = open(small());
    let (mut numbers, mut model) = (Numbers(11), Model::new());
    let mut models = vec![model.clone()];
    for round in 0..40 {
        let changes = random_changes(&mut numbers, &model, 60, 12);
        apply(&mut model, &changes);
        block(&mut state, changes).expect("memory takes every write");
        models.push(model.clone());
        if round % 7 == 0 {
            // Without the newest blocks' steps in memory, the journal leads back.
            state = State::open(backend.clone(), small()).expect("the store is whole");
        }
        assert_pasts(&state, &models);
    }
}

#[test]
fn a_staged_block_is_not_part_of_the_past_whether_or_not_it_is_written() {
    let (_, mut state) = open(small());
    let (mut numbers, mut model) = (Numbers(12), Model::new());
    let mut models = vec![model.clone()];
    for _ in 0..5 {
        let changes = random_changes(&mut numbers, &model, 40, 12);
        apply(&mut model, &changes);
        block(&mut state, changes).expect("memory takes every write");
        models.push(model.clone());
    }
    let changes = random_changes(&mut numbers, &model, 40, 12);
    let overlay = Arc::new(state.prepare(None, changes).expect("memory can be read"));
    let mut batch = WriteBatch::default();
    state.stage(&overlay, &mut batch).expect("it is the next block");
    assert_pasts(&state, &models);
    state.backend().write(batch, Durability::Synced).expect("memory takes every write");
    assert_pasts(&state, &models);
}
