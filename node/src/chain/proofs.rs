//! Making proof bundles: one file that leads from a claim to this chain's trust anchor.
//!
//! Where a height has no certificate of its own, the headers that follow lead to the next one that has.

use chancery_abi::{
    Address, Claim, Digest, Finality, Header, Link, Origin, ProofBundle, StateSubject, WIRE_VERSION,
    limits::SLOT_KEY_BYTES_MAX,
};
use chancery_runtime::{state::StateError, storage::StorageError};
use chancery_verify::roots;

use super::{ChainError, ChainService, ContractRef, FinalityProof, ReadError};

impl ChainService {
    /// Proves an entry of a contract's state, or its absence, as of `height` or the newest block.
    ///
    /// # Errors
    /// When there is no such contract, or the height cannot be proven any more or not yet.
    pub fn prove_state(
        &self,
        reference: &ContractRef,
        key: &[u8],
        height: Option<u64>,
    ) -> Result<ProofBundle, ReadError> {
        if key.len() > SLOT_KEY_BYTES_MAX {
            let (limit, found) = (SLOT_KEY_BYTES_MAX as u64, key.len() as u64);
            return Err(ReadError::Limit { what: "the key's length in bytes", limit, found });
        }
        let (address, subject) = self.subject(reference)?;
        let state = self.ledger.state().map_err(|error| self.not_answered(error))?;
        let height = height.unwrap_or_else(|| state.height());
        if height == 0 {
            // The genesis has no header that could commit to anything.
            let (oldest, newest) = state.provable();
            return Err(ReadError::NotProvable { height, oldest: oldest.max(1), newest });
        }
        let proof = state.prove(height, &address, key).map_err(|error| self.not_answered(error.into()))?;
        // The block is in the store before the state moves on to it.
        drop(state);
        let claim = Claim::State { subject, key: key.to_vec(), value: proof.value, nodes: proof.nodes };
        self.bundle(claim, height)
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
    pub fn prove_receipt(&self, transaction: &Digest) -> Result<ProofBundle, ReadError> {
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
        self.bundle(Claim::Receipt { receipt, path }, place.height)
    }

    fn bundle(&self, claim: Claim, height: u64) -> Result<ProofBundle, ReadError> {
        let db = self.ledger.db();
        let header: Header = db.expect_part(db.header(height)?, "header", height)?;
        let FinalityProof { descendants, certificate } =
            db.expect_part(db.finality(height)?, "certificate at or after the block", height)?;
        let hand_overs = self.ledger.hand_overs(header.epoch)?;
        let link = if descendants.is_empty() { Link::Same } else { Link::Descendants(descendants) };
        Ok(ProofBundle {
            version: WIRE_VERSION,
            origin: Origin::AnchoredChain,
            claim,
            header,
            link,
            finality: Finality::Certificate { hand_overs, certificate },
        })
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
