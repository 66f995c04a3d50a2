//! Other chains: what a mainchain knows of its sidechains, what those know of it, and messages between all of them.
//!
//! A sidechain's header names the newest mainchain header it saw ([`seen`]); the mainchain keeps anchors of sidechains'
//! headers ([`anchors`]). Contracts send messages to the [`outbox`] of their chain; whoever likes carries them with proofs
//! to their destination's [`inbox`]. What of the mainchain's registry concerns a sidechain goes the same way ([`mirror`]),
//! so that roles, freezes, deployers, quotas, committees and the threshold key hold there as well, read by the same code.
//!
//! Invariants: nothing of another chain is believed without a path from what this chain's own state says; a message of a
//! lane is taken exactly once and in order; one that does not run comes back exactly once; a lane never waits for a
//! contract. Everything here is admitted before it costs a nonce ([`admit`]), so a transaction that comes too late, because
//! another carrier was faster, leaves no trace.

pub mod anchors;
mod inbox;
pub mod mirror;
mod outbox;
pub mod seen;
mod term;

use parity_scale_codec::{Decode, Encode};

use super::{
    rules::ChainRules,
    session::{Halt, Session},
};
use crate::{
    abi::{Address, LaneRefusal, Payload, Refusal, TransactionBody, lane::slots},
    state::StateView,
    storage::StorageError,
};

pub(super) use self::term::conclude;
pub use self::{
    inbox::{Taken, gas_of},
    mirror::{Sidechain, sidechain_genesis},
    term::{next_committee, settled_end},
};
pub(super) use self::{
    inbox::{claim, deliver},
    outbox::{mainchain_height, send, settle},
};

/// What is so, or why a transaction is refused.
type Admission = Result<(), LaneRefusal>;

/// Checks what a transaction says of other chains against what this one knows. Other transactions pass.
pub(super) fn admit(
    rules: &ChainRules,
    session: &Session,
    body: &TransactionBody,
    intrinsic: u64,
) -> Result<Result<(), Refusal>, Halt> {
    if is_retired(rules, session)? {
        return Ok(Err(Refusal::Lane(LaneRefusal::ChainClosed { chain: rules.name().clone() })));
    }
    let admitted = match &body.payload {
        Payload::Deploy(_) | Payload::Call(_) | Payload::Upgrade(_) | Payload::Batch(_) => Ok(()),
        Payload::Anchor(updates) => anchors::admit(rules, session, updates)?,
        Payload::Fork(evidence) => anchors::admit_fork(rules, session, evidence)?,
        Payload::Deliver(delivery) => inbox::admit(rules, session, delivery, body.gas_limit, intrinsic)?,
        Payload::Settle(settlement) => outbox::admit(rules, session, settlement, body.gas_limit, intrinsic)?,
        Payload::Claim { source, sequence } => inbox::admit_claim(session, source, *sequence)?,
        Payload::Beacons(beacons) => seen::admit_beacons(rules, session, beacons)?,
    };
    Ok(admitted.map_err(Refusal::Lane))
}

/// Whether this is a sidechain that the registry has retired, as it knows itself. It then takes nothing more.
fn is_retired(rules: &ChainRules, session: &Session) -> Result<bool, Halt> {
    if rules.genesis().mainchain.is_none() {
        return Ok(false);
    }
    let own = mirror::sidechain(rules, session, rules.name())?;
    Ok(own.is_some_and(|own| own.retired_height.is_some()))
}

/// An entry of the runtime's own about other chains; none where there is none.
///
/// # Errors
/// When the store cannot be read, or what stands there is not what this release writes.
pub fn get<T: Decode>(view: &dyn StateView, slot: &[u8]) -> Result<Option<T>, StorageError> {
    let bytes = view.get(&Address::system(), slot)?;
    bytes
        .map(|bytes| T::decode(&mut &bytes[..]).map_err(|error| StorageError::new("read an entry about a lane", error)))
        .transpose()
}

fn put(session: &mut Session, slot: Vec<u8>, value: &impl Encode) {
    session.set(&Address::system(), slot, Some(value.encode()));
}

fn remove(session: &mut Session, slot: Vec<u8>) {
    session.set(&Address::system(), slot, None);
}

/// Numbers of a lane's messages, as the chain at one end has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneCounts {
    /// Messages that were sent to the other chain.
    pub sent: u64,
    /// How many of them are known to have been taken there.
    pub settled: u64,
    /// Messages that came from it.
    pub taken: u64,
}

/// The counts of the lanes between this chain and another.
///
/// # Errors
/// When the store cannot be read.
pub fn counts(view: &dyn StateView, other: &crate::abi::Name) -> Result<LaneCounts, StorageError> {
    Ok(LaneCounts {
        sent: get(view, &slots::sent(other))?.unwrap_or(0),
        settled: get(view, &slots::settled(other))?.unwrap_or(0),
        taken: get(view, &slots::inbox(other))?.unwrap_or(0),
    })
}

fn not_shown(error: chancery_verify::LaneError) -> LaneRefusal {
    LaneRefusal::NotShown { reason: error.into() }
}
