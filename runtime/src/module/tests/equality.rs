//! Instrumenting changes nothing that a contract computes.

use wasmtime::OptLevel;

use super::*;

/// Functions that between them use every shape of control flow; each leaves what it computed in memory.
pub(super) const PROGRAMS: &[&str] = &[
    // Several results, of the function and of blocks, and blocks with parameters.
    "(func $swap (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
     (func (export \"call.a\") (local i64 i32) (call $swap (i32.const 7) (i64.const 9)) (local.set 1) (local.set 0)
        (i64.store (i32.const 0) (local.get 0)) (i32.store (i32.const 8) (local.get 1))
        (i32.const 16) (block (param i32) (result i32 i32) (i32.const 77)) (i32.store))",
    // A branch table in nested blocks, all targets of which are taken.
    "(func $pick (param i32) (result i32)
        (block (block (block (block (br_table 0 1 2 3 (local.get 0))) (return (i32.const 10))) (return (i32.const 11)))
        (return (i32.const 12))) (i32.const 13))
     (func (export \"call.a\") (local i32) (loop (i32.store (i32.mul (local.get 0) (i32.const 4)) (call $pick (local.get 0)))
        (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 9)))))",
    // A loop with parameters and results.
    "(func (export \"call.a\") (local i32 i32) (i32.const 64)
        (block (result i32) (i32.const 10) (i32.const 0)
          (loop (param i32 i32) (result i32) (local.set 0) (local.tee 1) (local.get 0) (i32.add) (local.set 0) (local.get 0)
            (br_if 1 (i32.eqz (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))) (drop) (local.get 1) (local.get 0) (br 0)))
        (i32.store))",
    // Early returns from the depth, with operands left on the stack.
    "(func $f (param i32) (result i32) (i32.const 1) (i32.const 2) (block (block (loop (br_if 1 (local.get 0)) (return (i32.const 5)))))
        (i32.add) (i32.add (local.get 0)))
     (func (export \"call.a\") (i32.store (i32.const 0) (call $f (i32.const 0))) (i32.store (i32.const 4) (call $f (i32.const 40))))",
    // Recursion: Ackermann's function.
    "(func $ack (param i32 i32) (result i32)
        (if (result i32) (i32.eqz (local.get 0)) (then (i32.add (local.get 1) (i32.const 1)))
        (else (if (result i32) (i32.eqz (local.get 1)) (then (call $ack (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))
          (else (call $ack (i32.sub (local.get 0) (i32.const 1)) (call $ack (local.get 0) (i32.sub (local.get 1) (i32.const 1)))))))))
     (func (export \"call.a\") (i32.store (i32.const 0) (call $ack (i32.const 2) (i32.const 3))))",
    // Globals of its own, a table, and branches with values.
    "(global $g (mut i64) (i64.const 5)) (table 2 2 funcref) (elem (i32.const 0) func $p $q) (type $t (func (result i32)))
     (func $p (result i32) (global.set $g (i64.const 6)) (i32.const 1)) (func $q (result i32) (block (result i32) (br 0 (i32.const 2))))
     (func (export \"call.a\") (i32.store (i32.const 0) (call_indirect (type $t) (i32.const 0)))
        (i32.store (i32.const 4) (call_indirect (type $t) (i32.const 1))) (i64.store (i32.const 8) (global.get $g)))",
    // Bulk memory, growth, and what growing returns, when it is refused too.
    "(data $d \"abcdefgh\") (func (export \"call.a\") (memory.init $d (i32.const 0) (i32.const 2) (i32.const 4))
        (memory.copy (i32.const 2) (i32.const 0) (i32.const 6)) (memory.fill (i32.const 20) (i32.const 7) (i32.const 9))
        (i32.store (i32.const 40) (memory.grow (i32.const 2))) (i32.store (i32.const 44) (memory.grow (i32.const 2)))
        (i32.store (i32.const 48) (memory.size)))",
    // Traps of several kinds leave what was written before.
    "(func (export \"call.a\") (i32.store (i32.const 0) (i32.const 1)) (drop (i32.div_s (i32.const 1) (i32.const 0))))",
    "(func (export \"call.a\") (i32.store (i32.const 0) (i32.const 1)) (unreachable))",
    "(func (export \"call.a\") (i32.store (i32.const 0) (i32.const 1)) (i64.store (i32.const 65533) (i64.const 1)))",
    "(table 1 funcref) (type $t (func)) (func (export \"call.a\") (i32.store (i32.const 0) (i32.const 1)) (call_indirect (type $t) (i32.const 0)))",
    // Code that nothing reaches, of types that would not fit if it were.
    "(func (export \"call.a\") (block (result i32) (br 0 (i32.const 3)) (i32.add) (memory.grow) (drop) (i32.const 1) (if (then (loop (br 0))) (else (nop))) (unreachable))
        (drop) (i32.store (i32.const 0) (i32.const 8)))",
    // An if whose first arm leaves, and a loop that is never repeated.
    "(func (export \"call.a\") (local i32) (block (loop (if (local.get 0) (then (br 2))) (local.set 0 (i32.const 1)) (br 0)))
        (loop (i32.store (i32.const 0) (i32.const 3))) (i32.store (i32.const 4) (local.get 0)))",
];

#[test]
fn results_are_those_of_the_source() {
    for program in PROGRAMS {
        let source = with_memory(program);
        let (trapped, memory) = call_plain(&source, "a");
        let instrumented = instrument(&source);
        for opt_level in [OptLevel::None, OptLevel::Speed] {
            let left = call(&instrumented, opt_level, "a", PLENTY);
            assert_eq!((left.trapped, &left.memory), (trapped, &memory), "{program}");
            // No program asks for more than four pages.
            assert!(left.gas >= 0 && left.used() < 72_000 + 4 * schedule().grow_page, "{program}");
        }
    }
}

#[test]
fn only_the_methods_the_memory_and_the_counters_are_exported() {
    let source = with_memory(
        "(global (export \"__heap_base\") i32 (i32.const 1)) (func $f (export \"helper\")) (func (export \"call.a\") (call $f))",
    );
    let module = wasmtime::Module::new(&engine(OptLevel::Speed), instrument(&source)).expect("the engine takes it");
    let exports: Vec<_> = module.exports().map(|export| export.name().to_owned()).collect();
    assert_eq!(exports, ["memory", "call.a", GAS_EXPORT, HEIGHT_EXPORT]);
}

#[test]
fn custom_sections_are_left_out() {
    let mut source = with_memory("(func $secret (export \"call.a\"))");
    append_section(&mut source, "anything", b"CUSTOM-CONTENT");
    let instrumented = instrument(&source);
    for text in [&b"secret"[..], b"CUSTOM-CONTENT", b"chancery.schema"] {
        assert!(source.windows(text.len()).any(|window| window == text));
        assert!(!instrumented.windows(text.len()).any(|window| window == text));
    }
}

#[test]
fn the_same_source_gives_the_same_bytes() {
    for program in PROGRAMS {
        assert_eq!(instrument(&with_memory(program)), instrument(&with_memory(program)));
    }
}

#[test]
fn bodies_grow_within_the_headroom() {
    let times = |text: &str, count: usize| text.repeat(count);
    let locals = "(local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)";
    let bodies = [
        format!("{locals} (local i32) i32.const 1 {} drop", times("memory.grow ", 30_000)),
        format!("{} {} {}", times("block ", 250), times("i32.const 1 br_if 200 ", 12_000), times("end ", 250)),
        format!(
            "{} {} {}",
            times("block ", 250),
            times("i32.const 1 memory.grow br_if 200 ", 9_000),
            times("end ", 250)
        ),
        times("loop i32.const 1 br_if 0 end ", 4_900),
        times("loop i32.const 1 if br 1 else end end ", 2_400),
        times("i32.const 1 if else end ", 4_900),
        times("block block i32.const 1 br_if 1 end end ", 2_400),
        times("call 0 ", 30_000),
        format!(
            "{} {}",
            times("i32.const 1 i32.const 1 i32.const 1 memory.fill ", 6_000),
            times("call 0 i32.const 1 br_if 0 ", 1_000)
        ),
    ];
    for body in bodies {
        let source = with_memory(&format!("(func {body})"));
        let instrumented = instrument(&source);
        let growth = instrumented.len().div_ceil(source.len());
        assert!(growth < crate::module::BODY_GROWTH_MAX / 2, "{growth} times for {}", &body[..40]);
        wasmtime::Module::validate(&engine(OptLevel::None), &instrumented).expect("the engine takes what comes out");
    }
}
