//! Values by place.

use alloc::vec::Vec;
use core::marker::PhantomData;

use super::{Stored, load, page, slot, store, stored};
use crate::Data;

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

    /// At most `limit` values from place `from` on, in order. Only an empty page is the end.
    pub fn page(&self, from: u64, limit: u32) -> Vec<T> {
        // The count stands at the prefix itself, before all values.
        let after = from.checked_sub(1).map_or_else(|| self.prefix.to_vec(), |before| slot(self.prefix, &before));
        page(self.prefix, &after, limit, |_, value| stored(value))
    }
}
