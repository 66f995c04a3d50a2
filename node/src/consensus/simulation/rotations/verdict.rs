//! What must hold of the keys: at every look, and when all is over.

use std::collections::{BTreeMap, BTreeSet};

use chancery_abi::{Address, KeyRotation, ThresholdKey, TrustAnchor, codec};
use chancery_runtime::{
    execution::registry::{KeySpan, Registry},
    state::FinalView,
};
use chancery_verify::{
    Confirmed,
    threshold::{beacon_holds, rotation_holds},
    verify,
};

use super::super::{
    doubles::SimSide,
    judge::{self, Violation},
    world::{Session, World},
};
use crate::{
    chain::{ContractRef, Word},
    consensus::Board,
};

/// The slot of some entry that every registry has.
const SLOT: &[u8] = b"\x0cepoch_blocks";

/// What was seen of the keys, by the rounds that made them.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Those that were announced or in force: the key, and its first height.
    known: BTreeMap<u32, ([u8; 96], u64)>,
    announced: BTreeSet<u32>,
    /// Those that were in force, in order.
    in_force: Vec<u32>,
}

fn of_registry<T>(side: &SimSide, read: impl FnOnce(&Registry<'_>) -> T) -> T {
    let ledger = side.chain.ledger();
    let view = FinalView(&**ledger.backend());
    read(&Registry::of(ledger.rules(), &view).expect("the chain has a registry"))
}

/// All keys by height, as a node has them.
pub(super) fn spans_of(side: &SimSide) -> Vec<KeySpan> {
    of_registry(side, |registry| registry.threshold_keys().expect("memory is readable")).spans
}

impl Keys {
    /// The round of the first key.
    pub(super) fn first(&self) -> Option<u32> {
        self.in_force.first().copied()
    }

    /// The round of the key that was in force last, and its first height.
    pub(super) fn last(&self) -> Option<(u32, u64)> {
        self.in_force.last().map(|round| (*round, self.known[round].1))
    }

    /// A key is what it was before; one comes in force after another only when it was announced; and the heights of all of
    /// them follow each other, without a gap and without one that has two.
    pub(super) fn look(&mut self, place: usize, board: &Board, spans: &[KeySpan]) -> Result<(), Violation> {
        let Some(group) = &board.group else { return Ok(()) };
        for group in std::iter::once(group).chain(&board.successor) {
            let key = (group.key, group.from_height);
            if *self.known.entry(group.round).or_insert(key) != key {
                return Err(Violation::TwoKeys { place, round: group.round });
            }
        }
        self.announced.extend(board.successor.iter().map(|successor| successor.round));
        if !self.in_force.contains(&group.round) {
            if !self.in_force.is_empty() && !self.announced.contains(&group.round) {
                return Err(Violation::TwoKeys { place, round: group.round });
            }
            self.in_force.push(group.round);
        }
        if self.spans(board, group.round) != spans {
            return Err(Violation::KeySpans { place, height: board.height, spans: format!("{spans:?}") });
        }
        Ok(())
    }

    /// What the heights of all keys must be for a node that has this board.
    fn spans(&self, board: &Board, in_force: u32) -> Vec<KeySpan> {
        let before = self.in_force.iter().copied().take_while(|round| *round != in_force);
        let successor = board.successor.iter().map(|successor| successor.round);
        let rounds: Vec<u32> = before.chain([in_force]).chain(successor).collect();
        let span = |(place, round): (usize, &u32)| {
            let (key, from_height) = self.known[round];
            let to_height = rounds.get(place + 1).map(|next| self.known[next].1 - 1);
            KeySpan { key: ThresholdKey { key, from_height, to_height, untrusted: false }, round: *round }
        };
        rounds.iter().enumerate().map(span).collect()
    }
}

impl World {
    /// When all is over: one key took the place of the first, no other ever signed, and every node leads from one to the
    /// other. Returns how many beacons there are.
    pub(super) fn judge_rotation(&self, session: &Session, keys: &Keys) -> Result<u64, Violation> {
        let sides = session.sides();
        judge::one_chain(&sides)?;
        self.signed.in_turn()?;
        let (signed, in_force) = (self.signed.rounds(), &keys.in_force);
        let [old, new] = in_force[..] else { return Err(Violation::SignedBy { signed, in_force: in_force.clone() }) };
        if signed != BTreeSet::from([old, new]) {
            return Err(Violation::SignedBy { signed, in_force: in_force.clone() });
        }
        if keys.known[&old].0 == keys.known[&new].0 {
            return Err(Violation::TwoKeys { place: 0, round: new });
        }
        let mut beacons = 0;
        for (place, side) in sides.iter().enumerate().filter_map(|(place, side)| Some((place, side.as_ref()?))) {
            // Equal headers have equal beacons, and checking one takes its time.
            if place == 0 {
                beacons = self.one_beacon_each(place, side)?;
            }
            self.leads_on(place, side, &keys.known[&old].0, new, keys.known[&new])?;
        }
        Ok(beacons)
    }

    /// From the first key on every height has one beacon, under the key that speaks for it, up to the newest.
    fn one_beacon_each(&self, place: usize, side: &SimSide) -> Result<u64, Violation> {
        let (ledger, genesis) = (side.chain.ledger(), self.genesis.digest());
        let keys = of_registry(side, |registry| registry.threshold_keys().expect("memory is readable"));
        let first = keys.spans.first().map_or(0, |span| span.key.from_height);
        let mut due = first;
        for height in 1..=ledger.tip().height {
            let header = ledger.db().header(height).expect("memory is readable").expect("a committed header is there");
            for beacon in &header.beacons {
                let holds = || keys.at(due).is_some_and(|key| beacon_holds(&genesis, &key.key, beacon));
                if beacon.height != due || due >= height || !holds() {
                    return Err(Violation::WrongBeacon { place, height, due, found: beacon.height });
                }
                due += 1;
            }
        }
        Ok(due - first)
    }

    /// The old key signed the new one, and whoever trusts the old one alone takes what the new one attests.
    fn leads_on(
        &self,
        place: usize,
        side: &SimSide,
        old: &[u8; 96],
        round: u32,
        (key, from_height): ([u8; 96], u64),
    ) -> Result<(), Violation> {
        let broken = |reason: String| Violation::NotLed { place, reason };
        let genesis = self.genesis.digest();
        let endorsements = of_registry(side, |registry| registry.endorsements(round).expect("memory is readable"));
        let holds = |signature: [u8; 48]| rotation_holds(&genesis, old, &KeyRotation { key, from_height, signature });
        // All that put one up are honest here.
        if endorsements.len() < 2 || !endorsements.iter().all(|(_, signature)| holds(*signature)) {
            return Err(broken(format!("the old key's signatures are {endorsements:?}")));
        }
        let registry = ContractRef::Address(Address::registry(&self.genesis.chain));
        let bundle = side.chain.prove_state(&registry, SLOT, None, Word::Attestation { known: Some(*old) });
        let bundle = codec::encode(&bundle.map_err(|error| broken(error.to_string()))?);
        let trusted = ThresholdKey { key: *old, from_height: 0, to_height: None, untrusted: false };
        let anchor = TrustAnchor { threshold_keys: vec![trusted], ..TrustAnchor::of_genesis(&self.genesis) };
        let verified = verify(&bundle, &anchor).map_err(|error| broken(error.to_string()))?;
        if verified.confirmed != (Confirmed::Attestation { key, rotations: 1, untrusted: false }) {
            return Err(broken(format!("{:?}", verified.confirmed)));
        }
        Ok(())
    }
}
