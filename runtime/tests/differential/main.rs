//! Generated modules behave the same on every engine: Cranelift at two optimisation levels, freshly compiled and
//! again, and the interpreter wasmi agree on outcome, gas left, failing height, memory, and every host call on the way.
//! And the gas is right: calls that end well cost what a second, naive instrumenter takes one instruction at a time.
//!
//! Half the modules come from wasm-smith, which knows every oddity of the format; the others from a generator of our
//! own, which makes what contracts are made of (bounded loops, recursion, deep expressions, wide frames) and so runs
//! further. `DIFFERENTIAL_MODULES` says how many (500), `DIFFERENTIAL_SEED` where to begin (1); a failure names the
//! seed that shows it again.
//!
//! The native stack is given half of `NATIVE_BYTES_PER_SLOT` bytes for each logical slot. An engine that overflows it
//! before the logical limit is reached fails the test: that is what makes the limit the same everywhere. `frames` makes
//! the functions that fill it fastest.

mod contracts;
mod engines;
mod frames;
mod naive;
mod random;
mod smith;

use std::collections::BTreeMap;

use chancery_runtime::module::{CheckedModule, Schedule};
use engines::{Called, Class, Compiled};
use random::Random;

/// Gas that each call gets: enough for the deepest recursion, little enough for an interpreter.
const GAS: i64 = 1_500_000;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        Err(_) => default,
    }
}

/// The module that a seed means: even ones are wasm-smith's, odd ones ours.
fn module(seed: u64) -> Option<Vec<u8>> {
    let mut random = Random::new(seed);
    if seed.is_multiple_of(2) { smith::contract(&mut random) } else { Some(contracts::contract(&mut random)) }
}

/// Asserts that the calls that ended well, up to the first that did not, cost what their instructions cost one by one.
fn compare_with_naive(checked: &CheckedModule, reference: &[Called], label: &str) {
    let naive = naive::instrument(checked.source(), Schedule::by_number(1).expect("schedule 1 exists"));
    let done = reference.iter().take_while(|call| call.class == Class::Done).count();
    let methods: Vec<_> = methods(checked).into_iter().take(done).collect();
    for (found, expected) in reference.iter().zip(Compiled::interpreted(&naive).run(&methods, GAS)) {
        assert_eq!((found.gas, found.memory), (expected.gas, expected.memory), "{label}, one instruction at a time");
    }
}

fn methods(checked: &CheckedModule) -> Vec<String> {
    checked.schema().methods.keys().map(|method| format!("call.{method}")).collect()
}

/// Calls all methods on every engine, each compiled once and run twice, and asserts that they agree.
fn compare(checked: &CheckedModule, gas: i64, label: &str) -> Vec<Called> {
    let instrumented = checked.instrument(Schedule::by_number(1).expect("schedule 1 exists"));
    let methods = methods(checked);
    let reference = Compiled::interpreted(&instrumented).run(&methods, gas);
    for (level, name) in [(wasmtime::OptLevel::None, "unoptimised"), (wasmtime::OptLevel::Speed, "optimised")] {
        let compiled = Compiled::native(&instrumented, level);
        for cache in ["cold", "warm"] {
            let found = compiled.run(&methods, gas);
            assert_eq!(found, reference, "{label}, {name}, {cache}");
        }
    }
    reference
}

#[test]
fn engines_agree() {
    let wanted = setting("DIFFERENTIAL_MODULES", 500);
    let mut classes = BTreeMap::new();
    let (mut compared, mut refused, mut seed) = (0, 0, setting("DIFFERENTIAL_SEED", 1));
    while compared < wanted {
        seed += 1;
        let Some(source) = module(seed) else { continue };
        let checked = match CheckedModule::check(&source) {
            Ok(checked) => checked,
            // wasm-smith makes a few that are over a limit; ours never are.
            Err(error) => {
                assert!(seed.is_multiple_of(2), "seed {seed}: our own module is refused: {error}");
                refused += 1;
                continue;
            }
        };
        compared += 1;
        let label = format!("seed {seed}");
        let calls = compare(&checked, GAS, &label);
        compare_with_naive(&checked, &calls, &label);
        for call in calls {
            *classes.entry(call.class).or_insert(0u32) += 1;
        }
    }
    println!("{compared} modules compared, {refused} refused by check; calls by outcome: {classes:?}");
    // A generator that only made modules that fail at once, or never, would compare nothing.
    if wanted >= 500 {
        for class in
            [Class::Done, Class::OutOfGas, Class::StackOverflow, Class::Unreachable, Class::Memory, Class::Division]
        {
            assert!(classes.get(&class).is_some_and(|count| *count >= 5), "{class:?} is too rare: {classes:?}");
        }
    }
}

#[test]
fn the_widest_native_frames_fit() {
    for (name, source) in frames::contracts() {
        let checked = CheckedModule::check(&source).unwrap_or_else(|error| panic!("{name}: {error}"));
        let calls = compare(&checked, 1 << 40, name);
        assert!(calls.iter().all(|call| call.class == Class::StackOverflow), "{name}: {calls:?}");
    }
}

#[test]
fn a_seed_means_one_module() {
    for seed in 1..40 {
        assert_eq!(module(seed), module(seed), "seed {seed}");
    }
}
