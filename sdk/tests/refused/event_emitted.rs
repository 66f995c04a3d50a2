//! Announcing what is no event: the compiler's own words.
#![allow(unused)]
use chancery_sdk::prelude::*;

pub struct Happened {
    pub by: Address,
}

pub fn announce(cx: &Cx) {
    cx.emit(&Happened { by: cx.caller() });
}

fn main() {}
