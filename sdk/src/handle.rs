//! Typed handles of other contracts: what the code that `handle!` writes is made of.

use alloc::vec::Vec;

use chancery_abi::{Address, host::CallFailure};
use parity_scale_codec::Decode;

use crate::{Cx, data};

/// Why a call of another contract did nothing. The caller may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError<E> {
    /// It refused with one of its own errors.
    Refused(E),
    /// It refused with an error that its schema did not name, was stopped, or could not be called.
    Failed(CallFailure),
    /// It is done, and what it returned is not of the type that its schema named: it was upgraded since.
    Unreadable,
}

/// The errors of another contract. `handle!` implements it.
pub trait Refusals: Sized {
    /// The error of number `code` with its fields, when it is one of the contract's own.
    #[doc(hidden)]
    fn read(code: u32, fields: &mut &[u8]) -> Option<Self>;
}

/// Calls a method; what it returned, by the schema that the handle was made from.
#[inline(never)]
pub fn call<T: Decode, E: Refusals>(
    cx: &Cx,
    contract: &Address,
    method: &str,
    input: &[u8],
    gas: u64,
) -> Result<T, CallError<E>> {
    match cx.call_encoded(contract, method, input, gas) {
        Ok(output) => data::decode(&output).ok_or(CallError::Unreadable),
        Err(CallFailure::Failed { code, data }) => Err(refusal(code, data)),
        Err(failure) => Err(CallError::Failed(failure)),
    }
}

fn refusal<E: Refusals>(code: u32, data: Vec<u8>) -> CallError<E> {
    let mut fields = &data[..];
    match E::read(code, &mut fields) {
        Some(error) if fields.is_empty() => CallError::Refused(error),
        _ => CallError::Failed(CallFailure::Failed { code, data }),
    }
}
