//! Executing a block's transactions, one after the other, on the state the block builds on.
//!
//! A transaction that may not be in the block leaves no trace. One that may be uses its nonce and pays its gas whatever
//! becomes of it; everything else it did stays only when it is done. The same code proposes blocks and checks them.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    accounts,
    beacons::{self, BeaconError},
    gas::intrinsic_gas,
    lanes::{self, seen::SeenError},
    payload, quotas,
    rules::ChainRules,
    session::{Facts, Halt, Session},
    stack::ExecutionStack,
    trace::{Recorder, StepKind, Trace, TraceLimits},
    transaction::VerifiedTransaction,
    view::ViewGuard,
};
use crate::{
    abi::{
        Address, Beacon, Committee, Digest, Header, MainchainSeen, Name, Outcome, Payload, Receipt, Refusal,
        RegistrySetup, Transaction, WIRE_VERSION, limits,
    },
    engine::{Engine, Observe},
    state::{Changes, StateView},
};

/// What a block says of itself before anything in it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockContext {
    /// The block's height.
    pub height: u64,
    /// The block's time, milliseconds since 1970.
    pub timestamp_ms: u64,
    /// On a sidechain, the mainchain header that the block's own names; none when nothing is executed for a block.
    pub mainchain: Option<MainchainSeen>,
}

impl BlockContext {
    /// What a block says of itself by its header.
    pub fn of(header: &Header) -> Self {
        Self { height: header.height, timestamp_ms: header.timestamp_ms, mainchain: header.mainchain }
    }
}

/// Why a transaction is not in the block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecuteError {
    /// It may not be in a block at this height.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The block has no room for it; a later one may.
    #[error("the block is full")]
    BlockFull,
    /// This node cannot go on with this chain.
    #[error(transparent)]
    Halt(#[from] Halt),
}

/// Why a block does not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// Its header's beacons are wrong.
    #[error(transparent)]
    Beacon(#[from] BeaconError),
    /// What its header says of the mainchain is wrong.
    #[error(transparent)]
    Seen(#[from] SeenError),
    /// This node cannot go on with this chain.
    #[error(transparent)]
    Halt(#[from] Halt),
}

impl From<BeginError> for ExecuteError {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Halt(halt) => Self::Halt(halt),
            // Whoever begins a block without a header has none of either.
            BeginError::Beacon(error) => Self::Halt(Halt::Inconsistent(error.to_string())),
            BeginError::Seen(error) => Self::Halt(Halt::Inconsistent(error.to_string())),
        }
    }
}

/// What a block's transactions did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutedBlock {
    /// A receipt for each transaction, in order.
    pub receipts: Vec<Receipt>,
    /// What they wrote.
    pub changes: Changes,
    /// Gas they used.
    pub gas_used: u64,
    /// The committee that follows, when the block is the last of its epoch.
    pub next_committee: Option<Committee>,
}

/// Executes one block.
pub struct BlockExecutor<'a> {
    engine: &'a Arc<Engine>,
    rules: &'a ChainRules,
    context: BlockContext,
    /// Gone after a halt.
    session: Option<Box<Session>>,
    receipts: Vec<Receipt>,
    gas_used: u64,
    size_bytes: usize,
    /// Gas limits of what other chains sent, by chain.
    lanes_gas: BTreeMap<Name, u64>,
    /// Not when something is only tried out: with more gas than it will be given, to learn how much it takes.
    checks_quota: bool,
    _view: ViewGuard<'a>,
    _stack: &'a ExecutionStack,
}

impl<'a> BlockExecutor<'a> {
    /// Begins the block of `context` on the state that `view` shows, with the beacons that its header brings. The first
    /// block of a chain with a registry sets that up.
    ///
    /// # Errors
    /// When the beacons are wrong, or this node cannot go on.
    pub fn begin(
        stack: &'a ExecutionStack,
        engine: &'a Arc<Engine>,
        rules: &'a ChainRules,
        view: &'a dyn StateView,
        context: BlockContext,
        beacons: &[Beacon],
    ) -> Result<Self, BeginError> {
        Self::begin_knowing(stack, engine, rules, view, context, beacons, &BTreeMap::new())
    }

    /// The same, where `known` has beacons whose signatures this node has found to hold already under the key in force.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn begin_knowing(
        stack: &'a ExecutionStack,
        engine: &'a Arc<Engine>,
        rules: &'a ChainRules,
        view: &'a dyn StateView,
        context: BlockContext,
        beacons: &[Beacon],
        known: &BTreeMap<u64, Beacon>,
    ) -> Result<Self, BeginError> {
        let mut executor = Self::new(stack, engine, rules, view, context);
        if context.height == 1
            && let Some(setup) = &rules.genesis().registry
        {
            executor.set_up(setup)?;
        }
        let session = executor.session.as_mut().expect("a block that begins has its session");
        lanes::seen::record(rules, session, context.mainchain)??;
        beacons::apply(rules, session, beacons, known)??;
        Ok(executor)
    }

    fn new(
        stack: &'a ExecutionStack,
        engine: &'a Arc<Engine>,
        rules: &'a ChainRules,
        view: &'a dyn StateView,
        context: BlockContext,
    ) -> Self {
        let guard = ViewGuard::new(view);
        let facts = Facts {
            chain: rules.name().clone(),
            registry: rules.registry().copied(),
            mainchain: rules.genesis().mainchain.clone(),
            arrived: None,
            height: context.height,
            timestamp_ms: context.timestamp_ms,
            signer: Address::default(),
            transaction: Digest::default(),
        };
        let session = Some(Box::new(Session::new(guard.pointer(), facts)));
        Self {
            engine,
            rules,
            context,
            session,
            receipts: Vec::new(),
            gas_used: 0,
            size_bytes: 0,
            lanes_gas: BTreeMap::new(),
            checks_quota: true,
            _view: guard,
            _stack: stack,
        }
    }

    /// Executes the next transaction.
    ///
    /// # Errors
    /// When it may not be in this block, which leaves no trace; or when this node cannot go on.
    pub fn execute(&mut self, verified: &VerifiedTransaction) -> Result<&Receipt, ExecuteError> {
        self.check_room(verified)?;
        let receipt = self.run(verified)?;
        self.gas_used += receipt.gas_used;
        self.size_bytes += verified.size_bytes();
        if let Payload::Deliver(delivery) = &verified.transaction().body.payload {
            *self.lanes_gas.entry(delivery.source.clone()).or_default() += verified.transaction().body.gas_limit;
        }
        self.receipts.push(receipt);
        Ok(self.receipts.last().expect("one was just pushed"))
    }

    /// The same, and what the transaction did step by step. The receipt is the same as without; where in its source a
    /// contract stopped is known only when the engine was made to observe.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub fn execute_traced(
        &mut self,
        verified: &VerifiedTransaction,
        limits: TraceLimits,
    ) -> Result<(Receipt, Trace), ExecuteError> {
        let recorder = Recorder::new(limits, self.engine.observe() == Observe::Gas);
        if let Some(session) = &mut self.session {
            session.recorder = Some(Box::new(recorder));
        }
        let executed = self.execute(verified).cloned();
        let recorder = self.session.as_mut().and_then(|session| session.recorder.take());
        let receipt = executed?;
        let trace = recorder.map(|recorder| recorder.finish()).unwrap_or_default();
        Ok((receipt, trace))
    }

    /// What the block's transactions did.
    ///
    /// # Errors
    /// When this node cannot go on.
    ///
    /// # Panics
    /// After a halt, when there is nothing to finish.
    pub fn finish(self) -> Result<ExecutedBlock, Halt> {
        let mut session = self.session.expect("a halted block is not finished");
        lanes::mirror::publish(self.rules, &mut session)?;
        let next_committee = lanes::conclude(self.rules, &mut session)?;
        let Self { receipts, gas_used, .. } = self;
        Ok(ExecutedBlock { receipts, changes: session.into_changes(), gas_used, next_committee })
    }

    /// Deploys the registry as the genesis has it. It has no transaction and no receipt.
    fn set_up(&mut self, setup: &RegistrySetup) -> Result<(), Halt> {
        let mut session = self.session.take().expect("a block that begins has its session");
        session.begin(Address::system(), *self.rules.digest());
        let ran = payload::set_up_registry(self.engine, self.rules, session, setup)?;
        let why = match &ran.outcome {
            Outcome::Done { .. } => None,
            other => Some(format!("the genesis' registry cannot be set up: {other:?}")),
        };
        let mut session = ran.session;
        session.take_events();
        self.session = Some(session);
        why.map_or(Ok(()), |why| Err(Halt::Inconsistent(why)))
    }

    fn check_room(&self, verified: &VerifiedTransaction) -> Result<(), ExecuteError> {
        let has_room = self.receipts.len() < limits::BLOCK_TRANSACTIONS_MAX
            && self.size_bytes + verified.size_bytes() <= limits::BLOCK_BYTES_MAX
            && self.gas_used + verified.transaction().body.gas_limit <= limits::BLOCK_GAS_MAX
            && self.has_room_on_lane(verified.transaction());
        if has_room { Ok(()) } else { Err(ExecuteError::BlockFull) }
    }

    /// Whether a delivery fits into its lane's share of the block. A first one always does.
    fn has_room_on_lane(&self, transaction: &Transaction) -> bool {
        let Payload::Deliver(delivery) = &transaction.body.payload else { return true };
        let used = self.lanes_gas.get(&delivery.source);
        used.is_none_or(|used| used + transaction.body.gas_limit <= limits::LANE_GAS_MAX)
    }

    fn run(&mut self, verified: &VerifiedTransaction) -> Result<Receipt, ExecuteError> {
        let body = &verified.transaction().body;
        verified.check_validity(self.context.height)?;
        let mut session = self.session.take().ok_or_else(|| Halt::Inconsistent("this block has halted".into()))?;
        let nonce = accounts::nonce(&*session, &body.sender).map_err(Halt::Storage)?;
        if let Err(refusal) = check_nonce(nonce, body.nonce) {
            self.session = Some(session);
            return Err(refusal.into());
        }
        let payers = match session.payers(self.rules, body).map_err(Halt::Storage)? {
            Ok(payers) => payers,
            Err(refusal) => {
                self.session = Some(session);
                return Err(refusal.into());
            }
        };
        let paid = match self.checks_quota {
            true => session.check_payers(self.rules, &payers, body.gas_limit).map_err(Halt::Storage)?,
            false => Ok(()),
        };
        if let Err(refusal) = paid {
            self.session = Some(session);
            return Err(refusal.into());
        }
        let intrinsic = intrinsic_gas(verified.transaction(), verified.size_bytes(), self.rules.schedule());
        if let Err(refusal) = lanes::admit(self.rules, &session, body, intrinsic)? {
            self.session = Some(session);
            return Err(refusal.into());
        }
        session.begin(body.sender, *verified.digest());
        let next = accounts::encode_nonce(nonce + 1);
        session.set(&Address::system(), accounts::nonce_slot(&body.sender), Some(next));
        let gas = body.gas_limit.saturating_sub(intrinsic);
        if let Some(recorder) = &mut session.recorder {
            recorder.outside(intrinsic, StepKind::Intrinsic);
        }
        let savepoint = session.savepoint();
        let mut ran = payload::run(self.engine, self.rules, session, &body.payload, body.sender, gas)?;
        quotas::settle(self.rules, &mut ran, savepoint, &payers, body, intrinsic)?;
        let receipt = Receipt {
            version: WIRE_VERSION,
            transaction: *verified.digest(),
            height: self.context.height,
            index: u32::try_from(self.receipts.len()).expect("a block's transactions have a limit"),
            gas_used: body.gas_limit - ran.gas_left,
            outcome: ran.outcome,
            events: ran.session.take_events(),
        };
        self.session = Some(ran.session);
        Ok(receipt)
    }
}

fn check_nonce(expected: u64, found: u64) -> Result<(), Refusal> {
    match found.cmp(&expected) {
        std::cmp::Ordering::Less => Err(Refusal::NonceUsed { expected, found }),
        std::cmp::Ordering::Greater => Err(Refusal::NonceGap { expected, found }),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// What a transaction would do as the only one of the next block, with whatever nonce is due, whoever signed it, and
/// whether or not whoever pays has its gas limit left.
///
/// # Errors
/// When it may not be in that block for another reason, or this node cannot go on.
pub fn simulate(
    stack: &ExecutionStack,
    engine: &Arc<Engine>,
    rules: &ChainRules,
    view: &dyn StateView,
    context: BlockContext,
    transaction: Transaction,
) -> Result<Receipt, ExecuteError> {
    let verified = with_due_nonce(rules, view, transaction)?;
    let mut executor = BlockExecutor::begin(stack, engine, rules, view, context, &[])?;
    executor.checks_quota = false;
    executor.execute(&verified).cloned()
}

/// The same, and what the transaction would do step by step.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_traced(
    stack: &ExecutionStack,
    engine: &Arc<Engine>,
    rules: &ChainRules,
    view: &dyn StateView,
    context: BlockContext,
    transaction: Transaction,
    limits: TraceLimits,
) -> Result<(Receipt, Trace), ExecuteError> {
    let verified = with_due_nonce(rules, view, transaction)?;
    let mut executor = BlockExecutor::begin(stack, engine, rules, view, context, &[])?;
    executor.checks_quota = false;
    executor.execute_traced(&verified, limits)
}

fn with_due_nonce(
    rules: &ChainRules,
    view: &dyn StateView,
    mut transaction: Transaction,
) -> Result<VerifiedTransaction, ExecuteError> {
    transaction.body.nonce = accounts::nonce(view, &transaction.body.sender).map_err(Halt::Storage)?;
    Ok(VerifiedTransaction::unsigned(transaction, rules)?)
}
