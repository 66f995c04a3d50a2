//! Tests of checking and instrumenting, and what they share: contracts from text, and a way to run them.

mod bytes;
mod counting;
mod equality;
mod observed;
mod refusals;

use chancery_abi::{
    Ident,
    schema::{self, Access, Docs, Entry, Method, MethodKind, TypeRef},
};
use wasm_encoder::{CustomSection, Section};
use wasmtime::{Config, Engine, Instance, Linker, Module, OptLevel, Store, Val};

use super::{CheckedModule, GAS_EXPORT, HEIGHT_EXPORT, ModuleError, Schedule};

/// Enough gas for any test that is not about running out.
const PLENTY: i64 = 1 << 40;

fn schedule() -> &'static Schedule {
    Schedule::by_number(1).expect("schedule 1 exists")
}

/// The schema section of a contract with these methods.
fn schema_of(methods: &[&str]) -> Vec<u8> {
    let (name, version, sdk) = ("Test".to_owned(), "1.0.0".to_owned(), "1.0.0".to_owned());
    let mut section =
        Entry::Contract { format: schema::FORMAT, name, version, sdk, docs: Docs::default() }.to_section_bytes();
    for method in methods {
        let method = Method {
            name: Ident::new(*method).expect("test methods have valid names"),
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

fn append_section(wasm: &mut Vec<u8>, name: &str, data: &[u8]) {
    CustomSection { name: name.into(), data: data.into() }.append_to(wasm);
}

/// A contract from the text format; its schema has all methods that it exports.
fn contract(text: &str) -> Vec<u8> {
    let mut wasm = wat::parse_str(text).expect("the test's text is WebAssembly");
    let methods: Vec<_> = text.split("(export \"call.").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    append_section(&mut wasm, schema::SECTION, &schema_of(&methods));
    wasm
}

/// A contract with a memory and these fields.
pub(crate) fn with_memory(fields: &str) -> Vec<u8> {
    contract(&format!("(module (memory (export \"memory\") 1 4) {fields})"))
}

fn check(wasm: &[u8]) -> Result<CheckedModule, ModuleError> {
    CheckedModule::check(wasm)
}

/// The instrumented form, which must be valid under the allow-list again.
fn instrument(wasm: &[u8]) -> Vec<u8> {
    let instrumented = check(wasm).expect("the test's contract is accepted").instrument(schedule());
    super::validate::operand_heights(&instrumented).expect("what comes out of instrumenting is valid");
    instrumented
}

fn engine(opt_level: OptLevel) -> Engine {
    let mut config = Config::new();
    config.cranelift_opt_level(opt_level).async_stack_size(64 << 20).max_wasm_stack(64 << 20);
    Engine::new(&config).expect("the configuration is valid")
}

/// What a call left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Left {
    trapped: bool,
    gas: i64,
    height: i32,
    memory: Vec<u8>,
}

impl Left {
    fn used(&self) -> u64 {
        u64::try_from(PLENTY - self.gas).expect("gas is only taken")
    }
}

/// Calls a method of an instrumented contract, on a stack that is large enough.
fn call(instrumented: &[u8], opt_level: OptLevel, method: &str, gas: i64) -> Left {
    on_large_stack(|| {
        let engine = engine(opt_level);
        let (mut store, instance) = instantiate(&engine, instrumented);
        let counter =
            |name: &str, store: &mut Store<()>| instance.get_global(store, name).expect("the counters are exported");
        let (left, height) = (counter(GAS_EXPORT, &mut store), counter(HEIGHT_EXPORT, &mut store));
        left.set(&mut store, Val::I64(gas)).expect("the counter is mutable");
        let method =
            instance.get_typed_func::<(), ()>(&mut store, &format!("call.{method}")).expect("the method is exported");
        let trapped = method.call(&mut store, ()).is_err();
        let memory = instance.get_memory(&mut store, "memory").expect("the memory is exported").data(&store).to_vec();
        Left { trapped, gas: left.get(&mut store).unwrap_i64(), height: height.get(&mut store).unwrap_i32(), memory }
    })
}

/// Calls a method of the source as it is: whether it trapped, and its memory.
fn call_plain(source: &[u8], method: &str) -> (bool, Vec<u8>) {
    on_large_stack(|| {
        let (mut store, instance) = instantiate(&engine(OptLevel::Speed), source);
        let method =
            instance.get_typed_func::<(), ()>(&mut store, &format!("call.{method}")).expect("the method is exported");
        let trapped = method.call(&mut store, ()).is_err();
        let memory = instance.get_memory(&mut store, "memory").expect("the memory is exported").data(&store).to_vec();
        (trapped, memory)
    })
}

/// Instantiates with a host of which only `input_len` and `gas_left` do anything.
fn instantiate(engine: &Engine, wasm: &[u8]) -> (Store<()>, Instance) {
    let module = Module::new(engine, wasm).expect("the engine takes it");
    let mut store = Store::new(engine, ());
    let mut linker = Linker::new(engine);
    linker.func_wrap(chancery_abi::host::MODULE, "input_len", || 7u32).expect("a name of its own");
    linker.func_wrap(chancery_abi::host::MODULE, "caller", |_: u32| ()).expect("a name of its own");
    linker.func_wrap(chancery_abi::host::MODULE, "fail", |_: u32, _: u32, _: u32| ()).expect("a name of its own");
    let instance = linker.instantiate(&mut store, &module).expect("instantiating a checked module does not trap");
    (store, instance)
}

fn on_large_stack<R: Send>(run: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(128 << 20).spawn_scoped(scope, run);
        thread.expect("a thread can be started").join().expect("the test's call does not panic")
    })
}
