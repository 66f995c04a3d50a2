//! The evidence repository: every method, and every refusal by its number.

use chancery_abi::{Address, Digest, Outcome, merkle, slot};
use chancery_tests::{Account, Chain, contract, error_code};
use parity_scale_codec::{Decode, Encode};

const CASE: &str = "2026-0001";

struct Court {
    chain: Chain,
    admin: Account,
    court: Account,
    custodian: Account,
}

impl Court {
    fn new() -> Self {
        let mut chain = Chain::new();
        let (mut admin, court, custodian) = (Account::new(1), Account::new(2), Account::new(3));
        let receipt = chain.deploy("evidence", contract("evidence.wasm"), court.address.encode());
        assert!(receipt.outcome.is_done(), "{:?}", receipt.outcome);
        admin.nonce = chain.nonce(&admin.address);
        let mut new = Self { chain, admin, court, custodian };
        new.appoint(new.custodian.address);
        new
    }

    fn appoint(&mut self, account: Address) {
        let receipt = self.chain.call(&mut self.admin, "evidence", "appoint", &(account, "registry-1"));
        assert!(receipt.outcome.is_done(), "{:?}", receipt.outcome);
    }

    fn file(&mut self, digest: Digest) -> Outcome {
        self.chain.call(&mut self.custodian, "evidence", "file", &(digest, CASE)).outcome
    }
}

#[test]
fn files_a_digest_once_and_finds_it_by_case() {
    let mut court = Court::new();
    let digest = Digest([5; 32]);
    assert!(court.file(digest).is_done());
    assert_eq!(error_code(&court.file(digest)), 1);
    let Outcome::Done { output } = court.chain.query("evidence", "case", &(CASE, None::<Digest>, 10u32)).outcome else {
        panic!("the case is readable")
    };
    assert_eq!(Vec::<Digest>::decode(&mut &output[..]), Ok(vec![digest]));
    assert_eq!(error_code(&court.chain.query("evidence", "record", &Digest([6; 32])).outcome), 2);
}

#[test]
fn refuses_who_is_not_a_custodian_and_what_is_not_a_reference() {
    let mut court = Court::new();
    let mut stranger = Account::new(8);
    let receipt = court.chain.call(&mut stranger, "evidence", "file", &(Digest([5; 32]), CASE));
    assert!(error_code(&receipt.outcome) >= 0xFFFF_0000, "{:?}", receipt.outcome);
    for bad in ["", "has a space", &"9".repeat(41), "案号"] {
        let receipt = court.chain.call(&mut court.custodian, "evidence", "file", &(Digest([5; 32]), bad));
        assert_eq!(error_code(&receipt.outcome), 8, "{bad:?}: {:?}", receipt.outcome);
    }
}

#[test]
fn custody_grows_and_ends_with_the_seal() {
    let mut court = Court::new();
    let digest = Digest([5; 32]);
    court.file(digest);
    let mut next = Account::new(4);
    let arguments = (digest, next.address, "transfer-7");
    let refused = court.chain.call(&mut court.custodian, "evidence", "hand_over", &arguments);
    assert_eq!(error_code(&refused.outcome), 3, "the taker is no custodian yet");
    court.appoint(next.address);
    assert!(court.chain.call(&mut court.custodian, "evidence", "hand_over", &arguments).outcome.is_done());
    let refused = court.chain.call(&mut court.custodian, "evidence", "seal", &digest);
    assert_eq!(error_code(&refused.outcome), 4, "it is in other hands now");
    assert!(court.chain.call(&mut next, "evidence", "seal", &digest).outcome.is_done());
    let back = (digest, court.custodian.address, "transfer-8");
    assert_eq!(error_code(&court.chain.call(&mut next, "evidence", "hand_over", &back).outcome), 5);
    let Outcome::Done { output } = court.chain.query("evidence", "custody", &(digest, None::<u32>, 10u32)).outcome
    else {
        panic!("the custody is readable")
    };
    assert_eq!(output[0], 1 << 2, "one step, in SCALE's compact length");
}

#[test]
fn only_the_court_withholds_and_what_is_withheld_stays_where_it_is() {
    let mut court = Court::new();
    let digest = Digest([5; 32]);
    court.file(digest);
    let order = (digest, "order-1");
    assert!(error_code(&court.chain.call(&mut court.custodian, "evidence", "withhold", &order).outcome) >= 0xFFFF_0000);
    assert!(court.chain.call(&mut court.court, "evidence", "withhold", &order).outcome.is_done());
    assert_eq!(error_code(&court.chain.call(&mut court.court, "evidence", "withhold", &order).outcome), 6);
    let hand_over = (digest, court.custodian.address, "transfer-7");
    assert_eq!(error_code(&court.chain.call(&mut court.custodian, "evidence", "hand_over", &hand_over).outcome), 6);
    assert!(court.chain.call(&mut court.court, "evidence", "release", &order).outcome.is_done());
    assert_eq!(error_code(&court.chain.call(&mut court.court, "evidence", "release", &order).outcome), 7);
    assert!(court.chain.call(&mut court.custodian, "evidence", "hand_over", &hand_over).outcome.is_done());
}

#[test]
fn a_batch_knows_its_members() {
    let mut court = Court::new();
    let digests: Vec<Digest> = (0..1_000u32).map(|n| Digest::of(&n.to_le_bytes())).collect();
    let leaves: Vec<Digest> = digests.iter().map(|digest| merkle::leaf(&digest.0)).collect();
    let root = merkle::root(&leaves);
    let batch = (root, 1_000u64, CASE);
    assert!(court.chain.call(&mut court.custodian, "evidence", "file_batch", &batch).outcome.is_done());
    let path = merkle::path(&leaves, 700).expect("the member exists");
    let ask = |digest: Digest| {
        let arguments = (root, digest, 700u64, path.siblings.clone());
        court.chain.query("evidence", "in_batch", &arguments).outcome
    };
    assert_eq!(ask(digests[700]), Outcome::Done { output: true.encode() });
    assert_eq!(ask(digests[701]), Outcome::Done { output: false.encode() });
    let empty = (Digest([1; 32]), 0u64, CASE);
    assert_eq!(error_code(&court.chain.call(&mut court.custodian, "evidence", "file_batch", &empty).outcome), 9);
}

#[test]
fn a_record_and_the_absence_of_one_are_proven_by_the_state() {
    let mut court = Court::new();
    let (there, absent) = (Digest([5; 32]), Digest([6; 32]));
    court.file(there);
    let contract = court.chain.address("evidence");
    let root = court.chain.state.root();
    for (digest, is_there) in [(there, true), (absent, false)] {
        let mut key = Vec::new();
        slot::push_field(&mut key, "records");
        slot::SlotKey::push_to(&digest, &mut key);
        let proof = court.chain.state.prove(court.chain.state.height(), &contract, &key).expect("the head is provable");
        let proven = chancery_verify::trie::verify(&root, &chancery_verify::trie::key(&contract, &key), &proof.nodes);
        let expected = proof.value.as_deref().map(|value| Digest::of(value).0);
        assert_eq!(expected.is_some(), is_there);
        assert_eq!(proven, Ok(expected));
    }
}

/// Gas of every call, and of what is asked, is the same however much has been filed: in one case, and in all.
#[test]
fn gas_does_not_grow_with_what_is_filed() {
    let sizes: &[u32] = if std::env::var_os("CHANCERY_LARGE").is_some() { &[10, 1_000, 100_000] } else { &[10, 1_000] };
    let (mut court, mut filed, mut table) = (Court::new(), 0u32, Vec::new());
    for size in sizes {
        while filed < *size {
            assert!(court.file(Digest::of(&filed.to_le_bytes())).is_done());
            filed += 1;
        }
        let (digest, root) = (Digest::of(&(size, "one").encode()), Digest::of(&(size, "batch").encode()));
        let next = Account::new(4).address;
        court.appoint(next);
        let by_custodian = [
            ("file", (digest, CASE).encode()),
            ("file_batch", (root, 10_000u64, CASE).encode()),
            ("hand_over", (digest, next, "transfer-7").encode()),
        ];
        let mut row = Vec::new();
        for (method, arguments) in by_custodian {
            let receipt = court.chain.call(&mut court.custodian, "evidence", method, &Raw(arguments));
            assert!(receipt.outcome.is_done(), "{method}: {:?}", receipt.outcome);
            row.push((method, receipt.gas_used));
        }
        for method in ["withhold", "release"] {
            let receipt = court.chain.call(&mut court.court, "evidence", method, &(digest, "order-1"));
            assert!(receipt.outcome.is_done(), "{method}: {:?}", receipt.outcome);
            row.push((method, receipt.gas_used));
        }
        let asked = court.chain.query("evidence", "record", &digest);
        row.push(("record", asked.gas_used));
        let asked = court.chain.query("evidence", "case", &(CASE, None::<Digest>, 10u32));
        row.push(("case, a page", asked.gas_used));
        table.push(row);
    }
    for (place, (method, _)) in table[0].iter().enumerate() {
        let gas: Vec<u64> = table.iter().map(|row| row[place].1).collect();
        println!("{method:14} {gas:?} gas at {sizes:?} records");
        let (least, most) = (gas.iter().min(), gas.iter().max());
        assert!(most <= least.map(|least| least + least / 20).as_ref(), "{method} grew: {gas:?}");
    }
}

/// Arguments that are encoded already.
struct Raw(Vec<u8>);

impl Encode for Raw {
    fn encode_to<T: parity_scale_codec::Output + ?Sized>(&self, out: &mut T) {
        out.write(&self.0);
    }
}
