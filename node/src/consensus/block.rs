//! Blocks as the engine carries them: our own bytes behind their length, known by their header's digest.
//!
//! Invariant: a block that was read has the one encoding that there is of it, and the transactions that its header
//! commits to; so two blocks of one digest are the same block, although the digest covers the header alone. The
//! genesis is the block of height 0 without bytes.

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use chancery_abi::{Block, Digest, codec, limits};
use chancery_verify::roots;
use commonware_codec::{Buf, EncodeSize, Error, RangeCfg, Read, Write};
use commonware_consensus::{Block as ConsensusBlock, BoundedBlock, Heightable, types::Height};
use commonware_cryptography::{Digestible, sha256};

/// The most bytes of a block: its transactions', and what a header and lengths take.
pub(super) const BLOCK_WIRE_BYTES_MAX: usize = limits::BLOCK_BYTES_MAX + (64 << 10);

/// What reading a block takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockRules {
    pub(super) genesis: Digest,
}

/// A block of the chain, or its genesis.
#[derive(Clone, Debug)]
pub(super) struct ChainBlock {
    block: Option<Arc<Block>>,
    digest: Digest,
    bytes: Bytes,
}

impl ChainBlock {
    /// The genesis.
    pub(super) fn genesis(digest: Digest) -> Self {
        Self { block: None, digest, bytes: Bytes::new() }
    }

    /// A block that this chain built or stored.
    pub(super) fn new(block: Arc<Block>, rules: BlockRules) -> Self {
        let digest = block.header.digest(&rules.genesis);
        let bytes = codec::encode(&*block).into();
        Self { block: Some(block), digest, bytes }
    }

    /// The block; none for the genesis.
    pub(super) fn block(&self) -> Option<&Arc<Block>> {
        self.block.as_ref()
    }

    /// Its digest in our own type.
    pub(super) fn own_digest(&self) -> Digest {
        self.digest
    }

    /// Its parent's digest in our own type; all zeros for the genesis.
    pub(super) fn own_parent(&self) -> Digest {
        self.block.as_ref().map_or(Digest::default(), |block| block.header.parent)
    }

    fn decode(bytes: Bytes, rules: &BlockRules) -> Result<Self, Error> {
        if bytes.is_empty() {
            return Ok(Self::genesis(rules.genesis));
        }
        let block: Block = codec::decode(&bytes, BLOCK_WIRE_BYTES_MAX).map_err(|_| Error::Invalid("Block", "bytes"))?;
        // The genesis alone is of height 0.
        if block.header.height == 0 {
            return Err(Error::Invalid("Block", "height"));
        }
        if roots::transactions_root(&rules.genesis, &block.transactions) != block.header.transactions_root {
            return Err(Error::Invalid("Block", "transactions root"));
        }
        let digest = block.header.digest(&rules.genesis);
        Ok(Self { block: Some(Arc::new(block)), digest, bytes })
    }
}

/// Our digest as the engine's.
pub(super) fn engine_digest(digest: &Digest) -> sha256::Digest {
    sha256::Digest::from(digest.0)
}

/// The engine's digest as ours.
pub(super) fn own_digest(digest: &sha256::Digest) -> Digest {
    Digest(digest.0)
}

impl Write for ChainBlock {
    fn write(&self, buffer: &mut impl BufMut) {
        self.bytes.write(buffer);
    }
}

impl EncodeSize for ChainBlock {
    fn encode_size(&self) -> usize {
        self.bytes.encode_size()
    }
}

impl Read for ChainBlock {
    type Cfg = BlockRules;

    fn read_cfg(buffer: &mut impl Buf, rules: &BlockRules) -> Result<Self, Error> {
        Self::decode(Bytes::read_cfg(buffer, &RangeCfg::from(0..=BLOCK_WIRE_BYTES_MAX))?, rules)
    }
}

impl Digestible for ChainBlock {
    type Digest = sha256::Digest;

    fn digest(&self) -> sha256::Digest {
        engine_digest(&self.digest)
    }
}

impl Heightable for ChainBlock {
    fn height(&self) -> Height {
        Height::new(self.block.as_ref().map_or(0, |block| block.header.height))
    }
}

impl ConsensusBlock for ChainBlock {
    fn parent(&self) -> sha256::Digest {
        engine_digest(&self.own_parent())
    }
}

impl BoundedBlock for ChainBlock {
    fn max_encode_size(_: &BlockRules) -> usize {
        // A length takes at most five bytes.
        BLOCK_WIRE_BYTES_MAX + 5
    }
}
