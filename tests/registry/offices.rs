//! Setting up, departments, administrators, rules, roles, deployers.

use ::registry::{administration::*, quotas::*, roles::*, sponsors::*};

use super::*;

#[test]
fn what_cannot_be_a_registry_is_not_set_up() {
    let chain = Chain::new();
    let refused = |change: &dyn Fn(&mut Setup), error: &str| {
        let chain = chain.fork();
        let mut setup = setup(chain.now_ms());
        change(&mut setup);
        chain.deploy::<Registry>("registry").init(setup).called().refused(error);
    };
    refused(&|setup| setup.departments.clear(), "NothingToBeginWith");
    refused(&|setup| setup.administrators.clear(), "NothingToBeginWith");
    refused(&|setup| setup.epoch_blocks = 0, "BadEpoch");
    refused(&|setup| setup.departments[1].name = "justice".into(), "DepartmentKnown");
    refused(&|setup| setup.departments[1].name = "Interior".into(), "BadName");
    refused(&|setup| setup.departments[1].title = "\n".into(), "BadTitle");
    refused(&|setup| setup.administrators[1].account = setup.administrators[0].account, "AlreadyAdministrator");
    refused(&|setup| setup.administrators[1].department = "culture".into(), "NoDepartment");
    refused(&|setup| setup.administrators.truncate(3), "LocksOut");
    refused(&|setup| setup.freeze.departments = 1, "BadRule");
    refused(&|setup| setup.nodes.clear(), "BadCommittee");
    refused(&|setup| setup.nodes[1].key = setup.nodes[0].key, "NodeKnown");
    refused(&|setup| setup.nodes[1].department = "culture".into(), "NoDepartment");
    refused(&|setup| setup.deployers[0].until_ms = 1, "BadTime");
    // A single administrator, which a trial network begins with.
    let mut alone = setup(chain.now_ms());
    alone.administrators.truncate(1);
    (alone.routine, alone.constitution) =
        (Rule { approvals: 1, ..ROUTINE }, Rule { approvals: 1, departments: 1, ..CONSTITUTION });
    chain.deploy::<Registry>("registry").init(alone).done();
}

#[test]
fn departments_are_founded_and_dissolved_and_their_names_never_used_again() {
    let network = Network::new();
    let found = |name: &str| Measure::FoundDepartment { name: name.into(), title: "文化和旅游厅".into() };
    let dissolve = |name: &str| Measure::DissolveDepartment { name: name.into() };
    network.refuses(found("justice"), "DepartmentKnown");
    network.refuses(found("Culture"), "BadName");
    network.refuses(Measure::FoundDepartment { name: "culture".into(), title: "t".repeat(121) }, "BadTitle");
    network.refuses(dissolve("culture"), "NoDepartment");
    network.refuses(dissolve("justice"), "DepartmentInUse");
    network.enact(found("culture")).expect("the name is new");
    assert_eq!(network.registry.department("culture").ask().title, "文化和旅游厅");
    assert_eq!(network.registry.departments(Some("culture".into()), 9).ask().len(), 3);
    network.enact(dissolve("culture")).expect("nobody is in it");
    network.refuses(found("culture"), "DepartmentKnown");
    network.refuses(dissolve("culture"), "NoDepartment");
    let one = Measure::AppointAdministrator { administrator: new_administrator(Address([1; 32]), "culture") };
    network.refuses(one, "NoDepartment");
}

#[test]
fn a_department_with_a_node_is_not_dissolved() {
    let network = Network::new();
    network.enact(Measure::FoundDepartment { name: "culture".into(), title: "文化".into() }).expect("the name is new");
    let from_height = network.chain.height() + 20;
    network.enact(Measure::AddNode { node: new_node(9, "culture"), from_height }).expect("the key is new");
    network.refuses(Measure::DissolveDepartment { name: "culture".into() }, "DepartmentInUse");
}

#[test]
fn the_last_administrators_cannot_lock_themselves_out() {
    let network = Network::new();
    let dismiss = |number: usize| Measure::DismissAdministrator { account: administrator(number).address() };
    network.refuses(Measure::DismissAdministrator { account: Address([1; 32]) }, "NoAdministrator");
    network.enact(dismiss(5)).expect("five are left");
    network.enact(dismiss(3)).expect("four are left, and three after a loss");
    network.refuses(dismiss(1), "LocksOut");
    let lax = Rule { approvals: 4, ..CONSTITUTION };
    network.refuses(Measure::SetRule { class: Class::Constitution, rule: lax }, "LocksOut");
    let wide = Rule { approvals: 3, departments: 3, ..CONSTITUTION };
    network.refuses(Measure::SetRule { class: Class::Routine, rule: wide }, "LocksOut");
    let replace = Measure::ReplaceAdministrator { old: administrator(1).address(), new: administrator(7).address() };
    network.enact(replace).expect("there are as many as before");
    let found = network.registry.administrators(None, 64).ask();
    let seventh = found.iter().find(|(account, _)| *account == administrator(7).address()).expect("in office");
    assert_eq!((found.len(), seventh.1.department.as_str()), (4, "justice"));
}

#[test]
fn appointments_and_rules_out_of_bounds_are_refused() {
    let network = Network::new();
    let appoint = |account, department: &str| Measure::AppointAdministrator {
        administrator: new_administrator(account, department),
    };
    network.refuses(appoint(administrator(3).address(), "justice"), "AlreadyAdministrator");
    network.refuses(appoint(administrator(7).address(), "culture"), "NoDepartment");
    let replace = |old, new| Measure::ReplaceAdministrator { old, new };
    network.refuses(replace(Address([1; 32]), Address([2; 32])), "NoAdministrator");
    network.refuses(replace(administrator(1).address(), administrator(0).address()), "AlreadyAdministrator");
    let rule = |rule| Measure::SetRule { class: Class::Freeze, rule };
    for bad in [
        Rule { departments: 1, ..FREEZE },
        Rule { departments: 3, ..FREEZE },
        Rule { approvals: 65, ..FREEZE },
        Rule { delay_ms: 2 * DAY_MS, ..FREEZE },
        Rule { open_ms: HOUR_MS - 1, ..FREEZE },
        Rule { open_ms: 366 * DAY_MS, ..FREEZE },
        Rule { delay_ms: 91 * DAY_MS, open_ms: 100 * DAY_MS, ..FREEZE },
    ] {
        network.refuses(rule(bad), "BadRule");
    }
    let none = Rule { approvals: 0, departments: 0, ..ROUTINE };
    network.refuses(Measure::SetRule { class: Class::Routine, rule: none }, "BadRule");
}

#[test]
fn there_are_at_most_64_administrators() {
    let mut full = setup(Chain::new().now_ms());
    let more = (6..64).map(|number| new_administrator(administrator(number).address(), "finance"));
    full.administrators.extend(more);
    let chain = Chain::new();
    let registry = chain.deploy::<Registry>("registry").init(full).done();
    let network = Network { chain, registry };
    let measure = Measure::AppointAdministrator { administrator: new_administrator(Address([1; 32]), "finance") };
    network.refuses(measure, "TooMany");
}

#[test]
fn a_role_holds_from_its_time_until_its_time() {
    let network = Network::new();
    let (registry, clerk) = (&network.registry, Account::named("clerk").address());
    let now_ms = network.chain.now_ms();
    let grant = |department: &str, role: &str, from_ms, until_ms| Measure::GrantRole {
        department: department.into(),
        role: role.into(),
        account: clerk,
        from_ms,
        until_ms,
    };
    network.refuses(grant("culture", "clerk", 0, now_ms + 9 * DAY_MS), "NoDepartment");
    network.refuses(grant("justice", "a clerk", 0, now_ms + 9 * DAY_MS), "BadName");
    network.refuses(grant("justice", "clerk", 0, now_ms), "BadTime");
    network.refuses(grant("justice", "clerk", now_ms + 9 * DAY_MS, now_ms + 9 * DAY_MS), "BadTime");
    network.refuses(grant("justice", "clerk", 0, now_ms + 3_000 * DAY_MS), "BadTime");
    network.enact(grant("justice", "clerk", now_ms + 3 * DAY_MS, now_ms + 5 * DAY_MS)).expect("it is to come");
    let holds = || registry.has_role("justice", "clerk", clerk).ask();
    assert!(!holds());
    network.chain.advance(days(3));
    assert!(holds() && !registry.has_role("interior", "clerk", clerk).ask());
    let revoke = Measure::RevokeRole { department: "justice".into(), role: "clerk".into(), account: clerk };
    let revoked = network.fork();
    revoked.enact(revoke.clone()).expect("it is there");
    assert!(!revoked.registry.has_role("justice", "clerk", clerk).ask());
    revoked.refuses(revoke, "NoRole");
    network.chain.advance(days(2));
    assert!(!holds());
    assert_eq!(registry.roles(None, 9).ask().len(), 1);
    assert_eq!(registry.role("justice", "clerk", clerk).ask().map(|role| role.until_ms), Some(now_ms + 5 * DAY_MS));
}

#[test]
fn who_may_deploy_where_is_granted_expires_and_is_taken_away() {
    let network = Network::new();
    let (registry, account) = (&network.registry, Account::named("deployer").address());
    let may = |network: &Network, chain: &str| network.registry.may_deploy(chain, "justice", account).ask();
    assert!(may(&network, "main") && !may(&network, "evidence"));
    let now_ms = network.chain.now_ms();
    let grant = |chain: &str, department: &str, until_ms| Measure::GrantDeployment {
        chain: chain.into(),
        department: department.into(),
        account,
        until_ms,
    };
    network.refuses(grant("Main", "justice", now_ms + 9 * DAY_MS), "BadName");
    network.refuses(grant("main", "culture", now_ms + 9 * DAY_MS), "NoDepartment");
    network.refuses(grant("main", "justice", now_ms), "BadTime");
    network.enact(grant("evidence", "justice", now_ms + 9 * DAY_MS)).expect("it is to come");
    assert!(may(&network, "evidence"));
    let revoke = Measure::RevokeDeployment { chain: "evidence".into(), department: "justice".into(), account };
    let revoked = network.fork();
    revoked.enact(revoke.clone()).expect("it is there");
    assert!(!may(&revoked, "evidence"));
    revoked.refuses(revoke, "NoDeployment");
    network.chain.advance(days(9));
    assert!(!may(&network, "evidence") && may(&network, "main"));
    assert_eq!(registry.deployers(None, 9).ask().len(), 2);
    network.chain.advance(days(30));
    assert!(!may(&network, "main"));
}

#[test]
fn meters_are_appointed_and_dismissed() {
    let network = Network::new();
    let account = Account::named("another meter").address();
    network.refuses(Measure::DismissMeter { account }, "NoMeter");
    network.enact(Measure::AppointMeter { account }).expect("anything may be a meter");
    assert!(network.registry.meters(None, 9).ask().contains(&account));
    network.enact(Measure::DismissMeter { account }).expect("it is one");
    assert_eq!(network.registry.meters(None, 9).ask().len(), 1);
}

#[test]
fn sponsors_are_appointed_for_one_department_and_dismissed() {
    let network = Network::new();
    let (registry, account) = (&network.registry, Account::named("desk").address());
    let appoint =
        |department: &str, until_ms| Measure::AppointSponsor { account, department: department.into(), until_ms };
    let until_ms = network.chain.now_ms() + 30 * DAY_MS;
    network.refuses(appoint("culture", until_ms), "NoDepartment");
    network.refuses(appoint("justice", network.chain.now_ms()), "BadTime");
    network.refuses(appoint("justice", network.chain.now_ms() + 3_000 * DAY_MS), "BadTime");
    network.refuses(Measure::DismissSponsor { account }, "NoSponsor");
    network.enact(appoint("justice", until_ms)).expect("the department is there");
    let department = || registry.sponsor(account).ask().map(|sponsor| sponsor.department);
    assert_eq!(department().as_deref(), Some("justice"));
    let act = network.enact(appoint("finance", until_ms)).expect("another department takes it over");
    assert_eq!(department().as_deref(), Some("finance"));
    let all = registry.sponsors(None, 9).ask();
    assert_eq!((all.len(), all[0].0, all[0].1.act, all[0].1.until_ms), (1, account, act, until_ms));
    network.enact(Measure::DismissSponsor { account }).expect("it is one");
    assert_eq!(department(), None);
}
