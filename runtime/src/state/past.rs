//! The state as it was after an earlier block, for as long as steps and journal lead back to it.

use super::{
    changes::Layers,
    error::StateError,
    finalised::State,
    view::{PastView, StateView},
};
use crate::storage::{StateBackend, StateReader};
use chancery_abi::Digest;

/// What leads from a store back to an earlier state. It stays true of the store as it was when it was made, so it is
/// used with a snapshot that was taken no earlier and before the next block was staged.
pub struct Past {
    root: Digest,
    layers: Layers,
}

impl Past {
    /// The root of the state.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// Reads the state through `reader`, the store as it was.
    pub fn view<'a>(&'a self, reader: &'a dyn StateReader) -> impl StateView + 'a {
        PastView { layers: &self.layers, store: reader }
    }
}

impl<B: StateBackend> State<B> {
    /// What leads back to the state after the block at `height`.
    ///
    /// # Errors
    /// When nothing leads there any more, or yet, and when the store fails or contradicts itself.
    pub fn past(&self, height: u64) -> Result<Past, StateError> {
        let (oldest, newest) = self.provable();
        if !(oldest..=newest).contains(&height) {
            return Err(StateError::NotProvable { height, oldest, newest });
        }
        let (root, layers) = self.layers_at(height)?;
        Ok(Past { root, layers })
    }
}
