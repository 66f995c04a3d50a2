//! The host's functions, behind safe ones. The imports are made from the one list in `chancery-abi`.
//!
//! Invariants: every pointer handed to the host is that of a live slice or buffer, with that buffer's own length; a
//! buffer that the host fills is read only as far as the host filled it.
#![allow(unsafe_code, reason = "this is where the sandbox's imports are called; nothing else in the SDK does")]

use alloc::vec::Vec;
use core::mem::MaybeUninit;

use chancery_abi::{
    Address, Digest,
    host::{CALL_FAILED, NONE, NOT_SENT},
};

/// Values up to this size are read to the stack, and longer ones to the heap.
const INLINE_BYTES: usize = 256;

macro_rules! imports {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($parameter:ident: $ty:ident),*) $(-> $result:ident)?, gas $base:literal + $per_byte:literal * ($($length:ident)?$(+ $more:ident)*);
    )*) => {
        #[cfg(target_arch = "wasm32")]
        mod host {
            // The name is `chancery_abi::host::MODULE`; the attribute takes a literal only.
            #[link(wasm_import_module = "chancery_v1")]
            unsafe extern "C" {
                $($(#[$doc])* pub(super) fn $name($($parameter: $ty),*) $(-> $result)?;)*
            }
        }

        #[cfg(not(target_arch = "wasm32"))]
        mod host {
            $($(#[$doc])* pub(super) unsafe fn $name($(_: $ty),*) $(-> $result)? {
                absent(stringify!($name))
            })*

            fn absent(name: &str) -> ! {
                panic!("`{name}` is a function of Chancery's runtime: a contract runs as Wasm only, so build it for wasm32-unknown-unknown")
            }
        }
    };
}

chancery_abi::for_each_host_function!(imports);

/// Where `bytes` are in the guest's memory.
fn at(bytes: &[u8]) -> u32 {
    bytes.as_ptr().expose_provenance() as u32
}

/// How long `bytes` are; on wasm32 no slice is longer than a u32 says.
fn len(bytes: &[u8]) -> u32 {
    bytes.len() as u32
}

/// `count` bytes that `fill` writes to the address it is given.
///
/// # Safety
/// `fill` must write all of them.
unsafe fn filled(count: u32, fill: impl FnOnce(u32)) -> Vec<u8> {
    let mut bytes = Vec::<u8>::with_capacity(count as usize);
    fill(bytes.as_mut_ptr().expose_provenance() as u32);
    // SAFETY: the capacity is `count`, and the caller promises that `fill` wrote so many bytes.
    unsafe { bytes.set_len(count as usize) };
    bytes
}

/// The result that the host keeps, of `count` bytes.
fn kept(count: u32) -> Vec<u8> {
    // SAFETY: the host writes exactly `count` bytes to the buffer, which has room for them, or stops the contract.
    unsafe { filled(count, |to| host::result_read(to, count)) }
}

/// 32 bytes that `write` writes to the address it is given.
fn bytes32(write: impl FnOnce(u32)) -> [u8; 32] {
    let mut bytes = [0; 32];
    write((&raw mut bytes).expose_provenance() as u32);
    bytes
}

pub(crate) fn input() -> Vec<u8> {
    // SAFETY: takes no pointer.
    let count = unsafe { host::input_len() };
    if count == 0 {
        return Vec::new();
    }
    // SAFETY: the host writes the input's `count` bytes to the buffer, which has room for them.
    unsafe { filled(count, |to| host::input_read(to, count)) }
}

pub(crate) fn output(bytes: &[u8]) {
    // SAFETY: the host reads the slice and keeps a copy.
    unsafe { host::output(at(bytes), len(bytes)) }
}

/// Refuses with an error; the call ends here.
pub(crate) fn fail(code: u32, data: &[u8]) -> ! {
    // SAFETY: the host reads the slice and ends the call.
    unsafe { host::fail(code, at(data), len(data)) };
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    unreachable!("the host does not come back from `fail`")
}

macro_rules! written32 {
    ($($name:ident: $ty:ident),*) => {$(
        pub(crate) fn $name() -> $ty {
            // SAFETY: the host writes 32 bytes to the buffer, which has as many.
            $ty(bytes32(|to| unsafe { host::$name(to) }))
        }
    )*};
}

written32!(caller: Address, this: Address, signer: Address, transaction: Digest);

macro_rules! numbers {
    ($($name:ident),*) => {$(
        pub(crate) fn $name() -> u64 {
            // SAFETY: takes no pointer.
            unsafe { host::$name() }
        }
    )*};
}

numbers!(height, time_ms, gas_left, mainchain_height);

pub(crate) fn chain() -> Vec<u8> {
    let mut name = bytes32(|_| ());
    // SAFETY: the host writes at most `len` bytes to the buffer, and returns how many.
    let count = unsafe { host::chain((&raw mut name).expose_provenance() as u32, len(&name)) };
    name.get(..count as usize).unwrap_or_default().to_vec()
}

/// The mainchain's name; nothing on a mainchain.
pub(crate) fn mainchain() -> Vec<u8> {
    let mut name = bytes32(|_| ());
    // SAFETY: the host writes at most `len` bytes to the buffer, and returns how many.
    let count = unsafe { host::mainchain((&raw mut name).expose_provenance() as u32, len(&name)) };
    name.get(..count as usize).unwrap_or_default().to_vec()
}

/// What `read` makes of the entry at `key`, when there is one.
pub(crate) fn storage_get<R>(key: &[u8], read: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let mut buffer = [MaybeUninit::<u8>::uninit(); INLINE_BYTES];
    let to = (&raw mut buffer).expose_provenance() as u32;
    // SAFETY: the host reads the key, and writes to the buffer only a value that fits in its `INLINE_BYTES`.
    let count = unsafe { host::storage_get(at(key), len(key), to, INLINE_BYTES as u32) };
    if count == NONE {
        None
    } else if count as usize <= INLINE_BYTES {
        // SAFETY: the value fits, so the host wrote its `count` bytes to the buffer.
        Some(read(unsafe { core::slice::from_raw_parts(buffer.as_ptr().cast(), count as usize) }))
    } else {
        Some(read(&kept(count)))
    }
}

pub(crate) fn storage_has(key: &[u8]) -> bool {
    // SAFETY: the host reads the key.
    unsafe { host::storage_has(at(key), len(key)) != 0 }
}

pub(crate) fn storage_set(key: &[u8], value: &[u8]) {
    // SAFETY: the host reads the key and the value.
    unsafe { host::storage_set(at(key), len(key), at(value), len(value)) }
}

pub(crate) fn storage_remove(key: &[u8]) -> bool {
    // SAFETY: the host reads the key.
    unsafe { host::storage_remove(at(key), len(key)) != 0 }
}

pub(crate) fn storage_page(prefix: &[u8], after: &[u8], limit: u32) -> Vec<u8> {
    // SAFETY: the host reads both slices.
    kept(unsafe { host::storage_page(at(prefix), len(prefix), at(after), len(after), limit) })
}

pub(crate) fn emit(event: &[u8]) {
    // SAFETY: the host reads the slice.
    unsafe { host::emit(at(event), len(event)) }
}

/// The output of the called method, or the encoded failure.
pub(crate) fn call(contract: &Address, method: &[u8], input: &[u8], gas: u64) -> Result<Vec<u8>, Vec<u8>> {
    // SAFETY: the host reads the 32 bytes of the address, the name and the input.
    let count = unsafe { host::call(at(&contract.0), at(method), len(method), at(input), len(input), gas) };
    if count == CALL_FAILED {
        // SAFETY: takes no pointer.
        Err(kept(unsafe { host::result_len() }))
    } else {
        Ok(kept(count))
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    // SAFETY: the host reads the slice, and writes 32 bytes to the buffer, which has as many.
    Digest(bytes32(|to| unsafe { host::sha256(at(bytes), len(bytes), to) }))
}

pub(crate) fn verify_ed25519(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> bool {
    // SAFETY: the host reads 32 and 64 bytes, as many as the arrays have, and the message.
    unsafe { host::verify_ed25519(at(key), at(signature), at(message), len(message)) != 0 }
}

/// The beacon of a height, when it is known.
pub(crate) fn beacon(height: u64) -> Option<Digest> {
    let mut value = [0; 32];
    // SAFETY: the host writes 32 bytes to the buffer, which has as many, or nothing.
    let known = unsafe { host::beacon(height, (&raw mut value).expose_provenance() as u32) };
    (known != 0).then_some(Digest(value))
}

/// The number of the message on its lane, or the encoded failure.
pub(crate) fn send(outgoing: &[u8]) -> Result<u64, Vec<u8>> {
    // SAFETY: the host reads the slice.
    let sequence = unsafe { host::send(at(outgoing), len(outgoing)) };
    // SAFETY: takes no pointer.
    if sequence == NOT_SENT { Err(kept(unsafe { host::result_len() })) } else { Ok(sequence) }
}

/// The encoded message that the contract was called by.
pub(crate) fn arrived() -> Option<Vec<u8>> {
    // SAFETY: takes no pointer.
    let count = unsafe { host::arrived() };
    (count != NONE).then(|| kept(count))
}

/// What a presented entry of the mainchain's state is, encoded, where it holds.
pub(crate) fn mainchain_entry(presented: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: the host reads the slice.
    let count = unsafe { host::mainchain_entry(at(presented), len(presented)) };
    (count != NONE).then(|| kept(count))
}

/// The furthest height that can be promised; `height` is, where it is still to come and not above.
pub(crate) fn expect_beacon(height: u64) -> u64 {
    // SAFETY: takes no pointer.
    unsafe { host::expect_beacon(height) }
}

pub(crate) fn has_role(role: &str) -> bool {
    // SAFETY: the host reads the slice.
    unsafe { host::has_role(at(role.as_bytes()), len(role.as_bytes())) != 0 }
}

pub(crate) fn verify_p256(key: &[u8; 33], signature: &[u8; 64], message: &[u8]) -> bool {
    // SAFETY: the host reads 33 and 64 bytes, as many as the arrays have, and the message.
    unsafe { host::verify_p256(at(key), at(signature), at(message), len(message)) != 0 }
}
