//! Slot keys: where a contract's fields and their entries are stored, made the same way by the SDK that writes them
//! and by the tools that prove them.
//!
//! A slot key is the field's name behind its length in one byte, then the entry's key. Keys are encoded so that byte
//! order is their natural order: integers big-endian (signed ones with their sign bit turned), fixed bytes as they are,
//! texts and byte strings behind their length in two bytes. No key is the beginning of another of the same type, so
//! entries of one field cannot collide, and names cannot because their length comes first.

use alloc::{string::String, vec::Vec};

use crate::{Address, Digest};

/// The key under which field `name` itself is stored (a single value, a list's length), and with which the keys of its
/// entries begin. `name` has at most 64 bytes.
pub const fn field_len(name: &str) -> usize {
    1 + name.len()
}

/// Appends the beginning of all keys of field `name`.
pub fn push_field(slot: &mut Vec<u8>, name: &str) {
    debug_assert!(name.len() <= 64, "an identifier has at most 64 bytes");
    slot.push(name.len() as u8);
    slot.extend_from_slice(name.as_bytes());
}

/// A type that can be the key of a stored entry.
pub trait SlotKey: Sized {
    /// Appends the key's bytes.
    fn push_to(&self, slot: &mut Vec<u8>);

    /// Reads a key from the front of `bytes`, or `None` when they do not begin with one.
    fn take_from(bytes: &mut &[u8]) -> Option<Self>;
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(count)?;
    *bytes = tail;
    Some(head)
}

macro_rules! unsigned {
    ($($int:ty)*) => {$(
        impl SlotKey for $int {
            fn push_to(&self, slot: &mut Vec<u8>) {
                slot.extend_from_slice(&self.to_be_bytes());
            }

            fn take_from(bytes: &mut &[u8]) -> Option<Self> {
                take(bytes, size_of::<$int>())?.try_into().ok().map(<$int>::from_be_bytes)
            }
        }
    )*};
}

macro_rules! signed {
    ($($int:ty as $unsigned:ty)*) => {$(
        impl SlotKey for $int {
            fn push_to(&self, slot: &mut Vec<u8>) {
                ((*self as $unsigned) ^ (1 << (<$unsigned>::BITS - 1))).push_to(slot);
            }

            fn take_from(bytes: &mut &[u8]) -> Option<Self> {
                <$unsigned>::take_from(bytes).map(|turned| (turned ^ (1 << (<$unsigned>::BITS - 1))) as $int)
            }
        }
    )*};
}

unsigned!(u8 u16 u32 u64 u128);
signed!(i8 as u8 i16 as u16 i32 as u32 i64 as u64 i128 as u128);

impl SlotKey for bool {
    fn push_to(&self, slot: &mut Vec<u8>) {
        slot.push(u8::from(*self));
    }

    fn take_from(bytes: &mut &[u8]) -> Option<Self> {
        match u8::take_from(bytes)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl<const N: usize> SlotKey for [u8; N] {
    fn push_to(&self, slot: &mut Vec<u8>) {
        slot.extend_from_slice(self);
    }

    fn take_from(bytes: &mut &[u8]) -> Option<Self> {
        take(bytes, N)?.try_into().ok()
    }
}

impl SlotKey for Address {
    fn push_to(&self, slot: &mut Vec<u8>) {
        self.0.push_to(slot);
    }

    fn take_from(bytes: &mut &[u8]) -> Option<Self> {
        <[u8; 32]>::take_from(bytes).map(Self)
    }
}

impl SlotKey for Digest {
    fn push_to(&self, slot: &mut Vec<u8>) {
        self.0.push_to(slot);
    }

    fn take_from(bytes: &mut &[u8]) -> Option<Self> {
        <[u8; 32]>::take_from(bytes).map(Self)
    }
}

impl SlotKey for Vec<u8> {
    fn push_to(&self, slot: &mut Vec<u8>) {
        // A key over its limit is refused by the host, whatever this length says.
        (self.len().min(u16::MAX as usize) as u16).push_to(slot);
        slot.extend_from_slice(self);
    }

    fn take_from(bytes: &mut &[u8]) -> Option<Self> {
        let length = u16::take_from(bytes)?;
        take(bytes, length as usize).map(<[u8]>::to_vec)
    }
}

impl SlotKey for String {
    fn push_to(&self, slot: &mut Vec<u8>) {
        (self.len().min(u16::MAX as usize) as u16).push_to(slot);
        slot.extend_from_slice(self.as_bytes());
    }

    fn take_from(bytes: &mut &[u8]) -> Option<Self> {
        String::from_utf8(Vec::take_from(bytes)?).ok()
    }
}

macro_rules! tuples {
    ($(($($part:ident . $place:tt),+))*) => {$(
        impl<$($part: SlotKey),+> SlotKey for ($($part,)+) {
            fn push_to(&self, slot: &mut Vec<u8>) {
                $(self.$place.push_to(slot);)+
            }

            fn take_from(bytes: &mut &[u8]) -> Option<Self> {
                Some(($($part::take_from(bytes)?,)+))
            }
        }
    )*};
}

tuples!((A.0, B.1)(A.0, B.1, C.2)(A.0, B.1, C.2, D.3));

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn bytes(key: &impl SlotKey) -> Vec<u8> {
        let mut slot = Vec::new();
        key.push_to(&mut slot);
        slot
    }

    #[test]
    fn byte_order_is_natural_order() {
        let numbers = [i64::MIN, -256, -1, 0, 1, 255, 256, i64::MAX];
        assert!(numbers.windows(2).all(|pair| bytes(&pair[0]) < bytes(&pair[1])));
        assert!(bytes(&255u64) < bytes(&256u64));
    }

    #[test]
    fn keys_are_read_back() {
        let key = (String::from("case"), -5i32, Digest([7; 32]), true);
        assert_eq!(SlotKey::take_from(&mut &bytes(&key)[..]), Some(key));
        assert_eq!(bool::take_from(&mut &[2u8][..]), None);
        assert_eq!(<(u8, String)>::take_from(&mut &[1u8, 0, 9, b'x'][..]), None);
    }
}
