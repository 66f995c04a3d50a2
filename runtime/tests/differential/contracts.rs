//! Our own generator: programs of the shapes that contracts have. Loops end, addresses mostly fit, functions call each
//! other directly and through a table without bound, expressions are deep and live across calls.

use chancery_abi::{
    Ident,
    host::{HOST_FUNCTIONS, MODULE, ValueType},
    schema::{self, Access, Docs, Entry, Method, MethodKind, TypeRef},
};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, ElementSection, Elements, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction as I, MemArg, MemorySection,
    MemoryType, Module, RefType, TableSection, TableType, TypeSection, ValType,
};

use crate::random::Random;

/// Locals that count a loop's rounds, one for each level of nesting.
const COUNTERS: u32 = 4;
/// Instructions of a function, about.
const BUDGET: i32 = 3_000;

/// The encoder's type for a host function's.
pub(crate) fn value_type(ty: &ValueType) -> ValType {
    if *ty == ValueType::I32 { ValType::I32 } else { ValType::I64 }
}

/// A schema section with these methods.
pub(crate) fn schema_of(methods: &[String]) -> Vec<u8> {
    let text = || "Generated".to_owned();
    let contract =
        Entry::Contract { format: schema::FORMAT, name: text(), version: text(), sdk: text(), docs: Docs::default() };
    let mut section = contract.to_section_bytes();
    for name in methods {
        let method = Method {
            name: Ident::new(name.as_str()).expect("generated names are valid"),
            kind: MethodKind::Call,
            access: Access::Anyone,
            arguments: Vec::new(),
            returns: TypeRef::Unit,
            reentrant: false,
            docs: Docs::default(),
        };
        section.extend(Entry::Method(method).to_section_bytes());
    }
    section
}

/// What a function looks like from outside: so many i64 parameters and results.
#[derive(Clone, Copy)]
struct Signature {
    parameters: u32,
    results: u32,
}

/// A contract.
pub(crate) fn contract(random: &mut Random) -> Vec<u8> {
    let signatures: Vec<_> = (0..2 + random.below(6))
        .map(|_| {
            let wide = random.below(8) == 0;
            let parameters = random.below(if wide { 40 } else { 4 }) as u32;
            Signature { parameters, results: 1 + (random.below(5) / 4) as u32 * random.below(4) as u32 }
        })
        .collect();
    let imports = HOST_FUNCTIONS.len() as u32;
    let count = signatures.len() as u32;
    let (mut types, mut import_section, mut functions) =
        (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    for (index, host) in (0..).zip(HOST_FUNCTIONS) {
        types.ty().function(host.parameters.iter().map(value_type), host.result.as_ref().map(value_type));
        import_section.import(MODULE, host.name, EntityType::Function(index));
    }
    for (index, signature) in (imports..).zip(&signatures) {
        let slots = |count: u32| vec![ValType::I64; count as usize];
        types.ty().function(slots(signature.parameters), slots(signature.results));
        functions.function(index);
    }
    types.ty().function([], []);
    for _ in 0..count {
        functions.function(imports + count);
    }

    let mut tables = TableSection::new();
    let minimum = u64::from(count) + 1;
    tables.table(TableType { element_type: RefType::FUNCREF, minimum, maximum: None, table64: false, shared: false });
    let mut elements = ElementSection::new();
    elements.active(
        None,
        &ConstExpr::i32_const(0),
        Elements::Functions((imports..imports + count).collect::<Vec<_>>().into()),
    );
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: Some(4), memory64: false, shared: false, page_size_log2: None });
    let mut globals = GlobalSection::new();
    globals.global(
        GlobalType { val_type: ValType::I64, mutable: true, shared: false },
        &ConstExpr::i64_const(random.next() as i64),
    );
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    let mut code = CodeSection::new();
    for index in 0..count {
        code.function(&Program::function(random, &signatures, index));
    }
    for (index, signature) in (0..).zip(&signatures) {
        exports.export(&format!("call.m{index}"), ExportKind::Func, imports + count + index);
        code.function(&method(random, imports + index, *signature));
    }
    let methods: Vec<_> = (0..count).map(|index| format!("m{index}")).collect();
    let mut module = Module::new();
    module.section(&types).section(&import_section).section(&functions).section(&tables).section(&memories);
    module.section(&globals).section(&exports).section(&elements).section(&code);
    module.section(&CustomSection { name: schema::SECTION.into(), data: schema_of(&methods).into() });
    module.finish()
}

/// A method that calls a function and writes its results to the first bytes of memory.
fn method(random: &mut Random, function: u32, signature: Signature) -> Function {
    let mut body = Function::new([(1, ValType::I64)]);
    for _ in 0..signature.parameters {
        body.instruction(&I::I64Const(random.edge() as i64));
    }
    body.instruction(&I::Call(function));
    for result in 0..signature.results {
        body.instruction(&I::LocalSet(0)).instruction(&I::I32Const(8 * result as i32)).instruction(&I::LocalGet(0));
        body.instruction(&I::I64Store(MemArg { offset: 0, align: 0, memory_index: 0 }));
    }
    body.instruction(&I::End);
    body
}

/// A function in the making. Its locals are i64s, then the loop counters, which are i32s.
struct Program<'a> {
    random: &'a mut Random,
    signatures: &'a [Signature],
    index: u32,
    own: Signature,
    values: u32,
    body: Function,
    budget: i32,
    /// The open frames; `true` for those that a statement may branch to the end of.
    frames: Vec<bool>,
    loops: u32,
}

impl<'a> Program<'a> {
    fn function(random: &'a mut Random, signatures: &'a [Signature], index: u32) -> Function {
        let own = signatures[index as usize];
        let bound = if random.below(8) == 0 { 90 } else { 8 };
        let locals = 1 + random.below(bound) as u32;
        let body = Function::new([(locals, ValType::I64), (COUNTERS, ValType::I32)]);
        let values = own.parameters + locals;
        let budget = random.below(BUDGET as u64) as i32;
        let mut program = Self { random, signatures, index, own, values, body, budget, frames: Vec::new(), loops: 0 };
        let statements = 1 + program.random.below(12);
        program.statements(statements);
        (0..own.results).for_each(|_| program.expression(0));
        program.emit(I::End);
        program.body
    }

    fn emit(&mut self, instruction: I<'_>) {
        self.budget -= 1;
        self.body.instruction(&instruction);
    }

    fn one_of(&mut self, instructions: &[I<'_>]) {
        let chosen = self.random.below(instructions.len() as u64) as usize;
        self.emit(instructions[chosen].clone());
    }

    /// An i32 below a bound.
    fn length(&mut self, bound: u64) {
        let length = self.random.below(bound) as i32;
        self.emit(I::I32Const(length));
    }

    fn slot(&mut self) -> MemArg {
        MemArg { offset: self.random.below(64), align: 0, memory_index: 0 }
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.random.below(count) == 0
    }

    fn value(&mut self) -> u32 {
        self.random.below(self.values.into()) as u32
    }

    fn statements(&mut self, count: u64) {
        for _ in 0..count {
            if self.budget > 0 {
                self.statement();
            }
        }
    }

    fn statement(&mut self) {
        let inner = self.random.below(4);
        match self.random.below(17) {
            0..=3 => {
                self.expression(0);
                let value = self.value();
                self.emit(I::LocalSet(value));
            }
            4 | 5 => {
                self.address();
                self.expression(1);
                let slot = self.slot();
                self.emit(I::I64Store(slot));
            }
            6 | 7 => {
                self.condition();
                self.emit(I::If(BlockType::Empty));
                self.frames.push(true);
                self.statements(inner);
                if self.one_in(2) {
                    self.emit(I::Else);
                    self.statements(inner);
                }
                self.close();
            }
            8 | 9 if self.loops < COUNTERS => self.repeat(inner),
            10 => {
                self.emit(I::Block(BlockType::Empty));
                self.frames.push(true);
                self.statements(inner);
                self.leave();
                self.statements(inner);
                self.close();
            }
            11 => self.leave(),
            12 => self.switch(inner),
            13 => self.memory(),
            14 => {
                self.condition();
                self.emit(I::If(BlockType::Empty));
                (0..self.own.results).for_each(|_| self.expression(2));
                self.emit(I::Return);
                self.emit(I::End);
            }
            15 => {
                self.expression(0);
                self.emit(I::GlobalSet(0));
            }
            _ => {
                self.condition();
                self.emit(I::If(BlockType::Empty));
                let rarely = self.one_in(4);
                self.emit(if rarely { I::Unreachable } else { I::Nop });
                self.emit(I::End);
            }
        }
    }

    /// A loop that ends after a small number of rounds, if not before.
    fn repeat(&mut self, inner: u64) {
        let counter = self.values + self.loops;
        let bound = if self.one_in(4) { 3_000 } else { 6 };
        let rounds = 1 + self.random.below(bound);
        self.emit(I::I32Const(rounds as i32));
        self.emit(I::LocalSet(counter));
        self.emit(I::Loop(BlockType::Empty));
        self.loops += 1;
        self.frames.push(false);
        self.statements(inner);
        self.loops -= 1;
        self.emit(I::LocalGet(counter));
        self.emit(I::I32Const(1));
        self.emit(I::I32Sub);
        self.emit(I::LocalTee(counter));
        self.emit(I::BrIf(0));
        self.close();
    }

    /// Nested blocks with a branch table into them.
    fn switch(&mut self, inner: u64) {
        let arms = 1 + self.random.below(6) as u32;
        for _ in 0..arms {
            self.emit(I::Block(BlockType::Empty));
            self.frames.push(true);
        }
        self.expression(2);
        self.emit(I::I32WrapI64);
        let targets: Vec<_> = (0..arms + 2).map(|_| self.random.below(arms.into()) as u32).collect();
        self.emit(I::BrTable(targets.into(), arms - 1));
        for _ in 0..arms {
            self.close();
            self.statements(inner.min(1));
        }
    }

    fn memory(&mut self) {
        match self.random.below(8) {
            0 => {
                self.length(4);
                self.emit(I::MemoryGrow(0));
                self.emit(I::I64ExtendI32U);
                let value = self.value();
                self.emit(I::LocalSet(value));
            }
            1..=3 => {
                self.address();
                self.expression(2);
                self.emit(I::I32WrapI64);
                self.length(2_000);
                self.emit(I::MemoryFill(0));
            }
            _ => {
                self.address();
                self.address();
                self.length(2_000);
                self.emit(I::MemoryCopy { src_mem: 0, dst_mem: 0 });
            }
        }
    }

    fn close(&mut self) {
        self.frames.pop();
        self.emit(I::End);
    }

    /// Leaves one of the open frames, if a condition holds.
    fn leave(&mut self) {
        let depths: Vec<_> =
            (0u32..).zip(self.frames.iter().rev()).filter(|(_, leaves)| **leaves).map(|(depth, _)| depth).collect();
        if !depths.is_empty() {
            let depth = depths[self.random.below(depths.len() as u64) as usize];
            self.condition();
            self.emit(I::BrIf(depth));
        }
    }

    fn condition(&mut self) {
        self.expression(1);
        if self.one_in(2) {
            self.expression(2);
            self.one_of(&[I::I64LtU, I::I64GtS, I::I64Eq]);
        } else {
            let mask = 1 + self.random.below(7) as i64;
            self.emit(I::I64Const(mask));
            self.emit(I::I64And);
            self.emit(I::I64Eqz);
        }
    }

    /// An address that mostly lies in memory.
    fn address(&mut self) {
        self.expression(2);
        self.emit(I::I32WrapI64);
        if !self.one_in(40) {
            let mask = 0xfff0 >> self.random.below(2);
            self.emit(I::I32Const(mask));
            self.emit(I::I32And);
        }
    }

    /// An i64.
    fn expression(&mut self, depth: u32) {
        let simple = self.budget <= 0 || self.random.below(9) < depth.into();
        match if simple { self.random.below(3) } else { self.random.below(16) } {
            0 | 1 => {
                let value = self.value();
                self.emit(I::LocalGet(value));
            }
            2 => {
                let value = self.random.edge() as i64;
                self.emit(I::I64Const(value));
            }
            3..=8 => {
                self.expression(depth + 1);
                self.expression(depth + 1);
                self.one_of(&[I::I64Add, I::I64Sub, I::I64Mul, I::I64Xor, I::I64And, I::I64Or, I::I64Shl, I::I64Rotl]);
            }
            9 => {
                self.expression(depth + 1);
                self.expression(depth + 1);
                if !self.one_in(6) {
                    // Mostly not a division by zero.
                    self.emit(I::I64Const(1));
                    self.emit(I::I64Or);
                }
                self.one_of(&[I::I64DivU, I::I64RemU, I::I64DivS, I::I64RemS]);
            }
            10 => {
                self.address();
                let slot = self.slot();
                self.emit(I::I64Load(slot));
            }
            11 => {
                self.condition();
                self.emit(I::If(BlockType::Result(ValType::I64)));
                // A branch to its end would have to bring a value.
                self.frames.push(false);
                self.expression(depth + 1);
                self.emit(I::Else);
                self.expression(depth + 1);
                self.close();
            }
            12 | 13 => self.call(depth, false),
            14 if self.one_in(3) => self.call(depth, true),
            14 => self.host(),
            _ => self.emit(I::GlobalGet(0)),
        }
    }

    /// Calls a function, mostly one that comes later, sometimes any, itself too; keeps the sum of its results.
    fn call(&mut self, depth: u32, through_table: bool) {
        let count = self.signatures.len() as u32;
        let first = if self.one_in(8) { 0 } else { self.index + 1 };
        if first == count {
            return self.emit(I::I64Const(1));
        }
        let index = first + self.random.below((count - first).into()) as u32;
        let signature = self.signatures[index as usize];
        let first = HOST_FUNCTIONS.len() as u32;
        (0..signature.parameters).for_each(|_| self.expression(depth + 2));
        if through_table {
            // Mostly the element that has this type.
            let element =
                if self.one_in(8) { self.random.below(self.signatures.len() as u64 + 3) as u32 } else { index };
            self.emit(I::I32Const(element as i32));
            self.emit(I::CallIndirect { type_index: first + index, table_index: 0 });
        } else {
            self.emit(I::Call(first + index));
        }
        (1..signature.results).for_each(|_| self.emit(I::I64Add));
    }

    fn host(&mut self) {
        let index = self.random.below(HOST_FUNCTIONS.len() as u64) as u32;
        let host = &HOST_FUNCTIONS[index as usize];
        for parameter in host.parameters {
            self.expression(3);
            if *parameter == ValueType::I32 {
                self.emit(I::I32WrapI64);
            }
        }
        self.emit(I::Call(index));
        match host.result {
            Some(ValueType::I32) => self.emit(I::I64ExtendI32S),
            Some(ValueType::I64) => {}
            None => self.emit(I::I64Const(0)),
        }
    }
}
