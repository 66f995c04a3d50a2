//! Certificates between the engine's form and ours. Nothing is lost either way: ours has the proposal's round, and a
//! place and a signature for every vote.

use chancery_abi::{Certificate, Committee, Digest, VoteSignature, WIRE_VERSION, domain};
use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_consensus::{
    simplex::{
        scheme::ed25519::Scheme,
        types::{Finalization, Proposal},
    },
    types::{Epoch, Round, View},
};
use commonware_cryptography::{
    certificate::Signers,
    ed25519::{self, PrivateKey, PublicKey, Signature},
    sha256,
};
use commonware_utils::{Participant, ordered::Set};

use super::block::{engine_digest, own_digest};

/// What the engine signs with, for the chain that begins with `genesis`.
pub(super) fn namespace(genesis: &Digest) -> Vec<u8> {
    domain::domain(domain::Kind::Certificate, genesis).into_bytes()
}

/// A committee's keys in the engine's type; none when one of them is no key.
pub(super) fn participants(committee: &Committee) -> Option<Set<PublicKey>> {
    let keys = committee.keys().iter().map(public_key).collect::<Option<Vec<_>>>()?;
    // Both sides order keys by their bytes, so places are the same.
    Set::try_from(keys).ok()
}

/// A key in the engine's type; none when it is none.
pub(super) fn public_key(key: &[u8; 32]) -> Option<PublicKey> {
    PublicKey::decode(Copying(key.as_slice())).ok()
}

/// A key in our own bytes.
pub(super) fn key_bytes(key: &PublicKey) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(key.as_ref());
    bytes
}

/// The signing half of a key.
pub(super) fn private_key(seed: &[u8; 32]) -> Option<PrivateKey> {
    PrivateKey::decode(Copying(seed.as_slice())).ok()
}

/// The engine's finalization in our own form.
pub(super) fn to_own(finalization: &Finalization<Scheme, sha256::Digest>) -> Option<Certificate> {
    let Proposal { round, parent, payload } = &finalization.proposal;
    let signatures = &finalization.certificate.signatures;
    let votes = finalization.certificate.signers.iter().zip(signatures).map(|(member, signature)| {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(signature.encode().as_ref());
        Some(VoteSignature { member: u16::try_from(member.get()).ok()?, signature: bytes })
    });
    Some(Certificate {
        version: WIRE_VERSION,
        epoch: round.epoch().get(),
        view: round.view().get(),
        parent_view: parent.get(),
        header: own_digest(payload),
        votes: votes.collect::<Option<_>>()?,
    })
}

/// Our certificate, by a committee of `members`, in the engine's form.
pub(super) fn to_engine(certificate: &Certificate, members: u32) -> Option<Finalization<Scheme, sha256::Digest>> {
    let round = Round::new(Epoch::new(certificate.epoch), View::new(certificate.view));
    let proposal = Proposal::new(round, View::new(certificate.parent_view), engine_digest(&certificate.header));
    let places = certificate.votes.iter().map(|vote| Participant::new(u32::from(vote.member)));
    let signers = Signers::new(members, places).ok()?;
    let signature = |vote: &VoteSignature| Signature::decode(Copying(vote.signature.as_slice())).ok().map(Into::into);
    let signatures = certificate.votes.iter().map(signature).collect::<Option<_>>()?;
    let certificate = ed25519::certificate::Certificate { signers, signatures };
    Some(Finalization { proposal, certificate })
}
