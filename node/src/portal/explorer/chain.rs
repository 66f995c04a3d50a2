//! One chain: how far it is, its newest blocks, who certifies it, its contracts, and how it stands to other chains.

use axum::response::Response;
use chancery_abi::{Digest, Header, lane::Closed};

use super::{View, note, warning};
use crate::{
    chain::{ChainService, ContractFound, Listed, ReadError, SidechainFound, Status},
    portal::{
        html::{Data, Html, Table, grouped, short},
        registry::Registry,
        trouble::Trouble,
        visit::{Visit, look_up},
    },
    schema_json::to_hex,
};

/// Blocks of one page.
const BLOCKS_SHOWN: usize = 20;
/// Contracts that are named here; the rest stands on a page of its own.
const CONTRACTS_SHOWN: usize = 10;

/// What is read of a chain at once.
struct Found {
    status: Status,
    epoch: u64,
    quorum: usize,
    members: Vec<Member>,
    blocks: Vec<(Header, Digest)>,
    contracts: Listed,
    sidechains: Vec<SidechainFound>,
}

/// `/{lang}/explorer/{chain}`.
pub(in crate::portal) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let chain = visit.chain()?;
    let before = visit.asked_as::<u64>("before")?;
    let found = look_up(&chain, move |chain| find(chain, before)).await?;
    let name = chain.ledger().rules().name().to_string();
    let mut view = View::new(&visit, visit.t1("chain-named", "chain", &name), &name);
    view.crumbs.pop();
    // Older pages stay as they are.
    view.live = if before.is_none() { "blocks" } else { "" };
    let halted = chain.halted().map(|halted| warning(visit.t1("chain-halted", "reason", halted)));
    let mut parts = Vec::from_iter(halted);
    parts.push(state(&visit, &chain, &found));
    let here = |rest: &str| visit.href(format_args!("/explorer/{name}{rest}"));
    parts.push(Html::list([
        Html::link(here("/contracts"), visit.t("contracts")),
        Html::link(here("/lanes"), visit.t("lanes")),
        Html::link(here("/nodes"), visit.t("nodes")),
    ]));
    view.push("state", visit.t("state"), parts);
    view.push("newest", visit.t("blocks"), blocks(&visit, &name, &found, before.is_none()));
    view.push("committee", visit.t("committee"), committee(&visit, &found));
    if let Some(board) = &found.status.threshold {
        view.push("threshold", visit.t("threshold-key"), threshold(&visit, board, found.status.attested_height));
    }
    let listed = contracts_table(&visit, &name, &found.contracts.contracts).html();
    let all = found.contracts.more.then(|| Html::link(here("/contracts"), visit.t("contracts-all")));
    view.push("contracts", visit.t("contracts"), [listed].into_iter().chain(all).collect());
    if chain.ledger().rules().genesis().mainchain.is_none() {
        view.push("sidechains", visit.t("sidechains"), sidechains(&visit, &found.sidechains));
    }
    Ok(view.answer())
}

fn find(chain: &ChainService, before: Option<u64>) -> Result<Found, ReadError> {
    let ledger = chain.ledger();
    let (newest, db) = (ledger.tip().height, ledger.db());
    let mut height = before.map_or(newest, |before| before.saturating_sub(1).min(newest));
    let mut blocks = Vec::with_capacity(BLOCKS_SHOWN);
    while height > 0 && blocks.len() < BLOCKS_SHOWN {
        // A chain that began with a snapshot has no blocks before it.
        let Some(header) = db.header(height)? else { break };
        let digest = header.digest(ledger.rules().digest());
        blocks.push((header, digest));
        height -= 1;
    }
    let term = ledger.terms().present();
    Ok(Found {
        status: chain.status()?,
        epoch: term.epoch,
        quorum: term.committee.quorum(),
        members: members(chain, term.committee.keys())?,
        blocks,
        contracts: chain.list_contracts(None, CONTRACTS_SHOWN)?,
        sidechains: chain.list_sidechains()?,
    })
}

/// A member of a committee.
pub(super) struct Member {
    pub(super) key: [u8; 32],
    /// Whose node it is, where the registry says.
    pub(super) department: Option<String>,
}

/// Keys with the departments whose nodes have them.
pub(super) fn members(chain: &ChainService, keys: &[[u8; 32]]) -> Result<Vec<Member>, ReadError> {
    let registry = Registry::of(chain);
    let member = |key: &[u8; 32]| {
        let Some(registry) = &registry else { return Ok(Member { key: *key, department: None }) };
        let department = registry.department_of(key)?.map(|name| registry.named(&name)).transpose()?;
        Ok(Member { key: *key, department })
    };
    keys.iter().map(member).collect()
}

/// A department, or that it is not known.
pub(super) fn department_html(visit: &Visit, department: Option<&String>) -> Html {
    department.map_or_else(|| Html::text(visit.t("department-unknown")), Html::text)
}

fn state(visit: &Visit, chain: &ChainService, found: &Found) -> Html {
    let (rules, status) = (chain.ledger().rules(), &found.status);
    let mut data = Data::default();
    let kind = match &rules.genesis().mainchain {
        Some(mainchain) => visit.t1("sidechain-of", "mainchain", &mainchain.name),
        None => visit.t("mainchain"),
    };
    data.push(visit.t("chain-kind"), Html::text(kind));
    data.push(visit.t("height"), Html::text(grouped(status.height)));
    data.push(visit.t("time"), Html::time(visit.lang, status.timestamp_ms));
    data.push(visit.t("state-root"), Html::mono(status.state_root));
    data.push(visit.t("header-digest"), Html::mono(status.header));
    data.push(visit.t("genesis"), Html::mono(rules.digest()));
    let waiting = Html::text(grouped(status.pool_count as u64));
    data.push(visit.t("waiting-transactions"), waiting);
    data.html()
}

fn blocks(visit: &Visit, chain: &str, found: &Found, is_newest: bool) -> Vec<Html> {
    let heads = [
        format!("#{}", visit.t("height")),
        visit.t("time"),
        format!("#{}", visit.t("gas-used")),
        visit.t("header-digest"),
    ];
    let mut table = Table::new("blocks", visit.t("blocks-newest-first"), &heads, visit.t("blocks-none"));
    table.is_kept = is_newest;
    for (header, digest) in &found.blocks {
        let href = visit.href(format_args!("/explorer/{chain}/blocks/{}", header.height));
        table.rows.push(vec![
            Html::link(href, header.height),
            Html::time(visit.lang, header.timestamp_ms),
            Html::text(grouped(header.gas_used)),
            Html::mono(short(&digest.to_string())),
        ]);
    }
    let oldest = found.blocks.last().map_or(0, |(header, _)| header.height);
    let older = (oldest > 1)
        .then(|| Html::link(visit.href(format_args!("/explorer/{chain}?before={oldest}")), visit.t("blocks-older")));
    [table.html()].into_iter().chain(older).collect()
}

fn committee(visit: &Visit, found: &Found) -> Vec<Html> {
    let values = [
        ("epoch", found.epoch.to_string()),
        ("members", found.members.len().to_string()),
        ("quorum", found.quorum.to_string()),
    ];
    let heads = [visit.t("department"), visit.t("key")];
    let mut table = Table::new("members", visit.t("committee-members"), &heads, String::new());
    for Member { key, department } in &found.members {
        table.rows.push(vec![department_html(visit, department.as_ref()), Html::mono(to_hex(key))]);
    }
    vec![note(visit.lang.format("committee-note", &values)), table.html()]
}

fn threshold(visit: &Visit, board: &crate::consensus::Board, attested: Option<u64>) -> Vec<Html> {
    let Some(group) = &board.group else { return vec![note(visit.t("threshold-none"))] };
    let mut data = Data::default();
    data.push(visit.t("key"), Html::mono(to_hex(&group.key)));
    data.push(visit.t("threshold-round"), Html::text(group.round));
    data.push(visit.t("threshold-from"), Html::text(grouped(group.from_height)));
    data.push(visit.t("threshold-holders"), Html::text(group.holders));
    let newest = board.newest_beacon.map_or(Html::none(), |height| Html::text(grouped(height)));
    data.push(visit.t("threshold-newest-beacon"), newest);
    let attested = attested.map_or(Html::none(), |height| Html::text(grouped(height)));
    data.push(visit.t("threshold-attested"), attested);
    if let Some(successor) = &board.successor {
        data.push(visit.t("threshold-successor"), Html::text(grouped(successor.from_height)));
    }
    let untrusted = group.untrusted.then(|| warning(visit.t("threshold-untrusted")));
    untrusted.into_iter().chain([data.html()]).collect()
}

/// Contracts, one a row.
pub(super) fn contracts_table(visit: &Visit, chain: &str, contracts: &[ContractFound]) -> Table {
    let heads = [
        visit.t("contract"),
        visit.t("department"),
        format!("#{}", visit.t("revision")),
        format!("#{}", visit.t("height")),
        visit.t("address"),
    ];
    let mut table = Table::new("contracts-table", visit.t("contracts"), &heads, visit.t("contracts-none"));
    for ContractFound { address, record } in contracts {
        let href = visit.href(format_args!("/explorer/{chain}/contracts/{address}"));
        table.rows.push(vec![
            Html::link(href, &record.name),
            Html::text(&record.department),
            Html::text(record.revision),
            Html::text(grouped(record.height)),
            Html::mono(short(&address.to_string())),
        ]);
    }
    table
}

fn sidechains(visit: &Visit, found: &[SidechainFound]) -> Vec<Html> {
    let heads = [
        visit.t("chain"),
        visit.t("department"),
        format!("#{}", visit.t("anchored-sidechain-height")),
        format!("#{}", visit.t("anchored-mainchain-height")),
        visit.t("anchored-time"),
        visit.t("condition"),
    ];
    let mut table = Table::new("sidechains-table", visit.t("sidechains-anchored"), &heads, visit.t("sidechains-none"));
    for SidechainFound { name, sidechain, anchors, .. } in found {
        let hosted = visit.api.chains.get(name.as_str()).is_some();
        let newest = anchors.as_ref().map(|state| &state.newest).filter(|newest| newest.height > 0);
        let condition = match anchors.as_ref().and_then(|state| state.closed) {
            Some(Closed::Retired { .. }) => visit.t("sidechain-retired"),
            Some(Closed::Forked { .. }) => visit.t("sidechain-forked"),
            None => visit.t("sidechain-open"),
        };
        table.rows.push(vec![
            match hosted {
                true => Html::link(visit.href(format_args!("/explorer/{name}")), name),
                false => Html::text(name),
            },
            Html::text(&sidechain.department),
            newest.map_or(Html::none(), |newest| Html::text(grouped(newest.height))),
            newest.map_or(Html::none(), |newest| Html::text(grouped(newest.mainchain_height))),
            newest.map_or(Html::none(), |newest| Html::time(visit.lang, newest.timestamp_ms)),
            Html::text(condition),
        ]);
    }
    vec![note(visit.t("sidechains-note")), table.html()]
}
