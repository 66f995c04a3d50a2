//! A node that is far behind begins anew with a snapshot, by itself, before its chain opens.
//!
//! Invariants: whatever is wrong with sources and snapshots is told, and the chain goes on by blocks. The chain stays as it
//! was until the snapshot is there, whole, in its place. A snapshot that contradicts what is final here is not taken. Sources
//! that do not give what they offer, or give it slowly, are left out one by one, so that none holds up the start for long.
//!
//! A key never signs against what it signed before. Where its votes are remembered, that journal stays and is gone on with,
//! whatever height the chain begins at. Where they are not, it begins with a snapshot only when nothing shows that it has
//! voted or was about to; and where a snapshot shows that it has, the chain does not open at all.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use chancery_abi::{Digest, Genesis, Name, TrustAnchor};
use chancery_runtime::{engine::Engine, storage::StorageError};

use super::{
    CheckedManifest, Folder, Found, Restored, SnapshotError,
    asked::Asked,
    fetch::{Download, Pace, offers},
    fits::{contradicts, may_be_taken, may_serve, objection_to_any, worth_above},
    restore_beside,
    room::Room,
};
use crate::{
    client::{ClientTls, Node},
    consensus::{VotesRecord, votes_record},
    store::{ChainDb, ChainIdentity, ChainStore, DiskDb, StoreError},
};

/// The folder of a download, among the chain's snapshots, whose folders have heights for names.
const DOWNLOAD: &str = "download";
/// How often it is told how far a download is.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Where snapshots are taken from, and when.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// Addresses of nodes, none of which is trusted.
    pub(crate) urls: Vec<String>,
    /// How to talk to them.
    pub(crate) tls: ClientTls,
    /// So many blocks behind the newest snapshot is far.
    pub(crate) behind_blocks: u64,
    /// Free bytes on the disks of the store and of the snapshots below which nothing is taken.
    pub(crate) reserve_bytes: u64,
}

/// A chain that may begin anew, and what of it is where.
pub(crate) struct Place<'a> {
    pub(crate) database: &'a Arc<DiskDb>,
    pub(crate) engine: &'a Arc<Engine>,
    pub(crate) genesis: &'a Genesis,
    /// Where the node keeps the chain's snapshots.
    pub(crate) snapshots: PathBuf,
    /// Where it remembers what its key has voted for on the chain.
    pub(crate) votes: PathBuf,
    /// Its key.
    pub(crate) key: [u8; 32],
}

/// What goes on beside.
pub(crate) struct Turn<'a> {
    /// Whether the node is stopping.
    pub(crate) is_stopping: &'a dyn Fn() -> bool,
    /// Waits until the chain may download, and for no other download after that; no when the node is stopping.
    pub(crate) may_download: &'a dyn Fn() -> bool,
}

/// Why a chain may not open.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key has voted on the chain or said that it would, and its votes are not remembered here.
    #[error(
        "chain {chain} knows this node's key {key} from before, as a state snapshot shows, and what that key has voted for \
         is not here: voting again could contradict it. Let the node join with a new key, or restore the directory of its \
         votes as it was when the node last stopped"
    )]
    ServedBefore {
        /// The chain.
        chain: Name,
        /// The key, in hexadecimal.
        key: String,
    },
}

impl From<StorageError> for BeginError {
    fn from(error: StorageError) -> Self {
        Self::Store(error.into())
    }
}

/// Has the chain begin with a snapshot where it is empty, or far behind the newest that a source has. Nobody may have it
/// open. Returns the height that it begins at then.
///
/// # Errors
/// When the store fails, and when the node's key must not vote on the chain: it must not be opened then.
pub(crate) fn begin_anew(place: &Place<'_>, sources: &Sources, turn: &Turn<'_>) -> Result<Option<u64>, BeginError> {
    if sources.urls.is_empty() {
        return Ok(None);
    }
    let chain = &place.genesis.chain;
    match place.begin(sources, turn) {
        Ok(None) => Ok(None),
        Ok(Some(Restored { height, entries })) => {
            tracing::warn!(%chain, height, entries, "the chain begins with a state snapshot; blocks before it are not here");
            Ok(Some(height))
        }
        Err(SnapshotError::Database(error)) => Err(error.into()),
        Err(SnapshotError::Storage(error)) => Err(error.into()),
        Err(SnapshotError::ServedBefore) => {
            Err(BeginError::ServedBefore { chain: chain.clone(), key: Digest(place.key).to_string() })
        }
        Err(error) => {
            tracing::warn!(%chain, "no state snapshot was taken, and the chain goes on by blocks: {error}");
            Ok(None)
        }
    }
}

impl Place<'_> {
    fn begin(&self, sources: &Sources, turn: &Turn<'_>) -> Result<Option<Restored>, SnapshotError> {
        let identity = ChainIdentity { name: self.genesis.chain.clone(), genesis: self.genesis.digest() };
        let votes = votes_record(&self.votes, &identity.genesis, &self.key);
        let store = match self.genesis.mainchain.is_none() {
            true => self.database.open_chain(identity)?,
            false => self.database.open_sidechain(identity)?,
        };
        let db = ChainDb(&store);
        let height = db.tip()?.map_or(0, |tip| tip.height);
        if let Some(why) = objection_to_any(votes, height, db.base()?) {
            tracing::info!(chain = %self.genesis.chain, why, "no state snapshot is looked for");
            return Ok(None);
        }
        let folder = Folder::at(self.snapshots.join(DOWNLOAD));
        let room = Room::of(&folder, self.database.directory().path(), sources.reserve_bytes);
        let (anchor, above) = (TrustAnchor::of_genesis(self.genesis), worth_above(height, sources.behind_blocks));
        let taking = Taking { place: self, db, height, votes, anchor, above, folder, room, turn };
        taking.take(Asked::new(self.nodes(sources)))
    }

    fn nodes(&self, sources: &Sources) -> Vec<Node> {
        let open = |url: &String| {
            let opened = Node::with_tls(url, &sources.tls);
            opened
                .inspect_err(|error| tracing::warn!(source = url, %error, "this source of snapshots is of no use"))
                .ok()
        };
        sources.urls.iter().filter_map(open).collect()
    }
}

/// A snapshot being taken, and what the node has of the chain.
struct Taking<'a> {
    place: &'a Place<'a>,
    db: ChainDb<'a>,
    height: u64,
    votes: VotesRecord,
    anchor: TrustAnchor,
    /// A snapshot must be above this height to be worth it.
    above: u64,
    folder: Folder,
    room: Room,
    turn: &'a Turn<'a>,
}

impl Taking<'_> {
    fn chain(&self) -> &Name {
        &self.place.genesis.chain
    }

    /// Takes the newest snapshot that is worth it of those that somebody really has.
    fn take(&self, mut asked: Asked) -> Result<Option<Restored>, SnapshotError> {
        self.forget_unfit_download()?;
        loop {
            match self.attempt(&mut asked) {
                // Nobody has the rest of this one, so another may be begun.
                Err(SnapshotError::NoSource(why)) => {
                    self.folder.forget_manifest()?;
                    if !asked.goes_on() {
                        return Err(SnapshotError::NoSource(why));
                    }
                    tracing::info!(chain = %self.chain(), "{why}");
                }
                Err(error) => {
                    // What is there would be in the way, and found unfit again.
                    let is_in_the_way = matches!(
                        error,
                        SnapshotError::NoRoom { .. } | SnapshotError::Unfit(_) | SnapshotError::ServedBefore
                    );
                    if is_in_the_way {
                        self.remove_download();
                    }
                    return Err(error);
                }
                done => return done,
            }
        }
    }

    /// A download of before, which is gone on with, is of nobody who could be dropped for it.
    fn forget_unfit_download(&self) -> Result<(), SnapshotError> {
        let Some(begun) = self.begun() else { return Ok(()) };
        let manifest = begun.manifest();
        let is_unfit =
            contradicts(&self.db, &manifest.hand_overs)? || self.room.is_there_for(manifest, &self.folder).is_err();
        if is_unfit { self.folder.remove() } else { Ok(()) }
    }

    /// The snapshot that was begun before and is worth it.
    fn begun(&self) -> Option<CheckedManifest> {
        let begun = self.folder.has_manifest().then(|| self.folder.manifest(&self.anchor).ok()).flatten();
        begun.filter(|begun| begun.height() > self.above)
    }

    fn attempt(&self, asked: &mut Asked) -> Result<Option<Restored>, SnapshotError> {
        let chain = self.chain();
        let nodes = asked.nodes().to_vec();
        let mut told = Instant::now();
        let mut tell = |found: Found| match found {
            Found::Liar(source, what) => {
                tracing::warn!(%chain, source, what, "this source lied about a state snapshot, and is asked no more");
                asked.lied(source);
            }
            Found::Silent(source, why) => {
                tracing::info!(%chain, source, why, "a source has no state snapshot to give");
                asked.gave_nothing(source);
            }
            Found::Chunks(done, all) if done == all || told.elapsed() > TELL_EVERY => {
                tracing::info!(%chain, done, all, "downloading a state snapshot");
                told = Instant::now();
            }
            Found::Chunks(..) => {}
        };
        let nothing = "no source has a state snapshot that is worth it; the chain goes on by blocks";
        let offers = offers(&nodes, chain, self.above, &mut tell);
        let is_offered = !offers.is_empty();
        if !is_offered && self.begun().is_none() {
            self.folder.remove()?;
            tracing::info!(%chain, "{nothing}");
            return Ok(None);
        }
        if !(self.turn.may_download)() {
            return Err(SnapshotError::Interrupted("the node is stopping".into()));
        }
        let download =
            Download::of(offers, Pace::of_a_start(), chain, &self.anchor, &self.folder, self.above, &mut tell)?;
        let Some(download) = download else {
            if is_offered {
                return Err(SnapshotError::NoSource("no source gives the state snapshot that it offers".into()));
            }
            // What was begun is kept for when somebody has the rest.
            tracing::info!(%chain, "{nothing}");
            return Ok(None);
        };
        let (manifest, source) = (download.manifest(), download.source().unwrap_or_default().to_owned());
        if contradicts(&self.db, &manifest.manifest().hand_overs)? {
            self.folder.remove()?;
            let what = "another committee follows in it than the one that is final here";
            tell(Found::Liar(source, what.into()));
            return Err(SnapshotError::NoSource(format!(
                "the snapshot at height {} is none: {what}",
                manifest.height()
            )));
        }
        may_be_taken(manifest, &self.anchor, self.place.genesis, self.votes, &self.place.key)?;
        match self.room.is_there_for(manifest.manifest(), &self.folder) {
            // How large it is only this source says.
            Err(error @ SnapshotError::NoRoom { .. }) => {
                self.folder.remove()?;
                tell(Found::Silent(source, error.to_string()));
                return Err(SnapshotError::NoSource(error.to_string()));
            }
            room => room?,
        }
        let (height, snapshot) = (self.height, manifest.height());
        tracing::warn!(%chain, height, snapshot, "the chain is far behind a state snapshot, and is to begin anew with it");
        download.finish(&mut tell, &mut || self.may_go_on())?;
        self.restore()
    }

    fn restore(&self) -> Result<Option<Restored>, SnapshotError> {
        let place = self.place;
        let fits = |filled: &ChainStore| may_serve(filled, place.genesis, self.votes, &place.key);
        let (engine, at_chunk) = (Arc::clone(place.engine), &mut |_| self.may_go_on());
        let restored = restore_beside(&self.folder, place.genesis, engine, place.database, at_chunk, fits)?;
        // It is in its place; what was downloaded is only in the way.
        self.remove_download();
        Ok(Some(restored))
    }

    fn may_go_on(&self) -> Result<(), SnapshotError> {
        if (self.turn.is_stopping)() {
            return Err(SnapshotError::Interrupted("the node is stopping".into()));
        }
        self.room.is_left()
    }

    fn remove_download(&self) {
        if let Err(error) = self.folder.remove() {
            tracing::warn!(chain = %self.chain(), "{error}");
        }
    }
}
