//! The engines under comparison, behind one small face, with a host that leaves a trace of every call.

use chancery_abi::{
    host::{HOST_FUNCTIONS, MODULE, ValueType},
    limits::STACK_SLOTS_MAX,
};
use chancery_runtime::module::{GAS_EXPORT, HEIGHT_EXPORT, NATIVE_BYTES_PER_SLOT};
use sha2::{Digest, Sha256};

/// Bytes of native stack that Wasm frames get here: half of what they get in earnest, so that the margin is tested too.
const NATIVE_STACK_BYTES: usize = STACK_SLOTS_MAX as usize * NATIVE_BYTES_PER_SLOT / 2;
/// What the host takes for each of its functions.
const HOST_GAS: i64 = 50;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Done,
    OutOfGas,
    StackOverflow,
    Unreachable,
    Memory,
    Table,
    NullFunction,
    Signature,
    Division,
    DivisionOverflow,
}

/// What a call left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) class: Class,
    pub(crate) gas: i64,
    pub(crate) height: i32,
    pub(crate) memory: [u8; 32],
    pub(crate) trace: [u8; 32],
}

/// A module ready to run.
pub(crate) enum Compiled {
    Native(wasmtime::Module),
    Interpreted(wasmi::Module),
}

/// The trace of host calls: a hash over the functions, arguments and counters seen.
#[derive(Default)]
struct Trace(Sha256);

impl Trace {
    /// Records a call and gives its result: any function of what was seen.
    fn record(&mut self, function: usize, arguments: impl Iterator<Item = u64>, gas: i64, height: i32) -> u64 {
        let mut result = function as u64;
        for argument in arguments {
            self.0.update(argument.to_le_bytes());
            result = result.rotate_left(7) ^ argument;
        }
        self.0.update((function as u64).to_le_bytes());
        self.0.update(gas.to_le_bytes());
        self.0.update(height.to_le_bytes());
        result
    }
}

/// The class of an `unreachable`, told by the counters as the real host tells it.
fn unreachable(gas: i64, height: i32) -> Class {
    if gas < 0 {
        Class::OutOfGas
    } else if height > STACK_SLOTS_MAX as i32 {
        Class::StackOverflow
    } else {
        Class::Unreachable
    }
}

impl Compiled {
    /// Compiled to native code.
    pub(crate) fn native(wasm: &[u8], level: wasmtime::OptLevel) -> Self {
        let mut config = wasmtime::Config::new();
        config.cranelift_opt_level(level).async_stack_size(NATIVE_STACK_BYTES).max_wasm_stack(NATIVE_STACK_BYTES);
        let engine = wasmtime::Engine::new(&config).expect("the configuration is valid");
        Self::Native(wasmtime::Module::new(&engine, wasm).expect("wasmtime takes what the instrumenter makes"))
    }

    /// Made ready for wasmi.
    pub(crate) fn interpreted(wasm: &[u8]) -> Self {
        let mut config = wasmi::Config::default();
        config.set_max_recursion_depth(1 << 20).set_max_stack_height(1 << 28);
        let engine = wasmi::Engine::new(&config);
        Self::Interpreted(wasmi::Module::new(&engine, wasm).expect("wasmi takes what the instrumenter makes"))
    }

    /// Calls these methods one after another in one instance, each with so much gas.
    pub(crate) fn run(&self, methods: &[String], gas: i64) -> Vec<Called> {
        // wasmtime runs on the thread's own stack.
        let run = || match self {
            Self::Native(module) => run_native(module, methods, gas),
            Self::Interpreted(module) => run_interpreted(module, methods, gas),
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(NATIVE_STACK_BYTES * 2);
            let thread = thread.spawn_scoped(scope, run).expect("a thread can be started");
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

fn run_native(module: &wasmtime::Module, methods: &[String], gas: i64) -> Vec<Called> {
    use wasmtime::{Extern, FuncType, Linker, Store, Trap, Val, ValType};
    let engine = module.engine();
    let mut store = Store::new(engine, Trace::default());
    let mut linker = Linker::new(engine);
    let ty = |ty: &ValueType| if *ty == ValueType::I32 { ValType::I32 } else { ValType::I64 };
    for (number, function) in HOST_FUNCTIONS.iter().enumerate() {
        let function_type = FuncType::new(engine, function.parameters.iter().map(ty), function.result.as_ref().map(ty));
        let body = move |mut caller: wasmtime::Caller<'_, Trace>, arguments: &[Val], results: &mut [Val]| {
            let counter = |caller: &mut wasmtime::Caller<'_, Trace>, name| {
                caller.get_export(name).and_then(Extern::into_global).expect("the counters are exported")
            };
            let (left, height) = (counter(&mut caller, GAS_EXPORT), counter(&mut caller, HEIGHT_EXPORT));
            let (gas, height) = (left.get(&mut caller).unwrap_i64(), height.get(&mut caller).unwrap_i32());
            left.set(&mut caller, Val::I64(gas - HOST_GAS)).expect("the counter is mutable");
            let arguments = arguments.iter().map(|argument| match argument {
                Val::I32(value) => *value as u64,
                other => other.unwrap_i64() as u64,
            });
            let result = caller.data_mut().record(number, arguments, gas, height);
            match function.result {
                Some(ValueType::I32) => results[0] = Val::I32(result as i32),
                Some(ValueType::I64) => results[0] = Val::I64(result as i64),
                None => {}
            }
            Ok(())
        };
        linker.func_new(MODULE, function.name, function_type, body).expect("names on the list are unique");
    }
    let instance = linker.instantiate(&mut store, module).expect("instantiating a checked module does not trap");
    let left = instance.get_global(&mut store, GAS_EXPORT).expect("the counters are exported");
    let height = instance.get_global(&mut store, HEIGHT_EXPORT).expect("the counters are exported");
    let memory = instance.get_memory(&mut store, "memory").expect("the memory is exported");
    let mut calls = Vec::new();
    for method in methods {
        left.set(&mut store, Val::I64(gas)).expect("the counter is mutable");
        height.set(&mut store, Val::I32(0)).expect("the counter is mutable");
        let method = instance.get_typed_func::<(), ()>(&mut store, method).expect("the method is exported");
        let trap =
            method.call(&mut store, ()).err().map(|error| *error.downcast_ref::<Trap>().expect("only traps happen"));
        let (gas, height) = (left.get(&mut store).unwrap_i64(), height.get(&mut store).unwrap_i32());
        let class = match trap {
            None => Class::Done,
            Some(Trap::UnreachableCodeReached) => unreachable(gas, height),
            Some(Trap::MemoryOutOfBounds) => Class::Memory,
            Some(Trap::TableOutOfBounds) => Class::Table,
            Some(Trap::IndirectCallToNull) => Class::NullFunction,
            Some(Trap::BadSignature) => Class::Signature,
            Some(Trap::IntegerDivisionByZero) => Class::Division,
            Some(Trap::IntegerOverflow) => Class::DivisionOverflow,
            Some(other) => {
                panic!("trap {other:?} at height {height}: the native stack must hold what the logical one does")
            }
        };
        let memory = Sha256::digest(memory.data(&store)).into();
        calls.push(Called { class, gas, height, memory, trace: store.data().0.clone().finalize().into() });
    }
    calls
}

fn run_interpreted(module: &wasmi::Module, methods: &[String], gas: i64) -> Vec<Called> {
    use wasmi::{Extern, FuncType, Linker, Store, TrapCode, Val, ValType};
    let engine = module.engine();
    let mut store = Store::new(engine, Trace::default());
    let mut linker = Linker::new(engine);
    let ty = |ty: &ValueType| if *ty == ValueType::I32 { ValType::I32 } else { ValType::I64 };
    for (number, function) in HOST_FUNCTIONS.iter().enumerate() {
        let function_type = FuncType::new(function.parameters.iter().map(ty), function.result.as_ref().map(ty));
        let body = move |mut caller: wasmi::Caller<'_, Trace>, arguments: &[Val], results: &mut [Val]| {
            let counter = |caller: &wasmi::Caller<'_, Trace>, name| {
                caller.get_export(name).and_then(Extern::into_global).expect("the counters are exported")
            };
            let (left, height) = (counter(&caller, GAS_EXPORT), counter(&caller, HEIGHT_EXPORT));
            let gas = left.get(&caller).i64().expect("an i64");
            let height = height.get(&caller).i32().expect("an i32");
            left.set(&mut caller, Val::I64(gas - HOST_GAS)).expect("the counter is mutable");
            let arguments = arguments.iter().map(|argument| match argument {
                Val::I32(value) => *value as u64,
                other => other.i64().expect("integers only") as u64,
            });
            let result = caller.data_mut().record(number, arguments, gas, height);
            match function.result {
                Some(ValueType::I32) => results[0] = Val::I32(result as i32),
                Some(ValueType::I64) => results[0] = Val::I64(result as i64),
                None => {}
            }
            Ok(())
        };
        linker.func_new(MODULE, function.name, function_type, body).expect("names on the list are unique");
    }
    let instance =
        linker.instantiate_and_start(&mut store, module).expect("instantiating a checked module does not trap");
    let left = instance.get_global(&store, GAS_EXPORT).expect("the counters are exported");
    let height = instance.get_global(&store, HEIGHT_EXPORT).expect("the counters are exported");
    let memory = instance.get_memory(&store, "memory").expect("the memory is exported");
    let mut calls = Vec::new();
    for method in methods {
        left.set(&mut store, Val::I64(gas)).expect("the counter is mutable");
        height.set(&mut store, Val::I32(0)).expect("the counter is mutable");
        let method = instance.get_typed_func::<(), ()>(&store, method).expect("the method is exported");
        let trap = method.call(&mut store, ()).err().map(|error| error.as_trap_code().expect("only traps happen"));
        let (gas, height) = (left.get(&store).i64().expect("an i64"), height.get(&store).i32().expect("an i32"));
        let class = match trap {
            None => Class::Done,
            Some(TrapCode::UnreachableCodeReached) => unreachable(gas, height),
            Some(TrapCode::MemoryOutOfBounds) => Class::Memory,
            Some(TrapCode::TableOutOfBounds) => Class::Table,
            Some(TrapCode::IndirectCallToNull) => Class::NullFunction,
            Some(TrapCode::BadSignature) => Class::Signature,
            Some(TrapCode::IntegerDivisionByZero) => Class::Division,
            Some(TrapCode::IntegerOverflow) => Class::DivisionOverflow,
            Some(other) => {
                panic!("trap {other:?} at height {height}: the interpreter's stack must hold what the logical one does")
            }
        };
        let memory = Sha256::digest(memory.data(&store)).into();
        calls.push(Called { class, gas, height, memory, trace: store.data().0.clone().finalize().into() });
    }
    calls
}
