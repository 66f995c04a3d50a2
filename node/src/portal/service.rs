//! The contracts that the configuration names, and reading their public fields.

use std::{fmt, str::FromStr, sync::Arc};

use axum::http::StatusCode;
use chancery_abi::Name;
use serde_json::Value;

use super::{trouble::Trouble, visit::Visit};
use crate::chain::{ChainService, ContractRef, FieldPage, ReadError};

/// A contract of a chain, as people write it: `CHAIN/CONTRACT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractAt {
    /// The chain.
    pub chain: Name,
    /// The contract.
    pub contract: ContractRef,
    text: String,
}

impl FromStr for ContractAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = || "expected CHAIN/CONTRACT".to_owned();
        let (chain, contract) = text.split_once('/').ok_or_else(expected)?;
        let chain = Name::new(chain).map_err(|error| error.to_string())?;
        Ok(Self { chain, contract: contract.parse::<ContractRef>().map_err(str::to_owned)?, text: text.to_owned() })
    }
}

impl fmt::Display for ContractAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A contract's public fields on one chain.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    chain: &'a ChainService,
    contract: &'a ContractRef,
}

impl<'a> Fields<'a> {
    pub(super) fn of(chain: &'a ChainService, contract: &'a ContractRef) -> Self {
        Self { chain, contract }
    }

    /// What stands in a field.
    pub(super) fn value(self, field: &str) -> Result<Option<Value>, ReadError> {
        Ok(self.chain.read_field(self.contract, field, None)?.value)
    }

    /// What stands in a field under a key.
    pub(super) fn entry(self, field: &str, key: &Value) -> Result<Option<Value>, ReadError> {
        Ok(self.chain.read_field(self.contract, field, Some(key))?.value)
    }

    /// A page of a field's entries whose keys begin with `prefix`.
    pub(super) fn page(
        self,
        field: &str,
        prefix: Option<&Value>,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<FieldPage, ReadError> {
        self.chain.list_entries(self.contract, field, prefix, after, limit)
    }
}

/// A configured contract, on this node.
#[derive(Clone)]
pub(super) struct Service {
    chain: Arc<ChainService>,
    at: ContractAt,
}

impl Service {
    /// Where this node has the chain and the contract.
    pub(super) async fn find(visit: &Visit, at: &ContractAt) -> Result<Option<Self>, Trouble> {
        let Some(chain) = visit.api.chains.get(at.chain.as_str()) else { return Ok(None) };
        let service = Self { chain, at: at.clone() };
        let reference = at.contract.clone();
        let found = service.chain.look_up(move |chain| Ok(chain.find_contract(&reference).map(drop))).await?;
        match found {
            Ok(()) => Ok(Some(service)),
            Err(ReadError::Unknown { .. } | ReadError::Ambiguous { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The same; where it is not here, a page that says so.
    pub(super) async fn expect(visit: &Visit, at: &ContractAt) -> Result<Self, Trouble> {
        let missing = || Trouble::new(StatusCode::NOT_FOUND, "contract", format!("this node has no contract {at}"));
        Self::find(visit, at).await?.ok_or_else(missing)
    }

    /// Reads where it may block.
    pub(super) async fn read<R: Send + 'static>(
        &self,
        work: impl FnOnce(Fields<'_>) -> Result<R, ReadError> + Send + 'static,
    ) -> Result<R, Trouble> {
        let contract = self.at.contract.clone();
        Ok(self.chain.look_up(move |chain| work(Fields::of(chain, &contract))).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_is_written_with_its_chain() {
        let at: ContractAt = "plates/transport.plate-lottery".parse().expect("a contract");
        assert_eq!((at.chain.as_str(), at.to_string().as_str()), ("plates", "plates/transport.plate-lottery"));
        for wrong in ["", "plates", "plates/", "/lottery", "Plates/lottery", "a/b/c"] {
            assert!(wrong.parse::<ContractAt>().is_err(), "{wrong:?}");
        }
    }
}
