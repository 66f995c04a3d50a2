//! Sponsors: accounts of a department, such as a clerk's, whose signature has the department pay for a transaction of
//! somebody else. An administrator needs no appointment to do the same.
//!
//! Invariant: an account is a sponsor of one department at a time, so whose quota pays needs no choosing. What is
//! deliberately absent: limits for each sponsor; the department's quota is the limit.

use chancery_sdk::prelude::*;

use crate::{Registry, RegistryError, Sponsor, refusals::check_time};

/// Days for which a sponsor may be appointed; appointing it again prolongs that.
const DAYS_MAX: u32 = 5 * 366;

#[methods]
impl Registry {
    /// An account's appointment as a sponsor, whether it holds now or not.
    /// zh: 查询代付账户
    #[query]
    pub fn sponsor(&self, account: Address) -> Option<Sponsor> {
        self.sponsors.get(&account)
    }

    /// Sponsors in the order of their addresses, after the one given.
    /// zh: 查询全部代付账户
    #[query]
    pub fn sponsors(&self, after: Option<Address>, limit: u32) -> Vec<(Address, Sponsor)> {
        self.sponsors.page(after.as_ref(), limit)
    }

    pub(crate) fn check_appoint_sponsor(&self, cx: &Cx, department: &str, until_ms: u64) -> Result<(), RegistryError> {
        self.check_department(department)?;
        check_time(0, until_ms, cx.time_ms(), DAYS_MAX)
    }

    pub(crate) fn appoint_sponsor(&mut self, act: u32, account: &Address, department: &str, until_ms: u64) {
        self.sponsors.insert(account, &Sponsor { department: department.to_owned(), until_ms, act });
    }

    pub(crate) fn check_dismiss_sponsor(&self, account: &Address) -> Result<(), RegistryError> {
        ensure!(self.sponsors.contains(account), RegistryError::NoSponsor { account: *account });
        Ok(())
    }

    pub(crate) fn dismiss_sponsor(&mut self, account: &Address) {
        self.sponsors.remove(account);
    }
}
