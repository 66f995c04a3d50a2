//! From a trap or a charge of gas to the function and line of a contract's source, through the instrumentation, the
//! engine and a real build's debug information.

use std::path::Path;

use chancery_abi::{Address, Outcome, TrapClass};
use chancery_build::{
    Options, build,
    flame::{folded, stacks},
    sizes::Sizes,
    source_map::{SourceFrame, SourceMap},
};
use chancery_runtime::{
    engine::Observe,
    execution::trace::{StepKind, TraceLimits},
    module::SourcePlace,
};
use chancery_tests::{Account, Chain};
use parity_scale_codec::Encode;

use crate::trace::{call, traced};

const SOURCE: &str = include_str!("../examples/faulty/src/lib.rs");

/// The contract `examples/faulty` as it is deployed, and what explains it.
fn faulty() -> (Vec<u8>, SourceMap) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/faulty");
    let built =
        build(&directory, Options { quiet: true, ..Options::default() }).unwrap_or_else(|error| panic!("{error}"));
    let map = SourceMap::open(&built.debug_path).expect("the build left debug information").with_sources(built.sources);
    assert_eq!(map.code(), built.module.code_digest(), "the debug information is of the code that is deployed");
    (built.module.source().to_vec(), map)
}

/// The number of the one line of the source that has this text.
fn line_of(text: &str) -> u32 {
    let mut found = SOURCE.lines().zip(1..).filter(|(line, _)| line.contains(text));
    let (_, number) = found.next().unwrap_or_else(|| panic!("no line has {text}"));
    assert!(found.next().is_none(), "one line only has {text}");
    number
}

fn frames(map: &SourceMap, places: &[SourcePlace]) -> Vec<SourceFrame> {
    places.iter().flat_map(|place| map.frames(place.offset)).collect()
}

/// Asserts that the contract's own functions among the frames are these, innermost first, at these lines.
fn assert_own(map: &SourceMap, places: &[SourcePlace], expected: &[(&str, &str)]) {
    let frames = frames(map, places);
    let own: Vec<_> = frames.iter().filter(|frame| frame.is_own).collect();
    for (frame, (function, line)) in own.iter().zip(expected) {
        assert!(frame.function.contains(function), "{function}: {frames:#?}");
        assert!(frame.file.as_deref().is_some_and(|file| file.ends_with("examples/faulty/src/lib.rs")), "{frames:#?}");
        assert_eq!(frame.line, Some(line_of(line)), "{frames:#?}");
    }
    assert!(own.len() >= expected.len(), "{frames:#?}");
}

#[test]
fn a_panic_in_a_helper_of_a_nested_call_names_its_file_and_line() {
    let (code, map) = faulty();
    let mut chain = Chain::new();
    for name in ["inner", "outer"] {
        let deployed = chain.deploy(name, code.clone(), Vec::new());
        assert!(deployed.outcome.is_done(), "{:?}", deployed.outcome);
    }
    let mut account = Account::new(9);
    let input = (chain.address("inner"), 100u64, 0u64).encode();
    let transaction = call(&chain, &mut account, "outer", "relay", input, 500_000_000);
    let (executed, trace) = traced(&chain, &transaction, Observe::Stops, TraceLimits::default());
    let trapped = |contract| Outcome::Trapped { contract, class: TrapClass::Unreachable };
    assert_eq!(executed.receipts[0].outcome, trapped(chain.address("outer")));
    let calls = trace.calls();
    let [outer, inner] = calls[..] else { panic!("two calls: {calls:#?}") };
    assert_eq!(inner.outcome, trapped(chain.address("inner")));
    assert_own(&map, &inner.stopped_at, &[("share_of", "assert!(parts != 0"), ("split", "let share = share_of")]);
    assert_own(
        &map,
        &inner.called_at,
        &[("insist", "cx.call(to, \"split\""), ("relay", "insist(cx, &to, total, parts);")],
    );
    assert_own(
        &map,
        &outer.stopped_at,
        &[("insist", "panic!(\"the other"), ("relay", "insist(cx, &to, total, parts);")],
    );
    let wrote = outer
        .steps
        .iter()
        .any(|step| matches!(&step.what, StepKind::Write { value: Some(value), .. } if *value == 100u64.encode()));
    assert!(wrote, "what the caller wrote before is there");
}

#[test]
fn running_out_of_gas_names_the_function() {
    let (code, map) = faulty();
    let mut chain = Chain::new();
    assert!(chain.deploy("faulty", code, Vec::new()).outcome.is_done());
    let mut account = Account::new(9);
    let transaction = call(&chain, &mut account, "faulty", "sum", u64::MAX.encode(), 5_000_000);
    let (executed, trace) = traced(&chain, &transaction, Observe::Stops, TraceLimits::default());
    let contract = chain.address("faulty");
    assert_eq!(executed.receipts[0].outcome, Outcome::Trapped { contract, class: TrapClass::OutOfGas });
    let functions: Vec<_> =
        frames(&map, &trace.calls()[0].stopped_at).into_iter().map(|frame| frame.function).collect();
    assert!(functions.iter().any(|function| function.contains("sum") || function.contains("mix")), "{functions:?}");
}

#[test]
fn a_profile_is_by_source_function_and_adds_up() {
    let (code, map) = faulty();
    let mut chain = Chain::new();
    assert!(chain.deploy("faulty", code, Vec::new()).outcome.is_done());
    let mut account = Account::new(9);
    let transaction = call(&chain, &mut account, "faulty", "sum", 2_000u64.encode(), 50_000_000);
    let (executed, trace) = traced(&chain, &transaction, Observe::Gas, TraceLimits::default());
    let receipt = &executed.receipts[0];
    assert_eq!(receipt.outcome, Outcome::Done { output: (1..=2_000u64).map(|n| n * n).sum::<u64>().encode() });
    let profile = trace.profile.expect("it was profiled");
    let stacks = stacks(&profile, |code| (*code == map.code()).then_some(&map), |_: &Address| "faulty".into());
    assert_eq!(stacks.values().sum::<u64>(), receipt.gas_used);
    let mix: u64 = stacks
        .iter()
        .filter(|(frames, _)| frames.iter().any(|frame| frame.contains("faulty::mix")))
        .map(|(_, gas)| gas)
        .sum();
    // At least a multiplication, an addition and their checks for each of the numbers.
    assert!(mix > 2_000 * 10 && mix < receipt.gas_used, "{mix}: {:#?}", folded(&stacks));
    let lines = folded(&stacks);
    assert!(lines.iter().any(|line| line.starts_with("all;faulty.sum;") && line.contains("faulty::mix")), "{lines:#?}");
}

#[test]
fn sizes_are_by_crate_and_function() {
    let (code, map) = faulty();
    let sizes = Sizes::of(&code, Some(&map)).expect("it is a module");
    assert_eq!(sizes.sections.iter().map(|section| section.bytes).sum::<usize>(), code.len());
    let packages = sizes.packages();
    for package in ["faulty", "chancery_sdk"] {
        assert!(packages.iter().any(|(name, bytes, _)| name == package && *bytes > 0), "{packages:?}");
    }
    let share_of = sizes.functions.iter().find(|function| function.name.contains("share_of"));
    assert_eq!(share_of.and_then(|function| function.package.as_deref()), Some("faulty"), "{:#?}", sizes.functions);
}
