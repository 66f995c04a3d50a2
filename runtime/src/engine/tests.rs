//! Kept modules: used by the next engine, and compiled again when anything about them is not as it was.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::*;

/// A disk in memory that can be looked at and damaged.
#[derive(Clone, Default)]
struct Shelf {
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    saves: Arc<Mutex<usize>>,
    is_broken: bool,
}

impl ModuleStore for Shelf {
    fn load(&self, name: &str) -> Option<Vec<u8>> {
        if self.is_broken { None } else { self.lock().get(name).cloned() }
    }

    fn save(&self, name: &str, bytes: &[u8]) {
        *self.saves.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        if !self.is_broken {
            self.lock().insert(name.to_owned(), bytes.to_vec());
        }
    }
}

impl Shelf {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compiles a module in a new engine; how often something had to be compiled so far.
    fn compile_anew(&self, config: EngineConfig, key: [u8; 32], module: &CheckedModule) -> usize {
        let kept = KeptModules::new(Box::new(self.clone()), key);
        let engine = Engine::with_kept_modules(config, kept).expect("this machine runs the sandbox");
        let schedule = Schedule::by_number(1).expect("schedule 1 exists");
        let compiled = engine.compile(module, schedule).expect("it compiles");
        assert_eq!(compiled.code(), module.code_digest());
        *self.saves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const KEY: [u8; 32] = [7; 32];

fn module(number: u32) -> CheckedModule {
    let contract =
        crate::module::tests::with_memory(&format!("(func (export \"call.a\") (drop (i32.const {number})))"));
    CheckedModule::check(&contract).expect("a contract")
}

#[test]
fn the_next_engine_uses_what_was_kept() {
    let shelf = Shelf::default();
    for _ in 0..3 {
        assert_eq!(shelf.compile_anew(EngineConfig::default(), KEY, &module(1)), 1);
    }
    assert_eq!(shelf.compile_anew(EngineConfig::default(), KEY, &module(2)), 2);
    assert_eq!(shelf.lock().len(), 2);
}

#[test]
fn any_changed_byte_means_compiling_again() {
    let shelf = Shelf::default();
    assert_eq!(shelf.compile_anew(EngineConfig::default(), KEY, &module(1)), 1);
    let (name, sound) = shelf.lock().first_key_value().map(|(name, bytes)| (name.clone(), bytes.clone())).expect("one");
    let places: Vec<_> = (0..40).chain((40..sound.len()).step_by(sound.len() / 40)).chain([sound.len() - 1]).collect();
    for (times, place) in (2..).zip(&places) {
        let mut changed = sound.clone();
        changed[*place] ^= 1;
        shelf.lock().insert(name.clone(), changed);
        assert_eq!(shelf.compile_anew(EngineConfig::default(), KEY, &module(1)), times, "byte {place}");
        assert_eq!(shelf.lock().get(&name), Some(&sound), "it is kept anew");
    }
    let so_far = places.len() + 1;
    for (times, length) in (so_far + 1..).zip([0, 1, 31, 32, sound.len() - 1]) {
        shelf.lock().insert(name.clone(), sound[..length].to_vec());
        assert_eq!(shelf.compile_anew(EngineConfig::default(), KEY, &module(1)), times, "{length} bytes");
    }
}

#[test]
fn another_modules_bytes_another_key_and_another_engine_mean_compiling_again() {
    let shelf = Shelf::default();
    shelf.compile_anew(EngineConfig::default(), KEY, &module(1));
    shelf.compile_anew(EngineConfig::default(), KEY, &module(2));
    // The one under the name of the other.
    let swapped: Vec<_> = shelf.lock().values().rev().cloned().collect();
    shelf.lock().values_mut().zip(swapped).for_each(|(bytes, other)| *bytes = other);
    assert_eq!(shelf.compile_anew(EngineConfig::default(), KEY, &module(1)), 3);
    assert_eq!(shelf.compile_anew(EngineConfig::default(), [8; 32], &module(1)), 4);
    let other = EngineConfig { optimisation: Optimisation::None, ..EngineConfig::default() };
    assert_eq!(shelf.compile_anew(other, [8; 32], &module(1)), 5);
    assert_eq!(shelf.compile_anew(other, [8; 32], &module(1)), 5);
    assert_eq!(shelf.compile_anew(EngineConfig::default(), [8; 32], &module(1)), 5, "each engine has its own");
}

#[test]
fn a_store_that_keeps_nothing_does_no_harm() {
    let shelf = Shelf { is_broken: true, ..Shelf::default() };
    assert_eq!(shelf.compile_anew(EngineConfig::default(), KEY, &module(1)), 1);
    assert_eq!(shelf.compile_anew(EngineConfig::default(), KEY, &module(1)), 2);
}

#[test]
fn an_engine_that_observes_keeps_nothing() {
    let shelf = Shelf::default();
    let config = EngineConfig { observe: Observe::Gas, ..EngineConfig::default() };
    assert_eq!(shelf.compile_anew(config, KEY, &module(1)), 0);
}
