//! Read-only calls on a state, outside any block.

use std::sync::Arc;

use super::{
    block::BlockContext,
    invoke::{Invocation, Returned, invoke},
    rules::ChainRules,
    session::{Facts, Halt, Session},
    stack::ExecutionStack,
    trace::{Recorder, Trace, TraceLimits},
    view::ViewGuard,
};
use crate::{
    abi::{Address, Digest, Ident, Outcome, limits, schema::MethodKind},
    engine::{Engine, Observe},
    state::StateView,
};

/// A read-only call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryCall {
    /// The contract.
    pub contract: Address,
    /// One of its query methods.
    pub method: Ident,
    /// The arguments in SCALE, one after the other.
    pub input: Vec<u8>,
    /// Whom the contract sees as its caller; nobody's signature stands for it.
    pub caller: Address,
    /// The most gas it may use.
    pub gas_limit: u64,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryResult {
    /// The outcome, as a receipt would have it.
    pub outcome: Outcome,
    /// Gas it used.
    pub gas_used: u64,
}

/// Runs a query on the state that `view` shows.
///
/// # Errors
/// When this node cannot go on; what the contract does wrong is in the outcome.
pub fn query(
    stack: &ExecutionStack,
    engine: &Arc<Engine>,
    rules: &ChainRules,
    view: &dyn StateView,
    context: BlockContext,
    call: QueryCall,
) -> Result<QueryResult, Halt> {
    Ok(run(stack, engine, rules, view, context, call, None)?.0)
}

/// The same, and what the query did step by step.
///
/// # Errors
/// When this node cannot go on; what the contract does wrong is in the outcome.
pub fn query_traced(
    stack: &ExecutionStack,
    engine: &Arc<Engine>,
    rules: &ChainRules,
    view: &dyn StateView,
    context: BlockContext,
    call: QueryCall,
    limits: TraceLimits,
) -> Result<(QueryResult, Trace), Halt> {
    let recorder = Box::new(Recorder::new(limits, engine.observe() == Observe::Gas));
    let (result, recorder) = run(stack, engine, rules, view, context, call, Some(recorder))?;
    Ok((result, recorder.map(|recorder| recorder.finish()).unwrap_or_default()))
}

fn run(
    _stack: &ExecutionStack,
    engine: &Arc<Engine>,
    rules: &ChainRules,
    view: &dyn StateView,
    context: BlockContext,
    call: QueryCall,
    recorder: Option<Box<Recorder>>,
) -> Result<(QueryResult, Option<Box<Recorder>>), Halt> {
    let QueryCall { contract, method, input, caller, gas_limit } = call;
    let guard = ViewGuard::new(view);
    let facts = Facts {
        chain: rules.name().clone(),
        registry: rules.registry().copied(),
        mainchain: rules.genesis().mainchain.clone(),
        arrived: None,
        height: context.height,
        timestamp_ms: context.timestamp_ms,
        signer: caller,
        transaction: Digest::default(),
    };
    let mut session = Box::new(Session::new(guard.pointer(), facts));
    session.recorder = recorder;
    let gas = gas_limit.min(limits::TRANSACTION_GAS_MAX);
    let invocation = Invocation {
        contract,
        caller,
        method: &method,
        kinds: &[MethodKind::Query],
        input,
        gas,
        stack_slots: 0,
        read_only: true,
    };
    let Returned { mut session, gas_left, result } = invoke(engine, rules.schedule(), session, invocation);
    let outcome = match result {
        Ok(output) => Outcome::Done { output },
        Err(stop) => stop.into_outcome(contract)?,
    };
    Ok((QueryResult { outcome, gas_used: gas - gas_left }, session.recorder.take()))
}
