//! The last resort: a file signed by the operators of a quorum replaces all administrators at a height, loudly.

use ::registry::{administration::*, break_glass::*, freezes::*, upgrades::*};
use chancery_testing::Digest;

use super::*;

fn order(number: u32, effective_height: u64) -> Order {
    let appoint = |number: usize| new_administrator(administrator(number).address(), DEPARTMENTS[number % 3]);
    Order {
        number,
        administrators: (10..13).map(appoint).collect(),
        routine: Rule { approvals: 1, ..ROUTINE },
        constitution: Rule { approvals: 2, departments: 2, ..CONSTITUTION },
        freeze: FREEZE,
        effective_height,
        legal_basis: "YJ-2026-1".into(),
    }
}

/// The signatures of the operators of these nodes.
fn sign(network: &Network, order: &Order, nodes: &[u8]) -> Vec<OperatorSignature> {
    let message = network.registry.break_glass_message(order.clone()).ask();
    let sign = |number: &u8| OperatorSignature {
        node: key(*number),
        signature: SigningKey::from([100 + number; 32]).sign(&message).into(),
    };
    let mut signatures: Vec<_> = nodes.iter().map(sign).collect();
    signatures.sort_by_key(|signature| signature.node);
    signatures
}

#[test]
fn a_quorum_of_operators_replaces_the_administrators_at_a_height() {
    let network = Network::new();
    let registry = &network.registry;
    let act = network.approved(grant_role(network.chain.now_ms()));
    network.chain.advance(days(1));
    let at = network.chain.height() + 10;
    let (order, anyone) = (order(0, at), Account::named("anyone"));
    let signatures = sign(&network, &order, &[1, 2, 4]);
    let loud = BreakGlassFiled { number: 0, effective_height: at, reference: "YJ-2026-1".into() };
    registry.break_glass(order.clone(), signatures.clone()).by(&anyone).emitted(&loud).done();
    assert!(registry.break_glass_status().ask().1.is_some());
    registry.break_glass(order, signatures).by(&anyone).refused_with(&RegistryError::BreakGlassNumber { number: 1 });
    registry.take_effect().by(&anyone).refused("NoBreakGlass");
    let open = registry.propose(grant_role(0), "2026-1").by(&administrator(0)).done();
    network.until_height(at);
    // Nobody of before comes first, however well approved.
    registry.carry_out(act).by(&administrator(0)).refused("NotAdministrator");
    registry.take_effect().by(&anyone).emitted(&BreakGlassInForce { number: 0 }).done();
    registry.take_effect().by(&anyone).refused("NoBreakGlass");
    assert_eq!(registry.administrators(None, 64).ask().len(), 3);
    registry.carry_out(act).by(&administrator(10)).refused("NotApproved");
    registry.approve(open).by(&administrator(0)).refused("NotAdministrator");
    let new = registry.propose(grant_role(network.chain.now_ms()), "2026-2").by(&administrator(11)).done();
    network.chain.advance(hours(1));
    registry.carry_out(new).by(&administrator(10)).done();
    let file = registry.break_glass_files(None, 9).ask().remove(0);
    assert_eq!(file.signed_by, keys([1, 2, 4]));
    assert!(file.done_height.is_some_and(|height| height >= at));
}

#[test]
fn what_the_administrators_before_approved_to_upgrade_to_ends_with_their_office() {
    let network = Network::new();
    let registry = &network.registry;
    let at = network.chain.height() + 20;
    let order = order(0, at);
    registry.break_glass(order.clone(), sign(&network, &order, &[1, 2, 3])).by(&administrator(0)).done();
    let until_ms = network.chain.now_ms() + 60 * DAY_MS;
    let approve = Measure::ApproveUpgrade { code: Digest([1; 32]), until_ms };
    network.enact(approve).expect("until the height the present ones go on");
    assert!(registry.approved_upgrade().ask().is_some());
    network.until_height(at);
    registry.take_effect().by(&administrator(0)).done();
    assert_eq!(registry.approved_upgrade().ask(), None);
}

#[test]
fn from_its_height_on_nothing_comes_before_it() {
    let network = Network::new();
    let act = network.approved(grant_role(network.chain.now_ms()));
    network.chain.advance(days(1));
    let at = network.chain.height() + 5;
    let order = order(0, at);
    let signatures = sign(&network, &order, &[1, 2, 3, 4]);
    network.registry.break_glass(order, signatures).by(&administrator(0)).done();
    let before = network.fork();
    assert_eq!(before.finish(act), Ok(act), "until then the present ones go on");
    network.until_height(at);
    let called = network.registry.propose(grant_role(network.chain.now_ms()), "2026-2").by(&administrator(10));
    called.emitted(&BreakGlassInForce { number: 0 }).done();
}

#[test]
fn what_a_quorum_did_not_sign_is_refused() {
    let network = Network::new();
    let registry = &network.registry;
    let (good, anyone) = (order(0, network.chain.height() + 50), Account::named("anyone"));
    let refused = |order: &Order, signatures: Vec<OperatorSignature>, error: &str| {
        registry.break_glass(order.clone(), signatures).by(&anyone).refused(error);
    };
    refused(&good, sign(&network, &good, &[1, 2]), "NoQuorum");
    let mut twice = sign(&network, &good, &[1, 2]);
    twice.push(twice[1].clone());
    refused(&good, twice, "BadSignature");
    refused(&good, sign(&network, &good, &[1, 2, 9]), "BadSignature");
    let other = Order { legal_basis: "YJ-2026-2".into(), ..good.clone() };
    refused(&good, sign(&network, &other, &[1, 2, 3]), "BadSignature");
    let mut foreign = sign(&network, &good, &[1, 2, 3]);
    foreign[0].signature[7] ^= 1;
    refused(&good, foreign, "BadSignature");
    // Another network of the same name has another founding, so its operators' file is no good here.
    let chain = Chain::new();
    chain.advance(days(1));
    let registry = chain.deploy::<Registry>("registry").init(setup(chain.now_ms())).done();
    let elsewhere = Network { chain, registry };
    refused(&good, sign(&elsewhere, &good, &[1, 2, 3]), "BadSignature");
    let signed = |order: Order, error: &str| refused(&order, sign(&network, &order, &[1, 2, 3]), error);
    signed(Order { number: 1, ..good.clone() }, "BreakGlassNumber");
    signed(Order { effective_height: 1, ..good.clone() }, "HeightOver");
    signed(Order { effective_height: 20_000_000, ..good.clone() }, "TooFarAhead");
    signed(Order { legal_basis: "in words".into(), ..good.clone() }, "BadReference");
    signed(Order { administrators: Vec::new(), ..good.clone() }, "LocksOut");
    signed(Order { administrators: vec![good.administrators[0].clone(); 2], ..good.clone() }, "AlreadyAdministrator");
    let nowhere = new_administrator(Address([1; 32]), "culture");
    signed(Order { administrators: vec![nowhere], ..good.clone() }, "NoDepartment");
    signed(Order { constitution: Rule { approvals: 3, ..CONSTITUTION }, ..good.clone() }, "LocksOut");
    signed(Order { freeze: Rule { departments: 1, ..FREEZE }, ..good.clone() }, "BadRule");
    let many = (0..65).map(|number| new_administrator(Address([number; 32]), "justice")).collect();
    signed(Order { administrators: many, ..good.clone() }, "TooMany");
}

#[test]
fn a_later_file_takes_an_earlier_ones_place_and_a_freeze_ends_for_who_is_appointed() {
    let network = Network::new();
    let registry = &network.registry;
    let target = administrator(10).address();
    let until_ms = network.chain.now_ms() + 100 * DAY_MS;
    network.enact(Measure::Freeze { target, legal_basis: "XZ-1".into(), until_ms }).expect("two departments");
    let (first, second) = (network.chain.height() + 20, network.chain.height() + 10);
    let one = order(0, first);
    registry.break_glass(one.clone(), sign(&network, &one, &[1, 2, 3])).by(&administrator(0)).done();
    let two = Order { administrators: order(1, second).administrators, ..order(1, second) };
    registry.break_glass(two.clone(), sign(&network, &two, &[2, 3, 4])).by(&administrator(0)).done();
    network.until_height(second);
    registry.take_effect().by(&administrator(0)).emitted(&Unfrozen { target, act: None }).done();
    assert!(!registry.is_frozen(target).ask());
    network.until_height(first + 1);
    registry.take_effect().by(&administrator(0)).refused("NoBreakGlass");
    let done: Vec<bool> =
        registry.break_glass_files(None, 9).ask().iter().map(|file| file.done_height.is_some()).collect();
    assert_eq!(done, [false, true]);
}

#[test]
fn a_department_that_a_waiting_file_needs_is_not_dissolved() {
    let network = Network::new();
    network.enact(Measure::FoundDepartment { name: "culture".into(), title: "文化".into() }).expect("the name is new");
    let mut order = order(0, network.chain.height() + 100);
    order.administrators[0].department = "culture".into();
    let signatures = sign(&network, &order, &[1, 2, 3]);
    network.registry.break_glass(order, signatures).by(&administrator(0)).done();
    network.refuses(Measure::DissolveDepartment { name: "culture".into() }, "DepartmentInUse");
}
