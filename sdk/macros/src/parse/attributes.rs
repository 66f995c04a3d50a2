//! Our attributes on the user's items: taken off where they stand, so that the compiler never sees them; and their
//! documentation, which stays.

use chancery_abi::{Ident as SchemaIdent, schema::Docs};
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta, ext::IdentExt};

/// Takes the attributes of these names off `attributes`.
pub(super) fn take(attributes: &mut Vec<Attribute>, names: &[&str]) -> Vec<Attribute> {
    attributes.extract_if(.., |attribute| names.iter().any(|name| attribute.path().is_ident(name))).collect()
}

/// Takes a mark without parentheses off `attributes`: whether it was there.
pub(super) fn take_mark(attributes: &mut Vec<Attribute>, name: &str) -> syn::Result<bool> {
    let marks = take(attributes, &[name]);
    for mark in &marks {
        bare(mark)?;
    }
    match marks.get(1) {
        Some(second) => Err(syn::Error::new_spanned(second, format!("`#[{name}]` is there twice"))),
        None => Ok(!marks.is_empty()),
    }
}

/// Refuses a mark that has something in parentheses.
pub(super) fn bare(mark: &Attribute) -> syn::Result<()> {
    let name = mark.path().get_ident().map(ToString::to_string).unwrap_or_default();
    let message = format!("`#[{name}]` takes nothing in parentheses: write `#[{name}]` alone");
    mark.meta.require_path_only().map(|_| ()).map_err(|_| syn::Error::new_spanned(mark, message))
}

/// Refuses attributes that would make a type's bytes other than the schema says.
pub(super) fn no_codec(attributes: &[Attribute]) -> syn::Result<()> {
    match attributes.iter().find(|attribute| attribute.path().is_ident("codec")) {
        None => Ok(()),
        Some(found) => Err(syn::Error::new_spanned(
            found,
            "remove this: the bytes of a type are what its fields say, as the schema tells everyone",
        )),
    }
}

/// The documentation in both languages. A line that begins with `zh:` is Chinese, every other is English. Lines of a
/// paragraph are joined; an empty line ends one.
pub(super) fn docs(attributes: &[Attribute]) -> Docs {
    let mut docs = Docs::default();
    let mut ended = false;
    for line in
        attributes.iter().filter_map(doc_text).flat_map(|text| text.lines().map(String::from).collect::<Vec<_>>())
    {
        let line = line.trim();
        if line.is_empty() {
            ended = !docs.en.is_empty();
        } else if let Some(line) = line.strip_prefix("zh:") {
            docs.zh.push_str(if docs.zh.is_empty() { "" } else { "\n" });
            docs.zh.push_str(line.trim());
        } else {
            docs.en.push_str(if docs.en.is_empty() {
                ""
            } else if ended {
                "\n"
            } else {
                " "
            });
            docs.en.push_str(line);
            ended = false;
        }
    }
    docs
}

fn doc_text(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// The name that an identifier has in the schema.
pub(super) fn schema_ident(ident: &Ident) -> syn::Result<SchemaIdent> {
    SchemaIdent::new(ident.unraw().to_string()).map_err(|_| {
        let limit = SchemaIdent::BYTES_MAX;
        let message = format!("`{ident}` becomes part of the contract's interface: name it with 1 to {limit} of a-z, 0-9 and _, a letter first");
        syn::Error::new_spanned(ident, message)
    })
}

/// The name that an event's type has in the schema: `CaseFiled` is `case_filed`.
pub(super) fn snake_case_ident(ident: &Ident) -> syn::Result<SchemaIdent> {
    let mut name = String::new();
    for character in ident.unraw().to_string().chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    SchemaIdent::new(name).map_err(|_| {
        syn::Error::new_spanned(
            ident,
            format!("name an event in CamelCase of A-Z, a-z and 0-9, such as `CaseFiled`; `{ident}` is not"),
        )
    })
}

/// Refuses generic items: their instances would all be explained by one entry.
pub(super) fn no_generics(generics: &syn::Generics, what: &str) -> syn::Result<()> {
    if generics.params.is_empty() && generics.where_clause.is_none() {
        return Ok(());
    }
    Err(syn::Error::new_spanned(
        &generics.params,
        format!("{what} has no generic parameters or lifetimes: write out the types"),
    ))
}
