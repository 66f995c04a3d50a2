//! What differs between two schemas of a contract, and which differences an upgrade may not have.

use chancery_abi::schema::{
    Access, Collection, Docs, Entry, ErrorType, EventType, Field, Method, MethodKind, Schema, Shape, StorageField,
    TypeRef, Variant,
    diff::{Change, Effect, changes, reads_state_of},
};

use crate::samples::ident;

fn field(name: &str, ty: TypeRef) -> Field {
    Field { name: ident(name), ty, docs: Docs::default() }
}

fn named(name: &str) -> TypeRef {
    TypeRef::Named(name.into())
}

fn storage(name: &str, collection: Collection) -> StorageField {
    StorageField { name: ident(name), collection, public: false, docs: Docs::default() }
}

fn method(name: &str, kind: MethodKind, arguments: Vec<Field>) -> Method {
    let (name, docs) = (ident(name), Docs::default());
    Method { name, kind, access: Access::Anyone, arguments, returns: TypeRef::Unit, reentrant: false, docs }
}

fn variant(name: &str, index: u8) -> Variant {
    Variant { name: name.into(), index, fields: Vec::new(), docs: Docs::default() }
}

/// A contract whose records hold a status, and whose settings are stored nowhere.
fn schema() -> Schema {
    let contract = Entry::Contract {
        format: 1,
        name: "Office".into(),
        version: "1.0.0".into(),
        sdk: "0.1.0".into(),
        docs: Docs::default(),
    };
    let ty = |name: &str, shape| Entry::Type { name: name.into(), shape, docs: Docs::default() };
    let optional = TypeRef::Optional(Box::new(named("Status")));
    let entries = [
        contract,
        ty("Record", Shape::Struct(vec![field("opened", TypeRef::Unsigned(64)), field("status", optional)])),
        ty("Status", Shape::Enum(vec![variant("Open", 0), variant("Closed", 1)])),
        ty("Settings", Shape::Struct(vec![field("limit", TypeRef::Unsigned(32))])),
        Entry::Storage(storage("records", Collection::Map(TypeRef::Digest, named("Record")))),
        Entry::Storage(storage("owner", Collection::Value(TypeRef::Address))),
        Entry::Method(method("init", MethodKind::Init, vec![field("settings", named("Settings"))])),
        Entry::Method(method("open", MethodKind::Call, vec![field("digest", TypeRef::Digest)])),
        Entry::Event(EventType {
            name: ident("opened"),
            fields: vec![field("digest", TypeRef::Digest)],
            keys: vec![ident("digest")],
            docs: Docs::default(),
        }),
        Entry::Error(ErrorType { code: 1, name: "Closed".into(), fields: Vec::new(), message: Docs::default() }),
    ];
    let section: Vec<u8> = entries.iter().flat_map(Entry::to_section_bytes).collect();
    Schema::from_section(&section).expect("the entries are a schema")
}

/// What differs once `change` was done to the schema, and whether the new one reads the old one's state.
fn after(change: impl FnOnce(&mut Schema)) -> (Vec<Change>, bool) {
    let (old, mut new) = (schema(), schema());
    change(&mut new);
    (changes(&old, &new), reads_state_of(&new, &old))
}

/// The one difference, which must have this effect.
fn single(effect: Effect, change: impl FnOnce(&mut Schema)) -> Change {
    let (mut changes, reads) = after(change);
    let change = changes.pop().expect("something differs");
    assert_eq!(changes, [], "only one thing differs");
    assert_eq!(change.effect(), effect, "{change:?}");
    assert_eq!(reads, effect < Effect::State, "{change:?}");
    change
}

#[test]
fn documentation_and_versions_are_no_difference() {
    let (changes, reads) = after(|new| {
        let docs = || Docs { en: "new words".into(), zh: "新".into() };
        (new.version, new.sdk, new.docs) = ("2.0.0".into(), "0.2.0".into(), docs());
        new.storage.values_mut().for_each(|field| field.docs = docs());
        new.methods.values_mut().for_each(|method| method.docs = docs());
        new.errors.values_mut().for_each(|error| error.message = docs());
        for shape in new.types.values_mut() {
            match shape {
                Shape::Struct(fields) => fields.iter_mut().for_each(|field| field.docs = docs()),
                Shape::Enum(variants) => variants.iter_mut().for_each(|variant| variant.docs = docs()),
            }
        }
    });
    assert_eq!((changes, reads), (Vec::new(), true));
}

#[test]
fn fields_may_come_but_not_go_or_turn_into_others() {
    let added = storage("added", Collection::List(TypeRef::Text));
    let change = single(Effect::Harmless, |new| {
        new.storage.insert(ident("added"), added.clone());
    });
    assert_eq!(change, Change::FieldAdded(added.clone()));
    let change = single(Effect::State, |new| {
        new.storage.remove(&ident("owner"));
    });
    assert!(matches!(change, Change::FieldRemoved(field) if field.name == ident("owner")));
    let others = [
        Collection::Value(TypeRef::Digest),
        Collection::Value(TypeRef::Optional(Box::new(TypeRef::Address))),
        Collection::Set(TypeRef::Address),
    ];
    for collection in others {
        let change = single(Effect::State, |new| {
            new.storage.get_mut(&ident("owner")).expect("it is there").collection = collection;
        });
        assert!(matches!(change, Change::FieldChanged { name, .. } if name == ident("owner")));
    }
    let change = single(Effect::State, |new| {
        let key = TypeRef::Tuple(vec![TypeRef::Digest, TypeRef::Unsigned(8)]);
        new.storage.get_mut(&ident("records")).expect("it is there").collection = Collection::Map(key, named("Record"));
    });
    assert!(matches!(change, Change::FieldChanged { name, .. } if name == ident("records")), "another key");
    // A field that is renamed is one that went and one that came.
    let (changes, reads) = after(|new| {
        new.storage.remove(&ident("owner"));
        new.storage.insert(ident("added"), added);
    });
    assert_eq!((changes.len(), reads), (2, false));
}

#[test]
fn a_field_that_is_offered_no_longer_concerns_who_read_it() {
    let offer = |new: &mut Schema| new.storage.get_mut(&ident("owner")).expect("it is there").public = true;
    let change = single(Effect::Harmless, offer);
    assert_eq!(change, Change::FieldOffered { name: ident("owner"), public: true });
    let mut old = schema();
    offer(&mut old);
    assert_eq!(changes(&old, &schema())[0].effect(), Effect::Readers);
}

#[test]
fn a_stored_type_may_gain_variants_and_nothing_else() {
    let status = |shape: Shape| {
        move |new: &mut Schema| {
            new.types.insert("Status".into(), shape);
        }
    };
    let gained = Shape::Enum(vec![variant("Open", 0), variant("Closed", 1), variant("Sealed", 2)]);
    let change = single(Effect::Readers, status(gained));
    let Change::TypeChanged { name, stored_in, .. } = change else { panic!("{change:?}") };
    assert_eq!((name.as_str(), stored_in), ("Status", vec![ident("records")]), "reached through Record");
    let broken = [
        vec![variant("Open", 0)],
        vec![variant("Closed", 0), variant("Open", 1)],
        vec![variant("Open", 0), variant("Closed", 2)],
        vec![variant("Open", 0), variant("Shut", 1)],
    ];
    for variants in broken {
        single(Effect::State, status(Shape::Enum(variants)));
    }
    // The same bytes, but they would be read as something else.
    let swapped = |new: &mut Schema| {
        let Some(Shape::Struct(fields)) = new.types.get_mut("Record") else { panic!("it is a struct") };
        fields.swap(0, 1);
    };
    single(Effect::State, swapped);
    let renamed = |new: &mut Schema| {
        let Some(Shape::Struct(fields)) = new.types.get_mut("Record") else { panic!("it is a struct") };
        fields[0].name = ident("closed");
    };
    single(Effect::State, renamed);
}

#[test]
fn a_type_that_is_not_stored_concerns_callers_only() {
    let change = single(Effect::Readers, |new| {
        new.types.insert("Settings".into(), Shape::Struct(Vec::new()));
    });
    assert!(matches!(change, Change::TypeChanged { stored_in, .. } if stored_in.is_empty()));
}

#[test]
fn methods_events_and_errors_concern_who_uses_them() {
    let open = ident("open");
    single(Effect::Readers, |new| {
        new.methods.remove(&open);
    });
    single(Effect::Readers, |new| {
        new.methods.insert(open.clone(), method("open", MethodKind::Call, vec![field("case", TypeRef::Digest)]));
    });
    single(Effect::Readers, |new| {
        new.methods.get_mut(&open).expect("it is there").access = Access::Only(ident("owner"));
    });
    single(Effect::Harmless, |new| {
        new.methods.remove(&ident("init"));
    });
    single(Effect::Harmless, |new| {
        new.methods.insert(ident("close"), method("close", MethodKind::Call, Vec::new()));
    });
    single(Effect::Readers, |new| {
        new.events.get_mut(&ident("opened")).expect("it is there").keys.clear();
    });
    single(Effect::Readers, |new| {
        new.events.clear();
    });
    single(Effect::Readers, |new| {
        new.errors.get_mut(&1).expect("it is there").name = "Full".into();
    });
    single(Effect::Harmless, |new| {
        new.errors.clear();
    });
}
