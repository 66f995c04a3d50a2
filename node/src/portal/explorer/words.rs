//! What transactions and contracts say, in words: by the schema that the contract has now, because names and numbers keep
//! their meaning.

use std::sync::Arc;

use chancery_abi::{
    Address, Event, Outcome, Payload,
    schema::{Field, Schema, TypeRef},
};
use serde_json::{Map, Value};

use crate::{
    chain::{ChainService, ContractFound, ContractRef},
    portal::{lang::Lang, values::key_text},
    schema_json::{self, to_hex},
};

/// A contract that is still known, with its schema.
pub(super) fn contract_of(chain: &ChainService, address: &Address) -> Option<(ContractFound, Arc<Schema>)> {
    chain.public_fields(&ContractRef::Address(*address)).ok()
}

/// `department.name`, or the address of what is not known.
pub(super) fn contract_name(chain: &ChainService, address: &Address) -> String {
    match chain.find_contract(&ContractRef::Address(*address)) {
        Ok(found) => format!("{}.{}", found.record.department, found.record.name),
        Err(_) => address.to_string(),
    }
}

/// What a transaction wants, in one line.
pub(super) fn payload_text(chain: &ChainService, lang: Lang, payload: &Payload) -> String {
    match payload {
        Payload::Deploy(deploy) => {
            let name = format!("{}.{}", deploy.department, deploy.name);
            lang.t1("payload-deploy", "contract", name)
        }
        Payload::Call(call) => {
            let values = [("contract", contract_name(chain, &call.contract)), ("method", call.method.to_string())];
            lang.format("payload-call", &values)
        }
        Payload::Upgrade(upgrade) => lang.t1("payload-upgrade", "contract", contract_name(chain, &upgrade.contract)),
        Payload::Batch(calls) => lang.t1("payload-batch", "count", calls.len()),
        Payload::Anchor(updates) => lang.t1("payload-anchor", "count", updates.len()),
        Payload::Deliver(_) => lang.t("payload-deliver"),
        Payload::Settle(_) => lang.t("payload-settle"),
        Payload::Fork(_) => lang.t("payload-fork"),
        Payload::Claim { source, sequence } => {
            lang.format("payload-claim", &[("chain", source.to_string()), ("number", sequence.to_string())])
        }
        Payload::Beacons(beacons) => lang.t1("payload-beacons", "count", beacons.len()),
    }
}

/// How it ended, in one word or two.
pub(super) fn outcome_kind(lang: Lang, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { .. } => lang.t("outcome-done"),
        Outcome::Failed { .. } => lang.t("outcome-failed"),
        Outcome::Trapped { .. } => lang.t("outcome-trapped"),
        Outcome::Refused { .. } => lang.t("outcome-refused"),
    }
}

/// Why it ended so, in a sentence; nothing where it did what it says.
pub(super) fn outcome_reason(chain: &ChainService, lang: Lang, outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Done { .. } => None,
        Outcome::Failed { contract, code, data } => {
            let name = contract_name(chain, contract);
            let sentence = error_sentence(chain, lang, contract, *code, data);
            let sentence = sentence.unwrap_or_else(|| lang.t1("outcome-error", "code", code));
            Some(lang.format("outcome-said", &[("contract", name), ("sentence", sentence)]))
        }
        Outcome::Trapped { contract, class } => {
            let values = [("contract", contract_name(chain, contract)), ("sentence", class.to_string())];
            Some(lang.format("outcome-stopped", &values))
        }
        Outcome::Refused { reason } => Some(reason.to_string()),
    }
}

/// The sentence that a contract's schema has for an error, with its fields filled in.
fn error_sentence(chain: &ChainService, lang: Lang, contract: &Address, code: u32, data: &[u8]) -> Option<String> {
    let (_, schema) = contract_of(chain, contract)?;
    let error = schema.errors.get(&code)?;
    let (first, second) = match lang {
        Lang::En => (&error.message.en, &error.message.zh),
        Lang::Zh => (&error.message.zh, &error.message.en),
    };
    let mut sentence = if first.is_empty() { second.clone() } else { first.clone() };
    for (name, value) in schema_json::decode_fields(&schema, &error.fields, data).unwrap_or_default() {
        sentence = sentence.replace(&format!("{{{name}}}"), &key_text(&value));
    }
    Some(if sentence.is_empty() { error.name.clone() } else { sentence })
}

/// Arguments or fields by name, or their bytes where they do not fit the schema of today.
pub(super) fn named_values(schema: &Schema, fields: &[Field], bytes: &[u8]) -> Value {
    match schema_json::decode_fields(schema, fields, bytes) {
        Ok(values) => Value::Object(values),
        Err(_) => Value::Object(Map::from_iter([("bytes".to_owned(), to_hex(bytes).into())])),
    }
}

/// What a call was given, by its method's schema.
pub(super) fn arguments(chain: &ChainService, call: &chancery_abi::Call) -> Value {
    let known = contract_of(chain, &call.contract);
    let method = known.as_ref().and_then(|(_, schema)| {
        schema.methods.values().find(|method| method.name == call.method).map(|method| (schema, method))
    });
    match method {
        Some((schema, method)) => named_values(schema, &method.arguments, &call.input),
        None => to_hex(&call.input).into(),
    }
}

/// What a call gave back, by its method's schema; nothing where it gives nothing.
pub(super) fn returned(chain: &ChainService, call: &chancery_abi::Call, output: &[u8]) -> Option<Value> {
    let (_, schema) = contract_of(chain, &call.contract)?;
    let method = schema.methods.values().find(|method| method.name == call.method)?;
    match method.returns {
        TypeRef::Unit => None,
        ref ty => schema_json::decode(&schema, ty, output).ok(),
    }
}

/// What a contract announced, by its schema.
pub(super) fn event_value(chain: &ChainService, event: &Event) -> Value {
    let known = contract_of(chain, &event.contract);
    let kind = known
        .as_ref()
        .and_then(|(_, schema)| schema.events.values().find(|kind| kind.name == event.name).map(|kind| (schema, kind)));
    match kind {
        Some((schema, kind)) => named_values(schema, &kind.fields, &event.data),
        None => to_hex(&event.data).into(),
    }
}
