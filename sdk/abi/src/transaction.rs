//! Transactions: what a sender asks for, and the signatures that say who asks.
//!
//! The digest that is signed covers the whole body, the sponsor's address included, so nobody can strip or swap the
//! payer. Signatures are not part of the digest; a transaction is known by its digest.

use alloc::{boxed::Box, string::String, vec::Vec};

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use crate::{
    Address, Beacon, DecodeError, Digest, Ident, Name, Scheme, codec, domain,
    lane::{AnchorUpdate, Delivery, ForkEvidence, Settlement},
    limits::TRANSACTION_BYTES_MAX,
};

/// A signature over a transaction's digest, with the key that made it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum Authorisation {
    /// Ed25519.
    #[codec(index = 0)]
    Ed25519 {
        /// 32 bytes.
        public_key: [u8; 32],
        /// R and s, 64 bytes.
        signature: [u8; 64],
    },
    /// A passkey. The challenge in the client data is the transaction's digest.
    #[codec(index = 1)]
    WebAuthn {
        /// The compressed point, 33 bytes.
        public_key: [u8; 33],
        /// The authenticator's data as it gave it.
        authenticator_data: Vec<u8>,
        /// The client data as the browser gave it, JSON.
        client_data: Vec<u8>,
        /// r and s, big-endian, 64 bytes; s in its lower half.
        signature: [u8; 64],
    },
}

impl Authorisation {
    /// The address this key speaks for.
    pub fn address(&self) -> Address {
        match self {
            Self::Ed25519 { public_key, .. } => Address::of_key(Scheme::Ed25519, public_key),
            Self::WebAuthn { public_key, .. } => Address::of_key(Scheme::WebAuthn, public_key),
        }
    }
}

/// Puts a new contract on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Deploy {
    /// The department whose contract it is.
    pub department: Name,
    /// The contract's name within the department.
    pub name: Name,
    /// The module's source Wasm.
    pub code: Vec<u8>,
    /// The arguments of the contract's `init`, in SCALE.
    pub input: Vec<u8>,
}

/// Puts new code in the place of a contract's old.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Upgrade {
    /// The contract.
    pub contract: Address,
    /// The new source Wasm.
    pub code: Vec<u8>,
    /// The arguments of the new code's migration, where it has one.
    pub input: Vec<u8>,
}

/// Calls a contract's method.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Call {
    /// The contract.
    pub contract: Address,
    /// The method.
    pub method: Ident,
    /// The arguments in SCALE, one after the other.
    pub input: Vec<u8>,
}

/// What a transaction does.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum Payload {
    /// Puts a new contract on the chain.
    #[codec(index = 0)]
    Deploy(Deploy),
    /// Calls a method.
    #[codec(index = 1)]
    Call(Call),
    /// Replaces a contract's code.
    #[codec(index = 2)]
    Upgrade(Upgrade),
    /// Several calls, all or none.
    #[codec(index = 3)]
    Batch(Vec<Call>),
    /// Headers of sidechains, for the mainchain; each is taken or passed over by itself.
    #[codec(index = 4)]
    Anchor(Vec<AnchorUpdate>),
    /// Messages from another chain.
    #[codec(index = 5)]
    Deliver(Box<Delivery>),
    /// How far another chain has come in taking this one's messages.
    #[codec(index = 6)]
    Settle(Box<Settlement>),
    /// A sidechain's committee certified two histories.
    #[codec(index = 7)]
    Fork(Box<ForkEvidence>),
    /// Hands what came back to its contract once more.
    #[codec(index = 8)]
    Claim {
        /// The chain that it came back from.
        source: Name,
        /// Its number on that lane.
        sequence: u64,
    },
    /// Beacons of the mainchain, for a sidechain.
    #[codec(index = 9)]
    Beacons(Vec<Beacon>),
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct TransactionBody {
    /// [`WIRE_VERSION`](crate::WIRE_VERSION).
    pub version: u8,
    /// The chain's name; its genesis is in the digest's domain.
    pub chain: Name,
    /// Who asks.
    pub sender: Address,
    /// The sender's next unused number.
    pub nonce: u64,
    /// The most gas it may use.
    pub gas_limit: u64,
    /// The last height at which it may be executed.
    pub valid_until_height: u64,
    /// What it does.
    pub payload: Payload,
    /// Who pays the gas, if not the sender.
    pub sponsor: Option<Address>,
}

/// A body with its signatures. That they hold is another type's word: the runtime's `VerifiedTransaction`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Transaction {
    /// What is signed.
    pub body: TransactionBody,
    /// The sender's signature.
    pub authorisation: Authorisation,
    /// The sponsor's signature; present exactly when the body names a sponsor. Boxed, because most transactions have
    /// none and a block of them must not take more than twice its bytes.
    pub sponsor_authorisation: Option<Box<Authorisation>>,
}

impl TransactionBody {
    /// What the authorisations sign, on the chain whose genesis has the digest `genesis`.
    pub fn digest(&self, genesis: &Digest) -> Digest {
        domain::digest(domain::Kind::Transaction, genesis, &[&codec::encode(self)])
    }
}

impl Transaction {
    /// The transaction that `bytes` are.
    ///
    /// # Errors
    /// When they are not the canonical encoding of one, of a version that is known.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode_versioned(bytes, TRANSACTION_BYTES_MAX)
    }

    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// The digest it is known by.
    pub fn digest(&self, genesis: &Digest) -> Digest {
        self.body.digest(genesis)
    }
}

impl Payload {
    /// A short word for what it does.
    pub fn kind(&self) -> String {
        match self {
            Self::Deploy(_) => "deploy".into(),
            Self::Call(_) => "call".into(),
            Self::Upgrade(_) => "upgrade".into(),
            Self::Batch(_) => "batch".into(),
            Self::Anchor(_) => "anchor".into(),
            Self::Deliver(_) => "deliver".into(),
            Self::Settle(_) => "settle".into(),
            Self::Fork(_) => "fork".into(),
            Self::Claim { .. } => "claim".into(),
            Self::Beacons(_) => "beacons".into(),
        }
    }
}
