//! Measures the CPU time of the calling thread, and compares contenders side by side.
//!
//! Wall time says little on a machine that does other things too. What is compared is measured in turns, round after
//! round, and the medians of the rounds are what is printed, so that a disturbance meets all alike.
#![allow(unsafe_code, reason = "the standard library has no clock of a thread's CPU time")]
#![allow(dead_code, reason = "each bench uses its part")]

use std::{mem::MaybeUninit, time::Duration};

/// CPU time of the calling thread so far.
pub(crate) fn thread_cpu() -> Duration {
    cpu(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time of all threads of this process so far.
pub(crate) fn process_cpu() -> Duration {
    cpu(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn cpu(clock: libc::clockid_t) -> Duration {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the pointer is to writable memory of the type that the call fills.
    let code = unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    assert_eq!(code, 0, "clocks of CPU time can be read");
    // SAFETY: the call succeeded, so it filled the structure.
    let time = unsafe { time.assume_init() };
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// What `work` takes of the calling thread's CPU time.
pub(crate) fn timed<R>(work: impl FnOnce() -> R) -> Duration {
    let start = thread_cpu();
    std::hint::black_box(work());
    thread_cpu() - start
}

/// One way to do a job: runs a fixed number of calls and says how much CPU time they took.
pub(crate) struct Contender<'a> {
    /// What it is.
    pub(crate) name: String,
    /// Calls of one run.
    pub(crate) calls: u64,
    /// One run.
    pub(crate) run: Box<dyn FnMut() -> Duration + 'a>,
}

impl<'a> Contender<'a> {
    /// A contender of `calls` calls a run.
    pub(crate) fn new(name: impl Into<String>, calls: u64, run: impl FnMut() -> Duration + 'a) -> Self {
        Self { name: name.into(), calls, run: Box::new(run) }
    }
}

/// Nanoseconds a call of each contender, measured in turns: the medians of `rounds`.
pub(crate) fn side_by_side(contenders: &mut [Contender<'_>], rounds: usize) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
    for _ in 0..rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let time = (contender.run)();
            times.push(time.as_nanos() as f64 / contender.calls as f64);
        }
    }
    times.into_iter().map(median).collect()
}

/// The middle one of `values`.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
