//! `chancery replay`: executes every block of a chain again, from the genesis into an empty directory, and compares.
//!
//! Invariant: nothing is taken over from the first directory but the genesis, the blocks' transactions and their
//! certificates; every root, receipt and gas figure is computed anew and must be the recorded one. The node must be stopped,
//! because a store belongs to one process.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use chancery_abi::limits::CALL_DEPTH_MAX;
use chancery_runtime::{
    engine::{Engine, EngineConfig, Optimisation},
    execution::{ExecutionStack, on_execution_stack},
    state::StateConfig,
    storage::StorageError,
};
use clap::Args;
use serde_json::{Value, json};

use super::{
    failure::{Failure, Result},
    options::Format,
    output::{Output, grouped},
};
use crate::{
    chain::{ChainError, Ledger},
    store::{ChainDb, ChainEntry, ChainStore, DiskDb, StoreConfig, StoreDirectory, StoreError},
};

/// Execute a chain's blocks again from its genesis, and compare.
#[derive(Args)]
pub(super) struct Replay {
    /// The data directory of a stopped node.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// A new directory for the chain as it is executed again.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// What was executed.
#[derive(Default)]
struct Totals {
    blocks: u64,
    transactions: u64,
    gas: u64,
}

impl Replay {
    /// Runs the command.
    ///
    /// # Errors
    /// When a store fails, or anything differs.
    pub(super) fn run(self, output: &Output) -> Result {
        let started = Instant::now();
        let source = open_existing(&self.data)?;
        if self.into.join("store").exists() {
            return Err(Failure::usage(format!("{} has a store already", self.into.display()))
                .help("a replay begins with nothing; name a new directory"));
        }
        let mut chains = source.chains().map_err(store_failure)?;
        // In the order in which they were added, so the mainchain first.
        chains.sort_by_key(|entry| entry.number);
        if chains.is_empty() {
            return Err(Failure::new(format!("{} has no chain yet", self.data.display())));
        }
        let engine = Arc::new(
            Engine::new(EngineConfig {
                optimisation: Optimisation::Speed,
                instances: CALL_DEPTH_MAX + 1,
                ..EngineConfig::default()
            })
            .map_err(|error| Failure::new(error.to_string()))?,
        );
        let target = open(&self.into)?;
        let mut replayed = Vec::new();
        for entry in chains {
            replayed.push(replay(&source, &target, entry, &engine, output)?);
        }
        let (elapsed_ms, all) = (started.elapsed().as_millis() as u64, Value::Array(replayed.clone()));
        // The mainchain comes first, and alone where there is no other.
        let mut json = replayed[0].clone();
        json["elapsed_ms"] = elapsed_ms.into();
        json["chains"] = all;
        output.result(&json, || {
            let text = |chain: &Value| {
                let number = |key: &str| grouped(chain[key].as_u64().unwrap_or_default());
                let word = |key: &str| chain[key].as_str().unwrap_or_default().to_owned();
                format!(
                    "chain {} executed again: every root, receipt and gas figure is equal\n  blocks        {}\n  \
                     transactions  {}\n  gas           {}\n  state root    {} (height {})\n",
                    word("chain"),
                    number("blocks"),
                    number("transactions"),
                    number("gas_used"),
                    word("state_root"),
                    chain["height"],
                )
            };
            let all: String = replayed.iter().map(text).collect();
            format!("{all}  time          {:.1} s", elapsed_ms as f64 / 1e3)
        })
    }
}

/// Executes one chain of `source` again into `target`.
fn replay(
    source: &Arc<DiskDb>,
    target: &Arc<DiskDb>,
    entry: ChainEntry,
    engine: &Arc<Engine>,
    output: &Output,
) -> Result<Value> {
    let name = entry.chain.name.clone();
    let recorded = source.open_chain(entry.chain.clone()).map_err(store_failure)?;
    let genesis = ChainDb(&recorded).genesis().map_err(storage_failure)?;
    let genesis = genesis.ok_or_else(|| Failure::new(format!("chain {name} has no genesis yet")))?;
    refuse_base(&recorded)?;
    let open_ledger = |store| {
        let ledger = Ledger::open(Arc::new(store), Arc::clone(engine), genesis.clone(), StateConfig::default());
        ledger.map_err(chain_failure)
    };
    let recorded = open_ledger(recorded)?;
    let replayed = open_ledger(target.open_sidechain(entry.chain).map_err(store_failure)?)?;
    let totals = on_execution_stack(|stack| execute_again(stack, &recorded, &replayed, output))?;
    replayed.flush().map_err(chain_failure)?;
    let (tip, root) = (recorded.tip(), replayed.state().map_err(chain_failure)?.root());
    Ok(json!({
        "equal": true,
        "chain": name.as_str(),
        "blocks": totals.blocks,
        "transactions": totals.transactions,
        "gas_used": totals.gas,
        "height": tip.height,
        "header": tip.header.to_string(),
        "state_root": root.to_string(),
    }))
}

fn execute_again(
    stack: &ExecutionStack,
    recorded: &Ledger<ChainStore>,
    replayed: &Ledger<ChainStore>,
    output: &Output,
) -> Result<Totals> {
    let (db, tip) = (recorded.db(), recorded.tip());
    let mut progress = output.progress("blocks", Some(tip.height));
    let mut totals = Totals::default();
    for height in 1..=tip.height {
        let block =
            db.block(height).and_then(|block| db.expect_part(block, "block", height)).map_err(storage_failure)?;
        let finality = db
            .finality(height)
            .and_then(|part| db.expect_part(part, "certificate at or after the block", height))
            .map_err(storage_failure)?;
        let receipts =
            db.receipts(height).and_then(|part| db.expect_part(part, "receipts", height)).map_err(storage_failure)?;
        let differs = |what: String| {
            Failure::new(format!("block {height} of chain {} differs", recorded.rules().name()))
                .because(what)
                .code("differs")
        };
        // Checking compares the state's root, the receipts' root, the gas and every other field of the header.
        let candidate = replayed.check(stack, None, block).map_err(|error| differs(error.to_string()))?;
        let executed = candidate.receipts();
        if let Some((ours, _)) = executed.iter().zip(&receipts).find(|(ours, theirs)| ours != theirs) {
            return Err(differs(format!("transaction {} has another receipt than the one recorded", ours.transaction)));
        }
        if executed.len() != receipts.len() {
            return Err(differs(format!("{} receipts, of which {} are recorded", executed.len(), receipts.len())));
        }
        replayed.commit(&candidate, &finality).map_err(chain_failure)?;
        totals.blocks += 1;
        totals.transactions += executed.len() as u64;
        totals.gas += executed.iter().map(|receipt| receipt.gas_used).sum::<u64>();
        progress.at(height);
    }
    progress.finish();
    if replayed.tip().header != tip.header {
        return Err(Failure::new("the last headers differ").code("differs"));
    }
    Ok(totals)
}

/// Refuses a store that was filled from a snapshot, whose first blocks are not there.
pub(super) fn refuse_base(store: &ChainStore) -> Result {
    match ChainDb(store).base().map_err(storage_failure)? {
        None => Ok(()),
        Some(base) => Err(Failure::new(format!("this store begins with a snapshot at height {base}"))
            .help("what came before can be executed again where a node has it all")),
    }
}

/// The store of a stopped node, which must have one.
pub(super) fn open_existing(data: &Path) -> Result<Arc<DiskDb>> {
    if !data.join("store").exists() {
        return Err(Failure::usage(format!("{} has no store", data.display())).help("name a node's data directory"));
    }
    open(data)
}

/// The store in a data directory, which is made when there is none.
pub(super) fn open(data: &Path) -> Result<Arc<DiskDb>> {
    let directory = StoreDirectory::open(&data.join("store")).map_err(store_failure)?;
    DiskDb::open(directory, &StoreConfig::default()).map_err(store_failure)
}

pub(super) fn store_failure(error: StoreError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error {
        StoreError::Locked { .. } => failure.code("in_use"),
        _ => failure,
    }
}

pub(super) fn chain_failure(error: ChainError) -> Failure {
    Failure::new(error.to_string())
}

pub(super) fn storage_failure(error: StorageError) -> Failure {
    chain_failure(ChainError::Storage(error))
}
