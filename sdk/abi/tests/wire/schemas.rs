//! Schemas: sections that are one, and all that are not.

use chancery_abi::{
    DecodeError,
    limits::{SCHEMA_BYTES_MAX, TYPE_DEPTH_MAX},
    schema::{Access, Docs, Entry, Field, MethodKind, Schema, SchemaError, Shape, TypeRef},
};

use crate::samples::{entries, ident};

fn section(entries: &[Entry]) -> Vec<u8> {
    entries.iter().flat_map(Entry::to_section_bytes).collect()
}

fn refusal(entries: &[Entry]) -> SchemaError {
    Schema::from_section(&section(entries)).expect_err("these entries are not a schema")
}

/// A struct type of `count` fields of the type `field`.
fn record(name: &str, field: TypeRef, count: usize) -> Entry {
    let field = |place| Field { name: ident(&format!("f{place}")), ty: field.clone(), docs: Docs::default() };
    Entry::Type { name: name.into(), shape: Shape::Struct((0..count).map(field).collect()), docs: Docs::default() }
}

fn named(name: &str) -> TypeRef {
    TypeRef::Named(name.into())
}

#[test]
fn entries_in_any_order_are_one_schema() {
    let mut entries = entries();
    let schema = Schema::from_section(&section(&entries)).expect("the entries are a schema");
    assert_eq!((schema.name.as_str(), schema.sdk.as_str()), ("Evidence", "0.1.0"));
    assert_eq!((schema.methods.len(), schema.storage.len(), schema.types.len()), (1, 1, 1));
    assert_eq!((schema.events.len(), schema.errors[&7].name.as_str()), (1, "Sealed"));
    entries.reverse();
    assert_eq!(Schema::from_section(&section(&entries)), Ok(schema));
}

#[test]
fn sections_that_cannot_be_read() {
    let unreadable = |bytes: &[u8]| match Schema::from_section(bytes) {
        Err(SchemaError::Unreadable(error)) => error,
        other => panic!("{other:?}"),
    };
    let good = section(&entries());
    assert_eq!(unreadable(&good[..good.len() - 1]), DecodeError::Malformed);
    assert_eq!(unreadable(&good[..3]), DecodeError::Malformed);
    assert_eq!(unreadable(&[255; 8]), DecodeError::Malformed);
    assert_eq!(unreadable(&[0; 4]), DecodeError::Malformed);
    let huge = vec![0; SCHEMA_BYTES_MAX + 1];
    let error = DecodeError::TooLong { found: SCHEMA_BYTES_MAX + 1, limit: SCHEMA_BYTES_MAX };
    assert_eq!(unreadable(&huge), error);
    assert_eq!(Schema::from_section(&[]), Err(SchemaError::NoContract));
}

#[test]
fn schemas_of_another_format() {
    let mut entries = entries();
    if let Entry::Contract { format, .. } = &mut entries[0] {
        *format = 2;
    }
    assert_eq!(refusal(&entries), SchemaError::UnknownFormat(2));
}

#[test]
fn each_name_and_number_once() {
    for place in 0..6 {
        let mut entries = entries();
        entries.push(entries[place].clone());
        assert!(matches!(refusal(&entries), SchemaError::Twice { .. }), "{place}");
    }
}

#[test]
fn one_init_and_known_fields_only() {
    let mut all = entries();
    let Entry::Method(method) = all[2].clone() else { panic!("the third entry is a method") };
    for name in ["first", "second"] {
        let mut method = method.clone();
        (method.name, method.kind) = (ident(name), MethodKind::Init);
        all.push(Entry::Method(method));
    }
    assert_eq!(refusal(&all), SchemaError::TooMany(MethodKind::Init));

    let mut all = entries();
    if let Entry::Method(method) = &mut all[2] {
        method.access = Access::Only(ident("owner"));
    }
    assert_eq!(refusal(&all), SchemaError::UnknownField(ident("owner")));
}

#[test]
fn types_that_nothing_explains() {
    let mut all = entries();
    all.remove(3);
    assert_eq!(refusal(&all), SchemaError::UnknownType("Status".into()));
    let mut all = entries();
    all.push(record("Unused", named("Missing"), 1));
    assert_eq!(refusal(&all), SchemaError::UnknownType("Missing".into()));
}

#[test]
fn types_without_an_end() {
    let endless = |more: &[Entry]| matches!(refusal(&[entries(), more.to_vec()].concat()), SchemaError::EndlessType(_));
    assert!(endless(&[record("A", named("A"), 1)]));
    assert!(endless(&[record("A", named("B"), 2), record("B", TypeRef::List(Box::new(named("A"))), 2)]));
    let chain = |length: u32| -> Vec<Entry> {
        let end = record(&format!("T{length}"), TypeRef::Unit, 1);
        (0..length).map(|i| record(&format!("T{i}"), named(&format!("T{}", i + 1)), 1)).chain([end]).collect()
    };
    // The last type's field is a level of its own.
    let longest = [entries(), chain(TYPE_DEPTH_MAX - 1)].concat();
    assert!(Schema::from_section(&section(&longest)).is_ok());
    assert!(endless(&chain(TYPE_DEPTH_MAX)));
    let mut backwards = chain(TYPE_DEPTH_MAX);
    backwards.reverse();
    assert!(endless(&backwards));
}

/// Followed each time they are used, 50 uses of each of 30 types would be 50^30 steps.
#[test]
fn types_used_very_often_are_followed_once() {
    let mut all = entries();
    for i in 0..30 {
        all.push(record(&format!("T{i}"), named(&format!("T{}", i + 1)), 50));
    }
    all.push(record("T30", TypeRef::Unit, 1));
    assert!(Schema::from_section(&section(&all)).is_ok());
}
