//! `/contracts`: finding, reading, querying and proving. `{contract}` is an address, a name, or `department.name`.

use axum::{Json, response::Response};
use chancery_abi::{Address, ExecutionRefusal, Ident, Outcome, codec, types::from_hex};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    PAGE_MAX, Problem, body,
    target::{Parameters, Target, octets},
    views::{ContractView, ContractsView, OutcomeView, QueryView},
};
use crate::{
    chain::{ContractRef, QueryRequest, Word},
    schema_json::{self, to_hex},
};

/// Which page of contracts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Only addresses after this one; from the first without.
    after: Option<String>,
    /// At most so many, up to 100; 20 without.
    limit: Option<usize>,
}

/// The contracts in the order of their addresses.
#[utoipa::path(get, path = "/v1/chains/{chain}/contracts", operation_id = "contracts_list", tag = "contracts",
    params(("chain" = String, Path, description = "The chain's name"), Page),
    responses((status = 200, body = ContractsView), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn list(target: Target, Parameters(page): Parameters<Page>) -> Result<Json<ContractsView>, Problem> {
    let limit = page.limit.unwrap_or(20);
    if limit == 0 || limit > PAGE_MAX {
        return Err(Problem::invalid(format_args!("limit {limit}: 1 to {PAGE_MAX} are possible")));
    }
    let after = page.after.map(|text| text.parse::<Address>()).transpose();
    let after = after.map_err(|error| Problem::invalid(format_args!("after: {error}")))?;
    let listed = target.look_up(move |chain| Ok(chain.list_contracts(after, limit)?)).await?;
    let last = listed.contracts.last().map(|found| found.address.to_string());
    Ok(Json(ContractsView {
        contracts: listed.contracts.iter().map(|found| ContractView::new(found, None)).collect(),
        next_after: last.filter(|_| listed.more),
    }))
}

/// A contract with its schema.
#[utoipa::path(get, path = "/v1/chains/{chain}/contracts/{contract}", operation_id = "contracts_one", tag = "contracts",
    params(("chain" = String, Path, description = "The chain's name"), ("contract" = String, Path, description = "Address, name, or department.name")),
    responses((status = 200, body = ContractView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Several departments have a contract of this name")))]
pub(super) async fn one(target: Target) -> Result<Json<ContractView>, Problem> {
    let reference: ContractRef = target.parameter("contract")?;
    let view = target.look_up(move |chain| {
        let found = chain.find_contract(&reference)?;
        let schema = chain.contract_schema(&found.record.code)?;
        Ok(ContractView::new(&found, Some(schema_json::document(&schema))))
    });
    Ok(Json(view.await?))
}

/// A contract's schema: the bytes of its Wasm section.
#[utoipa::path(get, path = "/v1/chains/{chain}/contracts/{contract}/schema", operation_id = "contracts_schema", tag = "contracts",
    params(("chain" = String, Path, description = "The chain's name"), ("contract" = String, Path, description = "Address, name, or department.name")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn schema(target: Target) -> Result<Response, Problem> {
    let reference: ContractRef = target.parameter("contract")?;
    let bytes = target.look_up(move |chain| {
        let found = chain.find_contract(&reference)?;
        Ok(chain.contract_schema_bytes(&found.record.code)?)
    });
    Ok(octets(bytes.await?))
}

/// A contract's source Wasm.
#[utoipa::path(get, path = "/v1/chains/{chain}/contracts/{contract}/code", operation_id = "contracts_code", tag = "contracts",
    params(("chain" = String, Path, description = "The chain's name"), ("contract" = String, Path, description = "Address, name, or department.name")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn code(target: Target) -> Result<Response, Problem> {
    let reference: ContractRef = target.parameter("contract")?;
    let bytes = target.look_up(move |chain| {
        let found = chain.find_contract(&reference)?;
        Ok(chain.contract_code(&found.record.code)?)
    });
    Ok(octets(bytes.await?))
}

/// A read-only call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryBody {
    /// One of the contract's query methods.
    method: String,
    /// Its arguments in SCALE, one after the other, in hexadecimal.
    #[serde(default)]
    input: String,
    /// The address the contract sees as its caller; nobody's signature stands for it.
    caller: Option<String>,
    /// The most gas it may use; this node's limit without.
    gas_limit: Option<u64>,
}

impl QueryBody {
    fn into_request(self, contract: ContractRef) -> Result<QueryRequest, Problem> {
        let invalid = |what: &str, error: &dyn std::fmt::Display| {
            Problem::new(422, "invalid_argument", format_args!("{what}: {error}"))
        };
        let method = Ident::new(self.method).map_err(|error| invalid("method", &error))?;
        let input = from_hex(&self.input).ok_or_else(|| invalid("input", &"expected hexadecimal digits"))?;
        let caller = self.caller.map(|text| text.parse()).transpose();
        let caller = caller.map_err(|error: chancery_abi::types::HexError| invalid("caller", &error))?;
        let limit = chancery_abi::limits::CALL_DATA_BYTES_MAX;
        if input.len() > limit {
            return Err(Problem::new(413, "too_large", format_args!("the input has more than {limit} bytes")));
        }
        Ok(QueryRequest { contract, method, input, caller, gas_limit: self.gas_limit })
    }
}

/// Calls one of a contract's query methods on the newest state.
#[utoipa::path(post, path = "/v1/chains/{chain}/contracts/{contract}/query", operation_id = "contracts_query", tag = "contracts",
    params(("chain" = String, Path, description = "The chain's name"), ("contract" = String, Path, description = "Address, name, or department.name")),
    request_body = QueryBody,
    responses((status = 200, body = QueryView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 408, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
        (status = 415, body = Problem), (status = 503, body = Problem),
        (status = 422, body = Problem, description = "Wrong arguments, or the contract refused or was stopped: see `outcome`")))]
pub(super) async fn query(
    target: Target,
    body::Json(request): body::Json<QueryBody>,
) -> Result<Json<QueryView>, Problem> {
    let request = request.into_request(target.parameter("contract")?)?;
    let answer = target.chain.ask(move |chain| {
        let answer = chain.query(request)?;
        let problem = query_problem(&answer.outcome).map(|(status, code)| {
            let outcome = OutcomeView::new(chain, &answer.outcome);
            let problem = Problem::new(status, code, &outcome.message);
            Problem { outcome: Some(Box::new(outcome)), ..problem }
        });
        Ok(problem.map_or(Ok(answer), Err))
    });
    let answer = answer.await??;
    let output = match &answer.outcome {
        Outcome::Done { output } => to_hex(output),
        _ => String::new(),
    };
    Ok(Json(QueryView { output, gas_used: answer.gas_used, height: answer.height }))
}

/// The status and code of a query that did not end well.
fn query_problem(outcome: &Outcome) -> Option<(u16, &'static str)> {
    match outcome {
        Outcome::Done { .. } => None,
        Outcome::Failed { .. } => Some((422, "contract_failed")),
        Outcome::Trapped { .. } => Some((422, "contract_trapped")),
        Outcome::Refused { reason } => {
            let unknown = matches!(reason, ExecutionRefusal::UnknownContract | ExecutionRefusal::UnknownMethod);
            Some((if unknown { 404 } else { 422 }, reason.code()))
        }
    }
}

/// On whose word a proof is asked for.
pub(super) fn word(by: Option<&str>, known: Option<&str>) -> Result<Word, Problem> {
    match (by, known) {
        (None | Some("certificate"), None) => Ok(Word::Certificate),
        (Some("attestation"), None) => Ok(Word::Attestation { known: None }),
        (Some("attestation"), Some(known)) => {
            let key = from_hex(known).and_then(|key| key.try_into().ok());
            let key = key.ok_or_else(|| Problem::invalid("known: expected a threshold key, 192 hexadecimal digits"))?;
            Ok(Word::Attestation { known: Some(key) })
        }
        (None | Some("certificate"), Some(_)) => Err(Problem::invalid("known: only with by=attestation")),
        (Some(_), _) => Err(Problem::invalid("by: expected `certificate` or `attestation`")),
    }
}

/// What to prove.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ProofParameters {
    /// The slot key, in hexadecimal.
    key: String,
    /// As of which height; the newest without.
    height: Option<u64>,
    /// `certificate`, which names who signed, or `attestation`, the short one by the threshold key; `certificate` without.
    by: Option<String>,
    /// For `attestation`: the newest threshold key of the reader's trust anchor, in hexadecimal; the one that signs now
    /// without.
    known: Option<String>,
}

/// A proof of an entry of a contract's state, or that there is none: a ProofBundle in SCALE. The address of the
/// runtime's own entries works too.
#[utoipa::path(get, path = "/v1/chains/{chain}/contracts/{contract}/proof", operation_id = "contracts_proof", tag = "contracts",
    params(("chain" = String, Path, description = "The chain's name"),
        ("contract" = String, Path, description = "Address, name, or department.name"), ProofParameters),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem, description = "The height cannot be proven"), (status = 503, body = Problem)))]
pub(super) async fn proof(
    target: Target,
    Parameters(ProofParameters { key, height, by, known }): Parameters<ProofParameters>,
) -> Result<Response, Problem> {
    let reference: ContractRef = target.parameter("contract")?;
    let key = from_hex(&key).ok_or_else(|| Problem::invalid("key: expected hexadecimal digits"))?;
    let word = word(by.as_deref(), known.as_deref())?;
    let bundle = target.chain.ask(move |chain| chain.prove_state(&reference, &key, height, word)).await?;
    Ok(octets(codec::encode(&bundle)))
}
