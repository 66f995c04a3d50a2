//! The bundle verifier: one file and a short trust anchor in, what is proven out.
//!
//! Invariants: [`verify`] is total. It reads no clock, disk or socket; whatever the bytes are it neither panics nor
//! overflows, it recurses no deeper than the decoder's limit, and its work is linear in a bundle of at most
//! [`PROOF_BYTES_MAX`](chancery_abi::limits::PROOF_BYTES_MAX) bytes, because each signature
//! in it is checked at most once. Nothing in an accepted bundle can be left out, added, reordered or changed without its saying
//! something else that is true; only certificates may carry more votes than they need. The same code runs in the node,
//! the command line, the browser and on other chains, so it knows no consensus crate and no trie crate.
//!
//! What is deliberately absent: any check that validators
//! computed a header rightly (a quorum's word is the root of trust); and freshness: a proof holds as of its header, and how
//! old that may be is the reader's decision.
#![no_std]

extern crate alloc;

mod bundle;
mod chain;
pub mod error;
pub mod lane;
pub mod roots;
pub mod signatures;
mod stage;
pub mod threshold;
pub mod trie;
mod utc;
pub mod verified;

pub use bundle::{examine, verify, verify_header};
pub use error::VerifyError;
pub use lane::LaneError;
pub use signatures::CertificateError;
pub use stage::{Refused, Stage};
pub use trie::TrieError;
pub use utc::Utc;
pub use verified::{Confirmed, Statement, Through, Verified};
