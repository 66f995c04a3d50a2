//! What can go wrong with the state. Every variant but [`StateError::Storage`] and [`StateError::Corrupt`] is a mistake
//! of the caller's and leaves the state as it was; after those two the node stops.

use chancery_abi::Digest;

use super::path::Path;
use crate::storage::StorageError;

/// Why the state could not answer or change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What the store holds contradicts itself. The node must stop; opening the state with
    /// [`StateConfig::rebuild`](super::StateConfig::rebuild) makes the trie anew from the values.
    #[error("the stored state is corrupt: {what} at {place}")]
    Corrupt {
        /// What is wrong.
        what: &'static str,
        /// Where: a column with a path, a key or a height.
        place: String,
    },
    /// A block does not extend the finalised state.
    #[error(
        "a block whose parent is height {found_height} with root {found_root} does not extend height {height} with root {root}"
    )]
    Conflict {
        /// The finalised height.
        height: u64,
        /// Its root.
        root: Digest,
        /// The height that the block builds on.
        found_height: u64,
        /// The root that it builds on.
        found_root: Digest,
    },
    /// More blocks than allowed are executed and not final.
    #[error("more than {limit} blocks are executed and not final")]
    TooManyOverlays {
        /// How many may be.
        limit: usize,
    },
    /// A block was to become final whose batch had not been staged, or another one is staged.
    #[error("the block at height {height} is not the one whose writes were staged")]
    NotStaged {
        /// The block's height.
        height: u64,
    },
    /// A root is not one of those that can be proven.
    #[error("height {height} cannot be proven; heights {oldest} to {newest} can")]
    NotProvable {
        /// The height asked for.
        height: u64,
        /// The oldest that can be proven.
        oldest: u64,
        /// The newest.
        newest: u64,
    },
    /// Too much changed since a root that could otherwise be proven.
    #[error("more than {limit} entries changed since height {height}, too many to prove it; prove a newer one")]
    TooMuchChanged {
        /// The height asked for.
        height: u64,
        /// How many entries may have changed.
        limit: usize,
    },
}

impl StateError {
    pub(super) fn corrupt(what: &'static str, place: impl std::fmt::Display) -> Self {
        Self::Corrupt { what, place: place.to_string() }
    }

    pub(super) fn corrupt_node(what: &'static str, path: &Path) -> Self {
        Self::corrupt(what, format_args!("trie path {path:?}"))
    }
}
