//! The permit office's second release. It reads what the first one stored: a field and a variant more, and new words.
#![no_std]
use chancery_sdk::prelude::*;

/// A permit office that suspends permits.
#[contract]
pub struct Office {
    /// Who grants.
    owner: Value<Address>,
    /// The permits by number.
    #[public]
    permits: Map<u32, Permit>,
    /// How many there are.
    count: Value<u32>,
    /// Why permits are suspended.
    reasons: Map<u32, String>,
}

/// Whether a permit may be used.
#[data]
pub enum Standing {
    /// It may.
    Valid,
    /// It never may again.
    Revoked,
    /// It may not for now.
    Suspended,
}

/// A permit.
#[data]
pub struct Permit {
    /// Who may use it.
    pub holder: Address,
    /// Whether it may be used.
    pub standing: Standing,
}

#[error]
pub enum OfficeError {
    #[code(1)]
    #[message(en = "there is no permit {number}", zh = "没有许可证{number}")]
    NoPermit { number: u32 },
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

    /// Suspends a permit.
    #[access(only(owner))]
    pub fn suspend(&mut self, number: u32, reason: String) -> Result<(), OfficeError> {
        let suspended = self.permits.update(&number, |permit| permit.standing = Standing::Suspended);
        suspended.ok_or(OfficeError::NoPermit { number })?;
        self.reasons.insert(&number, &reason);
        Ok(())
    }

    #[query]
    pub fn permit(&self, number: u32) -> Option<Permit> {
        self.permits.get(&number)
    }

    #[query]
    pub fn release(&self) -> u32 {
        2
    }
}
