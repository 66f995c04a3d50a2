//! Every kind of bundle is accepted and says what it proves.

use chancery_abi::{Claim, Link, StateSubject, limits::PROOF_DESCENDANTS_MAX};
use chancery_verify::{Statement, Verified, verify};

use crate::fixture::{Chain, bytes, committee, slot, subject};

fn file(height: u64) -> Vec<u8> {
    slot("files", &height.to_be_bytes())
}

fn accept(chain: &Chain, claim: Claim, height: u64, link: Link, certified: u64) -> Verified {
    let bundle = chain.bundle(claim, height, link, certified);
    let verified = verify(&bytes(&bundle), &chain.anchor).expect("the bundle is valid");
    let header = chain.header(height);
    assert_eq!((verified.as_of_height, verified.as_of_timestamp_ms), (height, header.timestamp_ms));
    let epoch = chain.header(certified).epoch;
    assert_eq!((verified.certified_height, verified.epoch()), (certified, Some(epoch)));
    let keys = committee(&chain.epochs[epoch as usize]);
    assert_eq!(verified.signers(), [0, 2, 3].map(|member| keys.keys()[member]));
    assert_eq!((&verified.chain, verified.genesis), (&chain.anchor.chain, chain.anchor.genesis));
    verified
}

#[test]
fn a_value_that_is_there() {
    let chain = Chain::new();
    let verified = accept(&chain, chain.state_claim(6, subject(), &file(4)), 6, Link::Same, 6);
    let expected = Statement::Present { subject: subject(), key: file(4), value: b"file 4".to_vec() };
    assert_eq!(verified.statement, expected);
    assert_eq!(verified.statement.value(), Some(&b"file 4"[..]));
}

#[test]
fn a_value_that_is_not_there_and_later_is() {
    let chain = Chain::new();
    let verified = accept(&chain, chain.state_claim(8, subject(), &file(9)), 8, Link::Same, 8);
    assert_eq!(verified.statement, Statement::Absent { subject: subject(), key: file(9) });
    let verified = accept(&chain, chain.state_claim(9, subject(), &file(9)), 9, Link::Same, 9);
    assert_eq!(verified.statement.kind(), "present");
}

#[test]
fn nothing_is_in_an_empty_state() {
    let chain = Chain::new();
    let verified = accept(&chain, chain.state_claim(1, subject(), &file(1)), 1, Link::Same, 1);
    assert_eq!(verified.statement.kind(), "absent");
}

#[test]
fn the_runtimes_own_state() {
    let chain = Chain::new();
    let key = slot("nonce", &[5; 32]);
    let verified = accept(&chain, chain.state_claim(6, StateSubject::System, &key), 6, Link::Same, 6);
    assert_eq!(verified.statement.value(), Some(&5u64.to_le_bytes()[..]));
}

#[test]
fn receipts_at_every_place() {
    let chain = Chain::new();
    for index in 0..7 {
        let verified = accept(&chain, chain.receipt_claim(3, index), 3, Link::Same, 3);
        let receipt = verified.statement.receipt().expect("it is about a receipt");
        assert_eq!((receipt.height, receipt.index), (3, index));
    }
}

#[test]
fn links_of_every_length_and_kind() {
    let chain = Chain::new();
    for height in 1..=Chain::HEIGHTS {
        let claim = chain.receipt_claim(height, 2);
        accept(&chain, claim.clone(), height, Link::Same, height);
        for later in height + 1..=Chain::HEIGHTS {
            accept(&chain, claim.clone(), height, chain.descendants(height, later), later);
            accept(&chain, claim.clone(), height, chain.history(height, later), later);
        }
    }
    const { assert!(Chain::HEIGHTS < PROOF_DESCENDANTS_MAX as u64) }
}

#[test]
fn three_hand_overs_lead_to_the_committee_of_epoch_three() {
    let chain = Chain::new();
    let verified = accept(&chain, chain.receipt_claim(2, 0), 2, chain.history(2, 23), 23);
    assert_eq!(verified.epoch(), Some(3));
}

#[test]
fn more_votes_than_a_quorum_are_named_too() {
    let chain = Chain::new();
    let mut bundle = chain.bundle(chain.receipt_claim(4, 1), 4, Link::Same, 4);
    *crate::fixture::finality(&mut bundle).1 = chain.certificate(4, &[0, 1, 2, 3]);
    let verified = verify(&bytes(&bundle), &chain.anchor).expect("the bundle is valid");
    assert_eq!(verified.signers(), committee(&chain.epochs[0]).keys());
}

#[test]
fn sentences_say_what_was_proven_and_as_of_when() {
    let chain = Chain::new();
    let verified = accept(&chain, chain.state_claim(6, subject(), &file(4)), 6, chain.history(6, 9), 9);
    let expected = "\
Contract archive.evidence holds 6 bytes under field files, key 0000000000000004: 66696c652034.
This holds as of height 6 of chain main, at 2026-11-23 03:29:21.006 UTC.
The chain is the one whose genesis is 0707070707070707070707070707070707070707070707070707070707070707.
3 members of the committee of epoch 1 certified a later header (height 9):";
    let text = verified.to_string();
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(text.lines().count(), 7);

    let verified = accept(&chain, chain.state_claim(6, subject(), b"\xff"), 6, Link::Same, 6);
    assert_eq!(verified.statement.to_string(), "Contract archive.evidence holds nothing under slot ff.");

    let receipts = [
        "it was done and returned 3 bytes; it used 100 gas and announced 0 events.",
        "refused with error 7; it used 101 gas and announced 0 events.",
        "was stopped: the gas ran out; it used 102 gas and announced 0 events.",
        "no contract ran: there is no contract at this address; it used 103 gas and announced 0 events.",
    ];
    for (index, expected) in (0..).zip(receipts) {
        let verified = accept(&chain, chain.receipt_claim(6, index), 6, Link::Same, 6);
        let text = verified.statement.to_string();
        assert!(text.starts_with(&format!("Transaction {}", hex(index as u8))) && text.ends_with(expected), "{text}");
    }
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

#[test]
fn every_time_has_a_date() {
    let chain = Chain::new();
    let mut verified = accept(&chain, chain.receipt_claim(6, 0), 6, Link::Same, 6);
    let dates = [
        (0, "1970-01-01 00:00:00.000"),
        (951_782_400_000, "2000-02-29 00:00:00.000"),
        (4_107_542_399_999, "2100-02-28 23:59:59.999"),
        (4_107_542_400_000, "2100-03-01 00:00:00.000"),
        (1_798_761_599_000, "2026-12-31 23:59:59.000"),
        (u64::MAX, "584556019-04-03 14:25:51.615"),
    ];
    for (timestamp_ms, date) in dates {
        verified.as_of_timestamp_ms = timestamp_ms;
        assert!(verified.sentences()[1].ends_with(&format!("at {date} UTC.")), "{}", verified.sentences()[1]);
    }
}
