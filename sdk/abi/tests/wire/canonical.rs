//! Every value has one form: all others are refused, each for the right reason.

use std::collections::BTreeMap;

use chancery_abi::{
    Certificate, Claim, Committee, DecodeError, Event, Header, Ident, Link, Name, Outcome, Payload, ProofBundle,
    Receipt, Transaction, TrustAnchor,
    codec::{decode, decode_versioned, encode},
    lane::{Closed, LaneProof},
    limits::{COMMITTEE_MAX, PROOF_BYTES_MAX, TRANSACTION_BYTES_MAX, TYPE_DEPTH_MAX},
    message::{BounceReason, MessageBody, SendFailure},
    schema::{Entry, TypeRef},
};
use parity_scale_codec::{DecodeWithMemTracking, Encode};

use crate::{notation::bytes, samples};

fn refusal<T: Encode + DecodeWithMemTracking + core::fmt::Debug>(bytes: &[u8]) -> DecodeError {
    decode::<T>(bytes, bytes.len()).expect_err("it has another form")
}

#[test]
fn bytes_behind_the_value() {
    let mut longer = samples::transaction().to_bytes();
    longer.extend([0, 0]);
    assert_eq!(Transaction::from_bytes(&longer), Err(DecodeError::TrailingBytes { count: 2 }));
}

#[test]
fn more_bytes_than_allowed() {
    let bytes = encode(&samples::header());
    let error = DecodeError::TooLong { found: bytes.len(), limit: bytes.len() - 1 };
    assert_eq!(decode::<Header>(&bytes, bytes.len() - 1), Err(error));
    let found = TRANSACTION_BYTES_MAX + 1;
    let error = DecodeError::TooLong { found, limit: TRANSACTION_BYTES_MAX };
    assert_eq!(Transaction::from_bytes(&vec![1; found]), Err(error));
}

#[test]
fn bytes_that_end_early() {
    for bundle in samples::bundles() {
        let bytes = encode(&bundle);
        for length in 0..bytes.len() {
            assert_eq!(refusal::<ProofBundle>(&bytes[..length]), DecodeError::Malformed);
        }
    }
}

#[test]
fn versions_of_the_future() {
    let mut transaction = samples::transaction().to_bytes();
    transaction[0] = 2;
    assert_eq!(Transaction::from_bytes(&transaction), Err(DecodeError::UnknownVersion { found: 2 }));
    // Whatever the future makes of the rest.
    for found in [0, 2, 255] {
        let error = Err(DecodeError::UnknownVersion { found });
        assert_eq!(Transaction::from_bytes(&[found, 0xff]), error);
        assert_eq!(decode_versioned::<ProofBundle>(&[found], PROOF_BYTES_MAX).map(drop), error.clone().map(drop));
        assert_eq!(decode_versioned::<TrustAnchor>(&[found, 1], 100).map(drop), error.map(drop));
    }
    assert_eq!(Transaction::from_bytes(&[]), Err(DecodeError::Malformed));
}

#[test]
fn lengths_have_one_form() {
    // A list of one byte, 09; its length in one, two, four and more bytes.
    assert_eq!(decode::<Vec<u8>>(&bytes("04 09"), 9), Ok(vec![9]));
    for longer in ["0500 09", "06000000 09", "0301000000 09", "070100000000 09"] {
        assert_eq!(refusal::<Vec<u8>>(&bytes(longer)), DecodeError::Malformed, "{longer}");
    }
    // The same within a transaction: its chain's name, its method and its input.
    let good = samples::transaction().to_bytes();
    let forms =
        [(1, 0x10, "1100"), (1, 0x10, "12000000"), (95, 0x1c, "1d00"), (103, 0x0c, "0d00"), (103, 0x0c, "0303000000")];
    for (place, form, longer) in forms {
        assert_eq!(good[place], form);
        let longer = [&good[..place], &bytes(longer), &good[place + 1..]].concat();
        assert_eq!(Transaction::from_bytes(&longer), Err(DecodeError::Malformed), "{place}");
    }
}

#[test]
fn lengths_that_nothing_can_have() {
    for claim in ["feffffff", "03ffffffff", "07ffffffffff", "13ffffffffffffffff", "ff 00*40"] {
        assert_eq!(refusal::<Vec<u8>>(&bytes(claim)), DecodeError::Malformed);
        assert_eq!(refusal::<Vec<Event>>(&bytes(claim)), DecodeError::Malformed);
        assert_eq!(refusal::<Name>(&bytes(claim)), DecodeError::Malformed);
        assert_eq!(refusal::<Committee>(&bytes(claim)), DecodeError::Malformed);
    }
}

#[test]
fn tags_that_mean_nothing() {
    let filler = "00*300";
    let unknown = |tag: u8| bytes(&format!("{tag:02x} {filler}"));
    for tag in [2, 3, 255] {
        assert_eq!(refusal::<chancery_abi::Authorisation>(&unknown(tag)), DecodeError::Malformed);
        assert_eq!(refusal::<chancery_abi::StateSubject>(&unknown(tag)), DecodeError::Malformed);
        assert_eq!(refusal::<Claim>(&unknown(tag)), DecodeError::Malformed);
        assert_eq!(refusal::<Option<u8>>(&unknown(tag)), DecodeError::Malformed);
        assert_eq!(refusal::<bool>(&unknown(tag)), DecodeError::Malformed);
        assert_eq!(refusal::<chancery_abi::Scheme>(&unknown(tag)), DecodeError::Malformed);
    }
    for tag in [10, 128] {
        assert_eq!(refusal::<Payload>(&unknown(tag)), DecodeError::Malformed);
    }
    for tag in [4, 128] {
        assert_eq!(refusal::<Outcome>(&unknown(tag)), DecodeError::Malformed);
    }
    for tag in [3, 128] {
        assert_eq!(refusal::<LaneProof>(&unknown(tag)), DecodeError::Malformed);
        assert_eq!(refusal::<MessageBody>(&unknown(tag)), DecodeError::Malformed);
        assert_eq!(refusal::<BounceReason>(&unknown(tag)), DecodeError::Malformed);
    }
    assert_eq!(refusal::<Closed>(&unknown(2)), DecodeError::Malformed);
    assert_eq!(refusal::<SendFailure>(&unknown(4)), DecodeError::Malformed);
    assert_eq!(refusal::<Link>(&unknown(3)), DecodeError::Malformed);
    assert_eq!(refusal::<chancery_abi::Finality>(&unknown(2)), DecodeError::Malformed);
    assert_eq!(refusal::<chancery_abi::Origin>(&unknown(2)), DecodeError::Malformed);
    assert_eq!(refusal::<chancery_abi::TrapClass>(&unknown(13)), DecodeError::Malformed);
    assert_eq!(refusal::<chancery_abi::ExecutionRefusal>(&unknown(14)), DecodeError::Malformed);
    assert_eq!(refusal::<chancery_abi::host::CallFailure>(&unknown(3)), DecodeError::Malformed);
    assert_eq!(refusal::<Entry>(&unknown(6)), DecodeError::Malformed);
    assert_eq!(refusal::<TypeRef>(&unknown(13)), DecodeError::Malformed);
}

#[test]
fn a_bool_is_0_or_1() {
    let good = encode(&samples::entries()[1]);
    // The flag is before the docs.
    let place = good.len() - 6 - 1;
    assert_eq!(good[place], 1);
    let mut bad = good;
    bad[place] = 2;
    assert_eq!(refusal::<Entry>(&bad), DecodeError::Malformed);
}

#[test]
fn committees_in_order_without_doubles_not_empty_not_too_large() {
    assert!(decode::<Committee>(&bytes("0c 01*32 02*32 03*32"), 100).is_ok());
    for bad in ["00", "08 02*32 01*32", "08 02*32 02*32", "0c 01*32 03*32 02*32"] {
        assert_eq!(refusal::<Committee>(&bytes(bad)), DecodeError::Malformed, "{bad}");
    }
    let keys: Vec<[u8; 32]> = (0..=COMMITTEE_MAX).map(|i| [i as u8; 32]).collect();
    assert!(decode::<Committee>(&encode(&keys[1..].to_vec()), 10_000).is_ok());
    assert_eq!(refusal::<Committee>(&encode(&keys)), DecodeError::Malformed);
    assert_eq!(Committee::new(keys), None);
    // Where it stands inside of others, too.
    let good = encode(&samples::anchor());
    let mut swapped = good.clone();
    let place = 1 + 5 + 32 + 1;
    swapped[place..place + 64].rotate_left(32);
    assert_eq!(refusal::<TrustAnchor>(&swapped), DecodeError::Malformed);
    assert_eq!(decode::<TrustAnchor>(&good, good.len()), Ok(samples::anchor()));
}

#[test]
fn names_of_allowed_characters_and_lengths() {
    let encoded = |text: &str| encode(&text.to_owned());
    let (longest, too_long) = ("a".repeat(32), "a".repeat(33));
    for good in ["a", "z9", "plate-lottery", "a--", &longest] {
        assert_eq!(decode::<Name>(&encoded(good), 99), Ok(samples::name(good)));
    }
    for bad in ["", "9a", "-a", "A", "aB", "a_b", "a.b", "a b", "é", "a\0", &too_long] {
        assert_eq!(refusal::<Name>(&encoded(bad)), DecodeError::Malformed, "{bad:?}");
        assert!(Name::new(bad).is_err());
    }
    let (longest, too_long) = ("a".repeat(64), "a".repeat(65));
    for good in ["a", "file_it", &longest] {
        assert_eq!(decode::<Ident>(&encoded(good), 99), Ok(samples::ident(good)));
    }
    for bad in ["", "_a", "a-b", "1", &too_long] {
        assert_eq!(refusal::<Ident>(&encoded(bad)), DecodeError::Malformed, "{bad:?}");
    }
    assert_eq!(refusal::<Name>(&[8, b'a', 0xff]), DecodeError::Malformed);
}

#[test]
fn types_that_nest_too_deeply() {
    let nested = |depth: u32| {
        let mut ty = TypeRef::Unit;
        for _ in 0..depth {
            ty = TypeRef::Optional(Box::new(ty));
        }
        encode(&ty)
    };
    assert!(decode::<TypeRef>(&nested(TYPE_DEPTH_MAX), 1_000).is_ok());
    assert_eq!(refusal::<TypeRef>(&nested(TYPE_DEPTH_MAX + 1)), DecodeError::Malformed);
    assert_eq!(refusal::<TypeRef>(&vec![9; 1_000_000]), DecodeError::Malformed);
    // Tuples of one.
    assert_eq!(refusal::<TypeRef>(&[0x0b, 0x04].repeat(500_000)), DecodeError::Malformed);
}

/// None of our types is read from a form it is not written in; a map of the codec's own is.
#[test]
fn forms_that_the_codec_itself_would_take() {
    let map = |text: &str| decode::<BTreeMap<u8, u8>>(&bytes(text), 99);
    assert_eq!(map("08 01 0a 02 0b"), Ok(BTreeMap::from([(1, 10), (2, 11)])));
    assert_eq!(map("08 02 0b 01 0a"), Err(DecodeError::NotCanonical));
    assert_eq!(map("08 01 0b 01 0a"), Err(DecodeError::NotCanonical));
}

/// Whatever is changed in a value's bytes: they are refused, or they are the bytes of what was read.
#[test]
fn no_two_forms_of_one_value() {
    fn check<T: Encode + DecodeWithMemTracking>(value: &T) {
        let good = encode(value);
        for place in 0..good.len() {
            for change in 1..=255 {
                let mut changed = good.clone();
                changed[place] ^= change;
                if let Ok(value) = decode::<T>(&changed, changed.len()) {
                    assert_eq!(encode(&value), changed);
                }
            }
        }
    }
    check::<Transaction>(&samples::sponsored_deploy());
    check::<Payload>(&samples::batch());
    check::<Header>(&samples::full_header());
    check::<Receipt>(&samples::done());
    check::<Certificate>(&samples::certificate());
    check::<TrustAnchor>(&samples::anchor());
    check(&samples::genesis());
    samples::entries().iter().for_each(check);
    check(&samples::bundles()[2]);
}
