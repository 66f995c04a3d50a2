//! The node's store, in three layers: [`disk_db`] knows bytes and batches, [`disk_format`] turns types into bytes, and
//! [`chain_db`] answers a chain's questions. [`directory`] guards the directory they live in, [`disk_space`] its room, and `witness`
//! what the newest synced write was.
//!
//! All tables are declared in one list, [`chancery_runtime::storage::Column`], whose last three the node shares with
//! the runtime; the kinds within them are listed in [`disk_format`].

pub mod chain_db;
pub mod directory;
pub mod disk_db;
pub mod disk_format;
pub mod disk_space;
#[cfg(test)]
mod tests;
mod witness;

pub use self::{
    chain_db::{ChainDb, FinalityProof, Term, TransactionPlace},
    directory::StoreDirectory,
    disk_db::{ChainEntry, ChainIdentity, ChainStore, DiskDb, StoreConfig},
};

use std::path::PathBuf;

use chancery_runtime::storage::StorageError;

/// Why a store cannot be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made, read or written.
    #[error("cannot {action} {path}: {reason}")]
    Directory {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// Another process has the store open.
    #[error("the store in {path} is in use by another process; stop that one first, or use another directory")]
    Locked {
        /// The store's directory.
        path: PathBuf,
    },
    /// The directory holds something that is not a store.
    #[error("{path} holds other files and no store; choose an empty or a new directory")]
    NotAStore {
        /// The directory.
        path: PathBuf,
    },
    /// The store's creation did not come to its end, so nothing in it was ever acknowledged.
    #[error(
        "the store in {path} is half-created: its creation was interrupted, and nothing in it was ever acknowledged; \
         remove the directory and start again"
    )]
    HalfCreated {
        /// The store's directory.
        path: PathBuf,
    },
    /// The store's format is of another release.
    #[error(
        "the store in {path} has format version {found}, this release reads version {expected}; use the release that \
         wrote it, or start with an empty directory and let the chain be replayed"
    )]
    OtherVersion {
        /// The store's directory.
        path: PathBuf,
        /// The version of this release.
        expected: u32,
        /// What the directory says.
        found: String,
    },
    /// The store is of another chain.
    #[error(
        "the store in {path} belongs to {found}, not to {expected}; check the configuration, or use another directory"
    )]
    OtherChain {
        /// The store's directory.
        path: PathBuf,
        /// The chain that was to be opened.
        expected: ChainIdentity,
        /// The chain that is there.
        found: Box<ChainIdentity>,
    },
    /// The database's files are damaged.
    #[error(
        "the database in {path} is damaged: {reason}. Nothing was changed. Keep the directory for analysis, check the \
         disk, then restore a backup or an empty directory and let the node catch up"
    )]
    Corrupted {
        /// The store's directory.
        path: PathBuf,
        /// What RocksDB said.
        reason: String,
    },
    /// The database failed otherwise.
    #[error("the database in {path} failed to {action}: {reason}")]
    Database {
        /// The store's directory.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What RocksDB said.
        reason: String,
    },
    /// A read or write failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
