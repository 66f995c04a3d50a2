//! JSON to SCALE and back, and what wrong JSON is told.

use chancery_abi::{
    Address, Digest, Ident,
    schema::{Collection, Docs, Field, Schema, Shape, StorageField, TypeRef, Variant},
    slot::{SlotKey, push_field},
};
use parity_scale_codec::Encode;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn field(name: &str, ty: TypeRef) -> Field {
    Field { name: Ident::new(name).expect("an identifier"), ty, docs: Docs::default() }
}

fn variant(name: &str, index: u8, fields: Vec<Field>) -> Variant {
    Variant { name: name.into(), index, fields, docs: Docs::default() }
}

fn schema() -> Schema {
    let case = vec![
        field("case_number", TypeRef::Text),
        field("pages", TypeRef::Unsigned(64)),
        field("closed_at", TypeRef::Optional(Box::new(TypeRef::Unsigned(64)))),
    ];
    let standing = vec![
        variant("Open", 0, Vec::new()),
        variant("Sealed", 3, vec![field("by", TypeRef::Address), field("reason", TypeRef::Text)]),
    ];
    Schema {
        name: "Evidence".into(),
        version: "1.0.0".into(),
        sdk: "0.1.0".into(),
        docs: Docs::default(),
        storage: Default::default(),
        methods: Default::default(),
        types: [("Case".into(), Shape::Struct(case)), ("Standing".into(), Shape::Enum(standing))].into(),
        type_docs: Default::default(),
        events: Default::default(),
        errors: Default::default(),
    }
}

fn named(name: &str) -> TypeRef {
    TypeRef::Named(name.into())
}

fn refusal(ty: &TypeRef, value: Value) -> String {
    encode(&schema(), ty, &value, &DigitsOnly).expect_err("the value does not fit").to_string()
}

#[test]
fn known_values_have_the_codec_s_bytes() {
    let bytes = |ty: &TypeRef, value: Value| encode(&schema(), ty, &value, &DigitsOnly).expect("it fits");
    assert_eq!(bytes(&TypeRef::Unsigned(32), json!(258)), 258u32.encode());
    assert_eq!(bytes(&TypeRef::Signed(16), json!(-2)), (-2i16).encode());
    assert_eq!(bytes(&TypeRef::Unsigned(128), json!("340282366920938463463374607431768211455")), u128::MAX.encode());
    assert_eq!(bytes(&TypeRef::Signed(128), json!(i128::MIN.to_string())), i128::MIN.encode());
    assert_eq!(bytes(&TypeRef::Text, json!("case")), "case".encode());
    assert_eq!(bytes(&TypeRef::Bytes, json!("0A0b")), vec![10u8, 11].encode());
    assert_eq!(bytes(&TypeRef::List(Box::new(TypeRef::Bool)), json!([true, false])), vec![true, false].encode());
    let digest = Digest::of(b"a document");
    assert_eq!(bytes(&TypeRef::Digest, json!(digest.to_string())), digest.encode());
    let pair = TypeRef::Tuple(vec![TypeRef::Unsigned(8), TypeRef::Optional(Box::new(TypeRef::Text))]);
    assert_eq!(bytes(&pair, json!([7, null])), (7u8, None::<String>).encode());
    assert_eq!(bytes(&named("Case"), json!({"pages": 3, "case_number": "9"})), ("9", 3u64, None::<u64>).encode());
    assert_eq!(bytes(&named("Standing"), json!("Open")), [0]);
    let sealed = json!({"Sealed": {"by": Address([5; 32]).to_string(), "reason": "court"}});
    assert_eq!(bytes(&named("Standing"), sealed), (3u8, Address([5; 32]), "court").encode());
}

#[test]
fn errors_name_the_place_and_both_sides() {
    let cases = TypeRef::List(Box::new(named("Case")));
    assert_eq!(
        refusal(&cases, json!([{"case_number": "1", "pages": 1}, {"case_number": 7, "pages": 1}])),
        "[1].case_number: expected text, found number 7"
    );
    assert_eq!(refusal(&cases, json!([{"case_number": "1"}])), "[0].pages: missing");
    assert_eq!(
        refusal(&named("Case"), json!({"number": 1})),
        "number: unknown; expected case_number, pages, closed_at"
    );
    assert_eq!(
        refusal(&named("Standing"), json!({"Sealed": {"by": "me", "reason": ""}})),
        "Sealed.by: expected an address of 64 hexadecimal digits, found \"me\""
    );
    assert_eq!(
        refusal(&named("Standing"), json!("Closed")),
        "Standing has no variant \"Closed\"; expected Open, Sealed"
    );
    assert_eq!(refusal(&TypeRef::Unsigned(8), json!(256)), "expected a whole number from 0 to 255, found number 256");
    assert_eq!(refusal(&TypeRef::Unsigned(8), json!(-1)), "expected a whole number from 0 to 255, found number -1");
    assert_eq!(refusal(&TypeRef::Digest, json!("00")), "expected digest of 64 hexadecimal digits, found 2");
    assert_eq!(refusal(&TypeRef::Bytes, json!("0g")), "expected bytes in hexadecimal, found text \"0g\"");
    assert_eq!(refusal(&named("Absent"), json!({})), "the schema does not explain type `Absent`");
}

#[test]
fn large_integers_are_texts_and_small_ones_numbers() {
    let shown = |number: u64| decode(&schema(), &TypeRef::Unsigned(64), &number.encode()).expect("it decodes");
    assert_eq!(shown(1 << 53), json!(1u64 << 53));
    assert_eq!(shown((1 << 53) + 1), json!("9007199254740993"));
    let minus = decode(&schema(), &TypeRef::Signed(64), &i64::MIN.encode()).expect("it decodes");
    assert_eq!(minus, json!("-9223372036854775808"));
    assert_eq!(decode(&schema(), &TypeRef::Signed(8), &[0xff]).expect("it decodes"), json!(-1));
}

#[test]
fn options_of_options_keep_apart_what_null_would_join() {
    let twice = TypeRef::Optional(Box::new(TypeRef::Optional(Box::new(TypeRef::Bool))));
    for (value, bytes) in [(json!(null), vec![0]), (json!([null]), vec![1, 0]), (json!([true]), vec![1, 1, 1])] {
        assert_eq!(encode(&schema(), &twice, &value, &DigitsOnly).expect("it fits"), bytes);
        assert_eq!(decode(&schema(), &twice, &bytes).expect("it decodes"), value);
    }
    assert!(encode(&schema(), &twice, &json!(true), &DigitsOnly).is_err());
}

#[test]
fn other_bytes_than_the_canonical_are_refused() {
    let decoded = |ty: &TypeRef, bytes: &[u8]| decode(&schema(), ty, bytes);
    assert!(decoded(&TypeRef::Bool, &[2]).is_err());
    assert!(decoded(&TypeRef::Bool, &[1, 0]).is_err(), "trailing bytes");
    assert!(decoded(&TypeRef::Text, &[4, 0xff]).is_err(), "not UTF-8");
    assert!(decoded(&TypeRef::Bytes, &[1, 0]).is_err(), "a length that is not minimal");
    assert!(decoded(&TypeRef::Bytes, &[0xfe, 0xff, 0xff, 0xff]).is_err(), "a length beyond the input");
    assert!(decoded(&named("Standing"), &[1]).is_err(), "an unknown variant");
    let empties = TypeRef::List(Box::new(TypeRef::Unit));
    let error = decoded(&empties, &[0xfe, 0xff, 0xff, 0xff]).expect_err("a billion empty values");
    assert!(error.problem.contains("too many"), "{error}");
}

#[test]
fn a_type_that_contains_itself_ends() {
    let mut schema = schema();
    let itself = TypeRef::Optional(Box::new(named("Loop")));
    schema.types.insert("Loop".into(), Shape::Struct(vec![field("inner", itself)]));
    assert!(decode(&schema, &named("Loop"), &[1; 1000]).is_err());
    let deep = (0..100).fold(json!({"inner": null}), |inner, _| json!({"inner": inner}));
    assert!(encode(&schema, &named("Loop"), &deep, &DigitsOnly).is_err());
}

#[test]
fn slot_keys_are_the_sdk_s() {
    let storage = |collection| StorageField {
        name: Ident::new("records").expect("an identifier"),
        collection,
        public: true,
        docs: Docs::default(),
    };
    let slot = |collection: Collection, key: Option<Value>| {
        slot_key(&schema(), &storage(collection), key.as_ref(), &DigitsOnly)
    };
    let expected = |key: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        push_field(&mut bytes, "records");
        key(&mut bytes);
        bytes
    };
    let map = Collection::Map(TypeRef::Digest, TypeRef::Text);
    let digest = Digest([9; 32]);
    assert_eq!(
        slot(map.clone(), Some(json!(digest.to_string()))).expect("a key"),
        expected(&|bytes| digest.push_to(bytes))
    );
    let pair = Collection::Set(TypeRef::Tuple(vec![TypeRef::Text, TypeRef::Signed(32)]));
    assert_eq!(
        slot(pair, Some(json!(["a", -3]))).expect("a key"),
        expected(&|bytes| (String::from("a"), -3i32).push_to(bytes))
    );
    assert_eq!(slot(Collection::List(TypeRef::Text), None).expect("a length"), expected(&|_| ()));
    assert_eq!(
        slot(Collection::List(TypeRef::Text), Some(json!(7))).expect("a place"),
        expected(&|bytes| 7u64.push_to(bytes))
    );
    assert_eq!(slot(Collection::Value(TypeRef::Text), None).expect("one value"), expected(&|_| ()));
    assert!(matches!(slot(Collection::Value(TypeRef::Text), Some(json!(1))), Err(SlotError::NoKeyWanted { .. })));
    assert!(matches!(slot(map, None), Err(SlotError::KeyMissing { .. })));
    let long = Collection::Set(TypeRef::Text);
    assert!(matches!(slot(long, Some(json!("x".repeat(200)))), Err(SlotError::TooLong { .. })));
    assert!(matches!(
        slot(Collection::Set(named("Case")), Some(json!({"pages": 1, "case_number": ""}))),
        Err(SlotError::Key { .. })
    ));
}

#[test]
fn slot_keys_are_read_back() {
    let mut schema = schema();
    let key = TypeRef::Tuple(vec![TypeRef::Text, TypeRef::Signed(32), TypeRef::Digest]);
    let records = StorageField {
        name: Ident::new("records").expect("an identifier"),
        collection: Collection::Index(key, TypeRef::Unsigned(16)),
        public: true,
        docs: Docs::default(),
    };
    schema.storage.insert(records.name.clone(), records.clone());
    let key = json!([["a", -3, Digest([4; 32]).to_string()], 7]);
    let slot = slot_key(&schema, &records, Some(&key), &DigitsOnly).expect("a key");
    assert_eq!(read_slot(&schema, &slot), Some((&records, Some(key))));
    assert_eq!(read_slot(&schema, &slot[..slot.len() - 1]), None);
    assert_eq!(read_slot(&schema, b"\x05other"), None);
}

/// A type with a JSON value of it, in the form that decoding gives.
fn typed_value() -> impl Strategy<Value = (TypeRef, Value)> {
    let integer = |number: i128| {
        if number.unsigned_abs() <= 1 << 53 { json!(number as i64) } else { json!(number.to_string()) }
    };
    let leaf = prop_oneof![
        Just((TypeRef::Unit, Value::Null)),
        any::<bool>().prop_map(|truth| (TypeRef::Bool, json!(truth))),
        any::<u64>().prop_map(move |number| (TypeRef::Unsigned(64), integer(i128::from(number)))),
        any::<u8>().prop_map(move |number| (TypeRef::Unsigned(8), integer(i128::from(number)))),
        any::<i128>().prop_map(move |number| (TypeRef::Signed(128), integer(number))),
        any::<i32>().prop_map(move |number| (TypeRef::Signed(32), integer(i128::from(number)))),
        ".{0,12}".prop_map(|text| (TypeRef::Text, json!(text))),
        any::<Vec<u8>>().prop_map(|bytes| (TypeRef::Bytes, json!(to_hex(&bytes)))),
        any::<[u8; 5]>().prop_map(|bytes| (TypeRef::FixedBytes(5), json!(to_hex(&bytes)))),
        any::<[u8; 32]>().prop_map(|bytes| (TypeRef::Address, json!(to_hex(&bytes)))),
        (".{0,8}", any::<u32>(), any::<Option<u16>>()).prop_map(|(case, pages, closed)| {
            (named("Case"), json!({"case_number": case, "pages": pages, "closed_at": closed}))
        }),
        Just((named("Standing"), json!("Open"))),
        any::<[u8; 32]>().prop_map(|by| { (named("Standing"), json!({"Sealed": {"by": to_hex(&by), "reason": "r"}})) }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), 0..4usize)
                .prop_map(|((ty, value), count)| (TypeRef::List(Box::new(ty)), Value::Array(vec![value; count]))),
            (inner.clone(), any::<bool>()).prop_map(|((ty, value), there)| {
                let value = match (there, may_be_null(&ty)) {
                    (false, _) => Value::Null,
                    (true, true) => Value::Array(vec![value]),
                    (true, false) => value,
                };
                (TypeRef::Optional(Box::new(ty)), value)
            }),
            prop::collection::vec(inner, 0..4).prop_map(|parts| {
                let (types, values): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
                (TypeRef::Tuple(types), Value::Array(values))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_itself((ty, value) in typed_value()) {
        let bytes = encode(&schema(), &ty, &value, &DigitsOnly).expect("the value is of the type");
        prop_assert_eq!(decode(&schema(), &ty, &bytes), Ok(value));
    }

    #[test]
    fn what_decodes_has_no_other_bytes((ty, _) in typed_value(), bytes in any::<Vec<u8>>()) {
        if let Ok(value) = decode(&schema(), &ty, &bytes) {
            prop_assert_eq!(encode(&schema(), &ty, &value, &DigitsOnly), Ok(bytes));
        }
    }
}

#[test]
fn a_prefix_is_the_beginning_of_the_keys_that_it_means() {
    let schema = schema();
    let field = |collection| StorageField {
        name: Ident::new("entries").expect("a name"),
        collection,
        public: true,
        docs: Docs::default(),
    };
    let tuple = TypeRef::Tuple(vec![TypeRef::Unsigned(32), TypeRef::Text]);
    let map = field(Collection::Map(tuple, TypeRef::Unit));
    let whole = slot_key(&schema, &map, Some(&json!([3, "a"])), &DigitsOnly).expect("a key");
    for parts in [&[][..], &[json!(3)], &[json!(3), json!("a")]] {
        let prefix = slot_prefix(&schema, &map, parts, &DigitsOnly).expect("a prefix");
        assert!(whole.starts_with(&prefix), "{parts:?}");
        assert_eq!(whole == prefix, parts.len() == 2);
    }
    let other = slot_prefix(&schema, &map, &[json!(4)], &DigitsOnly).expect("a prefix");
    assert!(!whole.starts_with(&other));
    let error = slot_prefix(&schema, &map, &[json!(3), json!("a"), json!(1)], &DigitsOnly).expect_err("three parts");
    assert!(matches!(error, SlotError::Key { .. }), "{error}");
    assert!(slot_prefix(&schema, &map, &[json!("x")], &DigitsOnly).is_err());
    let one = slot_prefix(&schema, &field(Collection::Value(TypeRef::Unit)), &[], &DigitsOnly);
    assert!(matches!(one, Err(SlotError::NoEntries { .. })));
}
