//! The two 32-byte values everything else is named by: a [`Digest`] (SHA-256) and an [`Address`] (the digest of a
//! tagged identity).

use alloc::vec::Vec;
use core::fmt;

use crate::Name;
use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

/// A SHA-256 digest.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, DecodeWithMemTracking)]
pub struct Digest(pub [u8; 32]);

/// The address of a key or a contract: the SHA-256 of its tagged, canonical SCALE value.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, DecodeWithMemTracking)]
pub struct Address(pub [u8; 32]);

/// How an account signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, DecodeWithMemTracking)]
pub enum Scheme {
    /// Ed25519 under the rules of ZIP-215.
    #[codec(index = 0)]
    Ed25519,
    /// ECDSA on P-256 through WebAuthn: a citizen's passkey.
    #[codec(index = 1)]
    WebAuthn,
}

/// What an address is the digest of.
#[derive(Encode)]
enum Identity<'a> {
    #[codec(index = 0)]
    Key { scheme: Scheme, public_key: &'a [u8] },
    #[codec(index = 1)]
    Contract { chain: &'a Name, department: &'a Name, name: &'a Name },
    #[codec(index = 2)]
    System,
}

impl Address {
    /// What the address of the contract that `department` calls `name` on `chain` is the SHA-256 of: a contract has
    /// its host hash it.
    pub fn contract_identity(chain: &Name, department: &Name, name: &Name) -> Vec<u8> {
        Identity::Contract { chain, department, name }.encode()
    }

    /// What the address under which the runtime keeps its own entries is the SHA-256 of.
    pub fn system_identity() -> Vec<u8> {
        Identity::System.encode()
    }

    /// What the address of whoever holds the private key of `public_key` is the SHA-256 of.
    pub fn key_identity(scheme: Scheme, public_key: &[u8]) -> Vec<u8> {
        Identity::Key { scheme, public_key }.encode()
    }
}

#[cfg(feature = "sha256")]
mod hashed {
    use parity_scale_codec::Encode as _;
    use sha2::{Digest as _, Sha256};

    use super::{Address, Digest, Identity, Scheme};
    use crate::Name;

    impl Digest {
        /// The SHA-256 of `bytes`.
        pub fn of(bytes: &[u8]) -> Self {
            Self(Sha256::digest(bytes).into())
        }
    }

    impl Address {
        /// The address of a mainchain's registry.
        pub fn registry(chain: &Name) -> Self {
            let name = Name::new("registry").expect("a valid name");
            Self::of_contract(chain, &name, &name)
        }

        /// The address of whoever holds the private key of `public_key` (32 bytes for ed25519, 33 for p256).
        pub fn of_key(scheme: Scheme, public_key: &[u8]) -> Self {
            Self(Digest::of(&Identity::Key { scheme, public_key }.encode()).0)
        }

        /// The address of the contract that `department` calls `name` on `chain`.
        pub fn of_contract(chain: &Name, department: &Name, name: &Name) -> Self {
            Self(Digest::of(&Self::contract_identity(chain, department, name)).0)
        }

        /// The address under which the runtime keeps its own entries: nonces, contract records, code.
        pub fn system() -> Self {
            Self(Digest::of(&Identity::System.encode()).0)
        }
    }
}

/// Why a text is not 32 bytes in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HexError;

impl fmt::Display for HexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected 64 hexadecimal digits")
    }
}

impl core::error::Error for HexError {}

/// The bytes that `text` spells in hexadecimal, both cases allowed, or `None`.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8);
    text.chunks_exact(2).map(|pair| Some((digit(pair[0])? << 4) | digit(pair[1])?)).collect()
}

macro_rules! hexadecimal {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl core::str::FromStr for $name {
            type Err = HexError;

            fn from_str(text: &str) -> Result<Self, HexError> {
                let bytes = from_hex(text).ok_or(HexError)?;
                bytes.try_into().map(Self).map_err(|_| HexError)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
    };
}

hexadecimal!(Digest);
hexadecimal!(Address);
