//! `chancery network assemble`: the genesis from everyone's public requests. No private key is anywhere near it, and
//! whoever has the same requests and options makes the same genesis, byte for byte, and can compare its digest.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use chancery_abi::{Address, Committee, Name};
use clap::Args;
use serde_json::json;

use super::{
    files::{self, NodeFile},
    join::Request,
};
use crate::{
    chain::{GenesisPlan, plan_genesis},
    cli::{
        failure::{Failure, Result},
        options::Format,
        output::Output,
    },
    consensus::Peer,
};

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
    pub(super) fn run(self, output: &Output) -> Result {
        let requests = self.requests.iter().map(|file| Request::read(file)).collect::<Result<Vec<_>>>()?;
        if let Some((request, _)) = requests.iter().find(|(request, _)| request.chain != self.chain.as_str()) {
            let (department, chain) = (&request.department, &request.chain);
            return Err(Failure::new(format!("department {department} asks for chain {chain}, not {}", self.chain)));
        }
        let peers: Vec<Peer> = requests.iter().map(|(_, peer)| peer.clone()).collect();
        let committee = Committee::new(peers.iter().map(|peer| peer.key).collect())
            .ok_or_else(|| Failure::new("two requests have one key, or there are too many"))?;
        let mut departments: BTreeMap<Name, Vec<Address>> = BTreeMap::new();
        for (request, _) in &requests {
            let name = request
                .department
                .parse()
                .map_err(|_| Failure::new(format!("`{}` is not a department's name", request.department)))?;
            departments.entry(name).or_default();
        }
        for (department, address) in &self.deployers {
            departments.entry(department.clone()).or_default().push(*address);
        }
        let genesis = plan_genesis(GenesisPlan {
            chain: self.chain.clone(),
            committee,
            timestamp_ms: self.timestamp_ms,
            departments: departments.into_iter().collect(),
            registry: None,
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
