//! Chains that end: by the registry's word, or because their committee certified two histories.

use chancery_abi::{
    Header, LaneRefusal, Payload, Refusal,
    lane::{Closed, ForkEvidence},
    merkle,
};
use chancery_runtime::execution::lanes::mirror;
use chancery_tests::name;
use registry::Measure;

use super::{
    carrier::prove,
    messages::{fate, points},
    world::{MAIN, PLENTY, World, key},
};

/// Evidence that a header at `height` contradicts what is anchored of alpha: its branch leaves the chain there.
fn evidence(world: &World, height: u64, epoch: u64) -> ForkEvidence {
    let anchored = world.anchors("alpha").newest;
    let mut header: Header = world.at("alpha").header(height.min(world.at("alpha").tip.height)).clone();
    (header.height, header.timestamp_ms, header.epoch) = (height, header.timestamp_ms + 1, epoch);
    let leaves = world.leaves("alpha");
    let instead = match height.cmp(&anchored.height) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Less => {
            let own = world.at("alpha").header(height).digest(world.at("alpha").rules.digest());
            let path = merkle::path(&leaves[..anchored.height as usize - 1], height - 1).expect("it is there");
            Some((own, path))
        }
        std::cmp::Ordering::Greater => {
            // Another header stands in its history where the anchored one should.
            let other = chancery_abi::Digest([5; 32]);
            let mut branch = leaves[..height as usize - 1].to_vec();
            branch[anchored.height as usize - 1] = chancery_verify::roots::history_leaf(&other);
            let mut mountain = merkle::Mountain::default();
            branch.iter().for_each(|leaf| drop(mountain.push(*leaf)));
            header.history_root = chancery_verify::roots::history_root(world.at("alpha").rules.digest(), &mountain);
            Some((other, merkle::path(&branch, anchored.height - 1).expect("it is there")))
        }
    };
    let certificate = world.certificate("alpha", &header, &world.committee_of("alpha", epoch));
    ForkEvidence { header, certificate, instead }
}

fn show(world: &mut World, evidence: ForkEvidence) -> Option<Refusal> {
    world.main().hand_in(&key(222), Payload::Fork(Box::new(evidence)), PLENTY);
    world.step(MAIN);
    world.at(MAIN).refused.first().cloned()
}

/// A world in which alpha is anchored somewhere in its middle, and beta as well.
fn anchored_world() -> World {
    let mut world = World::new(&["alpha", "beta"]);
    (0..6).for_each(|_| world.step("alpha"));
    world.anchor("alpha");
    world.step(MAIN);
    (0..4).for_each(|_| world.step("alpha"));
    world
}

#[test]
fn a_fork_closes_that_chain_alone_whatever_the_heights_of_its_branches() {
    let anchored = anchored_world().anchors("alpha").newest.height;
    for height in [anchored - 3, anchored, anchored + 2] {
        let mut world = anchored_world();
        world.send("alpha", "beta", "credit", 5, 1_000);
        world.step("alpha");
        world.anchor("alpha");
        world.step(MAIN);
        let newest = world.anchors("alpha").newest;
        let height = if height > anchored { newest.height + 1 } else { height };
        if height > newest.height {
            world.step("alpha");
        }
        let shown = evidence(&world, height, 0);
        assert_eq!(show(&mut world, shown.clone()), None, "at height {height}");
        let state = world.anchors("alpha");
        assert!(matches!(state.closed, Some(Closed::Forked { .. })));
        assert_eq!(state.newest, newest, "what was anchored stays");
        // It is anchored no more, and the others go on.
        world.step("alpha");
        world.anchor("alpha");
        world.step(MAIN);
        let closed = Refusal::Lane(LaneRefusal::ChainClosed { chain: name("alpha") });
        assert_eq!(world.at(MAIN).refused, std::slice::from_ref(&closed));
        assert_eq!(show(&mut world, shown), Some(closed));
        world.send("beta", MAIN, "credit", 2, 1_000);
        world.step("beta");
        // What alpha had sent before is still taken.
        world.carry_all(&["alpha".into()]);
        assert_eq!((points(&world, MAIN, "beta").1, points(&world, "beta", "alpha").1), (2, 5));
    }
}

#[test]
fn what_is_no_fork_closes_nothing() {
    let mut world = anchored_world();
    let anchored = world.anchors("alpha").newest.height;
    let refused = |world: &mut World, evidence: ForkEvidence| {
        let refusal = show(world, evidence);
        assert!(matches!(refusal, Some(Refusal::Lane(LaneRefusal::NotShown { .. }))), "{refusal:?}");
        assert_eq!(world.anchors("alpha").closed, None);
    };
    // The anchored header itself, and a later one of the same history.
    let mut honest = evidence(&world, anchored, 0);
    honest.header = world.at("alpha").header(anchored).clone();
    honest.certificate = world.certificate("alpha", &honest.header, &world.committee_of("alpha", 0));
    refused(&mut world, honest.clone());
    let later = world.at("alpha").header(anchored + 1).clone();
    let path = merkle::path(&world.leaves("alpha")[..anchored as usize], anchored - 1).expect("it is there");
    let own = world.at("alpha").header(anchored).digest(world.at("alpha").rules.digest());
    let certificate = world.certificate("alpha", &later, &world.committee_of("alpha", 0));
    refused(&mut world, ForkEvidence { header: later, certificate, instead: Some((own, path)) });
    // Nobody's signature, too few, of another chain, and a place that is not the header's.
    let real = evidence(&world, anchored - 3, 0);
    let mut unsigned = real.clone();
    unsigned.certificate.votes[0].signature[0] ^= 1;
    refused(&mut world, unsigned);
    let mut few = real.clone();
    few.certificate.votes.truncate(1);
    refused(&mut world, few);
    let mut displaced = real.clone();
    displaced.instead.as_mut().expect("it has one").1.index += 1;
    refused(&mut world, displaced);
    let missing = ForkEvidence { instead: None, ..real };
    refused(&mut world, missing);
}

#[test]
fn the_registry_retires_a_chain_and_what_it_never_took_comes_back() {
    let mut world = World::new(&["alpha", "beta"]);
    world.send("beta", "alpha", "credit", 5, 1_000);
    world.step("beta");
    world.send("alpha", "beta", "credit", 6, 1_000);
    world.step("alpha");
    world.carry_all(&[]);
    // Word that alpha retires is on its way; beta sends more, which alpha will not take.
    world.enact(Measure::RetireChain { chain: "alpha".into() });
    for _ in 0..12 {
        world.send("beta", "alpha", "credit", 10, 1_000);
    }
    world.send(MAIN, "alpha", "credit", 10, 1_000);
    world.step("beta");
    world.step(MAIN);
    let failed = world.send(MAIN, "alpha", "credit", 10, 1_000);
    world.step(MAIN);
    assert!(!world.at(MAIN).outcome(&failed).is_done(), "nothing goes to a chain that is retired");
    world.step("alpha");
    while world.deliver("alpha", MAIN) {
        world.step("alpha");
        if !world.at("alpha").refused.is_empty() {
            break;
        }
    }
    // It takes nothing any more.
    let call = world.send("alpha", "beta", "credit", 1, 1_000);
    world.step("alpha");
    let closed = Refusal::Lane(LaneRefusal::ChainClosed { chain: name("alpha") });
    assert!(!world.at("alpha").receipts.contains_key(&call) && world.at("alpha").refused.contains(&closed));
    // The header whose state knows of it is the last.
    let tip = world.at("alpha").tip.height;
    let mut update = world.anchor_update("alpha", tip);
    let own = {
        let alpha = world.at("alpha");
        mirror::sidechain(&alpha.rules, &alpha.state.view(None), &name("alpha")).expect("it is readable")
    };
    let (contract, slot, _) = mirror::entry_of(&name("alpha"), &own.expect("it knows of itself"));
    update.retired = Some(world.at("alpha").state.prove(tip, &contract, &slot).expect("it is the newest").nodes);
    world.main().hand_in(&key(222), Payload::Anchor(vec![update]), PLENTY);
    world.step(MAIN);
    assert!(matches!(world.anchors("alpha").closed, Some(Closed::Retired { .. })), "{:?}", world.at(MAIN).refused);
    world.step("beta");
    // In parts, since each settlement hands back a few.
    for _ in 0..4 {
        world.settle("beta", "alpha");
        world.settle(MAIN, "alpha");
        world.step(MAIN);
        world.step("beta");
    }
    assert_eq!(points(&world, "beta", "alpha"), (995, 6), "the five were taken before, the rest is back");
    assert_eq!(points(&world, MAIN, "alpha").0, 1_000, "{:?}", world.at(MAIN).refused);
    assert!((1..=12).all(|number| fate(&world, "beta", "alpha", number) == (false, true)));
    // Once.
    world.settle("beta", "alpha");
    world.step("beta");
    assert_eq!(world.at("beta").refused, [Refusal::Lane(LaneRefusal::ChainClosed { chain: name("alpha") })]);
    assert_eq!(points(&world, "beta", "alpha").0, 995);
}

#[test]
fn a_living_chain_is_not_settled_as_if_it_were_closed() {
    let mut world = World::new(&["alpha", "beta"]);
    world.send("beta", "alpha", "credit", 10, 1_000);
    world.step("beta");
    world.anchor("alpha");
    world.step(MAIN);
    world.step("beta");
    let state = world.anchors("alpha");
    let mut settlement = world.settlement("beta", "alpha").expect("alpha is anchored");
    let seen: u64 = world.at("beta").entry(&chancery_abi::lane::slots::newest_seen()).expect("it saw one");
    let nodes = prove(world.at(MAIN), seen, &chancery_abi::lane::slots::anchor(&name("alpha"))).1;
    settlement.closed = Some((state.clone(), nodes.clone()));
    let refused = |world: &mut World, settlement: &chancery_abi::lane::Settlement| {
        world.chain("beta").hand_in(&key(222), Payload::Settle(Box::new(settlement.clone())), 2 * PLENTY);
        world.step("beta");
        assert!(matches!(world.at("beta").refused[..], [Refusal::Lane(_)]), "{:?}", world.at("beta").refused);
        assert_eq!((points(world, "beta", "alpha").0, fate(world, "beta", "alpha", 0)), (990, (false, false)));
    };
    refused(&mut world, &settlement);
    // Nor by saying so.
    let closed = Closed::Retired { height: 1 };
    let lie = chancery_abi::lane::AnchorState { closed: Some(closed), ..state };
    refused(&mut world, &chancery_abi::lane::Settlement { closed: Some((lie, nodes)), ..settlement });
}
