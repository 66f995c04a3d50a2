//! What a sidechain knows of its mainchain: headers that its blocks named, beacons that were brought.
//!
//! A block names the newest final mainchain header that its proposer knew; validators vote only for a block whose header
//! they know themselves, so what is recorded here is what a quorum of them saw. The newest [`SEEN_KEPT`] stay.

use super::{Admission, get, put, remove};
use crate::{
    abi::{
        Beacon, Digest, Header, LaneRefusal, Mainchain, MainchainSeen, codec,
        lane::{MainchainEntry, slots},
        limits::{BEACONS_MAX, SEEN_KEPT, TRANSACTION_BYTES_MAX},
        message::MainchainFact,
    },
    execution::{
        beacons,
        registry::Registry,
        rules::ChainRules,
        session::{Halt, Session},
    },
    state::StateView,
    storage::StorageError,
};

/// Why a block's word about the mainchain is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeenError {
    /// The chain has no mainchain but itself.
    #[error("the header names a mainchain header, and this is no sidechain")]
    NotASidechain,
    /// It is below what an earlier block saw.
    #[error("the header names mainchain height {found}, and {newest} was seen before")]
    RunsBack {
        /// The newest height seen before.
        newest: u64,
        /// The height named.
        found: u64,
    },
    /// It names another header of a height that was seen.
    #[error("the header names another mainchain header of height {height} than was seen before")]
    Other {
        /// The height.
        height: u64,
    },
}

/// The newest mainchain height that this chain has seen; 0 before the first.
///
/// # Errors
/// When the store cannot be read.
pub fn newest(view: &dyn StateView) -> Result<u64, StorageError> {
    Ok(get(view, &slots::newest_seen())?.unwrap_or(0))
}

/// Records what a block's header names, before anything in it runs.
pub(in crate::execution) fn record(
    rules: &ChainRules,
    session: &mut Session,
    seen: Option<MainchainSeen>,
) -> Result<Result<(), SeenError>, Halt> {
    let Some(MainchainSeen { height, header }) = seen else {
        // A block that names none has seen what the one before it saw.
        return Ok(Ok(()));
    };
    if rules.genesis().mainchain.is_none() {
        return Ok(Err(SeenError::NotASidechain));
    }
    let newest = newest(&*session)?;
    if height < newest {
        return Ok(Err(SeenError::RunsBack { newest, found: height }));
    }
    if height == newest {
        let known: Option<Digest> = get(&*session, &slots::seen(height))?;
        return Ok(if known == Some(header) { Ok(()) } else { Err(SeenError::Other { height }) });
    }
    put(session, slots::seen(height), &header);
    put(session, slots::newest_seen(), &height);
    // Heights are left out, so what is forgotten is all that lies between two borders.
    let (from, to) = (newest.saturating_sub(SEEN_KEPT), height.saturating_sub(SEEN_KEPT));
    for old in forgotten(session, from, to)? {
        remove(session, slots::seen(old));
    }
    Ok(Ok(()))
}

/// The recorded heights in `from..to`.
fn forgotten(session: &Session, from: u64, to: u64) -> Result<Vec<u64>, StorageError> {
    let mut prefix = slots::seen(0);
    prefix.truncate(prefix.len() - size_of::<u64>());
    let mut heights = Vec::new();
    if from >= to {
        return Ok(heights);
    }
    let mut after = slots::seen(from.saturating_sub(1));
    loop {
        let page = session.page(&crate::abi::Address::system(), &prefix, &after, 16, usize::MAX)?.entries;
        let read = |key: &[u8]| key.get(prefix.len()..)?.try_into().ok().map(u64::from_be_bytes);
        let found: Vec<u64> = page.iter().filter_map(|(key, _)| read(key)).take_while(|height| *height < to).collect();
        let is_last = found.len() < 16;
        if let Some((key, _)) = page.last() {
            after.clone_from(key);
        }
        heights.extend(found);
        if is_last {
            break;
        }
    }
    Ok(heights)
}

/// Checks that a mainchain header was seen here.
pub(super) fn check_header(rules: &ChainRules, view: &dyn StateView, header: &Header) -> Result<Admission, Halt> {
    let Some(mainchain) = &rules.genesis().mainchain else { return Ok(Err(LaneRefusal::NotASidechain)) };
    let Some(seen) = get::<Digest>(view, &slots::seen(header.height))? else {
        return Ok(Err(LaneRefusal::HeaderNotSeen { height: header.height }));
    };
    Ok(chancery_verify::lane::mainchain_header(header, &mainchain.genesis, &seen).map_err(super::not_shown))
}

/// What an entry of the mainchain's state is, where what a contract presents shows it.
pub(in crate::execution) fn fact(session: &Session, presented: &[u8]) -> Result<Option<MainchainFact>, StorageError> {
    let Some(Mainchain { genesis, .. }) = &session.facts.mainchain else { return Ok(None) };
    let Ok(entry) = codec::decode::<MainchainEntry>(presented, TRANSACTION_BYTES_MAX) else { return Ok(None) };
    let Some(seen) = get::<Digest>(session, &slots::seen(entry.header.height))? else { return Ok(None) };
    if chancery_verify::lane::mainchain_entry(&entry, genesis, &seen).is_err() {
        return Ok(None);
    }
    let MainchainEntry { header, contract, key, value, .. } = entry;
    Ok(Some(MainchainFact { height: header.height, timestamp_ms: header.timestamp_ms, contract, key, value }))
}

/// Checks beacons of the mainchain that a transaction brings to a sidechain.
pub(super) fn admit_beacons(rules: &ChainRules, session: &Session, found: &[Beacon]) -> Result<Admission, Halt> {
    let Some(mainchain) = &rules.genesis().mainchain else { return Ok(Err(LaneRefusal::NotASidechain)) };
    if found.is_empty() || found.len() > BEACONS_MAX {
        return Ok(Err(LaneRefusal::Count { found: found.len(), limit: BEACONS_MAX }));
    }
    let not_shown = |reason: String| Ok(Err(LaneRefusal::NotShown { reason }));
    let registry = Registry::of(rules, session);
    let keys = registry.map(|registry| registry.threshold_keys()).transpose()?.unwrap_or_default();
    if keys.spans.is_empty() {
        return not_shown("the threshold key is not known here yet".into());
    }
    let newest = newest(session)?;
    for beacon in found {
        let height = beacon.height;
        let Some(key) = keys.at(height).filter(|_| height <= newest) else {
            return Ok(Err(LaneRefusal::HeaderNotSeen { height }));
        };
        if beacons::known(session, height)?.is_some() {
            return Ok(Err(LaneRefusal::NotDue { expected: height.saturating_add(1), found: height }));
        }
        if !chancery_verify::threshold::beacon_holds(&mainchain.genesis, &key.key, beacon) {
            return not_shown(format!("the beacon of height {height} is not signed by the threshold key"));
        }
    }
    Ok(Ok(()))
}

/// Keeps beacons that were admitted.
pub(in crate::execution) fn keep_beacons(session: &mut Session, found: &[Beacon]) {
    for beacon in found {
        beacons::keep_value(session, beacon);
        remove(session, slots::expected_beacon(beacon.height));
    }
}

/// A contract promises to draw by the beacon of a height. Returns the furthest height that can be promised, 0 where none can:
/// not too far ahead, and not beyond the last height of the key that speaks now, so that a draw's list and its beacon are of
/// one key's time. The promise is made where the height is still to come and not above that.
pub(in crate::execution) fn expect_beacon(session: &mut Session, height: u64) -> Result<u64, StorageError> {
    let now = super::mainchain_height(session)?;
    let Some(registry) = Registry::at(session.facts.registry, &session.facts.chain, session) else { return Ok(0) };
    let horizon = registry.threshold_keys()?.horizon(now);
    if session.facts.mainchain.is_some() && now < height && height <= horizon {
        put(session, slots::expected_beacon(height), &1u8);
    }
    Ok(horizon)
}

/// Heights of the mainchain whose beacons contracts of this chain wait for, the first `limit` of them.
///
/// # Errors
/// When the store cannot be read.
pub fn expected_beacons(view: &dyn StateView, limit: usize) -> Result<Vec<u64>, StorageError> {
    let prefix = slots::expected_beacons();
    let page = view.page(&crate::abi::Address::system(), &prefix, &[], limit)?;
    let height = |(key, _): &(Vec<u8>, Vec<u8>)| key.get(prefix.len()..)?.try_into().ok().map(u64::from_be_bytes);
    Ok(page.iter().filter_map(height).collect())
}
