//! What can be seen of an execution: the call tree, the gas of its steps, where a contract stopped, where the gas went;
//! and that looking changes nothing.

use std::sync::Arc;

use chancery_abi::{Address, Ident, Outcome, Payload, Receipt, Transaction, TrapClass, schema::MethodKind};
use chancery_runtime::{
    engine::{Engine, EngineConfig, Observe},
    execution::{
        BlockContext, BlockExecutor, ExecutedBlock, VerifiedTransaction, on_execution_stack,
        trace::{CallTrace, Place, Step, StepKind, Trace, TraceLimits},
    },
};
use chancery_tests::{Account, Chain, contract, module, name};
use parity_scale_codec::Encode;

const IMPORTS: &str = r#"
    (import "chancery_v1" "storage_set" (func $set (param i32 i32 i32 i32)))
    (import "chancery_v1" "storage_get" (func $get (param i32 i32 i32 i32) (result i32)))
    (import "chancery_v1" "fail" (func $fail (param i32 i32 i32)))
    (import "chancery_v1" "emit" (func $emit (param i32 i32)))
    (import "chancery_v1" "call" (func $call (param i32 i32 i32 i32 i32 i64) (result i32)))"#;

/// The next block with this one transaction as an engine that observes so much executes it.
pub(crate) fn traced(
    chain: &Chain,
    transaction: &Transaction,
    observe: Observe,
    limits: TraceLimits,
) -> (ExecutedBlock, Trace) {
    let engine = Arc::new(Engine::new(EngineConfig { observe, ..EngineConfig::default() }).expect("it runs here"));
    let verified = VerifiedTransaction::verify(transaction.clone(), &chain.rules).expect("it is signed");
    let height = chain.state.height() + 1;
    let context = BlockContext { height, timestamp_ms: 1_000 + height, mainchain: None };
    on_execution_stack(|stack| {
        let view = chain.state.view(None);
        let mut executor =
            BlockExecutor::begin(stack, &engine, &chain.rules, &view, context, &[]).expect("the block begins");
        let (receipt, trace) = executor.execute_traced(&verified, limits).expect("it may be in the block");
        let executed = executor.finish().expect("the chain does not stop");
        assert_eq!(executed.receipts, [receipt]);
        (executed, trace)
    })
}

/// Submits a transaction, and executes it on the same state in every way of looking: all must agree.
fn submit(chain: &mut Chain, transaction: Transaction) -> (Receipt, Trace) {
    let ways = [Observe::Nothing, Observe::Stops, Observe::Gas];
    let runs = ways.map(|observe| traced(chain, &transaction, observe, TraceLimits::default()));
    // Nothing of the trace is kept, and all that was done is.
    let none = TraceLimits { steps_max: 0, bytes_max: 0 };
    let (bounded, bounded_trace) = traced(chain, &transaction, Observe::Stops, none);
    let receipt = chain.submit(transaction).expect("it may be in a block");
    for (executed, trace) in &runs {
        assert_eq!(executed.receipts, std::slice::from_ref(&receipt));
        assert_eq!(executed.changes, bounded.changes);
        assert_eq!(trace.gas(), receipt.gas_used, "the steps' gas is the receipt's");
        trace.calls().into_iter().for_each(assert_call_adds_up);
    }
    assert_eq!(bounded.receipts, std::slice::from_ref(&receipt));
    assert_eq!(bounded_trace.gas(), receipt.gas_used);
    let [nothing, stops, gas] = runs.map(|(_, trace)| trace);
    assert_eq!(nothing.profile, None);
    assert_eq!(stops.steps, gas.steps, "probes change nothing that a trace shows");
    let profile = gas.profile.expect("the engine was made to profile");
    assert_eq!(profile.gas(), receipt.gas_used, "the profile's gas is the receipt's");
    (receipt, Trace { steps: stops.steps, profile: Some(profile) })
}

fn assert_call_adds_up(call: &CallTrace) {
    assert_eq!(call.steps.iter().map(|step| step.gas).sum::<u64>(), call.gas_used(), "{}", call.method);
}

pub(crate) fn call(
    chain: &Chain,
    account: &mut Account,
    contract: &str,
    method: &str,
    input: Vec<u8>,
    gas: u64,
) -> Transaction {
    let method = Ident::new(method).expect("an identifier");
    let mut body = account.body(Payload::Call(chancery_abi::Call { contract: chain.address(contract), method, input }));
    body.gas_limit = gas;
    account.nonce += 1;
    account.sign(&chain.rules, body)
}

/// A chain with the contract `inner`, whose method `go` runs `body`, and `outer`, whose `go` calls that in a function
/// of its own and traps when it fails.
fn nested(body: &str) -> (Chain, Vec<u8>, Vec<u8>) {
    let mut chain = Chain::new();
    let inner =
        module(&format!("(module {IMPORTS} (memory (export \"memory\") 1 2) {body})"), &[("go", MethodKind::Call)]);
    let hex: String = chain.address("inner").0.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let outer = format!(
        r#"(module {IMPORTS} (memory (export "memory") 1 2) (data (i32.const 0) "{hex}go\ff")
        (func $ask (if (i32.eq (call $call (i32.const 0) (i32.const 32) (i32.const 2) (i32.const 34) (i32.const 1)
            (i64.const 5000000)) (i32.const -1)) (then (unreachable))))
        (func (export "call.go") (call $set (i32.const 32) (i32.const 1) (i32.const 33) (i32.const 1)) (call $ask)))"#
    );
    let outer = module(&outer, &[("go", MethodKind::Call)]);
    for (contract, code) in [("inner", &inner), ("outer", &outer)] {
        assert!(chain.deploy(contract, code.clone(), Vec::new()).outcome.is_done());
    }
    (chain, inner, outer)
}

fn only_call(steps: &[Step]) -> &CallTrace {
    let mut calls = steps.iter().filter_map(|step| match &step.what {
        StepKind::Call(call) => Some(&**call),
        _ => None,
    });
    let call = calls.next().expect("there is a call");
    assert!(calls.next().is_none(), "there is one only");
    call
}

#[test]
fn a_trap_in_a_nested_call_shows_where() {
    // The function that traps is the sixth own one, after five imports: the index in the source is 6.
    let body = r#"(func (export "call.go") (call $helper (i32.const 3)))
        (func $helper (param i32) (nop) (drop (i32.div_u (i32.const 1) (i32.sub (local.get 0) (i32.const 3)))))"#;
    let (mut chain, inner, outer) = nested(body);
    let mut account = Account::new(9);
    let transaction = call(&chain, &mut account, "outer", "go", vec![1, 2], 50_000_000);
    let (receipt, trace) = submit(&mut chain, transaction);
    let address = chain.address("outer");
    assert_eq!(receipt.outcome, Outcome::Trapped { contract: address, class: TrapClass::Unreachable });
    assert_eq!(trace.steps[0].what, StepKind::Intrinsic);
    let first = only_call(&trace.steps);
    assert_eq!((first.contract, first.caller, &first.input), (address, account.address, &vec![1, 2]));
    assert_eq!(first.outcome, receipt.outcome);
    let second = only_call(&first.steps);
    assert_eq!((second.contract, second.caller, &second.input), (chain.address("inner"), address, &vec![0xff]));
    let trapped = Outcome::Trapped { contract: second.contract, class: TrapClass::DivisionByZero };
    assert_eq!(second.outcome, trapped);
    assert_eq!(second.gas_given, 5_000_000);
    // Where each stopped: the instruction and the functions round it.
    let functions = |places: &[chancery_runtime::module::SourcePlace]| -> Vec<u32> {
        places.iter().map(|place| place.function).collect()
    };
    assert_eq!(functions(&second.stopped_at), [6, 5]);
    assert_eq!(inner[second.stopped_at[0].offset as usize], 0x6e, "i32.div_u");
    assert_eq!(inner[second.stopped_at[1].offset as usize], 0x10, "call");
    assert_eq!(functions(&second.called_at), [5, 6]);
    assert_eq!(outer[second.called_at[0].offset as usize..][..2], [0x10, 4], "the call of the host's `call`");
    assert_eq!(functions(&first.stopped_at), [5, 6]);
    assert_eq!(outer[first.stopped_at[0].offset as usize], 0x00, "unreachable");
    assert_eq!(first.called_at, []);
}

#[test]
fn reads_writes_and_events_are_there_and_a_refusal_says_where() {
    // Event `e` with no keys and no data: its name, a count of 0, a length of 0.
    let body = r#"(data (i32.const 100) "key\2a\04e\00\00")
        (func (export "call.go") (call $set (i32.const 100) (i32.const 3) (i32.const 103) (i32.const 1))
          (drop (call $get (i32.const 100) (i32.const 3) (i32.const 300) (i32.const 10)))
          (drop (call $get (i32.const 100) (i32.const 2) (i32.const 300) (i32.const 10)))
          (call $emit (i32.const 104) (i32.const 4)) (call $refuse))
        (func $refuse (call $fail (i32.const 7) (i32.const 103) (i32.const 1)))"#;
    let (mut chain, inner, _) = nested(body);
    let mut account = Account::new(9);
    let transaction = call(&chain, &mut account, "inner", "go", Vec::new(), 50_000_000);
    let (receipt, trace) = submit(&mut chain, transaction);
    let contract = chain.address("inner");
    assert_eq!(receipt.outcome, Outcome::Failed { contract, code: 7, data: vec![42] });
    let call = only_call(&trace.steps);
    let kinds: Vec<_> = call.steps.iter().map(|step| &step.what).filter(|what| **what != StepKind::Code).collect();
    let key = b"key".to_vec();
    let expected = [
        StepKind::Instance,
        StepKind::Write { key: key.clone(), before: None, value: Some(vec![42]) },
        StepKind::Read { key, value: Some(vec![42]) },
        StepKind::Read { key: b"ke".to_vec(), value: None },
        StepKind::Event { name: Ident::new("e").expect("an identifier"), keys: Vec::new(), data: Vec::new() },
        StepKind::Host { function: "fail" },
    ];
    assert_eq!(kinds, expected.iter().collect::<Vec<_>>());
    assert_eq!(call.stopped_at.iter().map(|place| place.function).collect::<Vec<_>>(), [6, 5]);
    assert_eq!(inner[call.stopped_at[0].offset as usize..][..2], [0x10, 2], "the call of `fail`");
}

#[test]
fn every_way_to_end_adds_up() {
    let bodies = [
        "(func (export \"call.go\"))",
        "(func (export \"call.go\") (loop (br 0)))",
        "(func $f (export \"call.go\") (call $f))",
        "(func (export \"call.go\") (drop (memory.grow (i32.const 1))) (drop (memory.grow (i32.const 9))))",
        "(func (export \"call.go\") (call $set (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))",
        "(func (export \"call.go\") (local i32) (loop (call $set (local.get 0) (i32.const 8) (i32.const 0) (i32.const 8))
            (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 300)))))",
    ];
    for body in bodies {
        let (mut chain, ..) = nested(body);
        let mut account = Account::new(9);
        for (contract, gas) in [("inner", 3_000_000), ("outer", 6_000_000), ("outer", 300_000), ("inner", 141_000)] {
            let transaction = call(&chain, &mut account, contract, "go", Vec::new(), gas);
            submit(&mut chain, transaction);
        }
        let transaction = call(&chain, &mut account, "nowhere", "go", Vec::new(), 1_000_000);
        let (_, trace) = submit(&mut chain, transaction);
        assert_eq!(only_call(&trace.steps).code, None);
    }
}

#[test]
fn a_deploy_shows_what_compiling_costs() {
    let mut chain = Chain::new();
    let code = contract("counter.wasm");
    let deploy = chancery_abi::Deploy { department: name("judicial"), name: name("counter"), code, input: Vec::new() };
    let transaction = chain.department.sign(&chain.rules, chain.department.body(Payload::Deploy(deploy)));
    chain.department.nonce += 1;
    let (receipt, trace) = submit(&mut chain, transaction);
    assert!(receipt.outcome.is_done(), "{:?}", receipt.outcome);
    let kinds: Vec<_> = trace.steps.iter().map(|step| &step.what).collect();
    assert!(matches!(kinds[..], [StepKind::Intrinsic, StepKind::Compile, StepKind::Call(_)]), "{kinds:?}");
}

#[test]
fn a_real_contract_is_seen_and_its_profile_names_its_functions() {
    let mut chain = Chain::new();
    assert!(chain.deploy("counter", contract("counter.wasm"), Vec::new()).outcome.is_done());
    let mut account = Account::new(9);
    let transaction = call(&chain, &mut account, "counter", "add", 5u64.encode(), 50_000_000);
    let (receipt, trace) = submit(&mut chain, transaction);
    assert_eq!(receipt.outcome, Outcome::Done { output: 5u64.encode() });
    let call = only_call(&trace.steps);
    assert!(call.steps.iter().any(|step| matches!(&step.what, StepKind::Write { value: Some(_), .. })));
    assert!(call.steps.iter().any(|step| matches!(&step.what, StepKind::Event { .. })));
    let nodes = trace.profile.expect("it was profiled").nodes;
    assert_eq!(nodes[0].place, Place::Whole);
    for (index, node) in nodes.iter().enumerate().skip(1) {
        assert!(node.parent.is_some_and(|parent| parent < index), "those above come first");
    }
    let host = |name| nodes.iter().any(|node| node.place == Place::Host(name) && node.gas > 0);
    assert!(host("storage_set") && host("emit"));
    let functions = nodes.iter().filter(|node| matches!(node.place, Place::Function { .. }));
    assert!(functions.filter(|node| !node.charges.is_empty()).count() > 1);
}

#[test]
fn a_trace_is_bounded_and_its_gas_is_not() {
    let body = "(func (export \"call.go\") (local i32) (loop (call $set (local.get 0) (i32.const 8) (i32.const 0) (i32.const 8))
        (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 500)))))";
    let (chain, ..) = nested(body);
    let mut account = Account::new(9);
    let transaction = call(&chain, &mut account, "inner", "go", Vec::new(), 100_000_000);
    let limits = TraceLimits { steps_max: 100, bytes_max: 160 };
    let (executed, trace) = traced(&chain, &transaction, Observe::Stops, limits);
    assert_eq!(trace.gas(), executed.gas_used);
    let call = only_call(&trace.steps);
    assert_call_adds_up(call);
    assert!(call.steps.len() <= 101, "{}", call.steps.len());
    let writes = call.steps.iter().filter(|step| matches!(step.what, StepKind::Write { .. })).count();
    assert_eq!(writes, 7, "16 bytes for the first, 24 for each that overwrites it");
    assert!(matches!(call.steps.last().map(|step| &step.what), Some(StepKind::Omitted { steps }) if *steps > 800));
}

#[test]
fn the_caller_of_a_query_is_seen_too() {
    let mut chain = Chain::new();
    assert!(chain.deploy("counter", contract("counter.wasm"), Vec::new()).outcome.is_done());
    let engine = EngineConfig { observe: Observe::Stops, ..EngineConfig::default() };
    let engine = Arc::new(Engine::new(engine).expect("it runs here"));
    let asked = chancery_runtime::execution::QueryCall {
        contract: chain.address("counter"),
        method: Ident::new("value").expect("an identifier"),
        input: Vec::new(),
        caller: Address::default(),
        gas_limit: 10_000_000,
    };
    let plain = chain.query("counter", "value", &());
    let (result, trace) = on_execution_stack(|stack| {
        let view = chain.state.view(None);
        let context = BlockContext { height: chain.state.height() + 1, timestamp_ms: 1, mainchain: None };
        let limits = TraceLimits::default();
        chancery_runtime::execution::query_traced(stack, &engine, &chain.rules, &view, context, asked, limits)
            .expect("the state is readable")
    });
    assert_eq!(result, plain);
    assert_eq!(trace.gas(), plain.gas_used);
    assert!(only_call(&trace.steps).read_only);
}
