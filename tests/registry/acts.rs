//! Acts: approvals, delay, expiry, and that nothing goes round them.

use ::registry::{administration::*, roles::*, upgrades::*};
use chancery_testing::{Called, Digest};
use proptest::{collection::vec, prelude::*};

use super::*;

#[test]
fn an_act_takes_its_approvals_its_delay_and_its_time() {
    let network = Network::new();
    let (chain, registry) = (&network.chain, &network.registry);
    let clerk = Account::named("clerk").address();
    let act = registry.propose(grant_role(chain.now_ms()), "2026-7").by(&administrator(0)).done();
    registry.carry_out(act).by(&administrator(0)).refused_with(&RegistryError::NotApproved {
        approvals: 1,
        departments: 1,
        approvals_needed: 2,
        departments_needed: 1,
    });
    registry.approve(act).by(&administrator(0)).refused("ApprovedBefore");
    let approved_ms = chain.now_ms();
    let ready_ms = registry.approve(act).by(&administrator(1)).done();
    assert_eq!(ready_ms, Some(approved_ms + HOUR_MS));
    registry
        .carry_out(act)
        .by(&administrator(0))
        .refused_with(&RegistryError::TooEarly { ready_ms: approved_ms + HOUR_MS });
    assert!(!registry.has_role("justice", "clerk", clerk).ask());
    chain.advance(hours(1));
    registry.rehearse(act).ask();
    let done = ActDone { act, by: administrator(5).address() };
    registry.carry_out(act).by(&administrator(5)).emitted(&done).done();
    assert!(registry.has_role("justice", "clerk", clerk).ask());
    registry.carry_out(act).by(&administrator(0)).refused("ActClosed");
    registry.approve(act).by(&administrator(2)).refused("ActClosed");
    assert_eq!(registry.acts(None, 10).ask().len(), 1);
}

#[test]
fn an_act_expires_however_well_it_is_approved() {
    let network = Network::new();
    let act = network.approved(grant_role(network.chain.now_ms()));
    network.chain.advance(days(10));
    assert_eq!(network.finish(act), Err("ActExpired".into()));
    network.registry.approve(act).by(&administrator(1)).refused("ActExpired");
    assert!(network.registry.rehearse(act).try_ask().is_err());
}

#[test]
fn only_administrators_act_and_only_the_proposer_withdraws() {
    let network = Network::new();
    let registry = &network.registry;
    let (stranger, act) = (Account::named("stranger"), network.approved(grant_role(network.chain.now_ms())));
    registry.propose(grant_role(0), "2026-1").by(&stranger).refused("NotAdministrator");
    registry.approve(act).by(&stranger).refused("NotAdministrator");
    registry.withdraw_approval(act).by(&stranger).refused("NotAdministrator");
    registry.withdraw(act).by(&stranger).refused("NotAdministrator");
    network.chain.advance(days(1));
    registry.carry_out(act).by(&stranger).refused("NotAdministrator");
    registry.approve(99).by(&administrator(0)).refused("NoAct");
    registry.propose(grant_role(0), "a sentence").by(&administrator(0)).refused("BadReference");
    registry.withdraw(act).by(&administrator(1)).refused("NotProposer");
    registry.withdraw(act).by(&administrator(0)).done();
    assert_eq!(network.finish(act), Err("ActClosed".into()));
}

#[test]
fn an_approval_that_is_taken_back_no_longer_counts_and_the_delay_begins_anew() {
    let network = Network::new();
    let registry = &network.registry;
    let act = registry.propose(grant_role(network.chain.now_ms()), "2026-1").by(&administrator(0)).done();
    registry.approve(act).by(&administrator(1)).done();
    registry.withdraw_approval(act).by(&administrator(2)).refused("NotApprovedByYou");
    registry.withdraw_approval(act).by(&administrator(1)).done();
    network.chain.advance(days(1));
    assert_eq!(network.finish(act), Err("NotApproved".into()));
    registry.approve(act).by(&administrator(2)).done();
    assert_eq!(network.finish(act), Err("TooEarly".into()));
    network.chain.advance(hours(1));
    assert_eq!(network.finish(act), Ok(act));
}

#[test]
fn who_is_dismissed_no_longer_counts_nor_does_an_earlier_term() {
    let network = Network::new();
    let registry = &network.registry;
    let second = administrator(1).address();
    let act = registry.propose(grant_role(network.chain.now_ms()), "2026-1").by(&administrator(0)).done();
    registry.approve(act).by(&administrator(1)).done();
    network.enact(Measure::DismissAdministrator { account: second }).expect("five are enough");
    assert_eq!(network.finish(act), Err("NotApproved".into()));
    let again = Measure::AppointAdministrator { administrator: new_administrator(second, "justice") };
    network.enact(again).expect("there is room");
    assert_eq!(network.finish(act), Err("NotApproved".into()), "the approval was given in the term before");
    registry.approve(act).by(&administrator(1)).done();
    network.chain.advance(hours(1));
    assert_eq!(network.finish(act), Ok(act));
}

#[test]
fn the_rule_in_force_when_an_act_is_carried_out_counts() {
    let network = Network::new();
    let registry = &network.registry;
    let act = registry.propose(grant_role(network.chain.now_ms()), "2026-1").by(&administrator(0)).done();
    registry.approve(act).by(&administrator(1)).done();
    let stricter = Rule { departments: 2, ..ROUTINE };
    network.enact(Measure::SetRule { class: Class::Routine, rule: stricter.clone() }).expect("three departments");
    assert_eq!(registry.rule(Class::Routine).ask(), stricter);
    assert_eq!(network.finish(act), Err("NotApproved".into()));
    assert_eq!(registry.progress(act).ask(), Progress { approvals: 2, departments: 1, ready_ms: None, rule: stricter });
}

/// A step of whoever is about: 0 to 5 are the administrators of the beginning, 6 and 7 may become some, 8 never does.
#[derive(Clone, Debug)]
enum Step {
    Propose(usize, usize),
    Approve(usize, u32),
    WithdrawApproval(usize, u32),
    Withdraw(usize, u32),
    CarryOut(usize, u32),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..9usize;
    prop_oneof![
        3 => (who(), 0..21usize).prop_map(|(who, measure)| Step::Propose(who, measure)),
        8 => (who(), 0..6u32).prop_map(|(who, act)| Step::Approve(who, act)),
        1 => (who(), 0..6u32).prop_map(|(who, act)| Step::WithdrawApproval(who, act)),
        1 => (who(), 0..6u32).prop_map(|(who, act)| Step::Withdraw(who, act)),
        6 => (who(), 0..6u32).prop_map(|(who, act)| Step::CarryOut(who, act)),
        3 => prop::sample::select(vec![HOUR_MS, DAY_MS, 11 * DAY_MS]).prop_map(Step::Wait),
    ]
}

/// When what the hostile approve ends: it is less than 90 days ahead from the beginning on.
const UPGRADE_UNTIL_MS: u64 = 1_767_225_600_000 + 80 * DAY_MS;

/// The measures about which the hostile quarrel: who administers, what it takes, and what the registry becomes.
fn measure(number: usize) -> Measure {
    let account = administrator(number % 8).address();
    let department = DEPARTMENTS[number % 3];
    let class = [Class::Routine, Class::Constitution][number % 2];
    match number {
        0..8 => Measure::DismissAdministrator { account },
        8..12 => Measure::AppointAdministrator { administrator: new_administrator(account, department) },
        12..15 => Measure::ReplaceAdministrator { old: account, new: administrator(6 + number % 2).address() },
        15 => Measure::SetRule { class, rule: Rule { approvals: 5, departments: 3, ..ROUTINE } },
        16 => Measure::SetRule { class, rule: Rule { approvals: 1, departments: 1, delay_ms: 0, ..ROUTINE } },
        17 => Measure::SetRule { class, rule: Rule { approvals: 6, departments: 1, ..ROUTINE } },
        18 => Measure::SetRule { class, rule: Rule { approvals: 4, departments: 2, ..CONSTITUTION } },
        19 => Measure::ApproveUpgrade { code: Digest([19; 32]), until_ms: UPGRADE_UNTIL_MS },
        _ => Measure::FoundDepartment { name: "culture".into(), title: "文化厅".into() },
    }
}

/// Whether the rule is met, and since when it is ready: written from the promise, not from the contract.
fn ready_ms(act: &Act, administrators: &[(Address, Administrator)], rule: &Rule) -> Option<u64> {
    let mut met: Vec<&Approval> = Vec::new();
    for approval in &act.approvals {
        let in_office = |(account, found): &(Address, Administrator)| {
            *account == approval.administrator && found.term == approval.term && found.department == approval.department
        };
        if administrators.iter().any(in_office) {
            met.push(approval);
        }
        let mut departments: Vec<&String> = met.iter().map(|approval| &approval.department).collect();
        departments.sort_unstable();
        departments.dedup();
        if met.len() >= rule.approvals as usize && departments.len() >= rule.departments as usize {
            return Some(approval.at_ms + rule.delay_ms);
        }
    }
    None
}

/// Whether these administrators, less whichever one of them, meet a rule.
fn survives(administrators: &[(Address, Administrator)], rule: &Rule) -> bool {
    let meets = |some: Vec<&(Address, Administrator)>| {
        let mut departments: Vec<&String> = some.iter().map(|(_, found)| &found.department).collect();
        departments.sort_unstable();
        departments.dedup();
        some.len() >= rule.approvals as usize && departments.len() >= rule.departments as usize
    };
    let less = |gone: &(Address, Administrator)| administrators.iter().filter(|(a, _)| *a != gone.0).collect();
    match administrators {
        [only] => meets(vec![only]),
        all => !all.is_empty() && all.iter().all(|gone| meets(less(gone))),
    }
}

fn is_done<T>(called: &Called<T>) -> bool {
    called.outcome().is_done()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever administrators and strangers do in whatever order: an act is carried out only with the approvals of its
    /// rule, after its delay and before it expires, by an administrator; what it is cannot change; approvals are of
    /// administrators; whichever administrator is lost, the others can go on; and the registry may be upgraded to what the
    /// last such act says, until it ends, and to nothing else.
    #[test]
    fn no_act_without_its_approvals_and_nobody_is_locked_out(steps in vec(step(), 20..80)) {
        let network = Network::new();
        let (chain, registry) = (&network.chain, &network.registry);
        let mut done = 0;
        for step in steps {
            let (administrators, now_ms) = (registry.administrators(None, 64).ask(), chain.now_ms());
            let before = registry.acts(None, 64).ask();
            let is_administrator = |who: usize| {
                administrators.iter().any(|(account, _)| *account == administrator(who).address())
            };
            match step {
                Step::Wait(ms) => chain.advance(hours(ms / HOUR_MS)),
                Step::Propose(who, number) => {
                    let called = registry.propose(measure(number), "2026-1").by(&administrator(who));
                    prop_assert_eq!(is_done(&called), is_administrator(who));
                }
                Step::Approve(who, act) => {
                    let open = before.get(act as usize).map(|(_, act)| act).filter(|open| {
                        open.status == ActStatus::Open && now_ms < open.expires_ms
                    });
                    let called = registry.approve(act).by(&administrator(who));
                    let twice = open.is_some_and(|open| open.approvals.iter().any(|approval| {
                        approval.administrator == administrator(who).address()
                            && administrators.iter().any(|(account, found)| {
                                *account == approval.administrator && found.term == approval.term
                            })
                    }));
                    prop_assert_eq!(is_done(&called), open.is_some() && !twice && is_administrator(who));
                }
                Step::WithdrawApproval(who, act) => {
                    let called = registry.withdraw_approval(act).by(&administrator(who));
                    prop_assert!(!is_done(&called) || is_administrator(who));
                }
                Step::Withdraw(who, act) => {
                    let called = registry.withdraw(act).by(&administrator(who));
                    let address = administrator(who).address();
                    let mine = before.get(act as usize).is_some_and(|(_, act)| act.proposer == address);
                    prop_assert!(!is_done(&called) || (is_administrator(who) && mine));
                }
                Step::CarryOut(who, act) => {
                    let rule = before.get(act as usize).map(|(_, act)| registry.rule(act.class).ask());
                    let called = registry.carry_out(act).by(&administrator(who));
                    if is_done(&called) {
                        done += 1;
                        let open = &before[act as usize].1;
                        let ready_ms = ready_ms(open, &administrators, &rule.expect("the act is there"));
                        prop_assert!(open.status == ActStatus::Open && is_administrator(who));
                        prop_assert!(ready_ms.is_some_and(|ready_ms| ready_ms <= now_ms), "{:?}", ready_ms);
                        prop_assert!(now_ms < open.expires_ms);
                    }
                }
            }
            let (administrators, after) = (registry.administrators(None, 64).ask(), registry.acts(None, 64).ask());
            for ((_, before), (_, after)) in before.iter().zip(&after) {
                let fixed = |act: &Act| (chancery_bytes(&act.measure), act.proposed_ms, act.expires_ms, act.proposer);
                prop_assert!(fixed(before) == fixed(after), "an act changed");
                prop_assert!(before.status == ActStatus::Open || before.status == after.status);
            }
            for class in [Class::Routine, Class::Constitution] {
                let rule = registry.rule(class).ask();
                prop_assert!(survives(&administrators, &rule), "{} and {:?}", administrators.len(), rule);
            }
            let height = |act: &Act| match (&act.measure, &act.status) {
                (Measure::ApproveUpgrade { .. }, ActStatus::Done { height, .. }) => Some(*height),
                _ => None,
            };
            let last = after.iter().filter_map(|(number, act)| Some((height(act)?, *number))).max();
            let in_force = last.filter(|_| chain.now_ms() < UPGRADE_UNTIL_MS).map(|(_, number)| number);
            prop_assert_eq!(registry.approved_upgrade().ask().map(|approved| approved.act), in_force);
            let finished = after.iter().filter(|(_, act)| matches!(act.status, ActStatus::Done { .. })).count();
            prop_assert_eq!(finished, done);
        }
    }
}

fn chancery_bytes(measure: &Measure) -> Vec<u8> {
    let mut bytes = Vec::new();
    chancery_sdk::encode_to(measure, &mut bytes);
    bytes
}
