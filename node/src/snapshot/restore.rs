//! A store that begins where a snapshot ends: a new one, or in the place of what a node's database has of the chain.

use std::sync::Arc;

use chancery_abi::{Address, Genesis, TrustAnchor, schema::ContractRecord};
use chancery_runtime::{
    engine::Engine,
    execution::{ChainRules, accounts, chain::ChainTip},
    state::{StateConfig, snapshot::stage_head},
    storage::{Durability, StateBackend, WriteBatch},
};
use parity_scale_codec::Decode as _;

use super::{CheckedManifest, Folder, SnapshotError};
use crate::{
    chain::Ledger,
    store::{
        ChainDb, ChainIdentity, ChainStore, DiskDb,
        chain_db::{self, BaseBlock},
    },
};

/// Bytes that are written at once.
const BATCH_BYTES: usize = 8 << 20;

/// What was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The height at which the store begins.
    pub height: u64,
    /// How many entries its state has.
    pub entries: u64,
}

/// Fills an empty store with the snapshot in `folder`, which must lead to `genesis`, and opens it. `progress` is told how
/// many chunks are done.
///
/// # Errors
/// When the store is not empty or fails, and when anything in the snapshot is wrong. What is there then is of no use.
pub fn restore<B: StateBackend + 'static>(
    folder: &Folder,
    genesis: &Genesis,
    engine: Arc<Engine>,
    backend: Arc<B>,
    mut progress: impl FnMut(usize),
) -> Result<Restored, SnapshotError> {
    fill(folder, genesis, engine, backend, &mut |done| {
        progress(done);
        Ok(())
    })
}

/// As [`restore`], beside what `database` has of the chain, whose place it takes in one synced write once all of it is
/// there, opens, and `fits`. Until then, and after any error, the chain is as it was. `at_chunk` is told how many chunks
/// are done, and may end it. Nobody may have the chain open.
///
/// # Errors
/// When the database fails, anything in the snapshot is wrong, or it was not to go on.
pub fn restore_beside(
    folder: &Folder,
    genesis: &Genesis,
    engine: Arc<Engine>,
    database: &Arc<DiskDb>,
    at_chunk: &mut dyn FnMut(usize) -> Result<(), SnapshotError>,
    fits: impl FnOnce(&ChainStore) -> Result<(), SnapshotError>,
) -> Result<Restored, SnapshotError> {
    let chain = ChainIdentity { name: genesis.chain.clone(), genesis: genesis.digest() };
    let rows = Arc::new(database.begin_filling(chain.clone())?);
    let filled = fill(folder, genesis, engine, Arc::clone(&rows), at_chunk);
    match filled.and_then(|restored| fits(&rows).map(|()| restored)) {
        Ok(restored) => {
            database.put_in_place(&chain)?;
            Ok(restored)
        }
        Err(error) => {
            database.give_up_filling(&chain)?;
            Err(error)
        }
    }
}

fn fill<B: StateBackend + 'static>(
    folder: &Folder,
    genesis: &Genesis,
    engine: Arc<Engine>,
    backend: Arc<B>,
    at_chunk: &mut dyn FnMut(usize) -> Result<(), SnapshotError>,
) -> Result<Restored, SnapshotError> {
    let anchor = TrustAnchor::of_genesis(genesis);
    let manifest = folder.manifest(&anchor)?;
    if ChainDb(&*backend).genesis()?.is_some() {
        return Err(SnapshotError::Unfit("the store has a chain already".into()));
    }
    let (mut entries, mut bytes, mut batch) = (0, 0, WriteBatch::default());
    for number in 0..manifest.places().len() {
        let chunk = folder.chunk(&manifest, number)?;
        entries += chunk.count() as u64;
        for (key, value) in chunk.entries() {
            bytes += key.len() + value.len();
            stage_contract_name(&mut batch, key, value);
        }
        chunk.stage(&mut batch);
        if bytes >= BATCH_BYTES {
            backend.write(std::mem::take(&mut batch), Durability::Buffered)?;
            bytes = 0;
        }
        at_chunk(number + 1)?;
    }
    let rules = ChainRules::new(genesis.clone()).map_err(|error| SnapshotError::Unfit(error.to_string()))?;
    stage_chain(&mut batch, &manifest, &anchor, &rules);
    backend.write(batch, Durability::Synced)?;
    let ledger = Ledger::open(backend, engine, genesis.clone(), StateConfig::default());
    let ledger = ledger.map_err(|error| SnapshotError::Chain(error.to_string()))?;
    ledger.flush().map_err(|error| SnapshotError::Chain(error.to_string()))?;
    Ok(Restored { height: ledger.tip().height, entries })
}

fn stage_chain(batch: &mut WriteBatch, manifest: &CheckedManifest, anchor: &TrustAnchor, rules: &ChainRules) {
    let manifest = manifest.manifest();
    let header = &manifest.block.header;
    let mut tip = ChainTip {
        height: header.height - 1,
        header: header.parent,
        timestamp_ms: header.timestamp_ms,
        epoch: header.epoch,
        committee: manifest.committee(anchor).clone(),
        mountain: manifest.mountain.clone(),
    };
    let mut subtrees: Vec<_> = tip.mountain.peaks().collect();
    // A block that ends a term is in no snapshot.
    subtrees.extend(tip.advance(rules, header, None));
    chain_db::stage_genesis(batch, rules.genesis());
    chain_db::stage_base(
        batch,
        &BaseBlock {
            block: &manifest.block,
            certificate: &manifest.certificate,
            hand_overs: &manifest.hand_overs,
            subtrees: &subtrees,
            tip: &tip,
        },
        rules.digest(),
    );
    stage_head(batch, header.height, header.state_root);
}

/// Where a contract is found by its name, which the state has under its address.
fn stage_contract_name(batch: &mut WriteBatch, key: &[u8], value: &[u8]) {
    let Some(slot) = key.strip_prefix(&Address::system().0) else { return };
    let Some((_, address)) = slot.split_last_chunk::<32>() else { return };
    let address = Address(*address);
    if slot == accounts::contract_slot(&address)
        && let Ok(record) = ContractRecord::decode(&mut &value[..])
    {
        chain_db::stage_contract_name(batch, &record.department, &record.name, &address);
    }
}
