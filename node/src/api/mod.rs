//! The HTTP API, under `/v1/chains/{chain}`, with its OpenAPI document at `/openapi.json`.
//!
//! Every answer that is not what was asked for is a problem document with a stable `code` ([`Problem`]), those of the
//! HTTP layer included. Everything a client can make large or slow has a limit: connections, headers and bodies in size
//! and time, pages, streams, questions at once. Numbers that name bytes are lower-case hexadecimal without a prefix.
//!
//! What is deliberately absent: TLS and accounts of the API's own. It listens on loopback unless told otherwise, and
//! whoever opens it further puts a proxy in front.

mod accounts;
mod beacons;
mod blocks;
mod body;
mod chains;
mod contracts;
mod fields;
mod neighbours;
mod openapi;
mod operations;
mod problem;
mod server;
mod snapshots;
mod stream;
mod target;
mod transactions;
mod views;
mod write_timeout;

#[cfg(test)]
pub(crate) mod test_node;
#[cfg(test)]
mod tests;

pub use self::{
    openapi::document,
    problem::Problem,
    server::{ApiServer, ServeError},
    views::{EventView, OutcomeView, ReceiptView, receipt_view},
};

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get, post},
};
use tokio::sync::{Semaphore, watch};

use crate::{
    chain::{ChainSet, FatalSignal},
    metrics::Metrics,
    portal::{self, Portal},
    store::DiskDb,
};

/// The longest that `?wait=` may ask for.
const WAIT_SECONDS_MAX: u64 = 60;
/// The longest that any answer may take, streams' bodies apart.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(WAIT_SECONDS_MAX + 15);
/// Entries of a page.
const PAGE_MAX: usize = 100;

/// What one node decides about its API.
#[derive(Clone, Copy, Debug)]
pub struct ApiConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Connections at once.
    pub connections_max: usize,
    /// Event streams at once, of those connections.
    pub streams_max: usize,
    /// How long a client may take to send a header, and then a body, and to take a piece of an answer.
    pub read_timeout: Duration,
}

/// What the handlers share.
pub struct Api {
    pub(crate) config: ApiConfig,
    pub(crate) chains: ChainSet,
    pub(crate) database: Arc<DiskDb>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) fatal: FatalSignal,
    pub(crate) streams: Arc<Semaphore>,
    /// The pages, which are served beside the API.
    pub(crate) portal: Portal,
    /// Turns true when the node stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

type Shared = Arc<Api>;

/// All routes.
pub fn router(api: Shared) -> Router {
    let mut router = Router::new();
    for (path, handlers) in routes() {
        let metrics = Arc::clone(&api.metrics);
        let observed =
            middleware::from_fn(move |request: Request, next: Next| observe(Arc::clone(&metrics), path, request, next));
        let handlers: MethodRouter<Shared> = handlers.fallback(problem::method_not_allowed);
        router = router.route(path, handlers.layer(observed));
    }
    if api.portal.config.enabled {
        router = router.merge(portal::router(&api));
    }
    router.fallback(problem::no_such_route).with_state(api)
}

fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    vec![
        ("/livez", get(operations::livez)),
        ("/readyz", get(operations::readyz)),
        ("/metrics", get(operations::metrics)),
        ("/openapi.json", get(openapi::serve)),
        ("/v1/chains", get(chains::list)),
        ("/v1/chains/{chain}", get(chains::status)),
        ("/v1/chains/{chain}/genesis", get(chains::genesis)),
        ("/v1/chains/{chain}/anchor", get(chains::anchor)),
        ("/v1/chains/{chain}/blocks", get(blocks::list)),
        ("/v1/chains/{chain}/blocks/{height}", get(blocks::one)),
        ("/v1/chains/{chain}/beacons/{height}", get(beacons::one)),
        ("/v1/chains/{chain}/beacons/{height}/proof", get(fields::beacon)),
        ("/v1/chains/{chain}/transactions", post(transactions::submit)),
        ("/v1/chains/{chain}/transactions/{digest}", get(transactions::one)),
        ("/v1/chains/{chain}/transactions/{digest}/proof", get(transactions::proof)),
        ("/v1/chains/{chain}/transactions/{digest}/trace", get(transactions::trace)),
        ("/v1/chains/{chain}/simulate", post(transactions::simulate)),
        ("/v1/chains/{chain}/accounts/{address}", get(accounts::one)),
        ("/v1/chains/{chain}/contracts", get(contracts::list)),
        ("/v1/chains/{chain}/contracts/{contract}", get(contracts::one)),
        ("/v1/chains/{chain}/contracts/{contract}/schema", get(contracts::schema)),
        ("/v1/chains/{chain}/contracts/{contract}/code", get(contracts::code)),
        ("/v1/chains/{chain}/contracts/{contract}/query", post(contracts::query)),
        ("/v1/chains/{chain}/contracts/{contract}/proof", get(contracts::proof)),
        ("/v1/chains/{chain}/contracts/{contract}/record", get(fields::record)),
        ("/v1/chains/{chain}/contracts/{contract}/fields", get(fields::list)),
        ("/v1/chains/{chain}/contracts/{contract}/fields/{field}", get(fields::one)),
        ("/v1/chains/{chain}/contracts/{contract}/fields/{field}/entries", get(fields::entries)),
        ("/v1/chains/{chain}/sidechains", get(neighbours::sidechains)),
        ("/v1/chains/{chain}/presented", get(neighbours::presented)),
        ("/v1/chains/{chain}/lanes", get(neighbours::lanes)),
        ("/v1/chains/{chain}/lanes/{other}", get(neighbours::messages)),
        ("/v1/chains/{chain}/snapshots", get(snapshots::list)),
        ("/v1/chains/{chain}/snapshots/{height}/manifest", get(snapshots::manifest)),
        ("/v1/chains/{chain}/snapshots/{height}/chunks/{number}", get(snapshots::chunk)),
        ("/v1/chains/{chain}/stream", get(stream::follow)),
    ]
}

/// Counts a request by its declared route, and bounds how long its answer may take.
pub(crate) async fn observe(metrics: Arc<Metrics>, route: &'static str, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let response = match tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(503, "timeout", "the answer took too long").into_response(),
    };
    metrics.request(route, response.status().as_u16(), began.elapsed());
    response
}

/// Waits until the node stops.
async fn until_stopped(stopping: &mut watch::Receiver<bool>) {
    // A sender that is gone is a node that is gone.
    drop(stopping.wait_for(|stopping| *stopping).await);
}
