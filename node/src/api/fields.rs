//! `/contracts/{contract}/fields`: what a contract has declared public, by its own schema, with a proof beside each value;
//! and proofs of what the runtime itself keeps of contracts and beacons.

use axum::Json;
use chancery_abi::{codec, types::from_hex};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    PAGE_MAX, Problem,
    target::{Parameters, Target},
};
use crate::{
    chain::{ContractFound, ContractRef, FieldEntry, FieldRead},
    schema_json::{self, to_hex},
};

/// The public fields of a contract.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldsView {
    /// The contract's address.
    contract: String,
    /// Whose it is.
    department: String,
    /// Its name in the department.
    name: String,
    /// SHA-256 of its code.
    code: String,
    /// The fields.
    fields: Vec<FieldView>,
}

/// A public field.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldView {
    /// Its name.
    name: String,
    /// `value`, `map`, `set`, `list` or `index`.
    kind: String,
    /// What its entries' keys are; null of a field that holds one value.
    #[schema(required)]
    key: Option<String>,
    /// What its entries are; null where they only mark that they are there.
    #[schema(required)]
    value: Option<String>,
    /// What it is for.
    docs: DocsView,
}

/// A text in both languages; empty where there is none.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DocsView {
    /// In English.
    en: String,
    /// In Chinese.
    zh: String,
}

/// An entry of a public field, or that there is none.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldEntryView {
    /// The chain.
    chain: String,
    /// The contract's address.
    contract: String,
    /// Whose it is.
    department: String,
    /// Its name in the department.
    name: String,
    /// The field.
    field: String,
    /// The entry's key; null of a field that holds one value.
    #[schema(value_type = Value)]
    key: Value,
    /// The key under which it is stored.
    slot: String,
    /// As of which height.
    height: u64,
    /// Whether something is stored.
    present: bool,
    /// What is stored; null when nothing is.
    #[schema(value_type = Value)]
    value: Value,
    /// The same in SCALE; null when nothing is stored.
    #[schema(required)]
    raw: Option<String>,
    /// A ProofBundle of it in SCALE, unless `proof=false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
}

impl FieldEntryView {
    fn new(chain: &str, read: FieldRead, proof: Option<String>) -> Self {
        Self {
            chain: chain.to_owned(),
            contract: read.found.address.to_string(),
            department: read.found.record.department.to_string(),
            name: read.found.record.name.to_string(),
            field: read.field,
            key: read.key.unwrap_or_default(),
            slot: to_hex(&read.slot),
            height: read.height,
            present: read.raw.is_some(),
            value: read.value.unwrap_or_default(),
            raw: read.raw.as_deref().map(to_hex),
            proof,
        }
    }
}

/// A page of a field's entries, in the order of their keys.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntriesView {
    /// As of which height.
    height: u64,
    /// The entries.
    entries: Vec<EntryView>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_after: Option<String>,
}

/// One of a field's entries.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryView {
    /// Its key.
    #[schema(value_type = Value)]
    key: Value,
    /// The key under which it is stored.
    slot: String,
    /// What is stored; null where an entry only marks that it is there.
    #[schema(value_type = Value)]
    value: Value,
    /// The same in SCALE.
    raw: String,
}

impl EntryView {
    fn new(entry: FieldEntry) -> Self {
        Self {
            key: entry.key.unwrap_or_default(),
            slot: to_hex(&entry.slot),
            value: entry.value.unwrap_or_default(),
            raw: to_hex(&entry.raw),
        }
    }
}

/// What the runtime has on record of a contract, with a proof.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecordView {
    /// The contract's address.
    contract: String,
    /// Whose it is.
    department: String,
    /// Its name in the department.
    name: String,
    /// SHA-256 of its code.
    code: String,
    /// How often its code was replaced.
    revision: u32,
    /// The height of the deploy or the last upgrade.
    height: u64,
    /// The key under which the record is stored.
    slot: String,
    /// A ProofBundle of it in SCALE.
    proof: String,
}

/// A beacon with a proof.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProvenBeaconView {
    /// Its height.
    height: u64,
    /// What contracts are given.
    value: String,
    /// The key under which it is stored.
    slot: String,
    /// A ProofBundle of it in SCALE.
    proof: String,
}

/// Which entry.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EntryParameters {
    /// The entry's key as JSON by the contract's schema: `"HEX"` for a digest, `[3, 17]` for a tuple. A text that is not
    /// JSON is taken as it is.
    key: Option<String>,
    /// As of which height; the newest that can be proven without.
    height: Option<u64>,
    /// Whether to prove it, which is so without.
    proof: Option<bool>,
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EntriesParameters {
    /// The first parts of the keys, as a JSON array; all entries without.
    prefix: Option<String>,
    /// Only entries after this slot key, in hexadecimal.
    after: Option<String>,
    /// At most so many, up to 100; 20 without.
    limit: Option<usize>,
}

/// A contract's public fields.
#[utoipa::path(get, path = "/v1/chains/{chain}/contracts/{contract}/fields", operation_id = "fields_list", tag = "contracts",
    params(("chain" = String, Path, description = "The chain's name"), ("contract" = String, Path, description = "Address, name, or department.name")),
    responses((status = 200, body = FieldsView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn list(target: Target) -> Result<Json<FieldsView>, Problem> {
    let reference: ContractRef = target.parameter("contract")?;
    let view = target.look_up(move |chain| {
        let (ContractFound { address, record }, schema) = chain.public_fields(&reference)?;
        let public = schema.storage.values().filter(|field| field.public);
        let view = |field: &chancery_abi::schema::StorageField| {
            let (kind, key, value) = schema_json::collection(&field.collection);
            FieldView {
                name: field.name.to_string(),
                kind: kind.into(),
                key,
                value,
                docs: DocsView { en: field.docs.en.clone(), zh: field.docs.zh.clone() },
            }
        };
        Ok(FieldsView {
            contract: address.to_string(),
            department: record.department.to_string(),
            name: record.name.to_string(),
            code: record.code.to_string(),
            fields: public.map(view).collect(),
        })
    });
    Ok(Json(view.await?))
}

/// An entry of a public field with a proof of it, or of its absence. Value and proof are of one height: of a sidechain, the
/// newest that its mainchain has on record.
#[utoipa::path(get, path = "/v1/chains/{chain}/contracts/{contract}/fields/{field}", operation_id = "fields_one", tag = "contracts",
    params(("chain" = String, Path, description = "The chain's name"), ("contract" = String, Path, description = "Address, name, or department.name"),
        ("field" = String, Path, description = "A public field of the contract"), EntryParameters),
    responses((status = 200, body = FieldEntryView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem, description = "The height cannot be proven"),
        (status = 503, body = Problem)))]
pub(super) async fn one(
    target: Target,
    Parameters(parameters): Parameters<EntryParameters>,
) -> Result<Json<FieldEntryView>, Problem> {
    let (reference, field): (ContractRef, String) = (target.parameter("contract")?, target.parameter("field")?);
    let EntryParameters { key, height, proof } = parameters;
    if proof == Some(false) && height.is_some() {
        return Err(Problem::invalid("height is for proofs; without one, the newest state is read"));
    }
    let name = target.chain.ledger().rules().name().to_string();
    let view = target.chain.ask(move |chain| {
        let read = |key: Option<&Value>| {
            if proof == Some(false) {
                return Ok(FieldEntryView::new(&name, chain.read_field(&reference, &field, key)?, None));
            }
            let proven = chain.prove_field(&reference, &field, key, height)?;
            Ok(FieldEntryView::new(&name, proven.read, Some(to_hex(&codec::encode(&proven.bundle)))))
        };
        let Some(text) = key else { return read(None) };
        // What is no JSON of the key's type may be the key's own text.
        match serde_json::from_str(&text).map(|value: Value| read(Some(&value))) {
            Ok(Err(crate::chain::ReadError::Invalid(reason))) => {
                read(Some(&Value::String(text))).map_err(|error| match error {
                    crate::chain::ReadError::Invalid(_) => crate::chain::ReadError::Invalid(reason),
                    error => error,
                })
            }
            Ok(answer) => answer,
            Err(_) => read(Some(&Value::String(text))),
        }
    });
    Ok(Json(view.await?))
}

/// A public field's entries in the order of their keys, without proofs: each can be asked for by its key.
#[utoipa::path(get, path = "/v1/chains/{chain}/contracts/{contract}/fields/{field}/entries", operation_id = "fields_entries", tag = "contracts",
    params(("chain" = String, Path, description = "The chain's name"), ("contract" = String, Path, description = "Address, name, or department.name"),
        ("field" = String, Path, description = "A public field of the contract"), EntriesParameters),
    responses((status = 200, body = EntriesView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn entries(
    target: Target,
    Parameters(parameters): Parameters<EntriesParameters>,
) -> Result<Json<EntriesView>, Problem> {
    let (reference, field): (ContractRef, String) = (target.parameter("contract")?, target.parameter("field")?);
    let limit = parameters.limit.unwrap_or(20);
    if limit == 0 || limit > PAGE_MAX {
        return Err(Problem::invalid(format_args!("limit {limit}: 1 to {PAGE_MAX} are possible")));
    }
    let prefix = parameters.prefix.map(|text| serde_json::from_str::<Value>(&text)).transpose();
    let prefix = prefix.map_err(|error| Problem::invalid(format_args!("prefix: {error}")))?;
    let after = parameters.after.map(|text| from_hex(&text).ok_or("expected hexadecimal digits")).transpose();
    let after = after.map_err(|error| Problem::invalid(format_args!("after: {error}")))?;
    let page =
        target.chain.ask(move |chain| chain.list_entries(&reference, &field, prefix.as_ref(), after.as_deref(), limit));
    let page = page.await?;
    Ok(Json(EntriesView {
        height: page.height,
        entries: page.entries.into_iter().map(EntryView::new).collect(),
        next_after: page.next_after.as_deref().map(to_hex),
    }))
}

/// What the runtime has on record of a contract, with a proof: the `code` is the SHA-256 of what `/code` answers.
#[utoipa::path(get, path = "/v1/chains/{chain}/contracts/{contract}/record", operation_id = "contracts_record", tag = "contracts",
    params(("chain" = String, Path, description = "The chain's name"), ("contract" = String, Path, description = "Address, name, or department.name")),
    responses((status = 200, body = RecordView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem, description = "Nothing can be proven yet"),
        (status = 503, body = Problem)))]
pub(super) async fn record(target: Target) -> Result<Json<RecordView>, Problem> {
    let reference: ContractRef = target.parameter("contract")?;
    let view = target.chain.ask(move |chain| {
        let (ContractFound { address, record }, bundle) = chain.prove_record(&reference)?;
        Ok(RecordView {
            contract: address.to_string(),
            department: record.department.to_string(),
            name: record.name.to_string(),
            code: record.code.to_string(),
            revision: record.revision,
            height: record.height,
            slot: bundle.claim.state_key().map(to_hex).unwrap_or_default(),
            proof: to_hex(&codec::encode(&bundle)),
        })
    });
    Ok(Json(view.await?))
}

/// A beacon with a proof of its entry in the runtime's own state.
#[utoipa::path(get, path = "/v1/chains/{chain}/beacons/{height}/proof", operation_id = "beacons_proof", tag = "blocks",
    params(("chain" = String, Path, description = "The chain's name"), ("height" = u64, Path, description = "From 1")),
    responses((status = 200, body = ProvenBeaconView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem, description = "Nothing can be proven yet"), (status = 503, body = Problem)))]
pub(super) async fn beacon(target: Target) -> Result<Json<ProvenBeaconView>, Problem> {
    let height: u64 = target.parameter("height")?;
    let view = target.chain.ask(move |chain| {
        let (value, bundle) = chain.prove_beacon(height)?;
        Ok(ProvenBeaconView {
            height,
            value: value.to_string(),
            slot: bundle.claim.state_key().map(to_hex).unwrap_or_default(),
            proof: to_hex(&codec::encode(&bundle)),
        })
    });
    Ok(Json(view.await?))
}
