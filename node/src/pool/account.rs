//! One account's transactions in the order of their nonces.
//!
//! Invariant: `bytes` is the sum of the entries' sizes, and no entry has a nonce below `due`.

use std::{collections::BTreeMap, sync::Arc};

use super::Waiting;

pub(super) struct Account<T> {
    /// The nonce that the next block may use.
    pub(super) due: u64,
    /// The account's place among those that have something due; lower goes first.
    pub(super) turn: u64,
    pub(super) entries: BTreeMap<u64, Arc<Waiting<T>>>,
    pub(super) bytes: usize,
}

/// How much an account has waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) count: usize,
    pub(super) bytes: usize,
}

impl<T> Account<T> {
    pub(super) fn new(due: u64, turn: u64) -> Self {
        Self { due, turn, entries: BTreeMap::new(), bytes: 0 }
    }

    pub(super) fn share(&self) -> Share {
        Share { count: self.entries.len(), bytes: self.bytes }
    }

    /// Whether the next block may have one of its transactions.
    pub(super) fn is_ready(&self) -> bool {
        self.entries.contains_key(&self.due)
    }

    pub(super) fn insert(&mut self, waiting: Arc<Waiting<T>>) {
        self.bytes += waiting.size_bytes;
        self.entries.insert(waiting.nonce, waiting);
    }

    pub(super) fn remove(&mut self, nonce: u64) -> Option<Arc<Waiting<T>>> {
        let waiting = self.entries.remove(&nonce)?;
        self.bytes -= waiting.size_bytes;
        Some(waiting)
    }

    /// The first nonce from the one that is due on that no waiting transaction has.
    pub(super) fn next_free(&self) -> u64 {
        let mut next = self.due;
        while self.entries.contains_key(&next) {
            next += 1;
        }
        next
    }
}
