//! Gas and storage quotas of departments. There is no token: a quota is granted by an act, refilled by its rule, and
//! cannot be handed on. `period` leads to the arithmetic.
//!
//! The runtime charges what is used on the chain that the registry is on, and writes it here. Meters report what
//! departments use elsewhere. Each period has a reserve for administrative acts, so that a department that used
//! up everything can still appeal, approve and be helped.

use chancery_sdk::prelude::*;

use crate::{
    Allowance, Balance, Quota, Registry, RegistryError, Usage,
    refusals::{DAY_MS, HOUR_MS},
};

/// The longest period.
const PERIOD_MAX_MS: u64 = 366 * DAY_MS;
/// The most of anything in a period: sums of a few stay within a u64.
const AMOUNT_MAX: u64 = 1_000_000_000_000_000_000;

#[methods]
impl Registry {
    /// Charges what a department used: all of it or, when that is not left, nothing. Administrative acts take the reserve
    /// first. Meters may. Returns the gas and the bytes that are left for ordinary use.
    /// zh: 计入部门用量
    #[access(member(meters))]
    pub fn charge(
        &mut self,
        cx: &Cx,
        department: String,
        gas: u64,
        storage: u64,
        administrative: bool,
    ) -> Result<(u64, u64), RegistryError> {
        let (quota, mut usage) = self.usage_now(cx, &department)?;
        let charged = usage.gas.charged(&quota.gas, gas, administrative);
        let stored = usage.storage.charged(&quota.storage, storage, administrative);
        let (Some(charged), Some(stored)) = (charged, stored) else {
            let (gas, storage) = left(&quota, &usage);
            return Err(RegistryError::QuotaExceeded { gas, storage });
        };
        usage.gas = charged;
        usage.storage = stored;
        self.usages.insert(&department, &usage);
        Ok(left(&quota, &usage))
    }

    /// Gives back bytes that a department's contracts no longer hold, as far as this period's use goes. Meters may.
    /// zh: 退还已释放的存储用量
    #[access(member(meters))]
    pub fn release(&mut self, cx: &Cx, department: String, storage: u64) -> Result<u64, RegistryError> {
        let (quota, mut usage) = self.usage_now(cx, &department)?;
        usage.storage = usage.storage.released(storage);
        self.usages.insert(&department, &usage);
        Ok(usage.storage.left(&quota.storage))
    }

    /// What a department may use in each period.
    /// zh: 查询配额
    #[query]
    pub fn quota(&self, department: String) -> Result<Quota, RegistryError> {
        self.quotas.get(&department).ok_or(RegistryError::NoQuota { name: department })
    }

    /// What a department used in this period and has left.
    /// zh: 查询本期用量和余额
    #[query]
    pub fn balance(&self, cx: &Cx, department: String) -> Result<Balance, RegistryError> {
        let (quota, usage) = self.usage_now(cx, &department)?;
        let (gas_left, storage_left) = left(&quota, &usage);
        Ok(Balance {
            gas_left,
            gas_reserve_left: usage.gas.reserve_left(&quota.gas),
            storage_left,
            storage_reserve_left: usage.storage.reserve_left(&quota.storage),
            refilled_ms: quota.end_of(usage.period),
            usage,
        })
    }

    /// What departments may use, in the order of their names, after the one given.
    /// zh: 查询全部配额
    #[query]
    pub fn quotas(&self, after: Option<String>, limit: u32) -> Vec<(String, Quota)> {
        self.quotas.page(after.as_ref(), limit)
    }

    /// Who reports what departments use, in the order of addresses, after the one given.
    /// zh: 查询全部计量方
    #[query]
    pub fn meters(&self, after: Option<Address>, limit: u32) -> Vec<Address> {
        self.meters.page(after.as_ref(), limit)
    }

    pub(crate) fn check_meter(&self, account: &Address) -> Result<(), RegistryError> {
        ensure!(self.meters.contains(account), RegistryError::NoMeter);
        Ok(())
    }

    pub(crate) fn check_set_quota(&self, department: &str, quota: &Quota) -> Result<(), RegistryError> {
        self.check_department(department)?;
        let bounded = |allowance: &Allowance| {
            let Allowance { per_period, carry_max, reserve } = allowance;
            [per_period, carry_max, reserve].into_iter().all(|amount| *amount < AMOUNT_MAX)
        };
        let is_period = (HOUR_MS..=PERIOD_MAX_MS).contains(&quota.period_ms);
        ensure!(is_period && bounded(&quota.gas) && bounded(&quota.storage), RegistryError::BadQuota);
        Ok(())
    }

    /// Sets a quota from this moment on. Within the same periods what was used stays used, and what went over stays; with
    /// other periods the counting begins anew, and only the totals go on.
    pub(crate) fn set_quota(&mut self, cx: &Cx, department: &str, quota: &Quota) {
        let (name, now_ms) = (department.to_owned(), cx.time_ms());
        let old = self.quotas.get(&name);
        let same = old.as_ref().is_some_and(|old| (old.first_ms, old.period_ms) == (quota.first_ms, quota.period_ms));
        let before = self.usages.get_or_default(&name);
        let usage = match old.filter(|_| same) {
            Some(old) => {
                let mut usage = old.settled(before, now_ms);
                usage.gas.carried = usage.gas.carried.min(quota.gas.carry_max);
                usage.storage.carried = usage.storage.carried.min(quota.storage.carry_max);
                usage
            }
            None => {
                let mut usage = Usage { period: quota.period_at(now_ms), ..Usage::default() };
                usage.gas.total = before.gas.total;
                usage.storage.total = before.storage.total;
                usage
            }
        };
        self.usages.insert(&name, &usage);
        self.quotas.insert(&name, quota);
    }

    pub(crate) fn check_extra(&self, department: &str, gas: u64, storage: u64) -> Result<(), RegistryError> {
        self.check_department(department)?;
        self.quota(department.to_owned())?;
        ensure!(gas < AMOUNT_MAX && storage < AMOUNT_MAX, RegistryError::BadQuota);
        Ok(())
    }

    pub(crate) fn grant_extra(&mut self, cx: &Cx, department: &str, gas: u64, storage: u64) {
        if let Ok((_, mut usage)) = self.usage_now(cx, department) {
            usage.gas.extra = usage.gas.extra.saturating_add(gas);
            usage.storage.extra = usage.storage.extra.saturating_add(storage);
            self.usages.insert(&department.to_owned(), &usage);
        }
    }

    /// A department's quota, and its usage taken forward to now.
    fn usage_now(&self, cx: &Cx, department: &str) -> Result<(Quota, Usage), RegistryError> {
        let name = department.to_owned();
        let quota = self.quota(name.clone())?;
        let usage = quota.settled(self.usages.get_or_default(&name), cx.time_ms());
        Ok((quota, usage))
    }
}

fn left(quota: &Quota, usage: &Usage) -> (u64, u64) {
    (usage.gas.left(&quota.gas), usage.storage.left(&quota.storage))
}
