//! The first page: what this is, the ways in, how far the chains are, and the trust anchor's fingerprint.

use askama::Template;
use axum::response::Response;

use super::{
    html::{Html, Table, grouped},
    page::Page,
    trouble::Trouble,
    trust::fingerprint_of,
    visit::Visit,
};

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    page: Page,
    chains: Html,
    fingerprint: String,
}

/// `/{lang}/`.
pub(super) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let page = visit.page(visit.t("home-title"), "home");
    let heads = [visit.t("chain"), format!("#{}", visit.t("height")), visit.t("newest-block")];
    let mut table = Table::new("chains", visit.t("home-chains"), &heads, visit.t("no-chains"));
    for chain in visit.api.chains.all() {
        let (name, tip) = (chain.ledger().rules().name().to_string(), chain.ledger().tip());
        table.rows.push(vec![
            Html::link(visit.href(format_args!("/explorer/{name}")), &name),
            Html::text(grouped(tip.height)),
            Html::time(visit.lang, tip.timestamp_ms),
        ]);
    }
    let fingerprint = visit.mainchain().map(|chain| fingerprint_of(&chain)).unwrap_or_default();
    let home = Home { page, chains: table.html(), fingerprint };
    Ok(home.page.answer(&home))
}
