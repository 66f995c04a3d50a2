//! `#[contract]`: a struct of storage fields.

use chancery_abi::schema::{Collection, StorageField as Entry};
use syn::{Field, Fields, Item, Type};

use super::{Errors, attributes, types};
use crate::model::{Contract, StorageField};

const COLLECTIONS: &str = "a field of a contract is a `Value<T>`, `Map<K, V>`, `Set<K>`, `List<T>` or `Index<S, K>`";

pub(crate) fn contract(item: Item) -> syn::Result<Contract> {
    let Item::Struct(mut item) = item else {
        return Err(syn::Error::new_spanned(item, "put #[contract] on the struct of storage fields"));
    };
    attributes::no_generics(&item.generics, "a contract")?;
    let mut errors = Errors::default();
    let mut fields = Vec::new();
    match &mut item.fields {
        Fields::Named(named) => {
            fields.extend(named.named.iter_mut().filter_map(|field| errors.keep(storage_field(field))))
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
    let refused = || syn::Error::new_spanned(ty, COLLECTIONS);
    let Type::Path(path) = ty else { return Err(refused()) };
    let segment = path.path.segments.last().ok_or_else(refused)?;
    let parameters = types::generics(segment)?;
    let mut types =
        parameters.iter().map(|ty| types::type_ref(ty, named)).collect::<syn::Result<Vec<_>>>()?.into_iter();
    let found = match (segment.ident.to_string().as_str(), types.next(), types.next(), types.next()) {
        ("Value", Some(value), None, None) => Collection::Value(value),
        ("Map", Some(key), Some(value), None) => Collection::Map(key, value),
        ("Set", Some(key), None, None) => Collection::Set(key),
        ("List", Some(value), None, None) => Collection::List(value),
        ("Index", Some(secondary), Some(key), None) => Collection::Index(secondary, key),
        _ => return Err(refused()),
    };
    Ok(found)
}
