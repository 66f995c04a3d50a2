//! Several chains at once, in memory: a mainchain and sidechains whose contracts send each other messages.
//!
//! Each is a [`Chain`] like any other. What they send goes nowhere by itself; [`Chains::carry`] takes it along as the nodes'
//! relays do, with the same transactions and the same proofs, so that a test decides when; and with it the mainchain's
//! beacons that contracts of sidechains expect.

use std::collections::BTreeMap;

use chancery_abi::{
    Beacon, Digest, Name, Payload, codec,
    lane::{AnchorState, AnchorUpdate, Anchored, Delivery, LaneProof, MainchainEntry, ProvenMessage, slots},
    limits::BEACONS_MAX,
    merkle,
    message::Message,
};
use chancery_runtime::execution::lanes::{self, LaneCounts, Sidechain};
use chancery_verify::roots;

use crate::{
    Account, Address, Chain,
    world::{DEPARTMENT, World, name, validator},
};

/// Rounds after which what is under way must have arrived: a message and its way back take four.
const ROUNDS_MAX: usize = 200;
/// Messages that go together.
const MESSAGES: usize = 16;
/// Gas that a delivery has beside that of its messages.
const GAS_BESIDE: u64 = 200_000_000;
/// Gas of bringing one beacon.
const BEACON_GAS: u64 = 20_000_000;

/// A mainchain, `main`, and sidechains.
pub struct Chains {
    main: Chain,
    sides: BTreeMap<String, Chain>,
}

impl Chains {
    /// A mainchain with sidechains of these names, all of the department that contracts of tests are of.
    ///
    /// # Panics
    /// When one is no name.
    pub fn new(sides: &[&str]) -> Self {
        let main = Chain::new();
        let registered = |(place, side): (usize, &&str)| {
            let sidechain = Sidechain {
                department: DEPARTMENT.into(),
                number: u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1),
                members: vec![validator().public_key()],
                founded_ms: main.world.borrow().rules.genesis().timestamp_ms,
                founded_height: 1,
                anchor_ms: 10_000,
                retired_height: None,
            };
            (name(side), sidechain)
        };
        let registered: BTreeMap<Name, Sidechain> = sides.iter().enumerate().map(registered).collect();
        let begin = |(side, sidechain): (&Name, &Sidechain)| {
            let (genesis, main_world) = {
                let world = main.world.borrow();
                let genesis = lanes::sidechain_genesis(world.rules.genesis(), world.rules.digest(), side, sidechain);
                (genesis.expect("one member is a committee"), main.world.clone())
            };
            (side.as_str().to_owned(), Chain::of(World::begin(genesis, Some(main_world))))
        };
        let chains = Self { sides: registered.iter().map(begin).collect(), main };
        for chain in chains.all() {
            let world = &mut *chain.world.borrow_mut();
            let own = world.rules.name().as_str().to_owned();
            world.office.deployer(&own, DEPARTMENT, &World::deployer().address());
            for (side, sidechain) in &registered {
                world.office.sidechain(side, sidechain);
            }
            world.enter_office();
        }
        chains
    }

    /// The mainchain.
    pub fn main(&self) -> &Chain {
        &self.main
    }

    /// The chain of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn on(&self, chain: &str) -> &Chain {
        if chain == "main" {
            return &self.main;
        }
        self.sides.get(chain).unwrap_or_else(|| panic!("there is no chain {chain:?}; `Chains::new` makes them"))
    }

    fn all(&self) -> impl Iterator<Item = &Chain> {
        std::iter::once(&self.main).chain(self.sides.values())
    }

    /// Anchors every sidechain and carries all messages to their destinations, and what comes of them back, until nothing is
    /// under way; and brings sidechains the beacons that they expect, of heights that the mainchain is past. Returns how many
    /// messages were taken.
    ///
    /// # Panics
    /// When there is no end of it.
    pub fn carry(&self) -> u64 {
        let mut taken = 0;
        for _ in 0..ROUNDS_MAX {
            let under_way = self.all().any(|of| self.all().any(|to| waiting(of, to) > 0));
            if !under_way && self.sides.values().all(|side| self.beacons_for(side).is_empty()) {
                return taken;
            }
            self.sides.values().for_each(|side| self.anchor(side));
            for side in self.sides.values() {
                // A block that sees what is anchored.
                side.world.borrow_mut().enter_office();
                self.bring_beacons(side);
            }
            for to in self.all() {
                for of in self.all().filter(|of| chain_name(of) != chain_name(to)) {
                    taken += self.deliver(to, of);
                }
            }
        }
        panic!("contracts send each other messages without end");
    }

    /// Has the mainchain anchor a sidechain's newest header, and the sidechain see that it did. Returns what shows it to a
    /// contract there: what `cx.own_anchor` takes.
    ///
    /// # Panics
    /// When there is no such sidechain.
    pub fn show_anchor(&self, side: &str) -> Vec<u8> {
        let side = self.on(side);
        self.anchor(side);
        side.world.borrow_mut().enter_office();
        let (main, seen) = (self.main.world.borrow(), newest_seen(side));
        let name = chain_name(side);
        let anchored = anchor_state(&main, &name).expect("only a sidechain has an anchor").newest.height;
        let (contract, key) = (Address::system(), slots::anchored(&name, anchored));
        let proof = main.state.prove(seen, &contract, &key).expect("it is not long ago");
        let header = main.headers.iter().find(|header| header.height == seen).expect("it was seen").clone();
        codec::encode(&MainchainEntry { header, contract, key, value: proof.value, nodes: proof.nodes })
    }

    /// Beacons that contracts of a sidechain expect and the mainchain has brought.
    fn beacons_for(&self, side: &Chain) -> Vec<Beacon> {
        let expected = lanes::seen::expected_beacons(&side.world.borrow().state.view(None), BEACONS_MAX);
        let main = self.main.world.borrow();
        let brought = |height: u64| {
            let mut beacons = main.headers.iter().flat_map(|header| &header.beacons);
            beacons.find(|beacon| beacon.height == height).cloned()
        };
        expected.expect("memory can be read").into_iter().filter_map(brought).collect()
    }

    fn bring_beacons(&self, side: &Chain) {
        let beacons = self.beacons_for(side);
        if !beacons.is_empty() {
            let gas = GAS_BESIDE + BEACON_GAS * beacons.len() as u64;
            submit(side, Payload::Beacons(beacons), gas);
        }
    }

    fn anchor(&self, side: &Chain) {
        let update = {
            let (world, main) = (side.world.borrow(), self.main.world.borrow());
            let newest = anchor_state(&main, world.rules.name()).map_or(0, |state| state.newest.height);
            let Some(header) = world.headers.last().filter(|header| header.height > newest) else { return };
            let genesis = world.rules.digest();
            let digest = |header: &chancery_abi::Header| roots::history_leaf(&header.digest(genesis));
            let earlier: Vec<Digest> = world.headers[..world.headers.len() - 1].iter().map(digest).collect();
            let certificate = world.certify(header);
            let extends = if newest == 0 { None } else { merkle::path(&earlier, newest - 1) };
            AnchorUpdate { header: header.clone(), certificate, extends, next: None, retired: None }
        };
        submit(&self.main, Payload::Anchor(vec![update]), GAS_BESIDE);
    }

    /// Carries the next messages from one chain to another; how many were taken.
    fn deliver(&self, to: &Chain, of: &Chain) -> u64 {
        let delivery = {
            let (to_name, taken) = (chain_name(to), counts(to, &chain_name(of)).taken);
            let Some((proof, height)) = self.way(to, of) else { return 0 };
            let world = of.world.borrow();
            let proven = |sequence| {
                let slot = slots::outbox(&to_name, sequence);
                let proof = world.state.prove(height, &Address::system(), &slot).expect("it is not long ago");
                let value = proof.value?;
                let message = codec::decode::<Message>(&value, value.len()).expect("the runtime wrote it");
                Some(ProvenMessage { message, nodes: proof.nodes })
            };
            let messages: Vec<ProvenMessage> = (taken..).map_while(proven).take(MESSAGES).collect();
            Delivery { source: chain_name(of), proof, messages }
        };
        let count = delivery.messages.len() as u64;
        if count == 0 {
            return 0;
        }
        let gas: u64 = delivery.messages.iter().map(|proven| lanes::gas_of(&proven.message)).sum();
        submit(to, Payload::Deliver(Box::new(delivery)), gas + GAS_BESIDE);
        count
    }

    /// What leads from what `to` knows to the newest state of `of` that it can take, and its height.
    fn way(&self, to: &Chain, of: &Chain) -> Option<(LaneProof, u64)> {
        let (main, of_name) = (self.main.world.borrow(), chain_name(of));
        let state = anchor_state(&main, &of_name);
        if chain_name(to) == chain_name(&self.main) {
            let height = state?.newest.height;
            return (height > 0).then_some((LaneProof::Anchored { height }, height));
        }
        let seen = newest_seen(to);
        let header = main.headers.get(usize::try_from(seen).ok()?.checked_sub(1)?)?.clone();
        let Some(state) = state else { return Some((LaneProof::Mainchain { header }, seen)) };
        let height = state.newest.height;
        let slot = slots::anchored(&of_name, height);
        let proof = main.state.prove(seen, &Address::system(), &slot).ok()?;
        let value = proof.value?;
        let record: Anchored = codec::decode(&value, value.len()).ok()?;
        Some((LaneProof::Through { header, record, nodes: proof.nodes }, height))
    }
}

fn chain_name(chain: &Chain) -> Name {
    chain.world.borrow().rules.name().clone()
}

fn counts(chain: &Chain, other: &Name) -> LaneCounts {
    lanes::counts(&chain.world.borrow().state.view(None), other).expect("memory can be read")
}

/// The newest mainchain height that a sidechain has seen.
fn newest_seen(side: &Chain) -> u64 {
    lanes::seen::newest(&side.world.borrow().state.view(None)).expect("memory can be read")
}

/// Messages from a chain that another has not taken yet.
fn waiting(of: &Chain, to: &Chain) -> u64 {
    let sent = counts(of, &chain_name(to)).sent;
    sent.saturating_sub(counts(to, &chain_name(of)).taken)
}

/// How a sidechain stands; none for the mainchain itself.
fn anchor_state(main: &World, chain: &Name) -> Option<AnchorState> {
    lanes::anchors::state_of(&main.rules, &main.state.view(None), chain).expect("memory can be read")
}

fn submit(chain: &Chain, payload: Payload, gas: u64) {
    let submitted = chain.world.borrow_mut().submit(&Account::named("carrier"), payload, gas);
    submitted.unwrap_or_else(|refusal| panic!("what was carried is refused: {refusal}"));
}
