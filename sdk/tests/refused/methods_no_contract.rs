//! Methods of a struct that is no contract.
#![allow(unused)]
use chancery_sdk::prelude::*;

pub struct Office {
    count: Value<u32>,
}

#[methods]
impl Office {
    #[query]
    pub fn count(&self) -> u32 {
        self.count.get_or_default()
    }
}

fn main() {}
