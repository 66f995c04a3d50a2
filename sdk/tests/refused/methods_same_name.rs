//! Two methods of one name in two blocks, which transactions could not tell apart.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[contract]
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

#[methods]
impl Office {
    #[access(anyone)]
    pub fn count(&mut self) -> u32 {
        7
    }
}

fn main() {}
