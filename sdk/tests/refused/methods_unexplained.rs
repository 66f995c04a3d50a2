//! Types and errors without their attribute: the compiler's own words.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[contract]
pub struct Office {
    permits: Map<u32, Permit>,
}

pub struct Permit {
    pub holder: Address,
}

pub enum Refusal {
    Full,
}

type Number = u32;

#[methods]
impl Office {
    #[query]
    pub fn permit(&self, request: Permit) -> Option<Permit> {
        None
    }

    #[query]
    pub fn alias(&self, number: Number) {}

    #[access(anyone)]
    pub fn refuses(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    #[access(anyone)]
    pub fn refuses_with_a_text(&mut self) -> Result<(), String> {
        Ok(())
    }
}

fn main() {}
