//! A transaction's decoder: total, and the bytes it accepts are the one encoding of what it gives.
#![no_main]

mod edits;
#[path = "../../sdk/abi/tests/wire/samples.rs"]
#[expect(dead_code, reason = "the samples are of every wire type")]
mod samples;

use std::sync::LazyLock;

use chancery_abi::{Payload, Transaction};
use libfuzzer_sys::fuzz_target;

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let of = |payload: Payload| Transaction {
        body: samples::body(payload, Some(samples::call().contract)),
        authorisation: samples::webauthn(),
        sponsor_authorisation: Some(Box::new(samples::ed25519())),
    };
    let all = [samples::transaction(), samples::sponsored_deploy(), of(samples::upgrade()), of(samples::batch())];
    all.iter().map(Transaction::to_bytes).collect()
});

fuzz_target!(|data: &[u8]| {
    let bytes = edits::edited(data, &SAMPLES);
    if let Ok(transaction) = Transaction::from_bytes(&bytes) {
        assert_eq!(transaction.to_bytes(), bytes, "two encodings of one transaction");
    }
});
