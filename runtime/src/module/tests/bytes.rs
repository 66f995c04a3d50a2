//! `check` is total: whatever the bytes, it answers, and what it accepts can be instrumented.

use proptest::prelude::*;

use super::*;

/// What there is to start from: contracts that are accepted and use much of what is allowed.
fn seeds() -> Vec<Vec<u8>> {
    let fields = "(import \"chancery_v1\" \"caller\" (func $caller (param i32))) (memory (export \"memory\") 1 4) (table 3 funcref)
        (elem (i32.const 1) func $f $g) (data (i32.const 8) \"data\") (data $p \"passive\") (global $x (mut i64) (i64.const 1))
        (type $t (func (param i64) (result i64 i32)))
        (func $f (type $t) (local i32) (block (loop (br_if 1 (local.get 1)) (call $caller (i32.const 0)) (br 0))) (local.get 0) (i32.const 1))
        (func $g (export \"call.a\") (memory.init $p (i32.const 0) (i32.const 0) (i32.const 3)) (drop (memory.grow (i32.const 1)))
            (global.set $x (i64.const 4)) (if (i32.const 1) (then (call_indirect (type $t) (i64.const 1) (i32.const 1)) (drop) (drop)))
            (block (block (br_table 0 1 (i32.const 0)))))";
    vec![contract(&format!("(module {fields})")), with_memory("(func (export \"call.a\") (loop (br 0)))")]
}

fn answer(wasm: &[u8]) {
    match check(wasm) {
        Ok(module) => {
            let instrumented = module.instrument(schedule());
            crate::module::validate::operand_heights(&instrumented).expect("what comes out of instrumenting is valid");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        answer(&bytes);
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend(bytes);
        answer(&module);
    }

    #[test]
    fn mutated_contracts_are_answered(
        seed in 0..2usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..8),
    ) {
        let mut wasm = seeds().swap_remove(seed);
        for (place, byte, kind) in edits {
            let at = place.index(wasm.len());
            match kind {
                0 => wasm[at] = byte,
                1 => wasm.insert(at, byte),
                _ => drop(wasm.remove(at)),
            }
        }
        answer(&wasm);
    }
}

#[test]
fn every_prefix_of_a_contract_is_answered() {
    for seed in seeds() {
        (0..seed.len()).for_each(|length| answer(&seed[..length]));
        check(&seed).expect("the seed itself is accepted");
    }
}
