//! The registry as the node carries it: the Wasm beside the source is what the source gives, and what a genesis says of
//! it is what the contract and the runtime read.

use ::registry::{Ceremony, Group, KeySpan, Membership, Setup, Stage, ThresholdKeys};
use chancery::chain::{PlannedDepartment, REGISTRY_WASM, RegistryPlan};
use chancery_abi::{Address, Digest, Name};
use chancery_build::{Options, build};
use chancery_runtime::{execution::registry as read, module::CheckedModule};
use parity_scale_codec::{Decode, Encode};

/// The compiler that the kept module is from.
const COMPILER: &str = "rustc 1.95.0";

#[test]
fn the_kept_module_is_what_its_source_gives() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/registry");
    let built = build(folder.as_ref(), Options { quiet: true, ..Options::default() }).expect("the registry builds");
    if !built.compiler.starts_with(COMPILER) {
        return eprintln!("not compared: the kept module is from {COMPILER}, and this is {}", built.compiler);
    }
    let same = built.module.source() == REGISTRY_WASM;
    assert!(same, "contracts/registry/registry.wasm is out of date: `make registry` writes it anew");
}

#[test]
fn what_a_genesis_sets_up_with_is_what_the_contract_reads() {
    let name = |text: &str| Name::new(text).expect("a name");
    let department = PlannedDepartment {
        name: name("land"),
        title: "Land".into(),
        administrators: vec![Address([1; 32])],
        nodes: vec![([2; 32], [3; 32])],
        deployers: vec![Address([4; 32])],
    };
    let setup = RegistryPlan::trial(vec![department]).setup(&name("main"), 1_000);
    let mut input = &setup.input[..];
    let read = Setup::decode(&mut input).expect("the contract's own type");
    assert!(input.is_empty());
    assert_eq!((read.departments.len(), read.departments[0].title.as_str()), (1, "Land"));
    assert_eq!(
        (read.administrators[0].account, read.administrators[0].department.as_str()),
        (Address([1; 32]), "land")
    );
    assert_eq!((read.nodes[0].key, read.nodes[0].operator), ([2; 32], [3; 32]));
    assert_eq!((read.deployers[0].chain.as_str(), read.deployers[0].account), ("main", Address([4; 32])));
    assert!(read.meters.is_empty() && read.epoch_blocks == 100 && read.freeze.departments == 2);
    assert_eq!(read.beacon_lead_blocks, 100_000);
}

#[test]
fn nodes_read_and_call_all_that_they_need_of_the_kept_module() {
    let module = CheckedModule::check(REGISTRY_WASM).expect("it is a contract");
    // By the rules that decide whether it could be upgraded to.
    assert_eq!(read::unreadable_field(module.schema()), None);
    assert_eq!(read::uncallable_method(module.schema()), None);
}

#[test]
fn the_runtime_counts_in_the_contracts_types() {
    let allowance = |n| ::registry::Allowance { per_period: n, carry_max: n + 1, reserve: n + 2 };
    let quota = ::registry::Quota { first_ms: 1, period_ms: 2, gas: allowance(3), storage: allowance(6) };
    let found = chancery_abi::quota::Quota::decode(&mut &quota.encode()[..]).expect("the same layout");
    assert_eq!((found.encode(), found.storage.reserve), (quota.encode(), 8));
    let meter = |n| ::registry::Meter { carried: n, extra: n + 1, used: n + 2, reserve_used: n + 3, total: n + 4 };
    let usage = ::registry::Usage { period: 1, gas: meter(2), storage: meter(7) };
    let found = chancery_abi::quota::Usage::decode(&mut &usage.encode()[..]).expect("the same layout");
    assert_eq!((found.encode(), found.gas.total, found.storage.used), (usage.encode(), 6, 9));
}

#[test]
fn the_runtime_reads_the_contracts_types() {
    let committee = |number| ::registry::Committee { number, members: vec![[5; 32], [6; 32]], from_height: 70 };
    let membership = Membership { present: committee(1), next: Some(committee(2)) };
    let found = read::Membership::decode(&mut &membership.encode()[..]).expect("the same layout");
    assert_eq!(found.encode(), membership.encode());
    let group = Group {
        round: 3,
        key: [7; 96],
        from_height: 9,
        holders: 4,
        output: Digest([8; 32]),
        committee: 2,
        members: vec![[5; 32]],
        untrusted: true,
    };
    let found = read::Group::decode(&mut &group.encode()[..]).expect("the same layout");
    assert_eq!((found.encode(), found.key, found.output), (group.encode(), group.key, group.output));
    let span = |from_height, to_height| KeySpan { key: [7; 96], from_height, to_height, untrusted: true, round: 3 };
    let keys = ThresholdKeys { lead_blocks: 5, spans: vec![span(1, Some(9)), span(10, None)] };
    let found = read::ThresholdKeys::decode(&mut &keys.encode()[..]).expect("the same layout");
    assert_eq!(found.encode(), keys.encode());
    let at = |height| found.at(height).map(|key| (key.from_height, key.untrusted));
    assert_eq!((at(0), at(1), at(9), at(10)), (None, Some((1, true)), Some((1, true)), Some((10, true))));
    assert_eq!(found.spans[1].round, 3);
    let stages = [Stage::Keys, Stage::Dealings, Stage::Acknowledgements, Stage::Logs, Stage::Declarations];
    for stage in stages {
        let ceremony = Ceremony {
            round: 1,
            stage,
            since_ms: 2,
            committee: 3,
            players: vec![[4; 32]],
            dealers: vec![[5; 32]],
            previous: Some(6),
            given: vec![[7; 32]],
        };
        let found = read::Ceremony::decode(&mut &ceremony.encode()[..]).expect("the same layout");
        assert_eq!((found.encode(), format!("{:?}", found.stage)), (ceremony.encode(), format!("{stage:?}")));
    }
}
