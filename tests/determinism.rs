//! Same in, same out: the outcome of a run (receipts, gas, events, roots) does not depend on the optimisation level, on
//! what is in the module cache, or on what a disk kept of an earlier run.

use std::{path::Path, sync::Arc};

use chancery::module_files::ModuleFiles;
use chancery_abi::{Digest, Receipt};
use chancery_runtime::engine::{Engine, EngineConfig, Optimisation};
use chancery_tests::{Account, Chain, contract};
use parity_scale_codec::Encode;

/// What a run ended with: every receipt and root.
type Outcome = (Vec<Receipt>, Vec<Digest>);

fn run(optimisation: Optimisation, is_cold: bool) -> Outcome {
    run_on(Chain::with_engine(EngineConfig { optimisation, ..EngineConfig::default() }), is_cold)
}

/// Runs a little of everything.
fn run_on(mut chain: Chain, is_cold: bool) -> Outcome {
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

fn on_disk(directory: &Path) -> Outcome {
    let kept = ModuleFiles::open(directory, 64 << 20).expect("a directory");
    let engine = Engine::with_kept_modules(EngineConfig::default(), kept).expect("this machine runs the sandbox");
    // Cold, so that every call goes to the disk.
    run_on(Chain::on(Arc::new(engine)), true)
}

#[test]
fn modules_from_the_disk_sound_and_damaged_agree_with_fresh_ones() {
    let expected = run(Optimisation::Speed, false);
    let home = tempfile::tempdir().expect("a temporary directory");
    let modules = || {
        let entries = std::fs::read_dir(home.path()).expect("a directory").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| !path.ends_with("KEY")).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        assert_eq!(on_disk(home.path()), expected);
        assert_eq!(modules().len(), 1, "the contract is kept");
    }
    let module = modules().remove(0);
    let sound = std::fs::read(&module).expect("a module");
    let mut damaged = sound.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xcc);
    std::fs::write(&module, damaged).expect("a damaged module");
    assert_eq!(on_disk(home.path()), expected);
    assert_eq!(std::fs::read(&module).expect("a module"), sound, "it was compiled again and kept anew");
}
