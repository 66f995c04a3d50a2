//! Bundles with the verdicts that are due, one a line in `vectors.txt`: this verifier's tests and those of the module that
//! browsers load (`tests/web/unit`) read the same lines. `UPDATE_VECTORS=1` writes the file anew, which is a decision: a
//! verdict that changed is another verifier.

use std::fmt::Write as _;

use chancery_abi::{Finality, Link, ProofBundle, codec};
use chancery_verify::examine;

use crate::{
    attested::{Key, anchor_with, bundle},
    fixture::{Chain, bytes, finality, name, slot, subject},
};

const VECTORS: &str = include_str!("vectors.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// A change to a bundle, by its name.
type Change = (&'static str, fn(&mut ProofBundle));

fn cases() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let chain = Chain::new();
    let key = |height: u64| slot("files", &height.to_be_bytes());
    let valid = [
        ("present", chain.bundle(chain.state_claim(6, subject(), &key(4)), 6, Link::Same, 6)),
        ("absent", chain.bundle(chain.state_claim(6, subject(), &key(9)), 6, Link::Same, 6)),
        ("receipt", chain.bundle(chain.receipt_claim(6, 2), 6, Link::Same, 6)),
        ("handed-over", chain.bundle(chain.receipt_claim(3, 2), 3, chain.history(3, 16), 16)),
    ];
    let changes: [Change; 9] = [
        ("other-chain", |bundle| bundle.header.chain = name("plates")),
        ("other-root", |bundle| bundle.header.state_root.0[0] ^= 1),
        ("other-receipts", |bundle| bundle.header.receipts_root.0[0] ^= 1),
        ("other-time", |bundle| bundle.header.timestamp_ms += 1),
        ("forged", |bundle| finality(bundle).1.votes[0].signature[0] ^= 1),
        ("no-quorum", |bundle| finality(bundle).1.votes.truncate(2)),
        ("other-header-signed", |bundle| finality(bundle).1.header.0[0] ^= 1),
        ("other-epoch", |bundle| finality(bundle).1.epoch += 1),
        ("no-hand-overs", |bundle| finality(bundle).0.clear()),
    ];
    let anchor = codec::encode(&chain.anchor);
    let mut cases = Vec::new();
    for (name, bundle) in valid {
        cases.push((name.to_owned(), anchor.clone(), bytes(&bundle)));
        for (change, apply) in changes {
            let mut changed = bundle.clone();
            apply(&mut changed);
            cases.push((format!("{name}/{change}"), anchor.clone(), bytes(&changed)));
        }
        if let Finality::Certificate { hand_overs, .. } = &bundle.finality
            && !hand_overs.is_empty()
        {
            let mut changed = bundle.clone();
            finality(&mut changed).0[0].certificate.votes[0].signature[0] ^= 1;
            cases.push((format!("{name}/usurped"), anchor.clone(), bytes(&changed)));
        }
        let whole = bytes(&bundle);
        cases.push((format!("{name}/torn"), anchor.clone(), whole[..whole.len() / 2].to_vec()));
        let mut stranger = chain.anchor.clone();
        stranger.genesis.0[0] ^= 1;
        cases.push((format!("{name}/other-anchor"), codec::encode(&stranger), whole));
    }
    cases.extend(attested(&chain));
    cases
}

/// The same by the threshold key.
fn attested(chain: &Chain) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let (first, second) = (Key::new(11), Key::new(12));
    let anchor = anchor_with(chain, &first, 1, None);
    let rotated = vec![first.rotation(chain, &second, 8)];
    let cases = [
        ("attested", &anchor, bundle(chain, &first, Vec::new(), 9)),
        ("attested/rotated", &anchor, bundle(chain, &second, rotated.clone(), 9)),
        ("attested/no-key", &chain.anchor, bundle(chain, &first, Vec::new(), 9)),
        ("attested/forged", &anchor, bundle(chain, &second, Vec::new(), 9)),
        ("attested/usurped", &anchor, bundle(chain, &second, vec![second.rotation(chain, &second, 8)], 9)),
        ("attested/retired", &anchor, bundle(chain, &first, rotated, 9)),
    ];
    let case = |(name, anchor, bundle): (&str, _, _)| (name.to_owned(), codec::encode(anchor), bytes(&bundle));
    cases.into_iter().map(case).collect()
}

#[test]
fn verdicts_are_the_ones_on_record() {
    let mut lines = String::new();
    for (name, anchor, bundle) in cases() {
        let trusted = codec::decode(&anchor, anchor.len()).expect("an anchor");
        let verdict = match examine(&bundle, &trusted) {
            Ok(verified) => format!("accepted:{}", verified.statement.kind()),
            Err(refused) => format!("refused:{}:{}", refused.stage.code(), refused.error.code()),
        };
        writeln!(lines, "{name} {verdict} {} {}", hex(&anchor), hex(&bundle)).expect("writing to a string cannot fail");
    }
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify/vectors.txt");
        std::fs::write(file, &lines).expect("it can be written");
        return;
    }
    for (expected, found) in VECTORS.lines().zip(lines.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(lines.lines().count(), VECTORS.lines().count());
}
