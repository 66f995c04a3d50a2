//! A chain on this node: executing blocks, making them final, and answering for them.
//!
//! [`Ledger`] has the three steps that a consensus engine needs (build a block on a parent, check one, commit one) and
//! decides nothing. [`Validator`] signs. [`ChainService`] holds both with the mempool and the readers, and the
//! producer, its one thread that makes blocks. While there is one validator the producer also decides which block is
//! next; a consensus engine will take that decision from it and nothing else.
//!
//! The order in which a block takes effect: one synced batch holds its state, its receipts, its certificate, its
//! indexes and the new tip; then the state moves on; then the mempool; then those who wait are told. So nothing is
//! ever acknowledged that a power loss could take back.

mod candidate;
mod contracts;
mod error;
mod genesis;
mod health;
mod ledger;
mod producer;
mod proofs;
mod reads;
mod retrace;
mod service;
mod submit;
#[cfg(test)]
mod tests;
mod validator;
mod wasm_section;

pub use self::{
    candidate::{Built, Candidate},
    contracts::{ContractFound, ContractRef, Listed},
    error::{ChainError, CheckError, ReadError, SubmitError},
    genesis::{GenesisPlan, single_validator_genesis},
    health::{FatalSignal, Halted, Part},
    ledger::{Commit, Ledger},
    producer::Producer,
    reads::{QueryAnswer, QueryRequest, Status},
    retrace::{RetraceError, Retraced, execute_again, finish, observing_engine, recorded},
    service::{ChainConfig, ChainService},
    submit::{Progress, Submitted},
    validator::{Validator, ValidatorError},
};

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 by this machine's clock; 0 before that.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
