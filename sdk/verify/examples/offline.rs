//! The whole of checking a proof in a program of your own: two files, one call, and the sentences that it proves.
//!
//! `cargo run --workspace --example offline -- mine.proof anchor` (`chancery verify` does the same and more.)
//!
//! The Makefile names this example wherever it builds the binary: naming an example makes cargo choose the features of
//! the tests, so that `make demo` and `make test` share every compiled dependency.

use std::{env, fs, process::ExitCode};

use chancery_abi::{TrustAnchor, codec};
use chancery_verify::{Verified, verify};

/// Bytes of a trust anchor, at most.
const ANCHOR_BYTES_MAX: usize = 64 * 1024;

fn main() -> ExitCode {
    match check() {
        Ok(verified) => {
            verified.sentences().iter().for_each(|sentence| println!("{sentence}"));
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<Verified, String> {
    let mut arguments = env::args().skip(1);
    let (Some(proof), Some(anchor)) = (arguments.next(), arguments.next()) else {
        return Err("usage: offline PROOF ANCHOR".into());
    };
    let read = |path: &str| fs::read(path).map_err(|error| format!("{path}: {error}"));
    let anchor: TrustAnchor = codec::decode(&read(&anchor)?, ANCHOR_BYTES_MAX).map_err(|error| error.to_string())?;
    verify(&read(&proof)?, &anchor).map_err(|error| error.to_string())
}
