//! The portal: what citizens see of the chains, as pages that this node renders, in English and Chinese.
//!
//! Invariants: every page can be read without script, and what checks needs one; nothing is loaded from another host;
//! no page holds script or style of its own (`dress` forbids it to browsers, a test to us); what chains and visitors
//! say is escaped; trouble is a page too. Contracts are read through their public fields, as JSON by their own schemas.
//!
//! What is deliberately absent: sessions, cookies, and anything that is kept about who asks.

mod assets;
mod chart;
mod check;
mod dress;
mod explorer;
mod home;
mod html;
mod lang;
mod lottery;
mod page;
mod period;
pub(crate) mod qr;
mod registry;
mod service;
#[cfg(test)]
mod tests;
mod trouble;
mod trust;
mod values;
mod visit;
mod waste;

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, any, get},
};

pub use self::service::ContractAt;
use self::{assets::Assets, lang::Lang, trouble::Trouble};
use crate::api::{Api, Guard, OPEN};

type Shared = Arc<Api>;

/// What one node decides about its portal.
#[derive(Clone, Debug)]
pub struct PortalConfig {
    /// Whether there is one.
    pub enabled: bool,
    /// What it is called.
    pub name: String,
    /// The contract whose records documents are checked against.
    pub evidence: ContractAt,
    /// The licence-plate lottery.
    pub lottery: ContractAt,
    /// The waste sorting.
    pub waste: ContractAt,
    /// Where the trust anchor's fingerprint is published besides.
    pub anchor_published: Vec<String>,
}

/// The portal's part of a node.
pub struct Portal {
    pub(crate) config: PortalConfig,
    assets: Assets,
}

impl Portal {
    /// A portal with its files packed.
    pub fn new(config: PortalConfig) -> Self {
        Self { config, assets: Assets::prepare() }
    }
}

/// The portal's routes.
pub(crate) fn router(api: &Shared, guard: &Arc<Guard>) -> Router<Shared> {
    let mut router = Router::new();
    for (label, handlers) in pages() {
        for lang in Lang::ALL {
            let path = label.replace("{lang}", lang.code());
            router = router.route(&path, observed(guard, label, handlers.clone()));
        }
    }
    for lang in Lang::ALL {
        let code = lang.code();
        let bare = get(move || async move { moved(&format!("/{code}/")) });
        router = router.route(&format!("/{code}"), observed(guard, "/{lang}", bare));
        // Whatever the method: a path that leads nowhere has none that would be right.
        let other = guard.before("/{lang}/{*rest}", OPEN, any(no_page));
        router = router.route(&format!("/{code}/{{*rest}}"), other);
    }
    let files = [
        ("/", get(to_language)),
        ("/assets/{file}", get(assets::serve)),
        ("/offline.html", get(assets::offline)),
        ("/favicon.ico", get(|| async { moved("/assets/favicon.svg") })),
    ];
    for (path, handlers) in files {
        router = router.route(path, observed(guard, path, handlers));
    }
    router.layer(middleware::from_fn_with_state(Arc::clone(api), dress::dress))
}

/// The pages, by paths in which `{lang}` stands for a language.
fn pages() -> Vec<(&'static str, MethodRouter<Shared>)> {
    vec![
        ("/{lang}/", get(home::show)),
        ("/{lang}/check", get(check::show)),
        ("/{lang}/lottery", get(lottery::show)),
        ("/{lang}/lottery/{period}", get(period::show)),
        ("/{lang}/waste", get(waste::show)),
        ("/{lang}/trust", get(trust::show)),
        ("/{lang}/explorer", get(explorer::chains::show)),
        ("/{lang}/explorer/{chain}", get(explorer::chain::show)),
        ("/{lang}/explorer/{chain}/blocks/{height}", get(explorer::block::show)),
        ("/{lang}/explorer/{chain}/transactions/{digest}", get(explorer::transaction::show)),
        ("/{lang}/explorer/{chain}/contracts", get(explorer::contracts::show)),
        ("/{lang}/explorer/{chain}/contracts/{contract}", get(explorer::contract::show)),
        ("/{lang}/explorer/{chain}/lanes", get(explorer::lanes::show)),
        ("/{lang}/explorer/{chain}/nodes", get(explorer::nodes::show)),
    ]
}

/// Handlers that are counted and bounded in time as the API's are, by their declared path.
fn observed(guard: &Arc<Guard>, label: &'static str, handlers: MethodRouter<Shared>) -> MethodRouter<Shared> {
    guard.before(label, OPEN, handlers.fallback(wrong_method))
}

/// `/`: to the language that the browser asks for.
async fn to_language(headers: HeaderMap) -> Response {
    let mut response = moved(&format!("/{}/", Lang::asked(&headers).code()));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Language"));
    response
}

async fn no_page() -> Trouble {
    Trouble::no_page()
}

async fn wrong_method() -> Trouble {
    Trouble::new(StatusCode::METHOD_NOT_ALLOWED, "method", "")
}

/// What is asked for is at another path, for now.
fn moved(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(path) => (StatusCode::FOUND, [(header::LOCATION, path)]).into_response(),
        Err(_) => Trouble::no_page().into_response(),
    }
}
