//! Crashes: at every write of a run the machine stops, before it or after, with every number of unsynced batches lost,
//! and the reopened chain goes on to the same roots. With the sync taken out, the same test finds the loss.

use super::*;
use crate::{
    state::{Fault, Recovery},
    storage::{Column, Entry, StateReader, StorageError},
};

const BLOCKS: u64 = 24;

/// The changes of block `height`, the same in every run.
fn changes_at(height: u64, model: &Model) -> Changes {
    random_changes(&mut Numbers(height), model, 150, if height.is_multiple_of(5) { 0 } else { 25 })
}

/// A store whose batches are never synced, whatever the caller says.
struct WithoutSync(Arc<MemoryBackend>);

impl StateReader for WithoutSync {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.0.get(column, key)
    }

    fn scan(&self, column: Column, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError> {
        self.0.scan(column, prefix, from, limit)
    }
}

impl StateBackend for WithoutSync {
    fn write(&self, batch: WriteBatch, _durability: Durability) -> Result<(), StorageError> {
        self.0.write(batch, Durability::Buffered)
    }

    fn with_snapshot(&self, read: &mut dyn FnMut(&dyn StateReader)) {
        self.0.with_snapshot(read);
    }
}

/// Runs blocks up to `BLOCKS` and returns the height of the last that was acknowledged.
fn run<B: StateBackend>(state: &mut State<B>, models: &[Model]) -> u64 {
    let mut acknowledged = state.height();
    while state.height() < BLOCKS {
        let height = state.height() + 1;
        let changes = changes_at(height, &models[height as usize - 1]);
        if block(state, changes).is_err() {
            break;
        }
        acknowledged = height;
    }
    acknowledged
}

fn models() -> Vec<Model> {
    let mut models = vec![Model::new()];
    for height in 1..=BLOCKS {
        let mut model = models[height as usize - 1].clone();
        let changes = changes_at(height, &model);
        apply(&mut model, &changes);
        models.push(model);
    }
    models
}

/// Crashes a run at one write and reopens it: what is wrong then, if anything.
fn crash_at<B: StateBackend>(
    store: &MemoryBackend,
    backend: &Arc<B>,
    (at, fault, keep_buffered): (u64, Fault, usize),
    models: &[Model],
) -> Result<Recovery, String> {
    let mut state = State::open(backend.clone(), small()).map_err(|error| error.to_string())?;
    store.inject(at, fault);
    let acknowledged = run(&mut state, models);
    drop(state);
    store.crash(keep_buffered);
    let mut state = State::open(backend.clone(), small()).map_err(|error| error.to_string())?;
    if state.height() < acknowledged {
        return Err(format!("block {acknowledged} was acknowledged and the head is {}", state.height()));
    }
    let recovery = state.recovery();
    assert_eq!(state.root(), plain_root(&models[state.height() as usize]));
    assert_eq!(entries(&state.view(None)), models[state.height() as usize]);
    assert_eq!(run(&mut state, models), BLOCKS);
    assert_eq!(state.root(), plain_root(&models[BLOCKS as usize]), "the reopened chain comes to another root");
    Ok(recovery)
}

fn writes_of_a_run(models: &[Model]) -> u64 {
    let (backend, mut state) = open(small());
    assert_eq!(run(&mut state, models), BLOCKS);
    assert!(backend.writes() > BLOCKS + 3, "the run never wrote nodes");
    backend.writes()
}

#[test]
fn a_crash_at_any_write_loses_nothing_acknowledged() {
    let models = models();
    let mut brought_up = 0;
    for at in 0..writes_of_a_run(&models) {
        for fault in [Fault::Fail, Fault::StopBefore, Fault::StopAfter] {
            for keep_buffered in [0, 1, usize::MAX] {
                let store = Arc::new(MemoryBackend::new());
                let case = (at, fault, keep_buffered);
                match crash_at(&store, &store, case, &models) {
                    Ok(Recovery::Rebuilt { .. }) => panic!("{case:?}: the journal was not enough"),
                    Ok(recovery) => brought_up += u64::from(recovery != Recovery::Clean),
                    Err(error) => panic!("{case:?}: {error}"),
                }
            }
        }
    }
    assert!(brought_up > 50, "hardly any crash left nodes behind the head");
}

#[test]
fn without_the_sync_the_crash_test_finds_the_loss() {
    let models = models();
    let found = (0..writes_of_a_run(&models)).filter(|at| {
        let store = Arc::new(MemoryBackend::new());
        let backend = Arc::new(WithoutSync(store.clone()));
        crash_at(&store, &backend, (*at, Fault::StopAfter, 0), &models).is_err()
    });
    // Only a crash at the first block's write loses nothing acknowledged.
    assert!(found.count() as u64 >= BLOCKS - 1, "a store that syncs nothing passes the crash test");
}

#[test]
fn a_crash_at_any_write_of_a_rebuild_begins_it_again() {
    let models = models();
    let (backend, mut state) = open(small());
    run(&mut state, &models);
    drop(state);
    let rebuild = StateConfig { rebuild: true, flush_bytes: 500, ..small() };
    let before = backend.writes();
    State::open(backend.clone(), rebuild).expect("the trie can be rebuilt");
    let writes = backend.writes() - before;
    assert!(writes > 10, "the rebuild was one batch");
    for at in 0..writes {
        for keep_buffered in [0, 3, usize::MAX] {
            backend.inject(at, Fault::StopAfter);
            assert!(State::open(backend.clone(), rebuild).is_err(), "a machine that stopped opened a state");
            backend.crash(keep_buffered);
            let state = State::open(backend.clone(), small()).expect("the rebuild begins again");
            assert_eq!(state.root(), plain_root(&models[BLOCKS as usize]));
            let entries = models[BLOCKS as usize].len() as u64;
            let expected = if at + 1 == writes { Recovery::Clean } else { Recovery::Rebuilt { entries } };
            assert_eq!(state.recovery(), expected, "after write {at} of {writes}");
        }
    }
}

#[test]
fn an_idle_chain_prunes_its_journal() {
    let (backend, mut state) = open(small());
    for _ in 0..100 {
        block(&mut state, Changes::default()).expect("a sound store can be written");
    }
    let rows = backend.scan(Column::Journal, &[], &[], 1_000).expect("a store in memory can be read");
    assert!(rows.len() as u64 <= 2 * small().provable_heights, "{} rows are kept", rows.len());
}

#[test]
fn a_shorter_window_does_not_prune_what_the_nodes_need() {
    let models = models();
    let long = StateConfig { provable_heights: 100, flush_bytes: usize::MAX, ..small() };
    let (backend, mut state) = open(long);
    assert_eq!(run(&mut state, &models), BLOCKS);
    assert_eq!(state.nodes_height(), 0);
    drop(state);
    let short = StateConfig { provable_heights: 2, ..long };
    let mut state = State::open(backend.clone(), short).expect("a sound store opens");
    block(&mut state, Changes::default()).expect("a sound store can be written");
    backend.crash(0);
    let state = State::open(backend, short).expect("a sound store opens");
    assert!(matches!(state.recovery(), Recovery::BroughtUp { .. }), "{:?}", state.recovery());
    assert_eq!(state.root(), plain_root(&models[BLOCKS as usize]));
}
