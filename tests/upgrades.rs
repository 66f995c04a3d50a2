//! Upgrades from one release of a contract to the next, with real Wasm: compatible, refused, migrated, and a migration
//! that fails.

use chancery_abi::{Address, ExecutionRefusal, Outcome, schema::diff};
use chancery_runtime::{execution::accounts, module::CheckedModule};
use chancery_tests::{Account, Chain, contract, error_code};
use parity_scale_codec::Encode;

/// A chain with the office's first release and one permit.
fn office() -> Chain {
    let mut chain = Chain::new();
    let deployed = chain.deploy("office", contract("office_v1.wasm"), Vec::new());
    assert!(deployed.outcome.is_done(), "{:?}", deployed.outcome);
    let granted = grant(&mut chain);
    assert_eq!(granted, Outcome::Done { output: 0u32.encode() });
    chain
}

fn holder() -> Address {
    Account::new(9).address
}

/// The department grants a permit.
fn grant(chain: &mut Chain) -> Outcome {
    let mut department = Account::new(1);
    department.nonce = chain.nonce(&department.address);
    chain.call(&mut department, "office", "grant", &holder()).outcome
}

fn release(chain: &Chain) -> Outcome {
    chain.query("office", "release", &()).outcome
}

/// The revision and code that the state names.
fn record(chain: &Chain) -> (u32, chancery_abi::Digest) {
    let view = chain.state.view(None);
    let record = accounts::contract_record(&view, &chain.address("office")).expect("the state is readable");
    record.map(|record| (record.revision, record.code)).expect("the contract is there")
}

fn permit(chain: &Chain) -> Outcome {
    chain.query("office", "permit", &0u32).outcome
}

#[test]
fn a_release_that_reads_the_old_state_takes_its_place() {
    let mut chain = office();
    let before = permit(&chain);
    let upgraded = chain.upgrade("office", contract("office_v2.wasm"), Vec::new());
    assert!(upgraded.outcome.is_done(), "{:?}", upgraded.outcome);
    assert_eq!(release(&chain), Outcome::Done { output: 2u32.encode() });
    assert_eq!(permit(&chain), before, "what was stored is read as it was");
    assert_eq!(record(&chain).0, 1);
    let mut department = Account::new(1);
    department.nonce = chain.nonce(&department.address);
    let suspended = chain.call(&mut department, "office", "suspend", &(0u32, "under review"));
    assert!(suspended.outcome.is_done(), "{:?}", suspended.outcome);
    assert_eq!(permit(&chain), Outcome::Done { output: Some((holder(), 2u8)).encode() }, "the new variant");
    assert_eq!(grant(&mut chain), Outcome::Done { output: 1u32.encode() }, "the count goes on");
}

#[test]
fn a_release_that_cannot_read_the_old_state_is_refused_and_changes_nothing() {
    let mut chain = office();
    let before = (record(&chain), permit(&chain));
    let refused = chain.upgrade("office", contract("office_broken.wasm"), Vec::new());
    assert_eq!(refused.outcome, Outcome::Refused { reason: ExecutionRefusal::IncompatibleUpgrade });
    assert_eq!((record(&chain), permit(&chain)), before);
    assert_eq!(release(&chain), Outcome::Done { output: 1u32.encode() });
    // Going back to a release that lacks a field is refused just so.
    chain.upgrade("office", contract("office_v2.wasm"), Vec::new());
    let back = chain.upgrade("office", contract("office_v1.wasm"), Vec::new());
    assert_eq!(back.outcome, Outcome::Refused { reason: ExecutionRefusal::IncompatibleUpgrade });
}

#[test]
fn what_is_to_blame_is_named() {
    let schema = |file: &str| CheckedModule::check(&contract(file)).expect("it is a contract").schema().clone();
    let (old, new) = (schema("office_v1.wasm"), schema("office_broken.wasm"));
    let changes = diff::changes(&old, &new);
    let blamed: Vec<_> = changes.iter().filter(|change| change.effect() == diff::Effect::State).collect();
    let named = |change: &diff::Change| match change {
        diff::Change::FieldRemoved(field) => format!("{} is gone", field.name),
        diff::Change::FieldChanged { name, .. } => format!("{name} is another"),
        diff::Change::TypeChanged { name, .. } => format!("type {name} is another"),
        other => panic!("{other:?}"),
    };
    let blamed: Vec<_> = blamed.into_iter().map(named).collect();
    assert_eq!(blamed, ["count is another", "owner is gone", "permits is another", "type Permit is another"]);
    assert!(diff::reads_state_of(&schema("office_v2.wasm"), &old));
}

#[test]
fn a_migration_rewrites_what_the_new_release_cannot_read() {
    let mut chain = office();
    let upgraded = chain.upgrade("office", contract("office_migrated.wasm"), 9_000_000u64.encode());
    assert!(upgraded.outcome.is_done(), "{:?}", upgraded.outcome);
    assert_eq!(upgraded.events.len(), 1, "the migration announced itself");
    assert_eq!(permit(&chain), Outcome::Done { output: Some((holder(), 9_000_000u64)).encode() });
    let mut anyone = Account::new(9);
    let again = chain.call(&mut anyone, "office", "migrate", &9_000_001u64);
    assert_eq!(again.outcome, Outcome::Refused { reason: ExecutionRefusal::UnknownMethod }, "it runs once");
}

#[test]
fn a_migration_that_fails_leaves_everything_as_it_was() {
    let mut chain = office();
    let before = (record(&chain), permit(&chain), release(&chain));
    // It has rewritten the permits by the time it refuses.
    let failed = chain.upgrade("office", contract("office_migrated.wasm"), 1u64.encode());
    assert_eq!(error_code(&failed.outcome), 1, "{:?}", failed.outcome);
    assert_eq!((record(&chain), permit(&chain), release(&chain)), before);
    let failed = chain.upgrade("office", contract("office_migrated.wasm"), Vec::new());
    assert!(!failed.outcome.is_done(), "a migration's arguments are checked: {:?}", failed.outcome);
    assert_eq!((record(&chain), permit(&chain), release(&chain)), before);
    assert_eq!(grant(&mut chain), Outcome::Done { output: 1u32.encode() }, "and the old code goes on");
}

#[test]
fn only_the_contracts_department_upgrades_it() {
    let mut chain = office();
    let stranger = Account::new(7);
    let upgrade = chancery_abi::Upgrade {
        contract: chain.address("office"),
        code: contract("office_v2.wasm"),
        input: Vec::new(),
    };
    let transaction = stranger.sign(&chain.rules, stranger.body(chancery_abi::Payload::Upgrade(upgrade)));
    let refused = chain.submit(transaction).expect("it may be in a block");
    assert_eq!(refused.outcome, Outcome::Refused { reason: ExecutionRefusal::NotDepartment });
}

#[test]
fn a_field_that_comes_back_does_not_find_what_an_earlier_release_left() {
    let mut chain = office();
    // The migrated release drops `owner`, and leaves its entry.
    assert!(chain.upgrade("office", contract("office_migrated.wasm"), 9_000_000u64.encode()).outcome.is_done());
    let before = record(&chain);
    let refused = chain.upgrade("office", contract("office_returned.wasm"), Vec::new());
    assert_eq!(refused.outcome, Outcome::Refused { reason: ExecutionRefusal::StaleEntries });
    assert_eq!(record(&chain), before);
    // On a chain that never had that entry, the same release is taken.
    let mut fresh = Chain::new();
    let code = contract("office_migrated.wasm");
    assert!(fresh.deploy("office", code, Vec::new()).outcome.is_done());
    let upgraded = fresh.upgrade("office", contract("office_returned.wasm"), Vec::new());
    assert!(upgraded.outcome.is_done(), "{:?}", upgraded.outcome);
}
