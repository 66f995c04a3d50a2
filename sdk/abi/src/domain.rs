//! Domain separation: `chancery/v1/<kind>/<suite>/<genesis hash>` stands in front of everything that is hashed to be
//! signed or committed to, so that nothing is valid in two places.
//!
//! The kinds and the suite are fixed texts without a slash and the hash is always 64 digits, so no domain is the
//! beginning of another. A trie's nodes carry no domain: they are found under a root that does.

use alloc::{format, string::String, vec::Vec};

use sha2::{Digest as _, Sha256};

use crate::Digest;

/// The one crypto suite of this release: SHA-256, ed25519 for committees, ed25519 and p256 for accounts.
pub const SUITE: &str = "sha256-ed25519";

/// What a digest is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A genesis; hashed under the zero digest.
    Genesis,
    /// A transaction's body, which its authorisations sign.
    Transaction,
    /// A header.
    Header,
    /// The list of a block's transactions.
    Transactions,
    /// A receipt.
    Receipt,
    /// The list of a block's receipts.
    Receipts,
    /// The history of earlier headers.
    History,
    /// A committee.
    Committee,
    /// The votes of a certificate.
    Certificate,
    /// A height's beacon.
    Beacon,
    /// A header, as the mainchain's threshold key attests it.
    Attestation,
    /// The making of a threshold key.
    Ceremony,
    /// A threshold key, as the one before it names it.
    KeyRotation,
}

impl Kind {
    /// The kind's text in a domain.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Genesis => "genesis",
            Self::Transaction => "transaction",
            Self::Header => "header",
            Self::Transactions => "transactions",
            Self::Receipt => "receipt",
            Self::Receipts => "receipts",
            Self::History => "history",
            Self::Committee => "committee",
            Self::Certificate => "certificate",
            Self::Beacon => "beacon",
            Self::Attestation => "attestation",
            Self::Ceremony => "ceremony",
            Self::KeyRotation => "key-rotation",
        }
    }
}

/// The domain of `kind` on the chain whose genesis has the digest `genesis`.
pub fn domain(kind: Kind, genesis: &Digest) -> String {
    format!("chancery/v1/{}/{SUITE}/{genesis}", kind.as_str())
}

/// `message` behind the domain, whose length comes first in LEB128: what threshold signatures are made over.
pub fn prefixed(kind: Kind, genesis: &Digest, message: &[u8]) -> Vec<u8> {
    let domain = domain(kind, genesis);
    let mut bytes = Vec::with_capacity(domain.len() + message.len() + 2);
    leb128(&mut bytes, domain.len() as u64);
    bytes.extend_from_slice(domain.as_bytes());
    bytes.extend_from_slice(message);
    bytes
}

/// A number in unsigned LEB128, as the engine's library writes lengths.
pub(crate) fn leb128(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number as u8) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The SHA-256 of the domain followed by `parts`, one after the other.
pub fn digest(kind: Kind, genesis: &Digest, parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new_with_prefix(domain(kind, genesis));
    for part in parts {
        hasher.update(part);
    }
    Digest(hasher.finalize().into())
}
