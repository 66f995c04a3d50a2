//! Carrying between the chains of a [`World`]: what an honest carrier makes of their states.

use chancery_abi::{
    Address, Name, Payload, codec,
    lane::{AnchorState, AnchorUpdate, Anchored, Delivery, LaneProof, ProvenMessage, Settlement, slots},
    merkle,
    message::Message,
};
use chancery_runtime::execution::lanes;
use chancery_tests::name;

use super::world::{Chain, MAIN, PLENTY, World, key};

/// Whoever carries.
pub(super) const CARRIER: u8 = 222;

/// An entry of the runtime's own as of a height, with the nodes that prove it.
pub(super) fn prove(chain: &Chain, height: u64, slot: &[u8]) -> (Option<Vec<u8>>, Vec<Vec<u8>>) {
    let proof = chain.state.prove(height, &Address::system(), slot).expect("it is not long ago");
    (proof.value, proof.nodes)
}

impl World {
    /// How a sidechain stands on the mainchain.
    pub(super) fn anchors(&self, side: &str) -> AnchorState {
        let main = self.at(MAIN);
        let state = lanes::anchors::state_of(&main.rules, &main.state.view(None), &name(side));
        state.expect("it is readable").expect("the registry has it")
    }

    /// A sidechain's header for the mainchain, as following on what is anchored now.
    pub(super) fn anchor_update(&self, side: &str, height: u64) -> AnchorUpdate {
        let (chain, anchored) = (self.at(side), self.anchors(side).newest.height);
        let header = chain.header(height).clone();
        let certificate = self.certificate(side, &header, &self.committee_of(side, header.epoch));
        let leaves = &self.leaves(side)[..height as usize - 1];
        let extends = if anchored == 0 { None } else { merkle::path(leaves, anchored - 1) };
        let next = header.next_committee.map(|_| self.committee_of(side, header.epoch + 1));
        AnchorUpdate { header, certificate, extends, next, retired: None }
    }

    /// Hands in the newest header of a sidechain.
    pub(super) fn anchor(&mut self, side: &str) {
        let update = self.anchor_update(side, self.at(side).tip.height);
        self.main().hand_in(&key(CARRIER), Payload::Anchor(vec![update]), PLENTY);
    }

    /// What leads from what `to` knows to the newest state of `of` that it can take, and its height.
    pub(super) fn way(&self, to: &str, of: &str) -> Option<(LaneProof, u64)> {
        let main = self.at(MAIN);
        if to == MAIN {
            let height = self.anchors(of).newest.height;
            return (height > 0).then_some((LaneProof::Anchored { height }, height));
        }
        let seen: u64 = self.at(to).entry(&slots::newest_seen())?;
        let header = main.header(seen).clone();
        if of == MAIN {
            return Some((LaneProof::Mainchain { header }, seen));
        }
        let state = prove(main, seen, &slots::anchor(&name(of))).0?;
        let height = codec::decode::<AnchorState>(&state, state.len()).expect("its own").newest.height;
        let (record, nodes) = prove(main, seen, &slots::anchored(&name(of), height));
        let record = record?;
        let record: Anchored = codec::decode(&record, record.len()).expect("its own");
        Some((LaneProof::Through { header, record, nodes }, height))
    }

    /// Messages of a lane from a number on, with their proofs as of a height of their chain.
    pub(super) fn messages(&self, of: &str, to: &Name, height: u64, from: u64, limit: usize) -> Vec<ProvenMessage> {
        let proven = |sequence| {
            let (value, nodes) = prove(self.at(of), height, &slots::outbox(to, sequence));
            let value = value?;
            Some(ProvenMessage { message: codec::decode::<Message>(&value, value.len()).expect("its own"), nodes })
        };
        (from..).map_while(proven).take(limit).collect()
    }

    /// The next messages of a lane for their destination, if it can take any now.
    pub(super) fn delivery(&self, to: &str, of: &str) -> Option<Delivery> {
        let taken = self.at(to).counts(of).taken;
        let (proof, height) = self.way(to, of)?;
        let messages = self.messages(of, &name(to), height, taken, 8);
        (!messages.is_empty()).then_some(Delivery { source: name(of), proof, messages })
    }

    /// Hands them in, if there are any.
    pub(super) fn deliver(&mut self, to: &str, of: &str) -> bool {
        let delivery = self.delivery(to, of);
        let is_some = delivery.is_some();
        if let Some(delivery) = delivery {
            let messages: u64 = delivery.messages.iter().map(|proven| lanes::gas_of(&proven.message)).sum();
            self.chain(to).hand_in(&key(CARRIER), Payload::Deliver(Box::new(delivery)), messages + 100_000_000);
        }
        is_some
    }

    /// Word of how far `of` has come in taking the messages of `to`.
    pub(super) fn settlement(&self, to: &str, of: &str) -> Option<Settlement> {
        let (proof, height) = self.way(to, of)?;
        let (value, nodes) = prove(self.at(of), height, &slots::inbox(&name(to)));
        let next = value.map(|value| codec::decode::<u64>(&value, value.len()).expect("its own"));
        let state = self.anchored_state(to, of);
        let closed = state.filter(|(state, _)| state.closed.is_some());
        Some(Settlement { destination: name(of), proof, next, nodes, closed })
    }

    /// What the mainchain says of a sidechain, as `to` can be shown it.
    fn anchored_state(&self, to: &str, of: &str) -> Option<(AnchorState, Vec<Vec<u8>>)> {
        if of == MAIN {
            return None;
        }
        if to == MAIN {
            return Some((self.anchors(of), Vec::new()));
        }
        let seen: u64 = self.at(to).entry(&slots::newest_seen())?;
        let (value, nodes) = prove(self.at(MAIN), seen, &slots::anchor(&name(of)));
        let value = value?;
        Some((codec::decode(&value, value.len()).expect("its own"), nodes))
    }

    /// Hands that in.
    pub(super) fn settle(&mut self, to: &str, of: &str) {
        if let Some(settlement) = self.settlement(to, of) {
            self.chain(to).hand_in(&key(CARRIER), Payload::Settle(Box::new(settlement)), 2 * PLENTY);
        }
    }

    /// Carries everything everywhere, as long as it takes, between those chains that are not in `halted`.
    pub(super) fn carry_all(&mut self, halted: &[String]) {
        let living: Vec<String> = self.names().into_iter().filter(|chain| !halted.contains(chain)).collect();
        for _ in 0..60 {
            for side in living.iter().filter(|side| *side != MAIN) {
                if self.anchors(side).closed.is_none() {
                    self.anchor(side);
                }
            }
            self.step(MAIN);
            let mut carried = false;
            for to in &living {
                for of in self.names().iter().filter(|of| *of != to) {
                    carried |= self.deliver(to, of);
                }
            }
            for chain in &living {
                self.step(chain);
            }
            let waits =
                |to: &String| living.iter().any(|of| self.at(of).counts(to).sent > self.at(to).counts(of).taken);
            if !carried && !living.iter().any(waits) {
                return;
            }
        }
        panic!("the lanes between living chains do not drain");
    }
}
