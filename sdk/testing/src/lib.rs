//! `cargo test` for contracts: their real Wasm, in the real runtime, on a chain in memory.
//!
//! ```ignore
//! use chancery_testing::{Account, Chain, days};
//! use counter::*;
//!
//! #[test]
//! fn only_its_owner_resets_it() {
//!     let (chain, bob) = (Chain::new(), Account::named("bob"));
//!     let counter = chain.deploy::<Counter>("counter").init().done();
//!     assert_eq!(counter.add(5).by(&bob).done(), 5);
//!     counter.reset().by(&bob).refused("NotAllowed");
//!     chain.advance(days(1));
//!     counter.reset().by(&chain.deployer()).done();
//!     assert_eq!(counter.value().ask(), 0);
//! }
//! ```
//!
//! Contracts on several chains are tested with [`Chains`], which carries their messages when the test says so.
//!
//! A contract is built the first time a test deploys it, as `chancery contract build` builds it, and each call is a
//! signed transaction in a block of its own. The methods of [`Deployed`] are the contract's own: `#[methods]` writes
//! them, so importing everything of the contract's crate is all it takes.
//!
//! Invariants: nothing is simulated. What passes here passes on a chain: the same checks of the module, gas, limits,
//! signatures, nonces, state and proofs. The same test does the same every time, because time is the test's own.
//!
//! What is deliberately absent: consensus and the network, which no contract sees.

mod account;
mod called;
mod chain;
mod chains;
mod contract;
mod deployed;
mod explain;
mod office;
mod proof;
mod time;
mod world;

pub use chancery_abi::{
    Address, Digest, Event, ExecutionRefusal, Outcome, Receipt, Refusal, TrapClass,
    quota::{Allowance, Quota, Usage},
};
pub use chancery_sdk::prelude;

pub use self::{
    account::Account,
    called::{Called, Failure},
    chain::Chain,
    chains::Chains,
    deployed::{Begin, Call, Deployed, Deploying, Query, Upgrading},
    proof::Proof,
    time::{Span, days, hours, minutes, seconds},
    world::DEPARTMENT,
};
