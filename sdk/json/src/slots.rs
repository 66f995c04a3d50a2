//! The slot key of a storage field's entry, from the key's JSON: the same bytes as the SDK makes, by the rules of
//! [`chancery_abi::slot`]. Only types that can be a key there can be one here.

use chancery_abi::{
    limits::SLOT_KEY_BYTES_MAX,
    schema::{Collection, Schema, StorageField, TypeRef},
    slot::{self, SlotKey},
};
use parity_scale_codec::{Decode, Encode as _};
use serde_json::Value;

use super::{Names, ValueError, encode};

/// Why no slot key can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    /// A key is given to a field that has one value.
    #[error("field `{field}` holds one value; it takes no key")]
    NoKeyWanted {
        /// The field.
        field: String,
    },
    /// The field has no entries to list.
    #[error("field `{field}` holds one value; it has no entries")]
    NoEntries {
        /// The field.
        field: String,
    },
    /// The field needs a key.
    #[error("field `{field}` is {kind}; its key ({ty}) is missing")]
    KeyMissing {
        /// The field.
        field: String,
        /// What the field is.
        kind: &'static str,
        /// The key's type.
        ty: String,
    },
    /// The key does not fit.
    #[error("the key of field `{field}`: {error}")]
    Key {
        /// The field.
        field: String,
        /// Where and why.
        error: ValueError,
    },
    /// The key is longer than a slot key may be.
    #[error("the key of field `{field}` makes a slot key of {found} bytes, of which at most {limit} are allowed")]
    TooLong {
        /// The field.
        field: String,
        /// The slot key's bytes.
        found: usize,
        /// The most allowed.
        limit: usize,
    },
}

/// What stands in a slot of `field`: its type, with a key and without. `None` where nothing does, or where a slot only
/// marks that its key is there.
pub fn entry_type(field: &StorageField, with_key: bool) -> Option<TypeRef> {
    match (&field.collection, with_key) {
        (Collection::Value(ty), _) | (Collection::Map(_, ty), true) | (Collection::List(ty), true) => Some(ty.clone()),
        // A list's own slot holds its length.
        (Collection::List(_), false) => Some(TypeRef::Unsigned(64)),
        (Collection::Map(..) | Collection::Set(_) | Collection::Index(..), _) => None,
    }
}

/// The slot key of `field`'s entry under `key`; without a key, the field's own.
///
/// # Errors
/// When the field takes no key, needs one, or another.
pub fn slot_key(
    schema: &Schema,
    field: &StorageField,
    key: Option<&Value>,
    names: &dyn Names,
) -> Result<Vec<u8>, SlotError> {
    let name = field.name.to_string();
    let (kind, ty) = match &field.collection {
        Collection::Value(_) if key.is_some() => return Err(SlotError::NoKeyWanted { field: name }),
        Collection::Value(_) => ("one value", None),
        Collection::Map(key, _) => ("a map", Some(key.clone())),
        Collection::Set(key) => ("a set", Some(key.clone())),
        Collection::List(_) => ("a list", Some(TypeRef::Unsigned(64))),
        Collection::Index(secondary, primary) => {
            ("an index", Some(TypeRef::Tuple(vec![secondary.clone(), primary.clone()])))
        }
    };
    let mut slot = Vec::new();
    slot::push_field(&mut slot, field.name.as_str());
    match (ty, key) {
        (None, _) => {}
        (Some(ty), Some(key)) => {
            let encoded = encode(schema, &ty, key, names);
            let pushed = encoded.and_then(|bytes| push(&mut slot, &ty, &mut &bytes[..]));
            pushed.map_err(|error| SlotError::Key { field: name.clone(), error })?;
        }
        // A list's own slot holds its length.
        (Some(_), None) if matches!(field.collection, Collection::List(_)) => {}
        (Some(ty), None) => {
            return Err(SlotError::KeyMissing { field: name, kind, ty: super::type_name(&ty) });
        }
    }
    if slot.len() > SLOT_KEY_BYTES_MAX {
        return Err(SlotError::TooLong { field: name, found: slot.len(), limit: SLOT_KEY_BYTES_MAX });
    }
    Ok(slot)
}

/// What the slot keys of `field`'s entries begin with whose keys begin with `parts`: the first parts of a tuple, or the
/// whole of another key. Without parts, what those of all its entries do.
///
/// # Errors
/// When the field has no entries, or their keys no such parts.
pub fn slot_prefix(
    schema: &Schema,
    field: &StorageField,
    parts: &[Value],
    names: &dyn Names,
) -> Result<Vec<u8>, SlotError> {
    let types = match &field.collection {
        Collection::Value(_) => return Err(SlotError::NoEntries { field: field.name.to_string() }),
        Collection::Map(TypeRef::Tuple(types), _) | Collection::Set(TypeRef::Tuple(types)) => types.clone(),
        Collection::Map(key, _) | Collection::Set(key) => vec![key.clone()],
        Collection::List(_) => vec![TypeRef::Unsigned(64)],
        Collection::Index(secondary, primary) => vec![secondary.clone(), primary.clone()],
    };
    let wrong = |error| SlotError::Key { field: field.name.to_string(), error };
    if parts.len() > types.len() {
        let problem = format!("{} parts are given, of which the key has {}", parts.len(), types.len());
        return Err(wrong(ValueError::here(problem)));
    }
    let mut slot = Vec::new();
    slot::push_field(&mut slot, field.name.as_str());
    for (index, (ty, part)) in types.iter().zip(parts).enumerate() {
        let encoded = encode(schema, ty, part, names);
        let pushed = encoded.and_then(|bytes| push(&mut slot, ty, &mut &bytes[..]));
        pushed.map_err(|error| wrong(error.at_index(index)))?;
    }
    Ok(slot)
}

/// The field that a slot key belongs to, and the JSON of the entry's key; `None` for a key that no field of the schema
/// makes. The field's own slot has no entry key.
pub fn read_slot<'a>(schema: &'a Schema, slot: &[u8]) -> Option<(&'a StorageField, Option<Value>)> {
    let (length, rest) = slot.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let field = schema.storage.values().find(|field| field.name.as_str().as_bytes() == name)?;
    let ty = match &field.collection {
        Collection::Value(_) if rest.is_empty() => return Some((field, None)),
        Collection::List(_) if rest.is_empty() => return Some((field, None)),
        Collection::Value(_) => return None,
        Collection::Map(key, _) | Collection::Set(key) => key.clone(),
        Collection::List(_) => TypeRef::Unsigned(64),
        Collection::Index(secondary, primary) => TypeRef::Tuple(vec![secondary.clone(), primary.clone()]),
    };
    let (mut rest, mut scale) = (rest, Vec::new());
    unpush(&mut rest, &ty, &mut scale)?;
    let key = super::decode(schema, &ty, &scale).ok()?;
    rest.is_empty().then_some((field, Some(key)))
}

/// Reads a key of type `ty` from the front of `slot` and appends its SCALE.
fn unpush(slot: &mut &[u8], ty: &TypeRef, scale: &mut Vec<u8>) -> Option<()> {
    macro_rules! take {
        ($type:ty) => {
            <$type>::take_from(slot)?.encode_to(scale)
        };
    }
    match ty {
        TypeRef::Unsigned(8) => take!(u8),
        TypeRef::Unsigned(16) => take!(u16),
        TypeRef::Unsigned(32) => take!(u32),
        TypeRef::Unsigned(64) => take!(u64),
        TypeRef::Unsigned(128) => take!(u128),
        TypeRef::Signed(8) => take!(i8),
        TypeRef::Signed(16) => take!(i16),
        TypeRef::Signed(32) => take!(i32),
        TypeRef::Signed(64) => take!(i64),
        TypeRef::Signed(128) => take!(i128),
        TypeRef::Bool => take!(bool),
        TypeRef::Text => take!(String),
        TypeRef::Bytes => take!(Vec<u8>),
        TypeRef::FixedBytes(count) => fixed(scale, slot, *count as usize)?,
        TypeRef::Address | TypeRef::Digest => fixed(scale, slot, 32)?,
        TypeRef::Tuple(parts) => return parts.iter().try_for_each(|part| unpush(slot, part, scale)),
        _ => return None,
    }
    Some(())
}

/// Reads a value of type `ty` from the front of `bytes` and appends it as a key.
fn push(slot: &mut Vec<u8>, ty: &TypeRef, bytes: &mut &[u8]) -> Result<(), ValueError> {
    let done = match ty {
        TypeRef::Unsigned(8) => read::<u8>(slot, bytes),
        TypeRef::Unsigned(16) => read::<u16>(slot, bytes),
        TypeRef::Unsigned(32) => read::<u32>(slot, bytes),
        TypeRef::Unsigned(64) => read::<u64>(slot, bytes),
        TypeRef::Unsigned(128) => read::<u128>(slot, bytes),
        TypeRef::Signed(8) => read::<i8>(slot, bytes),
        TypeRef::Signed(16) => read::<i16>(slot, bytes),
        TypeRef::Signed(32) => read::<i32>(slot, bytes),
        TypeRef::Signed(64) => read::<i64>(slot, bytes),
        TypeRef::Signed(128) => read::<i128>(slot, bytes),
        TypeRef::Bool => read::<bool>(slot, bytes),
        TypeRef::Text => read::<String>(slot, bytes),
        TypeRef::Bytes => read::<Vec<u8>>(slot, bytes),
        TypeRef::FixedBytes(count) => fixed(slot, bytes, *count as usize),
        TypeRef::Address | TypeRef::Digest => fixed(slot, bytes, 32),
        TypeRef::Tuple(parts) => return parts.iter().try_for_each(|part| push(slot, part, bytes)),
        _ => return Err(no_key(ty)),
    };
    done.ok_or_else(|| no_key(ty))
}

fn read<T: Decode + SlotKey>(slot: &mut Vec<u8>, bytes: &mut &[u8]) -> Option<()> {
    T::decode(bytes).ok().map(|key| key.push_to(slot))
}

fn fixed(slot: &mut Vec<u8>, bytes: &mut &[u8], count: usize) -> Option<()> {
    let (head, rest) = bytes.split_at_checked(count)?;
    slot.extend_from_slice(head);
    *bytes = rest;
    Some(())
}

fn no_key(ty: &TypeRef) -> ValueError {
    ValueError::here(format!("{} cannot be the key of an entry", super::type_name(ty)))
}
