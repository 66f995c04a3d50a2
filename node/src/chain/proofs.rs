//! Making proof bundles: one file that leads from a claim to this chain's trust anchor.
//!
//! Where a height has no certificate of its own, the headers that follow lead to the next one that has. A sidechain's
//! header leads to the newest that its mainchain has on record, and from there on it is the mainchain's.

use chancery_abi::{
    Address, Claim, Digest, Finality, Header, Link, Origin, ProofBundle, SidechainOrigin, StateSubject, WIRE_VERSION,
    codec,
    lane::{AnchorState, Anchored, MainchainEntry, slots},
    limits::SLOT_KEY_BYTES_MAX,
    merkle::path_in_mountain,
};
use chancery_runtime::{
    execution::lanes,
    state::StateError,
    storage::{StateBackend, StorageError},
};
use chancery_verify::roots;

use super::{ChainError, ChainService, ContractRef, FinalityProof, ReadError, Word};

impl<B: StateBackend + 'static> ChainService<B> {
    /// Proves an entry of a contract's state, or its absence, as of `height` or the newest block; by an attestation, or the
    /// newest attested one.
    ///
    /// # Errors
    /// When there is no such contract, or the height cannot be proven any more or not yet.
    pub fn prove_state(
        &self,
        reference: &ContractRef,
        key: &[u8],
        height: Option<u64>,
        word: Word,
    ) -> Result<ProofBundle, ReadError> {
        if key.len() > SLOT_KEY_BYTES_MAX {
            let (limit, found) = (SLOT_KEY_BYTES_MAX as u64, key.len() as u64);
            return Err(ReadError::Limit { what: "the key's length in bytes", limit, found });
        }
        let (address, subject) = self.subject(reference)?;
        let height = match height {
            Some(height) => height,
            None => self.newest_provable(word)?,
        };
        if let Some(mainchain) = self.mainchain() {
            let AnchorState { newest, closed, .. } = self.anchored(mainchain)?;
            let anchored = newest.height;
            if closed.is_some() && height > anchored {
                // What a chain did beyond its last header is on nobody's record, and never will be.
                return Err(ReadError::NotProvable { height, oldest: 1, newest: anchored });
            }
            if height > anchored || height == 0 {
                let height = height.max(1);
                self.want_anchor(height);
                return Err(ReadError::NotAnchored { height, anchored });
            }
        }
        let state = self.ledger.state().map_err(|error| self.not_answered(error))?;
        if height == 0 {
            // The genesis has no header that could commit to anything.
            let (oldest, newest) = state.provable();
            return Err(ReadError::NotProvable { height, oldest: oldest.max(1), newest });
        }
        let proof = state.prove(height, &address, key).map_err(|error| self.not_answered(error.into()))?;
        // The block is in the store before the state moves on to it.
        drop(state);
        let claim = Claim::State { subject, key: key.to_vec(), value: proof.value, nodes: proof.nodes };
        self.bundle(claim, height, word)
    }

    fn subject(&self, reference: &ContractRef) -> Result<(Address, StateSubject), ReadError> {
        if *reference == ContractRef::Address(Address::system()) {
            return Ok((Address::system(), StateSubject::System));
        }
        let found = self.find_contract(reference)?;
        let subject = StateSubject::Contract { department: found.record.department, name: found.record.name };
        Ok((found.address, subject))
    }

    /// Proves a transaction's receipt.
    ///
    /// # Errors
    /// When the transaction is not final.
    pub fn prove_receipt(&self, transaction: &Digest, word: Word) -> Result<ProofBundle, ReadError> {
        let db = self.ledger.db();
        let place = db.transaction_place(transaction)?.ok_or_else(|| ReadError::Unknown {
            what: format!("final transaction {transaction}"),
            code: "unknown_transaction",
            chain: self.ledger.rules().name().clone(),
        })?;
        let mut receipts = db.expect_part(db.receipts(place.height)?, "receipts", place.height)?;
        let path = roots::receipt_path(self.ledger.rules().digest(), &receipts, place.index);
        let path = db.expect_part(path, "receipt of a transaction", place.height)?;
        let receipt = receipts.swap_remove(place.index as usize);
        self.bundle(Claim::Receipt { receipt, path }, place.height, word)
    }

    fn bundle(&self, claim: Claim, height: u64, word: Word) -> Result<ProofBundle, ReadError> {
        let db = self.ledger.db();
        let header: Header = db.expect_part(db.header(height)?, "header", height)?;
        if let Some(mainchain) = self.mainchain() {
            return self.sidechain_bundle(mainchain, claim, header, word);
        }
        self.bundle_of(claim, header, word)
    }

    /// A bundle of a header of a mainchain.
    fn bundle_of(&self, claim: Claim, header: Header, word: Word) -> Result<ProofBundle, ReadError> {
        let (link, finality) = match word {
            Word::Certificate => self.certified(&header)?,
            Word::Attestation { known } => self.attested(&header, known)?,
        };
        let origin = Origin::AnchoredChain;
        Ok(ProofBundle { version: WIRE_VERSION, origin, claim, header, link, finality })
    }

    /// What leads from a header to the next certified one, and shows that this is final.
    fn certified(&self, header: &Header) -> Result<(Link, Finality), ReadError> {
        let (db, height) = (self.ledger.db(), header.height);
        let FinalityProof { descendants, certificate } =
            db.expect_part(db.finality(height)?, "certificate at or after the block", height)?;
        let hand_overs = self.ledger.hand_overs(header.epoch)?;
        let link = if descendants.is_empty() { Link::Same } else { Link::Descendants(descendants) };
        Ok((link, Finality::Certificate { hand_overs, certificate }))
    }

    /// An entry of the mainchain's state as of the newest header of it that this sidechain has seen, for a contract here to be
    /// shown.
    ///
    /// # Errors
    /// When this is no sidechain, it has seen nothing yet, or that state cannot be proven any more.
    pub fn present_entry(&self, contract: Address, key: Vec<u8>) -> Result<MainchainEntry, ReadError> {
        let Some(mainchain) = self.mainchain() else {
            return Err(ReadError::NotHere("only on a sidechain is something of the mainchain presented"));
        };
        let seen = self.newest_seen().map_err(|error| self.not_answered(error))?;
        let db = mainchain.ledger.db();
        let Some(header) = db.header(seen)? else {
            return Err(ReadError::NotAnchored { height: mainchain.ledger.tip().height, anchored: 0 });
        };
        let state = mainchain.ledger.state().map_err(|error| self.not_answered(error))?;
        let proof = state.prove(seen, &contract, &key).map_err(|error| self.not_answered(error.into()))?;
        Ok(MainchainEntry { header, contract, key, value: proof.value, nodes: proof.nodes })
    }

    /// The mainchain's first record of this sidechain's header at `height` or above, as a contract here can be shown it.
    ///
    /// # Errors
    /// When there is none yet, or this chain has not seen it yet: asking has both done.
    pub fn present_own_anchor(&self, height: u64) -> Result<MainchainEntry, ReadError> {
        let Some(mainchain) = self.mainchain() else {
            return Err(ReadError::NotHere("only a sidechain is anchored"));
        };
        let name = self.ledger.rules().name();
        let record = mainchain.read_state(|view| lanes::anchors::first_anchored_from(view, name, height));
        let Some(record) = record.map_err(|error| self.not_answered(error))? else {
            self.want_anchor(height);
            return Err(ReadError::NotAnchored { height, anchored: self.anchored(mainchain)?.newest.height });
        };
        let seen = self.newest_seen().map_err(|error| self.not_answered(error))?;
        if seen < record.mainchain_height {
            self.want_seen(record.mainchain_height);
            return Err(ReadError::NotAnchored { height, anchored: record.height });
        }
        self.present_entry(Address::system(), slots::anchored(name, record.height))
    }

    /// The newest height that leads to the trust anchor: of a sidechain, the newest that its mainchain has on record.
    fn newest_provable(&self, word: Word) -> Result<u64, ReadError> {
        match (self.mainchain(), word) {
            (Some(mainchain), Word::Certificate) => Ok(self.anchored(mainchain)?.newest.height),
            (Some(mainchain), Word::Attestation { .. }) => {
                let state = mainchain.ledger.state().map_err(|error| self.not_answered(error))?;
                let slot = slots::anchor(self.ledger.rules().name());
                let at = state.prove(mainchain.attested_height()?, &Address::system(), &slot);
                let value = at.map_err(|error| self.not_answered(error.into()))?.value;
                let anchored = value.and_then(|value| codec::decode::<AnchorState>(&value, value.len()).ok());
                Ok(anchored.map_or(0, |state| state.newest.height))
            }
            (None, Word::Certificate) => Ok(self.ledger.tip().height),
            (None, Word::Attestation { .. }) => self.attested_height(),
        }
    }

    fn anchored(&self, mainchain: &Self) -> Result<AnchorState, ReadError> {
        let name = self.ledger.rules().name();
        let state = mainchain.anchor_state(name).map_err(|error| self.not_answered(error))?;
        state.ok_or_else(|| ReadError::Failed(format!("the mainchain does not know chain {name}")))
    }

    /// A bundle that leads from a sidechain's header through its anchor to the mainchain.
    fn sidechain_bundle(
        &self,
        mainchain: &Self,
        claim: Claim,
        header: Header,
        word: Word,
    ) -> Result<ProofBundle, ReadError> {
        let (name, height) = (self.ledger.rules().name(), header.height);
        // Of one block of the mainchain: its state, its header and what shows that it is final.
        let (newest, record, nodes, main_height) = {
            let state = mainchain.ledger.state().map_err(|error| self.not_answered(error))?;
            let main_height = match word {
                Word::Certificate => state.height(),
                Word::Attestation { .. } => mainchain.attested_height()?,
            };
            let prove = |slot: &[u8]| state.prove(main_height, &Address::system(), slot);
            let anchored = prove(&slots::anchor(name)).map_err(|error| self.not_answered(error.into()))?;
            let newest = anchored.value.and_then(|value| codec::decode::<AnchorState>(&value, value.len()).ok());
            let newest = newest.map_or(0, |state| state.newest.height);
            let slot = slots::anchored(name, newest);
            let proof = prove(&slot).map_err(|error| self.not_answered(error.into()))?;
            let record = proof.value.and_then(|value| codec::decode::<Anchored>(&value, value.len()).ok());
            (newest, record, proof.nodes, main_height)
        };
        let (Some(record), true) = (record, height <= newest) else {
            // Whoever asks has it anchored.
            self.want_anchor(height);
            return Err(ReadError::NotAnchored { height, anchored: newest });
        };
        let db = self.ledger.db();
        let link = match newest - height {
            0 => Link::Same,
            _ => {
                let Some(later) = db.header(newest)? else {
                    return Err(ReadError::Behind { height: self.ledger.tip().height, needed: newest });
                };
                let path = path_in_mountain(height - 1, newest - 1, |level, place| db.history_subtree(level, place))?;
                Link::History { header: later, path: db.expect_part(path, "place in the history", height)? }
            }
        };
        let main_db = mainchain.ledger.db();
        let main_header = main_db.expect_part(main_db.header(main_height)?, "header", main_height)?;
        let ProofBundle { link: main_link, finality, .. } =
            mainchain.bundle_of(claim.clone(), main_header.clone(), word)?;
        let origin = SidechainOrigin { link, record, nodes, mainchain: main_header };
        let origin = Origin::Sidechain(Box::new(origin));
        Ok(ProofBundle { version: WIRE_VERSION, origin, claim, header, link: main_link, finality })
    }

    pub(super) fn not_answered(&self, error: ChainError) -> ReadError {
        match error {
            ChainError::State(StateError::NotProvable { height, oldest, newest }) => {
                ReadError::NotProvable { height, oldest: oldest.max(1), newest }
            }
            ChainError::State(StateError::Storage(error)) | ChainError::Storage(error) => ReadError::Storage(error),
            error if error.is_storage() => ReadError::Storage(StorageError::new("prove", error)),
            error => ReadError::Failed(error.to_string()),
        }
    }
}
