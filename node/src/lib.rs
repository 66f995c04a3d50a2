//! Chancery's node: everything with I/O. The store over RocksDB, the mempool, the chain that builds, checks and commits
//! blocks, consensus and the network between validators, the HTTP API, and the command line.
//!
//! ```text
//! api ──> chain ──> pool          questions and transactions come in, blocks and receipts go out
//!           │  └──> store         one synced batch a block, then everyone is told
//!           ├─────> chancery-runtime
//! consensus ┘                     decides which block is next, through the chain's three steps
//! ```

mod anchor;
pub mod api;
pub mod chain;
pub mod cli;
pub mod client;
pub mod config;
pub mod consensus;
#[cfg(test)]
mod fixture;
pub mod keystore;
pub mod metrics;
pub mod module_files;
pub mod node;
pub mod pool;
pub mod portal;
mod priority;
pub mod project;
mod relay;
mod sidechains;
pub mod snapshot;
pub mod store;
mod tls;
pub mod trace_view;

pub use chancery_json as schema_json;
