//! What a command is about: a chain, or a contract on one.

use std::{fmt, str::FromStr};

use chancery_abi::Name;

/// `CHAIN/CONTRACT`. The contract is a name, DEPARTMENT.NAME, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContractTarget {
    /// The chain.
    pub chain: Name,
    /// The contract, as the node understands it.
    pub contract: String,
}

impl FromStr for ContractTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (chain, contract) =
            text.split_once('/').ok_or_else(|| format!("`{text}` is not CHAIN/CONTRACT, such as main/evidence"))?;
        let chain = Name::new(chain).map_err(|error| format!("`{chain}` is not a chain: {error}"))?;
        let plain = contract.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.');
        match plain && !contract.is_empty() {
            true => Ok(Self { chain, contract: contract.into() }),
            false => Err(format!("`{contract}` is not a contract: give its name, DEPARTMENT.NAME or its address")),
        }
    }
}

impl fmt::Display for ContractTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.chain, self.contract)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_is_named_on_its_chain() {
        let target: ContractTarget = "main/judicial.evidence".parse().expect("a contract");
        assert_eq!((target.chain.as_str(), target.contract.as_str()), ("main", "judicial.evidence"));
        for wrong in ["main", "main/", "/x", "Main/x", "main/a/b", "main/a?key=1", "main/.%2e"] {
            assert!(wrong.parse::<ContractTarget>().is_err(), "{wrong}");
        }
    }
}
