//! The bundle verifier: total, and it accepts nothing but the valid bundles that the edits began with. A bundle whose
//! absence proof covers another key too is told apart, as the verifier's own tests do.
#![no_main]

mod edits;
#[path = "../../sdk/verify/tests/verify/fixture.rs"]
#[expect(dead_code, reason = "the fixture is the verifier's tests', which use more of it")]
mod fixture;

use std::sync::LazyLock;

use chancery_abi::{ProofBundle, codec, limits::PROOF_BYTES_MAX};
use chancery_verify::{Statement, verify};
use libfuzzer_sys::fuzz_target;

static CHAIN: LazyLock<fixture::Chain> = LazyLock::new(fixture::Chain::new);
static BUNDLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| CHAIN.bundles().iter().map(fixture::bytes).collect());

fuzz_target!(|data: &[u8]| {
    let bytes = edits::edited(data, &BUNDLES);
    if let Ok(bundle) = codec::decode::<ProofBundle>(&bytes, PROOF_BYTES_MAX) {
        assert_eq!(codec::encode(&bundle), bytes, "two encodings of one bundle");
    }
    let Ok(verified) = verify(&bytes, &CHAIN.anchor) else { return };
    assert!(!verified.sentences().is_empty());
    if BUNDLES.contains(&bytes) {
        return;
    }
    match &verified.statement {
        Statement::Absent { subject, key } => {
            assert!(!CHAIN.has(verified.as_of_height, subject, key), "a forged absence was accepted");
        }
        other => panic!("a bundle that nobody made was accepted: {other:?}"),
    }
});
