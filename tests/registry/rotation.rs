//! Rotating the threshold key, as the registry sees it: an act, a ceremony, an announcement long before, signatures of the
//! old key's holders, and the end of it. What the signatures mean is the nodes' affair, so any bytes do here.

use ::registry::{ceremonies::*, rotation::*};

use super::{
    ceremonies::{STAGES, node},
    *,
};

/// From the announcement to the first height, at least.
const NOTICE: u64 = 2 * LEAD + 64;
/// Before the first height, the old key's holders sign for so long.
const SIGNING: u64 = 32;

impl Network {
    fn rotate(&self, ahead: u64) {
        let from_height = self.chain.height() + ahead;
        self.enact(Measure::RotateThresholdKey { from_height }).expect("it can be rotated");
    }

    fn successor(&self) -> Option<Group> {
        self.registry.rotation_status().ask().and_then(|(_, successor)| successor)
    }

    fn spans(&self) -> Vec<(u8, u64, Option<u64>)> {
        let keys = self.registry.threshold_keys().ask().expect("it was set up");
        keys.spans.iter().map(|span| (span.key[0], span.from_height, span.to_height)).collect()
    }
}

#[test]
fn a_new_key_is_announced_long_before_and_in_force_after_the_old_ones_last_beacon() {
    let network = Network::new();
    assert_eq!(network.spans(), []);
    network.ceremony(7, &[1, 2, 3, 4], &[1, 2, 3, 4]);
    let old = network.registry.group().ask().expect("there is a key");
    assert_eq!(network.spans(), [(7, old.from_height, None)]);
    network.registry.begin_ceremony(key(1)).by(&node(1)).refused("NothingToHandOn");

    network.rotate(NOTICE + 10);
    network.registry.complete_rotation(key(1)).by(&node(1)).refused("NoRotation");
    let round = network.ceremony(8, &[1, 2, 3, 4], &[1, 2, 3, 4]);
    let announced = network.successor().expect("three agree");
    assert_eq!((announced.round, announced.key[0], announced.untrusted), (round, 8, false));
    // The ceremony took its time, so the height is later than was asked for.
    assert!(announced.from_height >= network.chain.height() + NOTICE - 1);
    let from = announced.from_height;
    assert_eq!(network.registry.group().ask(), Some(old.clone()), "the old one goes on");
    assert_eq!(network.spans(), [(7, old.from_height, Some(from - 1)), (8, from, None)]);

    // Holders of the old key sign shortly before, each once.
    network.registry.endorse(key(1), round, [1; 48]).by(&node(1)).refused("RotationWaits");
    network.until_height(from - SIGNING);
    network.registry.endorse(key(1), round, [1; 48]).by(&node(2)).refused("NoPart");
    network.registry.endorse(key(9), round, [1; 48]).by(&node(9)).refused("NoPart");
    network.registry.endorse(key(1), round + 1, [1; 48]).by(&node(1)).refused("NoRotation");
    network.registry.endorse(key(1), round, [1; 48]).by(&node(1)).done();
    network.registry.endorse(key(1), round, [2; 48]).by(&node(1)).refused("ContributedAlready");
    network.registry.endorse(key(2), round, [1; 48]).by(&node(2)).done();
    network.registry.complete_rotation(key(1)).by(&node(1)).refused("RotationWaits");
    // While the old key's last beacon is missing there is no new key, and the rotation can be given up.
    network.chain.withhold_beacons(true);
    network.until_height(from + 2);
    network.registry.complete_rotation(key(1)).by(&node(1)).refused("RotationWaits");
    let dead = network.fork();
    dead.enact(Measure::GiveUpRotation).expect("the old key makes no beacons");
    assert_eq!((dead.registry.group().ask(), dead.spans()), (Some(old.clone()), vec![(7, old.from_height, None)]));
    network.chain.withhold_beacons(false);
    network.until_height(from + 12);
    assert_eq!(network.fork().enact(Measure::GiveUpRotation), Err("HeightOver".into()));
    network.registry.complete_rotation(key(9)).by(&node(9)).refused("NoPart");
    network.registry.complete_rotation(key(3)).by(&node(3)).done();
    assert_eq!(network.registry.group().ask(), Some(announced));
    assert_eq!(network.registry.rotation_status().ask(), None);
    assert_eq!(network.spans().len(), 2, "both stay on record");
    network.registry.complete_rotation(key(3)).by(&node(3)).refused("NoRotation");
}

#[test]
fn it_waits_for_what_was_promised_and_for_the_committee() {
    let network = Network::new();
    network.refuses(Measure::RotateThresholdKey { from_height: 10_000 }, "NoThresholdKey");
    network.refuses(Measure::GiveUpRotation, "NoRotation");
    network.ceremony(7, &[1, 2, 3, 4], &[1, 2, 3, 4]);
    let height = network.chain.height();
    // The act itself takes some blocks.
    network.refuses(Measure::RotateThresholdKey { from_height: height + NOTICE }, "ShortNotice");
    network.refuses(Measure::RotateThresholdKey { from_height: height + 10_001_000 }, "TooFarAhead");
    network.rotate(NOTICE + 100);
    network.refuses(Measure::RotateThresholdKey { from_height: height + 10_000 }, "RotationUnderWay");

    // The committee stays as long, and a key of one of its nodes too.
    let node = new_node(5, "finance");
    network.enact(Measure::AddNode { node, from_height: network.chain.height() + 20 }).expect("added");
    network.until_height(network.chain.height() + 21);
    network.ready(5);
    let members = keys([1, 2, 3, 5]);
    let from_height = network.epoch_after(100);
    let set = Measure::SetCommittee { chain: "main".into(), members: members.clone(), from_height };
    network.refuses(set.clone(), "RotationUnderWay");
    network.enact(Measure::GiveUpRotation).expect("it can be given up");
    network.enact(set).expect("nothing is in the way");
    let rotate = Measure::RotateThresholdKey { from_height: network.chain.height() + 10_000 };
    network.refuses(rotate, "CommitteePending");
}

#[test]
fn until_its_height_a_rotation_can_be_given_up_at_every_step() {
    let network = Network::new();
    network.ceremony(7, &[1, 2, 3, 4], &[1, 2, 3, 4]);
    let (group, spans) = (network.registry.group().ask(), network.spans());
    let as_before = |network: &Network| {
        assert_eq!((network.registry.group().ask(), network.spans()), (group.clone(), spans.clone()));
        assert_eq!(network.registry.rotation_status().ask(), None);
        assert!(network.registry.ceremony().ask().is_none());
        network.registry.begin_ceremony(key(1)).by(&node(1)).refused("NothingToHandOn");
    };
    network.rotate(NOTICE + 100);
    let early = network.fork();
    early.enact(Measure::GiveUpRotation).expect("before the ceremony");
    as_before(&early);

    let round = network.begin_ceremony();
    network.contribute(round, STAGES[0], 1..=4);
    let under_way = network.fork();
    under_way.enact(Measure::GiveUpRotation).expect("in the ceremony");
    as_before(&under_way);
    under_way.registry.contribute(key(1), round, STAGES[1], vec![1]).by(&node(1)).refused("StaleCeremony");

    // A ceremony that fails begins anew, and still makes another key.
    network.chain.advance(chancery_testing::seconds(20));
    STAGES[1..].iter().for_each(|stage| network.contribute(round, *stage, 1..=4));
    for number in 1..=3 {
        network.registry.declare(key(number), round, None).by(&node(number)).done();
    }
    let again = network.registry.ceremony().ask().expect("it begins anew");
    assert_eq!((again.round, again.previous), (round + 1, None));
    for stage in STAGES {
        network.contribute(again.round, stage, 1..=4);
    }
    for number in 1..=3 {
        let declared = Some(Declaration { key: [9; 96], output: vec![9; 10] });
        network.registry.declare(key(number), again.round, declared).by(&node(number)).done();
    }
    let announced = network.successor().expect("three agree");
    let late = network.fork();
    late.enact(Measure::GiveUpRotation).expect("after the announcement");
    as_before(&late);

    let act = network.approved(Measure::GiveUpRotation);
    network.chain.advance(days(1));
    network.until_height(announced.from_height + 1);
    assert_eq!(network.finish(act), Err("HeightOver".into()), "it speaks already");
}

#[test]
fn one_signature_may_be_a_liars_and_a_key_without_beacons_is_not_rotated() {
    let network = Network::new();
    network.ceremony(7, &[1, 2, 3, 4], &[1, 2, 3, 4]);
    let late = network.fork();
    late.chain.withhold_beacons(true);
    late.until_height(late.chain.height() + 80);
    late.refuses(Measure::RotateThresholdKey { from_height: 10_000 }, "BeaconsLate");

    network.rotate(NOTICE + 10);
    let round = network.ceremony(8, &[1, 2, 3, 4], &[1, 2, 3, 4]);
    let from = network.successor().expect("three agree").from_height;
    let act = network.approved(Measure::GiveUpRotation);
    network.chain.advance(days(1));
    network.until_height(from - SIGNING);
    network.registry.endorse(key(1), round, [1; 48]).by(&node(1)).done();
    assert_eq!(network.finish(act), Err("HeightOver".into()), "the holders are signing");
    network.until_height(from + 2);
    network.registry.complete_rotation(key(1)).by(&node(1)).refused("RotationWaits");
    network.registry.endorse(key(2), round, [1; 48]).by(&node(2)).done();
    network.registry.complete_rotation(key(1)).by(&node(1)).done();
}
