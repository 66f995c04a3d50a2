//! The page of all chains, which also answers what is searched for.

use axum::response::Response;

use super::{View, note, search};
use crate::portal::{
    html::{Html, Table, grouped},
    trouble::Trouble,
    visit::Visit,
};

/// `/{lang}/explorer`.
pub(in crate::portal) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let mut view = View::new(&visit, visit.t("explorer-title"), "");
    view.crumbs.clear();
    if let Some(query) = visit.asked("q").map(str::to_owned) {
        let hits = search::find(&visit, &query).await?;
        if let [(href, _)] = &hits[..] {
            return Ok(super::super::moved(href));
        }
        let parts = match hits.is_empty() {
            true => vec![note(visit.t("search-nothing"))],
            false => vec![Html::list(hits.into_iter().map(|(href, text)| Html::link(href, text)))],
        };
        view.push("found", visit.t("search-found"), parts);
        view.query = query;
    }
    let heads = [
        visit.t("chain"),
        visit.t("chain-kind"),
        format!("#{}", visit.t("height")),
        visit.t("newest-block"),
        visit.t("condition"),
    ];
    let mut table = Table::new("chains", visit.t("home-chains"), &heads, visit.t("no-chains"));
    for chain in visit.api.chains.all() {
        let (rules, tip) = (chain.ledger().rules(), chain.ledger().tip());
        let kind = if rules.genesis().mainchain.is_some() { visit.t("sidechain") } else { visit.t("mainchain") };
        table.rows.push(vec![
            Html::link(visit.href(format_args!("/explorer/{}", rules.name())), rules.name()),
            Html::text(kind),
            Html::text(grouped(tip.height)),
            Html::time(visit.lang, tip.timestamp_ms),
            Html::text(if chain.part().problem.is_some() {
                visit.t("condition-bad")
            } else {
                visit.t("condition-good")
            }),
        ]);
    }
    view.push("all", visit.t("chains"), vec![note(visit.t("explorer-note")), table.html()]);
    Ok(view.answer())
}
