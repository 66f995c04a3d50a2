//! Values by key.

use alloc::vec::Vec;
use core::marker::PhantomData;

use chancery_abi::slot::SlotKey;

use super::{Stored, key_of, load, page, slot, store, stored};
use crate::{Data, sys};

/// Values by key, in the natural order of the keys.
pub struct Map<K, V> {
    prefix: &'static [u8],
    types: PhantomData<fn(K) -> V>,
}

impl<K, V> Stored for Map<K, V> {
    #[inline]
    fn at(prefix: &'static [u8]) -> Self {
        Self { prefix, types: PhantomData }
    }
}

impl<K: SlotKey, V: Data> Map<K, V> {
    /// The value at `key`.
    pub fn get(&self, key: &K) -> Option<V> {
        load(&slot(self.prefix, key))
    }

    /// Whether there is a value at `key`.
    pub fn contains(&self, key: &K) -> bool {
        sys::storage_has(&slot(self.prefix, key))
    }

    /// Sets the value at `key`.
    pub fn insert(&mut self, key: &K, value: &V) {
        store(&slot(self.prefix, key), value);
    }

    /// Removes the value at `key`; whether there was one.
    pub fn remove(&mut self, key: &K) -> bool {
        sys::storage_remove(&slot(self.prefix, key))
    }

    /// At most `limit` entries after `after`, or from the first, in order. A page may be shorter than `limit`; only an
    /// empty one is the end.
    pub fn page(&self, after: Option<&K>, limit: u32) -> Vec<(K, V)> {
        let after = after.map(|key| slot(self.prefix, key)).unwrap_or_default();
        page(self.prefix, &after, limit, |slot, value| (key_of(slot, self.prefix.len()), stored(value)))
    }
}

impl<A: SlotKey, B: SlotKey, V: Data> Map<(A, B), V> {
    /// At most `limit` of the entries whose key's first part is `first`, after the one whose second part is `after`,
    /// or from the first, in order: second parts and values.
    pub fn page_of(&self, first: &A, after: Option<&B>, limit: u32) -> Vec<(B, V)> {
        let prefix = slot(self.prefix, first);
        let after = after.map(|second| slot(&prefix, second)).unwrap_or_default();
        page(&prefix, &after, limit, |slot, value| (key_of(slot, prefix.len()), stored(value)))
    }
}
