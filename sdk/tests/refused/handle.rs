//! Handles that cannot be made.
#![allow(unused)]
use chancery_sdk::prelude::*;

handle!(pub mod counter = "interfaces/no-such-file.wasm");

handle!(pub mod other = "Cargo.toml");

handle!(counter, "interfaces/counter.wasm");

handle!(pub mod counter);

fn main() {}
