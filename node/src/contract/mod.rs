//! What the command line does with a contract before it is on a chain: build it and check it.
//!
//! Invariants: a contract is judged by the runtime's own rules and by nothing else; a build is a function of the
//! sources and the toolchain, not of the folder it happens in. What is deliberately absent: deploying, which is a
//! transaction like any other, and any change to the Wasm that the compiler made.

pub mod build;
pub mod source;
pub mod toolchain;
pub mod wrapper;
