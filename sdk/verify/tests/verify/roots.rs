//! The roots that a header commits to, pinned. Made with another implementation of SHA-256.

use chancery_abi::{
    Address, Authorisation, Call, Digest, Ident, Payload, Transaction, TransactionBody,
    merkle::{self, Mountain},
};
use chancery_verify::{roots, trie};

use crate::fixture::{name, slot};

const GENESIS: Digest = Digest([0x77; 32]);

fn transaction(nonce: u64) -> Transaction {
    let call = Call {
        contract: Address([0x33; 32]),
        method: Ident::new("file_it").expect("a valid name"),
        input: vec![1, 2, 3],
    };
    let body = TransactionBody {
        version: 1,
        chain: name("main"),
        sender: Address([0x22; 32]),
        nonce,
        gas_limit: 1_000_000,
        valid_until_height: 500,
        payload: Payload::Call(call),
        sponsor: None,
    };
    let authorisation = Authorisation::Ed25519 { public_key: [0x44; 32], signature: [0x55; 64] };
    Transaction { body, authorisation, sponsor_authorisation: None }
}

#[test]
fn of_nothing() {
    let expected = "efc0e3457ebcb0562200c11fbbdd08a724cc69409f2fcb33a4de4b1eb0aeb516";
    assert_eq!(roots::history_root(&GENESIS, &Mountain::default()).to_string(), expected);
    assert_eq!(
        roots::transactions_root(&GENESIS, &[]).to_string(),
        "47a88e3483bb218556c51add434ecc7f2b5673ec7adf7ad307cb828aa89c4437"
    );
    assert_eq!(
        roots::receipts_root(&GENESIS, &[]).to_string(),
        "eaf4a37837a017ce25be55e2d79fbfcd630359b40ee645932453e5dc285d8ae8"
    );
}

#[test]
fn of_three_headers() {
    let mut mountain = Mountain::default();
    for byte in [0xe1, 0xe2, 0xe3] {
        mountain.push(roots::history_leaf(&Digest([byte; 32])));
    }
    assert_eq!(
        roots::history_root(&GENESIS, &mountain).to_string(),
        "76b998736f1f5070fc5aa60f47df84cba7e45c5ec1f670127de270f2f53e48dc"
    );
}

#[test]
fn of_two_transactions() {
    let transactions = [transaction(7), transaction(8)];
    assert_eq!(
        roots::transactions_root(&GENESIS, &transactions).to_string(),
        "93a7b73812c46f7ad32ec9060130b90fc17ef433a77d30bc83ea2942d5109be3"
    );
}

/// A path alone does not say how long its list is: the third of seven and the third of eight have the same.
#[test]
fn a_root_is_of_one_number_of_entries() {
    let leaves: Vec<Digest> = (0..7).map(|byte| roots::history_leaf(&Digest([byte; 32]))).collect();
    let mut path = merkle::path(&leaves, 2).expect("there are seven");
    let root = roots::history_root_by(&GENESIS, &Digest([2; 32]), &path);
    path.count = 8;
    assert!(path.root(&leaves[2]).is_some());
    assert_ne!(roots::history_root_by(&GENESIS, &Digest([2; 32]), &path), root);
}

#[test]
fn keys_and_the_empty_root_of_the_trie() {
    assert_eq!(
        Digest(trie::key(&Address([0x33; 32]), &slot("files", &[1]))).to_string(),
        "15974b82657cceaa284cd7035124476abfa2dd8024fd8767261e81d559a6e6c1"
    );
    assert_eq!(trie::empty_root().to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}
