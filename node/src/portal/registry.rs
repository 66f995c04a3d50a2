//! What the mainchain's registry says, as far as pages show it: whose a node is, who may deploy and by which act.
//!
//! Read through the registry's public fields like any contract's. A chain without a registry (a trial) has none of this,
//! and pages say so.

use chancery_abi::{Address, Name};
use serde_json::{Value, json};

use super::{
    service::Fields,
    values::{number, text},
};
use crate::{
    chain::{ChainService, ContractRef, ReadError},
    schema_json::to_hex,
};

/// Accounts that may deploy for one department on one chain, as many as are looked at.
const DEPLOYERS_MAX: usize = 50;

/// A mainchain's registry.
pub(super) struct Registry<'a> {
    mainchain: &'a ChainService,
    contract: ContractRef,
}

/// An account that may deploy.
pub(super) struct DeployRight {
    pub(super) account: String,
    /// The first moment at which it no longer holds, milliseconds since 1970.
    pub(super) until_ms: u64,
    /// The act that granted it; none where it stood in the genesis.
    pub(super) act: Option<ActFound>,
}

/// An act that was carried out.
pub(super) struct ActFound {
    pub(super) number: u64,
    pub(super) reference: String,
    /// The departments whose administrators approved.
    pub(super) departments: Vec<String>,
}

impl<'a> Registry<'a> {
    /// The registry that a chain stands under; none on a chain without.
    pub(super) fn of(chain: &'a ChainService) -> Option<Self> {
        let mainchain = chain.mainchain().map_or(chain, |mainchain| mainchain);
        let rules = mainchain.ledger().rules();
        rules.genesis().registry.as_ref()?;
        Some(Self { mainchain, contract: ContractRef::Address(Address::registry(rules.name())) })
    }

    fn fields(&self) -> Fields<'_> {
        Fields::of(self.mainchain, &self.contract)
    }

    /// The name of the department whose node has this key.
    pub(super) fn department_of(&self, key: &[u8; 32]) -> Result<Option<String>, ReadError> {
        let node = self.fields().entry("nodes", &to_hex(key).into())?;
        Ok(node.map(|node| text(&node["department"]).to_owned()).filter(|name| !name.is_empty()))
    }

    /// A department's official title.
    pub(super) fn title(&self, department: &str) -> Result<Option<String>, ReadError> {
        let found = self.fields().entry("departments", &department.into())?;
        Ok(found.map(|found| text(&found["title"]).to_owned()).filter(|title| !title.is_empty()))
    }

    /// A department's name with its title.
    pub(super) fn named(&self, department: &str) -> Result<String, ReadError> {
        Ok(match self.title(department)? {
            Some(title) if title != department => format!("{title} ({department})"),
            _ => department.to_owned(),
        })
    }

    /// Who may deploy for a department on a chain.
    pub(super) fn deployers(&self, chain: &Name, department: &Name) -> Result<Vec<DeployRight>, ReadError> {
        let prefix = json!([chain.as_str(), department.as_str()]);
        let page = self.fields().page("deployers", Some(&prefix), None, DEPLOYERS_MAX)?;
        let right = |entry: crate::chain::FieldEntry| {
            let value = entry.value.unwrap_or_default();
            let act = number(&value["act"]).map(|number| self.act(number)).transpose()?;
            Ok(DeployRight {
                account: entry.key.map(|key| text(&key[2]).to_owned()).unwrap_or_default(),
                until_ms: number(&value["until_ms"]).unwrap_or(0),
                act: act.flatten(),
            })
        };
        page.entries.into_iter().map(right).collect()
    }

    fn act(&self, act: u64) -> Result<Option<ActFound>, ReadError> {
        let found = self.fields().entry("acts", &act.into())?;
        Ok(found.map(|found| {
            let approvals = found["approvals"].as_array().map(Vec::as_slice).unwrap_or_default();
            let mut departments: Vec<String> =
                approvals.iter().map(|approval: &Value| text(&approval["department"]).to_owned()).collect();
            departments.sort();
            departments.dedup();
            ActFound { number: act, reference: text(&found["reference"]).to_owned(), departments }
        }))
    }
}
