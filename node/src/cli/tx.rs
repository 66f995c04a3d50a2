//! `chancery tx`: where a transaction is, and what it did.

use chancery_abi::{Digest, Name};
use clap::Args;
use serde_json::json;

use super::{
    failure::Result,
    options::{Format, NodeOptions},
    outcome::{self, Schemas},
    output::Output,
};

/// Show a transaction.
#[derive(Args)]
pub(super) struct Tx {
    /// The chain.
    chain: Name,
    /// The transaction's digest.
    id: Digest,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    format: Format,
}

impl Tx {
    /// Runs the command.
    ///
    /// # Errors
    /// When the node does not know the transaction.
    pub(super) fn run(self, output: &Output) -> Result {
        let node = self.node.open()?;
        let chain = node.chain(self.chain);
        let answer = chain.transaction(&self.id)?;
        let Some(receipt) = answer.receipt else {
            let pending = json!({ "transaction": self.id.to_string(), "status": "pending" });
            return output.result(&pending, || format!("{} waits for a block", self.id));
        };
        let explained = outcome::explain(&receipt, None, &mut Schemas::on(&chain), output.language);
        let mut json = explained.json.clone();
        json["status"] = "final".into();
        output.result(&json, || outcome::text(&receipt, &explained))
    }
}
