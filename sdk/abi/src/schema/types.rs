//! That every type of a schema has an end and is explained.
//!
//! Invariants: a type of the contract is followed once, however often it is used, so the check is linear in the
//! schema; and it recurses no deeper than [`TYPE_DEPTH_MAX`]. What it does not do: see whether a type can be a slot
//! key, which is the macros' business.

use alloc::{boxed::Box, collections::BTreeMap, string::String};

use crate::{
    limits::TYPE_DEPTH_MAX,
    schema::{Field, SchemaError, Shape, TypeRef},
};

/// Follows every type to its end, so that whoever walks a checked schema never walks for ever. A type of the contract
/// is followed once, however often it is used: otherwise a few types that each use the next twice would take for ever.
pub(super) struct TypeCheck<'a> {
    types: &'a BTreeMap<String, Shape>,
    /// How many levels each followed type has below it.
    heights: BTreeMap<&'a str, u32>,
}

impl<'a> TypeCheck<'a> {
    /// A check of types that are explained by `types`.
    pub(super) fn new(types: &'a BTreeMap<String, Shape>) -> Self {
        Self { types, heights: BTreeMap::new() }
    }

    /// Checks every type that the schema explains, used or not.
    pub(super) fn check_explained(&mut self) -> Result<(), SchemaError> {
        for name in self.types.keys() {
            if !self.heights.contains_key(name.as_str()) {
                self.follow(name, 0)?;
            }
        }
        Ok(())
    }

    /// Checks the types of `fields`.
    pub(super) fn check_fields(&mut self, fields: &'a [Field]) -> Result<(), SchemaError> {
        fields.iter().try_for_each(|field| self.check(&field.ty))
    }

    /// Checks one type.
    pub(super) fn check(&mut self, ty: &'a TypeRef) -> Result<(), SchemaError> {
        self.height(ty, 0).map(|_| ())
    }

    /// The levels below `ty`, which itself stands `depth` levels below where the walk began.
    fn height(&mut self, ty: &'a TypeRef, depth: u32) -> Result<u32, SchemaError> {
        if depth > TYPE_DEPTH_MAX {
            return Err(SchemaError::EndlessType(alloc::format!("{ty:?}")));
        }
        match ty {
            TypeRef::Optional(inner) | TypeRef::List(inner) => Ok(self.height(inner, depth + 1)? + 1),
            TypeRef::Tuple(parts) => self.above(parts.iter(), depth),
            TypeRef::Named(name) => {
                let height = match self.heights.get(name.as_str()) {
                    Some(height) => *height,
                    None => self.follow(name, depth)?,
                };
                match depth + height > TYPE_DEPTH_MAX {
                    true => Err(SchemaError::EndlessType(name.clone())),
                    false => Ok(height),
                }
            }
            _ => Ok(0),
        }
    }

    fn follow(&mut self, name: &'a str, depth: u32) -> Result<u32, SchemaError> {
        let (name, shape) =
            self.types.get_key_value(name).ok_or_else(|| SchemaError::UnknownType(String::from(name)))?;
        let fields: Box<dyn Iterator<Item = &'a Field>> = match shape {
            Shape::Struct(fields) => Box::new(fields.iter()),
            Shape::Enum(variants) => Box::new(variants.iter().flat_map(|variant| &variant.fields)),
        };
        let height = self.above(fields.map(|field| &field.ty), depth).map_err(|error| match error {
            SchemaError::EndlessType(_) => SchemaError::EndlessType(name.clone()),
            other => other,
        })?;
        self.heights.insert(name, height);
        Ok(height)
    }

    /// The levels below something that is made of `parts` and stands at `depth`.
    fn above(&mut self, parts: impl Iterator<Item = &'a TypeRef>, depth: u32) -> Result<u32, SchemaError> {
        let mut height = 0;
        for part in parts {
            height = height.max(self.height(part, depth + 1)? + 1);
        }
        Ok(height)
    }
}
