//! One transaction: who sent it, what it wanted, and what it did.

use axum::{http::StatusCode, response::Response};
use chancery_abi::{Digest, Outcome, Payload, Receipt, Transaction};
use serde_json::Value;

use super::{
    View, note,
    words::{arguments, contract_name, event_value, outcome_kind, outcome_reason, payload_text, returned},
};
use crate::{
    chain::{ChainService, Progress, ReadError},
    portal::{
        html::{Data, Html, grouped},
        lang::Lang,
        trouble::Trouble,
        values,
        visit::{Visit, look_up},
    },
};

/// Calls of a batch, and events, that are shown.
const SHOWN_MAX: usize = 100;

/// Where a transaction stands.
enum Found {
    Final(Box<Shown>),
    Waiting,
    Dropped(String),
}

/// A final transaction, with everything in words.
struct Shown {
    receipt: Receipt,
    transaction: Option<Transaction>,
    timestamp_ms: u64,
    what: String,
    calls: Vec<(String, Value)>,
    outcome: String,
    reason: Option<String>,
    returned: Option<Value>,
    events: Vec<(String, Value)>,
}

/// `/{lang}/explorer/{chain}/transactions/{digest}`.
pub(in crate::portal) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let chain = visit.chain()?;
    let digest: Digest = visit.parameter("digest")?;
    let lang = visit.lang;
    let name = chain.ledger().rules().name().to_string();
    let mut view = View::new(&visit, visit.t("transaction"), &name);
    match look_up(&chain, move |chain| find(chain, digest, lang)).await? {
        Found::Dropped(reason) => return Err(Trouble::new(StatusCode::GONE, "dropped", reason)),
        Found::Waiting => {
            let mut data = Data::default();
            data.push(visit.t("transaction"), Html::mono(digest));
            view.push("state", visit.t("state"), vec![data.html(), note(visit.t("transaction-waiting"))]);
        }
        Found::Final(shown) => {
            view.push("state", visit.t("receipt"), vec![receipt(&visit, &name, &shown)]);
            view.push("wanted", visit.t("transaction-wanted"), wanted(&visit, &shown));
            let outcome = outcome(&visit, &shown);
            view.push("outcome", visit.t("outcome"), outcome);
            view.push("events", visit.t("events"), events(&visit, &shown));
            let api = format!("/v1/chains/{name}/transactions/{digest}");
            let links = [
                Html::link(format_args!("{api}/proof"), visit.t("transaction-proof")),
                Html::link(&api, visit.t("as-json")),
            ];
            view.push(
                "more",
                visit.t("transaction-check"),
                vec![note(visit.t("transaction-check-note")), Html::list(links)],
            );
        }
    }
    Ok(view.answer())
}

fn find(chain: &ChainService, digest: Digest, lang: Lang) -> Result<Found, ReadError> {
    let receipt = match chain.progress(&digest)? {
        Progress::Final(receipt) => *receipt,
        Progress::Waiting => return Ok(Found::Waiting),
        Progress::Dropped(reason) => return Ok(Found::Dropped(reason.to_string())),
        Progress::Unknown => {
            return Err(ReadError::Unknown {
                what: format!("transaction {digest}"),
                code: "unknown_transaction",
                chain: chain.ledger().rules().name().clone(),
            });
        }
    };
    let db = chain.ledger().db();
    let header = db.expect_part(db.header(receipt.height)?, "header", receipt.height)?;
    let transactions = db.transactions(receipt.height)?.unwrap_or_default();
    let transaction = transactions.into_iter().nth(receipt.index as usize);
    let payload = transaction.as_ref().map(|transaction| &transaction.body.payload);
    let calls: &[chancery_abi::Call] = match payload {
        Some(Payload::Call(call)) => std::slice::from_ref(call),
        Some(Payload::Batch(calls)) => calls,
        _ => &[],
    };
    let call = |call: &chancery_abi::Call| {
        (format!("{} {}", contract_name(chain, &call.contract), call.method), arguments(chain, call))
    };
    let event = |event: &chancery_abi::Event| {
        (format!("{} {}", contract_name(chain, &event.contract), event.name), event_value(chain, event))
    };
    let returned = match (&receipt.outcome, calls.last()) {
        (Outcome::Done { output }, Some(call)) => returned(chain, call, output),
        _ => None,
    };
    Ok(Found::Final(Box::new(Shown {
        timestamp_ms: header.timestamp_ms,
        what: payload.map(|payload| payload_text(chain, lang, payload)).unwrap_or_default(),
        calls: calls.iter().take(SHOWN_MAX).map(call).collect(),
        outcome: outcome_kind(lang, &receipt.outcome),
        reason: outcome_reason(chain, lang, &receipt.outcome),
        returned,
        events: receipt.events.iter().take(SHOWN_MAX).map(event).collect(),
        receipt,
        transaction,
    })))
}

fn receipt(visit: &Visit, chain: &str, shown: &Shown) -> Html {
    let receipt = &shown.receipt;
    let mut data = Data::default();
    data.push(visit.t("transaction"), Html::mono(receipt.transaction));
    let block = visit.href(format_args!("/explorer/{chain}/blocks/{}", receipt.height));
    data.push(visit.t("block"), Html::link(block, grouped(receipt.height)));
    data.push(visit.t("index"), Html::text(receipt.index));
    data.push(visit.t("time"), Html::time(visit.lang, shown.timestamp_ms));
    data.push(visit.t("gas-used"), Html::text(grouped(receipt.gas_used)));
    if let Some(Transaction { body, .. }) = &shown.transaction {
        data.push(visit.t("sender"), Html::mono(body.sender));
        if let Some(sponsor) = body.sponsor {
            data.push(visit.t("sponsor"), Html::mono(sponsor));
        }
        data.push(visit.t("nonce"), Html::text(body.nonce));
        data.push(visit.t("gas-limit"), Html::text(grouped(body.gas_limit)));
    }
    data.html()
}

fn wanted(visit: &Visit, shown: &Shown) -> Vec<Html> {
    let what = if shown.what.is_empty() { visit.t("transaction-not-kept") } else { shown.what.clone() };
    let mut parts = vec![note(what)];
    parts.extend(named(visit, &shown.calls));
    parts
}

/// Values, each under its name.
fn named(visit: &Visit, values: &[(String, Value)]) -> Vec<Html> {
    let mut data = Data::default();
    for (name, value) in values {
        let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
        data.push(name.clone(), if is_empty { Html::none() } else { values::shown(visit.lang, value) });
    }
    if data.items.is_empty() { Vec::new() } else { vec![data.html()] }
}

fn outcome(visit: &Visit, shown: &Shown) -> Vec<Html> {
    let mut data = Data::default();
    data.push(visit.t("outcome"), Html::text(&shown.outcome));
    if let Some(reason) = &shown.reason {
        data.push(visit.t("outcome-why"), Html::text(reason));
    }
    if let Some(returned) = &shown.returned {
        data.push(visit.t("outcome-returned"), values::shown(visit.lang, returned));
    }
    vec![data.html()]
}

fn events(visit: &Visit, shown: &Shown) -> Vec<Html> {
    if shown.events.is_empty() {
        return vec![note(visit.t("events-none"))];
    }
    let mut parts = named(visit, &shown.events);
    let rest = shown.receipt.events.len().saturating_sub(shown.events.len());
    if rest > 0 {
        parts.push(note(visit.t1("events-more", "count", rest)));
    }
    parts
}
