//! One value.

use core::marker::PhantomData;

use super::{Stored, load, store, take, update};
use crate::{Data, sys};

/// One value, which may be absent.
pub struct Value<T> {
    slot: &'static [u8],
    types: PhantomData<fn() -> T>,
}

impl<T> Stored for Value<T> {
    #[inline]
    fn at(slot: &'static [u8]) -> Self {
        Self { slot, types: PhantomData }
    }
}

impl<T: Data> Value<T> {
    /// The value, when it was ever set.
    pub fn get(&self) -> Option<T> {
        load(self.slot)
    }

    /// The value, or its type's default when it was never set.
    pub fn get_or_default(&self) -> T
    where
        T: Default,
    {
        self.get().unwrap_or_default()
    }

    /// The value, or `default` when it was never set.
    pub fn get_or(&self, default: T) -> T {
        self.get().unwrap_or(default)
    }

    /// Whether it was set.
    pub fn is_set(&self) -> bool {
        sys::storage_has(self.slot)
    }

    /// Sets it.
    pub fn set(&mut self, value: &T) {
        store(self.slot, value);
    }

    /// Lets `change` change it and writes it back; what `change` returned, or `None` when it was never set.
    pub fn update<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        update(self.slot, change)
    }

    /// Removes it and returns it.
    pub fn take(&mut self) -> Option<T> {
        take(self.slot)
    }

    /// Removes it; whether it was there.
    pub fn remove(&mut self) -> bool {
        sys::storage_remove(self.slot)
    }
}
