//! Keys by a secondary key.

use alloc::vec::Vec;
use core::marker::PhantomData;

use chancery_abi::slot::SlotKey;

use super::{Entries, Stored, key_of, page, slot};
use crate::sys;

/// For each secondary key any number of keys, in their natural order: the way from a case to its records.
pub struct Index<S, K> {
    prefix: &'static [u8],
    types: PhantomData<fn(S, K)>,
}

impl<S, K> Stored for Index<S, K> {
    #[inline]
    fn at(prefix: &'static [u8]) -> Self {
        Self { prefix, types: PhantomData }
    }
}

impl<S: SlotKey, K: SlotKey> Index<S, K> {
    /// Whether `key` stands under `secondary`.
    pub fn contains(&self, secondary: &S, key: &K) -> bool {
        sys::storage_has(&self.entry(secondary, key))
    }

    /// Puts `key` under `secondary`.
    pub fn insert(&mut self, secondary: &S, key: &K) {
        sys::storage_set(&self.entry(secondary, key), &[]);
    }

    /// Takes `key` away from under `secondary`; whether it was there.
    pub fn remove(&mut self, secondary: &S, key: &K) -> bool {
        sys::storage_remove(&self.entry(secondary, key))
    }

    /// At most `limit` of the keys under `secondary`, after `after` or from the first, in order. Only an empty page is
    /// the end.
    pub fn page(&self, secondary: &S, after: Option<&K>, limit: u32) -> Vec<K> {
        let prefix = slot(self.prefix, secondary);
        let after = after.map(|key| slot(&prefix, key)).unwrap_or_default();
        page(&prefix, &after, limit, |slot, _| key_of(slot, prefix.len()))
    }

    /// The keys under `secondary` in order, read page by page.
    pub fn iter(&self, secondary: &S) -> impl Iterator<Item = K> {
        let prefix = slot(self.prefix, secondary);
        let skip = prefix.len();
        Entries::new(&prefix, &[], move |slot, _| key_of(slot, skip))
    }

    /// Moves `key` from under `from` to under `to`; whether it was under `from`. Otherwise nothing changes.
    pub fn shift(&mut self, key: &K, from: &S, to: &S) -> bool {
        let was_there = self.remove(from, key);
        if was_there {
            self.insert(to, key);
        }
        was_there
    }

    /// At most `limit` entries after `after`, or from the first, in the order of the secondary keys.
    pub fn page_all(&self, after: Option<(&S, &K)>, limit: u32) -> Vec<(S, K)> {
        let after = after.map(|(secondary, key)| self.entry(secondary, key)).unwrap_or_default();
        page(self.prefix, &after, limit, |slot, _| key_of(slot, self.prefix.len()))
    }

    fn entry(&self, secondary: &S, key: &K) -> Vec<u8> {
        let mut entry = slot(self.prefix, secondary);
        key.push_to(&mut entry);
        entry
    }
}
