//! The blackboard of ceremonies: who may contribute what and when, and what comes of it. What the contributions mean is
//! the nodes' affair, so any bytes do here.

use ::registry::ceremonies::*;

use super::*;

/// The account of a node, which signs with the node's key.
pub(super) fn node(number: u8) -> Account {
    Account::with_seed([number; 32])
}

fn declared(byte: u8) -> Option<Declaration> {
    Some(Declaration { key: [byte; 96], output: vec![byte; 10] })
}

pub(super) const STAGES: [Stage; 4] = [Stage::Keys, Stage::Dealings, Stage::Acknowledgements, Stage::Logs];

impl Network {
    pub(super) fn begin_ceremony(&self) -> u32 {
        self.registry.begin_ceremony(key(1)).by(&node(1)).done()
    }

    fn stage(&self) -> Stage {
        self.registry.ceremony().ask().expect("a ceremony is under way").stage
    }

    /// The nodes' contributions to the stage at hand.
    pub(super) fn contribute(&self, round: u32, stage: Stage, nodes: impl IntoIterator<Item = u8>) {
        for number in nodes {
            self.registry.contribute(key(number), round, stage, vec![number]).by(&node(number)).done();
        }
    }

    /// A whole ceremony with these nodes as holders and dealers alike.
    pub(super) fn ceremony(&self, byte: u8, holders: &[u8], dealers: &[u8]) -> u32 {
        let round = self.begin_ceremony();
        for stage in STAGES {
            let by = if matches!(stage, Stage::Dealings | Stage::Logs) { dealers } else { holders };
            self.contribute(round, stage, by.iter().copied());
        }
        for number in holders {
            if self.registry.ceremony().ask().is_some_and(|ceremony| ceremony.round == round) {
                self.registry.declare(key(*number), round, declared(byte)).by(&node(*number)).done();
            }
        }
        round
    }
}

#[test]
fn a_ceremony_goes_from_stage_to_stage_and_three_of_four_put_the_key_in_force() {
    let network = Network::new();
    network.registry.begin_ceremony(key(1)).by(&node(2)).refused("NoPart");
    network.registry.begin_ceremony(key(9)).by(&node(9)).refused("NoPart");
    let round = network.begin_ceremony();
    network.registry.begin_ceremony(key(2)).by(&node(2)).refused("CeremonyUnderWay");
    for (place, stage) in STAGES.into_iter().enumerate() {
        assert_eq!(network.stage(), stage);
        let other = STAGES[(place + 1) % 4];
        network.registry.contribute(key(1), round, other, vec![]).by(&node(1)).refused("StaleCeremony");
        network.registry.contribute(key(1), round + 1, stage, vec![]).by(&node(1)).refused("StaleCeremony");
        network.registry.contribute(key(1), round, stage, vec![]).by(&node(2)).refused("NoPart");
        network.registry.contribute(key(9), round, stage, vec![]).by(&node(9)).refused("NoPart");
        network.registry.contribute(key(1), round, stage, vec![0; 60_001]).by(&node(1)).refused("TooMany");
        network.contribute(round, stage, [1]);
        network.registry.contribute(key(1), round, stage, vec![7]).by(&node(1)).refused("ContributedAlready");
        network.contribute(round, stage, 2..=4);
    }
    assert_eq!(network.stage(), Stage::Declarations);
    network.registry.contribute(key(1), round, Stage::Declarations, vec![]).by(&node(1)).refused("StaleCeremony");
    // One that lies, and one that says it twice, put nothing in force.
    network.registry.declare(key(4), round, declared(66)).by(&node(4)).done();
    network.registry.declare(key(1), round, declared(7)).by(&node(1)).done();
    network.registry.declare(key(1), round, declared(7)).by(&node(1)).refused("ContributedAlready");
    network.registry.declare(key(2), round, declared(7)).by(&node(2)).done();
    assert_eq!(network.registry.group().ask(), None);
    network.registry.declare(key(3), round, declared(7)).by(&node(3)).done();
    let group = network.registry.group().ask().expect("three agree");
    assert_eq!((group.round, group.key, group.holders, group.untrusted), (round, [7; 96], 4, false));
    assert_eq!(group.from_height, network.chain.height() + 1);
    network.registry.begin_ceremony(key(1)).by(&node(1)).refused("NothingToHandOn");
}

#[test]
fn a_stage_goes_on_without_one_and_begins_anew_without_two() {
    let network = Network::new();
    let round = network.begin_ceremony();
    network.contribute(round, Stage::Keys, 1..=3);
    network.registry.press_on(key(1)).by(&node(1)).refused("TooEarly");
    network.chain.advance(chancery_testing::seconds(20));
    network.registry.press_on(key(9)).by(&node(9)).refused("NoPart");
    network.registry.press_on(key(1)).by(&node(1)).done();
    assert_eq!(network.stage(), Stage::Dealings);
    network.contribute(round, Stage::Dealings, 1..=2);
    network.chain.advance(chancery_testing::seconds(20));
    network.registry.press_on(key(1)).by(&node(1)).done();
    let ceremony = network.registry.ceremony().ask().expect("it goes on");
    assert_eq!((ceremony.round, ceremony.stage, ceremony.given.len()), (round + 1, Stage::Keys, 0));
    // What belongs to the round before is not taken.
    network.registry.contribute(key(3), round, Stage::Dealings, vec![]).by(&node(3)).refused("StaleCeremony");
}

#[test]
fn who_finds_that_it_failed_says_so_and_it_begins_anew() {
    let network = Network::new();
    let round = network.begin_ceremony();
    STAGES.into_iter().for_each(|stage| network.contribute(round, stage, 1..=4));
    (1..=3).for_each(|number| {
        network.registry.declare(key(number), round, None).by(&node(number)).done();
    });
    assert_eq!(network.registry.ceremony().ask().map(|ceremony| ceremony.round), Some(round + 1));
    assert_eq!(network.registry.group().ask(), None);
}

#[test]
fn the_next_committee_is_handed_the_same_key_and_never_another() {
    let network = Network::new();
    network.ceremony(7, &[1, 2, 3, 4], &[1, 2, 3, 4]);
    let before = network.registry.group().ask().expect("there is a key");
    let from_height = network.epoch_after(110);
    network
        .enact(Measure::AddNode { node: new_node(5, "finance"), from_height: network.chain.height() + 20 })
        .expect("added");
    network.until_height(network.chain.height() + 21);
    network.ready(5);
    let members = keys([1, 2, 3, 5]);
    network.enact(Measure::SetCommittee { chain: "main".into(), members: members.clone(), from_height }).expect("set");

    // The old ones deal, the next ones hold. Shares of another key are no handing on.
    let (next, old) = ([1, 2, 3, 5], [1, 2, 3, 4]);
    let forged = network.ceremony(8, &next, &old);
    assert_eq!(network.registry.group().ask(), Some(before.clone()));
    let ceremony = network.registry.ceremony().ask().expect("it began anew");
    assert_eq!((ceremony.round, ceremony.previous), (forged + 1, Some(before.round)));
    assert_eq!((ceremony.players, ceremony.dealers), (members, keys(old)));
    for stage in STAGES {
        let by = if matches!(stage, Stage::Dealings | Stage::Logs) { old } else { next };
        network.contribute(forged + 1, stage, by);
    }
    for number in [1, 2, 5] {
        network.registry.declare(key(number), forged + 1, declared(7)).by(&node(number)).done();
    }
    let after = network.registry.group().ask().expect("there is a key");
    assert_eq!((after.key, after.from_height, after.round), (before.key, before.from_height, forged + 1));
    assert_eq!(after.members, keys(next));
}
