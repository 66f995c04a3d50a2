//! JSON for people and programs on one side, SCALE for contracts on the other, joined by a contract's schema.
//!
//! Invariants: [`decode()`] accepts exactly the bytes that [`encode()`] makes, and what one gives the other takes back;
//! recursion follows the type and is bounded, and so is the count of values that bytes may claim; every error names
//! the place in the value where it arose. What is deliberately absent: reading files, key names and command-line
//! texts (the command line does that, through [`Names`]), and any type that the schema does not know. [`proof`] says what
//! proofs prove in the same forms, [`paths`] reads a batch's paths.
//!
//! The JSON forms: integers are numbers, or texts beyond 2^53, because JSON readers lose digits there; bytes, digests
//! and addresses are hexadecimal texts; an option is its value or null; an option of an option wraps its value in an
//! array of one; an enum is `"Variant"`, or `{"Variant": {fields}}` when the variant has fields.

mod changes;
mod decode;
mod encode;
pub mod paths;
pub mod proof;
mod slots;
#[cfg(test)]
mod tests;
mod view;

pub use changes::{change_text, change_view, effect};
pub use decode::{decode, decode_fields, decode_prefix, to_hex};
pub use encode::{encode, encode_fields};
pub use slots::{SlotError, entry_type, read_slot, slot_key, slot_prefix};
pub use view::{access, collection, document, kind, type_name};

use std::fmt;

use chancery_abi::{
    Address,
    limits::TYPE_DEPTH_MAX,
    schema::{Schema, TypeRef},
};

/// How many values bytes may claim to hold, so that a list of empty values cannot run for ever.
pub const VALUES_MAX: usize = 1 << 20;

/// How deep a value is followed. A checked schema's types end before this.
const DEPTH_MAX: u32 = TYPE_DEPTH_MAX + 2;

/// What stands for an address besides its 64 digits.
pub trait Names {
    /// The address that `text` names, or why it names none.
    ///
    /// # Errors
    /// A phrase that says what was expected.
    fn address(&self, text: &str) -> Result<Address, String>;
}

/// Addresses by their digits only.
pub struct DigitsOnly;

impl Names for DigitsOnly {
    fn address(&self, text: &str) -> Result<Address, String> {
        text.parse().map_err(|_| format!("expected an address of 64 hexadecimal digits, found {}", quoted(text)))
    }
}

/// Why a value does not fit its type, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ValueError {
    /// The place, as `fields.of[3].the_value`; empty for the value itself.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.path, self.problem) }
    }
}

impl ValueError {
    /// A problem with the value at hand.
    pub fn here(problem: impl Into<String>) -> Self {
        Self { path: String::new(), problem: problem.into() }
    }

    /// The same problem, seen from the value that holds this one as its field `name`.
    pub fn in_field(mut self, name: impl fmt::Display) -> Self {
        self.path = match self.path.as_str() {
            "" => name.to_string(),
            inner if inner.starts_with('[') => format!("{name}{inner}"),
            inner => format!("{name}.{inner}"),
        };
        self
    }

    /// The same problem, seen from the list that holds this value at `index`.
    pub fn at_index(self, index: usize) -> Self {
        self.in_field(format_args!("[{index}]"))
    }
}

/// Whether a value of this type may itself be null, so that an option of it needs a wrapping.
fn may_be_null(ty: &TypeRef) -> bool {
    matches!(ty, TypeRef::Unit | TypeRef::Optional(_))
}

/// The numbers of bits an integer may have.
fn bits_known(bits: u8) -> Result<u32, ValueError> {
    match bits {
        8 | 16 | 32 | 64 | 128 => Ok(u32::from(bits)),
        _ => Err(ValueError::here(format!("the schema has an integer of {bits} bits, which does not exist"))),
    }
}

fn shape<'a>(schema: &'a Schema, name: &str) -> Result<&'a chancery_abi::schema::Shape, ValueError> {
    schema.types.get(name).ok_or_else(|| ValueError::here(format!("the schema does not explain type `{name}`")))
}

fn too_deep() -> ValueError {
    ValueError::here(format!("nests more than {DEPTH_MAX} deep"))
}

/// `text` in quotation marks, cut when it is long.
pub fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("\"{}...\"", &text[..end]),
        None => format!("\"{text}\""),
    }
}
