//! Upgrades of the registry itself: which code an act has approved, and what no upgrade may do to what the nodes read and
//! call.
//!
//! An upgrade of the registry is taken only to the code that the registry says is approved, without arguments, until the
//! approval ends, and not while a break-glass file is due, which ends it; done, it takes the approval away. Invariants:
//! what a node could read of the registry before an upgrade it can read after. That is so because every field that is read
//! here stays in the new code's schema with what is read of it as it was, so that the new code writes what is read; and
//! because nothing that the migration wrote is in another form. What it left alone is as readable as it was, so the work is
//! that of its own writes. An act, or a later release's own methods, removes entries; a migration removes none of those
//! that are read. And what nodes and offices need can be called as before, so that an upgrade which was a mistake can be
//! followed by another. What is deliberately absent: whether a method does what its name says.

use parity_scale_codec::Decode;

use super::{
    Ceremony, Department, Deployer, Freeze, Group, Membership, Node, Quota, Readiness, Registry, Role, Sponsor,
    ThresholdKeys, Usage,
};
use crate::{
    abi::{
        Digest, Upgrade,
        schema::{Access, Collection, MethodKind, Schema, Shape, TypeRef},
        slot::push_field,
    },
    execution::{
        lanes::Sidechain,
        session::{Savepoint, Session, Written},
    },
    storage::StorageError,
};
use Argument::{Variants, Whole};

/// The field that says what is approved.
const APPROVED: &str = "approved_upgrade";
/// The fields that say which break-glass file waits for its height, and what stands in it.
const FILE_WAITING: &str = "break_glass_waiting";
const FILES: &str = "break_glass_files";
/// Types that are looked at of a value: several times what any that is read is made of.
const TYPES_MAX: usize = 256;

/// What the registry may be upgraded to.
#[derive(Decode)]
struct ApprovedUpgrade {
    code: Digest,
    until_ms: u64,
}

/// A break-glass file, as far as it is read.
#[derive(Decode)]
struct BreakGlass {
    _number: u32,
    _administrators: Vec<([u8; 32], String)>,
    _rules: [(u32, u32, u64, u64); 3],
    effective_height: u64,
}

/// A field of the registry that nodes read, and how.
struct ReadField {
    name: &'static str,
    /// How its keys are made, nothing where it has one value; and how its values begin. See [`Parts`].
    key: &'static str,
    value: &'static str,
    /// Whether a value can be read.
    reads: fn(&[u8]) -> bool,
}

const fn field(name: &'static str, key: &'static str, value: &'static str, reads: fn(&[u8]) -> bool) -> ReadField {
    ReadField { name, key, value, reads }
}

/// All that the runtime, and nodes through it, read of the registry.
const READ_FIELDS: &[ReadField] = &[
    field("departments", "text", "text u64 ?( u64 )", reads::<Department>),
    field("administrators", "32", "text", reads::<String>),
    field("sponsors", "32", "text u64", reads::<Sponsor>),
    field("roles", "text text 32", "u64 u64", reads::<Role>),
    field("deployers", "text text 32", "u64", reads::<Deployer>),
    field("freezes", "32", "u32 text [( text )] u64 u64 u64", reads::<Freeze>),
    field("quotas", "text", "u64 u64 u64 u64 u64 u64 u64 u64", reads::<Quota>),
    field("usages", "text", "u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64", reads::<Usage>),
    field("memberships", "text", "u32 [( 32 )] u64 ?( u32 [( 32 )] u64 )", reads::<Membership>),
    field("nodes", "32", "text 32 u64 ?( u64 )", reads::<Node>),
    field("readiness", "32", "u64 text", reads::<Readiness>),
    field("sidechains", "text", "text u32 [( 32 )] u64 u64 u64 ?( u64 )", reads::<Sidechain>),
    field("epoch_blocks", "", "u64", reads::<u64>),
    field("group", "", GROUP, reads::<Group>),
    field("successor", "", GROUP, reads::<Group>),
    field("keys", "", "u64 [( 96 u64 ?( u64 ) bool u32 )]", reads::<ThresholdKeys>),
    field("rotation", "", "u32 u64", reads::<(u32, u64)>),
    field("endorsements", "u32 32", "48", reads::<[u8; 48]>),
    field("ceremony", "", CEREMONY, reads::<Ceremony>),
    field("concluded", "", CEREMONY, reads::<Ceremony>),
    field("announced", "", CEREMONY, reads::<Ceremony>),
    field("contributions", "u32 u8 32", "[( u8 )]", reads::<Vec<u8>>),
    field("outputs", "u32", "[( u8 )]", reads::<Vec<u8>>),
    field(APPROVED, "", "32 u64", reads::<ApprovedUpgrade>),
    field(FILE_WAITING, "", "u32", reads::<u32>),
    field(FILES, "u32", ORDER, reads::<BreakGlass>),
];

const GROUP: &str = "u32 96 u64 u32 32 u32 [( 32 )] bool";
const CEREMONY: &str = "u32 <( 0 1 2 3 4 )> u64 u32 [( 32 )] [( 32 )] ?( u32 ) [( 32 )]";
const ORDER: &str = "u32 [( 32 text )] u32 u32 u64 u64 u32 u32 u64 u64 u32 u32 u64 u64 u64 text";

/// A method of the registry that anyone may call, and with what.
struct CalledMethod {
    name: &'static str,
    arguments: &'static [Argument],
}

/// An argument's form. See [`Parts`].
enum Argument {
    Whole(&'static str),
    /// The fields of an enum's variants, from number 0 on; there may be more variants behind those.
    Variants(&'static [&'static str]),
}

const fn method(name: &'static str, arguments: &'static [Argument]) -> CalledMethod {
    CalledMethod { name, arguments }
}

/// All that nodes call of the registry by themselves, and what it takes to decide by acts and to break the glass.
const CALLED_METHODS: &[CalledMethod] = &[
    method("begin_ceremony", &[Whole("32")]),
    method("contribute", &[Whole("32"), Whole("u32"), Variants(&["", "", "", "", ""]), Whole("[( u8 )]")]),
    method("declare", &[Whole("32"), Whole("u32"), Whole("?( 96 [( u8 )] )")]),
    method("press_on", &[Whole("32")]),
    method("endorse", &[Whole("32"), Whole("u32"), Whole("48")]),
    method("complete_rotation", &[Whole("32")]),
    method("declare_ready", &[Whole("32"), Whole("text")]),
    method("propose", &[Variants(MEASURES), Whole("text")]),
    method("approve", &[Whole("u32")]),
    method("carry_out", &[Whole("u32")]),
    method("break_glass", &[Whole(ORDER), Whole("[( 32 64 )]")]),
    method("take_effect", &[]),
];

/// What acts may do, by the measures' numbers.
const MEASURES: &[&str] = &[
    "text text",
    "text",
    "32 text",
    "32",
    "32 32",
    "<( 0 1 2 )> u32 u32 u64 u64",
    "32 text 32 u64",
    "32 32 32 u64",
    "32 u64",
    "text [( 32 )] u64",
    "text text 32 u64 u64",
    "text text 32",
    "text text 32 u64",
    "text text 32",
    "32",
    "32",
    "text u64 u64 u64 u64 u64 u64 u64 u64",
    "text u64 u64",
    "32 text u64",
    "32 text",
    "u32 bool text",
    "text text [( 32 )] u64 [( 32 )] u64",
    "text",
    "32 u64",
    "32 text u64",
    "32",
    "u64",
    "",
];

/// As the entries are read: what follows the fields that are read does not matter.
fn reads<T: Decode>(mut value: &[u8]) -> bool {
    T::decode(&mut value).is_ok()
}

impl Registry<'_> {
    /// Whether an act has approved this upgrade of the registry, and the approval still holds in the block of this height.
    pub(in crate::execution) fn has_approved(
        &self,
        upgrade: &Upgrade,
        height: u64,
        now_ms: u64,
    ) -> Result<bool, StorageError> {
        if self.break_glass_is_due(height)? {
            return Ok(false);
        }
        let found: Option<ApprovedUpgrade> = self.value(APPROVED)?;
        let approved = found.filter(|approved| now_ms < approved.until_ms);
        // What decides about a migration is the code alone; arguments would be whoever's hands it in.
        Ok(approved.is_some_and(|approved| upgrade.input.is_empty() && approved.code == Digest::of(&upgrade.code)))
    }

    /// Whether a break-glass file waits whose height has come. It ends what was approved, and the contract does that with
    /// the next call only, before which an upgrade could come.
    fn break_glass_is_due(&self, height: u64) -> Result<bool, StorageError> {
        let Some(number) = self.value::<u32>(FILE_WAITING)? else { return Ok(false) };
        let file: Option<BreakGlass> = self.get(FILES, &number)?;
        Ok(file.is_some_and(|file| file.effective_height <= height))
    }

    /// The slot that says what is approved. Without an entry nothing is.
    pub(in crate::execution) fn approval_slot() -> Vec<u8> {
        let mut slot = Vec::new();
        push_field(&mut slot, APPROVED);
        slot
    }

    /// Whether nodes can read all that they could read before the upgrade that began at `savepoint`, and will be able to
    /// read what code with schema `new` writes and to call it.
    pub(in crate::execution) fn stays_usable(
        &self,
        session: &Session,
        savepoint: Savepoint,
        new: &Schema,
    ) -> Result<bool, StorageError> {
        if unreadable_field(new).is_some() || uncallable_method(new).is_some() {
            return Ok(false);
        }
        let written = session.entries_written_since(savepoint, &self.address)?;
        Ok(written.iter().all(stays_readable))
    }
}

/// The first field that nodes read of a registry and could not read of one whose code has this schema.
pub fn unreadable_field(schema: &Schema) -> Option<&'static str> {
    READ_FIELDS.iter().find(|field| !field.is_kept_by(schema)).map(|field| field.name)
}

/// The first method that nodes and offices need of a registry and could not call of one whose code has this schema.
pub fn uncallable_method(schema: &Schema) -> Option<&'static str> {
    CALLED_METHODS.iter().find(|method| !method.is_kept_by(schema)).map(|method| method.name)
}

/// Whether an entry that a migration wrote can be read, if it is one that is read.
fn stays_readable(Written { key, before, now }: &Written) -> bool {
    let name = key.split_first().and_then(|(length, rest)| rest.get(..usize::from(*length)));
    let Some(field) = READ_FIELDS.iter().find(|field| Some(field.name.as_bytes()) == name) else { return true };
    match (before, now) {
        (_, Some(now)) => (field.reads)(now),
        (Some(before), None) => !(field.reads)(before),
        (None, None) => true,
    }
}

impl ReadField {
    /// Whether code with this schema keeps the field under the same keys, and its values begin with what is read.
    fn is_kept_by(&self, schema: &Schema) -> bool {
        let field = schema.storage.values().find(|field| field.name.as_str() == self.name);
        let (key, value) = match field.map(|field| &field.collection) {
            Some(Collection::Value(value)) => (&TypeRef::Unit, value),
            Some(Collection::Map(key, value)) => (key, value),
            _ => return false,
        };
        let (keys, values) = (Parts::of(schema, key), Parts::of(schema, value));
        let read = form(self.value);
        keys == form(self.key) && values.get(..read.len()).is_some_and(|is| is == read)
    }
}

impl CalledMethod {
    /// Whether code with this schema lets anyone call the method with the same arguments.
    fn is_kept_by(&self, schema: &Schema) -> bool {
        let method = schema.methods.values().find(|method| method.name.as_str() == self.name);
        let open = method.filter(|method| method.kind == MethodKind::Call && method.access == Access::Anyone);
        open.is_some_and(|method| {
            let mut both = method.arguments.iter().zip(self.arguments);
            method.arguments.len() == self.arguments.len()
                && both.all(|(found, as_is)| as_is.is_taken_as(schema, &found.ty))
        })
    }
}

impl Argument {
    /// Whether whatever is handed over in this form is a value of a type.
    fn is_taken_as(&self, schema: &Schema, ty: &TypeRef) -> bool {
        match self {
            Whole(whole) => Parts::of(schema, ty) == form(whole),
            Variants(variants) => {
                let TypeRef::Named(name) = ty else { return false };
                let Some(Shape::Enum(found)) = schema.types.get(name) else { return false };
                (0..).zip(*variants).all(|(number, fields)| {
                    let variant = found.iter().find(|variant| variant.index == number);
                    variant.is_some_and(|variant| {
                        let types = variant.fields.iter().map(|field| &field.ty);
                        Parts::of_all(schema, types) == form(fields)
                    })
                })
            }
        }
    }
}

/// A form as the list of its parts.
fn form(parts: &str) -> Vec<&str> {
    parts.split_whitespace().collect()
}

/// A type as its values are encoded, part after part: integers by name, `bool`, `text`, fixed bytes by their number, an
/// option as `?( .. )`, a list as `[( .. )]`, an enum as `<( .. )>` with the number of each variant before its fields.
/// Structs and tuples are their fields, and addresses and digests 32 bytes, as they are on the wire.
struct Parts<'a> {
    schema: &'a Schema,
    parts: Vec<String>,
    /// Types that may still be looked at. What lies behind them is left out.
    left: usize,
}

impl<'a> Parts<'a> {
    fn of(schema: &'a Schema, ty: &TypeRef) -> Vec<String> {
        Self::of_all(schema, std::iter::once(ty))
    }

    fn of_all<'t>(schema: &'a Schema, types: impl Iterator<Item = &'t TypeRef>) -> Vec<String> {
        let mut parts = Self { schema, parts: Vec::new(), left: TYPES_MAX };
        types.for_each(|ty| parts.walk(ty));
        parts.parts
    }

    /// Adds a type's parts. It goes no deeper than a checked schema's types do.
    fn walk(&mut self, ty: &TypeRef) {
        let Some(left) = self.left.checked_sub(1) else { return };
        self.left = left;
        match ty {
            TypeRef::Unit => {}
            TypeRef::Bool => self.push("bool"),
            TypeRef::Unsigned(bits) => self.push(format!("u{bits}")),
            TypeRef::Signed(bits) => self.push(format!("i{bits}")),
            TypeRef::Text => self.push("text"),
            TypeRef::Bytes => self.around("[(", ")]", |parts| parts.push("u8")),
            TypeRef::FixedBytes(count) => self.push(count.to_string()),
            TypeRef::Address | TypeRef::Digest => self.push("32"),
            TypeRef::Optional(inner) => self.around("?(", ")", |parts| parts.walk(inner)),
            TypeRef::List(inner) => self.around("[(", ")]", |parts| parts.walk(inner)),
            TypeRef::Tuple(inner) => inner.iter().for_each(|part| self.walk(part)),
            TypeRef::Named(name) => match self.schema.types.get(name) {
                Some(Shape::Struct(fields)) => fields.iter().for_each(|field| self.walk(&field.ty)),
                Some(Shape::Enum(variants)) => self.around("<(", ")>", |parts| {
                    for variant in variants {
                        parts.push(variant.index.to_string());
                        variant.fields.iter().for_each(|field| parts.walk(&field.ty));
                    }
                }),
                // A checked schema explains every type.
                None => {}
            },
        }
    }

    fn push(&mut self, part: impl Into<String>) {
        self.parts.push(part.into());
    }

    fn around(&mut self, open: &str, close: &str, inside: impl FnOnce(&mut Self)) {
        self.push(open);
        inside(self);
        self.push(close);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::abi::{
        Ident,
        schema::{Docs, Field},
    };

    #[test]
    fn types_that_double_at_every_level_are_not_followed_to_their_end() {
        let field = |ty| Field { name: Ident::new("half").expect("an identifier"), ty, docs: Docs::default() };
        let twice = |level: u32| {
            let below = TypeRef::Named(format!("T{}", level + 1));
            (format!("T{level}"), Shape::Struct(vec![field(below.clone()), field(below)]))
        };
        let mut types: BTreeMap<String, Shape> = (0..30).map(twice).collect();
        types.insert("T30".into(), Shape::Struct(vec![field(TypeRef::Bool)]));
        let schema = Schema {
            name: "Doubling".into(),
            version: String::new(),
            sdk: String::new(),
            docs: Docs::default(),
            storage: BTreeMap::new(),
            methods: BTreeMap::new(),
            types,
            type_docs: BTreeMap::new(),
            events: BTreeMap::new(),
            errors: BTreeMap::new(),
        };
        let parts = Parts::of(&schema, &TypeRef::Named("T0".into()));
        assert!(!parts.is_empty() && parts.len() < TYPES_MAX, "{} parts", parts.len());
        assert!(parts.iter().all(|part| part == "bool"));
    }
}
