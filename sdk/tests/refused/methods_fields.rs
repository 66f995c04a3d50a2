//! Access rules that name fields which are not there or of the wrong kind: the compiler's own words.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[contract]
pub struct Office {
    owner: Value<Address>,
    clerks: Set<Address>,
    limit: Value<u64>,
}

#[methods]
impl Office {
    #[access(only(ownr))]
    pub fn misspelt(&mut self) {}

    #[access(only(clerks))]
    pub fn only_of_a_set(&mut self) {}

    #[access(only(limit))]
    pub fn only_of_a_number(&mut self) {}

    #[access(member(owner))]
    pub fn member_of_a_value(&mut self) {}
}

fn main() {}
