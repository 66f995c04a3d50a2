//! A node's configuration: a TOML file under environment variables (`CHANCERY_*`) under the command line's flags, over
//! defaults. [`template`] writes the commented file that documents them all.
//!
//! Every value here is this node's own choice; what all nodes must agree on is in the genesis.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use chancery_abi::Name;
use chancery_runtime::state::StateConfig;
use confique::{Config, toml::FormatOptions};
use serde::{Deserialize, Serialize};

use crate::{
    api::{self, ApiConfig, Limits, TlsFiles},
    chain::ChainConfig,
    client::ClientTls,
    consensus::{ConsensusConfig, Peer, Timing},
    pool::PoolConfig,
    portal::{ContractAt, PortalConfig},
    snapshot::{KeeperConfig, Sources},
    store::StoreConfig,
};

/// How far beyond the tolerance a peer's clock may be off for it to be connected to at all; its proposals wait.
const CLOCK_SLACK: Duration = Duration::from_secs(20);
/// Nodes that snapshots are looked for at; each that does not answer takes a moment of every start.
const SNAPSHOT_SOURCES_MAX: usize = 16;

/// A node's configuration.
#[derive(Clone, Debug, Config)]
#[config(layer_attr(derive(Debug)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct NodeConfig {
    /// Where the node keeps its data; the store is in `store/` within.
    #[config(env = "CHANCERY_DATA_DIR", default = "chancery-data")]
    pub data_dir: PathBuf,

    /// The chain's genesis, as SCALE bytes. Without it, `genesis.scale` in the data directory.
    #[config(env = "CHANCERY_GENESIS")]
    pub genesis: Option<PathBuf>,

    /// The name in the keystore of this node's validator key.
    #[config(env = "CHANCERY_VALIDATOR_KEY", default = "validator")]
    pub validator_key: String,

    /// The HTTP API.
    #[config(nested)]
    pub api: ApiSection,

    /// Making blocks and answering for them.
    #[config(nested)]
    pub chain: ChainSection,

    /// The other validators.
    #[config(nested)]
    pub p2p: P2pSection,

    /// The mempool.
    #[config(nested)]
    pub pool: PoolSection,

    /// The database.
    #[config(nested)]
    pub store: StoreSection,

    /// State snapshots.
    #[config(nested)]
    pub snapshots: SnapshotsSection,

    /// The pages for citizens.
    #[config(nested)]
    pub portal: PortalSection,

    /// What the node writes about itself.
    #[config(nested)]
    pub log: LogSection,
}

/// The HTTP API.
#[derive(Clone, Debug, Config)]
#[config(layer_attr(derive(Debug)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct ApiSection {
    /// Where to listen. Loopback by default: for anything else give it a certificate, or put a proxy with TLS in front.
    #[config(env = "CHANCERY_API_LISTEN", default = "127.0.0.1:7070")]
    pub listen: SocketAddr,

    /// Connections at once; more wait in the operating system's queue.
    #[config(env = "CHANCERY_API_CONNECTIONS_MAX", default = 256)]
    pub connections_max: usize,

    /// Event streams at once, of those connections.
    #[config(env = "CHANCERY_API_STREAMS_MAX", default = 64)]
    pub streams_max: usize,

    /// Seconds a client has to send a request's header, and as many again for its body.
    #[config(env = "CHANCERY_API_READ_TIMEOUT_S", default = 10)]
    pub read_timeout_s: u64,

    /// The node's certificate for TLS and those that lead to its authority, a PEM file. Without it the API speaks plain
    /// HTTP. It is read again when it changes.
    #[config(env = "CHANCERY_API_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,

    /// The certificate's private key, a PEM file.
    #[config(env = "CHANCERY_API_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// The authority of client certificates, a PEM file. With it, figures, readiness, traces and snapshots are only for
    /// those who bring one; what is public stays so.
    #[config(env = "CHANCERY_API_CLIENT_CA")]
    pub client_ca: Option<PathBuf>,

    /// Takes transactions, and tries them out, only for those who bring a client certificate.
    #[config(env = "CHANCERY_API_SUBMIT_NEEDS_CERTIFICATE", default = false)]
    pub submit_needs_certificate: bool,

    /// Requests a second of one client, by its address (of IPv6, its /64); queries, proofs and the like count as ten. 0 sets
    /// no limit.
    #[config(env = "CHANCERY_API_REQUESTS_PER_SECOND", default = 100)]
    pub requests_per_second: u32,

    /// Requests of one client at once, before the rate counts.
    #[config(env = "CHANCERY_API_BURST", default = 400)]
    pub burst: u32,

    /// Limits clients on this machine too.
    #[config(env = "CHANCERY_API_LIMIT_LOOPBACK", default = false)]
    pub limit_loopback: bool,

    /// Addresses of proxies whose `X-Forwarded-For` says who the client is.
    #[config(env = "CHANCERY_API_TRUSTED_PROXIES", parse_env = confique::env::parse::list_by_comma, default = [])]
    pub trusted_proxies: Vec<IpAddr>,

    /// Sites whose pages may read the answers, such as `https://city.example`. This node's own pages need no entry.
    #[config(env = "CHANCERY_API_ALLOWED_ORIGINS", parse_env = confique::env::parse::list_by_comma, default = [])]
    pub allowed_origins: Vec<String>,
}

/// Making blocks and answering for them.
#[derive(Clone, Debug, Config)]
#[config(layer_attr(derive(Debug)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct ChainSection {
    /// An idle chain makes an empty block this often, in milliseconds.
    #[config(env = "CHANCERY_CHAIN_HEARTBEAT_MS", default = 2_000)]
    pub heartbeat_ms: u64,

    /// While many transactions wait, blocks are so far apart at least, in milliseconds, so that many go into one: it costs a
    /// loaded chain nothing, and leaves other chains on the same machine their time. One that waits alone never waits for
    /// this. 0 is never.
    #[config(env = "CHANCERY_CHAIN_GATHER_MS", default = 100)]
    pub gather_ms: u64,

    /// How many of the newest heights can be proven by state; older facts are proven by receipts.
    #[config(env = "CHANCERY_CHAIN_PROVABLE_HEIGHTS", default = 256)]
    pub provable_heights: u64,

    /// Queries, simulations and proofs that run at once.
    #[config(env = "CHANCERY_CHAIN_QUERIES_MAX", default = 4)]
    pub queries_max: usize,

    /// The most gas of one query.
    #[config(env = "CHANCERY_CHAIN_QUERY_GAS_MAX", default = 2_000_000_000)]
    pub query_gas_max: u64,

    /// Memory for compiled contracts, in MiB of their source.
    #[config(env = "CHANCERY_CHAIN_MODULE_CACHE_MIB", default = 64)]
    pub module_cache_mib: usize,

    /// Disk for compiled contracts, in MiB, so that a restart does not compile them again; 0 keeps none.
    #[config(env = "CHANCERY_CHAIN_MODULE_FILES_MIB", default = 256)]
    pub module_files_mib: usize,
}

/// The other validators.
#[derive(Clone, Debug, Config)]
#[config(layer_attr(derive(Debug)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct P2pSection {
    /// Where to listen for other validators.
    #[config(env = "CHANCERY_P2P_LISTEN", default = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// All validators' public keys and addresses, `KEY@HOST:PORT`. This node's own may be among them.
    #[config(default = [])]
    pub peers: Vec<String>,

    /// How far another validator's clock may be off, in milliseconds: more, and its proposals wait until this node's
    /// clock has caught up.
    #[config(env = "CHANCERY_P2P_CLOCK_TOLERANCE_MS", default = 3_000)]
    pub clock_tolerance_ms: u64,

    /// How long a proposer may take beyond the heartbeat, in milliseconds, before the others go on without it.
    #[config(env = "CHANCERY_P2P_PROPOSAL_PATIENCE_MS", default = 1_500)]
    pub proposal_patience_ms: u64,
}

/// The mempool.
#[derive(Clone, Debug, Config)]
#[config(layer_attr(derive(Debug)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct PoolSection {
    /// Transactions that wait at once.
    #[config(env = "CHANCERY_POOL_COUNT_MAX", default = 10_000)]
    pub count_max: usize,

    /// Their bytes, in MiB.
    #[config(env = "CHANCERY_POOL_MIB_MAX", default = 64)]
    pub mib_max: usize,

    /// Transactions of one account that wait at once, and how far ahead of the next nonce one may be.
    #[config(env = "CHANCERY_POOL_ACCOUNT_COUNT_MAX", default = 256)]
    pub account_count_max: usize,

    /// Bytes of one account's, in MiB.
    #[config(env = "CHANCERY_POOL_ACCOUNT_MIB_MAX", default = 4)]
    pub account_mib_max: usize,

    /// Heights after which a transaction is dropped however long it says it is valid.
    #[config(env = "CHANCERY_POOL_STAY_HEIGHTS_MAX", default = 2_880)]
    pub stay_heights_max: u64,
}

/// The database.
#[derive(Clone, Debug, Config)]
#[config(layer_attr(derive(Debug)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct StoreSection {
    /// Memory for blocks of the database, in MiB.
    #[config(env = "CHANCERY_STORE_BLOCK_CACHE_MIB", default = 256)]
    pub block_cache_mib: usize,

    /// Memory for what is not in tables yet, in MiB.
    #[config(env = "CHANCERY_STORE_WRITE_BUFFER_MIB", default = 64)]
    pub write_buffer_mib: usize,

    /// Files the database keeps open.
    #[config(env = "CHANCERY_STORE_OPEN_FILES_MAX", default = 512)]
    pub open_files_max: u16,

    /// Free space in MiB below which no transactions are taken, so that no write ever fails for want of it.
    #[config(env = "CHANCERY_STORE_DISK_RESERVE_MIB", default = 512)]
    pub disk_reserve_mib: u64,

    /// Makes the state's trie anew from its values at the start. For repairs; slow.
    #[config(env = "CHANCERY_STORE_REBUILD_TRIE", default = false)]
    pub rebuild_trie: bool,
}

/// State snapshots, from which others begin.
#[derive(Clone, Debug, Config)]
#[config(layer_attr(derive(Debug)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct SnapshotsSection {
    /// A snapshot is made at every multiple of this height, and served; 0 makes none. It takes as much room as the state's
    /// values.
    #[config(env = "CHANCERY_SNAPSHOTS_EVERY_BLOCKS", default = 0)]
    pub every_blocks: u64,

    /// How many are kept.
    #[config(env = "CHANCERY_SNAPSHOTS_KEPT", default = 2)]
    pub kept: u8,

    /// API addresses of nodes, such as `https://node.interior.gov:7443`, from whose snapshots a chain that is empty here, or
    /// far behind, begins when the node starts, instead of executing every block. None of them is trusted. Without any the
    /// node never does; with, it then has none of the blocks before the snapshot's.
    #[config(env = "CHANCERY_SNAPSHOTS_SOURCES", parse_env = confique::env::parse::list_by_comma, default = [])]
    pub sources: Vec<String>,

    /// A chain that has blocks is far behind when the newest snapshot of a source is so many blocks ahead.
    #[config(env = "CHANCERY_SNAPSHOTS_BEHIND_BLOCKS", default = 10_000)]
    pub behind_blocks: u64,

    /// The authority of the sources' certificates, a PEM file. Without it, those that this system trusts.
    #[config(env = "CHANCERY_SNAPSHOTS_CA")]
    pub ca: Option<PathBuf>,

    /// A client certificate for the sources, a PEM file: where `api.client_ca` is set, snapshots are only for who brings one.
    #[config(env = "CHANCERY_SNAPSHOTS_CLIENT_CERTIFICATE")]
    pub client_certificate: Option<PathBuf>,

    /// That certificate's private key, a PEM file.
    #[config(env = "CHANCERY_SNAPSHOTS_CLIENT_KEY")]
    pub client_key: Option<PathBuf>,
}

/// The pages for citizens, at the API's address.
#[derive(Clone, Debug, Config)]
#[config(layer_attr(derive(Debug)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct PortalSection {
    /// Whether there are any.
    #[config(env = "CHANCERY_PORTAL_ENABLED", default = true)]
    pub enabled: bool,

    /// What they are headed with.
    #[config(env = "CHANCERY_PORTAL_NAME", default = "Chancery")]
    pub name: String,

    /// The contract against whose records documents are checked, `CHAIN/CONTRACT`.
    #[config(env = "CHANCERY_PORTAL_EVIDENCE", default = "evidence/evidence")]
    pub evidence: String,

    /// The licence-plate lottery, `CHAIN/CONTRACT`.
    #[config(env = "CHANCERY_PORTAL_LOTTERY", default = "plates/plate-lottery")]
    pub lottery: String,

    /// The waste sorting, `CHAIN/CONTRACT`.
    #[config(env = "CHANCERY_PORTAL_WASTE", default = "waste/waste-sorting")]
    pub waste: String,

    /// Where the trust anchor's fingerprint is published besides: addresses of the web, or words such as those of a gazette.
    #[config(default = [])]
    pub anchor_published: Vec<String>,
}

/// What the node writes about itself, to standard error.
#[derive(Clone, Debug, Config)]
#[config(layer_attr(derive(Debug)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct LogSection {
    /// `text` for people, `json` for machines.
    #[config(env = "CHANCERY_LOG_FORMAT", default = "text")]
    pub format: LogFormat,

    /// What is written: a level, or levels by module as in `info,chancery::chain=debug`.
    #[config(env = "CHANCERY_LOG_FILTER", default = "info")]
    pub filter: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or variable cannot be read as one.
    #[error("the configuration cannot be read: {0}")]
    Unreadable(#[from] confique::Error),
    /// A value is out of its range.
    #[error("{key} = {found} is out of range: {expected}")]
    Range {
        /// The key, with its section.
        key: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A value does nothing without another.
    #[error("{key} is set and {missing} is not")]
    Missing {
        /// The key, with its section.
        key: &'static str,
        /// What it needs.
        missing: &'static str,
    },
}

impl NodeConfig {
    /// The configuration of `file`, where there is one, under the environment and over the defaults.
    ///
    /// # Errors
    /// When the file or a variable cannot be read, has an unknown key, or a value is out of range.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut builder = Self::builder().env();
        if let Some(file) = file {
            // A file that was named must be there.
            let file = confique::File::with_format(file, confique::FileFormat::Toml).required();
            builder = builder.preloaded(file.load()?);
        }
        builder.load()?.checked()
    }

    /// The defaults alone.
    ///
    /// # Panics
    /// Never: a test loads them.
    pub fn defaults() -> Self {
        Self::builder().load().expect("every value has a default")
    }

    fn checked(self) -> Result<Self, ConfigError> {
        let (pool, chain) = (&self.pool, &self.chain);
        let at_least_one = [
            ("api.connections_max", self.api.connections_max as u64),
            ("api.read_timeout_s", self.api.read_timeout_s),
            ("chain.heartbeat_ms", chain.heartbeat_ms),
            ("chain.provable_heights", chain.provable_heights),
            ("chain.queries_max", chain.queries_max as u64),
            ("pool.count_max", pool.count_max as u64),
            ("pool.mib_max", pool.mib_max as u64),
            ("pool.account_count_max", pool.account_count_max as u64),
            ("pool.account_mib_max", pool.account_mib_max as u64),
            ("pool.stay_heights_max", pool.stay_heights_max),
            ("store.block_cache_mib", self.store.block_cache_mib as u64),
            ("store.write_buffer_mib", self.store.write_buffer_mib as u64),
            ("p2p.proposal_patience_ms", self.p2p.proposal_patience_ms),
            ("snapshots.behind_blocks", self.snapshots.behind_blocks),
        ];
        if let Some((key, _)) = at_least_one.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Range { key, found: "0".into(), expected: "at least 1" });
        }
        const QUERIES_MAX: usize = 64;
        if chain.queries_max > QUERIES_MAX {
            let found = chain.queries_max.to_string();
            return Err(ConfigError::Range { key: "chain.queries_max", found, expected: "at most 64" });
        }
        if self.store.open_files_max < 64 {
            let found = self.store.open_files_max.to_string();
            return Err(ConfigError::Range { key: "store.open_files_max", found, expected: "at least 64" });
        }
        self.api.checked()?;
        self.snapshots.checked()?;
        if let Some(error) = self.p2p.peers.iter().find_map(|peer| peer.parse::<Peer>().err()) {
            return Err(ConfigError::Range { key: "p2p.peers", found: error, expected: "KEY@HOST:PORT" });
        }
        self.portal_config()?;
        Ok(self)
    }

    /// What a node decides about its pages.
    ///
    /// # Errors
    /// When a contract is not written as one.
    pub(crate) fn portal_config(&self) -> Result<PortalConfig, ConfigError> {
        let portal = &self.portal;
        let at = |key: &'static str, text: &String| -> Result<ContractAt, ConfigError> {
            let expected = "CHAIN/CONTRACT, such as evidence/evidence";
            text.parse().map_err(|_| ConfigError::Range { key, found: format!("{text:?}"), expected })
        };
        Ok(PortalConfig {
            enabled: portal.enabled,
            name: portal.name.clone(),
            evidence: at("portal.evidence", &portal.evidence)?,
            lottery: at("portal.lottery", &portal.lottery)?,
            waste: at("portal.waste", &portal.waste)?,
            anchor_published: portal.anchor_published.clone(),
        })
    }

    /// What a node does in the agreement on blocks.
    pub fn consensus_config(&self) -> ConsensusConfig {
        let tolerance = Duration::from_millis(self.p2p.clock_tolerance_ms);
        ConsensusConfig {
            directory: self.data_dir.join("consensus"),
            listen: self.p2p.listen,
            // The configuration was checked when it was loaded.
            peers: self.p2p.peers.iter().filter_map(|peer| peer.parse().ok()).collect(),
            timing: Timing {
                heartbeat: Duration::from_millis(self.chain.heartbeat_ms),
                proposal_patience: Duration::from_millis(self.p2p.proposal_patience_ms),
                gather: Duration::from_millis(self.chain.gather_ms),
                clock_tolerance: tolerance,
                fetch_timeout: Duration::from_secs(2),
            },
            clock_bound: tolerance + CLOCK_SLACK,
        }
    }

    /// Where the store is.
    pub fn store_dir(&self) -> PathBuf {
        self.data_dir.join("store")
    }

    /// Where the genesis is.
    pub fn genesis_file(&self) -> PathBuf {
        self.genesis.clone().unwrap_or_else(|| self.data_dir.join("genesis.scale"))
    }

    pub(crate) fn store_config(&self) -> StoreConfig {
        StoreConfig {
            block_cache_bytes: mib(self.store.block_cache_mib),
            write_buffer_bytes: mib(self.store.write_buffer_mib),
            open_files_max: i32::from(self.store.open_files_max.min(i16::MAX as u16)),
        }
    }

    pub(crate) fn chain_config(&self) -> ChainConfig {
        let pool = PoolConfig {
            count_max: self.pool.count_max,
            bytes_max: mib(self.pool.mib_max),
            account_count_max: self.pool.account_count_max,
            account_bytes_max: mib(self.pool.account_mib_max),
            nonce_window: self.pool.account_count_max as u64,
            stay_heights_max: self.pool.stay_heights_max,
        };
        ChainConfig {
            pool,
            state: StateConfig {
                provable_heights: self.chain.provable_heights,
                rebuild: self.store.rebuild_trie,
                ..StateConfig::default()
            },
            heartbeat: Duration::from_millis(self.chain.heartbeat_ms),
            queries_max: self.chain.queries_max,
            query_gas_max: self.chain.query_gas_max,
            disk_reserve_bytes: self.store.disk_reserve_mib.saturating_mul(1 << 20),
            snapshots: Some(KeeperConfig {
                directory: self.snapshots_dir(),
                every_blocks: self.snapshots.every_blocks,
                kept: usize::from(self.snapshots.kept),
            }),
        }
    }

    /// What this node decides about a sidechain: the same as about its mainchain, with folders of the chain's own.
    pub(crate) fn sidechain_config(&self, name: &Name) -> ChainConfig {
        let mut config = self.chain_config();
        if let Some(snapshots) = &mut config.snapshots {
            snapshots.directory = snapshots.directory.join("sidechains").join(name.as_str());
        }
        config
    }

    /// Where the mainchain's snapshots are kept.
    pub(crate) fn snapshots_dir(&self) -> PathBuf {
        self.data_dir.join("snapshots")
    }

    /// Where snapshots are taken from, and when.
    pub(crate) fn snapshot_sources(&self) -> Sources {
        let SnapshotsSection { sources, behind_blocks, ca, client_certificate, client_key, .. } = &self.snapshots;
        Sources {
            urls: sources.clone(),
            tls: ClientTls { ca: ca.clone(), identity: client_certificate.clone().zip(client_key.clone()) },
            behind_blocks: *behind_blocks,
            reserve_bytes: self.store.disk_reserve_mib.saturating_mul(1 << 20),
        }
    }

    pub(crate) fn module_cache_bytes(&self) -> usize {
        mib(self.chain.module_cache_mib)
    }

    /// Where compiled contracts are kept.
    pub(crate) fn module_files_dir(&self) -> PathBuf {
        self.data_dir.join("modules")
    }

    pub(crate) fn module_files_bytes(&self) -> u64 {
        mib(self.chain.module_files_mib) as u64
    }

    pub(crate) fn api_config(&self) -> ApiConfig {
        ApiConfig {
            listen: self.api.listen,
            connections_max: self.api.connections_max,
            streams_max: self.api.streams_max,
            read_timeout: Duration::from_secs(self.api.read_timeout_s),
            tls: self.api.tls_files(),
            submit_needs_certificate: self.api.submit_needs_certificate,
            limits: Limits {
                requests_per_second: self.api.requests_per_second,
                burst: self.api.burst,
                limit_loopback: self.api.limit_loopback,
            },
            trusted_proxies: self.api.trusted_proxies.clone(),
            // The configuration was checked when it was loaded.
            allowed_origins: self.api.allowed_origins.iter().filter_map(|text| api::origin(text)).collect(),
        }
    }
}

impl ApiSection {
    fn checked(&self) -> Result<(), ConfigError> {
        let needs = [
            ("api.tls_certificate", self.tls_certificate.is_some(), "api.tls_key", self.tls_key.is_some()),
            ("api.tls_key", self.tls_key.is_some(), "api.tls_certificate", self.tls_certificate.is_some()),
            ("api.client_ca", self.client_ca.is_some(), "api.tls_certificate", self.tls_certificate.is_some()),
            ("api.submit_needs_certificate", self.submit_needs_certificate, "api.client_ca", self.client_ca.is_some()),
        ];
        if let Some((key, _, missing, _)) = needs.into_iter().find(|(_, set, _, there)| *set && !there) {
            return Err(ConfigError::Missing { key, missing });
        }
        if self.requests_per_second > 0 && self.burst < api::BURST_MIN {
            let found = self.burst.to_string();
            return Err(ConfigError::Range { key: "api.burst", found, expected: "at least 10, the price of a query" });
        }
        match self.allowed_origins.iter().find(|text| api::origin(text).is_none()) {
            None => Ok(()),
            Some(found) => Err(ConfigError::Range {
                key: "api.allowed_origins",
                found: found.clone(),
                expected: "SCHEME://HOST or SCHEME://HOST:PORT, in lower case and with nothing after",
            }),
        }
    }

    fn tls_files(&self) -> Option<TlsFiles> {
        let (certificate, key) = (self.tls_certificate.clone()?, self.tls_key.clone()?);
        Some(TlsFiles { certificate, key, client_ca: self.client_ca.clone() })
    }
}

impl SnapshotsSection {
    fn checked(&self) -> Result<(), ConfigError> {
        let (certificate, key) = ("snapshots.client_certificate", "snapshots.client_key");
        match (&self.client_certificate, &self.client_key) {
            (Some(_), None) => return Err(ConfigError::Missing { key: certificate, missing: key }),
            (None, Some(_)) => return Err(ConfigError::Missing { key, missing: certificate }),
            _ => {}
        }
        if self.sources.len() > SNAPSHOT_SOURCES_MAX {
            let found = format!("{} addresses", self.sources.len());
            return Err(ConfigError::Range { key: "snapshots.sources", found, expected: "at most 16" });
        }
        match self.sources.iter().find(|url| !is_address(url)) {
            None => Ok(()),
            Some(found) => Err(ConfigError::Range {
                key: "snapshots.sources",
                found: format!("{found:?}"),
                expected: "the address of a node's API, such as https://node.interior.gov:7443",
            }),
        }
    }
}

fn is_address(url: &str) -> bool {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    host.is_some_and(|host| !host.is_empty())
}

fn mib(count: usize) -> usize {
    count.saturating_mul(1 << 20)
}

/// The commented file with all keys at their defaults.
pub fn template() -> String {
    let text = confique::toml::template::<NodeConfig>(FormatOptions::default());
    format!("# Chancery node. Flags come before CHANCERY_* variables, those before this file.\n\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_a_configuration_and_says_the_defaults() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let file = home.path().join("node.toml");
        // Every key is commented out; with the comments taken off, the same values must come out.
        let uncommented: String = template()
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if rest.contains(" = ") && !rest.starts_with(' ') => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        std::fs::write(&file, uncommented).expect("a file");
        let config = NodeConfig::load(Some(&file)).expect("the template can be loaded");
        assert_eq!(format!("{config:?}"), format!("{:?}", NodeConfig::defaults()));
        assert_eq!(config.chain_config().pool, PoolConfig::default());
        assert!(config.api.listen.ip().is_loopback());
    }

    #[test]
    fn unknown_keys_wrong_values_and_missing_files_are_errors() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let file = home.path().join("node.toml");
        for text in [
            "no_such_key = 1",
            "[chain]\nheartbeat_ms = 0",
            "[api]\nlisten = \"here\"",
            "[chain]\nqueries_max = 65",
            "[portal]\nwaste = \"waste\"",
            "[api]\ntls_certificate = \"node.pem\"",
            "[api]\ntls_key = \"node.key\"",
            "[api]\nclient_ca = \"clients.pem\"",
            "[api]\nsubmit_needs_certificate = true",
            "[api]\nburst = 9",
            "[api]\ntrusted_proxies = [\"here\"]",
            "[api]\nallowed_origins = [\"*\"]",
            "[snapshots]\nsources = [\"node.interior.gov:7443\"]",
            "[snapshots]\nbehind_blocks = 0",
            "[snapshots]\nclient_certificate = \"node.pem\"",
            "[snapshots]\nclient_key = \"node.key\"",
        ] {
            std::fs::write(&file, text).expect("a file");
            assert!(NodeConfig::load(Some(&file)).is_err(), "{text}");
        }
        assert!(NodeConfig::load(Some(&home.path().join("missing.toml"))).is_err());
    }
}
