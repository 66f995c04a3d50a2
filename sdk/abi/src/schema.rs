//! A contract's schema: what it offers, in the contract's own Wasm.
//!
//! The custom section [`SECTION`] is a list of entries, each the SCALE of one [`Entry`] behind its length (u32,
//! little-endian). The SDK's macros write an entry beside each item they expand, and the linker joins them, so the
//! order says nothing. [`Schema::from_section`] gathers and checks them. Types are referred to by name; a name that no
//! entry explains is an error of the whole schema.

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};
use core::fmt;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use crate::{
    DecodeError, Ident, Name, codec,
    limits::{SCHEMA_BYTES_MAX, TYPE_DEPTH_MAX},
};

pub mod diff;
mod section;
mod types;
pub use section::custom_section;
use types::TypeCheck;

/// The name of the custom section.
pub const SECTION: &str = "chancery.schema";
/// What the name of a method's export begins with.
pub const EXPORT_PREFIX: &str = "call.";
/// The version of the schema's format.
pub const FORMAT: u8 = 1;

/// A text in both languages; either may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Docs {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// A type as it stands in a signature.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum TypeRef {
    /// `()`.
    #[codec(index = 0)]
    Unit,
    /// `bool`.
    #[codec(index = 1)]
    Bool,
    /// An unsigned integer of so many bits: 8, 16, 32, 64 or 128.
    #[codec(index = 2)]
    Unsigned(u8),
    /// A signed integer of so many bits.
    #[codec(index = 3)]
    Signed(u8),
    /// `String`.
    #[codec(index = 4)]
    Text,
    /// `Vec<u8>`.
    #[codec(index = 5)]
    Bytes,
    /// `[u8; n]`.
    #[codec(index = 6)]
    FixedBytes(u32),
    /// `Address`.
    #[codec(index = 7)]
    Address,
    /// `Digest`.
    #[codec(index = 8)]
    Digest,
    /// `Option<T>`.
    #[codec(index = 9)]
    Optional(Box<TypeRef>),
    /// `Vec<T>`.
    #[codec(index = 10)]
    List(Box<TypeRef>),
    /// `(A, B, ...)`.
    #[codec(index = 11)]
    Tuple(Vec<TypeRef>),
    /// A type of the contract, explained by an [`Entry::Type`].
    #[codec(index = 12)]
    Named(String),
}

/// A name with its type and what it means.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Field {
    /// The name.
    pub name: Ident,
    /// The type.
    pub ty: TypeRef,
    /// What it means.
    pub docs: Docs,
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Variant {
    /// The name as it stands in the source.
    pub name: String,
    /// Its number on the wire.
    pub index: u8,
    /// Its fields.
    pub fields: Vec<Field>,
    /// What it means.
    pub docs: Docs,
}

/// How a type of the contract is made.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum Shape {
    /// Its fields one after the other.
    #[codec(index = 0)]
    Struct(Vec<Field>),
    /// One of these.
    #[codec(index = 1)]
    Enum(Vec<Variant>),
}

/// Who may call a method.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum Access {
    /// Anyone who can sign.
    #[codec(index = 0)]
    Anyone,
    /// The address that a field holds.
    #[codec(index = 1)]
    Only(Ident),
    /// The addresses that are in a set or map.
    #[codec(index = 2)]
    Member(Ident),
    /// Whoever deploys the contract, once.
    #[codec(index = 3)]
    Deployer,
    /// Holders of a role in the registry.
    #[codec(index = 4)]
    Role(Ident),
    /// Contracts of other chains, by messages.
    #[codec(index = 5)]
    Messages,
}

/// What a method is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum MethodKind {
    /// Runs once, when the contract is deployed.
    #[codec(index = 0)]
    Init,
    /// Changes the state.
    #[codec(index = 1)]
    Call,
    /// Reads the state.
    #[codec(index = 2)]
    Query,
    /// Runs once, when the code replaces older code.
    #[codec(index = 3)]
    Migrate,
    /// Runs when a message from another chain arrives.
    #[codec(index = 4)]
    Message,
    /// Runs when a message of the contract's own comes back.
    #[codec(index = 5)]
    Bounce,
}

/// A method.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Method {
    /// Its name; its export is [`EXPORT_PREFIX`] and this.
    pub name: Ident,
    /// What it is for.
    pub kind: MethodKind,
    /// Who may call it.
    pub access: Access,
    /// Its arguments in order.
    pub arguments: Vec<Field>,
    /// What it returns.
    pub returns: TypeRef,
    /// Whether it may be entered while the contract is already under execution.
    pub reentrant: bool,
    /// What it does.
    pub docs: Docs,
}

/// How a storage field keeps its entries.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum Collection {
    /// One value.
    #[codec(index = 0)]
    Value(TypeRef),
    /// Values by key.
    #[codec(index = 1)]
    Map(TypeRef, TypeRef),
    /// Keys.
    #[codec(index = 2)]
    Set(TypeRef),
    /// Values by place, a u64; the field's own slot holds their count.
    #[codec(index = 3)]
    List(TypeRef),
    /// Keys by a secondary key.
    #[codec(index = 4)]
    Index(TypeRef, TypeRef),
}

/// A storage field.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct StorageField {
    /// Its name, which its slot keys begin with.
    pub name: Ident,
    /// How it keeps its entries.
    pub collection: Collection,
    /// Whether the API offers it with proofs to everyone.
    pub public: bool,
    /// What it holds.
    pub docs: Docs,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct EventType {
    /// Its name.
    pub name: Ident,
    /// Its fields.
    pub fields: Vec<Field>,
    /// The names of its index fields, in order.
    pub keys: Vec<Ident>,
    /// What it announces.
    pub docs: Docs,
}

/// An error a contract refuses with.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct ErrorType {
    /// Its number, stable for ever.
    pub code: u32,
    /// Its name as it stands in the source.
    pub name: String,
    /// Its fields.
    pub fields: Vec<Field>,
    /// The sentence people read; `{field}` stands for a field's value.
    pub message: Docs,
}

/// One entry of the section.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum Entry {
    /// The contract itself, once.
    #[codec(index = 0)]
    Contract {
        /// [`FORMAT`].
        format: u8,
        /// Its name in the source.
        name: String,
        /// The version of its package.
        version: String,
        /// The version of the SDK.
        sdk: String,
        /// What it is for.
        docs: Docs,
    },
    /// A storage field.
    #[codec(index = 1)]
    Storage(StorageField),
    /// A method.
    #[codec(index = 2)]
    Method(Method),
    /// A type.
    #[codec(index = 3)]
    Type {
        /// Its name.
        name: String,
        /// How it is made.
        shape: Shape,
        /// What it is.
        docs: Docs,
    },
    /// An event.
    #[codec(index = 4)]
    Event(EventType),
    /// An error.
    #[codec(index = 5)]
    Error(ErrorType),
}

/// A contract's whole schema, gathered from its section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The contract's name in the source.
    pub name: String,
    /// The version of its package.
    pub version: String,
    /// The version of the SDK it was written against.
    pub sdk: String,
    /// What it is for.
    pub docs: Docs,
    /// Its storage fields by name.
    pub storage: BTreeMap<Ident, StorageField>,
    /// Its methods by name.
    pub methods: BTreeMap<Ident, Method>,
    /// Its types by name.
    pub types: BTreeMap<String, Shape>,
    /// What its types are, by their names.
    pub type_docs: BTreeMap<String, Docs>,
    /// Its events by name.
    pub events: BTreeMap<Ident, EventType>,
    /// Its errors by number.
    pub errors: BTreeMap<u32, ErrorType>,
}

/// Why a section is not a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaError {
    /// The section is cut off, too large or has an entry that cannot be read.
    Unreadable(DecodeError),
    /// The schema has a format that this release does not know.
    UnknownFormat(u8),
    /// No entry describes the contract itself.
    NoContract,
    /// Two entries have the same name or number.
    Twice {
        /// What kind of entry.
        what: &'static str,
        /// Its name or number.
        name: String,
    },
    /// A type is referred to and not explained.
    UnknownType(String),
    /// A type contains itself, or nests too deeply.
    EndlessType(String),
    /// There is more than one method of a kind that may be there once.
    TooMany(MethodKind),
    /// An access rule names a field that the contract does not have.
    UnknownField(Ident),
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "its schema cannot be read: {error}"),
            Self::UnknownFormat(format) => write!(f, "its schema has format {format}; this release reads {FORMAT}"),
            Self::NoContract => f.write_str("its schema does not describe the contract; build it with `chancery contract build` from a crate with #[contract]"),
            Self::Twice { what, name } => write!(f, "its schema has two {what} `{name}`: give each its own"),
            Self::UnknownType(name) => write!(f, "its schema refers to type `{name}` and does not explain it; put #[data] on it"),
            Self::EndlessType(name) => write!(f, "type `{name}` contains itself or nests more than {TYPE_DEPTH_MAX} deep"),
            Self::TooMany(kind) => {
                let mark = if *kind == MethodKind::Init { "init" } else { "migrate" };
                write!(f, "it has more than one method with #[{mark}]; keep one")
            }
            Self::UnknownField(name) => write!(f, "an access rule names field `{name}`, which the contract does not have"),
        }
    }
}

impl core::error::Error for SchemaError {}

impl Entry {
    /// The entry's bytes as they stand in the section.
    pub fn to_section_bytes(&self) -> Vec<u8> {
        let entry = codec::encode(self);
        let mut bytes = (entry.len() as u32).to_le_bytes().to_vec();
        bytes.extend_from_slice(&entry);
        bytes
    }
}

impl Schema {
    /// The schema that a section's bytes are.
    ///
    /// # Errors
    /// When an entry cannot be read, something is there twice or missing, or a type is not explained.
    pub fn from_section(mut bytes: &[u8]) -> Result<Self, SchemaError> {
        let malformed = || SchemaError::Unreadable(DecodeError::Malformed);
        if bytes.len() > SCHEMA_BYTES_MAX {
            let error = DecodeError::TooLong { found: bytes.len(), limit: SCHEMA_BYTES_MAX };
            return Err(SchemaError::Unreadable(error));
        }
        let mut entries = Vec::new();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(malformed)?;
            let length = u32::from_le_bytes(*length) as usize;
            let (entry, rest) = rest.split_at_checked(length).ok_or_else(malformed)?;
            entries.push(codec::decode(entry, SCHEMA_BYTES_MAX).map_err(SchemaError::Unreadable)?);
            bytes = rest;
        }
        Self::from_entries(entries)
    }

    fn from_entries(entries: Vec<Entry>) -> Result<Self, SchemaError> {
        let mut contract = None;
        let mut schema = Self {
            name: String::new(),
            version: String::new(),
            sdk: String::new(),
            docs: Docs::default(),
            storage: BTreeMap::new(),
            methods: BTreeMap::new(),
            types: BTreeMap::new(),
            type_docs: BTreeMap::new(),
            events: BTreeMap::new(),
            errors: BTreeMap::new(),
        };
        for entry in entries {
            let twice = match entry {
                Entry::Contract { format, .. } if format != FORMAT => return Err(SchemaError::UnknownFormat(format)),
                Entry::Contract { name, version, sdk, docs, .. } => {
                    let label = name.clone();
                    contract.replace((name, version, sdk, docs)).map(|_| ("contracts, the second", label))
                }
                Entry::Storage(field) => insert("storage fields", &mut schema.storage, field.name.clone(), field),
                Entry::Method(method) => insert("methods", &mut schema.methods, method.name.clone(), method),
                Entry::Type { name, shape, docs } => {
                    schema.type_docs.insert(name.clone(), docs);
                    insert("types", &mut schema.types, name, shape)
                }
                Entry::Event(event) => insert("events", &mut schema.events, event.name.clone(), event),
                Entry::Error(error) => insert("errors with the number", &mut schema.errors, error.code, error),
            };
            if let Some((what, name)) = twice {
                return Err(SchemaError::Twice { what, name });
            }
        }
        (schema.name, schema.version, schema.sdk, schema.docs) = contract.ok_or(SchemaError::NoContract)?;
        schema.check()?;
        Ok(schema)
    }

    fn check(&self) -> Result<(), SchemaError> {
        for kind in [MethodKind::Init, MethodKind::Migrate] {
            if self.methods.values().filter(|method| method.kind == kind).count() > 1 {
                return Err(SchemaError::TooMany(kind));
            }
        }
        let mut types = TypeCheck::new(&self.types);
        types.check_explained()?;
        for method in self.methods.values() {
            if let Access::Only(field) | Access::Member(field) = &method.access
                && !self.storage.contains_key(field)
            {
                return Err(SchemaError::UnknownField(field.clone()));
            }
            types.check_fields(&method.arguments)?;
            types.check(&method.returns)?;
        }
        for field in self.storage.values() {
            match &field.collection {
                Collection::Value(ty) | Collection::Set(ty) | Collection::List(ty) => types.check(ty)?,
                Collection::Map(key, value) | Collection::Index(key, value) => {
                    types.check(key)?;
                    types.check(value)?;
                }
            }
        }
        self.events.values().try_for_each(|event| types.check_fields(&event.fields))?;
        self.errors.values().try_for_each(|error| types.check_fields(&error.fields))
    }
}

/// Inserts, and returns `what` was there already with the key's text.
fn insert<K: Ord + fmt::Display + Clone, V>(
    what: &'static str,
    map: &mut BTreeMap<K, V>,
    key: K,
    value: V,
) -> Option<(&'static str, String)> {
    let label = key.clone();
    map.insert(key, value).map(|_| (what, alloc::format!("{label}")))
}

/// A contract's record in the runtime's state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct ContractRecord {
    /// The department.
    pub department: Name,
    /// The contract's name.
    pub name: Name,
    /// SHA-256 of the source Wasm.
    pub code: crate::Digest,
    /// How often the code was replaced.
    pub revision: u32,
    /// The height of the deploy or the last upgrade.
    pub height: u64,
}
