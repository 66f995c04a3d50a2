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
            table(&["CHAIN", "HEIGHT", "WAITING", "STATE ROOT"], &[1, 2], &statuses.iter().map(row).collect::<Vec<_>>())
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
                        format!("{name}  height {height}  waiting {}  root {root}", waiting(&status))
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

fn view(status: &ChainStatus) -> Value {
    json!({
        "name": status.name.as_str(),
        "genesis": status.genesis.to_string(),
        "height": status.height,
        "header": status.header.to_string(),
        "state_root": status.state_root.to_string(),
        "timestamp_ms": status.timestamp_ms,
        "pool": status.pool,
        "halted": status.halted,
    })
}
