//! Events: what a contract announces.

use alloc::vec::Vec;

use parity_scale_codec::{Compact, Encode};

use crate::{Data, sys};

/// An event. `#[event]` implements it.
#[diagnostic::on_unimplemented(message = "`{Self}` is not an event", note = "put #[event] on the struct")]
pub trait Event: Encode {
    /// Its name in the schema.
    #[doc(hidden)]
    const NAME: &'static str;
    /// How many index fields it has.
    #[doc(hidden)]
    const KEYS: u32;

    /// Appends its index fields, in order.
    #[doc(hidden)]
    fn push_keys(&self, keys: &mut EventKeys);
}

/// The index fields of an event, in the making.
#[doc(hidden)]
pub struct EventKeys(Vec<u8>);

impl EventKeys {
    /// Appends a field.
    pub fn push<T: Data>(&mut self, key: &T) {
        key.using_encoded(|bytes| bytes.encode_to(&mut self.0));
    }
}

/// Announces an event: the SCALE of its name, its keys (each the bytes of a field) and the bytes of all its fields.
pub(crate) fn emit<E: Event>(event: &E) {
    let mut keys = EventKeys(E::NAME.encode());
    Compact(E::KEYS).encode_to(&mut keys.0);
    event.push_keys(&mut keys);
    event.using_encoded(|bytes| bytes.encode_to(&mut keys.0));
    sys::emit(&keys.0);
}
