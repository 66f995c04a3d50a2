//! Structs that cannot be announced.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[event]
pub enum Happened {
    This,
}

#[event]
pub struct Unnamed(Address);

#[event]
pub struct Generic<T> {
    value: T,
}

#[event]
pub struct Crowded {
    #[index]
    a: u32,
    #[index]
    b: u32,
    #[index]
    c: u32,
    #[index]
    d: u32,
    #[index]
    e: u32,
}

#[event]
pub struct Marked {
    #[index(hash)]
    a: u32,
    #[index]
    #[index]
    b: u32,
    price: f64,
}

#[event]
pub struct Ünamed {
    a: u32,
}

#[event]
#[codec(crate = other)]
pub struct Coded {
    a: u32,
}

fn main() {}
