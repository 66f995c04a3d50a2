//! What is carried, and when.

use chancery_abi::{
    Beacon, Digest, Payload, codec,
    lane::{AnchorState, AnchorUpdate, Delivery, Settlement, slots},
    limits::{BEACONS_MAX, BOUNCE_GAS, SETTLEMENT_RETURNS_MAX},
    merkle::path_in_mountain,
};
use chancery_runtime::{
    execution::lanes::{self, Sidechain},
    storage::StateBackend,
};

use super::{
    About, Chain, Relay,
    exchange::ProvenCount,
    or_later,
    other::{BYTES_MAX, Other},
    proofs::{Way, prove, prove_of},
};
use crate::chain::ChainError;

/// Gas that a transaction costs beside what is counted here.
const GAS_BESIDE: u64 = 60_000_000;
/// Gas of anchoring one header.
const ANCHOR_GAS: u64 = 20_000_000;
/// A header goes along with those that are due once it has waited for one in so many parts of what it may.
const ALONG_FROM: u64 = 4;
/// Anchors that somebody asks for are so far apart, in milliseconds.
const ASKED_EVERY_MS: u64 = 500;
/// So many messages that were taken are worth a settlement.
pub(super) const SETTLE_FROM: u64 = 64;
/// Headers below the newest in which one with a certificate of its own is looked for.
const CERTIFIED_WITHIN: u64 = 64;
/// Mainchain headers above a height in which the one that brought its beacon is looked for: beacons may have been late.
const BEACON_WITHIN: u64 = 1 << 14;

/// Why a header is to be anchored, the most pressing first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Anchoring {
    /// Somebody or something waits for it.
    Awaited,
    /// It has waited for as long as the chain's setting lets it.
    Old,
    /// It has waited for a part of that, and goes along with others.
    Along,
    /// Nothing is new, or not for long.
    NotYet,
}

/// The last height of the term that a chain's newest anchor is of, where that is final and not anchored.
fn term_end<B: StateBackend + 'static>(side: &Chain<B>, anchored: &AnchorState) -> Option<u64> {
    let ledger = side.ledger();
    let end = ledger.terms().span(anchored.epoch)?.last;
    (end <= ledger.tip().height && end > anchored.newest.height).then_some(end)
}

impl<B: StateBackend + 'static> Relay<B> {
    fn sides(&self) -> Vec<Chain<B>> {
        let is_side = |chain: &Chain<B>| chain.ledger().rules().genesis().mainchain.is_some();
        self.chains.all().into_iter().filter(|chain| is_side(chain) && chain.halted().is_none()).collect()
    }

    /// Anchors what is due, all in one transaction, and with it what soon would be: chains that each made a block of the
    /// mainchain for themselves would be dearer than they are.
    pub(super) fn anchors(&mut self) {
        let main = self.mainchain.clone();
        let known = self.known.get(main.ledger().rules().name());
        let known = known.map(|known| known.sidechains.clone()).unwrap_or_default();
        let mut found = Vec::new();
        for side in self.sides() {
            let name = side.ledger().rules().name().clone();
            let Some((sidechain, anchored)) = known.get(&name) else { continue };
            // What is asked of this node is not another's to do.
            let is_asked = self.is_asked(&side, anchored);
            if anchored.closed.is_some() || !(is_asked || self.has_turn(&side)) {
                continue;
            }
            let anchoring = or_later(&name, self.anchoring(&side, sidechain, anchored));
            if let Some(anchoring) = anchoring.filter(|anchoring| *anchoring != Anchoring::NotYet) {
                found.push((anchoring, side));
            }
        }
        // Those that come along do not make one that is handed in already another one.
        let due = found.iter().filter(|(anchoring, _)| *anchoring != Anchoring::Along);
        let heights = due.map(|(_, side)| known[side.ledger().rules().name()].1.newest.height + 1);
        let state: u64 = heights.sum();
        if state == 0 || self.waits(&main, &About::Anchors, state) {
            return;
        }
        found.sort_by_key(|(anchoring, _)| *anchoring);
        let (mut updates, mut bytes, mut is_due) = (Vec::new(), 0, false);
        for (anchoring, side) in found {
            let name = side.ledger().rules().name();
            let (sidechain, anchored) = &known[name];
            let update = or_later(name, self.anchor_of(&side, sidechain, anchored));
            let Some(update) = update.flatten() else { continue };
            let more = codec::encode(&update).len();
            if bytes + more <= BYTES_MAX || updates.is_empty() {
                bytes += more;
                is_due |= anchoring != Anchoring::Along;
                updates.push(update);
            }
        }
        if !is_due {
            return;
        }
        let gas = GAS_BESIDE + ANCHOR_GAS * updates.len() as u64;
        self.hand_in(&main, About::Anchors, state, Payload::Anchor(updates), gas);
    }

    /// Whether somebody waits here for a header that is not anchored, and none was a moment ago.
    fn is_asked(&self, side: &Chain<B>, anchored: &AnchorState) -> bool {
        let main_tip = self.mainchain.ledger().tip().timestamp_ms;
        let main_height = self.mainchain.ledger().tip().height;
        let is_fresh = anchored.newest.mainchain_height == main_height && main_tip + ASKED_EVERY_MS > self.now_ms;
        side.anchor_wanted() > anchored.newest.height && !is_fresh
    }

    /// Why a sidechain's newest header is to be anchored, and whether it is.
    fn anchoring(
        &self,
        side: &Chain<B>,
        sidechain: &Sidechain,
        anchored: &AnchorState,
    ) -> Result<Anchoring, ChainError> {
        let (ledger, newest) = (side.ledger(), &anchored.newest);
        let tip = ledger.tip();
        if tip.height <= newest.height {
            return Ok(Anchoring::NotYet);
        }
        let has_messages = self.known.get(ledger.rules().name()).map_or(0, |known| known.sent_at) > newest.height;
        let ends_term = term_end(side, anchored).is_some();
        if ends_term || has_messages || sidechain.retired_height.is_some() || self.is_asked(side, anchored) {
            return Ok(Anchoring::Awaited);
        }
        // A chain's first is awaited by whoever founded it. Of what a snapshot left out, the time is that of what is anchored.
        let oldest = ledger.db().header(newest.height + 1)?.map_or(newest.timestamp_ms, |header| header.timestamp_ms);
        let waits_ms = if newest.height == 0 { u64::MAX } else { self.now_ms.saturating_sub(oldest) };
        Ok(match waits_ms {
            waits_ms if waits_ms >= sidechain.anchor_ms => Anchoring::Old,
            waits_ms if waits_ms >= sidechain.anchor_ms / ALONG_FROM => Anchoring::Along,
            _ => Anchoring::NotYet,
        })
    }

    /// The header of a sidechain that is to be anchored now, where this node can show that it extends the last one.
    fn anchor_of(
        &self,
        side: &Chain<B>,
        sidechain: &Sidechain,
        anchored: &AnchorState,
    ) -> Result<Option<AnchorUpdate>, ChainError> {
        let ledger = side.ledger();
        let (tip, newest, db) = (ledger.tip(), &anchored.newest, ledger.db());
        // A term's last header comes before those of the next.
        let from = term_end(side, anchored).unwrap_or(tip.height);
        let lowest = newest.height.max(from.saturating_sub(CERTIFIED_WITHIN));
        let mut found = None;
        for height in (lowest + 1..=from).rev() {
            if let Some(certificate) = db.certificate(height)? {
                found = Some((height, certificate));
                break;
            }
        }
        let Some((height, certificate)) = found else { return Ok(None) };
        let header = db.expect_part(db.header(height)?, "header", height)?;
        let subtree = |level, place| match db.history_subtree_if_kept(level, place) {
            Ok(kept) => kept.ok_or(None),
            Err(error) => Err(Some(error)),
        };
        let extends = match newest.height.checked_sub(1).map(|place| path_in_mountain(place, height - 1, subtree)) {
            None => None,
            Some(Ok(path)) => path,
            // A store that was filled from a snapshot above the newest anchor cannot show this; others can.
            Some(Err(None)) => return Ok(None),
            Some(Err(Some(error))) => return Err(error.into()),
        };
        let next = match header.next_committee {
            Some(_) => ledger.terms().of(header.epoch + 1).map(|term| term.committee),
            None => None,
        };
        let mut retired = None;
        if sidechain.retired_height.is_some() {
            let name = ledger.rules().name();
            let (contract, slot, value) = lanes::mirror::entry_of(name, sidechain);
            if let Some((Some(found), nodes)) = prove_of(side, height, &contract, &slot)? {
                retired = (found == value).then_some(nodes);
            }
            let waits_ms = self.now_ms.saturating_sub(newest.timestamp_ms);
            if retired.is_none() && waits_ms < sidechain.anchor_ms {
                return Ok(None);
            }
        }
        Ok(Some(AnchorUpdate { header, certificate, extends, next, retired }))
    }

    /// Carries what waits on every lane that leads to a chain of this process.
    pub(super) fn lanes(&mut self) {
        let mut all = self.sides();
        all.push(self.mainchain.clone());
        let others = self.others(&all);
        for to in &all {
            let name = to.ledger().rules().name();
            for of in others.iter().filter(|of| of.name() != name) {
                or_later(name, self.deliver(to, of));
                or_later(name, self.settle(to, of));
            }
            or_later(name, self.beacons(to));
        }
    }

    fn deliver(&mut self, to: &Chain<B>, of: &Other<B>) -> Result<(), ChainError> {
        let (to_name, of_name) = (to.ledger().rules().name().clone(), of.name().clone());
        let sent = self.counts_of(of, to).sent;
        let taken = self.known.get(&to_name).map_or(0, |known| known.counts(&of_name).taken);
        if sent <= taken {
            return Ok(());
        }
        let about = About::Delivery(of_name.clone());
        let is_due = self.has_turn(to) && !self.waits(to, &about, taken);
        let way = self.way(to, of)?;
        let messages = match &way {
            // Who does not hand them in now asks nobody for them.
            Some(way) if is_due || of.is_here() => self.messages_of(of, &to_name, way.height, taken)?,
            _ => Vec::new(),
        };
        if way.is_some() && messages.is_empty() && !of.is_here() {
            // They are in that state, and on their way here.
            return Ok(());
        }
        let Some(way) = way.filter(|_| !messages.is_empty()) else {
            // What was sent is not in any state that is known there.
            if let Some(height) = self.news(to, of)? {
                to.want_seen(height);
            }
            return Ok(());
        };
        if !is_due {
            return Ok(());
        }
        let gas = messages.iter().map(|proven| lanes::gas_of(&proven.message)).sum::<u64>() + GAS_BESIDE;
        let delivery = Delivery { source: of_name, proof: way.proof, messages };
        self.hand_in(to, about, taken, Payload::Deliver(Box::new(delivery)), gas);
        Ok(())
    }

    /// Tells `to` how far `of` has come in taking its messages, when that is worth it.
    fn settle(&mut self, to: &Chain<B>, of: &Other<B>) -> Result<(), ChainError> {
        let (to_name, of_name) = (to.ledger().rules().name().clone(), of.name().clone());
        let counts = self.known.get(&to_name).map(|known| known.counts(&of_name)).unwrap_or_default();
        let taken = self.counts_of(of, to).taken;
        if counts.settled >= counts.sent {
            return Ok(());
        }
        let main = self.known.get(self.mainchain.ledger().rules().name());
        let state = main.and_then(|known| known.sidechains.get(&of_name)).map(|(_, state)| state.clone());
        let closed = state.filter(|state| state.closed.is_some());
        let is_due = closed.is_some() || taken >= counts.settled + SETTLE_FROM;
        let about = About::Settlement(of_name.clone());
        if !is_due || !self.has_turn(to) || self.waits(to, &about, counts.settled) {
            return Ok(());
        }
        let Some(Way { proof, height }) = self.way(to, of)? else {
            if let Some(height) = self.news(to, of)? {
                to.want_seen(height);
            }
            return Ok(());
        };
        let Some(ProvenCount { count: next, nodes }) = self.taken_by(of, &to_name, height)? else { return Ok(()) };
        let closed = match closed {
            None if next.unwrap_or(0) < counts.settled + SETTLE_FROM => return Ok(()),
            None => None,
            Some(state) if to.ledger().rules().genesis().mainchain.is_none() => Some((state, Vec::new())),
            Some(_) => {
                let seen = to.newest_seen()?;
                let Some((Some(value), nodes)) = prove(&self.mainchain, seen, &slots::anchor(&of_name))? else {
                    return Ok(());
                };
                let Ok(state) = codec::decode::<AnchorState>(&value, value.len()) else { return Ok(()) };
                if state.closed.is_none() {
                    if let Some(height) = self.news(to, &Other::Here(self.mainchain.clone()))? {
                        to.want_seen(height);
                    }
                    return Ok(());
                }
                Some((state, nodes))
            }
        };
        if closed.as_ref().is_some_and(|(state, _)| state.newest.height != height) {
            // Of a closed chain its last header counts alone.
            return Ok(());
        }
        let returned = if closed.is_some() { SETTLEMENT_RETURNS_MAX } else { 0 };
        let gas = GAS_BESIDE + returned * BOUNCE_GAS;
        let settlement = Settlement { destination: of_name, proof, next, nodes, closed };
        self.hand_in(to, about, counts.settled, Payload::Settle(Box::new(settlement)), gas);
        Ok(())
    }

    /// Brings a sidechain the beacons that its contracts expect.
    fn beacons(&mut self, to: &Chain<B>) -> Result<(), ChainError> {
        if to.ledger().rules().genesis().mainchain.is_none() {
            return Ok(());
        }
        let known = self.known.get(to.ledger().rules().name());
        let expected = known.map(|known| known.expected_beacons.clone()).unwrap_or_default();
        let (seen, tip) = (to.newest_seen()?, self.mainchain.ledger().tip().height);
        if let Some(next) = expected.iter().copied().find(|height| *height > seen)
            && tip > next
        {
            to.want_seen(next);
        }
        if !self.has_turn(to) {
            return Ok(());
        }
        // One that does not come holds up no other.
        let mut known = Vec::new();
        for height in expected.into_iter().take_while(|height| *height <= seen) {
            known.extend(self.beacon_of(height)?);
            if known.len() == BEACONS_MAX {
                break;
            }
        }
        let Some(first) = known.first().map(|beacon| beacon.height) else { return Ok(()) };
        if self.waits(to, &About::Beacons, first) {
            return Ok(());
        }
        let gas = GAS_BESIDE + 20_000_000 * known.len() as u64;
        self.hand_in(to, About::Beacons, first, Payload::Beacons(known), gas);
        Ok(())
    }

    /// The beacon of a mainchain height, from the header that brought it.
    fn beacon_of(&self, height: u64) -> Result<Option<Beacon>, ChainError> {
        let ledger = self.mainchain.ledger();
        let known: Option<Digest> =
            self.mainchain.read_state(|view| chancery_runtime::execution::beacons::known(view, height))?;
        if known.is_none() {
            return Ok(None);
        }
        for above in height + 1..=ledger.tip().height.min(height + BEACON_WITHIN) {
            let Some(header) = ledger.db().header(above)? else { break };
            if let Some(beacon) = header.beacons.into_iter().find(|beacon| beacon.height == height) {
                return Ok(Some(beacon));
            }
        }
        Ok(None)
    }
}
