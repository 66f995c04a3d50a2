//! The operations that are measured, as text of Wasm.
//!
//! Locals: `$i` counts the rounds down, `$x` and `$y` are numbers, `$p` is an address. Memory: 0 to 32 is a key that
//! differs in each round, 32 to 64 an address, 64 to 128 names, 256 to 16 KiB an event, and from 64 KiB on there is room.

use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use p256::ecdsa::signature::Signer as _;

/// One operation.
pub(crate) struct Operation {
    /// What it is.
    pub(crate) name: &'static str,
    /// What a round does, `repeats` times.
    pub(crate) body: &'static str,
    /// How often the body stands in the loop.
    pub(crate) repeats: u64,
    /// Rounds of the loop.
    pub(crate) rounds: u64,
    /// What comes before the loop.
    pub(crate) before: &'static str,
    /// The call's input.
    pub(crate) input: Vec<u8>,
}

/// What the module has beside the operations: imports, memory, a table, two small functions.
pub(crate) const MEMORY: &str = r#"
    (import "chancery_v1" "input_len" (func $input_len (result i32)))
    (import "chancery_v1" "input_read" (func $input_read (param i32 i32)))
    (import "chancery_v1" "result_len" (func $result_len (result i32)))
    (import "chancery_v1" "result_read" (func $result_read (param i32 i32)))
    (import "chancery_v1" "output" (func $output (param i32 i32)))
    (import "chancery_v1" "caller" (func $caller (param i32)))
    (import "chancery_v1" "this" (func $this (param i32)))
    (import "chancery_v1" "signer" (func $signer (param i32)))
    (import "chancery_v1" "transaction" (func $transaction (param i32)))
    (import "chancery_v1" "chain" (func $chain (param i32 i32) (result i32)))
    (import "chancery_v1" "height" (func $height (result i64)))
    (import "chancery_v1" "time_ms" (func $time_ms (result i64)))
    (import "chancery_v1" "gas_left" (func $gas_left (result i64)))
    (import "chancery_v1" "storage_get" (func $get (param i32 i32 i32 i32) (result i32)))
    (import "chancery_v1" "storage_has" (func $has (param i32 i32) (result i32)))
    (import "chancery_v1" "storage_set" (func $set (param i32 i32 i32 i32)))
    (import "chancery_v1" "storage_remove" (func $remove (param i32 i32) (result i32)))
    (import "chancery_v1" "storage_page" (func $page (param i32 i32 i32 i32 i32) (result i32)))
    (import "chancery_v1" "emit" (func $emit (param i32 i32)))
    (import "chancery_v1" "call" (func $call (param i32 i32 i32 i32 i32 i64) (result i32)))
    (import "chancery_v1" "sha256" (func $sha256 (param i32 i32 i32)))
    (import "chancery_v1" "verify_ed25519" (func $verify (param i32 i32 i32 i32) (result i32)))
    (import "chancery_v1" "verify_p256" (func $verify_p256 (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 4 256)
    (data (i32.const 64) "nothing")
    (data (i32.const 80) "trap")
    (data (i32.const 256) "\04a\00\01\01")
    (data (i32.const 512) "\04a\00\01\fa")
    (global $g (mut i64) (i64.const 1))
    (type $number (func (param i64) (result i64)))
    (table 4 funcref)
    (elem (i32.const 0) $one $two $one $two)
    (func $one (type $number) (local.get 0))
    (func $two (type $number) (i64.add (local.get 0) (i64.const 3)))
"#;

/// Rounds of loops of instructions.
const ROUNDS: u64 = 50_000;
/// How often an instruction stands in its loop.
const UNROLLED: u64 = 32;
/// Rounds of loops of host functions.
const CALLS: u64 = 10_000;

impl Operation {
    /// The name of its method.
    pub(crate) fn method(&self) -> String {
        let words = self.name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' });
        format!("op_{}", words.collect::<String>().to_ascii_lowercase())
    }

    /// The function of its method.
    pub(crate) fn function(&self) -> String {
        let Self { body, repeats, rounds, before, .. } = self;
        let bodies = body.repeat(*repeats as usize);
        format!(
            "(func (export \"call.{}\") (local $i i32) (local $x i64) (local $y i64) (local $p i32)
               (local.set $y (i64.const 88172645463325252)) (local.set $x (i64.const 7))
               (local.set $p (i32.const 65536)) (local.set $i (i32.const {rounds}))
               {before}
               (loop $again
                 {bodies}
                 (local.set $i (i32.sub (local.get $i) (i32.const 1)))
                 (br_if $again (local.get $i)))
               (i64.store (i32.const 0) (i64.add (local.get $x) (i64.extend_i32_u (local.get $p)))))",
            self.method(),
        )
    }

    fn input(mut self, bytes: usize) -> Self {
        self.input = vec![7; bytes];
        self
    }

    /// Reads a key, a signature by it that holds, and the message of so many bytes to 64 KiB. A signature that does not
    /// hold would be refused sooner.
    fn signed(mut self, message_bytes: usize) -> Self {
        let key = SigningKey::from([7; 32]);
        let message = vec![7; message_bytes];
        let public: [u8; 32] = VerificationKeyBytes::from(&key).into();
        self.input = [&public[..], &key.sign(&message).to_bytes(), &message].concat();
        self.before("(call $input_read (i32.const 65536) (call $input_len))")
    }

    /// The same with a key on P-256.
    fn signed_p256(mut self, message_bytes: usize) -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a number below the curve's order");
        let message = vec![7; message_bytes];
        let signature: p256::ecdsa::Signature = key.sign(&message);
        let signature = signature.normalize_s().to_bytes();
        self.input = [key.verifying_key().to_sec1_point(true).as_bytes(), &signature, &message].concat();
        self.before("(call $input_read (i32.const 65536) (call $input_len))")
    }

    fn before(mut self, before: &'static str) -> Self {
        self.before = before;
        self
    }
}

fn instruction(name: &'static str, body: &'static str) -> Operation {
    Operation { name, body, repeats: UNROLLED, rounds: ROUNDS, before: "", input: Vec::new() }
}

fn host(name: &'static str, body: &'static str, rounds: u64) -> Operation {
    Operation { name, body, repeats: 1, rounds, before: "", input: Vec::new() }
}

/// The key of this round: it differs from those of all others.
const FRESH_KEY: &str = "(i64.store (i32.const 0) (i64.extend_i32_u (local.get $i)))";

/// All operations; the first is the empty loop, the second the reference.
pub(crate) fn operations() -> Vec<Operation> {
    let mut operations = vec![
        Operation { name: "empty loop", body: "", repeats: 1, rounds: ROUNDS, before: "", input: Vec::new() },
        instruction(
            "add and xor, dependent",
            "(local.set $x (i64.add (i64.xor (local.get $x) (local.get $y)) (local.get $y)))",
        ),
    ];
    operations.extend(instructions());
    operations.extend(host_functions());
    operations.extend(storage());
    operations
}

fn instructions() -> Vec<Operation> {
    let random = "(local.set $y (i64.xor (local.get $y) (i64.shl (local.get $y) (i64.const 13))))
        (local.set $y (i64.xor (local.get $y) (i64.shr_u (local.get $y) (i64.const 7))))
        (local.set $y (i64.xor (local.get $y) (i64.shl (local.get $y) (i64.const 17))))";
    let random_branch = format!(
        "{random} (if (i64.eqz (i64.and (local.get $y) (i64.const 1)))
           (then (global.set $g (local.get $x))) (else (local.set $x (i64.add (local.get $x) (i64.const 5)))))"
    );
    let random_table = format!(
        "{random} (block (block (block (block
           (br_table 0 1 2 3 (i32.and (i32.wrap_i64 (local.get $y)) (i32.const 3))))
           (local.set $x (i64.add (local.get $x) (i64.const 9))) (br 2))
           (global.set $g (local.get $x)) (br 1))
           (local.set $x (i64.xor (local.get $x) (i64.const 5))))"
    );
    vec![
        instruction("multiply, dependent", "(local.set $x (i64.mul (local.get $x) (local.get $y)))"),
        instruction(
            "divide, dependent",
            "(local.set $x (i64.div_u (local.get $y) (i64.or (local.get $x) (i64.const 1))))",
        ),
        instruction(
            "remainder, signed",
            "(local.set $x (i64.rem_s (local.get $y) (i64.or (local.get $x) (i64.const 1))))",
        ),
        instruction(
            "popcnt, clz, rotl",
            "(local.set $x (i64.rotl (i64.add (i64.popcnt (local.get $x)) (i64.clz (local.get $x))) (local.get $y)))",
        ),
        instruction("global read and write", "(global.set $g (i64.add (global.get $g) (local.get $y)))"),
        instruction(
            "load, dependent",
            "(local.set $p (i32.add (i32.load (i32.and (local.get $p) (i32.const 65532))) (i32.const 4)))",
        ),
        instruction("store", "(i64.store (local.get $p) (local.get $x))"),
        instruction(
            "store and load back",
            "(i64.store (local.get $p) (local.get $x)) (local.set $x (i64.load (local.get $p)))",
        ),
        instruction(
            "branch that is foreseen",
            "(block (br_if 0 (i32.eqz (local.get $i))) (local.set $x (i64.add (local.get $x) (i64.const 5))))",
        ),
        instruction("branch that is not foreseen", Box::leak(random_branch.into_boxed_str())),
        instruction("branch table that is not foreseen", Box::leak(random_table.into_boxed_str())),
        instruction("call", "(local.set $x (call $two (local.get $x)))"),
        instruction(
            "call through the table",
            "(local.set $x (call_indirect (type $number) (local.get $x) (i32.and (local.get $i) (i32.const 3))))",
        ),
        host(
            "memory grow, one page, touched",
            "(local.set $p (i32.shl (memory.grow (i32.const 1)) (i32.const 16)))
            (memory.fill (local.get $p) (i32.const 1) (i32.const 65536))",
            200,
        ),
        host("memory fill of 16 bytes", "(memory.fill (local.get $p) (i32.const 1) (i32.const 16))", CALLS),
        host("memory fill of 32 KiB", "(memory.fill (local.get $p) (i32.const 1) (i32.const 32768))", CALLS / 10),
        host("memory copy of 16 bytes", "(memory.copy (local.get $p) (i32.const 0) (i32.const 16))", CALLS),
        host("memory copy of 32 KiB", "(memory.copy (local.get $p) (i32.const 0) (i32.const 32768))", CALLS / 10),
    ]
}

fn host_functions() -> Vec<Operation> {
    let call = "(call $this (i32.const 32))";
    vec![
        host("input_len", "(drop (call $input_len))", CALLS),
        host("input_read of 32 bytes", "(call $input_read (i32.const 65536) (i32.const 32))", CALLS).input(32),
        host("input_read of 64 KiB", "(call $input_read (i32.const 65536) (i32.const 65536))", CALLS / 10).input(65_536),
        host("result_len", "(drop (call $result_len))", CALLS),
        host("result_read of nothing", "(call $result_read (i32.const 65536) (i32.const 0))", CALLS),
        host("output of 32 bytes", "(call $output (i32.const 65536) (i32.const 32))", CALLS),
        host("output of 64 KiB", "(call $output (i32.const 65536) (i32.const 65536))", CALLS / 10),
        host("caller", "(call $caller (i32.const 128))", CALLS),
        host("this", "(call $this (i32.const 128))", CALLS),
        host("signer", "(call $signer (i32.const 128))", CALLS),
        host("transaction", "(call $transaction (i32.const 128))", CALLS),
        host("chain", "(drop (call $chain (i32.const 128) (i32.const 32)))", CALLS),
        host("height", "(drop (call $height))", CALLS),
        host("time_ms", "(drop (call $time_ms))", CALLS),
        host("gas_left", "(drop (call $gas_left))", CALLS),
        host("emit of 69 bytes", "(call $emit (i32.const 256) (i32.const 69))", 512),
        host("emit of 16 KB", "(call $emit (i32.const 512) (i32.const 16005))", 16),
        host("call of an empty method", "(drop (call $call (i32.const 32) (i32.const 64) (i32.const 7) (i32.const 0) (i32.const 0) (i64.const 1000000)))", 1_000).before(call),
        host("call that traps", "(drop (call $call (i32.const 32) (i32.const 80) (i32.const 4) (i32.const 0) (i32.const 0) (i64.const 1000000)))", 1_000).before(call),
        host("call with 64 KiB of input", "(drop (call $call (i32.const 32) (i32.const 64) (i32.const 7) (i32.const 65536) (i32.const 65536) (i64.const 1000000)))", 300).before(call),
        host("sha256 of 32 bytes", "(call $sha256 (i32.const 65536) (i32.const 32) (i32.const 128))", CALLS),
        host("sha256 of 64 KiB", "(call $sha256 (i32.const 65536) (i32.const 65536) (i32.const 128))", 100),
        host("verify_ed25519 of 32 bytes", "(drop (call $verify (i32.const 65536) (i32.const 65568) (i32.const 65632) (i32.const 32)))", 200)
            .signed(32),
        host("verify_ed25519 of 60 KiB", "(drop (call $verify (i32.const 65536) (i32.const 65568) (i32.const 65632) (i32.const 61440)))", 50)
            .signed(61_440),
        host("verify_p256 of 32 bytes", "(drop (call $verify_p256 (i32.const 65536) (i32.const 65569) (i32.const 65633) (i32.const 32)))", 100)
            .signed_p256(32),
        host("verify_p256 of 60 KiB", "(drop (call $verify_p256 (i32.const 65536) (i32.const 65569) (i32.const 65633) (i32.const 61440)))", 50)
            .signed_p256(61_440),
    ]
}

fn storage() -> Vec<Operation> {
    let fresh = |body: &str| -> &'static str { Box::leak(format!("{FRESH_KEY} {body}").into_boxed_str()) };
    let filled = "(i64.store (i32.const 0) (i64.const 0)) (call $set (i32.const 0) (i32.const 32) (i32.const 65536) (i32.const 64))";
    let filled_large = "(i64.store (i32.const 0) (i64.const 0)) (call $set (i32.const 0) (i32.const 32) (i32.const 65536) (i32.const 61440))";
    let many = "(loop $fill (i64.store (i32.const 0) (i64.extend_i32_u (local.get $i)))
        (call $set (i32.const 0) (i32.const 32) (i32.const 65536) (i32.const 64))
        (local.set $i (i32.sub (local.get $i) (i32.const 1))) (br_if $fill (local.get $i))) (local.set $i (i32.const 300))";
    vec![
        host(
            "storage_get, absent",
            fresh("(drop (call $get (i32.const 0) (i32.const 32) (i32.const 65536) (i32.const 256)))"),
            CALLS,
        ),
        host(
            "storage_get, 64 bytes",
            "(drop (call $get (i32.const 0) (i32.const 32) (i32.const 65536) (i32.const 256)))",
            CALLS,
        )
        .before(filled),
        host(
            "storage_get, 60 KiB",
            "(drop (call $get (i32.const 0) (i32.const 32) (i32.const 65536) (i32.const 65536)))",
            CALLS / 10,
        )
        .before(filled_large),
        host("storage_has, absent", fresh("(drop (call $has (i32.const 0) (i32.const 32)))"), CALLS),
        host(
            "storage_set, 64 bytes, new",
            fresh("(call $set (i32.const 0) (i32.const 32) (i32.const 65536) (i32.const 64))"),
            CALLS,
        ),
        host(
            "storage_set, 60 KiB, new",
            fresh("(call $set (i32.const 0) (i32.const 32) (i32.const 65536) (i32.const 61440))"),
            300,
        ),
        host("storage_remove, absent", fresh("(drop (call $remove (i32.const 0) (i32.const 32)))"), CALLS),
        host(
            "storage_page, one entry asked for",
            "(drop (call $page (i32.const 200) (i32.const 0) (i32.const 200) (i32.const 0) (i32.const 1)))",
            300,
        )
        .before(many),
        host(
            "storage_page, 256 entries asked for",
            "(drop (call $page (i32.const 200) (i32.const 0) (i32.const 200) (i32.const 0) (i32.const 256)))",
            300,
        )
        .before(many),
    ]
}
