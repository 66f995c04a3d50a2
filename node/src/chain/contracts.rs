//! Finding contracts by what people write, listing them, and their schemas.

use std::{
    collections::BTreeMap,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use chancery_abi::{
    Address, Digest, Name,
    schema::{ContractRecord, SECTION, Schema, custom_section},
    slot,
};
use chancery_runtime::{
    execution::accounts,
    state::{FinalView, StateView as _},
    storage::{StateBackend, StateReader, StorageError},
};
use parity_scale_codec::DecodeAll as _;

use super::{ChainService, ReadError};
use crate::store::ChainDb;

/// Schemas that are kept ready; each has at most [`chancery_abi::limits::SCHEMA_BYTES_MAX`] on the wire.
const SCHEMAS_MAX: usize = 64;

/// A contract as people write it: its address, its name, or its department and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContractRef {
    /// By address.
    Address(Address),
    /// By name, where one department alone has it.
    Name(Name),
    /// `department.name`.
    Full {
        /// The department.
        department: Name,
        /// The contract's name in it.
        name: Name,
    },
}

impl FromStr for ContractRef {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a contract is written as its address (64 hexadecimal digits), NAME or DEPARTMENT.NAME";
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let name = |text: &str| Name::new(text).map_err(|_| EXPECTED);
        match text.split_once('.') {
            Some((department, contract)) => Ok(Self::Full { department: name(department)?, name: name(contract)? }),
            None => Ok(Self::Name(name(text)?)),
        }
    }
}

/// A contract that is on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractFound {
    /// Its address.
    pub address: Address,
    /// What the state says of it.
    pub record: ContractRecord,
}

/// A page of contracts in the order of their addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The contracts.
    pub contracts: Vec<ContractFound>,
    /// Whether others follow.
    pub more: bool,
}

impl<B: StateBackend + 'static> ChainService<B> {
    /// The contract that `reference` means.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn find_contract(&self, reference: &ContractRef) -> Result<ContractFound, ReadError> {
        self.find_contract_in(&**self.ledger.backend(), reference)
    }

    pub(super) fn find_contract_in(
        &self,
        reader: &dyn StateReader,
        reference: &ContractRef,
    ) -> Result<ContractFound, ReadError> {
        let chain = self.ledger.rules().name();
        let address = match reference {
            ContractRef::Address(address) => *address,
            ContractRef::Full { department, name } => Address::of_contract(chain, department, name),
            ContractRef::Name(name) => match &ChainDb(reader).contracts_named(name)?[..] {
                [] => return Err(self.unknown_contract(reference)),
                [(_, address)] => *address,
                several => {
                    let departments = several.iter().map(|(department, _)| department.to_string()).collect();
                    return Err(ReadError::Ambiguous { name: name.clone(), departments });
                }
            },
        };
        let record = accounts::contract_record(&FinalView(reader), &address)?;
        let record = record.ok_or_else(|| self.unknown_contract(reference))?;
        Ok(ContractFound { address, record })
    }

    fn unknown_contract(&self, reference: &ContractRef) -> ReadError {
        let what = match reference {
            ContractRef::Address(address) => format!("contract {address}"),
            ContractRef::Name(name) => format!("contract {name}"),
            ContractRef::Full { department, name } => format!("contract {department}.{name}"),
        };
        ReadError::Unknown { what, code: "unknown_contract", chain: self.ledger.rules().name().clone() }
    }

    /// The contracts after `after`, or from the first, at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_contracts(&self, after: Option<Address>, limit: usize) -> Result<Listed, StorageError> {
        let mut prefix = Vec::new();
        slot::push_field(&mut prefix, "contract");
        let after = after.map_or_else(Vec::new, |after| accounts::contract_slot(&after));
        let view = FinalView(&**self.ledger.backend());
        let mut entries = view.page(&Address::system(), &prefix, &after, limit.saturating_add(1))?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let read = |(key, value): (Vec<u8>, Vec<u8>)| {
            let malformed = || StorageError::new("read a contract's record", "malformed entry");
            let address = key.strip_prefix(&prefix[..]).and_then(|address| address.try_into().ok());
            let record = ContractRecord::decode_all(&mut &value[..]).map_err(|_| malformed())?;
            Ok(ContractFound { address: Address(address.ok_or_else(malformed)?), record })
        };
        let contracts = entries.into_iter().map(read).collect::<Result<_, StorageError>>()?;
        Ok(Listed { contracts, more })
    }

    /// A contract's source Wasm.
    ///
    /// # Errors
    /// When the store fails or lacks it.
    pub fn contract_code(&self, code: &Digest) -> Result<Vec<u8>, StorageError> {
        let found = accounts::code(&FinalView(&**self.ledger.backend()), code)?;
        found.ok_or_else(|| StorageError::new("find a contract's code", format_args!("{code} is missing")))
    }

    /// The schema of the code with this digest, as the bytes of its section.
    ///
    /// # Errors
    /// When the store fails, or holds a module that would not be accepted.
    pub fn contract_schema_bytes(&self, code: &Digest) -> Result<Vec<u8>, StorageError> {
        let source = self.contract_code(code)?;
        let section = custom_section(&source, SECTION);
        let section = section.ok_or_else(|| StorageError::new("read a contract's schema", "it has none"))?;
        Ok(section.to_vec())
    }

    /// The schema of the code with this digest.
    ///
    /// # Errors
    /// When the store fails, or holds a module that would not be accepted.
    pub fn contract_schema(&self, code: &Digest) -> Result<Arc<Schema>, StorageError> {
        if let Some(schema) = self.schemas.get(code) {
            return Ok(schema);
        }
        let section = self.contract_schema_bytes(code)?;
        let schema =
            Schema::from_section(&section).map_err(|error| StorageError::new("read a contract's schema", error))?;
        let schema = Arc::new(schema);
        self.schemas.insert(*code, Arc::clone(&schema));
        Ok(schema)
    }
}

/// The schemas that were asked for.
#[derive(Default)]
pub(super) struct SchemaCache {
    schemas: Mutex<BTreeMap<Digest, Arc<Schema>>>,
}

impl SchemaCache {
    fn get(&self, code: &Digest) -> Option<Arc<Schema>> {
        self.schemas.lock().unwrap_or_else(PoisonError::into_inner).get(code).cloned()
    }

    fn insert(&self, code: Digest, schema: Arc<Schema>) {
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        // Any one makes room: which does not matter, and there are rarely so many.
        if schemas.len() >= SCHEMAS_MAX {
            schemas.pop_first();
        }
        schemas.insert(code, schema);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_is_written_in_three_ways() {
        let name = |text: &str| Name::new(text).expect("a name");
        assert_eq!("deed".parse(), Ok(ContractRef::Name(name("deed"))));
        let full = ContractRef::Full { department: name("land"), name: name("deed") };
        assert_eq!("land.deed".parse(), Ok(full));
        let address = Address([0xab; 32]);
        assert_eq!(address.to_string().parse(), Ok(ContractRef::Address(address)));
        for wrong in ["", ".", "Land.deed", "a.b.c", "land.", "0xzz"] {
            assert!(wrong.parse::<ContractRef>().is_err(), "{wrong:?}");
        }
    }
}
