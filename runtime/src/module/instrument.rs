//! Adds the gas counter and the logical stack height to a checked module.
//!
//! **Gas** counts down in an exported i64 global. Each region of a function (see `plan`) is charged before its first
//! instruction; `memory.grow` is charged by page and bulk memory by length, right before they run. The counter is
//! looked at, and the function traps when it is negative, at every function's entry, at the head of every loop, and
//! after each charge by page or length. Between two looks lies at most one pass through one body without its loops, so
//! work that is not paid for is bounded by `BODY_BYTES_MAX`. The global is written at every charge, so it is exact at
//! calls and traps; it is read back only where a call may have changed it, so that in a loop without calls the engine
//! keeps it in a register.
//!
//! **Height** counts slots up in an exported i32 global: at entry a function adds its frame's slots and traps when the
//! sum is over `STACK_SLOTS_MAX`; on every way out it puts the height back. A function that calls nothing only
//! compares, and writes the global when it is about to trap, so that the host sees why.
//!
//! A trap is `unreachable`, and leaves both globals as they are.
//!
//! **Headroom.** Limits bind the source; what comes out is larger. Each charge stands after an instruction that ends a
//! region, or at one that is charged by length, and each function gains one prologue and epilogue: at most
//! [`BODY_GROWTH_MAX`] bytes out for a byte in, and [`FUNCTION_GROWTH_MAX`] a function. So a body stays below 3.3 MB,
//! where parser and engine allow 7.6 MB; locals grow by 3, block depth by 2, types by one for each result list, globals
//! by 2, all far below the engine's limits of 50,000 and 1,000,000.

use std::collections::BTreeMap;

use chancery_abi::{limits::BODY_BYTES_MAX, schema::EXPORT_PREFIX};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, GlobalSection, GlobalType,
    ImportSection, Instruction, Module, SectionId, TypeSection, ValType,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{FunctionBody, Operator, Parser};

use super::{
    Schedule,
    check::Facts,
    emit::{Counters, Emitter},
    observe::{Notes, Observed, PROBE_MODULE, PROBE_NAME, Probe, Probes, SourceMap},
    plan::{self, Plan},
};

/// What names of exports begin with that the source may not use.
pub const RESERVED_PREFIX: &str = "chancery.";
/// The exported i64 global that holds the gas left. The host sets it before a call, and reads and writes it in host
/// functions; negative means out of gas.
pub const GAS_EXPORT: &str = "chancery.gas";
/// The exported i32 global that holds the logical stack height in slots. The host sets it before a call; above
/// `STACK_SLOTS_MAX` after a trap it says why.
pub const HEIGHT_EXPORT: &str = "chancery.height";

/// The export of a global of the source that code may write, for making an instance new again.
pub(super) fn global_export(index: u32) -> String {
    format!("{RESERVED_PREFIX}global.{index}")
}

/// Bytes of instrumented body for a byte of source body, at most; the function's own prologue comes on top.
pub const BODY_GROWTH_MAX: usize = 50;
/// Bytes that a function gains whatever its length.
const FUNCTION_GROWTH_MAX: usize = 128;
/// Slots that a call takes beside its parameters, locals and operands: return address, saved registers, alignment.
const FRAME_SLOTS: u32 = 8;
/// Bytes of a function's source body for which its frame takes a slot more.
const BODY_BYTES_PER_SLOT: u32 = 16;
/// Bytes of native stack that an engine must have for each slot of the logical one, so that the logical limit is the one
/// that is met first: `STACK_SLOTS_MAX` of them are what Wasm frames need at most, over all nested calls.
pub const NATIVE_BYTES_PER_SLOT: usize = 128;

// wasmparser's limit on a function's body, which the engine has too.
const _: () = assert!(BODY_BYTES_MAX * BODY_GROWTH_MAX + FUNCTION_GROWTH_MAX < 7_654_321);

/// The slots that one call of a function takes: what its parameters, locals and operands need, and a share of its length.
///
/// The length is there because an optimising compiler keeps more than the source's stack in a frame: what it hoists out
/// of a loop, or finds computed before, lives on in a slot of its own. A 55 KB loop over 5,000 products of its one
/// parameter has 14 slots by its operands and a native frame of 41 KB. Such a value takes the source at least 4 bytes
/// and the frame 8, so a slot for [`BODY_BYTES_PER_SLOT`] bytes leaves [`NATIVE_BYTES_PER_SLOT`] four times what is
/// needed; a test in `tests/differential` measures it on the worst shapes known.
pub(super) fn frame_slots(parameters: u32, locals: u32, operand_height: u32, body_bytes: u32) -> u32 {
    [parameters, locals, operand_height, body_bytes / BODY_BYTES_PER_SLOT]
        .into_iter()
        .fold(FRAME_SLOTS, u32::saturating_add)
}

/// The instrumented module. `facts` are those that checking `source` gave.
pub(super) fn instrument(source: &[u8], facts: &Facts, schedule: &Schedule) -> Vec<u8> {
    Instrumenter::new(facts, schedule, false, None).run(source)
}

/// The instrumented module, the way back to its source, and its probes when they are asked for.
pub(super) fn instrument_observed(source: &[u8], facts: &Facts, schedule: &Schedule, with_probes: bool) -> Observed {
    // Without a function there is nothing to probe, and perhaps no section of types for the hook's.
    let with_probes = with_probes && !facts.functions.is_empty();
    let mut instrumenter = Instrumenter::new(facts, schedule, with_probes, Some(Watch::default()));
    let wasm = instrumenter.run(source);
    let Watch { bodies, probes } = instrumenter.watch.expect("it was given above");
    let mut source_map = SourceMap::new(facts.imported);
    let written = Parser::new(0).parse_all(&wasm).filter_map(|payload| match payload {
        Ok(wasmparser::Payload::CodeSectionEntry(body)) => Some(body.range().start),
        _ => None,
    });
    written.zip(&bodies).for_each(|(start, marks)| source_map.push(start, marks));
    Observed { wasm, source_map, probes }
}

/// What an instruction costs, by its offset in the source.
pub(super) type Charge = (u32, u64);

/// What is collected when somebody asked for it.
#[derive(Default)]
struct Watch {
    /// By function, its marks.
    bodies: Vec<Vec<(u32, u32)>>,
    probes: Vec<Probe>,
}

struct Instrumenter<'a> {
    facts: &'a Facts,
    schedule: &'a Schedule,
    /// Which of the module's own functions comes next.
    next_body: usize,
    /// The added types `() -> results`, for bodies with more than one result.
    result_types: BTreeMap<Vec<wasmparser::ValType>, u32>,
    with_probes: bool,
    watch: Option<Watch>,
}

type Reencoded<T = ()> = Result<T, Error<core::convert::Infallible>>;

impl<'a> Instrumenter<'a> {
    fn new(facts: &'a Facts, schedule: &'a Schedule, with_probes: bool, watch: Option<Watch>) -> Self {
        Self { facts, schedule, next_body: 0, result_types: BTreeMap::new(), with_probes, watch }
    }

    fn run(&mut self, source: &[u8]) -> Vec<u8> {
        let mut module = Module::new();
        self.parse_core_module(&mut module, Parser::new(0), source).expect("a checked module can be read again");
        module.finish()
    }

    /// The type of the probes' hook comes after all others.
    fn hook_type(&self) -> u32 {
        self.facts.types + self.result_types.len() as u32
    }

    fn add_hook(&self, imports: &mut ImportSection) {
        imports.import(PROBE_MODULE, PROBE_NAME, EntityType::Function(self.hook_type()));
    }

    /// What is to be noted of the function with this place among the module's own.
    fn notes<'n>(&self, watch: &'n mut Watch, own: usize, plan: &Plan, charges: Vec<Charge>) -> Notes<'n> {
        let probes = self.with_probes.then(|| {
            let mut by_region = vec![Vec::new(); plan.regions.len()];
            for (at, charge) in charges.into_iter().enumerate().filter(|(at, charge)| plan.live[*at] && charge.1 > 0) {
                by_region[plan.owners[at] as usize].push(charge);
            }
            let (hook, function) = (self.facts.imported, self.facts.imported + own as u32);
            Probes { list: &mut watch.probes, hook, function, charges: by_region }
        });
        Notes { probes, ..Notes::default() }
    }

    fn gas(&self) -> u32 {
        self.facts.globals
    }

    fn height(&self) -> u32 {
        self.facts.globals + 1
    }

    /// The counters come last, so that the source's indices stay what they are and cannot reach them.
    fn add_counters(&self, globals: &mut GlobalSection) {
        let counter = |val_type| GlobalType { val_type, mutable: true, shared: false };
        globals.global(counter(ValType::I64), &ConstExpr::i64_const(0));
        globals.global(counter(ValType::I32), &ConstExpr::i32_const(0));
    }
}

impl Reencode for Instrumenter<'_> {
    type Error = core::convert::Infallible;

    fn parse_type_section(&mut self, types: &mut TypeSection, section: wasmparser::TypeSectionReader<'_>) -> Reencoded {
        utils::parse_type_section(self, types, section)?;
        for function in self.facts.functions.iter().filter(|function| function.results.len() > 1) {
            if !self.result_types.contains_key(&function.results) {
                let index = self.facts.types + self.result_types.len() as u32;
                self.result_types.insert(function.results.clone(), index);
                types.ty().function([], self.val_types(function.results.clone())?);
            }
        }
        if self.with_probes {
            types.ty().function([ValType::I32], []);
        }
        Ok(())
    }

    /// The hook is imported last; the source's own functions move up behind it.
    fn function_index(&mut self, function: u32) -> Reencoded<u32> {
        let moved = self.with_probes && function >= self.facts.imported;
        Ok(function + u32::from(moved))
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Reencoded {
        utils::parse_import_section(self, imports, section)?;
        if self.with_probes {
            self.add_hook(imports);
        }
        Ok(())
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Reencoded {
        utils::parse_global_section(self, globals, section)?;
        self.add_counters(globals);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Reencoded {
        let no_imports = before == Some(SectionId::Function) && after != Some(SectionId::Import);
        if no_imports && self.with_probes {
            let mut imports = ImportSection::new();
            self.add_hook(&mut imports);
            module.section(&imports);
        }
        // A module without globals has no section to add to; there is always an export of the memory.
        if before == Some(SectionId::Export) && !self.facts.has_globals {
            let mut globals = GlobalSection::new();
            self.add_counters(&mut globals);
            module.section(&globals);
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Reencoded {
        for export in section {
            let export = export?;
            if export.name == "memory" || export.name.starts_with(EXPORT_PREFIX) {
                self.parse_export(exports, export)?;
            }
        }
        exports.export(GAS_EXPORT, ExportKind::Global, self.gas());
        exports.export(HEIGHT_EXPORT, ExportKind::Global, self.height());
        for global in self.facts.restorable.iter().flatten() {
            exports.export(&global_export(global.index), ExportKind::Global, global.index);
        }
        Ok(())
    }

    /// Custom sections end here: names, debug information and the schema are of no use to the engine.
    fn parse_custom_section(
        &mut self,
        _module: &mut Module,
        _section: wasmparser::CustomSectionReader<'_>,
    ) -> Reencoded {
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Reencoded {
        let own = self.next_body;
        let function = &self.facts.functions[own];
        self.next_body += 1;
        let body_type = match function.results[..] {
            [] => BlockType::Empty,
            [result] => BlockType::Result(self.val_type(result)?),
            _ => BlockType::FunctionType(self.result_types[&function.results]),
        };
        let mut locals = Vec::new();
        for local in body.get_locals_reader()? {
            let (count, ty) = local?;
            locals.push((count, self.val_type(ty)?));
        }
        locals.extend([(1, ValType::I64), (2, ValType::I32)]);
        let reader = body.get_operators_reader()?;
        let (operators, offsets): (Vec<_>, Vec<_>) =
            reader.into_iter_with_offsets().collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let plan = Plan::of(&operators, self.schedule);
        let counters = Counters {
            gas: self.gas(),
            height: self.height(),
            left: function.parameters + function.locals,
            scratch: function.parameters + function.locals + 1,
            entry_height: function.parameters + function.locals + 2,
        };
        // Away while the function is written, because translating an instruction needs all of this.
        let mut watch = self.watch.take();
        let notes = watch.as_mut().map(|watch| {
            let prices = operators.iter().map(|operator| plan::price(operator, self.schedule));
            let charges = offsets.iter().map(|offset| *offset as u32).zip(prices).collect();
            self.notes(watch, own, &plan, charges)
        });
        let out = Function::new(locals);
        let mut emitter = Emitter::new(out, counters, function.frame_slots, &plan, self.schedule, notes);
        emitter.mark(offsets[0]);
        emitter.enter(body_type);
        for (at, operator) in operators.into_iter().enumerate() {
            emitter.mark(offsets[at]);
            emitter.before(at, &operator);
            emitter.emit(&match operator {
                // The body is a block now, and the epilogue comes after it.
                Operator::Return => Instruction::Br(emitter.depth()),
                operator => self.instruction(operator)?,
            });
        }
        emitter.leave(offsets[0]);
        let (body, marks) = emitter.finish();
        code.function(&body);
        if let Some(watch) = &mut watch {
            watch.bodies.push(marks);
        }
        self.watch = watch;
        Ok(())
    }
}
