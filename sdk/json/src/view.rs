//! A schema as JSON, and the short names of its types that people read.

use chancery_abi::schema::{Access, Collection, Docs, Field, MethodKind, Schema, Shape, TypeRef};
use serde_json::{Map, Value, json};

/// A type as people write it: `text`, `u64`, `list of address`.
pub fn type_name(ty: &TypeRef) -> String {
    match ty {
        TypeRef::Unit => "nothing".into(),
        TypeRef::Bool => "bool".into(),
        TypeRef::Unsigned(bits) => format!("u{bits}"),
        TypeRef::Signed(bits) => format!("i{bits}"),
        TypeRef::Text => "text".into(),
        TypeRef::Bytes => "bytes".into(),
        TypeRef::FixedBytes(count) => format!("{count} bytes"),
        TypeRef::Address => "address".into(),
        TypeRef::Digest => "digest".into(),
        TypeRef::Optional(inner) => format!("optional {}", type_name(inner)),
        TypeRef::List(inner) => format!("list of {}", type_name(inner)),
        TypeRef::Tuple(parts) => format!("({})", parts.iter().map(type_name).collect::<Vec<_>>().join(", ")),
        TypeRef::Named(name) => name.clone(),
    }
}

/// The whole schema as JSON.
pub fn document(schema: &Schema) -> Value {
    json!({
        "name": schema.name,
        "version": schema.version,
        "sdk": schema.sdk,
        "docs": docs(&schema.docs),
        "methods": schema.methods.values().map(|method| json!({
            "name": method.name.as_str(),
            "kind": kind(method.kind),
            "access": access(&method.access),
            "arguments": fields(&method.arguments),
            "returns": type_name(&method.returns),
            "reentrant": method.reentrant,
            "docs": docs(&method.docs),
        })).collect::<Vec<_>>(),
        "storage": schema.storage.values().map(|field| {
            let (kind, key, value) = collection(&field.collection);
            json!({
                "kind": kind,
                "key": key,
                "value": value,
                "name": field.name.as_str(),
                "public": field.public,
                "docs": docs(&field.docs),
            })
        }).collect::<Vec<_>>(),
        "events": schema.events.values().map(|event| json!({
            "name": event.name.as_str(),
            "fields": fields(&event.fields),
            "keys": event.keys.iter().map(|key| key.as_str()).collect::<Vec<_>>(),
            "docs": docs(&event.docs),
        })).collect::<Vec<_>>(),
        "errors": schema.errors.values().map(|error| json!({
            "code": error.code,
            "name": error.name,
            "fields": fields(&error.fields),
            "message": docs(&error.message),
        })).collect::<Vec<_>>(),
        "types": schema.types.iter().map(|(name, shape)| {
            let mut view = shape_view(shape);
            view["docs"] = docs(&schema.type_docs.get(name).cloned().unwrap_or_default());
            (name.clone(), view)
        }).collect::<Map<_, _>>(),
    })
}

/// A method's kind in one word.
pub fn kind(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Init => "init",
        MethodKind::Call => "call",
        MethodKind::Query => "query",
        MethodKind::Migrate => "migrate",
        MethodKind::Message => "message",
        MethodKind::Bounce => "bounce",
    }
}

/// Who may call, in words.
pub fn access(access: &Access) -> String {
    match access {
        Access::Anyone => "anyone".into(),
        Access::Only(field) => format!("only {field}"),
        Access::Member(field) => format!("members of {field}"),
        Access::Deployer => "the deployer, once".into(),
        Access::Role(role) => format!("holders of role {role}"),
        Access::Messages => "messages of other chains".into(),
    }
}

/// What a storage field is, in one word, and the names of its entries' key and value types, where it has them.
pub fn collection(collection: &Collection) -> (&'static str, Option<String>, Option<String>) {
    let (kind, key, value) = match collection {
        Collection::Value(ty) => ("value", None, Some(ty)),
        Collection::Map(key, ty) => ("map", Some(key), Some(ty)),
        Collection::Set(key) => ("set", Some(key), None),
        Collection::List(ty) => ("list", Some(&TypeRef::Unsigned(64)), Some(ty)),
        Collection::Index(secondary, primary) => ("index", Some(secondary), Some(primary)),
    };
    (kind, key.map(type_name), value.map(type_name))
}

fn fields(fields: &[Field]) -> Value {
    let view =
        |field: &Field| json!({ "name": field.name.as_str(), "type": type_name(&field.ty), "docs": docs(&field.docs) });
    fields.iter().map(view).collect()
}

fn shape_view(shape: &Shape) -> Value {
    match shape {
        Shape::Struct(members) => json!({ "struct": fields(members) }),
        Shape::Enum(variants) => {
            let view = |variant: &chancery_abi::schema::Variant| {
                json!({
                    "name": variant.name,
                    "index": variant.index,
                    "fields": fields(&variant.fields),
                    "docs": docs(&variant.docs),
                })
            };
            json!({ "enum": variants.iter().map(view).collect::<Vec<_>>() })
        }
    }
}

fn docs(docs: &Docs) -> Value {
    json!({ "en": docs.en, "zh": docs.zh })
}
