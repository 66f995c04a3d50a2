//! What contracts meet of the registry's rules through the runtime: roles, freezes, beacons and quotas.

use chancery_testing::{
    Account, Address, Allowance, Chain, DEPARTMENT, Deployed, ExecutionRefusal, Outcome, Quota, Refusal, days,
};
use clerks::*;

fn clerk() -> Account {
    Account::named("clerk")
}

fn office() -> (Chain, Deployed<Clerks>) {
    let chain = Chain::new();
    let clerks = chain.deploy::<Clerks>("clerks").done();
    (chain, clerks)
}

#[test]
fn a_method_for_holders_of_a_role_refuses_others() {
    let (chain, clerks) = office();
    clerks.draw(1).by(&clerk()).refused("NotAllowed");
    // The registry's names have dashes.
    chain.grant_role("chief-clerk", &clerk());
    clerks.draw(1).by(&Account::named("other")).refused("NotAllowed");
    let drawn = clerks.draw(1).by(&clerk()).done();
    assert!(drawn.is_some());
    chain.revoke_role("chief_clerk", &clerk());
    clerks.draw(1).by(&clerk()).refused("NotAllowed");
}

#[test]
fn a_beacon_is_known_once_a_later_block_brought_it_and_each_height_has_another() {
    let (chain, clerks) = office();
    let next = chain.height() + 1;
    assert_eq!(clerks.beacon(next).ask(), None, "the height is not there yet");
    chain.grant_role("chief_clerk", &clerk());
    assert_eq!(clerks.draw(next + 1).by(&clerk()).done(), None, "a block never knows its own");
    let (first, second) = (clerks.draw(next).by(&clerk()).done(), clerks.draw(next + 1).by(&clerk()).done());
    assert!(first.is_some() && second.is_some() && first != second);
    assert_eq!(clerks.beacon(next).ask(), first, "a beacon never changes");
}

#[test]
fn without_the_holders_of_the_key_a_draw_waits_and_is_not_lost() {
    let (chain, clerks) = office();
    chain.grant_role("chief_clerk", &clerk());
    chain.withhold_beacons(true);
    let height = chain.height() + 1;
    assert_eq!(clerks.draw(height).by(&clerk()).done(), None);
    assert_eq!(clerks.draw(height).by(&clerk()).done(), None, "no beacon, no draw");
    chain.withhold_beacons(false);
    assert!(clerks.draw(height).by(&clerk()).done().is_some());
}

#[test]
fn what_is_frozen_does_nothing_and_can_be_looked_at() {
    let (chain, clerks) = office();
    chain.grant_role("chief_clerk", &clerk());
    let frozen = |target: Address| {
        chain.freeze(target);
        let outcome = clerks.draw(1).by(&clerk()).outcome().clone();
        assert_eq!(outcome, Outcome::Refused { reason: ExecutionRefusal::Frozen });
        assert!(clerks.beacon(1).ask().is_some());
        chain.unfreeze(target);
        assert!(clerks.draw(1).by(&clerk()).done().is_some());
    };
    frozen(clerk().address());
    frozen(clerks.address());
}

const DAY_MS: u64 = 86_400_000;
/// Gas limit of the calls below.
const LIMIT: u64 = 2_000_000;

fn quota(chain: &Chain, gas: u64, storage: u64) -> Quota {
    let allowance = |per_period| Allowance { per_period, carry_max: 0, reserve: 0 };
    Quota { first_ms: chain.now_ms(), period_ms: DAY_MS, gas: allowance(gas), storage: allowance(storage) }
}

/// An office whose chief clerk may draw and forget, whose department has a quota.
fn metered(gas: u64, storage: u64) -> (Chain, Deployed<Clerks>) {
    let (chain, clerks) = office();
    chain.grant_role("chief_clerk", &clerk());
    chain.set_quota(DEPARTMENT, Some(quota(&chain, gas, storage)));
    (chain, clerks)
}

#[test]
fn a_department_uses_its_gas_and_no_more_until_the_next_period() {
    let (chain, clerks) = metered(10 * LIMIT, 1_000_000);
    let mut used = 0;
    let refusal = loop {
        match clerks.draw(1).with_gas(LIMIT).try_by(&clerk()) {
            Ok(drawn) => used += drawn.gas(),
            Err(refusal) => break refusal,
        }
        assert_eq!(chain.usage(DEPARTMENT).gas.used, used, "what is counted is what the receipts say");
    };
    // One more whole gas limit does not fit, and the counted use is below the quota.
    assert!(used > 9 * LIMIT && used <= 10 * LIMIT, "{used}");
    let Refusal::QuotaExhausted { department, left, gas_limit, refilled_ms } = refusal else { panic!("{refusal}") };
    assert_eq!((department.as_str(), left, gas_limit), (DEPARTMENT, 10 * LIMIT - used, LIMIT));
    assert!(chain.now_ms() < refilled_ms && refilled_ms <= chain.now_ms() + DAY_MS);
    // A smaller limit still fits where that much is left.
    assert!(clerks.draw(1).with_gas(left).try_by(&clerk()).is_ok());
    chain.advance(days(1));
    let drawn = clerks.draw(1).with_gas(LIMIT).try_by(&clerk()).expect("a new period");
    let usage = chain.usage(DEPARTMENT).gas;
    assert_eq!(usage.used, drawn.gas());
    assert!(usage.total > used + usage.used);
}

#[test]
fn whatever_becomes_of_a_transaction_its_gas_is_counted_and_only_what_is_done_counts_bytes() {
    let (chain, clerks) = metered(u64::MAX / 4, 1_000_000);
    let before = chain.usage(DEPARTMENT);
    let refused = clerks.draw(1).by(&Account::named("other"));
    refused.refused("NotAllowed");
    let after = chain.usage(DEPARTMENT);
    assert_eq!(after.gas.used - before.gas.used, refused.gas());
    assert_eq!(after.storage, before.storage);
}

#[test]
fn a_department_holds_its_bytes_and_no_more() {
    let (chain, clerks) = metered(u64::MAX / 4, 150);
    let stored = || chain.usage(DEPARTMENT).storage.used;
    assert!(clerks.draw(1).by(&clerk()).done().is_some());
    let entry = stored();
    assert!((40..75).contains(&entry), "an entry has a key of a field and a height, and 32 bytes: {entry}");
    assert!(clerks.draw(1).by(&clerk()).done().is_some());
    assert_eq!(stored(), entry, "what takes another's place takes no more room");
    let mut height = 1;
    let outcome = loop {
        height += 1;
        let drawn = clerks.draw(height).by(&clerk());
        if !drawn.outcome().is_done() {
            break drawn;
        }
        assert_eq!(stored(), entry * height);
    };
    assert_eq!(*outcome.outcome(), Outcome::Refused { reason: ExecutionRefusal::StorageQuota });
    assert!(150 - stored() < entry, "the last that fits was taken");
    assert!(outcome.events().is_empty());
    // What was refused left nothing behind, and what is given up makes room.
    clerks.forget(height).by(&clerk()).done();
    assert_eq!(stored(), entry * (height - 1));
    clerks.forget(1).by(&clerk()).done();
    assert_eq!(stored(), entry * (height - 2));
    assert!(clerks.draw(height).by(&clerk()).done().is_some());
}

#[test]
fn a_sponsors_department_pays_the_gas_and_the_contracts_own_holds_the_bytes() {
    let (chain, clerks) = metered(u64::MAX / 4, 1_000_000);
    let desk = Account::named("desk");
    chain.appoint_sponsor(&desk, "welfare");
    chain.set_quota("welfare", Some(quota(&chain, 3 * LIMIT, 0)));
    let drawn = clerks.draw(1).with_gas(LIMIT).sponsored_by(&desk).by(&clerk());
    let used = drawn.gas();
    assert!(drawn.done().is_some());
    let usage = |department: &str| chain.usage(department);
    assert_eq!((usage("welfare").gas.used, usage("welfare").storage.used), (used, 0));
    assert!(usage(DEPARTMENT).gas.used == 0 && usage(DEPARTMENT).storage.used > 0);
    // Whatever becomes of it.
    let refused = clerks.draw(1).with_gas(LIMIT).sponsored_by(&desk).by(&Account::named("other"));
    refused.refused("NotAllowed");
    assert_eq!(usage("welfare").gas.used, used + refused.gas());
    // What the sponsor's department has not left it does not pay, and the other one's is none of its business.
    chain.set_quota("welfare", Some(quota(&chain, LIMIT, 0)));
    let refusal = clerks.draw(1).with_gas(LIMIT).sponsored_by(&desk).try_by(&clerk()).err();
    let exhausted =
        |refusal: &Refusal| matches!(refusal, Refusal::QuotaExhausted { department, .. } if department == "welfare");
    assert!(refusal.as_ref().is_some_and(exhausted), "{refusal:?}");
    assert!(clerks.draw(1).with_gas(LIMIT).by(&clerk()).done().is_some());
}

#[test]
fn who_is_no_sponsor_pays_for_nobody_and_no_other_department_pays_instead() {
    let (chain, clerks) = metered(u64::MAX / 4, 1_000_000);
    let desk = Account::named("desk");
    let refusal = || clerks.draw(1).with_gas(LIMIT).sponsored_by(&desk).try_by(&clerk()).err();
    let not_sponsor = Some(Refusal::NotSponsor { sponsor: desk.address() });
    let before = chain.usage(DEPARTMENT);
    assert_eq!(refusal(), not_sponsor);
    assert_eq!(chain.usage(DEPARTMENT), before);
    chain.appoint_sponsor(&desk, "welfare");
    assert_eq!(refusal(), None);
    // Who is frozen sponsors nothing.
    chain.freeze(desk.address());
    assert_eq!(refusal(), not_sponsor);
    chain.unfreeze(desk.address());
    assert_eq!(refusal(), None);
    chain.dismiss_sponsor(&desk);
    assert_eq!(refusal(), not_sponsor);
}

#[test]
fn one_departments_quota_is_not_anothers_and_without_one_nothing_is_counted() {
    let (chain, clerks) = office();
    chain.grant_role("chief_clerk", &clerk());
    chain.set_quota("elsewhere", Some(quota(&chain, 1, 0)));
    assert!(clerks.draw(1).by(&clerk()).done().is_some());
    assert_eq!(chain.usage(DEPARTMENT), Default::default());
    assert_eq!(chain.usage("elsewhere"), Default::default());
    // A quota holds from the block after it was granted, in a contract that was called before too.
    chain.set_quota(DEPARTMENT, Some(quota(&chain, LIMIT - 1, 0)));
    assert!(clerks.draw(1).with_gas(LIMIT).try_by(&clerk()).is_err());
    chain.set_quota(DEPARTMENT, None);
    assert!(clerks.draw(1).with_gas(LIMIT).try_by(&clerk()).is_ok());
}
