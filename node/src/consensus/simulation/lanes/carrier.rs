//! The relay of a node in the simulated world, and a hostile one.
//!
//! A hostile relay has everything that an honest one has: its node's chains, accounts to sign with, and all that was ever
//! carried, by anybody. It leaves passes out, hands in again what was carried, turns messages round, changes bytes anywhere,
//! takes what is for one chain to another, settles before that is worth it, and forges what a proof would have to show.
//! What it forges is remembered: none of it may ever be in a block.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use chancery_abi::{
    Address, Digest, Name, Payload, Transaction, codec,
    lane::{Closed, Delivery, LaneProof, Settlement, slots},
    limits::TRANSACTION_BYTES_MAX,
};
use chancery_runtime::state::MemoryBackend;
use commonware_runtime::{Clock as _, deterministic};
use ed25519_zebra::SigningKey;

use super::{
    storm::{address, sign},
    world::{MAIN, Service},
};
use crate::{
    chain::ChainSet,
    consensus::{TransactionSource as _, delivery::clock_ms, simulation::faults::Choices},
    relay::Relay,
};

/// As the node's own loop: how often it is looked whether a chain has moved, and how often a pass is made in any case.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const PASS_EVERY_MS: u64 = 500;
/// What is remembered of what was carried.
const REMEMBERED: usize = 64;
/// Accounts of a hostile relay: what is refused blocks the account that it came from for a while.
const ACCOUNTS: u8 = 24;
/// Bytes of its node's pool that it looks through.
const POOL_BYTES: usize = 1 << 20;
const GAS: u64 = 4_000_000_000;
/// Heights for which what it hands in stays valid.
const VALID_FOR: u64 = 20;

/// What a hostile relay has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tricks {
    /// Passes that it left out.
    pub(super) dropped: u64,
    /// What it handed in again.
    pub(super) repeated: u64,
    /// Deliveries whose messages it turned round or left out.
    pub(super) reordered: u64,
    /// Payloads of which it changed a bit, and which still were some.
    pub(super) changed: u64,
    /// What it took to another chain.
    pub(super) astray: u64,
    /// Settlements, true ones and before anybody needed them.
    pub(super) settled: u64,
    /// What cannot be shown and was handed in all the same: the chain, and the transaction.
    pub(super) forged: Vec<(Name, Digest)>,
}

impl Tricks {
    pub(super) fn add(&mut self, other: &Self) {
        self.dropped += other.dropped;
        self.repeated += other.repeated;
        self.reordered += other.reordered;
        self.changed += other.changed;
        self.astray += other.astray;
        self.settled += other.settled;
        self.forged.extend_from_slice(&other.forged);
    }
}

impl fmt::Display for Tricks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dropped, repeated, reordered, changed, astray, settled, forged } = self;
        write!(f, "passes left out {dropped}, repeated {repeated}, reordered {reordered}, changed {changed}, ")?;
        write!(f, "astray {astray}, settled early {settled}, forged {}", forged.len())
    }
}

/// A node's relay.
pub(super) struct Carrier {
    relay: Relay<MemoryBackend>,
    chains: ChainSet<MemoryBackend>,
    hostile: Option<Hostile>,
}

impl Carrier {
    pub(super) fn new(
        mainchain: Service,
        chains: ChainSet<MemoryBackend>,
        key: SigningKey,
        hostile: Option<Hostile>,
    ) -> Self {
        Self { relay: Relay::new(mainchain, chains.clone(), key), chains, hostile }
    }

    /// Carries for as long as the node runs.
    pub(super) async fn run(mut self, context: deterministic::Context) {
        let (mut seen, mut passed_ms) = (Vec::new(), 0);
        loop {
            context.sleep(LOOK_EVERY).await;
            let heights: Vec<u64> = self.chains.all().iter().map(|chain| chain.ledger().tip().height).collect();
            let now_ms = clock_ms(&context);
            if heights == seen && now_ms < passed_ms + PASS_EVERY_MS {
                continue;
            }
            (seen, passed_ms) = (heights, now_ms);
            match &mut self.hostile {
                None => self.relay.pass(now_ms),
                Some(hostile) => {
                    if !hostile.drops() {
                        self.relay.pass(now_ms);
                    }
                    hostile.listen(&self.chains);
                    hostile.meddle(&self.chains);
                }
            }
            // Every node has every chain, so nobody has to be asked about one.
            drop(self.relay.take_letters());
        }
    }
}

/// What a hostile relay knows.
pub(super) struct Hostile {
    choices: Choices,
    accounts: Vec<SigningKey>,
    addresses: BTreeSet<Address>,
    next: usize,
    /// What was carried, and to which chain.
    carried: VecDeque<(Name, Payload)>,
    /// Up to which height it has read each chain's blocks.
    read: BTreeMap<Name, u64>,
    tricks: Arc<Mutex<Tricks>>,
}

impl Hostile {
    pub(super) fn new(choices: Choices, tricks: Arc<Mutex<Tricks>>) -> Self {
        let accounts: Vec<_> = (0..ACCOUNTS).map(|number| SigningKey::from([200 + number; 32])).collect();
        let addresses = accounts.iter().map(address).collect();
        Self { choices, accounts, addresses, next: 0, carried: VecDeque::new(), read: BTreeMap::new(), tricks }
    }

    fn count(&self, change: impl FnOnce(&mut Tricks)) {
        let mut tricks = self.tricks.lock().expect("nobody panicked");
        change(&mut tricks);
    }

    fn drops(&mut self) -> bool {
        let drops = self.choices.below(3) == 0;
        self.count(|tricks| tricks.dropped += u64::from(drops));
        drops
    }

    /// Reads what was carried since: what is final, and what its node's own relay has just handed in. What it made itself
    /// is not carried by that: made once more, it might be true again.
    fn listen(&mut self, chains: &ChainSet<MemoryBackend>) {
        for chain in chains.all() {
            let name = chain.ledger().rules().name().clone();
            let tip = chain.ledger().tip().height;
            let read = self.read.insert(name.clone(), tip).unwrap_or(tip);
            let mut found = Vec::new();
            for height in read + 1..=tip {
                found.extend(chain.ledger().db().transactions(height).expect("memory is readable").unwrap_or_default());
            }
            let waiting = chain.still_waiting(POOL_BYTES);
            let waiting = waiting.iter().filter_map(|bytes| Transaction::from_bytes(bytes).ok());
            found.extend(waiting.filter(|transaction| !self.addresses.contains(&transaction.body.sender)));
            for Transaction { body, .. } in found {
                let is_carried = matches!(body.payload, Payload::Anchor(_) | Payload::Deliver(_) | Payload::Settle(_));
                let carried = (name.clone(), body.payload);
                if is_carried && !self.carried.contains(&carried) {
                    self.carried.push_back(carried);
                }
            }
        }
        let over = self.carried.len().saturating_sub(REMEMBERED);
        self.carried.drain(..over);
    }

    /// Something that was carried; mostly something new.
    fn pick(&mut self) -> Option<(Name, Payload)> {
        let all = self.carried.len();
        if all == 0 {
            return None;
        }
        let among = if self.choices.below(4) == 0 { all } else { all.min(4) };
        let place = all - 1 - self.choices.below(among);
        self.carried.get(place).cloned()
    }

    fn meddle(&mut self, chains: &ChainSet<MemoryBackend>) {
        // Every other pass.
        let Some((to, payload)) = self.pick().filter(|_| self.choices.below(2) == 0) else { return };
        match self.choices.below(7) {
            0 => {
                let times = 1 + self.choices.below(2);
                for _ in 0..times {
                    self.hand_in(chains, &to, payload.clone());
                }
                self.count(|tricks| tricks.repeated += times as u64);
            }
            1 => self.reorder(chains, &to, payload),
            2 => self.change(chains, &to, &payload),
            3 => {
                let names: Vec<Name> = chains.all().iter().map(|chain| chain.ledger().rules().name().clone()).collect();
                let elsewhere = names[self.choices.below(names.len())].clone();
                if elsewhere != to {
                    self.hand_in(chains, &elsewhere, payload);
                    self.count(|tricks| tricks.astray += 1);
                }
            }
            4 => {
                if let Payload::Deliver(delivery) = &payload
                    && let Some(settlement) = settlement(chains, &to, delivery)
                {
                    self.hand_in(chains, &to, Payload::Settle(Box::new(settlement)));
                    self.count(|tricks| tricks.settled += 1);
                }
            }
            _ => {
                if let Some(forged) = self.forge(chains, &to, payload)
                    && let Some(transaction) = self.hand_in(chains, &to, forged)
                {
                    self.count(|tricks| tricks.forged.push((to, transaction)));
                }
            }
        }
    }

    /// Leaves the first message out, or turns them round.
    fn reorder(&mut self, chains: &ChainSet<MemoryBackend>, to: &Name, payload: Payload) {
        let Payload::Deliver(mut delivery) = payload else { return };
        if delivery.messages.len() < 2 {
            return;
        }
        match self.choices.below(2) {
            0 => drop(delivery.messages.remove(0)),
            _ => delivery.messages.reverse(),
        }
        self.hand_in(chains, to, Payload::Deliver(delivery));
        self.count(|tricks| tricks.reordered += 1);
    }

    /// Turns a bit anywhere. What comes out may say the same, with a vote or a node less.
    fn change(&mut self, chains: &ChainSet<MemoryBackend>, to: &Name, payload: &Payload) {
        let mut bytes = codec::encode(payload);
        let place = self.choices.below(bytes.len());
        bytes[place] ^= 1 << self.choices.below(8);
        if let Ok(changed) = codec::decode::<Payload>(&bytes, TRANSACTION_BYTES_MAX) {
            self.hand_in(chains, to, changed);
            self.count(|tricks| tricks.changed += 1);
        }
    }

    /// Makes something of what was carried that is not so, and that nothing can show.
    fn forge(&mut self, chains: &ChainSet<MemoryBackend>, to: &Name, payload: Payload) -> Option<Payload> {
        match payload {
            Payload::Deliver(delivery) if self.choices.below(3) == 0 => {
                let mut settlement = settlement(chains, to, &delivery)?;
                let closed = chains.get(MAIN)?.anchor_state(&settlement.destination).ok().flatten();
                match closed.filter(|_| self.choices.below(2) == 0) {
                    // More was taken than was.
                    None => settlement.next = Some(settlement.next.unwrap_or(0) + 1),
                    // The other chain is closed, so that everything comes back.
                    Some(mut state) => {
                        state.closed = Some(Closed::Forked { height: 1, header: Digest::default() });
                        settlement.closed = Some((state, Vec::new()));
                    }
                }
                Some(Payload::Settle(Box::new(settlement)))
            }
            Payload::Deliver(mut delivery) => {
                let place = self.choices.below(delivery.messages.len());
                let message = &mut delivery.messages[place].message;
                match (self.choices.below(3), &mut message.quantity) {
                    (0, Some(quantity)) => (quantity.amount, quantity.total) = (1 << 40, 1 << 41),
                    (1, _) => message.contract = Address([9; 32]),
                    _ => message.expiry = u64::MAX - 7,
                }
                Some(Payload::Deliver(delivery))
            }
            Payload::Settle(mut settlement) => {
                settlement.next = Some(settlement.next.unwrap_or(0) + 1);
                Some(Payload::Settle(settlement))
            }
            Payload::Anchor(mut updates) => {
                let with_certificate = self.choices.below(2) == 0;
                for update in &mut updates {
                    update.header.state_root = Digest([9; 32]);
                    let chain = chains.get(update.header.chain.as_str())?;
                    if with_certificate {
                        // Its votes are of another header.
                        update.certificate.header = update.header.digest(chain.ledger().rules().digest());
                    }
                }
                Some(Payload::Anchor(updates))
            }
            _ => None,
        }
    }

    /// Hands something in by the next account; the transaction, where the node takes it.
    fn hand_in(&mut self, chains: &ChainSet<MemoryBackend>, to: &Name, payload: Payload) -> Option<Digest> {
        let chain = chains.get(to.as_str())?;
        let key = &self.accounts[self.next % self.accounts.len()];
        self.next += 1;
        let transaction = sign(key, &chain, payload, GAS, VALID_FOR);
        let digest = transaction.digest(chain.ledger().rules().digest());
        chain.submit(transaction).ok().map(|_| digest)
    }
}

/// Word of how far the source of a delivery has come in taking the messages of its destination, by the same proof.
fn settlement(chains: &ChainSet<MemoryBackend>, to: &Name, delivery: &Delivery) -> Option<Settlement> {
    let height = match &delivery.proof {
        LaneProof::Mainchain { header } => header.height,
        LaneProof::Anchored { height } => *height,
        LaneProof::Through { record, .. } => record.height,
    };
    let of = chains.get(delivery.source.as_str())?;
    let proof = of.ledger().state().ok()?.prove(height, &Address::system(), &slots::inbox(to)).ok()?;
    let next = match proof.value {
        Some(value) => Some(codec::decode::<u64>(&value, value.len()).ok()?),
        None => None,
    };
    let (destination, way) = (delivery.source.clone(), delivery.proof.clone());
    Some(Settlement { destination, proof: way, next, nodes: proof.nodes, closed: None })
}
