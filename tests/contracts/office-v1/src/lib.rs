//! A permit office, first release: what the tests of upgrades begin with.
#![no_std]
use chancery_sdk::prelude::*;

/// A permit office.
#[contract]
pub struct Office {
    owner: Value<Address>,
    #[public]
    permits: Map<u32, Permit>,
    count: Value<u32>,
}

/// Whether a permit may be used.
#[data]
pub enum Standing {
    Valid,
    Revoked,
}

/// A permit.
#[data]
pub struct Permit {
    pub holder: Address,
    pub standing: Standing,
}

#[methods]
impl Office {
    #[init]
    pub fn init(&mut self, cx: &Cx) {
        self.owner.set(&cx.caller());
    }

    /// Grants a permit; returns its number.
    #[access(only(owner))]
    pub fn grant(&mut self, holder: Address) -> u32 {
        let number = self.count.get_or_default();
        self.permits.insert(&number, &Permit { holder, standing: Standing::Valid });
        self.count.set(&(number + 1));
        number
    }

    #[query]
    pub fn permit(&self, number: u32) -> Option<Permit> {
        self.permits.get(&number)
    }

    #[query]
    pub fn release(&self) -> u32 {
        1
    }
}
