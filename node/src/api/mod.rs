//! The HTTP API, under `/v1/chains/{chain}`, with its OpenAPI document at `/openapi.json`.
//!
//! Every answer that is not what was asked for is a problem document with a stable `code` ([`Problem`]), those of the
//! HTTP layer included. Everything a client can make large or slow has a limit: connections, headers and bodies in size
//! and time, pages, streams, questions at once, what one client may ask for. Numbers that name bytes are lower-case
//! hexadecimal without a prefix.
//!
//! It listens on loopback unless told otherwise, and speaks TLS once it has a certificate. Most of it is public; the rest
//! is for those who bring a client certificate, where the node has an authority for them. What a route is in this respect
//! stands with it in the list of routes.
//!
//! What is deliberately absent: accounts of the API's own and cookies.

mod accounts;
mod answers;
mod beacons;
mod blocks;
mod body;
mod chains;
mod contracts;
mod cors;
mod events;
mod fields;
mod guard;
mod limits;
mod neighbours;
mod openapi;
mod operations;
mod place;
mod problem;
mod server;
mod snapshots;
mod stream;
mod target;
mod tls;
mod transactions;
mod views;
mod write_timeout;

#[cfg(test)]
pub(crate) mod test_node;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_at_the_door;
#[cfg(test)]
mod tests_of_restored;

pub(crate) use self::{
    cors::origin,
    guard::{Guard, OPEN},
    limits::BURST_MIN,
};
pub use self::{
    limits::Limits,
    openapi::document,
    problem::Problem,
    server::{ApiServer, ServeError},
    tls::TlsFiles,
    views::{EventView, OutcomeView, ReceiptView, receipt_view},
};

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::HeaderValue,
    middleware::{self, Next},
    routing::{MethodRouter, any, get, post},
};
use tokio::sync::{Semaphore, watch};

use self::guard::{Class, DEAR, INNER, INNER_DEAR, SUBMIT, SUBMIT_DEAR};
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
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Connections at once.
    pub connections_max: usize,
    /// Event streams at once, of those connections.
    pub streams_max: usize,
    /// How long a client may take to send a header, and then a body, and to take a piece of an answer.
    pub read_timeout: Duration,
    /// With these it speaks TLS.
    pub tls: Option<TlsFiles>,
    /// Whether transactions are taken only from those who bring a client certificate.
    pub submit_needs_certificate: bool,
    /// How much one client may ask for.
    pub limits: Limits,
    /// Proxies that are believed when they say whom they ask for.
    pub trusted_proxies: Vec<IpAddr>,
    /// Sites whose pages may read the answers.
    pub allowed_origins: Vec<HeaderValue>,
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
    let guard = Arc::new(Guard::new(&api.config, Arc::clone(&api.metrics)));
    let mut router = Router::new();
    for (path, class, handlers) in routes() {
        let handlers: MethodRouter<Shared> = handlers.fallback(problem::method_not_allowed);
        router = router.route(path, guard.before(path, class, handlers));
    }
    if api.portal.config.enabled {
        router = router.merge(portal::router(&api, &guard));
    }
    let elsewhere: MethodRouter = any(problem::no_such_route);
    let router = router.fallback_service(guard.before("elsewhere", OPEN, elsewhere));
    let origins: Arc<[HeaderValue]> = api.config.allowed_origins.clone().into();
    let router = router.with_state(api);
    if origins.is_empty() {
        return router;
    }
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        cors::share(Arc::clone(&origins), request, next)
    }))
}

/// Each path with who may ask for it and what that costs, and with its handlers.
fn routes() -> Vec<(&'static str, Class, MethodRouter<Shared>)> {
    vec![
        ("/livez", OPEN, get(operations::livez)),
        ("/readyz", INNER, get(operations::readyz)),
        ("/metrics", INNER, get(operations::metrics)),
        ("/openapi.json", OPEN, get(openapi::serve)),
        ("/v1/chains", OPEN, get(chains::list)),
        ("/v1/chains/{chain}", OPEN, get(chains::status)),
        ("/v1/chains/{chain}/genesis", OPEN, get(chains::genesis)),
        ("/v1/chains/{chain}/anchor", OPEN, get(chains::anchor)),
        ("/v1/chains/{chain}/blocks", OPEN, get(blocks::list)),
        ("/v1/chains/{chain}/blocks/{height}", OPEN, get(blocks::one)),
        ("/v1/chains/{chain}/beacons/{height}", OPEN, get(beacons::one)),
        ("/v1/chains/{chain}/beacons/{height}/proof", DEAR, get(fields::beacon)),
        ("/v1/chains/{chain}/transactions", SUBMIT, post(transactions::submit)),
        ("/v1/chains/{chain}/transactions/{digest}", OPEN, get(transactions::one)),
        ("/v1/chains/{chain}/transactions/{digest}/proof", DEAR, get(transactions::proof)),
        ("/v1/chains/{chain}/transactions/{digest}/trace", INNER_DEAR, get(transactions::trace)),
        ("/v1/chains/{chain}/simulate", SUBMIT_DEAR, post(transactions::simulate)),
        ("/v1/chains/{chain}/estimate", SUBMIT_DEAR, post(transactions::estimate)),
        ("/v1/chains/{chain}/events", DEAR, get(events::list)),
        ("/v1/chains/{chain}/accounts/{address}", OPEN, get(accounts::one)),
        ("/v1/chains/{chain}/contracts", OPEN, get(contracts::list)),
        ("/v1/chains/{chain}/contracts/{contract}", OPEN, get(contracts::one)),
        ("/v1/chains/{chain}/contracts/{contract}/schema", OPEN, get(contracts::schema)),
        ("/v1/chains/{chain}/contracts/{contract}/code", DEAR, get(contracts::code)),
        ("/v1/chains/{chain}/contracts/{contract}/query", DEAR, post(contracts::query)),
        ("/v1/chains/{chain}/contracts/{contract}/proof", DEAR, get(contracts::proof)),
        ("/v1/chains/{chain}/contracts/{contract}/record", DEAR, get(fields::record)),
        ("/v1/chains/{chain}/contracts/{contract}/fields", OPEN, get(fields::list)),
        ("/v1/chains/{chain}/contracts/{contract}/fields/{field}", DEAR, get(fields::one)),
        ("/v1/chains/{chain}/contracts/{contract}/fields/{field}/entries", DEAR, get(fields::entries)),
        ("/v1/chains/{chain}/sidechains", OPEN, get(neighbours::sidechains)),
        ("/v1/chains/{chain}/presented", DEAR, get(neighbours::presented)),
        ("/v1/chains/{chain}/lanes", OPEN, get(neighbours::lanes)),
        ("/v1/chains/{chain}/lanes/{other}", OPEN, get(neighbours::messages)),
        ("/v1/chains/{chain}/snapshots", INNER, get(snapshots::list)),
        ("/v1/chains/{chain}/snapshots/{height}/manifest", INNER, get(snapshots::manifest)),
        ("/v1/chains/{chain}/snapshots/{height}/chunks/{number}", INNER, get(snapshots::chunk)),
        ("/v1/chains/{chain}/stream", OPEN, get(stream::follow)),
    ]
}

/// Waits until the node stops.
async fn until_stopped(stopping: &mut watch::Receiver<bool>) {
    // A sender that is gone is a node that is gone.
    drop(stopping.wait_for(|stopping| *stopping).await);
}
