//! The working state of a block under execution: what its transactions have written so far, with savepoints, and what
//! the transaction at hand has announced.
//!
//! A session moves, as a box, into the frame of whichever contract runs, and back out when it returns; so there is one
//! at a time and no lock. It reads through to the state the block builds on.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use super::{instance::NewInstance, registry::Registry, trace::Recorder, view::ViewPointer};
use crate::{
    abi::{
        Address, Digest, Event, Ident, Mainchain, Name, limits,
        message::{Arrived, RegistryEntry},
    },
    engine::Compiled,
    state::{Changes, StateView},
    storage::{Entry, StorageError},
};

/// Why a chain stops: nothing a transaction says, but a fault of this node. The block at hand has no outcome here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A module passed every check and did not compile.
    #[error(transparent)]
    Compile(#[from] crate::engine::CompileError),
    /// The machine could not give what the limits promise: memory, an instance, native stack.
    #[error("this machine could not give a contract what the protocol promises it: {0}")]
    Resources(String),
    /// The state contradicts itself.
    #[error("the state contradicts itself: {0}")]
    Inconsistent(String),
}

/// What of a transaction every contract it reaches can see.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) chain: Name,
    /// The chain's registry, when it has one.
    pub(crate) registry: Option<Address>,
    /// On a sidechain, its mainchain.
    pub(crate) mainchain: Option<Mainchain>,
    /// The message that is being taken, and whom it is for.
    pub(crate) arrived: Option<(Address, Arrived)>,
    pub(crate) height: u64,
    pub(crate) timestamp_ms: u64,
    pub(crate) signer: Address,
    pub(crate) transaction: Digest,
}

/// A page of entries.
pub(crate) struct Page {
    /// The entries, in byte order.
    pub(crate) entries: Vec<Entry>,
    /// How many entries that this session removed lie between them: they were looked at as well.
    pub(crate) removed: usize,
    limit: usize,
    removed_max: usize,
}

impl Page {
    fn is_full(&self) -> bool {
        self.entries.len() >= self.limit || self.removed > self.removed_max
    }

    /// Adds the next entry, or counts that it was removed; past the limit neither.
    fn take(&mut self, key: &[u8], value: Option<&Vec<u8>>) {
        match value {
            _ if self.is_full() => {}
            Some(value) => self.entries.push((key.to_vec(), value.clone())),
            None => self.removed += 1,
        }
    }
}

/// A point to which a session can be taken back.
#[derive(Clone, Copy)]
pub(crate) struct Savepoint {
    writes: usize,
    events: usize,
    events_bytes: usize,
}

/// An entry that was written since a savepoint.
pub(super) struct Written {
    pub(super) key: Vec<u8>,
    /// What it held at the savepoint.
    pub(super) before: Option<Vec<u8>>,
    pub(super) now: Option<Vec<u8>>,
}

struct Undo {
    contract: Address,
    key: Vec<u8>,
    /// What the session held for the key before: nothing, or a value or removal.
    before: Option<Option<Vec<u8>>>,
}

pub(crate) struct Session {
    view: ViewPointer,
    writes: BTreeMap<Address, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
    undo: Vec<Undo>,
    events: Vec<Event>,
    events_bytes: usize,
    /// The contracts under execution, the first one at the bottom.
    pub(crate) running: Vec<Address>,
    pub(crate) facts: Facts,
    /// Contracts found in this block, so that each is looked up once.
    pub(crate) loaded: BTreeMap<Address, Arc<Compiled>>,
    /// There while somebody wants to see what a transaction does; never when blocks are proposed or checked.
    pub(crate) recorder: Option<Box<Recorder>>,
    /// Contracts of departments that were found to have no quota, until the registry is written to.
    pub(super) unmetered: BTreeSet<Address>,
    /// Instances that wait for the block's next call of their code, one of each.
    idle: Vec<NewInstance>,
}

/// Instances that wait at most; with those at work they stay within what the engine's pool has for a block.
const IDLE_MAX: usize = limits::CALL_DEPTH_MAX as usize;

impl Session {
    pub(super) fn new(view: ViewPointer, facts: Facts) -> Self {
        Self {
            view,
            writes: BTreeMap::new(),
            undo: Vec::new(),
            events: Vec::new(),
            events_bytes: 0,
            running: Vec::new(),
            facts,
            loaded: BTreeMap::new(),
            recorder: None,
            unmetered: BTreeSet::new(),
            idle: Vec::new(),
        }
    }

    /// Whether the registry has frozen an account or a contract at the block's time.
    pub(super) fn is_frozen(&self, target: &Address) -> Result<bool, Halt> {
        let registry = Registry::at(self.facts.registry, &self.facts.chain, self);
        match registry {
            Some(registry) => Ok(registry.is_frozen(target, self.facts.timestamp_ms)?),
            None => Ok(false),
        }
    }

    /// An instance of `compiled` that waits, if there is one.
    pub(super) fn take_idle(&mut self, compiled: &Compiled) -> Option<NewInstance> {
        let place = self.idle.iter().position(|instance| instance.compiled.code() == compiled.code())?;
        Some(self.idle.swap_remove(place))
    }

    /// Keeps an instance for the next call, unless one of its code waits already.
    pub(super) fn keep_idle(&mut self, instance: NewInstance) {
        let known = |waiting: &NewInstance| waiting.compiled.code() == instance.compiled.code();
        if self.idle.len() < IDLE_MAX && !self.idle.iter().any(known) {
            self.idle.push(instance);
        }
    }

    /// Gives up all instances that wait; whether there was one.
    pub(super) fn clear_idle(&mut self) -> bool {
        let had = !self.idle.is_empty();
        self.idle.clear();
        had
    }

    /// Begins a transaction: nothing of the one before can be undone any more.
    pub(super) fn begin(&mut self, signer: Address, transaction: Digest) {
        self.undo.clear();
        self.events.clear();
        self.events_bytes = 0;
        self.running.clear();
        self.facts.signer = signer;
        self.facts.transaction = transaction;
    }

    pub(crate) fn get(&self, contract: &Address, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        match self.writes.get(contract).and_then(|entries| entries.get(key)) {
            Some(written) => Ok(written.clone()),
            None => self.view.get().get(contract, key),
        }
    }

    pub(crate) fn has(&self, contract: &Address, key: &[u8]) -> Result<bool, StorageError> {
        match self.writes.get(contract).and_then(|entries| entries.get(key)) {
            Some(written) => Ok(written.is_some()),
            None => Ok(self.view.get().get(contract, key)?.is_some()),
        }
    }

    pub(crate) fn set(&mut self, contract: &Address, key: Vec<u8>, value: Option<Vec<u8>>) {
        if self.facts.registry.as_ref() == Some(contract) {
            self.unmetered.clear();
        }
        let entries = self.writes.entry(*contract).or_default();
        let before = entries.insert(key.clone(), value);
        self.undo.push(Undo { contract: *contract, key, before });
    }

    /// At most `limit` entries that begin with `prefix` and come after `after`, in byte order: those of the state with
    /// this session's writes laid over them. No more of either is looked at than the page takes, and the page ends where
    /// more than `removed_max` removed entries were passed over, because nobody could pay for them.
    pub(crate) fn page(
        &self,
        contract: &Address,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
        removed_max: usize,
    ) -> Result<Page, StorageError> {
        let start = if after.is_empty() { Bound::Included(prefix) } else { Bound::Excluded(after) };
        let entries = self.writes.get(contract).into_iter();
        let written = entries.flat_map(|entries| entries.range::<[u8], _>((start, Bound::Unbounded)));
        let mut written = written.take_while(|(key, _)| key.starts_with(prefix)).peekable();
        let mut page = Page { entries: Vec::new(), removed: 0, limit, removed_max };
        let mut from = after.to_vec();
        while !page.is_full() {
            let want = limit - page.entries.len();
            let below = self.view.get().page(contract, prefix, &from, want)?;
            let is_last = below.len() < want;
            if let Some((last, _)) = below.last() {
                from.clone_from(last);
            }
            for (key, value) in below {
                while let Some((key, value)) = written.next_if(|(written, _)| !page.is_full() && **written < key) {
                    page.take(key, value.as_ref());
                }
                match written.next_if(|(written, _)| **written == key) {
                    Some((key, value)) => page.take(key, value.as_ref()),
                    None => page.take(&key, Some(&value)),
                }
            }
            if is_last {
                while let Some((key, value)) = written.next_if(|_| !page.is_full()) {
                    page.take(key, value.as_ref());
                }
                break;
            }
        }
        Ok(page)
    }

    /// Announces an event of `contract`; returns false when the transaction's events would be over `bytes_max`.
    pub(crate) fn emit(
        &mut self,
        contract: Address,
        name: Ident,
        keys: Vec<Vec<u8>>,
        data: Vec<u8>,
        bytes: usize,
        bytes_max: usize,
    ) -> bool {
        if self.events_bytes + bytes > bytes_max || self.events.len() >= limits::EVENTS_MAX {
            return false;
        }
        self.events_bytes += bytes;
        self.events.push(Event { contract, name, keys, data });
        true
    }

    pub(crate) fn savepoint(&self) -> Savepoint {
        Savepoint { writes: self.undo.len(), events: self.events.len(), events_bytes: self.events_bytes }
    }

    /// Takes back everything since `savepoint`.
    pub(crate) fn roll_back(&mut self, savepoint: Savepoint) {
        for Undo { contract, key, before } in self.undo.drain(savepoint.writes..).rev() {
            let entries = self.writes.entry(contract).or_default();
            match before {
                Some(written) => entries.insert(key, written),
                None => entries.remove(&key),
            };
        }
        self.events.truncate(savepoint.events);
        self.events_bytes = savepoint.events_bytes;
    }

    /// The entries of a contract that are not what they were before this block.
    pub(super) fn changed(&self, contract: &Address) -> Result<Vec<RegistryEntry>, StorageError> {
        let mut changed = Vec::new();
        for (key, value) in self.writes.get(contract).into_iter().flatten() {
            if self.view.get().get(contract, key)? != *value {
                changed.push((key.clone(), value.clone()));
            }
        }
        Ok(changed)
    }

    /// Whose entries were written since `savepoint`.
    pub(super) fn written_since(&self, savepoint: Savepoint) -> BTreeSet<Address> {
        self.undo[savepoint.writes..].iter().map(|undo| undo.contract).collect()
    }

    /// How many bytes of keys and values a contract holds more, or fewer, than at `savepoint`.
    pub(super) fn growth_since(&self, savepoint: Savepoint, contract: &Address) -> Result<i64, StorageError> {
        let held = |key: &[u8], value: Option<&Vec<u8>>| value.map_or(0, |value| (key.len() + value.len()) as i64);
        let mut seen = BTreeSet::new();
        let mut growth = 0;
        for Undo { key, before, .. } in self.undo[savepoint.writes..].iter().filter(|undo| undo.contract == *contract) {
            // Of a key that was written more than once, the first says what was there before.
            if !seen.insert(key) {
                continue;
            }
            let before = match before {
                Some(written) => held(key, written.as_ref()),
                None => held(key, self.view.get().get(contract, key)?.as_ref()),
            };
            growth += held(key, self.get(contract, key)?.as_ref()) - before;
        }
        Ok(growth)
    }

    /// The entries of a contract that were written since `savepoint`, each once.
    pub(super) fn entries_written_since(
        &self,
        savepoint: Savepoint,
        contract: &Address,
    ) -> Result<Vec<Written>, StorageError> {
        let mut seen = BTreeSet::new();
        let mut entries = Vec::new();
        for Undo { key, before, .. } in self.undo[savepoint.writes..].iter().filter(|undo| undo.contract == *contract) {
            // Of a key that was written more than once, the first says what was there before.
            if seen.insert(key) {
                let before = match before {
                    Some(written) => written.clone(),
                    None => self.view.get().get(contract, key)?,
                };
                entries.push(Written { key: key.clone(), before, now: self.get(contract, key)? });
            }
        }
        Ok(entries)
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// All that was written.
    pub(super) fn into_changes(self) -> Changes {
        let flatten = |(contract, entries): (Address, BTreeMap<Vec<u8>, Option<Vec<u8>>>)| {
            entries.into_iter().map(move |(key, value)| ((contract, key), value))
        };
        Changes(self.writes.into_iter().flat_map(flatten).collect())
    }
}

impl StateView for Session {
    fn get(&self, contract: &Address, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        Self::get(self, contract, key)
    }

    fn page(&self, contract: &Address, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError> {
        Ok(Self::page(self, contract, prefix, after, limit, usize::MAX)?.entries)
    }
}
