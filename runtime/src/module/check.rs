//! [`CheckedModule`]: a contract's source Wasm that has passed every rule.

use chancery_abi::{
    Digest, Ident,
    limits::STACK_SLOTS_MAX,
    schema::{EXPORT_PREFIX, Schema},
};
use wasmparser::{ExternalKind, ValType};

use super::{
    LimitKind, ModuleError, Observed, Place, Schedule,
    instrument::{self, frame_slots},
    labels,
    survey::{GlobalValue, MutableGlobal, Survey, type_text},
    validate,
};

/// A contract's source Wasm that has passed every rule: valid under the allow-list, within the limits, importing from
/// the host's list only, with a schema whose methods it exports. There is no other way to one than [`Self::check`].
#[derive(Clone, Debug)]
pub struct CheckedModule {
    source: Vec<u8>,
    digest: Digest,
    schema: Schema,
    facts: Facts,
}

/// What instrumenting needs to know beside the source.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// How many globals there are; the counters come after them.
    pub(super) globals: u32,
    /// Whether the source has a section of globals, which may be empty.
    pub(super) has_globals: bool,
    /// How many types there are.
    pub(super) types: u32,
    /// How many functions are imported.
    pub(super) imported: u32,
    /// The functions of the module's own.
    pub(super) functions: Vec<FunctionFacts>,
    memory_pages: u32,
    /// The globals that code may write, when an instance can be made new again; see [`CheckedModule::restorable`].
    pub(super) restorable: Option<Vec<MutableGlobal>>,
}

/// Globals that are worth restoring one by one.
const RESTORED_GLOBALS_MAX: usize = 16;

/// What instrumenting needs to know of a function.
#[derive(Clone, Debug)]
pub(super) struct FunctionFacts {
    /// How many parameters it has.
    pub(super) parameters: u32,
    /// The types of its results.
    pub(super) results: Vec<ValType>,
    /// How many locals it has beside them.
    pub(super) locals: u32,
    /// How many bytes its body has.
    pub(super) body_bytes: u32,
    /// Slots of the logical stack that a call takes.
    pub(super) frame_slots: u32,
}

impl CheckedModule {
    /// Accepts or refuses a contract's source Wasm. Total on any bytes; runs nothing of the module.
    ///
    /// # Errors
    /// When the module breaks a rule; the error names the rule, the place and the remedy.
    pub fn check(wasm: &[u8]) -> Result<Self, ModuleError> {
        check(wasm).map_err(|error| labels::name_function(error, wasm))
    }

    /// The contract's schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// SHA-256 of the source.
    pub fn code_digest(&self) -> Digest {
        self.digest
    }

    /// The source's bytes.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// Pages of 64 KiB that an instance's memory has at the start.
    pub fn memory_pages(&self) -> u32 {
        self.facts.memory_pages
    }

    /// The globals to write when an instance is to be made new again: the exports that the instrumented module has for
    /// them, and what they hold at the start. `None` when it cannot be done, because code may drop data segments, or is
    /// not worth it, because there are many. Beside globals an instance has its memory: tables cannot be written.
    pub(crate) fn restorable(&self) -> Option<impl Iterator<Item = (String, GlobalValue)>> {
        let globals = self.facts.restorable.as_ref()?;
        Some(globals.iter().map(|global| (instrument::global_export(global.index), global.start)))
    }

    /// The module that the engine compiles: the source with gas and stack height counted under `schedule`, without
    /// custom sections, exporting the memory, the methods, [`GAS_EXPORT`](super::GAS_EXPORT),
    /// [`HEIGHT_EXPORT`](super::HEIGHT_EXPORT), the globals that make an instance new again, and nothing else. The same
    /// source and schedule give the same bytes.
    pub fn instrument(&self, schedule: &Schedule) -> Vec<u8> {
        instrument::instrument(&self.source, &self.facts, schedule)
    }

    /// The same module with a way back to its source, and with probes in it when they are asked for. It has the same
    /// gas, outcome and traps.
    pub fn instrument_observed(&self, schedule: &Schedule, with_probes: bool) -> Observed {
        instrument::instrument_observed(&self.source, &self.facts, schedule, with_probes)
    }

    /// Bytes of the longest function's body.
    pub fn longest_body(&self) -> u32 {
        self.facts.functions.iter().map(|function| function.body_bytes).max().unwrap_or_default()
    }

    /// Gas for what [`compile_gas`](super::compile_gas) leaves of compiling, which goes by the number and length of functions, to be charged after
    /// [`Self::check`] and before the instrumented module is compiled.
    pub fn body_gas(&self, schedule: &Schedule) -> u64 {
        self.facts.functions.iter().map(|function| schedule.body_gas(function.body_bytes)).fold(0, u64::saturating_add)
    }
}

fn check(wasm: &[u8]) -> Result<CheckedModule, ModuleError> {
    let survey = Survey::of(wasm)?;
    let heights = validate::operand_heights(wasm)?;
    let schema = Schema::from_section(survey.schema).map_err(ModuleError::Schema)?;
    check_methods(&survey, &schema)?;
    let facts = facts(&survey, &heights)?;
    Ok(CheckedModule { source: wasm.to_vec(), digest: Digest::of(wasm), schema, facts })
}

/// Schema and exports must name the same methods.
fn check_methods(survey: &Survey<'_>, schema: &Schema) -> Result<(), ModuleError> {
    for (&name, &(kind, index)) in &survey.methods {
        let export = || labels::printable(name);
        let method = name.strip_prefix(EXPORT_PREFIX).and_then(|method| Ident::new(method).ok());
        if method.is_none_or(|method| !schema.methods.contains_key(&method)) {
            return Err(ModuleError::MethodUnknown { export: export() });
        }
        let found = match kind {
            ExternalKind::Func if index >= survey.imported => None,
            ExternalKind::Func | ExternalKind::FuncExact => Some("an imported function"),
            ExternalKind::Table => Some("a table"),
            ExternalKind::Memory => Some("a memory"),
            ExternalKind::Global => Some("a global"),
            ExternalKind::Tag => Some("a tag"),
        };
        if let Some(found) = found {
            return Err(ModuleError::MethodKind { export: export(), found });
        }
        if let Some(ty) = survey.function_type(index)
            && !(ty.params().is_empty() && ty.results().is_empty())
        {
            return Err(ModuleError::MethodType { export: export(), found: type_text(ty) });
        }
    }
    match schema.methods.keys().find(|method| !survey.methods.contains_key(format!("{EXPORT_PREFIX}{method}").as_str()))
    {
        Some(method) => Err(ModuleError::MethodMissing { method: method.clone() }),
        None => Ok(()),
    }
}

fn facts(survey: &Survey<'_>, heights: &[u32]) -> Result<Facts, ModuleError> {
    let own = (survey.imported..).zip(heights).zip(&survey.bodies);
    let functions = own.map(|((index, &operand_height), &(locals, body_bytes))| {
        let ty = survey.function_type(index).expect("a valid module's functions have types");
        let parameters = ty.params().len() as u32;
        let frame_slots = frame_slots(parameters, locals, operand_height, body_bytes);
        if frame_slots > STACK_SLOTS_MAX {
            let (kind, place) = (LimitKind::FrameSlots, Place::Function(index.into()));
            return Err(ModuleError::Limit { kind, place, found: frame_slots.into(), limit: STACK_SLOTS_MAX.into() });
        }
        Ok(FunctionFacts { parameters, results: ty.results().to_vec(), locals, body_bytes, frame_slots })
    });
    Ok(Facts {
        globals: survey.globals,
        has_globals: survey.has_globals,
        types: survey.types.len() as u32,
        imported: survey.imported,
        functions: functions.collect::<Result<_, _>>()?,
        memory_pages: survey.memory_pages as u32,
        restorable: (!survey.has_passive_data && survey.mutable_globals.len() <= RESTORED_GLOBALS_MAX)
            .then(|| survey.mutable_globals.clone()),
    })
}
