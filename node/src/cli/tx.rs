//! `chancery tx`: where a transaction is, and what it did; with `--trace`, step by step, executed again.

use std::path::PathBuf;

use chancery_abi::{Digest, Name, types::from_hex};
use chancery_runtime::engine::Observe;
use clap::Args;
use serde_json::json;

use super::{
    failure::Result,
    options::{Format, NodeOptions},
    outcome::{self, Schemas},
    output::Output,
    past,
    trace::{Explainer, Sources, frame_text},
};
use crate::trace_view::TraceView;

/// Show a transaction.
#[derive(Args)]
pub(super) struct Tx {
    /// The chain.
    chain: Name,
    /// The transaction's digest.
    id: Digest,
    /// Execute it again, and show every call, read, write and event with its gas.
    #[arg(long)]
    trace: bool,
    /// Debug information that names the source's lines: the NAME.debug.wasm beside a built contract. May be repeated.
    #[arg(long, value_name = "FILE", requires = "trace")]
    debug: Vec<PathBuf>,
    /// The data directory of a stopped node, instead of a running node. Any transaction can be traced there: where the
    /// state before it is gone, the blocks from the genesis on are executed again.
    #[arg(long, value_name = "DIR", requires = "trace")]
    data: Option<PathBuf>,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    format: Format,
}

impl Tx {
    /// Runs the command.
    ///
    /// # Errors
    /// When the node does not know the transaction, or cannot execute it again.
    pub(super) fn run(self, output: &Output) -> Result {
        if self.trace {
            return self.run_trace(output);
        }
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

    fn run_trace(self, output: &Output) -> Result {
        let sources = Sources::open(&self.debug)?;
        let (view, way) = match &self.data {
            Some(data) => {
                let (retraced, way) = past::retrace(data, &self.chain, &self.id, Observe::Stops, output)?;
                (TraceView::of(&retraced), way)
            }
            None => {
                let node = self.node.open()?;
                (node.chain(self.chain).trace(&self.id)?, past::Way::Back)
            }
        };
        show(&view, way, &sources, output)
    }
}

fn show(view: &TraceView, way: past::Way, sources: &Sources, output: &Output) -> Result {
    let explainer = Explainer::of(view, sources, output.language);
    let mut schemas = Schemas::none();
    for call in calls(view) {
        if let Some(section) = call.code.as_ref().and_then(|code| view.schemas.get(code))
            && let Some(schema) =
                from_hex(section).and_then(|bytes| chancery_abi::schema::Schema::from_section(&bytes).ok())
        {
            schemas.insert(call.contract.clone(), schema);
        }
    }
    let explained = outcome::explain(&view.receipt, None, &mut schemas, output.language);
    let mut json = explained.json.clone();
    json["status"] = "final".into();
    json["steps"] = explainer.json(&view.steps, None);
    json["way"] = way.text().into();
    output.result(&json, || {
        let mut text = format!(
            "{}\n  {}\n\n{}",
            outcome::text(&view.receipt, &explained),
            way.text(),
            explainer.text(&view.steps)
        );
        if let Some(culprit) = explainer.culprit(&view.steps)
            && let Some(frame) = explainer.own_frame(culprit)
        {
            text.push_str(&format!("\n\nit ended at {}", frame_text(&frame)));
        }
        text
    })
}

/// Every call of a trace.
fn calls(view: &TraceView) -> Vec<&crate::trace_view::CallView> {
    let mut found = Vec::new();
    let mut left: Vec<_> = view.steps.iter().collect();
    while let Some(step) = left.pop() {
        if let Some(call) = &step.call {
            left.extend(&call.steps);
            found.push(&**call);
        }
    }
    found
}
