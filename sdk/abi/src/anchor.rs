//! The trust anchor: the few hundred public bytes that a verifier must have from a source it trusts.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use crate::{Committee, Digest, Genesis, Name, WIRE_VERSION, domain};

/// A threshold group's key and the mainchain heights it speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct ThresholdKey {
    /// A compressed point of G2.
    pub key: [u8; 96],
    /// The first height.
    pub from_height: u64,
    /// The last height; `None` while the key serves.
    pub to_height: Option<u64>,
    /// Whether the group that holds it is too small to bear a member that lies.
    pub untrusted: bool,
}

impl ThresholdKey {
    /// Whether it speaks for a height.
    pub fn speaks_for(&self, height: u64) -> bool {
        self.from_height <= height && self.to_height.is_none_or(|last| height <= last)
    }
}

/// A threshold key, signed by the one whose place it takes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct KeyRotation {
    /// The new key, a compressed point of G2.
    pub key: [u8; 96],
    /// The first height that it speaks for; the key before speaks for none from there on.
    pub from_height: u64,
    /// The signature under the key before.
    pub signature: [u8; 48],
}

impl KeyRotation {
    /// The bytes that the key before signs.
    pub fn preimage(genesis: &Digest, key: &[u8; 96], from_height: u64) -> Vec<u8> {
        domain::prefixed(domain::Kind::KeyRotation, genesis, &Self::message(key, from_height))
    }

    /// The same without its domain.
    pub fn message(key: &[u8; 96], from_height: u64) -> Vec<u8> {
        [&key[..], &from_height.to_le_bytes()].concat()
    }
}

/// What everything else is proven from.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct TrustAnchor {
    /// [`WIRE_VERSION`].
    pub version: u8,
    /// The chain's name.
    pub chain: Name,
    /// The digest of the chain's genesis.
    pub genesis: Digest,
    /// The first committee.
    pub committee: Committee,
    /// The threshold keys, by height.
    pub threshold_keys: Vec<ThresholdKey>,
}

impl TrustAnchor {
    /// The anchor that follows from a genesis alone.
    pub fn of_genesis(genesis: &Genesis) -> Self {
        Self {
            version: WIRE_VERSION,
            chain: genesis.chain.clone(),
            genesis: genesis.digest(),
            committee: genesis.committee.clone(),
            threshold_keys: Vec::new(),
        }
    }
}
