//! The first reading of a module: limits, imports, exports, and refusals that people can act on.
//!
//! Every limit is applied before the work it bounds. The reading is lenient in what it parses (every proposal the
//! parser knows, so that it can be named) and never decides alone: `validate` reads the bytes again, strictly.

use std::collections::BTreeMap;

use chancery_abi::{
    host::{self, HostFunction},
    limits, schema,
};
use wasmparser::{
    CompositeInnerType, ConstExpr, DataKind, ElementItems, ElementKind, Encoding, ExternalKind, FuncType, FunctionBody,
    MemoryType, Operator, Parser, Payload, RefType, TableType, TypeRef, ValType,
};

use super::{
    Feature, LimitKind, ModuleError, Place,
    instrument::RESERVED_PREFIX,
    labels::printable,
    operators::{self, Class},
};

const PAGE_BYTES: u64 = 64 * 1024;

/// A global that code may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MutableGlobal {
    /// Its index.
    pub(super) index: u32,
    /// What it holds at the start.
    pub(super) start: GlobalValue,
}

/// What a global holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GlobalValue {
    /// An i32.
    I32(i32),
    /// An i64.
    I64(i64),
}

/// What the first reading found.
#[derive(Default)]
pub(super) struct Survey<'a> {
    /// The function types.
    pub(super) types: Vec<FuncType>,
    /// How many functions are imported; they come first in the function space.
    pub(super) imported: u32,
    /// The type of every function, the imported ones first.
    pub(super) functions: Vec<u32>,
    /// How many locals and bytes of body each function of the module's own has.
    pub(super) bodies: Vec<(u32, u32)>,
    /// How many globals there are, all of the module's own.
    pub(super) globals: u32,
    /// Whether there is a section of globals, which may be empty.
    pub(super) has_globals: bool,
    /// Those that code may write.
    pub(super) mutable_globals: Vec<MutableGlobal>,
    /// Whether a data segment waits for code to copy or drop it.
    pub(super) has_passive_data: bool,
    /// Pages of memory at the start.
    pub(super) memory_pages: u64,
    /// Functions exported under the prefix of methods: name and index.
    pub(super) methods: BTreeMap<&'a str, (ExternalKind, u32)>,
    /// The bytes of the schema.
    pub(super) schema: &'a [u8],
    has_schema: bool,
    has_memory: bool,
    exports_memory: bool,
    table_elements: u64,
    /// Types that use a feature outside the list; reported for the first function that has one.
    refused_types: BTreeMap<u32, (Feature, String)>,
}

impl<'a> Survey<'a> {
    /// Reads the module once.
    pub(super) fn of(wasm: &'a [u8]) -> Result<Self, ModuleError> {
        limit(LimitKind::CodeBytes, Place::Module, wasm.len() as u64, limits::CODE_BYTES_MAX as u64)?;
        let mut survey = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            survey.read(payload?)?;
        }
        survey.finish()?;
        Ok(survey)
    }

    /// The type of a function by its index in the function space.
    pub(super) fn function_type(&self, index: u32) -> Option<&FuncType> {
        self.types.get(*self.functions.get(index as usize)? as usize)
    }

    fn read(&mut self, payload: Payload<'a>) -> Result<(), ModuleError> {
        match payload {
            Payload::Version { encoding: Encoding::Component, .. } => {
                return refuse(Feature::Components, Place::Module, "the component encoding");
            }
            Payload::TypeSection(section) => {
                count(LimitKind::Types, section.count(), limits::TYPES_MAX)?;
                for group in section {
                    self.read_type(group?)?;
                }
            }
            Payload::ImportSection(section) => {
                count(LimitKind::Imports, section.count(), limits::IMPORTS_MAX)?;
                for import in section.into_imports() {
                    let import = import?;
                    self.read_import(import.module, import.name, import.ty)?;
                }
            }
            Payload::FunctionSection(section) => {
                count(LimitKind::Functions, section.count(), limits::FUNCTIONS_MAX)?;
                for ty in section {
                    self.functions.push(ty?);
                }
            }
            Payload::TableSection(section) => {
                count(LimitKind::Tables, section.count(), limits::TABLES_MAX)?;
                for table in section {
                    let table = table?;
                    if matches!(table.init, wasmparser::TableInit::Expr(_)) {
                        return refuse(Feature::ElementKinds, Place::Table, "an initial value for its elements");
                    }
                    self.read_table(table.ty)?;
                }
            }
            Payload::MemorySection(section) => {
                if section.count() > 1 {
                    return refuse(Feature::MultiMemory, Place::Module, format!("{} memories", section.count()));
                }
                for memory in section {
                    self.read_memory(memory?)?;
                }
            }
            Payload::TagSection(_) => return refuse(Feature::Exceptions, Place::Module, "a tag section"),
            Payload::GlobalSection(section) => {
                count(LimitKind::Globals, section.count(), limits::GLOBALS_MAX)?;
                self.has_globals = true;
                for (index, global) in (0..).zip(section) {
                    let global = global?;
                    if let Some((feature, what)) = refused_type(global.ty.content_type) {
                        return refuse(feature, Place::Global(index), what);
                    }
                    if global.ty.shared {
                        return refuse(Feature::Threads, Place::Global(index), "a shared global");
                    }
                    let start = constant(&global.init_expr, Place::Global(index))?;
                    if global.ty.mutable {
                        let start = match global.ty.content_type {
                            ValType::I64 => GlobalValue::I64(start),
                            _ => GlobalValue::I32(start as i32),
                        };
                        self.mutable_globals.push(MutableGlobal { index, start });
                    }
                    self.globals += 1;
                }
            }
            Payload::ExportSection(section) => {
                count(LimitKind::Exports, section.count(), limits::EXPORTS_MAX)?;
                for export in section {
                    self.read_export(export?)?;
                }
            }
            Payload::StartSection { func, .. } => return Err(ModuleError::Start(func.into())),
            Payload::ElementSection(section) => {
                count(LimitKind::ElementSegments, section.count(), limits::SEGMENTS_MAX)?;
                for (index, element) in (0..).zip(section) {
                    self.read_element(index, &element?)?;
                }
            }
            Payload::DataSection(section) => {
                count(LimitKind::DataSegments, section.count(), limits::SEGMENTS_MAX)?;
                for (index, data) in (0..).zip(section) {
                    let data = data?;
                    if let DataKind::Active { offset_expr, .. } = &data.kind {
                        let size = self.memory_pages * PAGE_BYTES;
                        segment(Place::Data(index), offset_expr, data.data.len() as u64, size)?;
                    } else {
                        self.has_passive_data = true;
                    }
                }
            }
            Payload::CodeSectionStart { .. } => self.check_refused_types()?,
            Payload::CodeSectionEntry(body) => self.read_body(&body)?,
            Payload::CustomSection(section) if section.name() == schema::SECTION => {
                if self.has_schema {
                    return Err(ModuleError::SchemaTwice);
                }
                self.has_schema = true;
                self.schema = section.data();
            }
            // Other custom sections say nothing that counts. What else there may be, the strict reading refuses.
            _ => {}
        }
        Ok(())
    }

    fn read_type(&mut self, group: wasmparser::RecGroup) -> Result<(), ModuleError> {
        let index = self.types.len() as u32;
        if group.is_explicit_rec_group() {
            return refuse(Feature::Gc, Place::Type(index), "a recursive type group");
        }
        for ty in group.into_types() {
            let shared = ty.composite_type.shared;
            let function = match ty.composite_type.inner {
                CompositeInnerType::Func(function) => function,
                CompositeInnerType::Cont(_) => {
                    return refuse(Feature::StackSwitching, Place::Type(index), "a continuation type");
                }
                _ => return refuse(Feature::Gc, Place::Type(index), "a struct or array type"),
            };
            if shared {
                return refuse(Feature::Threads, Place::Type(index), "a shared type");
            }
            let (parameters, results) = (function.params().len(), function.results().len());
            limit(LimitKind::Parameters, Place::Type(index), parameters as u64, limits::PARAMETERS_MAX as u64)?;
            limit(LimitKind::Results, Place::Type(index), results as u64, limits::RESULTS_MAX as u64)?;
            if let Some(refusal) = function.params().iter().chain(function.results()).copied().find_map(refused_type) {
                self.refused_types.insert(index, refusal);
            }
            self.types.push(function);
        }
        Ok(())
    }

    fn read_import(&mut self, module: &str, name: &str, ty: TypeRef) -> Result<(), ModuleError> {
        let kind = match ty {
            TypeRef::Func(index) => {
                let function = (module == host::MODULE).then(|| host::host_function(name)).flatten();
                let Some(function) = function else {
                    return Err(ModuleError::UnknownImport { module: printable(module), name: printable(name) });
                };
                if let Some(found) = self.types.get(index as usize)
                    && !same_type(function, found)
                {
                    let (expected, found) = (host_type(function), type_text(found));
                    return Err(ModuleError::ImportType { name: name.to_owned(), expected, found });
                }
                self.functions.push(index);
                self.imported += 1;
                return Ok(());
            }
            TypeRef::FuncExact(_) => "function of exact type",
            TypeRef::Table(_) => "table",
            TypeRef::Memory(_) => "memory",
            TypeRef::Global(_) => "global",
            TypeRef::Tag(_) => "tag",
        };
        Err(ModuleError::ImportKind { module: printable(module), name: printable(name), kind })
    }

    fn read_table(&mut self, table: TableType) -> Result<(), ModuleError> {
        if table.table64 {
            return refuse(Feature::Memory64, Place::Table, "64-bit indices");
        }
        if table.shared {
            return refuse(Feature::Threads, Place::Table, "a shared table");
        }
        if table.element_type != RefType::FUNCREF {
            return refuse(Feature::ReferenceTypes, Place::Table, table.element_type.to_string());
        }
        limit(LimitKind::TableElements, Place::Table, table.initial, limits::TABLE_ELEMENTS_MAX)?;
        self.table_elements = table.initial;
        Ok(())
    }

    fn read_memory(&mut self, memory: MemoryType) -> Result<(), ModuleError> {
        if memory.memory64 {
            return refuse(Feature::Memory64, Place::Memory, "64-bit addresses");
        }
        if memory.shared {
            return refuse(Feature::Threads, Place::Memory, "shared memory");
        }
        if memory.page_size_log2.is_some() {
            return refuse(Feature::CustomPageSizes, Place::Memory, "a page size of its own");
        }
        limit(LimitKind::MemoryPages, Place::Memory, memory.initial, limits::MEMORY_PAGES_MAX)?;
        let maximum = memory.maximum.ok_or(ModuleError::MemoryUnbounded)?;
        limit(LimitKind::MemoryPages, Place::Memory, maximum, limits::MEMORY_PAGES_MAX)?;
        self.has_memory = true;
        self.memory_pages = memory.initial;
        Ok(())
    }

    fn read_export(&mut self, export: wasmparser::Export<'a>) -> Result<(), ModuleError> {
        if export.name.starts_with(RESERVED_PREFIX) {
            return Err(ModuleError::ReservedExport { name: printable(export.name) });
        }
        if export.name == "memory" {
            self.exports_memory = export.kind == ExternalKind::Memory;
        }
        if export.name.starts_with(schema::EXPORT_PREFIX) {
            self.methods.insert(export.name, (export.kind, export.index));
        }
        Ok(())
    }

    fn read_element(&self, index: u32, element: &wasmparser::Element<'_>) -> Result<(), ModuleError> {
        let place = Place::Element(index);
        let ElementItems::Functions(functions) = &element.items else {
            return refuse(Feature::ElementKinds, place, "expressions for its elements");
        };
        match &element.kind {
            ElementKind::Active { offset_expr, .. } => {
                segment(place, offset_expr, functions.count().into(), self.table_elements)
            }
            ElementKind::Passive => refuse(Feature::ElementKinds, place, "the passive form"),
            ElementKind::Declared => refuse(Feature::ElementKinds, place, "the declared form"),
        }
    }

    /// Refuses the first function of a type that uses a feature outside the list.
    fn check_refused_types(&self) -> Result<(), ModuleError> {
        for (index, ty) in (0..).zip(&self.functions) {
            if let Some((feature, what)) = self.refused_types.get(ty) {
                let what = format!("{what} as a parameter or result");
                return refuse(*feature, Place::Function(u32::into(index)), what);
            }
        }
        Ok(())
    }

    fn read_body(&mut self, body: &FunctionBody<'_>) -> Result<(), ModuleError> {
        let index = self.imported + self.bodies.len() as u32;
        let place = || Place::Function(index.into());
        limit(LimitKind::BodyBytes, place(), body.range().len() as u64, limits::BODY_BYTES_MAX as u64)?;
        let within = |error: wasmparser::Error| ModuleError::Invalid {
            offset: error.offset(),
            function: Some(index.into()),
            reason: error.message().to_owned(),
        };
        let mut locals = 0u64;
        for local in body.get_locals_reader().map_err(within)? {
            let (count, ty) = local.map_err(within)?;
            locals += u64::from(count);
            limit(LimitKind::Locals, place(), locals, limits::LOCALS_MAX.into())?;
            if let Some((feature, what)) = refused_type(ty) {
                return refuse(feature, place(), format!("{what} as a local"));
            }
        }
        self.bodies.push((locals as u32, body.range().len() as u32));
        let (mut blocks, mut depth, mut targets) = (0u64, 0u64, 0u64);
        for operator in body.get_operators_reader().map_err(within)? {
            let operator = operator.map_err(within)?;
            let Some(class) = operators::class(&operator) else {
                let (feature, name) = operators::refusal(&operator);
                return refuse(feature, place(), name);
            };
            match operator {
                Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                    blocks += 1;
                    depth += 1;
                    limit(LimitKind::Blocks, place(), blocks, limits::BLOCKS_MAX.into())?;
                    limit(LimitKind::BlockDepth, place(), depth, limits::BLOCK_DEPTH_MAX.into())?;
                    if let wasmparser::BlockType::Type(ty) = blockty
                        && let Some((feature, what)) = refused_type(ty)
                    {
                        return refuse(feature, place(), format!("{what} as a block's result"));
                    }
                }
                // The body's own `end` is one more than its blocks.
                Operator::End => depth = depth.saturating_sub(1),
                _ => {}
            }
            if let Class::BranchTable(count) = class {
                targets += u64::from(count);
                limit(LimitKind::BranchTargets, place(), targets, limits::BRANCH_TARGETS_MAX.into())?;
            }
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), ModuleError> {
        self.check_refused_types()?;
        if let Some((index, (feature, what))) = self.refused_types.first_key_value() {
            return refuse(*feature, Place::Type(*index), what);
        }
        if !self.has_memory {
            return Err(ModuleError::NoMemory);
        }
        if !self.exports_memory {
            return Err(ModuleError::MemoryNotExported);
        }
        if self.has_schema { Ok(()) } else { Err(ModuleError::SchemaMissing) }
    }
}

fn refuse<T>(feature: Feature, place: Place, what: impl Into<String>) -> Result<T, ModuleError> {
    Err(ModuleError::Feature { feature, place, what: what.into() })
}

fn limit(kind: LimitKind, place: Place, found: u64, limit: u64) -> Result<(), ModuleError> {
    if found > limit { Err(ModuleError::Limit { kind, place, found, limit }) } else { Ok(()) }
}

fn count(kind: LimitKind, found: u32, max: u32) -> Result<(), ModuleError> {
    limit(kind, Place::Module, found.into(), max.into())
}

/// The feature that a value type belongs to, when it is not an integer.
fn refused_type(ty: ValType) -> Option<(Feature, String)> {
    let feature = match ty {
        ValType::I32 | ValType::I64 => return None,
        ValType::F32 | ValType::F64 => Feature::Floats,
        ValType::V128 => Feature::Simd,
        ValType::Ref(RefType::FUNCREF | RefType::EXTERNREF) => Feature::ReferenceTypes,
        ValType::Ref(ty) if ty.is_concrete_type_ref() => Feature::FunctionReferences,
        ValType::Ref(_) => Feature::Gc,
    };
    Some((feature, ty.to_string()))
}

/// The constant that an initialiser is, sign extended.
fn constant(expression: &ConstExpr<'_>, place: Place) -> Result<i64, ModuleError> {
    let mut reader = expression.get_operators_reader();
    let value = match reader.read()? {
        Operator::I32Const { value } => i64::from(value),
        Operator::I64Const { value } => value,
        other => {
            let (_, name) = operators::refusal(&other);
            return refuse(Feature::ComputedInitialisers, place, name);
        }
    };
    match reader.read()? {
        Operator::End => Ok(value),
        other => {
            let (_, name) = operators::refusal(&other);
            refuse(Feature::ComputedInitialisers, place, name)
        }
    }
}

/// Refuses an active segment that would not fit, so that instantiating a checked module cannot trap.
fn segment(place: Place, offset: &ConstExpr<'_>, length: u64, size: u64) -> Result<(), ModuleError> {
    let start = constant(offset, place.clone())? as u32;
    let end = u64::from(start) + length;
    if end > size { Err(ModuleError::SegmentOutside { place, end, size }) } else { Ok(()) }
}

fn value_type(ty: host::ValueType) -> ValType {
    match ty {
        host::ValueType::I32 => ValType::I32,
        host::ValueType::I64 => ValType::I64,
    }
}

fn same_type(host: &HostFunction, found: &FuncType) -> bool {
    let parameters = host.parameters.iter().copied().map(value_type);
    parameters.eq(found.params().iter().copied())
        && host.result.map(value_type).into_iter().eq(found.results().iter().copied())
}

fn host_type(host: &HostFunction) -> String {
    let function = FuncType::new(host.parameters.iter().copied().map(value_type), host.result.map(value_type));
    type_text(&function)
}

/// A function type as `(i32, i64) -> (i32)`.
pub(super) fn type_text(ty: &FuncType) -> String {
    let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", list(ty.params()), list(ty.results()))
}
