//! The sandbox with modules by wasm-smith, made into contracts: compiled by Cranelift at two optimisation levels and
//! interpreted by wasmi, they agree on outcome, gas, failing height, memory and every host call.
#![no_main]

#[path = "../../runtime/tests/differential/contracts.rs"]
#[expect(dead_code, reason = "its generator is the differential test's")]
mod contracts;
#[path = "../../runtime/tests/differential/engines.rs"]
mod engines;
#[path = "../../runtime/tests/differential/random.rs"]
mod random;
#[path = "../../runtime/tests/differential/smith.rs"]
#[expect(dead_code, reason = "its generator by seeds is the differential test's")]
mod smith;

use chancery_runtime::module::{CheckedModule, Schedule};
use engines::Compiled;
use libfuzzer_sys::fuzz_target;

/// Little enough for an interpreter under a sanitizer.
const GAS: i64 = 100_000;

fuzz_target!(|data: &[u8]| {
    let Some(source) = smith::contract_of(data) else { return };
    // A few are over a limit.
    let Ok(checked) = CheckedModule::check(&source) else { return };
    let instrumented = checked.instrument(Schedule::by_number(1).expect("the first schedule exists"));
    let methods: Vec<_> = checked.schema().methods.keys().map(|method| format!("call.{method}")).collect();
    let reference = Compiled::interpreted(&instrumented).run(&methods, GAS);
    for level in [wasmtime::OptLevel::None, wasmtime::OptLevel::Speed] {
        assert_eq!(Compiled::native(&instrumented, level).run(&methods, GAS), reference, "{level:?}");
    }
});
