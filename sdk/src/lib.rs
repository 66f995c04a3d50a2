//! What a Chancery contract is written against.
//!
//! ```ignore
//! #![no_std]
//! use chancery_sdk::prelude::*;
//!
//! #[contract]
//! pub struct Counter {
//!     owner: Value<Address>,
//!     count: Value<u64>,
//! }
//!
//! #[methods]
//! impl Counter {
//!     #[init]
//!     pub fn init(&mut self, cx: &Cx) {
//!         self.owner.set(&cx.caller());
//!     }
//!
//!     #[access(only(owner))]
//!     pub fn add(&mut self, amount: u64) {
//!         self.count.set(&(self.count.get_or_default() + amount));
//!     }
//!
//!     #[query]
//!     pub fn count(&self) -> u64 {
//!         self.count.get_or_default()
//!     }
//! }
//! ```
//!
//! Invariants: a contract needs no `unsafe` and this one dependency. Every storage operation is done when it is
//! written, and nothing is written when a value is dropped. A method that changes the state has an access rule, or it
//! does not compile. Each type that stands in the interface is explained in the schema inside the contract's Wasm. A
//! type has one encoding, so an input that another encoding could have made is refused. Overflow stops the call.
//!
//! What is deliberately absent: a simulation of the host. A contract is only ever run as Wasm by the real runtime; on
//! other targets this crate compiles, so that tools and documentation work, and its host functions panic.
#![no_std]

extern crate alloc;
// Gives contracts, which have no standard library, a panic handler and an allocator where they do not run anyway.
#[cfg(not(target_arch = "wasm32"))]
extern crate std;

#[cfg(target_arch = "wasm32")]
mod allocator;
#[cfg(not(target_arch = "wasm32"))]
pub mod calls;
mod cx;
mod data;
mod entry;
mod error;
mod event;
mod handle;
pub mod prelude;
pub mod storage;
mod sys;

#[doc(hidden)]
pub use chancery_abi::quota;
/// Where a contract's fields and their entries are stored, for whoever looks at another contract's.
pub use chancery_abi::slot;
pub use chancery_abi::{
    Address, Digest, ExecutionRefusal, Name, TrapClass,
    host::CallFailure,
    lane::Anchored,
    merkle,
    message::{Arrived, BounceReason, Bounced, MainchainFact, Quantity, SendFailure},
};
pub use chancery_macros::{contract, data, error, event, handle, methods};
pub use cx::{Cx, MESSAGE_VALID_FOR};
pub use data::{Data, encode_to};
pub use error::ContractError;
pub use event::Event;
pub use handle::{CallError, Refusals};

/// What generated code uses. Nothing here is meant to be written by hand, and all of it may change.
#[doc(hidden)]
pub mod __private {
    pub use parity_scale_codec as codec;

    pub use crate::{
        cx::cx,
        data::{encode_to, explained},
        entry::{
            BAD_INPUT, BAD_STATE, Contract, Input, NOT_ALLOWED, ThereIsOneBounceMethodSoMergeThem,
            ThereIsOneInitMethodSoMergeThem, ThereIsOneMigrateMethodSoMergeThem, member, only, output, refuse, role,
        },
        event::EventKeys,
        handle::call,
        storage::Stored,
    };
}

/// Returns early with an error unless a condition holds: `ensure!(count > 0, MyError::Empty);`
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $error:expr $(,)?) => {
        if !$condition {
            return ::core::result::Result::Err($error);
        }
    };
}
