//! A chain beside others: what a sidechain sees of its mainchain on this node, and what a mainchain says of its sidechains.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
};

use chancery_abi::{
    Digest, Header, MainchainSeen, Name,
    lane::{AnchorState, slots},
    message::Message,
};
use chancery_runtime::{
    execution::{
        lanes::{self, LaneCounts, Sidechain},
        registry::Registry,
    },
    state::{FinalView, StateView},
    storage::{StateBackend, StorageError},
};

use super::{ChainError, ChainService, ReadError};

/// A sidechain as a chain knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidechainFound {
    /// Its name.
    pub name: Name,
    /// The digest of its genesis.
    pub genesis: Digest,
    /// What the registry has of it.
    pub sidechain: Sidechain,
    /// How it stands, on its mainchain.
    pub anchors: Option<AnchorState>,
}

/// The lanes between this chain and another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The other chain.
    pub other: Name,
    /// What went on them.
    pub counts: LaneCounts,
}

impl ChainService {
    /// The sidechains that this chain knows of, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_sidechains(&self) -> Result<Vec<SidechainFound>, ReadError> {
        let rules = self.ledger.rules();
        let genesis_of = |name: &Name, sidechain: &Sidechain| match self.mainchain() {
            Some(mainchain) => mainchain.sidechain_genesis(name, sidechain),
            None => self.sidechain_genesis(name, sidechain),
        };
        let found = self.read_state(|view| {
            let mut found = Vec::new();
            for (name, sidechain) in lanes::mirror::sidechains(rules, view)? {
                let Some(genesis) = genesis_of(&name, &sidechain).map(|genesis| genesis.digest()) else { continue };
                let anchors = match rules.genesis().mainchain {
                    Some(_) => None,
                    None => lanes::anchors::state_of(rules, view, &name)?,
                };
                found.push(SidechainFound { name, genesis, sidechain, anchors });
            }
            Ok(found)
        });
        found.map_err(|error| self.not_answered(error))
    }

    /// The lanes between this chain and every other that it knows, and how many messages wait to be claimed.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_lanes(&self) -> Result<(Vec<Lane>, u64), ReadError> {
        let rules = self.ledger.rules();
        let found = self.read_state(|view| {
            let mut others: Vec<Name> = lanes::mirror::sidechains(rules, view)?.into_keys().collect();
            others.extend(rules.genesis().mainchain.as_ref().map(|mainchain| mainchain.name.clone()));
            let others = others.into_iter().filter(|other| other != rules.name());
            let lane = |other: Name| Ok(Lane { counts: lanes::counts(view, &other)?, other });
            let found = others.map(lane).collect::<Result<Vec<_>, StorageError>>()?;
            Ok((found, lanes::get(view, &slots::claims())?.unwrap_or(0)))
        });
        found.map_err(|error| self.not_answered(error))
    }

    /// How many messages this chain has taken from another.
    ///
    /// # Errors
    /// When the store fails.
    pub fn taken_from(&self, other: &Name) -> Result<u64, ReadError> {
        Ok(self.lane_counts(other).map_err(|error| self.not_answered(error))?.taken)
    }

    /// Messages that are still in the outbox for another chain, from a number on.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_messages(&self, other: &Name, from: Option<u64>, limit: u64) -> Result<Vec<Message>, ReadError> {
        let found = self.read_state(|view| {
            let counts = lanes::counts(view, other)?;
            let from = from.unwrap_or(0).max(counts.settled.min(counts.sent));
            let numbers = from..counts.sent.min(from.saturating_add(limit));
            let message = |number| lanes::get(view, &slots::outbox(other, number));
            numbers.map(message).filter_map(Result::transpose).collect::<Result<Vec<_>, StorageError>>()
        });
        found.map_err(|error| self.not_answered(error))
    }
}

/// What a block's word about the mainchain is worth here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is so, or it says nothing.
    Right,
    /// This node's mainchain has not come so far, or does not reach back so far.
    NotYet,
    /// The mainchain has another header there.
    Wrong,
}

impl<B: StateBackend + 'static> ChainService<B> {
    /// Follows the mainchain that this node hosts. Proposals name its newest header from here on.
    pub fn follow_mainchain(&self, mainchain: Arc<Self>) {
        // A sidechain has one mainchain.
        self.mainchain.set(mainchain).ok();
    }

    /// The mainchain of this sidechain, on this node.
    pub fn mainchain(&self) -> Option<&Arc<Self>> {
        self.mainchain.get()
    }

    /// What a proposal of this node says of the mainchain.
    pub(super) fn mainchain_seen(&self) -> Option<MainchainSeen> {
        let tip = self.mainchain.get()?.ledger.tip();
        (tip.height > 0).then_some(MainchainSeen { height: tip.height, header: tip.header })
    }

    /// Compares what a header says of the mainchain with what this node knows of it.
    pub(super) fn judge_seen(&self, header: &Header) -> Result<Seen, StorageError> {
        let (Some(seen), Some(mainchain)) = (header.mainchain, self.mainchain.get()) else { return Ok(Seen::Right) };
        if seen.height > mainchain.ledger.tip().height {
            return Ok(Seen::NotYet);
        }
        let db = mainchain.ledger.db();
        match db.header(seen.height)? {
            Some(known) if known.digest(mainchain.ledger.rules().digest()) == seen.header => Ok(Seen::Right),
            Some(_) => Ok(Seen::Wrong),
            // Before the snapshot that the mainchain began with here, this node cannot say.
            None if db.base()?.is_some_and(|base| seen.height < base) => Ok(Seen::NotYet),
            None => Ok(Seen::Wrong),
        }
    }

    /// A block of this sidechain is to name a mainchain header of at least this height, even if it has nothing else.
    pub fn want_seen(&self, height: u64) {
        if self.seen_wanted.fetch_max(height, Ordering::SeqCst) < height {
            self.announce_work();
        }
    }

    /// Somebody waits for a height of this sidechain to be anchored.
    pub(super) fn want_anchor(&self, height: u64) {
        self.anchor_wanted.fetch_max(height.min(self.ledger.tip().height), Ordering::SeqCst);
    }

    /// The newest height of this sidechain that somebody waits to see anchored; 0 when nobody does.
    pub fn anchor_wanted(&self) -> u64 {
        self.anchor_wanted.load(Ordering::SeqCst)
    }

    /// Whether a block is wanted on one that has seen so much. `seen` may read the store, so it is asked last.
    pub(super) fn wants_to_see(&self, seen: impl FnOnce() -> u64) -> bool {
        let wanted = self.seen_wanted.load(Ordering::SeqCst);
        let there = self.mainchain.get().is_some_and(|mainchain| mainchain.ledger.tip().height >= wanted);
        wanted > 0 && there && wanted > seen()
    }

    /// Runs `read` on the newest final state.
    ///
    /// # Errors
    /// When the state is in the middle of a change after a panic, or the store fails.
    pub fn read_state<R>(&self, read: impl FnOnce(&dyn StateView) -> Result<R, StorageError>) -> Result<R, ChainError> {
        // Under the state's lock, so that all is read as of one block.
        let _state = self.ledger.state()?;
        Ok(read(&FinalView(&**self.ledger.backend()))?)
    }

    /// The newest mainchain height that this sidechain's state has seen.
    ///
    /// # Errors
    /// When the store fails.
    pub fn newest_seen(&self) -> Result<u64, ChainError> {
        self.read_state(lanes::seen::newest)
    }

    /// The sidechains that this chain's registry has, by name; none on a sidechain.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sidechains(&self) -> Result<BTreeMap<Name, Sidechain>, ChainError> {
        self.read_state(|view| lanes::mirror::sidechains(self.ledger.rules(), view))
    }

    /// How a sidechain stands, on its mainchain.
    ///
    /// # Errors
    /// When the store fails.
    pub fn anchor_state(&self, chain: &Name) -> Result<Option<AnchorState>, ChainError> {
        self.read_state(|view| lanes::anchors::state_of(self.ledger.rules(), view, chain))
    }

    /// The counts of the lanes between this chain and another.
    ///
    /// # Errors
    /// When the store fails.
    pub fn lane_counts(&self, other: &Name) -> Result<LaneCounts, ChainError> {
        self.read_state(|view| lanes::counts(view, other))
    }

    /// The digest of the genesis that a sidechain of this mainchain has.
    pub fn sidechain_genesis(&self, name: &Name, sidechain: &Sidechain) -> Option<chancery_abi::Genesis> {
        let rules = self.ledger.rules();
        lanes::sidechain_genesis(rules.genesis(), rules.digest(), name, sidechain)
    }

    /// Who certifies this chain's blocks, now or soon: by its own state, and by the mainchain's registry as this node has
    /// it, whose word comes here earlier than to the chain. Whoever is to join begins to follow with that word.
    pub(super) fn present_and_next(&self) -> Vec<[u8; 32]> {
        let mut keys = self.ledger.terms().present().committee.keys().to_vec();
        if let Ok(Some((_, next))) = self.read_state(lanes::next_committee) {
            keys.extend_from_slice(next.keys());
        }
        if let Some(mainchain) = self.mainchain.get() {
            let (rules, name) = (mainchain.ledger.rules(), self.ledger.rules().name());
            let membership = mainchain.read_state(|view| match Registry::of(rules, view) {
                Some(registry) => registry.membership_of(name.as_str()),
                None => Ok(None),
            });
            let terms = membership.ok().flatten().map(|of| (of.present, of.next));
            for term in terms.into_iter().flat_map(|(present, next)| std::iter::once(present).chain(next)) {
                keys.extend(term.members);
            }
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The same, with everyone who ever certified a block of it.
    pub(super) fn present_next_and_former(&self) -> Vec<[u8; 32]> {
        let terms = self.ledger.terms();
        let former = (0..terms.present().epoch).filter_map(|epoch| terms.of(epoch));
        let mut keys: BTreeSet<[u8; 32]> = self.present_and_next().into_iter().collect();
        former.for_each(|term| keys.extend(term.committee.keys()));
        keys.into_iter().collect()
    }
}
