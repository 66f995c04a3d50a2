//! `#[data]`: a struct or enum of the contract.

use chancery_abi::schema::{Entry, Shape, Variant};
use syn::{Expr, ExprLit, Item, ItemEnum, Lit, ext::IdentExt};

use super::{Errors, attributes, types};
use crate::model::{Data, NamedType};

const NUMBERS: &str = "a variant's number on the wire is written as a number from 0 to 255";

pub(crate) fn data(item: Item) -> syn::Result<Data> {
    let mut named = Vec::new();
    let (ident, attrs, generics, shape) = match &item {
        Item::Struct(item) => {
            let shape = types::fields(&item.fields, &mut named).map(Shape::Struct);
            (&item.ident, &item.attrs, &item.generics, shape)
        }
        Item::Enum(item) => (&item.ident, &item.attrs, &item.generics, variants(item, &mut named).map(Shape::Enum)),
        other => return Err(syn::Error::new_spanned(other, "put #[data] on a struct or an enum")),
    };
    attributes::no_generics(generics, "a type of the contract")?;
    attributes::no_codec(attrs)?;
    let entry = Entry::Type { name: ident.unraw().to_string(), shape: shape?, docs: attributes::docs(attrs) };
    let ident = ident.clone();
    Ok(Data { item, ident, entry, named })
}

fn variants(item: &ItemEnum, named: &mut Vec<NamedType>) -> syn::Result<Vec<Variant>> {
    let mut errors = Errors::default();
    let mut found: Vec<Variant> = Vec::new();
    for (place, variant) in item.variants.iter().enumerate() {
        let index = match &variant.discriminant {
            None => {
                u8::try_from(place).map_err(|_| syn::Error::new_spanned(variant, "an enum has at most 256 variants"))
            }
            Some((_, Expr::Lit(ExprLit { lit: Lit::Int(number), .. }))) => {
                number.base10_parse::<u8>().map_err(|_| syn::Error::new_spanned(number, NUMBERS))
            }
            Some((_, other)) => Err(syn::Error::new_spanned(other, NUMBERS)),
        };
        errors.keep(attributes::no_codec(&variant.attrs));
        let Some(index) = errors.keep(index) else { continue };
        if found.iter().any(|earlier| earlier.index == index) {
            errors.push(syn::Error::new_spanned(variant, format!("two variants have the number {index} on the wire")));
        }
        if let Some(fields) = errors.keep(types::fields(&variant.fields, named)) {
            let name = variant.ident.unraw().to_string();
            found.push(Variant { name, index, fields, docs: attributes::docs(&variant.attrs) });
        }
    }
    errors.finish(found)
}
