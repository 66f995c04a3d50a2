//! What a contract is made of stays little: packages, bytes of Wasm, lines of source.

use std::{collections::BTreeSet, path::Path, process::Command};

use chancery_tests::contract;

/// Packages that may go into a contract's Wasm, the contract and the macros' own included.
const PACKAGES_MAX: usize = 30;
const KIB: usize = 1024;

#[test]
fn few_packages_go_into_a_contract() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/Cargo.toml");
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--locked", "-e", "normal", "--target", "wasm32-unknown-unknown"])
        .args(["-p", "evidence", "--prefix", "none", "--format", "{p}", "--manifest-path"])
        .arg(manifest)
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("package names are texts");
    // A package is its name and version; what follows says where it lies, or that it was listed before.
    let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let packages: BTreeSet<_> = tree.lines().map(words).filter(|package| !package.is_empty()).collect();
    assert!(packages.iter().any(|package| package.starts_with("chancery-sdk ")), "{packages:?}");
    assert!(packages.len() <= PACKAGES_MAX, "{} packages: {packages:#?}", packages.len());
    assert!(!packages.iter().any(|package| package.starts_with("sha2 ")), "the host hashes: {packages:?}");
}

#[test]
fn contracts_are_small() {
    for (file, bytes_max) in [("counter.wasm", 8 * KIB), ("evidence.wasm", 40 * KIB), ("filing.wasm", 12 * KIB)] {
        let bytes = contract(file).len();
        assert!(bytes <= bytes_max, "{file} has {bytes} bytes, of which {bytes_max} are allowed");
    }
}

#[test]
fn filing_and_looking_up_fits_on_a_screen() {
    let lines = |source: &str| source.lines().filter(|line| !line.trim().is_empty()).count();
    let found = lines(include_str!("../examples/filing/src/lib.rs"));
    assert!(found < 60, "the contract has {found} lines");
    // Its test with all it asserts, and what a test file begins with.
    let found = lines(include_str!("../examples/filing/tests/filing.rs"));
    assert!(found < 20, "its test has {found} lines");
}
