//! What a transaction costs before any contract runs. Prices of what contracts do are in [`crate::module::Schedule`]
//! and in the list of host functions.

use crate::{
    abi::{Authorisation, Certificate, Payload, Transaction},
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

/// What a message or a header costs besides: a few entries written.
const LANE_GAS: u64 = 500_000;
/// What a settlement costs: up to 256 entries removed.
const SETTLE_GAS: u64 = 35_000_000;
/// Checking a beacon: two pairings.
const BEACON_GAS: u64 = 15_000_000;

fn certificate_gas(certificate: &Certificate) -> u64 {
    LANE_GAS + ED25519_GAS * certificate.votes.len() as u64
}

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
        Payload::Call(_) | Payload::Batch(_) | Payload::Claim { .. } => 0,
        // Each vote of a certificate is a signature.
        Payload::Anchor(updates) => updates.iter().map(|update| certificate_gas(&update.certificate)).sum(),
        Payload::Fork(evidence) => certificate_gas(&evidence.certificate),
        Payload::Deliver(delivery) => LANE_GAS * (delivery.messages.len() as u64 + 1),
        Payload::Settle(_) => SETTLE_GAS,
        Payload::Beacons(beacons) => BEACON_GAS * beacons.len() as u64,
    };
    TRANSACTION_GAS + BYTE_GAS * size_bytes as u64 + signatures + code
}
