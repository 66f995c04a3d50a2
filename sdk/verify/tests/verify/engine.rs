//! What the consensus engine signed holds here, where there is none; and of a hundred thousand changes to it nothing
//! does.

use chancery_abi::{Certificate, Committee, Digest, codec, types::from_hex};
use chancery_verify::signatures::verify_certificate;

const VECTOR: &str = include_str!("engine_vector.txt");

fn field(name: &str) -> Vec<u8> {
    let line = VECTOR.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.and_then(from_hex).expect("the vector has it")
}

fn vector() -> (Digest, Committee, Vec<u8>) {
    let genesis = Digest(field("genesis").try_into().expect("32 bytes"));
    let committee = codec::decode(&field("committee"), 4_096).expect("a committee");
    (genesis, committee, field("certificate"))
}

#[test]
fn the_engines_certificate_holds() {
    let (genesis, committee, bytes) = vector();
    let certificate: Certificate = codec::decode(&bytes, 4_096).expect("a certificate");
    assert_eq!((certificate.epoch, certificate.view, certificate.parent_view), (0, 300, 299));
    assert_eq!((committee.len(), certificate.votes.len()), (4, 3));
    assert_eq!(verify_certificate(&genesis, &committee, &certificate), Ok(()));
}

#[test]
fn of_a_hundred_thousand_changed_certificates_none_is_accepted() {
    let (genesis, committee, whole) = vector();
    let original: Certificate = codec::decode(&whole, 4_096).expect("a certificate");
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    let mut decoded = 0;
    for round in 0..100_000 {
        let mut bytes = whole.clone();
        match round % 5 {
            0 => bytes[next(whole.len())] ^= 1 << next(8),
            1 => bytes.truncate(next(whole.len())),
            2 => bytes.extend((0..=next(80)).map(|n| n as u8)),
            // Votes and their parts in other places.
            3 => {
                let (from, to) = (next(whole.len()), next(whole.len()));
                bytes.swap(from, to);
            }
            _ => {
                let (at, length) = (next(whole.len()), next(70));
                let end = (at + length).min(whole.len());
                bytes.drain(at..end);
            }
        }
        let Ok(certificate) = codec::decode::<Certificate>(&bytes, 4_096) else { continue };
        if certificate == original {
            assert_eq!(bytes, whole, "one certificate has one encoding");
            continue;
        }
        decoded += 1;
        assert!(verify_certificate(&genesis, &committee, &certificate).is_err(), "round {round}: {certificate:?}");
    }
    assert!(decoded > 20_000, "only {decoded} of the changed ones were certificates at all");
}
