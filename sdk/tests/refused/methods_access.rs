//! Methods without an access rule, or with one that is none.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[contract]
pub struct Office {
    owner: Value<Address>,
}

#[methods]
impl Office {
    pub fn unmarked(&mut self) {}

    #[access]
    pub fn bare(&mut self) {}

    #[access(owner)]
    pub fn field_alone(&mut self) {}

    #[access(everyone)]
    pub fn unknown_rule(&mut self) {}

    #[access(only(owner, clerk))]
    pub fn two_fields(&mut self) {}

    #[access(only)]
    pub fn no_field(&mut self) {}

    #[access(role("clerk"))]
    pub fn role(&mut self) {}

    #[access = "anyone"]
    pub fn equals(&mut self) {}

    #[access(anyone)]
    #[query]
    pub fn both(&self) {}

    #[query(cached)]
    pub fn with_parentheses(&self) {}

    #[access(anyone)]
    #[reentrant]
    #[reentrant]
    pub fn twice(&mut self) {}

    #[access(anyone)]
    fn private(&mut self) {}
}

fn main() {}
