//! The lanes between a chain and others: what was sent, what is on its way, what was taken and what came back.

use axum::response::Response;
use chancery_abi::{
    Name,
    message::{Message, MessageBody},
};

use super::{View, note, words::contract_name};
use crate::{
    chain::{ChainService, Lane},
    portal::{
        html::{Html, Table, grouped},
        trouble::Trouble,
        visit::{Visit, look_up},
    },
};

/// Messages of one page.
const MESSAGES_SHOWN: u64 = 50;

/// A message with its sender in words.
struct Shown {
    message: Message,
    sender: String,
}

/// `/{lang}/explorer/{chain}/lanes`.
pub(in crate::portal) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let chain = visit.chain()?;
    let other = visit.asked_as::<Name>("to")?;
    let from = visit.asked_as::<u64>("from")?;
    let own = chain.ledger().rules().name().clone();
    let mut view = View::new(&visit, visit.t("lanes"), own.as_str());
    let (found, claims) = look_up(&chain, ChainService::list_lanes).await?;
    let mut table = lanes_table(&visit, own.as_str());
    for Lane { other, counts } in found {
        let there = match visit.api.chains.get(other.as_str()) {
            Some(chain) => {
                let own = own.clone();
                Some(look_up(&chain, move |chain| chain.taken_from(&own)).await?)
            }
            None => None,
        };
        let pending = counts.sent.saturating_sub(counts.settled);
        let href = visit.href(format_args!("/explorer/{own}/lanes?to={other}#messages"));
        table.rows.push(vec![
            Html::text(&other),
            Html::text(grouped(counts.sent)),
            there.map_or(Html::none(), |taken| Html::text(grouped(taken))),
            if pending > 0 { Html::link(href, grouped(pending)) } else { Html::text("0") },
            Html::text(grouped(counts.taken)),
        ]);
    }
    let returned = note(visit.t1("lanes-returned", "count", grouped(claims)));
    view.push("all", visit.t("lanes"), vec![note(visit.t("lanes-note")), table.html(), returned]);
    if let Some(other) = other {
        let wanted = other.clone();
        let found = look_up(&chain, move |chain| {
            let messages = chain.list_messages(&wanted, from, MESSAGES_SHOWN)?;
            let shown = |message: Message| Shown { sender: contract_name(chain, &message.sender), message };
            Ok(messages.into_iter().map(shown).collect::<Vec<_>>())
        });
        let parts = messages(&visit, own.as_str(), &other, &found.await?);
        view.push("messages", visit.t1("messages-to", "chain", &other), parts);
    }
    Ok(view.answer())
}

fn lanes_table(visit: &Visit, own: &str) -> Table {
    let heads = [
        visit.t("lane-other"),
        format!("#{}", visit.t("lane-sent")),
        format!("#{}", visit.t("lane-taken-there")),
        format!("#{}", visit.t("lane-pending")),
        format!("#{}", visit.t("lane-taken")),
    ];
    Table::new("lanes-table", visit.t1("lanes-between", "chain", own), &heads, visit.t("lanes-none"))
}

fn messages(visit: &Visit, own: &str, other: &Name, found: &[Shown]) -> Vec<Html> {
    let heads = [
        format!("#{}", visit.t("message-number")),
        visit.t("sender"),
        visit.t("message-receiver"),
        visit.t("message-kind"),
        visit.t("message-quantity"),
        format!("#{}", visit.t("message-expiry")),
    ];
    let mut table = Table::new("messages-table", visit.t("messages-kept"), &heads, visit.t("messages-none"));
    for Shown { message, sender } in found {
        let kind = match &message.body {
            MessageBody::Call { method, .. } => visit.t1("message-call", "method", method),
            MessageBody::Bounce(bounced) => visit.t1("message-bounce", "method", &bounced.method),
            MessageBody::Registry(_) => visit.t("message-registry"),
        };
        let quantity = message
            .quantity
            .as_ref()
            .map(|quantity| Html::text(format_args!("{} {}", grouped(quantity.amount), quantity.asset)));
        table.rows.push(vec![
            Html::text(message.sequence),
            Html::mono(sender),
            Html::mono(message.contract),
            Html::text(kind),
            quantity.unwrap_or_else(Html::none),
            Html::text(grouped(message.expiry)),
        ]);
    }
    let next = found.last().filter(|_| found.len() as u64 == MESSAGES_SHOWN).map(|last| {
        let from = last.message.sequence + 1;
        let href = visit.href(format_args!("/explorer/{own}/lanes?to={other}&from={from}#messages"));
        Html::link(href, visit.t("page-next"))
    });
    [table.html()].into_iter().chain(next).collect()
}
