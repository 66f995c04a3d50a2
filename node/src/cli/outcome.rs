//! Receipts in words: values, events and errors as the contracts' own schemas explain them.
//!
//! What no schema explains is shown as it came, in hexadecimal: a receipt is a fact even when its contract's schema
//! cannot be had.

use std::collections::BTreeMap;

use chancery_abi::{
    ExecutionRefusal, TrapClass,
    schema::{Field, Schema, TypeRef},
    types::from_hex,
};
use serde_json::{Map, Value, json};

use super::output::{Language, grouped};
use crate::{
    client::{ChainClient, EventAnswer, OutcomeAnswer, ReceiptAnswer},
    schema_json,
};

/// Errors that the SDK itself refuses with, for contracts whose schema does not explain them.
const SDK_ERRORS: &[(u32, &str, &str, &str)] = &[
    (0xFFFF_0000, "BadInput", "the arguments are not of the method's types", "参数与方法的类型不符"),
    (0xFFFF_0001, "NotAllowed", "the caller may not call this method", "调用者无权调用此方法"),
    (
        0xFFFF_0002,
        "BadState",
        "a stored entry is not of the type that the contract's code expects",
        "存储的数据与合约代码的类型不符",
    ),
];

/// Schemas of contracts that turn up in receipts, asked for once each.
pub(super) struct Schemas<'a> {
    /// None when no node is asked.
    chain: Option<&'a ChainClient<'a>>,
    known: BTreeMap<String, Option<Schema>>,
}

impl<'a> Schemas<'a> {
    /// Of contracts on `chain`.
    pub(super) fn on(chain: &'a ChainClient<'a>) -> Self {
        Self { chain: Some(chain), known: BTreeMap::new() }
    }

    /// Only those that are made known.
    pub(super) fn none() -> Self {
        Self { chain: None, known: BTreeMap::new() }
    }

    /// Makes a schema known, so that the node is not asked for it.
    pub(super) fn insert(&mut self, address: String, schema: Schema) {
        self.known.insert(address, Some(schema));
    }

    /// The schema of the contract at `address`, where it can be had.
    pub(super) fn of(&mut self, address: &str) -> Option<&Schema> {
        if !self.known.contains_key(address) {
            let schema = self.chain.and_then(|chain| chain.schema(address).ok());
            self.known.insert(address.to_owned(), schema);
        }
        self.known.get(address).and_then(Option::as_ref)
    }
}

/// A receipt explained.
pub(super) struct Explained {
    /// For programs: the receipt with what its bytes mean.
    pub json: Value,
    /// The outcome in a sentence.
    pub sentence: String,
    /// The value it returned, if there is one.
    pub value: Option<Value>,
    /// The events, one a line.
    pub events: Vec<String>,
}

/// Explains a receipt; `returns` is the called method's type, where that is known.
pub(super) fn explain(
    receipt: &ReceiptAnswer,
    called: Option<(&Schema, &TypeRef)>,
    schemas: &mut Schemas<'_>,
    language: Language,
) -> Explained {
    let outcome = &receipt.outcome;
    let value = called.filter(|(_, ty)| **ty != TypeRef::Unit).and_then(|(schema, ty)| {
        let output = from_hex(outcome.output.as_deref()?)?;
        schema_json::decode(schema, ty, &output).ok()
    });
    let error = explain_error(outcome, schemas, language);
    let sentence = match outcome.kind.as_str() {
        "done" => "done".into(),
        "failed" => error.as_ref().map_or_else(|| outcome.message.clone(), |error| error.text.clone()),
        "trapped" => stopped(outcome, language),
        _ => refused(outcome, language),
    };
    let (mut events, mut event_values) = (Vec::new(), Vec::new());
    for event in &receipt.events {
        let (text, value) = explain_event(event, schemas);
        events.push(text);
        event_values.push(value);
    }
    let mut json = serde_json::to_value(receipt).expect("a receipt is texts and numbers");
    json["outcome"]["message"] = sentence.clone().into();
    if let Some(value) = &value {
        json["outcome"]["value"] = value.clone();
    }
    if let Some(error) = error {
        json["outcome"]["error"] = error.json;
    }
    if !event_values.is_empty() {
        json["events"] = Value::Array(event_values);
    }
    Explained { json, sentence, value, events }
}

/// Why the sandbox stopped a contract.
fn stopped(outcome: &OutcomeAnswer, language: Language) -> String {
    let class = TrapClass::ALL.into_iter().find(|class| outcome.class.as_deref() == Some(class.code()));
    match (language, class) {
        (Language::Chinese, Some(class)) => format!("合约被中止:{}", class.zh()),
        _ => format!("the contract was stopped: {}", outcome.message),
    }
}

/// Why no contract ran.
fn refused(outcome: &OutcomeAnswer, language: Language) -> String {
    let reason = ExecutionRefusal::ALL.into_iter().find(|reason| outcome.reason.as_deref() == Some(reason.code()));
    match (language, reason) {
        (Language::Chinese, Some(reason)) => format!("没有执行合约:{}", reason.zh()),
        _ => format!("no contract ran: {}", outcome.message),
    }
}

/// A contract's error explained.
pub(super) struct ExplainedError {
    /// Its name and sentence.
    pub text: String,
    /// For programs: number, name and fields.
    pub json: Value,
}

fn explain_error(outcome: &OutcomeAnswer, schemas: &mut Schemas<'_>, language: Language) -> Option<ExplainedError> {
    let schema = outcome.contract.as_deref().and_then(|contract| schemas.of(contract));
    error_by(outcome, schema, language)
}

/// The contract's error as its schema explains it.
pub(super) fn error_by(outcome: &OutcomeAnswer, schema: Option<&Schema>, language: Language) -> Option<ExplainedError> {
    let code = outcome.code?;
    let Some((schema, error)) = schema.and_then(|schema| Some((schema, schema.errors.get(&code)?))) else {
        let (_, name, en, zh) = SDK_ERRORS.iter().find(|(number, ..)| *number == code)?;
        let sentence = if language == Language::Chinese { zh } else { en };
        let json = json!({ "code": code, "name": name, "fields": {} });
        return Some(ExplainedError { text: format!("{name}: {sentence}"), json });
    };
    let fields = fields(schema, &error.fields, outcome.data.as_deref().unwrap_or_default()).unwrap_or_default();
    let sentence = fields.iter().fold(language.of(&error.message).to_owned(), |sentence, (name, value)| {
        sentence.replace(&format!("{{{name}}}"), &plain(value))
    });
    let text = if sentence.is_empty() { error.name.clone() } else { format!("{}: {sentence}", error.name) };
    Some(ExplainedError { text, json: json!({ "code": code, "name": error.name, "fields": fields }) })
}

fn explain_event(event: &EventAnswer, schemas: &mut Schemas<'_>) -> (String, Value) {
    event_by(event, schemas.of(&event.contract))
}

/// An event as its contract's schema explains it, in a line and for programs.
pub(super) fn event_by(event: &EventAnswer, schema: Option<&Schema>) -> (String, Value) {
    let mut json = serde_json::to_value(event).expect("an event is texts");
    let explained = event.ident().and_then(|name| {
        let schema = schema?;
        fields(schema, &schema.events.get(&name)?.fields, &event.data)
    });
    match explained {
        None => (format!("{} {}", event.name, event.data), json),
        Some(fields) => {
            let text =
                fields.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect::<Vec<_>>().join(" ");
            json["fields"] = Value::Object(fields);
            (format!("{} {text}", event.name), json)
        }
    }
}

/// The fields in `hex` by name, when they are these.
pub(super) fn fields(schema: &Schema, fields: &[Field], hex: &str) -> Option<Map<String, Value>> {
    schema_json::decode_fields(schema, fields, &from_hex(hex)?).ok()
}

/// A value as it stands in a sentence: texts without quotation marks.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// A value for people: indented JSON, or a bare text.
pub(super) fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => serde_json::to_string_pretty(value).expect("a JSON value can be written"),
        other => other.to_string(),
    }
}

/// The receipt for people.
pub(super) fn text(receipt: &ReceiptAnswer, explained: &Explained) -> String {
    let mut text = format!(
        "{}\n  transaction  {}\n  block        {} (place {})\n  gas          {}",
        explained.sentence,
        receipt.transaction,
        receipt.height,
        receipt.index,
        grouped(receipt.gas_used)
    );
    for event in &explained.events {
        text.push_str(&format!("\n  event        {event}"));
    }
    if let Some(value) = &explained.value {
        text.push_str(&format!("\n{}", pretty(value)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(kind: &str, key: &str, value: &str) -> OutcomeAnswer {
        let json = json!({ "kind": kind, key: value, "message": "english" });
        serde_json::from_value(json).expect("an outcome")
    }

    #[test]
    fn what_the_sandbox_says_is_said_in_chinese_too() {
        for class in TrapClass::ALL {
            let outcome = outcome("trapped", "class", class.code());
            assert_eq!(stopped(&outcome, Language::Chinese), format!("合约被中止:{}", class.zh()));
            assert_eq!(stopped(&outcome, Language::English), "the contract was stopped: english");
        }
        for reason in ExecutionRefusal::ALL {
            let outcome = outcome("refused", "reason", reason.code());
            assert_eq!(refused(&outcome, Language::Chinese), format!("没有执行合约:{}", reason.zh()));
        }
        // What a later release may say is passed on as it is.
        assert_eq!(
            stopped(&outcome("trapped", "class", "new"), Language::Chinese),
            "the contract was stopped: english"
        );
    }
}
