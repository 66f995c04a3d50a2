//! Types that cannot stand in a contract's interface.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[contract]
pub struct Office {
    owner: Value<Address>,
}

#[methods]
impl Office {
    #[query]
    pub fn float(&self, price: f64) -> f32 {
        price as f32
    }

    #[query]
    pub fn width(&self, place: usize) -> isize {
        place as isize
    }

    #[query]
    pub fn borrowed(&self, name: &str, list: &[u8]) {}

    #[query]
    pub fn character(&self, letter: char) {}

    #[query]
    pub fn map(&self, entries: BTreeMap<u32, u32>) {}

    #[query]
    pub fn collection(&self, entries: Map<u32, u32>) {}

    #[query]
    pub fn array(&self, values: [u64; 4], bytes: [u8; LENGTH]) {}

    #[query]
    pub fn nested(&self, result: Option<Result<u32, u32>>) {}

    #[query]
    pub fn generic(&self, pair: Pair<u32>) {}

    #[query]
    pub fn function(&self, callback: fn(u32)) {}

    #[query]
    pub fn itself(&self) -> Self {
        todo!()
    }

    #[query]
    pub fn incomplete(&self, value: own::Option) {}
}

mod own {
    pub struct Option;
}

fn main() {}
