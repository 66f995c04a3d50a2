//! A type in a type without its attribute: the compiler's own words.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[data]
pub struct Outer {
    inner: Inner,
}

pub struct Inner {
    value: u32,
}

fn main() {}
