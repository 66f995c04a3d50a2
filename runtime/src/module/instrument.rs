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
//! sum is over `STACK_SLOTS_MAX`; on every way out it takes them off again. A function that calls nothing only
//! compares, and writes the global when it is about to trap, so that the host sees why.
//!
//! A trap is `unreachable`, and leaves both globals as they are.
//!
//! **Headroom.** Limits bind the source; what comes out is larger. Each charge stands after an instruction that ends a
//! region, or at one that is charged by length, and each function gains one prologue and epilogue: at most
//! [`BODY_GROWTH_MAX`] bytes out for a byte in, and [`FUNCTION_GROWTH_MAX`] a function. So a body stays below 3.3 MB,
//! where parser and engine allow 7.6 MB; locals grow by 2, block depth by 2, types by one for each result list, globals
//! by 2, all far below the engine's limits of 50,000 and 1,000,000.

use std::collections::BTreeMap;

use chancery_abi::{limits::BODY_BYTES_MAX, schema::EXPORT_PREFIX};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, GlobalSection, GlobalType, Instruction,
    Module, SectionId, TypeSection, ValType,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{FunctionBody, Operator, Parser};

use super::{
    Schedule,
    check::Facts,
    emit::{Counters, Emitter},
    plan::Plan,
};

/// What names of exports begin with that the source may not use.
pub const RESERVED_PREFIX: &str = "chancery.";
/// The exported i64 global that holds the gas left. The host sets it before a call, and reads and writes it in host
/// functions; negative means out of gas.
pub const GAS_EXPORT: &str = "chancery.gas";
/// The exported i32 global that holds the logical stack height in slots. The host sets it before a call; above
/// `STACK_SLOTS_MAX` after a trap it says why.
pub const HEIGHT_EXPORT: &str = "chancery.height";

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
    let mut instrumenter = Instrumenter { facts, schedule, next_body: 0, result_types: BTreeMap::new() };
    let mut module = Module::new();
    instrumenter.parse_core_module(&mut module, Parser::new(0), source).expect("a checked module can be read again");
    module.finish()
}

struct Instrumenter<'a> {
    facts: &'a Facts,
    schedule: &'a Schedule,
    /// Which of the module's own functions comes next.
    next_body: usize,
    /// The added types `() -> results`, for bodies with more than one result.
    result_types: BTreeMap<Vec<wasmparser::ValType>, u32>,
}

type Reencoded<T = ()> = Result<T, Error<core::convert::Infallible>>;

impl Instrumenter<'_> {
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
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Reencoded {
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
        let function = &self.facts.functions[self.next_body];
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
        locals.extend([(1, ValType::I64), (1, ValType::I32)]);
        let operators = body.get_operators_reader()?.into_iter().collect::<Result<Vec<_>, _>>()?;
        let plan = Plan::of(&operators, self.schedule);
        let counters = Counters {
            gas: self.gas(),
            height: self.height(),
            left: function.parameters + function.locals,
            scratch: function.parameters + function.locals + 1,
        };
        let mut emitter = Emitter::new(Function::new(locals), counters, function.frame_slots, &plan, self.schedule);
        emitter.enter(body_type);
        for (at, operator) in operators.into_iter().enumerate() {
            emitter.before(at, &operator);
            emitter.emit(&match operator {
                // The body is a block now, and the epilogue comes after it.
                Operator::Return => Instruction::Br(emitter.depth()),
                operator => self.instruction(operator)?,
            });
        }
        emitter.leave();
        code.function(&emitter.finish());
        Ok(())
    }
}
