//! What of the mainchain holds on its sidechains: roles, deployers, freezes, committees, beacons, and what is presented.

use chancery_abi::{
    Address, Beacon, ExecutionRefusal, LaneRefusal, Outcome, Payload, Refusal, codec,
    lane::{MainchainEntry, slots},
    message::{Message, MessageBody},
    slot::{SlotKey, push_field},
};
use chancery_runtime::execution::{beacons, registry::Registry};
use chancery_tests::{error_code, name};
use parity_scale_codec::{Decode as _, Encode as _};
use registry::{Allowance, Measure, NewNode, Quota};

use super::{
    carrier::prove,
    world::{MAIN, PLENTY, World, group_entry, key, keys_entry, public},
};

fn account(seed: u8) -> Address {
    Address::of_key(chancery_abi::Scheme::Ed25519, &public(&key(seed)))
}

#[test]
fn roles_deployers_and_freezes_of_the_registry_hold_on_a_sidechain() {
    let mut world = World::new(&["alpha"]);
    let courier = world.courier("alpha");
    let clerk = |world: &mut World| {
        let call = world.chain("alpha").call(&key(50), courier, "clerks_only", &());
        world.step("alpha");
        world.at("alpha").outcome(&call).clone()
    };
    assert!(!clerk(&mut world).is_done(), "nobody is a clerk");
    let (department, role) = ("land".to_owned(), "clerk".to_owned());
    let until_ms = 1_767_225_600_000 + 30 * 86_400_000;
    world.enact(Measure::GrantRole { department, role, account: account(50), from_ms: 0, until_ms });
    assert!(!clerk(&mut world).is_done(), "word of it has not come yet");
    world.carry_all(&[]);
    assert!(clerk(&mut world).is_done());
    world.enact(Measure::RevokeRole { department: "land".into(), role: "clerk".into(), account: account(50) });
    world.carry_all(&[]);
    assert!(!clerk(&mut world).is_done());
    // Who may not deploy on that chain, may not.
    let deploy = |world: &mut World, by: u8| {
        let deploy = chancery_abi::Deploy {
            department: name("land"),
            name: name("second"),
            code: chancery_tests::contract("courier.wasm"),
            input: 1u64.encode(),
        };
        let deployed = world.chain("alpha").hand_in(&key(by), Payload::Deploy(deploy), PLENTY);
        world.step("alpha");
        world.at("alpha").outcome(&deployed).clone()
    };
    assert_eq!(deploy(&mut world, 51), Outcome::Refused { reason: ExecutionRefusal::NotDepartment });
    for chain in [MAIN, "alpha"] {
        let (chain, department) = (chain.to_owned(), "land".to_owned());
        world.enact(Measure::GrantDeployment { chain, department, account: account(51), until_ms });
    }
    world.carry_all(&[]);
    assert!(deploy(&mut world, 51).is_done());
    // Frozen there as well.
    let stubborn = |world: &mut World| {
        let call = world.chain("alpha").call(&key(52), courier, "set_stubborn", &false);
        world.step("alpha");
        world.at("alpha").outcome(&call).clone()
    };
    assert!(stubborn(&mut world).is_done());
    // What another chain's deployers are does not concern this one.
    let own = |chain: &str| {
        let mut slot = Vec::new();
        push_field(&mut slot, "deployers");
        (chain.to_owned(), "land".to_owned(), account(51)).push_to(&mut slot);
        slot
    };
    let registry = Address::registry(&name("alpha"));
    let has = |world: &World, chain: &str| {
        chancery_runtime::state::StateView::get(&world.at("alpha").state.view(None), &registry, &own(chain))
            .expect("it is readable")
            .is_some()
    };
    assert_eq!((has(&world, "alpha"), has(&world, MAIN)), (true, false));
}

#[test]
fn a_sponsors_department_pays_on_a_sidechain_too_until_its_time_is_over() {
    let mut world = World::new(&["alpha"]);
    let courier = world.courier("alpha");
    let sponsored = |world: &mut World, by: u8| {
        let method = chancery_abi::Ident::new("set_stubborn").expect("an identifier");
        let call = Payload::Call(chancery_abi::Call { contract: courier, method, input: false.encode() });
        let digest = world.chain("alpha").hand_in_sponsored(&key(52), Some(&key(by)), call, PLENTY / 4);
        world.step("alpha");
        match world.at("alpha").refused.first() {
            Some(refusal) => Err(refusal.clone()),
            None => Ok(world.at("alpha").receipts[&digest].gas_used),
        }
    };
    let used = |world: &World, department: &str| {
        let (chain, view) = (world.at("alpha"), world.at("alpha").state.view(None));
        let registry = Registry::of(&chain.rules, &view).expect("it has a place there");
        registry.usage(department).expect("it is readable").gas.used
    };
    let first_ms = 1_767_225_600_000;
    let allowance = Allowance { per_period: 2 * PLENTY, carry_max: 0, reserve: 0 };
    let quota = Quota { first_ms, period_ms: 300 * 86_400_000, gas: allowance.clone(), storage: allowance };
    world.enact(Measure::FoundDepartment { name: "welfare".into(), title: "民政".into() });
    for department in ["land", "welfare"] {
        world.enact(Measure::SetQuota { department: department.into(), quota: quota.clone() });
    }
    world.carry_all(&[]);
    let not_sponsor = Err(Refusal::NotSponsor { sponsor: account(53) });
    assert_eq!(sponsored(&mut world, 53), not_sponsor);
    let until_ms = first_ms + 2 * 86_400_000;
    world.enact(Measure::AppointSponsor { account: account(53), department: "welfare".into(), until_ms });
    assert_eq!(sponsored(&mut world, 53), not_sponsor, "word of it has not come");
    world.carry_all(&[]);
    let gas = sponsored(&mut world, 53).expect("it is a sponsor now");
    assert_eq!((used(&world, "welfare"), used(&world, "land")), (gas, 0));
    // An administrator is one without having been appointed.
    let more = sponsored(&mut world, 100).expect("it is an administrator");
    assert_eq!((used(&world, "welfare"), used(&world, "land")), (gas, more));
    world.chain("alpha").let_pass(2 * 86_400_000);
    assert_eq!(sponsored(&mut world, 53), not_sponsor);
}

#[test]
fn nobody_deploys_where_the_registry_stands() {
    let mut world = World::bare();
    world.found("alpha", &[1, 2, 3, 4]);
    let until_ms = 1_767_225_600_000 + 30 * 86_400_000;
    world.enact(Measure::FoundDepartment { name: "registry".into(), title: "登记".into() });
    let (chain, department) = ("alpha".to_owned(), "registry".to_owned());
    world.enact(Measure::GrantDeployment { chain, department, account: account(51), until_ms });
    world.carry_all(&[]);
    let deploy = chancery_abi::Deploy {
        department: name("registry"),
        name: name("registry"),
        code: chancery_tests::contract("courier.wasm"),
        input: 1u64.encode(),
    };
    let deployed = world.chain("alpha").hand_in(&key(51), Payload::Deploy(deploy), PLENTY);
    world.step("alpha");
    let expected = Outcome::Refused { reason: ExecutionRefusal::ContractExists };
    assert_eq!(*world.at("alpha").outcome(&deployed), expected);
}

#[test]
fn only_the_mainchain_tells_what_the_registry_has() {
    let mut world = World::new(&["alpha", "beta"]);
    // Nothing lets a contract send such a message; if a sidechain's runtime were another, this is what it would send.
    let kinds: Vec<MessageBody> = (0..world.at("alpha").counts("beta").sent)
        .filter_map(|number| world.at("alpha").entry::<Message>(&slots::outbox(&name("beta"), number)))
        .map(|message| message.body)
        .collect();
    assert!(kinds.is_empty());
    world.enact(Measure::FoundDepartment { name: "tax".into(), title: "税务".into() });
    let newest = world.at(MAIN).counts("alpha").sent - 1;
    let message: Message = world.main().entry(&slots::outbox(&name("alpha"), newest)).expect("it was sent");
    assert!(matches!(message.body, MessageBody::Registry(_)));
    assert_eq!((message.sender, message.quantity), (Address::registry(&name(MAIN)), None));
}

#[test]
fn a_sidechain_hands_over_to_the_committee_that_the_registry_sets() {
    let mut world = World::new(&["alpha"]);
    assert_eq!(world.at("alpha").tip.committee.len(), 3, "alpha begins with three of the four");
    // Node 5 is registered, and says that it is ready.
    let node = NewNode { key: public(&key(5)), department: "land".into(), operator: public(&key(5)) };
    let from_height = world.at(MAIN).tip.height + 3;
    world.enact(Measure::AddNode { node, from_height });
    (0..3).for_each(|_| world.step(MAIN));
    let registry = Address::registry(&name(MAIN));
    let ready = world.main().call(&key(5), registry, "declare_ready", &(public(&key(5)), "10.0.0.5:7171"));
    world.step(MAIN);
    assert!(world.at(MAIN).outcome(&ready).is_done(), "{:?}", world.at(MAIN).outcome(&ready));
    let mut with_five = world.at("alpha").tip.committee.keys().to_vec();
    with_five.push(public(&key(5)));
    with_five.sort_unstable();
    let from_height = (world.at(MAIN).tip.height + 70).next_multiple_of(10);
    world.enact(Measure::SetCommittee { chain: "alpha".into(), members: with_five.clone(), from_height });
    world.carry_all(&[]);
    while world.at(MAIN).tip.height < from_height {
        world.step(MAIN);
    }
    assert_eq!(world.at("alpha").tip.epoch, 0);
    // Word of it and its height have come; some blocks later the new committee serves.
    for _ in 0..70 {
        world.step("alpha");
    }
    assert_eq!((world.at("alpha").tip.epoch, world.at("alpha").tip.committee.keys()), (1, &with_five[..]));
    // The term's last header is anchored before those of the next, which the new committee certifies.
    let last = world.at("alpha").headers.iter().find(|header| header.next_committee.is_some()).expect("it handed over");
    let last = last.height;
    assert!(world.at("alpha").tip.height > last);
    world.anchor("alpha");
    world.step(MAIN);
    assert!(matches!(world.at(MAIN).refused[..], [Refusal::Lane(LaneRefusal::NotShown { .. })]), "a term was left out");
    let update = world.anchor_update("alpha", last);
    world.main().hand_in(&key(222), Payload::Anchor(vec![update]), PLENTY);
    world.step(MAIN);
    assert_eq!((world.anchors("alpha").epoch, world.anchors("alpha").newest.height), (1, last));
    world.send("alpha", MAIN, "credit", 3, 1_000);
    world.step("alpha");
    world.carry_all(&[]);
    assert_eq!(super::messages::points(&world, MAIN, "alpha").1, 3);
}

#[test]
fn what_the_mainchain_has_is_presented_to_a_contract_of_a_sidechain() {
    let mut world = World::new(&["alpha"]);
    let courier = world.courier("alpha");
    let main_courier = world.courier(MAIN);
    world.step("alpha");
    let seen: u64 = world.at("alpha").entry(&slots::newest_seen()).expect("it saw one");
    let mut slot = Vec::new();
    push_field(&mut slot, "balance");
    let proof = world.at(MAIN).state.prove(seen, &main_courier, &slot).expect("it is not long ago");
    let presented = MainchainEntry {
        header: world.at(MAIN).header(seen).clone(),
        contract: main_courier,
        key: slot,
        value: proof.value.clone(),
        nodes: proof.nodes,
    };
    let look = |world: &mut World, presented: &MainchainEntry| {
        let call = world.chain("alpha").call(&key(60), courier, "look", &codec::encode(presented));
        world.step("alpha");
        world.at("alpha").outcome(&call).clone()
    };
    let Outcome::Done { output } = look(&mut world, &presented) else { panic!("it holds") };
    let shown = <(u64, Option<Vec<u8>>)>::decode(&mut &output[..]).expect("height and value");
    assert_eq!(shown, (seen, Some(1_000u64.encode())));
    // Anything else is refused: another value, absence, another contract, a header that was not seen.
    let mut forgeries = vec![
        MainchainEntry { value: Some(2_000u64.encode()), ..presented.clone() },
        MainchainEntry { value: None, ..presented.clone() },
        MainchainEntry { contract: courier, ..presented.clone() },
        MainchainEntry { nodes: Vec::new(), ..presented.clone() },
    ];
    let mut other = presented.clone();
    other.header.timestamp_ms += 1;
    forgeries.push(other);
    for forgery in &forgeries {
        assert_eq!(error_code(&look(&mut world, forgery)), 4, "{forgery:?}");
    }
    // And on the mainchain itself nothing is presented.
    let call = world.main().call(&key(60), main_courier, "look", &codec::encode(&presented));
    world.step(MAIN);
    assert_eq!(error_code(world.at(MAIN).outcome(&call)), 4);
}

#[test]
fn beacons_come_to_a_sidechain_when_a_contract_expects_them_and_only_real_ones() {
    let mut world = World::new(&["alpha"]);
    let courier = world.courier("alpha");
    // As word of it comes from the mainchain.
    world.chain("alpha").due = vec![group_entry()];
    world.step("alpha");
    let wanted = world.at(MAIN).tip.height + 5;
    world.chain("alpha").call(&key(60), courier, "expect", &wanted);
    world.step("alpha");
    let draw = |world: &mut World| {
        let call = world.chain("alpha").call(&key(61), courier, "draw", &wanted);
        world.step("alpha");
        world.at("alpha").outcome(&call).clone()
    };
    assert_eq!(error_code(&draw(&mut world)), 4, "it is not known");
    let bring = |world: &mut World, beacon: Beacon| {
        world.chain("alpha").hand_in(&key(222), Payload::Beacons(vec![beacon]), PLENTY);
        world.step("alpha");
        world.at("alpha").refused.first().cloned()
    };
    // Not before this chain has seen that height.
    let early = world.beacon_of(wanted);
    let refused = bring(&mut world, early.clone());
    assert_eq!(refused, Some(Refusal::Lane(LaneRefusal::HeaderNotSeen { height: wanted })));
    while world.at(MAIN).tip.height < wanted {
        world.step(MAIN);
    }
    world.step("alpha");
    let forged = Beacon { height: wanted, ..world.beacon_of(wanted + 1) };
    let refused = bring(&mut world, forged);
    assert!(matches!(refused, Some(Refusal::Lane(LaneRefusal::NotShown { .. }))), "{refused:?}");
    assert_eq!(bring(&mut world, early.clone()), None);
    assert!(draw(&mut world).is_done());
    let known = beacons::known(&world.at("alpha").state.view(None), wanted).expect("it is readable");
    assert_eq!(known, Some(early.value()));
    // Once.
    assert!(matches!(bring(&mut world, early), Some(Refusal::Lane(LaneRefusal::NotDue { .. }))));
    let waiting = prove(world.at("alpha"), world.at("alpha").tip.height, &slots::expected_beacon(wanted));
    assert_eq!(waiting.0, None, "nothing is expected any more");
}

#[test]
fn draws_are_promised_near_and_within_one_key_and_each_height_has_its_keys_beacon() {
    let mut world = World::new(&["alpha"]);
    let courier = world.courier("alpha");
    let rotated = world.at(MAIN).tip.height + 8;
    world.chain("alpha").due = vec![group_entry(), keys_entry(5, rotated)];
    world.step("alpha");
    let promise = |world: &mut World, ahead: u64| {
        world.step("alpha");
        let seen: u64 = world.at("alpha").entry(&slots::newest_seen()).expect("it saw one");
        let call = world.chain("alpha").call(&key(60), courier, "expect", &(seen + ahead));
        world.step("alpha");
        (seen + ahead, world.at("alpha").outcome(&call).clone())
    };
    let refused = |outcome: &Outcome| assert_eq!(error_code(outcome), 5, "{outcome:?}");
    refused(&promise(&mut world, 0).1);
    let (near, outcome) = promise(&mut world, 5);
    assert!(near < rotated && outcome.is_done(), "{outcome:?}");
    refused(&promise(&mut world, 6).1);
    while world.at(MAIN).tip.height < rotated - 3 {
        world.step(MAIN);
    }
    let (beyond, outcome) = promise(&mut world, 4);
    assert!(beyond > rotated);
    refused(&outcome);
    while world.at(MAIN).tip.height < rotated {
        world.step(MAIN);
    }
    let (far, outcome) = promise(&mut world, 4);
    assert!(outcome.is_done(), "the new key speaks now: {outcome:?}");
    while world.at(MAIN).tip.height < far {
        world.step(MAIN);
    }
    world.step("alpha");
    let bring = |world: &mut World, beacon: Beacon| {
        world.chain("alpha").hand_in(&key(222), Payload::Beacons(vec![beacon]), PLENTY);
        world.step("alpha");
        world.at("alpha").refused.first().cloned()
    };
    let cases = [
        (world.next_beacon_of(near), world.beacon_of(near)),
        (world.beacon_of(far), world.next_beacon_of(far)),
        (world.next_beacon_of(rotated - 1), world.beacon_of(rotated - 1)),
        (world.beacon_of(rotated), world.next_beacon_of(rotated)),
    ];
    for (other, due) in cases {
        let refused = bring(&mut world, other);
        assert!(matches!(refused, Some(Refusal::Lane(LaneRefusal::NotShown { .. }))), "{refused:?}");
        assert_eq!(bring(&mut world, due), None);
    }
}
