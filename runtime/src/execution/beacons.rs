//! Beacons that became known: checked under the mainchain's threshold key, and kept where contracts find them.
//!
//! A header brings beacons of heights that were final before it, in order and none twice. There is one signature that
//! holds for a height, by the key that speaks for it, so a proposer can delay a beacon and never choose it. The newest [`BEACONS_KEPT`] stay in the
//! state; older ones stand in the headers that brought them.

use std::collections::BTreeMap;

use parity_scale_codec::{Decode, Encode};

use super::{
    accounts,
    registry::Registry,
    rules::ChainRules,
    session::{Halt, Session},
};
use crate::{
    abi::{
        Address, Beacon, Digest,
        limits::{BEACONS_KEPT, BEACONS_MAX},
    },
    state::StateView,
    storage::StorageError,
};

/// Why a header's beacons are wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeaconError {
    /// There are more than a header may have.
    #[error("the header has {found} beacons, of which at most {BEACONS_MAX} are allowed")]
    TooMany {
        /// How many it has.
        found: usize,
    },
    /// The chain has no threshold key.
    #[error("the header has beacons, and there is no threshold key yet")]
    NoKey,
    /// It is not of the height that is due.
    #[error("block {below} has the beacon of height {found}, and that of height {due} is due, once it is final")]
    OutOfOrder {
        /// The height that comes next; none is left out.
        due: u64,
        /// The header's own height.
        below: u64,
        /// The height found.
        found: u64,
    },
    /// Its signature is not the key's.
    #[error("the beacon of height {height} is not signed by the threshold key")]
    Forged {
        /// Its height.
        height: u64,
    },
}

/// The height of the newest beacon in the state; none before the first.
///
/// # Errors
/// When the store cannot be read.
pub fn newest(view: &dyn StateView) -> Result<Option<u64>, StorageError> {
    let bytes = view.get(&Address::system(), &accounts::newest_beacon_slot())?;
    Ok(bytes.and_then(|bytes| u64::decode(&mut &bytes[..]).ok()))
}

/// The beacon of a height, when it is known and not too long ago.
///
/// # Errors
/// When the store cannot be read.
pub fn known(view: &dyn StateView, height: u64) -> Result<Option<Digest>, StorageError> {
    let bytes = view.get(&Address::system(), &accounts::beacon_slot(height))?;
    Ok(bytes.and_then(|bytes| Digest::decode(&mut &bytes[..]).ok()))
}

/// Those of `offered` that a block at `height` on the state that `view` shows may bring: in order, from the one that is
/// due, none left out.
///
/// # Errors
/// When the store cannot be read.
pub fn due_of(
    rules: &ChainRules,
    view: &dyn StateView,
    height: u64,
    offered: &BTreeMap<u64, Beacon>,
) -> Result<Vec<Beacon>, StorageError> {
    if rules.genesis().mainchain.is_some() {
        // There they come in transactions, as contracts ask for them.
        return Ok(Vec::new());
    }
    let registry = Registry::of(rules, view);
    let Some(group) = registry.map(|registry| registry.group()).transpose()?.flatten() else { return Ok(Vec::new()) };
    let first = newest(view)?.map_or(0, |newest| newest + 1).max(group.from_height);
    Ok((first..height).map_while(|height| offered.get(&height).cloned()).take(BEACONS_MAX).collect())
}

/// Checks a header's beacons and keeps them. Those that are in `known` were found to hold before; as a key and a height
/// have one signature, nothing differs but the work.
pub(super) fn apply(
    rules: &ChainRules,
    session: &mut Session,
    beacons: &[Beacon],
    known: &BTreeMap<u64, Beacon>,
) -> Result<Result<(), BeaconError>, Halt> {
    if beacons.is_empty() {
        return Ok(Ok(()));
    }
    if beacons.len() > BEACONS_MAX {
        return Ok(Err(BeaconError::TooMany { found: beacons.len() }));
    }
    let registry = Registry::of(rules, &*session).filter(|_| rules.genesis().mainchain.is_none());
    let Some(registry) = registry else { return Ok(Err(BeaconError::NoKey)) };
    let Some(group) = registry.group()? else { return Ok(Err(BeaconError::NoKey)) };
    let keys = registry.threshold_keys()?;
    let below = session.facts.height;
    let mut due = newest(&*session)?.map_or(0, |newest| newest + 1).max(group.from_height);
    for beacon in beacons {
        if beacon.height != due || beacon.height >= below {
            return Ok(Err(BeaconError::OutOfOrder { due, below, found: beacon.height }));
        }
        // What the registry has of keys by height may be unreadable; the one in force is not.
        let key = keys.at(due).map_or(&group.key, |key| &key.key);
        let is_known = known.get(&beacon.height) == Some(beacon);
        if !is_known && !chancery_verify::threshold::beacon_holds(rules.digest(), key, beacon) {
            return Ok(Err(BeaconError::Forged { height: beacon.height }));
        }
        due = beacon.height + 1;
        keep(session, beacon);
    }
    Ok(Ok(()))
}

/// Keeps a beacon that was found to hold where contracts find it.
pub(super) fn keep_value(session: &mut Session, beacon: &Beacon) {
    session.set(&Address::system(), accounts::beacon_slot(beacon.height), Some(beacon.value().encode()));
}

fn keep(session: &mut Session, beacon: &Beacon) {
    let system = Address::system();
    keep_value(session, beacon);
    session.set(&system, accounts::newest_beacon_slot(), Some(beacon.height.encode()));
    if let Some(old) = beacon.height.checked_sub(BEACONS_KEPT) {
        session.set(&system, accounts::beacon_slot(old), None);
    }
}
