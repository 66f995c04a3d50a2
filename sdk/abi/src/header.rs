//! Headers and blocks. A header commits to everything: the block's transactions and receipts, the state after it and
//! all earlier headers.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode, Error, Input};

use crate::{Digest, Name, Transaction, codec, domain};

/// The random value of a mainchain height, known only after that height is final.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Beacon {
    /// The mainchain height it belongs to.
    pub height: u64,
    /// The group's signature over [`preimage`](Self::preimage), a compressed point of G1.
    pub signature: [u8; 48],
}

impl Beacon {
    /// The bytes that the holders of the mainchain's threshold key sign for `height`, in BLS12-381's MinSig form: hashed
    /// to G1 under the tag `BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_`. The length of the domain comes first, in
    /// LEB128, as the engine's library writes it.
    pub fn preimage(genesis: &Digest, height: u64) -> Vec<u8> {
        domain::prefixed(domain::Kind::Beacon, genesis, &height.to_le_bytes())
    }

    /// What contracts are given: the SHA-256 of the signature, every bit of which nobody could know before.
    pub fn value(&self) -> Digest {
        Digest::of(&self.signature)
    }
}

/// The newest mainchain header that a sidechain's block has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct MainchainSeen {
    /// Its height.
    pub height: u64,
    /// Its digest.
    pub header: Digest,
}

/// What validators vote for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Header {
    /// [`WIRE_VERSION`](crate::WIRE_VERSION).
    pub version: u8,
    /// The chain's name.
    pub chain: Name,
    /// 1 for the first block; the genesis is height 0 and has no header.
    pub height: u64,
    /// The committee's term, from 0.
    pub epoch: u64,
    /// The digest of the header before; the genesis' digest at height 1.
    pub parent: Digest,
    /// Milliseconds since 1970 by the proposer's clock, never decreasing.
    pub timestamp_ms: u64,
    /// The proposer's ed25519 key.
    pub proposer: [u8; 32],
    /// The state's root after this block.
    pub state_root: Digest,
    /// The digest over the Merkle root of the block's encoded transactions and their number.
    pub transactions_root: Digest,
    /// The digest over the Merkle root of the block's receipts' digests and their number.
    pub receipts_root: Digest,
    /// The digest over the root of the Merkle mountain range of all earlier headers' digests and their number.
    pub history_root: Digest,
    /// At an epoch's end, the digest of the committee that follows.
    pub next_committee: Option<Digest>,
    /// Gas used by the block's transactions.
    pub gas_used: u64,
    /// The number of the gas schedule.
    pub schedule: u32,
    /// Beacons that became known.
    pub beacons: Vec<Beacon>,
    /// The newest mainchain header seen, on a sidechain.
    pub mainchain: Option<MainchainSeen>,
}

impl Header {
    /// The digest the header is known and certified by.
    pub fn digest(&self, genesis: &Digest) -> Digest {
        domain::digest(domain::Kind::Header, genesis, &[&codec::encode(self)])
    }
}

/// A header with its transactions.
///
/// In memory it may take two and a quarter times its bytes, where everything else takes at most twice its bytes: a
/// block of the smallest calls is valid, so it must be readable.
#[derive(Clone, Debug, PartialEq, Eq, Encode, DecodeWithMemTracking)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The transactions in the order of their execution.
    pub transactions: Vec<Transaction>,
}

impl Decode for Block {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let mut input = Discounted(input);
        Ok(Self { header: Decode::decode(&mut input)?, transactions: Decode::decode(&mut input)? })
    }
}

/// An input that reports eight ninths of what is allocated.
struct Discounted<'a, I>(&'a mut I);

impl<I: Input> Input for Discounted<'_, I> {
    fn remaining_len(&mut self) -> Result<Option<usize>, Error> {
        self.0.remaining_len()
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), Error> {
        self.0.read(into)
    }

    fn read_byte(&mut self) -> Result<u8, Error> {
        self.0.read_byte()
    }

    fn descend_ref(&mut self) -> Result<(), Error> {
        self.0.descend_ref()
    }

    fn ascend_ref(&mut self) {
        self.0.ascend_ref();
    }

    fn on_before_alloc_mem(&mut self, size: usize) -> Result<(), Error> {
        self.0.on_before_alloc_mem(size - size / 9)
    }
}
