//! The decoders of what nodes send each other and keep: blocks, receipts, certificates, geneses and anchors.
#![no_main]

mod edits;
#[path = "../../sdk/abi/tests/wire/samples.rs"]
#[expect(dead_code, reason = "the samples are of every wire type")]
mod samples;

use std::sync::LazyLock;

use chancery_abi::{Block, Certificate, Genesis, Outcome, Receipt, TrustAnchor, codec, limits::BLOCK_BYTES_MAX};
use libfuzzer_sys::fuzz_target;
use parity_scale_codec::{DecodeWithMemTracking, Encode};

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let block = Block { header: samples::full_header(), transactions: vec![samples::transaction(); 3] };
    let receipt = samples::receipt(Outcome::Done { output: vec![1; 40] }, vec![samples::event(); 3]);
    vec![
        codec::encode(&samples::block()),
        codec::encode(&block),
        codec::encode(&receipt),
        codec::encode(&samples::certificate()),
        codec::encode(&samples::genesis()),
        codec::encode(&samples::anchor()),
    ]
});

fn one_encoding<T: DecodeWithMemTracking + Encode>(bytes: &[u8]) {
    if let Ok(value) = codec::decode::<T>(bytes, BLOCK_BYTES_MAX) {
        assert_eq!(codec::encode(&value), bytes, "two encodings of one value");
    }
}

fuzz_target!(|data: &[u8]| {
    let bytes = edits::edited(data, &SAMPLES);
    one_encoding::<Block>(&bytes);
    one_encoding::<Receipt>(&bytes);
    one_encoding::<Certificate>(&bytes);
    one_encoding::<Genesis>(&bytes);
    one_encoding::<TrustAnchor>(&bytes);
});
