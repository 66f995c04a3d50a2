//! What becomes of a message: it runs, it comes back, it waits to be claimed; and the books of its lane.

use chancery_abi::{
    Digest, LaneRefusal, Outcome, Payload, Refusal,
    lane::slots,
    limits::LANE_PENDING_MAX,
    message::{BounceReason, Message, MessageBody},
};
use chancery_runtime::execution::lanes::Taken;
use chancery_tests::{error_code, name};
use parity_scale_codec::Decode as _;

use super::world::{MAIN, PLENTY, World, key};

/// What a courier has, and what it holds of a chain.
pub(super) fn points(world: &World, chain: &str, of: &str) -> (u64, u64) {
    world.at(chain).ask(world.courier(chain), "points", &of)
}

/// Whether message `number` of a chain was taken there, and whether one to it came back.
pub(super) fn fate(world: &World, chain: &str, other: &str, number: u64) -> (bool, bool) {
    world.at(chain).ask(world.courier(chain), "fate", &(other, number))
}

fn sent(world: &World, chain: &str, call: &Digest) -> u64 {
    match world.at(chain).outcome(call) {
        Outcome::Done { output } => u64::decode(&mut &output[..]).expect("a number"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_runs_once_on_every_kind_of_lane() {
    let mut world = World::new(&["alpha", "beta"]);
    // From the mainchain, to the mainchain, and between sidechains.
    for (from, to) in [(MAIN, "alpha"), ("alpha", MAIN), ("alpha", "beta"), ("beta", "alpha")] {
        let (has, holds) = (points(&world, from, to).0, points(&world, to, from).1);
        let call = world.send(from, to, "credit", 7, 1_000);
        world.step(from);
        let number = sent(&world, from, &call);
        assert_eq!(points(&world, from, to).0, has - 7);
        world.carry_all(&[]);
        assert_eq!(
            (points(&world, to, from).1, fate(&world, to, from, number)),
            (holds + 7, (true, false)),
            "{from} {to}"
        );
        // What was taken is not taken again.
        let counts = world.at(to).counts(from);
        world.carry_all(&[]);
        assert_eq!((world.at(to).counts(from), points(&world, to, from).1), (counts, holds + 7));
    }
}

#[test]
fn what_does_not_run_comes_back_with_the_reason_and_what_it_carried() {
    let mut world = World::new(&["alpha", "beta"]);
    for (number, method) in (0..).zip(["decline", "spin", "trap", "no_such_method", "take_back", "init"]) {
        let call = world.send("alpha", "beta", method, 10, 1_000);
        world.step("alpha");
        assert_eq!(sent(&world, "alpha", &call), number);
        assert_eq!(points(&world, "alpha", "beta").0, 990);
        world.carry_all(&[]);
        assert_eq!(fate(&world, "beta", "alpha", number), (false, false), "{method}");
        assert_eq!(fate(&world, "alpha", "beta", number), (false, true), "{method}");
        assert_eq!((points(&world, "alpha", "beta").0, points(&world, "beta", "alpha").1), (1_000, 0), "{method}");
    }
    // To nobody.
    let (courier, nobody) = (world.courier("alpha"), chancery_abi::Address([9; 32]));
    world.chain("alpha").call(&key(200), courier, "send", &("beta", nobody, "credit", 3u64, 1_000u64));
    world.step("alpha");
    world.carry_all(&[]);
    assert_eq!((points(&world, "alpha", "beta").0, fate(&world, "alpha", "beta", 6)), (1_000, (false, true)));
}

#[test]
fn a_message_whose_time_is_over_comes_back_and_does_not_run() {
    let mut world = World::new(&["alpha", "beta"]);
    world.send("alpha", "beta", "credit", 5, 3);
    world.step("alpha");
    world.anchor("alpha");
    // The mainchain goes on, and its destination sees that.
    (0..4).for_each(|_| world.step(MAIN));
    world.carry_all(&[]);
    assert_eq!((fate(&world, "beta", "alpha", 0), fate(&world, "alpha", "beta", 0)), ((false, false), (false, true)));
    assert_eq!(points(&world, "alpha", "beta").0, 1_000);
    let (reason, _) = returned(&world);
    assert_eq!(reason, BounceReason::Expired);
}

/// The newest message from beta to alpha, which brings one back.
fn returned(world: &World) -> (BounceReason, Message) {
    let number = world.at("beta").counts("alpha").sent - 1;
    let message: Message = world.at("beta").entry(&slots::outbox(&name("alpha"), number)).expect("it was sent");
    let MessageBody::Bounce(bounced) = &message.body else { panic!("{message:?}") };
    (bounced.reason.clone(), message.clone())
}

#[test]
fn what_comes_back_and_is_refused_waits_to_be_claimed() {
    let mut world = World::new(&["alpha", "beta"]);
    let courier = world.courier("alpha");
    world.chain("alpha").call(&key(200), courier, "set_stubborn", &true);
    world.step("alpha");
    world.send("alpha", "beta", "decline", 10, 1_000);
    world.step("alpha");
    world.carry_all(&[]);
    assert_eq!(points(&world, "alpha", "beta").0, 990);
    let count = |world: &World| world.at("alpha").entry::<u64>(&slots::claims()).unwrap_or(0);
    assert_eq!(count(&world), 1);
    // The lane goes on meanwhile.
    world.send("alpha", "beta", "credit", 1, 1_000);
    world.step("alpha");
    world.carry_all(&[]);
    assert_eq!(points(&world, "beta", "alpha").1, 1);
    // Whoever likes claims; while the contract refuses, it stays.
    let number = world.at("beta").counts("alpha").sent - 1;
    let claim = Payload::Claim { source: name("beta"), sequence: number };
    let tried = world.chain("alpha").hand_in(&key(201), claim.clone(), PLENTY);
    world.step("alpha");
    let taken = |world: &World, claim| match world.at("alpha").outcome(claim) {
        Outcome::Done { output } => Taken::decode(&mut &output[..]).expect("what became of it"),
        other => panic!("{other:?}"),
    };
    assert_eq!((taken(&world, &tried), count(&world), points(&world, "alpha", "beta").0), (Taken::Kept, 1, 989));
    world.chain("alpha").call(&key(200), courier, "set_stubborn", &false);
    let tried = world.chain("alpha").hand_in(&key(201), claim.clone(), PLENTY);
    world.step("alpha");
    assert_eq!((taken(&world, &tried), count(&world), points(&world, "alpha", "beta").0), (Taken::Done, 0, 999));
    // Once.
    world.chain("alpha").hand_in(&key(201), claim, PLENTY);
    world.step("alpha");
    assert_eq!(world.at("alpha").refused, [Refusal::Lane(LaneRefusal::NothingToClaim)]);
}

#[test]
fn a_transaction_that_fails_sends_nothing_and_a_message_that_cannot_be_is_refused() {
    let mut world = World::new(&["alpha"]);
    let before = world.at("alpha").counts(MAIN).sent;
    let refused = |world: &mut World, to: &str, amount: u64, valid_for: u64| {
        let call = world.send("alpha", to, "credit", amount, valid_for);
        world.step("alpha");
        let outcome = world.at("alpha").outcome(&call).clone();
        let Outcome::Failed { data, .. } = &outcome else { panic!("{outcome:?}") };
        (error_code(&outcome), data.first().copied())
    };
    assert_eq!(refused(&mut world, MAIN, 2_000, 10), (1, None), "more than it has");
    assert_eq!(refused(&mut world, "nowhere", 1, 10), (2, Some(0)), "an unknown chain");
    assert_eq!(refused(&mut world, "alpha", 1, 10), (2, Some(0)), "to itself");
    assert_eq!(refused(&mut world, MAIN, 1, 0), (2, Some(3)), "valid for no time");
    assert_eq!(refused(&mut world, MAIN, 1, u64::MAX), (2, Some(3)), "valid for too long");
    assert_eq!((world.at("alpha").counts(MAIN).sent, points(&world, "alpha", MAIN).0), (before, 1_000));
}

#[test]
fn a_lane_whose_destination_is_down_fills_up_and_says_so() {
    let mut world = World::new(&["alpha"]);
    // As if so many had been sent and none taken.
    let courier = world.courier("alpha");
    let mut sent_all = 0;
    while sent_all < LANE_PENDING_MAX {
        for _ in 0..100 {
            world.chain("alpha").call(&key(200), courier, "send", &(MAIN, courier, "credit", 0u64, 10u64));
        }
        world.step("alpha");
        let counts = world.at("alpha").counts(MAIN);
        assert!(counts.sent > sent_all, "they are sent");
        sent_all = counts.sent - counts.settled;
    }
    let call = world.send("alpha", MAIN, "credit", 1, 10);
    world.step("alpha");
    let Outcome::Failed { code: 2, data, .. } = world.at("alpha").outcome(&call) else { panic!("it was sent") };
    assert_eq!(data[..], [1], "the lane is full");
    // It takes more once it is shown that some were taken.
    world.anchor("alpha");
    world.step(MAIN);
    for _ in 0..10 {
        world.deliver(MAIN, "alpha");
        world.step(MAIN);
    }
    world.step("alpha");
    world.settle("alpha", MAIN);
    world.step("alpha");
    let counts = world.at("alpha").counts(MAIN);
    assert!(counts.settled >= 80, "{counts:?}: {:?}", world.at("alpha").refused);
    assert_eq!(world.at("alpha").entry::<Message>(&slots::outbox(&name(MAIN), counts.settled - 1)), None);
    let call = world.send("alpha", MAIN, "credit", 1, 10);
    world.step("alpha");
    assert_eq!(sent(&world, "alpha", &call), counts.sent);
}

#[test]
fn a_lane_has_its_share_of_a_block() {
    let mut world = World::new(&["alpha"]);
    let courier = world.courier("alpha");
    for _ in 0..40 {
        world.chain("alpha").call(&key(200), courier, "send", &(MAIN, courier, "credit", 0u64, 1_000u64));
    }
    world.step("alpha");
    world.anchor("alpha");
    world.step(MAIN);
    // Two deliveries that together ask for more than the lane's share: the second waits, and others do not.
    let taken = world.at(MAIN).counts("alpha").taken;
    let (proof, height) = world.way(MAIN, "alpha").expect("it is anchored");
    for (from, by) in [(taken, 222), (taken + 2, 223)] {
        let messages = world.messages("alpha", &name(MAIN), height, from, 2);
        let delivery = chancery_abi::lane::Delivery { source: name("alpha"), proof: proof.clone(), messages };
        world.main().hand_in(&key(by), Payload::Deliver(Box::new(delivery)), 3_000_000_000);
    }
    let other = world.main().call(&key(200), world_courier(MAIN), "set_stubborn", &false);
    world.step(MAIN);
    assert_eq!(world.at(MAIN).counts("alpha").taken, taken + 2, "{:?}", world.at(MAIN).refused);
    assert!(world.at(MAIN).outcome(&other).is_done());
}

fn world_courier(chain: &str) -> chancery_abi::Address {
    chancery_abi::Address::of_contract(&name(chain), &name("land"), &name("courier"))
}
