//! A chain on this node: executing blocks, making them final, and answering for them.
//!
//! [`Ledger`] has the three steps that a consensus engine needs (build a block on a parent, check one, commit one) and
//! decides nothing. [`ChainService`] holds it with the mempool, the blocks that were executed and are not final, and
//! the readers, and is the chain's side of [`crate::consensus`], which alone decides which block is next.
//!
//! The order in which a block takes effect: one synced batch holds its state, its receipts, its certificate, its
//! indexes and the new tip; then the state moves on; then the mempool; then those who wait are told. So nothing is
//! ever acknowledged that a power loss could take back.

mod attestations;
mod blackboard;
mod candidate;
mod contracts;
mod error;
mod estimate;
mod executor;
mod fields;
mod genesis;
mod health;
mod lanes;
mod ledger;
mod neighbours;
mod proofs;
mod reads;
mod recent;
mod registry;
mod retrace;
mod service;
mod set;
mod steps;
mod submit;
#[cfg(test)]
mod tests;
mod unfinal;

pub use self::{
    attestations::Word,
    blackboard::RegistryBoard,
    candidate::{Built, Candidate},
    contracts::{ContractFound, ContractRef, Listed},
    error::{ChainError, CheckError, ReadError, SubmitError},
    estimate::Estimate,
    fields::{FieldEntry, FieldPage, FieldProof, FieldRead},
    genesis::{GenesisPlan, plan_genesis},
    health::{FatalSignal, Halted, Part},
    ledger::{Commit, Ledger},
    neighbours::{Lane, SidechainFound},
    reads::{QueryAnswer, QueryRequest, Status},
    registry::{ActRule, PlannedDepartment, REGISTRY_WASM, RegistryPlan},
    retrace::{RetraceError, Retraced, execute_again, finish, observing_engine, recorded},
    service::{ChainConfig, ChainService},
    set::ChainSet,
    submit::{Progress, Submitted},
};
pub use crate::store::FinalityProof;

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 by this machine's clock; 0 before that.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
