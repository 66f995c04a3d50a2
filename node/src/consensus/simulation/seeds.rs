//! Running one seed after another on every core of the machine.

use std::{
    fmt::Display,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Whether the environment asks for one seed alone.
pub(super) fn is_one() -> bool {
    variable("SEED").is_some()
}

/// The one seed of `SEED`, or as many as `SEEDS` says or else `otherwise`, divided by `share`.
pub(super) fn asked_for(otherwise: u64, share: u64) -> Range<u64> {
    match variable("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("SEEDS").unwrap_or(otherwise).div_ceil(share),
    }
}

/// Runs all seeds, several at once; what came out, in the seeds' order. After a violation none begins any more.
///
/// # Panics
/// Names the first seed with a violation.
pub(super) fn run_all<T: Send, E: Display + Send>(
    seeds: Range<u64>,
    run: impl Fn(u64) -> Result<T, E> + Sync,
) -> Vec<T> {
    let (next, done) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                return;
            }
            let report = run(seed);
            if report.is_err() {
                next.store(seeds.end, Ordering::Relaxed);
            }
            done.lock().expect("no run panicked").push((seed, report));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().expect("no run panicked");
    done.sort_by_key(|(seed, _)| *seed);
    let report =
        |(seed, report): (u64, Result<T, E>)| report.unwrap_or_else(|violation| panic!("SEED={seed}: {violation}"));
    done.into_iter().map(report).collect()
}
