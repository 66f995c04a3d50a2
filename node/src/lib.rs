//! Chancery's node: everything with I/O. The store over RocksDB, the mempool, the chain that builds, checks and commits
//! blocks, the HTTP API, and the command line.
//!
//! ```text
//! api ──> chain ──> pool          questions and transactions come in, blocks and receipts go out
//!           │  └──> store         one synced batch a block, then everyone is told
//!           └─────> chancery-runtime
//! ```
//!
//! What is deliberately absent while there is one validator: consensus and network. They will decide which block is
//! next, through the three steps of [`chain::Ledger`].

pub mod api;
pub mod chain;
pub mod cli;
pub mod client;
pub mod config;
pub mod contract;
#[cfg(test)]
mod fixture;
pub mod keystore;
pub mod metrics;
pub mod node;
pub mod pool;
pub mod schema_json;
pub mod store;
pub mod trace_view;
