//! The arithmetic of quotas: what a period brings, what goes over into it, what is left.
//!
//! Invariants: a charge is taken whole or not at all, and never more than is left; so no use is ever above what its period
//! brought, what went over and what was granted on top, as they were when it was charged. Ordinary use never touches the
//! reserve. Periods that nobody looked at bring what they would have brought. Nothing here reads a clock: time is given.

use crate::{Allowance, Meter, Quota, Usage};

impl Quota {
    /// The number of the period at `now_ms`; 0 before the first begins.
    pub(crate) fn period_at(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.first_ms) / self.period_ms
    }

    /// When the period after `period` begins.
    pub(crate) fn end_of(&self, period: u64) -> u64 {
        self.first_ms.saturating_add(self.period_ms.saturating_mul(period.saturating_add(1)))
    }

    /// A usage taken forward to the period at `now_ms`.
    pub(crate) fn settled(&self, usage: Usage, now_ms: u64) -> Usage {
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
    pub(crate) fn left(&self, allowance: &Allowance) -> u64 {
        let brought = allowance.per_period.saturating_add(self.carried).saturating_add(self.extra);
        brought.saturating_sub(self.used)
    }

    /// What is left for administrative acts alone.
    pub(crate) fn reserve_left(&self, allowance: &Allowance) -> u64 {
        allowance.reserve.saturating_sub(self.reserve_used)
    }

    /// The meter `passed` periods later, in which nothing was used: each hands on what it had left, up to the most that
    /// goes over.
    fn after(&self, allowance: &Allowance, passed: u64) -> Self {
        let brought = allowance.per_period.saturating_mul(passed.saturating_sub(1));
        let carried = self.left(allowance).saturating_add(brought).min(allowance.carry_max);
        Self { carried, extra: 0, used: 0, reserve_used: 0, total: self.total }
    }

    /// Takes `amount`: of the reserve first where `administrative`, then of the rest. `None` when that is not left.
    pub(crate) fn charged(mut self, allowance: &Allowance, amount: u64, administrative: bool) -> Option<Self> {
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
}
