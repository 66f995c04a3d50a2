//! A chain's side of consensus: executing on blocks that are not final, and making one final.
//!
//! Executed blocks wait in [`super::unfinal`] for their finality; the newest final one stays there as what the next
//! ones are built on, so that a block that is committed meanwhile never pulls the ground from under one that is being
//! executed. An error of this node's halts the chain; it never becomes a verdict on a block.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chancery_abi::{Address, Block, Digest, Genesis, Refusal, Transaction, limits};
use chancery_runtime::{
    execution::{VerifiedTransaction, chain::Proposal},
    storage::StateBackend,
};
use tokio::sync::watch;

use super::{Built, Candidate, ChainError, ChainService, CheckError, Commit, neighbours::Seen, unfinal::Executed};
use crate::{
    consensus::{ChainSide, Committed, Stopped, Terms, TransactionSource, Verdict},
    pool::{SelectLimits, Waiting},
};

/// What a block may have at most; the executor decides again.
const BLOCK: SelectLimits = SelectLimits { count: limits::BLOCK_TRANSACTIONS_MAX, bytes: limits::BLOCK_BYTES_MAX };
/// Transactions that wait, from which on they are many.
const LOAD: usize = 32;

/// What a block is executed on: an executed block, or what the store was opened with.
type Parent = Option<Executed>;

impl<B: StateBackend + 'static> ChainService<B> {
    /// The block to execute on; an error when it is not known, or not any more.
    fn parent(&self, digest: &Digest) -> Option<Parent> {
        // Under one lock, because a commit forgets blocks under it.
        let unfinal = self.lock_unfinal();
        match unfinal.get(digest) {
            Some(executed) => Some(Some(executed.clone())),
            None => (self.ledger.tip().header == *digest).then_some(None),
        }
    }

    /// Halts the chain for an error of this node's.
    fn stop_for(&self, height: u64, error: &ChainError) -> Stopped {
        self.halt(height, error);
        Stopped
    }

    fn may_go_on(&self) -> Result<(), Stopped> {
        if self.halted().is_some() { Err(Stopped) } else { Ok(()) }
    }

    fn used_nonces(&self, parent: &Digest) -> BTreeMap<Address, u64> {
        self.lock_unfinal().used_nonces(parent, self.ledger.tip().height)
    }

    /// The block's transactions as they wait in this node's pool, where their signatures were checked.
    fn known_transactions(&self, block: &Block) -> Vec<Option<Arc<Waiting<VerifiedTransaction>>>> {
        let pool = self.lock_pool();
        let bodies = block.transactions.iter().map(|transaction| &transaction.body);
        bodies.map(|body| pool.get(&body.sender, body.nonce).cloned()).collect()
    }

    /// What the pool must not offer again.
    fn forget_refused(&self, refused: Vec<(Digest, Refusal)>, on_final: bool) {
        // What a block that is not final has used or made possible may come back.
        let lasting = |refusal: &Refusal| {
            let passing = matches!(
                refusal,
                Refusal::NonceUsed { .. }
                    | Refusal::NonceGap { .. }
                    | Refusal::QuotaExhausted { .. }
                    | Refusal::NotSponsor { .. }
            );
            on_final || !passing
        };
        let mut pool = self.lock_pool();
        let refused = refused.into_iter().filter(|(_, refusal)| lasting(refusal));
        let dropped = refused.filter_map(|(digest, refusal)| pool.refuse(&digest, refusal)).collect();
        drop(pool);
        self.remember_dropped(dropped);
    }
}

impl<B: StateBackend + 'static> ChainSide for Arc<ChainService<B>> {
    fn genesis(&self) -> &Genesis {
        self.ledger.rules().genesis()
    }

    fn genesis_digest(&self) -> Digest {
        *self.ledger.rules().digest()
    }

    fn terms(&self) -> &Arc<Terms> {
        self.ledger.terms()
    }

    fn digest_at(&self, height: u64) -> Option<Digest> {
        let rules = self.ledger.rules();
        if height == 0 {
            return Some(*rules.digest());
        }
        let header = self.ledger.db().header(height).inspect_err(|error| self.fail(error)).ok()?;
        header.map(|header| header.digest(rules.digest()))
    }

    fn final_height(&self) -> u64 {
        self.ledger.tip().height
    }

    fn knows(&self, digest: &Digest) -> bool {
        self.parent(digest).is_some()
    }

    fn time_of(&self, digest: &Digest) -> Option<u64> {
        Some(match self.parent(digest)? {
            Some(executed) => executed.candidate.tip().timestamp_ms,
            None => self.ledger.tip().timestamp_ms,
        })
    }

    fn has_work_on(&self, parent: &Digest) -> bool {
        if self.wants_to_see(|| self.seen_on(parent)) {
            return true;
        }
        let used = self.used_nonces(parent);
        self.lock_pool().has_ready_after(&used)
    }

    fn is_under_load(&self) -> bool {
        self.lock_pool().len() >= LOAD
    }

    fn work(&self) -> watch::Receiver<u64> {
        self.work.subscribe()
    }

    fn build(&self, parent: &Digest, proposer: [u8; 32], now_ms: u64) -> Result<Arc<Block>, Stopped> {
        self.may_go_on()?;
        let parent_block = self.parent(parent).ok_or(Stopped)?;
        let tip =
            parent_block.as_ref().map_or_else(|| self.ledger.tip(), |parent| Arc::new(parent.candidate.tip().clone()));
        let (height, timestamp_ms) = (tip.height + 1, now_ms.max(tip.timestamp_ms));
        let proposal = Proposal { proposer, timestamp_ms, beacons: Vec::new(), mainchain: self.mainchain_seen() };
        let offered = self.lock_beacons().clone();
        let used = self.used_nonces(parent);
        let selected = self.lock_pool().select(BLOCK, &used);
        let (began, chain) = (Instant::now(), Arc::clone(self));
        let built = self.executor.run(move |stack| {
            let transactions = selected.iter().map(|waiting| &waiting.item);
            let parent = parent_block.as_ref().map(|parent| &*parent.candidate);
            chain.ledger.build(stack, parent, proposal, &offered, transactions)
        });
        let built = match built {
            Ok(Ok(built)) => built,
            // The view that asked is over; another proposer goes on.
            Ok(Err(ChainError::Overtaken { .. })) => return Err(Stopped),
            Ok(Err(error)) => return Err(self.stop_for(height, &error)),
            Err(panic) => {
                self.halt_after_panic(height, &*panic);
                return Err(Stopped);
            }
        };
        let Built { candidate, refused } = built;
        if !refused.is_empty() {
            self.forget_refused(refused, used.is_empty());
        }
        if candidate.block().header.parent != *parent {
            // It was built on the newest final block, which was the parent when this was asked.
            return Err(Stopped);
        }
        let candidate = Arc::new(candidate);
        let block = Arc::new(candidate.block().clone());
        self.expect_end(&candidate);
        self.lock_unfinal().insert(Executed { candidate, took: began.elapsed() });
        Ok(block)
    }

    fn check(&self, block: &Arc<Block>) -> Verdict {
        let undecided = |reason: &str| Verdict::Undecided(reason.to_owned());
        if self.may_go_on().is_err() {
            return undecided("the chain has stopped here");
        }
        let header = &block.header;
        let digest = header.digest(self.ledger.rules().digest());
        if self.lock_unfinal().get(&digest).is_some() {
            return Verdict::Valid;
        }
        let Some(parent) = self.parent(&header.parent) else { return undecided("its parent is not known here") };
        match self.judge_seen(header) {
            Ok(Seen::Right) => {}
            Ok(Seen::NotYet) => return undecided("it has seen more of the mainchain than this node"),
            Ok(Seen::Wrong) => return Verdict::Invalid("it names a mainchain header that there is not".into()),
            Err(error) => {
                self.fail(&error);
                return undecided("the store failed");
            }
        }
        self.execute_block(block, parent)
    }

    fn commit(&self, block: &Arc<Block>) -> Result<Committed, Stopped> {
        self.may_go_on()?;
        let height = block.header.height;
        let digest = block.header.digest(self.ledger.rules().digest());
        let known = self.lock_unfinal().get(&digest).cloned();
        let tip = self.ledger.tip();
        let executed = match known {
            Some(executed) => executed,
            None if height <= tip.height => {
                // Delivered again after a restart.
                let same = self.ledger.is_committed(height, digest);
                return same.map(|()| Committed::Done).map_err(|error| self.stop_for(height, &error));
            }
            None if height > tip.height + 1 => {
                let gap = ChainError::Gap { expected: tip.height + 1, found: height };
                return Err(self.stop_for(height, &gap));
            }
            None if block.header.parent != tip.header => {
                let (ours, theirs) = (tip.header, block.header.parent);
                let conflict = ChainError::Conflict { height: tip.height, ours, theirs };
                return Err(self.stop_for(height, &conflict));
            }
            // A quorum has seen what it says of the mainchain, whatever this node knows of that.
            None => match self.parent(&block.header.parent).map(|parent| self.execute_block(block, parent)) {
                Some(Verdict::Valid) => self.lock_unfinal().get(&digest).cloned().ok_or(Stopped)?,
                Some(Verdict::Invalid(reason)) => {
                    let differs = ChainError::ExecutesDifferently { height, reason };
                    return Err(self.stop_for(height, &differs));
                }
                Some(Verdict::Undecided(_)) | None => return Err(Stopped),
            },
        };
        self.make_final(&executed).map_err(|error| self.stop_for(height, &error))
    }

    fn is_ahead(&self, block: &Block) -> bool {
        self.halted().is_none() && matches!(self.judge_seen(&block.header), Ok(Seen::NotYet))
    }

    fn certifiers(&self) -> Vec<[u8; 32]> {
        self.present_and_next()
    }

    fn audience(&self) -> Vec<[u8; 32]> {
        self.present_next_and_former()
    }

    fn engine_failed(&self, reason: &str) {
        self.fail_for(reason);
    }
}

impl<B: StateBackend + 'static> ChainService<B> {
    /// The mainchain height that a block or one before it has seen, as far as it is remembered.
    fn seen_on(&self, digest: &Digest) -> u64 {
        let header = self.lock_unfinal().get(digest).and_then(|executed| executed.candidate.block().header.mainchain);
        let known = header.map(|seen| seen.height);
        known.or_else(|| self.newest_seen().ok()).unwrap_or(0)
    }

    /// Executes a block on a parent that is known, and keeps what came of it.
    fn execute_block(self: &Arc<Self>, block: &Arc<Block>, parent: Parent) -> Verdict {
        let undecided = |reason: &str| Verdict::Undecided(reason.to_owned());
        let (header, is_tip) = (&block.header, parent.is_none());
        let (began, chain, height, copy) = (Instant::now(), Arc::clone(self), header.height, Block::clone(block));
        let (known, offered) = (self.known_transactions(block), self.lock_beacons().clone());
        let checked = self.executor.run(move |stack| {
            let verified = |index: usize, _: &Transaction| known.get(index)?.as_ref().map(|waiting| &waiting.item);
            let parent = parent.as_ref().map(|parent| &*parent.candidate);
            chain.ledger.check_with(stack, parent, copy, &offered, verified)
        });
        match checked {
            Ok(Ok(candidate)) => {
                let candidate = Arc::new(candidate);
                self.expect_end(&candidate);
                self.lock_unfinal().insert(Executed { candidate, took: began.elapsed() });
                Verdict::Valid
            }
            Ok(Err(CheckError::Invalid(_))) if is_tip && self.ledger.tip().header != header.parent => {
                undecided("another block became final meanwhile")
            }
            Ok(Err(CheckError::Invalid(error))) => Verdict::Invalid(error.to_string()),
            Ok(Err(CheckError::Chain(ChainError::Overtaken { .. }))) => {
                undecided("another block became final meanwhile")
            }
            Ok(Err(CheckError::Chain(error))) => {
                self.halt(height, &error);
                undecided("the chain has stopped here")
            }
            Err(panic) => {
                self.halt_after_panic(height, &*panic);
                undecided("the chain has stopped here")
            }
        }
    }
}

impl<B: StateBackend + 'static> ChainService<B> {
    /// Notes a block that ends its term, before it is final: the next proposal repeats it until it is.
    fn expect_end(&self, candidate: &Candidate) {
        if candidate.ends_epoch() {
            self.ledger.terms().expect_end(candidate.block().header.epoch, candidate.height());
        }
    }

    fn make_final(&self, executed: &Executed) -> Result<Committed, ChainError> {
        let Executed { candidate, took } = executed;
        let began = Instant::now();
        let Some(proof) = self.ledger.db().finality(candidate.height())? else { return Ok(Committed::NotShown) };
        if self.ledger.commit(candidate, &proof)? == Commit::Skipped {
            return Ok(Committed::Done);
        }
        if let Some(snapshots) = &self.snapshots {
            let height = candidate.height();
            let newest = || self.participation().map_or(height, |view| view.certified_height);
            snapshots.committed(self.ledger.backend(), height, newest);
        }
        self.lock_unfinal().committed(candidate);
        self.metrics.block(candidate, *took, began.elapsed());
        log_commit(candidate.receipts().len(), candidate.height(), *took, began.elapsed());
        self.publish(candidate);
        Ok(Committed::Done)
    }
}

fn log_commit(transactions: usize, height: u64, execute: Duration, commit: Duration) {
    let (execute_us, commit_us) = (execute.as_micros(), commit.as_micros());
    tracing::debug!(height, transactions, execute_us, commit_us, "block committed");
}

impl<B: StateBackend + 'static> TransactionSource for Arc<ChainService<B>> {
    fn take_outgoing(&self) -> Vec<Arc<Vec<u8>>> {
        self.lock_lanes().take_outgoing()
    }

    fn outgoing(&self) -> watch::Receiver<u64> {
        self.outgoing.subscribe()
    }

    fn still_waiting(&self, bytes_max: usize) -> Vec<Arc<Vec<u8>>> {
        let limits = SelectLimits { count: limits::BLOCK_TRANSACTIONS_MAX, bytes: bytes_max };
        let selected = self.lock_pool().select(limits, &BTreeMap::new());
        let lanes = self.lock_lanes();
        let here = selected.iter().filter(|waiting| !lanes.is_of_another(&waiting.digest));
        here.map(|waiting| Arc::new(waiting.item.transaction().to_bytes())).collect()
    }

    fn take_in(&self, from: &[u8; 32], transaction: &[u8]) -> bool {
        let Ok(transaction) = Transaction::from_bytes(transaction) else { return false };
        self.submit_from(*from, transaction).is_ok()
    }
}
