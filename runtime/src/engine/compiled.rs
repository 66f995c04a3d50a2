//! A module, instrumented and compiled, with everything about it that a call would otherwise look up each time.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use wasmtime::{InstancePre, Module, ModuleExport, Val, WasmBacktrace};

use super::{Engine, Observe, kept::Subject};
use crate::{
    abi::{
        Digest, Ident,
        schema::{EXPORT_PREFIX, Method, MethodKind, Schema},
    },
    execution::frame::Frame,
    module::{
        CheckedModule, GAS_EXPORT, GlobalValue, HEIGHT_EXPORT, Observed, Probe, Schedule, SourceMap, SourcePlace,
    },
};

/// A module that passed every check could not be compiled. The static limits are meant to rule this out, so it is a
/// fault of the node, never an outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("module {code} passed every check and could not be compiled: {reason}")]
pub struct CompileError {
    /// The digest of the module's source.
    pub code: Digest,
    /// What the compiler said.
    pub reason: String,
}

/// A method of a compiled module.
pub struct Entry {
    /// Its export.
    pub(crate) export: ModuleExport,
    /// What it is for.
    pub kind: MethodKind,
    /// Whether the contract may be entered through it while it is under execution.
    pub reentrant: bool,
}

/// What an observing engine knows of a module's code.
pub(crate) struct Observation {
    source_map: SourceMap,
    pub(crate) probes: Vec<Probe>,
}

impl Observation {
    /// The places in the source of an engine's backtrace, innermost first.
    pub(crate) fn places(&self, backtrace: &WasmBacktrace) -> Vec<SourcePlace> {
        let offsets = backtrace.frames().iter().filter_map(wasmtime::FrameInfo::module_offset);
        offsets.filter_map(|offset| self.source_map.place(offset)).collect()
    }
}

/// A module, instrumented and compiled.
pub struct Compiled {
    pub(crate) pre: InstancePre<Frame>,
    pub(crate) memory: ModuleExport,
    pub(crate) gas: ModuleExport,
    pub(crate) height: ModuleExport,
    /// The globals to write when an instance is made new again, or `None` when instances serve once.
    pub(crate) restored_globals: Option<Vec<(ModuleExport, Val)>>,
    /// The memory of a new instance up to the last byte that is not zero, once there was one.
    pub(crate) image: OnceLock<Vec<u8>>,
    /// Bytes of memory of a new instance.
    pub(crate) memory_bytes: usize,
    /// Gas for making an instance: its first pages are fresh memory.
    pub(crate) instance_gas: u64,
    /// There only in an engine that observes.
    pub(crate) observation: Option<Arc<Observation>>,
    code: Digest,
    methods: BTreeMap<Ident, Entry>,
    schema: Schema,
}

impl Compiled {
    pub(super) fn new(engine: &Engine, module: &CheckedModule, schedule: &Schedule) -> Result<Self, CompileError> {
        let code = module.code_digest();
        let failed = |reason: String| CompileError { code, reason };
        let (instrumented, observation) = instrument(module, schedule, engine.observe);
        let compiled = load_or_compile(engine, code, schedule, &instrumented).map_err(failed)?;
        let export =
            |name: &str| compiled.get_export_index(name).ok_or_else(|| failed(format!("export `{name}` went missing")));
        let mut methods = BTreeMap::new();
        for Method { name, kind, reentrant, .. } in module.schema().methods.values() {
            let export = export(&format!("{EXPORT_PREFIX}{name}"))?;
            methods.insert(name.clone(), Entry { export, kind: *kind, reentrant: *reentrant });
        }
        let value = |value| match value {
            GlobalValue::I32(value) => Val::I32(value),
            GlobalValue::I64(value) => Val::I64(value),
        };
        let restored = module.restorable().map(|globals| {
            globals.map(|(name, start)| Ok((export(&name)?, value(start)))).collect::<Result<Vec<_>, _>>()
        });
        Ok(Self {
            restored_globals: restored.transpose()?,
            image: OnceLock::new(),
            memory_bytes: module.memory_pages() as usize * (64 << 10),
            memory: export("memory")?,
            gas: export(GAS_EXPORT)?,
            height: export(HEIGHT_EXPORT)?,
            pre: engine.linker.instantiate_pre(&compiled).map_err(|error| failed(format!("{error:#}")))?,
            instance_gas: u64::from(module.memory_pages()) * schedule.page,
            observation,
            code,
            methods,
            schema: module.schema().clone(),
        })
    }

    /// The digest of the module's source.
    pub fn code(&self) -> Digest {
        self.code
    }

    /// The method of this name.
    pub fn method(&self, name: &Ident) -> Option<&Entry> {
        self.methods.get(name)
    }

    /// The name of the one method of this kind.
    pub fn method_of_kind(&self, kind: MethodKind) -> Option<&Ident> {
        self.methods.iter().find(|(_, entry)| entry.kind == kind).map(|(name, _)| name)
    }

    /// The module's schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }
}

/// The compiled form of an instrumented module: kept from an earlier run, or compiled and kept for a later one.
fn load_or_compile(engine: &Engine, code: Digest, schedule: &Schedule, instrumented: &[u8]) -> Result<Module, String> {
    let subject = Subject { code, schedule, instrumented };
    let kept = engine.kept.as_ref().and_then(|kept| kept.load(&engine.engine, &subject));
    if let Some(module) = kept {
        return Ok(module);
    }
    // On a thread of its own: a panic or a deep recursion of the compiler stays there.
    let compile = || Module::new(&engine.engine, instrumented);
    let compiled = std::thread::scope(|scope| {
        let thread =
            std::thread::Builder::new().name("compile".into()).stack_size(16 << 20).spawn_scoped(scope, compile);
        thread.map_err(|error| error.to_string())?.join().map_err(|_| String::from("the compiler panicked"))
    });
    let module = compiled?.map_err(|error| format!("{error:#}"))?;
    if let Some(kept) = &engine.kept {
        kept.save(&subject, &module);
    }
    Ok(module)
}

/// The code to compile, and what is to be known of it.
fn instrument(module: &CheckedModule, schedule: &Schedule, observe: Observe) -> (Vec<u8>, Option<Arc<Observation>>) {
    if observe == Observe::Nothing {
        return (module.instrument(schedule), None);
    }
    let Observed { wasm, source_map, probes } = module.instrument_observed(schedule, observe == Observe::Gas);
    (wasm, Some(Arc::new(Observation { source_map, probes })))
}
