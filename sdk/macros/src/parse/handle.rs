//! `handle!`: another contract's schema, read from a file while the calling contract compiles.
//!
//! The schema is somebody else's: it is checked as every schema is, and a name in it that is no identifier of Rust is
//! refused, so nothing in a file can become other code than types, fields and methods of those names.

use std::path::PathBuf;

use chancery_abi::schema::{Field, MethodKind, SECTION, Schema, Shape, custom_section};
use syn::{
    Attribute, Ident, LitStr, Token, Visibility,
    ext::IdentExt,
    parse::{Parse, ParseStream},
};

use crate::model::{Handle, HandleError, HandleField, HandleMethod, HandleShape, HandleType};

const FORM: &str = "write `handle!(pub mod NAME = \"FILE\")`, where FILE is a contract's .wasm, or its schema as `chancery contract schema WHAT --save FILE` writes it";
/// The handle's own methods; a contract's method of such a name gets an underscore.
const OWN_METHODS: &[&str] = &["at", "address", "with_gas"];

/// What stands between the parentheses.
pub(crate) struct HandleInput {
    attrs: Vec<Attribute>,
    visibility: Visibility,
    ident: Ident,
    path: LitStr,
}

impl Parse for HandleInput {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let form = |_| input.error(FORM);
        input.parse::<Token![mod]>().map_err(form)?;
        let ident = input.call(Ident::parse_any).map_err(form)?;
        input.parse::<Token![=]>().map_err(form)?;
        let path = input.parse().map_err(form)?;
        input.parse::<Option<Token![;]>>()?;
        if input.is_empty() { Ok(Self { attrs, visibility, ident, path }) } else { Err(input.error(FORM)) }
    }
}

/// Reads the schema that `input` names.
pub(crate) fn handle(input: &HandleInput) -> syn::Result<Handle> {
    let refused = |message: String| syn::Error::new(input.path.span(), message);
    // The package that is being compiled; cargo says where it is.
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let path = PathBuf::from(folder).join(input.path.value());
    let bytes = std::fs::read(&path)
        .map_err(|error| refused(format!("{}, from this package's folder on: {error}\n{FORM}", input.path.value())))?;
    model(input, &bytes).map_err(|message| refused(format!("{}: {message}", input.path.value())))
}

/// Reads the schema in `bytes`, a contract's Wasm or its schema's section.
pub(crate) fn model(input: &HandleInput, bytes: &[u8]) -> Result<Handle, String> {
    let section = match bytes.starts_with(b"\0asm") {
        true => custom_section(bytes, SECTION).ok_or("this Wasm has no schema: it is no contract of Chancery")?,
        false => bytes,
    };
    let schema = Schema::from_section(section).map_err(|error| error.to_string())?;
    let methods = schema.methods.values().filter(|method| matches!(method.kind, MethodKind::Call | MethodKind::Query));
    let types = schema.types.iter().map(|(name, shape)| {
        let docs = schema.type_docs.get(name).cloned().unwrap_or_default();
        Ok(HandleType { ident: ident(name)?, docs, shape: self::shape(shape)? })
    });
    let errors = schema.errors.values().filter(|error| error.code < super::error::RESERVED_CODES).map(|error| {
        let (ident, fields) = (ident(&error.name)?, fields(&error.fields)?);
        Ok(HandleError { code: error.code, ident, message: error.message.clone(), fields })
    });
    let methods = methods.map(|method| {
        let name = method.name.as_str();
        let own = if OWN_METHODS.contains(&name) { "_" } else { "" };
        Ok(HandleMethod {
            name: method.name.clone(),
            ident: ident(&format!("{name}{own}"))?,
            docs: method.docs.clone(),
            arguments: fields(&method.arguments)?,
            returns: method.returns.clone(),
        })
    });
    Ok(Handle {
        attrs: input.attrs.clone(),
        visibility: input.visibility.clone(),
        ident: input.ident.clone(),
        path: input.path.value(),
        contract: ident(&schema.name)?,
        docs: schema.docs.clone(),
        types: types.collect::<Result<_, String>>()?,
        errors: errors.collect::<Result<_, String>>()?,
        methods: methods.collect::<Result<_, String>>()?,
    })
}

fn shape(shape: &Shape) -> Result<HandleShape, String> {
    Ok(match shape {
        Shape::Struct(members) => HandleShape::Struct(fields(members)?),
        Shape::Enum(variants) => {
            let variant = |variant: &chancery_abi::schema::Variant| {
                Ok((ident(&variant.name)?, variant.index, variant.docs.clone(), fields(&variant.fields)?))
            };
            HandleShape::Enum(variants.iter().map(variant).collect::<Result<_, String>>()?)
        }
    })
}

fn fields(fields: &[Field]) -> Result<Vec<HandleField>, String> {
    let field = |field: &Field| {
        Ok(HandleField { ident: ident(field.name.as_str())?, ty: field.ty.clone(), docs: field.docs.clone() })
    };
    fields.iter().map(field).collect()
}

/// A name as an identifier, raw where Rust has the word for itself.
fn ident(name: &str) -> Result<Ident, String> {
    let parsed = syn::parse_str::<Ident>(name).or_else(|_| syn::parse_str::<Ident>(&format!("r#{name}")));
    parsed.map_err(|_| format!("`{name}` cannot be a name in Rust"))
}
