//! Executing transactions, queries and blocks.
//!
//! From the outside in: [`chain`] hangs blocks together, [`BlockExecutor`] runs a block's transactions, `payload` runs
//! one, `invoke` enters a contract, `host` answers it. Everything a contract does goes through the `session`, which can
//! be taken back to a savepoint. All of it runs on an [`ExecutionStack`].

pub mod accounts;
pub mod beacons;
mod block;
pub mod chain;
pub(crate) mod frame;
mod gas;
pub(crate) mod host;
mod instance;
mod invoke;
pub mod lanes;
mod payload;
mod query;
mod quotas;
pub mod registry;
mod rules;
mod session;
mod signature;
mod stack;
pub mod trace;
mod transaction;
mod view;

pub use self::{
    block::{BeginError, BlockContext, BlockExecutor, ExecuteError, ExecutedBlock, simulate, simulate_traced},
    gas::intrinsic_gas,
    query::{QueryCall, QueryResult, query, query_traced},
    quotas::check_quota,
    rules::{ChainRules, GenesisError},
    session::Halt,
    stack::{EXECUTION_STACK_BYTES, ExecutionStack, on_execution_stack},
    transaction::VerifiedTransaction,
};
