//! The counter: the smallest contract, from deploy to query.

use chancery_abi::Outcome;
use chancery_tests::{Account, Chain, contract, error_code};
use parity_scale_codec::Encode;

#[test]
fn counts_announces_and_keeps_its_count() {
    let mut chain = Chain::new();
    assert!(chain.deploy("counter", contract("counter.wasm"), Vec::new()).outcome.is_done());
    let mut anyone = Account::new(9);
    let receipt = chain.call(&mut anyone, "counter", "add", &5u64);
    assert_eq!(receipt.outcome, Outcome::Done { output: 5u64.encode() });
    assert_eq!(receipt.events.len(), 1);
    assert_eq!(receipt.events[0].keys, [anyone.address.encode()]);
    chain.call(&mut anyone, "counter", "add", &2u64);
    assert_eq!(chain.query("counter", "value", &()).outcome, Outcome::Done { output: 7u64.encode() });
}

#[test]
fn an_overflow_is_the_contracts_error_and_changes_nothing() {
    let mut chain = Chain::new();
    chain.deploy("counter", contract("counter.wasm"), Vec::new());
    let mut anyone = Account::new(9);
    chain.call(&mut anyone, "counter", "add", &u64::MAX);
    let receipt = chain.call(&mut anyone, "counter", "add", &1u64);
    assert_eq!(error_code(&receipt.outcome), 1, "{:?}", receipt.outcome);
    assert_eq!(receipt.events, []);
    assert_eq!(chain.query("counter", "value", &()).outcome, Outcome::Done { output: u64::MAX.encode() });
}

#[test]
fn only_the_owner_resets() {
    let mut chain = Chain::new();
    chain.deploy("counter", contract("counter.wasm"), Vec::new());
    let mut anyone = Account::new(9);
    chain.call(&mut anyone, "counter", "add", &3u64);
    assert!(error_code(&chain.call(&mut anyone, "counter", "reset", &()).outcome) >= 0xFFFF_0000);
    assert_eq!(chain.query("counter", "value", &()).outcome, Outcome::Done { output: 3u64.encode() });
    let mut owner = Account::new(1);
    owner.nonce = chain.nonce(&owner.address);
    assert!(chain.call(&mut owner, "counter", "reset", &()).outcome.is_done());
    assert_eq!(chain.query("counter", "value", &()).outcome, Outcome::Done { output: 0u64.encode() });
}
