//! `chancery snapshot`: what a new node begins from instead of executing every block.
//!
//! A sidechain's snapshot is checked with an anchor of its own, which follows from what its mainchain's registry has of it:
//! a node that has the mainchain restores it without, and `chancery anchor export --chain` writes it for everybody else.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use chancery_abi::{Genesis, Name, TrustAnchor};
use chancery_runtime::{
    engine::{Engine, EngineConfig},
    execution::{ChainRules, lanes},
    state::FinalView,
    storage::StateBackend as _,
};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    failure::{Failure, Result},
    node::read_genesis,
    options::{Format, TlsOptions},
    output::{Output, grouped},
    replay::{open, open_existing, storage_failure, store_failure},
    verify::read_anchor,
};
use crate::{
    snapshot::{self, Folder, Found, SnapshotError},
    store::{ChainDb, ChainIdentity, ChainStore, DiskDb},
};

/// Make, download, check and use state snapshots.
#[derive(Subcommand)]
pub(super) enum Snapshot {
    /// Make one of a stopped node's data. A running node makes them by itself: `snapshots.every_blocks`.
    Create(Create),
    /// Download the newest from nodes, none of which is trusted. What was begun is gone on with.
    Fetch(Fetch),
    /// Check one that is on this machine, chunk by chunk.
    Verify(Verify),
    /// Begin a new node's data with one, or a sidechain in a stopped node's data.
    Restore(Restore),
}

/// Make a snapshot of a stopped node's data.
#[derive(Args)]
pub(super) struct Create {
    /// The data directory of a stopped node.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The chain.
    #[arg(long, value_name = "CHAIN", default_value = "main")]
    chain: Name,
    /// A new directory for the snapshot.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// Download a snapshot.
#[derive(Args)]
pub(super) struct Fetch {
    /// Nodes to download from; several share the work, and one that lies is asked no more.
    #[arg(long = "node", value_name = "URL", required = true)]
    nodes: Vec<String>,
    #[command(flatten)]
    tls: TlsOptions,
    /// The chain.
    #[arg(long, value_name = "CHAIN", default_value = "main")]
    chain: Name,
    /// The trust anchor, from where you trust it; a sidechain's own.
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    /// The directory for the snapshot.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// Check a snapshot.
#[derive(Args)]
pub(super) struct Verify {
    /// The snapshot's directory.
    directory: PathBuf,
    /// The trust anchor, from where you trust it; a sidechain's own.
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// Begin a new node's data with a snapshot, or a sidechain in a stopped node's data.
#[derive(Args)]
pub(super) struct Restore {
    /// The snapshot's directory.
    directory: PathBuf,
    /// The mainchain's genesis.
    #[arg(long, value_name = "FILE", required_unless_present = "chain")]
    genesis: Option<PathBuf>,
    /// A sidechain of the mainchain in the data directory, which says what its genesis is.
    #[arg(long, value_name = "CHAIN", conflicts_with = "genesis")]
    chain: Option<Name>,
    /// The data directory of a new or stopped node, which has no block of the chain yet.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    format: Format,
}

impl Snapshot {
    /// Runs the command.
    ///
    /// # Errors
    /// When a snapshot cannot be made or is not what it should be.
    pub(super) fn run(self, output: &Output) -> Result {
        match self {
            Self::Create(create) => create.run(output),
            Self::Fetch(fetch) => fetch.run(output),
            Self::Verify(verify) => verify.run(output),
            Self::Restore(restore) => restore.run(output),
        }
    }
}

fn failure(error: SnapshotError) -> Failure {
    let code = match &error {
        SnapshotError::NotFinal(_) | SnapshotError::State(_) | SnapshotError::Manifest(_) => "snapshot_wrong",
        SnapshotError::NotNow { .. } => "not_now",
        SnapshotError::NoSource(_) => "no_source",
        _ => "snapshot",
    };
    let help = match &error {
        SnapshotError::NotNow { .. } => "run the node for a moment, so that another block becomes final, and try again",
        SnapshotError::State(_) => {
            "download it again; `chancery snapshot fetch` asks only for what is wrong or missing"
        }
        _ => return Failure::new(error.to_string()).code(code),
    };
    Failure::new(error.to_string()).code(code).help(help)
}

impl Create {
    fn run(self, output: &Output) -> Result {
        let source = open_existing(&self.data)?;
        let chains = source.chains().map_err(store_failure)?;
        let entry = chains.into_iter().find(|entry| entry.chain.name == self.chain);
        let entry =
            entry.ok_or_else(|| Failure::new(format!("{} has no chain {}", self.data.display(), self.chain)))?;
        let store = source.open_chain(entry.chain).map_err(store_failure)?;
        let folder = Folder::at(&self.out);
        let mut made = None;
        store.with_snapshot(&mut |reader| made = Some(snapshot::create(reader, &folder)));
        let created = made.ok_or_else(|| Failure::new("the store showed no moment"))?.map_err(failure)?;
        let json = json!({
            "height": created.height,
            "state_root": created.root.to_string(),
            "chunks": created.chunks,
            "entries": created.entries,
            "bytes": created.bytes,
        });
        output.result(&json, || {
            format!(
                "the state at height {} is in {}: {} entries in {} chunks, {} bytes",
                created.height,
                self.out.display(),
                grouped(created.entries),
                created.chunks,
                grouped(created.bytes),
            )
        })
    }
}

impl Fetch {
    fn run(self, output: &Output) -> Result {
        let anchor = read_anchor(&self.anchor)?;
        if anchor.chain != self.chain {
            let (found, chain) = (&anchor.chain, &self.chain);
            return Err(Failure::usage(format!("{} is the anchor of chain {found}", self.anchor.display())).help(format!(
                "`chancery anchor export --chain {chain} --data DIR` writes a sidechain's own, on a node that is stopped"
            )));
        }
        let nodes = self.nodes.iter().map(|url| self.tls.open(url)).collect::<Result<Vec<_>>>()?;
        let folder = Folder::at(&self.out);
        let mut progress = output.progress("chunks", None);
        let (mut liars, mut silent) = (Vec::new(), Vec::new());
        let fetched = snapshot::fetch(nodes, &self.chain, &anchor, &folder, |found| match found {
            Found::Liar(url, what) => {
                output.note(&format!("{url} is asked no more: {what}"));
                liars.push(json!({ "node": url, "what": what }));
            }
            Found::Silent(url, why) => {
                output.note(&format!("{url}: {why}"));
                silent.push(json!({ "node": url, "why": why }));
            }
            Found::Chunks(done, _) => progress.at(done as u64),
        });
        progress.finish();
        let fetched = fetched.map_err(failure)?;
        let json = json!({
            "height": fetched.height,
            "chunks": fetched.chunks,
            "resumed": fetched.resumed,
            "liars": liars,
            "silent": silent,
        });
        output.result(&json, || {
            format!(
                "the state at height {} is in {}: {} chunks, each checked against the certified root, {} of them there \
                 already",
                fetched.height,
                self.out.display(),
                fetched.chunks,
                fetched.resumed,
            )
        })
    }
}

impl Verify {
    fn run(self, output: &Output) -> Result {
        let anchor = read_anchor(&self.anchor)?;
        let (height, chunks, entries) = verify(&self.directory, &anchor).map_err(failure)?;
        output.result(&json!({ "height": height, "chunks": chunks, "entries": entries }), || {
            format!(
                "whole and certified: the state at height {height}, {} entries in {chunks} chunks",
                grouped(entries)
            )
        })
    }
}

fn verify(directory: &Path, anchor: &TrustAnchor) -> std::result::Result<(u64, usize, u64), SnapshotError> {
    let folder = Folder::at(directory);
    let manifest = folder.manifest(anchor)?;
    let chunks = manifest.places().len();
    let mut entries = 0;
    for number in 0..chunks {
        entries += folder.chunk(&manifest, number)?.count() as u64;
    }
    Ok((manifest.height(), chunks, entries))
}

impl Restore {
    fn run(self, output: &Output) -> Result {
        let (genesis, database) = match (&self.chain, &self.genesis) {
            (Some(chain), _) => {
                let database = open_existing(&self.data)?;
                (sidechain_genesis(&database, chain)?, database)
            }
            (None, Some(file)) => (read_genesis(file)?, open(&self.data)?),
            (None, None) => return Err(Failure::usage("which chain? give --genesis, or --chain for a sidechain")),
        };
        let identity = ChainIdentity { name: genesis.chain.clone(), genesis: genesis.digest() };
        let own = || match genesis.mainchain {
            None => database.open_chain(identity.clone()).map_err(store_failure),
            Some(_) => database.open_sidechain(identity.clone()).map_err(store_failure),
        };
        if ChainDb(&own()?).tip().map_err(storage_failure)?.is_some() {
            let (data, chain) = (self.data.display(), &genesis.chain);
            return Err(Failure::new(format!("{data} has blocks of chain {chain} already")).help(
                "a snapshot is for a new node; `snapshots.sources` has a node that is far behind begin with one",
            ));
        }
        let engine = Engine::new(EngineConfig::default()).map_err(|error| Failure::new(error.to_string()))?;
        let folder = Folder::at(&self.directory);
        let mut progress = output.progress("chunks", None);
        let mut at_chunk = |done: usize| {
            progress.at(done as u64);
            Ok(())
        };
        let fits = |_: &ChainStore| Ok(());
        let restored = snapshot::restore_beside(&folder, &genesis, Arc::new(engine), &database, &mut at_chunk, fits);
        progress.finish();
        let restored = restored.map_err(failure)?;
        let base = ChainDb(&own()?).base().map_err(storage_failure)?;
        let chain = genesis.chain.as_str();
        let json = json!({ "chain": chain, "height": restored.height, "entries": restored.entries, "begins_at": base });
        output.result(&json, || {
            format!(
                "chain {chain} in {} begins at height {} with {} entries; start the node, and it goes on from there",
                self.data.display(),
                restored.height,
                grouped(restored.entries),
            )
        })
    }
}

/// The genesis of a sidechain, by what the mainchain in a stopped node's database has of it.
pub(super) fn sidechain_genesis(database: &Arc<DiskDb>, chain: &Name) -> Result<Genesis> {
    for entry in database.chains().map_err(store_failure)? {
        let store = database.open_sidechain(entry.chain).map_err(store_failure)?;
        let genesis = ChainDb(&store).genesis().map_err(storage_failure)?;
        let Some(genesis) = genesis.filter(|genesis| genesis.mainchain.is_none()) else { continue };
        let rules = ChainRules::new(genesis).map_err(|error| Failure::new(error.to_string()))?;
        let found = lanes::mirror::sidechain(&rules, &FinalView(&store), chain).map_err(storage_failure)?;
        let found = found.and_then(|found| lanes::sidechain_genesis(rules.genesis(), rules.digest(), chain, &found));
        return found.ok_or_else(|| Failure::usage(format!("{chain} is no sidechain of the mainchain here")));
    }
    Err(Failure::new("the store has no mainchain"))
}
