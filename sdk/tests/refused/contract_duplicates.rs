//! Two fields of one name, whose entries would be the same.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[contract]
pub struct Office {
    owner: Value<Address>,
    owner: Value<u64>,
}

fn main() {}
