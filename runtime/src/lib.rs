//! Chancery's runtime: it checks, meters and executes contracts, keeps their state under a trie, and executes blocks.
//!
//! Invariant above all: the same block on the same state gives the identical receipts, gas and root on every node.
//! So there is no clock here, no float, no randomness, no order of a hash map or a thread that shows, no disk and no
//! socket; what the chain needs of time comes in the header, what it needs of storage through
//! [`storage::StateBackend`].

pub mod engine;
pub mod execution;
pub mod module;
pub mod state;
pub mod storage;

pub use chancery_abi as abi;
