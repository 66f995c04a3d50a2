//! [`ChainService`]: one chain as the rest of the node sees it, shared by consensus, the API and whoever follows.
//!
//! Locks: the mempool's mutex is held for one call of the pool and never while anything is read, executed or awaited.
//! The ledger has its own. Whoever waits is woken through watch channels: one says that a proposal may have something
//! to hold, one that something is to be passed on, one carries the newest final height; whoever is slow reads what it
//! missed from the store.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chancery_abi::{Beacon, Digest, Genesis};
use chancery_runtime::{
    engine::Engine,
    execution::VerifiedTransaction,
    state::StateConfig,
    storage::{StateBackend, StorageError},
};
use tokio::sync::{Semaphore, watch};

use super::{
    Candidate, ChainError, FatalSignal, Halted, Ledger, Part,
    contracts::SchemaCache,
    executor::Executor,
    health::{Closed, Health},
    lanes::Lanes,
    recent::Recent,
    retrace::Tracing,
    unfinal::Unfinal,
};
use crate::{
    consensus::{MemberStatus, Participation, ParticipationView},
    metrics::ChainMetrics,
    pool::{DropReason, Dropped, Pool, PoolConfig},
    snapshot::{Keeper, KeeperConfig},
    store::{
        ChainStore,
        disk_space::{self, Held},
    },
};

/// Dropped transactions whose reasons are remembered, so that their senders learn what became of them.
const DROPPED_REMEMBERED_MAX: usize = 4_096;
/// Beacons that wait for a proposal of this node.
const BEACONS_OFFERED_MAX: usize = 256;
/// A chain that commits nothing for this many heartbeats, and the time below, is not ready.
const HEARTBEATS_MISSED_MAX: u32 = 3;
/// A ceremony's stage that lasts longer waits for somebody.
const CEREMONY_SLOW_MS: u64 = 60_000;
/// Final heights without a beacon of which something must be wrong.
const BEACONS_LATE: u64 = 64;
/// A validator whose last vote is older is named as silent when the chain is.
const SILENT_AFTER_MS: u64 = 10_000;
/// Time that a large block may take on a slow machine before the chain counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// What one node decides about a chain.
#[derive(Clone, Debug)]
pub struct ChainConfig {
    /// The mempool's limits.
    pub pool: PoolConfig,
    /// The state's memory and how far back it proves.
    pub state: StateConfig,
    /// An idle chain makes an empty block this often.
    pub heartbeat: Duration,
    /// Queries, simulations and proofs that run at once; each may take as much memory as a transaction.
    pub queries_max: usize,
    /// The most gas of one query.
    pub query_gas_max: u64,
    /// Free bytes on the store's disk below which no transactions are taken.
    pub disk_reserve_bytes: u64,
    /// The state snapshots that are made and kept; none where there is no place for them.
    pub snapshots: Option<KeeperConfig>,
}

impl Default for ChainConfig {
    fn default() -> Self {
        Self {
            pool: PoolConfig::default(),
            state: StateConfig::default(),
            heartbeat: Duration::from_secs(10),
            queries_max: 4,
            query_gas_max: 2_000_000_000,
            disk_reserve_bytes: 512 << 20,
            snapshots: None,
        }
    }
}

/// One chain on this node.
pub struct ChainService<B = ChainStore> {
    pub(super) ledger: Ledger<B>,
    pub(super) config: ChainConfig,
    pub(super) queries: Arc<Semaphore>,
    pub(super) schemas: SchemaCache,
    pub(super) tracing: Tracing,
    pub(super) health: Health,
    pub(super) metrics: ChainMetrics,
    pub(super) executor: Executor,
    pub(super) unfinal: Mutex<Unfinal>,
    recent: Mutex<Recent>,
    /// Beacons that the next proposals may bring, by height.
    beacons: Mutex<BTreeMap<u64, Beacon>>,
    pub(super) lanes: Mutex<Lanes>,
    pool: Mutex<Pool<VerifiedTransaction>>,
    dropped: Mutex<DropLog>,
    /// Counts what may give a proposal something to hold.
    pub(super) work: watch::Sender<u64>,
    /// Counts what is to be passed on to other validators.
    pub(super) outgoing: watch::Sender<u64>,
    finalised: watch::Sender<u64>,
    stopping: AtomicBool,
    opened: Instant,
    /// When the last block was committed, in milliseconds since `opened`.
    last_commit_ms: AtomicU64,
    fatal: FatalSignal,
    participation: OnceLock<Arc<Participation>>,
    /// Where the store's disk is, of a store that has one.
    store_path: Option<PathBuf>,
    pub(super) snapshots: Option<Keeper>,
    /// On a sidechain, the mainchain as this node has it.
    pub(super) mainchain: OnceLock<Arc<Self>>,
    /// The mainchain height that a sidechain's next block is to have seen.
    pub(super) seen_wanted: AtomicU64,
    /// The height of a sidechain that somebody waits to see anchored.
    pub(super) anchor_wanted: AtomicU64,
}

impl<B: StateBackend + 'static> ChainService<B> {
    /// Opens the chain that begins with `genesis`, in a store whose disk is at `store_path`.
    ///
    /// # Errors
    /// When its store fails, is of another chain, or contradicts itself.
    pub fn open(
        store: Arc<B>,
        store_path: Option<PathBuf>,
        engine: Arc<Engine>,
        genesis: Genesis,
        config: ChainConfig,
        metrics: ChainMetrics,
        fatal: FatalSignal,
    ) -> Result<Self, ChainError> {
        let ledger = Ledger::open(store, engine, genesis, config.state)?;
        let height = ledger.tip().height;
        metrics.opened(height);
        tracing::info!(
            chain = %ledger.rules().name(),
            genesis = %ledger.rules().digest(),
            height,
            state_root = %ledger.state()?.root(),
            recovery = ?ledger.state()?.recovery(),
            "chain opened",
        );
        let members = ledger.rules().genesis().committee.len();
        let executor = Executor::start(ledger.rules().name())
            .map_err(|reason| StorageError::new("start the execution thread", reason))?;
        Ok(Self {
            ledger,
            executor,
            unfinal: Mutex::default(),
            recent: Mutex::default(),
            beacons: Mutex::default(),
            lanes: Mutex::new(Lanes::new(members, config.pool.count_max, config.pool.bytes_max)),
            queries: Arc::new(Semaphore::new(config.queries_max)),
            schemas: SchemaCache::default(),
            tracing: Tracing::default(),
            health: Health::default(),
            metrics,
            pool: Mutex::new(Pool::new(config.pool)),
            dropped: Mutex::default(),
            work: watch::Sender::new(0),
            outgoing: watch::Sender::new(0),
            finalised: watch::Sender::new(height),
            stopping: AtomicBool::new(false),
            opened: Instant::now(),
            last_commit_ms: AtomicU64::new(0),
            fatal,
            participation: OnceLock::new(),
            store_path,
            snapshots: config.snapshots.clone().map(Keeper::new),
            mainchain: OnceLock::new(),
            seen_wanted: AtomicU64::new(0),
            anchor_wanted: AtomicU64::new(0),
            config,
        })
    }

    /// The chain's blocks and state.
    pub fn ledger(&self) -> &Ledger<B> {
        &self.ledger
    }

    /// What this node decided about the chain.
    pub fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// The newest final height, and a way to wait for the next. Heights may be skipped over; all are in the store.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.finalised.subscribe()
    }

    /// Why the chain halted, if it did.
    pub fn halted(&self) -> Option<&Halted> {
        self.health.halted()
    }

    /// Takes no more transactions and tells who waits. Consensus is stopped by whoever started it.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.health.set_intake(Some(Closed { code: "stopping", reason: "the node is stopping".into() }));
        // Who waits for a receipt learns that there will be none for now.
        self.finalised.send_modify(|_| {});
    }

    /// Writes out what speeds up the next start, when no more blocks come.
    pub fn finish(&self) {
        if self.halted().is_none()
            && let Err(error) = self.ledger.flush()
        {
            self.halt(self.ledger.tip().height, &error);
        }
    }

    /// Who takes part is told from here on.
    pub fn watch_participation(&self, participation: Arc<Participation>) {
        // The first to be set stays; a chain has one engine.
        self.participation.set(participation).ok();
    }

    /// Who takes part in this chain, once consensus runs.
    pub fn participation(&self) -> Option<ParticipationView> {
        self.participation.get().map(|participation| participation.view())
    }

    /// Brings the figures up to date that are asked for and not counted.
    pub fn measure(&self) {
        if let Some(view) = self.participation() {
            self.metrics.consensus(&view, super::now_ms());
        }
        if let Ok(Some(board)) = self.read_registry(super::blackboard::board_of) {
            self.metrics.threshold(&board);
        }
    }

    /// Milliseconds since the chain was opened, by a clock that does not jump.
    fn opened_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// What `/readyz` says of this chain.
    pub fn part(&self) -> Part {
        let name = format!("chain {}", self.ledger.rules().name());
        let silent_ms = self.opened_ms().saturating_sub(self.last_commit_ms.load(Ordering::Relaxed));
        let problem = match self.health.closed() {
            Some(closed) => Some(closed.reason),
            None if u128::from(silent_ms)
                > (self.config.heartbeat * HEARTBEATS_MISSED_MAX + STUCK_AFTER).as_millis() =>
            {
                Some(format!("no block was committed for {} s{}", silent_ms / 1_000, self.silent_validators()))
            }
            None => None,
        };
        Part { name, problem }
    }

    /// The state snapshots that this node keeps, when it has a place for them.
    pub fn snapshots(&self) -> Option<&Keeper> {
        self.snapshots.as_ref()
    }

    /// What is wrong with the threshold layer, which finality does without.
    pub fn threshold_problem(&self) -> Option<String> {
        // The threshold key is the mainchain's.
        self.ledger.rules().genesis().registry.as_ref()?;
        let board = self.read_registry(super::blackboard::board_of).ok().flatten()?;
        let (height, now_ms) = (self.ledger.tip().height, super::now_ms());
        let newest = board.newest_beacon.unwrap_or(0);
        let name = self.ledger.rules().name();
        match (&board.group, &board.ceremony) {
            (_, Some(ceremony)) if now_ms.saturating_sub(ceremony.since_ms) > CEREMONY_SLOW_MS => Some(format!(
                "threshold key of chain {name}: round {} waits for {:?} with {} of its nodes",
                ceremony.round,
                ceremony.stage,
                ceremony.given.len(),
            )),
            (Some(group), _) if height.saturating_sub(newest.max(group.from_height)) > BEACONS_LATE => {
                Some(format!("beacons of chain {name}: none is known after height {newest}"))
            }
            (None, None) if height > BEACONS_LATE => Some(format!("threshold key of chain {name}: there is none")),
            _ => None,
        }
    }

    /// Which validators were not heard to vote of late.
    fn silent_validators(&self) -> String {
        let Some(view) = self.participation() else { return String::new() };
        let now_ms = super::now_ms();
        let silent =
            |member: &&MemberStatus| member.voted_ms.is_none_or(|voted| now_ms.saturating_sub(voted) > SILENT_AFTER_MS);
        let silent: Vec<String> =
            view.members.iter().filter(silent).map(|member| Digest(member.key).to_string()).collect();
        if silent.is_empty() { String::new() } else { format!("; no votes from {}", silent.join(", ")) }
    }

    /// A beacon whose signature was checked, for this node's next proposals.
    pub(super) fn offer_beacon(&self, beacon: Beacon) {
        let mut beacons = self.lock_beacons();
        beacons.insert(beacon.height, beacon);
        while beacons.len() > BEACONS_OFFERED_MAX {
            beacons.pop_last();
        }
    }

    pub(super) fn lock_beacons(&self) -> MutexGuard<'_, BTreeMap<u64, Beacon>> {
        self.beacons.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_unfinal(&self) -> MutexGuard<'_, Unfinal> {
        self.unfinal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_pool(&self) -> MutexGuard<'_, Pool<VerifiedTransaction>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many transactions wait, and their bytes.
    pub fn pool_size(&self) -> (usize, usize) {
        let pool = self.lock_pool();
        (pool.len(), pool.size_bytes())
    }

    /// A proposal may have something to hold now.
    pub(super) fn announce_work(&self) {
        self.work.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Remembers what left the pool without having been executed.
    pub(super) fn remember_dropped(&self, dropped: Vec<Dropped>) {
        self.lock_lanes().left(dropped.iter().map(|dropped| &dropped.digest));
        let mut log = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        for dropped in dropped {
            self.metrics.dropped(dropped.reason.code());
            log.push(dropped);
        }
    }

    /// Why a transaction that was once taken is not waiting any more, as far as that is remembered.
    pub(super) fn drop_reason(&self, digest: &Digest) -> Option<DropReason> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner).reasons.get(digest).cloned()
    }

    /// After a commit: tells the mempool, then everyone who waits.
    pub(super) fn publish(&self, committed: &Candidate) {
        let height = committed.height();
        // Before they leave the pool, so that nobody finds them in neither.
        self.lock_recent().committed(committed.receipts());
        let nonces = committed.next_nonces();
        let (mut dropped, count, bytes) = {
            let mut pool = self.lock_pool();
            let dropped = pool.committed(height, &nonces);
            (dropped, pool.len(), pool.size_bytes())
        };
        if let Some(newest) = committed.block().header.beacons.last() {
            let mut beacons = self.lock_beacons();
            *beacons = beacons.split_off(&(newest.height + 1));
        }
        self.lock_lanes().left(dropped.iter().map(|dropped| &dropped.digest));
        // What was executed has a receipt, which says more.
        let executed: BTreeSet<&Digest> = committed.receipts().iter().map(|receipt| &receipt.transaction).collect();
        dropped.retain(|dropped| !executed.contains(&dropped.digest));
        self.remember_dropped(dropped);
        self.metrics.pool(count, bytes);
        self.last_commit_ms.store(self.opened_ms(), Ordering::Relaxed);
        self.finalised.send_replace(height);
        self.announce_work();
    }

    /// Closes the intake while the store's disk has less room than the reserve; and that of a sidechain which holds more than
    /// its part already below twice the reserve, so that the others have the rest. `held` is not known before the node runs.
    pub fn check_disk(&self, held: Option<Held>) {
        let Some(store_path) = &self.store_path else { return };
        self.metrics.disk_held(held.map_or(0, |held| held.bytes));
        match disk_space::free_bytes(store_path) {
            Ok(free) => {
                self.metrics.disk_free(free);
                if !self.is_stopping() {
                    self.health.set_intake(self.lacks_room(free, held));
                }
            }
            Err(error) => tracing::warn!(%error, "the free space of the store's disk is not known"),
        }
    }

    /// Why no transactions are taken with so many bytes left on the disk, if so.
    fn lacks_room(&self, free: u64, held: Option<Held>) -> Option<Closed> {
        let reserve = self.config.disk_reserve_bytes;
        let left = format!("the store's disk has {} MiB left", free >> 20);
        if free < reserve {
            let reason = format!("{left}, and {} MiB are kept in reserve; make room", reserve >> 20);
            return Some(Closed { code: "disk_reserve", reason });
        }
        // Without the mainchain no other goes on, so it has what there is.
        let is_sidechain = self.ledger.rules().genesis().mainchain.is_some();
        let held = held.filter(|_| is_sidechain && free < reserve.saturating_mul(2))?;
        let part = held.part(free);
        (held.bytes > part).then(|| {
            let more = format!("{} MiB, more than its part of {} MiB", held.bytes >> 20, part >> 20);
            Closed { code: "disk_share", reason: format!("{left}, and this chain holds {more}; make room") }
        })
    }

    /// Stops the process, because the store failed.
    pub(super) fn fail(&self, error: &StorageError) {
        self.fatal.set(&format!("chain {}: {error}", self.ledger.rules().name()));
    }

    /// Halts the chain, because what it cannot do without has failed; with a mainchain the process stops.
    pub(super) fn fail_for(&self, reason: &str) {
        let height = self.ledger.tip().height;
        let reason = format!("chain {}: {reason}", self.ledger.rules().name());
        self.metrics.halted();
        self.health.halt(Halted { height, reason: reason.clone() });
        // A sidechain's end is its own.
        if self.ledger.rules().genesis().mainchain.is_none() {
            self.fatal.set(&reason);
        }
        self.finalised.send_modify(|_| {});
    }

    /// Halts the chain, and the process too when it was the store that failed.
    pub(crate) fn halt(&self, height: u64, error: &ChainError) {
        let reason = format!("chain {} halted at height {height}: {error}", self.ledger.rules().name());
        self.metrics.halted();
        self.health.halt(Halted { height, reason: reason.clone() });
        if error.is_storage() {
            self.fatal.set(&reason);
        }
        self.finalised.send_modify(|_| {});
    }

    /// Halts the chain after a panic while executing.
    pub(crate) fn halt_after_panic(&self, height: u64, panic: &(dyn std::any::Any + Send)) {
        let text = panic_text(panic);
        let name = self.ledger.rules().name();
        let reason = format!("chain {name} halted at height {height}: executing the block panicked: {text}");
        self.metrics.halted();
        self.health.halt(Halted { height, reason });
        self.finalised.send_modify(|_| {});
    }
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// The reasons of the newest dropped transactions.
#[derive(Default)]
struct DropLog {
    reasons: BTreeMap<Digest, DropReason>,
    order: VecDeque<Digest>,
}

impl DropLog {
    fn push(&mut self, dropped: Dropped) {
        if self.reasons.insert(dropped.digest, dropped.reason).is_none() {
            self.order.push_back(dropped.digest);
        }
        if self.order.len() > DROPPED_REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.reasons.remove(&oldest);
        }
    }
}
