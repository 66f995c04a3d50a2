//! Types that may stand in a contract's interface and storage.
//!
//! Invariant: each has exactly one encoding, which its decoder alone accepts: integers of fixed width, strict booleans
//! and options, minimal lengths, valid UTF-8. So decoding a value and finding nothing behind it is the whole check.

use alloc::{string::String, vec::Vec};

use chancery_abi::{Address, Digest};
use parity_scale_codec::{Decode, Encode};

/// A type that the schema can explain. `#[data]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a contract's interface or storage",
    label = "the schema does not explain this type",
    note = "put #[data] on the struct or enum, or use numbers, bool, String, Vec, Option, [u8; N], tuples, Address or Digest"
)]
pub trait Data: Encode + Decode {
    /// The name under which the schema explains it; empty when it needs no explanation.
    #[doc(hidden)]
    const NAME: &'static str = "";
}

macro_rules! known {
    ($($ty:ty)*) => { $(impl Data for $ty {})* };
}

known!(() bool u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 String Address Digest);

impl<T: Data> Data for Vec<T> {}
impl<T: Data> Data for Option<T> {}
impl<const N: usize> Data for [u8; N] {}

macro_rules! tuples {
    ($(($($part:ident),+))*) => { $(impl<$($part: Data),+> Data for ($($part,)+) {})* };
}

tuples!((A)(A, B)(A, B, C)(A, B, C, D)(A, B, C, D, E)(A, B, C, D, E, F));

/// Fails to compile unless the schema explains `T` under `name`.
pub const fn explained<T: Data>(name: &str) {
    let (known, written) = (T::NAME.as_bytes(), name.as_bytes());
    let mut same = known.len() == written.len();
    let mut place = 0;
    while same && place < known.len() {
        same = known[place] == written[place];
        place += 1;
    }
    assert!(same, "the schema knows this type by another name: write the type itself, not an alias");
}

/// The value that `bytes` encode, all of them.
pub(crate) fn decode<T: Decode>(mut bytes: &[u8]) -> Option<T> {
    let value = T::decode(&mut bytes).ok()?;
    bytes.is_empty().then_some(value)
}

/// Appends a value's one encoding: what a contract hashes, or has signatures checked over.
pub fn encode_to<T: Data>(value: &T, bytes: &mut Vec<u8>) {
    value.encode_to(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_accepted_whole_and_minimal_only() {
        let value = (7u32, String::from("京"), alloc::vec![Some(true), None]);
        let bytes = value.encode();
        assert_eq!(decode(&bytes), Some(value));
        for end in 0..bytes.len() {
            assert_eq!(decode::<(u32, String, Vec<Option<bool>>)>(&bytes[..end]), None);
        }
        assert_eq!(decode::<(u32, String, Vec<Option<bool>>)>(&[&bytes[..], &[0]].concat()), None);
        // A length in more bytes than it needs, a boolean that is neither, text that is not UTF-8.
        assert_eq!(decode::<Vec<u8>>(&[1, 0]), None);
        assert_eq!(decode::<Vec<u8>>(&[2, 0, 0, 0]), None);
        assert_eq!(decode::<bool>(&[2]), None);
        assert_eq!(decode::<Option<bool>>(&[2]), None);
        assert_eq!(decode::<String>(&[4, 0xFF]), None);
    }

    #[test]
    fn a_length_beyond_the_input_is_refused_without_its_memory() {
        assert_eq!(decode::<Vec<u64>>(&[0x03, 0xFF, 0xFF, 0xFF, 0xFF]), None);
        assert_eq!(decode::<Vec<Vec<u8>>>(&[0xFE, 0xFF, 0xFF, 0xFF]), None);
    }
}
