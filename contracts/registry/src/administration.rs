//! Departments, administrators, and the rules of acts.
//!
//! Invariant: after every change there are administrators enough that, whichever one's key is lost, the others still meet
//! the rules of routine and constitutional acts, which are what it takes to appoint another. A single administrator is
//! the exception that a trial network begins with; nothing but a break-glass file helps where that key is lost.

use chancery_sdk::prelude::*;

use crate::{
    Administrator, Class, Department, NewAdministrator, Registry, RegistryError, Rule,
    refusals::{DAY_MS, HOUR_MS, check_name, check_title},
};

/// Departments that there may ever be.
const DEPARTMENTS_MAX: u32 = 256;
/// Administrators at once.
const ADMINISTRATORS_MAX: u32 = 64;
/// The longest delay.
const DELAY_MAX_MS: u64 = 90 * DAY_MS;
/// The longest time for which an act is open.
const OPEN_MAX_MS: u64 = 365 * DAY_MS;

#[methods]
impl Registry {
    /// A department.
    /// zh: 查询部门
    #[query]
    pub fn department(&self, name: String) -> Result<Department, RegistryError> {
        self.departments.get(&name).ok_or(RegistryError::NoDepartment { name })
    }

    /// Departments in the order of their names, after the one given.
    /// zh: 查询全部部门
    #[query]
    pub fn departments(&self, after: Option<String>, limit: u32) -> Vec<(String, Department)> {
        self.departments.page(after.as_ref(), limit)
    }

    /// Administrators in the order of their addresses, after the one given.
    /// zh: 查询全部管理员
    #[query]
    pub fn administrators(&self, after: Option<Address>, limit: u32) -> Vec<(Address, Administrator)> {
        self.administrators.page(after.as_ref(), limit)
    }

    pub(crate) fn check_found(&self, name: &str, title: &str) -> Result<(), RegistryError> {
        check_name(name)?;
        check_title(title)?;
        let known = self.departments.contains(&name.to_owned());
        ensure!(!known, RegistryError::DepartmentKnown { name: name.to_owned() });
        let has_room = self.department_count.get_or_default() < DEPARTMENTS_MAX;
        ensure!(has_room, RegistryError::TooMany { limit: DEPARTMENTS_MAX });
        Ok(())
    }

    pub(crate) fn found(&mut self, cx: &Cx, name: &str, title: &str) {
        let department = Department { title: title.to_owned(), since_ms: cx.time_ms(), dissolved_ms: None };
        self.departments.insert(&name.to_owned(), &department);
        self.department_count.set(&(self.department_count.get_or_default() + 1));
    }

    pub(crate) fn check_dissolve(&self, name: &str) -> Result<(), RegistryError> {
        self.check_department(name)?;
        let in_use = self.administrators.iter().any(|(_, administrator)| administrator.department == name)
            || !self.nodes_of.page(&name.to_owned(), None, 1).is_empty()
            || self.is_in_waiting_order(name);
        ensure!(!in_use, RegistryError::DepartmentInUse { name: name.to_owned() });
        Ok(())
    }

    pub(crate) fn dissolve(&mut self, cx: &Cx, name: &str) {
        self.departments.update(&name.to_owned(), |department| department.dissolved_ms = Some(cx.time_ms()));
    }

    pub(crate) fn check_appoint(&self, cx: &Cx, new: &NewAdministrator) -> Result<(), RegistryError> {
        self.check_department(&new.department)?;
        self.check_can_hold_office(cx, &new.account)?;
        let count = self.administrators.iter().count() as u32;
        ensure!(count < ADMINISTRATORS_MAX, RegistryError::TooMany { limit: ADMINISTRATORS_MAX });
        Ok(())
    }

    pub(crate) fn appoint(&mut self, cx: &Cx, new: &NewAdministrator) {
        let term = self.terms.get_or_default();
        self.terms.set(&(term + 1));
        let administrator = Administrator { department: new.department.clone(), term, since_ms: cx.time_ms() };
        self.administrators.insert(&new.account, &administrator);
    }

    pub(crate) fn check_dismiss(&self, account: &Address) -> Result<(), RegistryError> {
        ensure!(self.administrators.contains(account), RegistryError::NoAdministrator { account: *account });
        let left = self.departments_of_administrators(Some(account));
        check_usable(&left, &self.rule_of(Class::Routine))?;
        check_usable(&left, &self.rule_of(Class::Constitution))
    }

    pub(crate) fn dismiss(&mut self, account: &Address) {
        self.administrators.remove(account);
    }

    pub(crate) fn check_replace(&self, cx: &Cx, old: &Address, new: &Address) -> Result<(), RegistryError> {
        ensure!(self.administrators.contains(old), RegistryError::NoAdministrator { account: *old });
        self.check_can_hold_office(cx, new)
    }

    pub(crate) fn replace(&mut self, cx: &Cx, old: &Address, new: &Address) {
        if let Some(Administrator { department, .. }) = self.administrators.take(old) {
            self.appoint(cx, &NewAdministrator { account: *new, department });
        }
    }

    pub(crate) fn check_set_rule(&self, class: Class, rule: &Rule) -> Result<(), RegistryError> {
        check_rule(class, rule)?;
        match class {
            // Without enough administrators nothing can be frozen, which locks nobody out.
            Class::Freeze => Ok(()),
            Class::Routine | Class::Constitution => check_usable(&self.departments_of_administrators(None), rule),
        }
    }

    /// Refuses administrators who could not go on by the rules there are.
    pub(crate) fn check_usable(&self) -> Result<(), RegistryError> {
        let departments = self.departments_of_administrators(None);
        check_usable(&departments, &self.rule_of(Class::Routine))?;
        check_usable(&departments, &self.rule_of(Class::Constitution))
    }

    fn check_can_hold_office(&self, cx: &Cx, account: &Address) -> Result<(), RegistryError> {
        let in_office = self.administrators.contains(account);
        ensure!(!in_office, RegistryError::AlreadyAdministrator { account: *account });
        match self.freeze_of(cx, account) {
            Some(freeze) => Err(RegistryError::Frozen { until_ms: freeze.until_ms }),
            None => Ok(()),
        }
    }

    /// The department of each administrator but one.
    fn departments_of_administrators(&self, without: Option<&Address>) -> Vec<String> {
        let others = self.administrators.iter().filter(|(account, _)| Some(account) != without);
        others.map(|(_, administrator)| administrator.department).collect()
    }
}

/// Refuses a rule that is out of bounds whoever the administrators are.
pub(crate) fn check_rule(class: Class, rule: &Rule) -> Result<(), RegistryError> {
    let least = if class == Class::Freeze { 2 } else { 1 };
    let is_rule = rule.approvals <= ADMINISTRATORS_MAX
        && (least..=rule.approvals).contains(&rule.departments)
        && rule.delay_ms <= DELAY_MAX_MS
        && (HOUR_MS..=OPEN_MAX_MS).contains(&rule.open_ms)
        && rule.open_ms > rule.delay_ms;
    ensure!(is_rule, RegistryError::BadRule);
    Ok(())
}

/// Refuses when administrators of these departments, without whichever one of them, could not meet a rule.
pub(crate) fn check_usable(of: &[String], rule: &Rule) -> Result<(), RegistryError> {
    let mut different: Vec<(&str, u32)> = Vec::new();
    for department in of {
        match different.iter_mut().find(|(name, _)| name == department) {
            Some((_, count)) => *count += 1,
            None => different.push((department, 1)),
        }
    }
    let (administrators, departments) = (of.len() as u32, different.len() as u32);
    let loses_department = different.iter().any(|(_, count)| *count == 1);
    let usable = match administrators {
        0 => false,
        1 => rule.approvals == 1 && rule.departments == 1,
        _ => rule.approvals < administrators && rule.departments + u32::from(loses_department) <= departments,
    };
    ensure!(usable, RegistryError::LocksOut { administrators, departments });
    Ok(())
}
