//! What a carrier could make up, each refused for its own reason, with nothing changed.

use chancery_abi::{
    Address, Digest, LaneRefusal, Payload, Refusal, codec,
    lane::{AnchorUpdate, Delivery, LaneProof, ProvenMessage, Settlement, slots},
    limits::TRANSACTION_BYTES_MAX,
};
use chancery_runtime::state::empty_root;
use chancery_tests::name;
use chancery_verify::lane as verify;

use super::{
    carrier::prove,
    messages::{fate, points},
    world::{MAIN, PLENTY, World, key},
};

/// A world in which alpha has three messages for beta and one for the mainchain, anchored and seen.
fn world() -> World {
    let mut world = World::new(&["alpha", "beta"]);
    for amount in 1..=3 {
        world.send("alpha", "beta", "credit", amount, 1_000);
    }
    world.send("alpha", MAIN, "credit", 9, 1_000);
    world.step("alpha");
    world.anchor("alpha");
    world.step(MAIN);
    world.step("beta");
    world
}

/// That beta refuses a delivery, and nothing has changed.
#[track_caller]
fn refused(world: &mut World, to: &str, delivery: Delivery) -> LaneRefusal {
    let (before, has) = (world.at(to).counts("alpha"), points(world, to, "alpha"));
    world.chain(to).hand_in(&key(225), Payload::Deliver(Box::new(delivery)), PLENTY);
    world.step(to);
    assert_eq!((world.at(to).counts("alpha"), points(world, to, "alpha")), (before, has));
    match &world.at(to).refused[..] {
        [Refusal::Lane(refusal)] => refusal.clone(),
        other => panic!("{other:?}"),
    }
}

fn through(
    delivery: &mut Delivery,
) -> (&mut chancery_abi::Header, &mut chancery_abi::lane::Anchored, &mut Vec<Vec<u8>>) {
    match &mut delivery.proof {
        LaneProof::Through { header, record, nodes } => (header, record, nodes),
        other => panic!("{other:?}"),
    }
}

fn is_not_shown(refusal: &LaneRefusal) -> bool {
    matches!(refusal, LaneRefusal::NotShown { .. })
}

#[test]
fn the_honest_one_is_taken() {
    let mut world = world();
    assert!(world.deliver("beta", "alpha"));
    world.step("beta");
    assert_eq!((world.at("beta").counts("alpha").taken, points(&world, "beta", "alpha").1), (3, 6));
}

#[test]
fn a_wrong_root_and_a_zero_root() {
    let mut world = world();
    for root in [Digest([1; 32]), Digest::default(), empty_root()] {
        let mut delivery = world.delivery("beta", "alpha").expect("messages wait");
        through(&mut delivery).1.state_root = root;
        assert!(is_not_shown(&refused(&mut world, "beta", delivery)));
        let mut delivery = world.delivery("beta", "alpha").expect("messages wait");
        through(&mut delivery).0.state_root = root;
        assert!(is_not_shown(&refused(&mut world, "beta", delivery)), "the mainchain header is another then");
    }
}

#[test]
fn a_number_past_the_end_and_one_that_is_not_due() {
    let mut world = world();
    let mut delivery = world.delivery("beta", "alpha").expect("messages wait");
    let mut past = delivery.messages[2].clone();
    past.message.sequence = 3;
    delivery.messages.push(past);
    assert!(is_not_shown(&refused(&mut world, "beta", delivery.clone())));
    delivery.messages.drain(..3);
    assert_eq!(refused(&mut world, "beta", delivery.clone()), LaneRefusal::NotDue { expected: 0, found: 3 });
    let mut later = world.delivery("beta", "alpha").expect("messages wait");
    later.messages.remove(0);
    assert_eq!(refused(&mut world, "beta", later), LaneRefusal::NotDue { expected: 0, found: 1 });
    let mut gap = world.delivery("beta", "alpha").expect("messages wait");
    gap.messages.remove(1);
    assert!(is_not_shown(&refused(&mut world, "beta", gap)));
    let mut twice = world.delivery("beta", "alpha").expect("messages wait");
    twice.messages[1] = twice.messages[0].clone();
    assert!(is_not_shown(&refused(&mut world, "beta", twice)));
    delivery.messages.clear();
    assert!(matches!(refused(&mut world, "beta", delivery), LaneRefusal::Count { found: 0, .. }));
}

#[test]
fn doubled_missing_and_reordered_trie_nodes() {
    let mut world = world();
    let change = |change: &dyn Fn(&mut Vec<Vec<u8>>), world: &mut World| {
        let mut delivery = world.delivery("beta", "alpha").expect("messages wait");
        change(&mut delivery.messages[0].nodes);
        assert!(is_not_shown(&refused(world, "beta", delivery)));
        let mut delivery = world.delivery("beta", "alpha").expect("messages wait");
        change(through(&mut delivery).2);
        assert!(is_not_shown(&refused(world, "beta", delivery)));
    };
    change(&|nodes| nodes.insert(0, nodes[0].clone()), &mut world);
    change(&|nodes| nodes.push(nodes[nodes.len() - 1].clone()), &mut world);
    change(&|nodes| drop(nodes.pop()), &mut world);
    change(&|nodes| drop(nodes.remove(0)), &mut world);
    change(&|nodes| nodes.clear(), &mut world);
    change(&|nodes| nodes.reverse(), &mut world);
}

#[test]
fn another_lane() {
    let mut world = world();
    // What alpha sent to the mainchain, for beta; and what it sent to beta, for the mainchain.
    let (proof, height) = world.way("beta", "alpha").expect("it is anchored");
    let to_main = world.messages("alpha", &name(MAIN), height, 0, 1);
    let delivery = Delivery { source: name("alpha"), proof, messages: to_main };
    assert!(is_not_shown(&refused(&mut world, "beta", delivery)));
    let (proof, height) = world.way(MAIN, "alpha").expect("it is anchored");
    let to_beta = world.messages("alpha", &name("beta"), height, 0, 1);
    let delivery = Delivery { source: name("alpha"), proof, messages: to_beta };
    assert!(is_not_shown(&refused(&mut world, MAIN, delivery)));
    // Its own lane under another name.
    let mut delivery = world.delivery("beta", "alpha").expect("messages wait");
    delivery.source = name(MAIN);
    world.chain("beta").hand_in(&key(225), Payload::Deliver(Box::new(delivery.clone())), PLENTY);
    world.step("beta");
    assert!(matches!(world.at("beta").refused[..], [Refusal::Lane(_)]));
    delivery.source = name("beta");
    world.chain("beta").hand_in(&key(225), Payload::Deliver(Box::new(delivery)), PLENTY);
    world.step("beta");
    assert_eq!(world.at("beta").refused, [Refusal::Lane(LaneRefusal::WrongLane)]);
}

#[test]
fn the_proof_of_another_kind_of_chain() {
    let mut world = world();
    let honest = world.delivery("beta", "alpha").expect("messages wait");
    let header = through(&mut honest.clone()).0.clone();
    for proof in [LaneProof::Mainchain { header }, LaneProof::Anchored { height: 1 }] {
        let delivery = Delivery { proof, ..honest.clone() };
        assert_eq!(refused(&mut world, "beta", delivery), LaneRefusal::WrongProof);
    }
    let to_main = world.delivery(MAIN, "alpha").expect("a message waits");
    let delivery = Delivery { proof: honest.proof, ..to_main };
    assert_eq!(refused(&mut world, MAIN, delivery), LaneRefusal::WrongProof);
}

#[test]
fn another_height_and_a_header_that_was_never_anchored() {
    let mut world = world();
    // Certified as it may be, what is not anchored leads nowhere.
    world.step("alpha");
    let tip = world.at("alpha").tip.height;
    let mut delivery = world.delivery("beta", "alpha").expect("messages wait");
    let genesis = *world.at("alpha").rules.digest();
    {
        let header = world.at("alpha").header(tip).clone();
        let record = through(&mut delivery).1;
        (record.height, record.header, record.state_root) = (tip, header.digest(&genesis), header.state_root);
    }
    delivery.messages = world.messages("alpha", &name("beta"), tip, 0, 3);
    assert!(is_not_shown(&refused(&mut world, "beta", delivery)));
    let messages = world.messages("alpha", &name(MAIN), tip, 0, 1);
    let proof = LaneProof::Anchored { height: tip };
    let delivery = Delivery { source: name("alpha"), proof, messages };
    let expected = LaneRefusal::NotAnchored { chain: name("alpha"), height: tip };
    assert_eq!(refused(&mut world, MAIN, delivery), expected);
    // A mainchain header that beta has not seen, although it is final.
    world.step(MAIN);
    let mut delivery = world.delivery("beta", "alpha").expect("messages wait");
    let unseen = world.at(MAIN).header(world.at(MAIN).tip.height).clone();
    let height = unseen.height;
    *through(&mut delivery).0 = unseen;
    // Its block is executed with what was seen before.
    let seen = world.at("beta").headers.last().and_then(|header| header.mainchain);
    world.chain("beta").hand_in(&key(225), Payload::Deliver(Box::new(delivery)), PLENTY);
    world.chain("beta").produce(seen, &[]);
    assert_eq!(world.at("beta").refused, [Refusal::Lane(LaneRefusal::HeaderNotSeen { height })]);
}

#[test]
fn another_chain_of_the_same_name() {
    // Another network, of which everything is the same but the time of its genesis: its messages are nothing here.
    let (mut here, there) = (world(), {
        let mut there = World::new_later(&["alpha", "beta"], 1);
        there.send("alpha", "beta", "credit", 1, 1_000);
        there.step("alpha");
        there.anchor("alpha");
        there.step(MAIN);
        there.step("beta");
        there
    });
    let delivery = there.delivery("beta", "alpha").expect("a message waits");
    let refusal = refused(&mut here, "beta", delivery);
    assert!(is_not_shown(&refusal) || matches!(refusal, LaneRefusal::HeaderNotSeen { .. }), "{refusal:?}");
}

#[test]
fn a_message_with_another_content() {
    let mut world = world();
    type Change<'a> = &'a dyn Fn(&mut chancery_abi::message::Message);
    let changes: [Change<'_>; 6] = [
        &|message| message.contract = Address([3; 32]),
        &|message| message.sender = Address([3; 32]),
        &|message| message.gas += 1,
        &|message| message.expiry += 1,
        &|message| message.quantity.as_mut().expect("it carries points").amount += 1,
        &|message| message.version = 2,
    ];
    for change in changes {
        let mut delivery = world.delivery("beta", "alpha").expect("messages wait");
        change(&mut delivery.messages[0].message);
        assert!(is_not_shown(&refused(&mut world, "beta", delivery)));
    }
}

#[test]
fn absence_claimed_for_what_is_there_and_the_reverse() {
    let mut world = world();
    world.deliver("beta", "alpha");
    world.step("beta");
    world.anchor("beta");
    world.step(MAIN);
    world.step("alpha");
    let honest = world.settlement("alpha", "beta").expect("beta is anchored");
    assert_eq!(honest.next, Some(3));
    let refused = |world: &mut World, settlement: Settlement| {
        let before = world.at("alpha").counts("beta");
        world.chain("alpha").hand_in(&key(225), Payload::Settle(Box::new(settlement)), 2 * PLENTY);
        world.step("alpha");
        assert!(matches!(world.at("alpha").refused[..], [Refusal::Lane(_)]), "{:?}", world.at("alpha").refused);
        assert_eq!(world.at("alpha").counts("beta"), before);
    };
    refused(&mut world, Settlement { next: None, ..honest.clone() });
    refused(&mut world, Settlement { next: Some(4), ..honest.clone() });
    refused(&mut world, Settlement { next: Some(2), ..honest.clone() });
    // Where there is nothing: the mainchain has taken nothing from alpha.
    let never = world.settlement("alpha", MAIN).expect("the mainchain was seen");
    assert_eq!(never.next, None);
    refused(&mut world, Settlement { next: Some(1), ..never });
    world.chain("alpha").hand_in(&key(222), Payload::Settle(Box::new(honest)), 2 * PLENTY);
    world.step("alpha");
    assert_eq!(world.at("alpha").counts("beta").settled, 3);
}

/// That the mainchain refuses an anchor, and nothing has changed.
#[track_caller]
fn not_anchored(world: &mut World, update: AnchorUpdate) -> LaneRefusal {
    let before = world.anchors("alpha");
    world.main().hand_in(&key(225), Payload::Anchor(vec![update]), PLENTY);
    world.step(MAIN);
    assert_eq!(world.anchors("alpha"), before);
    match &world.at(MAIN).refused[..] {
        [Refusal::Lane(refusal)] => refusal.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn headers_that_no_committee_certified_or_that_do_not_extend() {
    let mut world = world();
    (0..3).for_each(|_| world.step("alpha"));
    let tip = world.at("alpha").tip.height;
    let honest = world.anchor_update("alpha", tip);
    // Old, or the same again.
    let anchored = world.anchors("alpha").newest.height;
    let update = AnchorUpdate { extends: None, ..world.anchor_update("alpha", anchored) };
    assert!(is_not_shown(&not_anchored(&mut world, update)));
    // Votes: too few, twice the same, somebody else's, of another header, of another epoch.
    let mut few = honest.clone();
    few.certificate.votes.pop();
    few.certificate.votes.pop();
    let mut twice = honest.clone();
    twice.certificate.votes[1] = twice.certificate.votes[0].clone();
    let mut stranger = honest.clone();
    stranger.certificate = world.certificate("alpha", &honest.header, &world.committee_of("beta", 0));
    let mut other = honest.clone();
    other.header.timestamp_ms += 1;
    let mut epoch = honest.clone();
    epoch.header.epoch = 1;
    epoch.certificate = world.certificate("alpha", &epoch.header, &world.committee_of("alpha", 0));
    // The history: none, another place, of another header.
    let none = AnchorUpdate { extends: None, ..honest.clone() };
    let mut place = honest.clone();
    place.extends.as_mut().expect("it has one").index -= 1;
    let mut count = honest.clone();
    count.extends.as_mut().expect("it has one").count += 1;
    let mut siblings = honest.clone();
    siblings.extends.as_mut().expect("it has one").siblings[0] = Digest([1; 32]);
    // A committee that the header does not name.
    let committee = AnchorUpdate { next: Some(world.committee_of("beta", 0)), ..honest.clone() };
    for update in [few, twice, stranger, other, epoch, none, place, count, siblings, committee] {
        assert!(is_not_shown(&not_anchored(&mut world, update)));
    }
    // Beta's header for alpha, and of a chain that there is not.
    let mut renamed = world.anchor_update("beta", world.at("beta").tip.height);
    renamed.header.chain = name("alpha");
    assert!(is_not_shown(&not_anchored(&mut world, renamed.clone())));
    renamed.header.chain = name("nowhere");
    let unknown = LaneRefusal::UnknownChain { chain: name("nowhere") };
    assert_eq!(not_anchored(&mut world, renamed), unknown);
    // A living chain is not the last of its kind by saying so.
    let retired = AnchorUpdate { retired: Some(Vec::new()), ..honest.clone() };
    assert_eq!(not_anchored(&mut world, retired), LaneRefusal::NotClosed { chain: name("alpha") });
    // Only a mainchain takes any.
    world.chain("beta").hand_in(&key(225), Payload::Anchor(vec![honest.clone()]), PLENTY);
    world.step("beta");
    assert_eq!(world.at("beta").refused, [Refusal::Lane(LaneRefusal::NotAMainchain)]);
    world.main().hand_in(&key(222), Payload::Anchor(vec![honest]), PLENTY);
    world.step(MAIN);
    assert_eq!(world.anchors("alpha").newest.height, tip);
}

#[test]
fn less_gas_than_the_messages_may_use() {
    let mut world = world();
    let delivery = world.delivery("beta", "alpha").expect("messages wait");
    world.chain("beta").hand_in(&key(225), Payload::Deliver(Box::new(delivery)), 30_000_000);
    world.step("beta");
    assert!(matches!(world.at("beta").refused[..], [Refusal::Lane(LaneRefusal::GasBelowMessages { .. })]));
    assert_eq!(fate(&world, "beta", "alpha", 0), (false, false));
}

/// What beta checks of a delivery from alpha, in the order in which it does.
fn holds(delivery: &Delivery, genesis: &Digest, seen: &Digest) -> bool {
    let LaneProof::Through { header, record, nodes } = &delivery.proof else { return false };
    let (alpha, beta) = (name("alpha"), name("beta"));
    delivery.source == alpha
        && !delivery.messages.is_empty()
        && verify::mainchain_header(header, genesis, seen).is_ok()
        && verify::record(header, &alpha, record, nodes).is_ok()
        && (0..).zip(&delivery.messages).all(|(number, proven): (u64, &ProvenMessage)| {
            verify::message(&record.state_root, proven, (&alpha, &beta), number).is_ok()
        })
}

#[test]
fn a_hundred_thousand_changed_proofs_of_which_none_is_taken() {
    let count = 100_000;
    let world = world();
    let honest = world.delivery("beta", "alpha").expect("messages wait");
    let genesis = *world.at(MAIN).rules.digest();
    let seen_height: u64 = world.at("beta").entry(&slots::newest_seen()).expect("it saw one");
    let seen: Digest = world.at("beta").entry(&slots::seen(seen_height)).expect("it saw one");
    assert!(holds(&honest, &genesis, &seen));
    assert!(prove(world.at("beta"), 1, &slots::inbox(&name("alpha"))).0.is_none());
    let bytes = codec::encode(&honest);
    let mut state = 7u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let (mut read, mut tried) = (0, 0);
    while tried < count {
        let mut changed = bytes.clone();
        for _ in 0..=next() % 3 {
            let place = next() % changed.len();
            match next() % 4 {
                0 => changed[place] = next() as u8,
                1 => drop(changed.remove(place)),
                2 => changed.insert(place, next() as u8),
                _ => changed[place] ^= 1 << (next() % 8),
            }
        }
        if changed == bytes {
            continue;
        }
        tried += 1;
        if let Ok(forged) = codec::decode::<Delivery>(&changed, TRANSACTION_BYTES_MAX) {
            read += 1;
            // Fewer messages, each as it was, are a delivery too.
            let is_part = forged.proof == honest.proof
                && forged.source == honest.source
                && honest.messages.starts_with(&forged.messages);
            assert!(is_part || !holds(&forged, &genesis, &seen), "{forged:?}");
        }
    }
    println!("{tried} changed proofs, {read} of which could be read");
    assert!(read > count / 4);
}
