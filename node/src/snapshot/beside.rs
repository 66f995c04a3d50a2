//! Sidechains that begin anew beside everything else: a download may take long, and holds up no other chain.
//!
//! Looking whether there is something to download takes seconds at most, and chains do so all at once; only those that
//! download wait for each other. A chain whose node must not vote on it is remembered as such, until the node ends.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use chancery_abi::Name;
use tokio::sync::watch;

use super::Turn;

/// Chains that download at once; more wait.
const DOWNLOADS_AT_ONCE: usize = 4;
/// Chains that are looked at, download or wait for it at once; more are not begun with.
const THREADS_MAX: usize = 64;
/// How often it is looked whether there is room to download, or whether all have ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What has become of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// It is not known yet.
    UnderWay,
    /// It can be opened, with a snapshot or as it was.
    MayOpen,
    /// It must not be.
    Refused,
}

/// What is under way, and what was.
#[derive(Debug, Default)]
struct Inner {
    running: BTreeSet<Name>,
    downloading: usize,
    done: BTreeMap<Name, Looked>,
    threads: Vec<JoinHandle<()>>,
}

/// Does something for each chain once, before it opens.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    inner: Arc<Mutex<Inner>>,
    stopping: watch::Receiver<bool>,
}

impl Beside {
    /// Until `stopping` turns true.
    pub(crate) fn new(stopping: watch::Receiver<bool>) -> Self {
        Self { inner: Arc::default(), stopping }
    }

    /// What has become of a chain. When it is first asked, a thread begins with `work`, which tells whether the chain may be
    /// opened.
    pub(crate) fn looked(&self, chain: &Name, work: impl FnOnce(&Turn<'_>) -> bool + Send + 'static) -> Looked {
        let mut inner = self.lock();
        if let Some(looked) = inner.done.get(chain) {
            return *looked;
        }
        if inner.running.contains(chain) || inner.running.len() >= THREADS_MAX {
            return Looked::UnderWay;
        }
        let (this, name) = (self.clone(), chain.clone());
        // It waits for the lock before it says that it is done.
        let run = move || this.run(name, work);
        inner.threads.retain(|thread| !thread.is_finished());
        match thread::Builder::new().name(format!("snapshot-{chain}")).spawn(run) {
            Ok(thread) => {
                inner.threads.push(thread);
                inner.running.insert(chain.clone());
                Looked::UnderWay
            }
            Err(error) => {
                tracing::error!(%chain, "no state snapshot is looked for: {error}");
                inner.done.insert(chain.clone(), Looked::MayOpen);
                Looked::MayOpen
            }
        }
    }

    /// Waits until everything that is under way has ended, for so long at most. The node must be stopping.
    pub(crate) fn finish(&self, patience: Duration) {
        let began = Instant::now();
        loop {
            let mut inner = self.lock();
            let (ended, left): (Vec<_>, Vec<_>) =
                std::mem::take(&mut inner.threads).into_iter().partition(JoinHandle::is_finished);
            let is_done = left.is_empty();
            inner.threads = left;
            drop(inner);
            if ended.into_iter().any(|thread| thread.join().is_err()) {
                tracing::error!("a thread that takes state snapshots ended in a panic");
            }
            if is_done {
                return;
            }
            if began.elapsed() > patience {
                tracing::warn!("a state snapshot is still being taken; it ends with the process");
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn run(&self, chain: Name, work: impl FnOnce(&Turn<'_>) -> bool) {
        let has_room = Cell::new(false);
        let may_download = || {
            if !has_room.get() {
                has_room.set(self.has_room_to_download());
            }
            has_room.get()
        };
        let turn = Turn { is_stopping: &|| self.is_stopping(), may_download: &may_download };
        let looked = match catch_unwind(AssertUnwindSafe(|| work(&turn))) {
            Ok(true) => Looked::MayOpen,
            Ok(false) => Looked::Refused,
            Err(_) => {
                tracing::error!(%chain, "taking a state snapshot panicked; the chain goes on by blocks");
                Looked::MayOpen
            }
        };
        let mut inner = self.lock();
        inner.downloading -= usize::from(has_room.get());
        inner.running.remove(&chain);
        inner.done.insert(chain, looked);
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits for room; there is none any more when the node stops.
    fn has_room_to_download(&self) -> bool {
        while !self.is_stopping() {
            let mut inner = self.lock();
            if inner.downloading < DOWNLOADS_AT_ONCE {
                inner.downloading += 1;
                return true;
            }
            drop(inner);
            thread::sleep(LOOK_EVERY);
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is made in one step, so a poisoned lock still holds a whole one.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn wait_until(mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed().as_secs() < 30, "it never came");
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn name(text: &str) -> Name {
        Name::new(text).expect("a name")
    }

    fn never(_: &Turn<'_>) -> bool {
        panic!("it is under way, or done");
    }

    #[test]
    fn each_chain_is_done_once_and_a_slow_one_holds_up_no_other() {
        let (stop, stopping) = watch::channel(false);
        let beside = Beside::new(stopping);
        let (slow, fast) = (name("slow"), name("fast"));
        let (sender, began) = channel();
        let told = sender.clone();
        let until_stopped = move |turn: &Turn<'_>| {
            told.send("slow").expect("the test waits");
            wait_until(turn.is_stopping);
            true
        };
        assert_eq!(beside.looked(&slow, until_stopped), Looked::UnderWay);
        assert_eq!(began.recv(), Ok("slow"));
        assert_eq!(beside.looked(&slow, never), Looked::UnderWay);
        let told = sender.clone();
        let at_once = move |_: &Turn<'_>| told.send("fast").is_ok();
        assert_eq!(beside.looked(&fast, at_once), Looked::UnderWay);
        assert_eq!(began.recv(), Ok("fast"));
        wait_until(|| beside.looked(&fast, never) == Looked::MayOpen);
        assert_eq!(beside.looked(&slow, never), Looked::UnderWay);
        stop.send_replace(true);
        wait_until(|| beside.looked(&slow, never) == Looked::MayOpen);
    }

    #[test]
    fn only_downloads_wait_for_each_other() {
        let (stop, stopping) = watch::channel(false);
        let beside = Beside::new(stopping);
        let (sender, downloads) = channel();
        for number in 0..=DOWNLOADS_AT_ONCE {
            let told = sender.clone();
            let download = move |turn: &Turn<'_>| {
                let has_room = (turn.may_download)() && (turn.may_download)();
                told.send(has_room).expect("the test waits");
                wait_until(turn.is_stopping);
                true
            };
            assert_eq!(beside.looked(&name(&format!("slow-{number}")), download), Looked::UnderWay);
        }
        for _ in 0..DOWNLOADS_AT_ONCE {
            assert_eq!(downloads.recv(), Ok(true));
        }
        let nothing_newer = name("up-to-date");
        assert_eq!(beside.looked(&nothing_newer, |_| true), Looked::UnderWay);
        wait_until(|| beside.looked(&nothing_newer, never) == Looked::MayOpen);
        assert!(downloads.try_recv().is_err(), "one still waits for room");
        stop.send_replace(true);
        assert_eq!(downloads.recv(), Ok(false), "and waits no more when the node stops");
        beside.finish(Duration::from_secs(30));
        assert_eq!(beside.lock().downloading, 0);
    }

    #[test]
    fn who_must_not_vote_is_remembered_and_a_panic_counts_as_done() {
        let (_stop, stopping) = watch::channel(false);
        let beside = Beside::new(stopping);
        let (known, broken) = (name("known"), name("broken"));
        assert_eq!(beside.looked(&known, |_| false), Looked::UnderWay);
        wait_until(|| beside.looked(&known, never) == Looked::Refused);
        assert_eq!(beside.looked(&broken, |_| panic!("on purpose")), Looked::UnderWay);
        wait_until(|| beside.looked(&broken, never) == Looked::MayOpen);
    }

    #[test]
    fn the_end_waits_for_what_is_under_way_but_not_for_ever() {
        let (_stop, stopping) = watch::channel(false);
        let beside = Beside::new(stopping);
        let (go_on, told) = channel::<()>();
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let work = move |_: &Turn<'_>| {
            let is_told = told.recv().is_ok();
            drop(kept);
            is_told
        };
        assert_eq!(beside.looked(&name("slow"), work), Looked::UnderWay);
        beside.finish(Duration::ZERO);
        assert_eq!(Arc::strong_count(&held), 2, "it is still under way");
        go_on.send(()).expect("it waits");
        beside.finish(Duration::from_secs(30));
        assert_eq!(Arc::strong_count(&held), 1, "it holds on to nothing");
    }
}
