//! The chain's finalised blocks and state, and the three steps by which a block joins them.
//!
//! Invariants: [`Ledger::build`] and [`Ledger::check`] write nothing; [`Ledger::commit`] writes one synced batch, and
//! the tip moves only after it is durable. The tip's header has the state's root, at opening and ever after. Heights are
//! committed one by one: a block at or below the tip is skipped when it is the same one, and a gap or another block is
//! an error that stops the chain.
//!
//! What is deliberately absent: who decides which block is next, clocks, and threads.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, RwLock, RwLockReadGuard},
};

use chancery_abi::{Beacon, Block, Digest, Genesis, HandOver, Header, Transaction};
use chancery_runtime::{
    engine::Engine,
    execution::{
        BeginError, BlockContext, BlockExecutor, ChainRules, ExecuteError, ExecutedBlock, ExecutionStack, Halt,
        VerifiedTransaction, beacons,
        chain::{self, BlockError, ChainTip, Proposal},
        lanes,
    },
    state::{FinalView, State, StateConfig},
    storage::{Durability, StateBackend, StorageError, WriteBatch},
};
use chancery_verify::signatures;

use super::{Built, Candidate, ChainError, CheckError};
use crate::{
    consensus::Terms,
    store::{
        FinalityProof, Term,
        chain_db::{self, ChainDb, CommittedBlock},
    },
};

/// How many transactions may fail to fit before a block counts as full.
const MISFITS_MAX: usize = 32;

/// What committing a block did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// It is durable and the chain's new tip.
    Done,
    /// The chain had it already.
    Skipped,
}

/// A chain's finalised blocks and state.
pub struct Ledger<B> {
    rules: Arc<ChainRules>,
    engine: Arc<Engine>,
    backend: Arc<B>,
    state: RwLock<State<B>>,
    tip: RwLock<Arc<ChainTip>>,
    terms: Arc<Terms>,
}

impl<B: StateBackend> Ledger<B> {
    /// Opens the chain that begins with `genesis`, recovering what a crash left behind, or begins it.
    ///
    /// # Errors
    /// When the store fails, is of another chain, or contradicts itself.
    pub fn open(
        backend: Arc<B>,
        engine: Arc<Engine>,
        genesis: Genesis,
        config: StateConfig,
    ) -> Result<Self, ChainError> {
        let rules = ChainRules::new(genesis)?;
        let db = ChainDb(&*backend);
        match db.genesis()? {
            Some(found) if found.digest() == *rules.digest() => {}
            Some(found) => {
                return Err(ChainError::OtherGenesis { expected: *rules.digest(), found: found.digest() });
            }
            None => {
                let mut batch = WriteBatch::default();
                chain_db::stage_genesis(&mut batch, rules.genesis());
                backend.write(batch, Durability::Synced)?;
            }
        }
        let tip = db.tip()?.unwrap_or_else(|| ChainTip::genesis(&rules));
        let state = State::open(Arc::clone(&backend), config)?;
        check_opened(&db, &tip, &state)?;
        let mut terms = vec![Term::first(rules.genesis())];
        terms.extend(db.terms()?);
        let settled = settled_end(&rules, &*backend, tip.height)?;
        let terms = Arc::new(Terms::new(terms, settled));
        let (state, tip) = (RwLock::new(state), RwLock::new(Arc::new(tip)));
        Ok(Self { rules: Arc::new(rules), engine, backend, state, tip, terms })
    }

    /// The chain's rules.
    pub fn rules(&self) -> &Arc<ChainRules> {
        &self.rules
    }

    /// The sandbox.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The store.
    pub fn backend(&self) -> &Arc<B> {
        &self.backend
    }

    /// What is stored of blocks.
    pub fn db(&self) -> ChainDb<'_> {
        ChainDb(&*self.backend)
    }

    /// The newest final block's tip.
    pub fn tip(&self) -> Arc<ChainTip> {
        // Replacing the pointer cannot panic half-way, so a poisoned lock still holds a whole tip.
        Arc::clone(&self.tip.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// The committees' terms so far.
    pub fn terms(&self) -> &Arc<Terms> {
        &self.terms
    }

    /// What leads from the first committee to the one of `epoch`, which has begun: every term's last header, certified,
    /// and who follows.
    ///
    /// # Errors
    /// When the store fails, or lacks what it must have.
    pub fn hand_overs(&self, epoch: u64) -> Result<Vec<HandOver>, StorageError> {
        let db = self.db();
        let terms = (1..=epoch).map_while(|epoch| self.terms.of(epoch)).map(|term| {
            let last = term.first_height - 1;
            let header = db.expect_part(db.header(last)?, "header", last)?;
            let certificate = db.expect_part(db.certificate(last)?, "certificate of a term's last block", last)?;
            Ok(HandOver { header, certificate, next: term.committee })
        });
        terms.collect()
    }

    /// The state, for reading.
    ///
    /// # Errors
    /// When a panic left it in the middle of a change.
    pub fn state(&self) -> Result<RwLockReadGuard<'_, State<B>>, ChainError> {
        self.state.read().map_err(|_| ChainError::Poisoned)
    }

    /// Builds a block on `parent`, or on the tip, from those of `transactions` that fit and may be in it, with the
    /// beacons among `offered` that are due.
    ///
    /// # Errors
    /// When this node cannot execute it.
    pub fn build<'t>(
        &self,
        stack: &ExecutionStack,
        parent: Option<&Candidate>,
        mut proposal: Proposal,
        offered: &BTreeMap<u64, Beacon>,
        transactions: impl IntoIterator<Item = &'t VerifiedTransaction>,
    ) -> Result<Built, ChainError> {
        let state = self.state()?;
        self.not_overtaken(&state, parent)?;
        let parent_tip = self.parent_tip(parent);
        let (height, timestamp_ms) = (parent_tip.height + 1, proposal.timestamp_ms);
        let view = state.view(parent.map(Candidate::overlay));
        // Whoever is behind with the mainchain may build on a block that has seen more of it, and then names nothing: the
        // block has seen what its parent had.
        if let Some(seen) = proposal.mainchain {
            let newest = lanes::seen::newest(&view).map_err(|error| self.halted(height, error.into()))?;
            proposal.mainchain = (seen.height >= newest).then_some(seen);
        }
        let context = BlockContext { height, timestamp_ms, mainchain: proposal.mainchain };
        let due = beacons::due_of(&self.rules, &view, context.height, offered);
        proposal.beacons = due.map_err(|error| self.halted(context.height, error.into()))?;
        let begin = |beacons: &[Beacon]| {
            BlockExecutor::begin_knowing(stack, &self.engine, &self.rules, &view, context, beacons, offered)
        };
        let begun = match begin(&proposal.beacons) {
            Err(BeginError::Beacon(error)) => {
                // Whatever is wrong with them, a block does without.
                tracing::error!(height = context.height, %error, "beacons that this node holds good are refused");
                proposal.beacons.clear();
                begin(&[])
            }
            begun => begun,
        };
        let mut executor = begun.map_err(|error| self.not_begun(context.height, error))?;
        let (mut included, mut refused) = (Vec::new(), Vec::new());
        let mut misfits = std::collections::BTreeSet::new();
        for transaction in transactions {
            let sender = transaction.transaction().body.sender;
            if misfits.contains(&sender) {
                continue;
            }
            match executor.execute(transaction) {
                Ok(_) => included.push(transaction.transaction().clone()),
                Err(ExecuteError::Refused(refusal)) => refused.push((*transaction.digest(), refusal)),
                Err(ExecuteError::BlockFull) if misfits.len() >= MISFITS_MAX => break,
                Err(ExecuteError::BlockFull) => {
                    misfits.insert(sender);
                }
                Err(ExecuteError::Halt(halt)) => return Err(self.halted(context.height, halt)),
            }
        }
        let mut executed = executor.finish().map_err(|halt| self.halted(context.height, halt))?;
        let overlay = self.prepare(&state, parent, &mut executed)?;
        let root = overlay.root();
        let header = chain::assemble_header(&self.rules, &parent_tip, proposal, &included, &executed, root);
        let block = Block { header, transactions: included };
        Ok(Built { candidate: Candidate::new(&self.rules, &parent_tip, block, executed, overlay), refused })
    }

    /// Executes `block` on `parent`, or on the tip, and compares everything its header says.
    ///
    /// # Errors
    /// When the block is wrong, or this node cannot say.
    pub fn check(
        &self,
        stack: &ExecutionStack,
        parent: Option<&Candidate>,
        block: Block,
    ) -> Result<Candidate, CheckError> {
        self.check_with(stack, parent, block, &BTreeMap::new(), |_, _| None)
    }

    /// As [`check`](Self::check), where `verified` may have a transaction of the block, by its place, whose signatures
    /// this node has found to hold already, and `known` beacons of which the same is so. One that differs in anything is
    /// not used.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_with<'v>(
        &self,
        stack: &ExecutionStack,
        parent: Option<&Candidate>,
        block: Block,
        known: &BTreeMap<u64, Beacon>,
        verified: impl Fn(usize, &Transaction) -> Option<&'v VerifiedTransaction>,
    ) -> Result<Candidate, CheckError> {
        let state = self.state()?;
        self.not_overtaken(&state, parent)?;
        let parent_tip = self.parent_tip(parent);
        chain::check_before_execution(&parent_tip, &block)?;
        let context = BlockContext::of(&block.header);
        let view = state.view(parent.map(Candidate::overlay));
        let beacons = &block.header.beacons;
        let begun = BlockExecutor::begin_knowing(stack, &self.engine, &self.rules, &view, context, beacons, known);
        let mut executor = match begun {
            Ok(executor) => executor,
            Err(BeginError::Beacon(error)) => return Err(BlockError::from(error).into()),
            Err(BeginError::Seen(error)) => return Err(BlockError::from(error).into()),
            Err(error) => return Err(self.not_begun(context.height, error).into()),
        };
        for (index, transaction) in block.transactions.iter().enumerate() {
            let refused = |refusal| BlockError::Transaction { index, refusal };
            let known = verified(index, transaction).filter(|known| known.transaction() == transaction);
            let checked = match known {
                Some(known) => Cow::Borrowed(known),
                None => Cow::Owned(VerifiedTransaction::verify(transaction.clone(), &self.rules).map_err(refused)?),
            };
            match executor.execute(&checked) {
                Ok(_) => {}
                Err(ExecuteError::Refused(refusal)) => return Err(refused(refusal).into()),
                Err(ExecuteError::BlockFull) => return Err(BlockError::Overfull.into()),
                Err(ExecuteError::Halt(halt)) => return Err(self.halted(context.height, halt).into()),
            }
        }
        let mut executed = executor.finish().map_err(|halt| self.halted(context.height, halt))?;
        let overlay = self.prepare(&state, parent, &mut executed)?;
        chain::check_header(&self.rules, &parent_tip, &block, &executed, overlay.root())?;
        Ok(Candidate::new(&self.rules, &parent_tip, block, executed, overlay))
    }

    /// Makes a block final: writes it and everything about it in one synced batch, then moves on to it.
    ///
    /// # Errors
    /// When the certificate does not hold, when the block does not follow the tip, and when the store fails. After any
    /// of them the chain must stop.
    pub fn commit(&self, candidate: &Candidate, proof: &FinalityProof) -> Result<Commit, ChainError> {
        let (height, digest) = (candidate.height(), *candidate.digest());
        let tip = self.tip();
        if height <= tip.height {
            return self.compare_with_committed(height, digest);
        }
        if height > tip.height + 1 {
            return Err(ChainError::Gap { expected: tip.height + 1, found: height });
        }
        if candidate.block().header.parent != tip.header {
            let theirs = candidate.block().header.parent;
            return Err(ChainError::Conflict { height: tip.height, ours: tip.header, theirs });
        }
        self.check_finality(&candidate.block().header, digest, proof)?;
        let mut batch = WriteBatch::default();
        self.state.write().map_err(|_| ChainError::Poisoned)?.stage(candidate.overlay(), &mut batch)?;
        let committed = CommittedBlock {
            block: candidate.block(),
            receipts: candidate.receipts(),
            certificate: proof.descendants.is_empty().then_some(&proof.certificate),
            subtrees: candidate.subtrees(),
            tip: candidate.tip(),
        };
        chain_db::stage_block(&mut batch, &committed);
        // Readers go on while the disk works; the state shows the block before until it advances.
        self.backend.write(batch, Durability::Synced)?;
        let mut state = self.state.write().map_err(|_| ChainError::Poisoned)?;
        state.advance(Arc::clone(candidate.overlay()))?;
        // Under the state's lock, so that nobody sees the one without the other.
        *self.tip.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(candidate.tip().clone());
        let settled = settled_end(&self.rules, &*self.backend, height)?;
        self.terms.committed(height, Term::after(&candidate.block().header, candidate.tip()), settled);
        Ok(Commit::Done)
    }

    /// Writes what is only in memory to speed up the next start. Nothing is lost without it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn flush(&self) -> Result<(), ChainError> {
        self.state.write().map_err(|_| ChainError::Poisoned)?.flush()?;
        // An empty synced batch makes what was written before it durable.
        self.backend.write(WriteBatch::default(), Durability::Synced)?;
        Ok(())
    }

    /// Refuses a parent that was executed here and that final blocks have left behind. The caller holds the state, so that
    /// it stays as it is found.
    fn not_overtaken(&self, state: &State<B>, parent: Option<&Candidate>) -> Result<(), ChainError> {
        match parent {
            Some(parent) if !state.is_under(Some(parent.overlay())) => {
                Err(ChainError::Overtaken { parent: parent.height(), height: state.height() })
            }
            _ => Ok(()),
        }
    }

    /// The tip to build on. The caller holds the state, so that the tip is the state's.
    fn parent_tip(&self, parent: Option<&Candidate>) -> Arc<ChainTip> {
        parent.map_or_else(|| self.tip(), |parent| Arc::new(parent.tip().clone()))
    }

    fn prepare(
        &self,
        state: &State<B>,
        parent: Option<&Candidate>,
        executed: &mut ExecutedBlock,
    ) -> Result<Arc<chancery_runtime::state::Overlay>, ChainError> {
        let changes = std::mem::take(&mut executed.changes);
        Ok(Arc::new(state.prepare(parent.map(Candidate::overlay), changes)?))
    }

    /// A block that this node itself proposes begins with beacons that hold, so this is a fault of the node.
    fn not_begun(&self, height: u64, error: BeginError) -> ChainError {
        match error {
            BeginError::Halt(halt) => self.halted(height, halt),
            BeginError::Beacon(error) => self.halted(height, Halt::Inconsistent(error.to_string())),
            BeginError::Seen(error) => self.halted(height, Halt::Inconsistent(error.to_string())),
        }
    }

    fn halted(&self, height: u64, halt: Halt) -> ChainError {
        ChainError::Halt { chain: self.rules.name().clone(), height, halt }
    }

    /// Checks that the block at `height`, at or below the tip, is the one with this header.
    ///
    /// # Errors
    /// When it is another one, and when the store fails.
    pub fn is_committed(&self, height: u64, header: Digest) -> Result<(), ChainError> {
        self.compare_with_committed(height, header).map(|_| ())
    }

    fn compare_with_committed(&self, height: u64, theirs: Digest) -> Result<Commit, ChainError> {
        let header = self.db().header(height)?;
        let header = self.db().expect_part(header, "header", height)?;
        let ours = header.digest(self.rules.digest());
        if ours == theirs { Ok(Commit::Skipped) } else { Err(ChainError::Conflict { height, ours, theirs }) }
    }

    /// Follows the descendants from the block to the certified header, then checks the votes.
    fn check_finality(&self, header: &Header, digest: Digest, proof: &FinalityProof) -> Result<(), ChainError> {
        let (genesis, height) = (self.rules.digest(), header.height);
        let (mut last, mut epoch) = (digest, header.epoch);
        for (expected, header) in (height + 1..).zip(&proof.descendants) {
            if header.height != expected || header.parent != last {
                let reason = format!("the header of height {} does not follow it", header.height);
                return Err(ChainError::Certificate { height, reason });
            }
            (last, epoch) = (header.digest(genesis), header.epoch);
        }
        let FinalityProof { certificate, .. } = proof;
        if certificate.header != last {
            let reason = format!("it is of header {}, and the block's is {last}", certificate.header);
            return Err(ChainError::Certificate { height, reason });
        }
        // A term's last block has votes of its own, so nothing leads from one into the next.
        if epoch != certificate.epoch || epoch != header.epoch {
            let reason = "it is of another epoch than its header".to_owned();
            return Err(ChainError::Certificate { height, reason });
        }
        let term = self
            .terms
            .of(epoch)
            .ok_or_else(|| ChainError::Certificate { height, reason: format!("nothing is known of epoch {epoch}") })?;
        let checked = signatures::verify_certificate(genesis, &term.committee, certificate);
        checked.map_err(|error| ChainError::certificate(height, error))
    }
}

/// The last height of the present term, where the state after `height` has decided it.
fn settled_end<B: StateBackend>(rules: &ChainRules, backend: &B, height: u64) -> Result<Option<u64>, ChainError> {
    Ok(lanes::settled_end(rules, &FinalView(backend), height)?)
}

/// Compares what the store's parts say of the newest block.
fn check_opened<B: StateBackend>(db: &ChainDb<'_>, tip: &ChainTip, state: &State<B>) -> Result<(), ChainError> {
    let contradiction = |text: String| Err(ChainError::Inconsistent(text));
    if state.height() != tip.height {
        return contradiction(format!("the state is of height {}, the blocks end at {}", state.height(), tip.height));
    }
    if tip.height == 0 {
        return Ok(());
    }
    let Some(header) = db.header(tip.height)? else {
        return contradiction(format!("the header of height {} is missing", tip.height));
    };
    if header.state_root != state.root() {
        return contradiction(format!(
            "the state's root is {}, and the header of height {} says {}",
            state.root(),
            tip.height,
            header.state_root,
        ));
    }
    let Some(proof) = db.finality(tip.height)? else {
        return contradiction(format!("nothing shows that height {} is final", tip.height));
    };
    if proof.descendants.is_empty() && proof.certificate.header != tip.header {
        return contradiction(format!("the certificate of height {} is of another header", tip.height));
    }
    Ok(())
}
