//! `/transactions`, `/simulate` and `/estimate`: handing transactions in, trying them out, and what became of them.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use chancery_abi::{Digest, codec};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Problem, WAIT_SECONDS_MAX,
    body::ScaleTransaction,
    contracts::word,
    target::{Parameters, Target, octets},
    views::{AcceptedView, EstimateView, OutcomeView, ReceiptView, TransactionView, receipt_view},
};
use crate::{
    chain::{Progress, ReadError, Submitted},
    pool::DropReason,
    trace_view::TraceView,
};

/// Whether to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wait {
    /// Seconds to wait for the transaction to be final, up to 60.
    wait: Option<u64>,
}

/// Hands in a transaction. The answer leaves only after its block is durable, where it is a receipt. The same
/// transaction may be handed in again; it is executed once.
#[utoipa::path(post, path = "/v1/chains/{chain}/transactions", operation_id = "transactions_submit", tag = "transactions",
    params(("chain" = String, Path, description = "The chain's name"), Wait),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "A Transaction in SCALE"),
    responses((status = 200, body = ReceiptView, description = "It is final"),
        (status = 202, body = AcceptedView, description = "It waits for a block"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 408, body = Problem),
        (status = 409, body = Problem), (status = 410, body = Problem, description = "It was dropped while it was waited for"),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn submit(
    target: Target,
    Parameters(Wait { wait }): Parameters<Wait>,
    ScaleTransaction(transaction): ScaleTransaction,
) -> Result<Response, Problem> {
    let wait = wait.unwrap_or(0);
    if wait > WAIT_SECONDS_MAX {
        return Err(Problem::invalid(format_args!("wait {wait}: at most {WAIT_SECONDS_MAX} seconds are possible")));
    }
    let chain = Arc::clone(&target.chain);
    let submitted = tokio::task::spawn_blocking(move || chain.submit(transaction)).await;
    let digest = match submitted.map_err(|error| Problem::new(500, "internal", error))?? {
        Submitted::Final(receipt) => return receipt_answer(&target, *receipt).await,
        Submitted::Waiting(digest) => digest,
    };
    if wait > 0 {
        match target.chain.wait_until_decided(&digest, Duration::from_secs(wait)).await? {
            Progress::Final(receipt) => return receipt_answer(&target, *receipt).await,
            Progress::Dropped(reason) => return Err(dropped(&digest, &reason)),
            Progress::Waiting | Progress::Unknown => {}
        }
    }
    let accepted = AcceptedView { transaction: digest.to_string() };
    Ok((StatusCode::ACCEPTED, Json(accepted)).into_response())
}

async fn receipt_answer(target: &Target, receipt: chancery_abi::Receipt) -> Result<Response, Problem> {
    let view = target.look_up(move |chain| Ok(receipt_view(chain, &receipt))).await?;
    Ok(Json(view).into_response())
}

fn dropped(digest: &Digest, reason: &DropReason) -> Problem {
    let detail = format!("transaction {digest} was dropped without being executed ({}): {reason}", reason.code());
    Problem::new(410, "transaction_dropped", detail)
}

/// Where a transaction stands.
#[utoipa::path(get, path = "/v1/chains/{chain}/transactions/{digest}", operation_id = "transactions_one", tag = "transactions",
    params(("chain" = String, Path, description = "The chain's name"), ("digest" = String, Path, description = "64 hexadecimal digits")),
    responses((status = 200, body = TransactionView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 410, body = Problem, description = "It was taken once and dropped unexecuted")))]
pub(super) async fn one(target: Target) -> Result<Json<TransactionView>, Problem> {
    let digest: Digest = target.parameter("digest")?;
    let progress = target.look_up(move |chain| {
        Ok(match chain.progress(&digest)? {
            Progress::Final(receipt) => Ok(Some(receipt_view(chain, &receipt))),
            Progress::Waiting => Ok(None),
            Progress::Dropped(reason) => Err(dropped(&digest, &reason)),
            Progress::Unknown => {
                return Err(ReadError::Unknown {
                    what: format!("transaction {digest}"),
                    code: "unknown_transaction",
                    chain: chain.ledger().rules().name().clone(),
                });
            }
        })
    });
    let receipt = progress.await??;
    let status = if receipt.is_some() { "final" } else { "pending" };
    Ok(Json(TransactionView { status, receipt }))
}

/// On whose word to prove.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ProofByParameters {
    /// `certificate`, which names who signed, or `attestation`, the short one by the threshold key; `certificate` without.
    by: Option<String>,
    /// For `attestation`: the newest threshold key of the reader's trust anchor, in hexadecimal; the one that signs now
    /// without.
    known: Option<String>,
}

/// A proof of what a transaction did: a ProofBundle in SCALE.
#[utoipa::path(get, path = "/v1/chains/{chain}/transactions/{digest}/proof", operation_id = "transactions_proof", tag = "transactions",
    params(("chain" = String, Path, description = "The chain's name"),
        ("digest" = String, Path, description = "64 hexadecimal digits"), ProofByParameters),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem, description = "It cannot be proven, or not yet")))]
pub(super) async fn proof(
    target: Target,
    Parameters(ProofByParameters { by, known }): Parameters<ProofByParameters>,
) -> Result<Response, Problem> {
    let digest: Digest = target.parameter("digest")?;
    let word = word(by.as_deref(), known.as_deref())?;
    let bundle = target.chain.ask(move |chain| chain.prove_receipt(&digest, word)).await?;
    Ok(octets(codec::encode(&bundle)))
}

/// What a final transaction did step by step: it is executed again on the state before its block, as long as the state
/// leads back there. One trace is made at a time.
#[utoipa::path(get, path = "/v1/chains/{chain}/transactions/{digest}/trace", operation_id = "transactions_trace", tag = "transactions",
    params(("chain" = String, Path, description = "The chain's name"), ("digest" = String, Path, description = "64 hexadecimal digits")),
    responses((status = 200, body = TraceView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem, description = "The state before it is gone"), (status = 503, body = Problem)))]
pub(super) async fn trace(target: Target) -> Result<Json<TraceView>, Problem> {
    let digest: Digest = target.parameter("digest")?;
    let view = target.chain.ask(move |chain| Ok(TraceView::of(&chain.trace(&digest)?)));
    Ok(Json(view.await?))
}

/// What a transaction would do as the only one of the next block. Neither its signatures nor its nonce are looked at,
/// and nothing changes.
#[utoipa::path(post, path = "/v1/chains/{chain}/simulate", operation_id = "transactions_simulate", tag = "transactions",
    params(("chain" = String, Path, description = "The chain's name")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "A Transaction in SCALE"),
    responses((status = 200, body = ReceiptView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 408, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 422, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn simulate(
    target: Target,
    ScaleTransaction(transaction): ScaleTransaction,
) -> Result<Json<ReceiptView>, Problem> {
    let view = target.chain.ask(move |chain| {
        let receipt = chain.simulate(transaction)?;
        Ok(receipt_view(chain, &receipt))
    });
    Ok(Json(view.await?))
}

/// The smallest gas limit with which a transaction does what it does with the most gas there is, as the only one of the
/// next block. Its signatures, its nonce and its own limit are not looked at. A little more than the answer is wise: the
/// state may change before its block.
#[utoipa::path(post, path = "/v1/chains/{chain}/estimate", operation_id = "transactions_estimate", tag = "transactions",
    params(("chain" = String, Path, description = "The chain's name")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "A Transaction in SCALE"),
    responses((status = 200, body = EstimateView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 408, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 422, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn estimate(
    target: Target,
    ScaleTransaction(transaction): ScaleTransaction,
) -> Result<Json<EstimateView>, Problem> {
    let view = target.chain.ask(move |chain| {
        let found = chain.estimate(transaction)?;
        let outcome = OutcomeView::new(chain, &found.outcome);
        Ok(EstimateView { gas_used: found.gas_used, gas_limit: found.gas_limit, outcome, height: found.height })
    });
    Ok(Json(view.await?))
}
