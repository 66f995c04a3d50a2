//! Why a call did not end well, in words: the error as the schema explains it, the tree of calls, the source's lines.

use chancery_abi::{
    Address, Digest, Outcome, Payload,
    schema::{ErrorType, TypeRef},
};
use chancery_build::source_map::SourceFrame;
use chancery_runtime::{
    execution::trace::{CallTrace, Step, StepKind, Trace},
    module::SourcePlace,
};

use parity_scale_codec::Decode;

use crate::{called::Subject, contract::Contract, world::World};

/// The name of the error that an outcome is.
pub(crate) fn error_name(world: &World, outcome: &Outcome) -> Option<String> {
    error(world, outcome).map(|error| error.name.clone())
}

fn error<'w>(world: &'w World, outcome: &Outcome) -> Option<&'w ErrorType> {
    let Outcome::Failed { contract, code, .. } = outcome else { return None };
    contract_at(world, contract)?.schema.errors.get(code)
}

fn contract_at<'w>(world: &'w World, address: &Address) -> Option<&'w Contract> {
    world.contracts.get(address).map(|(_, contract)| contract.as_ref())
}

fn label(world: &World, address: &Address) -> String {
    world.contracts.get(address).map_or_else(|| address.to_string(), |(name, _)| name.clone())
}

pub(crate) fn explain(world: &World, subject: &Subject) -> String {
    let (what, outcome, gas, trace) = match subject {
        Subject::Transaction { by, executed } => {
            let what = format!("{} by {by}", payload(world, &executed.transaction.transaction().body.payload));
            let (limit, used) = (executed.transaction.transaction().body.gas_limit, executed.receipt.gas_used);
            let gas = format!("gas {used} of {limit}");
            (what, &executed.receipt.outcome, gas, world.trace(executed))
        }
        Subject::Query { call, result } => {
            let what = format!("{}.{} asked", label(world, &call.contract), call.method);
            let gas = format!("gas {} of {}", result.gas_used, call.gas_limit);
            (what, &result.outcome, gas, Some(world.trace_query(call.clone())))
        }
    };
    let mut lines = vec![format!("{what}: {}", ending(world, outcome)), format!("  {gas}")];
    if let Some(trace) = &trace {
        tree(world, trace, &mut lines);
    }
    lines.join("\n")
}

fn payload(world: &World, payload: &Payload) -> String {
    match payload {
        Payload::Call(call) => format!("{}.{}", label(world, &call.contract), call.method),
        Payload::Deploy(deploy) => format!("deploying {}", deploy.name),
        Payload::Upgrade(upgrade) => format!("upgrading {}", label(world, &upgrade.contract)),
        other => format!("{other:?}"),
    }
}

/// How something ended, in a phrase.
fn ending(world: &World, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { output } if output.is_empty() => "done".into(),
        Outcome::Done { output } => format!("done, returning {} bytes", output.len()),
        Outcome::Failed { contract, code, data } => {
            let by = label(world, contract);
            match error(world, outcome) {
                None => format!("{by} refused with its error number {code}, which its schema does not name"),
                Some(error) => {
                    let sentences =
                        [&error.message.en, &error.message.zh].map(|sentence| filled(sentence, error, data));
                    let sentences: Vec<_> = sentences.into_iter().filter(|sentence| !sentence.is_empty()).collect();
                    format!("{by} refused with {}: {}", error.name, sentences.join(" / "))
                }
            }
        }
        Outcome::Trapped { contract, class } => format!("the sandbox stopped {}: {class}", label(world, contract)),
        Outcome::Refused { reason } => format!("nothing ran: {reason}"),
    }
}

/// A sentence with the values of the error's fields in their places.
fn filled(sentence: &str, error: &ErrorType, mut data: &[u8]) -> String {
    let mut sentence = sentence.to_owned();
    for field in &error.fields {
        let value = value(&field.ty, &mut data);
        sentence = sentence.replace(&format!("{{{}}}", field.name), &value);
    }
    sentence
}

/// The value at the front of `data` for people; of a type that is not simple, all that is left, in hexadecimal.
fn value(ty: &TypeRef, data: &mut &[u8]) -> String {
    fn read<T: Decode + ToString>(data: &mut &[u8]) -> Option<String> {
        T::decode(data).ok().map(|value| value.to_string())
    }
    let known = match ty {
        TypeRef::Bool => read::<bool>(data),
        TypeRef::Unsigned(8) => read::<u8>(data),
        TypeRef::Unsigned(16) => read::<u16>(data),
        TypeRef::Unsigned(32) => read::<u32>(data),
        TypeRef::Unsigned(64) => read::<u64>(data),
        TypeRef::Unsigned(128) => read::<u128>(data),
        TypeRef::Signed(8) => read::<i8>(data),
        TypeRef::Signed(16) => read::<i16>(data),
        TypeRef::Signed(32) => read::<i32>(data),
        TypeRef::Signed(64) => read::<i64>(data),
        TypeRef::Signed(128) => read::<i128>(data),
        TypeRef::Text => read::<String>(data),
        TypeRef::Address => read::<Address>(data),
        TypeRef::Digest => read::<Digest>(data),
        _ => None,
    };
    known.unwrap_or_else(|| format!("0x{}", hex(std::mem::take(data))))
}

fn tree(world: &World, trace: &Trace, lines: &mut Vec<String>) {
    lines.push("  calls:".into());
    steps(world, &trace.steps, 2, lines);
}

fn steps(world: &World, steps: &[Step], depth: usize, lines: &mut Vec<String>) {
    for step in steps {
        let indent = "  ".repeat(depth);
        match &step.what {
            StepKind::Call(call) => call_lines(world, call, depth, lines),
            StepKind::Write { key, value, .. } => {
                let action = if value.is_some() { "wrote" } else { "removed" };
                lines.push(format!("{indent}{action} {}", slot(key)));
            }
            StepKind::Event { name, .. } => lines.push(format!("{indent}announced {name}")),
            _ => {}
        }
    }
}

fn call_lines(world: &World, call: &CallTrace, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let (name, end) = (label(world, &call.contract), ending(world, &call.outcome));
    lines.push(format!("{indent}{name}.{}: {end} (gas {})", call.method, call.gas_used()));
    steps(world, &call.steps, depth + 1, lines);
    let contract = contract_at(world, &call.contract);
    for frame in contract.map_or_else(Vec::new, |contract| frames(contract, &call.stopped_at)) {
        lines.push(format!("{indent}  at {}", frame_text(&frame)));
    }
}

/// The contract's own functions at these places, innermost first; all functions where none is its own.
fn frames(contract: &Contract, places: &[SourcePlace]) -> Vec<SourceFrame> {
    let Some(map) = contract.map() else { return Vec::new() };
    let all: Vec<_> = places.iter().flat_map(|place| map.frames(place.offset)).collect();
    let own: Vec<_> = all.iter().filter(|frame| frame.is_own).cloned().collect();
    if own.is_empty() { all } else { own }
}

fn frame_text(frame: &SourceFrame) -> String {
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{} ({file}:{line})", frame.function),
        (Some(file), None) => format!("{} ({file})", frame.function),
        _ => frame.function.clone(),
    }
}

/// A slot by its field's name, which its key begins with.
fn slot(key: &[u8]) -> String {
    let field = key.split_first().and_then(|(length, rest)| rest.split_at_checked(usize::from(*length)));
    match field {
        Some((name, entry)) => {
            let name = String::from_utf8_lossy(name);
            if entry.is_empty() { name.into_owned() } else { format!("{name}[{}]", hex(entry)) }
        }
        None => hex(key),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
