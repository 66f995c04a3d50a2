//! Keys.

use alloc::vec::Vec;
use core::marker::PhantomData;

use chancery_abi::slot::SlotKey;

use super::{Entries, Stored, key_of, page, slot};
use crate::sys;

/// Keys without values, in their natural order.
pub struct Set<K> {
    prefix: &'static [u8],
    types: PhantomData<fn(K)>,
}

impl<K> Stored for Set<K> {
    #[inline]
    fn at(prefix: &'static [u8]) -> Self {
        Self { prefix, types: PhantomData }
    }
}

impl<K: SlotKey> Set<K> {
    /// Whether `key` is in the set.
    pub fn contains(&self, key: &K) -> bool {
        sys::storage_has(&slot(self.prefix, key))
    }

    /// Puts `key` in the set.
    pub fn insert(&mut self, key: &K) {
        sys::storage_set(&slot(self.prefix, key), &[]);
    }

    /// Puts `key` in the set; whether it was not in it.
    pub fn insert_new(&mut self, key: &K) -> bool {
        let slot = slot(self.prefix, key);
        let is_new = !sys::storage_has(&slot);
        if is_new {
            sys::storage_set(&slot, &[]);
        }
        is_new
    }

    /// Takes `key` out of the set; whether it was in it.
    pub fn remove(&mut self, key: &K) -> bool {
        sys::storage_remove(&slot(self.prefix, key))
    }

    /// At most `limit` keys after `after`, or from the first, in order. Only an empty page is the end.
    pub fn page(&self, after: Option<&K>, limit: u32) -> Vec<K> {
        let after = after.map(|key| slot(self.prefix, key)).unwrap_or_default();
        page(self.prefix, &after, limit, |slot, _| key_of(slot, self.prefix.len()))
    }

    /// All keys in order, read page by page.
    pub fn iter(&self) -> impl Iterator<Item = K> {
        let skip = self.prefix.len();
        Entries::new(self.prefix, &[], move |slot, _| key_of(slot, skip))
    }
}
