//! The one list of host functions, with the gas each costs. Guest imports and host linker are both made from it.
//!
//! `chancery_abi::for_each_host_function!(callback)` hands the whole list to `callback!`. An entry reads
//! `fn name(parameters) -> result, gas BASE + PER_BYTE * (lengths)`: the host charges `BASE` and `PER_BYTE` for each byte
//! that the named parameters count, before it does anything. What a function hands back at a length known only after
//! the look-up (a stored value, a page, another contract's output) costs [`RESULT_BYTE_GAS`] a byte more, charged before
//! the bytes are copied.
//!
//! Pointers and lengths are u32 into the guest's memory; a range outside it traps. A result of variable length goes to
//! the buffer the guest offers when it fits there; otherwise the host keeps it, returns its length, and the guest takes
//! it with `result_read`. The host keeps one such result at a time.
//!
//! Prices are calibrated (docs/performance.md). Those of storage are what an entry costs in a store on disk among a
//! million, with its place in the trie, its journal row and its share of compaction, which is many times what looking it
//! up in memory takes.

/// The import module's name; its number is the version of this list.
pub const MODULE: &str = "chancery_v1";
/// What a look-up returns when there is nothing.
pub const NONE: u32 = u32::MAX;
/// What a sub-call returns when the called contract refused or was stopped; the result is then the encoded
/// [`CallFailure`], of the length that `result_len` gives.
pub const CALL_FAILED: u32 = u32::MAX;
/// What `send` returns when the message was not sent.
pub const NOT_SENT: u64 = u64::MAX;
/// Gas for each byte that a function hands back at a length known only after the look-up.
pub const RESULT_BYTE_GAS: u64 = 1;

/// Gas for each entry that a page asks for, and for each that the block removed before and that the page passes over.
pub const PAGE_ENTRY_GAS: u64 = 1_000;

/// Why a sub-call did nothing; the caller may go on.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    parity_scale_codec::Encode,
    parity_scale_codec::Decode,
    parity_scale_codec::DecodeWithMemTracking,
)]
pub enum CallFailure {
    /// The contract refused with one of its own errors.
    #[codec(index = 0)]
    Failed {
        /// The error's number.
        code: u32,
        /// The error's fields in SCALE.
        data: alloc::vec::Vec<u8>,
    },
    /// The sandbox stopped it.
    #[codec(index = 1)]
    Trapped(crate::TrapClass),
    /// It was not called at all.
    #[codec(index = 2)]
    Refused(crate::ExecutionRefusal),
}

/// The type of a parameter or result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Wasm's i32.
    I32,
    /// Wasm's i64.
    I64,
}

/// A host function's signature and price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostFunction {
    /// The import's name.
    pub name: &'static str,
    /// The parameters' types.
    pub parameters: &'static [ValueType],
    /// The result's type.
    pub result: Option<ValueType>,
    /// Gas for a call.
    pub base: u64,
    /// Gas for each byte that goes in.
    pub per_byte: u64,
}

/// Hands the list to a macro. See the module's docs for the syntax.
#[macro_export]
macro_rules! for_each_host_function {
    ($callback:ident) => {
        $callback! {
            /// The length of the call's input.
            fn input_len() -> u32, gas 100 + 0 * ();
            /// Copies the call's input to `ptr`, which has room for `len` bytes: exactly the input's length.
            fn input_read(ptr: u32, len: u32), gas 120 + 1 * (len);
            /// The length of the kept result.
            fn result_len() -> u32, gas 100 + 0 * ();
            /// Takes the kept result; `len` is exactly its length.
            fn result_read(ptr: u32, len: u32), gas 120 + 1 * (len);
            /// Sets what the method returns.
            fn output(ptr: u32, len: u32), gas 120 + 1 * (len);
            /// Refuses with an error of the contract's own, and does not return.
            fn fail(code: u32, ptr: u32, len: u32), gas 120 + 1 * (len);
            /// Writes the caller's address, 32 bytes.
            fn caller(ptr: u32), gas 110 + 0 * ();
            /// Writes the contract's own address, 32 bytes.
            fn this(ptr: u32), gas 110 + 0 * ();
            /// Writes the address that signed the transaction, 32 bytes.
            fn signer(ptr: u32), gas 110 + 0 * ();
            /// Writes the transaction's digest, 32 bytes; zero in a query.
            fn transaction(ptr: u32), gas 110 + 0 * ();
            /// Writes the chain's name to a buffer of `len` bytes; returns its length.
            fn chain(ptr: u32, len: u32) -> u32, gas 160 + 0 * ();
            /// The block's height.
            fn height() -> u64, gas 100 + 0 * ();
            /// The block's time, milliseconds since 1970.
            fn time_ms() -> u64, gas 100 + 0 * ();
            /// The gas that is left for this call.
            fn gas_left() -> u64, gas 120 + 0 * ();
            /// Looks an entry up: its length, or `NONE`. Copied to `buf` when it has at most `cap` bytes.
            fn storage_get(key: u32, key_len: u32, buf: u32, cap: u32) -> u32, gas 30_000 + 2 * (key_len);
            /// Whether an entry is there: 1 or 0.
            fn storage_has(key: u32, key_len: u32) -> u32, gas 30_000 + 2 * (key_len);
            /// Writes an entry.
            fn storage_set(key: u32, key_len: u32, value: u32, value_len: u32), gas 120_000 + 30 * (key_len + value_len);
            /// Removes an entry: 1 when it was there, else 0.
            fn storage_remove(key: u32, key_len: u32) -> u32, gas 120_000 + 30 * (key_len);
            /// Pages through the entries whose keys begin with `prefix` and come after `after` (from the start when it
            /// is empty), in byte order: at most `limit` of them and `PAGE_BYTES_MAX` bytes. Costs `PAGE_ENTRY_GAS` for
            /// each entry asked for or passed over. Returns the length of the page, the SCALE of `Vec<(Vec<u8>, Vec<u8>)>`,
            /// which is kept.
            fn storage_page(prefix: u32, prefix_len: u32, after: u32, after_len: u32, limit: u32) -> u32, gas 20_000 + 2 * (prefix_len + after_len);
            /// Announces an event: the SCALE of its name, its keys and its data.
            fn emit(ptr: u32, len: u32), gas 800 + 4 * (len);
            /// Calls a method of another contract with at most `gas`; its output's length, or `CALL_FAILED`. The output
            /// or failure is kept.
            fn call(contract: u32, method: u32, method_len: u32, input: u32, input_len: u32, gas: u64) -> u32, gas 20_000 + 2 * (method_len + input_len);
            /// SHA-256 of `len` bytes, 32 bytes to `out`.
            fn sha256(ptr: u32, len: u32, out: u32), gas 400 + 4 * (len);
            /// Whether an ed25519 signature (64 bytes) by `key` (32 bytes) holds over the message: 1 or 0.
            fn verify_ed25519(key: u32, signature: u32, message: u32, message_len: u32) -> u32, gas 200_000 + 8 * (message_len);
            /// Whether an ECDSA signature (r and s, 64 bytes, s in its lower half) by a compressed key (33 bytes) on P-256
            /// holds over the SHA-256 of the message: 1 or 0.
            fn verify_p256(key: u32, signature: u32, message: u32, message_len: u32) -> u32, gas 1_000_000 + 4 * (message_len);
            /// Writes the beacon of a mainchain height, 32 bytes, to `out` where it is known: 1, else 0.
            fn beacon(height: u64, out: u32) -> u32, gas 31_000 + 0 * ();
            /// Whether the caller holds a role in this contract's department by the registry, now: 1 or 0.
            fn has_role(role: u32, role_len: u32) -> u32, gas 60_000 + 2 * (role_len);
            /// Sends a message to another chain: the SCALE of an `Outgoing`. Its number on the lane, or `NOT_SENT`; then the
            /// encoded `SendFailure` is kept.
            fn send(ptr: u32, len: u32) -> u64, gas 600_000 + 60 * (len);
            /// The message that the contract was called by: the length of the SCALE of an `Arrived`, which is kept, or
            /// `NONE`.
            fn arrived() -> u32, gas 500 + 0 * ();
            /// The newest height of the mainchain that this chain has seen; on the mainchain the block's own.
            fn mainchain_height() -> u64, gas 31_000 + 0 * ();
            /// Writes the mainchain's name to a buffer of `len` bytes; returns its length, 0 on a mainchain itself.
            fn mainchain(ptr: u32, len: u32) -> u32, gas 160 + 0 * ();
            /// What an entry of the mainchain's state is, by the SCALE of a `MainchainEntry` that proves it: the length of
            /// the SCALE of a `MainchainFact`, which is kept, or `NONE` where it does not hold. Only on a sidechain.
            fn mainchain_entry(ptr: u32, len: u32) -> u32, gas 60_000 + 20 * (len);
            /// Promises to use the beacon of a mainchain height, where that can be promised: it is still to come and not above
            /// the returned height, the furthest that can be; 0 where none can. A sidechain is brought it as soon as there is
            /// one.
            fn expect_beacon(height: u64) -> u64, gas 130_000 + 0 * ();
        }
    };
}

macro_rules! value_type {
    (u32) => {
        ValueType::I32
    };
    (u64) => {
        ValueType::I64
    };
}

macro_rules! table {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($parameter:ident: $ty:ident),*) $(-> $result:ident)?, gas $base:literal + $per_byte:literal * ($($length:ident)?$(+ $more:ident)*);
    )*) => {
        /// All host functions, in the list's order.
        pub const HOST_FUNCTIONS: &[HostFunction] = &[$(HostFunction {
            name: stringify!($name),
            parameters: &[$(value_type!($ty)),*],
            result: table!(@result $($result)?),
            base: $base,
            per_byte: $per_byte,
        }),*];
    };
    (@result) => { None };
    (@result $result:ident) => { Some(value_type!($result)) };
}

for_each_host_function!(table);

/// The host function of this name.
pub fn host_function(name: &str) -> Option<&'static HostFunction> {
    HOST_FUNCTIONS.iter().find(|function| function.name == name)
}
