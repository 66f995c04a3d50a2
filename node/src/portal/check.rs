//! Checking a document. The script does it, in the browser; without script this page shows what the node says is on
//! record, as something that is not checked.

use askama::Template;
use axum::response::Response;
use chancery_abi::Digest;

use super::{
    html::{Data, Html},
    page::Page,
    service::Service,
    trouble::Trouble,
    values,
    visit::Visit,
};

#[derive(Template)]
#[template(path = "check.html")]
struct Check {
    page: Page,
    at: String,
    /// Whether this node has the contract.
    is_here: bool,
    digest: String,
    /// What the node says is on record under the digest.
    record: Option<Html>,
    /// What is wrong with the digest.
    wrong: Option<String>,
}

/// `/{lang}/check`.
pub(super) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let at = visit.api.portal.config.evidence.clone();
    let service = Service::find(&visit, &at).await?;
    let asked = visit.asked("digest").unwrap_or_default().to_ascii_lowercase();
    let digest = Some(&asked).filter(|asked| !asked.is_empty()).map(|asked| asked.parse::<Digest>());
    let wrong = matches!(digest, Some(Err(_))).then(|| visit.t("check-digest-wrong"));
    let record = match (&service, digest) {
        (Some(service), Some(Ok(digest))) => Some(record_of(&visit, service, digest).await?),
        _ => None,
    };
    let page = visit.page(visit.t("check-title"), "check");
    let check = Check { page, at: at.to_string(), is_here: service.is_some(), digest: asked, record, wrong };
    Ok(check.page.answer(&check))
}

/// What the node says of a digest: a record, a batch with this root, or that there is neither.
async fn record_of(visit: &Visit, service: &Service, digest: Digest) -> Result<Html, Trouble> {
    let key = serde_json::Value::from(digest.to_string());
    let found = service.read(move |fields| match fields.entry("records", &key)? {
        Some(record) => Ok(Some(record)),
        None => fields.entry("batches", &key),
    });
    let Some(record) = found.await? else { return Ok(Html::text(visit.t("check-nothing-filed"))) };
    let Some(members) = record.as_object() else { return Ok(values::shown(visit.lang, &record)) };
    let mut data = Data::default();
    for (name, value) in members {
        let date = values::number(value).filter(|_| name.ends_with("_ms"));
        let what = match (name.as_str(), value.as_str()) {
            ("status", Some("Open")) => Html::text(visit.t("record-open")),
            ("status", Some("Sealed")) => Html::text(visit.t("record-sealed")),
            _ => date.map_or_else(|| values::shown(visit.lang, value), |ms| Html::time(visit.lang, ms)),
        };
        data.push(member_text(visit, name), what);
    }
    Ok(data.html())
}

/// What a record's member is called; one that this release does not know as it stands in the contract.
fn member_text(visit: &Visit, name: &str) -> String {
    match name {
        "case_number" => visit.t("record-case"),
        "custodian" => visit.t("record-custodian"),
        "filed_by" => visit.t("record-filed-by"),
        "filed_height" => visit.t("record-filed-height"),
        "filed_ms" => visit.t("record-filed"),
        "steps" => visit.t("record-steps"),
        "status" => visit.t("record-status"),
        "withheld" => visit.t("record-withheld"),
        "count" => visit.t("record-count"),
        other => other.to_owned(),
    }
}
