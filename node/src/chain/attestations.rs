//! Attestations: the threshold key's signatures over final headers, and the proofs that end in one.
//!
//! Only the newest is kept: the history that its header commits to holds every header before it. It is made anew every few
//! heights, so losing it loses nothing. An anchor that has an older key is led to the one that signed by the signatures
//! that stand in the registry.

use chancery_abi::{Finality, Header, KeyRotation, Link, merkle::path_in_mountain};
use chancery_runtime::{
    execution::registry::{KeySpan, Registry},
    storage::{Durability, StateBackend, StorageError, WriteBatch},
};
use chancery_verify::threshold::rotation_holds;

use super::{ChainService, ReadError};
use crate::store::chain_db;

/// On whose word a proof says that its header is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A quorum of the committee's, who are named.
    Certificate,
    /// The threshold key's.
    Attestation {
        /// The key that the reader's trust anchor has; without, the one that signs now.
        known: Option<[u8; 96]>,
    },
}

impl<B: StateBackend + 'static> ChainService<B> {
    /// Keeps an attestation, whose signature was checked.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn keep_attestation(&self, height: u64, signature: &[u8; 48]) -> Result<(), StorageError> {
        let mut batch = WriteBatch::default();
        chain_db::stage_attestation(&mut batch, height, signature);
        self.ledger.backend().write(batch, Durability::Buffered)
    }

    /// The newest attestation: of which height, and the signature.
    ///
    /// # Errors
    /// When the store fails.
    pub fn attestation(&self) -> Result<Option<(u64, [u8; 48])>, StorageError> {
        // What is newer than the chain's own tip is of a store that lost its end.
        let newest = self.ledger.db().attestation()?;
        Ok(newest.filter(|(height, _)| *height <= self.ledger.tip().height))
    }

    /// The height of the newest attestation, for a proof that is to end in it.
    pub(super) fn attested_height(&self) -> Result<u64, ReadError> {
        let attested = self.attestation()?.map(|(height, _)| height);
        attested.ok_or(ReadError::NotAttested { height: self.ledger.tip().height, attested: 0 })
    }

    /// What leads from a header of this mainchain to the newest attested one, and shows that this is final.
    pub(super) fn attested(&self, header: &Header, known: Option<[u8; 96]>) -> Result<(Link, Finality), ReadError> {
        let height = header.height;
        let newest = self.attestation()?.filter(|(attested, _)| height <= *attested);
        let Some((attested, signature)) = newest else {
            let attested = self.attestation()?.map_or(0, |(attested, _)| attested);
            return Err(ReadError::NotAttested { height, attested });
        };
        let db = self.ledger.db();
        let link = match attested - height {
            0 => Link::Same,
            _ => {
                let later = db.expect_part(db.header(attested)?, "header", attested)?;
                let path = path_in_mountain(height - 1, attested - 1, |level, place| db.history_subtree(level, place))?;
                Link::History { header: later, path: db.expect_part(path, "place in the history", height)? }
            }
        };
        let rotations = self.rotations(attested, known)?;
        Ok((link, Finality::Attestation { rotations, signature }))
    }

    /// The rotations from the known key to the one that speaks for a height.
    fn rotations(&self, height: u64, known: Option<[u8; 96]>) -> Result<Vec<KeyRotation>, ReadError> {
        let Some(known) = known else { return Ok(Vec::new()) };
        let found = self.read_registry(|registry, _| {
            let spans = registry.threshold_keys()?.spans;
            let Some(at) = spans.iter().position(|span| span.key.key == known) else { return Ok(None) };
            let speaks = spans.iter().rposition(|span| span.key.speaks_for(height));
            let Some(speaks) = speaks else { return Ok(None) };
            // Whoever has the announced key has the one before it.
            let path = spans.get(at..=speaks).unwrap_or_default();
            let steps = path.windows(2).map(|pair| self.rotation(registry, &pair[0], &pair[1]));
            steps.collect::<Result<Option<Vec<_>>, StorageError>>()
        })?;
        found.flatten().ok_or_else(|| ReadError::Unknown {
            what: "threshold key that leads to the one which speaks now".into(),
            code: "unknown_threshold_key",
            chain: self.ledger.rules().name().clone(),
        })
    }

    /// The signature of one key over the next, of those that were put up the first that holds.
    fn rotation(
        &self,
        registry: &Registry<'_>,
        before: &KeySpan,
        after: &KeySpan,
    ) -> Result<Option<KeyRotation>, StorageError> {
        let (key, from_height) = (after.key.key, after.key.from_height);
        let rotation = |(_, signature)| KeyRotation { key, from_height, signature };
        let genesis = self.ledger.rules().digest();
        let holds = |rotation: &KeyRotation| rotation_holds(genesis, &before.key.key, rotation);
        Ok(registry.endorsements(after.round)?.into_iter().map(rotation).find(holds))
    }
}
