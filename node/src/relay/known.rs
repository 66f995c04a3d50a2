//! What the relay remembers of the newest final states of the chains here, so that idle chains cost it next to nothing: a block without
//! a transaction changes no lane.

use std::collections::{BTreeMap, BTreeSet};

use chancery_abi::{Name, lane::AnchorState};
use chancery_runtime::{
    execution::lanes::{self, LaneCounts, Sidechain},
    storage::StateBackend,
};

use super::{Chain, Relay, or_later};
use crate::chain::ChainError;

/// Heights whose beacons a chain waits for that are looked at.
const EXPECTED_MAX: usize = 256;
/// Blocks that are looked through one by one; after more, the state is read again in any case.
const LOOKED_THROUGH: u64 = 64;

/// What is known of one chain.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// As of which height; none before it was read.
    height: Option<u64>,
    /// The counts of its lanes, by the other chain.
    counts: BTreeMap<Name, LaneCounts>,
    /// The newest height at which a message was seen to have been sent, or a beacon to be expected.
    pub(super) sent_at: u64,
    /// The mainchain's heights whose beacons its contracts expect.
    pub(super) expected_beacons: Vec<u64>,
    /// Of a mainchain: its sidechains, and how each stands.
    pub(super) sidechains: BTreeMap<Name, (Sidechain, AnchorState)>,
}

impl Known {
    pub(super) fn counts(&self, other: &Name) -> LaneCounts {
        self.counts.get(other).copied().unwrap_or_default()
    }
}

impl<B: StateBackend + 'static> Relay<B> {
    /// Reads again what may have changed.
    pub(super) fn refresh(&mut self) -> Result<(), ChainError> {
        let all = self.chains.all();
        // Those that are here, and those that the mainchain has.
        let main = self.known.get(self.mainchain.ledger().rules().name());
        let elsewhere = main.into_iter().flat_map(|main| main.sidechains.keys().cloned());
        let here = all.iter().map(|chain| chain.ledger().rules().name().clone());
        let names: BTreeSet<Name> = here.chain(elsewhere).collect();
        // What a halted chain's store has is not read again: it may be what halted it.
        for chain in all.into_iter().filter(|chain| chain.halted().is_none()) {
            let name = chain.ledger().rules().name();
            let known = self.known.entry(name.clone()).or_default();
            let tip = chain.ledger().tip().height;
            let is_new_neighbour = names.iter().any(|other| other != name && !known.counts.contains_key(other));
            if known.height == Some(tip) && !is_new_neighbour {
                continue;
            }
            let done = if is_new_neighbour { Ok(true) } else { something_was_done(&chain, known.height, tip) };
            let refreshed = done.and_then(|done| if done { read(&chain, &names, tip, known) } else { Ok(()) });
            if or_later(name, refreshed).is_some() {
                known.height = Some(tip);
            }
        }
        self.known.retain(|name, _| names.contains(name));
        self.views.retain(|(of, to), _| names.contains(of) && names.contains(to));
        Ok(())
    }
}

/// Whether a block after `from`, up to `to`, has a transaction.
fn something_was_done<B: StateBackend + 'static>(
    chain: &Chain<B>,
    from: Option<u64>,
    to: u64,
) -> Result<bool, ChainError> {
    let Some(from) = from.filter(|from| to - from <= LOOKED_THROUGH) else { return Ok(true) };
    for height in from + 1..=to {
        let header = chain.ledger().db().header(height)?;
        if header.is_none_or(|header| header.gas_used > 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read<B: StateBackend + 'static>(
    chain: &Chain<B>,
    names: &BTreeSet<Name>,
    tip: u64,
    known: &mut Known,
) -> Result<(), ChainError> {
    let rules = chain.ledger().rules();
    let expected_before = known.expected_beacons.clone();
    let before: u64 = known.counts.values().map(|counts| counts.sent).sum();
    let is_first = known.height.is_none();
    let is_mainchain = rules.genesis().mainchain.is_none();
    chain.read_state(|view| {
        for other in names.iter().filter(|other| *other != rules.name()) {
            known.counts.insert(other.clone(), lanes::counts(view, other)?);
        }
        if is_mainchain {
            known.sidechains.clear();
            for (name, sidechain) in lanes::mirror::sidechains(rules, view)? {
                if let Some(state) = lanes::anchors::state_of(rules, view, &name)? {
                    known.sidechains.insert(name, (sidechain, state));
                }
            }
        } else {
            known.expected_beacons = lanes::seen::expected_beacons(view, EXPECTED_MAX)?;
        }
        Ok(())
    })?;
    let sent: u64 = known.counts.values().map(|counts| counts.sent).sum();
    // What was sent before this process began may not be anchored, and whoever expects a beacon has something fixed that is to be on record before it.
    let expects_more = known.expected_beacons.iter().any(|height| !expected_before.contains(height));
    if sent > before || expects_more || is_first && sent > 0 {
        known.sent_at = tip;
    }
    Ok(())
}
