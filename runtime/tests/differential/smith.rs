//! Modules by wasm-smith, made into contracts: its memory bounded, its exports replaced by methods that call its
//! functions with edge values and write results and globals to memory, where the comparison sees them.

use arbitrary::Unstructured;
use chancery_abi::{host::HOST_FUNCTIONS, schema};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, ExportKind, ExportSection, Function,
    FunctionSection, Instruction, MemArg, MemorySection, MemoryType, Module, Section, TypeSection, ValType,
    reencode::{Error, Reencode, utils},
};
use wasm_smith::{Config, InstructionKind, InstructionKinds};
use wasmparser::{DataKind, ElementItems, ElementKind, FuncType, Parser, Payload, TypeRef};

use crate::{contracts, random::Random};

/// Functions of a module that become methods.
const METHODS_MAX: usize = 6;
const PAGE_BYTES: u64 = 65_536;

/// A contract, unless wasm-smith ran out of bytes.
pub(crate) fn contract(random: &mut Random) -> Option<Vec<u8>> {
    let large = random.below(4) == 0;
    let bytes = random.bytes(if large { 32_768 } else { 6_000 });
    let wasm = wasm_smith::Module::new(config(large), &mut Unstructured::new(&bytes)).ok()?.to_bytes();
    Some(Contract::of(&wasm, random))
}

/// The contract that a fuzzer's bytes mean.
#[allow(dead_code, reason = "the fuzz target's, which shares this file")]
pub(crate) fn contract_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let wasm = wasm_smith::Module::new(config(false), &mut Unstructured::new(bytes)).ok()?.to_bytes();
    Some(Contract::of(&wasm, &mut Random::new(bytes.len() as u64)))
}

fn config(large: bool) -> Config {
    Config {
        available_imports: Some(imports()),
        allowed_instructions: InstructionKinds::new(&[
            InstructionKind::NumericInt,
            InstructionKind::Parametric,
            InstructionKind::Variable,
            InstructionKind::MemoryInt,
            InstructionKind::Control,
        ]),
        allow_floats: false,
        allow_start_export: false,
        bulk_memory_enabled: true,
        custom_page_sizes_enabled: false,
        exceptions_enabled: false,
        extended_const_enabled: false,
        gc_enabled: false,
        max_data_segments: 6,
        max_element_segments: 6,
        max_elements: 20,
        max_funcs: 12,
        max_globals: 12,
        max_imports: 8,
        max_instructions: if large { 2_000 } else { 200 },
        max_memories: 1,
        max_memory32_bytes: 16 * PAGE_BYTES,
        max_table_elements: 30,
        max_tables: 1,
        max_types: 16,
        memory64_enabled: false,
        memory_max_size_required: true,
        min_data_segments: 1,
        min_exports: 1,
        min_funcs: 1,
        min_globals: 1,
        min_memories: 1,
        min_tables: 1,
        min_types: 3,
        multi_value_enabled: true,
        reference_types_enabled: false,
        relaxed_simd_enabled: false,
        saturating_float_to_int_enabled: false,
        sign_extension_ops_enabled: true,
        simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    }
}

/// A module that imports the whole list of host functions, to choose from.
fn imports() -> Vec<u8> {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    let mut imports = wasm_encoder::ImportSection::new();
    for (index, function) in (0..).zip(HOST_FUNCTIONS) {
        types.ty().function(
            function.parameters.iter().map(contracts::value_type),
            function.result.as_ref().map(contracts::value_type),
        );
        imports.import(chancery_abi::host::MODULE, function.name, wasm_encoder::EntityType::Function(index));
    }
    module.section(&types).section(&imports);
    module.finish()
}

struct Contract<'a> {
    random: &'a mut Random,
    types: Vec<FuncType>,
    imported: u32,
    functions: Vec<u32>,
    globals: Vec<ValType>,
    table: u64,
    /// The indices of the functions that methods call.
    called: Vec<u32>,
}

type Reencoded = Result<(), Error<core::convert::Infallible>>;

impl<'a> Contract<'a> {
    fn of(wasm: &[u8], random: &'a mut Random) -> Vec<u8> {
        let mut contract = Self {
            random,
            types: Vec::new(),
            imported: 0,
            functions: Vec::new(),
            globals: Vec::new(),
            table: 0,
            called: Vec::new(),
        };
        contract.survey(wasm);
        let own = contract.imported..contract.functions.len() as u32;
        contract.called = own.rev().take(METHODS_MAX).collect();
        let mut module = Module::new();
        contract.parse_core_module(&mut module, Parser::new(0), wasm).expect("wasm-smith's modules can be read");
        let methods: Vec<_> = (0..contract.called.len()).map(|method| format!("m{method}")).collect();
        let mut bytes = module.finish();
        let schema = contracts::schema_of(&methods);
        wasm_encoder::CustomSection { name: schema::SECTION.into(), data: schema.into() }.append_to(&mut bytes);
        bytes
    }

    fn survey(&mut self, wasm: &[u8]) {
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.expect("wasm-smith's modules can be read") {
                Payload::TypeSection(section) => {
                    self.types.extend(section.into_iter_err_on_gc_types().map(|ty| ty.expect("function types only")));
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let TypeRef::Func(ty) = import.expect("readable").ty else {
                            panic!("only functions are offered")
                        };
                        self.functions.push(ty);
                        self.imported += 1;
                    }
                }
                Payload::FunctionSection(section) => {
                    self.functions.extend(section.into_iter().map(|ty| ty.expect("readable")))
                }
                Payload::TableSection(section) => {
                    self.table = section.into_iter().map(|table| table.expect("readable").ty.initial).sum();
                }
                Payload::GlobalSection(section) => {
                    for global in section {
                        let ty = global.expect("readable").ty.content_type;
                        self.globals.push(ValType::try_from(ty).expect("integers only"));
                    }
                }
                _ => {}
            }
        }
    }

    /// A method that calls a function with edge values, and writes results and globals to the first bytes of memory.
    fn method(&mut self, function: u32) -> Function {
        let ty = self.types[self.functions[function as usize] as usize].clone();
        let mut body = Function::new([(1, ValType::I32), (1, ValType::I64)]);
        for parameter in ty.params() {
            let value = self.random.edge();
            let instruction = match parameter {
                wasmparser::ValType::I32 => Instruction::I32Const(value as i32),
                _ => Instruction::I64Const(value as i64),
            };
            body.instruction(&instruction);
        }
        body.instruction(&Instruction::Call(function));
        let mut address = 0;
        let mut write = |body: &mut Function, ty: ValType, value: Instruction<'_>| {
            let arg = MemArg { offset: address, align: 0, memory_index: 0 };
            let store = if ty == ValType::I32 { Instruction::I32Store(arg) } else { Instruction::I64Store(arg) };
            body.instruction(&Instruction::I32Const(0)).instruction(&value).instruction(&store);
            address += 8;
        };
        for result in ty.results().iter().rev() {
            let ty = ValType::try_from(*result).expect("integers only");
            let local = u32::from(ty == ValType::I64);
            body.instruction(&Instruction::LocalSet(local));
            write(&mut body, ty, Instruction::LocalGet(local));
        }
        for (index, ty) in (0..).zip(self.globals.clone()) {
            write(&mut body, ty, Instruction::GlobalGet(index));
        }
        body.instruction(&Instruction::End);
        body
    }
}

impl Reencode for Contract<'_> {
    type Error = core::convert::Infallible;

    fn parse_type_section(&mut self, types: &mut TypeSection, section: wasmparser::TypeSectionReader<'_>) -> Reencoded {
        utils::parse_type_section(self, types, section)?;
        types.ty().function([], []);
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Reencoded {
        utils::parse_function_section(self, functions, section)?;
        for _ in &self.called {
            functions.function(self.types.len() as u32);
        }
        Ok(())
    }

    fn parse_memory_section(
        &mut self,
        memories: &mut MemorySection,
        section: wasmparser::MemorySectionReader<'_>,
    ) -> Reencoded {
        for memory in section {
            let minimum = memory?.initial.clamp(1, 4);
            memories.memory(MemoryType {
                minimum,
                maximum: Some(8),
                memory64: false,
                shared: false,
                page_size_log2: None,
            });
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        _section: wasmparser::ExportSectionReader<'_>,
    ) -> Reencoded {
        exports.export("memory", ExportKind::Memory, 0);
        let methods = self.functions.len() as u32;
        for method in 0..self.called.len() as u32 {
            exports.export(&format!("call.m{method}"), ExportKind::Func, methods + method);
        }
        Ok(())
    }

    /// Keeps the segments that fill the table, moved to where they fit.
    fn parse_element_section(
        &mut self,
        elements: &mut ElementSection,
        section: wasmparser::ElementSectionReader<'_>,
    ) -> Reencoded {
        for element in section {
            let wasmparser::Element {
                kind: ElementKind::Active { .. }, items: ElementItems::Functions(functions), ..
            } = element?
            else {
                continue;
            };
            if let Some(room) = self.table.checked_sub(functions.count().into()) {
                let functions = functions.into_iter().collect::<Result<Vec<_>, _>>()?;
                let offset = ConstExpr::i32_const(self.random.below(room + 1) as i32);
                elements.active(None, &offset, Elements::Functions(functions.into()));
            }
        }
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, section: wasmparser::CodeSectionReader<'_>) -> Reencoded {
        utils::parse_code_section(self, code, section)?;
        for function in self.called.clone() {
            code.function(&self.method(function));
        }
        Ok(())
    }

    /// Moves the segments that are there at the start to where they fit.
    fn parse_data(&mut self, data: &mut DataSection, segment: wasmparser::Data<'_>) -> Reencoded {
        match segment.kind {
            DataKind::Active { .. } => {
                let bytes = &segment.data[..segment.data.len().min(1_000)];
                let offset = self.random.below(PAGE_BYTES - bytes.len() as u64);
                data.active(0, &ConstExpr::i32_const(offset as i32), bytes.iter().copied());
            }
            DataKind::Passive => {
                data.passive(segment.data.iter().copied());
            }
        }
        Ok(())
    }
}
