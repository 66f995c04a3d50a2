//! One block: its header, who voted for it, what its transactions are, and the beacons it brought.

use axum::response::Response;
use chancery_abi::{Certificate, Digest, Header, Receipt, Transaction};

use super::{
    View,
    chain::{Member, department_html, members},
    note,
    words::{outcome_kind, payload_text},
};
use crate::{
    chain::{ChainService, ReadError},
    portal::{
        html::{Data, Html, Table, grouped, short},
        trouble::Trouble,
        visit::{Visit, look_up},
    },
    schema_json::to_hex,
};

/// Transactions that are shown; a block may hold thousands.
const TRANSACTIONS_SHOWN: usize = 500;

/// What is read of a block at once.
struct Found {
    header: Header,
    digest: Digest,
    certified_height: u64,
    certificate: Certificate,
    quorum: usize,
    members: Vec<Member>,
    proposer: Option<String>,
    /// Transactions with what they do and did; without them where only receipts are kept.
    rows: Vec<Row>,
    count: usize,
}

struct Row {
    receipt: Receipt,
    transaction: Option<Transaction>,
    /// The method of a call, as it is known.
    what: String,
}

/// `/{lang}/explorer/{chain}/blocks/{height}`.
pub(in crate::portal) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let chain = visit.chain()?;
    let height: u64 = visit.parameter("height")?;
    let lang = visit.lang;
    let found = look_up(&chain, move |chain| find(chain, height, lang)).await?;
    let name = chain.ledger().rules().name().to_string();
    let mut view = View::new(&visit, visit.t1("block-at", "height", grouped(height)), &name);
    let at = |height: u64| visit.href(format_args!("/explorer/{name}/blocks/{height}"));
    let mut beside = Vec::new();
    if height > 1 {
        beside.push(Html::link(at(height - 1), visit.t("block-before")));
    }
    if height < chain.ledger().tip().height {
        beside.push(Html::link(at(height + 1), visit.t("block-after")));
    }
    view.push("header", visit.t("header"), vec![header(&visit, &name, &found), Html::list(beside)]);
    view.push("certificate", visit.t("certificate"), certificate(&visit, &found));
    view.push("transactions", visit.t("transactions"), transactions(&visit, &name, &found));
    if !found.header.beacons.is_empty() {
        view.push("beacons", visit.t("beacons"), vec![beacons(&visit, &found)]);
    }
    Ok(view.answer())
}

fn find(chain: &ChainService, height: u64, lang: crate::portal::lang::Lang) -> Result<Found, ReadError> {
    let (ledger, rules) = (chain.ledger(), chain.ledger().rules());
    let db = ledger.db();
    // A height is the visitor's choice: of what is not here, nothing may be expected.
    chain.expect_kept(height)?;
    let header = db.expect_part(db.header(height)?, "header", height)?;
    let finality = db.expect_part(db.finality(height)?, "certificate at or after the block", height)?;
    let receipts = db.expect_part(db.receipts(height)?, "receipts", height)?;
    let mut transactions = db.transactions(height)?.unwrap_or_default().into_iter();
    let committee = ledger.terms().of(finality.certificate.epoch).map(|term| term.committee);
    let (keys, quorum) =
        committee.map_or_else(Default::default, |committee| (committee.keys().to_vec(), committee.quorum()));
    let proposer = members(chain, &[header.proposer])?.pop().and_then(|member| member.department);
    let count = receipts.len();
    let rows = receipts.into_iter().take(TRANSACTIONS_SHOWN).map(|receipt| {
        let transaction = transactions.next();
        let what = transaction.as_ref().map(|transaction| payload_text(chain, lang, &transaction.body.payload));
        Row { receipt, what: what.unwrap_or_default(), transaction }
    });
    Ok(Found {
        digest: header.digest(rules.digest()),
        certified_height: height + finality.descendants.len() as u64,
        certificate: finality.certificate,
        quorum,
        members: members(chain, &keys)?,
        proposer,
        rows: rows.collect(),
        count,
        header,
    })
}

fn header(visit: &Visit, chain: &str, found: &Found) -> Html {
    let header = &found.header;
    let mut data = Data::default();
    data.push(visit.t("header-digest"), Html::mono(found.digest));
    data.push(visit.t("time"), Html::time(visit.lang, header.timestamp_ms));
    data.push(visit.t("epoch"), Html::text(header.epoch));
    let parent = match header.height {
        1 => Html::mono(header.parent),
        height => Html::mono_link(visit.href(format_args!("/explorer/{chain}/blocks/{}", height - 1)), header.parent),
    };
    data.push(visit.t("parent"), parent);
    let proposer = [department_html(visit, found.proposer.as_ref()), Html::mono(to_hex(&header.proposer))];
    data.push(visit.t("proposer"), Html::joined(proposer, " "));
    data.push(visit.t("state-root"), Html::mono(header.state_root));
    data.push(visit.t("transactions-root"), Html::mono(header.transactions_root));
    data.push(visit.t("receipts-root"), Html::mono(header.receipts_root));
    data.push(visit.t("history-root"), Html::mono(header.history_root));
    if let Some(next) = header.next_committee {
        data.push(visit.t("next-committee"), Html::mono(next));
    }
    if let Some(seen) = header.mainchain {
        let values = [("height", grouped(seen.height)), ("header", seen.header.to_string())];
        data.push(visit.t("mainchain-seen"), Html::text(visit.lang.format("mainchain-seen-at", &values)));
    }
    data.push(visit.t("gas-used"), Html::text(grouped(header.gas_used)));
    data.push(visit.t("gas-schedule"), Html::text(header.schedule));
    data.html()
}

fn certificate(visit: &Visit, found: &Found) -> Vec<Html> {
    let certificate = &found.certificate;
    let values = [
        ("votes", certificate.votes.len().to_string()),
        ("members", found.members.len().to_string()),
        ("quorum", found.quorum.to_string()),
        ("epoch", certificate.epoch.to_string()),
        ("view", certificate.view.to_string()),
    ];
    let mut parts = vec![note(visit.lang.format("certificate-note", &values))];
    if found.certified_height > found.header.height {
        parts.push(note(visit.t1("certificate-later", "height", grouped(found.certified_height))));
    }
    let heads = [visit.t("department"), visit.t("vote"), visit.t("key")];
    let mut table = Table::new("votes", visit.t("votes"), &heads, visit.t("committee-unknown"));
    for (place, Member { key, department }) in (0_u16..).zip(&found.members) {
        let voted = certificate.votes.iter().any(|vote| vote.member == place);
        table.rows.push(vec![
            department_html(visit, department.as_ref()),
            Html::text(if voted { visit.t("voted") } else { visit.t("voted-not") }),
            Html::mono(to_hex(key)),
        ]);
    }
    parts.push(table.html());
    parts
}

fn transactions(visit: &Visit, chain: &str, found: &Found) -> Vec<Html> {
    let heads = [
        format!("#{}", visit.t("index")),
        visit.t("transaction"),
        visit.t("what"),
        visit.t("sender"),
        visit.t("outcome"),
        format!("#{}", visit.t("gas-used")),
    ];
    let mut table =
        Table::new("transactions-table", visit.t("transactions-in-order"), &heads, visit.t("transactions-none"));
    for Row { receipt, transaction, what } in &found.rows {
        let href = visit.href(format_args!("/explorer/{chain}/transactions/{}", receipt.transaction));
        let sender = transaction.as_ref().map(|transaction| short(&transaction.body.sender.to_string()));
        table.rows.push(vec![
            Html::text(receipt.index),
            Html::mono_link(href, short(&receipt.transaction.to_string())),
            if what.is_empty() { Html::none() } else { Html::text(what) },
            sender.map_or(Html::none(), Html::mono),
            Html::text(outcome_kind(visit.lang, &receipt.outcome)),
            Html::text(grouped(receipt.gas_used)),
        ]);
    }
    let rest = found.count.saturating_sub(found.rows.len());
    let more = (rest > 0).then(|| note(visit.t1("transactions-more", "count", rest)));
    [table.html()].into_iter().chain(more).collect()
}

fn beacons(visit: &Visit, found: &Found) -> Html {
    let heads = [format!("#{}", visit.t("height")), visit.t("beacon")];
    let mut table = Table::new("beacons-table", visit.t("beacons-brought"), &heads, String::new());
    for beacon in &found.header.beacons {
        table.rows.push(vec![Html::text(grouped(beacon.height)), Html::mono(beacon.value())]);
    }
    table.html()
}
