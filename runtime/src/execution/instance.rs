//! One instance of a contract's module, with its store; and making it new again for the next call.
//!
//! A new instance costs several times what a small call does, so one whose call returned is kept for the block's next
//! call of the same code. Invariant: what a call finds is always what a new instance has. A call can change the memory,
//! the memory's size, globals, and which data segments are there; so an instance whose memory grew, whose call did not
//! return, or whose code may drop segments serves once, and of any other, memory and globals are written back. Nothing
//! of this shows in an outcome or in gas.

use std::sync::Arc;

use wasmtime::{Global, Instance, Store, TypedFunc, Val};

use super::frame::{Frame, Handles};
use crate::{
    engine::{Compiled, Engine, Entry},
    module::Schedule,
};

/// Bytes of memory up to which writing it back is cheaper than a new instance.
const RESTORED_BYTES_MAX: usize = 256 << 10;

/// An instance that has run nothing, or was made new again.
pub(crate) struct NewInstance {
    pub(super) store: Store<Frame>,
    pub(super) compiled: Arc<Compiled>,
    pub(super) handles: Handles,
    instance: Instance,
    /// The globals to write back, with what they hold at the start.
    globals: Vec<(Global, Val)>,
}

impl NewInstance {
    /// An instance of a module.
    pub(super) fn of(
        engine: &Arc<Engine>,
        schedule: &'static Schedule,
        compiled: &Arc<Compiled>,
    ) -> wasmtime::Result<Self> {
        let mut store = Store::new(engine.wasmtime(), Frame::idle(Arc::clone(engine), schedule));
        store.limiter(|frame| &mut frame.growth);
        let instance = compiled.pre.instantiate(&mut store)?;
        let mut export = |export| instance.get_module_export(&mut store, export).ok_or_else(missing);
        let memory = export(&compiled.memory)?.into_memory().ok_or_else(missing)?;
        let gas = export(&compiled.gas)?.into_global().ok_or_else(missing)?;
        let height = export(&compiled.height)?.into_global().ok_or_else(missing)?;
        let restored = compiled.restored_globals.iter().flatten();
        let globals = restored.map(|(name, start)| Ok((export(name)?.into_global().ok_or_else(missing)?, *start)));
        let globals = globals.collect::<wasmtime::Result<_>>()?;
        compiled.image.get_or_init(|| {
            let bytes = memory.data(&store);
            let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            bytes[..used].to_vec()
        });
        let handles = Handles { memory, gas, height };
        store.data_mut().handles = Some(handles);
        Ok(Self { store, compiled: Arc::clone(compiled), handles, instance, globals })
    }

    /// A method's function.
    pub(super) fn function(&mut self, entry: &Entry) -> wasmtime::Result<TypedFunc<(), ()>> {
        let function = self.instance.get_module_export(&mut self.store, &entry.export).ok_or_else(missing)?;
        function.into_func().ok_or_else(missing)?.typed(&self.store)
    }

    /// Makes an instance whose call returned new again, or gives it up.
    pub(super) fn restored(mut self) -> Option<Self> {
        // What an observing engine runs is looked at and thrown away.
        if self.compiled.observation.is_some() {
            return None;
        }
        self.compiled.restored_globals.as_ref()?;
        let image = self.compiled.image.get()?;
        let memory = self.handles.memory.data_mut(&mut self.store);
        if memory.len() != self.compiled.memory_bytes || memory.len() > RESTORED_BYTES_MAX {
            return None;
        }
        let (used, rest) = memory.split_at_mut_checked(image.len())?;
        used.copy_from_slice(image);
        rest.fill(0);
        for (global, start) in &self.globals {
            global.set(&mut self.store, *start).ok()?;
        }
        self.store.data_mut().leave();
        Some(self)
    }
}

fn missing() -> wasmtime::Error {
    wasmtime::Error::msg("an export that was there at compilation is gone")
}
