//! What must hold whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use chancery_abi::{Digest, HandOver};
use chancery_verify::signatures::verify_certificate;

use super::{doubles::SimSide, world::Acknowledged};

/// Something that must never be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Violation {
    #[error("validator {place} stopped: {reason}")]
    Stopped { place: usize, reason: String },
    #[error("validators {first} and {second} have different blocks at height {height}")]
    Fork { height: u64, first: usize, second: usize },
    #[error("{transaction} was acknowledged by validator {by} and is not at validator {place}")]
    Lost { transaction: Digest, by: usize, place: usize },
    #[error("the effects of height {height} were told more than once by validator {place}")]
    Twice { height: u64, place: usize },
    #[error("no progress after {faults}: heights {heights:?}, and before {before:?}")]
    NoProgress { faults: String, before: Vec<u64>, heights: Vec<u64> },
    #[error("what validator {place} has does not lead to its newest committee: {reason}")]
    HandOver { place: usize, reason: String },
    #[error("validator {place} knows another threshold key, of round {round}, than there was before")]
    TwoKeys { place: usize, round: u32 },
    #[error("validator {place} has keys at height {height} that do not fit what came before: {spans}")]
    KeySpans { place: usize, height: u64, spans: String },
    #[error("validator {place} signed with the key of round {round} at height {height}, before its time")]
    SignedEarly { place: usize, round: u32, height: u64 },
    #[error("the keys of rounds {signed:?} signed, and those of rounds {in_force:?} were in force")]
    SignedBy { signed: BTreeSet<u32>, in_force: Vec<u32> },
    #[error("block {height} of validator {place} has a wrong beacon of height {found} where that of {due} is due")]
    WrongBeacon { place: usize, height: u64, due: u64, found: u64 },
    #[error("at validator {place} the old threshold key does not lead to the new one: {reason}")]
    NotLed { place: usize, reason: String },
    #[error("{what} did not come about: {keys}")]
    KeyLost { what: String, keys: String },
    #[error("validator {place} does not open again: {reason}")]
    DoesNotOpen { place: usize, reason: String },
}

/// Nobody stopped, and nobody told a height's effects twice.
pub(super) fn still_run(sides: &[Option<SimSide>]) -> Result<(), Violation> {
    for (place, side) in sides.iter().enumerate() {
        let Some(side) = side else { continue };
        if let Some(halted) = side.chain.halted() {
            return Err(Violation::Stopped { place, reason: halted.reason.clone() });
        }
        let told = side.told.lock().expect("nobody panicked");
        if let Some(pair) = told.windows(2).find(|pair| pair[1].0 <= pair[0].0) {
            return Err(Violation::Twice { height: pair[1].0, place });
        }
    }
    Ok(())
}

/// Every height has one block.
pub(super) fn one_chain(sides: &[Option<SimSide>]) -> Result<BTreeMap<u64, Digest>, Violation> {
    let mut chain: BTreeMap<u64, (usize, Digest)> = BTreeMap::new();
    for (place, side) in sides.iter().enumerate() {
        let Some(side) = side else { continue };
        let ledger = side.chain.ledger();
        for height in 1..=ledger.tip().height {
            let header = ledger.db().header(height).expect("memory is readable").expect("a committed header is there");
            // The header has every root, so equal headers are equal states.
            let digest = header.digest(ledger.rules().digest());
            let (first, known) = *chain.entry(height).or_insert((place, digest));
            if known != digest {
                return Err(Violation::Fork { height, first, second: place });
            }
        }
    }
    Ok(chain.into_iter().map(|(height, (_, digest))| (height, digest)).collect())
}

/// What every validator has leads from the first committee to the one that certified its newest block.
pub(super) fn one_anchor_leads_to_all(sides: &[Option<SimSide>]) -> Result<(), Violation> {
    for (place, side) in sides.iter().enumerate() {
        let Some(side) = side else { continue };
        let ledger = side.chain.ledger();
        let (rules, epoch) = (ledger.rules(), ledger.tip().epoch);
        let broken = |reason: String| Violation::HandOver { place, reason };
        let hand_overs = ledger.hand_overs(epoch).map_err(|error| broken(error.to_string()))?;
        if hand_overs.len() as u64 != epoch {
            return Err(broken(format!("{} of {epoch} are there", hand_overs.len())));
        }
        let mut committee = rules.genesis().committee.clone();
        for HandOver { header, certificate, next } in hand_overs {
            let certified = certificate.header == header.digest(rules.digest());
            let named = header.next_committee == Some(next.digest(rules.digest()));
            verify_certificate(rules.digest(), &committee, &certificate).map_err(|error| broken(error.to_string()))?;
            if !certified || !named {
                return Err(broken(format!("height {} does not lead on", header.height)));
            }
            committee = next;
        }
    }
    Ok(())
}

/// Everything that was acknowledged is everywhere.
pub(super) fn nothing_lost(sides: &[Option<SimSide>], acknowledged: &Acknowledged) -> Result<(), Violation> {
    for (transaction, by) in acknowledged {
        for (place, side) in sides.iter().enumerate() {
            let Some(side) = side else { continue };
            if side.chain.ledger().db().receipt(transaction).expect("memory is readable").is_none() {
                return Err(Violation::Lost { transaction: *transaction, by: *by, place });
            }
        }
    }
    Ok(())
}
