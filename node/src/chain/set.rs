//! The chains that this process hosts: the mainchain, and sidechains as they are founded.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use chancery_abi::Name;
use chancery_runtime::storage::StateBackend;

use super::ChainService;
use crate::store::{ChainStore, disk_space::Held};

/// Chains by name. Clones are the same set.
pub struct ChainSet<B = ChainStore>(Arc<RwLock<BTreeMap<Name, Arc<ChainService<B>>>>>);

impl<B> Clone for ChainSet<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> Default for ChainSet<B> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<B: StateBackend + 'static> ChainSet<B> {
    /// A set with one chain.
    pub fn of(chain: Arc<ChainService<B>>) -> Self {
        let set = Self::default();
        set.insert(chain);
        set
    }

    /// Adds a chain.
    pub fn insert(&self, chain: Arc<ChainService<B>>) {
        let name = chain.ledger().rules().name().clone();
        // Inserting cannot panic half-way, so a poisoned lock still holds a whole set.
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name, chain);
    }

    /// Forgets all chains, when the process is about to end.
    pub fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The chain of this name.
    pub fn get(&self, name: &str) -> Option<Arc<ChainService<B>>> {
        let chains = self.0.read().unwrap_or_else(PoisonError::into_inner);
        chains.iter().find(|(found, _)| found.as_str() == name).map(|(_, chain)| Arc::clone(chain))
    }

    /// All of them, in the order of their names.
    pub fn all(&self) -> Vec<Arc<ChainService<B>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl ChainSet {
    /// Looks at the room on the store's disk, and closes the intake of those chains for which there is too little.
    pub fn check_disk(&self) {
        let chains = self.all();
        let bytes: Vec<u64> = chains.iter().map(|chain| chain.ledger().backend().size_bytes()).collect();
        let by_all = bytes.iter().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
        for (chain, bytes) in chains.iter().zip(bytes) {
            chain.check_disk(Some(Held { bytes, by_all, chains: chains.len() as u64 }));
        }
    }
}
