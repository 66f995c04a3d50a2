//! Proof bundles: one file that says what was on a chain, and leads from there to the trust anchor.

use alloc::{boxed::Box, vec::Vec};

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use crate::{Certificate, Header, KeyRotation, Name, Receipt, lane::Anchored, merkle::Path};

/// Whose state an entry is in.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum StateSubject {
    /// A contract's, by the names its address is made of.
    #[codec(index = 0)]
    Contract {
        /// The department.
        department: Name,
        /// The contract.
        name: Name,
    },
    /// The runtime's own.
    #[codec(index = 1)]
    System,
}

/// What a bundle proves.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum Claim {
    /// An entry of the state after the bundle's header: its value, or that there is none.
    #[codec(index = 0)]
    State {
        /// Whose state.
        subject: StateSubject,
        /// The slot key.
        key: Vec<u8>,
        /// The value, or `None` for proven absence.
        value: Option<Vec<u8>>,
        /// The trie's nodes from the root towards the key, each whole, none left out.
        nodes: Vec<Vec<u8>>,
    },
    /// A receipt of the bundle's block.
    #[codec(index = 1)]
    Receipt {
        /// The receipt.
        receipt: Receipt,
        /// Its place under the receipts root.
        path: Path,
    },
}

impl Claim {
    /// The slot key, if it is about state.
    pub fn state_key(&self) -> Option<&[u8]> {
        match self {
            Self::State { key, .. } => Some(key),
            Self::Receipt { .. } => None,
        }
    }
}

/// What leads from the bundle's header to the certified one.
#[expect(clippy::large_enum_variant, reason = "a bundle has one link")]
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum Link {
    /// It is the certified one.
    #[codec(index = 0)]
    Same,
    /// The headers that follow, each naming the one before; the last is the certified one.
    #[codec(index = 1)]
    Descendants(Vec<Header>),
    /// A later header, which is the certified one, whose history holds the bundle's.
    #[codec(index = 2)]
    History {
        /// The later header.
        header: Header,
        /// The place of the bundle's header under its history root.
        path: Path,
    },
}

/// An epoch's last header, which names the next committee, with its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct HandOver {
    /// The header.
    pub header: Header,
    /// Its certificate, by the committee whose epoch ends.
    pub certificate: Certificate,
    /// The committee that follows.
    pub next: crate::Committee,
}

/// What leads from the trust anchor to the certified header.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum Finality {
    /// A certificate, and the hand-overs from the anchor's committee to the one that made it.
    #[codec(index = 0)]
    Certificate {
        /// One for each epoch before the certificate's, in order.
        hand_overs: Vec<HandOver>,
        /// The certificate.
        certificate: Certificate,
    },
    /// The short way: a signature under the threshold key, which outlives committees and names nobody.
    #[codec(index = 1)]
    Attestation {
        /// From the anchor's last key to the one that signed, in order.
        rotations: Vec<KeyRotation>,
        /// The signature over the certified header's digest.
        signature: [u8; 48],
    },
}

/// Which chain the bundle's header is of, seen from the anchor's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum Origin {
    /// The anchor's own chain.
    #[codec(index = 0)]
    AnchoredChain,
    /// A sidechain of the anchor's chain, of which the mainchain's state has a record.
    #[codec(index = 1)]
    Sidechain(Box<SidechainOrigin>),
}

/// What leads from a sidechain's header to its mainchain's. The bundle's link and finality are then the mainchain's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct SidechainOrigin {
    /// What leads from the bundle's header to the anchored one.
    pub link: Link,
    /// The record of that one.
    pub record: Anchored,
    /// The nodes that prove the record in the mainchain's state.
    pub nodes: Vec<Vec<u8>>,
    /// The mainchain's header that commits to that state.
    pub mainchain: Header,
}

/// One file that proves one claim.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct ProofBundle {
    /// [`WIRE_VERSION`](crate::WIRE_VERSION).
    pub version: u8,
    /// Which chain it is about.
    pub origin: Origin,
    /// What it proves.
    pub claim: Claim,
    /// The header that commits to the claim.
    pub header: Header,
    /// What leads to the certified header.
    pub link: Link,
    /// What leads from there to the anchor.
    pub finality: Finality,
}
