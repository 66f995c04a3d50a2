//! The threshold layer above finality: the mainchain's committee comes to hold shares of one BLS12-381 key, hands them
//! on when it changes, and makes the beacon of every height with them once that is final.
//!
//! The chain is the ceremony's blackboard (`contracts/registry/src/ceremonies.rs`): what a node contributes goes there
//! as a transaction, and all read the same from it. So a ceremony has no messages of its own, no two nodes come to
//! different results, and a node that crashed or was away goes on from what stands there and its own [`secrets`].
//! [`ceremony`] is what to do next, as a function of the two; [`partials`] makes beacons; [`service`] runs both.
//!
//! Invariants: finality never waits for anything here. A partial signature for a height leaves only after that height is
//! final here. A secret is durable before anything that depends on it is contributed, and dealings are made from it, so
//! that a node deals the same after a restart. An older share is erased once the key is in force with the next holders.
//! Secrets lie beside the votes' journal, which nobody backs up: a restored node joins as a new one.
//!
//! Why commonware's `feldman_desmedt` and not `golden`: docs/decisions/0005-dealings-on-the-chain.md.

mod ceremony;
mod partials;
mod secrets;
mod service;
#[cfg(test)]
mod tests;

pub(super) use self::service::start;
