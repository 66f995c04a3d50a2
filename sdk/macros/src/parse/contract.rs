//! `#[contract]`: a struct of storage fields.

use chancery_abi::schema::{Collection, StorageField as Entry, TypeRef};
use syn::{Field, Fields, Item, Type};

use super::{Errors, attributes, types};
use crate::model::{Contract, StorageField};

const COLLECTIONS: &str = "a field of a contract is a `Value<T>`, `Map<K, V>`, `Set<K>`, `List<T>` or `Index<S, K>`";

const KEYS: &str = "this cannot be a key: a key is a number, bool, String, Vec<u8>, [u8; N], Address, Digest, or a tuple of two to four of them";

pub(crate) fn contract(item: Item) -> syn::Result<Contract> {
    let Item::Struct(mut item) = item else {
        return Err(syn::Error::new_spanned(item, "put #[contract] on the struct of storage fields"));
    };
    attributes::no_generics(&item.generics, "a contract")?;
    let mut errors = Errors::default();
    let mut fields = Vec::new();
    match &mut item.fields {
        Fields::Named(named) => {
            fields.extend(named.named.iter_mut().filter_map(|field| errors.keep(storage_field(field))));
            for (place, field) in fields.iter().enumerate() {
                if fields[..place].iter().any(|earlier: &StorageField| earlier.entry.name == field.entry.name) {
                    let name = &field.ident;
                    let text =
                        format!("two fields are called `{name}`, so their entries would be the same: rename one");
                    errors.push(syn::Error::new_spanned(name, text));
                }
            }
        }
        Fields::Unnamed(unnamed) => {
            errors.push(syn::Error::new_spanned(unnamed, "name the fields: entries are stored under their names"));
        }
        Fields::Unit => item.fields = Fields::Named(syn::parse_quote!({})),
    }
    item.semi_token = None;
    let docs = attributes::docs(&item.attrs);
    errors.finish(Contract { item, docs, fields })
}

fn storage_field(field: &mut Field) -> syn::Result<StorageField> {
    let public = attributes::take_mark(&mut field.attrs, "public")?;
    let ident = field.ident.clone().ok_or_else(|| syn::Error::new_spanned(&*field, "name the field"))?;
    let mut named = Vec::new();
    let entry = Entry {
        name: attributes::schema_ident(&ident)?,
        collection: collection(&field.ty, &mut named)?,
        public,
        docs: attributes::docs(&field.attrs),
    };
    Ok(StorageField { ident, ty: field.ty.clone(), entry, named })
}

fn collection(ty: &Type, named: &mut Vec<crate::model::NamedType>) -> syn::Result<Collection> {
    let refused = |message: &str| syn::Error::new_spanned(ty, message);
    let Type::Path(path) = ty else { return Err(refused(COLLECTIONS)) };
    let segment = path.path.segments.last().ok_or_else(|| refused(COLLECTIONS))?;
    let parameters = types::generics(segment)?;
    let name = segment.ident.to_string();
    if !types::COLLECTIONS.contains(&name.as_str()) {
        return Err(refused(&match types::type_ref(ty, &mut Vec::new()) {
            Ok(_) => format!("write `Value<{}>`: {COLLECTIONS}", quote::quote!(#ty).to_string().replace(' ', "")),
            Err(_) => COLLECTIONS.into(),
        }));
    }
    let mut types =
        parameters.iter().map(|ty| types::type_ref(ty, named)).collect::<syn::Result<Vec<_>>>()?.into_iter();
    let found = match (name.as_str(), types.next(), types.next(), types.next()) {
        ("Value", Some(value), None, None) => Collection::Value(value),
        ("Map", Some(key), Some(value), None) => Collection::Map(key, value),
        ("Set", Some(key), None, None) => Collection::Set(key),
        ("List", Some(value), None, None) => Collection::List(value),
        ("Index", Some(secondary), Some(key), None) => Collection::Index(secondary, key),
        _ => return Err(refused(COLLECTIONS)),
    };
    let keys = match &found {
        Collection::Map(key, _) | Collection::Set(key) => vec![key],
        Collection::Index(secondary, key) => vec![secondary, key],
        Collection::Value(_) | Collection::List(_) => Vec::new(),
    };
    match keys.iter().zip(&parameters).find(|(key, _)| !is_key(key)) {
        Some((_, written)) => Err(syn::Error::new_spanned(written, KEYS)),
        None => Ok(found),
    }
}

/// Whether a type has a form whose byte order is its natural order; `chancery_abi::slot` gives it to these.
fn is_key(ty: &TypeRef) -> bool {
    match ty {
        TypeRef::Tuple(parts) => (2..=4).contains(&parts.len()) && parts.iter().all(is_key),
        TypeRef::Unit | TypeRef::Optional(_) | TypeRef::List(_) | TypeRef::Named(_) => false,
        _ => true,
    }
}
