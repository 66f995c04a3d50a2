//! The floor: the least that running a contract on this engine costs. The same engine with the same settings, a new
//! store and instance for each call, host functions that check bounds and nothing else, entries in a hash map; no gas,
//! no stack height, no limits, no savepoints, no receipts. What is above it is what Chancery adds.

use std::{collections::HashMap, time::Duration};

use chancery_abi::{
    Address, Ident,
    host::{MODULE, NONE},
    limits,
    schema::EXPORT_PREFIX,
};
use chancery_runtime::module::{CheckedModule, GAS_EXPORT, HEIGHT_EXPORT};
use parity_scale_codec::Encode;
use wasmtime::{
    Caller, Config, Engine, InstanceAllocationStrategy, InstancePre, Linker, Memory, Module, ModuleExport,
    PoolingAllocationConfig, Result, Store, Val,
};

use crate::clock::timed;

/// Entries that outlive a call.
pub(crate) type Entries = HashMap<Vec<u8>, Vec<u8>>;

#[derive(Default)]
struct Guest {
    entries: Entries,
    input: Vec<u8>,
    output: Vec<u8>,
    events: Vec<Vec<u8>>,
    caller: [u8; 32],
    memory: Option<Memory>,
}

/// A compiled module on the bare engine.
pub(crate) struct Floor {
    engine: Engine,
    pre: InstancePre<Guest>,
    module: Module,
    memory: ModuleExport,
    counters: Option<(ModuleExport, ModuleExport)>,
}

impl Floor {
    /// The source as it is, without gas and stack height.
    pub(crate) fn unmetered(checked: &CheckedModule) -> Self {
        Self::of(checked.source())
    }

    /// The instrumented module on the same bare engine: what is added is the metering alone.
    pub(crate) fn metered(checked: &CheckedModule) -> Self {
        let schedule = chancery_runtime::module::Schedule::by_number(1).expect("the first schedule is there");
        Self::of(&checked.instrument(schedule))
    }

    fn of(wasm: &[u8]) -> Self {
        let engine = Engine::new(&config()).expect("this machine runs the sandbox");
        let module = Module::new(&engine, wasm).expect("a checked module compiles");
        let mut linker = linker(&engine).expect("the names differ");
        linker.define_unknown_imports_as_traps(&module).expect("the imports are functions");
        let pre = linker.instantiate_pre(&module).expect("every import is linked");
        let memory = module.get_export_index("memory").expect("every contract exports its memory");
        let counters = module.get_export_index(GAS_EXPORT).zip(module.get_export_index(HEIGHT_EXPORT));
        Self { engine, pre, module, memory, counters }
    }

    /// The export of a method.
    pub(crate) fn method(&self, method: &str) -> ModuleExport {
        let name = format!("{EXPORT_PREFIX}{}", Ident::new(method).expect("a method's name"));
        self.module.get_export_index(&name).expect("the contract has the method")
    }

    /// One call: a store, an instance, the method.
    pub(crate) fn call(&self, method: &ModuleExport, caller: &Address, input: &[u8], entries: &mut Entries) {
        let guest =
            Guest { entries: std::mem::take(entries), input: input.to_vec(), caller: caller.0, ..Guest::default() };
        let mut store = Store::new(&self.engine, guest);
        self.enter(&mut store, method).expect("the benches' jobs succeed");
        let guest = store.into_data();
        *entries = guest.entries;
        std::hint::black_box((guest.output.len(), guest.events.len()));
    }

    fn enter(&self, store: &mut Store<Guest>, method: &ModuleExport) -> Result<()> {
        let instance = self.pre.instantiate(&mut *store)?;
        let mut export = |export: &ModuleExport| instance.get_module_export(&mut *store, export);
        let memory = export(&self.memory).and_then(|memory| memory.into_memory());
        let function = export(method).and_then(|function| function.into_func()).expect("it was there");
        let counters = self
            .counters
            .as_ref()
            .and_then(|(gas, height)| Some((export(gas)?.into_global()?, export(height)?.into_global()?)));
        if let Some((gas, height)) = counters {
            gas.set(&mut *store, Val::I64(i64::MAX))?;
            height.set(&mut *store, Val::I32(0))?;
        }
        store.data_mut().memory = memory;
        function.typed::<(), ()>(&*store)?.call(store, ())
    }

    /// What a method takes with an instance that is there already, for kernels that run long.
    pub(crate) fn time_of_kernel(&self, method: &ModuleExport, input: &[u8]) -> Duration {
        let mut store = Store::new(&self.engine, Guest { input: input.to_vec(), ..Guest::default() });
        timed(|| self.enter(&mut store, method).expect("kernels return"))
    }

    /// The answer of a method, to see that it is the same on both.
    pub(crate) fn answer(&self, method: &ModuleExport, input: &[u8]) -> Vec<u8> {
        let mut store = Store::new(&self.engine, Guest { input: input.to_vec(), ..Guest::default() });
        self.enter(&mut store, method).expect("kernels return");
        store.into_data().output
    }
}

/// The entries at the start: the caller has all points there are.
pub(crate) fn entries(points_slot: Vec<u8>) -> Entries {
    [(points_slot, u128::MAX.encode())].into()
}

/// The runtime's own settings.
fn config() -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(16)
        .total_memories(16)
        .total_tables(16)
        .max_memory_size((limits::MEMORY_PAGES_MAX << 16) as usize)
        .table_elements(limits::TABLE_ELEMENTS_MAX as usize)
        .max_core_instance_size(1 << 20)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_reservation(limits::MEMORY_PAGES_MAX << 16)
        .memory_guard_size(32 << 20)
        .max_wasm_stack(8 << 20)
        .async_stack_size(10 << 20)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false);
    config
}

type Host<'a> = Caller<'a, Guest>;

/// The guest's memory and what the host keeps for it.
fn parts<'a>(host: &'a mut Host<'_>) -> Result<(&'a mut [u8], &'a mut Guest)> {
    let memory = host.data().memory.ok_or_else(|| wasmtime::Error::msg("no memory"))?;
    Ok(memory.data_and_store_mut(host))
}

fn at(memory: &mut [u8], ptr: u32, len: usize) -> Result<&mut [u8]> {
    let tail = memory.get_mut(ptr as usize..).and_then(|tail| tail.get_mut(..len));
    tail.ok_or_else(|| wasmtime::Error::msg("out of bounds"))
}

fn linker(engine: &Engine) -> Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    linker.func_wrap(MODULE, "input_len", |host: Host<'_>| host.data().input.len() as u32)?;
    linker.func_wrap(MODULE, "input_read", |mut host: Host<'_>, ptr: u32, len: u32| {
        let (memory, guest) = parts(&mut host)?;
        at(memory, ptr, len as usize)?.copy_from_slice(&guest.input);
        Ok(())
    })?;
    linker.func_wrap(MODULE, "output", |mut host: Host<'_>, ptr: u32, len: u32| {
        let (memory, guest) = parts(&mut host)?;
        guest.output = at(memory, ptr, len as usize)?.to_vec();
        Ok(())
    })?;
    linker.func_wrap(MODULE, "caller", |mut host: Host<'_>, ptr: u32| {
        let (memory, guest) = parts(&mut host)?;
        at(memory, ptr, 32)?.copy_from_slice(&guest.caller);
        Ok(())
    })?;
    linker.func_wrap(MODULE, "storage_has", |mut host: Host<'_>, key: u32, key_len: u32| {
        let (memory, guest) = parts(&mut host)?;
        Ok(u32::from(guest.entries.contains_key(&*at(memory, key, key_len as usize)?)))
    })?;
    linker.func_wrap(MODULE, "storage_get", |mut host: Host<'_>, key: u32, key_len: u32, buf: u32, cap: u32| {
        let (memory, guest) = parts(&mut host)?;
        let Some(value) = guest.entries.get(&*at(memory, key, key_len as usize)?) else { return Ok(NONE) };
        at(memory, buf, value.len().min(cap as usize))?.copy_from_slice(value);
        Ok(value.len() as u32)
    })?;
    linker.func_wrap(
        MODULE,
        "storage_set",
        |mut host: Host<'_>, key: u32, key_len: u32, value: u32, value_len: u32| {
            let (memory, guest) = parts(&mut host)?;
            let key = at(memory, key, key_len as usize)?.to_vec();
            guest.entries.insert(key, at(memory, value, value_len as usize)?.to_vec());
            Ok(())
        },
    )?;
    linker.func_wrap(MODULE, "emit", |mut host: Host<'_>, ptr: u32, len: u32| {
        let (memory, guest) = parts(&mut host)?;
        guest.events.push(at(memory, ptr, len as usize)?.to_vec());
        Ok(())
    })?;
    Ok(linker)
}
