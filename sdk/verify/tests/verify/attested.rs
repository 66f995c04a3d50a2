//! Attestations: the short way from a header to the trust anchor, and every way in which it is refused.
//!
//! Keys and signatures are made here with plain arithmetic on the curve, as one holder of the whole key would.

use bls12_381::{G1Affine, G2Affine, G2Projective, Scalar};
use chancery_abi::{Finality, KeyRotation, Link, ProofBundle, ThresholdKey, TrustAnchor};
use chancery_verify::{
    Confirmed, Stage, VerifyError, examine,
    threshold::{attestation_preimage, hash_to_point},
    verify,
};

use crate::fixture::{Chain, bytes, slot, subject};

/// A key that nobody shares.
pub(crate) struct Key(Scalar);

impl Key {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Scalar::from(seed))
    }

    pub(crate) fn public(&self) -> [u8; 96] {
        G2Affine::from(G2Projective::generator() * self.0).to_compressed()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 48] {
        G1Affine::from(hash_to_point(message) * self.0).to_compressed()
    }

    pub(crate) fn rotation(&self, chain: &Chain, next: &Self, from_height: u64) -> KeyRotation {
        let (key, genesis) = (next.public(), &chain.anchor.genesis);
        KeyRotation { key, from_height, signature: self.sign(&KeyRotation::preimage(genesis, &key, from_height)) }
    }
}

/// An anchor that has a key besides, which speaks from a height on.
pub(crate) fn anchor_with(chain: &Chain, key: &Key, from_height: u64, to_height: Option<u64>) -> TrustAnchor {
    let key = ThresholdKey { key: key.public(), from_height, to_height, untrusted: false };
    TrustAnchor { threshold_keys: vec![key], ..chain.anchor.clone() }
}

/// What the state of height 6 says about a file, by the attestation of the header at `attested`.
pub(crate) fn bundle(chain: &Chain, key: &Key, rotations: Vec<KeyRotation>, attested: u64) -> ProofBundle {
    let claim = chain.state_claim(6, subject(), &slot("files", &4u64.to_be_bytes()));
    let link = if attested == 6 { Link::Same } else { chain.history(6, attested) };
    let signature = key.sign(&attestation_preimage(&chain.anchor.genesis, &chain.digest(attested)));
    ProofBundle { finality: Finality::Attestation { rotations, signature }, ..chain.bundle(claim, 6, link, attested) }
}

fn refusal(bundle: &ProofBundle, anchor: &TrustAnchor) -> (Stage, VerifyError) {
    let refused = examine(&bytes(bundle), anchor).expect_err("it proves nothing");
    (refused.stage, refused.error)
}

#[test]
fn a_header_that_the_anchors_key_attested_is_final() {
    let (chain, key) = (Chain::new(), Key::new(11));
    let anchor = anchor_with(&chain, &key, 2, None);
    for attested in [6, 9, 16] {
        let verified = verify(&bytes(&bundle(&chain, &key, Vec::new(), attested)), &anchor).expect("it is attested");
        assert_eq!((verified.as_of_height, verified.certified_height), (6, attested));
        assert_eq!((verified.epoch(), verified.signers()), (None, &[][..]));
        let expected = Confirmed::Attestation { key: key.public(), rotations: 0, untrusted: false };
        assert_eq!(verified.confirmed, expected);
    }
    let small = bytes(&bundle(&chain, &key, Vec::new(), 16)).len();
    let claim = chain.state_claim(6, subject(), &slot("files", &4u64.to_be_bytes()));
    assert!(small + 1_000 < bytes(&chain.bundle(claim, 6, chain.history(6, 16), 16)).len(), "it is the short way");
}

#[test]
fn a_group_that_is_too_small_is_named_so() {
    let (chain, key) = (Chain::new(), Key::new(11));
    let mut anchor = anchor_with(&chain, &key, 1, None);
    anchor.threshold_keys[0].untrusted = true;
    let verified = verify(&bytes(&bundle(&chain, &key, Vec::new(), 9)), &anchor).expect("it is attested");
    assert!(verified.to_string().contains("UNTRUSTED GROUP"), "{verified}");
}

#[test]
fn an_anchor_from_before_rotations_still_leads_to_the_key_of_today() {
    let (chain, first, second, third) = (Chain::new(), Key::new(11), Key::new(12), Key::new(13));
    let anchor = anchor_with(&chain, &first, 1, None);
    let rotations = vec![first.rotation(&chain, &second, 8), second.rotation(&chain, &third, 12)];
    let verified = verify(&bytes(&bundle(&chain, &third, rotations, 16)), &anchor).expect("it is attested");
    let expected = Confirmed::Attestation { key: third.public(), rotations: 2, untrusted: false };
    assert_eq!(verified.confirmed, expected);
}

#[test]
fn without_a_key_for_the_height_nothing_is_attested() {
    let (chain, key) = (Chain::new(), Key::new(11));
    let attested = bundle(&chain, &key, Vec::new(), 9);
    let no_key = (Stage::Signatures, VerifyError::NoThresholdKey { height: 9 });
    assert_eq!(refusal(&attested, &chain.anchor), no_key, "an anchor without keys");
    assert_eq!(refusal(&attested, &anchor_with(&chain, &key, 10, None)), no_key, "it begins later");
    assert_eq!(refusal(&attested, &anchor_with(&chain, &key, 1, Some(8))), no_key, "it ended before");
    let rotated = bundle(&chain, &Key::new(12), vec![key.rotation(&chain, &Key::new(12), 9)], 9);
    assert_eq!(refusal(&rotated, &anchor_with(&chain, &key, 1, Some(8))), no_key, "one that ended names no other");
}

#[test]
fn a_signature_of_another_key_header_or_chain_attests_nothing() {
    let (chain, key) = (Chain::new(), Key::new(11));
    let anchor = anchor_with(&chain, &key, 1, None);
    let forged = (Stage::Signatures, VerifyError::AttestationForged);
    assert_eq!(refusal(&bundle(&chain, &Key::new(12), Vec::new(), 9), &anchor), forged, "another key");
    let mut other = bundle(&chain, &key, Vec::new(), 9);
    other.link = chain.history(6, 10);
    assert_eq!(refusal(&other, &anchor), forged, "another header");
    let mut changed = bundle(&chain, &key, Vec::new(), 9);
    let Finality::Attestation { signature, .. } = &mut changed.finality else { unreachable!("it is attested") };
    *signature = key.sign(&chancery_abi::Beacon::preimage(&chain.anchor.genesis, 9));
    assert_eq!(refusal(&changed, &anchor), forged, "the beacon of that height is no attestation");
    // Minus the point of the signature, which is on the curve and in the group.
    let mut negative = bundle(&chain, &key, Vec::new(), 9);
    let Finality::Attestation { signature, .. } = &mut negative.finality else { unreachable!("it is attested") };
    signature[0] ^= 0x20;
    assert_eq!(refusal(&negative, &anchor), forged);
}

#[test]
fn rotations_are_signed_in_order_and_each_by_the_key_before() {
    let (chain, first, second, third) = (Chain::new(), Key::new(11), Key::new(12), Key::new(13));
    let anchor = anchor_with(&chain, &first, 1, None);
    let good = [first.rotation(&chain, &second, 8), second.rotation(&chain, &third, 12)];
    let refused = |key: &Key, rotations: Vec<KeyRotation>| refusal(&bundle(&chain, key, rotations, 16), &anchor);
    let usurped = vec![third.rotation(&chain, &second, 8)];
    assert_eq!(refused(&second, usurped), (Stage::Departments, VerifyError::RotationForged { place: 0 }));
    let left_out = vec![good[1].clone()];
    assert_eq!(refused(&third, left_out), (Stage::Departments, VerifyError::RotationForged { place: 0 }));
    let swapped = vec![good[1].clone(), good[0].clone()];
    assert_eq!(refused(&second, swapped), (Stage::Departments, VerifyError::RotationForged { place: 0 }));
    let mut later = good.to_vec();
    later[0].from_height = 9;
    assert_eq!(refused(&third, later), (Stage::Departments, VerifyError::RotationForged { place: 0 }));
    let back = vec![good[0].clone(), second.rotation(&chain, &third, 8)];
    assert_eq!(refused(&third, back), (Stage::Departments, VerifyError::RotationOrder { place: 1 }));
    let early = vec![first.rotation(&chain, &second, 17)];
    let expected = (Stage::Signatures, VerifyError::KeyNotInForce { from_height: 17, found: 16 });
    assert_eq!(refused(&second, early), expected);
    // The old key speaks for nothing from there on, for those who were told.
    assert_eq!(refused(&first, vec![good[0].clone()]), (Stage::Signatures, VerifyError::AttestationForged));
    let many = vec![good[0].clone(); 1_025];
    assert_eq!(refused(&second, many), (Stage::Proof, VerifyError::TooManyRotations { found: 1_025 }));
}

#[test]
fn no_changed_byte_of_an_attested_bundle_is_accepted() {
    let (chain, first, second) = (Chain::new(), Key::new(11), Key::new(12));
    let anchor = anchor_with(&chain, &first, 1, None);
    let whole = bytes(&bundle(&chain, &second, vec![first.rotation(&chain, &second, 8)], 9));
    verify(&whole, &anchor).expect("it is attested");
    // Checking a signature takes milliseconds, so every seventh byte; a run with another offset is as good.
    for place in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[place] ^= 1 << (place % 8);
        assert!(verify(&changed, &anchor).is_err(), "byte {place} was changed, and the bundle is accepted");
    }
}
