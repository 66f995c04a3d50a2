//! Reading entries: never through the trie, always from the flat column of values, under the layers of blocks that are
//! not final.

use chancery_abi::Address;

use super::{
    changes::Layers,
    format,
    merge::{self, Span},
    reads::Reads,
};
use crate::storage::{Column, Entry, StateReader, StorageError};

/// Reads a state's entries.
pub trait StateView {
    /// The value of `contract`'s entry `key`.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(&self, contract: &Address, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;

    /// The entries of `contract` whose keys begin with `prefix` and come after `after`, or from the first when that is
    /// empty: in byte order, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn page(&self, contract: &Address, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError>;
}

/// The finalised state as a store, or one moment of it, holds it.
pub struct FinalView<'a>(pub &'a dyn StateReader);

impl StateView for FinalView<'_> {
    fn get(&self, contract: &Address, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.0.get(Column::Values, &format::value_key(contract, key))
    }

    fn page(&self, contract: &Address, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError> {
        page(&Layers::new(), self.0, contract, prefix, after, limit)
    }
}

/// The state after a block that is not final.
pub(super) struct LayeredView<'a, R: ?Sized> {
    /// The layers, or why there are none: then every read fails.
    pub(super) layers: Result<Layers, StorageError>,
    pub(super) store: &'a R,
    pub(super) reads: &'a Reads,
}

impl<R: StateReader + ?Sized> StateView for LayeredView<'_, R> {
    fn get(&self, contract: &Address, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let layers = self.layers.as_ref().map_err(Clone::clone)?;
        let key = format::value_key(contract, key);
        match in_layers(layers, &key) {
            Some(value) => Ok(value.cloned()),
            None => self.reads.get_or_read(key, |key| self.store.get(Column::Values, key)),
        }
    }

    fn page(&self, contract: &Address, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError> {
        let layers = self.layers.as_ref().map_err(Clone::clone)?;
        page(layers, self.store, contract, prefix, after, limit)
    }
}

/// The state after an earlier block.
pub(super) struct PastView<'a> {
    /// What leads back to it.
    pub(super) layers: &'a Layers,
    pub(super) store: &'a dyn StateReader,
}

impl StateView for PastView<'_> {
    fn get(&self, contract: &Address, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let key = format::value_key(contract, key);
        match in_layers(self.layers, &key) {
            Some(value) => Ok(value.cloned()),
            None => self.store.get(Column::Values, &key),
        }
    }

    fn page(&self, contract: &Address, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError> {
        page(self.layers, self.store, contract, prefix, after, limit)
    }
}

/// What the layers say of an entry, if they know it.
pub(super) fn in_layers<'a>(layers: &'a Layers, value_key: &[u8]) -> Option<Option<&'a Vec<u8>>> {
    layers.iter().find_map(|layer| layer.value(value_key))
}

fn page<R: StateReader + ?Sized>(
    layers: &Layers,
    store: &R,
    contract: &Address,
    prefix: &[u8],
    after: &[u8],
    limit: usize,
) -> Result<Vec<Entry>, StorageError> {
    let prefix = format::value_key(contract, prefix);
    let mut from = format::value_key(contract, after);
    if !after.is_empty() {
        from.push(0); // The first key that comes after.
    }
    let span = Span { column: Column::Values, prefix: &prefix, from: &from };
    let layers = layers.iter().map(|layer| layer.values_from(span.start())).collect();
    let mut entries = merge::page(layers, store, &span, limit, Vec::clone, Ok::<_, StorageError>)?;
    for (key, _) in &mut entries {
        key.drain(..contract.0.len());
    }
    Ok(entries)
}
