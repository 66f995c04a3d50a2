//! The chains that this process hosts: the mainchain, and sidechains as they are founded.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use chancery_abi::Name;

use super::ChainService;

/// Chains by name. Clones are the same set.
#[derive(Clone, Default)]
pub struct ChainSet(Arc<RwLock<BTreeMap<Name, Arc<ChainService>>>>);

impl ChainSet {
    /// A set with one chain.
    pub fn of(chain: Arc<ChainService>) -> Self {
        let set = Self::default();
        set.insert(chain);
        set
    }

    /// Adds a chain.
    pub fn insert(&self, chain: Arc<ChainService>) {
        let name = chain.ledger().rules().name().clone();
        // Inserting cannot panic half-way, so a poisoned lock still holds a whole set.
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name, chain);
    }

    /// Forgets all chains, when the process is about to end.
    pub fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The chain of this name.
    pub fn get(&self, name: &str) -> Option<Arc<ChainService>> {
        let chains = self.0.read().unwrap_or_else(PoisonError::into_inner);
        chains.iter().find(|(found, _)| found.as_str() == name).map(|(_, chain)| Arc::clone(chain))
    }

    /// All of them, in the order of their names.
    pub fn all(&self) -> Vec<Arc<ChainService>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
