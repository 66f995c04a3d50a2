//! The small, synchronous store that the runtime is written against: a few ordered columns of bytes, atomic batches,
//! and a word on whether a batch must be durable before the call returns.
//!
//! A backend is one chain's: where several chains share a database, the backend adds the chain's key prefix. `node`
//! implements it over RocksDB, [`crate::state::MemoryBackend`] in memory. What a backend does not know: what the
//! bytes mean.

use std::fmt;

/// A column of the store. The key and value formats are part of the store's version, [`STORE_VERSION`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// contract (32) ‖ slot key -> value: the latest value of every entry.
    Values,
    /// trie key (32) -> contract (32) ‖ value's SHA-256 (32) ‖ slot key: the trie's leaves.
    Leaves,
    /// A path in the trie -> the branch node there.
    Nodes,
    /// height (8, big-endian) -> what the block at that height overwrote.
    Journal,
    /// kind (1) ‖ height (8, big-endian) -> block, certificate or receipts: their only home.
    Blocks,
    /// kind (1) ‖ key -> where something is found: transactions, headers, contracts, history subtrees.
    Index,
    /// name -> a value of the store itself: version, genesis, head, the height of the nodes.
    Meta,
}

impl Column {
    /// All columns, in a fixed order.
    pub const ALL: [Self; 7] =
        [Self::Values, Self::Leaves, Self::Nodes, Self::Journal, Self::Blocks, Self::Index, Self::Meta];

    /// The column's name in a database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Leaves => "leaves",
            Self::Nodes => "nodes",
            Self::Journal => "journal",
            Self::Blocks => "blocks",
            Self::Index => "index",
            Self::Meta => "meta",
        }
    }
}

/// The version of all columns' formats together. A change needs a migration.
pub const STORE_VERSION: u32 = 1;

/// Whether a batch must survive a power loss before the write returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Synced to the disk, and everything written before it too.
    Synced,
    /// In the log, in order, and synced with the next batch that is.
    Buffered,
}

/// One write of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Sets a key.
    Put(Column, Vec<u8>, Vec<u8>),
    /// Removes a key, whether it is there or not.
    Delete(Column, Vec<u8>),
    /// Removes all keys from the first (inclusive) to the second (exclusive).
    DeleteRange(Column, Vec<u8>, Vec<u8>),
}

/// Writes that happen all or not at all, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteBatch {
    /// The writes.
    pub writes: Vec<Write>,
}

impl WriteBatch {
    /// Sets a key.
    pub fn put(&mut self, column: Column, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.push(Write::Put(column, key.into(), value.into()));
    }

    /// Removes a key.
    pub fn delete(&mut self, column: Column, key: impl Into<Vec<u8>>) {
        self.writes.push(Write::Delete(column, key.into()));
    }

    /// Removes the keys from `from` (inclusive) to `to` (exclusive).
    pub fn delete_range(&mut self, column: Column, from: impl Into<Vec<u8>>, to: impl Into<Vec<u8>>) {
        self.writes.push(Write::DeleteRange(column, from.into(), to.into()));
    }
}

/// A store failed. The node stops: what was not acknowledged may be lost, what was is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageError {
    /// What was tried.
    pub action: &'static str,
    /// What the store said.
    pub reason: String,
}

impl StorageError {
    /// A failure of `action`, with what the store said.
    pub fn new(action: &'static str, reason: impl fmt::Display) -> Self {
        Self { action, reason: reason.to_string() }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store failed to {}: {}", self.action, self.reason)
    }
}

impl std::error::Error for StorageError {}

/// A key with its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Reads a store, or one moment of it.
pub trait StateReader {
    /// The value of a key.
    ///
    /// # Errors
    /// When the store cannot be read; never for a key that is not there.
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;

    /// The entries whose keys begin with `prefix` and are at or after `from`, in byte order, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn scan(&self, column: Column, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError>;

    /// The values of several keys of one column, in the keys' order.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get_many(&self, column: Column, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        keys.iter().map(|key| self.get(column, key)).collect()
    }
}

/// A chain's store.
pub trait StateBackend: StateReader + Send + Sync {
    /// Writes a batch, all or nothing.
    ///
    /// # Errors
    /// When the store cannot write; the node must then stop.
    fn write(&self, batch: WriteBatch, durability: Durability) -> Result<(), StorageError>;

    /// Calls `read` with the store as it is at one moment, whatever is written meanwhile.
    fn with_snapshot(&self, read: &mut dyn FnMut(&dyn StateReader));
}
