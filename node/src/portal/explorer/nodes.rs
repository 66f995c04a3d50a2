//! The nodes that certify a chain, and what this node has seen of each.

use axum::response::Response;

use super::{
    View,
    chain::{department_html, members},
    note, warning,
};
use crate::{
    chain::now_ms,
    consensus::ParticipationView,
    portal::{
        html::{Html, Table, grouped},
        trouble::Trouble,
        visit::{Visit, look_up},
    },
    schema_json::to_hex,
};

/// A vote that is older is missed.
const MISSED_AFTER_MS: u64 = 10_000;

/// `/{lang}/explorer/{chain}/nodes`.
pub(in crate::portal) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let chain = visit.chain()?;
    let name = chain.ledger().rules().name().to_string();
    let mut view = View::new(&visit, visit.t("nodes"), &name);
    let committee = chain.ledger().terms().present().committee;
    let Some(seen) = chain.participation() else {
        view.push("members", visit.t("committee"), vec![note(visit.t("nodes-not-watched"))]);
        return Ok(view.answer());
    };
    let keys: Vec<[u8; 32]> = seen.members.iter().map(|member| member.key).collect();
    let named = look_up(&chain, move |chain| members(chain, &keys)).await?;
    let departments: Vec<Option<String>> = named.into_iter().map(|member| member.department).collect();
    let voting = seen.members.iter().filter(|member| member.in_certificate).count();
    let values = [
        ("members", seen.members.len().to_string()),
        ("quorum", committee.quorum().to_string()),
        ("voting", voting.to_string()),
        ("view", seen.view.to_string()),
        ("skipped", seen.skipped_views.to_string()),
    ];
    let mut parts = vec![note(visit.lang.format("nodes-note", &values))];
    if voting < committee.keys().len() {
        parts.push(warning(visit.t("nodes-some-missing")));
    }
    parts.push(table(&visit, &seen, &departments));
    view.push("members", visit.t("committee"), parts);
    Ok(view.answer())
}

fn table(visit: &Visit, seen: &ParticipationView, departments: &[Option<String>]) -> Html {
    let heads = [
        visit.t("department"),
        visit.t("node-certificate"),
        visit.t("node-voted"),
        visit.t("node-heard"),
        visit.t("node-missing-since"),
        visit.t("key"),
    ];
    let mut table = Table::new("nodes-table", visit.t("nodes-seen"), &heads, String::new());
    let now_ms = now_ms();
    let seconds = |then: u64| visit.t1("seconds-ago", "seconds", grouped(now_ms.saturating_sub(then) / 1_000));
    for (member, department) in seen.members.iter().zip(departments) {
        let mut who = vec![department_html(visit, department.as_ref())];
        if member.key == seen.own_key {
            who.push(Html::text(visit.t("node-own")));
        }
        let voted = member.voted_ms.map_or_else(|| visit.t("never-since-start"), seconds);
        let heard = match member.heard_ms {
            _ if member.key == seen.own_key => visit.t("node-itself"),
            Some(heard) => seconds(heard),
            None => visit.t("never-since-start"),
        };
        // Who never voted is missing since this node began to watch.
        let last = member.voted_ms.unwrap_or(seen.since_ms);
        let missing = !member.in_certificate && now_ms.saturating_sub(last) > MISSED_AFTER_MS;
        table.rows.push(vec![
            Html::joined(who, " "),
            Html::text(if member.in_certificate { visit.t("yes") } else { visit.t("no") }),
            Html::text(voted),
            Html::text(heard),
            if missing { Html::time(visit.lang, last) } else { Html::none() },
            Html::mono(to_hex(&member.key)),
        ]);
    }
    table.html()
}
