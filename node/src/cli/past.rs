//! A past transaction executed again from a stopped node's data directory: on the state before its block where the
//! store still leads back there, else on one that is made by executing every block from the genesis on.

use std::{path::Path, sync::Arc};

use chancery_abi::{Digest, Name};
use chancery_runtime::{
    engine::Observe,
    execution::{on_execution_stack, trace::TraceLimits},
    state::StateConfig,
};

use super::{
    failure::{Failure, Result},
    output::Output,
    replay::{chain_failure, open, refuse_base, storage_failure, store_failure},
};
use crate::{
    chain::{Ledger, RetraceError, Retraced, execute_again, finish, observing_engine, recorded},
    store::{ChainDb, ChainStore},
};

/// Steps and bytes that a trace from a data directory may hold.
const LIMITS: TraceLimits = TraceLimits { steps_max: 200_000, bytes_max: 64 << 20 };

/// How the state before the transaction was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The store led back to it.
    Back,
    /// These many blocks were executed again.
    Replayed(u64),
}

impl Way {
    /// In words.
    pub(super) fn text(self) -> String {
        match self {
            Self::Back => "executed again on the state before its block".into(),
            Self::Replayed(blocks) => format!("executed again after replaying {blocks} blocks from the genesis"),
        }
    }
}

/// Executes a transaction of the chain in `data` again.
///
/// # Errors
/// When the store fails or is in use, has no such chain or transaction, or anything differs from what is recorded.
pub(super) fn retrace(
    data: &Path,
    chain: &Name,
    transaction: &Digest,
    observe: Observe,
    output: &Output,
) -> Result<(Retraced, Way)> {
    let source = open(data)?;
    let chains = source.chains().map_err(store_failure)?;
    let entry = chains.into_iter().find(|entry| entry.chain.name == *chain);
    let entry = entry.ok_or_else(|| Failure::new(format!("{} has no chain {chain}", data.display())))?;
    let store = source.open_chain(entry.chain.clone()).map_err(store_failure)?;
    let genesis = ChainDb(&store).genesis().map_err(storage_failure)?;
    let genesis = genesis.ok_or_else(|| Failure::new(format!("{} has no chain {chain}", data.display())))?;
    let engine = observing_engine(observe).map_err(chain_failure)?;
    let open_ledger = |store: ChainStore| {
        let ledger = Ledger::open(Arc::new(store), Arc::clone(&engine), genesis.clone(), StateConfig::default());
        ledger.map_err(chain_failure)
    };
    let ledger = open_ledger(store)?;
    match ledger.retrace(&engine, transaction, LIMITS) {
        Err(RetraceError::TooOld { .. }) => {}
        other => return other.map(|retraced| (retraced, Way::Back)).map_err(retrace_failure),
    }
    refuse_base(ledger.backend())?;
    // Beside the data, because it may become as large.
    let scratch = tempfile::Builder::new().prefix("trace-").tempdir_in(data)?;
    let replayed = open(scratch.path())?.open_chain(entry.chain).map_err(store_failure)?;
    let replayed = open_ledger(replayed)?;
    on_execution_stack(|stack| {
        let db = ledger.db();
        let (place, block, receipt) = recorded(ledger.backend().as_ref(), transaction).map_err(retrace_failure)?;
        let blocks = place.height - 1;
        output.note(&format!("the state before block {} is gone: replaying {blocks} blocks", place.height));
        let mut progress = output.progress("blocks", Some(blocks));
        for height in 1..=blocks {
            let block = db.block(height).and_then(|block| db.expect_part(block, "block", height));
            let finality = db.finality(height).and_then(|part| db.expect_part(part, "finality proof", height));
            let candidate = replayed.check(stack, None, block.map_err(storage_failure)?).map_err(|error| {
                Failure::new(format!("block {height} of chain {chain} differs")).because(error).code("differs")
            })?;
            replayed.commit(&candidate, &finality.map_err(storage_failure)?).map_err(chain_failure)?;
            progress.at(height);
        }
        progress.finish();
        let state = replayed.state().map_err(chain_failure)?;
        let (view, index) = (state.view(None), place.index as usize);
        let again = execute_again(stack, &engine, replayed.rules(), &view, &block, index, LIMITS);
        let again = again.map_err(chain_failure)?;
        let retraced = finish(ledger.backend().as_ref(), again, &receipt).map_err(retrace_failure)?;
        Ok((retraced, Way::Replayed(blocks)))
    })
}

fn retrace_failure(error: RetraceError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error {
        RetraceError::Unknown(_) => failure.code("unknown_transaction"),
        RetraceError::Differs(_) => failure.code("differs"),
        RetraceError::TooOld { .. } | RetraceError::Chain(_) => failure,
    }
}
