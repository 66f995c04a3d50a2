//! Making a snapshot of a store, as it is at one moment.

use chancery_abi::{Digest, HandOver, codec, merkle::Mountain};
use chancery_runtime::{
    execution::chain::ChainTip,
    state::snapshot::cut,
    storage::{StateReader, StorageError},
};

use super::{Folder, Manifest, SNAPSHOT_VERSION, SnapshotError};
use crate::store::ChainDb;

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// The height it is of.
    pub height: u64,
    /// The state's root.
    pub root: Digest,
    /// How many chunks it has.
    pub chunks: usize,
    /// How many entries.
    pub entries: u64,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// Writes a snapshot of the chain that `reader` shows at one moment into `folder`.
///
/// # Errors
/// When the newest block is not one that a snapshot can be of, or a file or the store fails.
pub fn create(reader: &dyn StateReader, folder: &Folder) -> Result<Created, SnapshotError> {
    let db = ChainDb(reader);
    let (Some(genesis), Some(tip)) = (db.genesis()?, db.tip()?) else {
        return Err(SnapshotError::NotNow { height: 0, why: "there is no block yet" });
    };
    let digest = genesis.digest();
    let height = tip.height;
    let not_now = |why| SnapshotError::NotNow { height, why };
    let block = db.expect_part(db.block(height)?, "block", height)?;
    if block.header.next_committee.is_some() {
        return Err(not_now("its block ends a committee's term; the next height will do"));
    }
    let certificate = db.certificate(height)?;
    let certificate = certificate.ok_or_else(|| not_now("its block has no certificate of its own; the next may"))?;
    folder.make()?;
    if folder.has_manifest() {
        return Err(SnapshotError::Exists { path: folder.path().to_owned() });
    }
    let mut chunk_bytes = Vec::new();
    let state = cut::<SnapshotError>(reader, |number, bytes| {
        chunk_bytes.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        folder.keep_chunk(number, &bytes)
    })?;
    if (state.height, state.root) != (height, block.header.state_root) {
        return Err(SnapshotError::Unfit("the store's state is not that of its newest block".into()));
    }
    let manifest = Manifest {
        version: SNAPSHOT_VERSION,
        genesis: digest,
        hand_overs: hand_overs(&db, &tip)?,
        mountain: history_before(&db, height)?,
        block,
        certificate,
        spine: state.spine,
        chunk_bytes,
    };
    let bytes = codec::encode(&manifest);
    folder.keep_manifest(&bytes)?;
    let all: u64 = manifest.chunk_bytes.iter().map(|bytes| u64::from(*bytes)).sum();
    Ok(Created {
        height,
        root: state.root,
        chunks: state.chunks,
        entries: state.entries,
        bytes: all + bytes.len() as u64,
    })
}

fn hand_overs(db: &ChainDb<'_>, tip: &ChainTip) -> Result<Vec<HandOver>, StorageError> {
    let terms = db.terms()?.into_iter().filter(|term| term.first_height <= tip.height);
    let hand_over = |term: crate::store::Term| {
        let last = term.first_height - 1;
        let header = db.expect_part(db.header(last)?, "header", last)?;
        let certificate = db.expect_part(db.certificate(last)?, "certificate of a term's last block", last)?;
        Ok(HandOver { header, certificate, next: term.committee })
    };
    terms.map(hand_over).collect()
}

/// The history of all headers before the one at `height`, of the complete subtrees that the store has.
fn history_before(db: &ChainDb<'_>, height: u64) -> Result<Mountain, StorageError> {
    Mountain::of_subtrees(height - 1, |level, place| db.history_subtree(level, place))
}
