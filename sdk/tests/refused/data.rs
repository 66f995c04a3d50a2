//! Types that the schema cannot explain.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[data]
pub struct Generic<T> {
    value: T,
}

#[data]
pub struct Borrowed<'a> {
    text: &'a str,
}

#[data]
pub union Both {
    a: u32,
    b: u64,
}

#[data]
pub struct Price {
    amount: f64,
    Currency: String,
}

#[data]
#[codec(dumb_trait_bound)]
pub struct Bounded {
    amount: u64,
}

#[data]
pub struct Compact {
    #[codec(compact)]
    amount: u64,
}

#[data]
pub enum Large {
    A = 256,
}

#[data]
pub enum Computed {
    A = 1 + 1,
}

#[data]
pub enum Same {
    A = 1,
    B = 1,
}

#[data]
pub enum Skipped {
    #[codec(index = 7)]
    A,
}

#[data(json)]
pub struct Asked {
    value: u32,
}

fn main() {}
