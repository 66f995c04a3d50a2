//! The trie's hash function: SHA-256, for keys and values of 32 bytes.
//!
//! A trie key is SHA-256(contract ‖ slot key) and a trie value SHA-256(value), so every leaf holds its value inline,
//! every node is longer than a hash, and no node is ever embedded in its parent. No domain stands in front of nodes:
//! the root must be plain sp-trie's.

use chancery_abi::Digest;
use sha2::{Digest as _, Sha256};

/// Bytes of a hash, a trie key and a trie value.
pub(super) const HASH_BYTES: usize = 32;
/// A SHA-256.
pub(super) type Hash = [u8; HASH_BYTES];
/// SHA-256(contract ‖ slot key).
pub(super) type TrieKey = [u8; HASH_BYTES];

/// The encoded node of a trie without entries.
pub(super) const EMPTY_NODE: &[u8] = &[0];

/// The SHA-256 of `bytes`.
pub(super) fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// The root of the trie without entries: the state of every chain at height 0.
pub fn empty_root() -> Digest {
    Digest(hash(EMPTY_NODE))
}
