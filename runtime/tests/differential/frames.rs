//! Recursive functions whose native frames are as large as we know how to make them, for what the logical height says.
//!
//! An optimising compiler keeps in a frame what it moved out of a loop or computed once for two uses; these functions
//! do almost nothing else, up to the limit on a body. One leads with many parameters and results, which are passed on
//! the stack.

use chancery_abi::{limits::BODY_BYTES_MAX, schema};
use wasm_encoder::{
    CodeSection, CustomSection, ExportKind, ExportSection, Function, FunctionSection, Instruction as I, MemArg,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};

use crate::contracts::schema_of;

const PARAMETERS: u32 = 60;
const ACCUMULATOR: u32 = PARAMETERS;
const CHAIN: u32 = PARAMETERS + 1;
const COUNTER: u32 = PARAMETERS + 2;
const SLOT: MemArg = MemArg { offset: 0, align: 3, memory_index: 0 };

/// Each contract with what it is.
pub(crate) fn contracts() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("products moved out of a loop", contract(|body| hoisted(body, products))),
        ("a chain moved out of a loop", contract(|body| hoisted(body, chain))),
        ("sums used twice", contract(|body| reused(body, sums))),
        ("loads used twice", contract(|body| reused(body, loads))),
        ("values alive across a call", contract(alive)),
        ("many parameters, little else", contract(|_| ())),
    ]
}

/// A contract with one method that calls a function which runs `fill`'s code and then calls itself.
fn contract(fill: impl FnOnce(&mut Function)) -> Vec<u8> {
    let mut types = TypeSection::new();
    let slots = |count: u32| vec![ValType::I64; count as usize];
    types.ty().function(slots(PARAMETERS), slots(16));
    types.ty().function([], []);
    let mut body = Function::new([(2, ValType::I64), (1, ValType::I32)]);
    fill(&mut body);
    body.instruction(&I::I32Const(0)).instruction(&I::LocalGet(ACCUMULATOR)).instruction(&I::I64Store(SLOT));
    for parameter in 0..PARAMETERS {
        body.instruction(&I::LocalGet((parameter + 1) % PARAMETERS));
    }
    body.instruction(&I::Call(0)).instruction(&I::End);
    let mut method = Function::new([]);
    for parameter in 0..PARAMETERS {
        method.instruction(&I::I64Const(i64::from(parameter) * 0x1234_5678 + 1));
    }
    method.instruction(&I::Call(0));
    (0..16).for_each(|_| {
        method.instruction(&I::Drop);
    });
    method.instruction(&I::End);
    let (mut functions, mut memories, mut exports) =
        (FunctionSection::new(), MemorySection::new(), ExportSection::new());
    functions.function(0).function(1);
    memories.memory(MemoryType { minimum: 1, maximum: Some(1), memory64: false, shared: false, page_size_log2: None });
    exports.export("memory", ExportKind::Memory, 0).export("call.m0", ExportKind::Func, 1);
    let mut code = CodeSection::new();
    code.function(&body).function(&method);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&exports).section(&code);
    module.section(&CustomSection { name: schema::SECTION.into(), data: schema_of(&["m0".to_owned()]).into() });
    module.finish()
}

/// Adds to the accumulator what `values` computes, in a loop in which it never changes.
fn hoisted(body: &mut Function, values: fn(&mut Function, usize)) {
    body.instruction(&I::I32Const(2))
        .instruction(&I::LocalSet(COUNTER))
        .instruction(&I::Loop(wasm_encoder::BlockType::Empty));
    body.instruction(&I::LocalGet(1)).instruction(&I::LocalSet(CHAIN)).instruction(&I::LocalGet(ACCUMULATOR));
    values(body, BODY_BYTES_MAX - 500);
    body.instruction(&I::LocalSet(ACCUMULATOR));
    for instruction in [I::LocalGet(COUNTER), I::I32Const(1), I::I32Sub, I::LocalTee(COUNTER), I::BrIf(0), I::End] {
        body.instruction(&instruction);
    }
}

/// Adds to the accumulator what `values` computes, and once more.
fn reused(body: &mut Function, values: fn(&mut Function, usize)) {
    body.instruction(&I::LocalGet(ACCUMULATOR));
    values(body, BODY_BYTES_MAX / 2 - 250);
    // The second time in another order of operations, so that sums of sums are not the same.
    body.instruction(&I::I64Const(77)).instruction(&I::I64Mul);
    values(body, BODY_BYTES_MAX - 500);
    body.instruction(&I::LocalSet(ACCUMULATOR));
}

/// Pairs of parameters, each once.
fn pairs() -> impl Iterator<Item = (u32, u32)> {
    (0..PARAMETERS).flat_map(|first| (first..PARAMETERS).map(move |second| (first, second)))
}

/// Products, and other functions, of two parameters: 6 bytes a value.
fn products(body: &mut Function, length: usize) {
    for operator in [I::I64Mul, I::I64Rotl, I::I64ShrU, I::I64And, I::I64Shl, I::I64Rotr] {
        for (first, second) in pairs() {
            if body.byte_len() < length {
                body.instruction(&I::LocalGet(first))
                    .instruction(&I::LocalGet(second))
                    .instruction(&operator)
                    .instruction(&I::I64Xor);
            }
        }
    }
}

/// Each value a function of the one before.
fn chain(body: &mut Function, length: usize) {
    while body.byte_len() < length {
        for operator in [I::I64Popcnt, I::I64Extend8S, I::I64Clz] {
            body.instruction(&I::LocalGet(CHAIN)).instruction(&operator);
            body.instruction(&I::LocalGet(2)).instruction(&I::I64Mul);
            body.instruction(&I::LocalTee(CHAIN)).instruction(&I::I64Xor);
        }
    }
}

fn sums(body: &mut Function, length: usize) {
    for operator in [I::I64Add, I::I64Mul, I::I64And] {
        for (first, second) in pairs() {
            if body.byte_len() < length {
                body.instruction(&I::LocalGet(first))
                    .instruction(&I::LocalGet(second))
                    .instruction(&operator)
                    .instruction(&I::I64Xor);
            }
        }
    }
}

fn loads(body: &mut Function, length: usize) {
    let mut offset = 0;
    while body.byte_len() < length {
        body.instruction(&I::I32Const(0)).instruction(&I::I64Load(MemArg { offset, ..SLOT })).instruction(&I::I64Xor);
        offset = (offset + 8) % 65_528;
    }
}

/// Operands that wait on the stack for a call to return.
fn alive(body: &mut Function) {
    for offset in 0..500 {
        body.instruction(&I::I32Const(0)).instruction(&I::I64Load(MemArg { offset: offset * 8, ..SLOT }));
    }
    for parameter in 0..PARAMETERS {
        body.instruction(&I::LocalGet(parameter));
    }
    body.instruction(&I::Call(0));
    for _ in 0..515 {
        body.instruction(&I::I64Xor);
    }
    body.instruction(&I::LocalSet(ACCUMULATOR));
}
