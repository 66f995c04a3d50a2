//! One period of the licence-plate lottery: its rules, the frozen list, the beacon, who won, and what became of one's own
//! entry. The script draws again; here stands what the node says.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use chancery_abi::Digest;
use serde_json::{Value, json};

use super::{
    html::{Data, Html, Table, grouped},
    lottery::stage_text,
    page::Page,
    service::{Fields, Service},
    trouble::Trouble,
    values::{number, text},
    visit::Visit,
};
use crate::chain::ReadError;

/// Winners of one page.
const WINNERS_SHOWN: u64 = 50;

#[derive(Template)]
#[template(path = "period.html")]
struct PeriodPage {
    page: Page,
    at: String,
    period: u32,
    stage: String,
    stage_note: String,
    rules: Html,
    list: Html,
    draw: Html,
    asked: String,
    own: Option<Html>,
    winners: Html,
    earlier: Option<String>,
    later: Option<String>,
}

/// One's own entry, as it was asked for.
enum Asked {
    Nothing,
    Number(u32),
    Token(Digest),
}

/// What is read of a period at once.
struct Found {
    period: Value,
    anchored: Option<u64>,
    issued: Option<u64>,
    winners: Vec<Winner>,
    own: Own,
}

struct Winner {
    rank: u64,
    entry: u64,
    win: Value,
}

/// What became of one's own entry.
enum Own {
    NotAsked,
    Unknown,
    Entry { number: u64, entry: Value, win: Option<Value>, order: Option<String> },
}

/// `/{lang}/lottery/{period}`.
pub(super) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let at = visit.api.portal.config.lottery.clone();
    let period: u32 = visit.parameter("period")?;
    let number_of_page = visit.asked_as::<u64>("page")?.unwrap_or(1).clamp(1, u64::from(u32::MAX));
    let asked = asked(&visit)?;
    let service = Service::expect(&visit, &at).await?;
    let first = (number_of_page - 1) * WINNERS_SHOWN;
    let found = service.read(move |fields| find(fields, period, first, &asked)).await?;
    let missing = || Trouble::new(StatusCode::NOT_FOUND, "period", format!("there is no period {period}"));
    let found = found.ok_or_else(missing)?;
    let drawn = number(&found.period["drawn"]).unwrap_or(0);
    let page_at = |page: u64| visit.href(format_args!("/lottery/{period}?page={page}"));
    let stage = text(&found.period["stage"]);
    let shown = PeriodPage {
        page: visit.page(visit.t1("lottery-period", "period", period), "lottery-period"),
        at: at.to_string(),
        period,
        stage: stage_text(visit.lang, stage),
        stage_note: stage_note(&visit, stage),
        rules: rules(&visit, &found),
        list: list(&visit, &found),
        draw: draw(&visit, &found.period),
        asked: visit.asked("entry").unwrap_or_default().to_owned(),
        own: own(&visit, stage, &found.own),
        winners: winners(&visit, &found.winners),
        earlier: (number_of_page > 1).then(|| page_at(number_of_page - 1)),
        later: (first + WINNERS_SHOWN < drawn).then(|| page_at(number_of_page + 1)),
    };
    Ok(shown.page.answer(&shown))
}

fn asked(visit: &Visit) -> Result<Asked, Trouble> {
    let Some(text) = visit.asked("entry") else { return Ok(Asked::Nothing) };
    if let Ok(token) = text.to_ascii_lowercase().parse::<Digest>() {
        return Ok(Asked::Token(token));
    }
    let entry = text.parse().map(Asked::Number);
    entry.map_err(|_| Trouble::parameter(format!("entry {text:?}: expected a number, or 64 hexadecimal digits")))
}

fn find(fields: Fields<'_>, period: u32, first: u64, asked: &Asked) -> Result<Option<Found>, ReadError> {
    let Some(view) = fields.entry("periods", &period.into())? else { return Ok(None) };
    let drawn = number(&view["drawn"]).unwrap_or(0);
    let mut winners = Vec::new();
    for rank in first..drawn.min(first + WINNERS_SHOWN) {
        let Some(entry) = fields.entry("ranks", &json!([period, rank]))?.as_ref().and_then(number) else { continue };
        let win = fields.entry("wins", &json!([period, entry]))?.unwrap_or_default();
        winners.push(Winner { rank, entry, win });
    }
    let number_asked = match asked {
        Asked::Nothing => None,
        Asked::Number(entry) => Some(u64::from(*entry)),
        Asked::Token(token) => fields.entry("tokens", &json!([period, token.to_string()]))?.as_ref().and_then(number),
    };
    let own = match (asked, number_asked) {
        (Asked::Nothing, _) => Own::NotAsked,
        (_, None) => Own::Unknown,
        (_, Some(entry)) => own_entry(fields, period, entry)?,
    };
    Ok(Some(Found {
        anchored: fields.entry("anchored", &period.into())?.as_ref().and_then(number),
        issued: fields.entry("issued_counts", &period.into())?.as_ref().and_then(number),
        period: view,
        winners,
        own,
    }))
}

fn own_entry(fields: Fields<'_>, period: u32, number: u64) -> Result<Own, ReadError> {
    let key = json!([period, number]);
    let Some(entry) = fields.entry("entries", &key)? else { return Ok(Own::Unknown) };
    let order = fields.entry("withheld", &entry["token"])?.map(|order| text(&order).to_owned());
    Ok(Own::Entry { number, win: fields.entry("wins", &key)?, entry, order })
}

fn stage_note(visit: &Visit, stage: &str) -> String {
    match stage {
        "Open" => visit.t("stage-open-note"),
        "Frozen" => visit.t("stage-frozen-note"),
        "Drawing" => visit.t("stage-drawing-note"),
        "Claiming" => visit.t("stage-claiming-note"),
        "Closed" => visit.t("stage-closed-note"),
        _ => String::new(),
    }
}

fn count(value: &Value) -> Html {
    number(value).map_or(Html::none(), |number| Html::text(grouped(number)))
}

fn date(visit: &Visit, value: &Value) -> Html {
    number(value).filter(|ms| *ms > 0).map_or(Html::none(), |ms| Html::time(visit.lang, ms))
}

fn digest(value: &Value) -> Html {
    value.as_str().map_or(Html::none(), Html::mono)
}

fn rules(visit: &Visit, found: &Found) -> Html {
    let rules = &found.period["rules"];
    let mut data = Data::default();
    data.push(visit.t("rule-quota"), count(&rules["quota"]));
    data.push(visit.t("rule-extra-tickets"), count(&rules["extra_tickets_max"]));
    data.push(visit.t("rule-entries-until"), date(visit, &rules["entries_until_ms"]));
    data.push(visit.t("rule-draw-after"), count(&rules["draw_after_blocks"]));
    let hours = number(&rules["claim_within_ms"]).map(|ms| grouped(ms / 3_600_000));
    data.push(visit.t("rule-claim-within"), hours.map_or(Html::none(), Html::text));
    let identity = match found.issued {
        Some(issued) => visit.t1("rule-identity-required", "count", grouped(issued)),
        None => visit.t("rule-identity-free"),
    };
    data.push(visit.t("rule-identity"), Html::text(identity));
    data.html()
}

fn list(visit: &Visit, found: &Found) -> Html {
    let period = &found.period;
    let mut data = Data::default();
    data.push(visit.t("entries"), count(&period["entries"]));
    data.push(visit.t("tickets"), count(&period["tickets"]));
    data.push(visit.t("list-hash"), digest(&period["list"]));
    data.push(visit.t("frozen-height"), count(&period["frozen_height"]));
    data.push(visit.t("anchored-height"), found.anchored.map_or(Html::none(), |at| Html::text(grouped(at))));
    data.html()
}

fn draw(visit: &Visit, period: &Value) -> Html {
    let mut data = Data::default();
    data.push(visit.t("draw-height"), count(&period["draw_height"]));
    data.push(visit.t("beacon"), digest(&period["beacon"]));
    data.push(visit.t("numbers-read"), count(&period["numbers"]));
    data.push(visit.t("drawn"), count(&period["drawn"]));
    data.push(visit.t("claimed"), count(&period["claimed"]));
    data.push(visit.t("claims-until"), date(visit, &period["claims_until_ms"]));
    data.html()
}

/// What became of a win.
fn claim_text(visit: &Visit, win: &Value) -> Html {
    match (number(&win["claimed_ms"]), win["expired"].as_bool()) {
        (Some(at), _) => Html::joined([Html::text(visit.t("win-claimed")), Html::time(visit.lang, at)], " "),
        (None, Some(true)) => Html::text(visit.t("win-expired")),
        (None, _) => Html::text(visit.t("win-open")),
    }
}

fn winners(visit: &Visit, winners: &[Winner]) -> Html {
    let heads = [format!("#{}", visit.t("rank")), format!("#{}", visit.t("entry-number")), visit.t("claim")];
    let mut table = Table::new("winners", visit.t("winners"), &heads, visit.t("winners-none"));
    table.rows = winners
        .iter()
        .map(|Winner { rank, entry, win }| {
            vec![Html::text(grouped(rank + 1)), Html::text(entry), claim_text(visit, win)]
        })
        .collect();
    table.html()
}

fn own(visit: &Visit, stage: &str, own: &Own) -> Option<Html> {
    let (number_of, entry, win, order) = match own {
        Own::NotAsked => return None,
        Own::Unknown => return Some(Html::text(visit.t("own-unknown"))),
        Own::Entry { number, entry, win, order } => (number, entry, win, order),
    };
    let result = match (win, stage) {
        (Some(win), _) => {
            let rank = number(&win["rank"]).map_or(String::new(), |rank| grouped(rank + 1));
            Html::joined([Html::text(visit.t1("own-won", "rank", rank)), claim_text(visit, win)], " ")
        }
        (None, "Closed") => Html::text(visit.t("own-lost")),
        (None, "Claiming") => Html::text(visit.t("own-not-drawn")),
        (None, _) => Html::text(visit.t("own-not-yet")),
    };
    let mut data = Data::default();
    data.push(visit.t("entry-number"), Html::text(number_of));
    data.push(visit.t("own-result"), result);
    data.push(visit.t("own-tickets"), count(&entry["tickets"]));
    data.push(visit.t("own-losses"), count(&entry["losses"]));
    data.push(visit.t("own-token"), digest(&entry["token"]));
    if let Some(order) = order {
        data.push(visit.t("own-withheld"), Html::text(order));
    }
    Some(data.html())
}
