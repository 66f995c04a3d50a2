//! Storage fields: a contract's state, entry by entry.
//!
//! | Field | Holds | Slot key |
//! |---|---|---|
//! | [`Value<T>`] | one value | the field |
//! | [`Map<K, V>`] | values by key | the field, the key |
//! | [`Set<K>`] | keys | the field, the key |
//! | [`List<T>`] | values by place | the field: their count; the field, the place as u64: a value |
//! | [`Index<S, K>`] | keys by a secondary key | the field, the secondary key, the key |
//!
//! Slot keys are those of `chancery_abi::slot`, from the field's name, so anyone can compute and prove them.
//!
//! Reading many entries is paged: `page` reads one page, which a caller may ask for from outside, and `iter` reads page
//! after page as it goes. Each page costs gas for the entries it asks for, so a loop over more than there is gas for
//! ends the call, never the node.
//!
//! Invariants: every operation reaches the host when it is called, and nothing is held back in memory; a field knows
//! only the beginning of its keys. A stored entry that is not of the field's type stops the call with `BadState`.
//! Reading takes `&self` and writing `&mut self`, so that a query which writes does not compile.

mod entries;
mod index;
mod list;
mod map;
mod set;
mod value;

use alloc::vec::Vec;

use chancery_abi::{Address, limits::PAGE_ENTRIES_MAX, slot::SlotKey};
use parity_scale_codec::{Compact, Decode};

use entries::Entries;
pub use index::Index;
pub use list::List;
pub use map::Map;
pub use set::Set;
pub use value::Value;

use crate::{Data, data, entry, sys};

/// A storage field over its slots.
pub trait Stored {
    /// The field whose slot keys begin with `prefix`.
    #[doc(hidden)]
    fn at(prefix: &'static [u8]) -> Self;
}

/// A field that addresses can be in; what `#[access(member(FIELD))]` asks for.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no members",
    note = "`member` takes a `Set<Address>` or a `Map<Address, V>`"
)]
pub trait Members {
    /// Whether `address` is in the field.
    fn has_member(&self, address: &Address) -> bool;
}

impl Members for Set<Address> {
    fn has_member(&self, address: &Address) -> bool {
        self.contains(address)
    }
}

impl<V: Data> Members for Map<Address, V> {
    fn has_member(&self, address: &Address) -> bool {
        self.contains(address)
    }
}

/// The slot key of an entry: room enough for most keys at once.
fn slot(prefix: &[u8], key: &impl SlotKey) -> Vec<u8> {
    let mut slot = Vec::with_capacity(128);
    slot.extend_from_slice(prefix);
    key.push_to(&mut slot);
    slot
}

// Apart, so that a method's locals stay few: the sandbox limits them.
#[inline(never)]
fn load<T: Data>(slot: &[u8]) -> Option<T> {
    sys::storage_get(slot, stored)
}

#[inline(never)]
fn store<T: Data>(slot: &[u8], value: &T) {
    value.using_encoded(|bytes| sys::storage_set(slot, bytes));
}

/// The value that a stored entry is.
#[inline(never)]
fn stored<T: Data>(bytes: &[u8]) -> T {
    data::decode(bytes).unwrap_or_else(|| entry::stop(entry::BAD_STATE))
}

/// The key behind the first `skip` bytes of a slot key.
fn key_of<K: SlotKey>(slot: &[u8], skip: usize) -> K {
    let mut rest = slot.get(skip..).unwrap_or_default();
    match K::take_from(&mut rest) {
        Some(key) if rest.is_empty() => key,
        _ => entry::stop(entry::BAD_STATE),
    }
}

/// What `change` makes of the value in a slot, which is written back: its answer, or `None` when there is no value.
fn update<T: Data, R>(slot: &[u8], change: impl FnOnce(&mut T) -> R) -> Option<R> {
    let mut value = load(slot)?;
    let answer = change(&mut value);
    store(slot, &value);
    Some(answer)
}

/// The value in a slot, which is removed.
fn take<T: Data>(slot: &[u8]) -> Option<T> {
    let value = load(slot)?;
    sys::storage_remove(slot);
    Some(value)
}

/// A page of the entries whose slot keys begin with `prefix`, after slot key `after`: what `read` makes of each slot
/// key and value.
fn page<T>(prefix: &[u8], after: &[u8], limit: u32, read: impl FnMut(&[u8], &[u8]) -> T) -> Vec<T> {
    split_page(&sys::storage_page(prefix, after, limit.min(PAGE_ENTRIES_MAX)), read)
}

/// What `read` makes of each slot key and value of a host's page.
fn split_page<T>(mut rest: &[u8], mut read: impl FnMut(&[u8], &[u8]) -> T) -> Vec<T> {
    let rest = &mut rest;
    let count = length(rest);
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let slot = bytes(rest);
        entries.push(read(slot, bytes(rest)));
    }
    entries
}

/// Reads a length from the host's page.
fn length(rest: &mut &[u8]) -> usize {
    Compact::<u32>::decode(rest).expect("the host's page is well formed").0 as usize
}

/// Reads bytes behind their length.
fn bytes<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let count = length(rest);
    let (bytes, tail) = rest.split_at(count);
    *rest = tail;
    bytes
}
