//! Values by place.

use alloc::vec::Vec;
use core::marker::PhantomData;

use super::{Entries, Stored, load, page, slot, store, stored, take, update};
use crate::{Data, sys};

/// Values one after the other, from place 0.
pub struct List<T> {
    prefix: &'static [u8],
    types: PhantomData<fn() -> T>,
}

impl<T> Stored for List<T> {
    #[inline]
    fn at(prefix: &'static [u8]) -> Self {
        Self { prefix, types: PhantomData }
    }
}

impl<T: Data> List<T> {
    /// How many values there are.
    pub fn len(&self) -> u64 {
        load(self.prefix).unwrap_or_default()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at `place`.
    pub fn get(&self, place: u64) -> Option<T> {
        load(&slot(self.prefix, &place))
    }

    /// The last value.
    pub fn last(&self) -> Option<T> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Appends a value; returns its place.
    pub fn push(&mut self, value: &T) -> u64 {
        let place = self.len();
        store(&slot(self.prefix, &place), value);
        store(self.prefix, &(place + 1));
        place
    }

    /// Replaces the value at `place`; whether there is one.
    pub fn set(&mut self, place: u64, value: &T) -> bool {
        let there = place < self.len();
        if there {
            store(&slot(self.prefix, &place), value);
        }
        there
    }

    /// Lets `change` change the value at `place` and writes it back; what `change` returned, or `None` when there is no
    /// such place.
    pub fn update<R>(&mut self, place: u64, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        update(&slot(self.prefix, &place), change)
    }

    /// Removes the last value and returns it.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.len().checked_sub(1)?;
        let value = take(&slot(self.prefix, &last));
        self.set_len(last);
        value
    }

    /// Removes the value at `place` and returns it; the last value takes its place, so that it costs the same anywhere.
    /// Where the order matters, use a `Map`.
    pub fn swap_remove(&mut self, place: u64) -> Option<T> {
        let value = self.get(place)?;
        if let Some(last) = self.pop().filter(|_| place < self.len()) {
            store(&slot(self.prefix, &place), &last);
        }
        Some(value)
    }

    fn set_len(&mut self, len: u64) {
        match len {
            0 => {
                sys::storage_remove(self.prefix);
            }
            _ => store(self.prefix, &len),
        }
    }

    /// All values in order, read page by page.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        // The count stands at the prefix itself, before all values.
        Entries::new(self.prefix, self.prefix, |_, value| stored(value))
    }

    /// At most `limit` values from place `from` on, in order. Only an empty page is the end.
    pub fn page(&self, from: u64, limit: u32) -> Vec<T> {
        // The count stands at the prefix itself, before all values.
        let after = from.checked_sub(1).map_or_else(|| self.prefix.to_vec(), |before| slot(self.prefix, &before));
        page(self.prefix, &after, limit, |_, value| stored(value))
    }
}
