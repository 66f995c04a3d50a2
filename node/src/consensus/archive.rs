//! The engine's books of final blocks and certificates, over the chain's own store: their only home.
//!
//! A block that is final is written here before the chain executes it, and the chain's commit writes the same bytes
//! again beside what executing gave. In memory are only the ranges of heights that are here. A write that fails is
//! fatal to the engine, which then ends, and with it the node.

use std::sync::{Arc, Mutex, PoisonError};

use chancery_abi::Digest;
use chancery_runtime::storage::{Durability, StateBackend, StorageError, WriteBatch};
use commonware_consensus::{
    Heightable as _,
    marshal::store::{Blocks, Certificates},
    simplex::{scheme::ed25519::Scheme, types::Finalization},
    types::Height,
};
use commonware_cryptography::sha256;
use commonware_runtime::{Handle, Spawner};
use commonware_storage::{archive::Identifier, rmap::RMap};

use super::{
    block::{BlockRules, ChainBlock, own_digest},
    certificate::{to_engine, to_own},
    epochs::Epochs,
};
use crate::store::{ChainDb, chain_db};

/// Heights below the tip whose certificates the engine may ask about when it starts.
const CERTIFICATES_RECALLED: u64 = 4_096;
/// Heights that are read from the store at once.
const SCAN_AT_ONCE: usize = 1_024;

/// What both books share.
struct Book<E, B> {
    context: E,
    backend: Arc<B>,
    heights: RMap,
    /// Held by whoever syncs, so that one sync serves those who wait.
    syncing: Arc<Mutex<()>>,
}

impl<E: Spawner, B: StateBackend + 'static> Book<E, B> {
    fn open(
        context: E,
        backend: Arc<B>,
        from: u64,
        list: impl Fn(&ChainDb<'_>, u64, usize) -> Result<Vec<u64>, StorageError>,
    ) -> Result<Self, StorageError> {
        let mut heights = RMap::new();
        let mut next = from;
        loop {
            let found = list(&ChainDb(&*backend), next, SCAN_AT_ONCE)?;
            found.iter().for_each(|height| heights.insert(*height));
            match found.last() {
                Some(last) if found.len() == SCAN_AT_ONCE => next = last + 1,
                _ => break,
            }
        }
        Ok(Self { context, backend, heights, syncing: Arc::default() })
    }

    fn db(&self) -> ChainDb<'_> {
        ChainDb(&*self.backend)
    }

    /// Makes everything written so far durable, on a thread where that may take its time.
    fn sync(&self) -> Handle<()> {
        let (backend, syncing) = (Arc::clone(&self.backend), Arc::clone(&self.syncing));
        self.context.child("sync").shared(true).spawn(move |_| async move {
            let _one = syncing.lock().unwrap_or_else(PoisonError::into_inner);
            // An empty synced batch makes what was written before it durable.
            if let Err(error) = backend.write(WriteBatch::default(), Durability::Synced) {
                // The engine must not go on with books that it cannot keep.
                panic!("{error}");
            }
        })
    }
}

/// Final blocks by height and digest.
pub(super) struct FinalBlocks<E, B> {
    book: Book<E, B>,
    rules: BlockRules,
}

impl<E: Spawner, B: StateBackend + 'static> FinalBlocks<E, B> {
    /// Opens the book of a chain whose blocks up to `tip` are committed.
    pub(super) fn open(context: E, backend: Arc<B>, rules: BlockRules, tip: u64) -> Result<Self, StorageError> {
        let mut book = Book::open(context, backend, tip + 1, |db, from, limit| db.block_heights(from, limit))?;
        (0..=tip).for_each(|height| book.heights.insert(height));
        Ok(Self { book, rules })
    }

    fn at(&self, height: u64) -> Result<Option<ChainBlock>, StorageError> {
        if height == 0 {
            return Ok(Some(ChainBlock::genesis(self.rules.genesis)));
        }
        Ok(self.book.db().block(height)?.map(|block| ChainBlock::new(Arc::new(block), self.rules)))
    }

    fn by_digest(&self, digest: &Digest) -> Result<Option<ChainBlock>, StorageError> {
        if *digest == self.rules.genesis {
            return Ok(Some(ChainBlock::genesis(self.rules.genesis)));
        }
        match self.book.db().header_height(digest)? {
            Some(height) => self.at(height),
            None => Ok(None),
        }
    }
}

impl<E: Spawner, B: StateBackend + 'static> Blocks for FinalBlocks<E, B> {
    type Block = Arc<ChainBlock>;
    type Error = StorageError;

    async fn put(mut self, digest: sha256::Digest, block: &Arc<ChainBlock>) -> Result<Self, StorageError> {
        let height = block.height().get();
        if let Some(own) = block.block()
            && self.book.heights.get(height).is_none()
        {
            let mut batch = WriteBatch::default();
            chain_db::stage_final_block(&mut batch, own, &own_digest(&digest));
            self.book.backend.write(batch, Durability::Buffered)?;
            self.book.heights.insert(height);
        }
        Ok(self)
    }

    async fn sync(self) -> Result<Self, StorageError> {
        let synced = self.book.sync().await;
        synced.map_err(|error| StorageError::new("sync final blocks", error)).map(|()| self)
    }

    async fn start_sync(self) -> Result<(Self, Handle<()>), StorageError> {
        let handle = self.book.sync();
        Ok((self, handle))
    }

    async fn get(&self, id: Identifier<'_, sha256::Digest>) -> Result<Option<Arc<ChainBlock>>, StorageError> {
        match id {
            Identifier::Index(height) => self.at(height).map(|block| block.map(Arc::new)),
            Identifier::Key(digest) => self.by_digest(&own_digest(digest)).map(|block| block.map(Arc::new)),
        }
    }

    async fn prune(self, _: Height) -> Result<Self, StorageError> {
        // A chain keeps its blocks.
        Ok(self)
    }

    fn missing_items(&self, start: Height, max: usize) -> Vec<Height> {
        self.book.heights.missing_items(start.get(), max).into_iter().map(Height::new).collect()
    }

    fn next_gap(&self, value: Height) -> (Option<Height>, Option<Height>) {
        let (end, next) = self.book.heights.next_gap(value.get());
        (end.map(Height::new), next.map(Height::new))
    }

    fn last_index(&self) -> Option<Height> {
        self.book.heights.last_index().map(Height::new)
    }
}

/// Certificates by height.
pub(super) struct FinalCertificates<E, B> {
    book: Book<E, B>,
    epochs: Epochs,
}

impl<E: Spawner, B: StateBackend + 'static> FinalCertificates<E, B> {
    /// Opens the book of a chain with these terms, whose blocks up to `tip` are committed.
    pub(super) fn open(context: E, backend: Arc<B>, epochs: Epochs, tip: u64) -> Result<Self, StorageError> {
        let from = tip.saturating_sub(CERTIFICATES_RECALLED);
        let book = Book::open(context, backend, from, |db, from, limit| db.certified_heights(from, limit))?;
        Ok(Self { book, epochs })
    }

    fn at(&self, height: u64) -> Result<Option<Finalization<Scheme, sha256::Digest>>, StorageError> {
        let Some(certificate) = self.book.db().certificate(height)? else { return Ok(None) };
        let members = self.epochs.members(certificate.epoch);
        let found = members.and_then(|members| to_engine(&certificate, members));
        found.map(Some).ok_or_else(|| StorageError::new("read a certificate", "it is of another committee"))
    }
}

impl<E: Spawner, B: StateBackend + 'static> Certificates for FinalCertificates<E, B> {
    type BlockDigest = sha256::Digest;
    type Commitment = sha256::Digest;
    type Scheme = Scheme;
    type Error = StorageError;

    async fn put(
        mut self,
        height: Height,
        _: sha256::Digest,
        finalization: &Finalization<Scheme, sha256::Digest>,
    ) -> Result<Self, StorageError> {
        let height = height.get();
        if self.book.db().certificate(height)?.is_none() {
            let certificate = to_own(finalization)
                .ok_or_else(|| StorageError::new("keep a certificate", "it has no form of its own"))?;
            let mut batch = WriteBatch::default();
            chain_db::stage_certificate(&mut batch, height, &certificate);
            self.book.backend.write(batch, Durability::Buffered)?;
            self.book.heights.insert(height);
        }
        Ok(self)
    }

    async fn sync(self) -> Result<Self, StorageError> {
        let synced = self.book.sync().await;
        synced.map_err(|error| StorageError::new("sync certificates", error)).map(|()| self)
    }

    async fn start_sync(self) -> Result<(Self, Handle<()>), StorageError> {
        let handle = self.book.sync();
        Ok((self, handle))
    }

    async fn get(
        &self,
        id: Identifier<'_, sha256::Digest>,
    ) -> Result<Option<Finalization<Scheme, sha256::Digest>>, StorageError> {
        match id {
            Identifier::Index(height) => self.at(height),
            Identifier::Key(digest) => match self.book.db().header_height(&own_digest(digest))? {
                Some(height) => self.at(height),
                None => Ok(None),
            },
        }
    }

    async fn has(&self, height: Height) -> Result<bool, StorageError> {
        Ok(self.book.db().certificate(height.get())?.is_some())
    }

    async fn prune(self, _: Height) -> Result<Self, StorageError> {
        Ok(self)
    }

    fn last_index(&self) -> Option<Height> {
        self.book.heights.last_index().map(Height::new)
    }

    fn ranges_from(&self, from: Height) -> impl Iterator<Item = (Height, Height)> {
        self.book.heights.iter_from(from.get()).map(|(start, end)| (Height::new(*start), Height::new(*end)))
    }
}
