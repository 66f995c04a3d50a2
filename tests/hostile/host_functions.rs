//! Hostile pointers and lengths, in every host function of the list: each pointer beyond the memory's end in every way,
//! each length over its limit. A host function that is added to the list fails here until it has its cases.

use chancery_abi::{
    Ident, TrapClass,
    host::{HOST_FUNCTIONS, HostFunction, MODULE, ValueType},
    limits,
    schema::MethodKind,
};
use chancery_tests::{Account, Chain, module};

/// Where everything that the good calls point to lies.
const MEMORY: &str = r#"(memory (export "memory") 1 1) (data (i32.const 0) "\0cput\00\00")
    (data (i32.const 200) "\04x") (data (i32.const 234) "\04m")"#;
const MEMORY_BYTES: i64 = 65_536;
/// Writes four bytes under the slot key of one byte, and keeps them as a result.
const BEFORE: &str = "(call $storage_set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4))
    (drop (call $storage_get (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)))";

/// How a host function is called well, and where it can be called badly.
struct Case {
    name: &'static str,
    good: &'static [i64],
    /// A parameter that points to so many bytes.
    pointers: &'static [(usize, i64)],
    /// A parameter that takes no such number, and what it gets.
    numbers: &'static [(usize, i64, TrapClass)],
}

const fn case(
    name: &'static str,
    good: &'static [i64],
    pointers: &'static [(usize, i64)],
    numbers: &'static [(usize, i64, TrapClass)],
) -> Case {
    Case { name, good, pointers, numbers }
}

use TrapClass::{HostMisuse, OutOfGas};

const KEY_MORE: i64 = limits::SLOT_KEY_BYTES_MAX as i64 + 1;
const DATA_MORE: i64 = limits::CALL_DATA_BYTES_MAX as i64 + 1;
const VALUE_MORE: i64 = limits::VALUE_BYTES_MAX as i64 + 1;
const EVENT_MORE: i64 = limits::EVENT_BYTES_MAX as i64 + 1;
const ERROR_MORE: i64 = limits::ERROR_DATA_BYTES_MAX as i64 + 1;
const ENTRIES_MORE: i64 = limits::PAGE_ENTRIES_MAX as i64 + 1;
const NAME_MORE: i64 = Ident::BYTES_MAX as i64 + 1;

/// The input of every call is four bytes long, and so is the kept result.
const CASES: &[Case] = &[
    case("input_len", &[], &[], &[]),
    case("input_read", &[0, 4], &[(0, 4)], &[(1, 5, HostMisuse), (1, 3, HostMisuse), (1, -1, OutOfGas)]),
    case("result_len", &[], &[], &[]),
    case("result_read", &[0, 4], &[(0, 4)], &[(1, 5, HostMisuse), (1, 3, HostMisuse), (1, -1, OutOfGas)]),
    case("output", &[0, 100], &[(0, 100)], &[(1, DATA_MORE, HostMisuse), (1, -1, OutOfGas)]),
    case("fail", &[7, 0, 100], &[(1, 100)], &[(2, ERROR_MORE, HostMisuse), (2, -1, OutOfGas)]),
    case("caller", &[0], &[(0, 32)], &[]),
    case("this", &[0], &[(0, 32)], &[]),
    case("signer", &[0], &[(0, 32)], &[]),
    case("transaction", &[0], &[(0, 32)], &[]),
    // The chain's name has four bytes; a buffer that claims to be endless is written no further.
    case("chain", &[0, -1], &[(0, 4)], &[]),
    case("height", &[], &[], &[]),
    case("time_ms", &[], &[], &[]),
    case("gas_left", &[], &[], &[]),
    case(
        "storage_get",
        &[0, 1, 0, -1],
        &[(0, 1), (2, 4)],
        &[(1, 0, HostMisuse), (1, KEY_MORE, HostMisuse), (1, -1, OutOfGas)],
    ),
    case("storage_has", &[0, 1], &[(0, 1)], &[(1, 0, HostMisuse), (1, KEY_MORE, HostMisuse), (1, -1, OutOfGas)]),
    case(
        "storage_set",
        &[0, 1, 0, 9],
        &[(0, 1), (2, 9)],
        &[
            (1, 0, HostMisuse),
            (1, KEY_MORE, HostMisuse),
            (1, -1, OutOfGas),
            (3, VALUE_MORE, HostMisuse),
            (3, -1, OutOfGas),
        ],
    ),
    case("storage_remove", &[0, 1], &[(0, 1)], &[(1, 0, HostMisuse), (1, KEY_MORE, HostMisuse), (1, -1, OutOfGas)]),
    case(
        "storage_page",
        &[0, 1, 0, 1, 3],
        &[(0, 1), (2, 1)],
        &[
            (1, KEY_MORE, HostMisuse),
            (1, -1, OutOfGas),
            (3, KEY_MORE, HostMisuse),
            (3, -1, OutOfGas),
            (4, ENTRIES_MORE, HostMisuse),
            (4, -1, HostMisuse),
        ],
    ),
    case(
        "emit",
        &[0, 6],
        &[(0, 6)],
        &[(1, EVENT_MORE, HostMisuse), (1, 5, HostMisuse), (1, 7, HostMisuse), (1, 0, HostMisuse), (1, -1, OutOfGas)],
    ),
    // The contract at the zero address does not exist, which the caller learns and survives.
    case(
        "call",
        &[100, 1, 3, 0, 8, -1],
        &[(0, 32), (1, 3), (3, 8)],
        &[(2, NAME_MORE, HostMisuse), (2, -1, OutOfGas), (4, DATA_MORE, HostMisuse), (4, -1, OutOfGas)],
    ),
    case("sha256", &[0, 100, 0], &[(0, 100), (2, 32)], &[(1, -1, OutOfGas)]),
    case("verify_ed25519", &[0, 0, 0, 100], &[(0, 32), (1, 64), (2, 100)], &[(3, -1, OutOfGas)]),
    case("verify_p256", &[0, 0, 0, 100], &[(0, 33), (1, 64), (2, 100)], &[(3, -1, OutOfGas)]),
    case("beacon", &[1, 0], &[(1, 32)], &[]),
    case("has_role", &[0, 5], &[(0, 5)], &[(1, KEY_MORE, HostMisuse), (1, -1, OutOfGas)]),
    // A message to a chain that does not exist, which the caller learns and survives.
    case(
        "send",
        &[200, 54],
        &[(0, 54)],
        &[(1, DATA_MORE, HostMisuse), (1, 53, HostMisuse), (1, 55, HostMisuse), (1, 0, HostMisuse), (1, -1, OutOfGas)],
    ),
    case("arrived", &[], &[], &[]),
    case("mainchain_height", &[], &[], &[]),
    // A mainchain has none, so nothing is written.
    case("mainchain", &[-1, -1], &[], &[]),
    // What proves nothing is no entry.
    case("mainchain_entry", &[0, 100], &[(0, 100)], &[(1, DATA_MORE, HostMisuse), (1, -1, OutOfGas)]),
    case("expect_beacon", &[1], &[], &[]),
];

/// A contract whose methods `m0`, `m1`, ... make the calls, one each.
fn contract(calls: &[(&Case, Vec<i64>)]) -> Vec<u8> {
    let imports: String = HOST_FUNCTIONS.iter().map(import).collect();
    let methods: String = (0..)
        .zip(calls)
        .map(|(index, (case, arguments)): (usize, _)| {
            format!(r#"(func (export "call.m{index}") {BEFORE} {})"#, call(case, arguments))
        })
        .collect();
    let names: Vec<String> = (0..calls.len()).map(|index| format!("m{index}")).collect();
    let names: Vec<_> = names.iter().map(|name| (name.as_str(), MethodKind::Call)).collect();
    module(&format!("(module {imports} {MEMORY} {methods})"), &names)
}

fn text(ty: &ValueType) -> &'static str {
    match ty {
        ValueType::I32 => "i32",
        ValueType::I64 => "i64",
    }
}

fn import(function: &HostFunction) -> String {
    let parameters: Vec<_> = function.parameters.iter().map(text).collect();
    let result = function.result.as_ref().map_or(String::new(), |ty| format!("(result {})", text(ty)));
    let (name, parameters) = (function.name, parameters.join(" "));
    format!("(import \"{MODULE}\" \"{name}\" (func ${name} (param {parameters}) {result}))")
}

fn call(case: &Case, arguments: &[i64]) -> String {
    let function = chancery_abi::host::host_function(case.name).expect("the case is of a host function");
    assert_eq!(function.parameters.len(), arguments.len(), "{}", case.name);
    let constants = function.parameters.iter().zip(arguments);
    let constants: String = constants.map(|(ty, value)| format!("({}.const {value})", text(ty))).collect();
    let call = format!("(call ${} {constants})", case.name);
    if function.result.is_some() { format!("(drop {call})") } else { call }
}

/// What each call of `calls` ends with.
fn classes(calls: &[(&Case, Vec<i64>)]) -> Vec<Option<TrapClass>> {
    let mut chain = Chain::new();
    let deployed = chain.deploy("hostile", contract(calls), Vec::new());
    assert!(deployed.outcome.is_done(), "{:?}", deployed.outcome);
    let mut account = Account::new(9);
    let mut call = |index: usize| {
        let receipt = chain.call_with_gas(&mut account, "hostile", &format!("m{index}"), &[1u8; 4], 50_000_000);
        super::class(&receipt)
    };
    (0..calls.len()).map(&mut call).collect()
}

fn replaced(case: &Case, parameter: usize, value: i64) -> Vec<i64> {
    let mut arguments = case.good.to_vec();
    arguments[parameter] = value;
    arguments
}

#[test]
fn the_cases_are_the_list_and_their_good_calls_are_good() {
    let names: Vec<_> = HOST_FUNCTIONS.iter().map(|function| function.name).collect();
    assert_eq!(CASES.iter().map(|case| case.name).collect::<Vec<_>>(), names);
    let calls: Vec<_> = CASES.iter().map(|case| (case, case.good.to_vec())).collect();
    for ((case, _), class) in calls.iter().zip(classes(&calls)) {
        assert_eq!(class, None, "{}", case.name);
    }
}

#[test]
fn hostile_pointers_in_every_host_function() {
    let mut calls = Vec::new();
    for case in CASES {
        for &(parameter, bytes) in case.pointers {
            // One byte too far, at the end, at the top, and where adding the length wraps round to the beginning.
            for pointer in [MEMORY_BYTES - bytes + 1, MEMORY_BYTES, -1, -bytes, i64::from(i32::MIN)] {
                calls.push((case, replaced(case, parameter, pointer)));
            }
            // The last place where it fits is good, which shows that nothing less is refused.
            if !["emit", "send"].contains(&case.name) {
                calls.push((case, replaced(case, parameter, MEMORY_BYTES - bytes)));
            }
        }
    }
    assert!(calls.len() > 150, "{} calls", calls.len());
    for ((case, arguments), class) in calls.iter().zip(classes(&calls)) {
        let fits = case.pointers.iter().all(|&(parameter, bytes)| {
            let pointer = arguments[parameter];
            (0..=MEMORY_BYTES - bytes).contains(&pointer)
        });
        let expected = if fits { None } else { Some(TrapClass::MemoryOutOfBounds) };
        assert_eq!(class, expected, "{} {arguments:?}", case.name);
    }
}

#[test]
fn hostile_lengths_in_every_host_function() {
    let mut calls = Vec::new();
    let mut expected = Vec::new();
    for case in CASES {
        for &(parameter, number, class) in case.numbers {
            calls.push((case, replaced(case, parameter, number)));
            expected.push(Some(class));
        }
    }
    assert!(calls.len() > 30, "{} calls", calls.len());
    for (((case, arguments), found), expected) in calls.iter().zip(classes(&calls)).zip(expected) {
        assert_eq!(found, expected, "{} {arguments:?}", case.name);
    }
}
