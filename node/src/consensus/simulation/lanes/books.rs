//! What must hold of the messages between chains, whatever happened: the notes that are taken while a run goes on, and the
//! judgement at its end.
//!
//! What became of a message is read from the couriers' own entries, which say of every message that it was taken or came
//! back; their balances and what they hold of others add up to what they began with.

use std::{collections::BTreeMap, fmt};

use chancery_abi::{
    Address, Digest, Name,
    lane::slots,
    message::{Message, MessageBody},
    slot::{SlotKey, push_field},
};
use chancery_runtime::execution::lanes;
use parity_scale_codec::Decode;

use super::{
    carrier::Tricks,
    storm::POINTS,
    world::{NODES, Service, Session, World, courier},
};
use crate::consensus::simulation::faults::Fault;

/// Something that must never be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Violation {
    #[error("chain {chain} of node {place} does not open again: {reason}")]
    DoesNotOpen { chain: Name, place: usize, reason: String },
    #[error("chain {chain} stopped on node {place}: {reason}")]
    Stopped { chain: Name, place: usize, reason: String },
    #[error("{what} could not be done on chain {chain}: {last}")]
    NotDone { what: &'static str, chain: Name, last: String },
    #[error("nodes {first} and {second} have different blocks of chain {chain} at height {height}")]
    Fork { chain: Name, height: u64, first: usize, second: usize },
    #[error("message {number} from {from} to {to} was not to be found in the outbox once it was sent")]
    Unsent { from: Name, to: Name, number: u64 },
    #[error("message {number} from {from} to {to} was taken and came back")]
    Doubled { from: Name, to: Name, number: u64 },
    #[error("message {number} from {from} to {to} was neither taken nor came back, and waits nowhere")]
    Lost { from: Name, to: Name, number: u64 },
    #[error("chain {to} took {taken} messages from {from}, which sent {sent}")]
    Lane { from: Name, to: Name, sent: u64, taken: u64 },
    #[error("the points add up to {found}, and {expected} were given out")]
    Books { expected: u64, found: u64 },
    #[error("transaction {transaction} was forged and is in a block of chain {chain} on node {place}")]
    Forged { chain: Name, transaction: Digest, place: usize },
    #[error("node {place} has another committee of chain {chain} than the one that is furthest")]
    OtherCommittee { chain: Name, place: usize },
    #[error("node {place} is of chain {chain}'s committee and votes for nothing")]
    VotesNot { chain: Name, place: usize },
    #[error("no committee has changed after {faults:?}")]
    NotChanged { faults: Vec<Fault> },
    #[error("the lanes do not drain after {faults:?}: {lanes}")]
    NotDrained { faults: Vec<Fault>, lanes: String },
}

/// What a run came to.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) blocks: u64,
    pub(super) sent: u64,
    pub(super) taken: u64,
    pub(super) returned: u64,
    pub(super) pending: u64,
    /// How often a sidechain's committee changed.
    pub(super) terms: u64,
    pub(super) faults: Vec<Fault>,
    pub(super) tricks: Tricks,
    /// How long the lanes took to drain once all was well, in milliseconds of the simulated time.
    pub(super) drained_ms: u64,
    /// A digest over everything that the runtime did and the chains that came of it.
    pub(super) trace: String,
}

impl Report {
    /// Adds what another run came to.
    pub(super) fn add(&mut self, other: &Self) {
        self.blocks += other.blocks;
        self.sent += other.sent;
        self.taken += other.taken;
        self.returned += other.returned;
        self.pending += other.pending;
        self.terms += other.terms;
        self.drained_ms = self.drained_ms.max(other.drained_ms);
        self.tricks.add(&other.tricks);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blocks, sent, taken, returned, pending, terms, drained_ms, tricks, .. } = self;
        write!(
            f,
            "{blocks} blocks, {terms} changes of committees, {sent} messages sent, {taken} taken, {returned} returned, {pending} pending, "
        )?;
        write!(f, "drained within {drained_ms} ms; {tricks}")
    }
}

/// All messages that ever went, by lane and number; what was settled is in no outbox any more.
#[derive(Debug, Default)]
pub(super) struct Books {
    went: BTreeMap<(Name, Name), Vec<Message>>,
}

/// An entry of the runtime's own.
fn entry<T: Decode>(chain: &Service, slot: &[u8]) -> Option<T> {
    chain.read_state(|view| lanes::get(view, slot)).expect("memory is readable")
}

/// An entry of a chain's courier.
fn held<T: Decode>(chain: &Service, slot: &[u8]) -> Option<T> {
    let address: Address = courier(chain.ledger().rules().name());
    let bytes = chain.read_state(|view| view.get(&address, slot)).expect("memory is readable");
    bytes.map(|bytes| T::decode(&mut &bytes[..]).expect("the courier's own"))
}

fn field(name: &str) -> Vec<u8> {
    let mut slot = Vec::new();
    push_field(&mut slot, name);
    slot
}

fn keyed(name: &str, key: &impl SlotKey) -> Vec<u8> {
    let mut slot = field(name);
    key.push_to(&mut slot);
    slot
}

/// Whether a chain's courier says in one of its fields that a message with another chain came to it.
fn says(chain: &Service, name: &str, other: &Name, number: u64) -> bool {
    held::<u64>(chain, &keyed(name, &(other.as_str().to_owned(), number))).is_some()
}

fn counts(chain: &Service, other: &Name) -> lanes::LaneCounts {
    chain.lane_counts(other).expect("memory is readable")
}

impl Books {
    /// Notes what was sent since the last time.
    pub(super) fn note(&mut self, session: &Session) -> Result<(), Violation> {
        let newest = session.newest();
        for (from, chain) in &newest {
            for to in newest.keys().filter(|to| *to != from) {
                let went = self.went.entry((from.clone(), to.clone())).or_default();
                for number in went.len() as u64..counts(chain, to).sent {
                    let message = entry(chain, &slots::outbox(to, number));
                    let unsent = || Violation::Unsent { from: from.clone(), to: to.clone(), number };
                    went.push(message.ok_or_else(unsent)?);
                }
            }
        }
        Ok(())
    }

    /// The calls that went from one chain to another: their numbers, and the points that went with them.
    fn calls(&self, lane: &(Name, Name)) -> impl Iterator<Item = (u64, u64)> {
        let went = self.went.get(lane).into_iter().flatten();
        let calls = went.filter(|message| matches!(message.body, MessageBody::Call { .. }));
        calls.map(|message| (message.sequence, message.quantity.as_ref().map_or(0, |quantity| quantity.amount)))
    }

    /// The number of the message that brings a call of a lane back, where one was sent.
    fn bounce(&self, lane: &(Name, Name), number: u64) -> Option<u64> {
        let back = self.went.get(&(lane.1.clone(), lane.0.clone())).into_iter().flatten();
        let brings = |message: &&Message| match &message.body {
            MessageBody::Bounce(bounced) => bounced.sequence == number,
            _ => false,
        };
        back.filter(brings).map(|message| message.sequence).next()
    }

    /// Whether a call that was neither taken nor came back waits where everybody sees it: in the outbox of the chain that
    /// sent it, or of the one that sends it back.
    fn waits(&self, chains: (&Service, &Service), lane: &(Name, Name), number: u64) -> bool {
        let ((from, to), (sender, taker)) = (chains, lane);
        if number >= counts(to, sender).taken {
            return entry::<Message>(from, &slots::outbox(taker, number)).is_some();
        }
        let is_there = |back: u64| {
            back >= counts(from, taker).taken && entry::<Message>(to, &slots::outbox(sender, back)).is_some()
        };
        self.bounce(lane, number).is_some_and(is_there)
    }
}

/// Every height of every chain has one block; the chains' digests, in order.
fn one_block_a_height(session: &Session) -> Result<Vec<Digest>, Violation> {
    let mut known: BTreeMap<(Name, u64), (usize, Digest)> = BTreeMap::new();
    for place in 0..NODES {
        for chain in session.chains(place) {
            let ledger = chain.ledger();
            for height in 1..=ledger.tip().height {
                let header = ledger.db().header(height).expect("memory is readable").expect("a final header is there");
                // The header has every root, so equal headers are equal states.
                let digest = header.digest(ledger.rules().digest());
                let name = ledger.rules().name().clone();
                let (first, found) = *known.entry((name.clone(), height)).or_insert((place, digest));
                if found != digest {
                    return Err(Violation::Fork { chain: name, height, first, second: place });
                }
            }
        }
    }
    Ok(known.into_values().map(|(_, digest)| digest).collect())
}

impl World {
    /// No chain stopped anywhere.
    pub(super) fn still_run(session: &Session) -> Result<(), Violation> {
        for place in 0..NODES {
            for chain in session.chains(place) {
                if let Some(halted) = chain.halted() {
                    let (chain, reason) = (chain.ledger().rules().name().clone(), halted.reason.clone());
                    return Err(Violation::Stopped { chain, place, reason });
                }
            }
        }
        Ok(())
    }

    /// Judges what a run has come to.
    pub(super) fn judge(&self, session: &Session, drained_ms: u64) -> Result<Report, Violation> {
        let blocks = one_block_a_height(session)?;
        let tricks = self.tricks.lock().expect("nobody panicked").clone();
        for place in 0..NODES {
            for chain in session.chains(place) {
                let is_in = |digest: &Digest| chain.ledger().db().receipt(digest).expect("readable").is_some();
                let name = chain.ledger().rules().name();
                let mut forged = tricks.forged.iter().filter(|(on, _)| on == name).map(|(_, digest)| digest);
                if let Some(transaction) = forged.find(|&digest| is_in(digest)) {
                    return Err(Violation::Forged { chain: name.clone(), transaction: *transaction, place });
                }
            }
        }
        let digests: Vec<u8> = blocks.iter().flat_map(|digest| digest.0).collect();
        let trace = format!("{} {}", session.context.auditor().state(), Digest::of(&digests));
        let faults = self.faults.clone();
        let (blocks, terms) = (blocks.len() as u64, self.judge_committees(session)?);
        let report = Report { blocks, terms, faults, tricks, drained_ms, trace, ..Report::default() };
        self.balance(session, report)
    }

    /// Every message has one end, or waits because one of its chains stands still; and no point is more or less.
    fn balance(&self, session: &Session, mut report: Report) -> Result<Report, Violation> {
        let chains = session.newest();
        let (mut points, mut under_way) = (0, 0);
        for (from, sender) in &chains {
            points += held::<u64>(sender, &field("balance")).unwrap_or(0);
            for (to, taker) in chains.iter().filter(|(to, _)| *to != from) {
                points += held::<u64>(taker, &keyed("held", &from.as_str().to_owned())).unwrap_or(0);
                let lane = (from.clone(), to.clone());
                let ends = || (from.clone(), to.clone());
                let is_still = [from, to].into_iter().any(|of| self.stands_still(of));
                let (sent, taken) = (counts(sender, to).sent, counts(taker, from).taken);
                if taken > sent || taken < sent && !is_still {
                    let (from, to) = ends();
                    return Err(Violation::Lane { from, to, sent, taken });
                }
                for (number, amount) in self.books.calls(&lane) {
                    report.sent += 1;
                    let (from, to) = ends();
                    match (says(taker, "taken", &from, number), says(sender, "returned", &to, number)) {
                        (true, true) => return Err(Violation::Doubled { from, to, number }),
                        (true, false) => report.taken += 1,
                        (false, true) => report.returned += 1,
                        (false, false) if is_still && self.books.waits((sender, taker), &lane, number) => {
                            report.pending += 1;
                            under_way += amount;
                        }
                        (false, false) => return Err(Violation::Lost { from, to, number }),
                    }
                }
            }
        }
        let expected = POINTS * chains.len() as u64;
        if points + under_way != expected {
            return Err(Violation::Books { expected, found: points + under_way });
        }
        Ok(report)
    }

    /// Whether nothing is on its way between chains that live, on any node; and how many messages were ever sent.
    pub(super) fn is_drained(&self, session: &Session) -> (bool, u64) {
        let newest = session.newest();
        let living: Vec<&Name> = newest.keys().filter(|chain| !self.stands_still(chain)).collect();
        let (mut drained, mut all) = (true, 0);
        for from in &living {
            for to in living.iter().filter(|to| *to != from) {
                let sent = counts(&newest[*from], to).sent;
                all += sent;
                drained &= (0..NODES).all(|place| {
                    let ends = session.chain(place, from).zip(session.chain(place, to));
                    ends.is_some_and(|(of, at)| counts(&of, to).sent == sent && counts(&at, from).taken == sent)
                });
            }
        }
        (drained, all)
    }

    /// How many messages wait on each lane, for a message to people.
    pub(super) fn lanes(session: &Session) -> String {
        let newest = session.newest();
        let lane = |from: &Name, to: &Name| {
            format!("{from} to {to}: {} of {}", counts(&newest[to], from).taken, counts(&newest[from], to).sent)
        };
        let pairs = newest.keys().flat_map(|from| newest.keys().map(move |to| (from, to)));
        pairs.filter(|(from, to)| from != to).map(|(from, to)| lane(from, to)).collect::<Vec<_>>().join(", ")
    }
}
