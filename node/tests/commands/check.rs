//! `chancery contract check`: a module with any part of WebAssembly that is not on the list is refused by its name.

use std::fs;

use crate::{Ended, chancery, contract};

/// Each feature's name in the refusal, and the part of a module that has it.
const REFUSED: &[(&str, &str)] = &[
    ("floats", "(func (drop (f64.add (f64.const 1) (f64.const 2))))"),
    ("floats", "(func unreachable i32.trunc_sat_f64_s drop)"),
    ("SIMD", "(func (drop (v128.const i64x2 1 2)))"),
    ("SIMD", "(func unreachable i8x16.relaxed_swizzle drop)"),
    ("threads and atomics", "(func (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))"),
    ("64-bit memories and tables", "(table i64 1 1 funcref)"),
    ("memories beyond the first", "(memory 1 2)"),
    ("memory control instructions", "(func (memory.discard (i32.const 0) (i32.const 0)))"),
    ("tail calls", "(func $f (return_call $f))"),
    ("garbage-collected types", "(type (struct (field i32)))"),
    ("typed function references", "(type $t (func)) (func (param (ref $t)))"),
    ("reference types", "(func (param externref))"),
    (
        "instructions that read or change the table",
        "(table 1 1 funcref) (func (table.copy (i32.const 0) (i32.const 0) (i32.const 0)))",
    ),
    ("passive, declared and computed element segments", "(func $f) (elem declare func $f)"),
    ("exceptions", "(tag $e) (func (throw $e))"),
    ("continuations", "(type $f (func)) (type $c (cont $f))"),
    ("128-bit arithmetic instructions", "(func unreachable i64.add128 drop drop)"),
    ("computed initialisers", "(global i32 (i32.add (i32.const 1) (i32.const 2)))"),
];

#[test]
fn every_feature_outside_the_list_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused_with = |file: &str, bytes: &[u8], name: &str| {
        let file = folder.path().join(file);
        fs::write(&file, bytes).expect("the folder can be written to");
        let ended = Ended::of(chancery(&["contract", "check"]).arg(&file));
        assert_eq!(ended.code, Some(1), "{name}: {}{}", ended.out, ended.err);
        let says = |verb: &str| ended.err.contains(&format!("because {name} {verb} not allowed"));
        assert!(says("is") || says("are"), "{name}: {}", ended.err);
    };
    for (name, fields) in REFUSED {
        let text = format!("(module (memory (export \"memory\") 1 2) {fields})");
        refused_with("contract.wat", text.as_bytes(), name);
    }
    let small_pages = b"(module (memory (export \"memory\") 1 2 (pagesize 1)))";
    refused_with("pages.wat", small_pages, "custom page sizes");
    refused_with("component.wasm", b"\0asm\x0d\0\x01\0", "components");
}

#[test]
fn a_contract_without_its_schema_or_with_a_lie_in_it_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = fs::read(contract("counter.wasm")).expect("it is compiled");
    let check = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, bytes).expect("the folder can be written to");
        Ended::of(chancery(&["contract", "check"]).arg(&file))
    };
    assert_eq!(check("whole.wasm", &whole).code, Some(0));
    let replaced = |from: &[u8], to: &[u8]| {
        let place = whole.windows(from.len()).position(|part| part == from).expect("the module has it");
        [&whole[..place], to, &whole[place + from.len()..]].concat()
    };
    let absent = check("absent.wasm", &replaced(b"chancery.schema", b"chancery.nothing"[..15].as_ref()));
    assert_eq!(absent.code, Some(1));
    assert!(absent.err.contains("no schema"), "{}", absent.err);
    let lie = check("lie.wasm", &replaced(b"call.reset", b"call.resat"));
    assert_eq!(lie.code, Some(1));
    assert!(lie.err.contains("call.resat"), "{}", lie.err);
    let hidden = check("hidden.wasm", &replaced(b"call.reset", b"fall.reset"));
    assert_eq!(hidden.code, Some(1));
    assert!(hidden.err.contains("reset"), "{}", hidden.err);
}
