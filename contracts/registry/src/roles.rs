//! Roles with an expiry, and who may deploy where.

use chancery_sdk::prelude::*;

use crate::{
    Deployer, Registry, RegistryError, Role,
    refusals::{check_name, check_time},
};

/// Days that a role or a right to deploy may last; granting it again prolongs it.
const DAYS_MAX: u32 = 5 * 366;

#[methods]
impl Registry {
    /// Whether an account has a role in a department now.
    /// zh: 查询账户现在是否具有某职责
    #[query]
    pub fn has_role(&self, cx: &Cx, department: String, role: String, account: Address) -> bool {
        let (live, now_ms) = (self.check_department(&department).is_ok(), cx.time_ms());
        let found = self.roles.get(&(department, role, account));
        live && found.is_some_and(|role| (role.from_ms..role.until_ms).contains(&now_ms))
    }

    /// An account's role as it was granted, whether it holds now or not.
    /// zh: 查询职责
    #[query]
    pub fn role(&self, department: String, role: String, account: Address) -> Option<Role> {
        self.roles.get(&(department, role, account))
    }

    /// Roles of all departments, in order, after the one given.
    /// zh: 查询全部职责
    #[query]
    pub fn roles(
        &self,
        after: Option<(String, String, Address)>,
        limit: u32,
    ) -> Vec<((String, String, Address), Role)> {
        self.roles.page(after.as_ref(), limit)
    }

    /// Whether an account may deploy for a department on a chain now.
    /// zh: 查询账户现在是否可以部署
    #[query]
    pub fn may_deploy(&self, cx: &Cx, chain: String, department: String, account: Address) -> bool {
        let (live, now_ms) = (self.check_department(&department).is_ok(), cx.time_ms());
        let found = self.deployers.get(&(chain, department, account));
        live && found.is_some_and(|deployer| now_ms < deployer.until_ms)
    }

    /// Who may deploy where, in order, after the one given.
    /// zh: 查询全部部署权限
    #[query]
    pub fn deployers(
        &self,
        after: Option<(String, String, Address)>,
        limit: u32,
    ) -> Vec<((String, String, Address), Deployer)> {
        self.deployers.page(after.as_ref(), limit)
    }

    pub(crate) fn check_grant_role(
        &self,
        cx: &Cx,
        department: &str,
        role: &str,
        from_ms: u64,
        until_ms: u64,
    ) -> Result<(), RegistryError> {
        self.check_department(department)?;
        check_name(role)?;
        check_time(from_ms, until_ms, cx.time_ms(), DAYS_MAX)
    }

    pub(crate) fn grant_role(
        &mut self,
        act: u32,
        department: &str,
        role: &str,
        account: &Address,
        from_ms: u64,
        until_ms: u64,
    ) {
        let key = (department.to_owned(), role.to_owned(), *account);
        self.roles.insert(&key, &Role { from_ms, until_ms, act });
    }

    pub(crate) fn check_revoke_role(
        &self,
        department: &str,
        role: &str,
        account: &Address,
    ) -> Result<(), RegistryError> {
        let key = (department.to_owned(), role.to_owned(), *account);
        ensure!(self.roles.contains(&key), RegistryError::NoRole);
        Ok(())
    }

    pub(crate) fn revoke_role(&mut self, department: &str, role: &str, account: &Address) {
        self.roles.remove(&(department.to_owned(), role.to_owned(), *account));
    }

    pub(crate) fn check_grant_deployment(
        &self,
        cx: &Cx,
        chain: &str,
        department: &str,
        until_ms: u64,
    ) -> Result<(), RegistryError> {
        check_name(chain)?;
        self.check_department(department)?;
        check_time(0, until_ms, cx.time_ms(), DAYS_MAX)
    }

    pub(crate) fn grant_deployment(
        &mut self,
        act: Option<u32>,
        chain: &str,
        department: &str,
        account: &Address,
        until_ms: u64,
    ) {
        let key = (chain.to_owned(), department.to_owned(), *account);
        self.deployers.insert(&key, &Deployer { until_ms, act });
    }

    pub(crate) fn check_revoke_deployment(
        &self,
        chain: &str,
        department: &str,
        account: &Address,
    ) -> Result<(), RegistryError> {
        let key = (chain.to_owned(), department.to_owned(), *account);
        ensure!(self.deployers.contains(&key), RegistryError::NoDeployment);
        Ok(())
    }

    pub(crate) fn revoke_deployment(&mut self, chain: &str, department: &str, account: &Address) {
        self.deployers.remove(&(chain.to_owned(), department.to_owned(), *account));
    }
}
