//! Every refusal by its name: one thing is wrong in an otherwise valid bundle, and the verifier says which.

use chancery_abi::{
    Claim, DecodeError, Header, Link, ProofBundle, StateSubject,
    limits::{PROOF_BYTES_MAX, PROOF_DESCENDANTS_MAX, PROOF_HAND_OVERS_MAX},
};
use chancery_verify::{CertificateError, Stage, TrieError, VerifyError, error::Part, examine, verify};

use crate::fixture::{Chain, bytes, committee, finality, name, signers, slot, subject};

fn file(height: u64) -> Vec<u8> {
    slot("files", &height.to_be_bytes())
}

/// What the verifier says of `bundle` after `change`.
fn refusal(chain: &Chain, mut bundle: ProofBundle, change: impl FnOnce(&mut ProofBundle)) -> VerifyError {
    verify(&bytes(&bundle), &chain.anchor).expect("the bundle is valid before the change");
    change(&mut bundle);
    let error = verify(&bytes(&bundle), &chain.anchor).expect_err("the change makes it invalid");
    assert!(!error.to_string().is_empty());
    error
}

fn present(chain: &Chain) -> ProofBundle {
    chain.bundle(chain.state_claim(6, subject(), &file(4)), 6, Link::Same, 6)
}

fn absent(chain: &Chain) -> ProofBundle {
    chain.bundle(chain.state_claim(6, subject(), &file(9)), 6, Link::Same, 6)
}

fn receipt(chain: &Chain) -> ProofBundle {
    chain.bundle(chain.receipt_claim(6, 2), 6, Link::Same, 6)
}

/// About height 3, certified at height 16 in epoch 2.
fn handed_over(chain: &Chain) -> ProofBundle {
    chain.bundle(chain.receipt_claim(3, 2), 3, chain.history(3, 16), 16)
}

#[test]
fn bytes_that_are_no_bundle() {
    let chain = Chain::new();
    let good = bytes(&present(&chain));
    let error = |bytes: &[u8]| verify(bytes, &chain.anchor).expect_err("these are no bundles");
    assert_eq!(error(&[]), VerifyError::Unreadable(DecodeError::Malformed));
    assert_eq!(error(&good[..good.len() - 1]), VerifyError::Unreadable(DecodeError::Malformed));
    let longer = [&good[..], &[0]].concat();
    assert_eq!(error(&longer), VerifyError::Unreadable(DecodeError::TrailingBytes { count: 1 }));
    let huge = vec![1; PROOF_BYTES_MAX + 1];
    let too_long = DecodeError::TooLong { found: PROOF_BYTES_MAX + 1, limit: PROOF_BYTES_MAX };
    assert_eq!(error(&huge), VerifyError::Unreadable(too_long));
    let mut newer = good;
    newer[0] = 2;
    assert_eq!(error(&newer), VerifyError::Unreadable(DecodeError::UnknownVersion { found: 2 }));
}

#[test]
fn parts_of_an_unknown_version() {
    let chain = Chain::new();
    let error = refusal(&chain, present(&chain), |bundle| bundle.header.version = 9);
    assert_eq!(error, VerifyError::UnknownVersion { part: Part::Header, found: 9 });
    let error = refusal(&chain, receipt(&chain), |bundle| match &mut bundle.claim {
        Claim::Receipt { receipt, .. } => receipt.version = 0,
        Claim::State { .. } => unreachable!("it is about a receipt"),
    });
    assert_eq!(error, VerifyError::UnknownVersion { part: Part::Receipt, found: 0 });
    let error = refusal(&chain, present(&chain), |bundle| finality(bundle).1.version = 3);
    let unknown = CertificateError::UnknownVersion { found: 3 };
    assert_eq!(error, VerifyError::Certificate { epoch: 0, error: unknown });
    let mut anchor = chain.anchor.clone();
    anchor.version = 2;
    let error = verify(&bytes(&present(&chain)), &anchor);
    assert_eq!(error, Err(VerifyError::UnknownVersion { part: Part::Anchor, found: 2 }));
}

#[test]
fn another_chain_another_genesis_another_committee() {
    let chain = Chain::new();
    let bundle = bytes(&present(&chain));
    let mut anchor = chain.anchor.clone();
    anchor.chain = name("plates");
    let error = VerifyError::WrongChain { expected: name("plates"), found: name("main") };
    assert_eq!(verify(&bundle, &anchor), Err(error));
    let mut anchor = chain.anchor.clone();
    anchor.genesis.0[0] ^= 1;
    assert_eq!(verify(&bundle, &anchor), Err(VerifyError::CertificateOfOtherHeader { epoch: 0 }));
    let mut anchor = chain.anchor.clone();
    anchor.committee = committee(&signers(5));
    let error = CertificateError::BadSignature { member: 0 };
    assert_eq!(verify(&bundle, &anchor), Err(VerifyError::Certificate { epoch: 0, error }));
}

#[test]
fn height_zero() {
    let chain = Chain::new();
    assert_eq!(refusal(&chain, receipt(&chain), |bundle| bundle.header.height = 0), VerifyError::HeightZero);
    let error = refusal(&chain, handed_over(&chain), |bundle| match &mut bundle.link {
        Link::History { header, .. } => header.height = 0,
        _ => unreachable!("it has a history"),
    });
    assert_eq!(error, VerifyError::HeightZero);
}

fn value(bundle: &mut ProofBundle) -> &mut Option<Vec<u8>> {
    match &mut bundle.claim {
        Claim::State { value, .. } => value,
        Claim::Receipt { .. } => unreachable!("it is about state"),
    }
}

fn nodes(bundle: &mut ProofBundle) -> &mut Vec<Vec<u8>> {
    match &mut bundle.claim {
        Claim::State { nodes, .. } => nodes,
        Claim::Receipt { .. } => unreachable!("it is about state"),
    }
}

/// Claims the entry of another slot, with the value and nodes of this one.
fn move_claim(bundle: &mut ProofBundle, to: StateSubject, slot: Vec<u8>) {
    match &mut bundle.claim {
        Claim::State { subject, key, .. } => (*subject, *key) = (to, slot),
        Claim::Receipt { .. } => unreachable!("it is about state"),
    }
}

#[test]
fn values_that_are_not_the_states() {
    let chain = Chain::new();
    let error = refusal(&chain, present(&chain), |bundle| *value(bundle) = Some(b"file 5".to_vec()));
    assert_eq!(error, VerifyError::WrongValue);
    assert_eq!(refusal(&chain, present(&chain), |bundle| *value(bundle) = None), VerifyError::ValuePresent);
    let error = refusal(&chain, absent(&chain), |bundle| *value(bundle) = Some(Vec::new()));
    assert_eq!(error, VerifyError::ValueAbsent);
}

#[test]
fn nodes_that_are_not_the_way_to_the_key() {
    let chain = Chain::new();
    let found = nodes(&mut present(&chain)).len();
    assert!(found > 1);
    let wrong = |place| VerifyError::State(TrieError::WrongNode { place });
    assert_eq!(refusal(&chain, present(&chain), |bundle| nodes(bundle).swap(0, 1)), wrong(0));
    assert_eq!(refusal(&chain, present(&chain), |bundle| nodes(bundle)[1][5] ^= 1), wrong(1));
    let error = refusal(&chain, present(&chain), |bundle| drop(nodes(bundle).pop()));
    assert_eq!(error, VerifyError::State(TrieError::MissingNode { found: found - 1 }));
    let error = refusal(&chain, present(&chain), |bundle| nodes(bundle).push(vec![0]));
    assert_eq!(error, VerifyError::State(TrieError::ExtraNodes { used: found, found: found + 1 }));
    // The way to another key, to another contract's, and to the runtime's.
    let error = refusal(&chain, present(&chain), |bundle| move_claim(bundle, subject(), file(5)));
    assert!(matches!(error, VerifyError::State(_) | VerifyError::ValueAbsent), "{error:?}");
    let error = refusal(&chain, present(&chain), |bundle| move_claim(bundle, StateSubject::System, file(4)));
    assert!(matches!(error, VerifyError::State(_) | VerifyError::ValueAbsent), "{error:?}");
    // The state of another height.
    let error = refusal(&chain, present(&chain), |bundle| bundle.claim = chain.state_claim(5, subject(), &file(4)));
    assert_eq!(error, wrong(0));
}

#[test]
fn receipts_of_elsewhere() {
    let chain = Chain::new();
    let error = refusal(&chain, receipt(&chain), |bundle| bundle.claim = chain.receipt_claim(5, 2));
    assert_eq!(error, VerifyError::ReceiptOfOtherBlock { expected: 6, found: 5 });
    let change = |change: fn(&mut chancery_abi::Receipt, &mut chancery_abi::merkle::Path)| {
        refusal(&chain, receipt(&chain), |bundle| match &mut bundle.claim {
            Claim::Receipt { receipt, path } => change(receipt, path),
            Claim::State { .. } => unreachable!("it is about a receipt"),
        })
    };
    let error = change(|_, path| path.index = 3);
    assert_eq!(error, VerifyError::ReceiptPlace { expected: 2, found: 3 });
    assert_eq!(change(|receipt, _| receipt.gas_used += 1), VerifyError::ReceiptRoot);
    // Seven receipts and eight have the same path for the third: the count must be committed to.
    assert_eq!(change(|_, path| path.count = 8), VerifyError::ReceiptRoot);
    assert_eq!(change(|_, path| path.count = u64::MAX), VerifyError::ReceiptRoot);
    assert_eq!(change(|_, path| path.siblings.truncate(path.siblings.len() - 1)), VerifyError::ReceiptRoot);
    assert_eq!(change(|_, path| path.siblings.swap(0, 1)), VerifyError::ReceiptRoot);
}

fn descendants(bundle: &mut ProofBundle) -> &mut Vec<Header> {
    match &mut bundle.link {
        Link::Descendants(headers) => headers,
        _ => unreachable!("it has descendants"),
    }
}

#[test]
fn descendants_that_do_not_follow() {
    let chain = Chain::new();
    let good = chain.bundle(chain.receipt_claim(3, 2), 3, chain.descendants(3, 7), 7);
    assert_eq!(refusal(&chain, good.clone(), |bundle| descendants(bundle).clear()), VerifyError::NoDescendants);
    let error = refusal(&chain, good.clone(), |bundle| drop(descendants(bundle).remove(1)));
    assert_eq!(error, VerifyError::DescendantHeight { expected: 5, found: 6 });
    let error = refusal(&chain, good.clone(), |bundle| descendants(bundle)[1].timestamp_ms += 1);
    assert_eq!(error, VerifyError::DescendantParent { height: 6 });
    let error = refusal(&chain, good.clone(), |bundle| descendants(bundle)[0].chain = name("plates"));
    assert_eq!(error, VerifyError::WrongChain { expected: name("main"), found: name("plates") });
    // One that nobody certified, behind the certified one.
    let error = refusal(&chain, good.clone(), |bundle| descendants(bundle).push(chain.header(8).clone()));
    assert_eq!(error, VerifyError::HeaderEpoch { expected: 0, found: 1 });
    let error = refusal(&chain, good.clone(), |bundle| drop(descendants(bundle).pop()));
    assert_eq!(error, VerifyError::CertificateOfOtherHeader { epoch: 0 });
    let found = PROOF_DESCENDANTS_MAX + 1;
    let error = refusal(&chain, good, |bundle| *descendants(bundle) = vec![chain.header(4).clone(); found]);
    assert_eq!(error, VerifyError::TooManyDescendants { found });
}

#[test]
fn histories_that_do_not_hold_the_header() {
    let chain = Chain::new();
    let change = |change: &dyn Fn(&mut Header, &mut chancery_abi::merkle::Path)| {
        refusal(&chain, handed_over(&chain), |bundle| match &mut bundle.link {
            Link::History { header, path } => change(header, path),
            _ => unreachable!("it has a history"),
        })
    };
    for later in [1, 3] {
        let error = change(&|header, _| *header = chain.header(later).clone());
        assert_eq!(error, VerifyError::HistoryNotLater { header: 3, later });
    }
    assert_eq!(change(&|_, path| path.index = 1), VerifyError::HistoryPlace);
    assert_eq!(change(&|_, path| path.count += 1), VerifyError::HistoryPlace);
    assert_eq!(change(&|header, _| header.height += 1), VerifyError::HistoryPlace);
    assert_eq!(change(&|_, path| path.siblings[1].0[0] ^= 1), VerifyError::HistoryRoot);
    assert_eq!(change(&|_, path| path.siblings.truncate(path.siblings.len() - 1)), VerifyError::HistoryRoot);
    // A header that is not in the history, with the place of one that is.
    let error = refusal(&chain, handed_over(&chain), |bundle| bundle.header.timestamp_ms += 1);
    assert_eq!(error, VerifyError::HistoryRoot);
}

#[test]
fn certificates_that_do_not_fit() {
    let chain = Chain::new();
    let error = refusal(&chain, present(&chain), |bundle| *finality(bundle).1 = chain.certificate(5, &[0, 1, 2]));
    assert_eq!(error, VerifyError::CertificateOfOtherHeader { epoch: 0 });
    let error = refusal(&chain, present(&chain), |bundle| finality(bundle).1.epoch = 1);
    assert_eq!(error, VerifyError::CertificateEpoch { expected: 0, found: 1 });
    let error = refusal(&chain, present(&chain), |bundle| *finality(bundle).1 = chain.certificate(6, &[0, 3]));
    let cause = CertificateError::NoQuorum { quorum: 3, found: 2 };
    assert_eq!(error, VerifyError::Certificate { epoch: 0, error: cause });
    // A header that claims an epoch whose committee was never put into office.
    let error = refusal(&chain, present(&chain), |bundle| bundle.header.epoch = 1);
    assert_eq!(error, VerifyError::HeaderEpoch { expected: 0, found: 1 });
}

#[test]
fn hand_overs_that_do_not_lead_there() {
    let chain = Chain::new();
    let change = |change: &dyn Fn(&mut Vec<chancery_abi::HandOver>)| {
        refusal(&chain, handed_over(&chain), |bundle| change(finality(bundle).0))
    };
    assert_eq!(change(&|hand_overs| hand_overs.clear()), VerifyError::HeaderEpoch { expected: 0, found: 2 });
    let error = change(&|hand_overs| drop(hand_overs.remove(0)));
    assert_eq!(error, VerifyError::HeaderEpoch { expected: 1, found: 2 });
    let error = change(&|hand_overs| drop(hand_overs.pop()));
    assert_eq!(error, VerifyError::HeaderEpoch { expected: 1, found: 2 });
    let error = change(&|hand_overs| hand_overs.swap(0, 1));
    assert!(matches!(error, VerifyError::Certificate { epoch: 2, .. }), "{error:?}");
    let error = change(&|hand_overs| hand_overs[0] = hand_overs[1].clone());
    assert_eq!(error, VerifyError::HeaderEpoch { expected: 0, found: 1 });
    let error = change(&|hand_overs| hand_overs.insert(0, hand_overs[0].clone()));
    assert_eq!(error, VerifyError::HeaderEpoch { expected: 3, found: 2 });

    let error = change(&|hand_overs| hand_overs[0].next = committee(&chain.epochs[2]));
    assert_eq!(error, VerifyError::WrongCommittee { epoch: 0 });
    let error = change(&|hand_overs| {
        hand_overs[1].header = chain.header(13).clone();
        hand_overs[1].certificate = chain.certificate(13, &[0, 1, 2]);
    });
    assert_eq!(error, VerifyError::NotAHandOver { epoch: 1 });
    let error = change(&|hand_overs| hand_overs[1].certificate.votes[2].signature[0] ^= 1);
    let cause = CertificateError::BadSignature { member: 3 };
    assert_eq!(error, VerifyError::Certificate { epoch: 1, error: cause });
    let error = change(&|hand_overs| hand_overs[1].header.chain = name("plates"));
    assert_eq!(error, VerifyError::WrongChain { expected: name("main"), found: name("plates") });

    let found = PROOF_HAND_OVERS_MAX + 1;
    let error = change(&|hand_overs| *hand_overs = vec![hand_overs[0].clone(); found]);
    assert_eq!(error, VerifyError::TooManyHandOvers { found });
}

/// The next committee's word about a time before it came into office is worth nothing, and neither is a committee's
/// that signs on after it was followed.
#[test]
fn epochs_that_overlap() {
    let chain = Chain::new();
    let mut bundle = chain.bundle(chain.receipt_claim(9, 0), 9, Link::Same, 9);
    // Epoch 1 certifies another header for height 7, with which epoch 0 ended.
    bundle.header.height = 7;
    let mut claim = chain.receipt_claim(9, 0);
    if let Claim::Receipt { receipt, path } = &mut claim {
        receipt.height = 7;
        let root = chancery_verify::roots::receipts_root_by(&chain.anchor.genesis, receipt, path);
        bundle.header.receipts_root = root.expect("the path leads somewhere");
    }
    bundle.claim = claim;
    let digest = bundle.header.digest(&chain.anchor.genesis);
    let (_, certificate) = finality(&mut bundle);
    certificate.header = digest;
    let preimage = certificate.preimage(&chain.anchor.genesis);
    for vote in &mut certificate.votes {
        vote.signature = chain.epochs[1][usize::from(vote.member)].sign(&preimage).to_bytes();
    }
    let error = VerifyError::EpochsOverlap { ended: 7, found: 7 };
    assert_eq!(verify(&bytes(&bundle), &chain.anchor), Err(error));
}

/// Readers are shown the steps one by one: what comes before the one that failed has held.
#[test]
fn a_refusal_says_at_which_step() {
    let chain = Chain::new();
    let stage = |mut bundle: ProofBundle, change: &dyn Fn(&mut ProofBundle)| {
        change(&mut bundle);
        examine(&bytes(&bundle), &chain.anchor).expect_err("the change makes it invalid").stage
    };
    assert_eq!(examine(&[], &chain.anchor).expect_err("no bundle").stage, Stage::Proof);
    assert_eq!(stage(present(&chain), &|bundle| bundle.header.chain = name("plates")), Stage::Proof);
    assert_eq!(stage(present(&chain), &|bundle| *value(bundle) = Some(vec![0])), Stage::State);
    assert_eq!(stage(present(&chain), &|bundle| bundle.header.state_root.0[0] ^= 1), Stage::State);
    assert_eq!(stage(absent(&chain), &|bundle| *value(bundle) = Some(vec![0])), Stage::State);
    assert_eq!(stage(receipt(&chain), &|bundle| bundle.header.timestamp_ms += 1), Stage::Signatures);
    let forge = |bundle: &mut ProofBundle| finality(bundle).1.votes[0].signature[0] ^= 1;
    assert_eq!(stage(receipt(&chain), &forge), Stage::Signatures);
    assert_eq!(stage(handed_over(&chain), &forge), Stage::Signatures);
    let usurp = |bundle: &mut ProofBundle| finality(bundle).0[0].certificate.votes[0].signature[0] ^= 1;
    assert_eq!(stage(handed_over(&chain), &usurp), Stage::Departments);
}
