//! Two methods with #[init] in two blocks, and a query that writes.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[contract]
pub struct Office {
    count: Value<u32>,
}

#[methods]
impl Office {
    #[init]
    pub fn init(&mut self) {}

    #[query]
    pub fn next(&self) -> u32 {
        let next = self.count.get_or_default() + 1;
        self.count.set(&next);
        next
    }
}

#[methods]
impl Office {
    #[init]
    pub fn set_up(&mut self) {}
}

fn main() {}
