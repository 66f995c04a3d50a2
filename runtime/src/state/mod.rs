//! The state of a chain: a map of entries, committed to by the root of a trie.
//!
//! Reads never touch the trie: values lie flat under (contract, slot key). The trie maps SHA-256(contract ‖ slot key)
//! to SHA-256(value), and its root is what plain sp-trie gives for that map, bit for bit. Only its branch nodes are
//! stored, keyed by path; leaves are made from the column of leaves when they are needed.
//!
//! ```text
//!   Overlay -> Overlay -> State  (height, root)                     executed blocks over the finalised state
//!                          | history     the steps back to older roots, bounded
//!                          | dirty nodes changed since they were last written, coalesced
//!                          | cache       branch nodes as stored, bounded
//!                          v
//!                         StateBackend   Values Leaves Nodes Journal Meta
//! ```
//!
//! Invariants:
//! - A block's values, leaves, journal row and head go into one batch, the caller's, and are durable together. Nodes
//!   follow later, in order and with their height, so after a crash they are as of an earlier block; the journal
//!   reaches back to it, and [`State::open`] brings them up to the head or makes the trie anew, and checks the root.
//! - A node is used only if it hashes to what its parent says. What contradicts itself is [`StateError::Corrupt`].
//! - No order of a hash map shows in any result.
//!
//! What is deliberately absent: blocks, receipts and their store (the node's), gas and limits (the executor's), and
//! any choice between forks: an overlay that does not lead to the finalised state is refused.

mod base;
mod changes;
mod codec;
mod config;
mod conformance;
mod error;
mod finalised;
mod format;
mod hasher;
mod history;
mod journal;
mod memory;
mod merge;
mod node;
mod overlay;
mod past;
mod path;
mod proof;
mod reads;
mod rebuild;
mod recovery;
pub mod snapshot;
mod trie;
mod view;

#[cfg(test)]
mod tests;

pub use changes::{Changes, SlotId};
pub use config::StateConfig;
pub use conformance::conformance;
pub use error::StateError;
pub use finalised::State;
pub use hasher::empty_root;
pub use memory::{Fault, MemoryBackend};
pub use overlay::{OVERLAYS_MAX, Overlay};
pub use past::Past;
pub use proof::StateProof;
pub use recovery::Recovery;
pub use view::{FinalView, StateView};
