//! A store in memory, for tests and trials. It models what a crash does to a disk: what was written without being synced
//! may be lost from some batch on, what was synced and everything before it stays.
//!
//! Faults are injected at a chosen write, so that a test can go through all of them. Nothing here is fast or small on
//! purpose: the durable columns are kept beside the live ones.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard},
};

use super::node::lock;
use crate::storage::{Column, Durability, Entry, StateBackend, StateReader, StorageError, Write, WriteBatch};

/// What happens at a chosen write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The write fails and changes nothing; the store goes on.
    Fail,
    /// The machine stops before the write: it and all that follows fails, reads too, until
    /// [`MemoryBackend::crash`] restarts it.
    StopBefore,
    /// The machine stops after the write, whose caller does not learn that it succeeded.
    StopAfter,
}

/// A store in memory that can lose what was not synced. For tests and trials.
#[derive(Debug, Default)]
pub struct MemoryBackend {
    inner: Mutex<Inner>,
}

type Columns = BTreeMap<Column, Arc<BTreeMap<Vec<u8>, Vec<u8>>>>;

#[derive(Debug, Default)]
struct Inner {
    live: Columns,
    durable: Columns,
    /// Batches written since the last one that was synced.
    buffered: Vec<WriteBatch>,
    writes: u64,
    fault: Option<(u64, Fault)>,
    stopped: bool,
}

/// One moment of a [`MemoryBackend`].
struct Snapshot(Columns);

impl MemoryBackend {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another store with the same content, synced or not; what is written to either does not reach the other.
    pub fn fork(&self) -> Self {
        let inner = self.lock();
        let (live, durable, buffered) = (inner.live.clone(), inner.durable.clone(), inner.buffered.clone());
        Self { inner: Mutex::new(Inner { live, durable, buffered, ..Inner::default() }) }
    }

    /// Cuts the power and restarts: of the batches that were not synced, the first `keep_buffered` have reached the disk
    /// and the rest is lost. Ends a stop and forgets a fault that has not come.
    pub fn crash(&self, keep_buffered: usize) {
        let mut inner = self.lock();
        let mut buffered = std::mem::take(&mut inner.buffered);
        buffered.truncate(keep_buffered);
        for batch in &buffered {
            apply(&mut inner.durable, batch);
        }
        inner.live = inner.durable.clone();
        inner.fault = None;
        inner.stopped = false;
    }

    /// Lets `fault` happen at the write that follows `after` others from now on.
    pub fn inject(&self, after: u64, fault: Fault) {
        let mut inner = self.lock();
        inner.fault = Some((inner.writes + after, fault));
    }

    /// How many batches are written and not synced.
    pub fn buffered(&self) -> usize {
        self.lock().buffered.len()
    }

    /// How many writes were tried so far.
    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// The bytes of a column's keys and values.
    pub fn size_bytes(&self, column: Column) -> usize {
        let inner = self.lock();
        inner.live.get(&column).map_or(0, |rows| rows.iter().map(|(key, value)| key.len() + value.len()).sum())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// The live columns, unless the machine has stopped.
    fn running(&self) -> Result<MutexGuard<'_, Inner>, StorageError> {
        let inner = self.lock();
        if inner.stopped { Err(stopped("read")) } else { Ok(inner) }
    }
}

fn stopped(action: &'static str) -> StorageError {
    StorageError::new(action, "the machine has stopped")
}

fn apply(columns: &mut Columns, batch: &WriteBatch) {
    for write in &batch.writes {
        let (Write::Put(column, ..) | Write::Delete(column, _) | Write::DeleteRange(column, ..)) = write;
        let rows = Arc::make_mut(columns.entry(*column).or_default());
        match write {
            Write::Put(_, key, value) => drop(rows.insert(key.clone(), value.clone())),
            Write::Delete(_, key) => drop(rows.remove(key)),
            Write::DeleteRange(_, from, to) => {
                if from < to {
                    let mut tail = rows.split_off(from);
                    rows.append(&mut tail.split_off(to));
                }
            }
        }
    }
}

fn get(columns: &Columns, column: Column, key: &[u8]) -> Option<Vec<u8>> {
    columns.get(&column).and_then(|rows| rows.get(key)).cloned()
}

fn scan(columns: &Columns, column: Column, prefix: &[u8], from: &[u8], limit: usize) -> Vec<Entry> {
    let Some(rows) = columns.get(&column) else { return Vec::new() };
    let range = rows.range::<[u8], _>((Bound::Included(from.max(prefix)), Bound::Unbounded));
    let entries = range.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
    entries.map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl StateReader for Snapshot {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(get(&self.0, column, key))
    }

    fn scan(&self, column: Column, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError> {
        Ok(scan(&self.0, column, prefix, from, limit))
    }
}

impl StateReader for MemoryBackend {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(get(&self.running()?.live, column, key))
    }

    fn scan(&self, column: Column, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError> {
        Ok(scan(&self.running()?.live, column, prefix, from, limit))
    }

    fn get_many(&self, column: Column, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        let inner = self.running()?;
        Ok(keys.iter().map(|key| get(&inner.live, column, key)).collect())
    }
}

impl StateBackend for MemoryBackend {
    fn write(&self, batch: WriteBatch, durability: Durability) -> Result<(), StorageError> {
        let mut inner = self.lock();
        if inner.stopped {
            return Err(stopped("write"));
        }
        let this = inner.writes;
        let fault = inner.fault.take_if(|(at, _)| *at == this).map(|(_, fault)| fault);
        inner.writes += 1;
        match fault {
            Some(Fault::Fail) => return Err(StorageError::new("write", "a fault was injected")),
            Some(Fault::StopBefore) => {
                inner.stopped = true;
                return Err(stopped("write"));
            }
            Some(Fault::StopAfter) => inner.stopped = true,
            None => {}
        }
        apply(&mut inner.live, &batch);
        match durability {
            Durability::Buffered => inner.buffered.push(batch),
            Durability::Synced => {
                let buffered = std::mem::take(&mut inner.buffered);
                for batch in buffered.iter().chain([&batch]) {
                    apply(&mut inner.durable, batch);
                }
            }
        }
        if inner.stopped { Err(stopped("write")) } else { Ok(()) }
    }

    fn with_snapshot(&self, read: &mut dyn FnMut(&dyn StateReader)) {
        let snapshot = self.running().map(|inner| Snapshot(inner.live.clone()));
        match snapshot {
            Ok(snapshot) => read(&snapshot),
            Err(_) => read(self), // Stopped: every read fails, which is what the caller must see.
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(store: &MemoryBackend, key: u8, durability: Durability) -> Result<(), StorageError> {
        let mut batch = WriteBatch::default();
        batch.put(Column::Values, [key], [key]);
        store.write(batch, durability)
    }

    fn keys(store: &MemoryBackend) -> Vec<u8> {
        let rows = store.scan(Column::Values, &[], &[], 100).expect("the machine runs");
        rows.into_iter().map(|(key, _)| key[0]).collect()
    }

    #[test]
    fn the_store_in_memory_conforms() {
        super::super::conformance(&mut || Box::new(MemoryBackend::new()));
    }

    #[test]
    fn a_crash_loses_what_was_not_synced_from_some_batch_on() {
        for (keep, expected) in [(0, &[1, 2, 3][..]), (1, &[1, 2, 3, 4]), (9, &[1, 2, 3, 4, 5])] {
            let store = MemoryBackend::new();
            for (key, durability) in (1..=5).zip([
                Durability::Buffered,
                Durability::Buffered,
                Durability::Synced,
                Durability::Buffered,
                Durability::Buffered,
            ]) {
                write(&store, key, durability).expect("the machine runs");
            }
            assert_eq!(store.buffered(), 2);
            store.crash(keep);
            assert_eq!(keys(&store), expected);
            store.crash(0);
            assert_eq!(keys(&store), expected, "what a crash left is lost in the next");
        }
    }

    #[test]
    fn faults_come_at_their_write() {
        for (fault, left) in [(Fault::Fail, &[0, 2][..]), (Fault::StopBefore, &[0]), (Fault::StopAfter, &[0, 1])] {
            let store = MemoryBackend::new();
            store.inject(1, fault);
            assert!(write(&store, 0, Durability::Synced).is_ok());
            assert!(write(&store, 1, Durability::Synced).is_err());
            let goes_on = write(&store, 2, Durability::Synced).is_ok();
            assert_eq!(goes_on, fault == Fault::Fail);
            assert_eq!(store.get(Column::Values, &[0]).is_ok(), goes_on);
            store.crash(0);
            assert_eq!(keys(&store), left);
        }
    }
}
