//! What the relay remembers of the chains' newest final states, so that idle chains cost it next to nothing: a block without
//! a transaction changes no lane.

use std::collections::BTreeMap;

use chancery_abi::{Name, lane::AnchorState, limits::BEACONS_MAX};
use chancery_runtime::execution::lanes::{self, LaneCounts, Sidechain};

use super::{Chain, Relay};
use crate::chain::ChainError;

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

impl Relay {
    /// Reads again what may have changed.
    pub(super) fn refresh(&mut self) -> Result<(), ChainError> {
        let all = self.chains.all();
        let names: Vec<Name> = all.iter().map(|chain| chain.ledger().rules().name().clone()).collect();
        for chain in all {
            let name = chain.ledger().rules().name().clone();
            let known = self.known.entry(name).or_default();
            let tip = chain.ledger().tip().height;
            if known.height == Some(tip) && known.counts.len() + 1 >= names.len() {
                continue;
            }
            let is_new_neighbour = known.counts.len() + 1 < names.len();
            if is_new_neighbour || something_was_done(&chain, known.height, tip)? {
                read(&chain, &names, tip, known)?;
            }
            known.height = Some(tip);
        }
        self.known.retain(|name, _| names.contains(name));
        Ok(())
    }
}

/// Whether a block after `from`, up to `to`, has a transaction.
fn something_was_done(chain: &Chain, from: Option<u64>, to: u64) -> Result<bool, ChainError> {
    let Some(from) = from.filter(|from| to - from <= LOOKED_THROUGH) else { return Ok(true) };
    for height in from + 1..=to {
        let header = chain.ledger().db().header(height)?;
        if header.is_none_or(|header| header.gas_used > 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read(chain: &Chain, names: &[Name], tip: u64, known: &mut Known) -> Result<(), ChainError> {
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
            known.expected_beacons = lanes::seen::expected_beacons(view, BEACONS_MAX)?;
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
