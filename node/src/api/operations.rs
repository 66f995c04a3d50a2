//! What operators and their machines ask: does it run, does it commit, and how it is doing.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use super::{Problem, Shared, views::ReadyView};
use crate::chain::Part;

/// The process runs.
#[utoipa::path(get, path = "/livez", operation_id = "livez", tag = "operations", responses((status = 200, body = String)))]
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// The node commits blocks and takes transactions; 503 names what does not.
#[utoipa::path(get, path = "/readyz", operation_id = "readyz", tag = "operations",
    responses((status = 200, body = ReadyView), (status = 503, body = Problem)))]
pub(super) async fn readyz(State(api): State<Shared>) -> Result<Json<ReadyView>, Problem> {
    let mut parts: Vec<Part> = api.chains.all().iter().map(|chain| chain.part()).collect();
    parts.insert(0, Part { name: "store".into(), problem: api.fatal.get() });
    let failing: Vec<String> = parts
        .iter()
        .filter_map(|part| part.problem.as_ref().map(|problem| format!("{}: {problem}", part.name)))
        .collect();
    if failing.is_empty() {
        let warnings = api.chains.all().iter().filter_map(|chain| chain.threshold_problem()).collect();
        let parts = parts.into_iter().map(|part| part.name).collect();
        Ok(Json(ReadyView { ready: true, parts, warnings }))
    } else {
        Err(Problem::new(503, "not_ready", failing.join("; ")))
    }
}

/// Figures for Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "operations",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
pub(super) async fn metrics(State(api): State<Shared>) -> Result<Response, Problem> {
    let text = tokio::task::spawn_blocking(move || {
        let sizes = api.database.sizes()?;
        api.metrics.database(sizes.tables_bytes, sizes.memory_bytes);
        api.chains.all().iter().for_each(|chain| chain.measure());
        api.metrics.encode().map_err(|error| Problem::new(500, "internal", error))
    });
    let text = text.await.map_err(|error| Problem::new(500, "internal", error))??;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}
