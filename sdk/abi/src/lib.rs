//! The language all of Chancery speaks: wire types in SCALE with one canonical encoding, the digests over them,
//! the limits, the contract schema and the one list of host functions.
//!
//! Invariants: every wire type begins with a version byte or is a part of one that does; [`codec::decode`] accepts
//! exactly the bytes that [`codec::encode`] makes; nothing here reads a clock, a disk or a socket, and nothing panics
//! on foreign bytes. What is deliberately absent: signatures are carried here and checked in `chancery-verify` and
//! the runtime. Without the feature `sha256` there is only what a contract needs; its host hashes for it.
#![no_std]

extern crate alloc;

#[cfg(feature = "sha256")]
pub mod anchor;
#[cfg(feature = "sha256")]
pub mod certificate;
pub mod codec;
#[cfg(feature = "sha256")]
pub mod domain;
pub mod error;
#[cfg(feature = "sha256")]
pub mod genesis;
#[cfg(feature = "sha256")]
pub mod header;
pub mod host;
pub mod lane;
pub mod limits;
pub mod merkle;
pub mod message;
pub mod name;
#[cfg(feature = "sha256")]
pub mod proof;
pub mod quota;
pub mod receipt;
pub mod schema;
pub mod slot;
#[cfg(feature = "sha256")]
pub mod transaction;
pub mod types;

pub use codec::DecodeError;
pub use error::{ExecutionRefusal, LaneRefusal, Refusal};
pub use name::{Ident, Name, NameError};
pub use receipt::{Event, Outcome, Receipt, TrapClass};
pub use types::{Address, Digest, Scheme};
#[cfg(feature = "sha256")]
pub use {
    anchor::{KeyRotation, ThresholdKey, TrustAnchor},
    certificate::{Certificate, VoteSignature},
    domain::Kind,
    genesis::{Committee, Department, Genesis, Mainchain, RegistrySetup},
    header::{Beacon, Block, Header, MainchainSeen},
    proof::{Claim, Finality, HandOver, Link, Origin, ProofBundle, SidechainOrigin, StateSubject},
    transaction::{Authorisation, Call, Deploy, Payload, Transaction, TransactionBody, Upgrade},
};

/// The version byte of every wire format of this release.
pub const WIRE_VERSION: u8 = 1;
