//! From a contract's source to its Wasm: what `chancery contract build` and `cargo test` of a contract both do.
//!
//! ```text
//! Toolchain::find ──> cargo for wasm32, with debug information ──> (wasm-opt, when asked for) ──> NAME.debug.wasm
//!                                                                     the same without it     ──> NAME.wasm, checked
//! ```
//!
//! Invariants:
//! - A contract is judged by the runtime's own rules and by nothing else.
//! - The module is a function of the sources, the lock file and the toolchain, not of the folder it is built in: every
//!   path is renamed, one code generation unit decides the order of the code, and cargo's hashes, which cover folders,
//!   are replaced ([`wrapper`]).
//! - The module that is deployed is the one with debug information, minus its custom sections, so an offset into the
//!   code of one is the same offset in the other.
//!
//! What is deliberately absent: deploying, which is a transaction like any other; and any change to the code that the
//! compiler made, unless the caller asks for it, and then the module says so.

mod build;
mod cargo;
mod flags;
pub mod flame;
mod optimise;
mod sections;
pub mod sizes;
pub mod source;
pub mod source_map;
pub mod toolchain;
mod wrapper;

pub use build::{BuildError, Built, Options, build, build_with};
pub use sections::OPTIMISER_SECTION;
