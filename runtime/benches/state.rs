//! What the state costs: a block of 1,000 updates over a million entries, computing its root apart, and a proof. The
//! store is the one in memory, so this is the CPU's share; the node's benches run the same over RocksDB.
//!
//! `STATE_ENTRIES` sets another number of entries.

use std::{collections::BTreeMap, hint::black_box, sync::Arc, time::Duration};

use chancery_abi::{Address, Digest};
use chancery_runtime::{
    state::{Changes, MemoryBackend, Overlay, State, StateConfig},
    storage::{Durability, StateBackend as _, WriteBatch},
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const UPDATES: u64 = 1_000;
const POPULATE_PER_BLOCK: u64 = 20_000;

fn key(n: u64) -> Vec<u8> {
    Digest::of(&n.to_be_bytes()).0.to_vec()
}

fn value(n: u64, version: u64) -> Vec<u8> {
    [Digest::of(&n.to_le_bytes()).0, Digest::of(&version.to_le_bytes()).0].concat()
}

fn changes(entries: impl Iterator<Item = u64>, version: u64) -> Changes {
    let contract = Address([7; 32]);
    Changes(entries.map(|n| ((contract, key(n)), Some(value(n, version)))).collect::<BTreeMap<_, _>>())
}

/// The changes of block `version`: distinct entries spread over all, others in each block.
fn updates(entries: u64, version: u64) -> Changes {
    let step = (entries / UPDATES).max(1);
    changes((0..UPDATES).map(|i| (i * step + version.wrapping_mul(0x9e37_79b9) % step) % entries), version)
}

fn finalise(state: &mut State<MemoryBackend>, overlay: Overlay) {
    let overlay = Arc::new(overlay);
    let mut batch = WriteBatch::default();
    state.stage(&overlay, &mut batch).expect("the block is the next");
    state.backend().write(batch, Durability::Synced).expect("memory can be written");
    state.advance(overlay).expect("the block was staged");
}

fn state_benches(criterion: &mut Criterion) {
    let entries = std::env::var("STATE_ENTRIES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let backend = Arc::new(MemoryBackend::new());
    let mut state = State::open(backend.clone(), StateConfig::default()).expect("an empty store opens");
    for from in (0..entries).step_by(POPULATE_PER_BLOCK as usize) {
        let changes = changes(from..(from + POPULATE_PER_BLOCK).min(entries), 0);
        let overlay = state.prepare(None, changes).expect("memory can be read");
        finalise(&mut state, overlay);
    }
    let mut version = 0;
    let mut next = || {
        version += 1;
        updates(entries, version)
    };

    let mut group = criterion.benchmark_group(format!("state of {entries} entries"));
    group.sample_size(20).measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::Elements(UPDATES));
    group.bench_function("root of 1,000 updates", |bencher| {
        bencher.iter_batched(&mut next, |changes| state.prepare(None, changes), BatchSize::PerIteration);
    });
    group.bench_function("block of 1,000 updates", |bencher| {
        bencher.iter_batched(
            &mut next,
            |changes| {
                let overlay = state.prepare(None, changes).expect("memory can be read");
                finalise(&mut state, overlay);
            },
            BatchSize::PerIteration,
        );
    });

    group.throughput(Throughput::Elements(1));
    let contract = Address([7; 32]);
    let newest = state.height();
    for (name, height) in [("newest", newest), ("16 blocks back", newest - 16)] {
        let mut n = 0;
        group.bench_function(format!("proof under the root {name}, from memory"), |bencher| {
            bencher.iter(|| {
                n = (n + 7_919) % entries;
                black_box(state.prove(height, &contract, &key(n)).expect("the height is provable"))
            });
        });
    }
    drop(state);
    group.sample_size(10).bench_function("first proof under the root 16 blocks back, from the journal", |bencher| {
        bencher.iter_batched(
            || State::open(backend.clone(), StateConfig::default()).expect("a sound store opens"),
            |state| black_box(state.prove(newest - 16, &contract, &key(7)).expect("the height is provable")),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, state_benches);
criterion_main!(benches);
