//! Whether a snapshot that leads to the trust anchor may take the place of what a node has of the chain, given what is known
//! of the votes of its key.

use chancery_abi::{Certificate, Committee, Genesis, HandOver, TrustAnchor};
use chancery_runtime::{
    execution::{ChainRules, registry::Registry},
    state::FinalView,
    storage::StorageError,
};

use super::{CheckedManifest, SnapshotError};
use crate::{
    consensus::VotesRecord,
    store::{ChainDb, ChainStore},
};

/// The height that a snapshot must be above to be worth it.
pub(super) fn worth_above(height: u64, behind_blocks: u64) -> u64 {
    if height == 0 { 0 } else { height.saturating_add(behind_blocks) }
}

/// Why no snapshot may take the place of a chain at `height`, which began at `base` with one, whatever a source has.
pub(super) fn objection_to_any(votes: VotesRecord, height: u64, base: Option<u64>) -> Option<&'static str> {
    match votes {
        VotesRecord::Kept => None,
        // One that was filled from a snapshot and has not begun is as good as empty.
        VotesRecord::None if height == 0 || base == Some(height) => None,
        VotesRecord::None => Some("the chain has blocks, and what this node's key has voted for is missing"),
        VotesRecord::Unfit => Some("the directory of this node's votes is another's, or cannot be read"),
    }
}

/// Whether a manifest is for a node with this key.
///
/// # Errors
/// When the key's votes are not here and the manifest has one of them, or says that the key may have voted.
pub(super) fn may_be_taken(
    manifest: &CheckedManifest,
    anchor: &TrustAnchor,
    genesis: &Genesis,
    votes: VotesRecord,
    key: &[u8; 32],
) -> Result<(), SnapshotError> {
    if votes == VotesRecord::Kept {
        return Ok(());
    }
    if has_signed(manifest, anchor, key) {
        return Err(SnapshotError::ServedBefore);
    }
    // Who comes to a sidechain is of its committee; of the mainchain's it may be one that has not come yet, and blocks say
    // more than a manifest does.
    let is_member = || terms(manifest, anchor).any(|(committee, _)| committee.keys().contains(key));
    if genesis.mainchain.is_none() && is_member() {
        let why = "this node's key is of the chain's committee, and what it may have voted for is not here";
        return Err(SnapshotError::Unfit(why.into()));
    }
    Ok(())
}

/// The same, where only the state says so: whoever said that it could serve may have since.
///
/// # Errors
/// When it did, or the state cannot be read.
pub(super) fn may_serve(
    filled: &ChainStore,
    genesis: &Genesis,
    votes: VotesRecord,
    key: &[u8; 32],
) -> Result<(), SnapshotError> {
    if votes == VotesRecord::Kept || genesis.mainchain.is_some() {
        return Ok(());
    }
    let rules = ChainRules::new(genesis.clone()).map_err(|error| SnapshotError::Unfit(error.to_string()))?;
    let view = FinalView(filled);
    let ready = Registry::of(&rules, &view).map(|registry| registry.readiness(key)).transpose()?;
    match ready.flatten() {
        None => Ok(()),
        Some(_) => Err(SnapshotError::ServedBefore),
    }
}

/// The terms that a manifest leads through: each committee, with a certificate that it made.
fn terms<'m>(
    manifest: &'m CheckedManifest,
    anchor: &'m TrustAnchor,
) -> impl Iterator<Item = (&'m Committee, &'m Certificate)> {
    let manifest = manifest.manifest();
    let next = manifest.hand_overs.iter().map(|hand_over| &hand_over.next);
    let committees = std::iter::once(&anchor.committee).chain(next);
    let certificates = manifest.hand_overs.iter().map(|hand_over| &hand_over.certificate);
    committees.zip(certificates.chain([&manifest.certificate]))
}

/// Whether a key's vote, or a block that it proposed, is in a manifest.
pub(super) fn has_signed(manifest: &CheckedManifest, anchor: &TrustAnchor, key: &[u8; 32]) -> bool {
    let has_voted = terms(manifest, anchor).any(|(committee, certificate)| {
        certificate.votes.iter().any(|vote| committee.keys().get(usize::from(vote.member)) == Some(key))
    });
    let manifest = manifest.manifest();
    let mut headers = manifest.hand_overs.iter().map(|hand_over| &hand_over.header).chain([&manifest.block.header]);
    has_voted || headers.any(|header| header.proposer == *key)
}

/// Whether a term that is over here ended otherwise in the snapshot. Keys of old committees may be stolen, and then certify
/// what they like; what this node has as final they cannot change.
pub(super) fn contradicts(own: &ChainDb<'_>, hand_overs: &[HandOver]) -> Result<bool, StorageError> {
    for (place, term) in own.terms()?.into_iter().enumerate() {
        let ended_at = term.first_height - 1;
        let ours = own.expect_part(own.header(ended_at)?, "header", ended_at)?;
        if hand_overs.get(place).is_none_or(|theirs| theirs.header != ours) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_worth_it_for_an_empty_chain_and_for_one_far_behind() {
        assert_eq!(worth_above(0, 10_000), 0, "whatever there is");
        assert_eq!(worth_above(5, 10_000), 10_005);
        assert_eq!(worth_above(u64::MAX, 1), u64::MAX);
    }

    #[test]
    fn a_chain_whose_votes_are_missing_is_not_begun_anew() {
        use VotesRecord::{Kept, None as Missing, Unfit};
        for (height, base) in [(0, None), (7, None), (7, Some(3)), (7, Some(7))] {
            assert!(objection_to_any(Kept, height, base).is_none(), "{height} {base:?}");
            assert!(objection_to_any(Unfit, height, base).is_some(), "{height} {base:?}");
        }
        assert!(objection_to_any(Missing, 0, None).is_none(), "a new node");
        assert!(objection_to_any(Missing, 7, Some(7)).is_none(), "a restored one that has not begun");
        assert!(objection_to_any(Missing, 7, None).is_some(), "its start says so, and that must not be passed over");
        assert!(objection_to_any(Missing, 7, Some(3)).is_some(), "it has gone on since");
    }
}
