//! [`VerifiedTransaction`]: a transaction whose parts are within their limits and whose signatures hold. It can only
//! exist once they did, so nothing later checks them again.

use super::{
    gas::intrinsic_gas,
    rules::ChainRules,
    signature::{self, at_most},
};
use crate::abi::{Call, Digest, Payload, Refusal, Transaction, WIRE_VERSION, limits};

/// A transaction of this chain that is whole and signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedTransaction {
    transaction: Transaction,
    digest: Digest,
    size_bytes: usize,
}

impl VerifiedTransaction {
    /// Checks a transaction against everything that does not depend on the state.
    ///
    /// # Errors
    /// When it is for another chain, over a limit, or a signature does not hold.
    pub fn verify(transaction: Transaction, rules: &ChainRules) -> Result<Self, Refusal> {
        let verified = Self::unsigned(transaction, rules)?;
        let Transaction { body, authorisation, sponsor_authorisation } = &verified.transaction;
        if authorisation.address() != body.sender {
            return Err(Refusal::WrongKey);
        }
        match (body.sponsor, sponsor_authorisation) {
            (None, None) => {}
            (Some(sponsor), Some(signed)) if signed.address() == sponsor => {}
            (Some(_), Some(_)) => return Err(Refusal::WrongKey),
            _ => return Err(Refusal::SponsorMismatch),
        }
        signature::check(authorisation, &verified.digest, rules.genesis())?;
        if let Some(signed) = sponsor_authorisation {
            signature::check(signed, &verified.digest, rules.genesis())?;
        }
        Ok(verified)
    }

    /// The same without signatures, for trying a transaction out. It must never reach a block.
    pub(super) fn unsigned(transaction: Transaction, rules: &ChainRules) -> Result<Self, Refusal> {
        let body = &transaction.body;
        if body.version != WIRE_VERSION {
            return Err(Refusal::Malformed(crate::abi::DecodeError::UnknownVersion { found: body.version }));
        }
        if body.chain != *rules.name() {
            return Err(Refusal::WrongChain { expected: rules.name().clone(), found: body.chain.clone() });
        }
        check_limits(&body.payload)?;
        if body.gas_limit > limits::TRANSACTION_GAS_MAX {
            return Err(Refusal::GasAboveLimit { limit: limits::TRANSACTION_GAS_MAX, found: body.gas_limit });
        }
        let size_bytes = parity_scale_codec::Encode::encoded_size(&transaction);
        at_most("the transaction's bytes", size_bytes, limits::TRANSACTION_BYTES_MAX)?;
        let intrinsic = intrinsic_gas(&transaction, size_bytes, rules.schedule());
        if body.gas_limit < intrinsic {
            return Err(Refusal::GasBelowIntrinsic { intrinsic, found: body.gas_limit });
        }
        let digest = transaction.digest(rules.digest());
        Ok(Self { transaction, digest, size_bytes })
    }

    /// The transaction.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// The digest it is known by.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its length on the wire.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Whether it may be in the block at `height` as far as its validity goes.
    ///
    /// # Errors
    /// When it has expired, or is valid for longer than allowed.
    pub fn check_validity(&self, height: u64) -> Result<(), Refusal> {
        let valid_until = self.transaction.body.valid_until_height;
        if height > valid_until {
            return Err(Refusal::Expired { valid_until, height });
        }
        let limit = height.saturating_add(limits::VALIDITY_HEIGHTS_MAX);
        if valid_until > limit {
            return Err(Refusal::ValidTooLong { valid_until, limit });
        }
        Ok(())
    }
}

fn check_limits(payload: &Payload) -> Result<(), Refusal> {
    let check_input = |input: &[u8]| at_most("call data", input.len(), limits::CALL_DATA_BYTES_MAX);
    match payload {
        Payload::Call(call) => check_input(&call.input),
        Payload::Deploy(deploy) => {
            at_most("code", deploy.code.len(), limits::CODE_BYTES_MAX)?;
            check_input(&deploy.input)
        }
        Payload::Upgrade(upgrade) => {
            at_most("code", upgrade.code.len(), limits::CODE_BYTES_MAX)?;
            check_input(&upgrade.input)
        }
        Payload::Batch(calls) => {
            if calls.is_empty() {
                return Err(Refusal::EmptyBatch);
            }
            at_most("calls of a batch", calls.len(), limits::BATCH_CALLS_MAX)?;
            calls.iter().try_for_each(|Call { input, .. }| check_input(input))
        }
        // What is carried between chains has limits of its own, which are looked at with what it says.
        Payload::Anchor(_)
        | Payload::Deliver(_)
        | Payload::Settle(_)
        | Payload::Fork(_)
        | Payload::Claim { .. }
        | Payload::Beacons(_) => Ok(()),
    }
}
