//! The language all of Chancery speaks: wire types in SCALE with one canonical encoding, the digests over them,
//! the limits, the contract schema and the one list of host functions.
//!
//! Invariants: every wire type begins with a version byte or is a part of one that does; [`codec::decode`] accepts
//! exactly the bytes that [`codec::encode`] makes; nothing here reads a clock, a disk or a socket, and nothing panics
//! on foreign bytes. What is deliberately absent: signatures are carried here and checked in `chancery-verify` and
//! the runtime.
#![no_std]

extern crate alloc;

pub mod anchor;
pub mod certificate;
pub mod codec;
pub mod domain;
pub mod error;
pub mod genesis;
pub mod header;
pub mod host;
pub mod limits;
pub mod merkle;
pub mod name;
pub mod proof;
pub mod receipt;
pub mod schema;
pub mod slot;
pub mod transaction;
pub mod types;

pub use anchor::TrustAnchor;
pub use certificate::{Certificate, VoteSignature};
pub use codec::DecodeError;
pub use domain::Kind;
pub use error::{ExecutionRefusal, Refusal};
pub use genesis::{Committee, Department, Genesis};
pub use header::{Beacon, Block, Header, MainchainSeen};
pub use name::{Ident, Name, NameError};
pub use proof::{Claim, Finality, HandOver, Link, Origin, ProofBundle, StateSubject};
pub use receipt::{Event, Outcome, Receipt, TrapClass};
pub use transaction::{Authorisation, Call, Deploy, Payload, Scheme, Transaction, TransactionBody, Upgrade};
pub use types::{Address, Digest};

/// The version byte of every wire format of this release.
pub const WIRE_VERSION: u8 = 1;
