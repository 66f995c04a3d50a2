//! Certificates that are none: signatures that were changed, and signatures by keys of nobody's committee.

use chancery_abi::{Certificate, Committee, Digest, VoteSignature, WIRE_VERSION};
use ed25519_zebra::SigningKey;

/// Changes one bit in every signature.
pub(crate) fn spoil(certificate: &mut Certificate) {
    for vote in &mut certificate.votes {
        // Of the scalar's lowest byte: the signature stays well-formed.
        vote.signature[32] ^= 1;
    }
}

/// Signs `certificate` in the place of a quorum of `committee`, with keys made for it. Each signature holds under its own key.
pub(crate) fn sign(certificate: &mut Certificate, committee: &Committee, genesis: &Digest) {
    let preimage = certificate.preimage(genesis);
    let vote = |member: u16| {
        let mut seed = [7; 32];
        seed[..2].copy_from_slice(&member.to_be_bytes());
        VoteSignature { member, signature: SigningKey::from(seed).sign(&preimage).to_bytes() }
    };
    certificate.votes = (0..committee.quorum()).map(|member| vote(u16::try_from(member).unwrap_or(u16::MAX))).collect();
}

/// A certificate of `header` in the views after those of `before`.
pub(crate) fn after(before: &Certificate, epoch: u64, header: Digest) -> Certificate {
    let (view, parent_view) = (before.view + 1, before.view);
    Certificate { version: WIRE_VERSION, epoch, view, parent_view, header, votes: Vec::new() }
}
