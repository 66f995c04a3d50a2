//! What differs between two schemas of one contract, and what of it matters to whom.
//!
//! The runtime refuses an upgrade by the same rule that the command line shows before: [`reads_state_of`]. Stored
//! entries are read by name and by type, so a field that is gone, kept otherwise, or made of a type that changed cannot
//! be read by the new code. One change of a stored type is harmless: an enum to which variants were added.
//!
//! Invariants: documentation is no difference; a type is compared once, by its name, so the work is linear in the two
//! schemas. What is deliberately absent: guessing that a field or type was renamed. That is what a migration is for.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use super::{
    Collection, ErrorType, EventType, Field, Method, MethodKind, Schema, Shape, StorageField, TypeRef, Variant,
};
use crate::Ident;

/// Whom a difference concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nobody who was there before.
    Harmless,
    /// Who calls the contract, or reads its events, errors or proofs.
    Readers,
    /// The new code cannot read what the old code stored.
    State,
}

/// One difference, the older first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A storage field is new.
    FieldAdded(StorageField),
    /// A storage field is gone; its entries would stay, unread.
    FieldRemoved(StorageField),
    /// A storage field keeps its entries in another way, or under or of other types.
    FieldChanged {
        /// Its name.
        name: Ident,
        /// How it kept them.
        old: Collection,
        /// How it keeps them.
        new: Collection,
    },
    /// A storage field is offered to everyone, or is no longer.
    FieldOffered {
        /// Its name.
        name: Ident,
        /// Whether it is now.
        public: bool,
    },
    /// A type changed.
    TypeChanged {
        /// Its name.
        name: String,
        /// How it was made.
        old: Shape,
        /// How it is made.
        new: Shape,
        /// The storage fields whose entries are made of it.
        stored_in: Vec<Ident>,
    },
    /// A method is new.
    MethodAdded(Method),
    /// A method is gone.
    MethodRemoved(Method),
    /// A method takes, returns or asks for something else.
    MethodChanged {
        /// As it was.
        old: Method,
        /// As it is.
        new: Method,
    },
    /// An event is new.
    EventAdded(EventType),
    /// An event is gone.
    EventRemoved(EventType),
    /// An event has other fields or keys.
    EventChanged {
        /// As it was.
        old: EventType,
        /// As it is.
        new: EventType,
    },
    /// An error is new.
    ErrorAdded(ErrorType),
    /// An error is gone.
    ErrorRemoved(ErrorType),
    /// An error's number means something else.
    ErrorChanged {
        /// What it meant.
        old: ErrorType,
        /// What it means.
        new: ErrorType,
    },
}

impl Change {
    /// Whom it concerns.
    pub fn effect(&self) -> Effect {
        let called = |kind: MethodKind| match kind {
            MethodKind::Call | MethodKind::Query => Effect::Readers,
            MethodKind::Init | MethodKind::Migrate | MethodKind::Message | MethodKind::Bounce => Effect::Harmless,
        };
        match self {
            Self::FieldRemoved(_) | Self::FieldChanged { .. } => Effect::State,
            Self::TypeChanged { old, new, stored_in, .. } => match stored_in.is_empty() || extends(new, old) {
                true => Effect::Readers,
                false => Effect::State,
            },
            Self::FieldOffered { public, .. } if !public => Effect::Readers,
            Self::MethodRemoved(method) => called(method.kind),
            Self::MethodChanged { old, new } => called(old.kind).max(called(new.kind)),
            Self::EventRemoved(_) | Self::EventChanged { .. } | Self::ErrorChanged { .. } => Effect::Readers,
            Self::FieldAdded(_)
            | Self::FieldOffered { .. }
            | Self::MethodAdded(_)
            | Self::EventAdded(_)
            | Self::ErrorAdded(_)
            | Self::ErrorRemoved(_) => Effect::Harmless,
        }
    }
}

/// Whether code with schema `new` reads what code with schema `old` stored.
pub fn reads_state_of(new: &Schema, old: &Schema) -> bool {
    let mut changes = Vec::new();
    compare_storage(old, new, &mut changes);
    compare_types(old, new, &mut changes);
    changes.iter().all(|change| change.effect() < Effect::State)
}

/// All that differs between `old` and `new`: storage first, then types, methods, events and errors, each by name.
pub fn changes(old: &Schema, new: &Schema) -> Vec<Change> {
    let mut changes = Vec::new();
    compare_storage(old, new, &mut changes);
    compare_types(old, new, &mut changes);
    compare(&old.methods, &new.methods, &mut changes, Change::MethodAdded, Change::MethodRemoved, |old, new| {
        (!same_method(old, new)).then(|| Change::MethodChanged { old: old.clone(), new: new.clone() })
    });
    compare(&old.events, &new.events, &mut changes, Change::EventAdded, Change::EventRemoved, |old, new| {
        let same = same_fields(&old.fields, &new.fields) && old.keys == new.keys;
        (!same).then(|| Change::EventChanged { old: old.clone(), new: new.clone() })
    });
    compare(&old.errors, &new.errors, &mut changes, Change::ErrorAdded, Change::ErrorRemoved, |old, new| {
        let same = old.name == new.name && same_fields(&old.fields, &new.fields);
        (!same).then(|| Change::ErrorChanged { old: old.clone(), new: new.clone() })
    });
    changes
}

fn compare_storage(old: &Schema, new: &Schema, changes: &mut Vec<Change>) {
    compare(&old.storage, &new.storage, changes, Change::FieldAdded, Change::FieldRemoved, |old, new| {
        if old.collection != new.collection {
            let (old, new, name) = (old.collection.clone(), new.collection.clone(), old.name.clone());
            return Some(Change::FieldChanged { name, old, new });
        }
        (old.public != new.public).then(|| Change::FieldOffered { name: old.name.clone(), public: new.public })
    });
}

fn compare_types(old: &Schema, new: &Schema, changes: &mut Vec<Change>) {
    let mut stored: BTreeMap<&str, Vec<Ident>> = BTreeMap::new();
    for field in old.storage.values() {
        let mut reached = BTreeSet::new();
        match &field.collection {
            Collection::Value(ty) | Collection::Set(ty) | Collection::List(ty) => reach(old, ty, &mut reached),
            Collection::Map(key, value) | Collection::Index(key, value) => {
                reach(old, key, &mut reached);
                reach(old, value, &mut reached);
            }
        }
        for name in reached {
            stored.entry(name).or_default().push(field.name.clone());
        }
    }
    for (name, shape) in &old.types {
        if let Some(other) = new.types.get(name).filter(|other| !same_shape(shape, other)) {
            let stored_in = stored.get(name.as_str()).cloned().unwrap_or_default();
            let (name, old, new) = (name.clone(), shape.clone(), other.clone());
            changes.push(Change::TypeChanged { name, old, new, stored_in });
        }
    }
}

/// Adds every type of the contract that a `ty` is made of. A checked schema's types have an end.
fn reach<'a>(schema: &'a Schema, ty: &'a TypeRef, reached: &mut BTreeSet<&'a str>) {
    match ty {
        TypeRef::Optional(inner) | TypeRef::List(inner) => reach(schema, inner, reached),
        TypeRef::Tuple(parts) => parts.iter().for_each(|part| reach(schema, part, reached)),
        TypeRef::Named(name) => {
            let is_new = reached.insert(name);
            match schema.types.get(name).filter(|_| is_new) {
                Some(Shape::Struct(fields)) => fields.iter().for_each(|field| reach(schema, &field.ty, reached)),
                Some(Shape::Enum(variants)) => {
                    let fields = variants.iter().flat_map(|variant| &variant.fields);
                    fields.for_each(|field| reach(schema, &field.ty, reached));
                }
                None => {}
            }
        }
        _ => {}
    }
}

/// Compares two maps by their keys.
fn compare<K: Ord, V: Clone>(
    old: &BTreeMap<K, V>,
    new: &BTreeMap<K, V>,
    changes: &mut Vec<Change>,
    added: impl Fn(V) -> Change,
    removed: impl Fn(V) -> Change,
    changed: impl Fn(&V, &V) -> Option<Change>,
) {
    for (key, value) in old {
        changes.extend(match new.get(key) {
            Some(other) => changed(value, other),
            None => Some(removed(value.clone())),
        });
    }
    changes.extend(new.iter().filter(|(key, _)| !old.contains_key(key)).map(|(_, value)| added(value.clone())));
}

fn same_method(old: &Method, new: &Method) -> bool {
    let is_same = |old: &Method, new: &Method| {
        old.kind == new.kind && old.access == new.access && old.returns == new.returns && old.reentrant == new.reentrant
    };
    is_same(old, new) && same_fields(&old.arguments, &new.arguments)
}

fn same_fields(old: &[Field], new: &[Field]) -> bool {
    old.len() == new.len() && old.iter().zip(new).all(|(old, new)| old.name == new.name && old.ty == new.ty)
}

fn same_variant(old: &Variant, new: &Variant) -> bool {
    old.name == new.name && old.index == new.index && same_fields(&old.fields, &new.fields)
}

fn same_shape(old: &Shape, new: &Shape) -> bool {
    match (old, new) {
        (Shape::Struct(old), Shape::Struct(new)) => same_fields(old, new),
        (Shape::Enum(old), Shape::Enum(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same_variant(old, new))
        }
        _ => false,
    }
}

/// Whether every value of an `old` is the same value of a `new`.
fn extends(new: &Shape, old: &Shape) -> bool {
    match (old, new) {
        (Shape::Enum(old), Shape::Enum(new)) => {
            old.iter().all(|variant| new.iter().any(|other| same_variant(variant, other)))
        }
        _ => same_shape(old, new),
    }
}
