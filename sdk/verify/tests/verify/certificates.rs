//! Certificates: a quorum, in order, each signature by ZIP-215's rules.

use chancery_abi::{Certificate, Committee};
use chancery_verify::{
    CertificateError,
    signatures::{holds, verify_certificate},
};
use ed25519_zebra::SigningKey;

use crate::fixture::{Chain, public, vote};

fn check(chain: &Chain, certificate: &Certificate) -> Result<(), CertificateError> {
    verify_certificate(&chain.anchor.genesis, &chain.anchor.committee, certificate)
}

#[test]
fn a_quorum_is_needed_and_enough() {
    let chain = Chain::new();
    assert_eq!(check(&chain, &chain.certificate(5, &[0, 1, 2, 3])), Ok(()));
    for members in [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]] {
        assert_eq!(check(&chain, &chain.certificate(5, &members)), Ok(()));
    }
    for members in [&[][..], &[2], &[0, 3]] {
        let error = CertificateError::NoQuorum { quorum: 3, found: members.len() };
        assert_eq!(check(&chain, &chain.certificate(5, members)), Err(error));
    }
}

#[test]
fn quorums_of_committees_of_all_sizes() {
    let chain = Chain::new();
    for (size, quorum) in [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (10, 7), (128, 86)] {
        let mut keys: Vec<_> = (1..=size).map(|seed| SigningKey::from([seed; 32])).collect();
        keys.sort_by_key(public);
        let committee = Committee::new(keys.iter().map(public).collect()).expect("the keys are different");
        let mut certificate = chain.certificate(5, &[]);
        let preimage = certificate.preimage(&chain.anchor.genesis);
        let votes: Vec<_> = (0..).zip(&keys).map(|(member, key)| vote(key, member, &preimage)).collect();
        certificate.votes = votes[votes.len() - quorum..].to_vec();
        assert_eq!(verify_certificate(&chain.anchor.genesis, &committee, &certificate), Ok(()), "{size} members");
        certificate.votes.remove(0);
        let error = CertificateError::NoQuorum { quorum, found: quorum - 1 };
        assert_eq!(verify_certificate(&chain.anchor.genesis, &committee, &certificate), Err(error));
    }
}

#[test]
fn votes_are_in_strictly_ascending_order() {
    let chain = Chain::new();
    for (members, member) in [([1, 0, 2], 0), ([0, 2, 1], 1), ([0, 0, 1], 0), ([0, 3, 3], 3)] {
        let error = CertificateError::Unordered { member };
        assert_eq!(check(&chain, &chain.certificate(5, &members)), Err(error), "{members:?}");
    }
}

#[test]
fn a_member_that_is_not_there() {
    let chain = Chain::new();
    for member in [4, 5, u16::MAX] {
        let mut certificate = chain.certificate(5, &[0, 1, 2]);
        certificate.votes[2].member = member;
        assert_eq!(check(&chain, &certificate), Err(CertificateError::UnknownMember { member }));
    }
}

#[test]
fn one_bad_vote_among_enough_good_ones_is_refused() {
    let chain = Chain::new();
    let mut certificate = chain.certificate(5, &[0, 1, 2, 3]);
    certificate.votes[3].signature[40] ^= 1;
    assert_eq!(check(&chain, &certificate), Err(CertificateError::BadSignature { member: 3 }));
}

#[test]
fn a_vote_holds_for_its_certificate_only() {
    let chain = Chain::new();
    let good = chain.certificate(5, &[0, 1, 2]);
    let bad = CertificateError::BadSignature { member: 0 };
    let changes: [fn(&mut Certificate); 4] = [
        |certificate| certificate.epoch += 1,
        |certificate| certificate.view += 1,
        |certificate| certificate.parent_view += 1,
        |certificate| certificate.header.0[31] ^= 1,
    ];
    for change in changes {
        let mut certificate = good.clone();
        change(&mut certificate);
        assert_eq!(check(&chain, &certificate), Err(bad));
    }
    let mut other = chain.anchor.genesis;
    other.0[0] ^= 1;
    assert_eq!(verify_certificate(&other, &chain.anchor.committee, &good), Err(bad));
    let mut unknown = good.clone();
    unknown.version = 2;
    assert_eq!(check(&chain, &unknown), Err(CertificateError::UnknownVersion { found: 2 }));
}

#[test]
fn a_signature_has_one_form() {
    let key = SigningKey::from([9; 32]);
    let mut signature = key.sign(b"vote").to_bytes();
    assert!(holds(&public(&key), &signature, b"vote"));
    assert!(!holds(&public(&key), &signature, b"veto"));
    // s and the group's order: the same number to a verifier that does not look.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, more) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert!(!holds(&public(&key), &signature, b"vote"));
}

#[test]
fn bytes_that_are_no_key_sign_nothing() {
    let signature = SigningKey::from([9; 32]).sign(b"vote").to_bytes();
    // y = 2 is on no point.
    let mut key = [0; 32];
    key[0] = 2;
    assert!(!holds(&key, &signature, b"vote"));
}
