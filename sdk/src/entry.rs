//! What an entry point does round the method itself: checks the caller, reads the input, hands over the answer.

use alloc::vec::Vec;

use chancery_abi::Address;

use crate::{
    ContractError, Cx, Data,
    storage::{Members, Value},
    sys,
};

/// The input is not the encoding of the method's arguments.
pub const BAD_INPUT: u32 = 0xFFFF_0000;
/// The caller may not call this method.
pub const NOT_ALLOWED: u32 = 0xFFFF_0001;
/// A stored entry is not of the type that this code expects.
pub const BAD_STATE: u32 = 0xFFFF_0002;

/// A struct of storage fields. `#[contract]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a contract",
    note = "put #[contract] on the struct of storage fields"
)]
pub trait Contract {
    /// The contract over its slots; reads nothing.
    fn open() -> Self;
}

/// Implemented beside the method with `#[init]`, so that there is one.
pub trait ThereIsOneInitMethodSoMergeThem {}

/// Implemented beside the method with `#[migrate]`, so that there is one.
pub trait ThereIsOneMigrateMethodSoMergeThem {}

/// Implemented beside the method with `#[on_bounce]`, so that there is one.
pub trait ThereIsOneBounceMethodSoMergeThem {}

/// A field that holds one address; what `#[access(only(FIELD))]` asks for.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not hold one address",
    label = "`only` takes a `Value<Address>`",
    note = "for a `Set<Address>` or a `Map<Address, V>` write `member(FIELD)`"
)]
pub trait Holder {
    /// Whether the field holds `address`.
    fn holds(&self, address: &Address) -> bool;
}

impl Holder for Value<Address> {
    fn holds(&self, address: &Address) -> bool {
        self.get().as_ref() == Some(address)
    }
}

/// Refuses with an error of the SDK's own.
#[cold]
pub(crate) fn stop(code: u32) -> ! {
    sys::fail(code, &[])
}

/// Refuses unless the caller holds a role in the contract's department.
#[inline(never)]
pub fn role(role: &str, cx: &Cx) {
    if !cx.has_role(role) {
        stop(NOT_ALLOWED);
    }
}

/// Refuses unless the caller is the address that `field` holds.
#[inline(never)]
pub fn only(field: &impl Holder, cx: &Cx) {
    if !field.holds(&cx.caller()) {
        stop(NOT_ALLOWED);
    }
}

/// Refuses unless the caller is in `field`.
#[inline(never)]
pub fn member(field: &impl Members, cx: &Cx) {
    if !field.has_member(&cx.caller()) {
        stop(NOT_ALLOWED);
    }
}

/// The call's input: its arguments one after the other.
pub struct Input {
    bytes: Vec<u8>,
    read: usize,
}

impl Input {
    /// The input of the call under execution.
    pub fn read() -> Self {
        Self { bytes: sys::input(), read: 0 }
    }

    /// The next argument.
    #[inline(never)]
    pub fn take<T: Data>(&mut self) -> T {
        let mut rest = self.bytes.get(self.read..).unwrap_or_default();
        match T::decode(&mut rest) {
            Ok(value) => {
                self.read = self.bytes.len() - rest.len();
                value
            }
            Err(_) => stop(BAD_INPUT),
        }
    }

    /// Refuses unless the whole input was read.
    pub fn end(self) {
        if self.read != self.bytes.len() {
            stop(BAD_INPUT);
        }
    }
}

/// Hands over what the method returned.
#[inline(never)]
pub fn output<T: Data>(value: &T) {
    value.using_encoded(|bytes| {
        if !bytes.is_empty() {
            sys::output(bytes);
        }
    });
}

/// Refuses with an error of the contract's own.
#[cold]
#[inline(never)]
pub fn refuse<E: ContractError>(error: &E) -> ! {
    let mut data = Vec::new();
    error.push_data(&mut data);
    sys::fail(error.code(), &data)
}
