//! Same in, same out: the outcome of a run (receipts, gas, events, roots) does not depend on the optimisation level or
//! on what is in the module cache.

use chancery_abi::{Digest, Receipt};
use chancery_runtime::engine::{EngineConfig, Optimisation};
use chancery_tests::{Account, Chain, contract};
use parity_scale_codec::Encode;

/// Runs a little of everything and returns every receipt and root.
fn run(optimisation: Optimisation, is_cold: bool) -> (Vec<Receipt>, Vec<Digest>) {
    let mut chain = Chain::with_engine(EngineConfig { optimisation, ..EngineConfig::default() });
    let (mut receipts, mut roots) = (Vec::new(), Vec::new());
    let mut keep = |chain: &Chain, receipt| {
        receipts.push(receipt);
        roots.push(chain.state.root());
        if is_cold {
            chain.engine.clear_cache();
        }
    };
    let court = Account::new(2);
    let receipt = chain.deploy("evidence", contract("evidence.wasm"), court.address.encode());
    keep(&chain, receipt);
    let mut admin = Account::new(1);
    admin.nonce = 1;
    let appointed = (admin.address, "registry-1");
    let receipt = chain.call(&mut admin, "evidence", "appoint", &appointed);
    keep(&chain, receipt);
    for n in 0..20u8 {
        let receipt = chain.call(&mut admin, "evidence", "file", &(Digest([n / 2; 32]), "2026-0001"));
        keep(&chain, receipt);
    }
    let receipt = chain.call_with_gas(&mut admin, "evidence", "file", &(Digest([99; 32]), "2026-0001"), 160_000);
    keep(&chain, receipt);
    (receipts, roots)
}

#[test]
fn cold_and_warm_fast_and_slow_code_agree() {
    let expected = run(Optimisation::Speed, false);
    assert!(expected.0.iter().any(|receipt| receipt.outcome.is_done()));
    assert!(expected.0.iter().any(|receipt| !receipt.outcome.is_done()));
    assert_eq!(run(Optimisation::Speed, true), expected);
    assert_eq!(run(Optimisation::None, false), expected);
    assert_eq!(run(Optimisation::None, true), expected);
}
