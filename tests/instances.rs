//! Calls of one block share instances, and none can tell: whatever a call leaves in memory, globals, the memory's size
//! or data segments, the next one finds what a new instance has, at the same gas.

use chancery_abi::{Call, Ident, Outcome, Payload, Receipt, Transaction, TrapClass, schema::MethodKind};
use chancery_tests::{Account, Chain, module};

/// Each method first looks whether everything is as in a new instance, and fails with the number of what is not.
fn dirty_contract() -> Vec<u8> {
    let text = r#"(module
        (import "chancery_v1" "fail" (func $fail (param i32 i32 i32)))
        (memory (export "memory") 2 9)
        (data (i32.const 8) "pristine")
        (data (i32.const 70000) "far away")
        (global $wide (mut i64) (i64.const -7))
        (global $narrow (mut i32) (i32.const 5))
        (func $must (param $holds i32) (param $what i32)
            (if (i32.eqz (local.get $holds)) (then (call $fail (local.get $what) (i32.const 0) (i32.const 0)))))
        (func $check (local $at i32) (local $sum i64)
            (call $must (i32.eq (memory.size) (i32.const 2)) (i32.const 1))
            (call $must (i64.eq (global.get $wide) (i64.const -7)) (i32.const 2))
            (call $must (i32.eq (global.get $narrow) (i32.const 5)) (i32.const 3))
            (call $must (i64.eq (i64.load (i32.const 8)) (i64.const 0x656e697473697270)) (i32.const 4))
            (call $must (i64.eq (i64.load (i32.const 70000)) (i64.const 0x7961776120726166)) (i32.const 5))
            (loop $all
                (local.set $sum (i64.or (local.get $sum) (i64.load (local.get $at))))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (if (i32.or (i32.eq (local.get $at) (i32.const 8)) (i32.eq (local.get $at) (i32.const 70000)))
                    (then (local.set $at (i32.add (local.get $at) (i32.const 8)))))
                (br_if $all (i32.lt_u (local.get $at) (i32.const 131072))))
            (call $must (i64.eqz (local.get $sum)) (i32.const 6)))
        (func $spoil
            (memory.fill (i32.const 0) (i32.const 0xa5) (i32.shl (memory.size) (i32.const 16)))
            (global.set $wide (i64.const 99))
            (global.set $narrow (i32.const 99)))
        (func (export "call.spoil") (call $check) (call $spoil))
        (func (export "call.grow") (call $check) (drop (memory.grow (i32.const 3))) (call $spoil))
        (func (export "call.trap") (call $check) (call $spoil) (unreachable))
        (func (export "call.refuse") (call $check) (call $spoil) (call $fail (i32.const 77) (i32.const 0) (i32.const 0))))"#;
    module(text, &["spoil", "grow", "trap", "refuse"].map(|name| (name, MethodKind::Call)))
}

fn segment_contract() -> Vec<u8> {
    let text = r#"(module
        (memory (export "memory") 1 1)
        (data $once "segment")
        (func (export "call.drop") (memory.init $once (i32.const 0) (i32.const 0) (i32.const 7)) (data.drop $once)))"#;
    module(text, &[("drop", MethodKind::Call)])
}

fn calls(chain: &Chain, account: &mut Account, contract: &str, methods: &[&str]) -> Vec<Transaction> {
    let call = |method: &&str| {
        let method = Ident::new(*method).expect("an identifier");
        let payload = Payload::Call(Call { contract: chain.address(contract), method, input: Vec::new() });
        let transaction = account.sign(&chain.rules, account.body(payload));
        account.nonce += 1;
        transaction
    };
    methods.iter().map(call).collect()
}

/// The outcome and gas of each call when all are in one block, which must be those of a block for each.
fn in_one_block_and_apart(contract: &str, code: &[u8], methods: &[&str]) -> Vec<Receipt> {
    let run = |together: bool| {
        let mut chain = Chain::new();
        assert!(chain.deploy(contract, code.to_vec(), Vec::new()).outcome.is_done());
        let mut account = Account::new(5);
        let transactions = calls(&chain, &mut account, contract, methods);
        if together {
            return chain.submit_block(transactions).expect("the calls may be in a block");
        }
        transactions.into_iter().map(|call| chain.submit(call).expect("the call may be in a block")).collect()
    };
    let (together, apart) = (run(true), run(false));
    let outcomes = |receipts: &[Receipt]| -> Vec<_> {
        receipts.iter().map(|receipt| (receipt.outcome.clone(), receipt.gas_used)).collect()
    };
    assert_eq!(outcomes(&together), outcomes(&apart));
    together
}

#[test]
fn nothing_that_a_call_leaves_reaches_the_next() {
    let methods =
        ["spoil", "spoil", "grow", "spoil", "grow", "grow", "trap", "spoil", "refuse", "trap", "spoil", "spoil"];
    let receipts = in_one_block_and_apart("dirty", &dirty_contract(), &methods);
    for (method, receipt) in methods.iter().zip(receipts) {
        match (*method, &receipt.outcome) {
            ("trap", Outcome::Trapped { class: TrapClass::Unreachable, .. }) => {}
            ("refuse", Outcome::Failed { code: 77, .. }) => {}
            ("spoil" | "grow", Outcome::Done { .. }) => {}
            (method, outcome) => panic!("{method}: {outcome:?}"),
        }
    }
}

#[test]
fn a_dropped_segment_is_there_again() {
    let receipts = in_one_block_and_apart("segment", &segment_contract(), &["drop", "drop", "drop"]);
    assert!(receipts.iter().all(|receipt| receipt.outcome.is_done()), "{receipts:?}");
}

#[test]
fn more_contracts_than_instances_are_kept_for() {
    let mut chain = Chain::new();
    let mut account = Account::new(5);
    let mut transactions = Vec::new();
    for number in 0..40u8 {
        // Another byte at the end of memory makes it other code.
        let text = format!(
            "(module (memory (export \"memory\") 1 1) (data (i32.const 65535) \"\\{number:02x}\")
               (func (export \"call.go\") (if (i32.ne (i32.load8_u (i32.const 65535)) (i32.const {number})) (then unreachable))
                 (i32.store8 (i32.const 65535) (i32.const 200))))"
        );
        let name = format!("c{number}");
        assert!(chain.deploy(&name, module(&text, &[("go", MethodKind::Call)]), Vec::new()).outcome.is_done());
    }
    for _ in 0..3 {
        for number in 0..40u8 {
            transactions.extend(calls(&chain, &mut account, &format!("c{number}"), &["go"]));
        }
    }
    let receipts = chain.submit_block(transactions).expect("the calls may be in a block");
    assert!(receipts.iter().all(|receipt| receipt.outcome.is_done()), "{receipts:?}");
}
