//! Messages from a contract on one chain to a contract on another.
//!
//! A message is numbered on its lane, from one chain to another, and stands in the sender's state from the block on in
//! which it was sent. The destination takes the messages of a lane in their order, each once, and only with proof. What
//! cannot run there comes back as a message of the other direction ([`MessageBody::Bounce`]).

use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use crate::{Address, Ident, Name, host::CallFailure};

/// What a contract hands to the host to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Outgoing {
    /// The chain it goes to.
    pub chain: Name,
    /// The contract there.
    pub contract: Address,
    /// Its method; one marked `#[on_message]`.
    pub method: Ident,
    /// The arguments in SCALE, one after the other.
    pub input: Vec<u8>,
    /// The most gas it may use there.
    pub gas: u64,
    /// For how many heights of the mainchain it may still run.
    pub valid_for: u64,
    /// Something countable of this contract's that goes with it: its name and how much.
    pub quantity: Option<(Ident, u64)>,
}

/// Something countable that goes with a message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Quantity {
    /// The contract that issued it.
    pub owner: Address,
    /// The chain which that contract is on.
    pub home: Name,
    /// What the contract calls it.
    pub asset: Ident,
    /// How much.
    pub amount: u64,
    /// How much of it was ever sent on this lane, this message included.
    pub total: u64,
}

/// Why a message came back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum BounceReason {
    /// Its method did not return: it refused, was stopped, or there is none.
    #[codec(index = 0)]
    NotDone(CallFailure),
    /// Its time was over.
    #[codec(index = 1)]
    Expired,
    /// The destination was closed before it took the message.
    #[codec(index = 2)]
    Closed,
}

/// What a contract learns of the message that it is called by.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Arrived {
    /// The chain it came from.
    pub chain: Name,
    /// The contract that sent it.
    pub sender: Address,
    /// Its number on the lane.
    pub sequence: u64,
    /// What came with it.
    pub quantity: Option<Quantity>,
    /// Where it is a message of this contract's own that came back.
    pub bounce: Option<Bounced>,
}

/// A message of a contract's own that came back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Bounced {
    /// The number it had.
    pub sequence: u64,
    /// The contract that it went to.
    pub contract: Address,
    /// The method that it was for.
    pub method: Ident,
    /// Its arguments in SCALE.
    pub input: Vec<u8>,
    /// Why.
    pub reason: BounceReason,
}

/// Why a message was not sent. The contract may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum SendFailure {
    /// There is no such chain, or this one has not heard of it yet.
    #[codec(index = 0)]
    UnknownChain,
    /// Too many messages wait for that chain: it is down, or too slow.
    #[codec(index = 1)]
    LaneFull,
    /// That chain was closed.
    #[codec(index = 2)]
    Closed,
    /// The gas, the time or the amount is none that a message may have.
    #[codec(index = 3)]
    OutOfBounds,
}

/// What is so on the mainchain, as it was proven to a contract of a sidechain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct MainchainFact {
    /// The mainchain's height after which it is so.
    pub height: u64,
    /// The time of that block, milliseconds since 1970.
    pub timestamp_ms: u64,
    /// Whose entry it is.
    pub contract: Address,
    /// Its slot key.
    pub key: Vec<u8>,
    /// Its value; none where there is no such entry.
    pub value: Option<Vec<u8>>,
}

/// What a message does.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum MessageBody {
    /// Calls a method.
    #[codec(index = 0)]
    Call {
        /// The method.
        method: Ident,
        /// The arguments in SCALE.
        input: Vec<u8>,
    },
    /// Brings back a message of the other direction.
    #[codec(index = 1)]
    Bounce(Bounced),
    /// Entries of the mainchain's registry that changed: slot keys, and values or nothing.
    #[codec(index = 2)]
    Registry(Vec<RegistryEntry>),
}

/// A registry's slot key, and its value where it has one.
pub type RegistryEntry = (Vec<u8>, Option<Vec<u8>>);

/// A message on its lane.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Message {
    /// [`WIRE_VERSION`](crate::WIRE_VERSION).
    pub version: u8,
    /// The chain it comes from.
    pub source: Name,
    /// The chain it goes to.
    pub destination: Name,
    /// Its number on this lane, from 0.
    pub sequence: u64,
    /// The contract that sent it.
    pub sender: Address,
    /// The contract it is for.
    pub contract: Address,
    /// What it does.
    pub body: MessageBody,
    /// What goes with it.
    pub quantity: Option<Quantity>,
    /// The most gas it may use.
    pub gas: u64,
    /// It runs only in a block whose newest mainchain height is below this.
    pub expiry: u64,
}
