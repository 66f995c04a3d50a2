//! Types as they are written, and what the schema makes of them.
//!
//! The mapping goes by the last segment of a path, since a macro knows no more; every type that is not of the SDK's own
//! list is taken for one of the contract's and handed to the compiler to check that it carries `#[data]`.

use chancery_abi::schema::{Field, TypeRef};
use syn::{Expr, ExprLit, Fields, GenericArgument, Lit, PathArguments, PathSegment, Type, spanned::Spanned};

use super::{Errors, attributes};
use crate::model::NamedType;

/// The storage collections, which are no types of values.
pub(super) const COLLECTIONS: &[&str] = &["Value", "Map", "Set", "List", "Index"];

/// The schema's type for `ty`; types of the contract go to `named`.
pub(super) fn type_ref(ty: &Type, named: &mut Vec<NamedType>) -> syn::Result<TypeRef> {
    match ty {
        Type::Paren(inner) => type_ref(&inner.elem, named),
        Type::Group(inner) => type_ref(&inner.elem, named),
        Type::Tuple(tuple) if tuple.elems.is_empty() => Ok(TypeRef::Unit),
        Type::Tuple(tuple) => {
            let parts = tuple.elems.iter().map(|part| type_ref(part, named)).collect::<syn::Result<_>>()?;
            Ok(TypeRef::Tuple(parts))
        }
        Type::Array(array) if is_byte(&array.elem) => match &array.len {
            Expr::Lit(ExprLit { lit: Lit::Int(length), .. }) => Ok(TypeRef::FixedBytes(length.base10_parse()?)),
            length => refuse(length, "write the length as a number: the schema states it"),
        },
        Type::Array(_) => refuse(ty, "an array holds bytes, `[u8; 32]`; use `Vec` for a list of anything else"),
        Type::Reference(_) => refuse(ty, "the type is owned: `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`"),
        Type::Path(path) if path.qself.is_none() => match path.path.segments.last() {
            Some(segment) => path_type(ty, segment, named),
            None => refuse(ty, "a type is expected here"),
        },
        _ => refuse(
            ty,
            "this type cannot stand in a contract's interface: use numbers, bool, String, Vec, Option, [u8; N], tuples, Address, Digest or a type with #[data]",
        ),
    }
}

fn path_type(ty: &Type, segment: &PathSegment, named: &mut Vec<NamedType>) -> syn::Result<TypeRef> {
    let name = segment.ident.to_string();
    let inner = |named: &mut Vec<NamedType>| match generics(segment)?.as_slice() {
        [inner] => Ok((is_byte(inner), type_ref(inner, named)?)),
        _ => refuse(ty, &format!("`{name}` has one type in angle brackets")),
    };
    let plain = match name.as_str() {
        "Vec" => {
            return inner(named).map(|(bytes, ty)| if bytes { TypeRef::Bytes } else { TypeRef::List(Box::new(ty)) });
        }
        "Option" => return inner(named).map(|(_, ty)| TypeRef::Optional(Box::new(ty))),
        "bool" => TypeRef::Bool,
        "u8" => TypeRef::Unsigned(8),
        "u16" => TypeRef::Unsigned(16),
        "u32" => TypeRef::Unsigned(32),
        "u64" => TypeRef::Unsigned(64),
        "u128" => TypeRef::Unsigned(128),
        "i8" => TypeRef::Signed(8),
        "i16" => TypeRef::Signed(16),
        "i32" => TypeRef::Signed(32),
        "i64" => TypeRef::Signed(64),
        "i128" => TypeRef::Signed(128),
        "String" => TypeRef::Text,
        "Address" => TypeRef::Address,
        "Digest" => TypeRef::Digest,
        "f32" | "f64" => {
            return refuse(ty, "a contract has no floating point: count in the smallest unit, as an integer");
        }
        "usize" | "isize" => return refuse(ty, "its width differs between machines: write u64 or i64"),
        "char" | "str" => return refuse(ty, "write `String`"),
        "Result" => return refuse(ty, "`Result` stands only as the whole type a method returns"),
        "HashMap" | "BTreeMap" | "HashSet" | "BTreeSet" => {
            return refuse(ty, "take a `Vec` of entries here, and keep them in a storage field `Map` or `Set`");
        }
        "Self" => return refuse(ty, "write out the type's name"),
        "Box" | "Rc" | "Arc" | "Cow" => return refuse(ty, "write the type itself: its bytes are the same"),
        name if COLLECTIONS.contains(&name) && !segment.arguments.is_none() => {
            let message = format!(
                "`{name}` is a field of the contract and no value: take, return or store a `Vec` of entries, or make the keys tuples, `Map<(A, B), V>`"
            );
            return refuse(ty, &message);
        }
        _ => {
            named.push(NamedType { ty: ty.clone(), name: name.clone() });
            TypeRef::Named(name)
        }
    };
    match segment.arguments {
        PathArguments::None => Ok(plain),
        _ => refuse(ty, "a type of the contract has no generic parameters: write out a type of its own with #[data]"),
    }
}

/// The types in a path segment's angle brackets.
pub(super) fn generics(segment: &PathSegment) -> syn::Result<Vec<Type>> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Ok(Vec::new()) };
    let types = arguments.args.iter().map(|argument| match argument {
        GenericArgument::Type(ty) => Ok(ty.clone()),
        other => refuse(other, "a type is expected here"),
    });
    types.collect()
}

/// The schema's fields for those of a struct or variant.
pub(super) fn fields(fields: &Fields, named: &mut Vec<NamedType>) -> syn::Result<Vec<Field>> {
    let mut errors = Errors::default();
    let mut found = Vec::new();
    for (place, field) in fields.iter().enumerate() {
        let name = match &field.ident {
            Some(ident) => attributes::schema_ident(ident),
            // Unnamed fields get names: the schema has no unnamed ones.
            None => {
                let name = if fields.len() == 1 { String::from("value") } else { format!("value{place}") };
                attributes::schema_ident(&syn::Ident::new(&name, field.span()))
            }
        };
        errors.keep(attributes::no_codec(&field.attrs));
        let (name, ty) = (errors.keep(name), errors.keep(type_ref(&field.ty, named)));
        if let (Some(name), Some(ty)) = (name, ty) {
            found.push(Field { name, ty, docs: attributes::docs(&field.attrs) });
        }
    }
    errors.finish(found)
}

fn is_byte(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("u8"))
}

fn refuse<T>(tokens: impl quote::ToTokens, message: &str) -> syn::Result<T> {
    Err(syn::Error::new_spanned(tokens, message))
}
