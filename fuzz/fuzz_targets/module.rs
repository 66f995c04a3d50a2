//! The checks of a contract's Wasm on bytes of any kind: total, and what they accept can be instrumented, the same way
//! each time, into a module that the engine takes.
#![no_main]

#[path = "../../runtime/tests/differential/contracts.rs"]
mod contracts;
mod edits;
#[path = "../../runtime/tests/differential/random.rs"]
mod random;

use std::sync::LazyLock;

use chancery_runtime::module::{CheckedModule, Schedule};
use libfuzzer_sys::fuzz_target;

static ENGINE: LazyLock<wasmtime::Engine> = LazyLock::new(wasmtime::Engine::default);
static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let contract = |seed| contracts::contract(&mut random::Random::new(seed));
    (1..40).map(contract).filter(|wasm| wasm.len() < 8_000).collect()
});

fuzz_target!(|data: &[u8]| {
    let bytes = edits::edited(data, &SAMPLES);
    let Ok(checked) = CheckedModule::check(&bytes) else { return };
    let schedule = Schedule::by_number(1).expect("the first schedule exists");
    let instrumented = checked.instrument(schedule);
    assert_eq!(checked.instrument(schedule), instrumented);
    wasmtime::Module::validate(&ENGINE, &instrumented).expect("what was checked stays valid when it is instrumented");
});
