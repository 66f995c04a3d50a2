//! What the registry's methods cost, and that it does not grow with what is registered.

use ::registry::{freezes::*, nodes::*, quotas::*, roles::*};

use super::*;

/// The gas of each method in a registry in which `acts` acts were carried out before.
fn table(acts: u32) -> Vec<(&'static str, u64)> {
    let network = Network::new();
    let (registry, now_ms) = (&network.registry, network.chain.now_ms());
    let grant = |number: u32| {
        let mut account = [9; 32];
        account[..4].copy_from_slice(&number.to_be_bytes());
        Measure::GrantRole {
            department: "justice".into(),
            role: "clerk".into(),
            account: Address(account),
            from_ms: 0,
            until_ms: now_ms + 1_000 * DAY_MS,
        }
    };
    for number in 0..acts {
        let act = registry.propose(grant(number), "2026-1").by(&administrator(0)).done();
        registry.approve(act).by(&administrator(1)).done();
        if number % 50 == 49 || number + 1 == acts {
            network.chain.advance(hours(2));
            let first = number - number % 50;
            (first..=number).for_each(|act| registry.carry_out(act).by(&administrator(1)).done());
        }
    }
    let proposed = registry.propose(grant(acts), "2026-1").by(&administrator(0));
    let mut rows = vec![("propose", proposed.gas())];
    let act = proposed.done();
    rows.push(("approve", registry.approve(act).by(&administrator(1)).gas()));
    network.chain.advance(hours(2));
    rows.push(("carry_out: a role", registry.carry_out(act).by(&administrator(0)).gas()));
    let mut enact = |what, measure| {
        let act = network.approved(measure);
        network.chain.advance(days(1));
        let called = registry.carry_out(act).by(&administrator(0));
        rows.push((what, called.gas()));
        called.done();
    };
    let suspect = Account::named("suspect");
    let until_ms = network.chain.now_ms() + 300 * DAY_MS;
    enact("carry_out: a freeze", Measure::Freeze { target: suspect.address(), legal_basis: "X-1".into(), until_ms });
    let first_ms = network.chain.now_ms();
    let allowance = Allowance { per_period: 1_000, carry_max: 0, reserve: 10 };
    let quota = Quota { first_ms, period_ms: DAY_MS, gas: allowance.clone(), storage: allowance };
    enact("carry_out: a quota", Measure::SetQuota { department: "justice".into(), quota });
    let from_height = network.chain.height() + 20;
    enact("carry_out: a node", Measure::AddNode { node: new_node(5, "finance"), from_height });
    network.ready(5);
    let from_height = network.epoch_after(90);
    let members = keys(1..=5);
    enact("carry_out: a committee", Measure::SetCommittee { chain: "main".into(), members, from_height });
    let appoint = new_administrator(Address([1; 32]), "finance");
    enact("carry_out: an administrator", Measure::AppointAdministrator { administrator: appoint });
    let appeal = registry.appeal(suspect.address(), chancery_testing::Digest([1; 32]), "F-1").by(&suspect);
    rows.push(("appeal", appeal.gas()));
    appeal.done();
    let charge = registry.charge("justice", 10, 1, false).by(&Account::named("meter"));
    rows.push(("charge", charge.gas()));
    charge.done();
    let address = suspect.address();
    rows.push(("query is_frozen", registry.is_frozen(address).asked().gas()));
    rows.push(("query has_role", registry.has_role("justice", "clerk", address).asked().gas()));
    rows.push(("query may_deploy", registry.may_deploy("main", "justice", address).asked().gas()));
    rows.push(("query committee", registry.committee("main", 1).asked().gas()));
    rows.push(("query balance", registry.balance("justice").asked().gas()));
    rows
}

#[test]
fn gas_does_not_grow_with_what_is_registered() {
    let (few, many) = (table(2), table(400));
    for ((method, few), (_, many)) in few.iter().zip(&many) {
        println!("{method:28} {few:>10} gas, {many:>10} after 400 acts");
        assert!(*many <= few + few / 20, "{method} grew from {few} to {many}");
    }
}
