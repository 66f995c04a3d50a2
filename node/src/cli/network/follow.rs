//! `chancery network follow`: how a node comes to a network that runs already. It follows as soon as the registry knows
//! its key, says there that it is ready, and serves from the height that a later act names.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use serde_json::json;

use super::{
    files::{self, NodeFile},
    join::{REQUEST_FILE, Request},
};
use crate::{
    cli::{
        failure::{Failure, Result, at},
        node::read_genesis,
        options::Format,
        output::Output,
    },
    consensus::Peer,
};

/// Configure a node that `join` made for a network that runs already.
#[derive(Args)]
pub(in crate::cli) struct Follow {
    /// The node's directory, which `network join` made.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The network's genesis.
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,
    /// Validators to begin with; the registry names the others.
    #[arg(long = "peer", value_name = "KEY@HOST:PORT", required = true)]
    peers: Vec<Peer>,
    /// Where the API is to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    api: SocketAddr,
    /// An idle chain makes an empty block this often, as in the rest of the network.
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    heartbeat_ms: u64,
    #[command(flatten)]
    format: Format,
}

impl Follow {
    pub(super) fn run(self, output: &Output) -> Result {
        let dir = fs::canonicalize(&self.dir).map_err(at(&self.dir))?;
        let (request, own) = Request::read(&dir.join(REQUEST_FILE))?;
        let genesis = read_genesis(&self.genesis)?;
        if genesis.chain.as_str() != request.chain {
            let (asked, found) = (&request.chain, &genesis.chain);
            return Err(Failure::new(format!("the request is for chain {asked}, and the genesis is of {found}")));
        }
        if genesis.registry.is_none() {
            return Err(Failure::new("this network has no registry, so its committee never changes"));
        }
        let config = dir.join("node.toml");
        if config.exists() {
            return Err(Failure::new(format!("{} is there already", config.display())));
        }
        let p2p = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), own.port);
        let node = NodeFile { data_dir: &dir, api: self.api, p2p, heartbeat_ms: self.heartbeat_ms };
        let peers: Vec<Peer> = self.peers.iter().cloned().chain([own.clone()]).collect();
        files::write_genesis(&dir, &genesis)?;
        files::write_durably(&config, files::configuration(&node, &peers).as_bytes())?;
        let key = chancery_abi::Digest(own.key).to_string();
        let measure = |from_height: &str| {
            format!(
                r#"{{"AddNode": {{"node": {{"key": "{key}", "department": "{}", "operator": "{}"}}, "from_height": {from_height}}}}}"#,
                request.department, request.operator,
            )
        };
        let json = json!({
            "chain": request.chain,
            "genesis": genesis.digest().to_string(),
            "key": key,
            "department": request.department,
            "operator": request.operator,
            "config": config.to_string_lossy(),
        });
        output.result(&json, || {
            format!(
                "this node follows chain {} as soon as the registry knows its key. Have administrators propose and \
                 approve\n  chancery call {}/registry propose --reference REFERENCE --measure '{}'\nand start it:\n  \
                 chancery node --config {}\nOnce it has caught up it says so in the registry, and a SetCommittee act \
                 may name it.",
                request.chain,
                request.chain,
                measure("HEIGHT"),
                config.display(),
            )
        })
    }
}
