//! A trace for people and programs: the tree of calls with their gas, what was read, written and announced as the
//! contracts' schemas explain it, and the source's functions and lines where a contract stopped.

use std::{collections::BTreeMap, path::PathBuf};

use chancery_abi::{
    Digest,
    schema::{Collection, Method, Schema},
    types::from_hex,
};
use chancery_build::source_map::{SourceFrame, SourceMap};
use serde_json::{Value, json};

use super::{
    failure::Result,
    loaded::open_map,
    outcome::{self, plain},
    output::{Language, grouped},
};
use crate::{
    schema_json,
    trace_view::{CallView, PlaceView, StepView, TraceView},
};

/// Characters of a value that a line shows.
const SHOWN_MAX: usize = 160;

/// The debug information that was given, by the digest of the code it explains.
#[derive(Default)]
pub(super) struct Sources {
    maps: BTreeMap<Digest, SourceMap>,
}

impl Sources {
    /// That in these files.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(super) fn open(files: &[PathBuf]) -> Result<Self> {
        let mut sources = Self::default();
        for file in files {
            sources.insert(open_map(file)?);
        }
        Ok(sources)
    }

    /// Adds a map.
    pub(super) fn insert(&mut self, map: SourceMap) {
        self.maps.insert(map.code(), map);
    }

    /// The map of a module, where it was given.
    pub(super) fn of(&self, code: &Digest) -> Option<&SourceMap> {
        self.maps.get(code)
    }
}

/// What explains a trace.
pub(super) struct Explainer<'a> {
    schemas: BTreeMap<String, Schema>,
    sources: &'a Sources,
    language: Language,
}

impl<'a> Explainer<'a> {
    /// With the schemas of the trace.
    pub(super) fn of(view: &TraceView, sources: &'a Sources, language: Language) -> Self {
        let schema = |(code, hex): (&String, &String)| {
            let schema = Schema::from_section(&from_hex(hex)?).ok()?;
            Some((code.clone(), schema))
        };
        Self { schemas: view.schemas.iter().filter_map(schema).collect(), sources, language }
    }

    /// The schema of the code that a call ran.
    pub(super) fn schema(&self, call: &CallView) -> Option<&Schema> {
        self.schemas.get(call.code.as_deref()?)
    }

    /// The steps as lines, gas in front.
    pub(super) fn text(&self, steps: &[StepView]) -> String {
        let mut lines = Vec::new();
        self.lines(steps, None, 0, &mut lines);
        let width = lines.iter().map(|line| line.gas.len()).max().unwrap_or(0);
        let rows = lines
            .into_iter()
            .map(|Line { gas, depth, text }| format!("{gas:>width$}  {:indent$}{text}", "", indent = 2 * depth));
        rows.collect::<Vec<_>>().join("\n")
    }

    fn lines(&self, steps: &[StepView], schema: Option<&Schema>, depth: usize, lines: &mut Vec<Line>) {
        let mut steps = steps.iter().peekable();
        while let Some(step) = steps.next() {
            let gas = grouped(step.gas);
            match (step.kind.as_str(), &step.call) {
                (_, Some(call)) => self.call_lines(call, gas, depth, lines),
                ("code" | "host", _) => {
                    // What a contract computes between two things of note is one line.
                    let (mut total, mut functions) = (step.gas, Vec::from_iter(step.function.clone()));
                    while let Some(next) = steps.next_if(|next| matches!(next.kind.as_str(), "code" | "host")) {
                        total += next.gas;
                        functions.extend(next.function.clone().filter(|name| functions.last() != Some(name)));
                    }
                    let with = if functions.is_empty() { String::new() } else { format!(": {}", functions.join(", ")) };
                    lines.push(Line { gas: grouped(total), depth, text: format!("code{with}") });
                }
                _ => lines.push(Line { gas, depth, text: self.step_text(step, schema) }),
            }
        }
    }

    fn call_lines(&self, call: &CallView, gas: String, depth: usize, lines: &mut Vec<Line>) {
        let schema = self.schema(call);
        let name = schema.map_or_else(|| call.contract.clone(), |schema| schema.name.clone());
        let arguments = self.arguments(call).map_or_else(
            || if call.input.is_empty() { String::new() } else { shown(&call.input) },
            |values| {
                values
                    .iter()
                    .map(|(name, value)| format!("{name}: {}", shown(&plain(value))))
                    .collect::<Vec<_>>()
                    .join(", ")
            },
        );
        let end = self.end(call);
        lines.push(Line { gas, depth, text: format!("{name}.{}({arguments}) -> {end}", call.method) });
        if schema.is_some() {
            lines.push(Line { gas: String::new(), depth: depth + 1, text: format!("contract {}", call.contract) });
        }
        self.lines(&call.steps, schema, depth + 1, lines);
        for frame in self.frame_texts(call, &call.stopped_at) {
            lines.push(Line { gas: String::new(), depth: depth + 1, text: format!("at {frame}") });
        }
    }

    /// How a call ended, in a phrase.
    fn end(&self, call: &CallView) -> String {
        if call.outcome.kind == "done" {
            let value = self.returned(call);
            return value.map_or_else(|| "done".into(), |value| shown(&plain(&value)));
        }
        let error = outcome::error_by(&call.outcome, self.schema(call), self.language);
        error.map_or_else(|| format!("{}: {}", call.outcome.kind, call.outcome.message), |error| error.text)
    }

    /// The value that a call returned, where its type is known.
    fn returned(&self, call: &CallView) -> Option<Value> {
        let schema = self.schema(call)?;
        let method = method(schema, call)?;
        let output = from_hex(call.outcome.output.as_deref()?)?;
        let value = schema_json::decode(schema, &method.returns, &output).ok()?;
        (!value.is_null()).then_some(value)
    }

    fn arguments(&self, call: &CallView) -> Option<serde_json::Map<String, Value>> {
        let schema = self.schema(call)?;
        outcome::fields(schema, &method(schema, call)?.arguments, &call.input)
    }

    fn step_text(&self, step: &StepView, schema: Option<&Schema>) -> String {
        let slot = |key: &Option<String>, value: &Option<String>| {
            let key = key.as_deref().unwrap_or_default();
            let decoded = schema.and_then(|schema| slot(schema, key, value.as_deref()));
            match decoded {
                Some(slot) => (slot.name, slot.value),
                None => (key.to_owned(), value.clone().map(Value::String)),
            }
        };
        let value = |value: Option<Value>| value.map_or_else(|| "nothing".into(), |value| shown(&plain(&value)));
        match step.kind.as_str() {
            "intrinsic" => "the transaction itself: bytes, signatures".into(),
            "compile" => "compiling the code it brings".into(),
            "instance" => "an instance of the contract".into(),
            "read" => {
                let (name, found) = slot(&step.key, &step.value);
                format!("read {name} = {}", value(found))
            }
            "has" => {
                let (name, _) = slot(&step.key, &None);
                format!("has {name}: {}", if step.found == Some(true) { "yes" } else { "no" })
            }
            "write" => {
                let (name, after) = slot(&step.key, &step.value);
                let (_, before) = slot(&step.key, &step.before);
                match after {
                    Some(after) => format!("write {name} = {} (before: {})", shown(&plain(&after)), value(before)),
                    None => format!("remove {name} (before: {})", value(before)),
                }
            }
            "page" => {
                let count = step.entries.as_ref().map_or(0, Vec::len);
                let (name, _) = slot(&step.key, &None);
                format!("page through {name}: {count} entries")
            }
            "event" => step
                .event
                .as_ref()
                .map_or_else(String::new, |event| format!("event {}", outcome::event_by(event, schema).0)),
            "omitted" => format!("{} more steps, which are over the trace's limits", step.steps.unwrap_or(0)),
            other => other.to_owned(),
        }
    }

    /// The guest's functions at places of a call's code, innermost first, one a line.
    fn frame_texts(&self, call: &CallView, places: &[PlaceView]) -> Vec<String> {
        let frames = self.frames(call, places);
        if frames.is_empty() {
            return places
                .iter()
                .map(|place| format!("function {}, offset {:#x}", place.function, place.offset))
                .collect();
        }
        frames.iter().map(frame_text).collect()
    }

    /// The same for programs; empty without debug information of the code.
    fn frames(&self, call: &CallView, places: &[PlaceView]) -> Vec<SourceFrame> {
        let code = call.code.as_deref().and_then(|code| code.parse().ok());
        let map = code.and_then(|code: Digest| self.sources.of(&code));
        map.map_or_else(Vec::new, |map| places.iter().flat_map(|place| map.frames(place.offset)).collect())
    }

    /// The innermost function at which a call stopped that is of the contract's own source: where its author looks first.
    pub(super) fn own_frame(&self, call: &CallView) -> Option<SourceFrame> {
        self.frames(call, &call.stopped_at).into_iter().find(|frame| frame.is_own)
    }

    /// The steps as JSON, with what the schemas and sources say.
    pub(super) fn json(&self, steps: &[StepView], schema: Option<&Schema>) -> Value {
        steps.iter().map(|step| self.step_json(step, schema)).collect()
    }

    fn step_json(&self, step: &StepView, schema: Option<&Schema>) -> Value {
        let mut json =
            serde_json::to_value(StepView { call: None, ..step.clone() }).expect("a step is texts and numbers");
        if let Some(call) = &step.call {
            json["call"] = self.call_json(call);
        }
        let decoded = step.key.as_deref().zip(schema).and_then(|(key, schema)| {
            let of = |value: &Option<String>| slot(schema, key, value.as_deref());
            let slot = of(&step.value)?;
            Some(json!({ "slot": slot.name, "field": slot.field, "key": slot.key, "value": slot.value,
                "before": of(&step.before)?.value }))
        });
        if let Some(decoded) = decoded {
            json["decoded"] = decoded;
        }
        if let Some(event) = &step.event {
            json["event"] = outcome::event_by(event, schema).1;
        }
        json
    }

    fn call_json(&self, call: &CallView) -> Value {
        let schema = self.schema(call);
        let mut json = serde_json::to_value(CallView { steps: Vec::new(), ..call.clone() }).expect("texts and numbers");
        json["steps"] = self.json(&call.steps, schema);
        if let Some(schema) = schema {
            json["name"] = schema.name.as_str().into();
        }
        if let Some(arguments) = self.arguments(call) {
            json["arguments"] = arguments.into();
        }
        if let Some(value) = self.returned(call) {
            json["outcome"]["value"] = value;
        }
        if let Some(error) = outcome::error_by(&call.outcome, schema, self.language) {
            json["outcome"]["message"] = error.text.into();
            json["outcome"]["error"] = error.json;
        }
        for (name, places) in [("stopped_at", &call.stopped_at), ("called_at", &call.called_at)] {
            let frames = self.frames(call, places);
            if !frames.is_empty() {
                json[format!("{name}_source")] = frames.iter().map(frame_json).collect();
            }
        }
        json
    }

    /// The innermost call that did not end well, as far as its callers did not either: where the transaction's end
    /// began.
    pub(super) fn culprit<'v>(&self, steps: &'v [StepView]) -> Option<&'v CallView> {
        let failed = |step: &'v StepView| step.call.as_deref().filter(|call| call.outcome.kind != "done");
        let mut found = steps.iter().rev().find_map(failed)?;
        while let Some(inner) = found.steps.iter().rev().find_map(failed) {
            found = inner;
        }
        Some(found)
    }
}

struct Line {
    gas: String,
    depth: usize,
    text: String,
}

/// A slot as its schema explains it.
struct Slot {
    name: String,
    field: String,
    key: Option<Value>,
    value: Option<Value>,
}

fn slot(schema: &Schema, key: &str, value: Option<&str>) -> Option<Slot> {
    let (field, entry) = schema_json::read_slot(schema, &from_hex(key)?)?;
    let name = match &entry {
        None => field.name.to_string(),
        Some(entry) => format!("{}[{}]", field.name, shown(&plain(entry))),
    };
    let value = value.and_then(|hex| match schema_json::entry_type(field, entry.is_some()) {
        Some(ty) => schema_json::decode(schema, &ty, &from_hex(hex)?).ok().or_else(|| Some(hex.into())),
        // A slot that only marks that its key is there.
        None if matches!(field.collection, Collection::Set(_) | Collection::Index(..)) => Some("there".into()),
        None => Some(hex.into()),
    });
    Some(Slot { name, field: field.name.to_string(), key: entry, value })
}

fn method<'s>(schema: &'s Schema, call: &CallView) -> Option<&'s Method> {
    schema.methods.values().find(|method| method.name.as_str() == call.method)
}

/// A frame in one line.
pub(super) fn frame_text(frame: &SourceFrame) -> String {
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{} ({file}:{line})", frame.function),
        (Some(file), None) => format!("{} ({file})", frame.function),
        _ => frame.function.clone(),
    }
}

fn frame_json(frame: &SourceFrame) -> Value {
    json!({ "function": frame.function, "file": frame.file, "line": frame.line, "inlined": frame.is_inlined })
}

/// A text as it fits into a line.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
