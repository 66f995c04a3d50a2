//! What a chain's store knows beyond its state: blocks, certificates and receipts by height, and where to find them.
//!
//! Invariants: everything about an executed block is staged by one call, [`stage_block`], into the same batch as the
//! block's state; a block, a certificate and receipts have one home, by height, and the index only points there. A
//! block that is final and not executed yet has its header, its transactions and perhaps its certificate there already,
//! above the tip. Not every height has a certificate of its own. Reads take any [`StateReader`], so that several can be
//! made of one moment.

use chancery_abi::{
    Address, Block, Certificate, Committee, Digest, Genesis, HandOver, Header, Name, Outcome, Payload, Receipt,
    Transaction,
};
use chancery_runtime::{
    execution::chain::ChainTip,
    storage::{Column, StateReader, StorageError, WriteBatch},
};

use super::disk_format::{self as format, decode, encode};

/// Contracts of one name that are looked at; more departments than this cannot exist.
const CONTRACTS_OF_A_NAME_MAX: usize = chancery_abi::limits::DEPARTMENTS_MAX;

/// What shows that a block is final: its own votes, or a descendant's and the headers between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalityProof {
    /// The headers that follow the block's up to the certified one; none where the certificate is the block's own.
    pub descendants: Vec<Header>,
    /// The votes.
    pub certificate: Certificate,
}

impl From<Certificate> for FinalityProof {
    fn from(certificate: Certificate) -> Self {
        Self { descendants: Vec::new(), certificate }
    }
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionPlace {
    /// The block's height.
    pub height: u64,
    /// The transaction's place in the block.
    pub index: u32,
}

/// A committee's term of office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Its number, from 0.
    pub epoch: u64,
    /// The first height that the committee certifies; 0, the genesis, in the first term.
    pub first_height: u64,
    /// The committee.
    pub committee: Committee,
}

impl Term {
    /// A chain's first term.
    pub fn first(genesis: &Genesis) -> Self {
        Self { epoch: 0, first_height: 0, committee: genesis.committee.clone() }
    }

    /// The term that begins after a block, when the block ends one.
    pub fn after(header: &Header, tip: &ChainTip) -> Option<Self> {
        let begun = tip.epoch > header.epoch;
        begun.then(|| Self { epoch: tip.epoch, first_height: tip.height + 1, committee: tip.committee.clone() })
    }
}

/// A block that became final, with everything that is kept of it.
pub struct CommittedBlock<'a> {
    /// The block.
    pub block: &'a Block,
    /// What its transactions did, in order.
    pub receipts: &'a [Receipt],
    /// The votes for it, where it has some of its own.
    pub certificate: Option<&'a Certificate>,
    /// The history's subtrees that it closed.
    pub subtrees: &'a [(u8, u64, Digest)],
    /// The tip that it is.
    pub tip: &'a ChainTip,
}

/// Adds to `batch` all that is kept of a block beside its state.
pub fn stage_block(batch: &mut WriteBatch, committed: &CommittedBlock<'_>) {
    let CommittedBlock { block, receipts, certificate, subtrees, tip } = committed;
    let height = block.header.height;
    stage_final_block(batch, block, &tip.header);
    batch.put(Column::Blocks, format::height_key(format::RECEIPTS, height), encode(receipts));
    if let Some(certificate) = certificate {
        stage_certificate(batch, height, certificate);
    }
    for (level, place, hash) in *subtrees {
        batch.put(Column::Index, format::subtree_key(*level, *place), hash.0);
    }
    for (transaction, receipt) in block.transactions.iter().zip(*receipts) {
        let place = TransactionPlace { height, index: receipt.index };
        let key = format::digest_key(format::TRANSACTION_PLACE, &receipt.transaction);
        batch.put(Column::Index, key, place.to_bytes());
        if let (Payload::Deploy(deploy), Outcome::Done { .. }) = (&transaction.body.payload, &receipt.outcome) {
            let address = Address::of_contract(&block.header.chain, &deploy.department, &deploy.name);
            stage_contract_name(batch, &deploy.department, &deploy.name, &address);
        }
    }
    if let Some(term) = Term::after(&block.header, tip) {
        batch.put(Column::Meta, format::term_key(term.epoch), encode(&(term.first_height, &term.committee)));
    }
    batch.put(Column::Meta, format::TIP, encode(tip));
}

/// Adds to `batch` where a contract is found by its name.
pub fn stage_contract_name(batch: &mut WriteBatch, department: &Name, name: &Name, address: &Address) {
    batch.put(Column::Index, format::contract_name_key(department, name), address.0);
}

/// The block that a store begins with which was filled from a snapshot.
pub struct BaseBlock<'a> {
    /// The block.
    pub block: &'a Block,
    /// Its own certificate.
    pub certificate: &'a Certificate,
    /// The hand-overs that lead to its committee.
    pub hand_overs: &'a [HandOver],
    /// The history's complete subtrees that later ones are made of, and those that the block closed.
    pub subtrees: &'a [(u8, u64, Digest)],
    /// The tip that it is.
    pub tip: &'a ChainTip,
}

/// Adds to `batch` all that the chain with this genesis keeps of blocks when it begins at one. Of those before there are
/// only the headers and certificates that ended a committee's term.
pub fn stage_base(batch: &mut WriteBatch, base: &BaseBlock<'_>, genesis: &Digest) {
    let BaseBlock { block, certificate, hand_overs, subtrees, tip } = base;
    stage_final_block(batch, block, &tip.header);
    stage_certificate(batch, tip.height, certificate);
    for (level, place, hash) in *subtrees {
        batch.put(Column::Index, format::subtree_key(*level, *place), hash.0);
    }
    for (epoch, HandOver { header, certificate, next }) in (1..).zip(*hand_overs) {
        let height = header.height;
        batch.put(Column::Blocks, format::height_key(format::HEADER, height), encode(header));
        let digest = header.digest(genesis);
        batch.put(Column::Index, format::digest_key(format::HEADER_HEIGHT, &digest), encode(&height));
        stage_certificate(batch, height, certificate);
        batch.put(Column::Meta, format::term_key(epoch), encode(&(height + 1, next)));
    }
    batch.put(Column::Meta, format::BASE, encode(&tip.height));
    batch.put(Column::Meta, format::TIP, encode(tip));
}

/// Adds to `batch` an attestation, in the place of the one before.
pub fn stage_attestation(batch: &mut WriteBatch, height: u64, signature: &[u8; 48]) {
    batch.put(Column::Meta, format::ATTESTATION, encode(&(height, signature)));
}

/// Adds to `batch` a block that is final, whether or not it was executed here.
pub fn stage_final_block(batch: &mut WriteBatch, block: &Block, digest: &Digest) {
    let height = block.header.height;
    batch.put(Column::Blocks, format::height_key(format::HEADER, height), encode(&block.header));
    batch.put(Column::Blocks, format::height_key(format::TRANSACTIONS, height), encode(&block.transactions));
    batch.put(Column::Index, format::digest_key(format::HEADER_HEIGHT, digest), encode(&height));
}

/// Adds to `batch` the votes for the block at `height`.
pub fn stage_certificate(batch: &mut WriteBatch, height: u64, certificate: &Certificate) {
    batch.put(Column::Blocks, format::height_key(format::CERTIFICATE, height), encode(certificate));
}

/// Adds to `batch` the genesis of a chain that begins.
pub fn stage_genesis(batch: &mut WriteBatch, genesis: &Genesis) {
    batch.put(Column::Meta, format::GENESIS, encode(genesis));
    if genesis.registry.is_some() {
        // Found by its name like what transactions deploy; the first block sets it up.
        let name = Name::new("registry").expect("a valid name");
        let address = Address::registry(&genesis.chain);
        batch.put(Column::Index, format::contract_name_key(&name, &name), address.0);
    }
}

/// Reads what [`stage_block`] and [`stage_genesis`] wrote.
#[derive(Clone, Copy)]
pub struct ChainDb<'a>(pub &'a dyn StateReader);

impl ChainDb<'_> {
    /// The genesis the store began with, if it began.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn genesis(&self) -> Result<Option<Genesis>, StorageError> {
        let bytes = self.0.get(Column::Meta, format::GENESIS)?;
        bytes.map(|bytes| decode("read the genesis", &bytes)).transpose()
    }

    /// The newest committed block's tip; none before the first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn tip(&self) -> Result<Option<ChainTip>, StorageError> {
        let bytes = self.0.get(Column::Meta, format::TIP)?;
        bytes.map(|bytes| decode("read the tip", &bytes)).transpose()
    }

    /// The height that the store begins at, when it was filled from a snapshot: of the blocks before it there are none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn base(&self) -> Result<Option<u64>, StorageError> {
        let bytes = self.0.get(Column::Meta, format::BASE)?;
        bytes.map(|bytes| decode("read where the store begins", &bytes)).transpose()
    }

    /// The newest attestation that this node knows: of which height, and the signature.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn attestation(&self) -> Result<Option<(u64, [u8; 48])>, StorageError> {
        let bytes = self.0.get(Column::Meta, format::ATTESTATION)?;
        bytes.map(|bytes| decode("read an attestation", &bytes)).transpose()
    }

    /// All terms after the first, by their numbers.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn terms(&self) -> Result<Vec<Term>, StorageError> {
        let mut terms = Vec::new();
        for epoch in 1.. {
            let Some(bytes) = self.0.get(Column::Meta, &format::term_key(epoch))? else { break };
            let (first_height, committee) = decode("read a committee's term", &bytes)?;
            terms.push(Term { epoch, first_height, committee });
        }
        Ok(terms)
    }

    /// The header at `height`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn header(&self, height: u64) -> Result<Option<Header>, StorageError> {
        self.part(format::HEADER, height, "read a header")
    }

    /// The transactions of the block at `height`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn transactions(&self, height: u64) -> Result<Option<Vec<Transaction>>, StorageError> {
        self.part(format::TRANSACTIONS, height, "read a block's transactions")
    }

    /// The certificate of the block at `height`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn certificate(&self, height: u64) -> Result<Option<Certificate>, StorageError> {
        self.part(format::CERTIFICATE, height, "read a certificate")
    }

    /// What shows that the block at `height` is final, as far as it has reached this store: nothing while the next
    /// certificate is not here, or a header on the way to it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn finality(&self, height: u64) -> Result<Option<FinalityProof>, StorageError> {
        let from = format::height_key(format::CERTIFICATE, height);
        let Some((key, value)) = self.0.scan(Column::Blocks, &[format::CERTIFICATE], &from, 1)?.pop() else {
            return Ok(None);
        };
        let certified =
            format::height_of_key(&key).ok_or_else(|| StorageError::new("read a certificate", "malformed key"))?;
        let certificate = decode("read a certificate", &value)?;
        let headers = (height + 1..=certified).map(|height| self.header(height));
        let descendants = headers.collect::<Result<Option<Vec<_>>, _>>()?;
        Ok(descendants.map(|descendants| FinalityProof { descendants, certificate }))
    }

    /// The heights from `from` on that have votes of their own, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn certified_heights(&self, from: u64, limit: usize) -> Result<Vec<u64>, StorageError> {
        self.heights(format::CERTIFICATE, from, limit)
    }

    /// The heights from `from` on whose blocks are here, executed or not, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn block_heights(&self, from: u64, limit: usize) -> Result<Vec<u64>, StorageError> {
        self.heights(format::HEADER, from, limit)
    }

    fn heights(&self, kind: u8, from: u64, limit: usize) -> Result<Vec<u64>, StorageError> {
        let entries = self.0.scan(Column::Blocks, &[kind], &format::height_key(kind, from), limit)?;
        let height = |(key, _): (Vec<u8>, Vec<u8>)| {
            format::height_of_key(&key).ok_or_else(|| StorageError::new("read a height", "malformed key"))
        };
        entries.into_iter().map(height).collect()
    }

    /// The receipts of the block at `height`, in the order of its transactions.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn receipts(&self, height: u64) -> Result<Option<Vec<Receipt>>, StorageError> {
        self.part(format::RECEIPTS, height, "read a block's receipts")
    }

    /// The block at `height`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn block(&self, height: u64) -> Result<Option<Block>, StorageError> {
        let (Some(header), Some(transactions)) = (self.header(height)?, self.transactions(height)?) else {
            return Ok(None);
        };
        Ok(Some(Block { header, transactions }))
    }

    fn part<T: parity_scale_codec::Decode>(
        &self,
        kind: u8,
        height: u64,
        what: &'static str,
    ) -> Result<Option<T>, StorageError> {
        let bytes = self.0.get(Column::Blocks, &format::height_key(kind, height))?;
        bytes.map(|bytes| decode(what, &bytes)).transpose()
    }

    /// Where the transaction with this digest is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn transaction_place(&self, digest: &Digest) -> Result<Option<TransactionPlace>, StorageError> {
        let bytes = self.0.get(Column::Index, &format::digest_key(format::TRANSACTION_PLACE, digest))?;
        bytes.map(|bytes| TransactionPlace::from_bytes(&bytes)).transpose()
    }

    /// The receipt of the transaction with this digest.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn receipt(&self, digest: &Digest) -> Result<Option<Receipt>, StorageError> {
        let Some(place) = self.transaction_place(digest)? else { return Ok(None) };
        let mut receipts = self.expect_part(self.receipts(place.height)?, "receipts", place.height)?;
        let index = place.index as usize;
        if index >= receipts.len() {
            return Err(missing(format_args!("receipt {index} of height {}", place.height)));
        }
        Ok(Some(receipts.swap_remove(index)))
    }

    /// A part of a block that other entries say is there.
    ///
    /// # Errors
    /// When it is not: the store is damaged.
    pub fn expect_part<T>(&self, part: Option<T>, what: &str, height: u64) -> Result<T, StorageError> {
        part.ok_or_else(|| missing(format_args!("the {what} of height {height}")))
    }

    /// The height of the header with this digest.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn header_height(&self, digest: &Digest) -> Result<Option<u64>, StorageError> {
        let bytes = self.0.get(Column::Index, &format::digest_key(format::HEADER_HEIGHT, digest))?;
        bytes.map(|bytes| decode("read a header's height", &bytes)).transpose()
    }

    /// A complete subtree of the history, as [`chancery_abi::merkle::path_in_mountain`] asks for it.
    ///
    /// # Errors
    /// When it is not there, or the store cannot be read.
    pub fn history_subtree(&self, level: u8, place: u64) -> Result<Digest, StorageError> {
        let subtree = self.history_subtree_if_kept(level, place)?;
        subtree.ok_or_else(|| missing(format_args!("subtree {place} on level {level} of the history")))
    }

    /// The same, or none: a store that was filled from a snapshot has little of the history before it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn history_subtree_if_kept(&self, level: u8, place: u64) -> Result<Option<Digest>, StorageError> {
        let bytes = self.0.get(Column::Index, &format::subtree_key(level, place))?;
        Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map(Digest))
    }

    /// The addresses of the contracts called `name`, with their departments, in the departments' order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn contracts_named(&self, name: &Name) -> Result<Vec<(Name, Address)>, StorageError> {
        let prefix = format::contract_name_prefix(name);
        let entries = self.0.scan(Column::Index, &prefix, &[], CONTRACTS_OF_A_NAME_MAX)?;
        let read = |(key, value): (Vec<u8>, Vec<u8>)| {
            let department = key.strip_prefix(&prefix[..]).and_then(|text| String::from_utf8(text.to_vec()).ok());
            let department = department.and_then(|text| Name::new(text).ok());
            let address = value.try_into().ok().map(Address);
            department.zip(address).ok_or_else(|| StorageError::new("read a contract's name", "malformed entry"))
        };
        entries.into_iter().map(read).collect()
    }
}

fn missing(what: std::fmt::Arguments<'_>) -> StorageError {
    StorageError::new("find what it must have", format_args!("{what} is missing; the store is damaged"))
}
