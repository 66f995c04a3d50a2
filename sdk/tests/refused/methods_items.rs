//! Items that cannot hold methods.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[contract]
pub struct Office {
    owner: Value<Address>,
}

#[methods]
pub struct Methods;

#[methods]
impl Clone for Office {
    fn clone(&self) -> Self {
        todo!()
    }
}

#[methods]
impl<T> Office {
    #[query]
    pub fn value(&self) {}
}

#[methods(all)]
impl Office {}

fn main() {}
