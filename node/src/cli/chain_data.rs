//! `chancery chain export` and `remove`: what a stopped node holds of a sidechain, kept elsewhere and then given up.
//!
//! Invariant: nothing is removed of a chain that still lives, that has sent what is not taken yet, or of which there is no
//! export up to the last header that the mainchain has on record.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use chancery_abi::{Name, lane::AnchorState};
use chancery_runtime::{
    engine::{Engine, EngineConfig},
    execution::lanes,
    state::StateConfig,
};
use clap::Args;
use serde_json::json;

use super::{
    failure::{Failure, Result},
    options::Format,
    output::{Output, grouped},
    replay::{chain_failure, open, open_existing, storage_failure, store_failure},
};
use crate::{
    chain::Ledger,
    consensus,
    store::{ChainDb, ChainEntry, ChainStore, DiskDb},
};

/// Write all that a stopped node holds of a chain into a data directory of its own.
#[derive(Args)]
pub(super) struct Export {
    /// The chain.
    chain: Name,
    /// The data directory of a stopped node.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// A new data directory for the chain alone, which `chancery replay` executes again.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// Remove a sidechain from a stopped node, once its last header is fixed and there is an export of it.
#[derive(Args)]
pub(super) struct Remove {
    /// The sidechain.
    chain: Name,
    /// The data directory of a stopped node.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The export of the chain.
    #[arg(long, value_name = "DIR")]
    export: PathBuf,
    #[command(flatten)]
    format: Format,
}

impl Export {
    /// Runs the command.
    ///
    /// # Errors
    /// When there is no such chain, or a store fails.
    pub(super) fn run(self, output: &Output) -> Result {
        if self.out.join("store").exists() {
            return Err(Failure::usage(format!("{} has a store already", self.out.display()))
                .help("an export begins with nothing; name a new directory"));
        }
        let source = open_existing(&self.data)?;
        let entry = entry_of(&source, &self.chain, &self.data)?;
        let target = open(&self.out)?;
        let mut progress = output.progress("entries", None);
        let entries = source.copy_chain(&entry, &target, |entries| progress.at(entries)).map_err(store_failure)?;
        progress.finish();
        let copied = target.open_chain(entry.chain).map_err(store_failure)?;
        let tip = ChainDb(&copied).tip().map_err(storage_failure)?;
        let height = tip.as_ref().map_or(0, |tip| tip.height);
        output.result(
            &json!({ "chain": self.chain.as_str(), "height": height, "entries": entries, "out": self.out }),
            || {
                let (chain, out) = (&self.chain, self.out.display());
                format!(
                    "exported chain {chain} up to height {height} into {out}: {} entries\n\
                     `chancery replay --data {out} --into NEW` executes it again",
                    grouped(entries)
                )
            },
        )
    }
}

impl Remove {
    /// Runs the command.
    ///
    /// # Errors
    /// When the chain still lives or is still needed, the export is not all of it, or a store fails.
    pub(super) fn run(self, output: &Output) -> Result {
        let source = open_existing(&self.data)?;
        let entry = entry_of(&source, &self.chain, &self.data)?;
        let ledgers = ledgers(&source)?;
        let is_main = |ledger: &&Ledger<ChainStore>| ledger.rules().genesis().mainchain.is_none();
        let main = ledgers.values().find(is_main).ok_or_else(|| Failure::new("the store has no mainchain"))?;
        let (number, last) = self.closed(main)?;
        self.refuse_waiting(&ledgers)?;
        self.check_export(&entry, &last)?;
        drop(ledgers);
        source.remove_chain(&entry).map_err(store_failure)?;
        consensus::remove_files(&self.data.join("consensus"), number).map_err(|error| {
            Failure::new(format!("the chain is removed, and files of its engine are left: {error}"))
        })?;
        let (chain, height) = (&self.chain, last.newest.height);
        output.result(&json!({ "chain": chain.as_str(), "height": height, "removed": true }), || {
            format!(
                "removed chain {chain}, whose last header is that of height {height}; this node does not host it again"
            )
        })
    }

    /// The sidechain's number, and its last state on the mainchain's record.
    fn closed(&self, main: &Ledger<ChainStore>) -> Result<(u32, AnchorState)> {
        let state = main.state().map_err(chain_failure)?;
        let (rules, view) = (main.rules(), state.view(None));
        let sidechain = lanes::mirror::sidechain(rules, &view, &self.chain).map_err(storage_failure)?;
        let sidechain =
            sidechain.ok_or_else(|| Failure::usage(format!("{} is no sidechain of the mainchain here", self.chain)))?;
        let last = lanes::anchors::state_of(rules, &view, &self.chain).map_err(storage_failure)?;
        match last {
            Some(last) if last.closed.is_some() => Ok((sidechain.number, last)),
            _ => Err(Failure::new(format!("chain {} is not closed", self.chain))
                .code("not_closed")
                .help("`chancery chain retire` closes it, once its last header is anchored; run this node until then")),
        }
    }

    /// Refuses while another chain here has not taken all that this one sent.
    fn refuse_waiting(&self, ledgers: &BTreeMap<Name, Ledger<ChainStore>>) -> Result {
        let counts = |of: &Ledger<ChainStore>, other: &Name| {
            let state = of.state().map_err(chain_failure)?;
            lanes::counts(&state.view(None), other).map_err(storage_failure)
        };
        let Some(own) = ledgers.get(&self.chain) else { return Ok(()) };
        for (name, other) in ledgers.iter().filter(|(name, _)| **name != self.chain) {
            let (sent, taken) = (counts(own, name)?.sent, counts(other, &self.chain)?.taken);
            if taken < sent {
                return Err(Failure::new(format!("{} messages to chain {name} are not taken yet", sent - taken))
                    .code("still_needed")
                    .help("run the node until they are"));
            }
        }
        Ok(())
    }

    /// Refuses an export that does not reach the last header.
    fn check_export(&self, entry: &ChainEntry, last: &AnchorState) -> Result {
        let export = open_existing(&self.export)?;
        let wrong = |what: &str| {
            Failure::new(format!("{} is no export of chain {}: {what}", self.export.display(), self.chain))
        };
        let there = export.chains().map_err(store_failure)?;
        if !there.iter().any(|found| found.chain == entry.chain) {
            return Err(wrong("it has another chain").code("not_exported"));
        }
        let store = export.open_chain(entry.chain.clone()).map_err(store_failure)?;
        let header = ChainDb(&store).header(last.newest.height).map_err(storage_failure)?;
        let is_last = header.is_some_and(|header| header.digest(&entry.chain.genesis) == last.newest.header);
        if !is_last && last.newest.height > 0 {
            return Err(wrong("it does not reach the last header").code("not_exported").help("export it again"));
        }
        Ok(())
    }
}

fn entry_of(database: &DiskDb, chain: &Name, data: &Path) -> Result<ChainEntry> {
    let chains = database.chains().map_err(store_failure)?;
    let found = chains.iter().find(|entry| entry.chain.name == *chain).cloned();
    found.ok_or_else(|| {
        let names: Vec<&str> = chains.iter().map(|entry| entry.chain.name.as_str()).collect();
        Failure::usage(format!("there is no chain {chain} in {}; it has {}", data.display(), names.join(", ")))
    })
}

fn ledgers(database: &Arc<DiskDb>) -> Result<BTreeMap<Name, Ledger<ChainStore>>> {
    let engine = Arc::new(Engine::new(EngineConfig::default()).map_err(|error| Failure::new(error.to_string()))?);
    let opened = |entry: ChainEntry| {
        let store = database.open_sidechain(entry.chain.clone()).map_err(store_failure)?;
        let genesis = ChainDb(&store).genesis().map_err(storage_failure)?;
        let Some(genesis) = genesis else { return Ok(None) };
        let ledger = Ledger::open(Arc::new(store), Arc::clone(&engine), genesis, StateConfig::default());
        Ok(Some((entry.chain.name, ledger.map_err(chain_failure)?)))
    };
    database.chains().map_err(store_failure)?.into_iter().filter_map(|entry| opened(entry).transpose()).collect()
}
