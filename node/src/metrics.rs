//! The node's figures for Prometheus, declared once, here.
//!
//! Labels have few values by construction: chains of this process, stable codes, routes as they are declared. Nothing a
//! client sends becomes a label.

use std::{sync::Arc, time::Duration};

use chancery_abi::{Digest, Outcome};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::{
    chain::Candidate,
    consensus::{Board, MemberStatus, ParticipationView},
};

/// A validator whose last vote is older does not count as voting.
const VOTING_WITHIN_MS: u64 = 15_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChainLabel {
    chain: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChainCodeLabels {
    chain: String,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ValidatorLabels {
    chain: String,
    validator: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedLabels {
    route: String,
    code: String,
}

/// Seconds, from a tenth of a millisecond to ten seconds.
const SECONDS: [f64; 16] =
    [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// All figures of the process.
pub struct Metrics {
    registry: Registry,
    families: Arc<Families>,
}

struct Families {
    height: Family<ChainLabel, Gauge>,
    halted: Family<ChainLabel, Gauge>,
    transactions: Family<ChainCodeLabels, Counter>,
    gas: Family<ChainLabel, Counter>,
    execute_seconds: Family<ChainLabel, Histogram>,
    commit_seconds: Family<ChainLabel, Histogram>,
    pool_count: Family<ChainLabel, Gauge>,
    pool_bytes: Family<ChainLabel, Gauge>,
    disk_held_bytes: Family<ChainLabel, Gauge>,
    accepted: Family<ChainLabel, Counter>,
    refused: Family<ChainCodeLabels, Counter>,
    dropped: Family<ChainCodeLabels, Counter>,
    view: Family<ChainLabel, Gauge>,
    certified_height: Family<ChainLabel, Gauge>,
    skipped_views: Family<ChainLabel, Gauge>,
    finality_lag_ms: Family<ChainLabel, Gauge>,
    validators_voting: Family<ChainLabel, Gauge>,
    validator_voted_ms_ago: Family<ValidatorLabels, Gauge>,
    validator_clock_ahead_ms: Family<ValidatorLabels, Gauge>,
    beacon_height: Family<ChainLabel, Gauge>,
    threshold_round: Family<ChainLabel, Gauge>,
    disk_free_bytes: Gauge,
    database_tables_bytes: Gauge,
    database_memory_bytes: Gauge,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Histogram,
    requests_refused: Family<RefusedLabels, Counter>,
    connections: Gauge,
}

impl Families {
    fn register_consensus(&self, registry: &mut Registry) {
        registry.register("consensus_view", "The newest view that was decided", self.view.clone());
        let help = "The newest height that was seen certified, committed here or not";
        registry.register("certified_height", help, self.certified_height.clone());
        registry.register("skipped_views", "Views given up since the start", self.skipped_views.clone());
        let help = "From the newest block's time to its commit here, in milliseconds";
        registry.register("finality_lag_ms", help, self.finality_lag_ms.clone());
        let help = "Validators whose vote was seen within 15 s";
        registry.register("validators_voting", help, self.validators_voting.clone());
        let help = "Since a validator's last vote, in milliseconds; -1 when none was seen";
        registry.register("validator_voted_ms_ago", help, self.validator_voted_ms_ago.clone());
        let help = "How far a validator's clock is ahead of this node's, in milliseconds";
        registry.register("validator_clock_ahead_ms", help, self.validator_clock_ahead_ms.clone());
        registry.register("beacon_height", "The newest height whose beacon is known", self.beacon_height.clone());
        let help = "The round that the threshold key in force is from; -1 while there is none";
        registry.register("threshold_round", help, self.threshold_round.clone());
    }
}

impl Metrics {
    /// All figures at zero.
    pub fn new() -> Self {
        let families = Families {
            height: Family::default(),
            halted: Family::default(),
            transactions: Family::default(),
            gas: Family::default(),
            execute_seconds: Family::new_with_constructor(seconds),
            commit_seconds: Family::new_with_constructor(seconds),
            pool_count: Family::default(),
            pool_bytes: Family::default(),
            disk_held_bytes: Family::default(),
            accepted: Family::default(),
            refused: Family::default(),
            dropped: Family::default(),
            view: Family::default(),
            certified_height: Family::default(),
            skipped_views: Family::default(),
            finality_lag_ms: Family::default(),
            validators_voting: Family::default(),
            validator_voted_ms_ago: Family::default(),
            validator_clock_ahead_ms: Family::default(),
            beacon_height: Family::default(),
            threshold_round: Family::default(),
            disk_free_bytes: Gauge::default(),
            database_tables_bytes: Gauge::default(),
            database_memory_bytes: Gauge::default(),
            requests: Family::default(),
            request_seconds: seconds(),
            requests_refused: Family::default(),
            connections: Gauge::default(),
        };
        let mut registry = Registry::with_prefix("chancery");
        let f = &families;
        registry.register("height", "The newest final block's height", f.height.clone());
        registry.register("halted", "1 when the chain halted", f.halted.clone());
        registry.register("transactions", "Final transactions by outcome", f.transactions.clone());
        registry.register("gas_used", "Gas of final transactions", f.gas.clone());
        registry.register_with_unit("block_execute", "Executing a block", Unit::Seconds, f.execute_seconds.clone());
        registry.register_with_unit("block_commit", "Making a block durable", Unit::Seconds, f.commit_seconds.clone());
        registry.register("pool_transactions", "Transactions that wait", f.pool_count.clone());
        registry.register_with_unit("pool", "Bytes of transactions that wait", Unit::Bytes, f.pool_bytes.clone());
        registry.register("submitted", "Transactions that were taken in", f.accepted.clone());
        registry.register("refused", "Transactions that were not taken in, by code", f.refused.clone());
        registry.register("dropped", "Transactions that left the pool unexecuted, by code", f.dropped.clone());
        f.register_consensus(&mut registry);
        let held = f.disk_held_bytes.clone();
        registry.register_with_unit("chain_disk", "What a chain holds of the store's disk", Unit::Bytes, held);
        registry.register_with_unit("disk_free", "Room on the store's disk", Unit::Bytes, f.disk_free_bytes.clone());
        let help = "The database's tables on disk";
        registry.register_with_unit("database_tables", help, Unit::Bytes, f.database_tables_bytes.clone());
        let help = "Memory of the database beside its block cache";
        registry.register_with_unit("database_memory", help, Unit::Bytes, f.database_memory_bytes.clone());
        registry.register("http_requests", "Requests by route and status", f.requests.clone());
        registry.register_with_unit("http_request", "Answering a request", Unit::Seconds, f.request_seconds.clone());
        let help = "Requests that were refused before anybody looked at them, by route and code";
        registry.register("http_refused", help, f.requests_refused.clone());
        registry.register("http_connections", "Open connections", f.connections.clone());
        Self { registry, families: Arc::new(families) }
    }

    /// The figures of one chain.
    pub fn chain(&self, name: &chancery_abi::Name) -> ChainMetrics {
        ChainMetrics { families: Arc::clone(&self.families), chain: name.to_string() }
    }

    /// Counts an answered request. `route` is the path as it is declared.
    pub fn request(&self, route: &str, status: u16, took: Duration) {
        self.families.requests.get_or_create(&RequestLabels { route: route.to_owned(), status }).inc();
        self.families.request_seconds.observe(took.as_secs_f64());
    }

    /// Counts a request that was refused for who asked, or how often.
    pub fn request_refused(&self, route: &str, code: &str) {
        let labels = RefusedLabels { route: route.to_owned(), code: code.to_owned() };
        self.families.requests_refused.get_or_create(&labels).inc();
    }

    /// Counts a connection until the guard is dropped.
    pub fn connection(&self) -> OpenConnection {
        self.families.connections.inc();
        OpenConnection { connections: self.families.connections.clone() }
    }

    /// What the database takes.
    pub fn database(&self, tables_bytes: u64, memory_bytes: u64) {
        self.families.database_tables_bytes.set(gauge(tables_bytes));
        self.families.database_memory_bytes.set(gauge(memory_bytes));
    }

    /// All figures in OpenMetrics' text format.
    ///
    /// # Errors
    /// When formatting fails.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Counts one connection for as long as it lives.
pub struct OpenConnection {
    connections: Gauge,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.connections.dec();
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The figures of one chain.
#[derive(Clone)]
pub struct ChainMetrics {
    families: Arc<Families>,
    chain: String,
}

impl ChainMetrics {
    fn label(&self) -> ChainLabel {
        ChainLabel { chain: self.chain.clone() }
    }

    fn code(&self, code: &'static str) -> ChainCodeLabels {
        ChainCodeLabels { chain: self.chain.clone(), code }
    }

    pub(crate) fn opened(&self, height: u64) {
        self.families.height.get_or_create(&self.label()).set(gauge(height));
        self.families.halted.get_or_create(&self.label()).set(0);
    }

    pub(crate) fn halted(&self) {
        self.families.halted.get_or_create(&self.label()).set(1);
    }

    pub(crate) fn block(&self, candidate: &Candidate, execute: Duration, commit: Duration) {
        let label = self.label();
        self.families.height.get_or_create(&label).set(gauge(candidate.height()));
        self.families.gas.get_or_create(&label).inc_by(candidate.block().header.gas_used);
        self.families.execute_seconds.get_or_create(&label).observe(execute.as_secs_f64());
        self.families.commit_seconds.get_or_create(&label).observe(commit.as_secs_f64());
        for receipt in candidate.receipts() {
            let code = match receipt.outcome {
                Outcome::Done { .. } => "done",
                Outcome::Failed { .. } => "failed",
                Outcome::Trapped { .. } => "trapped",
                Outcome::Refused { .. } => "refused",
            };
            self.families.transactions.get_or_create(&self.code(code)).inc();
        }
    }

    pub(crate) fn pool(&self, count: usize, bytes: usize) {
        let gauge = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        self.families.pool_count.get_or_create(&self.label()).set(gauge(count));
        self.families.pool_bytes.get_or_create(&self.label()).set(gauge(bytes));
    }

    pub(crate) fn disk_held(&self, bytes: u64) {
        self.families.disk_held_bytes.get_or_create(&self.label()).set(gauge(bytes));
    }

    pub(crate) fn accepted(&self) {
        self.families.accepted.get_or_create(&self.label()).inc();
    }

    pub(crate) fn refused(&self, code: &'static str) {
        self.families.refused.get_or_create(&self.code(code)).inc();
    }

    pub(crate) fn dropped(&self, code: &'static str) {
        self.families.dropped.get_or_create(&self.code(code)).inc();
    }

    /// How the committee does, as this node sees it now.
    pub(crate) fn consensus(&self, view: &ParticipationView, now_ms: u64) {
        let (f, label) = (&*self.families, self.label());
        f.view.get_or_create(&label).set(gauge(view.view));
        f.certified_height.get_or_create(&label).set(gauge(view.certified_height));
        f.skipped_views.get_or_create(&label).set(gauge(view.skipped_views));
        if let Some(lag) = view.finality_lag_ms {
            f.finality_lag_ms.get_or_create(&label).set(gauge(lag));
        }
        let ago = |member: &MemberStatus| member.voted_ms.map(|voted| now_ms.saturating_sub(voted));
        let voting = view.members.iter().filter(|member| ago(member).is_some_and(|ago| ago < VOTING_WITHIN_MS)).count();
        f.validators_voting.get_or_create(&label).set(i64::try_from(voting).unwrap_or(i64::MAX));
        for member in &view.members {
            let labels = ValidatorLabels { chain: self.chain.clone(), validator: Digest(member.key).to_string() };
            f.validator_voted_ms_ago.get_or_create(&labels).set(ago(member).map_or(-1, gauge));
            if let Some(ahead) = member.clock_ahead_ms {
                f.validator_clock_ahead_ms.get_or_create(&labels).set(ahead);
            }
        }
    }

    /// How the threshold key does.
    pub(crate) fn threshold(&self, board: &Board) {
        let (f, label) = (&*self.families, self.label());
        f.beacon_height.get_or_create(&label).set(board.newest_beacon.map_or(0, gauge));
        f.threshold_round.get_or_create(&label).set(board.group.as_ref().map_or(-1, |group| i64::from(group.round)));
    }

    pub(crate) fn disk_free(&self, bytes: u64) {
        self.families.disk_free_bytes.set(gauge(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_guide_has_every_figure() {
        let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operators.md"));
        let guide = guide.expect("the guide is beside the crate");
        // A figure without a value is not in the text, so they are read where they are declared.
        let source = include_str!("metrics.rs");
        let declared = source.split(".register").skip(1).filter_map(|call| {
            let call = call.strip_prefix("_with_unit").unwrap_or(call).strip_prefix("(\"")?;
            call.split_once('"').map(|(name, _)| format!("chancery_{name}"))
        });
        let declared: Vec<String> = declared.collect();
        assert!(declared.len() > 20, "{declared:?}");
        let missing: Vec<_> = declared.iter().filter(|name| !guide.contains(&format!("`{name}"))).collect();
        assert!(missing.is_empty(), "docs/operators.md lacks {missing:?}");
        let documented = guide.lines().filter(|line| line.starts_with("| `chancery_")).flat_map(|line| line.split('`'));
        for name in documented.filter(|word| word.starts_with("chancery_")) {
            assert!(
                declared.iter().any(|known| name.starts_with(known)),
                "docs/operators.md has {name}, which is none"
            );
        }
    }

    #[test]
    fn the_text_names_chains_and_routes() {
        let metrics = Metrics::new();
        let name = chancery_abi::Name::new("main").expect("a name");
        metrics.chain(&name).opened(7);
        metrics.request("/livez", 200, Duration::from_millis(1));
        let connection = metrics.connection();
        let text = metrics.encode().expect("formatting works");
        for line in [
            "chancery_height{chain=\"main\"} 7",
            "chancery_http_requests_total{route=\"/livez\",status=\"200\"} 1",
            "chancery_http_connections 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        drop(connection);
        assert!(metrics.encode().expect("formatting works").contains("chancery_http_connections 0"));
    }
}
