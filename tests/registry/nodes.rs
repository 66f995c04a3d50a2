//! Nodes, keys, and committees.

use ::registry::nodes::*;
use proptest::{collection::vec, prelude::*};

use super::*;

fn add(number: u8, from_height: u64) -> Measure {
    Measure::AddNode { node: new_node(number, "finance"), from_height }
}

fn set(chain: &str, members: Vec<[u8; 32]>, from_height: u64) -> Measure {
    Measure::SetCommittee { chain: chain.into(), members, from_height }
}

fn rotate(old: u8, new: u8, at_height: u64) -> Measure {
    Measure::RotateNodeKey { old: key(old), new: key(new), operator: key(200), at_height }
}

fn members(network: &Network, chain: &str, height: u64) -> Vec<[u8; 32]> {
    network.registry.committee(chain, height).ask().members
}

#[test]
fn a_node_joins_the_committee_at_an_epochs_border_and_another_leaves() {
    let network = Network::new();
    let height = network.chain.height();
    assert_eq!(members(&network, "main", height), keys(1..=4));
    network.refuses(add(1, height + 40), "NodeKnown");
    network.refuses(add(5, height), "HeightOver");
    network.refuses(Measure::AddNode { node: new_node(5, "culture"), from_height: height + 40 }, "NoDepartment");
    network.enact(add(5, height + 20)).expect("the key is new");
    let at = network.epoch_after(90);
    network.refuses(set("main", keys([1, 2, 3, 5]), at), "NotReady");
    network.registry.declare_ready(key(5), "no address").by(&ceremonies::node(5)).refused("BadAddress");
    network.ready(5);
    let nowhere = network.registry.committee("nowhere", at).try_ask().err().expect("there is no such chain");
    assert_eq!(nowhere.name.as_deref(), Some("NoCommittee"));
    network.refuses(set("main", keys([1, 2, 3, 5]), network.epoch_after(60)), "ShortNotice");
    let plan = network.registry.plan_committee("main", keys([1, 2, 3, 5]), at).ask();
    let expected =
        CommitteePlan { members: 4, quorum: 3, faults: 1, joining: keys([5]), leaving: keys([4]), untrusted: false };
    assert_eq!(plan, expected);
    network.enact(set("main", keys([1, 2, 3, 5]), at)).expect("one changes");
    assert_eq!(members(&network, "main", at - 1), keys(1..=4));
    assert_eq!(members(&network, "main", at), keys([1, 2, 3, 5]));
    assert_eq!(network.registry.committees("main", None, 9).ask().len(), 2);
}

#[test]
fn an_address_is_one_that_nodes_can_dial() {
    let network = Network::new();
    network.enact(add(5, network.chain.height() + 20)).expect("the key is new");
    let longest = format!("{}.{}:7171", "a".repeat(63), "b".repeat(59));
    assert_eq!(longest.len(), 128);
    let declare = |address: &str| network.registry.declare_ready(key(5), address).by(&ceremonies::node(5));
    for address in ["10.0.0.5:7171", "[::1]:7171", "[2001:db8::10.0.0.5]:1", "node-5.land.example:65535", &longest] {
        declare(address).done();
        assert_eq!(network.registry.readiness_of(key(5)).ask().expect("it has said so").address, *address);
        // The node's own reading.
        let peer = format!("{}@{address}", chancery_testing::Digest(key(5)));
        assert!(peer.parse::<chancery::consensus::Peer>().is_ok(), "{address}");
    }
    for address in [
        "a_b:1",
        "host",
        ":7171",
        "host:",
        "host:+80",
        "host:65536",
        "-host:1",
        "host-:1",
        "a..b:1",
        "host.:1",
        "a b:1",
        "主机:1",
        "::1:7171",
        "[::1:7171",
        "[host]:1",
        "[::1%3]:1",
        &format!("a{longest}"),
        &format!("{}:1", "a".repeat(64)),
    ] {
        declare(address).refused("BadAddress");
    }
}

#[test]
fn a_change_that_would_lose_the_quorum_is_refused_and_so_are_others_out_of_order() {
    let network = Network::new();
    let height = network.chain.height();
    for number in 5..=8 {
        network.enact(add(number, height + 110)).expect("the key is new");
        network.ready(number);
    }
    let at = network.epoch_after(120);
    network.refuses(set("main", keys([1, 2, 5, 6]), at), "TooManyChanges");
    network.refuses(set("main", keys([1, 2, 3]), at), "CommitteeTooSmall");
    network.refuses(set("main", keys(1..=6), at), "TooManyChanges");
    network.refuses(set("main", keys(1..=5), at + 1), "NotEpoch");
    network.refuses(set("main", keys(1..=5), EPOCH), "HeightOver");
    network.refuses(set("main", Vec::new(), at), "BadCommittee");
    network.refuses(set("main", [key(1), key(1)].into(), at), "BadCommittee");
    network.refuses(set("main", keys([1, 2, 3, 9]), at), "NoNode");
    network.refuses(set("Main", keys(1..=4), at), "BadName");
    let early = network.epoch_after(10);
    network.refuses(set("main", keys(1..=5), early), "NodeNotInForce");
    network.enact(set("main", keys(1..=5), at)).expect("one joins");
    network.refuses(set("main", keys([1, 2, 3, 4, 6]), at + EPOCH), "CommitteePending");
    network.enact(set("main", keys([1, 2, 3, 4, 6]), at)).expect("the change that waits is put right");
    assert_eq!(members(&network, "main", at), keys([1, 2, 3, 4, 6]));
}

#[test]
fn a_sidechains_first_committee_is_any_and_its_next_one_is_not() {
    let network = Network::new();
    assert!(network.registry.committee("evidence", 999).try_ask().is_err());
    let at = network.epoch_after(20);
    network.enact(set("evidence", keys([2, 3]), at)).expect("it is the first");
    assert!(network.registry.committee("evidence", at - 1).try_ask().is_err());
    assert_eq!(members(&network, "evidence", at), keys([2, 3]));
    assert_eq!(network.registry.chains(None, 9).ask().len(), 2);
    network.refuses(set("evidence", keys([1, 4]), at + EPOCH), "CommitteePending");
    network.until_height(at);
    network.refuses(set("evidence", keys([1, 4]), at + 9 * EPOCH), "TooManyChanges");
    network.ready(4);
    network.enact(set("evidence", keys([2, 3, 4]), at + 9 * EPOCH)).expect("one joins");
}

#[test]
fn a_key_is_rotated_in_every_committee_at_one_height() {
    let network = Network::new();
    let at = network.epoch_after(100);
    network.enact(set("evidence", keys([1, 2]), network.epoch_after(10))).expect("it is the first");
    network.until_height(network.epoch_after(10));
    network.refuses(rotate(9, 10, at), "NoNode");
    network.refuses(rotate(1, 2, at), "NodeKnown");
    network.refuses(rotate(1, 9, 1), "HeightOver");
    network.refuses(rotate(1, 9, at + 1), "NotEpoch");
    network.enact(rotate(1, 9, at)).expect("one changes in each");
    assert_eq!(members(&network, "main", at - 1), keys(1..=4));
    assert_eq!(members(&network, "main", at), keys([2, 3, 4, 9]));
    assert_eq!(members(&network, "evidence", at), keys([2, 9]));
    let (old, new) = (network.registry.node(key(1)).ask(), network.registry.node(key(9)).ask());
    assert_eq!((old.until_height, old.replaced_by), (Some(at), Some(key(9))));
    assert_eq!((new.from_height, new.department, new.operator), (at, old.department, key(200)));
    network.refuses(rotate(1, 10, at + EPOCH), "NodeNotInForce");
    network.refuses(set("main", keys([1, 2, 3, 4]), at), "NodeNotInForce");
}

#[test]
fn a_key_is_revoked_at_a_height_only_once_it_no_longer_serves_there() {
    let network = Network::new();
    let revoke = |number: u8, at_height| Measure::RevokeNode { key: key(number), at_height };
    let height = network.chain.height();
    network.enact(add(5, height + 15)).expect("the key is new");
    network.ready(5);
    let at = network.epoch_after(100);
    network.refuses(revoke(9, at), "NoNode");
    network.refuses(revoke(4, 1), "HeightOver");
    network.refuses(revoke(4, at), "NodeServes");
    network.enact(set("main", keys([1, 2, 3, 5]), at)).expect("one changes");
    network.refuses(revoke(4, at - 1), "NodeServes");
    network.refuses(revoke(5, at), "NodeServes");
    network.enact(revoke(4, at)).expect("it has left by then");
    assert_eq!(network.registry.node(key(4)).ask().until_height, Some(at));
    assert!(!network.registry.nodes_of("interior", None, 9).ask().contains(&key(4)));
    network.refuses(revoke(4, at + 5), "NodeNotInForce");
    network.refuses(set("main", keys([1, 2, 3, 4]), at), "NodeNotInForce");
    network.refuses(add(4, at + 50), "NodeKnown");
    assert_eq!(network.registry.nodes(None, 9).ask().len(), 5);
}

#[derive(Clone, Debug)]
enum Change {
    Add(u8),
    Set(bool, Vec<u8>, u64),
    Rotate(u8, u8, u64),
    Revoke(u8, u64),
    Pass,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => (5..12u8).prop_map(Change::Add),
        5 => (any::<bool>(), prop::sample::subsequence((1..=9u8).collect::<Vec<_>>(), 1..=7), 1..3u64)
            .prop_map(|(main, members, epochs)| Change::Set(main, members, epochs)),
        3 => (1..12u8, 5..16u8, 1..3u64).prop_map(|(old, new, epochs)| Change::Rotate(old, new, epochs)),
        2 => (1..12u8, 1..4u64).prop_map(|(number, epochs)| Change::Revoke(number, epochs)),
        2 => Just(Change::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Whatever is decided in whatever order: at every height the committee's keys all hold, each committee keeps a quorum
    /// of the one before (all but one of fewer than four), and what serves at a height never changes once it has come.
    #[test]
    fn a_committee_never_loses_its_quorum_nor_has_a_key_that_does_not_hold(changes in vec(change(), 5..25)) {
        let network = Network::new();
        let registry = &network.registry;
        let mut served: Vec<(u64, Vec<[u8; 32]>)> = Vec::new();
        for change in changes {
            // Proposing, approving and carrying out take four blocks.
            let at = |epochs: u64| network.epoch_after(70) + (epochs - 1) * EPOCH;
            let measure = match change.clone() {
                Change::Add(number) => add(number, network.chain.height() + 5),
                Change::Set(main, numbers, epochs) => {
                    set(if main { "main" } else { "evidence" }, keys(numbers), at(epochs))
                }
                Change::Rotate(old, new, epochs) => rotate(old, new, at(epochs)),
                Change::Revoke(number, epochs) => Measure::RevokeNode { key: key(number), at_height: at(epochs) },
                Change::Pass => {
                    network.until_height(network.chain.height() + 30);
                    continue;
                }
            };
            // Refused or not: what follows must hold.
            let refused = network.enact(measure).err();
            prop_assert!(refused.as_deref() != Some("BadState"));
            if let (Change::Add(number), None) = (&change, refused) {
                network.ready(*number);
            }
            let height = network.chain.height();
            served.push((height, registry.committee("main", height).ask().members));
            let history = registry.committees("main", None, 64).ask();
            for (height, members) in &served {
                let last = history.iter().rev().find(|committee| committee.from_height <= *height);
                prop_assert_eq!(&last.expect("the first serves from 0").members, members);
            }
            for chain in ["main", "evidence"] {
                let mut before: Option<Vec<[u8; 32]>> = None;
                let borders = (height + 1).div_ceil(EPOCH)..=(height + 12 * EPOCH) / EPOCH;
                for height in std::iter::once(height).chain(borders.map(|epoch| epoch * EPOCH)) {
                    let Ok(committee) = registry.committee(chain, height).try_ask() else { continue };
                    for key in &committee.members {
                        let node = registry.node(*key).ask();
                        prop_assert!(node.from_height <= height && node.until_height.is_none_or(|until| height < until));
                    }
                    if let Some(before) = before.filter(|before| *before != committee.members) {
                        let stay = before.iter().filter(|key| committee.members.contains(key)).count();
                        let faults = if before.len() < 4 { 1 } else { (before.len() - 1) / 3 };
                        prop_assert!(stay + faults >= before.len(), "{} of {} stay", stay, before.len());
                        prop_assert!(committee.members.len() <= stay + faults);
                        prop_assert!(before.len() < 4 || committee.members.len() >= 4);
                        prop_assert!(committee.from_height.is_multiple_of(EPOCH));
                    }
                    before = Some(committee.members);
                }
            }
        }
    }
}
