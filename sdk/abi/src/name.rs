//! Bounded names that are valid by their type: [`Name`] for chains, departments and contracts, [`Ident`] for methods,
//! fields and events.

use alloc::{boxed::Box, string::String};
use core::fmt;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode, Error, Input};

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It is empty or longer than `limit` bytes.
    Length {
        /// The most bytes allowed.
        limit: usize,
    },
    /// It holds a character that is not allowed, or begins with one that may not come first.
    Character,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { limit } => write!(f, "a name has 1 to {limit} characters"),
            Self::Character => {
                f.write_str("a name begins with a letter and has lower-case letters, digits and its joiner only")
            }
        }
    }
}

impl core::error::Error for NameError {}

fn check(text: &str, limit: usize, joiner: u8) -> Result<(), NameError> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > limit {
        return Err(NameError::Length { limit });
    }
    let valid = bytes.iter().all(|&b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == joiner);
    if valid && (bytes[0].is_ascii_lowercase()) { Ok(()) } else { Err(NameError::Character) }
}

macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $limit:literal, $joiner:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
        pub struct $name(Box<str>);

        impl $name {
            /// The most bytes such a name may have.
            pub const BYTES_MAX: usize = $limit;

            /// `text` as a name.
            ///
            /// # Errors
            /// When it is empty, too long or has a character that is not allowed.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                check(&text, $limit, $joiner)?;
                Ok(Self(text.into_boxed_str()))
            }

            /// The name's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Decode for $name {
            fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
                Self::new(String::decode(input)?).map_err(|_| Error::from("not a name"))
            }
        }

        impl DecodeWithMemTracking for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl core::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
    };
}

bounded_text!(
    /// The name of a chain, a department or a contract: 1 to 32 of `a-z 0-9 -`, beginning with a letter.
    Name, 32, b'-'
);
bounded_text!(
    /// The name of a method, a storage field or an event: 1 to 64 of `a-z 0-9 _`, beginning with a letter.
    Ident, 64, b'_'
);
