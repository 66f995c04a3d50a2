//! Domain separation: `chancery/v1/<kind>/<suite>/<genesis hash>` stands in front of everything that is hashed to be
//! signed or committed to, so that nothing is valid in two places.
//!
//! The kinds and the suite are fixed texts without a slash and the hash is always 64 digits, so no domain is the
//! beginning of another. A trie's nodes carry no domain: they are found under a root that does.

use alloc::{format, string::String};

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
        }
    }
}

/// The domain of `kind` on the chain whose genesis has the digest `genesis`.
pub fn domain(kind: Kind, genesis: &Digest) -> String {
    format!("chancery/v1/{}/{SUITE}/{genesis}", kind.as_str())
}

/// The SHA-256 of the domain followed by `parts`, one after the other.
pub fn digest(kind: Kind, genesis: &Digest, parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new_with_prefix(domain(kind, genesis));
    for part in parts {
        hasher.update(part);
    }
    Digest(hasher.finalize().into())
}
