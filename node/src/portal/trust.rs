//! The trust anchor: its fingerprint, where else it is published, and how it is compared. A node cannot vouch for itself,
//! so this page says how to do without its word.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;
use chancery_abi::{TrustAnchor, codec};

use super::{
    html::{Data, Html, Table},
    page::Page,
    qr,
    registry::Registry,
    trouble::Trouble,
    visit::{Visit, look_up},
};
use crate::{anchor, chain::ChainService, schema_json::to_hex};

#[derive(Template)]
#[template(path = "trust.html")]
struct Trust {
    page: Page,
    /// In eight groups; empty while the node has no mainchain.
    fingerprint: String,
    fingerprint_qr: Option<String>,
    anchor_qr: Option<String>,
    anchor_bytes: usize,
    data: Html,
    committee: Html,
    published: Vec<Html>,
    offline_sha256: Option<String>,
}

/// The fingerprint of a mainchain's anchor, in groups.
pub(super) fn fingerprint_of(mainchain: &Arc<ChainService>) -> String {
    let anchor = TrustAnchor::of_genesis(mainchain.ledger().rules().genesis());
    anchor::grouped(&anchor::fingerprint(&anchor))
}

/// `/{lang}/trust`.
pub(super) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let mainchain = visit.mainchain().ok_or_else(|| Trouble::not_ready("the node is stopping"))?;
    let anchor = TrustAnchor::of_genesis(mainchain.ledger().rules().genesis());
    let (bytes, fingerprint) = (codec::encode(&anchor), anchor::fingerprint(&anchor));
    let keys = anchor.committee.keys().to_vec();
    let departments = look_up(&mainchain, move |chain| {
        let Some(registry) = Registry::of(chain) else { return Ok(vec![None; keys.len()]) };
        let named = |key: &[u8; 32]| registry.department_of(key)?.map(|name| registry.named(&name)).transpose();
        keys.iter().map(named).collect()
    });
    let heads = [visit.t("department"), visit.t("key")];
    let mut committee = Table::new("committee", visit.t("trust-committee"), &heads, String::new());
    for (key, department) in anchor.committee.keys().iter().zip(departments.await?) {
        let department = department.map_or_else(|| Html::text(visit.t("department-unknown")), Html::text);
        committee.rows.push(vec![department, Html::mono(to_hex(key))]);
    }
    let mut data = Data::default();
    data.push(visit.t("mainchain"), Html::text(&anchor.chain));
    data.push(visit.t("genesis"), Html::mono(anchor.genesis));
    data.push(visit.t("members"), Html::text(anchor.committee.keys().len()));
    data.push(visit.t("quorum"), Html::text(anchor.committee.quorum()));
    let portal = &visit.api.portal;
    let shown = Trust {
        page: visit.page(visit.t("trust-title"), "trust"),
        fingerprint: anchor::grouped(&fingerprint),
        fingerprint_qr: qr::svg(&fingerprint.to_string(), &visit.t("trust-qr-fingerprint")),
        anchor_qr: qr::svg(&to_hex(&bytes).to_ascii_uppercase(), &visit.t("trust-qr-anchor")),
        anchor_bytes: bytes.len(),
        data: data.html(),
        committee: committee.html(),
        published: portal.config.anchor_published.iter().map(|place| place_html(place)).collect(),
        offline_sha256: portal.assets.offline_sha256().map(str::to_owned),
    };
    Ok(shown.page.answer(&shown))
}

/// A place where the fingerprint is published: a link where it is an address of the web.
fn place_html(place: &str) -> Html {
    let is_address = place.starts_with("https://") || place.starts_with("http://");
    if is_address && !place.contains(char::is_whitespace) { Html::link(place, place) } else { Html::text(place) }
}
