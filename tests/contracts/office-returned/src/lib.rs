//! A release of the permit office after the migrated one, which brings a field back under a name that an earlier release
//! had used for something else and never emptied.
#![no_std]
#![allow(dead_code, reason = "what the fields are is all that matters here")]
use chancery_sdk::prelude::*;

/// A permit office whose permits end, and which counts its owners.
#[contract]
pub struct Office {
    /// As the first release kept them; empty once the migration is done.
    permits: Map<u32, Permit>,
    count: Value<u32>,
    /// How many owners there are.
    owner: Value<u64>,
    /// The permits by number.
    #[public]
    terms: Map<u32, Term>,
}

/// Whether a permit may be used.
#[data]
pub enum Standing {
    Valid,
    Revoked,
}

/// A permit of the first release.
#[data]
pub struct Permit {
    pub holder: Address,
    pub standing: Standing,
}

/// A permit.
#[data]
pub struct Term {
    pub holder: Address,
    pub until_ms: u64,
}

#[methods]
impl Office {
    #[query]
    pub fn permit(&self, number: u32) -> Option<Term> {
        self.terms.get(&number)
    }

    #[query]
    pub fn release(&self) -> u32 {
        3
    }
}
