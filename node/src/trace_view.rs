//! What a transaction did, as JSON: the node answers with it, the command line reads it or makes it itself from a data
//! directory. Bytes are lower-case hexadecimal without a prefix.

use std::collections::BTreeMap;

use chancery_abi::{Outcome, Receipt};
use chancery_runtime::{
    execution::trace::{CallTrace, Step, StepKind},
    module::SourcePlace,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{OutcomeView, ReceiptView},
    chain::Retraced,
    client::{EventAnswer, OutcomeAnswer, ReceiptAnswer},
    schema_json::to_hex,
};

/// What a transaction did, step by step.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TraceView {
    /// Its receipt.
    #[schema(value_type = ReceiptView)]
    pub receipt: ReceiptAnswer,
    /// Its steps; their gas adds up to the receipt's.
    pub steps: Vec<StepView>,
    /// The schemas of the code that ran, by the code's digest: the bytes of their Wasm sections.
    pub schemas: BTreeMap<String, String>,
}

/// One step. Which fields there are depends on `kind`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// `intrinsic`, `compile`, `instance`, `code`, `host`, `read`, `has`, `write`, `page`, `event`, `call` or `omitted`.
    pub kind: String,
    /// The gas it used, nested calls included.
    pub gas: u64,
    /// The host function, of `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The slot's key, of `read`, `has` and `write`; what keys begin with, of `page`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What the slot holds then; absent when there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it held before, of `write`; absent when there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Whether the entry is there, of `has`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<bool>,
    /// What was found, of `page`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<EntryView>>,
    /// The event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::api::EventView>)]
    pub event: Option<EventAnswer>,
    /// The call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub call: Option<Box<CallView>>,
    /// How many steps the trace's limits left out, of `omitted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
}

/// An entry of a page.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EntryView {
    /// The slot's key.
    pub key: String,
    /// What it holds.
    pub value: String,
}

/// One call of one contract.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CallView {
    /// The contract.
    pub contract: String,
    /// Whom it saw as its caller.
    pub caller: String,
    /// The method.
    pub method: String,
    /// Its arguments in SCALE.
    pub input: String,
    /// Whether it could change nothing.
    pub read_only: bool,
    /// The digest of the contract's code; absent when the contract was not entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The gas it could use.
    pub gas_given: u64,
    /// The gas it used.
    pub gas_used: u64,
    /// How it ended.
    #[schema(value_type = OutcomeView)]
    pub outcome: OutcomeAnswer,
    /// What it did.
    pub steps: Vec<StepView>,
    /// Where it stopped, innermost first, when it did not return.
    pub stopped_at: Vec<PlaceView>,
    /// Where its caller called it, innermost first.
    pub called_at: Vec<PlaceView>,
}

/// A place in a contract's source module.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlaceView {
    /// The function's index in the module's function space.
    pub function: u32,
    /// The instruction's offset from the module's first byte.
    pub offset: u32,
}

impl TraceView {
    /// The view of what was executed again.
    pub fn of(retraced: &Retraced) -> Self {
        let schemas = retraced.schemas.iter().map(|(code, section)| (code.to_string(), to_hex(section)));
        Self { receipt: receipt(&retraced.receipt), steps: steps(&retraced.trace.steps), schemas: schemas.collect() }
    }
}

/// Steps as JSON has them.
pub fn steps(steps: &[Step]) -> Vec<StepView> {
    steps.iter().map(step).collect()
}

fn step(step: &Step) -> StepView {
    let view = |kind: &str| StepView { kind: kind.to_owned(), gas: step.gas, ..StepView::default() };
    let hex = |value: &Option<Vec<u8>>| value.as_deref().map(to_hex);
    match &step.what {
        StepKind::Intrinsic => view("intrinsic"),
        StepKind::Compile => view("compile"),
        StepKind::Instance => view("instance"),
        StepKind::Code => view("code"),
        StepKind::Host { function } => StepView { function: Some((*function).to_owned()), ..view("host") },
        StepKind::Read { key, value } => StepView { key: Some(to_hex(key)), value: hex(value), ..view("read") },
        StepKind::Has { key, found } => StepView { key: Some(to_hex(key)), found: Some(*found), ..view("has") },
        StepKind::Write { key, before, value } => {
            StepView { key: Some(to_hex(key)), before: hex(before), value: hex(value), ..view("write") }
        }
        StepKind::Page { prefix, entries } => {
            let entry = |(key, value): &(Vec<u8>, Vec<u8>)| EntryView { key: to_hex(key), value: to_hex(value) };
            let entries = entries.iter().map(entry).collect();
            StepView { key: Some(to_hex(prefix)), entries: Some(entries), ..view("page") }
        }
        StepKind::Event { name, keys, data } => {
            let event = EventAnswer {
                contract: String::new(),
                name: name.to_string(),
                keys: keys.iter().map(|key| to_hex(key)).collect(),
                data: to_hex(data),
            };
            StepView { event: Some(event), ..view("event") }
        }
        StepKind::Call(call) => StepView { call: Some(Box::new(call_view(call))), ..view("call") },
        StepKind::Omitted { steps } => StepView { steps: Some(*steps), ..view("omitted") },
    }
}

fn call_view(call: &CallTrace) -> CallView {
    let mut steps = steps(&call.steps);
    for step in &mut steps {
        if let Some(event) = &mut step.event {
            event.contract = call.contract.to_string();
        }
    }
    CallView {
        contract: call.contract.to_string(),
        caller: call.caller.to_string(),
        method: call.method.to_string(),
        input: to_hex(&call.input),
        read_only: call.read_only,
        code: call.code.map(|code| code.to_string()),
        gas_given: call.gas_given,
        gas_used: call.gas_used(),
        outcome: outcome(&call.outcome),
        steps,
        stopped_at: places(&call.stopped_at),
        called_at: places(&call.called_at),
    }
}

fn places(places: &[SourcePlace]) -> Vec<PlaceView> {
    places.iter().map(|place| PlaceView { function: place.function, offset: place.offset }).collect()
}

fn outcome(outcome: &Outcome) -> OutcomeAnswer {
    let none = OutcomeAnswer {
        kind: String::new(),
        output: None,
        contract: None,
        code: None,
        data: None,
        class: None,
        reason: None,
        message: String::new(),
    };
    match outcome {
        Outcome::Done { output } => {
            OutcomeAnswer { kind: "done".into(), output: Some(to_hex(output)), message: "done".into(), ..none }
        }
        Outcome::Failed { contract, code, data } => OutcomeAnswer {
            kind: "failed".into(),
            contract: Some(contract.to_string()),
            code: Some(*code),
            data: Some(to_hex(data)),
            message: format!("the contract refused with error {code}"),
            ..none
        },
        Outcome::Trapped { contract, class } => OutcomeAnswer {
            kind: "trapped".into(),
            contract: Some(contract.to_string()),
            class: Some(class.code().into()),
            message: class.to_string(),
            ..none
        },
        Outcome::Refused { reason } => OutcomeAnswer {
            kind: "refused".into(),
            reason: Some(reason.code().into()),
            message: reason.to_string(),
            ..none
        },
    }
}

/// A receipt as the node's API has it, without asking a node.
pub fn receipt(receipt: &Receipt) -> ReceiptAnswer {
    let event = |event: &chancery_abi::Event| EventAnswer {
        contract: event.contract.to_string(),
        name: event.name.to_string(),
        keys: event.keys.iter().map(|key| to_hex(key)).collect(),
        data: to_hex(&event.data),
    };
    ReceiptAnswer {
        transaction: receipt.transaction.to_string(),
        height: receipt.height,
        index: receipt.index,
        gas_used: receipt.gas_used,
        outcome: outcome(&receipt.outcome),
        events: receipt.events.iter().map(event).collect(),
    }
}
