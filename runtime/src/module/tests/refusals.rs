//! Every rule refuses what it is named for, and says where and what to do.

use chancery_abi::limits;
use wasmparser::WasmFeatures;

use super::*;
use crate::module::{Feature, LimitKind, Place};

fn refusal(wasm: &[u8]) -> ModuleError {
    check(wasm).expect_err("the module is refused")
}

/// Asserts that a contract with these fields and a memory is refused for a feature, in words that contain `words`.
fn refused_for(feature: Feature, fields: &str, words: &[&str]) {
    refused_module_for(feature, &format!("(module (memory (export \"memory\") 1 4) {fields})"), words);
}

fn refused_module_for(feature: Feature, text: &str, words: &[&str]) {
    let error = refusal(&contract(text));
    assert!(matches!(&error, ModuleError::Feature { feature: found, .. } if *found == feature), "{text}: {error:?}");
    for word in words {
        assert!(error.to_string().contains(word), "`{error}` does not say `{word}`");
    }
}

fn refused_over(kind: LimitKind, wasm: &[u8], limit: u64) {
    let error = refusal(wasm);
    assert!(
        matches!(&error, ModuleError::Limit { kind: found, limit: stated, .. } if (*found, *stated) == (kind, limit)),
        "{error:?}"
    );
}

fn accepted(wasm: &[u8]) {
    check(wasm).expect("the contract is accepted");
}

#[test]
fn float_instructions() {
    let fields = "(import \"chancery_v1\" \"input_len\" (func (result i32)))
        (func $compute (result i32) (i32.trunc_f64_s (f64.add (f64.const 1) (f64.const 2))))";
    let text = format!("(module {fields} (memory (export \"memory\") 1 1))");
    let error = refusal(&contract(&text)).to_string();
    assert_eq!(error, "floats are not allowed; function 1 `compute` uses f64.const; use integers or fixed-point");
    for operator in ["f32.add", "f32.min", "f64.sub", "f64.copysign"] {
        let ty = &operator[..3];
        // A function that gets its operands from code that is never reached: the instruction itself is refused.
        refused_for(
            Feature::Floats,
            &format!("(func $f unreachable {operator} drop)"),
            &["`f`", operator, "fixed-point"],
        );
        refused_for(Feature::Floats, &format!("(func (drop ({ty}.load (i32.const 0))))"), &[&format!("{ty}.load")]);
    }
    refused_for(Feature::Floats, "(func unreachable i64.reinterpret_f64 drop)", &["i64.reinterpret_f64"]);
    refused_for(Feature::Floats, "(func unreachable f32.convert_i64_u drop)", &["f32.convert_i64_u"]);
}

#[test]
fn saturating_float_conversions() {
    refused_for(Feature::Floats, "(func unreachable i32.trunc_sat_f64_s drop)", &["i32.trunc_sat_f64_s"]);
}

#[test]
fn float_parameters_results_locals_globals_and_block_types() {
    refused_for(Feature::Floats, "(func $area (param f64))", &["function 0 `area` uses f64 as a parameter"]);
    refused_for(Feature::Floats, "(func $area (result f32) unreachable)", &["`area`", "f32"]);
    refused_for(Feature::Floats, "(type (func (param f64)))", &["type 0", "f64"]);
    refused_for(Feature::Floats, "(func $area (local f32))", &["`area`", "f32 as a local"]);
    refused_for(Feature::Floats, "(global f64 (f64.const 1))", &["global 0", "f64"]);
    refused_for(
        Feature::Floats,
        "(func $area (block (result f32) unreachable) drop)",
        &["`area`", "f32 as a block's result"],
    );
}

#[test]
fn simd() {
    refused_for(Feature::Simd, "(func $mix (drop (v128.const i64x2 1 2)))", &["`mix`", "v128.const", "+simd128"]);
    refused_for(Feature::Simd, "(func unreachable i32x4.add drop)", &["i32x4.add"]);
    refused_for(Feature::Simd, "(func unreachable i8x16.relaxed_swizzle drop)", &["i8x16.relaxed_swizzle"]);
    refused_for(Feature::Simd, "(func (local v128))", &["v128"]);
}

#[test]
fn threads() {
    let fields = "(func $spin (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))";
    refused_for(Feature::Threads, fields, &["`spin`", "i32.atomic.rmw_add", "+atomics"]);
    refused_for(Feature::Threads, "(func atomic.fence)", &["atomic.fence"]);
    refused_module_for(Feature::Threads, "(module (memory (export \"memory\") 1 2 shared))", &["the memory"]);
}

#[test]
fn memory64() {
    refused_module_for(Feature::Memory64, "(module (memory (export \"memory\") i64 1 2))", &["64-bit"]);
    refused_for(Feature::Memory64, "(table i64 1 1 funcref)", &["the table"]);
}

#[test]
fn multi_memory() {
    refused_module_for(Feature::MultiMemory, "(module (memory (export \"memory\") 1 2) (memory 1 2))", &["2 memories"]);
}

#[test]
fn custom_page_sizes() {
    refused_module_for(
        Feature::CustomPageSizes,
        "(module (memory (export \"memory\") 1 2 (pagesize 1)))",
        &["the memory"],
    );
}

#[test]
fn tail_calls() {
    refused_for(Feature::TailCalls, "(func $f (return_call $f))", &["`f`", "return_call", "+tail-call"]);
    refused_for(
        Feature::TailCalls,
        "(table 1 funcref) (type $t (func)) (func (return_call_indirect (type $t) (i32.const 0)))",
        &[],
    );
}

#[test]
fn garbage_collection() {
    refused_for(Feature::Gc, "(type (struct (field i32)))", &["type 0"]);
    refused_for(Feature::Gc, "(type (array i8))", &["type 0"]);
    refused_for(Feature::Gc, "(rec (type (func)) (type (func)))", &["recursive"]);
    refused_for(Feature::Gc, "(func (drop (ref.i31 (i32.const 1))))", &["ref.i31"]);
    refused_for(Feature::Gc, "(func (param anyref))", &[]);
}

#[test]
fn function_references() {
    refused_for(Feature::FunctionReferences, "(type $t (func)) (func (param (ref $t)))", &[]);
    refused_for(Feature::FunctionReferences, "(type $t (func)) (func unreachable (call_ref $t))", &["call_ref"]);
}

#[test]
fn reference_types() {
    refused_for(Feature::ReferenceTypes, "(func (param externref))", &["externref"]);
    refused_for(Feature::ReferenceTypes, "(func (local funcref))", &["funcref"]);
    refused_for(Feature::ReferenceTypes, "(global funcref (ref.null func))", &["funcref"]);
    refused_for(Feature::ReferenceTypes, "(func (drop (ref.null func)))", &["ref.null"]);
    refused_for(Feature::ReferenceTypes, "(func $f (export \"f\") (drop (ref.func $f)))", &["ref.func"]);
    refused_for(Feature::ReferenceTypes, "(table 1 externref)", &["externref"]);
    let typed_select = "(func (drop (select (result i32) (i32.const 1) (i32.const 1) (i32.const 1))))";
    refused_for(Feature::ReferenceTypes, typed_select, &["typed_select"]);
}

#[test]
fn table_instructions() {
    let table = |code: &str| format!("(table 1 1 funcref) (func $f {code})");
    for (code, name) in [
        ("(drop (table.get (i32.const 0)))", "table.get"),
        ("(table.set (i32.const 0) (ref.null func))", "ref.null"),
        ("(drop (table.size))", "table.size"),
        ("(drop (table.grow (unreachable) (i32.const 1)))", "table.grow"),
        ("(table.fill (i32.const 0) (unreachable) (i32.const 1))", "table.fill"),
        ("(table.copy (i32.const 0) (i32.const 0) (i32.const 1))", "table.copy"),
    ] {
        let feature = if name == "ref.null" { Feature::ReferenceTypes } else { Feature::TableInstructions };
        refused_for(feature, &table(code), &["`f`", name, "call_indirect"]);
    }
    // `table.init` and `elem.drop` need a passive segment, which is refused before any code is read.
    refused_for(
        Feature::ElementKinds,
        &table("(table.init 0 (i32.const 0) (i32.const 0) (i32.const 0))) (elem func"),
        &[],
    );
    refused_for(Feature::ElementKinds, &table("(elem.drop 0)) (elem func"), &["passive"]);
}

#[test]
fn element_kinds() {
    refused_for(Feature::ElementKinds, "(func $f) (elem func $f)", &["element segment 0", "passive"]);
    refused_for(Feature::ElementKinds, "(func $f) (elem declare func $f)", &["declared"]);
    refused_for(
        Feature::ElementKinds,
        "(table 1 funcref) (elem (i32.const 0) funcref (ref.null func))",
        &["expressions"],
    );
    refused_for(Feature::ElementKinds, "(table 1 funcref (ref.null func))", &["the table"]);
}

#[test]
fn exceptions() {
    refused_for(Feature::Exceptions, "(tag)", &["tag", "panic = \"abort\""]);
    refused_for(Feature::Exceptions, "(func $f (try_table))", &["`f`", "try_table"]);
    refused_for(Feature::Exceptions, "(func unreachable throw_ref)", &["throw_ref"]);
}

#[test]
fn wide_arithmetic() {
    refused_for(Feature::WideArithmetic, "(func unreachable i64.mul_wide_u drop drop)", &["i64.mul_wide_u"]);
}

#[test]
fn stack_switching() {
    refused_for(Feature::StackSwitching, "(type $f (func)) (type $c (cont $f)) (func)", &["continuation"]);
}

#[test]
fn components() {
    let error = refusal(b"\0asm\x0d\0\x01\0");
    assert!(matches!(error, ModuleError::Feature { feature: Feature::Components, .. }), "{error:?}");
}

#[test]
fn computed_initialisers() {
    let feature = Feature::ComputedInitialisers;
    refused_for(feature, "(global i32 (i32.add (i32.const 1) (i32.const 2)))", &["global 0", "i32.const"]);
    refused_for(feature, "(global $a i32 (i32.const 1)) (global i32 (global.get $a))", &["global 1", "global.get"]);
    refused_for(feature, "(global $a i32 (i32.const 1)) (data (global.get $a) \"x\")", &["data segment 0"]);
    refused_for(
        feature,
        "(table 9 funcref) (func $f) (global $a i32 (i32.const 1)) (elem (global.get $a) func $f)",
        &["element segment 0"],
    );
}

#[test]
fn start_sections() {
    let error = refusal(&with_memory("(func $main) (start $main)"));
    assert!(matches!(error, ModuleError::Start(_)));
    assert!(error.to_string().contains("`main`") && error.to_string().contains("init"), "{error}");
}

#[test]
fn imports_outside_the_list() {
    let import =
        |import: &str| refusal(&contract(&format!("(module (import {import}) (memory (export \"memory\") 1 1))")));
    let error = import("\"wasi_snapshot_preview1\" \"fd_write\" (func (param i32 i32 i32 i32) (result i32))");
    assert!(
        matches!(&error, ModuleError::UnknownImport { .. })
            && error.to_string().contains("wasi_snapshot_preview1.fd_write")
    );
    assert!(matches!(import("\"chancery_v1\" \"no_such\" (func)"), ModuleError::UnknownImport { .. }));
    assert!(matches!(import("\"chancery_v2\" \"input_len\" (func (result i32))"), ModuleError::UnknownImport { .. }));
    let error = import("\"chancery_v1\" \"input_len\" (func (result i64))");
    assert!(matches!(&error, ModuleError::ImportType { .. }));
    assert!(error.to_string().contains("() -> (i64)") && error.to_string().contains("() -> (i32)"), "{error}");
    assert!(matches!(import("\"chancery_v1\" \"input_read\" (func (param i32))"), ModuleError::ImportType { .. }));
    assert!(matches!(
        import("\"chancery_v1\" \"input_len\" (func (param i32) (result i32))"),
        ModuleError::ImportType { .. }
    ));
}

#[test]
fn all_host_functions_may_be_imported() {
    let ty = |ty: &chancery_abi::host::ValueType| if *ty == chancery_abi::host::ValueType::I32 { "i32" } else { "i64" };
    let imports: String = chancery_abi::host::HOST_FUNCTIONS
        .iter()
        .map(|function| {
            let parameters: Vec<_> = function.parameters.iter().map(ty).collect();
            let result = function.result.as_ref().map_or(String::new(), |result| format!("(result {})", ty(result)));
            format!("(import \"chancery_v1\" \"{}\" (func (param {}) {result}))", function.name, parameters.join(" "))
        })
        .collect();
    accepted(&contract(&format!("(module {imports} (memory (export \"memory\") 1 1))")));
}

#[test]
fn imports_that_are_not_functions() {
    for (kind, import) in [
        ("memory", "(memory 1 1)"),
        ("table", "(table 1 funcref)"),
        ("global", "(global (mut i64))"),
        ("global", "(global i32)"),
        ("tag", "(tag)"),
    ] {
        let error = refusal(&contract(&format!("(module (import \"chancery_v1\" \"input_len\" {import}))")));
        assert!(matches!(&error, ModuleError::ImportKind { kind: found, .. } if *found == kind), "{error:?}");
    }
}

#[test]
fn memories() {
    assert_eq!(refusal(&contract("(module)")), ModuleError::NoMemory);
    assert_eq!(refusal(&contract("(module (memory 1 1))")), ModuleError::MemoryNotExported);
    assert_eq!(refusal(&contract("(module (memory (export \"mem\") 1 1))")), ModuleError::MemoryNotExported);
    assert_eq!(
        refusal(&contract("(module (memory 1 1) (global (export \"memory\") i32 (i32.const 1)))")),
        ModuleError::MemoryNotExported
    );
    assert_eq!(refusal(&contract("(module (memory (export \"memory\") 1))")), ModuleError::MemoryUnbounded);
    accepted(&contract("(module (memory (export \"memory\") 0 256))"));
    refused_over(
        LimitKind::MemoryPages,
        &contract("(module (memory (export \"memory\") 0 257))"),
        limits::MEMORY_PAGES_MAX,
    );
    refused_over(
        LimitKind::MemoryPages,
        &contract("(module (memory (export \"memory\") 257 300))"),
        limits::MEMORY_PAGES_MAX,
    );
}

#[test]
fn names_of_the_instrumenter() {
    for name in [GAS_EXPORT, HEIGHT_EXPORT, "chancery.", "chancery.other"] {
        for field in ["(global (export \"NAME\") (mut i64) (i64.const 1))", "(func (export \"NAME\"))"] {
            let error = refusal(&with_memory(&field.replace("NAME", name)));
            assert_eq!(error, ModuleError::ReservedExport { name: name.to_owned() });
        }
    }
}

#[test]
fn segments_that_do_not_fit() {
    let outside = |fields: &str| {
        let error = refusal(&with_memory(fields));
        assert!(matches!(error, ModuleError::SegmentOutside { .. }), "{error:?}");
    };
    accepted(&with_memory("(data (i32.const 65535) \"x\")"));
    outside("(data (i32.const 65536) \"x\")");
    outside("(data (i32.const -1) \"xy\")");
    outside("(data (i32.const 65537) \"\")");
    accepted(&with_memory("(table 2 funcref) (func $f) (elem (i32.const 1) func $f)"));
    outside("(table 2 funcref) (func $f) (elem (i32.const 2) func $f)");
    outside("(table 2 funcref) (func $f) (elem (i32.const -1) func $f)");
}

#[test]
fn schemas() {
    let text = "(module (memory (export \"memory\") 1 1) (func (export \"call.a\")))";
    let plain = wat::parse_str(text).expect("text");
    assert_eq!(refusal(&plain), ModuleError::SchemaMissing);
    let with = |sections: &[&[u8]]| {
        let mut wasm = plain.clone();
        sections.iter().for_each(|section| append_section(&mut wasm, schema::SECTION, section));
        wasm
    };
    accepted(&with(&[&schema_of(&["a"])]));
    assert_eq!(refusal(&with(&[&schema_of(&["a"]), &schema_of(&["a"])])), ModuleError::SchemaTwice);
    assert!(matches!(refusal(&with(&[b""])), ModuleError::Schema(_)));
    assert!(matches!(refusal(&with(&[b"\x01\0\0\0\xff"])), ModuleError::Schema(_)));
    assert!(matches!(refusal(&with(&[&schema_of(&["a", "a"])])), ModuleError::Schema(_)));
    let error = refusal(&with(&[&schema_of(&["a", "b"])]));
    assert!(matches!(&error, ModuleError::MethodMissing { .. }) && error.to_string().contains("call.b"), "{error}");
    assert!(matches!(refusal(&with(&[&schema_of(&[])])), ModuleError::MethodUnknown { .. }));
}

#[test]
fn methods_of_another_kind() {
    let method = |fields: &str| refusal(&contract(&format!("(module (memory (export \"memory\") 1 1) {fields})")));
    assert!(matches!(method("(func (export \"call.a\") (param i32))"), ModuleError::MethodType { .. }));
    let error = method("(func (export \"call.a\") (result i64) (i64.const 1))");
    assert!(error.to_string().contains("() -> (i64)"), "{error}");
    assert!(matches!(method("(global (export \"call.a\") i32 (i32.const 1))"), ModuleError::MethodKind { .. }));
    let imported = "(module (import \"chancery_v1\" \"caller\" (func $f (param i32))) (memory (export \"memory\") 1 1) (export \"call.a\" (func $f)))";
    let mut wasm = wat::parse_str(imported).expect("text");
    append_section(&mut wasm, schema::SECTION, &schema_of(&["a"]));
    assert!(matches!(refusal(&wasm), ModuleError::MethodKind { .. }));
    let mut wasm =
        wat::parse_str("(module (memory (export \"memory\") 1 1) (func (export \"call.call.a\")))").expect("text");
    append_section(&mut wasm, schema::SECTION, &schema_of(&["a"]));
    assert!(matches!(refusal(&wasm), ModuleError::MethodUnknown { .. }));
}

#[test]
fn what_is_not_valid() {
    for (fields, function) in
        [("(func $f (drop (i32.add (i64.const 1) (i32.const 2))))", true), ("(func $f (result i32))", true)]
    {
        let error = refusal(&with_memory(fields));
        assert!(
            matches!(&error, ModuleError::Invalid { function: named, .. } if named.is_some() == function),
            "{error:?}"
        );
        assert!(error.to_string().contains("`f`"), "{error}");
    }
    assert!(matches!(refusal(b""), ModuleError::Invalid { .. }));
    assert!(matches!(refusal(b"\0asm\x02\0\0\0"), ModuleError::Invalid { .. }));
    assert!(matches!(refusal(b"#!/bin/sh"), ModuleError::Invalid { .. }));
}

#[test]
fn names_of_functions_are_cut_and_cleaned() {
    let name = format!("\\1b[31m{}", "x".repeat(500));
    let error = refusal(&with_memory(&format!("(func (export \"{name}\") (local f32))"))).to_string();
    assert!(
        error.contains("`\u{fffd}[31mxxx") && error.contains("…`") && !error.contains('\u{1b}') && error.len() < 400,
        "{error}"
    );
}

#[test]
fn nothing_outside_the_list_is_on() {
    let on = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::BULK_MEMORY_OPT
        | WasmFeatures::CALL_INDIRECT_OVERLONG;
    assert_eq!(crate::module::validate::FEATURES, on);
}

#[test]
fn limit_on_code() {
    let mut wasm = with_memory("");
    let room = limits::CODE_BYTES_MAX - wasm.len() - 7;
    append_section(&mut wasm, "x", &vec![0; room]);
    assert!((limits::CODE_BYTES_MAX - 2..=limits::CODE_BYTES_MAX).contains(&wasm.len()), "{}", wasm.len());
    accepted(&wasm);
    append_section(&mut wasm, "y", b"123456");
    refused_over(LimitKind::CodeBytes, &wasm, limits::CODE_BYTES_MAX as u64);
}

/// The last number that is accepted and the first that is refused, for limits that one repeated text reaches.
fn at_the_limit(kind: LimitKind, limit: u64, make: impl Fn(usize) -> String) {
    accepted(&with_memory(&make(limit as usize)));
    refused_over(kind, &with_memory(&make(limit as usize + 1)), limit);
}

#[test]
fn limits_of_a_module() {
    at_the_limit(LimitKind::Functions, limits::FUNCTIONS_MAX.into(), |n| "(func)".repeat(n));
    at_the_limit(LimitKind::Types, limits::TYPES_MAX.into(), |n| "(type (func))".repeat(n));
    at_the_limit(LimitKind::Globals, limits::GLOBALS_MAX.into(), |n| "(global i32 (i32.const 1))".repeat(n));
    at_the_limit(LimitKind::DataSegments, limits::SEGMENTS_MAX.into(), |n| "(data (i32.const 0) \"\")".repeat(n));
    at_the_limit(LimitKind::ElementSegments, limits::SEGMENTS_MAX.into(), |n| {
        format!("(table 1 funcref) {}", "(elem (i32.const 0) func)".repeat(n))
    });
    at_the_limit(LimitKind::TableElements, limits::TABLE_ELEMENTS_MAX, |n| format!("(table {n} funcref)"));
    at_the_limit(LimitKind::Tables, limits::TABLES_MAX.into(), |n| "(table 1 funcref)".repeat(n));
    // The memory's own export is one of them.
    let exports = |n: usize| (1..n).map(|i| format!("(func (export \"f{i}\"))")).collect();
    at_the_limit(LimitKind::Exports, limits::EXPORTS_MAX.into(), exports);
    let imports = |n: usize| {
        let import = "(import \"chancery_v1\" \"input_len\" (func (result i32)))";
        contract(&format!("(module {} (memory (export \"memory\") 1 1))", import.repeat(n)))
    };
    accepted(&imports(limits::IMPORTS_MAX as usize));
    refused_over(LimitKind::Imports, &imports(limits::IMPORTS_MAX as usize + 1), limits::IMPORTS_MAX.into());
}

#[test]
fn limits_of_a_function() {
    at_the_limit(LimitKind::Parameters, limits::PARAMETERS_MAX as u64, |n| {
        format!("(func (param {}))", "i64 ".repeat(n))
    });
    at_the_limit(LimitKind::Results, limits::RESULTS_MAX as u64, |n| {
        format!("(func (result {}) unreachable)", "i64 ".repeat(n))
    });
    at_the_limit(LimitKind::Locals, limits::LOCALS_MAX.into(), |n| format!("(func (local {}))", "i64 ".repeat(n)));
    at_the_limit(LimitKind::Blocks, limits::BLOCKS_MAX.into(), |n| format!("(func {})", "(block)".repeat(n)));
    at_the_limit(LimitKind::BlockDepth, limits::BLOCK_DEPTH_MAX.into(), |n| {
        format!("(func {} {})", "block ".repeat(n), "end ".repeat(n))
    });
    let targets = |n: usize| format!("(func (br_table {} 0 (i32.const 0)))", "0 ".repeat(n));
    at_the_limit(LimitKind::BranchTargets, limits::BRANCH_TARGETS_MAX.into(), targets);
    // A body is a count of locals, its code and an end.
    at_the_limit(LimitKind::BodyBytes, limits::BODY_BYTES_MAX as u64, |n| format!("(func {})", "nop ".repeat(n - 2)));
    let error = refusal(&with_memory(&format!("(func $wide (local {}))", "i64 ".repeat(101))));
    assert_eq!(
        error.to_string(),
        "function 0 `wide` has 101 locals, of which at most 100 are allowed; split the function, or mark what is inlined into it `#[inline(never)]`"
    );
    assert!(matches!(error, ModuleError::Limit { place: Place::Function(_), .. }));
}

#[test]
fn frames_that_could_never_run() {
    let many = "(func $many (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) unreachable)";
    let fields = format!("{many} (func $wide {} unreachable)", "call $many ".repeat(4_200));
    refused_over(LimitKind::FrameSlots, &with_memory(&fields), limits::STACK_SLOTS_MAX.into());
}

#[test]
fn counts_that_lie_are_not_believed() {
    // Counts far beyond the bytes that follow must not be believed.
    for id in 1..=12u8 {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.extend([id, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        check(&wasm).expect_err("the section is refused");
    }
}
