//! Errors that a contract refuses with.

use alloc::vec::Vec;

/// An enum of numbered errors. `#[error]` implements it.
#[diagnostic::on_unimplemented(
    message = "a method cannot refuse with `{Self}`",
    label = "the schema does not explain this error",
    note = "put #[error] on the enum, with #[code(1)] and #[message(en = \"...\", zh = \"...\")] on each variant"
)]
pub trait ContractError {
    /// The error's number, stable for ever.
    fn code(&self) -> u32;

    /// Appends the SCALE of the error's fields, in order.
    fn push_data(&self, data: &mut Vec<u8>);
}
