//! The arithmetic of quotas is the protocol's (`chancery_sdk::quota`), because the runtime charges by it too; here the
//! registry's own types, which the schema describes, meet it. Their layouts are the same and part of the protocol.

use chancery_sdk::quota as rule;

use crate::{Allowance, Meter, Quota, Usage};

impl Allowance {
    fn rule(&self) -> rule::Allowance {
        let Self { per_period, carry_max, reserve } = *self;
        rule::Allowance { per_period, carry_max, reserve }
    }
}

impl Quota {
    fn rule(&self) -> rule::Quota {
        let Self { first_ms, period_ms, gas, storage } = self;
        rule::Quota { first_ms: *first_ms, period_ms: *period_ms, gas: gas.rule(), storage: storage.rule() }
    }

    /// The number of the period at `now_ms`; 0 before the first begins.
    pub(crate) fn period_at(&self, now_ms: u64) -> u64 {
        self.rule().period_at(now_ms)
    }

    /// When the period after `period` begins.
    pub(crate) fn end_of(&self, period: u64) -> u64 {
        self.rule().end_of(period)
    }

    /// A usage taken forward to the period at `now_ms`.
    pub(crate) fn settled(&self, usage: Usage, now_ms: u64) -> Usage {
        let Usage { period, gas, storage } = usage;
        let usage = rule::Usage { period, gas: gas.rule(), storage: storage.rule() };
        let rule::Usage { period, gas, storage } = self.rule().settled(usage, now_ms);
        Usage { period, gas: gas.into(), storage: storage.into() }
    }
}

impl Meter {
    fn rule(&self) -> rule::Meter {
        let Self { carried, extra, used, reserve_used, total } = *self;
        rule::Meter { carried, extra, used, reserve_used, total }
    }

    /// What is left for ordinary use.
    pub(crate) fn left(&self, allowance: &Allowance) -> u64 {
        self.rule().left(&allowance.rule())
    }

    /// What is left for administrative acts alone.
    pub(crate) fn reserve_left(&self, allowance: &Allowance) -> u64 {
        self.rule().reserve_left(&allowance.rule())
    }

    /// Takes `amount`: of the reserve first where `administrative`, then of the rest. `None` when that is not left.
    pub(crate) fn charged(self, allowance: &Allowance, amount: u64, administrative: bool) -> Option<Self> {
        self.rule().charged(&allowance.rule(), amount, administrative).map(Self::from)
    }

    /// Gives back `amount` of what this period used.
    pub(crate) fn released(self, amount: u64) -> Self {
        self.rule().released(amount).into()
    }
}

impl From<rule::Meter> for Meter {
    fn from(meter: rule::Meter) -> Self {
        let rule::Meter { carried, extra, used, reserve_used, total } = meter;
        Self { carried, extra, used, reserve_used, total }
    }
}
