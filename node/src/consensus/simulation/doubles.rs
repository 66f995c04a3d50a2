//! Validators with a planted mistake, made around the two things that a chain's engine is given: the chain's side and
//! its store. None of this is in the binary.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use chancery_abi::{Block, Committee, Digest, Genesis};
use chancery_runtime::{
    state::MemoryBackend,
    storage::{Column, Durability, Entry, StateBackend, StateReader, StorageError, Write, WriteBatch},
};
use tokio::sync::watch;

use super::super::{ChainSide, Committed, Stopped, Terms, TransactionSource, Verdict};
use crate::{chain::ChainService, store::Term};

/// A planted mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Double {
    /// The store says that a batch is synced and has only begun to write it.
    SyncsTooLate,
    /// Half of the committee is taken for the committee.
    CountsShort,
    /// A block's effects are told twice.
    CommitsTwice,
    /// One value comes out differently.
    ExecutesDifferently,
}

/// A store in memory, with one of the mistakes or without.
pub(super) struct SimStore {
    pub(super) memory: MemoryBackend,
    double: Option<Double>,
}

impl SimStore {
    pub(super) fn new(double: Option<Double>) -> Self {
        Self { memory: MemoryBackend::new(), double }
    }
}

impl StateReader for SimStore {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.memory.get(column, key)
    }

    fn scan(&self, column: Column, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError> {
        self.memory.scan(column, prefix, from, limit)
    }
}

impl StateBackend for SimStore {
    fn write(&self, mut batch: WriteBatch, mut durability: Durability) -> Result<(), StorageError> {
        if self.double == Some(Double::SyncsTooLate) && durability == Durability::Synced {
            // What came before is there. A store that lost all of it is a new one, and is filled from the others.
            self.memory.write(WriteBatch::default(), Durability::Synced)?;
            durability = Durability::Buffered;
        }
        if self.double == Some(Double::ExecutesDifferently) {
            for write in &mut batch.writes {
                if let Write::Put(Column::Values, _, value) = write
                    && let Some(last) = value.last_mut()
                    && value_is_a_nonce(*last)
                {
                    *last ^= 1;
                }
            }
        }
        self.memory.write(batch, durability)
    }

    fn with_snapshot(&self, read: &mut dyn FnMut(&dyn StateReader)) {
        self.memory.with_snapshot(read);
    }
}

/// One value in a few, so that the mistake takes its time to show.
fn value_is_a_nonce(last: u8) -> bool {
    last % 8 == 5
}

/// A chain's side as the engine sees it, with one of the mistakes or without, and with what the world may do to it.
#[derive(Clone)]
pub(super) struct SimSide {
    pub(super) chain: Arc<ChainService<SimStore>>,
    double: Option<Double>,
    /// What a committee that is counted short looks like.
    genesis: Arc<Genesis>,
    terms: Arc<Terms>,
    /// It proposes nothing while set.
    pub(super) declines: Arc<AtomicBool>,
    /// The heights whose effects were told, in order.
    pub(super) told: Arc<Mutex<Vec<(u64, Digest)>>>,
}

impl SimSide {
    pub(super) fn new(chain: Arc<ChainService<SimStore>>, half: &[[u8; 32]], double: Option<Double>) -> Self {
        let (mut genesis, mut terms) = (chain.genesis().clone(), Arc::clone(chain.terms()));
        if double == Some(Double::CountsShort) {
            genesis.committee = Committee::new(half.to_vec()).expect("half a committee");
            terms = Arc::new(Terms::new(vec![Term::first(&genesis)], None));
        }
        Self { chain, double, genesis: Arc::new(genesis), terms, declines: Arc::default(), told: Arc::default() }
    }

    fn tell(&self, block: &Block) {
        let digest = block.header.digest(&self.chain.genesis_digest());
        self.told.lock().expect("nobody panicked").push((block.header.height, digest));
    }
}

impl ChainSide for SimSide {
    fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    fn genesis_digest(&self) -> Digest {
        self.chain.genesis_digest()
    }

    fn terms(&self) -> &Arc<Terms> {
        &self.terms
    }

    fn digest_at(&self, height: u64) -> Option<Digest> {
        self.chain.digest_at(height)
    }

    fn final_height(&self) -> u64 {
        self.chain.final_height()
    }

    fn knows(&self, digest: &Digest) -> bool {
        self.chain.knows(digest)
    }

    fn time_of(&self, digest: &Digest) -> Option<u64> {
        self.chain.time_of(digest)
    }

    fn has_work_on(&self, parent: &Digest) -> bool {
        self.chain.has_work_on(parent)
    }

    fn work(&self) -> watch::Receiver<u64> {
        self.chain.work()
    }

    fn build(&self, parent: &Digest, proposer: [u8; 32], now_ms: u64) -> Result<Arc<Block>, Stopped> {
        if self.declines.load(Ordering::SeqCst) {
            return Err(Stopped);
        }
        self.chain.build(parent, proposer, now_ms)
    }

    fn check(&self, block: &Arc<Block>) -> Verdict {
        self.chain.check(block)
    }

    fn commit(&self, block: &Arc<Block>) -> Result<Committed, Stopped> {
        let before = self.chain.final_height();
        let committed = self.chain.commit(block)?;
        // What is final already is passed over and has no effects.
        let times = match self.double {
            Some(Double::CommitsTwice) if block.header.height.is_multiple_of(16) => 2,
            _ => usize::from(self.chain.final_height() > before),
        };
        (0..times).for_each(|_| self.tell(block));
        Ok(committed)
    }

    fn is_ahead(&self, block: &Block) -> bool {
        self.chain.is_ahead(block)
    }

    fn certifiers(&self) -> Vec<[u8; 32]> {
        self.chain.certifiers()
    }

    fn is_under_load(&self) -> bool {
        self.chain.is_under_load()
    }

    fn audience(&self) -> Vec<[u8; 32]> {
        self.chain.audience()
    }

    fn engine_failed(&self, reason: &str) {
        self.chain.engine_failed(reason);
    }
}

impl TransactionSource for SimSide {
    fn take_outgoing(&self) -> Vec<Arc<Vec<u8>>> {
        self.chain.take_outgoing()
    }

    fn outgoing(&self) -> watch::Receiver<u64> {
        TransactionSource::outgoing(&self.chain)
    }

    fn still_waiting(&self, bytes_max: usize) -> Vec<Arc<Vec<u8>>> {
        self.chain.still_waiting(bytes_max)
    }

    fn take_in(&self, from: &[u8; 32], transaction: &[u8]) -> bool {
        self.chain.take_in(from, transaction)
    }
}
