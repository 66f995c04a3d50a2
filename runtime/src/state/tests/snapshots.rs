//! Snapshots: every chunk by itself leads to the root, nothing else does, and what is restored is the same state.

use super::*;
use crate::{
    state::{
        Recovery,
        snapshot::{ChunkPlace, Cut, SnapshotError, cut, places, stage_head},
    },
    storage::{Column, StateReader},
};

/// A state of so many entries, after a few blocks.
fn state_of(entries: u64) -> (Arc<MemoryBackend>, Model, Digest) {
    let (backend, mut state) = open(small());
    let mut model = Model::new();
    for part in 0..4u8 {
        let mut changes = Changes::default();
        for n in (0..entries).filter(|n| n % 4 == u64::from(part)) {
            let slot = (Address([(n % 5) as u8; 32]), n.to_be_bytes().to_vec());
            changes.0.insert(slot, Some(vec![part; (n % 90) as usize]));
        }
        apply(&mut model, &changes);
        block(&mut state, changes).expect("a sound store can be written");
    }
    (backend, model, state.root())
}

fn cut_up(backend: &MemoryBackend) -> (Cut, Vec<Vec<u8>>) {
    let mut chunks = Vec::new();
    let cut = cut::<StateError>(backend, |number, bytes| {
        assert_eq!(number, chunks.len());
        chunks.push(bytes);
        Ok(())
    });
    (cut.expect("a sound state can be cut"), chunks)
}

fn places_of(cut: &Cut) -> Vec<ChunkPlace> {
    places(&cut.root, &cut.spine).expect("the spine leads to the root")
}

#[test]
fn what_is_restored_is_the_same_state_whatever_its_size() {
    for entries in [0, 1, 2, 3, 17, 1_024, 1_025, 5_000, 40_000] {
        let (backend, model, root) = state_of(entries);
        let (cut, chunks) = cut_up(&backend);
        assert_eq!((cut.height, cut.root, cut.entries, cut.chunks), (4, root, entries, chunks.len()));
        assert!(entries < 2_000 || chunks.len() > 10, "{entries} entries in {} chunks", chunks.len());
        let places = places_of(&cut);
        assert_eq!(places.len(), chunks.len());
        let restored = Arc::new(MemoryBackend::new());
        let mut batch = WriteBatch::default();
        for (place, chunk) in places.iter().zip(&chunks).rev() {
            place.check(chunk).expect("a sound chunk").stage(&mut batch);
        }
        stage_head(&mut batch, cut.height, cut.root);
        restored.write(batch, Durability::Synced).expect("memory can be written");
        let mut state = State::open(Arc::clone(&restored), small()).expect("the restored state opens");
        assert_eq!(state.recovery(), Recovery::Rebuilt { entries });
        assert_eq!((state.height(), state.root()), (4, root));
        let rows =
            |backend: &MemoryBackend, column| backend.scan(column, &[], &[], 100_000).expect("memory can be read");
        for column in [Column::Values, Column::Leaves] {
            assert!(rows(&backend, column) == rows(&restored, column), "{entries} {column:?}");
        }
        // And it goes on as the first would.
        let changes = random_changes(&mut Numbers(entries), &model, 300, 40);
        let mut model = model;
        apply(&mut model, &changes);
        block(&mut state, changes).expect("a sound store can be written");
        assert_eq!(state.root(), plain_root(&model), "{entries}");
    }
}

#[test]
fn a_chunk_that_is_wrong_in_anything_is_found_out_by_itself() {
    let (backend, ..) = state_of(5_000);
    let (cut, chunks) = cut_up(&backend);
    let places = places_of(&cut);
    let refused = |number: usize, chunk: &[u8]| {
        let checked = places[number].check(chunk);
        assert!(
            matches!(checked, Err(SnapshotError::Chunk { number: found, .. }) if found == number),
            "{number}: {checked:?}"
        );
    };
    let mut numbers = Numbers(7);
    for (number, chunk) in chunks.iter().enumerate() {
        for _ in 0..20 {
            let mut wrong = chunk.clone();
            let place = numbers.below(wrong.len() as u64) as usize;
            wrong[place] ^= 1 << numbers.below(8);
            refused(number, &wrong);
            refused(number, &chunk[..place]);
        }
        refused(number, &chunks[(number + 1) % chunks.len()]);
        refused(number, &[]);
        refused(number, &[0]);
        // An entry less, one twice, two in the other order, one more.
        let entries: Vec<(Vec<u8>, Vec<u8>)> =
            parity_scale_codec::Decode::decode(&mut &chunk[..]).expect("it was just made");
        let encoded = |entries: &Vec<(Vec<u8>, Vec<u8>)>| parity_scale_codec::Encode::encode(entries);
        for change in 0..4 {
            let mut entries = entries.clone();
            match change {
                0 => drop(entries.remove(entries.len() / 2)),
                1 => entries.insert(1, entries[0].clone()),
                2 => entries.swap(0, 1),
                _ => entries.push((vec![9; 40], vec![1])),
            }
            refused(number, &encoded(&entries));
        }
    }
}

#[test]
fn upper_nodes_that_do_not_lead_to_the_root_are_refused() {
    let (backend, ..) = state_of(5_000);
    let (cut, chunks) = cut_up(&backend);
    let other_root = places(&Digest([1; 32]), &cut.spine);
    assert_eq!(other_root, Err(SnapshotError::Spine), "a root that the nodes are not under");
    assert_eq!(places(&empty_root(), &cut.spine), Err(SnapshotError::Spine));
    let mut twice = cut.spine.clone();
    twice.push(cut.spine[0].clone());
    assert_eq!(places(&cut.root, &twice), Err(SnapshotError::Spine));
    let mut changed = cut.spine.clone();
    *changed[0].last_mut().expect("a node has bytes") ^= 1;
    assert_eq!(places(&cut.root, &changed), Err(SnapshotError::Spine));
    // Without nodes the whole state is one chunk, which none of the parts is.
    let whole = places(&cut.root, &[]).expect("one place");
    assert_eq!(whole.len(), 1);
    assert!(chunks.iter().all(|chunk| whole[0].check(chunk).is_err()));
}

#[test]
fn a_store_that_contradicts_itself_is_not_cut() {
    let (backend, ..) = state_of(100);
    let (key, _) = backend.scan(Column::Values, &[], &[], 1).expect("memory can be read").remove(0);
    let mut batch = WriteBatch::default();
    batch.delete(Column::Values, key);
    backend.write(batch, Durability::Synced).expect("memory can be written");
    assert!(matches!(cut::<StateError>(&*backend, |_, _| Ok(())), Err(StateError::Corrupt { .. })));
}
