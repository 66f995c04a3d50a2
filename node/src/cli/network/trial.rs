//! Who is who in a trial network: each department has one administrator, who is its nodes' operator as well.

use chancery_abi::Name;

use crate::{chain::PlannedDepartment, keystore::AccountKey};

/// Departments to which the validators belong in turn, with an administrator each, for all of which `demo` may deploy.
pub(crate) fn trial_departments(
    names: &[Name],
    validators: &[AccountKey],
    administrators: &[AccountKey],
    demo: &AccountKey,
) -> Vec<PlannedDepartment> {
    let planned = |(place, (name, administrator)): (usize, (&Name, &AccountKey))| {
        let own = validators.iter().skip(place).step_by(names.len());
        PlannedDepartment {
            name: name.clone(),
            title: name.as_str().to_owned(),
            administrators: vec![administrator.address()],
            nodes: own.map(|validator| (validator.public_key(), administrator.public_key())).collect(),
            deployers: vec![demo.address()],
        }
    };
    names.iter().zip(administrators).enumerate().map(planned).collect()
}

/// What the key of a department's administrator is called.
pub(crate) fn administrator_key(department: &Name) -> String {
    format!("admin-{department}")
}
