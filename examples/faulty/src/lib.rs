//! A contract that fails in every way, for `docs/contracts/debugging.md` and the tests of traces and source lines.
#![no_std]
use chancery_sdk::prelude::*;

/// Splits sums, and fails.
#[contract]
pub struct Faulty {
    /// The newest share by the number of parts.
    #[public]
    shares: Map<u64, u64>,
}

/// A sum was split.
#[event]
pub struct Split {
    #[index]
    pub parts: u64,
    pub share: u64,
}

#[error]
pub enum FaultyError {
    #[code(1)]
    #[message(en = "{total} is too little to split", zh = "{total} 太少，无法分割")]
    TooLittle { total: u64 },
}

#[methods]
impl Faulty {
    /// Splits `total` into `parts`; fails without any part.
    #[access(anyone)]
    pub fn split(&mut self, cx: &Cx, total: u64, parts: u64) -> Result<u64, FaultyError> {
        if total < 10 {
            return Err(FaultyError::TooLittle { total });
        }
        let share = share_of(total, parts);
        self.shares.insert(&parts, &share);
        cx.emit(&Split { parts, share });
        Ok(share)
    }

    /// Has the contract `to` split, and takes no refusal.
    #[access(anyone)]
    pub fn relay(&mut self, cx: &Cx, to: Address, total: u64, parts: u64) {
        self.shares.insert(&0, &total);
        insist(cx, &to, total, parts);
    }

    /// Adds numbers up to `count`, one by one.
    #[query]
    pub fn sum(&self, count: u64) -> u64 {
        (1..=count).fold(0, |sum, number| mix(sum, number))
    }
}

#[inline(never)]
fn share_of(total: u64, parts: u64) -> u64 {
    assert!(parts != 0, "nothing to split into");
    total / parts
}

#[inline(never)]
fn insist(cx: &Cx, to: &Address, total: u64, parts: u64) {
    if cx.call(to, "split", &(total, parts), 100_000_000).is_err() {
        panic!("the other contract must split");
    }
}

#[inline(never)]
fn mix(sum: u64, number: u64) -> u64 {
    sum + number * number
}
