//! Gas and stack height are counted exactly: what a function uses is the sum by hand.

use chancery_abi::limits;
use wasmtime::OptLevel;

use super::*;
use crate::module::{compile_gas, instrument::frame_slots};

/// Gas that a method of this contract uses, which must not trap.
fn used(fields: &str, method: &str) -> u64 {
    let wasm = instrument(&with_memory(fields));
    let none = call(&wasm, OptLevel::None, method, PLENTY);
    let speed = call(&wasm, OptLevel::Speed, method, PLENTY);
    assert_eq!(none, speed);
    assert!(!speed.trapped);
    assert_eq!(speed.height, 0, "the height is restored");
    speed.used()
}

#[test]
fn an_empty_function_costs_nothing() {
    assert_eq!(used("(func (export \"call.a\"))", "a"), 0);
}

#[test]
fn straight_code_costs_its_sum() {
    let s = schedule();
    let body = "(local i64) (i32.store (i32.const 8) (i32.mul (i32.const 3) (i32.const 4)))
        (local.set 0 (i64.div_u (i64.const 9) (i64.const 2))) (drop (i64.add (local.get 0) (i64.const 1)))";
    let expected = (s.local * 3 + s.multiply + s.store) + (s.local * 3 + s.divide) + (s.local * 2 + s.simple);
    assert_eq!(used(&format!("(func (export \"call.a\") {body})"), "a"), expected);
}

#[test]
fn only_the_arm_that_runs_is_charged() {
    let s = schedule();
    let function = |condition: u32| {
        format!(
            "(func (export \"call.a\") (if (i32.const {condition}) (then (drop (i32.const 1)))
            (else (drop (i32.div_u (i32.const 1) (i32.const 1))))) (drop (i32.const 5)))"
        )
    };
    let around = s.local + s.condition + s.local;
    assert_eq!(used(&function(1), "a"), around + s.local);
    assert_eq!(used(&function(0), "a"), around + 2 * s.local + s.divide);
}

#[test]
fn what_a_branch_skips_is_not_charged() {
    let s = schedule();
    let function = |condition: u32| {
        format!(
            "(func (export \"call.a\") (block (br_if 0 (i32.const {condition})) (drop (i32.mul (i32.const 1) (i32.const 1))))
            (drop (i32.const 5)))"
        )
    };
    assert_eq!(used(&function(1), "a"), 2 * s.local + s.condition);
    assert_eq!(used(&function(0), "a"), 2 * s.local + s.condition + 2 * s.local + s.multiply);
}

#[test]
fn code_after_an_escaping_branch_is_a_region_of_its_own() {
    let s = schedule();
    let function = |condition: u32| {
        format!(
            "(func (export \"call.a\") (block (block (br_if 1 (i32.const {condition})) (drop (i32.const 1)))
            (drop (i32.mul (i32.const 1) (i32.const 1)))) (drop (i32.const 5)))"
        )
    };
    let around = 2 * s.local + s.condition;
    assert_eq!(used(&function(1), "a"), around);
    assert_eq!(used(&function(0), "a"), around + 3 * s.local + s.multiply);
}

#[test]
fn an_early_return_skips_the_rest() {
    let s = schedule();
    let function = |condition: u32| {
        format!(
            "(func (export \"call.a\") (if (i32.const {condition}) (then (return))) (drop (i32.mul (i32.const 1) (i32.const 1))))"
        )
    };
    assert_eq!(used(&function(1), "a"), s.local + s.condition + s.branch);
    assert_eq!(used(&function(0), "a"), s.local + s.condition + 2 * s.local + s.multiply);
}

#[test]
fn loops_are_charged_by_iteration() {
    let s = schedule();
    let function = |times: u32| {
        format!(
            "(func (export \"call.a\") (local i32) (local.set 0 (i32.const {times}))
            (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (drop (i32.const 5)))"
        )
    };
    for times in [1, 2, 1000] {
        let iteration = 3 * s.local + s.simple + s.condition;
        assert_eq!(used(&function(times), "a"), 2 * s.local + s.local + u64::from(times) * iteration);
    }
}

#[test]
fn nested_loops_with_calls_are_charged_by_iteration() {
    let s = schedule();
    let fields = "(func $f) (func (export \"call.a\") (local i32 i32) (local.set 0 (i32.const 5))
        (loop (local.set 1 (i32.const 3)) (call $f)
            (loop (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))";
    let step = 3 * s.local + s.simple + s.condition;
    assert_eq!(used(fields, "a"), 2 * s.local + 5 * (2 * s.local + s.call + 3 * step + step));
}

#[test]
fn branch_tables_cost_by_the_logarithm_of_their_targets() {
    let s = schedule();
    let function = |targets: usize| {
        format!("(func (export \"call.a\") (block (br_table {} 0 (i32.const 2))))", "0 ".repeat(targets))
    };
    for (targets, doublings) in [(0, 0), (1, 1), (2, 1), (3, 2), (7, 3), (1000, 9)] {
        assert_eq!(used(&function(targets), "a"), s.local + s.branch_table + doublings * s.branch_table_doubling);
    }
}

#[test]
fn calls_cost_their_price_and_the_callee() {
    let s = schedule();
    let fields = "(func $f (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (table 1 funcref) (elem (i32.const 0) func $f) (type $t (func (param i32) (result i32)))
        (func (export \"call.direct\") (drop (call $f (i32.const 1))))
        (func (export \"call.table\") (drop (call_indirect (type $t) (i32.const 1) (i32.const 0))))";
    let callee = 2 * s.local + s.simple;
    assert_eq!(used(fields, "direct"), s.local + s.call + callee);
    assert_eq!(used(fields, "table"), 2 * s.local + s.call_indirect + callee);
}

#[test]
fn growth_costs_by_page_and_bulk_memory_by_length() {
    let s = schedule();
    let grow = "(func (export \"call.a\") (drop (memory.grow (i32.const 3))))";
    assert_eq!(used(grow, "a"), s.local + s.grow + 3 * s.grow_page);
    let fill = "(func (export \"call.a\") (memory.fill (i32.const 0) (i32.const 1) (i32.const 1003)))";
    assert_eq!(used(fill, "a"), 3 * s.local + s.fill + 125 * s.bulk_word);
    let copy = "(func (export \"call.a\") (memory.copy (i32.const 0) (i32.const 100) (i32.const 64)))";
    assert_eq!(used(copy, "a"), 3 * s.local + s.bulk + 8 * s.bulk_word);
    let init = "(data $d \"0123456789abcdef\") (func (export \"call.a\") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 16)) (data.drop $d))";
    assert_eq!(used(init, "a"), 3 * s.local + 2 * s.bulk + 2 * s.bulk_word);
}

#[test]
fn unreached_code_costs_nothing() {
    let s = schedule();
    let fields = "(func (export \"call.a\") (block (br 0) (drop (memory.grow (i32.const 1))) (loop (br 0))) (drop (i32.const 1)))";
    assert_eq!(used(fields, "a"), s.branch + s.local);
}

#[test]
fn growth_beyond_the_gas_traps_before_it_happens() {
    let wasm = instrument(&with_memory("(func (export \"call.a\") (drop (memory.grow (i32.const 3))))"));
    let left = call(&wasm, OptLevel::Speed, "a", 64_000);
    assert!(left.trapped && left.gas < 0);
    assert_eq!(left.memory.len(), 65536);
}

#[test]
fn bulk_lengths_beyond_the_gas_trap_before_they_are_touched() {
    let wasm = instrument(&with_memory(
        "(func (export \"call.a\") (memory.fill (i32.const 0) (i32.const 1) (i32.const 0xffff)))",
    ));
    let left = call(&wasm, OptLevel::Speed, "a", 4_000);
    assert!(left.trapped && left.gas < 0);
    assert!(left.memory.iter().all(|byte| *byte == 0));
    // The greatest length neither wraps nor makes gas.
    let wasm =
        instrument(&with_memory("(func (export \"call.a\") (memory.fill (i32.const 0) (i32.const 1) (i32.const -1)))"));
    assert_eq!(call(&wasm, OptLevel::Speed, "a", PLENTY).used(), 3 + 200 + (u64::from(u32::MAX) >> 3));
}

#[test]
fn an_endless_loop_runs_out_of_gas() {
    for body in
        ["(loop (br 0))", "(loop (call $f) (br 0))", "(loop (loop (br 0)) (br 0))", "(loop (br_if 0 (i32.const 1)))"]
    {
        let wasm = instrument(&with_memory(&format!("(func $f) (func (export \"call.a\") {body})")));
        let none = call(&wasm, OptLevel::None, "a", 100_000);
        assert!(none.trapped && none.gas < 0 && none.gas > -100, "{body}: {}", none.gas);
        assert_eq!(none, call(&wasm, OptLevel::Speed, "a", 100_000));
    }
}

#[test]
fn calls_of_free_functions_run_out_of_gas() {
    // A binary tree of calls: no loops, no recursion, and 2^30 calls.
    let mut fields = String::from("(func $f0)");
    for level in 1..=30 {
        fields += &format!("(func $f{level} (call $f{0}) (call $f{0}))", level - 1);
    }
    let wasm = instrument(&with_memory(&format!("{fields} (func (export \"call.a\") (call $f30))")));
    let left = call(&wasm, OptLevel::Speed, "a", 1_000_000);
    assert!(left.trapped && left.gas < 0 && left.gas > -100);
}

#[test]
fn gas_is_exact_at_a_trap() {
    let s = schedule();
    let fields = "(func (export \"call.a\") (drop (i32.const 1)) (if (i32.const 1) (then (drop (i32.load (i32.const -1))))) (drop (i32.const 1)))";
    let wasm = instrument(&with_memory(fields));
    let left = call(&wasm, OptLevel::Speed, "a", PLENTY);
    assert!(left.trapped);
    assert_eq!(left.used(), 3 * s.local + s.condition + s.local + s.load);
}

#[test]
fn recursion_fails_at_the_same_height_everywhere() {
    let limit = limits::STACK_SLOTS_MAX;
    let fields = "(func $f (param i32) (result i32) (local i64 i64) (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
            (i32.add (call $f (local.get 0)) (i32.const 1)))
        (func (export \"call.a\") (drop (call $f (i32.const 1))))";
    let wasm = instrument(&with_memory(fields));
    let none = call(&wasm, OptLevel::None, "a", PLENTY);
    assert_eq!(none, call(&wasm, OptLevel::Speed, "a", PLENTY));
    assert!(none.trapped && none.gas > 0);
    // The bodies have 7 and 28 bytes.
    let (outer, inner) = (frame_slots(0, 0, 1, 7), frame_slots(1, 2, 3, 28));
    let depth = (limit - outer) / inner;
    assert_eq!(none.height as u32, outer + (depth + 1) * inner);
    assert_eq!(u32::from_le_bytes(none.memory[..4].try_into().expect("four bytes")), depth);
}

#[test]
fn a_leaf_over_the_limit_leaves_the_height_that_says_so() {
    // The recursion's own frames leave fewer slots than the leaf takes.
    let fields = "(func $leaf (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64))
        (func $f (call $leaf) (call $f)) (func (export \"call.a\") (call $f))";
    let wasm = instrument(&with_memory(fields));
    let left = call(&wasm, OptLevel::Speed, "a", PLENTY);
    assert!(left.trapped && left.gas > 0);
    assert!(left.height > limits::STACK_SLOTS_MAX as i32);
    assert_eq!(left, call(&wasm, OptLevel::None, "a", PLENTY));
}

#[test]
fn the_height_is_restored_on_every_way_out() {
    let fields = "(func $n) (func $f (param i32) (result i32 i64) (call $n)
            (if (i32.eqz (local.get 0)) (then (return (i32.const 1) (i64.const 2))))
            (block (br_if 0 (i32.eq (local.get 0) (i32.const 1))) (i32.const 3) (i64.const 4) (br 1))
            (i32.const 5) (i64.const 6) (br_table 0 0 (local.get 0)))
        (func (export \"call.a\") (local i32) (loop (call $f (local.get 0)) (drop) (drop)
            (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br_if 0 (i32.lt_u (local.get 0) (i32.const 3)))))";
    used(fields, "a");
}

#[test]
fn the_host_sees_exact_gas_at_its_calls() {
    let s = schedule();
    let fields = "(import \"chancery_v1\" \"input_len\" (func $len (result i32))) (memory (export \"memory\") 1 1)
        (func (export \"call.a\") (drop (call $len)) (drop (call $len)))";
    let wasm = instrument(&contract(&format!("(module {fields})")));
    assert_eq!(call(&wasm, OptLevel::Speed, "a", PLENTY).used(), 2 * s.call);
}

#[test]
fn the_first_schedule_is_as_published() {
    let published = Schedule {
        number: 1,
        local: 1,
        simple: 1,
        multiply: 2,
        divide: 24,
        global: 2,
        load: 5,
        store: 4,
        branch: 1,
        condition: 2,
        branch_table: 12,
        branch_table_doubling: 1,
        call: 12,
        call_indirect: 24,
        grow: 1_000,
        grow_page: 240_000,
        page: 32_000,
        fill: 200,
        bulk: 24,
        bulk_word: 1,
        compile: 10_000_000,
        compile_byte: 8_000,
        compile_function: 200_000,
        compile_body_square: 6,
    };
    assert_eq!(Schedule::by_number(1), Some(&published));
    assert_eq!(Schedule::by_number(0), None);
    assert_eq!(Schedule::by_number(2), None);
    assert_eq!(compile_gas(1000, &published), 18_000_000);
    assert_eq!(compile_gas(usize::MAX, &published), u64::MAX);
}

#[test]
fn compiling_is_charged_by_bytes_functions_and_the_squares_of_bodies() {
    let s = schedule();
    let gas = |fields: &str| check(&with_memory(fields)).expect("the contract is accepted").body_gas(s);
    assert_eq!(gas(""), 0);
    // A body is a count of locals, its code and an end.
    assert_eq!(gas("(func) (func nop nop)"), 2 * s.compile_function + s.compile_body_square * (2 * 2 + 4 * 4));
    // One transaction buys a body of 40,000 bytes and not two. The longest that the format allows is out of its reach:
    // compiling the worst of them takes longer than the gas of a whole block should.
    let deploying = |body: usize| gas(&format!("(func {})", "nop ".repeat(body - 2))) + compile_gas(body + 4_096, s);
    assert!((limits::TRANSACTION_GAS_MAX / 2..=limits::TRANSACTION_GAS_MAX).contains(&deploying(40_000)));
    assert!(deploying(limits::BODY_BYTES_MAX) > limits::BLOCK_GAS_MAX);
}

#[test]
fn what_a_callee_used_stays_used() {
    let s = schedule();
    let used_by = |code: &str| {
        used(&format!("(func $f (drop (i32.const 1))) (func (export \"call.a\") (local i32) {code})"), "a")
    };
    let call = s.call + s.local;
    let arm = "(if (i32.const 1) (then (drop (i32.const 2))))";
    let arm_gas = 2 * s.local + s.condition;
    // The charge after the call must not begin from a copy made before it, on whatever path the call lies.
    assert_eq!(used_by(&format!("(call $f) {arm}")), call + arm_gas);
    assert_eq!(used_by(&format!("(if (i32.const 1) (then (call $f))) {arm}")), s.local + s.condition + call + arm_gas);
    let other = format!("(if (i32.const 0) (then) (else (call $f))) {arm}");
    assert_eq!(used_by(&other), s.local + s.condition + call + arm_gas);
    let branch = format!("(block (block (br_if 1 (i32.const 0)) (call $f)) {arm})");
    assert_eq!(used_by(&branch), s.local + s.condition + call + arm_gas);
    // Around a loop, the head comes after the call.
    let rounds = format!(
        "(loop {arm} (call $f) (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 3))))"
    );
    let round = arm_gas + call + 4 * s.local + 2 * s.simple + s.condition;
    assert_eq!(used_by(&rounds), 3 * round);
}
