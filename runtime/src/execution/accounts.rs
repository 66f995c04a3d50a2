//! The runtime's own entries in the state, under [`Address::system`]: nonces, contract records and code.
//!
//! They are entries like any contract's, so they are under the root and can be proven.

use parity_scale_codec::{Decode, Encode};

use crate::{
    abi::{
        Address, Digest,
        schema::ContractRecord,
        slot::{SlotKey, push_field},
    },
    state::StateView,
    storage::StorageError,
};

fn slot(field: &str, key: &impl SlotKey) -> Vec<u8> {
    let mut slot = Vec::with_capacity(48);
    push_field(&mut slot, field);
    key.push_to(&mut slot);
    slot
}

/// The slot key of an account's nonce, a u64 in SCALE.
pub fn nonce_slot(account: &Address) -> Vec<u8> {
    slot("nonce", account)
}

/// The slot key of a contract's record.
pub fn contract_slot(contract: &Address) -> Vec<u8> {
    slot("contract", contract)
}

/// The slot key of a module's source Wasm.
pub fn code_slot(code: &Digest) -> Vec<u8> {
    slot("code", code)
}

/// The slot key of a height's beacon, a digest in SCALE.
pub fn beacon_slot(height: u64) -> Vec<u8> {
    slot("beacon", &height)
}

/// The slot key of the newest beacon's height, a u64 in SCALE.
pub fn newest_beacon_slot() -> Vec<u8> {
    let mut slot = Vec::new();
    push_field(&mut slot, "newest_beacon");
    slot
}

/// An entry that the runtime itself wrote and cannot read back.
fn decode<T: Decode>(what: &'static str, bytes: Vec<u8>) -> Result<T, StorageError> {
    T::decode(&mut &bytes[..]).map_err(|error| StorageError::new(what, error))
}

/// The next nonce of an account; 0 for one that never sent a transaction.
///
/// # Errors
/// When the store cannot be read.
pub fn nonce(view: &dyn StateView, account: &Address) -> Result<u64, StorageError> {
    let bytes = view.get(&Address::system(), &nonce_slot(account))?;
    bytes.map_or(Ok(0), |bytes| decode("read a nonce", bytes))
}

/// A contract's record.
///
/// # Errors
/// When the store cannot be read.
pub fn contract_record(view: &dyn StateView, contract: &Address) -> Result<Option<ContractRecord>, StorageError> {
    let bytes = view.get(&Address::system(), &contract_slot(contract))?;
    bytes.map(|bytes| decode("read a contract's record", bytes)).transpose()
}

/// A module's source Wasm.
///
/// # Errors
/// When the store cannot be read.
pub fn code(view: &dyn StateView, code: &Digest) -> Result<Option<Vec<u8>>, StorageError> {
    view.get(&Address::system(), &code_slot(code))
}

pub(crate) fn encode_nonce(nonce: u64) -> Vec<u8> {
    nonce.encode()
}
