//! A page is charged for what it looks at: entries that the block removed before cost those who page over them, and
//! whoever cannot pay does not get to look.

use chancery_abi::{Call, Ident, Outcome, Payload, Transaction, TrapClass, host::PAGE_ENTRY_GAS, schema::MethodKind};
use chancery_tests::{Account, Chain, module};

const ENTRIES: u64 = 300;

/// Writes entries, removes them, asks for a page of one.
fn contract() -> Vec<u8> {
    let text = format!(
        r#"(module
        (import "chancery_v1" "storage_set" (func $set (param i32 i32 i32 i32)))
        (import "chancery_v1" "storage_remove" (func $remove (param i32 i32) (result i32)))
        (import "chancery_v1" "storage_page" (func $page (param i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1 1)
        (func (export "call.fill") (local $i i32)
            (loop $again
                (i32.store (i32.const 0) (local.get $i))
                (call $set (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {ENTRIES})))))
        (func (export "call.clear") (local $i i32)
            (loop $again
                (i32.store (i32.const 0) (local.get $i))
                (drop (call $remove (i32.const 0) (i32.const 4)))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {ENTRIES})))))
        (func (export "call.look")
            (drop (call $page (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)))))"#
    );
    module(&text, &["fill", "clear", "look"].map(|name| (name, MethodKind::Call)))
}

fn call(chain: &Chain, account: &mut Account, method: &str, gas_limit: Option<u64>) -> Transaction {
    let method = Ident::new(method).expect("an identifier");
    let payload = Payload::Call(Call { contract: chain.address("pages"), method, input: Vec::new() });
    let mut body = account.body(payload);
    body.gas_limit = gas_limit.unwrap_or(body.gas_limit);
    let transaction = account.sign(&chain.rules, body);
    account.nonce += 1;
    transaction
}

#[test]
fn what_the_block_removed_is_charged_to_the_page_that_passes_over_it() {
    let mut chain = Chain::new();
    assert!(chain.deploy("pages", contract(), Vec::new()).outcome.is_done());
    let mut account = Account::new(5);
    let block = ["fill", "clear", "look"].map(|method| call(&chain, &mut account, method, None)).to_vec();
    let dear = chain.submit_block(block).expect("the calls may be in a block").pop().expect("three receipts");
    let look = call(&chain, &mut account, "look", None);
    let cheap = chain.submit(look).expect("the call may be in a block");
    assert!(dear.outcome.is_done() && cheap.outcome.is_done(), "{dear:?} {cheap:?}");
    assert_eq!(dear.gas_used - cheap.gas_used, ENTRIES * PAGE_ENTRY_GAS);
    let enough_for_half = cheap.gas_used + ENTRIES / 2 * PAGE_ENTRY_GAS;
    let mut block = ["fill", "clear"].map(|method| call(&chain, &mut account, method, None)).to_vec();
    block.push(call(&chain, &mut account, "look", Some(enough_for_half)));
    let stopped = chain.submit_block(block).expect("the calls may be in a block").pop().expect("three receipts");
    assert!(matches!(stopped.outcome, Outcome::Trapped { class: TrapClass::OutOfGas, .. }), "{stopped:?}");
    assert_eq!(stopped.gas_used, enough_for_half);
}
