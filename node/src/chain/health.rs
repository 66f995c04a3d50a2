//! Whether a chain goes on: what halted it, what stops the whole process, and what `/readyz` says.

use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::sync::watch;

/// Why a chain makes no more blocks until the node is restarted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Halted {
    /// The block at hand.
    pub height: u64,
    /// Why, for people.
    pub reason: String,
}

/// A part of the node with what is wrong with it, if anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What part.
    pub name: String,
    /// What is wrong.
    pub problem: Option<String>,
}

/// Set once, when something happened after which the process must stop: nothing may be written any more.
#[derive(Clone, Debug)]
pub struct FatalSignal {
    sender: watch::Sender<Option<String>>,
}

impl FatalSignal {
    /// A signal that is not set.
    pub fn new() -> Self {
        Self { sender: watch::Sender::new(None) }
    }

    /// Sets the signal. The first reason stays.
    pub fn set(&self, reason: &str) {
        let first = self.sender.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert_with(|| reason.to_owned());
            first
        });
        if first {
            tracing::error!(reason, "the node stops");
        }
    }

    /// Why the process must stop, if it must.
    pub fn get(&self) -> Option<String> {
        self.sender.borrow().clone()
    }

    /// Waits until the process must stop.
    pub async fn wait(&self) -> String {
        let mut receiver = self.sender.subscribe();
        // The sender lives in `self`, so the channel cannot close meanwhile.
        let reason = receiver.wait_for(Option::is_some).await.map(|reason| reason.clone());
        reason.ok().flatten().unwrap_or_default()
    }
}

impl Default for FatalSignal {
    fn default() -> Self {
        Self::new()
    }
}

/// What a chain says of itself.
#[derive(Debug, Default)]
pub(super) struct Health {
    halted: OnceLock<Halted>,
    intake: Mutex<Option<Closed>>,
}

/// Why no transactions are taken for the time being.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) code: &'static str,
    pub(super) reason: String,
}

impl Health {
    /// Halts the chain; the first reason stays.
    pub(super) fn halt(&self, halted: Halted) {
        let halted = self.halted.get_or_init(|| halted);
        tracing::error!(height = halted.height, reason = %halted.reason, "the chain halts");
    }

    pub(super) fn halted(&self) -> Option<&Halted> {
        self.halted.get()
    }

    /// Opens the intake, or closes it for a reason.
    pub(super) fn set_intake(&self, closed: Option<Closed>) {
        let mut intake = self.intake.lock().unwrap_or_else(PoisonError::into_inner);
        if *intake != closed {
            match &closed {
                Some(closed) => tracing::warn!(reason = %closed.reason, "transactions are not taken for now"),
                None => tracing::info!("transactions are taken again"),
            }
            *intake = closed;
        }
    }

    /// Why no transactions are taken, if so.
    pub(super) fn closed(&self) -> Option<Closed> {
        if let Some(halted) = self.halted() {
            return Some(Closed { code: "chain_halted", reason: halted.reason.clone() });
        }
        self.intake.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
