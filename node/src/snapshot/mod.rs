//! State snapshots: what a node needs to begin at a height instead of executing every block before it.
//!
//! ```text
//! manifest        the block at that height, its certificate, the hand-overs that lead to it from the genesis, the
//!                 history's peaks, and the trie's nodes above the chunks
//! chunk-000000    entries of the state, in chunks that are checked one by one against the certified root
//! ```
//!
//! Invariants: nothing in a snapshot is believed: the manifest leads from the trust anchor to the state's root, and each
//! chunk to that root by itself, so a source that lies is found out by the first piece that is wrong. Shares of the
//! threshold key and votes are in no snapshot: whoever begins from one is a new node.
//!
//! A node that is far behind begins anew with one by itself: it is downloaded beside the keeper's, filled in beside the
//! chain's rows, and put in their place by one synced write. Before that write nothing has changed, after it everything
//! has. What the node's key has voted for stays where it was; where it is missing and the snapshot shows that there was
//! something, the chain does not open.
//!
//! What is deliberately absent: the blocks before the snapshot's. A node that began from one does not have them.

mod asked;
mod beside;
mod create;
mod fetch;
mod fits;
mod folder;
mod keeper;
mod restore;
mod room;
mod take;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_taking;

use std::path::PathBuf;

use chancery_abi::{
    Block, Certificate, Committee, DecodeError, Digest, Finality, HandOver, TrustAnchor, codec, merkle::Mountain,
};
use chancery_runtime::{
    state::{
        StateError,
        snapshot::{ChunkPlace, SnapshotError as StateSnapshotError, places},
    },
    storage::StorageError,
};
use chancery_verify::{VerifyError, roots};
use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

pub(crate) use self::{
    beside::{Beside, Looked},
    take::{Place, Sources, Turn, begin_anew},
};
pub use self::{
    create::{Created, create},
    fetch::{Fetched, Found, fetch},
    folder::Folder,
    keeper::{Keeper, KeeperConfig},
    restore::{Restored, restore, restore_beside},
    take::BeginError,
};
use crate::store::StoreError;

/// The format of this release.
pub const SNAPSHOT_VERSION: u8 = 1;
/// Bytes of a manifest at most.
pub const MANIFEST_BYTES_MAX: usize = 256 << 20;

/// Everything of a snapshot but the state itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Manifest {
    /// [`SNAPSHOT_VERSION`].
    pub version: u8,
    /// The chain's genesis.
    pub genesis: Digest,
    /// The newest block that the state has in it.
    pub block: Block,
    /// That block's own certificate.
    pub certificate: Certificate,
    /// From the genesis' committee to the one that made the certificate.
    pub hand_overs: Vec<HandOver>,
    /// The history of all headers before the block's.
    pub mountain: Mountain,
    /// The trie's branch nodes above the chunks.
    pub spine: Vec<Vec<u8>>,
    /// The chunks' lengths, for whoever wants to know how much it is. Nothing depends on them.
    pub chunk_bytes: Vec<u32>,
}

/// A manifest that leads to the trust anchor.
#[derive(Clone, Debug)]
pub struct CheckedManifest {
    manifest: Manifest,
    places: Vec<ChunkPlace>,
}

/// Why a snapshot cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A file cannot be read or written.
    #[error("cannot use {path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// Something is there already.
    #[error("{path} is there already")]
    Exists {
        /// What.
        path: PathBuf,
    },
    /// The manifest cannot be read.
    #[error("the manifest cannot be read: {0}")]
    Manifest(DecodeError),
    /// The manifest is of another release or chain, or does not fit together.
    #[error("the snapshot cannot be used: {0}")]
    Unfit(String),
    /// Its block is not final by the trust anchor.
    #[error("nothing shows that the snapshot's block is final: {0}")]
    NotFinal(#[from] VerifyError),
    /// The state is not the certified one.
    #[error(transparent)]
    State(#[from] StateSnapshotError),
    /// The store's state cannot be read.
    #[error(transparent)]
    Store(#[from] StateError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The node's database failed.
    #[error(transparent)]
    Database(#[from] StoreError),
    /// It was not gone on with.
    #[error("{0}; what is there already is kept")]
    Interrupted(String),
    /// There is no room for it.
    #[error(
        "the disk of {path} has {left_mib} MiB left, and {needed_mib} MiB are needed, with what is kept in reserve"
    )]
    NoRoom {
        /// A directory on the disk.
        path: PathBuf,
        /// What is left.
        left_mib: u64,
        /// What is needed.
        needed_mib: u64,
    },
    /// It shows that the node's key has voted or was about to, and its votes are not here.
    #[error("the snapshot shows that this node's key has served before, and what it has voted for is not here")]
    ServedBefore,
    /// The chain cannot be opened with what was restored.
    #[error("the restored chain does not open: {0}")]
    Chain(String),
    /// No block to make one of.
    #[error("no snapshot can be made at height {height}: {why}")]
    NotNow {
        /// The newest height.
        height: u64,
        /// Why not.
        why: &'static str,
    },
    /// Nobody has what is needed.
    #[error("{0}")]
    NoSource(String),
}

impl Manifest {
    /// The manifest in these bytes.
    ///
    /// # Errors
    /// When they are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        codec::decode(bytes, MANIFEST_BYTES_MAX).map_err(SnapshotError::Manifest)
    }

    /// Checks that this leads from `anchor` to a state's root.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(self, anchor: &TrustAnchor) -> Result<CheckedManifest, SnapshotError> {
        let unfit = |why: String| Err(SnapshotError::Unfit(why));
        if self.version != SNAPSHOT_VERSION {
            return unfit(format!("its format is {}, and this release reads {SNAPSHOT_VERSION}", self.version));
        }
        if self.genesis != anchor.genesis {
            return unfit(format!("it is of genesis {}, and the anchor of {}", self.genesis, anchor.genesis));
        }
        let header = &self.block.header;
        let finality =
            Finality::Certificate { hand_overs: self.hand_overs.clone(), certificate: self.certificate.clone() };
        chancery_verify::verify_header(header, &finality, anchor)?;
        if roots::transactions_root(&self.genesis, &self.block.transactions) != header.transactions_root {
            return unfit("its block's transactions are not the header's".into());
        }
        if header.next_committee.is_some() {
            return unfit("its block ends a committee's term".into());
        }
        let history = roots::history_root(&self.genesis, &self.mountain);
        let fits = self.mountain.is_whole() && self.mountain.count() == header.height - 1;
        if !fits || history != header.history_root {
            return unfit("its history is not the header's".into());
        }
        let places = places(&header.state_root, &self.spine)?;
        if places.len() != self.chunk_bytes.len() {
            return unfit(format!("it lists {} chunks, and the state has {}", self.chunk_bytes.len(), places.len()));
        }
        Ok(CheckedManifest { manifest: self, places })
    }

    /// The committee that certified the block, of a manifest that was checked.
    fn committee<'a>(&'a self, anchor: &'a TrustAnchor) -> &'a Committee {
        self.hand_overs.last().map_or(&anchor.committee, |hand_over| &hand_over.next)
    }
}

impl CheckedManifest {
    /// What it says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The height of the snapshot.
    pub fn height(&self) -> u64 {
        self.manifest.block.header.height
    }

    /// Where each chunk belongs, in their order.
    pub fn places(&self) -> &[ChunkPlace] {
        &self.places
    }
}
