//! `#[error]`: an enum of the reasons a contract refuses with.

use chancery_abi::schema::{Docs, ErrorType, Field};
use syn::{Attribute, Item, LitInt, LitStr, Member, Variant, ext::IdentExt, spanned::Spanned};

use super::{Errors as Kept, attributes, types};
use crate::model::{ErrorVariant, Errors, NamedType};

/// Numbers from here on are the SDK's own.
pub(crate) const RESERVED_CODES: u32 = 0xFFFF_0000;

pub(crate) fn error(item: Item) -> syn::Result<Errors> {
    let Item::Enum(mut item) = item else {
        return Err(syn::Error::new_spanned(item, "put #[error] on an enum, with a variant for each reason to refuse"));
    };
    attributes::no_generics(&item.generics, "an error")?;
    let mut errors = Kept::default();
    let mut named = Vec::new();
    let mut variants: Vec<ErrorVariant> = Vec::new();
    for variant in &mut item.variants {
        let span = variant.ident.clone();
        if let Some(found) = errors.keep(self::variant(variant, &mut named)) {
            if let Some(earlier) = variants.iter().find(|earlier| earlier.entry.code == found.entry.code) {
                let message = format!(
                    "`{}` has the number {} already: a number means one thing for ever",
                    earlier.ident, found.entry.code
                );
                errors.push(syn::Error::new_spanned(span, message));
            }
            variants.push(found);
        }
    }
    errors.finish(Errors { item, variants, named })
}

fn variant(variant: &mut Variant, named: &mut Vec<NamedType>) -> syn::Result<ErrorVariant> {
    let ident = variant.ident.clone();
    let codes = attributes::take(&mut variant.attrs, &["code"]);
    let messages = attributes::take(&mut variant.attrs, &["message"]);
    let mut errors = Kept::default();
    let code = errors.keep(single(&ident, &codes, "#[code(1)]").and_then(code));
    let sentence = errors.keep(single(&ident, &messages, "#[message(en = \"...\", zh = \"...\")]").and_then(message));
    let fields = errors.keep(types::fields(&variant.fields, named));
    if let (Some(sentence), Some(fields)) = (&sentence, &fields) {
        for text in [&sentence.0, &sentence.1] {
            errors.keep(check_placeholders(text, fields));
        }
    }
    let (Some(code), Some((en, zh)), Some(fields)) = (code, sentence, fields) else {
        return errors.finish(()).and_then(|()| Err(syn::Error::new_spanned(&ident, "this error cannot be read")));
    };
    let message = Docs { en: en.value(), zh: zh.value() };
    let entry = ErrorType { code, name: ident.unraw().to_string(), fields, message };
    errors.finish(ErrorVariant { ident, fields: members(variant), entry })
}

fn single<'a>(ident: &syn::Ident, found: &'a [Attribute], form: &str) -> syn::Result<&'a Attribute> {
    match found {
        [one] => Ok(one),
        [] => Err(syn::Error::new_spanned(ident, format!("`{ident}` lacks its {form}"))),
        [_, second, ..] => Err(syn::Error::new_spanned(second, format!("{form} is there twice"))),
    }
}

fn code(attribute: &Attribute) -> syn::Result<u32> {
    let number: LitInt =
        attribute.parse_args().map_err(|_| syn::Error::new_spanned(attribute, "write a number: #[code(1)]"))?;
    match number.base10_parse::<u32>() {
        Ok(code) if (1..RESERVED_CODES).contains(&code) => Ok(code),
        _ => Err(syn::Error::new_spanned(
            number,
            format!("an error's number is 1 to {}; those above are the SDK's own", RESERVED_CODES - 1),
        )),
    }
}

fn message(attribute: &Attribute) -> syn::Result<(LitStr, LitStr)> {
    const FORM: &str = "write the sentence in both languages: #[message(en = \"...\", zh = \"...\")]";
    let (mut en, mut zh, mut refused) = (None, None, None);
    let parsed = attribute.parse_nested_meta(|part| {
        let place = if part.path.is_ident("en") {
            &mut en
        } else if part.path.is_ident("zh") {
            &mut zh
        } else {
            refused = Some(part.error("the languages are `en` and `zh`"));
            return Err(part.error(FORM));
        };
        let text: LitStr = part.value()?.parse()?;
        if text.value().trim().is_empty() {
            refused = Some(syn::Error::new_spanned(&text, "write the sentence that people read"));
            return Err(part.error(FORM));
        }
        *place = Some(text);
        Ok(())
    });
    match (refused, parsed, en, zh) {
        (Some(error), ..) => Err(error),
        (None, Ok(()), Some(en), Some(zh)) => Ok((en, zh)),
        _ => Err(syn::Error::new_spanned(attribute, FORM)),
    }
}

/// Refuses a placeholder that is no field's name: it would reach people as it stands.
fn check_placeholders(text: &LitStr, fields: &[Field]) -> syn::Result<()> {
    let sentence = text.value();
    for part in sentence.split('{').skip(1) {
        let name = part.split_once('}').map(|(name, _)| name);
        if !name.is_some_and(|name| fields.iter().any(|field| field.name.as_str() == name)) {
            let found = name.map_or_else(|| format!("{{{part}"), |name| format!("{{{name}}}"));
            let known: Vec<_> = fields.iter().map(|field| format!("`{{{}}}`", field.name)).collect();
            let known = if known.is_empty() { "none".into() } else { known.join(", ") };
            let message = format!("`{found}` stands for no field of this error; what it has: {known}");
            return Err(syn::Error::new(text.span(), message));
        }
    }
    Ok(())
}

fn members(variant: &Variant) -> Vec<Member> {
    let place = |place: usize| Member::Unnamed(syn::Index { index: place as u32, span: variant.span() });
    variant
        .fields
        .iter()
        .enumerate()
        .map(|(at, field)| field.ident.clone().map_or_else(|| place(at), Member::Named))
        .collect()
}
