//! A chain is its genesis: name, first committee, schedule and who may deploy until a registry says so.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode, Error, Input};

use crate::{Address, Digest, Name, codec, domain, limits::COMMITTEE_MAX};

/// The ed25519 keys that certify a chain's headers, in strictly ascending order; at least one, at most
/// [`COMMITTEE_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct Committee(Vec<[u8; 32]>);

impl Committee {
    /// A committee of `keys`, which are put in order.
    ///
    /// Returns `None` when there are none, too many, or one twice.
    pub fn new(mut keys: Vec<[u8; 32]>) -> Option<Self> {
        keys.sort_unstable();
        Self::from_ordered(keys)
    }

    fn from_ordered(keys: Vec<[u8; 32]>) -> Option<Self> {
        let ascending = keys.windows(2).all(|pair| pair[0] < pair[1]);
        (ascending && !keys.is_empty() && keys.len() <= COMMITTEE_MAX).then_some(Self(keys))
    }

    /// The members' keys in their order.
    pub fn keys(&self) -> &[[u8; 32]] {
        &self.0
    }

    /// How many members there are.
    #[expect(clippy::len_without_is_empty, reason = "a committee is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// How many must sign: n - f, where n >= 3f + 1.
    pub fn quorum(&self) -> usize {
        self.0.len() - (self.0.len() - 1) / 3
    }

    /// The digest by which an epoch's last header names the committee that follows.
    pub fn digest(&self, genesis: &Digest) -> Digest {
        domain::digest(domain::Kind::Committee, genesis, &[&codec::encode(self)])
    }
}

impl Decode for Committee {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Self::from_ordered(Vec::decode(input)?).ok_or_else(|| Error::from("not a committee"))
    }
}

impl DecodeWithMemTracking for Committee {}

/// A department and the accounts that may deploy for it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Department {
    /// The department's name.
    pub name: Name,
    /// The accounts that may deploy and upgrade its contracts.
    pub deployers: Vec<Address>,
}

/// The registry that a mainchain begins with: a contract like others, which stands in the state from the first block on
/// under [`Address::registry`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct RegistrySetup {
    /// Its Wasm.
    pub code: Vec<u8>,
    /// What its init method is given, in SCALE: departments, administrators, nodes, rules.
    pub input: Vec<u8>,
}

/// The mainchain of a sidechain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Mainchain {
    /// Its name.
    pub name: Name,
    /// The digest of its genesis.
    pub genesis: Digest,
}

/// What a chain begins with. Its digest names the chain everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Genesis {
    /// [`WIRE_VERSION`](crate::WIRE_VERSION).
    pub version: u8,
    /// The chain's name.
    pub chain: Name,
    /// Milliseconds since 1970; no block is earlier.
    pub timestamp_ms: u64,
    /// The first committee.
    pub committee: Committee,
    /// The number of the first gas schedule.
    pub schedule: u32,
    /// The departments, each name once.
    pub departments: Vec<Department>,
    /// SHA-256 of each relying-party id whose passkeys may sign.
    pub relying_parties: Vec<Digest>,
    /// For a sidechain, its mainchain.
    pub mainchain: Option<Mainchain>,
    /// For a mainchain, the registry it begins with, which then says who may deploy.
    pub registry: Option<RegistrySetup>,
}

impl Genesis {
    /// The chain's digest, under the zero domain.
    pub fn digest(&self) -> Digest {
        domain::digest(domain::Kind::Genesis, &Digest::default(), &[&codec::encode(self)])
    }
}
