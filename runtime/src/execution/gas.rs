//! What a transaction costs before any contract runs. Prices of what contracts do are in [`crate::module::Schedule`]
//! and in the list of host functions.

use crate::{
    abi::{Authorisation, Payload, Transaction},
    module::{Schedule, compile_gas},
};

/// Every transaction: finding its account, its receipt, its place in the indexes.
const TRANSACTION_GAS: u64 = 30_000;
/// Every byte of a transaction: hashing, carrying and keeping it.
const BYTE_GAS: u64 = 10;
/// Checking an ed25519 signature.
const ED25519_GAS: u64 = 100_000;
/// Checking a passkey's signature.
const WEB_AUTHN_GAS: u64 = 400_000;

fn signature_gas(authorisation: &Authorisation) -> u64 {
    match authorisation {
        Authorisation::Ed25519 { .. } => ED25519_GAS,
        Authorisation::WebAuthn { .. } => WEB_AUTHN_GAS,
    }
}

/// The gas of a transaction of so many bytes before any contract runs.
pub fn intrinsic_gas(transaction: &Transaction, size_bytes: usize, schedule: &Schedule) -> u64 {
    let signatures = signature_gas(&transaction.authorisation)
        + transaction.sponsor_authorisation.as_deref().map_or(0, signature_gas);
    let code = match &transaction.body.payload {
        Payload::Deploy(deploy) => compile_gas(deploy.code.len(), schedule),
        Payload::Upgrade(upgrade) => compile_gas(upgrade.code.len(), schedule),
        Payload::Call(_) | Payload::Batch(_) => 0,
    };
    TRANSACTION_GAS + BYTE_GAS * size_bytes as u64 + signatures + code
}
