//! Entering a contract: finding it, giving it an instance of its own, running one method, and telling how it ended.
//!
//! Every call has an instance of its own, with a store; the session moves into it and back. Savepoints are the
//! caller's: whoever invokes takes the session back when the result is not `Ok`.

use std::sync::Arc;

use wasmtime::{Store, Trap, Val, WasmBacktrace};

use super::{
    accounts,
    frame::{Frame, Handles, Stop},
    instance::NewInstance,
    session::{Halt, Session},
};
use crate::{
    abi::{Address, ExecutionRefusal, Ident, Outcome, TrapClass, limits, schema::MethodKind},
    engine::{Compiled, Engine},
    module::{CheckedModule, Schedule, SourcePlace},
};

/// What is to be run, and with what.
pub(super) struct Invocation<'a> {
    pub(super) contract: Address,
    pub(super) caller: Address,
    pub(super) method: &'a Ident,
    /// The kinds of method that may be entered this way.
    pub(super) kinds: &'static [MethodKind],
    pub(super) input: Vec<u8>,
    pub(super) gas: u64,
    /// Slots of the logical stack that the callers have in use.
    pub(super) stack_slots: u32,
    pub(super) read_only: bool,
}

/// How it went, with the session back.
pub(super) struct Returned {
    pub(super) session: Box<Session>,
    pub(super) gas_left: u64,
    pub(super) result: Result<Vec<u8>, Stop>,
}

/// Runs one method of one contract.
pub(super) fn invoke(
    engine: &Arc<Engine>,
    schedule: &'static Schedule,
    mut session: Box<Session>,
    invocation: Invocation<'_>,
) -> Returned {
    let gas = invocation.gas;
    record_entry(&mut session, &invocation);
    let (compiled, read_only) = match enter(engine, schedule, &mut session, &invocation) {
        Ok(entered) => entered,
        Err(stop) => return returned(session, invocation.contract, gas, Err(stop), Vec::new()),
    };
    if let Some(recorder) = &mut session.recorder {
        recorder.instance(compiled.code(), read_only, compiled.instance_gas, compiled.observation.clone());
    }
    let Some(gas) = gas.checked_sub(compiled.instance_gas) else {
        let stop = Stop::Trapped(TrapClass::OutOfGas);
        return returned(session, invocation.contract, 0, Err(stop), Vec::new());
    };
    let mut instance = match instance_of(engine, schedule, &mut session, &compiled) {
        Ok(instance) => instance,
        Err(stop) => return returned(session, invocation.contract, 0, Err(stop), Vec::new()),
    };
    let Invocation { contract, caller, method, input, stack_slots, .. } = invocation;
    session.running.push(contract);
    let observation = compiled.observation.clone();
    instance.store.data_mut().enter(session, contract, caller, read_only, input, observation);
    let ran = run(&mut instance, method, gas, stack_slots);
    let stopped_at = stopped_at(&compiled, &ran);
    let (gas_left, result) = conclude(&mut instance.store, instance.handles, ran);
    let session = instance.store.data_mut().session.take();
    let mut session = session.expect("the session is back once no contract waits");
    session.running.pop();
    if result.is_ok()
        && let Some(instance) = instance.restored()
    {
        session.keep_idle(instance);
    }
    returned(session, contract, gas_left, result, stopped_at)
}

fn record_entry(session: &mut Session, invocation: &Invocation<'_>) {
    let Invocation { contract, caller, method, input, gas, .. } = invocation;
    if let Some(recorder) = &mut session.recorder {
        recorder.enter(*contract, *caller, method, input, *gas);
    }
}

/// How the call of `contract` went, which the recorder learns too when there is one. A halt has no outcome to tell.
fn returned(
    mut session: Box<Session>,
    contract: Address,
    gas_left: u64,
    result: Result<Vec<u8>, Stop>,
    stopped_at: Vec<SourcePlace>,
) -> Returned {
    if let Some(recorder) = &mut session.recorder {
        let outcome = match &result {
            Ok(output) => Ok(Outcome::Done { output: output.clone() }),
            Err(stop) => stop.clone().into_outcome(contract),
        };
        if let Ok(outcome) = outcome {
            recorder.leave(gas_left, outcome, stopped_at);
        }
    }
    Returned { session, gas_left, result }
}

/// Where in its source the contract stopped, innermost first, when the engine observes.
fn stopped_at(compiled: &Compiled, ran: &wasmtime::Result<()>) -> Vec<SourcePlace> {
    let backtrace = ran.as_ref().err().and_then(|error| error.downcast_ref::<WasmBacktrace>());
    match (&compiled.observation, backtrace) {
        (Some(observation), Some(backtrace)) => observation.places(backtrace),
        _ => Vec::new(),
    }
}

/// An instance for a call: one that waits, or a new one.
fn instance_of(
    engine: &Arc<Engine>,
    schedule: &'static Schedule,
    session: &mut Session,
    compiled: &Arc<Compiled>,
) -> Result<NewInstance, Stop> {
    if let Some(instance) = session.take_idle(compiled) {
        return Ok(instance);
    }
    let made = match NewInstance::of(engine, schedule, compiled) {
        // Those that wait must never be why there is none.
        Err(_) if session.clear_idle() => NewInstance::of(engine, schedule, compiled),
        made => made,
    };
    made.map_err(|error| instantiation_stop(&error))
}

/// Finds the contract and its method, and says whether it runs read-only.
fn enter(
    engine: &Engine,
    schedule: &'static Schedule,
    session: &mut Session,
    invocation: &Invocation<'_>,
) -> Result<(Arc<Compiled>, bool), Stop> {
    if session.running.len() >= limits::CALL_DEPTH_MAX as usize {
        return Err(Stop::Trapped(TrapClass::CallDepth));
    }
    let compiled = load(engine, schedule, session, &invocation.contract)?;
    let entry = compiled
        .method(invocation.method)
        .filter(|entry| invocation.kinds.contains(&entry.kind))
        .ok_or(Stop::Refused(ExecutionRefusal::UnknownMethod))?;
    if !entry.reentrant && session.running.contains(&invocation.contract) {
        return Err(Stop::Trapped(TrapClass::Reentrancy));
    }
    let is_query = entry.kind == MethodKind::Query;
    // What is frozen can still be looked at.
    if !is_query && session.is_frozen(&invocation.contract).map_err(Stop::Halt)? {
        return Err(Stop::Refused(ExecutionRefusal::Frozen));
    }
    if invocation.read_only && !is_query {
        return Err(Stop::Trapped(TrapClass::ReadOnly));
    }
    Ok((compiled, invocation.read_only || is_query))
}

/// The compiled code of the contract at an address.
pub(super) fn load(
    engine: &Engine,
    schedule: &'static Schedule,
    session: &mut Session,
    contract: &Address,
) -> Result<Arc<Compiled>, Stop> {
    if let Some(compiled) = session.loaded.get(contract) {
        return Ok(Arc::clone(compiled));
    }
    let storage = |error| Stop::Halt(Halt::Storage(error));
    let record = accounts::contract_record(session, contract)
        .map_err(storage)?
        .ok_or(Stop::Refused(ExecutionRefusal::UnknownContract))?;
    let compiled = match engine.cached(record.code, schedule) {
        Some(compiled) => compiled,
        None => {
            let inconsistent = |what: String| Stop::Halt(Halt::Inconsistent(what));
            let code = accounts::code(session, &record.code).map_err(storage)?;
            let code =
                code.ok_or_else(|| inconsistent(format!("the code {} of {contract} is missing", record.code)))?;
            // What was checked before it was stored is checked again: a stored byte that changed must not run.
            let module = CheckedModule::check(&code)
                .map_err(|error| inconsistent(format!("the stored code {} is refused: {error}", record.code)))?;
            if module.code_digest() != record.code {
                return Err(inconsistent(format!("the code stored as {} is {}", record.code, module.code_digest())));
            }
            engine.compile(&module, schedule).map_err(|error| Stop::Halt(Halt::Compile(error)))?
        }
    };
    session.loaded.insert(*contract, Arc::clone(&compiled));
    Ok(compiled)
}

fn run(instance: &mut NewInstance, method: &Ident, gas: u64, stack_slots: u32) -> wasmtime::Result<()> {
    let compiled = Arc::clone(&instance.compiled);
    let entry = compiled.method(method).ok_or_else(|| wasmtime::Error::msg("the method is gone"))?;
    let function = instance.function(entry)?;
    let NewInstance { store, handles, .. } = instance;
    handles.gas.set(&mut *store, Val::I64(i64::try_from(gas).unwrap_or(i64::MAX)))?;
    handles.height.set(&mut *store, Val::I32(stack_slots.cast_signed()))?;
    function.call(store, ())
}

/// The gas that is left and how the method ended. Every input of this is metered or the module's own doing, so it is
/// the same on every node; the one thing that is not, a lack of resources, halts.
fn conclude(
    store: &mut Store<Frame>,
    Handles { gas, height, .. }: Handles,
    ran: wasmtime::Result<()>,
) -> (u64, Result<Vec<u8>, Stop>) {
    let gas_left = gas.get(&mut *store).unwrap_i64();
    let height = height.get(&mut *store).unwrap_i32().cast_unsigned();
    if let Some(reason) = store.data_mut().growth.failed.take() {
        return (0, Err(Stop::Halt(Halt::Resources(reason))));
    }
    let stop = store.data_mut().stop.take();
    let result = match (stop, ran) {
        (Some(stop @ Stop::Halt(_)), _) => Err(stop),
        _ if gas_left < 0 => Err(Stop::Trapped(TrapClass::OutOfGas)),
        (Some(stop), _) => Err(stop),
        (None, Ok(())) => Ok(std::mem::take(&mut store.data_mut().output)),
        (None, Err(error)) => Err(trap_stop(&error, height)),
    };
    (u64::try_from(gas_left).unwrap_or(0), result)
}

fn trap_stop(error: &wasmtime::Error, height: u32) -> Stop {
    let class = match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) if height > limits::STACK_SLOTS_MAX => TrapClass::StackOverflow,
        Some(Trap::UnreachableCodeReached) => TrapClass::Unreachable,
        Some(Trap::MemoryOutOfBounds) => TrapClass::MemoryOutOfBounds,
        Some(Trap::TableOutOfBounds) => TrapClass::TableOutOfBounds,
        Some(Trap::IndirectCallToNull) => TrapClass::IndirectCallToNull,
        Some(Trap::BadSignature) => TrapClass::BadSignature,
        Some(Trap::IntegerDivisionByZero) => TrapClass::DivisionByZero,
        Some(Trap::IntegerOverflow) => TrapClass::IntegerOverflow,
        _ => return Stop::Halt(Halt::Resources(format!("{error:#}"))),
    };
    Stop::Trapped(class)
}

/// Why an instance could not be made: a segment that does not fit is the module's doing, anything else the machine's.
fn instantiation_stop(error: &wasmtime::Error) -> Stop {
    match error.downcast_ref::<Trap>() {
        Some(Trap::MemoryOutOfBounds) => Stop::Trapped(TrapClass::MemoryOutOfBounds),
        Some(Trap::TableOutOfBounds) => Stop::Trapped(TrapClass::TableOutOfBounds),
        _ => Stop::Halt(Halt::Resources(format!("{error:#}"))),
    }
}
