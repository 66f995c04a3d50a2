//! What hostile senders and hostile contracts get: a typed refusal or a trap's class, and nothing of theirs stays.

mod host_functions;
mod modules;
mod node;
mod signatures;

use chancery_abi::{
    Address, Call, DecodeError, ExecutionRefusal, Ident, Outcome, Payload, Receipt, Refusal, Transaction, TrapClass,
    limits, schema::MethodKind,
};
use chancery_tests::{Account, Chain, PLENTY, contract, module, name};
use parity_scale_codec::Encode;

fn counter_chain() -> Chain {
    let mut chain = Chain::new();
    assert!(chain.deploy("counter", contract("counter.wasm"), Vec::new()).outcome.is_done());
    chain
}

fn add(chain: &Chain) -> Payload {
    let method = Ident::new("add").expect("an identifier");
    Payload::Call(Call { contract: chain.address("counter"), method, input: 1u64.encode() })
}

/// What a transaction is refused with, having shown that it changed nothing.
fn refusal(chain: &mut Chain, transaction: Transaction) -> Refusal {
    let before = (chain.state.height(), chain.state.root());
    let refusal = chain.submit(transaction).expect_err("a hostile transaction is refused");
    assert_eq!((chain.state.height(), chain.state.root()), before);
    refusal
}

#[test]
fn bytes_that_are_no_transaction() {
    let chain = counter_chain();
    let sender = Account::new(9);
    let good = sender.sign(&chain.rules, sender.body(add(&chain))).to_bytes();
    assert!(Transaction::from_bytes(&good).is_ok());
    for len in 0..good.len() {
        assert!(Transaction::from_bytes(&good[..len]).is_err(), "cut off after {len} bytes");
    }
    assert_eq!(
        Transaction::from_bytes(&[&good[..], &[0]].concat()),
        Err(DecodeError::TrailingBytes { count: 1 }),
        "one byte too many"
    );
    let mut other_version = good.clone();
    other_version[0] = 9;
    assert!(Transaction::from_bytes(&other_version).is_err());
    // A changed byte is another transaction or none; none of them panics, and none is accepted as two encodings of one.
    for place in 0..good.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xfc, 0xff] {
            let mut changed = good.clone();
            changed[place] = byte;
            if let Ok(transaction) = Transaction::from_bytes(&changed) {
                assert_eq!(transaction.to_bytes(), changed, "byte {place}");
            }
        }
    }
    // The same length in a longer form, and a length that nothing follows.
    let name = good.windows(5).position(|bytes| bytes == b"\x10main").expect("the chain's name");
    let longer = [&good[..name], &[0x11, 0], &good[name + 1..]].concat();
    assert!(Transaction::from_bytes(&longer).is_err(), "a compact number in two bytes where one does");
    let endless = [&good[..name], &[0xfe, 0xff, 0xff, 0xff], &good[name + 1..]].concat();
    assert_eq!(Transaction::from_bytes(&endless), Err(DecodeError::Malformed));
    let oversize = vec![chancery_abi::WIRE_VERSION; limits::TRANSACTION_BYTES_MAX + 1];
    let limit = limits::TRANSACTION_BYTES_MAX;
    assert_eq!(Transaction::from_bytes(&oversize), Err(DecodeError::TooLong { found: limit + 1, limit }));
}

#[test]
fn wrong_chain_and_wrong_genesis() {
    let mut chain = counter_chain();
    let sender = Account::new(9);
    let mut body = sender.body(add(&chain));
    body.chain = name("plates");
    let transaction = sender.sign(&chain.rules, body);
    assert_eq!(refusal(&mut chain, transaction).code(), "wrong_chain");
    let mut genesis = chain.rules.genesis().clone();
    genesis.timestamp_ms += 1;
    let other = chancery_runtime::execution::ChainRules::new(genesis).expect("sound");
    let transaction = sender.sign(&other, sender.body(add(&chain)));
    assert_eq!(refusal(&mut chain, transaction).code(), "bad_signature");
}

#[test]
fn replay_and_stale_and_gapped_nonces() {
    let mut chain = counter_chain();
    let mut sender = Account::new(9);
    let transaction = sender.sign(&chain.rules, sender.body(add(&chain)));
    assert!(chain.submit(transaction.clone()).expect("the first time it is good").outcome.is_done());
    assert_eq!(refusal(&mut chain, transaction), Refusal::NonceUsed { expected: 1, found: 0 });
    sender.nonce = 5;
    let transaction = sender.sign(&chain.rules, sender.body(add(&chain)));
    assert_eq!(refusal(&mut chain, transaction), Refusal::NonceGap { expected: 1, found: 5 });
}

#[test]
fn expired_or_valid_for_too_long() {
    let mut chain = counter_chain();
    let sender = Account::new(9);
    for (valid_until_height, code) in [(1, "expired"), (u64::MAX, "valid_too_long")] {
        let mut body = sender.body(add(&chain));
        body.valid_until_height = valid_until_height;
        let transaction = sender.sign(&chain.rules, body);
        assert_eq!(refusal(&mut chain, transaction).code(), code);
    }
}

#[test]
fn a_bad_signature_a_stolen_sender_and_a_stripped_sponsor() {
    let mut chain = counter_chain();
    let (sender, thief) = (Account::new(9), Account::new(10));
    let mut changed = sender.sign(&chain.rules, sender.body(add(&chain)));
    changed.body.gas_limit -= 1;
    assert_eq!(refusal(&mut chain, changed), Refusal::BadSignature);
    let stolen = thief.sign(&chain.rules, sender.body(add(&chain)));
    assert_eq!(refusal(&mut chain, stolen), Refusal::WrongKey);
    let mut body = sender.body(add(&chain));
    body.sponsor = Some(thief.address);
    let stripped = sender.sign(&chain.rules, body);
    assert_eq!(refusal(&mut chain, stripped), Refusal::SponsorMismatch);
}

#[test]
fn too_little_and_too_much_gas() {
    let mut chain = counter_chain();
    let sender = Account::new(9);
    for (gas_limit, code) in [(1, "gas_below_intrinsic"), (u64::MAX, "gas_above_limit")] {
        let mut body = sender.body(add(&chain));
        body.gas_limit = gas_limit;
        let transaction = sender.sign(&chain.rules, body);
        assert_eq!(refusal(&mut chain, transaction).code(), code);
    }
}

#[test]
fn oversize_input_and_an_empty_batch() {
    let mut chain = counter_chain();
    let sender = Account::new(9);
    let method = Ident::new("add").expect("an identifier");
    let input = vec![0; limits::CALL_DATA_BYTES_MAX + 1];
    let call = Call { contract: chain.address("counter"), method, input };
    let transaction = sender.sign(&chain.rules, sender.body(Payload::Call(call)));
    assert_eq!(refusal(&mut chain, transaction).code(), "too_large");
    let transaction = sender.sign(&chain.rules, sender.body(Payload::Batch(Vec::new())));
    assert_eq!(refusal(&mut chain, transaction), Refusal::EmptyBatch);
}

#[test]
fn unknown_contract_method_and_arguments() {
    let mut chain = counter_chain();
    let mut sender = Account::new(9);
    let refused = |reason| Outcome::Refused { reason };
    let receipt = chain.call(&mut sender, "nothing-here", "add", &1u64);
    assert_eq!(receipt.outcome, refused(ExecutionRefusal::UnknownContract));
    let receipt = chain.call(&mut sender, "counter", "subtract", &1u64);
    assert_eq!(receipt.outcome, refused(ExecutionRefusal::UnknownMethod));
    let receipt = chain.call(&mut sender, "counter", "init", &());
    assert_eq!(receipt.outcome, refused(ExecutionRefusal::UnknownMethod), "init runs at deploy only");
    for wrong in [vec![1u8; 7], vec![1u8; 9], Vec::new()] {
        let call = Call { contract: chain.address("counter"), method: Ident::new("add").expect("ok"), input: wrong };
        let transaction = sender.sign(&chain.rules, sender.body(Payload::Call(call)));
        sender.nonce += 1;
        let receipt = chain.submit(transaction).expect("it may be in a block");
        assert!(matches!(receipt.outcome, Outcome::Failed { code: 0xFFFF_0000.., .. }), "{:?}", receipt.outcome);
    }
    assert_eq!(chain.nonce(&sender.address), sender.nonce, "each used its nonce");
}

/// Deploys a module with one method `go` and calls it.
fn go(body: &str) -> Receipt {
    go_with_gas(body, 50_000_000)
}

fn go_with_gas(body: &str, gas_limit: u64) -> Receipt {
    let mut chain = Chain::new();
    let text = format!(r#"(module {IMPORTS} (memory (export "memory") 1 2) {body})"#);
    let deployed = chain.deploy("hostile", module(&text, &[("go", MethodKind::Call)]), Vec::new());
    assert!(deployed.outcome.is_done(), "{:?}", deployed.outcome);
    let root_entries = chain.nonce(&Account::new(9).address);
    let receipt = chain.call_with_gas(&mut Account::new(9), "hostile", "go", &(), gas_limit);
    assert_eq!(chain.nonce(&Account::new(9).address), root_entries + 1, "the nonce is used whatever happens");
    receipt
}

const IMPORTS: &str = r#"
    (import "chancery_v1" "storage_set" (func $set (param i32 i32 i32 i32)))
    (import "chancery_v1" "storage_get" (func $get (param i32 i32 i32 i32) (result i32)))
    (import "chancery_v1" "storage_page" (func $page (param i32 i32 i32 i32 i32) (result i32)))
    (import "chancery_v1" "input_read" (func $input (param i32 i32)))
    (import "chancery_v1" "result_read" (func $result (param i32 i32)))
    (import "chancery_v1" "output" (func $output (param i32 i32)))
    (import "chancery_v1" "fail" (func $fail (param i32 i32 i32)))
    (import "chancery_v1" "caller" (func $caller (param i32)))
    (import "chancery_v1" "emit" (func $emit (param i32 i32)))
    (import "chancery_v1" "sha256" (func $sha (param i32 i32 i32)))
    (import "chancery_v1" "verify_ed25519" (func $verify (param i32 i32 i32 i32) (result i32)))
    (import "chancery_v1" "this" (func $this (param i32)))
    (import "chancery_v1" "call" (func $call (param i32 i32 i32 i32 i32 i64) (result i32)))
    (import "chancery_v1" "result_len" (func $result_len (result i32)))"#;

fn class(receipt: &Receipt) -> Option<TrapClass> {
    match receipt.outcome {
        Outcome::Trapped { class, .. } => Some(class),
        _ => None,
    }
}

#[test]
fn an_infinite_loop_uses_up_its_gas_and_no_more() {
    let receipt = go(r#"(func (export "call.go") (loop (br 0)))"#);
    assert_eq!(class(&receipt), Some(TrapClass::OutOfGas));
    assert_eq!(receipt.gas_used, 50_000_000);
}

#[test]
fn deep_recursion_meets_the_logical_limit() {
    let receipt = go(r#"(func $r (export "call.go") (call $r))"#);
    assert_eq!(class(&receipt), Some(TrapClass::StackOverflow));
}

#[test]
fn memory_growth_is_charged_and_ends_at_the_declared_maximum() {
    let grows = r#"(func (export "call.go")
        (if (i32.ne (memory.grow (i32.const 1)) (i32.const 1)) (then unreachable))
        (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable)))"#;
    assert!(go(grows).outcome.is_done());
    let receipt = go(r#"(func (export "call.go") (drop (memory.grow (i32.const -1))))"#);
    assert_eq!(class(&receipt), Some(TrapClass::OutOfGas));
}

#[test]
fn traps_have_their_class() {
    let cases = [
        ("unreachable", TrapClass::Unreachable),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", TrapClass::DivisionByZero),
        ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", TrapClass::IntegerOverflow),
        ("(drop (i32.load (i32.const -4)))", TrapClass::MemoryOutOfBounds),
        ("(memory.fill (i32.const 65535) (i32.const 0) (i32.const 2))", TrapClass::MemoryOutOfBounds),
    ];
    for (body, expected) in cases {
        assert_eq!(class(&go(&format!(r#"(func (export "call.go") {body})"#))), Some(expected), "{body}");
    }
}

#[test]
fn a_huge_length_is_out_of_gas_before_it_is_anything_else() {
    let receipt = go(r#"(func (export "call.go") (call $sha (i32.const 0) (i32.const -1) (i32.const 0)))"#);
    assert_eq!(class(&receipt), Some(TrapClass::OutOfGas));
}

#[test]
fn a_contract_may_not_enter_itself_and_the_caller_may_go_on() {
    // Calls its own `go`; the failure is kept, and its second byte is the class of a re-entrancy trap.
    let receipt = go(r#"(data (i32.const 100) "go") (func (export "call.go")
        (call $this (i32.const 0))
        (if (i32.ne (call $call (i32.const 0) (i32.const 100) (i32.const 2) (i32.const 0) (i32.const 0) (i64.const 1000000)) (i32.const -1))
          (then unreachable))
        (call $result (i32.const 200) (call $result_len))
        (call $output (i32.const 200) (i32.const 2)))"#);
    assert_eq!(receipt.outcome, Outcome::Done { output: vec![1, 12] });
}

#[test]
fn a_query_cannot_write() {
    let mut chain = Chain::new();
    let text = format!(
        r#"(module {IMPORTS} (memory (export "memory") 1 1) (func (export "call.look")
           (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))))"#
    );
    let deployed = chain.deploy("hostile", module(&text, &[("look", MethodKind::Query)]), Vec::new());
    assert!(deployed.outcome.is_done(), "{:?}", deployed.outcome);
    let asked = chain.query("hostile", "look", &()).outcome;
    assert!(matches!(asked, Outcome::Trapped { class: TrapClass::ReadOnly, .. }), "{asked:?}");
    let receipt = chain.call(&mut Account::new(9), "hostile", "look", &());
    assert_eq!(class(&receipt), Some(TrapClass::ReadOnly), "in a transaction neither");
}

#[test]
fn modules_that_break_other_rules_are_not_deployed() {
    let with_go = |body: &str| module(body, &[("go", MethodKind::Call)]);
    let memory = r#"(memory (export "memory") 1 1)"#;
    let invalid = [
        with_go(&format!(r#"(module {memory} (func $s) (start $s) (func (export "call.go")))"#)),
        with_go(r#"(module (memory (export "memory") 1) (func (export "call.go")))"#),
        with_go(r#"(module (memory 1 1) (func (export "call.go")))"#),
        with_go(r#"(module (func (export "call.go")))"#),
        with_go(&format!(r#"(module (import "env" "f" (func)) {memory} (func (export "call.go")))"#)),
        with_go(&format!(r#"(module (import "chancery_v1" "caller" (func)) {memory} (func (export "call.go")))"#)),
        with_go(&format!(r#"(module {memory} (func (export "call.go") (param i32)))"#)),
        with_go(&format!(r#"(module {memory} (data (i32.const 65536) "x") (func (export "call.go")))"#)),
        with_go(&format!(r#"(module {memory} (func (export "call.go") (drop (i32.add (i32.const 1)))))"#)),
        b"not wasm".to_vec(),
        Vec::new(),
    ];
    for (case, code) in invalid.into_iter().enumerate() {
        let mut chain = Chain::new();
        let receipt = chain.deploy("hostile", code, Vec::new());
        let expected = Outcome::Refused { reason: ExecutionRefusal::InvalidModule };
        assert_eq!(receipt.outcome, expected, "case {case}");
    }
}

#[test]
fn a_deploy_without_schema_or_with_one_that_lies() {
    let text = r#"(module (memory (export "memory") 1 1) (func (export "call.go")))"#;
    let cases = [wat::parse_str(text).expect("a module"), module(text, &[])];
    for (case, code) in cases.into_iter().enumerate() {
        let receipt = Chain::new().deploy("hostile", code, Vec::new());
        assert!(matches!(receipt.outcome, Outcome::Refused { .. }), "case {case}: {:?}", receipt.outcome);
    }
    let lies = module(text, &[("go", MethodKind::Call), ("missing", MethodKind::Call)]);
    let receipt = Chain::new().deploy("hostile", lies, Vec::new());
    assert!(matches!(receipt.outcome, Outcome::Refused { .. }), "{:?}", receipt.outcome);
}

#[test]
fn only_the_department_deploys_and_a_name_is_taken_once() {
    let mut chain = counter_chain();
    let again = chain.deploy("counter", contract("counter.wasm"), Vec::new());
    assert_eq!(again.outcome, Outcome::Refused { reason: ExecutionRefusal::ContractExists });
    chain.department = Account::new(9);
    let receipt = chain.deploy("other", contract("counter.wasm"), Vec::new());
    assert_eq!(receipt.outcome, Outcome::Refused { reason: ExecutionRefusal::NotDepartment });
    assert!(receipt.gas_used < PLENTY);
    assert_ne!(chain.address("other"), Address::default());
}
