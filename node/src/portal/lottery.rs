//! All periods of the licence-plate lottery.

use askama::Template;
use axum::response::Response;
use serde_json::Value;

use super::{
    html::{Html, Table, grouped},
    lang::Lang,
    page::Page,
    service::Service,
    trouble::Trouble,
    values::{number, text},
    visit::Visit,
};

/// Periods of one page, the newest first.
const PERIODS_SHOWN: u64 = 50;

#[derive(Template)]
#[template(path = "lottery.html")]
struct Lottery {
    page: Page,
    at: String,
    is_here: bool,
    periods: Html,
    older: Option<String>,
}

/// `/{lang}/lottery`.
pub(super) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let at = visit.api.portal.config.lottery.clone();
    let before = visit.asked_as::<u64>("before")?.unwrap_or(u64::MAX);
    let service = Service::find(&visit, &at).await?;
    let mut found = Vec::new();
    if let Some(service) = &service {
        found = service
            .read(move |fields| {
                let count = fields.value("period_count")?.as_ref().and_then(number).unwrap_or(0);
                let end = count.min(before);
                let shown = (end.saturating_sub(PERIODS_SHOWN)..end).rev();
                let period = |period: u64| Ok((period, fields.entry("periods", &period.into())?.unwrap_or_default()));
                shown.map(period).collect()
            })
            .await?;
    }
    let heads = [
        visit.t("period"),
        visit.t("stage"),
        format!("#{}", visit.t("entries")),
        format!("#{}", visit.t("plates")),
        format!("#{}", visit.t("claimed")),
    ];
    let mut table = Table::new("periods", visit.t("lottery-periods"), &heads, visit.t("lottery-no-periods"));
    let count = |value: &Value| number(value).map_or(Html::none(), |number| Html::text(grouped(number)));
    for (period, view) in &found {
        let title = visit.t1("lottery-period", "period", period);
        table.rows.push(vec![
            Html::link(visit.href(format_args!("/lottery/{period}")), title),
            Html::text(stage_text(visit.lang, text(&view["stage"]))),
            count(&view["entries"]),
            count(&view["rules"]["quota"]),
            count(&view["claimed"]),
        ]);
    }
    let oldest = found.last().map(|(period, _)| *period).filter(|period| *period > 0);
    let older = oldest.map(|oldest| visit.href(format_args!("/lottery?before={oldest}")));
    let page = visit.page(visit.t("lottery-title"), "lottery");
    let lottery = Lottery { page, at: at.to_string(), is_here: service.is_some(), periods: table.html(), older };
    Ok(lottery.page.answer(&lottery))
}

/// A stage in words; one that this release does not know as it stands in the contract.
pub(super) fn stage_text(lang: Lang, stage: &str) -> String {
    match stage {
        "Open" => lang.t("stage-open"),
        "Frozen" => lang.t("stage-frozen"),
        "Drawing" => lang.t("stage-drawing"),
        "Claiming" => lang.t("stage-claiming"),
        "Closed" => lang.t("stage-closed"),
        other => other.to_owned(),
    }
}
