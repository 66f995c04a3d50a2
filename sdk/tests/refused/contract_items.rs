//! Items that cannot be a contract.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[contract]
pub enum Office {
    Open,
}

#[contract]
pub struct Generic<T> {
    value: Value<T>,
}

#[contract]
pub struct Unnamed(Value<u32>);

#[contract(main)]
pub struct Named {
    value: Value<u32>,
}

#[contract]
fn function() {}

fn main() {}
