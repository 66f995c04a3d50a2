//! The arithmetic of departments' quotas: what a period brings, what goes over into it, what is left. The registry grants
//! by it and the runtime charges by it.
//!
//! Invariants: a charge is taken whole or not at all, and never more than is left; so no use is ever above what its period
//! brought, what went over and what was granted on top, as they were when it was charged. Ordinary use never touches the
//! reserve. Periods that nobody looked at bring what they would have brought. Nothing here reads a clock: time is given.

use parity_scale_codec::{Decode, Encode};

/// One resource of a department's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Allowance {
    /// What each period brings.
    pub per_period: u64,
    /// How much of what was left at most goes over into the next period.
    pub carry_max: u64,
    /// What each period brings for administrative acts alone; it does not go over.
    pub reserve: u64,
}

/// What a department may use in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Quota {
    /// When period 0 begins, milliseconds since 1970.
    pub first_ms: u64,
    /// A period's length in milliseconds.
    pub period_ms: u64,
    /// Gas.
    pub gas: Allowance,
    /// Bytes that its contracts come to hold beyond what they held.
    pub storage: Allowance,
}

/// How one resource stands in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Meter {
    /// What went over from the periods before.
    pub carried: u64,
    /// What was granted for this period alone.
    pub extra: u64,
    /// What was used.
    pub used: u64,
    /// What administrative acts used of the reserve.
    pub reserve_used: u64,
    /// What was used since the beginning.
    pub total: u64,
}

/// What a department used in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Usage {
    /// The period's number.
    pub period: u64,
    /// Gas.
    pub gas: Meter,
    /// Bytes.
    pub storage: Meter,
}

impl Quota {
    /// The number of the period at `now_ms`; 0 before the first begins.
    pub fn period_at(&self, now_ms: u64) -> u64 {
        // A quota that says nothing sensible has one period without end.
        now_ms.saturating_sub(self.first_ms).checked_div(self.period_ms).unwrap_or(0)
    }

    /// When the period after `period` begins.
    pub fn end_of(&self, period: u64) -> u64 {
        self.first_ms.saturating_add(self.period_ms.saturating_mul(period.saturating_add(1)))
    }

    /// A usage taken forward to the period at `now_ms`.
    #[must_use]
    pub fn settled(&self, usage: Usage, now_ms: u64) -> Usage {
        let period = self.period_at(now_ms);
        let passed = period.saturating_sub(usage.period);
        if passed == 0 {
            return usage;
        }
        Usage { period, gas: usage.gas.after(&self.gas, passed), storage: usage.storage.after(&self.storage, passed) }
    }
}

impl Meter {
    /// What is left for ordinary use.
    pub fn left(&self, allowance: &Allowance) -> u64 {
        let brought = allowance.per_period.saturating_add(self.carried).saturating_add(self.extra);
        brought.saturating_sub(self.used)
    }

    /// What is left for administrative acts alone.
    pub fn reserve_left(&self, allowance: &Allowance) -> u64 {
        allowance.reserve.saturating_sub(self.reserve_used)
    }

    /// The meter `passed` periods later, in which nothing was used: each hands on what it had left, up to the most that
    /// goes over.
    fn after(&self, allowance: &Allowance, passed: u64) -> Self {
        let brought = allowance.per_period.saturating_mul(passed.saturating_sub(1));
        let carried = self.left(allowance).saturating_add(brought).min(allowance.carry_max);
        Self { carried, extra: 0, used: 0, reserve_used: 0, total: self.total }
    }

    /// What a use of `amount` may come out of: of what is left, and of the reserve where it is `administrative`.
    pub fn available(&self, allowance: &Allowance, administrative: bool) -> u64 {
        let reserve = if administrative { self.reserve_left(allowance) } else { 0 };
        self.left(allowance).saturating_add(reserve)
    }

    /// Takes `amount`: of the reserve first where `administrative`, then of the rest. `None` when that is not left.
    #[must_use]
    pub fn charged(mut self, allowance: &Allowance, amount: u64, administrative: bool) -> Option<Self> {
        let of_reserve = if administrative { amount.min(self.reserve_left(allowance)) } else { 0 };
        let of_rest = amount - of_reserve;
        if of_rest > self.left(allowance) {
            return None;
        }
        self.reserve_used += of_reserve;
        self.used += of_rest;
        self.total = self.total.saturating_add(amount);
        Some(self)
    }

    /// Gives back `amount` of what this period used.
    #[must_use]
    pub fn released(self, amount: u64) -> Self {
        Self { used: self.used.saturating_sub(amount), ..self }
    }
}
