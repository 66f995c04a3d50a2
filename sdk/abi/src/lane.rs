//! What leads from a message in one chain's state to its execution on another: anchors of sidechains on the mainchain,
//! proofs along them, and the slots of the runtime's own entries in which all of it stands.
//!
//! A sidechain's headers go to the mainchain ([`AnchorUpdate`]), whose state then has an [`Anchored`] record of each. A
//! sidechain's blocks name the newest mainchain header that they saw. So a message from any chain to any other is proven by
//! a path that begins at what the destination's own state says.

use alloc::{string::String, vec::Vec};

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use crate::{
    Digest, Name,
    slot::{SlotKey, push_field},
};

#[cfg(feature = "sha256")]
mod proven;
#[cfg(feature = "sha256")]
pub use proven::{
    AnchorState, AnchorUpdate, Delivery, ForkEvidence, LaneProof, MainchainEntry, ProvenMessage, Settlement,
};

/// A sidechain's header as the mainchain's state has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Anchored {
    /// The digest of the sidechain's genesis.
    pub genesis: Digest,
    /// The sidechain's height.
    pub height: u64,
    /// The header's digest.
    pub header: Digest,
    /// The sidechain's state root after it.
    pub state_root: Digest,
    /// The root of the sidechain's history before it.
    pub history_root: Digest,
    /// The block's time, milliseconds since 1970.
    pub timestamp_ms: u64,
    /// The newest mainchain height that it had seen; 0 when none.
    pub seen_height: u64,
    /// The mainchain height at which it was anchored.
    pub mainchain_height: u64,
}

/// Why a sidechain has no more anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum Closed {
    /// The registry retired it.
    #[codec(index = 0)]
    Retired {
        /// The mainchain height at which its last header was fixed.
        height: u64,
    },
    /// Its committee certified two histories.
    #[codec(index = 1)]
    Forked {
        /// The mainchain height at which that was shown.
        height: u64,
        /// The digest of the header that contradicts what is anchored.
        header: Digest,
    },
}

/// The slots of the runtime's own entries about other chains, all under the system's address.
pub mod slots {
    use super::*;

    fn slot(field: &str, key: &impl SlotKey) -> Vec<u8> {
        let mut slot = Vec::with_capacity(96);
        push_field(&mut slot, field);
        key.push_to(&mut slot);
        slot
    }

    fn text(name: &Name) -> String {
        name.as_str().into()
    }

    /// A message that was sent and may still be on its way: a [`Message`](crate::message::Message).
    pub fn outbox(destination: &Name, sequence: u64) -> Vec<u8> {
        slot("outbox", &(text(destination), sequence))
    }

    /// The number of the next message to a chain: a u64.
    pub fn sent(destination: &Name) -> Vec<u8> {
        slot("sent", &text(destination))
    }

    /// Messages to a chain below this number were taken there, as far as was proven here: a u64.
    pub fn settled(destination: &Name) -> Vec<u8> {
        slot("settled", &text(destination))
    }

    /// The number of the message that is taken next from a chain: a u64.
    pub fn inbox(source: &Name) -> Vec<u8> {
        slot("inbox", &text(source))
    }

    /// What came back and could not be handed to its contract: a [`Message`](crate::message::Message).
    pub fn claim(source: &Name, sequence: u64) -> Vec<u8> {
        slot("claim", &(text(source), sequence))
    }

    /// How many of those wait: a u64.
    pub fn claims() -> Vec<u8> {
        let mut slot = Vec::new();
        push_field(&mut slot, "claims");
        slot
    }

    /// How much of something was ever sent to a chain: a u64.
    pub fn books_sent(destination: &Name, quantity: &Digest) -> Vec<u8> {
        slot("books_sent", &(text(destination), *quantity))
    }

    /// How much of something ever came from a chain: a u64.
    pub fn books_received(source: &Name, quantity: &Digest) -> Vec<u8> {
        slot("books_received", &(text(source), *quantity))
    }

    /// On the mainchain, how a sidechain stands: an `AnchorState`.
    pub fn anchor(chain: &Name) -> Vec<u8> {
        slot("anchor", &text(chain))
    }

    /// On the mainchain, an anchored header: an [`Anchored`].
    pub fn anchored(chain: &Name, height: u64) -> Vec<u8> {
        slot("anchored", &(text(chain), height))
    }

    /// On the mainchain, headers that closed committees certified against what is anchored: the digest of the evidence.
    pub fn late_evidence(chain: &Name, header: &Digest) -> Vec<u8> {
        slot("late_evidence", &(text(chain), *header))
    }

    /// On the mainchain, the committee of a sidechain's term: a `Committee`.
    pub fn committee(chain: &Name, epoch: u64) -> Vec<u8> {
        slot("anchor_committee", &(text(chain), epoch))
    }

    /// On a sidechain, a mainchain height whose beacon a contract asked for: a byte.
    pub fn expected_beacon(height: u64) -> Vec<u8> {
        slot("expected_beacon", &height)
    }

    /// What the slots of all those begin with.
    pub fn expected_beacons() -> Vec<u8> {
        let mut slot = Vec::new();
        push_field(&mut slot, "expected_beacon");
        slot
    }

    /// On a sidechain, the digest of a mainchain header that a block named: a [`Digest`].
    pub fn seen(height: u64) -> Vec<u8> {
        slot("seen", &height)
    }

    /// On a sidechain, the newest of those heights: a u64.
    pub fn newest_seen() -> Vec<u8> {
        let mut slot = Vec::new();
        push_field(&mut slot, "newest_seen");
        slot
    }

    /// On a sidechain, the committee that follows and the last height before it: `(u64, Committee)`.
    pub fn next_committee() -> Vec<u8> {
        let mut slot = Vec::new();
        push_field(&mut slot, "next_committee");
        slot
    }

    /// On a sidechain, the number of its present committee: a u32.
    pub fn committee_number() -> Vec<u8> {
        let mut slot = Vec::new();
        push_field(&mut slot, "committee_number");
        slot
    }
}
