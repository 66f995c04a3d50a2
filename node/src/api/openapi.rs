//! The OpenAPI document, made from the handlers and types themselves, and from the list of routes ([`answers`]).

use axum::Json;
use utoipa::OpenApi;

use super::{
    Problem, accounts, answers, beacons, blocks, chains, contracts, events, fields, neighbours, operations, snapshots,
    stream, transactions,
};
use crate::trace_view::CallView;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chancery node",
        description = "A blockchain for government services. Bytes in JSON are lower-case hexadecimal without a prefix; \
            errors are problem documents (RFC 9457) with a stable `code`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        operations::livez,
        operations::readyz,
        operations::metrics,
        serve,
        chains::list,
        chains::status,
        chains::genesis,
        chains::anchor,
        blocks::list,
        blocks::one,
        beacons::one,
        transactions::submit,
        transactions::one,
        transactions::proof,
        transactions::trace,
        transactions::simulate,
        transactions::estimate,
        events::list,
        accounts::one,
        contracts::list,
        contracts::one,
        contracts::schema,
        contracts::code,
        contracts::query,
        contracts::proof,
        fields::record,
        fields::list,
        fields::one,
        fields::entries,
        fields::beacon,
        neighbours::sidechains,
        neighbours::lanes,
        neighbours::messages,
        neighbours::presented,
        snapshots::list,
        snapshots::manifest,
        snapshots::chunk,
        stream::follow,
    ),
    // `CallView` holds itself, so it is not found by itself.
    components(schemas(Problem, CallView))
)]
struct Document;

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    answers::complete(&mut document);
    document
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", tag = "operations", responses((status = 200, body = Object)))]
pub(super) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
