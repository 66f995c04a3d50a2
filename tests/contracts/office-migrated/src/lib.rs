//! A release of the permit office that keeps permits otherwise, and brings the migration that rewrites them.
#![no_std]
use chancery_sdk::prelude::*;

/// A permit office whose permits end, and which nobody owns.
#[contract]
pub struct Office {
    /// As the first release kept them; empty once the migration is done.
    permits: Map<u32, Permit>,
    count: Value<u32>,
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

/// The permits of the first release were rewritten.
#[event]
pub struct Migrated {
    pub permits: u32,
}

#[error]
pub enum OfficeError {
    #[code(1)]
    #[message(en = "permits end after {earliest_ms} at the earliest", zh = "许可证最早于{earliest_ms}之后到期")]
    TooEarly { earliest_ms: u64 },
}

#[methods]
impl Office {
    /// Gives every permit an end.
    #[migrate]
    pub fn migrate(&mut self, cx: &Cx, until_ms: u64) -> Result<(), OfficeError> {
        let count = self.count.get_or_default();
        for number in 0..count {
            if let Some(permit) = self.permits.take(&number) {
                self.terms.insert(&number, &Term { holder: permit.holder, until_ms });
            }
        }
        // Checked last, so that a failure has something to undo.
        ensure!(until_ms > cx.time_ms(), OfficeError::TooEarly { earliest_ms: cx.time_ms() });
        cx.emit(&Migrated { permits: count });
        Ok(())
    }

    #[query]
    pub fn permit(&self, number: u32) -> Option<Term> {
        self.terms.get(&number)
    }

    #[query]
    pub fn release(&self) -> u32 {
        3
    }
}
