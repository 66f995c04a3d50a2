//! Executing a transaction of a past block again, to see what it did step by step.
//!
//! Invariants: nothing is written; the receipt must be the recorded one, so that what is shown is what happened; the
//! work is at most that of the transaction's block, one such at a time, and the trace has limits of its own. The state
//! before the block is read as long as the state leads back to it; older transactions need a data directory and the
//! blocks from the genesis on, which the command line does.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError},
};

use chancery_abi::{
    Block, Digest, Receipt,
    limits::CALL_DEPTH_MAX,
    schema::{SECTION, custom_section},
};
use chancery_runtime::{
    engine::{Engine, EngineConfig, Observe},
    execution::{
        BlockContext, BlockExecutor, ChainRules, ExecuteError, ExecutionStack, VerifiedTransaction, accounts,
        on_execution_stack,
        trace::{Trace, TraceLimits},
    },
    state::{StateError, StateView},
    storage::{StateBackend, StateReader},
};

use super::{ChainError, ChainService, Ledger, ReadError};
use crate::store::ChainDb;

/// Source bytes of the compiled modules that are kept for the next trace.
const CACHE_BYTES: usize = 4 << 20;
/// What an answer over the network may hold.
const ANSWER_LIMITS: TraceLimits = TraceLimits { steps_max: 5_000, bytes_max: 512 << 10 };

/// What a past transaction did.
#[derive(Clone, Debug)]
pub struct Retraced {
    /// Its receipt.
    pub receipt: Receipt,
    /// Its steps.
    pub trace: Trace,
    /// The schemas of the code that ran, by the code's digest, as the bytes of their sections.
    pub schemas: BTreeMap<Digest, Vec<u8>>,
}

/// Why a past transaction cannot be executed again here.
#[derive(Debug, thiserror::Error)]
pub enum RetraceError {
    /// It is not in any block.
    #[error("transaction {0} is not final on this chain")]
    Unknown(Digest),
    /// The state before its block is gone.
    #[error(
        "the transaction is in block {height}, and the state before it is gone; those of blocks {oldest} to {newest} \
         are there"
    )]
    TooOld {
        /// Its block's height.
        height: u64,
        /// The oldest block that can be executed again.
        oldest: u64,
        /// The newest.
        newest: u64,
    },
    /// It ended otherwise than it did then.
    #[error("executed again, transaction {0} has another receipt than the one recorded; this node is at fault")]
    Differs(Digest),
    /// This node cannot say.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl RetraceError {
    fn chain(error: impl Into<ChainError>) -> Self {
        Self::Chain(error.into())
    }
}

/// An engine for traces, or for profiles.
///
/// # Errors
/// When this machine cannot run it.
pub fn observing_engine(observe: Observe) -> Result<Arc<Engine>, ChainError> {
    let config =
        EngineConfig { observe, cache_bytes: CACHE_BYTES, instances: CALL_DEPTH_MAX + 1, ..EngineConfig::default() };
    Engine::new(config).map(Arc::new).map_err(|error| ChainError::Inconsistent(error.to_string()))
}

/// Executes the block's transactions up to `index` on the state before it, and traces the last.
///
/// # Errors
/// When this node cannot execute them.
pub fn execute_again(
    stack: &ExecutionStack,
    engine: &Arc<Engine>,
    rules: &ChainRules,
    view: &dyn StateView,
    block: &Block,
    index: usize,
    limits: TraceLimits,
) -> Result<(Receipt, Trace), ChainError> {
    let context = BlockContext::of(&block.header);
    let failed = |error: ExecuteError| match error {
        ExecuteError::Halt(halt) => ChainError::Halt { chain: rules.name().clone(), height: context.height, halt },
        error => {
            ChainError::Inconsistent(format!("a transaction of final block {} is refused: {error}", context.height))
        }
    };
    let begun = BlockExecutor::begin(stack, engine, rules, view, context, &block.header.beacons);
    let mut executor = begun.map_err(|error| failed(error.into()))?;
    let verified = |place: usize| {
        let transaction = block.transactions.get(place).cloned();
        let missing = || ChainError::Inconsistent(format!("block {} has no transaction {place}", context.height));
        let verified = VerifiedTransaction::verify(transaction.ok_or_else(missing)?, rules);
        verified.map_err(|refusal| failed(refusal.into()))
    };
    for before in 0..index {
        executor.execute(&verified(before)?).map_err(failed)?;
    }
    executor.execute_traced(&verified(index)?, limits).map_err(failed)
}

impl<B: StateBackend> Ledger<B> {
    /// Executes a final transaction again on the state before its block, as far as the state leads back there.
    ///
    /// # Errors
    /// When it does not, the transaction is not final, or this node cannot execute it.
    pub fn retrace(
        &self,
        engine: &Arc<Engine>,
        transaction: &Digest,
        limits: TraceLimits,
    ) -> Result<Retraced, RetraceError> {
        on_execution_stack(|stack| {
            let mut retraced = Err(RetraceError::chain(ChainError::Poisoned));
            let state = self.state()?;
            // Under the state's lock, so that the way back is that from the snapshot; it is given up before anything runs.
            let mut state = Some(state);
            self.backend().with_snapshot(&mut |reader| {
                let Some(state) = state.take() else { return };
                retraced = (|| {
                    let (place, block, recorded) = recorded(reader, transaction)?;
                    let past = state.past(place.height - 1).map_err(|error| match error {
                        StateError::NotProvable { oldest, newest, .. } => {
                            let (height, oldest) = (place.height, oldest.saturating_add(1));
                            RetraceError::TooOld { height, oldest, newest }
                        }
                        error => RetraceError::chain(error),
                    })?;
                    drop(state);
                    let (index, view) = (place.index as usize, past.view(reader));
                    let again = execute_again(stack, engine, self.rules(), &view, &block, index, limits)?;
                    finish(reader, again, &recorded)
                })();
            });
            retraced
        })
    }
}

/// Where a transaction is, its block, and its receipt.
pub fn recorded(
    reader: &dyn StateReader,
    transaction: &Digest,
) -> Result<(crate::store::TransactionPlace, Block, Receipt), RetraceError> {
    let db = ChainDb(reader);
    let place = db.transaction_place(transaction).map_err(RetraceError::chain)?;
    let place = place.ok_or(RetraceError::Unknown(*transaction))?;
    let block = db.block(place.height).and_then(|block| db.expect_part(block, "block", place.height));
    let receipt = db.receipt(transaction).and_then(|receipt| db.expect_part(receipt, "receipt", place.height));
    Ok((place, block.map_err(RetraceError::chain)?, receipt.map_err(RetraceError::chain)?))
}

/// Compares what was executed again with what is recorded, and adds what explains it.
///
/// # Errors
/// When they differ, or the store fails.
pub fn finish(
    reader: &dyn StateReader,
    (receipt, trace): (Receipt, Trace),
    recorded: &Receipt,
) -> Result<Retraced, RetraceError> {
    if receipt != *recorded {
        return Err(RetraceError::Differs(recorded.transaction));
    }
    let mut schemas = BTreeMap::new();
    let codes: BTreeSet<Digest> = trace.calls().into_iter().filter_map(|call| call.code).collect();
    for code in codes {
        let view = chancery_runtime::state::FinalView(reader);
        // Code is never removed; what a deploy brought that failed is not there.
        let source = accounts::code(&view, &code).map_err(RetraceError::chain)?;
        let section = source.as_deref().and_then(|source| custom_section(source, SECTION));
        if let Some(section) = section {
            schemas.insert(code, section.to_vec());
        }
    }
    Ok(Retraced { receipt, trace, schemas })
}

/// What a node has ready for traces: an engine, made at the first, and the turn that each takes.
#[derive(Default)]
pub(super) struct Tracing {
    engine: OnceLock<Arc<Engine>>,
    turn: Mutex<()>,
}

impl ChainService {
    /// Executes a final transaction again and says what it did step by step. Blocks; see [`Self::ask`].
    ///
    /// # Errors
    /// When the transaction is not final or too old, when another is being traced, or this node cannot say.
    pub fn trace(&self, transaction: &Digest) -> Result<Retraced, ReadError> {
        let _turn = match self.tracing.turn.try_lock() {
            Ok(turn) => turn,
            // A panic under it left nothing half-done: the turn holds nothing.
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => return Err(ReadError::Busy),
        };
        let engine = match self.tracing.engine.get() {
            Some(engine) => engine,
            None => {
                let engine = observing_engine(Observe::Stops).map_err(|error| ReadError::Failed(error.to_string()))?;
                self.tracing.engine.get_or_init(|| engine)
            }
        };
        self.ledger.retrace(engine, transaction, ANSWER_LIMITS).map_err(|error| match error {
            RetraceError::Unknown(digest) => ReadError::Unknown {
                what: format!("final transaction {digest}"),
                code: "unknown_transaction",
                chain: self.ledger.rules().name().clone(),
            },
            error @ RetraceError::TooOld { .. } => ReadError::TooOld(error.to_string()),
            RetraceError::Chain(error) => self.not_answered(error),
            error @ RetraceError::Differs(_) => ReadError::Failed(error.to_string()),
        })
    }
}
