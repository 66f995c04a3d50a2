//! Modules that must not get onto a chain: every WebAssembly feature outside the allow-list, every limit, and exports
//! named like the instrumenter's own. Each is deployed in a signed transaction, is refused in its receipt, costs gas and
//! leaves no contract behind.

use chancery_abi::{ExecutionRefusal, Outcome, limits, schema::MethodKind};
use chancery_runtime::module::{CheckedModule, Feature, GAS_EXPORT, HEIGHT_EXPORT, LimitKind, ModuleError};
use chancery_tests::{Chain, module};

const GO: &[(&str, MethodKind)] = &[("go", MethodKind::Call)];

/// A contract with these fields beside its one method.
fn with(fields: &str) -> Vec<u8> {
    module(&format!(r#"(module (memory (export "memory") 1 1) (func (export "call.go")) {fields})"#), GO)
}

/// A contract whose memory is another one.
fn with_memory(memory: &str) -> Vec<u8> {
    module(&format!(r#"(module {memory} (func (export "call.go")))"#), GO)
}

/// Deploys a module that must be refused, shows that it left nothing, and says why it is.
fn refused(chain: &mut Chain, code: Vec<u8>, case: &str) -> ModuleError {
    let why = CheckedModule::check(&code).err().unwrap_or_else(|| panic!("{case}: the module is accepted"));
    let receipt = chain.deploy("hostile", code, Vec::new());
    assert_eq!(receipt.outcome, Outcome::Refused { reason: ExecutionRefusal::InvalidModule }, "{case}: {why}");
    assert!(receipt.gas_used > 0, "{case}");
    let asked = chain.query("hostile", "go", &()).outcome;
    assert_eq!(asked, Outcome::Refused { reason: ExecutionRefusal::UnknownContract }, "{case}");
    why
}

/// Modules that use a feature. A feature that is added to the list does not compile until it has some here.
fn modules_with(feature: Feature) -> Vec<Vec<u8>> {
    match feature {
        Feature::Floats => vec![
            with("(func (drop (f64.add (f64.const 1) (f64.const 2))))"),
            with("(func (param f32))"),
            with("(func unreachable i32.trunc_sat_f64_s drop)"),
            with("(global f64 (f64.const 1))"),
        ],
        Feature::Simd => vec![
            with("(func unreachable i32x4.add drop)"),
            with("(func unreachable i8x16.relaxed_swizzle drop)"),
            with("(func (local v128))"),
        ],
        Feature::Threads => vec![
            with("(func (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))"),
            with("(func atomic.fence)"),
            with_memory(r#"(memory (export "memory") 1 2 shared)"#),
        ],
        Feature::Memory64 => {
            vec![with_memory(r#"(memory (export "memory") i64 1 2)"#), with("(table i64 1 1 funcref)")]
        }
        Feature::MultiMemory => vec![with("(memory 1 2)")],
        Feature::CustomPageSizes => vec![with_memory(r#"(memory (export "memory") 1 2 (pagesize 1))"#)],
        Feature::MemoryControl => vec![with("(func (memory.discard (i32.const 0) (i32.const 1)))")],
        Feature::TailCalls => vec![
            with("(func $f (return_call $f))"),
            with("(table 1 funcref) (type $t (func)) (func (return_call_indirect (type $t) (i32.const 0)))"),
        ],
        Feature::Gc => vec![
            with("(type (struct (field i32)))"),
            with("(rec (type (func)) (type (func)))"),
            with("(func (drop (ref.i31 (i32.const 1))))"),
        ],
        Feature::FunctionReferences => vec![
            with("(type $t (func)) (func (param (ref $t)))"),
            with("(type $t (func)) (func unreachable (call_ref $t))"),
        ],
        Feature::ReferenceTypes => vec![
            with("(func (param externref))"),
            with("(func (drop (ref.null func)))"),
            with("(table 1 externref)"),
            with("(func (drop (select (result i32) (i32.const 1) (i32.const 1) (i32.const 1))))"),
        ],
        Feature::TableInstructions => vec![
            with("(table 1 1 funcref) (func (drop (table.get (i32.const 0))))"),
            with("(table 1 1 funcref) (func (drop (table.size)))"),
            with("(table 1 1 funcref) (func (drop (table.grow (unreachable) (i32.const 1))))"),
            with("(table 1 1 funcref) (func (table.fill (i32.const 0) (unreachable) (i32.const 1)))"),
            with("(table 1 1 funcref) (func (table.copy (i32.const 0) (i32.const 0) (i32.const 1)))"),
        ],
        Feature::ElementKinds => vec![
            with("(func $f) (elem func $f)"),
            with("(func $f) (elem declare func $f)"),
            with("(table 1 funcref) (elem (i32.const 0) funcref (ref.null func))"),
        ],
        Feature::Exceptions => {
            vec![with("(tag)"), with("(func (try_table))"), with("(func unreachable throw_ref)")]
        }
        Feature::StackSwitching => vec![with("(type $f (func)) (type (cont $f))")],
        Feature::WideArithmetic => vec![with("(func unreachable i64.mul_wide_u drop drop)")],
        Feature::ComputedInitialisers => vec![
            with("(global i32 (i32.add (i32.const 1) (i32.const 2)))"),
            with("(global $a i32 (i32.const 1)) (data (global.get $a) \"x\")"),
        ],
        Feature::Components => vec![b"\0asm\x0d\0\x01\0".to_vec()],
        // What no text of today can say; the strict reading refuses what the parser does not know.
        Feature::Unknown => Vec::new(),
    }
}

#[test]
fn each_feature_outside_the_list() {
    let features = [
        Feature::Floats,
        Feature::Simd,
        Feature::Threads,
        Feature::Memory64,
        Feature::MultiMemory,
        Feature::CustomPageSizes,
        Feature::MemoryControl,
        Feature::TailCalls,
        Feature::Gc,
        Feature::FunctionReferences,
        Feature::ReferenceTypes,
        Feature::TableInstructions,
        Feature::ElementKinds,
        Feature::Exceptions,
        Feature::StackSwitching,
        Feature::WideArithmetic,
        Feature::ComputedInitialisers,
        Feature::Components,
    ];
    let mut chain = Chain::new();
    for feature in features {
        let modules = modules_with(feature);
        assert!(!modules.is_empty(), "{feature:?} has no module");
        for (case, code) in modules.into_iter().enumerate() {
            let why = refused(&mut chain, code, &format!("{feature:?} {case}"));
            assert!(matches!(&why, ModuleError::Feature { feature: found, .. } if *found == feature), "{why:?}");
        }
    }
}

/// The first module over a limit, and the limit.
fn over(kind: LimitKind) -> (Vec<u8>, u64) {
    let repeated = |limit: u64, text: &str| (with(&text.repeat(limit as usize + 1)), limit);
    let body = |limit: u64, text: &str| (with(&format!("(func {})", text.repeat(limit as usize + 1))), limit);
    match kind {
        LimitKind::CodeBytes => unreachable!("a transaction with so much code is refused before it is in a block"),
        LimitKind::Functions => repeated(limits::FUNCTIONS_MAX.into(), "(func)"),
        LimitKind::Types => repeated(limits::TYPES_MAX.into(), "(type (func))"),
        LimitKind::Globals => repeated(limits::GLOBALS_MAX.into(), "(global i32 (i32.const 1))"),
        LimitKind::DataSegments => repeated(limits::SEGMENTS_MAX.into(), "(data (i32.const 0) \"\")"),
        LimitKind::ElementSegments => {
            let segments = "(elem (i32.const 0) func)".repeat(limits::SEGMENTS_MAX as usize + 1);
            (with(&format!("(table 1 funcref) {segments}")), limits::SEGMENTS_MAX.into())
        }
        LimitKind::Tables => repeated(limits::TABLES_MAX.into(), "(table 1 funcref)"),
        LimitKind::TableElements => {
            let table = format!("(table {} funcref)", limits::TABLE_ELEMENTS_MAX + 1);
            (with(&table), limits::TABLE_ELEMENTS_MAX)
        }
        LimitKind::Memories => unreachable!("a second memory is a feature, and refused as one"),
        LimitKind::MemoryPages => {
            let memory = format!(r#"(memory (export "memory") 1 {})"#, limits::MEMORY_PAGES_MAX + 1);
            (with_memory(&memory), limits::MEMORY_PAGES_MAX)
        }
        LimitKind::Exports => {
            let exports: String = (0..limits::EXPORTS_MAX).map(|n| format!("(func (export \"f{n}\"))")).collect();
            (with(&exports), limits::EXPORTS_MAX.into())
        }
        LimitKind::Imports => {
            let import = r#"(import "chancery_v1" "input_len" (func (result i32)))"#;
            let imports = import.repeat(limits::IMPORTS_MAX as usize + 1);
            let memory = format!(r#"{imports} (memory (export "memory") 1 1)"#);
            (with_memory(&memory), limits::IMPORTS_MAX.into())
        }
        LimitKind::BodyBytes => body(limits::BODY_BYTES_MAX as u64, "nop "),
        LimitKind::Locals => body(limits::LOCALS_MAX.into(), "(local i64)"),
        LimitKind::Blocks => body(limits::BLOCKS_MAX.into(), "(block)"),
        LimitKind::BlockDepth => {
            let depth = limits::BLOCK_DEPTH_MAX as usize + 1;
            let function = format!("(func {} {})", "block ".repeat(depth), "end ".repeat(depth));
            (with(&function), limits::BLOCK_DEPTH_MAX.into())
        }
        LimitKind::BranchTargets => {
            let targets = "0 ".repeat(limits::BRANCH_TARGETS_MAX as usize + 1);
            (with(&format!("(func (br_table {targets} 0 (i32.const 0)))")), limits::BRANCH_TARGETS_MAX.into())
        }
        LimitKind::Parameters => {
            let types = "i64 ".repeat(limits::PARAMETERS_MAX + 1);
            (with(&format!("(func (param {types}))")), limits::PARAMETERS_MAX as u64)
        }
        LimitKind::Results => {
            let types = "i64 ".repeat(limits::RESULTS_MAX + 1);
            (with(&format!("(func (result {types}) unreachable)")), limits::RESULTS_MAX as u64)
        }
        LimitKind::FrameSlots => {
            let results = "i64 ".repeat(limits::RESULTS_MAX);
            let wide = "call $many ".repeat(limits::STACK_SLOTS_MAX as usize / limits::RESULTS_MAX);
            let fields = format!("(func $many (result {results}) unreachable) (func {wide} unreachable)");
            (with(&fields), limits::STACK_SLOTS_MAX.into())
        }
    }
}

#[test]
fn each_limit_of_a_module() {
    let kinds = [
        LimitKind::Functions,
        LimitKind::BodyBytes,
        LimitKind::Locals,
        LimitKind::Blocks,
        LimitKind::BlockDepth,
        LimitKind::BranchTargets,
        LimitKind::Types,
        LimitKind::Parameters,
        LimitKind::Results,
        LimitKind::Tables,
        LimitKind::TableElements,
        LimitKind::MemoryPages,
        LimitKind::Globals,
        LimitKind::Exports,
        LimitKind::DataSegments,
        LimitKind::ElementSegments,
        LimitKind::Imports,
        LimitKind::FrameSlots,
    ];
    let mut chain = Chain::new();
    for kind in kinds {
        let (code, expected) = over(kind);
        match refused(&mut chain, code, &format!("{kind:?}")) {
            ModuleError::Limit { kind: found, limit, .. } => assert_eq!((found, limit), (kind, expected)),
            other => panic!("{kind:?}: {other:?}"),
        }
    }
}

#[test]
fn more_code_than_a_transaction_may_carry() {
    let mut chain = Chain::new();
    let code = vec![0; limits::CODE_BYTES_MAX + 1];
    assert!(matches!(CheckedModule::check(&code), Err(ModuleError::Limit { kind: LimitKind::CodeBytes, .. })));
    let deploy = chancery_abi::Deploy {
        department: chancery_tests::name("judicial"),
        name: chancery_tests::name("hostile"),
        code,
        input: Vec::new(),
    };
    let body = chain.department.body(chancery_abi::Payload::Deploy(deploy));
    let transaction = chain.department.sign(&chain.rules, body);
    assert_eq!(super::refusal(&mut chain, transaction).code(), "too_large");
}

#[test]
fn names_that_collide_with_the_instrumenters() {
    let mut chain = Chain::new();
    for name in [GAS_EXPORT, HEIGHT_EXPORT, "chancery.", "chancery.other"] {
        for field in [
            r#"(global (export "NAME") (mut i64) (i64.const 1))"#,
            r#"(func (export "NAME"))"#,
            r#"(table (export "NAME") 1 funcref)"#,
            r#"(export "NAME" (memory 0))"#,
        ] {
            let why = refused(&mut chain, with(&field.replace("NAME", name)), name);
            assert_eq!(why, ModuleError::ReservedExport { name: name.to_owned() });
        }
    }
    // Nor can the counters be imported, under any module's name.
    for import in [r#""chancery_v1" "chancery.gas""#, r#""chancery" "gas""#, r#""" "chancery.height""#] {
        let text = format!(r#"(import {import} (global (mut i64))) (memory (export "memory") 1 1)"#);
        let why = refused(&mut chain, with_memory(&text), import);
        assert!(matches!(why, ModuleError::ImportKind { kind: "global", .. }), "{why:?}");
    }
}

/// A contract with as many globals as it may have, of the counters' types, all of which it overwrites, is metered like
/// any other: the counters are globals of its instance too, and it has no index for them.
#[test]
fn a_contract_that_overwrites_every_global_it_has_is_still_metered() {
    let globals: String = (0..limits::GLOBALS_MAX).map(|_| "(global (mut i64) (i64.const 0))").collect();
    let writes: String =
        (0..limits::GLOBALS_MAX).map(|n| format!("(global.set {n} (i64.const 0x7fffffffffffffff))")).collect();
    let text = format!(
        r#"(module {globals} (memory (export "memory") 1 1) (func (export "call.go") {writes} (loop (br 0))))"#
    );
    let mut chain = Chain::new();
    assert!(chain.deploy("hostile", module(&text, GO), Vec::new()).outcome.is_done());
    let receipt = chain.call_with_gas(&mut chancery_tests::Account::new(9), "hostile", "go", &(), 50_000_000);
    assert_eq!(super::class(&receipt), Some(chancery_abi::TrapClass::OutOfGas));
    assert_eq!(receipt.gas_used, 50_000_000);
    // One more index is the gas counter's, and does not exist for the source.
    let beyond = format!("{globals} (func (global.set {} (i64.const 1)))", limits::GLOBALS_MAX);
    let text = format!(r#"(module (memory (export "memory") 1 1) (func (export "call.go")) {beyond})"#);
    let why = refused(&mut Chain::new(), module(&text, GO), "an index beyond");
    assert!(matches!(why, ModuleError::Invalid { .. }), "{why:?}");
}
