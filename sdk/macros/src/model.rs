//! What the parser found and the emitter writes: the user's item without our attributes, what its generated code needs
//! to know, and its schema entries, which are already valid by their type.
//!
//! Whatever is in a model has been checked; the emitter cannot fail.

use chancery_abi::schema::{Docs, Entry};
use syn::{Ident, ItemImpl, ItemStruct, Type};

/// A type that the schema refers to by name. The emitter lets the compiler check that it is explained under it.
pub(crate) struct NamedType {
    /// The type as it is written.
    pub ty: Type,
    /// The name in the schema.
    pub name: String,
}

/// `#[contract]`.
pub(crate) struct Contract {
    pub item: ItemStruct,
    pub docs: Docs,
    pub fields: Vec<StorageField>,
}

/// A storage field.
pub(crate) struct StorageField {
    pub ident: Ident,
    pub ty: Type,
    pub entry: chancery_abi::schema::StorageField,
    pub named: Vec<NamedType>,
}

/// `#[methods]`.
pub(crate) struct Methods {
    pub item: ItemImpl,
    pub methods: Vec<Method>,
}

/// A method.
pub(crate) struct Method {
    pub ident: Ident,
    pub rule: Rule,
    pub takes_cx: bool,
    pub arguments: Vec<Type>,
    pub returns: Returns,
    pub entry: chancery_abi::schema::Method,
    pub named: Vec<NamedType>,
}

/// What the contract itself checks of the caller. The runtime sees to `#[init]`, `#[migrate]`,
/// `#[on_message]` and `#[on_bounce]`.
pub(crate) enum Rule {
    Nothing,
    Only(Ident),
    Member(Ident),
    Role(String),
}

/// How a method answers.
pub(crate) enum Returns {
    Nothing,
    Value(Type),
    Fallible(Type),
}

/// `#[data]`.
pub(crate) struct Data {
    pub item: syn::Item,
    pub ident: Ident,
    pub entry: Entry,
    pub named: Vec<NamedType>,
}

/// `#[event]`.
pub(crate) struct Event {
    pub item: ItemStruct,
    pub keys: Vec<Ident>,
    pub entry: chancery_abi::schema::EventType,
    pub named: Vec<NamedType>,
}

/// `#[error]`.
pub(crate) struct Errors {
    pub item: syn::ItemEnum,
    pub variants: Vec<ErrorVariant>,
    pub named: Vec<NamedType>,
}

/// A variant of an `#[error]` enum.
pub(crate) struct ErrorVariant {
    pub ident: Ident,
    pub fields: Vec<syn::Member>,
    pub entry: chancery_abi::schema::ErrorType,
}

/// `handle!`: a module that calls another contract.
pub(crate) struct Handle {
    pub attrs: Vec<syn::Attribute>,
    pub visibility: syn::Visibility,
    /// The module's name.
    pub ident: Ident,
    /// The file, from the package's folder on; cargo is told to look at it.
    pub path: String,
    /// The contract's name.
    pub contract: Ident,
    pub docs: Docs,
    pub types: Vec<HandleType>,
    pub errors: Vec<HandleError>,
    pub methods: Vec<HandleMethod>,
}

/// A field of a type or error of the other contract, or an argument of one of its methods.
pub(crate) struct HandleField {
    pub ident: Ident,
    pub ty: chancery_abi::schema::TypeRef,
    pub docs: Docs,
}

/// A type of the other contract.
pub(crate) struct HandleType {
    pub ident: Ident,
    pub docs: Docs,
    pub shape: HandleShape,
}

/// How a type of the other contract is made.
pub(crate) enum HandleShape {
    Struct(Vec<HandleField>),
    /// Each variant with its number on the wire.
    Enum(Vec<(Ident, u8, Docs, Vec<HandleField>)>),
}

/// An error of the other contract.
pub(crate) struct HandleError {
    pub code: u32,
    pub ident: Ident,
    pub message: Docs,
    pub fields: Vec<HandleField>,
}

/// A method of the other contract.
pub(crate) struct HandleMethod {
    pub name: chancery_abi::Ident,
    pub ident: Ident,
    pub docs: Docs,
    pub arguments: Vec<HandleField>,
    pub returns: chancery_abi::schema::TypeRef,
}
