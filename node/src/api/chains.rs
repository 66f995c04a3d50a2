//! `/v1/chains`: which chains there are, and what identifies each.

use std::sync::Arc;

use axum::{Json, extract::State, response::Response};
use chancery_abi::{TrustAnchor, codec};

use super::{
    Problem, Shared,
    target::{Target, octets},
    views::{ChainView, ConsensusView, PoolView, StatusView, ThresholdView},
};
use crate::chain::{ChainService, now_ms};

/// The chains of this node.
#[utoipa::path(get, path = "/v1/chains", operation_id = "chains_list", tag = "chains", responses((status = 200, body = Vec<ChainView>)))]
pub(super) async fn list(State(api): State<Shared>) -> Json<Vec<ChainView>> {
    let view = |chain: &Arc<ChainService>| ChainView {
        name: chain.ledger().rules().name().to_string(),
        genesis: chain.ledger().rules().digest().to_string(),
    };
    Json(api.chains.all().iter().map(view).collect())
}

/// A chain's newest block and what waits.
#[utoipa::path(get, path = "/v1/chains/{chain}", operation_id = "chains_status", tag = "chains",
    params(("chain" = String, Path, description = "The chain's name")),
    responses((status = 200, body = StatusView), (status = 404, body = Problem)))]
pub(super) async fn status(target: Target) -> Result<Json<StatusView>, Problem> {
    let status = target.look_up(ChainService::status).await?;
    let rules = target.chain.ledger().rules();
    Ok(Json(StatusView {
        name: rules.name().to_string(),
        genesis: rules.digest().to_string(),
        height: status.height,
        header: status.header.to_string(),
        state_root: status.state_root.to_string(),
        timestamp_ms: status.timestamp_ms,
        pool: PoolView { transactions: status.pool_count, bytes: status.pool_bytes },
        consensus: target.chain.participation().map(|view| {
            ConsensusView::new(&view, target.chain.ledger().terms().present().committee.quorum(), now_ms())
        }),
        threshold: status.threshold.as_ref().and_then(|board| {
            let group = board.group.as_ref()?;
            Some(ThresholdView::new(group, board, status.attested_height))
        }),
        halted: target.chain.halted().map(ToString::to_string),
    }))
}

/// The genesis, in SCALE.
#[utoipa::path(get, path = "/v1/chains/{chain}/genesis", operation_id = "chains_genesis", tag = "chains",
    params(("chain" = String, Path, description = "The chain's name")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
pub(super) async fn genesis(target: Target) -> Response {
    octets(codec::encode(target.chain.ledger().rules().genesis()))
}

/// The trust anchor, in SCALE: of a sidechain, its mainchain's. A verifier should get it from a source it trusts more than one node's word.
#[utoipa::path(get, path = "/v1/chains/{chain}/anchor", operation_id = "chains_anchor", tag = "chains",
    params(("chain" = String, Path, description = "The chain's name")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
pub(super) async fn anchor(target: Target) -> Response {
    // What a sidechain says is proven by its mainchain.
    let chain = target.chain.mainchain().unwrap_or(&target.chain);
    octets(codec::encode(&TrustAnchor::of_genesis(chain.ledger().rules().genesis())))
}
