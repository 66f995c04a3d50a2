//! Signatures under the mainchain's threshold key: BLS12-381 in the MinSig form, keys in G2 and signatures in G1.
//!
//! Points are accepted in their one compressed form, on the curve and in the right subgroup, and never the neutral one,
//! so a key and a message have exactly one signature. This is the same check in every node, tool and browser.

use alloc::vec::Vec;

use bls12_381::{
    G1Affine, G1Projective, G2Affine, G2Prepared, Gt,
    hash_to_curve::{ExpandMsgXmd, HashToCurve},
    multi_miller_loop,
};
use chancery_abi::{Beacon, Digest, KeyRotation, domain};

/// The tag under which messages are hashed to G1 (draft-irtf-cfrg-bls-signature, with proofs of possession).
pub const MESSAGE_TAG: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";

/// The point of G1 that stands for a message.
pub fn hash_to_point(message: &[u8]) -> G1Projective {
    <G1Projective as HashToCurve<ExpandMsgXmd<sha2_09::Sha256>>>::hash_to_curve(message, MESSAGE_TAG)
}

/// Whether a signature holds over a message under a key.
pub fn signature_holds(key: &[u8; 96], message: &[u8], signature: &[u8; 48]) -> bool {
    let key: Option<G2Affine> = G2Affine::from_compressed(key).into();
    let signature: Option<G1Affine> = G1Affine::from_compressed(signature).into();
    let Some((key, signature)) = key.zip(signature) else { return false };
    if bool::from(key.is_identity()) || bool::from(signature.is_identity()) {
        return false;
    }
    let message = G1Affine::from(hash_to_point(message));
    let (key, one) = (G2Prepared::from(key), G2Prepared::from(-G2Affine::generator()));
    // e(message, key) = e(signature, 1), as one product.
    multi_miller_loop(&[(&message, &key), (&signature, &one)]).final_exponentiation() == Gt::identity()
}

/// Whether a beacon is the one of its height, on the chain with this genesis and under this key.
pub fn beacon_holds(genesis: &Digest, key: &[u8; 96], beacon: &Beacon) -> bool {
    signature_holds(key, &Beacon::preimage(genesis, beacon.height), &beacon.signature)
}

/// Whether a key attested a header, on the chain with this genesis.
pub fn attestation_holds(genesis: &Digest, key: &[u8; 96], header: &Digest, signature: &[u8; 48]) -> bool {
    signature_holds(key, &attestation_preimage(genesis, header), signature)
}

/// Whether a key names the one that takes its place, on the chain with this genesis.
pub fn rotation_holds(genesis: &Digest, key: &[u8; 96], rotation: &KeyRotation) -> bool {
    let preimage = KeyRotation::preimage(genesis, &rotation.key, rotation.from_height);
    signature_holds(key, &preimage, &rotation.signature)
}

/// The bytes that the threshold key signs to attest a header.
pub fn attestation_preimage(genesis: &Digest, header: &Digest) -> Vec<u8> {
    domain::prefixed(domain::Kind::Attestation, genesis, &header.0)
}
