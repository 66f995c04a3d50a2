//! The schema inside a contract's Wasm: reading it is total, and what is read is written back the same.
#![no_main]

mod edits;
#[path = "../../sdk/abi/tests/wire/samples.rs"]
#[expect(dead_code, reason = "the samples are of every wire type")]
mod samples;

use std::sync::LazyLock;

use chancery_abi::schema::{Entry, Schema};
use libfuzzer_sys::fuzz_target;

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let entries: Vec<_> = samples::entries().iter().map(Entry::to_section_bytes).collect();
    let mut all = vec![entries.concat()];
    all.extend(entries);
    all
});

fuzz_target!(|data: &[u8]| {
    let bytes = edits::edited(data, &SAMPLES);
    if let Ok(schema) = Schema::from_section(&bytes) {
        assert_eq!(Schema::from_section(&bytes).expect("it was read before"), schema);
    }
});
