//! The sandbox's engine: wasmtime, configured so that nothing but the module decides an outcome, and the modules it has
//! compiled.
//!
//! Gas and stack are metered by our own instrumentation ([`crate::module`]), so neither wasmtime's fuel nor its stack
//! limit ever decides: the native limit lies far above what the logical one allows, and meeting it halts the chain
//! instead of answering.

mod cache;
mod compiled;
mod kept;
#[cfg(test)]
mod tests;

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex},
};

use wasmparser::WasmFeatures;
use wasmtime::{Config, InstanceAllocationStrategy, Linker, OptLevel, PoolingAllocationConfig};

pub(crate) use self::compiled::Observation;
use self::{cache::ModuleCache, kept::Kept};
pub use self::{
    compiled::{CompileError, Compiled, Entry},
    kept::{KeptModules, ModuleStore},
};
use crate::{
    abi::{Digest, limits},
    execution::{frame::Frame, host},
    module::{CheckedModule, NATIVE_BYTES_PER_SLOT, Schedule},
};

/// Native stack that one contract's Wasm may take. The logical limit stops a contract long before.
pub(crate) const NATIVE_STACK_BYTES: usize = limits::STACK_SLOTS_MAX as usize * NATIVE_BYTES_PER_SLOT;
/// Memory of an instance that is kept resident between calls; below it, resetting costs a copy and no page faults.
const RESIDENT_BYTES: usize = 256 << 10;

/// Frames of a backtrace that are looked at.
const BACKTRACE_FRAMES_MAX: NonZeroUsize = NonZeroUsize::new(128).expect("not zero");

/// How well the compiler optimises. The outcome is the same either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimisation {
    /// Fast code.
    #[default]
    Speed,
    /// Fast compilation.
    None,
}

/// What an engine can tell of the code it runs. The outcome is the same either way; what makes blocks tells nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Observe {
    /// Nothing beyond gas and traps.
    #[default]
    Nothing,
    /// Where in its source a contract stopped.
    Stops,
    /// That, and where its gas goes; much slower.
    Gas,
}

/// What one node decides about its engine; no outcome depends on it.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// How well the compiler optimises.
    pub optimisation: Optimisation,
    /// Source bytes of the compiled modules that are kept in memory.
    pub cache_bytes: usize,
    /// Instances of contracts at once in the whole process. A transaction needs up to [`limits::CALL_DEPTH_MAX`], and
    /// a block keeps up to as many for its next calls, as far as there are enough.
    pub instances: u32,
    /// What it can tell of the code it runs.
    pub observe: Observe,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            optimisation: Optimisation::Speed,
            cache_bytes: 64 << 20,
            instances: 32 * limits::CALL_DEPTH_MAX,
            observe: Observe::Nothing,
        }
    }
}

/// The engine could not be made: this machine lacks what it needs.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox cannot start on this machine: {0}")]
pub struct EngineError(String);

/// The sandbox's engine. Shared by all chains of a process.
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<Frame>,
    cache: Mutex<ModuleCache>,
    kept: Option<Kept>,
    observe: Observe,
}

impl Engine {
    /// An engine.
    ///
    /// # Errors
    /// When this machine cannot run it.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let engine =
            wasmtime::Engine::new(&wasmtime_config(config)).map_err(|error| EngineError(format!("{error:#}")))?;
        let mut linker = host::linker(&engine).map_err(|error| EngineError(format!("{error:#}")))?;
        if config.observe == Observe::Gas {
            host::link_probe(&mut linker).map_err(|error| EngineError(format!("{error:#}")))?;
        }
        let cache = Mutex::new(ModuleCache::new(config.cache_bytes));
        Ok(Self { engine, linker, cache, kept: None, observe: config.observe })
    }

    /// An engine that keeps what it compiles for the next one. One that observes keeps nothing.
    ///
    /// # Errors
    /// When this machine cannot run it.
    pub fn with_kept_modules(config: EngineConfig, modules: KeptModules) -> Result<Self, EngineError> {
        let mut engine = Self::new(config)?;
        if config.observe == Observe::Nothing {
            engine.kept = Some(Kept::new(modules, &engine.engine));
        }
        Ok(engine)
    }

    /// What it can tell of the code it runs.
    pub fn observe(&self) -> Observe {
        self.observe
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.engine
    }

    /// The compiled form of a module, from the cache when it is there.
    ///
    /// # Errors
    /// When the compiler fails on a module that passed every check.
    pub fn compile(&self, module: &CheckedModule, schedule: &Schedule) -> Result<Arc<Compiled>, CompileError> {
        let key = (module.code_digest(), schedule.number);
        if let Some(compiled) = self.lock_cache().get(&key) {
            return Ok(compiled);
        }
        let compiled = Arc::new(Compiled::new(self, module, schedule)?);
        self.lock_cache().insert(key, Arc::clone(&compiled), module.source().len());
        Ok(compiled)
    }

    /// The compiled form of the code with this digest, when it is in the cache.
    pub(crate) fn cached(&self, code: Digest, schedule: &Schedule) -> Option<Arc<Compiled>> {
        self.lock_cache().get(&(code, schedule.number))
    }

    /// Forgets all compiled modules, as a restart does.
    pub fn clear_cache(&self) {
        self.lock_cache().clear();
    }

    fn lock_cache(&self) -> std::sync::MutexGuard<'_, ModuleCache> {
        // The cache is whole between any two of its calls, so a panic elsewhere does not spoil it.
        self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn wasmtime_config(config: EngineConfig) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(config.instances)
        .total_memories(config.instances)
        .total_tables(config.instances)
        .max_memory_size((limits::MEMORY_PAGES_MAX << 16) as usize)
        .table_elements(limits::TABLE_ELEMENTS_MAX as usize)
        .max_core_instance_size(1 << 20)
        .linear_memory_keep_resident(RESIDENT_BYTES)
        .table_keep_resident(16 << 10);
    let mut wasmtime = Config::new();
    wasmtime
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_reservation(limits::MEMORY_PAGES_MAX << 16)
        .memory_guard_size(32 << 20)
        .max_wasm_stack(NATIVE_STACK_BYTES)
        // Nothing runs on such a stack here; the engine only wants it larger than the one above.
        .async_stack_size(NATIVE_STACK_BYTES + (2 << 20))
        .cranelift_opt_level(match config.optimisation {
            Optimisation::Speed => OptLevel::Speed,
            Optimisation::None => OptLevel::None,
        })
        // A receipt has a trap's class only; collecting a trace on every trap would be paid for nothing.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false);
    if config.observe != Observe::Nothing {
        // An optimiser moves a trap to the condition in front of it, which is another line.
        wasmtime
            .cranelift_opt_level(OptLevel::None)
            .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES_MAX))
            .generate_address_map(true);
    }
    // Off by name, whatever the release's defaults are; then on what the allow-list of `module` lets through.
    for (_, feature) in WasmFeatures::all().iter_names() {
        wasmtime.wasm_features(feature, false);
    }
    for feature in crate::module::FEATURES.iter() {
        wasmtime.wasm_features(feature, true);
    }
    wasmtime
}
