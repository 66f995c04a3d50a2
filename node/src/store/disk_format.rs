//! Types to bytes: every key and value that the node itself keeps, in one list.
//!
//! | column   | kind                     | key                                   | value                              |
//! |----------|--------------------------|---------------------------------------|------------------------------------|
//! | `blocks` | [`HEADER`]               | height                                | `Header`                           |
//! | `blocks` | [`TRANSACTIONS`]         | height                                | `Vec<Transaction>`                 |
//! | `blocks` | [`CERTIFICATE`]          | height                                | `Certificate`                      |
//! | `blocks` | [`RECEIPTS`]             | height                                | `Vec<Receipt>`                     |
//! | `index`  | [`TRANSACTION_PLACE`]    | transaction's digest                  | height, index (u32)                |
//! | `index`  | [`HEADER_HEIGHT`]        | header's digest                       | height                             |
//! | `index`  | [`HISTORY_SUBTREE`]      | level (1), place (8)                  | the complete subtree's hash        |
//! | `index`  | [`CONTRACT_NAME`]        | name's length (1), name, department   | the contract's address             |
//! | `meta`   | `b"node.genesis"`        |                                       | `Genesis`                          |
//! | `meta`   | `b"node.term."`          | the term's number                     | first height, `Committee`          |
//! | `meta`   | `b"node.tip"`            |                                       | `ChainTip`'s parts                 |
//! | `meta`   | `b"node.base"`           |                                       | height, after a snapshot           |
//! | `meta`   | `b"node.attestation"`    |                                       | height, signature                  |
//! | `meta`   | `b"chain."` ‖ digest     | (under the database's own number)     | number (u32), name                 |
//! | `meta`   | `b"filling."` ‖ digest   | (under the database's own number)     | the same, while rows are filled in |
//!
//! A kind is one byte in front of the key. Heights, places and indices in keys are big-endian, so that byte order is
//! their order; values are SCALE. All of it is part of [`chancery_runtime::storage::STORE_VERSION`].

use chancery_abi::{Digest, Name};
use chancery_runtime::storage::StorageError;
use parity_scale_codec::{Decode, DecodeAll as _, Encode};

use super::{
    chain_db::TransactionPlace,
    disk_db::{ChainEntry, ChainIdentity},
};

/// Kind in `blocks`: a header.
pub const HEADER: u8 = 0;
/// Kind in `blocks`: a block's transactions.
pub const TRANSACTIONS: u8 = 1;
/// Kind in `blocks`: a block's certificate.
pub const CERTIFICATE: u8 = 2;
/// Kind in `blocks`: a block's receipts.
pub const RECEIPTS: u8 = 3;

/// Kind in `index`: where a transaction is.
pub const TRANSACTION_PLACE: u8 = 0;
/// Kind in `index`: at what height a header is.
pub const HEADER_HEIGHT: u8 = 1;
/// Kind in `index`: a complete subtree of the history.
pub const HISTORY_SUBTREE: u8 = 2;
/// Kind in `index`: the contracts that bear a name.
pub const CONTRACT_NAME: u8 = 3;

/// Key in `meta`: the chain's genesis.
pub const GENESIS: &[u8] = b"node.genesis";
/// Key in `meta`: the newest committed block.
pub const TIP: &[u8] = b"node.tip";
/// Key in `meta`: the height that the store begins at, of one that was filled from a snapshot.
pub const BASE: &[u8] = b"node.base";
/// Key in `meta`: the newest attestation that this node knows.
pub const ATTESTATION: &[u8] = b"node.attestation";
/// Beginning of the keys in `meta` of committees' terms.
pub const TERM: &[u8] = b"node.term.";
/// Beginning of the keys in `meta` under which the database lists its chains.
pub const CHAIN_ENTRY: &[u8] = b"chain.";
/// Beginning of the keys in `meta` under which the database notes chains whose rows are not all there yet.
pub const FILLING_ENTRY: &[u8] = b"filling.";

/// The key of a committee's term.
pub fn term_key(epoch: u64) -> Vec<u8> {
    [TERM, &epoch.to_be_bytes()].concat()
}

/// The key of something of `kind` at `height`.
pub fn height_key(kind: u8, height: u64) -> [u8; 9] {
    let mut key = [kind; 9];
    key[1..].copy_from_slice(&height.to_be_bytes());
    key
}

/// The height in a key that [`height_key`] made.
pub fn height_of_key(key: &[u8]) -> Option<u64> {
    key.get(1..)?.try_into().ok().map(u64::from_be_bytes)
}

/// The key of something of `kind` that a digest names.
pub fn digest_key(kind: u8, digest: &Digest) -> [u8; 33] {
    let mut key = [kind; 33];
    key[1..].copy_from_slice(&digest.0);
    key
}

/// The key of a complete subtree of the history.
pub fn subtree_key(level: u8, place: u64) -> [u8; 10] {
    let mut key = [HISTORY_SUBTREE; 10];
    key[1] = level;
    key[2..].copy_from_slice(&place.to_be_bytes());
    key
}

/// What the keys of all contracts called `name` begin with. The length keeps a name apart from a longer one.
pub fn contract_name_prefix(name: &Name) -> Vec<u8> {
    let text = name.as_str().as_bytes();
    let length = u8::try_from(text.len()).expect("a name has at most 32 bytes");
    [&[CONTRACT_NAME, length], text].concat()
}

/// The key of the contract that `department` calls `name`.
pub fn contract_name_key(department: &Name, name: &Name) -> Vec<u8> {
    let mut key = contract_name_prefix(name);
    key.extend_from_slice(department.as_str().as_bytes());
    key
}

/// The bytes of `value`.
pub fn encode(value: &impl Encode) -> Vec<u8> {
    value.encode()
}

/// The value that the node itself once wrote as `bytes`; `what` says what it is.
///
/// # Errors
/// When it did not: the store is damaged, or its version lies.
pub fn decode<T: Decode>(what: &'static str, bytes: &[u8]) -> Result<T, StorageError> {
    T::decode_all(&mut &bytes[..]).map_err(|error| StorageError::new(what, error))
}

impl TransactionPlace {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        (self.height, self.index).encode()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, StorageError> {
        let (height, index) = decode("read a transaction's place", bytes)?;
        Ok(Self { height, index })
    }
}

/// The key and value by which a chain stands in one of the database's two lists, whose keys begin with `list`.
pub(super) fn encode_chain_entry(list: &[u8], entry: &ChainEntry) -> (Vec<u8>, Vec<u8>) {
    ([list, &entry.chain.genesis.0].concat(), (entry.number, &entry.chain.name).encode())
}

pub(super) fn decode_chain_entry(list: &[u8], key: &[u8], value: &[u8]) -> Result<ChainEntry, StorageError> {
    const WHAT: &str = "read the database's list of chains";
    let digest = key.strip_prefix(list).and_then(|digest| digest.try_into().ok());
    let genesis = Digest(digest.ok_or_else(|| StorageError::new(WHAT, "a key without a genesis' digest"))?);
    let (number, name) = decode(WHAT, value)?;
    Ok(ChainEntry { number, chain: ChainIdentity { name, genesis } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).expect("a name")
    }

    /// What is on disk may not change without a new store version; changing these bytes is a decision.
    #[test]
    fn keys_and_values_have_the_bytes_of_store_version_1() {
        assert_eq!(chancery_runtime::storage::STORE_VERSION, 1);
        assert_eq!(height_key(RECEIPTS, 0x0102), [3, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(digest_key(HEADER_HEIGHT, &Digest([7; 32]))[..3], [1, 7, 7]);
        assert_eq!(subtree_key(4, 9), [2, 4, 0, 0, 0, 0, 0, 0, 0, 9]);
        assert_eq!(contract_name_key(&name("land"), &name("deed")), b"\x03\x04deedland");
        let place = TransactionPlace { height: 258, index: 3 };
        assert_eq!(place.to_bytes(), [2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
        assert_eq!(TransactionPlace::from_bytes(&place.to_bytes()), Ok(place));
        let entry = ChainEntry { number: 1, chain: ChainIdentity { name: name("main"), genesis: Digest([9; 32]) } };
        let (key, value) = encode_chain_entry(CHAIN_ENTRY, &entry);
        assert_eq!((&key[..8], &value[..]), (&b"chain.\x09\x09"[..], &b"\x01\0\0\0\x10main"[..]));
        assert_eq!(decode_chain_entry(CHAIN_ENTRY, &key, &value), Ok(entry.clone()));
        let (key, value) = encode_chain_entry(FILLING_ENTRY, &entry);
        assert_eq!((&key[..10], &value[..]), (&b"filling.\x09\x09"[..], &b"\x01\0\0\0\x10main"[..]));
        assert_eq!(decode_chain_entry(FILLING_ENTRY, &key, &value), Ok(entry));
    }

    #[test]
    fn a_name_is_not_the_beginning_of_a_longer_one() {
        let short = contract_name_prefix(&name("deed"));
        assert!(!contract_name_key(&name("land"), &name("deeds")).starts_with(&short));
    }

    #[test]
    fn damaged_values_are_errors() {
        assert!(TransactionPlace::from_bytes(&[1, 2]).is_err());
        assert!(decode::<u64>("read", &[0; 9]).is_err(), "trailing bytes");
        assert!(decode_chain_entry(CHAIN_ENTRY, b"chain.short", &[]).is_err());
    }
}
