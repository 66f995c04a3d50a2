//! Freezing, unfreezing, appeals.

use ::registry::freezes::*;
use chancery_testing::Digest;

use super::*;

const STATEMENT: Digest = Digest([3; 32]);

fn freeze(target: Address, until_ms: u64) -> Measure {
    Measure::Freeze { target, legal_basis: "XZQZ-2026-17".into(), until_ms }
}

fn decide(appeal: u32, granted: bool) -> Measure {
    Measure::DecideAppeal { appeal, granted, reference: "FY-2026-3".into() }
}

/// A network in which `target` was frozen for ten days by administrators 0 and 2.
fn frozen(target: Address) -> (Network, u32) {
    let network = Network::new();
    let measure = freeze(target, network.chain.now_ms() + 10 * DAY_MS);
    let act = network.registry.propose(measure, "2026-9").by(&administrator(0)).done();
    network.registry.approve(act).by(&administrator(1)).done();
    assert_eq!(network.finish(act), Err("NotApproved".into()), "one department is not enough");
    network.registry.withdraw_approval(act).by(&administrator(1)).done();
    network.registry.approve(act).by(&administrator(2)).done();
    network.finish(act).expect("two departments approved");
    (network, act)
}

#[test]
fn a_freeze_takes_two_departments_names_its_basis_and_ends_by_itself() {
    let target = Account::named("suspect").address();
    let (network, act) = frozen(target);
    let found = network.registry.frozen(target).ask().expect("it is frozen");
    assert_eq!((found.act, found.legal_basis.as_str()), (act, "XZQZ-2026-17"));
    assert_eq!(found.departments, ["justice", "interior"]);
    assert!(network.registry.is_frozen(target).ask());
    network.chain.advance(days(10));
    assert!(!network.registry.is_frozen(target).ask());
    assert_eq!(network.registry.freezes(None, 9).ask().len(), 1);
    let late = Measure::Unfreeze { target, legal_basis: "FY-1".into() };
    network.refuses(late, "NotFrozen");
}

#[test]
fn an_act_ends_a_freeze() {
    let target = Account::named("suspect").address();
    let (network, _) = frozen(target);
    network.refuses(Measure::Unfreeze { target, legal_basis: "in words".into() }, "BadReference");
    let act = network.enact(Measure::Unfreeze { target, legal_basis: "FY-1".into() }).expect("it is frozen");
    assert!(network.registry.frozen(target).ask().is_none());
    network.refuses(Measure::Unfreeze { target, legal_basis: "FY-1".into() }, "NotFrozen");
    assert!(matches!(network.registry.act(act).ask().status, ActStatus::Done { .. }));
}

#[test]
fn neither_the_registry_nor_its_administrators_are_ever_frozen() {
    let network = Network::new();
    let until_ms = network.chain.now_ms() + 10 * DAY_MS;
    for target in [network.registry.address(), administrator(5).address()] {
        network.registry.propose(freeze(target, until_ms), "2026-1").by(&administrator(0)).refused("CannotFreeze");
    }
    // Who becomes an administrator while the freeze waits for approval.
    let later = administrator(7).address();
    let act = network.approved(freeze(later, until_ms));
    let appoint = Measure::AppointAdministrator { administrator: new_administrator(later, "justice") };
    network.enact(appoint.clone()).expect("there is room");
    assert_eq!(network.finish(act), Err("CannotFreeze".into()));
    // And who is frozen does not become one.
    let (network, _) = frozen(later);
    network.refuses(appoint, "Frozen");
    let replace = Measure::ReplaceAdministrator { old: administrator(1).address(), new: later };
    network.refuses(replace, "Frozen");
}

#[test]
fn a_freeze_out_of_bounds_is_refused() {
    let network = Network::new();
    let (target, now_ms) = (Account::named("suspect").address(), network.chain.now_ms());
    network.refuses(freeze(target, now_ms), "BadTime");
    network.refuses(freeze(target, now_ms + 400 * DAY_MS), "BadTime");
    let wordy = Measure::Freeze { target, legal_basis: "a suspicion".into(), until_ms: now_ms + 9 * DAY_MS };
    network.refuses(wordy, "BadReference");
}

#[test]
fn who_is_frozen_appeals_and_others_decide() {
    let suspect = Account::named("suspect");
    let target = suspect.address();
    let (network, act) = frozen(target);
    let registry = &network.registry;
    let stranger = Account::named("stranger");
    registry.appeal(target, STATEMENT, "FY-2026-3").by(&stranger).refused("NotAppellant");
    registry.appeal(stranger.address(), STATEMENT, "FY-2026-3").by(&stranger).refused("NotFrozen");
    registry.appeal(target, STATEMENT, "in words").by(&suspect).refused("BadReference");
    let appeal = registry.appeal(target, STATEMENT, "FY-2026-3").by(&suspect).done();
    registry.appeal(target, STATEMENT, "FY-2026-4").by(&suspect).refused_with(&RegistryError::AppealOpen { appeal });
    network.refuses(decide(7, true), "NoAppeal");
    // Those who froze alone do not decide.
    let own = registry.propose(decide(appeal, false), "2026-10").by(&administrator(0)).done();
    registry.approve(own).by(&administrator(2)).done();
    assert_eq!(network.finish(own), Err("OwnFreeze".into()));
    let dismissed = network.fork();
    dismissed.enact(decide(appeal, false)).expect("another takes part");
    assert!(dismissed.registry.is_frozen(target).ask());
    dismissed.refuses(decide(appeal, true), "NoAppeal");
    let second = dismissed.registry.appeal(target, STATEMENT, "FY-2026-5").by(&administrator(4)).done();
    assert_eq!(dismissed.registry.appeals_of(target, None, 9).ask(), [appeal, second]);
    let granted = network.enact(decide(appeal, true)).expect("another takes part");
    assert!(!registry.is_frozen(target).ask());
    let record = registry.appeals(None, 9).ask().remove(0).1;
    assert_eq!((record.freeze, record.filed_by, record.statement), (act, target, STATEMENT));
    let decision = record.decision.expect("it was decided");
    assert_eq!((decision.granted, decision.act, decision.reference.as_str()), (true, granted, "FY-2026-3"));
}

#[test]
fn prolonging_a_freeze_leaves_its_appeal_open_and_an_old_appeal_ends_no_new_freeze() {
    let suspect = Account::named("suspect");
    let target = suspect.address();
    let (network, _) = frozen(target);
    let appeal = network.registry.appeal(target, STATEMENT, "FY-1").by(&suspect).done();
    let until_ms = network.chain.now_ms() + 20 * DAY_MS;
    network.enact(freeze(target, until_ms)).expect("it is prolonged");
    assert_eq!(network.registry.frozen(target).ask().expect("frozen").appeal, Some(appeal));
    network.enact(Measure::Unfreeze { target, legal_basis: "FY-2".into() }).expect("it is frozen");
    network.enact(freeze(target, until_ms)).expect("another freeze");
    assert_eq!(network.registry.frozen(target).ask().expect("frozen").appeal, None);
    network.enact(decide(appeal, true)).expect("it is still open");
    assert!(network.registry.is_frozen(target).ask(), "the appeal was about the freeze before");
}
