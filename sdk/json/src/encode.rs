//! JSON to SCALE. Refuses what does not fit, at its place; never guesses a type from the JSON.

use chancery_abi::{
    schema::{Field, Schema, Shape, TypeRef},
    types::from_hex,
};
use parity_scale_codec::{Compact, Encode};
use serde_json::{Map, Value};

use super::{DEPTH_MAX, Names, ValueError, bits_known, may_be_null, quoted, shape, too_deep};

/// The SCALE of `value` as a `ty`.
///
/// # Errors
/// When the value is not of that type; the error names the place.
pub fn encode(schema: &Schema, ty: &TypeRef, value: &Value, names: &dyn Names) -> Result<Vec<u8>, ValueError> {
    let mut encoder = Encoder { schema, names, out: Vec::new() };
    encoder.value(ty, value, 0)?;
    Ok(encoder.out)
}

/// The SCALE of `fields`, one after the other, taken by name from `values`.
///
/// # Errors
/// When one is missing (an option may be), unknown or not of its type.
pub fn encode_fields(
    schema: &Schema,
    fields: &[Field],
    values: &Map<String, Value>,
    names: &dyn Names,
) -> Result<Vec<u8>, ValueError> {
    let mut encoder = Encoder { schema, names, out: Vec::new() };
    encoder.fields(fields, values, 0)?;
    Ok(encoder.out)
}

struct Encoder<'a> {
    schema: &'a Schema,
    names: &'a dyn Names,
    out: Vec<u8>,
}

impl Encoder<'_> {
    fn value(&mut self, ty: &TypeRef, value: &Value, depth: u32) -> Result<(), ValueError> {
        if depth > DEPTH_MAX {
            return Err(too_deep());
        }
        match ty {
            TypeRef::Unit => value.is_null().then_some(()).ok_or_else(|| mismatch("null", value))?,
            TypeRef::Bool => {
                let truth = value.as_bool().ok_or_else(|| mismatch("true or false", value))?;
                self.out.push(u8::from(truth));
            }
            TypeRef::Unsigned(bits) => self.unsigned(bits_known(*bits)?, value)?,
            TypeRef::Signed(bits) => self.signed(bits_known(*bits)?, value)?,
            TypeRef::Text => {
                let text = value.as_str().ok_or_else(|| mismatch("text", value))?;
                text.encode_to(&mut self.out);
            }
            TypeRef::Bytes => hexadecimal(value, "bytes in hexadecimal")?.encode_to(&mut self.out),
            TypeRef::FixedBytes(count) => self.fixed(value, *count as usize, "bytes")?,
            TypeRef::Digest => self.fixed(value, 32, "digest")?,
            TypeRef::Address => {
                let text = value.as_str().ok_or_else(|| mismatch("an address", value))?;
                let address = self.names.address(text).map_err(ValueError::here)?;
                self.out.extend_from_slice(&address.0);
            }
            TypeRef::Optional(inner) => self.optional(inner, value, depth)?,
            TypeRef::List(inner) => {
                let entries = value.as_array().ok_or_else(|| mismatch("a list", value))?;
                self.length(entries.len())?;
                for (index, entry) in entries.iter().enumerate() {
                    self.value(inner, entry, depth + 1).map_err(|error| error.at_index(index))?;
                }
            }
            TypeRef::Tuple(parts) => {
                let entries = value.as_array().ok_or_else(|| mismatch("a list", value))?;
                if entries.len() != parts.len() {
                    let (expected, found) = (parts.len(), entries.len());
                    return Err(ValueError::here(format!("expected a list of {expected}, found {found}")));
                }
                for (index, (part, entry)) in parts.iter().zip(entries).enumerate() {
                    self.value(part, entry, depth + 1).map_err(|error| error.at_index(index))?;
                }
            }
            TypeRef::Named(name) => match shape(self.schema, name)? {
                Shape::Struct(fields) => {
                    let values = value.as_object().ok_or_else(|| mismatch(&format!("an object ({name})"), value))?;
                    self.fields(fields, values, depth + 1)?;
                }
                Shape::Enum(variants) => self.variant(name, variants, value, depth)?,
            },
        }
        Ok(())
    }

    fn fields(&mut self, fields: &[Field], values: &Map<String, Value>, depth: u32) -> Result<(), ValueError> {
        let unknown = values.keys().find(|name| !fields.iter().any(|field| field.name.as_str() == name.as_str()));
        if let Some(name) = unknown {
            let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
            let known = if known.is_empty() { "nothing".into() } else { known.join(", ") };
            return Err(ValueError::here(format!("unknown; expected {known}")).in_field(name));
        }
        for field in fields {
            let value = match (values.get(field.name.as_str()), &field.ty) {
                (Some(value), _) => value,
                (None, TypeRef::Optional(_)) => &Value::Null,
                (None, _) => return Err(ValueError::here("missing").in_field(&field.name)),
            };
            self.value(&field.ty, value, depth).map_err(|error| error.in_field(&field.name))?;
        }
        Ok(())
    }

    fn variant(
        &mut self,
        name: &str,
        variants: &[chancery_abi::schema::Variant],
        value: &Value,
        depth: u32,
    ) -> Result<(), ValueError> {
        let nothing = Value::Object(Map::new());
        let (chosen, values) = match value {
            Value::String(chosen) => (chosen, &nothing),
            Value::Object(one) if one.len() == 1 => one.iter().next().expect("it has one member"),
            _ => return Err(mismatch(&format!("a variant of {name}: a text, or an object of one member"), value)),
        };
        let Some(variant) = variants.iter().find(|variant| variant.name == *chosen) else {
            let known: Vec<&str> = variants.iter().map(|variant| variant.name.as_str()).collect();
            let problem = format!("{name} has no variant {}; expected {}", quoted(chosen), known.join(", "));
            return Err(ValueError::here(problem));
        };
        self.out.push(variant.index);
        let fields = values.as_object().ok_or_else(|| mismatch("an object", values).in_field(chosen))?;
        self.fields(&variant.fields, fields, depth + 1).map_err(|error| error.in_field(chosen))
    }

    fn optional(&mut self, inner: &TypeRef, value: &Value, depth: u32) -> Result<(), ValueError> {
        if value.is_null() {
            self.out.push(0);
            return Ok(());
        }
        self.out.push(1);
        let wrapped = match value.as_array().map(Vec::as_slice) {
            Some([one]) if may_be_null(inner) => one,
            _ if may_be_null(inner) => return Err(mismatch("null, or a list of one", value)),
            _ => value,
        };
        self.value(inner, wrapped, depth + 1)
    }

    fn fixed(&mut self, value: &Value, count: usize, what: &str) -> Result<(), ValueError> {
        let bytes = hexadecimal(value, &format!("{what} of {} hexadecimal digits", count * 2))?;
        if bytes.len() != count {
            let (expected, found) = (count * 2, bytes.len() * 2);
            return Err(ValueError::here(format!("expected {what} of {expected} hexadecimal digits, found {found}")));
        }
        self.out.extend_from_slice(&bytes);
        Ok(())
    }

    fn length(&mut self, count: usize) -> Result<(), ValueError> {
        let count = u32::try_from(count).map_err(|_| ValueError::here("too long"))?;
        Compact(count).encode_to(&mut self.out);
        Ok(())
    }

    fn unsigned(&mut self, bits: u32, value: &Value) -> Result<(), ValueError> {
        let number = match value {
            Value::Number(number) => number.as_u64().map(u128::from),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let limit = u128::MAX >> (128 - bits);
        let number = number.filter(|number| *number <= limit);
        let number = number.ok_or_else(|| mismatch(&format!("a whole number from 0 to {limit}"), value))?;
        self.out.extend_from_slice(&number.to_le_bytes()[..bits as usize / 8]);
        Ok(())
    }

    fn signed(&mut self, bits: u32, value: &Value) -> Result<(), ValueError> {
        let number = match value {
            Value::Number(number) => number.as_i64().map(i128::from).or(number.as_u64().map(i128::from)),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let (lowest, highest) = (i128::MIN >> (128 - bits), i128::MAX >> (128 - bits));
        let number = number.filter(|number| (lowest..=highest).contains(number));
        let number = number.ok_or_else(|| mismatch(&format!("a whole number from {lowest} to {highest}"), value))?;
        self.out.extend_from_slice(&number.to_le_bytes()[..bits as usize / 8]);
        Ok(())
    }
}

fn hexadecimal(value: &Value, expected: &str) -> Result<Vec<u8>, ValueError> {
    let text = value.as_str().ok_or_else(|| mismatch(expected, value))?;
    from_hex(text).ok_or_else(|| mismatch(expected, value))
}

fn mismatch(expected: &str, found: &Value) -> ValueError {
    let found = match found {
        Value::Null => "null".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => format!("number {number}"),
        Value::String(text) => format!("text {}", quoted(text)),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    };
    ValueError::here(format!("expected {expected}, found {found}"))
}
