//! What a call costs: the jobs of `examples/yardstick` in native Rust, on the bare engine (the floor), and as
//! transactions of a block; and what metering costs several kinds of code. All figures are CPU time of one thread.
//!
//! criterion reports each; the tables at the end compare them side by side, in turns. The contract is the real one, as
//! `scripts/contracts.sh` compiled it.

mod chancery;
#[path = "../clock.rs"]
mod clock;
mod floor;
mod native;

use std::{cell::RefCell, hint::black_box, path::PathBuf, rc::Rc, time::Duration};

use chancery_abi::{
    Address, Digest,
    slot::{SlotKey, push_field},
};
use chancery_runtime::{
    execution::{ExecutionStack, on_execution_stack},
    module::CheckedModule,
};
use criterion::{Criterion, Throughput};
use parity_scale_codec::Encode;

use self::{
    chancery::Chancery,
    clock::{Contender, side_by_side, timed},
    floor::Floor,
    native::Native,
};

/// Rounds that are compared.
const ROUNDS: usize = 31;

/// Gas of each transaction; a block has room for 256 of them.
const GAS: u64 = 70_000_000;

/// The jobs: method and calls of a run.
const JOBS: [(&str, u64); 4] = [("nothing", 256), ("register", 256), ("transfer", 256), ("digest", 4)];

fn contract() -> Vec<u8> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("../target"), PathBuf::from);
    let path = target.join("contracts/yardstick.wasm");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run scripts/contracts.sh", path.display()))
}

fn inputs(method: &str, calls: u64) -> Vec<Vec<u8>> {
    let digest = |n: u64| Digest::of(&n.to_be_bytes());
    let input = |n: u64| match method {
        "register" => (digest(n), [n as u8; 64]).encode(),
        "transfer" => (Address(digest(n).0), 5u128).encode(),
        _ => Vec::new(),
    };
    (0..calls).map(input).collect()
}

fn contenders<'a>(
    stack: &'a ExecutionStack,
    chain: &'a Chancery,
    floors: [(&'static str, &'a Floor); 2],
    method: &'static str,
    calls: u64,
) -> Vec<Contender<'a>> {
    let inputs = Rc::new(inputs(method, calls));
    let caller = chain.sender();
    let native = RefCell::new(Native::new(caller));
    let native_inputs = inputs.clone();
    let mut contenders = vec![Contender::new("native", calls, move || {
        native.borrow_mut().clear();
        timed(|| native_inputs.iter().for_each(|input| native.borrow_mut().run(method, black_box(input))))
    })];
    for (name, floor) in floors {
        let (inputs, export) = (inputs.clone(), floor.method(method));
        contenders.push(Contender::new(name, calls, move || {
            let mut points = Vec::new();
            push_field(&mut points, "points");
            caller.push_to(&mut points);
            let mut entries = floor::entries(points);
            timed(|| inputs.iter().for_each(|input| floor.call(&export, &caller, input, &mut entries)))
        }));
    }
    let transactions = chain.calls(method, &inputs, GAS);
    contenders.push(Contender::new("chancery", calls, move || chain.time_of_block(stack, &transactions).0));
    contenders
}

fn jobs(criterion: &mut Criterion, stack: &ExecutionStack, checked: &CheckedModule, table: &mut Vec<String>) {
    let chain = Chancery::new(stack, checked.source().to_vec(), u128::MAX.encode());
    let (bare, metered) = (Floor::unmetered(checked), Floor::metered(checked));
    for (method, calls) in JOBS {
        let floors = [("floor", &bare), ("floor, metered", &metered)];
        let mut contenders = contenders(stack, &chain, floors, method, calls);
        let mut group = criterion.benchmark_group(method);
        group.throughput(Throughput::Elements(calls));
        for contender in &mut contenders {
            group.bench_function(&contender.name, |bencher| {
                bencher.iter_custom(|runs| (0..runs).map(|_| (contender.run)()).sum::<Duration>());
            });
        }
        group.finish();
        let times = side_by_side(&mut contenders, ROUNDS);
        let cells = times.iter().map(|ns| format!("{:.2}", ns / 1e3)).collect::<Vec<_>>().join(" | ");
        let gas = chain.time_of_block(stack, &chain.calls(method, &inputs(method, calls), GAS)).1 / calls;
        table.push(format!("| {method} | {cells} | {:.2} | {gas} |", times[3] / times[1]));
    }
}

fn kernels(criterion: &mut Criterion, checked: &CheckedModule, table: &mut Vec<String>) {
    let kernels: [(&str, Vec<u8>); 5] = [
        ("digest", Vec::new()),
        ("mix", 1_000_000u64.encode()),
        ("collatz", 10_000u64.encode()),
        ("fibonacci", 23u32.encode()),
        ("sort", 8_192u32.encode()),
    ];
    let floors = [("unmetered", Floor::unmetered(checked)), ("metered", Floor::metered(checked))];
    for (kernel, input) in kernels {
        let answers = floors.each_ref().map(|(_, floor)| floor.answer(&floor.method(kernel), &input));
        assert_eq!(answers[0], answers[1], "metering changes no answer");
        let mut contenders: Vec<_> = floors
            .iter()
            .map(|(name, floor)| {
                let (export, input) = (floor.method(kernel), input.clone());
                Contender::new(*name, 1, move || floor.time_of_kernel(&export, &input))
            })
            .collect();
        let mut group = criterion.benchmark_group(format!("metering of {kernel}"));
        for contender in &mut contenders {
            group.bench_function(&contender.name, |bencher| {
                bencher.iter_custom(|runs| (0..runs).map(|_| (contender.run)()).sum::<Duration>());
            });
        }
        group.finish();
        let times = side_by_side(&mut contenders, ROUNDS);
        let [unmetered, metered] = times[..] else { unreachable!("there are two contenders") };
        let row = format!("| {kernel} | {:.0} | {:.0} | {:.2} |", unmetered / 1e3, metered / 1e3, metered / unmetered);
        table.push(row);
    }
}

fn main() {
    let checked = CheckedModule::check(&contract()).expect("the contract passes every check");
    on_execution_stack(|stack| {
        let mut criterion = Criterion::default()
            .sample_size(15)
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_millis(800))
            .configure_from_args();
        let mut calls =
            vec!["| job, us a call | native | floor | floor, metered | chancery | to the floor | gas |".to_owned()];
        calls.push("| --- | ---: | ---: | ---: | ---: | ---: | ---: |".to_owned());
        jobs(&mut criterion, stack, &checked, &mut calls);
        let mut metering = vec!["| kernel, us | unmetered | metered | ratio |".to_owned()];
        metering.push("| --- | ---: | ---: | ---: |".to_owned());
        kernels(&mut criterion, &checked, &mut metering);
        criterion.final_summary();
        println!("\nCPU time of one thread, medians of {ROUNDS} rounds in turns\n");
        println!("{}\n\n{}", calls.join("\n"), metering.join("\n"));
    });
}
