//! SCALE to JSON. Accepts only the one canonical encoding and nothing behind it.

use chancery_abi::schema::{Field, Schema, Shape, TypeRef};
use parity_scale_codec::{Compact, Decode};
use serde_json::{Map, Value};

use super::{DEPTH_MAX, VALUES_MAX, ValueError, bits_known, may_be_null, shape, too_deep};

/// The largest integer that every JSON reader keeps exactly, 2^53.
const EXACT_MAX: u128 = 1 << 53;

/// `bytes` as the JSON of a `ty`.
///
/// # Errors
/// When they are not its canonical encoding, whole and alone.
pub fn decode(schema: &Schema, ty: &TypeRef, bytes: &[u8]) -> Result<Value, ValueError> {
    let mut decoder = Decoder::new(schema, bytes);
    let value = decoder.value(ty, 0)?;
    decoder.finish()?;
    Ok(value)
}

/// `bytes` as the values of `fields`, one after the other, by name.
///
/// # Errors
/// When they are not their canonical encodings, whole and alone.
pub fn decode_fields(schema: &Schema, fields: &[Field], bytes: &[u8]) -> Result<Map<String, Value>, ValueError> {
    let mut decoder = Decoder::new(schema, bytes);
    let values = decoder.fields(fields, 0)?;
    decoder.finish()?;
    Ok(values)
}

/// The JSON of a `ty` at the front of `bytes`, and the bytes behind it.
///
/// # Errors
/// When they do not begin with one.
pub fn decode_prefix<'a>(schema: &Schema, ty: &TypeRef, bytes: &'a [u8]) -> Result<(Value, &'a [u8]), ValueError> {
    let mut decoder = Decoder::new(schema, bytes);
    let value = decoder.value(ty, 0)?;
    Ok((value, decoder.rest))
}

struct Decoder<'a, 's> {
    schema: &'s Schema,
    rest: &'a [u8],
    values_left: usize,
}

impl<'a, 's> Decoder<'a, 's> {
    fn new(schema: &'s Schema, bytes: &'a [u8]) -> Self {
        Self { schema, rest: bytes, values_left: VALUES_MAX }
    }

    fn finish(&self) -> Result<(), ValueError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(ValueError::here(format!("{count} bytes too many"))),
        }
    }

    fn value(&mut self, ty: &TypeRef, depth: u32) -> Result<Value, ValueError> {
        if depth > DEPTH_MAX {
            return Err(too_deep());
        }
        self.values_left = self.values_left.checked_sub(1).ok_or_else(|| ValueError::here("holds too many values"))?;
        Ok(match ty {
            TypeRef::Unit => Value::Null,
            TypeRef::Bool => Value::Bool(self.flag("a truth value")?),
            TypeRef::Unsigned(bits) => {
                let number = self.little_endian(bits_known(*bits)?)?;
                if number <= EXACT_MAX { (number as u64).into() } else { number.to_string().into() }
            }
            TypeRef::Signed(bits) => {
                let bits = bits_known(*bits)?;
                let unused = 128 - bits;
                // Shifting left and back spreads the sign bit over the unused ones.
                let number = ((self.little_endian(bits)? << unused) as i128) >> unused;
                if number.unsigned_abs() <= EXACT_MAX { (number as i64).into() } else { number.to_string().into() }
            }
            TypeRef::Text => {
                let length = self.length()?;
                let text = std::str::from_utf8(self.take(length)?);
                text.map_err(|_| ValueError::here("a text that is not UTF-8"))?.into()
            }
            TypeRef::Bytes => {
                let length = self.length()?;
                self.hexadecimal(length)?
            }
            TypeRef::FixedBytes(count) => self.hexadecimal(*count as usize)?,
            TypeRef::Address | TypeRef::Digest => self.hexadecimal(32)?,
            TypeRef::Optional(inner) => match self.flag("the mark of an option")? {
                false => Value::Null,
                true if may_be_null(inner) => Value::Array(vec![self.value(inner, depth + 1)?]),
                true => self.value(inner, depth + 1)?,
            },
            TypeRef::List(inner) => {
                let count = self.length()?;
                let mut entries = Vec::new();
                for index in 0..count {
                    entries.push(self.value(inner, depth + 1).map_err(|error| error.at_index(index))?);
                }
                Value::Array(entries)
            }
            TypeRef::Tuple(parts) => {
                let parts = parts.iter().enumerate();
                let values = parts.map(|(at, part)| self.value(part, depth + 1).map_err(|error| error.at_index(at)));
                Value::Array(values.collect::<Result<_, _>>()?)
            }
            TypeRef::Named(name) => match shape(self.schema, name)? {
                Shape::Struct(fields) => Value::Object(self.fields(fields, depth + 1)?),
                Shape::Enum(variants) => {
                    let index = self.take(1)?[0];
                    let variant = variants.iter().find(|variant| variant.index == index);
                    let variant =
                        variant.ok_or_else(|| ValueError::here(format!("{name} has no variant number {index}")))?;
                    let fields =
                        self.fields(&variant.fields, depth + 1).map_err(|error| error.in_field(&variant.name))?;
                    if variant.fields.is_empty() {
                        variant.name.as_str().into()
                    } else {
                        Value::Object(Map::from_iter([(variant.name.clone(), Value::Object(fields))]))
                    }
                }
            },
        })
    }

    fn fields(&mut self, fields: &[Field], depth: u32) -> Result<Map<String, Value>, ValueError> {
        let values = fields.iter().map(|field| {
            let value = self.value(&field.ty, depth).map_err(|error| error.in_field(&field.name))?;
            Ok((field.name.to_string(), value))
        });
        values.collect()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], ValueError> {
        let Some((head, rest)) = self.rest.split_at_checked(count) else {
            let found = self.rest.len();
            return Err(ValueError::here(format!("expected {count} bytes, found {found}")));
        };
        self.rest = rest;
        Ok(head)
    }

    fn flag(&mut self, what: &str) -> Result<bool, ValueError> {
        match self.take(1)?[0] {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(ValueError::here(format!("{what} is 0 or 1, found {other}"))),
        }
    }

    fn length(&mut self) -> Result<usize, ValueError> {
        let length = Compact::<u32>::decode(&mut self.rest).map_err(|_| ValueError::here("a malformed length"))?;
        Ok(length.0 as usize)
    }

    fn little_endian(&mut self, bits: u32) -> Result<u128, ValueError> {
        let bytes = self.take(bits as usize / 8)?;
        let mut wide = [0; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        Ok(u128::from_le_bytes(wide))
    }

    fn hexadecimal(&mut self, count: usize) -> Result<Value, ValueError> {
        Ok(to_hex(self.take(count)?).into())
    }
}

/// `bytes` in lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
