//! `chancery network plan`: a trial network on one machine. Its keys are all made here and kept without passphrases,
//! so nothing of it belongs on a real network.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use chancery_abi::{Committee, Name, limits::COMMITTEE_MAX};
use clap::Args;
use serde_json::json;

use super::{
    files::{self, NodeFile, VALIDATOR},
    trial::{administrator_key, trial_departments},
};
use crate::{
    chain::{GenesisPlan, RegistryPlan, now_ms, plan_genesis},
    cli::{
        failure::{Failure, Result},
        options::Format,
        output::Output,
    },
    consensus::Peer,
    keystore::{AccountKey, Keystore, NewProtection},
};

/// The key that may deploy for every department.
const DEMO: &str = "demo";

/// Make a trial network.
#[derive(Args)]
pub(in crate::cli) struct Plan {
    /// How many validators; four bear one that is down or lies.
    #[arg(long, value_name = "N", default_value_t = 4)]
    validators: u16,
    /// A new directory for all of it.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The chain's name.
    #[arg(long, default_value = "main")]
    chain: Name,
    /// The departments for which the key `demo` may deploy.
    #[arg(long = "department", value_name = "NAME", default_values = ["judicial", "interior", "environment", "transport"])]
    departments: Vec<Name>,
    /// The first node's port for validators; the others' follow.
    #[arg(long, value_name = "PORT", default_value_t = 7_170)]
    p2p_port: u16,
    /// The first node's port for the API; the others' follow.
    #[arg(long, value_name = "PORT", default_value_t = 7_070)]
    api_port: u16,
    /// An idle chain makes an empty block this often, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    heartbeat_ms: u64,
    #[command(flatten)]
    format: Format,
}

impl Plan {
    pub(super) fn run(self, output: &Output) -> Result {
        let count = usize::from(self.validators);
        if count == 0 || count > COMMITTEE_MAX {
            return Err(Failure::usage(format!("--validators: 1 to {COMMITTEE_MAX} are possible")));
        }
        if self.out.join(files::GENESIS_FILE).exists() {
            return Err(Failure::new(format!("{} has a network already", self.out.display()))
                .help("name another directory with --out"));
        }
        let out = files::make_directory(&self.out)?;
        let ports = |first: u16| -> Result<Vec<SocketAddr>> {
            let last = first.checked_add(self.validators - 1).filter(|_| first > 0);
            let last = last.ok_or_else(|| Failure::usage(format!("there are no {count} ports from {first} on")))?;
            Ok((first..=last).map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)).collect())
        };
        let (apis, p2ps) = (ports(self.api_port)?, ports(self.p2p_port)?);
        let demo = keep(&out.join("keys"), DEMO)?;
        let nodes: Vec<PathBuf> = (1..=count).map(|number| out.join(format!("node-{number}"))).collect();
        let keys: Vec<AccountKey> =
            nodes.iter().map(|node| keep(&node.join("keys"), VALIDATOR)).collect::<Result<_>>()?;
        let peers: Vec<Peer> = keys.iter().zip(&p2ps).map(|(key, address)| peer(key, *address)).collect();
        let administrator = |name: &Name| keep(&out.join("keys"), &administrator_key(name));
        let administrators = self.departments.iter().map(administrator).collect::<Result<Vec<_>>>()?;
        let (now, departments) = (now_ms(), trial_departments(&self.departments, &keys, &administrators, &demo));
        let registry = RegistryPlan::trial(departments);
        let genesis = plan_genesis(GenesisPlan {
            chain: self.chain.clone(),
            committee: Committee::new(keys.iter().map(AccountKey::public_key).collect())
                .ok_or_else(|| Failure::new("two validators have one key"))?,
            timestamp_ms: now,
            departments: Vec::new(),
            registry: Some(registry.setup(&self.chain, now)),
        });
        let binary = std::env::current_exe()?;
        for ((node, api), p2p) in nodes.iter().zip(&apis).zip(&p2ps) {
            let own = NodeFile { data_dir: node, api: *api, p2p: *p2p, heartbeat_ms: self.heartbeat_ms };
            let (name, file) = (node.file_name().unwrap_or_default().to_string_lossy(), node.join("node.toml"));
            files::write_durably(&file, files::configuration(&own, &peers).as_bytes())?;
            let unit = files::unit(&name, &binary, &file);
            files::write_durably(&node.join(format!("chancery-{name}.service")), unit.as_bytes())?;
            files::write_genesis(node, &genesis)?;
        }
        // The last file, so that an interrupted plan is no network.
        files::write_genesis(&out, &genesis)?;
        let json = json!({
            "chain": self.chain.as_str(),
            "genesis": genesis.digest().to_string(),
            "directory": out.to_string_lossy(),
            "anchor": out.join(files::ANCHOR_FILE).to_string_lossy(),
            "keys": out.join("keys").to_string_lossy(),
            "nodes": nodes.iter().zip(&apis).map(|(node, api)| json!({
                "config": node.join("node.toml").to_string_lossy(),
                "data": node.to_string_lossy(),
                "api": format!("http://{api}"),
            })).collect::<Vec<_>>(),
        });
        output.result(&json, || {
            let start: String = nodes
                .iter()
                .map(|node| format!("  chancery node --config {}\n", node.join("node.toml").display()))
                .collect();
            format!(
                "made a network of {count} validators for chain {} in {} (keys without passphrases: for trials only)\n\
                 start each in a terminal of its own, or by its .service file:\n{start}then:\n  export \
                 CHANCERY_NODE=http://{} CHANCERY_KEYS={}\n  chancery status --watch",
                self.chain,
                out.display(),
                apis[0],
                out.join("keys").display(),
            )
        })
    }
}

fn peer(key: &AccountKey, address: SocketAddr) -> Peer {
    Peer { key: key.public_key(), host: address.ip().to_string(), port: address.port() }
}

fn keep(directory: &Path, name: &str) -> Result<AccountKey> {
    let keys = Keystore::at(Some(directory.to_owned()))?;
    let key = AccountKey::generate()?;
    keys.add(name, &key, NewProtection::InsecureDevelopment)?;
    Ok(key)
}
