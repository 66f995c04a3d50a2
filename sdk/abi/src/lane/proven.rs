//! What is carried: headers, messages and entries, with what proves them.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use super::{Anchored, Closed};
use crate::{
    Address, Certificate, Committee, Digest, Header, Name,
    merkle::Path,
    message::{Message, Quantity},
};

/// How a sidechain stands on the mainchain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct AnchorState {
    /// The term of the committee that certifies the next header.
    pub epoch: u64,
    /// That committee.
    pub committee: Committee,
    /// The newest anchored header; at height 0 the genesis.
    pub newest: Anchored,
    /// Set once there are no more.
    pub closed: Option<Closed>,
}

/// A certified header of a sidechain, for the mainchain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct AnchorUpdate {
    /// The header.
    pub header: Header,
    /// A certificate of it.
    pub certificate: Certificate,
    /// The place of the newest anchored header in its history; none when that is the genesis.
    pub extends: Option<Path>,
    /// The committee that follows, where the header ends a term.
    pub next: Option<Committee>,
    /// Where the chain is being retired: the nodes that prove that its state knows of it, so that nothing follows.
    pub retired: Option<Vec<Vec<u8>>>,
}

/// A certified header of a sidechain that contradicts what is anchored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct ForkEvidence {
    /// The header that contradicts.
    pub header: Header,
    /// Its certificate.
    pub certificate: Certificate,
    /// Where it is of another height than the newest anchored one: which other header the later of the two has in its
    /// history at the height of the earlier, and where.
    pub instead: Option<(Digest, Path)>,
}

/// What a chain knows of the mainchain, and the way from there to the state that a message stands in.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum LaneProof {
    /// The message is in the mainchain's state after a header that this chain has seen.
    #[codec(index = 0)]
    Mainchain {
        /// The header.
        header: Header,
    },
    /// The message is in a sidechain's state after a header that is anchored in this chain's own state.
    #[codec(index = 1)]
    Anchored {
        /// The sidechain's height.
        height: u64,
    },
    /// The message is in a sidechain's state after a header that is anchored in the mainchain's state after a header that
    /// this chain has seen.
    #[codec(index = 2)]
    Through {
        /// The mainchain's header.
        header: Header,
        /// The record of the sidechain's.
        record: Anchored,
        /// The nodes that prove the record.
        nodes: Vec<Vec<u8>>,
    },
}

/// A message with the nodes that prove that it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct ProvenMessage {
    /// The message.
    pub message: Message,
    /// The trie's nodes from the root of its chain's state towards it, each whole, none left out.
    pub nodes: Vec<Vec<u8>>,
}

/// The next messages of a lane, for their destination.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Delivery {
    /// The chain they come from.
    pub source: Name,
    /// What leads to its state.
    pub proof: LaneProof,
    /// The messages, in their order, none left out.
    pub messages: Vec<ProvenMessage>,
}

/// How far the destination of a lane has come, for the chain that the messages came from: what was taken there need not be
/// kept, and what a closed chain never took comes back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Settlement {
    /// The destination.
    pub destination: Name,
    /// What leads to its state.
    pub proof: LaneProof,
    /// The number of the message that it takes next; none when it has taken none.
    pub next: Option<u64>,
    /// The nodes that prove that number.
    pub nodes: Vec<Vec<u8>>,
    /// Where the destination is closed: the mainchain's word on that, with the nodes that prove it (none on the mainchain
    /// itself).
    pub closed: Option<(AnchorState, Vec<Vec<u8>>)>,
}

/// An entry of the mainchain's state after a header that a sidechain has seen, as it is presented to a contract.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct MainchainEntry {
    /// The mainchain's header.
    pub header: Header,
    /// Whose entry it is.
    pub contract: Address,
    /// Its slot key.
    pub key: Vec<u8>,
    /// Its value; none where absence is proven.
    pub value: Option<Vec<u8>>,
    /// The nodes that prove it.
    pub nodes: Vec<Vec<u8>>,
}

impl Quantity {
    /// What the books call this kind of thing.
    pub fn kind(&self) -> Digest {
        Digest::of(&(&self.home, &self.owner, &self.asset).encode())
    }
}
