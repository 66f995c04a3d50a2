//! The one thread that executes a chain's blocks, with the stack that contracts need.
//!
//! Work is handed over and waited for; a panic in it comes back to whoever asked, and the thread goes on.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};

use chancery_abi::Name;
use chancery_runtime::execution::{ExecutionStack, on_execution_stack};

use crate::priority::{Work, give_way};

type Job = Box<dyn FnOnce(&ExecutionStack) + Send>;

/// Work that may wait for the thread.
const QUEUE: usize = 64;

/// What a panic carries.
pub(super) type Panic = Box<dyn Any + Send>;

/// The thread, until dropped.
pub(super) struct Executor {
    jobs: Option<mpsc::SyncSender<Job>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Executor {
    pub(super) fn start(chain: &Name) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel::<Job>(QUEUE);
        let run = move || {
            give_way(Work::Execution);
            on_execution_stack(move |stack| queue.into_iter().for_each(|job| job(stack)));
        };
        let thread = std::thread::Builder::new().name(format!("chain-{chain}")).spawn(run)?;
        Ok(Self { jobs: Some(jobs), thread: Mutex::new(Some(thread)) })
    }

    /// Runs `work` on the thread and waits for it.
    ///
    /// # Errors
    /// What it panicked with.
    pub(super) fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&ExecutionStack) -> R + Send + 'static,
    ) -> Result<R, Panic> {
        let (answer, answered) = mpsc::sync_channel(1);
        let job: Job = Box::new(move |stack| {
            // Nothing of a block is visible before its commit, and locks say when a panic came in the middle of one.
            let done = catch_unwind(AssertUnwindSafe(|| work(stack)));
            // Whoever asked waits below.
            answer.send(done).ok();
        });
        let gone = || Box::new("the execution thread is gone") as Panic;
        self.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.jobs = None;
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // The thread may be the one that drops the chain's last owner.
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("an execution thread ended in a panic");
        }
    }
}
