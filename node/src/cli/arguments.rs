//! A contract's arguments as people type them: by name, each read as its type in the contract's own schema asks.
//!
//! Plain text for a text, digits for a number, hexadecimal for bytes, a digest or an address, `key:NAME` and
//! `contract:DEPARTMENT.NAME` for an address, a variant's bare name, JSON for everything else, and `@FILE` for what a
//! file holds (`@@` begins a text with an `@`). Naming a list's argument again adds an entry.

use std::path::Path;

use chancery_abi::{
    Address, Name,
    limits::CALL_DATA_BYTES_MAX,
    schema::{Field, Method, MethodKind, Schema, Shape, TypeRef},
};
use serde_json::{Map, Value};

use super::{
    failure::{Failure, Result, at},
    output::{Language, table},
    words::RawArgument,
};
use crate::{
    keystore::Keystore,
    schema_json::{self, Names, to_hex, type_name},
};

/// Bytes of a file given with `@`.
const FILE_BYTES_MAX: u64 = CALL_DATA_BYTES_MAX as u64;

/// Addresses by their digits, by the name of a key, or by a contract's names.
pub(super) struct AddressNames<'a> {
    /// Where keys are.
    pub keys: &'a Keystore,
    /// The chain on which contracts are meant.
    pub chain: &'a Name,
}

impl Names for AddressNames<'_> {
    fn address(&self, text: &str) -> std::result::Result<Address, String> {
        if let Some(name) = text.strip_prefix("key:") {
            return self.keys.find(name).map(|key| key.address()).map_err(|error| error.to_string());
        }
        if let Some(contract) = text.strip_prefix("contract:") {
            let names = contract
                .split_once('.')
                .and_then(|(department, name)| Some((Name::new(department).ok()?, Name::new(name).ok()?)));
            let (department, name) = names.ok_or_else(|| format!("`{text}` is not contract:DEPARTMENT.NAME"))?;
            return Ok(Address::of_contract(self.chain, &department, &name));
        }
        let digits = text.parse();
        digits.map_err(|_| {
            let text = schema_json::quoted(text);
            format!("expected an address (64 hexadecimal digits, key:NAME or contract:DEPARTMENT.NAME), found {text}")
        })
    }
}

/// The typed arguments of `fields` by name, as JSON.
///
/// # Errors
/// When one is unknown, named twice, or cannot be read as its type. Missing ones are found when they are encoded.
pub(super) fn read(schema: &Schema, fields: &[Field], arguments: Vec<RawArgument>) -> Result<Map<String, Value>> {
    let mut values = Map::new();
    for argument in arguments {
        let Some(field) = fields.iter().find(|field| field.name.as_str() == argument.name) else {
            return Err(Failure::usage(format!("there is no argument `{}`", argument.name)));
        };
        let place = |failure: Failure| failure.in_argument(&argument.name);
        match (&field.ty, values.get_mut(&argument.name)) {
            (TypeRef::List(entry), None) => {
                let text = argument.value.as_deref().unwrap_or("[]");
                let whole = text.starts_with('[') || text.starts_with('@');
                let value = match whole {
                    true => value(schema, &field.ty, Some(text)),
                    false => value(schema, entry, Some(text)).map(|entry| Value::Array(vec![entry])),
                };
                values.insert(argument.name.clone(), value.map_err(place)?);
            }
            (TypeRef::List(entry), Some(Value::Array(entries))) => {
                entries.push(value(schema, entry, argument.value.as_deref()).map_err(place)?);
            }
            (_, Some(_)) => return Err(Failure::usage(format!("argument `{}` is given twice", argument.name))),
            (ty, None) => {
                values.insert(argument.name.clone(), value(schema, ty, argument.value.as_deref()).map_err(place)?);
            }
        }
    }
    Ok(values)
}

/// One value as it was typed, as JSON.
fn value(schema: &Schema, ty: &TypeRef, text: Option<&str>) -> Result<Value> {
    let Some(text) = text else {
        return match ty {
            TypeRef::Bool => Ok(Value::Bool(true)),
            _ => Err(Failure::usage(format!("expected a value ({})", type_name(ty)))),
        };
    };
    if let Some(rest) = text.strip_prefix('@') {
        return if rest.starts_with('@') { typed(schema, ty, rest) } else { file(schema, ty, Path::new(rest)) };
    }
    typed(schema, ty, text)
}

/// `text` as the JSON of a `ty`.
pub(super) fn typed(schema: &Schema, ty: &TypeRef, text: &str) -> Result<Value> {
    Ok(match ty {
        TypeRef::Text | TypeRef::Bytes | TypeRef::FixedBytes(_) | TypeRef::Digest | TypeRef::Address => text.into(),
        // A text, because JSON's own numbers end at 64 bits.
        TypeRef::Unsigned(_) | TypeRef::Signed(_) => text.into(),
        TypeRef::Bool => match text {
            "true" => true.into(),
            "false" => false.into(),
            _ => return Err(Failure::usage(format!("expected true or false, found \"{text}\""))),
        },
        TypeRef::Optional(_) if matches!(text, "null" | "none") => Value::Null,
        TypeRef::Optional(inner) => match typed(schema, inner, text)? {
            value if matches!(**inner, TypeRef::Unit | TypeRef::Optional(_)) => Value::Array(vec![value]),
            value => value,
        },
        TypeRef::Named(name) => match schema.types.get(name) {
            Some(Shape::Enum(variants)) if variants.iter().any(|variant| variant.name == text) => text.into(),
            _ => json(text, ty)?,
        },
        TypeRef::Unit | TypeRef::List(_) | TypeRef::Tuple(_) => json(text, ty)?,
    })
}

fn json(text: &str, ty: &TypeRef) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| {
        Failure::usage(format!("expected JSON ({}), found {}", type_name(ty), schema_json::quoted(text))).because(error)
    })
}

/// What a file holds, as the JSON of a `ty`: its bytes where bytes are wanted, else its text.
fn file(schema: &Schema, ty: &TypeRef, path: &Path) -> Result<Value> {
    let length = std::fs::metadata(path).map_err(at(path))?.len();
    if length > FILE_BYTES_MAX {
        let name = path.display();
        return Err(Failure::new(format!("{name} has {length} bytes, of which a call takes at most {FILE_BYTES_MAX}")));
    }
    let bytes = std::fs::read(path).map_err(at(path))?;
    match ty {
        TypeRef::Bytes => return Ok(to_hex(&bytes).into()),
        TypeRef::FixedBytes(count) if bytes.len() == *count as usize => return Ok(to_hex(&bytes).into()),
        TypeRef::Digest | TypeRef::Address if bytes.len() == 32 => return Ok(to_hex(&bytes).into()),
        _ => {}
    }
    let text = String::from_utf8(bytes).map_err(|_| Failure::new(format!("{} is not UTF-8 text", path.display())))?;
    match ty {
        TypeRef::Text => Ok(text.into()),
        _ => typed(schema, ty, text.trim()),
    }
}

/// The method `name`, which must be of one of `kinds`.
///
/// # Errors
/// When there is none, or it is of another kind; both say what there is.
pub(super) fn method<'a>(schema: &'a Schema, name: &str, kinds: &[MethodKind]) -> Result<&'a Method> {
    // Dashes are easier to type, and no method has one.
    let name = &name.replace('-', "_");
    let found = schema.methods.values().find(|method| method.name.as_str() == name);
    match found {
        Some(method) if kinds.contains(&method.kind) => Ok(method),
        Some(method) => Err(match method.kind {
            MethodKind::Query => Failure::usage(format!("`{name}` is a query")).help("use `chancery query`"),
            MethodKind::Call => Failure::usage(format!("`{name}` changes the state")).help("use `chancery call`"),
            MethodKind::Init | MethodKind::Migrate => {
                Failure::usage(format!("`{name}` runs only when the contract is deployed or upgraded"))
            }
            MethodKind::Message | MethodKind::Bounce => {
                Failure::usage(format!("`{name}` is for messages of contracts on other chains"))
            }
        }),
        None => {
            let offered = schema.methods.values().filter(|method| kinds.contains(&method.kind));
            let offered: Vec<&str> = offered.map(|method| method.name.as_str()).collect();
            let there = if offered.is_empty() { "none".into() } else { offered.join(", ") };
            Err(Failure::usage(format!("contract {} has no method `{name}`", schema.name))
                .help(format!("there are: {there}"))
                .code("unknown_method"))
        }
    }
}

/// `method`'s arguments in SCALE.
///
/// # Errors
/// When they do not fit; the error lists what the method takes.
pub(super) fn encode(
    schema: &Schema,
    method: &Method,
    values: &Map<String, Value>,
    names: &dyn Names,
) -> Result<Vec<u8>> {
    schema_json::encode_fields(schema, &method.arguments, values, names)
        .map_err(|error| Failure::usage(format!("the arguments do not fit `{}`", method.name)).because(error))
}

/// Adds to a failure what `method` takes.
pub(super) fn explained(method: &Method, language: Language) -> impl Fn(Failure) -> Failure {
    let takes = match method.arguments.is_empty() {
        true => format!("`{}` takes no arguments", method.name),
        false => format!("`{}` takes:\n{}", method.name, argument_table(&method.arguments, language)),
    };
    move |failure| if failure.has_help() { failure } else { failure.help(takes.clone()) }
}

/// The arguments, one a line.
pub(super) fn argument_table(fields: &[Field], language: Language) -> String {
    let row = |field: &Field| {
        vec![
            format!("--{}", field.name.as_str().replace('_', "-")),
            type_name(&field.ty),
            language.of(&field.docs).into(),
        ]
    };
    let rows: Vec<_> = fields.iter().map(row).collect();
    match rows.split_first() {
        None => String::new(),
        Some((first, rest)) => table(&first.iter().map(String::as_str).collect::<Vec<_>>(), &[], rest),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        let docs = chancery_abi::schema::Docs::default();
        let variant = |name: &str, index| chancery_abi::schema::Variant {
            name: name.into(),
            index,
            fields: Vec::new(),
            docs: docs.clone(),
        };
        Schema {
            name: "Evidence".into(),
            version: String::new(),
            sdk: String::new(),
            docs: docs.clone(),
            storage: Default::default(),
            methods: Default::default(),
            types: [("Kind".to_owned(), Shape::Enum(vec![variant("Paper", 0), variant("Image", 1)]))].into(),
            type_docs: Default::default(),
            events: Default::default(),
            errors: Default::default(),
        }
    }

    fn fields() -> Vec<Field> {
        let field = |name: &str, ty| Field {
            name: chancery_abi::Ident::new(name).expect("an identifier"),
            ty,
            docs: Default::default(),
        };
        vec![
            field("case_number", TypeRef::Text),
            field("pages", TypeRef::Unsigned(32)),
            field("sealed", TypeRef::Bool),
            field("tags", TypeRef::List(Box::new(TypeRef::Text))),
            field("kind", TypeRef::Named("Kind".into())),
            field("note", TypeRef::Optional(Box::new(TypeRef::Text))),
            field("content", TypeRef::Bytes),
        ]
    }

    fn read_words(words: &[(&str, Option<&str>)]) -> Result<Value> {
        let arguments =
            words.iter().map(|(name, value)| RawArgument { name: (*name).into(), value: value.map(Into::into) });
        read(&schema(), &fields(), arguments.collect()).map(Value::Object)
    }

    #[test]
    fn each_is_read_as_its_type_asks() {
        let values = read_words(&[
            ("case_number", Some("2026-7")),
            ("pages", Some("12")),
            ("sealed", None),
            ("tags", Some("a")),
            ("tags", Some("b")),
            ("kind", Some("Image")),
            ("note", Some("null")),
        ]);
        let expected = json!({
            "case_number": "2026-7", "pages": "12", "sealed": true, "tags": ["a", "b"], "kind": "Image", "note": null
        });
        assert_eq!(values.expect("all fit"), expected);
        assert_eq!(read_words(&[("tags", Some("[\"a\"]"))]).expect("JSON"), json!({"tags": ["a"]}));
        assert_eq!(read_words(&[("case_number", Some("@@home"))]).expect("an escape"), json!({"case_number": "@home"}));
    }

    #[test]
    fn a_file_gives_its_bytes_or_its_text() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), b"hello").expect("it can be written");
        let path = format!("@{}", file.path().display());
        let values = read_words(&[("content", Some(&path)), ("case_number", Some(&path))]).expect("the file is there");
        assert_eq!(values, json!({"content": "68656c6c6f", "case_number": "hello"}));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let what = |words: &[(&str, Option<&str>)]| read_words(words).expect_err("it does not fit").what().to_owned();
        assert_eq!(what(&[("case", Some("1"))]), "there is no argument `case`");
        assert_eq!(what(&[("sealed", Some("maybe"))]), "--sealed: expected true or false, found \"maybe\"");
        assert_eq!(what(&[("pages", None)]), "--pages: expected a value (u32)");
        assert_eq!(what(&[("pages", Some("1")), ("pages", Some("2"))]), "argument `pages` is given twice");
    }
}
