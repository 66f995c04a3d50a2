//! Which thread goes first where there are fewer cores than work.
//!
//! A process runs many chains, and one of them may be flooded. What all chains need in order to agree, which is the engine's
//! threads, goes before the execution of blocks, and that before taking in what is only asked for: requests of the API and
//! transactions that other nodes pass on. So a flood mostly waits for itself; what is taken in shares a chain's locks with what
//! executes it, for moments. Only the operating system's scheduler is told; nothing is refused, and on idle cores nothing is
//! slower. What is deliberately absent: a bound on what a chain may use, which the operating system has for processes
//! (docs/operators.md).
#![allow(unsafe_code, reason = "the standard library cannot change a thread's priority")]

/// What a thread is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Executing a chain's blocks.
    Execution,
    /// Requests, and transactions that others pass on.
    Intake,
}

impl Work {
    /// How far a thread gives way, in the operating system's nice values: each step costs some 10 % of the share that a thread
    /// has beside others.
    const fn nice(self) -> libc::c_int {
        match self {
            Self::Execution => 4,
            Self::Intake => 10,
        }
    }
}

/// Has the calling thread, and those that it begins, give way to more urgent work from here on. It cannot be taken back.
pub(crate) fn give_way(work: Work) {
    // SAFETY: takes numbers only. On Linux 0 is the calling thread.
    let refused = cfg!(target_os = "linux") && unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, work.nice()) } != 0;
    if refused {
        // Everything works without; only a flood is felt more.
        tracing::debug!(?work, error = %std::io::Error::last_os_error(), "a thread keeps its priority");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn own_nice() -> libc::c_int {
        // SAFETY: takes numbers only.
        unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
    }

    #[test]
    fn a_thread_gives_way_alone_and_taking_in_gives_way_to_executing() {
        let before = own_nice();
        let niced = |work| {
            let thread = std::thread::spawn(move || {
                give_way(work);
                own_nice()
            });
            thread.join().expect("it ends")
        };
        assert_eq!(niced(Work::Execution), Work::Execution.nice());
        assert_eq!(niced(Work::Intake), Work::Intake.nice());
        assert_eq!(own_nice(), before, "others are as before");
        const { assert!(Work::Execution.nice() < Work::Intake.nice()) }
    }
}
