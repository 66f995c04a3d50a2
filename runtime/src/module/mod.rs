//! From a contract's source Wasm to the code that the engine runs: [`CheckedModule::check`] accepts or refuses the
//! source, [`CheckedModule::instrument`] adds the gas counter and the logical stack height.
//!
//! Invariants:
//! - Nothing is instrumented, compiled or run that `check` has not accepted; a [`CheckedModule`] cannot exist otherwise.
//! - What is allowed is an allow-list (`operators` for instructions, `FEATURES` in `validate` for the rest). Whatever
//!   a later release of the parser learns to read is refused until somebody adds it here.
//! - Gas and stack height are counted by the Wasm code itself, so they are the same on every engine, optimisation level
//!   and CPU. The counters are globals that the source cannot name: the source has no imports of globals, and its own
//!   indices end below theirs.
//! - `check` decides about foreign bytes: it never panics, and its work is bounded by the limits in
//!   `chancery_abi::limits`, which it applies before the work that they bound.
//!
//! What is deliberately absent: compiling, caching and running (that is `engine`'s), and prices of host functions
//! (those stand in `chancery_abi::host`).

mod check;
mod emit;
mod error;
mod instrument;
mod labels;
mod observe;
mod operators;
mod plan;
mod schedule;
mod survey;
#[cfg(test)]
pub(crate) mod tests;
mod validate;

pub use check::CheckedModule;
pub use error::{Feature, FunctionLabel, LimitKind, ModuleError, Place};
pub use instrument::{BODY_GROWTH_MAX, GAS_EXPORT, HEIGHT_EXPORT, NATIVE_BYTES_PER_SLOT, RESERVED_PREFIX};
pub use observe::{Observed, Probe, SourceMap, SourcePlace};
pub(crate) use observe::{PROBE_MODULE, PROBE_NAME};
pub use schedule::{Schedule, compile_gas};
pub(crate) use survey::GlobalValue;
pub(crate) use validate::FEATURES;
