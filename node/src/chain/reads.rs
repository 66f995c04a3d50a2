//! Questions to a chain that run contract code or take long: queries, simulations, proofs. A bounded number runs at
//! once, each on a snapshot of the store and a thread of its own; a panic in one is that question's alone.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use chancery_abi::{Address, Digest, Ident, Outcome, Receipt, Transaction};
use chancery_runtime::{
    execution::{
        self, BlockContext, ExecuteError, ExecutionStack, Halt, QueryCall, beacons, chain::ChainTip, on_execution_stack,
    },
    state::FinalView,
    storage::{StateBackend as _, StateReader},
};

use super::{ChainService, ContractRef, ReadError, now_ms, service::panic_text};
use crate::{consensus::Board, store::ChainDb};

/// How long a question waits for its turn.
const PATIENCE: Duration = Duration::from_secs(3);

/// A chain's newest block and what waits.
#[derive(Clone, Debug)]
pub struct Status {
    /// The height; 0 before the first block.
    pub height: u64,
    /// The newest header's digest; the genesis' before the first.
    pub header: Digest,
    /// The state's root after it.
    pub state_root: Digest,
    /// Its time.
    pub timestamp_ms: u64,
    /// Transactions that wait.
    pub pool_count: usize,
    /// Their bytes.
    pub pool_bytes: usize,
    /// What the registry says of the threshold key; none where the chain has no registry.
    pub threshold: Option<Board>,
    /// The newest height that the threshold key attested, as far as this node knows.
    pub attested_height: Option<u64>,
}

/// What a query gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryAnswer {
    /// How it ended.
    pub outcome: Outcome,
    /// Gas it used.
    pub gas_used: u64,
    /// The height whose state it saw.
    pub height: u64,
}

/// A read-only call as people ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryRequest {
    /// The contract.
    pub contract: ContractRef,
    /// The method.
    pub method: Ident,
    /// The arguments in SCALE.
    pub input: Vec<u8>,
    /// Whom the contract sees as its caller.
    pub caller: Option<Address>,
    /// The most gas it may use; this node's limit without.
    pub gas_limit: Option<u64>,
}

impl ChainService {
    /// Runs `work` when it has its turn, on a thread where it may block, with panics caught.
    ///
    /// # Errors
    /// When too much is running, or whatever `work` returns.
    pub async fn ask<R: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<R, ReadError> + Send + 'static,
    ) -> Result<R, ReadError> {
        let turn = Arc::clone(&self.queries).acquire_owned();
        // The semaphore is never closed, so the one failure is time.
        let Ok(Ok(turn)) = tokio::time::timeout(PATIENCE, turn).await else {
            return Err(ReadError::Busy);
        };
        self.look_up(move |chain| {
            let _turn = turn;
            work(chain)
        })
        .await
    }

    /// Runs `work` on a thread where it may block, with panics caught, without waiting for a turn. For short reads.
    ///
    /// # Errors
    /// Whatever `work` returns.
    pub async fn look_up<R: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<R, ReadError> + Send + 'static,
    ) -> Result<R, ReadError> {
        let chain = Arc::clone(self);
        let asked = tokio::task::spawn_blocking(move || {
            // A question changes nothing, so nothing is left half-changed.
            catch_unwind(AssertUnwindSafe(|| work(&chain)))
                .unwrap_or_else(|panic| Err(ReadError::Failed(format!("it panicked: {}", panic_text(&*panic)))))
        });
        let answer = asked.await.unwrap_or_else(|error| Err(ReadError::Failed(error.to_string())));
        if let Err(ReadError::Storage(error)) = &answer {
            self.fail(error);
        }
        answer
    }

    /// The newest block and what waits.
    ///
    /// # Errors
    /// When the store fails.
    pub fn status(&self) -> Result<Status, ReadError> {
        let tip = self.ledger.tip();
        let state_root = match self.ledger.db().header(tip.height)? {
            Some(header) => header.state_root,
            None => chancery_runtime::state::empty_root(),
        };
        let (pool_count, pool_bytes) = self.pool_size();
        let threshold = self.read_registry(super::blackboard::board_of)?;
        let attested_height = self.attestation()?.map(|(height, _)| height);
        let ChainTip { height, header, timestamp_ms, .. } = *tip;
        Ok(Status { height, header, state_root, timestamp_ms, pool_count, pool_bytes, threshold, attested_height })
    }

    /// The beacon of a height, when it is known and not too long ago.
    ///
    /// # Errors
    /// When the store fails.
    pub fn beacon(&self, height: u64) -> Result<Option<Digest>, ReadError> {
        Ok(beacons::known(&FinalView(&**self.ledger.backend()), height)?)
    }

    /// Runs a query on the newest state. Blocks; see [`Self::ask`].
    ///
    /// # Errors
    /// When there is no such contract, or this node cannot run it. What the contract does wrong is in the outcome.
    pub fn query(&self, request: QueryRequest) -> Result<QueryAnswer, ReadError> {
        let gas_limit = request.gas_limit.unwrap_or(self.config.query_gas_max);
        if gas_limit > self.config.query_gas_max {
            return Err(ReadError::Limit { what: "the gas limit", limit: self.config.query_gas_max, found: gas_limit });
        }
        self.on_snapshot(|stack, reader, tip| {
            let found = self.find_contract_in(reader, &request.contract)?;
            let call = QueryCall {
                contract: found.address,
                method: request.method,
                input: request.input,
                caller: request.caller.unwrap_or_default(),
                gas_limit,
            };
            let context = BlockContext { height: tip.height, timestamp_ms: tip.timestamp_ms, mainchain: None };
            let (engine, rules) = (self.ledger.engine(), self.ledger.rules());
            let result = execution::query(stack, engine, rules, &FinalView(reader), context, call);
            let result = result.map_err(read_halt)?;
            Ok(QueryAnswer { outcome: result.outcome, gas_used: result.gas_used, height: tip.height })
        })
    }

    /// What a transaction would do as the only one of the next block. Signatures and the nonce are not looked at.
    /// Blocks; see [`Self::ask`].
    ///
    /// # Errors
    /// When it may not be in a block, or this node cannot run it.
    pub fn simulate(&self, transaction: Transaction) -> Result<Receipt, ReadError> {
        self.on_snapshot(|stack, reader, tip| {
            self.simulate_on(stack, reader, &tip, now_ms().max(tip.timestamp_ms), transaction)
        })
    }

    /// Runs `read` on a snapshot, with the height of that moment. For short reads that run no contract.
    pub(super) fn at_tip<R>(
        &self,
        read: impl FnOnce(&dyn StateReader, u64) -> Result<R, ReadError>,
    ) -> Result<R, ReadError> {
        let mut read = Some(read);
        let mut answer = Err(ReadError::Failed("the store gave no snapshot".into()));
        self.ledger.backend().with_snapshot(&mut |reader| {
            let Some(read) = read.take() else { return };
            let tip = ChainDb(reader).tip().map_err(ReadError::from);
            answer = tip.and_then(|tip| read(reader, tip.map_or(0, |tip| tip.height)));
        });
        answer
    }

    pub(super) fn simulate_on(
        &self,
        stack: &ExecutionStack,
        reader: &dyn StateReader,
        tip: &ChainTip,
        timestamp_ms: u64,
        transaction: Transaction,
    ) -> Result<Receipt, ReadError> {
        let context = BlockContext { height: tip.height + 1, timestamp_ms, mainchain: None };
        let (engine, rules) = (self.ledger.engine(), self.ledger.rules());
        let simulated = execution::simulate(stack, engine, rules, &FinalView(reader), context, transaction);
        simulated.map_err(|error| match error {
            ExecuteError::Refused(refusal) => ReadError::Refused(refusal),
            ExecuteError::BlockFull => ReadError::Failed("it does not fit into an empty block".into()),
            ExecuteError::Halt(halt) => read_halt(halt),
        })
    }

    /// The first height whose block is here with everything in it. A store that was filled from a snapshot has no
    /// receipts of the snapshot's own block, and little of those before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn first_kept_height(&self) -> Result<u64, ReadError> {
        Ok(self.ledger.db().base()?.map_or(1, |base| base + 1))
    }

    /// Refuses heights whose blocks are not here, because the store was filled from a snapshot or they do not exist yet.
    ///
    /// # Errors
    /// When it is one, or the store fails.
    pub fn expect_kept(&self, height: u64) -> Result<(), ReadError> {
        let first = self.first_kept_height()?;
        if height >= first && height <= self.ledger.tip().height {
            return Ok(());
        }
        let what = match height < first && height > 0 {
            true => {
                format!("the block at height {height} (this node began with a snapshot and has those from {first} on)")
            }
            false => format!("the block at height {height}"),
        };
        Err(ReadError::Unknown { what, code: "unknown_block", chain: self.ledger.rules().name().clone() })
    }

    /// Runs `read` on a snapshot, with the tip of that moment, on a thread with the stack that contracts need.
    pub(super) fn on_snapshot<R: Send>(
        &self,
        read: impl FnOnce(&ExecutionStack, &dyn StateReader, ChainTip) -> Result<R, ReadError> + Send,
    ) -> Result<R, ReadError> {
        on_execution_stack(|stack| {
            let mut read = Some(read);
            let mut answer = Err(ReadError::Failed("the store gave no snapshot".into()));
            self.ledger.backend().with_snapshot(&mut |reader| {
                let Some(read) = read.take() else { return };
                let tip =
                    ChainDb(reader).tip().map(|tip| tip.unwrap_or_else(|| ChainTip::genesis(self.ledger.rules())));
                answer = tip.map_err(ReadError::from).and_then(|tip| read(stack, reader, tip));
            });
            answer
        })
    }
}

fn read_halt(halt: Halt) -> ReadError {
    match halt {
        Halt::Storage(error) => ReadError::Storage(error),
        halt => ReadError::Failed(halt.to_string()),
    }
}
