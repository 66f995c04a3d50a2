//! `chancery node`: runs a node as its configuration says, until it is asked to stop.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use chancery_abi::{Genesis, codec};
use clap::Args;
use ed25519_zebra::SigningKey;
use serde_json::json;

use super::{
    failure::{Failure, Result, at},
    options::Format,
    output::Output,
};
use crate::{
    config::{self, ConfigError, NodeConfig},
    keystore::{Keystore, PassphraseSource},
    node::{self, Node, NodeError},
};

/// Bytes of a genesis.
const GENESIS_BYTES_MAX: usize = 1024 * 1024;

/// Run a node.
#[derive(Args)]
pub(super) struct NodeCommand {
    /// The configuration [default: what the CHANCERY_* variables say].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the node keeps its data, whatever the configuration says.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the API listens, whatever the configuration says.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// A file whose first line is the passphrase of the validator's key.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Print a commented configuration with every default, and run nothing.
    #[arg(long)]
    template: bool,
    #[command(flatten)]
    format: Format,
}

impl NodeCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When the node cannot start, or stopped itself.
    pub(super) fn run(self, output: &Output) -> Result {
        if self.template {
            let template = config::template();
            return output.result(&json!({ "template": template }), || template.clone());
        }
        let mut config = NodeConfig::load(self.config.as_deref()).map_err(config_failure)?;
        if let Some(data) = self.data {
            config.data_dir = data;
        }
        if let Some(listen) = self.listen {
            config.api.listen = listen;
        }
        let genesis = read_genesis(&config.genesis_file())?;
        let keys = Keystore::at(Some(config.data_dir.join("keys")))?;
        let key = keys.unlock(&config.validator_key, &PassphraseSource { file: self.passphrase_file })?;
        run(vec![Member { config, key: SigningKey::from(key.seed()) }], genesis, |node| {
            let (chain, url) = (node.chain().ledger().rules().name().to_string(), node.url());
            output.result(&json!({ "ready": true, "url": url, "chain": chain }), || {
                format!("ready: chain {chain} at {url}")
            })
        })
    }
}

/// A node that this process runs.
pub(super) struct Member {
    pub(super) config: NodeConfig,
    pub(super) key: SigningKey,
}

/// Runs nodes of one chain until they are asked to stop; says `ready` once the first has committed a block. Where others
/// are needed for that, one that was committed before is enough.
///
/// # Errors
/// When one cannot start, or stopped itself.
pub(super) fn run(members: Vec<Member>, genesis: Genesis, ready: impl FnOnce(&Node) -> Result) -> Result {
    let Some(log) = members.first().map(|member| member.config.log.clone()) else { return Ok(()) };
    node::start_log(&log).map_err(|error| Failure::usage(format!("log.filter `{}`: {error}", log.filter)))?;
    let is_whole_committee = members.len() == genesis.committee.len();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut others = Vec::new();
        for Member { config, key } in members {
            others.push(Node::start(&config, genesis.clone(), key).await.map_err(node_failure)?);
        }
        let node = others.remove(0);
        let height = node.chain().ledger().tip().height;
        let first_block = block_after(&node, if is_whole_committee { height } else { 0 });
        let ended = tokio::select! {
            () = first_block => {
                if node.chain().halted().is_none() {
                    ready(&node)?;
                }
                node.run_until_stopped().await.map_err(node_failure)
            }
            asked = node::asked_to_stop() => {
                asked.map_err(node_failure)?;
                node.stop().await.map_err(node_failure)
            }
        };
        for other in others {
            other.stop().await.map_err(node_failure)?;
        }
        ended
    })
}

/// Ends when the chain has a block above `height`, or halts before.
async fn block_after(node: &Node, height: u64) {
    let mut finalised = node.chain().follow();
    // Looked at anew each time: what the channel lends out must not be held, or nobody could write to it.
    while *finalised.borrow_and_update() <= height && node.chain().halted().is_none() {
        if finalised.changed().await.is_err() {
            return;
        }
    }
}

/// The genesis in the file `path`.
///
/// # Errors
/// When it cannot be read or is none.
pub(super) fn read_genesis(path: &Path) -> Result<Genesis> {
    let bytes = fs::read(path).map_err(at(path))?;
    codec::decode(&bytes, GENESIS_BYTES_MAX)
        .map_err(|error| Failure::new(format!("{} is not a genesis", path.display())).because(error))
}

fn config_failure(error: ConfigError) -> Failure {
    Failure::usage(error.to_string()).help("`chancery node --template` shows every key with its default")
}

/// A node that does not start, or stopped.
pub(super) fn node_failure(error: NodeError) -> Failure {
    let mut failure = Failure::new(error.to_string());
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        failure = failure.because(error);
        source = error.source();
    }
    failure
}
