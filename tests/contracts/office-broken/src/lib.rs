//! A release of the permit office that cannot read what the first one stored and brings no migration: a field is gone,
//! one has another type, one another key, and a stored struct has a field more.
#![no_std]
use chancery_sdk::prelude::*;

/// A permit office.
#[contract]
pub struct Office {
    permits: Map<String, Permit>,
    count: Value<u64>,
    records: Map<u32, Permit>,
}

/// A permit.
#[data]
pub struct Permit {
    pub holder: Address,
    pub until_ms: u64,
}

#[methods]
impl Office {
    #[query]
    pub fn permit(&self, name: String) -> Option<Permit> {
        self.permits.get(&name).or_else(|| self.records.get(&0))
    }

    #[query]
    pub fn release(&self) -> u64 {
        self.count.get_or_default()
    }
}
