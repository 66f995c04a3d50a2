//! The OpenAPI document, made from the handlers and types themselves.

use axum::Json;
use utoipa::OpenApi;

use super::{
    Problem, accounts, beacons, blocks, chains, contracts, fields, neighbours, operations, snapshots, stream,
    transactions,
};

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
    components(schemas(Problem))
)]
struct Document;

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", tag = "operations", responses((status = 200, body = Object)))]
pub(super) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
