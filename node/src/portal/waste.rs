//! Waste sorting: a household's points by its code, and what districts do, by month.

use askama::Template;
use axum::response::Response;
use chancery_abi::types::from_hex;
use serde_json::{Value, json};

use super::{
    chart::{Bar, Chart},
    html::{Data, Html, Table, grouped},
    page::Page,
    service::{Fields, Service},
    trouble::Trouble,
    values::{key_text, number, signed, text},
    visit::Visit,
};
use crate::chain::ReadError;

/// Bytes of a household's code.
const CODE_BYTES: usize = 16;
/// Changes of points of one page, the newest first.
const HISTORY_SHOWN: u64 = 50;
/// Districts of one page.
const DISTRICTS_SHOWN: usize = 20;
/// Months of a district that are read, and that are drawn.
const MONTHS_READ: usize = 200;
const MONTHS_DRAWN: usize = 12;

#[derive(Template)]
#[template(path = "waste.html")]
struct Waste {
    page: Page,
    at: String,
    is_here: bool,
    asked: String,
    wrong: bool,
    /// The code, where it is one.
    code: String,
    household: Option<Html>,
    /// The points that are shown, so that the script can compare them with what is proven.
    points: String,
    history: Option<Html>,
    older: Option<String>,
    districts: Vec<DistrictView>,
    more: Option<String>,
}

struct DistrictView {
    heading: String,
    id: String,
    charts: Vec<Html>,
    table: Html,
}

struct Household {
    view: Value,
    label: String,
    period: Value,
    /// By place, the newest first.
    history: Vec<(u64, Value)>,
}

struct District {
    number: u64,
    label: String,
    months: Vec<(u64, Value)>,
}

/// `/{lang}/waste`.
pub(super) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let at = visit.api.portal.config.waste.clone();
    let asked = visit.asked("household").unwrap_or_default().to_ascii_lowercase();
    let code: String = asked.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let is_code = from_hex(&code).is_some_and(|bytes| bytes.len() == CODE_BYTES);
    let before = visit.asked_as::<u64>("before")?.unwrap_or(u64::MAX);
    let after = visit.asked("after").and_then(from_hex);
    let service = Service::find(&visit, &at).await?;
    let (mut household, mut districts, mut next) = (None, Vec::new(), None);
    if let Some(service) = &service {
        let wanted = is_code.then(|| code.clone());
        (household, (districts, next)) = service
            .read(move |fields| {
                let household = wanted.map(|code| find_household(fields, &code, before)).transpose()?.flatten();
                Ok((household, find_districts(fields, after.as_deref())?))
            })
            .await?;
    }
    let oldest = household.as_ref().and_then(|found| found.history.last()).map(|(place, _)| *place);
    let missing = || Html::text(visit.t("household-unknown"));
    let older = oldest.filter(|place| *place > 0);
    let shown = Waste {
        page: visit.page(visit.t("waste-title"), "waste"),
        at: at.to_string(),
        is_here: service.is_some(),
        wrong: !asked.is_empty() && !is_code,
        household: match &household {
            Some(found) => Some(household_view(&visit, found)),
            None => (is_code && service.is_some()).then(missing),
        },
        points: household.as_ref().map(|found| key_text(&found.view["points"])).unwrap_or_default(),
        history: household.as_ref().map(|found| history_view(&visit, found)),
        older: older.map(|place| visit.href(format_args!("/waste?household={code}&before={place}"))),
        districts: districts.iter().map(|district| district_view(&visit, district)).collect(),
        more: next.map(|after| visit.href(format_args!("/waste?after={}", crate::schema_json::to_hex(&after)))),
        code: if is_code { code } else { String::new() },
        asked,
    };
    Ok(shown.page.answer(&shown))
}

fn find_household(fields: Fields<'_>, code: &str, before: u64) -> Result<Option<Household>, ReadError> {
    let Some(view) = fields.entry("households", &code.into())? else { return Ok(None) };
    let district = fields.entry("districts", &view["district"])?.unwrap_or_default();
    let period = fields.entry("periods", &json!([view["district"], view["period"]]))?.unwrap_or_default();
    let end = number(&view["entries"]).unwrap_or(0).min(before);
    let places = (end.saturating_sub(HISTORY_SHOWN)..end).rev();
    let entry = |place: u64| Ok((place, fields.entry("history", &json!([code, place]))?.unwrap_or_default()));
    let history = places.map(entry).collect::<Result<_, ReadError>>()?;
    Ok(Some(Household { view, label: text(&district["label"]).to_owned(), period, history }))
}

type Districts = (Vec<District>, Option<Vec<u8>>);

fn find_districts(fields: Fields<'_>, after: Option<&[u8]>) -> Result<Districts, ReadError> {
    let page = fields.page("districts", None, after, DISTRICTS_SHOWN)?;
    let mut districts = Vec::new();
    for entry in page.entries {
        let key = entry.key.unwrap_or_default();
        let months = fields.page("totals", Some(&json!([key])), None, MONTHS_READ)?;
        let month = |entry: crate::chain::FieldEntry| {
            let month = entry.key.as_ref().and_then(|key| number(&key[1])).unwrap_or(0);
            (month, entry.value.unwrap_or_default())
        };
        let mut months: Vec<_> = months.entries.into_iter().map(month).collect();
        months.drain(..months.len().saturating_sub(MONTHS_DRAWN));
        let label = text(&entry.value.unwrap_or_default()["label"]).to_owned();
        districts.push(District { number: number(&key).unwrap_or(0), label, months });
    }
    Ok((districts, page.next_after))
}

fn household_view(visit: &Visit, found: &Household) -> Html {
    let count = |value: &Value| number(value).map_or(Html::none(), |number| Html::text(grouped(number)));
    let mut data = Data::default();
    data.push(visit.t("points"), count(&found.view["points"]));
    if number(&found.view["owed"]).unwrap_or(0) > 0 {
        data.push(visit.t("points-owed"), count(&found.view["owed"]));
    }
    data.push(visit.t("district"), Html::text(&found.label));
    data.push(visit.t("household-period"), count(&found.view["period"]));
    let day = |value: &Value| number(value).map_or(Html::none(), |day| Html::text(day_text(day)));
    let days = [day(&found.period["first_day"]), day(&found.period["last_day"])];
    data.push(visit.t("household-days"), Html::joined(days, " – "));
    data.push(visit.t("household-redeem-until"), day(&found.period["redeem_until_day"]));
    data.html()
}

/// A day that is counted from 1970-01-01; it has no time of day, so no zone either.
fn day_text(day: u64) -> String {
    let date = Html::time(super::lang::Lang::En, day.saturating_mul(86_400_000)).to_string();
    date.split('"').nth(1).and_then(|moment| moment.split('T').next()).unwrap_or_default().to_owned()
}

fn history_view(visit: &Visit, found: &Household) -> Html {
    let heads =
        [format!("#{}", visit.t("place")), visit.t("cause"), format!("#{}", visit.t("points-change")), visit.t("time")];
    let mut table = Table::new("history", visit.t("household-history"), &heads, visit.t("household-history-none"));
    for (place, entry) in &found.history {
        let change = signed(&entry["points"]).unwrap_or(0);
        let sign = if change < 0 { "−" } else { "+" };
        table.rows.push(vec![
            Html::text(place + 1),
            Html::text(cause_text(visit, &entry["cause"])),
            Html::text(format_args!("{sign}{}", grouped(change.unsigned_abs()))),
            number(&entry["at_ms"]).map_or(Html::none(), |at| Html::time(visit.lang, at)),
        ]);
    }
    table.html()
}

/// Why points changed, in words; a cause that this release does not know as it stands in the contract.
fn cause_text(visit: &Visit, cause: &Value) -> String {
    let named = cause.as_object().and_then(|members| members.iter().next());
    let Some((name, inner)) = named else { return key_text(cause) };
    let what = inner.as_object().and_then(|members| members.values().next()).map(key_text);
    let what = what.unwrap_or_default();
    match name.as_str() {
        "Weighed" => visit.t1("cause-weighed", "slip", what),
        "Corrected" => visit.t1("cause-corrected", "slip", what),
        "Redeemed" => visit.t1("cause-redeemed", "receipt", super::html::short(&what)),
        "Returned" => visit.t1("cause-returned", "receipt", super::html::short(&what)),
        "CarriedOver" => visit.t1("cause-carried-over", "period", what),
        other => format!("{other} {what}"),
    }
}

fn district_view(visit: &Visit, district: &District) -> DistrictView {
    let id = format!("district-{}", district.number);
    let heading = visit
        .lang
        .format("district-heading", &[("number", district.number.to_string()), ("label", district.label.clone())]);
    let categories = [visit.t("kitchen"), visit.t("recyclable"), visit.t("hazardous"), visit.t("residual")].to_vec();
    let kilograms =
        |view: &Value| -> Vec<u64> { (0..4).map(|place| number(&view["grams"][place]).unwrap_or(0) / 1_000).collect() };
    let label = |month: u64| format!("{:02}", month % 100);
    let months = || district.months.iter();
    let weights: Vec<Bar> =
        months().map(|(month, view)| Bar { label: label(*month), parts: kilograms(view) }).collect();
    let points = |view: &Value| number(&view["points"]).unwrap_or(0);
    let worth: Vec<Bar> =
        months().map(|(month, view)| Bar { label: label(*month), parts: vec![points(view)] }).collect();
    let mut charts = Vec::new();
    if !district.months.is_empty() {
        let title = visit.t1("chart-weights", "district", &district.label);
        let drawn = Chart::new(format!("{id}-weights"), title, visit.t("chart-description"), categories, &weights);
        charts.push(drawn.html());
        let title = visit.t1("chart-points", "district", &district.label);
        let drawn = Chart::new(format!("{id}-points"), title, visit.t("chart-description"), Vec::new(), &worth);
        charts.push(drawn.html());
    }
    DistrictView { table: district_table(visit, district, &id), heading, id, charts }
}

fn district_table(visit: &Visit, district: &District, id: &str) -> Html {
    let number_head = |id: &str| format!("#{}", visit.t(id));
    let heads = [
        visit.t("month"),
        number_head("weighings"),
        number_head("kitchen"),
        number_head("recyclable"),
        number_head("hazardous"),
        number_head("residual"),
        number_head("points"),
        number_head("redeemed"),
        number_head("returned"),
        number_head("corrections"),
    ];
    let caption = visit.t1("district-table", "district", &district.label);
    let mut table = Table::new(format!("{id}-table"), caption, &heads, visit.t("district-none"));
    for (month, view) in district.months.iter().rev() {
        let count = |name: &str| Html::text(grouped(number(&view[name]).unwrap_or(0)));
        let kilograms = |place: usize| {
            let grams = number(&view["grams"][place]).unwrap_or(0);
            Html::text(format_args!("{}.{}", grouped(grams / 1_000), grams % 1_000 / 100))
        };
        let mut row = vec![Html::text(format_args!("{:04}-{:02}", month / 100, month % 100)), count("weighings")];
        row.extend((0..4).map(kilograms));
        row.extend(["points", "redeemed", "returned", "corrections"].map(count));
        table.rows.push(row);
    }
    table.html()
}
