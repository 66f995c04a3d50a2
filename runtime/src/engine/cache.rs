//! A bounded memory of compiled modules: the least recently used goes first.
//!
//! What is in it never shows in an outcome, only in the time it takes.

use std::{collections::HashMap, sync::Arc};

use super::Compiled;
use crate::abi::Digest;

type Key = (Digest, u32);

struct Kept {
    compiled: Arc<Compiled>,
    bytes: usize,
    used: u64,
}

pub(super) struct ModuleCache {
    kept: HashMap<Key, Kept>,
    bytes: usize,
    bytes_max: usize,
    clock: u64,
}

impl ModuleCache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { kept: HashMap::new(), bytes: 0, bytes_max, clock: 0 }
    }

    pub(super) fn get(&mut self, key: &Key) -> Option<Arc<Compiled>> {
        self.clock += 1;
        let kept = self.kept.get_mut(key)?;
        kept.used = self.clock;
        Some(Arc::clone(&kept.compiled))
    }

    pub(super) fn insert(&mut self, key: Key, compiled: Arc<Compiled>, bytes: usize) {
        self.clock += 1;
        if let Some(old) = self.kept.insert(key, Kept { compiled, bytes, used: self.clock }) {
            self.bytes -= old.bytes;
        }
        self.bytes += bytes;
        while self.bytes > self.bytes_max && self.kept.len() > 1 {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| *key);
            let Some(gone) = oldest.and_then(|key| self.kept.remove(&key)) else { break };
            self.bytes -= gone.bytes;
        }
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.bytes = 0;
    }
}
