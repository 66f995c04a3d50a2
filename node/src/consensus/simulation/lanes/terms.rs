//! Sidechains whose committees change while messages come and go: of five nodes four serve each of them, and one comes in
//! for another, again and again, by acts in the registry's real contract. Every node has every chain all the while.

use std::time::{Duration, SystemTime};

use chancery_abi::{Address, Digest, Name, Outcome, Payload};
use commonware_runtime::Clock as _;
use ed25519_zebra::SigningKey;
use parity_scale_codec::{Decode as _, Encode as _};

use super::{
    books::Violation,
    storm::{GAS, VALID_FOR, administrator, call, public, sign},
    world::{NODES, SIDES, Service, Session, World},
};
use crate::{consensus::ChainSide as _, fixture::name};

/// Committees change at multiples of this height of the mainchain.
pub(super) const EPOCH: u64 = 8;
/// How many serve a sidechain.
pub(super) const MEMBERS: usize = NODES - 1;
/// Blocks from an act to the committee that it names, and some for what goes wrong meanwhile.
const NOTICE: u64 = 64 + 12;
/// What shows no effect for so long is done again.
const AGAIN_AFTER: Duration = Duration::from_secs(3);
/// Blocks of which a member has to have certified one.
const LAST: u64 = 40;

/// The variant of the contract's `Measure`.
const SET_COMMITTEE: u8 = 9;

#[derive(Clone, Debug)]
enum Step {
    /// Whoever does not serve says that it is ready.
    Ready,
    /// It is to come in for another.
    Propose,
    CarryOut {
        act: u32,
        members: Vec<[u8; 32]>,
    },
    /// Until the chain has that committee.
    Wait {
        members: Vec<[u8; 32]>,
    },
}

/// Where the changes of a sidechain's committee stand.
#[derive(Debug)]
pub(super) struct Change {
    chain: Name,
    step: Step,
    /// What was handed in for the step, and when; with whom it would be.
    handed_in: Option<(Digest, SystemTime, Vec<[u8; 32]>)>,
}

/// The keys of a chain's present committee, as a node has it.
pub(super) fn members(chain: &Service) -> Vec<[u8; 32]> {
    chain.terms().present().committee.keys().to_vec()
}

/// None has begun.
pub(super) fn changes() -> Vec<Change> {
    SIDES.iter().map(|side| Change { chain: name(side), step: Step::Ready, handed_in: None }).collect()
}

impl Change {
    /// The step after this one, once what was handed in for it is final, as this node knows it.
    fn step_on(&mut self, main: &Service, chain: &Service) {
        if let Step::Wait { members: awaited } = &self.step {
            if members(chain) == *awaited {
                self.step = Step::Ready;
            }
            return;
        }
        let Some((digest, _, members)) = &self.handed_in else { return };
        let receipt = main.ledger().db().receipt(digest).expect("memory is readable");
        let Some(receipt) = receipt else { return };
        let members = members.clone();
        self.handed_in = None;
        self.step = match (&self.step, receipt.outcome) {
            (Step::Ready, Outcome::Done { .. }) => Step::Propose,
            (Step::Propose, Outcome::Done { output }) => {
                Step::CarryOut { act: u32::decode(&mut &output[..]).expect("an act's number"), members }
            }
            (Step::CarryOut { .. }, Outcome::Done { .. }) => Step::Wait { members },
            // Too late by now: from the beginning.
            _ => Step::Ready,
        };
    }
}

impl World {
    /// Goes one step on with the committees' changes, by way of a node.
    pub(super) fn change_committees(&mut self, session: &Session) {
        let (place, who) = (self.choices.below(NODES), self.choices.below(MEMBERS));
        let (Some(main), now) = (session.chain(place, &self.genesis.chain), session.context.current()) else { return };
        let mut changes = std::mem::take(&mut self.changes);
        for change in changes.iter_mut().filter(|change| !self.stands_still(&change.chain)) {
            let Some(chain) = session.chain(place, &change.chain) else { continue };
            change.step_on(&main, &chain);
            let handed_in = change.handed_in.as_ref();
            if handed_in.is_none_or(|(_, at, _)| now.duration_since(*at).unwrap_or_default() >= AGAIN_AFTER)
                && let Some((by, payload, members)) = self.action(change, &main, &chain, who)
            {
                let transaction = sign(&by, &main, payload, GAS, VALID_FOR);
                let digest = transaction.digest(main.ledger().rules().digest());
                // What is not taken is done again.
                main.submit(transaction).ok();
                change.handed_in = Some((digest, now, members));
            }
        }
        self.changes = changes;
    }

    /// What is to be handed in: by whom, what, and the committee that would come of it.
    fn action(
        &self,
        change: &Change,
        main: &Service,
        chain: &Service,
        who: usize,
    ) -> Option<(SigningKey, Payload, Vec<[u8; 32]>)> {
        let registry = Address::registry(&self.genesis.chain);
        let serving = members(chain);
        let idle = self.keys.iter().find(|node| !serving.contains(&public(node))).copied()?;
        match &change.step {
            Step::Ready => {
                let input = (public(&idle), "10.0.0.1:7171").encode();
                Some((idle, call(registry, "declare_ready", input), Vec::new()))
            }
            Step::Propose => {
                let mut members = serving;
                members[who] = public(&idle);
                members.sort_unstable();
                let from_height = (main.ledger().tip().height + NOTICE).next_multiple_of(EPOCH);
                let measure = (SET_COMMITTEE, change.chain.as_str(), &members, from_height).encode();
                let input = [measure, "2026-1".encode()].concat();
                Some((administrator(), call(registry, "propose", input), members))
            }
            Step::CarryOut { act, members } => {
                Some((administrator(), call(registry, "carry_out", act.encode()), members.clone()))
            }
            Step::Wait { .. } => None,
        }
    }

    /// How often the committees of sidechains that live have changed.
    pub(super) fn changed(&self, session: &Session) -> u64 {
        let newest = session.newest().into_iter().filter(|(chain, _)| !self.stands_still(chain));
        newest.map(|(_, chain)| chain.terms().present().epoch).sum()
    }

    /// Every node knows the same committee of each sidechain, and every member of one that lives votes; how often they
    /// changed.
    pub(super) fn judge_committees(&self, session: &Session) -> Result<u64, Violation> {
        let mut terms = 0;
        for (name, newest) in session.newest() {
            let (term, tip) = (newest.terms().present(), newest.ledger().tip().height);
            terms += term.epoch;
            if self.stands_still(&name) {
                continue;
            }
            let has_lasted = tip >= term.first_height + LAST / 2;
            let others = (0..NODES).filter_map(|place| session.chain(place, &name).map(|chain| (place, chain)));
            if let Some((place, _)) = others.clone().find(|(_, chain)| members(chain) != term.committee.keys()) {
                return Err(Violation::OtherCommittee { chain: name, place });
            }
            for (member, of) in term.committee.keys().iter().enumerate().filter(|_| has_lasted) {
                let votes = |height: u64, chain: &Service| {
                    let certificate = chain.ledger().db().certificate(height).expect("memory is readable");
                    let votes = certificate.filter(|found| found.epoch == term.epoch).map(|found| found.votes);
                    votes.is_some_and(|votes| votes.iter().any(|vote| usize::from(vote.member) == member))
                };
                let voted = |chain: &Service| (tip.saturating_sub(LAST)..=tip).any(|height| votes(height, chain));
                if !others.clone().any(|(_, chain)| voted(&chain)) {
                    let place = self.keys.iter().position(|node| public(node) == *of).unwrap_or(NODES);
                    return Err(Violation::VotesNot { chain: name, place });
                }
            }
        }
        Ok(terms)
    }
}
