//! What an upgrade changes, for people and for programs.

use chancery_abi::schema::{
    Collection, EventType, Field, Method, MethodKind, Shape, StorageField, TypeRef, Variant,
    diff::{Change, Effect},
};
use serde_json::{Value, json};

use super::{access, kind, type_name};

/// A change in words: what it is about, and how it was and is.
pub fn change_text(change: &Change) -> (String, String) {
    let became = |old: String, new: String| format!("was {old}\nis  {new}");
    match change {
        Change::FieldAdded(field) => (format!("field {}", field.name), format!("new: {}", holds(&field.collection))),
        Change::FieldRemoved(StorageField { name, collection, .. }) => {
            (format!("field {name}"), format!("gone: {}", holds(collection)))
        }
        Change::FieldChanged { name, old, new } => (format!("field {name}"), became(holds(old), holds(new))),
        Change::FieldOffered { name, public } => {
            let now = if *public { "public now" } else { "no longer public" };
            (format!("field {name}"), now.into())
        }
        Change::TypeChanged { name, old, new, stored_in } => {
            let mut text = became(shape(old), shape(new));
            if !stored_in.is_empty() {
                let fields: Vec<_> = stored_in.iter().map(ToString::to_string).collect();
                text.push_str(&format!("\nstored in {}", fields.join(", ")));
            }
            (format!("type {name}"), text)
        }
        Change::MethodAdded(method) => (subject(method), format!("new: {}", signature(method))),
        Change::MethodRemoved(method) => (subject(method), format!("gone: {}", signature(method))),
        Change::MethodChanged { old, new } => (subject(new), became(signature(old), signature(new))),
        Change::EventAdded(event) => (format!("event {}", event.name), format!("new: {}", announces(event))),
        Change::EventRemoved(event) => (format!("event {}", event.name), format!("gone: {}", announces(event))),
        Change::EventChanged { old, new } => (format!("event {}", new.name), became(announces(old), announces(new))),
        Change::ErrorAdded(error) => (format!("error {}", error.code), format!("new: {}", error.name)),
        Change::ErrorRemoved(error) => (format!("error {}", error.code), format!("gone: {}", error.name)),
        Change::ErrorChanged { old, new } => {
            let with = |error: &chancery_abi::schema::ErrorType| format!("{}{}", error.name, members(&error.fields));
            (format!("error {}", new.code), became(with(old), with(new)))
        }
    }
}

/// Whom a change concerns, in one word for programs.
pub fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Harmless => "none",
        Effect::Readers => "readers",
        Effect::State => "state",
    }
}

/// A change for programs.
pub fn change_view(change: &Change) -> Value {
    let (what, name, how) = match change {
        Change::FieldAdded(field) => ("field", field.name.to_string(), "added"),
        Change::FieldRemoved(field) => ("field", field.name.to_string(), "removed"),
        Change::FieldChanged { name, .. } => ("field", name.to_string(), "changed"),
        Change::FieldOffered { name, public: true } => ("field", name.to_string(), "published"),
        Change::FieldOffered { name, public: false } => ("field", name.to_string(), "withdrawn"),
        Change::TypeChanged { name, .. } => ("type", name.clone(), "changed"),
        Change::MethodAdded(method) => ("method", method.name.to_string(), "added"),
        Change::MethodRemoved(method) => ("method", method.name.to_string(), "removed"),
        Change::MethodChanged { new, .. } => ("method", new.name.to_string(), "changed"),
        Change::EventAdded(event) => ("event", event.name.to_string(), "added"),
        Change::EventRemoved(event) => ("event", event.name.to_string(), "removed"),
        Change::EventChanged { new, .. } => ("event", new.name.to_string(), "changed"),
        Change::ErrorAdded(error) => ("error", error.code.to_string(), "added"),
        Change::ErrorRemoved(error) => ("error", error.code.to_string(), "removed"),
        Change::ErrorChanged { new, .. } => ("error", new.code.to_string(), "changed"),
    };
    let text = change_text(change).1;
    json!({ "what": what, "name": name, "change": how, "concerns": effect(change.effect()), "text": text })
}

fn subject(method: &Method) -> String {
    format!("method {}", method.name)
}

fn signature(method: &Method) -> String {
    let returns = match &method.returns {
        TypeRef::Unit => String::new(),
        returns => format!(" -> {}", type_name(returns)),
    };
    let who = match method.kind {
        MethodKind::Call => format!("{}, {}", kind(method.kind), access(&method.access)),
        other => kind(other).to_owned(),
    };
    let reentrant = if method.reentrant { ", reentrant" } else { "" };
    format!("{}{returns} [{who}{reentrant}]", members(&method.arguments))
}

fn announces(event: &EventType) -> String {
    let keys: Vec<_> = event.keys.iter().map(ToString::to_string).collect();
    match keys.is_empty() {
        true => members(&event.fields),
        false => format!("{} by {}", members(&event.fields), keys.join(", ")),
    }
}

fn holds(collection: &Collection) -> String {
    match collection {
        Collection::Value(ty) => type_name(ty),
        Collection::Map(key, value) => format!("{} by {}", type_name(value), type_name(key)),
        Collection::Set(key) => format!("set of {}", type_name(key)),
        Collection::List(ty) => format!("list of {}", type_name(ty)),
        Collection::Index(secondary, key) => format!("{} under {}", type_name(key), type_name(secondary)),
    }
}

fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Struct(fields) => members(fields),
        Shape::Enum(variants) => {
            let variant = |variant: &Variant| {
                let fields = if variant.fields.is_empty() { String::new() } else { members(&variant.fields) };
                format!("{} {}{fields}", variant.index, variant.name)
            };
            variants.iter().map(variant).collect::<Vec<_>>().join(" | ")
        }
    }
}

fn members(fields: &[Field]) -> String {
    let fields = fields.iter().map(|field| format!("{}: {}", field.name, type_name(&field.ty)));
    format!("({})", fields.collect::<Vec<_>>().join(", "))
}
