//! The whole of checking a proof in a program of your own: two files, one call, and the sentences that it proves.
//!
//! `cargo run --workspace --example offline -- mine.proof anchor` (`chancery verify` does the same and more.)
//!
//! The Makefile names this example wherever it builds the binary: naming an example makes cargo choose the features of
//! the tests, so that `make demo` and `make test` share every compiled dependency.

use std::{env, error::Error, fs};

use chancery_abi::{TrustAnchor, codec};
use chancery_verify::verify;

/// Bytes of a trust anchor, at most.
const ANCHOR_BYTES_MAX: usize = 64 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(proof), Some(anchor)) = (arguments.next(), arguments.next()) else {
        return Err("usage: offline PROOF ANCHOR".into());
    };
    let anchor: TrustAnchor = codec::decode(&fs::read(anchor)?, ANCHOR_BYTES_MAX).map_err(|error| error.to_string())?;
    let verified = verify(&fs::read(proof)?, &anchor).map_err(|error| error.to_string())?;
    for sentence in verified.sentences() {
        println!("{sentence}");
    }
    Ok(())
}
