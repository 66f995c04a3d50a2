//! A second instrumenter, as simple as can be: it takes each instruction's price off the global right before the
//! instruction, and nothing else. No regions, no copies in locals, no limits. What a call that ends well costs under
//! it is what it must cost.
//!
//! It shares no code with the real one; prices alone come from the schedule.

use chancery_runtime::module::{GAS_EXPORT, HEIGHT_EXPORT, Schedule};
use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, Function, GlobalSection, GlobalType, Instruction as I, Module,
    ValType,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{FuncType, Operator as O, Parser, Payload};

/// The module with every instruction charged.
pub(crate) fn instrument(source: &[u8], schedule: &Schedule) -> Vec<u8> {
    let mut naive = Naive { schedule, types: Vec::new(), functions: Vec::new(), globals: 0, next: 0 };
    for payload in Parser::new(0).parse_all(source) {
        match payload.expect("a checked module can be read") {
            Payload::TypeSection(section) => {
                naive.types.extend(section.into_iter_err_on_gc_types().map(|ty| ty.expect("function types only")));
            }
            Payload::FunctionSection(section) => {
                naive.functions = section.into_iter().map(|ty| ty.expect("readable")).collect()
            }
            Payload::GlobalSection(section) => naive.globals = section.count(),
            _ => {}
        }
    }
    let mut module = Module::new();
    naive.parse_core_module(&mut module, Parser::new(0), source).expect("a checked module can be read");
    module.finish()
}

struct Naive<'a> {
    schedule: &'a Schedule,
    types: Vec<FuncType>,
    functions: Vec<u32>,
    globals: u32,
    next: usize,
}

impl Naive<'_> {
    fn price(&self, operator: &O<'_>) -> u64 {
        let s = self.schedule;
        let text = format!("{operator:?}");
        let name = text.split(' ').next().unwrap_or_default();
        match operator {
            O::BrTable { targets } => {
                s.branch_table
                    + s.branch_table_doubling * u64::from(u32::BITS - 1 - (targets.len() + 1).leading_zeros())
            }
            _ => match name {
                "Unreachable" | "Nop" | "Block" | "Loop" | "Else" | "End" | "Drop" => 0,
                "I32Const" | "I64Const" | "LocalGet" | "LocalSet" | "LocalTee" => s.local,
                "GlobalGet" | "GlobalSet" | "MemorySize" => s.global,
                "Br" | "Return" => s.branch,
                "BrIf" | "If" => s.condition,
                "Call" => s.call,
                "CallIndirect" => s.call_indirect,
                "MemoryGrow" => s.grow,
                "MemoryFill" => s.fill,
                "MemoryCopy" | "MemoryInit" | "DataDrop" => s.bulk,
                _ if name.contains("Mul") => s.multiply,
                _ if name.contains("Div") || name.contains("Rem") => s.divide,
                _ if name.contains("Load") => s.load,
                _ if name.contains("Store") => s.store,
                _ => s.simple,
            },
        }
    }
}

impl Reencode for Naive<'_> {
    type Error = core::convert::Infallible;

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_global_section(self, globals, section)?;
        let counter = |val_type| GlobalType { val_type, mutable: true, shared: false };
        globals
            .global(counter(ValType::I64), &ConstExpr::i64_const(0))
            .global(counter(ValType::I32), &ConstExpr::i32_const(0));
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_export_section(self, exports, section)?;
        exports.export(GAS_EXPORT, ExportKind::Global, self.globals).export(
            HEIGHT_EXPORT,
            ExportKind::Global,
            self.globals + 1,
        );
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: wasmparser::FunctionBody<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let parameters = self.types[self.functions[self.next] as usize].params().len() as u32;
        self.next += 1;
        let mut locals = Vec::new();
        for local in body.get_locals_reader()? {
            let (count, ty) = local?;
            locals.push((count, self.val_type(ty)?));
        }
        let length = parameters + locals.iter().map(|(count, _)| count).sum::<u32>();
        locals.push((1, ValType::I32));
        let mut out = Function::new(locals);
        let gas = self.globals;
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            let price = self.price(&operator);
            if price > 0 {
                for instruction in [I::GlobalGet(gas), I::I64Const(price as i64), I::I64Sub, I::GlobalSet(gas)] {
                    out.instruction(&instruction);
                }
            }
            let by_length = match operator {
                O::MemoryGrow { .. } => Some((1, self.schedule.grow_page)),
                O::MemoryFill { .. } | O::MemoryCopy { .. } | O::MemoryInit { .. } => {
                    Some((8, self.schedule.bulk_word))
                }
                _ => None,
            };
            if let Some((unit, price)) = by_length {
                out.instruction(&I::LocalTee(length)).instruction(&I::GlobalGet(gas));
                out.instruction(&I::LocalGet(length))
                    .instruction(&I::I64ExtendI32U)
                    .instruction(&I::I64Const(unit))
                    .instruction(&I::I64DivU);
                out.instruction(&I::I64Const(price as i64))
                    .instruction(&I::I64Mul)
                    .instruction(&I::I64Sub)
                    .instruction(&I::GlobalSet(gas));
            }
            out.instruction(&self.instruction(operator)?);
        }
        code.function(&out);
        Ok(())
    }
}
