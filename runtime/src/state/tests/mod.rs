//! Tests of the state as a whole: against plain sp-trie, through crashes, with corrupt stores, and its proofs against a
//! verifier of its own. Here is what they share: a chain with a model beside it.

mod corruption;
mod crash;
mod model;
mod order;
mod past;
mod proofs;
mod snapshots;
mod trie;

use std::{collections::BTreeMap, sync::Arc};

use chancery_abi::{Address, Digest};
use hash_db::Hasher;
use hash256_std_hasher::Hash256StdHasher;
use trie_db::{TrieDBMutBuilder, TrieMut as _};

use super::{
    Changes, MemoryBackend, Overlay, SlotId, State, StateConfig, StateError, empty_root, format, hasher::hash,
};
use crate::storage::{Durability, StateBackend, WriteBatch};

/// SHA-256 as sp-trie takes it.
pub(super) struct Sha256Hasher;

impl Hasher for Sha256Hasher {
    type Out = [u8; 32];
    type StdHasher = Hash256StdHasher;
    const LENGTH: usize = 32;

    fn hash(bytes: &[u8]) -> [u8; 32] {
        hash(bytes)
    }
}

/// sp-trie's own layout.
type PlainLayout = sp_trie::LayoutV1<Sha256Hasher>;

/// The entries of a state, in the simplest form.
type Model = BTreeMap<SlotId, Vec<u8>>;

/// A configuration under which everything that is rare happens often.
fn small() -> StateConfig {
    StateConfig {
        provable_heights: 8,
        flush_bytes: 6_000,
        cache_bytes: 8_000,
        history_bytes: 60_000,
        rewind_entries_max: 10_000,
        rebuild: false,
    }
}

/// A generator of numbers, so that a seed is a run.
struct Numbers(u64);

impl Numbers {
    /// A number below `bound` (splitmix64).
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

fn slot(n: u64) -> SlotId {
    let key = n.to_be_bytes()[8 - (n % 8) as usize..].to_vec();
    (Address([(n % 3) as u8; 32]), [&[n as u8][..], &key].concat())
}

/// The changes of a block: of `entries` slots some are written, some removed, some written as they are.
fn random_changes(numbers: &mut Numbers, model: &Model, slots: u64, entries: u64) -> Changes {
    let mut changes = Changes::default();
    for _ in 0..entries {
        let slot = slot(numbers.below(slots));
        let value = match numbers.below(10) {
            0..4 => None,
            4 => model.get(&slot).cloned(),
            _ => Some(vec![numbers.below(256) as u8; numbers.below(80) as usize]),
        };
        changes.0.insert(slot, value);
    }
    changes
}

fn apply(model: &mut Model, changes: &Changes) {
    for (slot, value) in &changes.0 {
        match value {
            Some(value) => drop(model.insert(slot.clone(), value.clone())),
            None => drop(model.remove(slot)),
        }
    }
}

/// The root that plain sp-trie gives.
fn plain_root(model: &Model) -> Digest {
    let mut database = sp_trie::MemoryDB::<Sha256Hasher>::new(&[0]);
    let mut root = [0; 32];
    let mut trie = TrieDBMutBuilder::<PlainLayout>::new(&mut database, &mut root).build();
    for ((contract, key), value) in model {
        let key = format::trie_key(&format::value_key(contract, key));
        trie.insert(&key, &hash(value)).expect("a database in memory is complete");
    }
    trie.commit();
    drop(trie);
    Digest(root)
}

/// Makes `overlay` final, as a node does.
fn finalise<B: StateBackend>(state: &mut State<B>, overlay: Arc<Overlay>) -> Result<(), StateError> {
    let mut batch = WriteBatch::default();
    state.stage(&overlay, &mut batch)?;
    state.backend().write(batch, Durability::Synced)?;
    state.advance(overlay)
}

/// Executes a block of `changes` on the finalised state and makes it final.
fn block<B: StateBackend>(state: &mut State<B>, changes: Changes) -> Result<(), StateError> {
    let overlay = Arc::new(state.prepare(None, changes)?);
    finalise(state, overlay)
}

fn open(config: StateConfig) -> (Arc<MemoryBackend>, State<MemoryBackend>) {
    let backend = Arc::new(MemoryBackend::new());
    let state = State::open(backend.clone(), config).expect("an empty store opens");
    assert_eq!((state.height(), state.root()), (0, empty_root()));
    (backend, state)
}

/// Reads all of a state's entries through a view.
fn entries(view: &dyn super::StateView) -> Model {
    let mut model = Model::new();
    for contract in (0..3).map(|n| Address([n; 32])) {
        let mut after = Vec::new();
        loop {
            let page = view.page(&contract, &[], &after, 7).expect("a state in memory can be read");
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            model.extend(page.into_iter().map(|(key, value)| ((contract, key), value)));
        }
    }
    model
}
