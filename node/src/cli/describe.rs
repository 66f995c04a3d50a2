//! A contract's schema in words: what it offers, what a method takes, what it may refuse with.

use chancery_abi::schema::{Collection, Method, MethodKind, Schema, TypeRef};
use serde_json::{Value, json};

use super::{
    arguments::argument_table,
    output::{Language, table},
};
use crate::schema_json::{self, type_name};

/// The whole schema for people.
pub(super) fn schema_text(schema: &Schema, language: Language) -> String {
    let mut parts = vec![format!("{} {} (SDK {})", schema.name, schema.version, schema.sdk)];
    push_docs(&mut parts, language.of(&schema.docs));
    let methods = schema.methods.values().map(|method| {
        vec![
            method.name.to_string(),
            schema_json::kind(method.kind).into(),
            signature(method),
            schema_json::access(&method.access),
            first_line(language.of(&method.docs)),
        ]
    });
    push_table(&mut parts, "Methods", &["NAME", "KIND", "TAKES", "WHO", ""], methods.collect());
    let fields = schema
        .storage
        .values()
        .map(|field| vec![field.name.to_string(), collection(&field.collection), first_line(language.of(&field.docs))]);
    push_table(&mut parts, "Storage (each entry can be proven)", &["FIELD", "HOLDS", ""], fields.collect());
    let events = schema.events.values().map(|event| {
        let fields = event.fields.iter().map(|field| format!("{}: {}", field.name, type_name(&field.ty)));
        vec![event.name.to_string(), fields.collect::<Vec<_>>().join(", "), first_line(language.of(&event.docs))]
    });
    push_table(&mut parts, "Events", &["NAME", "FIELDS", ""], events.collect());
    let errors = schema
        .errors
        .values()
        .map(|error| vec![error.code.to_string(), error.name.clone(), language.of(&error.message).to_owned()]);
    push_table(&mut parts, "Errors", &["CODE", "NAME", ""], errors.collect());
    parts.join("\n")
}

/// The schema in one line: how much of each there is.
pub(super) fn schema_summary(schema: &Schema) -> String {
    let count = |kind| schema.methods.values().filter(|method| method.kind == kind).count();
    format!(
        "{} {}: {} calls, {} queries, {} storage fields, {} events, {} errors",
        schema.name,
        schema.version,
        count(MethodKind::Call),
        count(MethodKind::Query),
        schema.storage.len(),
        schema.events.len(),
        schema.errors.len()
    )
}

/// The methods of these kinds, one a line.
pub(super) fn method_list(schema: &Schema, kinds: &[MethodKind], language: Language) -> String {
    let methods = schema.methods.values().filter(|method| kinds.contains(&method.kind));
    let rows: Vec<_> = methods
        .map(|method| vec![method.name.to_string(), signature(method), first_line(language.of(&method.docs))])
        .collect();
    match rows.is_empty() {
        true => format!("contract {} has none to choose from", schema.name),
        false => table(&["METHOD", "TAKES", ""], &[], &rows),
    }
}

/// Help on one method, as `command` calls it.
pub(super) fn method_help(command: &str, method: &Method, language: Language) -> String {
    let mut parts = Vec::new();
    push_docs(&mut parts, language.of(&method.docs));
    let arguments: String = method
        .arguments
        .iter()
        .map(|field| match field.ty {
            TypeRef::Optional(_) => format!(" [--{} ...]", field.name.as_str().replace('_', "-")),
            _ => format!(" --{} ...", field.name.as_str().replace('_', "-")),
        })
        .collect();
    parts.push(format!("Usage: {command}{arguments}"));
    if !method.arguments.is_empty() {
        parts.push(format!("\nArguments:\n{}", argument_table(&method.arguments, language)));
    }
    parts.push(format!(
        "\nReturns {}. Who may call it: {}.",
        type_name(&method.returns),
        schema_json::access(&method.access)
    ));
    parts.join("\n")
}

/// One method for programs.
pub(super) fn method_json(schema: &Schema, method: &Method) -> Value {
    let document = schema_json::document(schema);
    let mut methods = document["methods"].as_array().into_iter().flatten();
    let found = methods.find(|view| view["name"] == method.name.as_str());
    json!({ "contract": schema.name, "method": found, "types": document["types"] })
}

fn signature(method: &Method) -> String {
    let arguments = method.arguments.iter().map(|field| format!("{}: {}", field.name, type_name(&field.ty)));
    let arguments = arguments.collect::<Vec<_>>().join(", ");
    match &method.returns {
        TypeRef::Unit => format!("({arguments})"),
        returns => format!("({arguments}) -> {}", type_name(returns)),
    }
}

fn collection(collection: &Collection) -> String {
    match collection {
        Collection::Value(ty) => type_name(ty),
        Collection::Map(key, value) => format!("{} by {}", type_name(value), type_name(key)),
        Collection::Set(key) => format!("set of {}", type_name(key)),
        Collection::List(ty) => format!("list of {}", type_name(ty)),
        Collection::Index(secondary, key) => format!("{} under {}", type_name(key), type_name(secondary)),
    }
}

fn first_line(docs: &str) -> String {
    docs.trim().lines().next().unwrap_or_default().to_owned()
}

fn push_docs(parts: &mut Vec<String>, docs: &str) {
    if !docs.trim().is_empty() {
        parts.push(docs.trim().to_owned());
    }
}

fn push_table(parts: &mut Vec<String>, title: &str, heading: &[&str], rows: Vec<Vec<String>>) {
    if !rows.is_empty() {
        parts.push(format!("\n{title}\n{}", table(heading, &[], &rows)));
    }
}
