//! Why a module is refused, in words that name the feature, the place and the way out.
//!
//! The variants carry facts; sentences are made from them in one place, here. The texts are for people and may be
//! improved at any time; nothing may depend on them.

use core::fmt;

use chancery_abi::{Ident, host, schema::SchemaError};

/// A function, by its index and, where the module tells it, its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionLabel {
    /// The index in the module's function space, imports included.
    pub index: u32,
    /// The name in the name section, or else of an export.
    pub name: Option<String>,
}

/// Where in a module something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The module as a whole.
    Module,
    /// A function type.
    Type(u32),
    /// A function.
    Function(FunctionLabel),
    /// A global of the module's own.
    Global(u32),
    /// The memory.
    Memory,
    /// The table.
    Table,
    /// A data segment.
    Data(u32),
    /// An element segment.
    Element(u32),
}

/// A part of WebAssembly that contracts may not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// f32 and f64, conversions to and from them included.
    Floats,
    /// Fixed-width and relaxed SIMD.
    Simd,
    /// Shared memory and atomics.
    Threads,
    /// 64-bit memories and tables.
    Memory64,
    /// More than one memory.
    MultiMemory,
    /// Pages of another size than 64 KiB.
    CustomPageSizes,
    /// `memory.discard`.
    MemoryControl,
    /// `return_call` and its kin.
    TailCalls,
    /// Structs, arrays and their reference types.
    Gc,
    /// Typed function references.
    FunctionReferences,
    /// Reference values outside the table.
    ReferenceTypes,
    /// Instructions that read or change the table, other than `call_indirect`.
    TableInstructions,
    /// Element segments that are not active or do not list plain functions.
    ElementKinds,
    /// Exceptions, old and new, and tags.
    Exceptions,
    /// Continuations.
    StackSwitching,
    /// 128-bit arithmetic.
    WideArithmetic,
    /// Initialisers that compute or read another global.
    ComputedInitialisers,
    /// Components instead of modules.
    Components,
    /// Anything newer.
    Unknown,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitKind {
    /// Bytes of the module.
    CodeBytes,
    /// Functions of the module's own.
    Functions,
    /// Bytes of a function's body.
    BodyBytes,
    /// Locals of a function.
    Locals,
    /// Blocks, loops and ifs of a function.
    Blocks,
    /// How deeply they nest.
    BlockDepth,
    /// Targets of all `br_table`s of a function.
    BranchTargets,
    /// Types.
    Types,
    /// Parameters of a function type.
    Parameters,
    /// Results of a function type.
    Results,
    /// Tables.
    Tables,
    /// Elements of the table.
    TableElements,
    /// Memories.
    Memories,
    /// Pages of the memory.
    MemoryPages,
    /// Globals.
    Globals,
    /// Exports.
    Exports,
    /// Data segments.
    DataSegments,
    /// Element segments.
    ElementSegments,
    /// Imports.
    Imports,
    /// Slots of the logical stack that one call of a function takes.
    FrameSlots,
}

/// Why a module is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// The bytes are not valid WebAssembly.
    #[error("not a valid WebAssembly module: {reason} (byte {offset}{})", in_function(function))]
    Invalid {
        /// Where it goes wrong.
        offset: usize,
        /// In which function, if in one.
        function: Option<FunctionLabel>,
        /// What goes wrong, as the parser puts it.
        reason: String,
    },
    /// It uses something outside the allow-list.
    #[error("{} not allowed; {place} uses {what}; {}", feature.subject(), feature.remedy())]
    Feature {
        /// What it uses.
        feature: Feature,
        /// Where.
        place: Place,
        /// The instruction, type or section it shows in.
        what: String,
    },
    /// It is over a limit.
    #[error("{place} has {found} {kind}, of which at most {limit} are allowed; {}", kind.remedy())]
    Limit {
        /// Which limit.
        kind: LimitKind,
        /// Where.
        place: Place,
        /// How many there are.
        found: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// It has a start section.
    #[error(
        "start functions are not allowed; move what {0} does into the contract's init method and remove the start section"
    )]
    Start(FunctionLabel),
    /// It imports something that the host does not have.
    #[error(
        "import `{module}.{name}` is not one of the host's functions (all of them are in module `{}`); use the SDK's calls only, and no crate that expects an operating system or a browser",
        host::MODULE
    )]
    UnknownImport {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
    },
    /// It imports a host function under another type.
    #[error(
        "import `{}.{name}` has type {found}, and the host's function has type {expected}; build against the SDK of this release",
        host::MODULE
    )]
    ImportType {
        /// The function's name.
        name: String,
        /// The host's type.
        expected: String,
        /// The module's.
        found: String,
    },
    /// It imports something other than a function.
    #[error(
        "import `{module}.{name}` is a {kind}; only functions may be imported; define the {kind} in the module (for memory: no `--import-memory`)"
    )]
    ImportKind {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// It has no memory.
    #[error("the module has no memory; build it as a `cdylib` for wasm32-unknown-unknown")]
    NoMemory,
    /// Its memory is not exported as `memory`.
    #[error("the memory is not exported as `memory`; link without `--no-export-memory`")]
    MemoryNotExported,
    /// Its memory has no maximum.
    #[error(
        "the memory declares no maximum; link with `-zstack-size=65536 --max-memory=16777216`, as `chancery contract build` does"
    )]
    MemoryUnbounded,
    /// A segment reaches beyond the memory or table as it is at the start.
    #[error("{place} ends at {end}, and there are only {size} at the start; raise the initial size")]
    SegmentOutside {
        /// The segment.
        place: Place,
        /// One past its last byte or element.
        end: u64,
        /// The bytes of memory, or elements of the table, at the start.
        size: u64,
    },
    /// It exports a name that the instrumented module needs for itself.
    #[error(
        "export `{name}` is reserved: names that begin with `{}` belong to the chain; rename it",
        super::RESERVED_PREFIX
    )]
    ReservedExport {
        /// The name.
        name: String,
    },
    /// Its schema has a method that it does not export.
    #[error(
        "method `{method}` is in the schema, and the module has no function exported as `call.{method}`; build schema and code from one source with the SDK's macros"
    )]
    MethodMissing {
        /// The method.
        method: Ident,
    },
    /// It exports a method that is not in its schema.
    #[error(
        "export `{export}` is not a method of the schema; build schema and code from one source with the SDK's macros"
    )]
    MethodUnknown {
        /// The export's name.
        export: String,
    },
    /// A method's export is not a function of the module's own.
    #[error("export `{export}` is {found}; a method is a function of the module's own")]
    MethodKind {
        /// The export's name.
        export: String,
        /// What it is.
        found: &'static str,
    },
    /// A method's function has parameters or results.
    #[error(
        "export `{export}` has type {found}; a method takes its input and gives its output through host functions and has type () -> ()"
    )]
    MethodType {
        /// The export's name.
        export: String,
        /// Its function's type.
        found: String,
    },
    /// It has no schema.
    #[error(
        "the module has no schema (custom section `{}`); build it with `chancery contract build` and do not remove custom sections afterwards",
        chancery_abi::schema::SECTION
    )]
    SchemaMissing,
    /// It has more than one schema.
    #[error("the module has more than one custom section `{}`; link it once", chancery_abi::schema::SECTION)]
    SchemaTwice,
    /// Its schema is not one.
    #[error("the module is refused because {0}")]
    Schema(SchemaError),
}

impl ModuleError {
    /// The label of the function that the error names, if it names one.
    pub(super) fn function_mut(&mut self) -> Option<&mut FunctionLabel> {
        match self {
            Self::Invalid { function, .. } => function.as_mut(),
            Self::Start(function)
            | Self::Feature { place: Place::Function(function), .. }
            | Self::Limit { place: Place::Function(function), .. } => Some(function),
            _ => None,
        }
    }
}

impl From<wasmparser::Error> for ModuleError {
    fn from(error: wasmparser::Error) -> Self {
        Self::Invalid { offset: error.offset(), function: None, reason: error.message().to_owned() }
    }
}

fn in_function(function: &Option<FunctionLabel>) -> String {
    function.as_ref().map_or_else(String::new, |function| format!(", {function}"))
}

impl From<u32> for FunctionLabel {
    fn from(index: u32) -> Self {
        Self { index, name: None }
    }
}

impl fmt::Display for FunctionLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function {}", self.index)?;
        self.name.as_ref().map_or(Ok(()), |name| write!(f, " `{name}`"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module => f.write_str("the module"),
            Self::Type(index) => write!(f, "type {index}"),
            Self::Function(function) => function.fmt(f),
            Self::Global(index) => write!(f, "global {index}"),
            Self::Memory => f.write_str("the memory"),
            Self::Table => f.write_str("the table"),
            Self::Data(index) => write!(f, "data segment {index}"),
            Self::Element(index) => write!(f, "element segment {index}"),
        }
    }
}

impl Feature {
    /// The feature as a sentence's subject, with its verb.
    fn subject(self) -> &'static str {
        match self {
            Self::Floats => "floats are",
            Self::Simd => "SIMD is",
            Self::Threads => "threads and atomics are",
            Self::Memory64 => "64-bit memories and tables are",
            Self::MultiMemory => "memories beyond the first are",
            Self::CustomPageSizes => "custom page sizes are",
            Self::MemoryControl => "memory control instructions are",
            Self::TailCalls => "tail calls are",
            Self::Gc => "garbage-collected types are",
            Self::FunctionReferences => "typed function references are",
            Self::ReferenceTypes => "reference types are",
            Self::TableInstructions => "instructions that read or change the table are",
            Self::ElementKinds => "passive, declared and computed element segments are",
            Self::Exceptions => "exceptions are",
            Self::StackSwitching => "continuations are",
            Self::WideArithmetic => "128-bit arithmetic instructions are",
            Self::ComputedInitialisers => "computed initialisers are",
            Self::Components => "components are",
            Self::Unknown => "this part of WebAssembly is",
        }
    }

    /// What to do instead.
    fn remedy(self) -> &'static str {
        match self {
            Self::Floats => "use integers or fixed-point",
            Self::Simd => "build without `-C target-feature=+simd128`",
            Self::Threads => "build without `-C target-feature=+atomics`",
            Self::Memory64 => "build for wasm32-unknown-unknown",
            Self::MultiMemory => "build without `-C target-feature=+multimemory`",
            Self::CustomPageSizes => "link without `--page-size`",
            Self::TailCalls => "build without `-C target-feature=+tail-call`",
            Self::Exceptions => "build with `panic = \"abort\"` and without `-C target-feature=+exception-handling`",
            Self::WideArithmetic => "build without `-C target-feature=+wide-arithmetic`",
            Self::ComputedInitialisers => "use constants, and link statically (no `-C relocation-model=pic`)",
            Self::Components => "deploy the core module, before it is wrapped into a component",
            Self::ReferenceTypes | Self::TableInstructions | Self::ElementKinds => {
                "call functions through `call_indirect` and one table that is filled at the start, as rustc does"
            }
            Self::MemoryControl | Self::Gc | Self::FunctionReferences | Self::StackSwitching | Self::Unknown => {
                "build with stable rustc for wasm32-unknown-unknown and its default target features"
            }
        }
    }
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CodeBytes => "bytes of code",
            Self::Functions => "functions",
            Self::BodyBytes => "bytes of body",
            Self::Locals => "locals",
            Self::Blocks => "blocks",
            Self::BlockDepth => "levels of blocks",
            Self::BranchTargets => "branch table targets",
            Self::Types => "types",
            Self::Parameters => "parameters",
            Self::Results => "results",
            Self::Tables => "tables",
            Self::TableElements => "elements",
            Self::Memories => "memories",
            Self::MemoryPages => "pages",
            Self::Globals => "globals",
            Self::Exports => "exports",
            Self::DataSegments => "data segments",
            Self::ElementSegments => "element segments",
            Self::Imports => "imports",
            Self::FrameSlots => "stack slots",
        })
    }
}

impl LimitKind {
    fn remedy(self) -> &'static str {
        match self {
            Self::CodeBytes | Self::Functions => {
                "build with `opt-level = \"z\"`, `lto = true` and `strip = true`, or split the contract in two"
            }
            Self::BodyBytes
            | Self::Locals
            | Self::Blocks
            | Self::BlockDepth
            | Self::BranchTargets
            | Self::FrameSlots => "split the function, or mark what is inlined into it `#[inline(never)]`",
            Self::Types | Self::Parameters | Self::Results => "pass a reference to a struct instead",
            Self::Tables | Self::TableElements => "use fewer trait objects and function pointers",
            Self::Memories | Self::MemoryPages => "link with `--max-memory=16777216`",
            Self::Globals | Self::Exports | Self::Imports => "export and import only what the SDK's macros do",
            Self::DataSegments | Self::ElementSegments => "link the module with wasm-ld, which joins them",
        }
    }
}
