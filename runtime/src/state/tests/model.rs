//! The state against plain sp-trie and a map: random insertions, overwritings and removals from the empty state up,
//! overlays two deep, abandoned siblings, flushes, crashes and reopenings.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    state::{Recovery, StateView as _},
    storage::{Column, StateReader as _},
};

/// What a random run does next.
#[derive(Clone, Debug)]
enum Step {
    /// Executes a block with so many changes on the newest overlay, or on the finalised state.
    Execute { entries: u64 },
    /// Makes the oldest overlay final.
    Finalise,
    /// Forgets all overlays.
    Abandon,
    /// Writes the changed nodes.
    Flush,
    /// Cuts the power; of what was not synced so many batches stay.
    Crash { keep_buffered: usize },
    /// Removes everything.
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop_oneof![0..3u64, 3..40u64].prop_map(|entries| Step::Execute { entries }),
        8 => Just(Step::Finalise),
        1 => Just(Step::Abandon),
        1 => Just(Step::Flush),
        2 => (0..4usize).prop_map(|keep_buffered| Step::Crash { keep_buffered }),
        1 => Just(Step::Clear),
    ]
}

/// A chain, the model of its finalised state, and the executed blocks over it with theirs.
struct Run {
    backend: Arc<MemoryBackend>,
    state: State<MemoryBackend>,
    model: Model,
    tips: Vec<(Arc<Overlay>, Model)>,
    roots: Vec<Digest>,
}

impl Run {
    fn new() -> Self {
        let (backend, state) = open(small());
        Self { backend, state, model: Model::new(), tips: Vec::new(), roots: vec![empty_root()] }
    }

    fn execute(&mut self, changes: Changes) {
        if self.tips.len() == 2 {
            return;
        }
        let parent = self.tips.last();
        let mut model = parent.map_or(&self.model, |(_, model)| model).clone();
        apply(&mut model, &changes);
        let parent = parent.map(|(overlay, _)| overlay);
        let overlay = Arc::new(self.state.prepare(parent, changes).expect("a sound store can be read"));
        assert_eq!(overlay.root(), plain_root(&model), "another root than plain sp-trie's");
        assert_eq!(entries(&self.state.view(Some(&overlay))), model, "a view shows other entries");
        self.tips.push((overlay, model));
    }

    fn finalise(&mut self) {
        if self.tips.is_empty() {
            return;
        }
        let (overlay, model) = self.tips.remove(0);
        finalise(&mut self.state, overlay).expect("a sound store can be written");
        self.model = model;
        self.roots.push(self.state.root());
        self.check();
    }

    fn crash(&mut self, keep_buffered: usize) {
        self.backend.crash(keep_buffered);
        self.tips.clear();
        self.state = State::open(self.backend.clone(), small()).expect("a sound store opens");
        assert!(!matches!(self.state.recovery(), Recovery::Rebuilt { .. }), "the journal was not enough");
        self.check();
    }

    fn check(&self) {
        assert_eq!(
            (self.state.height() as usize, self.state.root()),
            (self.roots.len() - 1, self.roots[self.roots.len() - 1])
        );
        assert_eq!(entries(&self.state.view(None)), self.model);
        let (oldest, newest) = self.state.provable();
        assert!(newest - oldest + 1 >= self.roots.len().min(8) as u64);
        let height = oldest + self.roots.len() as u64 % (newest - oldest + 1);
        let (contract, key) = slot(self.roots.len() as u64 % 40);
        let proof = self.state.prove(height, &contract, &key).expect("a provable height is proven");
        assert_eq!(proof.root, self.roots[height as usize]);
        proofs::verify(&proof, &contract, &key);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_root_is_plain_sp_tries(seed: u64, slots in 1..400u64, steps in prop::collection::vec(step(), 1..60)) {
        let mut run = Run::new();
        let mut numbers = Numbers(seed);
        for step in steps {
            match step {
                Step::Execute { entries } => {
                    let model = run.tips.last().map_or(&run.model, |(_, model)| model);
                    let changes = random_changes(&mut numbers, model, slots, entries);
                    run.execute(changes);
                }
                Step::Finalise => run.finalise(),
                Step::Abandon => run.tips.clear(),
                Step::Flush => run.state.flush().expect("a sound store can be written"),
                Step::Crash { keep_buffered } => run.crash(keep_buffered),
                Step::Clear => {
                    let model = run.tips.last().map_or(&run.model, |(_, model)| model);
                    run.execute(Changes(model.keys().map(|slot| (slot.clone(), None)).collect()));
                }
            }
        }
        while !run.tips.is_empty() {
            run.finalise();
        }
        run.crash(0);
        let rebuilt = State::open(run.backend.clone(), StateConfig { rebuild: true, ..small() });
        let rebuilt = rebuilt.expect("the trie can be rebuilt from the values");
        prop_assert_eq!(rebuilt.root(), plain_root(&run.model));
        let entries = run.model.len() as u64;
        let expected = if rebuilt.height() == 0 { Recovery::Clean } else { Recovery::Rebuilt { entries } };
        prop_assert_eq!(rebuilt.recovery(), expected);
    }
}

#[test]
fn the_column_of_nodes_holds_the_branches_and_nothing_else() {
    let (backend, mut state) = open(small());
    let mut numbers = Numbers(5);
    let mut model = Model::new();
    for _ in 0..60 {
        let changes = random_changes(&mut numbers, &model, 300, 40);
        apply(&mut model, &changes);
        block(&mut state, changes).expect("a sound store can be written");
    }
    state.flush().expect("a sound store can be written");
    let before = [Column::Nodes, Column::Leaves].map(|column| backend.scan(column, &[], &[], 10_000));
    drop(state);
    State::open(backend.clone(), StateConfig { rebuild: true, ..small() }).expect("the trie can be rebuilt");
    let after = [Column::Nodes, Column::Leaves].map(|column| backend.scan(column, &[], &[], 10_000));
    assert_eq!(before, after, "updates leave other rows than building anew");
}

#[test]
fn a_page_is_what_a_map_gives() {
    let (_, mut state) = open(small());
    let mut numbers = Numbers(9);
    let mut model = Model::new();
    let changes = random_changes(&mut numbers, &model, 200, 150);
    apply(&mut model, &changes);
    block(&mut state, changes).expect("a sound store can be written");
    let mut tip: Option<Arc<Overlay>> = None;
    for _ in 0..2 {
        let changes = random_changes(&mut numbers, &model, 200, 150);
        apply(&mut model, &changes);
        tip = Some(Arc::new(state.prepare(tip.as_ref(), changes).expect("a sound store can be read")));
    }
    let view = state.view(tip.as_ref());
    for _ in 0..400 {
        let (contract, mut prefix) = slot(numbers.below(200));
        prefix.truncate(numbers.below(3) as usize);
        let after = if numbers.below(3) == 0 { Vec::new() } else { slot(numbers.below(200)).1 };
        let limit = numbers.below(6) as usize;
        let expected: Vec<_> = model
            .iter()
            .filter(|((there, key), _)| {
                *there == contract && key.starts_with(&prefix) && (after.is_empty() || *key > after)
            })
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .take(limit)
            .collect();
        assert_eq!(view.page(&contract, &prefix, &after, limit), Ok(expected), "{prefix:x?} after {after:x?}");
    }
}

#[test]
fn a_page_reads_on_behind_entries_that_an_overlay_removed() {
    let (_, mut state) = open(small());
    let contract = Address([1; 32]);
    let all: Vec<SlotId> = (0..5_000u32).map(|n| (contract, n.to_be_bytes().to_vec())).collect();
    let written = all.iter().map(|slot| (slot.clone(), Some(vec![1])));
    block(&mut state, Changes(written.collect())).expect("a sound store can be written");
    let removed = all.iter().take(4_990).map(|slot| (slot.clone(), None));
    let tip = Arc::new(state.prepare(None, Changes(removed.collect())).expect("a sound store can be read"));
    let page = state.view(Some(&tip)).page(&contract, &[], &[], 3).expect("a sound store can be read");
    assert_eq!(
        page.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(),
        [4_990u32, 4_991, 4_992].map(|n| n.to_be_bytes().to_vec())
    );
    let rest = all.iter().skip(4_990).take(9).map(|slot| (slot.clone(), None));
    let tip = Arc::new(state.prepare(Some(&tip), Changes(rest.collect())).expect("a sound store can be read"));
    assert_eq!(tip.root(), plain_root(&[(all[4_999].clone(), vec![1])].into()), "the last leaf is the root");
}

#[test]
fn the_roots_of_no_entry_and_of_one_are_pinned() {
    assert_eq!(empty_root(), Digest::of(&[0]));
    let model: Model = [((Address([0; 32]), b"key".to_vec()), b"value".to_vec())].into();
    let (_, mut state) = open(small());
    let changes = model.iter().map(|(slot, value)| (slot.clone(), Some(value.clone()))).collect();
    block(&mut state, Changes(changes)).expect("a sound store can be written");
    assert_eq!(state.root(), plain_root(&model));
    // Computed apart from this code: SHA-256 of 7f 01 ‖ SHA-256(contract ‖ key) ‖ 80 ‖ SHA-256(value).
    assert_eq!(state.root().to_string(), "ac8f94603c773b4b5c9f2fa426b427de1edcdb4d026fa304d5d0dc43abdd8eb8");
}
