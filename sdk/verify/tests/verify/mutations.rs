//! Nothing but a valid bundle is accepted: not one of 100,000 that differ from a valid one, and no random bytes.
//!
//! One change is harmless and is told apart: the nodes that prove a key's absence prove its neighbours' too, so a
//! bundle about another key may be accepted, and then it must say so, and be right.
//! The valid bundles are about different blocks and have different certificates with exactly a quorum's votes, so
//! that no mixture of them is a valid bundle either. The generator is seeded: a run is repeated exactly.

use chancery_abi::{Claim, Digest, Finality, Header, Link, Outcome, ProofBundle, merkle::Path};
use chancery_verify::{Statement, Verified, verify};

use crate::fixture::{Chain, bytes, finality};

const MUTATIONS: usize = 100_000;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// A number near the one given, or anywhere.
    fn number(&mut self, number: u64) -> u64 {
        match self.below(6) {
            0 => number.wrapping_add(1),
            1 => number.wrapping_sub(1),
            2 => number ^ (1 << self.below(64)),
            3 => 0,
            4 => u64::MAX,
            _ => self.next(),
        }
    }

    fn flip(&mut self, bytes: &mut [u8]) {
        if !bytes.is_empty() {
            let place = self.below(bytes.len());
            bytes[place] ^= 1 << self.below(8);
        }
    }

    /// Swaps, removes, doubles or moves an item.
    fn disorder<T: Clone>(&mut self, items: &mut Vec<T>) {
        if items.is_empty() {
            return;
        }
        let (one, other) = (self.below(items.len()), self.below(items.len()));
        match self.below(4) {
            0 => items.swap(one, other),
            1 => drop(items.remove(one)),
            2 => items.insert(other, items[one].clone()),
            _ => items.truncate(one),
        }
    }
}

/// A change of the bytes, whatever they mean.
fn change_bytes(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let (place, length) = (random.below(bytes.len()), random.below(40));
    let end = (place + length).min(bytes.len());
    match random.below(8) {
        0 => random.flip(bytes),
        1 => bytes[place] = random.next() as u8,
        2 => bytes.truncate(place),
        3 => bytes.extend((0..=length).map(|_| random.next() as u8)),
        4 => drop(bytes.drain(place..end)),
        5 => bytes.insert(place, random.next() as u8),
        6 => bytes[place..end].reverse(),
        _ => {
            // The beginning of this one and the end of another.
            bytes.truncate(place);
            bytes.extend_from_slice(&other[place.min(other.len())..]);
        }
    }
}

/// A change of one part of a bundle that leaves its bytes well-formed.
fn change_part(random: &mut Random, bundle: &mut ProofBundle, other: &ProofBundle) {
    match random.below(9) {
        0 => bundle.claim = other.claim.clone(),
        1 => bundle.header = other.header.clone(),
        2 => bundle.link = other.link.clone(),
        3 => bundle.finality = other.finality.clone(),
        4 => change_claim(random, &mut bundle.claim),
        5 => change_header(random, &mut bundle.header),
        6 => change_link(random, bundle),
        _ => change_finality(random, bundle),
    }
}

fn change_claim(random: &mut Random, claim: &mut Claim) {
    match claim {
        Claim::State { key, value, nodes, .. } => match random.below(4) {
            0 => random.flip(key),
            1 => *value = if value.is_some() { None } else { Some(Vec::new()) },
            2 => random.disorder(nodes),
            _ => {
                let place = random.below(nodes.len());
                random.flip(&mut nodes[place]);
            }
        },
        Claim::Receipt { receipt, path } => match random.below(5) {
            0 => receipt.gas_used = random.number(receipt.gas_used),
            1 => receipt.index = random.next() as u32,
            2 => receipt.outcome = Outcome::Done { output: Vec::new() },
            _ => change_path(random, path),
        },
    }
}

fn change_path(random: &mut Random, path: &mut Path) {
    match random.below(4) {
        0 => path.index = random.number(path.index),
        1 => path.count = random.number(path.count),
        _ => random.disorder(&mut path.siblings),
    }
}

fn change_header(random: &mut Random, header: &mut Header) {
    match random.below(9) {
        0 => header.height = random.number(header.height),
        1 => header.epoch = random.number(header.epoch),
        2 => header.timestamp_ms = random.number(header.timestamp_ms),
        3 => header.gas_used = random.number(header.gas_used),
        4 => random.flip(&mut header.parent.0),
        5 => random.flip(&mut header.state_root.0),
        6 => random.flip(&mut header.history_root.0),
        7 => header.next_committee = header.next_committee.map_or(Some(Digest::default()), |_| None),
        _ => random.flip(&mut header.proposer),
    }
}

fn change_link(random: &mut Random, bundle: &mut ProofBundle) {
    match &mut bundle.link {
        Link::Same => bundle.link = Link::Descendants(vec![bundle.header.clone()]),
        Link::Descendants(headers) => match random.below(3) {
            0 => {
                let place = random.below(headers.len());
                change_header(random, &mut headers[place]);
            }
            _ => random.disorder(headers),
        },
        Link::History { header, path } => match random.below(3) {
            0 => change_header(random, header),
            _ => change_path(random, path),
        },
    }
}

fn change_finality(random: &mut Random, bundle: &mut ProofBundle) {
    let (hand_overs, certificate) = finality(bundle);
    let place = random.below(hand_overs.len());
    match (random.below(8), hand_overs.is_empty()) {
        (0, false) => random.disorder(hand_overs),
        (1, false) => hand_overs[place].certificate = certificate.clone(),
        (2, false) => change_header(random, &mut hand_overs[place].header),
        (3, false) => random.disorder(&mut hand_overs[place].certificate.votes),
        (4, _) => certificate.view = random.number(certificate.view),
        (5, _) => certificate.epoch = random.number(certificate.epoch),
        (6, _) => {
            let vote = random.below(certificate.votes.len());
            certificate.votes[vote].member = random.next() as u16 % 6;
        }
        _ => random.disorder(&mut certificate.votes),
    }
}

#[test]
fn no_changed_bundle_is_accepted() {
    let chain = Chain::new();
    let bundles = chain.bundles();
    let valid: Vec<Vec<u8>> = bundles.iter().map(bytes).collect();
    let accept = |bytes: &Vec<u8>| verify(bytes, &chain.anchor).expect("the bundle is valid");
    let originals: Vec<Verified> = valid.iter().map(accept).collect();
    let mut random = Random(1);
    let (mut unchanged, mut neighbours) = (0, 0);
    for round in 0..MUTATIONS {
        let (one, other) = (random.below(bundles.len()), random.below(bundles.len()));
        let mut changed = match round % 2 {
            0 => valid[one].clone(),
            _ => {
                let mut bundle = bundles[one].clone();
                change_part(&mut random, &mut bundle, &bundles[other]);
                bytes(&bundle)
            }
        };
        if round % 2 == 0 || round % 16 == 1 {
            change_bytes(&mut random, &mut changed, &valid[other]);
        }
        if valid.contains(&changed) {
            unchanged += 1;
        } else if let Ok(verified) = verify(&changed, &chain.anchor) {
            // Spliced of two, it may be about the other's block.
            let right = originals.iter().any(|original| match (&verified.statement, &original.statement) {
                (Statement::Absent { subject, key }, Statement::Absent { .. }) => {
                    let only_the_key = Verified { statement: original.statement.clone(), ..verified.clone() };
                    only_the_key == *original && !chain.has(verified.as_of_height, subject, key)
                }
                _ => false,
            });
            assert!(right, "round {round} changed bundle {one} and it was accepted: {verified:?}");
            neighbours += 1;
        }
    }
    assert!(neighbours < MUTATIONS / 50, "{neighbours}");
    // A mutation that changes nothing tests nothing.
    assert!(unchanged < MUTATIONS / 5, "{unchanged}");
}

#[test]
fn random_bytes_are_refused() {
    let chain = Chain::new();
    let mut random = Random(2);
    for _ in 0..MUTATIONS {
        let length = random.below(400);
        // Small numbers are what tags and lengths are made of.
        let small = random.below(2) == 0;
        let mut bytes: Vec<u8> = (0..length).map(|_| random.next() as u8 % if small { 5 } else { 255 }).collect();
        if let Some(version) = bytes.first_mut() {
            *version = 1;
        }
        assert!(verify(&bytes, &chain.anchor).is_err());
    }
}

/// As long a chain of hand-overs as a state would have after two centuries of quarters.
#[test]
fn a_long_chain_of_hand_overs_is_checked_to_its_end() {
    let chain = Chain::new();
    let mut bundle = chain.bundle(chain.receipt_claim(6, 0), 6, Link::Same, 6);
    let keys = &chain.epochs[0];
    let committee = crate::fixture::committee(keys);
    let mut header = chain.header(6).clone();
    let mut hand_overs = Vec::new();
    for epoch in 0..800 {
        (header.epoch, header.height) = (epoch, epoch + 1);
        header.next_committee = Some(committee.digest(&chain.anchor.genesis));
        let certificate = resign(&chain, &header);
        hand_overs.push(chancery_abi::HandOver { header: header.clone(), certificate, next: committee.clone() });
    }
    (header.epoch, header.height) = (800, 801);
    let Claim::Receipt { receipt, path } = &mut bundle.claim else { unreachable!("it is about a receipt") };
    receipt.height = 801;
    let root = chancery_verify::roots::receipts_root_by(&chain.anchor.genesis, receipt, path);
    header.receipts_root = root.expect("the path leads somewhere");
    bundle.finality = Finality::Certificate { hand_overs, certificate: resign(&chain, &header) };
    bundle.header = header;
    let verified = verify(&bytes(&bundle), &chain.anchor).expect("the bundle is valid");
    assert_eq!((verified.epoch(), verified.as_of_height), (Some(800), 801));
    finality(&mut bundle).0[799].certificate.votes[2].signature[63] ^= 1;
    assert!(verify(&bytes(&bundle), &chain.anchor).is_err());
}

/// A certificate of epoch 0's keys for any header.
fn resign(chain: &Chain, header: &Header) -> chancery_abi::Certificate {
    let mut certificate = chain.certificate(1, &[]);
    certificate.epoch = header.epoch;
    certificate.header = header.digest(&chain.anchor.genesis);
    let preimage = certificate.preimage(&chain.anchor.genesis);
    let vote = |member: u16| crate::fixture::vote(&chain.epochs[0][usize::from(member)], member, &preimage);
    certificate.votes = vec![vote(0), vote(1), vote(2)];
    certificate
}
