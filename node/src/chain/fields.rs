//! Reading contracts' public fields by their own schemas, with proofs: generic, so that no contract needs a route of its
//! own. What is not `#[public]` in the schema is not read here; it is no secret (whoever runs a node has it), and no
//! interface either.

use std::sync::Arc;

use chancery_abi::{
    Address, Claim, Digest, ProofBundle,
    schema::{Schema, StorageField},
};
use chancery_runtime::{
    execution::accounts,
    state::{FinalView, StateView as _},
};
use serde_json::Value;

use super::{ChainService, ContractFound, ContractRef, ReadError, Word};
use crate::schema_json::{self, DigitsOnly, SlotError};

/// An entry of a public field, or that there is none.
#[derive(Clone, Debug)]
pub struct FieldRead {
    /// The contract.
    pub found: ContractFound,
    /// The field.
    pub field: String,
    /// The slot key.
    pub slot: Vec<u8>,
    /// The entry's key; none of a field that holds one value.
    pub key: Option<Value>,
    /// What is stored; none when nothing is.
    pub raw: Option<Vec<u8>>,
    /// The same as JSON; none when nothing is stored, or when an entry of a set only marks that it is there.
    pub value: Option<Value>,
    /// As of which height.
    pub height: u64,
}

/// An entry with its proof.
#[derive(Clone, Debug)]
pub struct FieldProof {
    /// The entry, as the proof has it.
    pub read: FieldRead,
    /// The proof.
    pub bundle: ProofBundle,
}

/// One of several entries of a field.
#[derive(Clone, Debug)]
pub struct FieldEntry {
    /// Its key.
    pub key: Option<Value>,
    /// Its slot key.
    pub slot: Vec<u8>,
    /// What is stored.
    pub raw: Vec<u8>,
    /// The same as JSON.
    pub value: Option<Value>,
}

/// Entries of a field in the order of their keys.
#[derive(Clone, Debug)]
pub struct FieldPage {
    /// As of which height.
    pub height: u64,
    /// The entries.
    pub entries: Vec<FieldEntry>,
    /// The slot key after which the next page begins; none after the last.
    pub next_after: Option<Vec<u8>>,
}

impl ChainService {
    /// A contract and its schema, whose fields with `public` can be read here.
    ///
    /// # Errors
    /// When there is no such contract.
    pub fn public_fields(&self, reference: &ContractRef) -> Result<(ContractFound, Arc<Schema>), ReadError> {
        let found = self.find_contract(reference)?;
        let schema = self.contract_schema(&found.record.code)?;
        Ok((found, schema))
    }

    /// The entry of public field `field` under `key` in the newest state.
    ///
    /// # Errors
    /// When there is no such contract or field, or the key does not fit.
    pub fn read_field(
        &self,
        reference: &ContractRef,
        field: &str,
        key: Option<&Value>,
    ) -> Result<FieldRead, ReadError> {
        let (found, schema) = self.public_fields(reference)?;
        let field = self.public_field(&schema, field)?;
        let slot = schema_json::slot_key(&schema, field, key, &DigitsOnly).map_err(invalid)?;
        let (height, raw) =
            self.at_tip(|reader, height| Ok((height, FinalView(reader).get(&found.address, &slot)?)))?;
        Ok(read(found, &schema, field, slot, raw, height))
    }

    /// The same with a proof, as of `height` or the newest block that can be proven. Blocks; see [`Self::ask`].
    ///
    /// # Errors
    /// As [`Self::read_field`], and when the height cannot be proven any more or not yet.
    pub fn prove_field(
        &self,
        reference: &ContractRef,
        field: &str,
        key: Option<&Value>,
        height: Option<u64>,
    ) -> Result<FieldProof, ReadError> {
        let (found, schema) = self.public_fields(reference)?;
        let field = self.public_field(&schema, field)?;
        let slot = schema_json::slot_key(&schema, field, key, &DigitsOnly).map_err(invalid)?;
        let bundle = self.prove_state(&ContractRef::Address(found.address), &slot, height, Word::Certificate)?;
        let raw = match &bundle.claim {
            Claim::State { value, .. } => value.clone(),
            Claim::Receipt { .. } => None,
        };
        let read = read(found, &schema, field, slot, raw, bundle.header.height);
        Ok(FieldProof { read, bundle })
    }

    /// The entries of public field `field` whose keys begin with `prefix` (the first parts of a tuple) and come after the
    /// slot key `after`, at most `limit`, in the newest state.
    ///
    /// # Errors
    /// When there is no such contract or field, or the prefix does not fit.
    pub fn list_entries(
        &self,
        reference: &ContractRef,
        field: &str,
        prefix: Option<&Value>,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<FieldPage, ReadError> {
        let (found, schema) = self.public_fields(reference)?;
        let field = self.public_field(&schema, field)?;
        let parts = match prefix {
            None => &[][..],
            Some(Value::Array(parts)) => parts,
            Some(_) => return Err(ReadError::Invalid("a prefix is a JSON array of a key's first parts".into())),
        };
        let prefix = schema_json::slot_prefix(&schema, field, parts, &DigitsOnly).map_err(invalid)?;
        // A list's own slot, which holds its length, is no entry; it comes first.
        let after = after.unwrap_or(&prefix);
        let (height, mut rows) = self.at_tip(|reader, height| {
            let rows = FinalView(reader).page(&found.address, &prefix, after, limit.saturating_add(1))?;
            Ok((height, rows))
        })?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_after = rows.last().filter(|_| more).map(|(slot, _)| slot.clone());
        let ty = schema_json::entry_type(field, true);
        let entry = |(slot, raw): (Vec<u8>, Vec<u8>)| FieldEntry {
            key: schema_json::read_slot(&schema, &slot).and_then(|(_, key)| key),
            value: ty.as_ref().and_then(|ty| schema_json::decode(&schema, ty, &raw).ok()),
            slot,
            raw,
        };
        Ok(FieldPage { height, entries: rows.into_iter().map(entry).collect(), next_after })
    }

    /// A contract's record in the runtime's own state, with a proof: it names the code, whose hash a reader can compare.
    /// Blocks; see [`Self::ask`].
    ///
    /// # Errors
    /// When there is no such contract, or nothing can be proven yet.
    pub fn prove_record(&self, reference: &ContractRef) -> Result<(ContractFound, ProofBundle), ReadError> {
        let found = self.find_contract(reference)?;
        let slot = accounts::contract_slot(&found.address);
        let bundle = self.prove_state(&ContractRef::Address(Address::system()), &slot, None, Word::Certificate)?;
        Ok((found, bundle))
    }

    /// A beacon's entry in the runtime's own state, with a proof. Blocks; see [`Self::ask`].
    ///
    /// # Errors
    /// When the beacon is not known, or no longer, or nothing can be proven yet.
    pub fn prove_beacon(&self, height: u64) -> Result<(Digest, ProofBundle), ReadError> {
        let value = self.beacon(height)?.ok_or_else(|| self.unknown_beacon(height))?;
        let slot = accounts::beacon_slot(height);
        let bundle = self.prove_state(&ContractRef::Address(Address::system()), &slot, None, Word::Certificate)?;
        Ok((value, bundle))
    }

    /// That the beacon of `height` is not known.
    pub fn unknown_beacon(&self, height: u64) -> ReadError {
        let (what, chain) = (format!("the beacon of height {height}"), self.ledger().rules().name().clone());
        ReadError::Unknown { what, code: "unknown_beacon", chain }
    }

    fn public_field<'s>(&self, schema: &'s Schema, name: &str) -> Result<&'s StorageField, ReadError> {
        let found = schema.storage.values().find(|field| field.public && field.name.as_str() == name);
        found.ok_or_else(|| ReadError::Unknown {
            what: format!("a public field {} of contract {}", schema_json::quoted(name), schema.name),
            code: "unknown_field",
            chain: self.ledger().rules().name().clone(),
        })
    }
}

fn read(
    found: ContractFound,
    schema: &Schema,
    field: &StorageField,
    slot: Vec<u8>,
    raw: Option<Vec<u8>>,
    height: u64,
) -> FieldRead {
    let key = schema_json::read_slot(schema, &slot).and_then(|(_, key)| key);
    let ty = schema_json::entry_type(field, key.is_some());
    let value = raw.as_ref().zip(ty).and_then(|(bytes, ty)| schema_json::decode(schema, &ty, bytes).ok());
    FieldRead { found, field: field.name.to_string(), slot, key, raw, value, height }
}

fn invalid(error: SlotError) -> ReadError {
    ReadError::Invalid(error.to_string())
}
