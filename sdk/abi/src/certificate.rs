//! Finality certificates, in our own bytes, and the preimage that the votes in them sign.
//!
//! The preimage is what the engine (commonware simplex) signs to finalise a proposal: the length-prefixed namespace
//! `<domain of certificate>_FINALIZE`, then epoch, view and parent view, each in unsigned LEB128, then the header's
//! digest. Writing it down here lets a verifier do without any consensus crate.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use crate::{Digest, domain};

/// One member's vote.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct VoteSignature {
    /// The member's place in the committee.
    pub member: u16,
    /// Ed25519, 64 bytes.
    pub signature: [u8; 64],
}

/// A quorum's votes that a header is final.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Certificate {
    /// [`WIRE_VERSION`](crate::WIRE_VERSION).
    pub version: u8,
    /// The committee's term.
    pub epoch: u64,
    /// The view in which the header was proposed.
    pub view: u64,
    /// The view of the proposal it builds on.
    pub parent_view: u64,
    /// The digest of the final header.
    pub header: Digest,
    /// The votes, in strictly ascending order of their members.
    pub votes: Vec<VoteSignature>,
}

impl Certificate {
    /// The bytes that each vote signs.
    pub fn preimage(&self, genesis: &Digest) -> Vec<u8> {
        preimage(genesis, self.epoch, self.view, self.parent_view, &self.header)
    }
}

/// The bytes that a vote for `header` signs.
pub fn preimage(genesis: &Digest, epoch: u64, view: u64, parent_view: u64, header: &Digest) -> Vec<u8> {
    let mut namespace = domain::domain(domain::Kind::Certificate, genesis).into_bytes();
    namespace.extend_from_slice(b"_FINALIZE");
    let mut bytes = Vec::with_capacity(namespace.len() + 64);
    domain::leb128(&mut bytes, namespace.len() as u64);
    bytes.extend_from_slice(&namespace);
    for number in [epoch, view, parent_view] {
        domain::leb128(&mut bytes, number);
    }
    bytes.extend_from_slice(&header.0);
    bytes
}
