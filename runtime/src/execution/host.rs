//! The host functions, linked from the one list in `chancery-abi`.
//!
//! The linker charges each call's gas from the list before the function runs; what a function hands back at a length
//! known only after the look-up is charged here, before it is copied. Every pointer and length is the contract's word
//! and is checked against its memory. A function that stops the contract says why in the frame and returns an error
//! whose text nobody reads.

use std::sync::Arc;

use parity_scale_codec::Encode;
use sha2::{Digest as _, Sha256};
use wasmtime::{Caller, Engine, Linker, Val, WasmBacktrace};

use super::{
    accounts, beacons,
    frame::{Frame, Handles, Stop},
    invoke::{Invocation, invoke},
    lanes,
    registry::Registry,
    session::{Halt, Page, Session},
    trace::{Recorder, StepKind},
};
use crate::{
    abi::{
        Address, ExecutionRefusal, Ident, TrapClass, codec, for_each_host_function,
        host::{CALL_FAILED, CallFailure, MODULE, NONE, NOT_SENT, PAGE_ENTRY_GAS, RESULT_BYTE_GAS},
        limits,
        message::Outgoing,
        schema::MethodKind,
    },
    module::{PROBE_MODULE, PROBE_NAME},
    storage::StorageError,
};

type Host<'a> = Caller<'a, Frame>;

/// Entries that are read at once while a page fills, so that large values are not read for nothing.
const PAGE_CHUNK: usize = 16;

macro_rules! link {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($parameter:ident: $ty:ident),*) $(-> $result:ident)?, gas $base:literal + $per_byte:literal * ($($length:ident)?$(+ $more:ident)*);
    )*) => {
        /// A linker with every host function of the list.
        pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Frame>> {
            let mut linker = Linker::new(engine);
            $(linker.func_wrap(MODULE, stringify!($name), |mut host: Host<'_>, $($parameter: $ty),*| -> link!(@result $($result)?) {
                let bytes = 0u64 $(+ u64::from($length))? $(+ u64::from($more))*;
                observed(&mut host, stringify!($name), |host| {
                    charge(host, $base + $per_byte * bytes)?;
                    $name(host, $($parameter),*)
                })
            })?;)*
            Ok(linker)
        }
    };
    (@result) => { wasmtime::Result<()> };
    (@result $result:ident) => { wasmtime::Result<$result> };
}

for_each_host_function!(link);

/// Links what the probes of a profiling engine call.
pub(crate) fn link_probe(linker: &mut Linker<Frame>) -> wasmtime::Result<()> {
    linker.func_wrap(PROBE_MODULE, PROBE_NAME, |mut host: Host<'_>, probe: u32| {
        if host.data().is_recorded {
            let gas_left = gas_now(&mut host);
            note(&mut host, |recorder| recorder.probe(probe, gas_left));
        }
    })?;
    Ok(())
}

/// Runs a host function, and tells the recorder about it when there is one.
#[inline(always)]
fn observed<R>(
    host: &mut Host<'_>,
    name: &'static str,
    function: impl FnOnce(&mut Host<'_>) -> wasmtime::Result<R>,
) -> wasmtime::Result<R> {
    if !host.data().is_recorded {
        return function(host);
    }
    let gas_left = gas_now(host);
    note(host, |recorder| recorder.before_host(gas_left));
    let result = function(host);
    let gas_left = gas_now(host);
    note(host, |recorder| recorder.after_host(name, gas_left));
    result
}

/// Tells the recorder something, when there is one.
fn note(host: &mut Host<'_>, tell: impl FnOnce(&mut Recorder)) {
    if let Some(recorder) = host.data_mut().recorder() {
        tell(recorder);
    }
}

/// Says what the host function at hand does, when somebody records it.
fn say(host: &mut Host<'_>, what: impl FnOnce() -> StepKind) {
    note(host, |recorder| recorder.note(what()));
}

/// What an entry holds, for the recorder alone.
fn recorded_value(host: &mut Host<'_>, key: &[u8]) -> wasmtime::Result<Option<Vec<u8>>> {
    if !host.data().is_recorded {
        return Ok(None);
    }
    let contract = host.data().contract;
    let found = host.data_mut().session().get(&contract, key);
    stored(host, found)
}

/// Stops the contract.
fn stop<T>(host: &mut Host<'_>, stop: Stop) -> wasmtime::Result<T> {
    host.data_mut().stop = Some(stop);
    Err(wasmtime::Error::msg("stopped by the host"))
}

fn trap<T>(host: &mut Host<'_>, class: TrapClass) -> wasmtime::Result<T> {
    stop(host, Stop::Trapped(class))
}

/// Passes a store's answer on, or halts.
fn stored<T>(host: &mut Host<'_>, answer: Result<T, StorageError>) -> wasmtime::Result<T> {
    match answer {
        Ok(value) => Ok(value),
        Err(error) => stop(host, Stop::Halt(Halt::Storage(error))),
    }
}

fn handles(host: &Host<'_>) -> Handles {
    host.data().handles.expect("contracts run only once the handles are set")
}

fn gas_now(host: &mut Host<'_>) -> i64 {
    handles(host).gas.get(&mut *host).unwrap_i64()
}

/// Takes gas for work that is about to be done.
fn charge(host: &mut Host<'_>, gas: u64) -> wasmtime::Result<()> {
    let left = gas_now(host).saturating_sub(i64::try_from(gas).unwrap_or(i64::MAX));
    handles(host).gas.set(&mut *host, Val::I64(left))?;
    if left < 0 { trap(host, TrapClass::OutOfGas) } else { Ok(()) }
}

/// The contract's bytes at `ptr`.
fn bytes(host: &mut Host<'_>, ptr: u32, len: u32) -> wasmtime::Result<Vec<u8>> {
    let memory = handles(host).memory.data(&*host);
    match memory.get(ptr as usize..).and_then(|tail| tail.get(..len as usize)) {
        Some(bytes) => Ok(bytes.to_vec()),
        None => trap(host, TrapClass::MemoryOutOfBounds),
    }
}

fn fixed<const N: usize>(host: &mut Host<'_>, ptr: u32) -> wasmtime::Result<[u8; N]> {
    let memory = handles(host).memory.data(&*host);
    match memory.get(ptr as usize..).and_then(|tail| tail.first_chunk()) {
        Some(bytes) => Ok(*bytes),
        None => trap(host, TrapClass::MemoryOutOfBounds),
    }
}

/// Copies `bytes` to the contract's memory.
fn copy_out(host: &mut Host<'_>, ptr: u32, bytes: &[u8]) -> wasmtime::Result<()> {
    let memory = handles(host).memory.data_mut(&mut *host);
    match memory.get_mut(ptr as usize..).and_then(|tail| tail.get_mut(..bytes.len())) {
        Some(place) => {
            place.copy_from_slice(bytes);
            Ok(())
        }
        None => trap(host, TrapClass::MemoryOutOfBounds),
    }
}

/// The contract's bytes at `ptr`, of which there may be at most `max`.
fn bounded(host: &mut Host<'_>, ptr: u32, len: u32, max: usize) -> wasmtime::Result<Vec<u8>> {
    if len as usize > max {
        return trap(host, TrapClass::HostMisuse);
    }
    bytes(host, ptr, len)
}

fn slot_key(host: &mut Host<'_>, ptr: u32, len: u32) -> wasmtime::Result<Vec<u8>> {
    if len == 0 {
        return trap(host, TrapClass::HostMisuse);
    }
    bounded(host, ptr, len, limits::SLOT_KEY_BYTES_MAX)
}

fn refuse_in_query(host: &mut Host<'_>) -> wasmtime::Result<()> {
    if host.data().read_only { trap(host, TrapClass::ReadOnly) } else { Ok(()) }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("every value here has a limit far below 4 GiB")
}

fn input_len(host: &mut Host<'_>) -> wasmtime::Result<u32> {
    Ok(length(&host.data().input))
}

fn input_read(host: &mut Host<'_>, ptr: u32, len: u32) -> wasmtime::Result<()> {
    if len != length(&host.data().input) {
        return trap(host, TrapClass::HostMisuse);
    }
    let input = std::mem::take(&mut host.data_mut().input);
    let copied = copy_out(host, ptr, &input);
    host.data_mut().input = input;
    copied
}

fn result_len(host: &mut Host<'_>) -> wasmtime::Result<u32> {
    Ok(length(&host.data().kept))
}

fn result_read(host: &mut Host<'_>, ptr: u32, len: u32) -> wasmtime::Result<()> {
    let kept = std::mem::take(&mut host.data_mut().kept);
    if len != length(&kept) {
        return trap(host, TrapClass::HostMisuse);
    }
    copy_out(host, ptr, &kept)
}

fn output(host: &mut Host<'_>, ptr: u32, len: u32) -> wasmtime::Result<()> {
    let output = bounded(host, ptr, len, limits::CALL_DATA_BYTES_MAX)?;
    host.data_mut().output = output;
    Ok(())
}

fn fail(host: &mut Host<'_>, code: u32, ptr: u32, len: u32) -> wasmtime::Result<()> {
    let data = bounded(host, ptr, len, limits::ERROR_DATA_BYTES_MAX)?;
    stop(host, Stop::Failed { code, data })
}

fn caller(host: &mut Host<'_>, ptr: u32) -> wasmtime::Result<()> {
    let address = host.data().caller;
    copy_out(host, ptr, &address.0)
}

fn this(host: &mut Host<'_>, ptr: u32) -> wasmtime::Result<()> {
    let address = host.data().contract;
    copy_out(host, ptr, &address.0)
}

fn signer(host: &mut Host<'_>, ptr: u32) -> wasmtime::Result<()> {
    let address = host.data_mut().session().facts.signer;
    copy_out(host, ptr, &address.0)
}

fn transaction(host: &mut Host<'_>, ptr: u32) -> wasmtime::Result<()> {
    let digest = host.data_mut().session().facts.transaction;
    copy_out(host, ptr, &digest.0)
}

fn chain(host: &mut Host<'_>, ptr: u32, len: u32) -> wasmtime::Result<u32> {
    let chain = host.data_mut().session().facts.chain.clone();
    let name = chain.as_str().as_bytes();
    if name.len() <= len as usize {
        copy_out(host, ptr, name)?;
    }
    Ok(length(name))
}

fn height(host: &mut Host<'_>) -> wasmtime::Result<u64> {
    Ok(host.data_mut().session().facts.height)
}

fn time_ms(host: &mut Host<'_>) -> wasmtime::Result<u64> {
    Ok(host.data_mut().session().facts.timestamp_ms)
}

fn gas_left(host: &mut Host<'_>) -> wasmtime::Result<u64> {
    Ok(u64::try_from(gas_now(host)).unwrap_or(0))
}

fn storage_get(host: &mut Host<'_>, key: u32, key_len: u32, buf: u32, cap: u32) -> wasmtime::Result<u32> {
    let key = slot_key(host, key, key_len)?;
    let contract = host.data().contract;
    let found = host.data_mut().session().get(&contract, &key);
    let found = stored(host, found)?;
    say(host, || StepKind::Read { key, value: found.clone() });
    let Some(value) = found else { return Ok(NONE) };
    charge(host, RESULT_BYTE_GAS * value.len() as u64)?;
    let len = length(&value);
    if len <= cap {
        copy_out(host, buf, &value)?;
    } else {
        host.data_mut().kept = value;
    }
    Ok(len)
}

fn storage_has(host: &mut Host<'_>, key: u32, key_len: u32) -> wasmtime::Result<u32> {
    let key = slot_key(host, key, key_len)?;
    let contract = host.data().contract;
    let found = host.data_mut().session().has(&contract, &key);
    let found = stored(host, found)?;
    say(host, || StepKind::Has { key, found });
    Ok(u32::from(found))
}

fn storage_set(host: &mut Host<'_>, key: u32, key_len: u32, value: u32, value_len: u32) -> wasmtime::Result<()> {
    refuse_in_query(host)?;
    let key = slot_key(host, key, key_len)?;
    let value = bounded(host, value, value_len, limits::VALUE_BYTES_MAX)?;
    let contract = host.data().contract;
    let before = recorded_value(host, &key)?;
    say(host, || StepKind::Write { key: key.clone(), before, value: Some(value.clone()) });
    host.data_mut().session().set(&contract, key, Some(value));
    Ok(())
}

fn storage_remove(host: &mut Host<'_>, key: u32, key_len: u32) -> wasmtime::Result<u32> {
    refuse_in_query(host)?;
    let key = slot_key(host, key, key_len)?;
    let contract = host.data().contract;
    let found = host.data_mut().session().has(&contract, &key);
    let was_there = stored(host, found)?;
    let before = recorded_value(host, &key)?;
    say(host, || StepKind::Write { key: key.clone(), before, value: None });
    if was_there {
        host.data_mut().session().set(&contract, key, None);
    }
    Ok(u32::from(was_there))
}

fn storage_page(
    host: &mut Host<'_>,
    prefix: u32,
    prefix_len: u32,
    after: u32,
    after_len: u32,
    limit: u32,
) -> wasmtime::Result<u32> {
    if limit > limits::PAGE_ENTRIES_MAX {
        return trap(host, TrapClass::HostMisuse);
    }
    charge(host, PAGE_ENTRY_GAS * u64::from(limit))?;
    let prefix = bounded(host, prefix, prefix_len, limits::SLOT_KEY_BYTES_MAX)?;
    let mut after = bounded(host, after, after_len, limits::SLOT_KEY_BYTES_MAX)?;
    let contract = host.data().contract;
    let (mut page, mut page_bytes) = (Vec::new(), 0usize);
    'fill: while page.len() < limit as usize {
        let chunk = PAGE_CHUNK.min(limit as usize - page.len());
        let payable = usize::try_from(gas_now(host) / PAGE_ENTRY_GAS as i64).unwrap_or(0);
        let found = host.data_mut().session().page(&contract, &prefix, &after, chunk, payable);
        let Page { entries, removed, .. } = stored(host, found)?;
        charge(host, PAGE_ENTRY_GAS * removed as u64)?;
        let is_last = entries.len() < chunk;
        for entry in entries {
            let entry_bytes = entry.0.len() + entry.1.len() + 8;
            if !page.is_empty() && page_bytes + entry_bytes > limits::PAGE_BYTES_MAX {
                break 'fill;
            }
            charge(host, RESULT_BYTE_GAS * entry_bytes as u64)?;
            page_bytes += entry_bytes;
            after.clone_from(&entry.0);
            page.push(entry);
        }
        if is_last {
            break;
        }
    }
    let kept = page.encode();
    say(host, || StepKind::Page { prefix, entries: page });
    let len = length(&kept);
    host.data_mut().kept = kept;
    Ok(len)
}

fn emit(host: &mut Host<'_>, ptr: u32, len: u32) -> wasmtime::Result<()> {
    refuse_in_query(host)?;
    let event = bounded(host, ptr, len, limits::EVENT_BYTES_MAX)?;
    let decoded = codec::decode::<(Ident, Vec<Vec<u8>>, Vec<u8>)>(&event, limits::EVENT_BYTES_MAX);
    let Ok((name, keys, data)) = decoded else { return trap(host, TrapClass::HostMisuse) };
    if keys.len() > limits::EVENT_KEYS_MAX {
        return trap(host, TrapClass::HostMisuse);
    }
    let contract = host.data().contract;
    say(host, || StepKind::Event { name: name.clone(), keys: keys.clone(), data: data.clone() });
    let fits = host.data_mut().session().emit(contract, name, keys, data, event.len(), limits::EVENTS_BYTES_MAX);
    if fits { Ok(()) } else { trap(host, TrapClass::HostMisuse) }
}

fn call(
    host: &mut Host<'_>,
    contract: u32,
    method: u32,
    method_len: u32,
    input: u32,
    input_len: u32,
    gas: u64,
) -> wasmtime::Result<u32> {
    let contract = Address(fixed(host, contract)?);
    let method = bounded(host, method, method_len, Ident::BYTES_MAX)?;
    let input = bounded(host, input, input_len, limits::CALL_DATA_BYTES_MAX)?;
    let method = String::from_utf8(method).ok().and_then(|name| Ident::new(name).ok());
    let Some(method) = method else {
        return keep_failure(host, CallFailure::Refused(ExecutionRefusal::UnknownMethod));
    };
    let given = gas.min(gas_left(host)?);
    let stack_slots = handles(host).height.get(&mut *host).unwrap_i32().cast_unsigned();
    if host.data().is_recorded
        && let Some(observation) = host.data().observation.clone()
    {
        let called_at = observation.places(&WasmBacktrace::capture(&*host));
        note(host, |recorder| recorder.calling(called_at));
    }
    let frame = host.data_mut();
    let invocation = Invocation {
        contract,
        caller: frame.contract,
        method: &method,
        kinds: &[MethodKind::Call, MethodKind::Query],
        input,
        gas: given,
        stack_slots,
        read_only: frame.read_only,
    };
    let savepoint = frame.session().savepoint();
    let session = frame.session.take().expect("this contract runs, so it has the session");
    let engine = Arc::clone(&frame.engine);
    let mut returned = invoke(&engine, frame.schedule, session, invocation);
    if returned.result.is_err() {
        returned.session.roll_back(savepoint);
    }
    host.data_mut().session = Some(returned.session);
    let failure = match returned.result {
        Err(Stop::Halt(halt)) => return stop(host, Stop::Halt(halt)),
        Err(Stop::Failed { code, data }) => CallFailure::Failed { code, data },
        Err(Stop::Trapped(class)) => CallFailure::Trapped(class),
        Err(Stop::Refused(reason)) => CallFailure::Refused(reason),
        Ok(output) => {
            charge(host, given - returned.gas_left)?;
            charge(host, RESULT_BYTE_GAS * output.len() as u64)?;
            let len = length(&output);
            host.data_mut().kept = output;
            return Ok(len);
        }
    };
    charge(host, given - returned.gas_left)?;
    keep_failure(host, failure)
}

fn keep_failure(host: &mut Host<'_>, failure: CallFailure) -> wasmtime::Result<u32> {
    host.data_mut().kept = failure.encode();
    Ok(CALL_FAILED)
}

fn sha256(host: &mut Host<'_>, ptr: u32, len: u32, out: u32) -> wasmtime::Result<()> {
    let memory = handles(host).memory.data(&*host);
    let Some(message) = memory.get(ptr as usize..).and_then(|tail| tail.get(..len as usize)) else {
        return trap(host, TrapClass::MemoryOutOfBounds);
    };
    let digest: [u8; 32] = Sha256::digest(message).into();
    copy_out(host, out, &digest)
}

fn verify_ed25519(
    host: &mut Host<'_>,
    key: u32,
    signature: u32,
    message: u32,
    message_len: u32,
) -> wasmtime::Result<u32> {
    let key = fixed::<32>(host, key)?;
    let signature = fixed::<64>(host, signature)?;
    let message = bytes(host, message, message_len)?;
    Ok(u32::from(super::signature::ed25519_holds(&key, &signature, &message)))
}

fn verify_p256(host: &mut Host<'_>, key: u32, signature: u32, message: u32, message_len: u32) -> wasmtime::Result<u32> {
    let key = fixed::<33>(host, key)?;
    let signature = fixed::<64>(host, signature)?;
    let message = bytes(host, message, message_len)?;
    Ok(u32::from(super::signature::p256_holds(&key, &signature, &message)))
}

fn beacon(host: &mut Host<'_>, height: u64, out: u32) -> wasmtime::Result<u32> {
    // Where the answer goes must be the contract's, whatever the answer is.
    fixed::<32>(host, out)?;
    let known = beacons::known(host.data_mut().session(), height);
    match stored(host, known)? {
        Some(value) => copy_out(host, out, &value.0).map(|()| 1),
        None => Ok(0),
    }
}

fn has_role(host: &mut Host<'_>, role: u32, role_len: u32) -> wasmtime::Result<u32> {
    let role = bounded(host, role, role_len, limits::SLOT_KEY_BYTES_MAX)?;
    let Ok(role) = String::from_utf8(role) else { return trap(host, TrapClass::HostMisuse) };
    let Frame { contract, caller, .. } = host.data();
    let (contract, caller) = (*contract, *caller);
    let session = host.data_mut().session();
    let holds = holds_role(session, &contract, &role, &caller);
    Ok(u32::from(stored(host, holds)?))
}

fn send(host: &mut Host<'_>, ptr: u32, len: u32) -> wasmtime::Result<u64> {
    refuse_in_query(host)?;
    let bytes = bounded(host, ptr, len, limits::CALL_DATA_BYTES_MAX)?;
    let Ok(outgoing) = codec::decode::<Outgoing>(&bytes, bytes.len()) else { return trap(host, TrapClass::HostMisuse) };
    let contract = host.data().contract;
    match lanes::send(host.data_mut().session(), contract, outgoing) {
        Ok(Ok(sequence)) => Ok(sequence),
        Ok(Err(failure)) => {
            host.data_mut().kept = failure.encode();
            Ok(NOT_SENT)
        }
        Err(halt) => stop(host, Stop::Halt(halt)),
    }
}

fn arrived(host: &mut Host<'_>) -> wasmtime::Result<u32> {
    let contract = host.data().contract;
    // Contracts that the message's own calls are not called by the message.
    let arrived = host.data_mut().session().facts.arrived.as_ref().filter(|(whom, _)| *whom == contract);
    let Some(kept) = arrived.map(|(_, arrived)| arrived.encode()) else { return Ok(NONE) };
    charge(host, RESULT_BYTE_GAS * kept.len() as u64)?;
    let len = length(&kept);
    host.data_mut().kept = kept;
    Ok(len)
}

fn mainchain_height(host: &mut Host<'_>) -> wasmtime::Result<u64> {
    let height = lanes::mainchain_height(host.data_mut().session());
    stored(host, height)
}

fn mainchain(host: &mut Host<'_>, ptr: u32, len: u32) -> wasmtime::Result<u32> {
    let mainchain = host.data_mut().session().facts.mainchain.as_ref().map(|mainchain| mainchain.name.clone());
    let Some(name) = mainchain else { return Ok(0) };
    let name = name.as_str().as_bytes();
    if name.len() <= len as usize {
        copy_out(host, ptr, name)?;
    }
    Ok(length(name))
}

fn mainchain_entry(host: &mut Host<'_>, ptr: u32, len: u32) -> wasmtime::Result<u32> {
    let presented = bounded(host, ptr, len, limits::CALL_DATA_BYTES_MAX)?;
    let fact = lanes::seen::fact(host.data_mut().session(), &presented);
    let Some(fact) = stored(host, fact)? else { return Ok(NONE) };
    let kept = fact.encode();
    charge(host, RESULT_BYTE_GAS * kept.len() as u64)?;
    let len = length(&kept);
    host.data_mut().kept = kept;
    Ok(len)
}

fn expect_beacon(host: &mut Host<'_>, height: u64) -> wasmtime::Result<u64> {
    refuse_in_query(host)?;
    let horizon = lanes::seen::expect_beacon(host.data_mut().session(), height);
    stored(host, horizon)
}

/// Whether an account holds a role in the department of a contract.
fn holds_role(session: &Session, contract: &Address, role: &str, account: &Address) -> Result<bool, StorageError> {
    let Some(registry) = Registry::at(session.facts.registry, &session.facts.chain, session) else { return Ok(false) };
    let Some(record) = accounts::contract_record(session, contract)? else { return Ok(false) };
    registry.has_role(&record.department, role, account, session.facts.timestamp_ms)
}
