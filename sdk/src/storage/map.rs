//! Values by key.

use alloc::vec::Vec;
use core::marker::PhantomData;

use chancery_abi::slot::SlotKey;

use super::{Entries, Stored, key_of, load, page, slot, store, stored, take, update};
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

    /// The value at `key`, or its type's default when there is none.
    pub fn get_or_default(&self, key: &K) -> V
    where
        V: Default,
    {
        self.get(key).unwrap_or_default()
    }

    /// Whether there is a value at `key`.
    pub fn contains(&self, key: &K) -> bool {
        sys::storage_has(&slot(self.prefix, key))
    }

    /// Sets the value at `key`.
    pub fn insert(&mut self, key: &K, value: &V) {
        store(&slot(self.prefix, key), value);
    }

    /// Sets the value at `key` unless there is one; whether there was none.
    pub fn insert_new(&mut self, key: &K, value: &V) -> bool {
        let slot = slot(self.prefix, key);
        let is_new = !sys::storage_has(&slot);
        if is_new {
            store(&slot, value);
        }
        is_new
    }

    /// Lets `change` change the value at `key` and writes it back; what `change` returned, or `None` when there is no
    /// value.
    pub fn update<R>(&mut self, key: &K, change: impl FnOnce(&mut V) -> R) -> Option<R> {
        update(&slot(self.prefix, key), change)
    }

    /// As [`update`](Self::update), beginning with the type's default where there is no value.
    pub fn update_or_default<R>(&mut self, key: &K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        let slot = slot(self.prefix, key);
        let mut value = load(&slot).unwrap_or_default();
        let answer = change(&mut value);
        store(&slot, &value);
        answer
    }

    /// Removes the value at `key` and returns it.
    pub fn take(&mut self, key: &K) -> Option<V> {
        take(&slot(self.prefix, key))
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

    /// All entries in order, read page by page.
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> {
        let skip = self.prefix.len();
        Entries::new(self.prefix, &[], move |slot, value| (key_of(slot, skip), stored(value)))
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

    /// The entries whose key's first part is `first`, in order, read page by page: second parts and values.
    pub fn iter_of(&self, first: &A) -> impl Iterator<Item = (B, V)> {
        let prefix = slot(self.prefix, first);
        let skip = prefix.len();
        Entries::new(&prefix, &[], move |slot, value| (key_of(slot, skip), stored(value)))
    }
}
