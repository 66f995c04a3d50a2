//! `chancery network assemble`: the genesis from everyone's public requests. No private key is anywhere near it, and
//! whoever has the same requests and options makes the same genesis, byte for byte, and can compare its digest.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use chancery_abi::{Address, Committee, Digest, Name};
use clap::Args;
use serde_json::json;

use super::{
    files::{self, NodeFile},
    join::Request,
};
use crate::{
    chain::{GenesisPlan, PlannedDepartment, RegistryPlan, plan_genesis},
    cli::{
        failure::{Failure, Result},
        options::Format,
        output::Output,
    },
    consensus::Peer,
};

/// Milliseconds of an hour.
const HOUR_MS: u64 = 3_600_000;

/// Put a network together.
#[derive(Args)]
pub(in crate::cli) struct Assemble {
    /// The requests' files.
    #[arg(required = true, value_name = "REQUEST")]
    requests: Vec<PathBuf>,
    /// The chain's name.
    #[arg(long, default_value = "main")]
    chain: Name,
    /// An account that may deploy for a department, as often as needed.
    #[arg(long = "deployer", value_name = "DEPARTMENT=ADDRESS", value_parser = deployer)]
    deployers: Vec<(Name, Address)>,
    /// Milliseconds since 1970 at which the chain begins; all who assemble must say the same.
    #[arg(long, value_name = "MS")]
    timestamp_ms: u64,
    /// Hours between the approval of a constitutional act (departments, administrators, nodes, committees) and its
    /// carrying out.
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    delay_hours: u64,
    /// Committees change at multiples of this height.
    #[arg(long, value_name = "BLOCKS", default_value_t = 1_000)]
    epoch_blocks: u64,
    /// An idle chain makes an empty block this often, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    heartbeat_ms: u64,
    /// Where each node's API listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    api: SocketAddr,
    /// A new directory for the public files.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    format: Format,
}

fn deployer(text: &str) -> std::result::Result<(Name, Address), String> {
    let malformed = || format!("`{text}` is not DEPARTMENT=ADDRESS");
    let (department, address) = text.split_once('=').ok_or_else(malformed)?;
    Ok((department.parse().map_err(|_| malformed())?, address.parse().map_err(|_| malformed())?))
}

impl Assemble {
    /// The departments as the requests and options have them.
    fn departments(&self, requests: &[(Request, Peer)]) -> Result<Vec<PlannedDepartment>> {
        let mut departments: BTreeMap<Name, PlannedDepartment> = BTreeMap::new();
        let planned = |name: &Name| PlannedDepartment {
            name: name.clone(),
            title: name.to_string(),
            administrators: Vec::new(),
            nodes: Vec::new(),
            deployers: Vec::new(),
        };
        for (request, peer) in requests {
            let bad = |what: &str, text: &str| Failure::new(format!("`{text}` is not {what}"));
            let name: Name = request.department.parse().map_err(|_| bad("a department's name", &request.department))?;
            let operator: Digest = request.operator.parse().map_err(|_| bad("an operator's key", &request.operator))?;
            let administrator: Address =
                request.administrator.parse().map_err(|_| bad("an account", &request.administrator))?;
            let department = departments.entry(name.clone()).or_insert_with(|| planned(&name));
            department.nodes.push((peer.key, operator.0));
            if !department.administrators.contains(&administrator) {
                department.administrators.push(administrator);
            }
        }
        for (department, address) in &self.deployers {
            let of = departments.entry(department.clone()).or_insert_with(|| planned(department));
            of.deployers.push(*address);
        }
        // The order of the requests says nothing.
        for department in departments.values_mut() {
            department.nodes.sort_unstable();
            department.administrators.sort_unstable();
            department.deployers.sort_unstable();
        }
        Ok(departments.into_values().collect())
    }

    pub(super) fn run(self, output: &Output) -> Result {
        let requests = self.requests.iter().map(|file| Request::read(file)).collect::<Result<Vec<_>>>()?;
        if let Some((request, _)) = requests.iter().find(|(request, _)| request.chain != self.chain.as_str()) {
            let (department, chain) = (&request.department, &request.chain);
            return Err(Failure::new(format!("department {department} asks for chain {chain}, not {}", self.chain)));
        }
        let peers: Vec<Peer> = requests.iter().map(|(_, peer)| peer.clone()).collect();
        let committee = Committee::new(peers.iter().map(|peer| peer.key).collect())
            .ok_or_else(|| Failure::new("two requests have one key, or there are too many"))?;
        let departments = self.departments(&requests)?;
        let registry = RegistryPlan::real(departments, self.delay_hours * HOUR_MS, self.epoch_blocks);
        let genesis = plan_genesis(GenesisPlan {
            chain: self.chain.clone(),
            committee,
            timestamp_ms: self.timestamp_ms,
            departments: Vec::new(),
            registry: Some(registry.setup(&self.chain, self.timestamp_ms)),
        });
        if self.out.join(files::GENESIS_FILE).exists() {
            return Err(Failure::new(format!("{} has a network already", self.out.display()))
                .help("name another directory with --out"));
        }
        let out = files::make_directory(&self.out)?;
        let mut configurations = Vec::new();
        for (number, (request, peer)) in (1..).zip(&requests) {
            let p2p = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), peer.port);
            let own = NodeFile { data_dir: ".".as_ref(), api: self.api, p2p, heartbeat_ms: self.heartbeat_ms };
            let file = out.join(format!("{}-{number}.toml", request.department));
            files::write_durably(&file, files::configuration(&own, &peers).as_bytes())?;
            configurations.push(file);
        }
        files::write_genesis(&out, &genesis)?;
        let members = genesis.committee.len();
        let json = json!({
            "chain": self.chain.as_str(),
            "genesis": genesis.digest().to_string(),
            "validators": members,
            "quorum": genesis.committee.quorum(),
            "directory": out.to_string_lossy(),
            "configurations": configurations.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
        });
        output.result(&json, || {
            format!(
                "genesis {} of chain {} with {members} validators, of which {} must agree\n\
                 every department: compare this digest, copy {} and its own .toml from {} into its node's directory, \
                 and run there\n  chancery node --config FILE.toml",
                genesis.digest(),
                self.chain,
                genesis.committee.quorum(),
                files::GENESIS_FILE,
                out.display(),
            )
        })
    }
}
