//! Reads the user's items into the [`model`](crate::model). One file per macro; `types` and `attributes` serve all.
//!
//! Every error stands at the token that is wrong and says what to write instead. As many as possible are reported at
//! once.

mod attributes;
mod contract;
mod data;
mod error;
mod event;
mod handle;
mod methods;
mod types;

pub(crate) use contract::contract;
pub(crate) use data::data;
pub(crate) use error::error;
pub(crate) use event::event;
#[cfg(test)]
pub(crate) use handle::model as handle_model;
pub(crate) use handle::{HandleInput, handle};
pub(crate) use methods::methods;

/// Gathers errors, so that the user sees all of them and not only the first.
#[derive(Default)]
struct Errors(Option<syn::Error>);

impl Errors {
    /// The value, or `None` with its error kept.
    fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            none => *none = Some(error),
        }
    }

    /// `value`, when nothing was kept.
    fn finish<T>(self, value: T) -> syn::Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}
