//! `chancery status`: how far a node's chains are.

use std::time::Duration;

use chancery_abi::Name;
use clap::Args;
use serde_json::{Value, json};

use super::{
    failure::{Failure, Result},
    options::{Format, NodeOptions},
    output::{Output, table},
};
use crate::client::{ChainStatus, Node};

/// How often a watched status is asked for.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// A member whose last vote is older counts as missing.
const VOTING_WITHIN_MS: u64 = 15_000;

/// Show how far a node's chains are.
#[derive(Args)]
pub(super) struct Status {
    /// One chain only.
    chain: Option<Name>,
    /// Keep watching: a line for every new block.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    format: Format,
}

impl Status {
    /// Runs the command.
    ///
    /// # Errors
    /// When the node cannot be reached, or a chain halted.
    pub(super) fn run(self, output: &Output) -> Result {
        let node = self.node.open()?;
        if self.watch {
            return self.watch(&node, output);
        }
        let statuses = self.statuses(&node)?;
        let json = json!({ "node": node.url(), "chains": statuses.iter().map(view).collect::<Vec<_>>() });
        output.result(&json, || {
            let row = |status: &ChainStatus| {
                vec![
                    status.name.to_string(),
                    status.height.to_string(),
                    waiting(status).to_string(),
                    status.state_root.to_string(),
                ]
            };
            let chains = table(
                &["CHAIN", "HEIGHT", "WAITING", "STATE ROOT"],
                &[1, 2],
                &statuses.iter().map(row).collect::<Vec<_>>(),
            );
            let committees = statuses.iter().filter_map(committee);
            let keys = statuses.iter().filter_map(threshold_key);
            std::iter::once(chains).chain(committees).chain(keys).collect::<Vec<_>>().join("\n\n")
        })?;
        match statuses.iter().find_map(|status| status.halted.as_deref()) {
            Some(halted) => Err(Failure::new(halted).code("halted").help("the node's log says more")),
            None => Ok(()),
        }
    }

    fn statuses(&self, node: &Node) -> Result<Vec<ChainStatus>> {
        let names = match &self.chain {
            Some(name) => vec![name.clone()],
            None => node.chains()?.into_iter().map(|chain| chain.name).collect(),
        };
        names.into_iter().map(|name| Ok(node.chain(name).status()?)).collect()
    }

    fn watch(&self, node: &Node, output: &Output) -> Result {
        let mut shown = std::collections::BTreeMap::new();
        loop {
            for status in self.statuses(node)? {
                let state = (status.height, waiting(&status));
                if shown.insert(status.name.clone(), state) != Some(state) {
                    output.result(&view(&status), || {
                        let (name, height, root) = (&status.name, status.height, status.state_root);
                        let waiting = waiting(&status);
                        format!("{name}  height {height}  waiting {waiting}  root {root}{}", taking_part(&status))
                    })?;
                }
                if let Some(halted) = &status.halted {
                    return Err(Failure::new(halted).code("halted").help("the node's log says more"));
                }
            }
            std::thread::sleep(WATCH_EVERY);
        }
    }
}

fn waiting(status: &ChainStatus) -> u64 {
    status.pool["transactions"].as_u64().unwrap_or_default()
}

/// How the committee is doing, in a few words.
fn taking_part(status: &ChainStatus) -> String {
    let Some(members) = status.consensus["members"].as_array() else { return String::new() };
    let voting = members.iter().filter(|member| is_voting(member)).count();
    let missing: Vec<String> = members.iter().filter(|member| !is_voting(member)).map(missing).collect();
    let lag = status.consensus["finality_lag_ms"].as_u64().map_or_else(String::new, |lag| format!("  lag {lag} ms"));
    let missing = if missing.is_empty() { String::new() } else { format!("  missing {}", missing.join(", ")) };
    format!("{lag}  voting {voting}/{}{missing}", members.len())
}

/// The threshold key and how its beacons keep up.
fn threshold_key(status: &ChainStatus) -> Option<String> {
    let threshold = &status.threshold;
    let (round, holders) = (threshold["round"].as_u64()?, threshold["holders"].as_u64()?);
    let trust = if threshold["untrusted"].as_bool() == Some(true) { ", UNTRUSTED: fewer than four" } else { "" };
    let beacon = match threshold["newest_beacon"].as_u64() {
        Some(newest) => format!("newest beacon of height {newest}, {} behind", status.height.saturating_sub(newest)),
        None => "no beacon yet".to_owned(),
    };
    let attested = match threshold["attested_height"].as_u64() {
        Some(height) => format!(", attested to height {height}"),
        None => String::new(),
    };
    let successor = match threshold["successor"]["from_height"].as_u64() {
        Some(height) => format!("; another key follows from height {height}"),
        None => String::new(),
    };
    let ceremony = match threshold["ceremony"]["round"].as_u64() {
        Some(round) => format!("; ceremony {round} waits for {}", threshold["ceremony"]["stage"].as_str()?),
        None => String::new(),
    };
    let name = &status.name;
    Some(format!(
        "threshold key of {name}: round {round}, {holders} holders{trust}; {beacon}{attested}{successor}{ceremony}"
    ))
}

/// Whether a member's vote was seen not long ago.
fn is_voting(member: &Value) -> bool {
    member["voted_ms_ago"].as_u64().is_some_and(|ago| ago < VOTING_WITHIN_MS)
}

fn missing(member: &Value) -> String {
    let key: String = member["key"].as_str().unwrap_or_default().chars().take(8).collect();
    match member["voted_ms_ago"].as_u64() {
        Some(ago) => format!("{key} (for {} s)", ago / 1_000),
        None => format!("{key} (not seen)"),
    }
}

/// The committee as a table.
fn committee(status: &ChainStatus) -> Option<String> {
    let members = status.consensus["members"].as_array()?;
    let ago = |value: &Value| value.as_u64().map_or_else(|| "never".into(), |ago| format!("{:.1} s", ago as f64 / 1e3));
    let row = |member: &Value| {
        let own = member["own"].as_bool() == Some(true);
        vec![
            member["key"].as_str().unwrap_or_default().to_owned(),
            ago(&member["voted_ms_ago"]),
            if own { "this node".into() } else { ago(&member["heard_ms_ago"]) },
            member["clock_ahead_ms"].as_i64().map_or_else(String::new, |ahead| format!("{ahead:+} ms")),
        ]
    };
    let head = format!(
        "committee of {}: {} must agree, view {}, {} views given up{}",
        status.name,
        status.consensus["quorum"],
        status.consensus["view"],
        status.consensus["skipped_views"],
        taking_part(status),
    );
    let rows: Vec<_> = members.iter().map(row).collect();
    Some(format!("{head}\n{}", table(&["VALIDATOR", "VOTED", "HEARD", "CLOCK"], &[1, 2, 3], &rows)))
}

fn view(status: &ChainStatus) -> Value {
    json!({
        "name": status.name.as_str(),
        "genesis": status.genesis.to_string(),
        "height": status.height,
        "header": status.header.to_string(),
        "state_root": status.state_root.to_string(),
        "timestamp_ms": status.timestamp_ms,
        "pool": status.pool,
        "consensus": status.consensus,
        "halted": status.halted,
    })
}
