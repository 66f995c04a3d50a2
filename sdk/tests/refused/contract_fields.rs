//! Fields of a contract that are none.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[contract]
pub struct Office {
    owner: Address,
    limit: u64,
    names: Vec<String>,
    open: &'static str,
    hooks: fn(),
    pair: Map<u64>,
    price: Value<f64>,
    width: Value<usize>,
    places: Map<Option<u32>, u64>,
    lists: Set<Vec<String>>,
    deep: Map<u32, Set<Address>>,
    boxed: Value<Box<u32>>,
    Name: Value<u32>,
    #[public]
    #[public]
    twice: Value<u32>,
    #[public(all)]
    offered: Value<u32>,
    keys: Index<Status, u32>,
    tuple: Set<(u8, u8, u8, u8, u8)>,
}

#[data]
pub enum Status {
    Open,
}

fn main() {}
