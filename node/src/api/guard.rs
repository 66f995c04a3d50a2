//! What stands before every handler: who may ask, and how often; how long an answer may take; and the figures of both.
//!
//! Each route has a [`Class`], which is declared where the routes are listed. Whoever brings a client certificate of this
//! node's authority may ask for everything and is not limited.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::Request,
    http::HeaderMap,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
};

use super::{
    ANSWER_TIMEOUT, ApiConfig, Problem,
    limits::{Cost, Limiter},
};
use crate::metrics::Metrics;

/// Who asks, as far as the connection tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Where the connection comes from.
    pub(super) address: IpAddr,
    /// Whether it brought a certificate of this node's authority for clients.
    pub(super) certified: bool,
}

impl Default for Peer {
    /// Somebody of whom nothing is known.
    fn default() -> Self {
        Self { address: Ipv4Addr::UNSPECIFIED.into(), certified: false }
    }
}

/// Who may ask for something, where this node has an authority for client certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody.
    Open,
    /// Who brings a client certificate.
    Certified,
    /// As the node is configured.
    Submission,
}

/// What a route is: who may ask, and what an answer costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    pub(super) access: Access,
    pub(super) cost: Cost,
}

/// Public, and little work.
pub(crate) const OPEN: Class = Class { access: Access::Open, cost: Cost::Cheap };
/// Public, and much work.
pub(super) const DEAR: Class = Class { access: Access::Open, cost: Cost::Dear };
/// For the node's operators and for other nodes.
pub(super) const INNER: Class = Class { access: Access::Certified, cost: Cost::Cheap };
/// The same, and much work.
pub(super) const INNER_DEAR: Class = Class { access: Access::Certified, cost: Cost::Dear };
/// Handing transactions in.
pub(super) const SUBMIT: Class = Class { access: Access::Submission, cost: Cost::Cheap };
/// Trying transactions out.
pub(super) const SUBMIT_DEAR: Class = Class { access: Access::Submission, cost: Cost::Dear };

/// See the module's documentation.
pub(crate) struct Guard {
    metrics: Arc<Metrics>,
    limiter: Option<Limiter>,
    limit_loopback: bool,
    trusted_proxies: Vec<IpAddr>,
    /// Whether there is an authority for client certificates.
    certificates: bool,
    submit_needs_certificate: bool,
}

impl Guard {
    pub(super) fn new(config: &ApiConfig, metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            limiter: Limiter::new(&config.limits),
            limit_loopback: config.limits.limit_loopback,
            trusted_proxies: config.trusted_proxies.iter().map(IpAddr::to_canonical).collect(),
            certificates: config.tls.as_ref().is_some_and(|files| files.client_ca.is_some()),
            submit_needs_certificate: config.submit_needs_certificate,
        }
    }

    /// `handlers` of the declared path `route` behind this guard.
    pub(crate) fn before<S: Clone + Send + Sync + 'static>(
        self: &Arc<Self>,
        route: &'static str,
        class: Class,
        handlers: MethodRouter<S>,
    ) -> MethodRouter<S> {
        let guard = Arc::clone(self);
        handlers.layer(middleware::from_fn(move |request: Request, next: Next| {
            let guard = Arc::clone(&guard);
            async move { guard.answer(route, class, request, next).await }
        }))
    }

    /// Answers a request, refused or not, and counts it by its declared route.
    async fn answer(&self, route: &'static str, class: Class, request: Request, next: Next) -> Response {
        let began = Instant::now();
        let response = match self.admit(class, &request) {
            Err(problem) => {
                self.metrics.request_refused(route, &problem.code);
                problem.into_response()
            }
            Ok(()) => match tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await {
                Ok(response) => response,
                Err(_) => Problem::new(503, "timeout", "the answer took too long").into_response(),
            },
        };
        self.metrics.request(route, response.status().as_u16(), began.elapsed());
        response
    }

    fn admit(&self, class: Class, request: &Request) -> Result<(), Problem> {
        let peer = request.extensions().get::<Peer>().copied().unwrap_or_default();
        if peer.certified {
            return Ok(());
        }
        let closed = match class.access {
            Access::Open => false,
            Access::Certified => self.certificates,
            Access::Submission => self.certificates && self.submit_needs_certificate,
        };
        if closed {
            let detail = "this is not public here: connect with a client certificate of this node's authority";
            return Err(Problem::new(403, "certificate_required", detail));
        }
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let Some(client) = self.limited_client(peer.address, request.headers()) else { return Ok(()) };
        limiter.take(client, class.cost).map_err(|wait| {
            let seconds = whole_seconds(wait);
            let detail = format!("too many requests from {client}; ask again in {seconds} s");
            Problem::new(429, "rate_limited", detail).retry_after(seconds)
        })
    }

    /// The address whose bucket a request takes from; none when it is not limited.
    fn limited_client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if self.trusted_proxies.contains(&peer)
            && let Some(client) = self.forwarded_for(headers)
        {
            return Some(client);
        }
        (self.limit_loopback || !peer.is_loopback()).then_some(peer)
    }

    /// Whom trusted proxies say they ask for. Each adds at the end whom it heard from, so what stands there is believed,
    /// and before it only what another trusted proxy has added.
    fn forwarded_for(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        let mut client = None;
        for hop in hops {
            let Some(address) = address_of(hop.trim()) else { break };
            client = Some(address);
            if !self.trusted_proxies.contains(&address) {
                break;
            }
        }
        client
    }
}

/// An address, which some proxies write with a port.
fn address_of(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse().ok().map(|socket: std::net::SocketAddr| socket.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn guard(trusted: &[&str]) -> Guard {
        let address = |text: &&str| text.parse().expect("an address");
        Guard {
            metrics: Arc::new(Metrics::new()),
            limiter: None,
            limit_loopback: false,
            trusted_proxies: trusted.iter().map(address).collect(),
            certificates: false,
            submit_needs_certificate: false,
        }
    }

    #[test]
    fn only_what_trusted_proxies_added_is_believed() {
        let guard = guard(&["127.0.0.1", "10.0.0.2"]);
        let client = |peer: &str, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append("x-forwarded-for", HeaderValue::from_str(line).expect("a value"));
            }
            guard.limited_client(peer.parse().expect("an address"), &headers).map(|address| address.to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(client("127.0.0.1", &["203.0.113.9"]), some("203.0.113.9"));
        assert_eq!(client("127.0.0.1", &["1.1.1.1, 203.0.113.9"]), some("203.0.113.9"), "the client's own word");
        assert_eq!(client("127.0.0.1", &["1.1.1.1", "203.0.113.9, 10.0.0.2"]), some("203.0.113.9"), "two proxies");
        assert_eq!(client("127.0.0.1", &["1.1.1.1, nonsense"]), None, "nothing that could be believed");
        assert_eq!(client("127.0.0.1", &["[2001:db8::1]:443"]), some("2001:db8::1"));
        assert_eq!(client("127.0.0.1", &["127.0.0.1"]), some("127.0.0.1"), "who comes through a proxy is limited");
        assert_eq!(client("198.51.100.7", &["203.0.113.9"]), some("198.51.100.7"), "nobody trusts this one");
        assert_eq!(client("127.0.0.1", &[]), None);
        assert_eq!(client("::ffff:127.0.0.1", &[]), None);
    }

    #[test]
    fn waiting_is_told_in_whole_seconds_and_never_as_none() {
        let told = [0, 1, 999, 1_000, 1_001].map(|ms| whole_seconds(Duration::from_millis(ms)));
        assert_eq!(told, [1, 1, 1, 1, 2]);
    }
}
