//! The trust anchor: the few hundred public bytes that a verifier must have from a source it trusts.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use crate::{Committee, Digest, Genesis, Name, WIRE_VERSION};

/// A threshold group's key and the mainchain heights it speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct ThresholdKey {
    /// A compressed point of G2.
    pub key: [u8; 96],
    /// The first height.
    pub from_height: u64,
    /// The last height; `None` while the key serves.
    pub to_height: Option<u64>,
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
