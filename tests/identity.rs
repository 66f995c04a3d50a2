//! Identity: every method, every refusal by its number, its invariants under any order of calls, and its gas.

use chancery_abi::{Address, Digest, Outcome, Receipt, merkle};
use chancery_tests::{Account, Chain, contract, error_code};
use parity_scale_codec::Encode;
use proptest::prelude::*;

const DELAY_MS: u64 = 3_600_000;
const LATER: u64 = 1_000_000_000;
/// What the SDK refuses with where an access rule does not let the caller in.
const NOT_ALLOWED: u32 = 0xFFFF_0000;

/// A salted attribute's commitment, as the contract's README defines it.
fn commitment(salt: &[u8; 32], name: &str, value: &str) -> Digest {
    let length = (name.len() as u16).to_be_bytes();
    Digest::of(&[b"chancery/identity/attribute/v1", &salt[..], &length, name.as_bytes(), value.as_bytes()].concat())
}

/// A tree of four salted attributes: its leaves' entries, their hashes, the root.
fn tree(seed: u32) -> (Vec<Digest>, Vec<Digest>, Digest) {
    let salt = |n: u32| Digest::of(&(seed, n).encode()).0;
    let entries: Vec<Digest> = (0..4).map(|n| commitment(&salt(n), "over-18", &format!("value-{n}"))).collect();
    let leaves: Vec<Digest> = entries.iter().map(|entry| merkle::leaf(&entry.0)).collect();
    let root = merkle::root(&leaves);
    (entries, leaves, root)
}

/// The tags of a consent, and their root.
fn tags(seed: u32, uses: u32) -> (Vec<Digest>, Vec<Digest>, Digest) {
    let tags: Vec<Digest> = (0..uses).map(|n| Digest::of(&(b"chancery/identity/tag/v1", seed, n).encode())).collect();
    let leaves: Vec<Digest> = tags.iter().map(|tag| merkle::leaf(&tag.0)).collect();
    let root = merkle::root(&leaves);
    (tags, leaves, root)
}

struct Office {
    chain: Chain,
    authority: Account,
    department: Account,
    resident: Account,
}

impl Office {
    fn new() -> Self {
        let mut chain = Chain::new();
        let early = chain.deploy("identity", contract("identity.wasm"), 5u64.encode());
        assert_eq!(error_code(&early.outcome), 28, "a delay of 5 ms is none");
        let receipt = chain.deploy("identity", contract("identity.wasm"), DELAY_MS.encode());
        assert!(receipt.outcome.is_done(), "{:?}", receipt.outcome);
        let [authority, department, resident] = [2, 3, 4].map(Account::new);
        let mut new = Self { chain, authority, department, resident };
        for (method, account) in
            [("appoint_authority", new.authority.address), ("appoint_department", new.department.address)]
        {
            assert_eq!(new.by(1, method, &(account, "office-1")), 0);
        }
        new
    }

    fn receipt(&mut self, who: u8, method: &str, arguments: &impl Encode) -> Receipt {
        let mut account = Account::new(who);
        account.nonce = self.chain.nonce(&account.address);
        self.chain.call(&mut account, "identity", method, arguments)
    }

    /// Calls, and returns the refusal's number; 0 when it is done.
    fn by(&mut self, who: u8, method: &str, arguments: &impl Encode) -> u32 {
        let receipt = self.receipt(who, method, arguments);
        let code = error_code(&receipt.outcome);
        assert!(code > 0 || receipt.outcome.is_done(), "{method}: {:?}", receipt.outcome);
        code
    }

    fn attest(&mut self, seed: u32) -> u32 {
        let new = (tree(seed).2, 4u32, self.resident.address, 0u64, LATER);
        self.by(2, "attest", &vec![new])
    }

    fn consent(&mut self, seed: u32, uses: u32) -> u32 {
        let (entries, leaves, root) = tree(seed);
        let siblings = merkle::path(&leaves, 2).expect("there are four leaves").siblings;
        let recipient = Digest([9; 32]);
        let consent = (
            self.department.address,
            entries[2],
            2u64,
            siblings,
            "housing-7",
            (recipient, tags(seed, uses).2, uses, LATER),
        );
        self.by(4, "give_consent", &(root, consent))
    }

    fn verify(&mut self, who: u8, seed: u32, uses: u32, number: u32, place: u64) -> u32 {
        let (tags, leaves, _) = tags(seed, uses);
        let siblings = merkle::path(&leaves, place).expect("the tag exists").siblings;
        let arguments = (tree(seed).2, number, tags[place as usize], siblings, Digest([1; 32]), Digest([2; 32]));
        self.by(who, "verify", &arguments)
    }

    fn has_record(&self, tag: Digest) -> bool {
        match self.chain.query("identity", "record", &tag).outcome {
            Outcome::Done { output } => output[0] == 1,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn one_attribute_is_verified_under_consent_and_leaves_its_record() {
    let mut office = Office::new();
    assert_eq!(office.attest(1), 0);
    assert_eq!(office.attest(1), 1, "a root is attested once");
    assert_eq!(office.verify(3, 1, 3, 0, 0), 15, "nobody consented");
    assert_eq!(office.consent(1, 3), 0);
    assert!(!office.has_record(tags(1, 3).0[0]));
    assert_eq!(office.verify(3, 1, 3, 0, 1), 21, "the second tag is not the next");
    assert_eq!(office.verify(3, 1, 3, 0, 0), 0);
    assert!(office.has_record(tags(1, 3).0[0]));
    assert_eq!(office.verify(3, 1, 3, 0, 0), 21, "a tag serves once");
    assert_eq!(office.verify(3, 1, 3, 0, 1), 0);
    assert_eq!(office.verify(3, 1, 3, 0, 2), 0);
    assert_eq!(office.verify(3, 1, 3, 0, 2), 19, "all three were made");
    assert_eq!(office.consent(1, 3), 0);
    assert_eq!(office.verify(3, 1, 3, 1, 0), 22, "another consent with the same tags overwrites no record");
}

#[test]
fn who_has_no_office_and_what_is_out_of_bounds_is_refused() {
    let mut office = Office::new();
    let (entries, leaves, root) = tree(1);
    let new = |leaves: u32, from: u64, until: u64| vec![(root, leaves, Address::default(), from, until)];
    assert!(office.by(4, "attest", &new(4, 0, LATER)) >= NOT_ALLOWED);
    assert!(office.by(4, "appoint_authority", &(Address::default(), "x")) >= NOT_ALLOWED);
    assert_eq!(office.by(1, "appoint_authority", &(Address::default(), "a name")), 12);
    assert_eq!(office.by(1, "dismiss_authority", &Address::default()), 27);
    assert_eq!(office.by(1, "dismiss_department", &Address::default()), 27);
    assert_eq!(office.by(2, "attest", &Vec::<(Digest, u32, Address, u64, u64)>::new()), 9);
    assert_eq!(office.by(2, "attest", &new(0, 0, LATER)), 10);
    assert_eq!(office.by(2, "attest", &new(65, 0, LATER)), 10);
    assert_eq!(office.by(2, "attest", &new(4, LATER, LATER)), 11);
    assert_eq!(office.by(2, "attest", &new(4, 0, 1)), 11, "it is over already");
    assert_eq!(office.by(2, "revoke", &(vec![root], "fraud-1")), 2);
    assert_eq!(office.attest(1), 0);
    assert_eq!(office.by(3, "revoke", &(vec![root], "fraud-1")), 3);
    assert_eq!(office.by(3, "erase", &vec![root]), 3);
    let siblings = merkle::path(&leaves, 2).expect("it exists").siblings;
    let consent = |department: Address, entry: Digest, purpose: &'static str, uses: u32, until: u64| {
        let tail = (Digest::default(), Digest::default(), uses, until);
        (root, (department, entry, 2u64, siblings.clone(), purpose, tail))
    };
    let department = office.department.address;
    let good = consent(department, entries[2], "housing-7", 1, LATER);
    assert_eq!(office.by(3, "give_consent", &good), 4);
    assert_eq!(office.by(4, "give_consent", &consent(department, entries[2], "my house", 1, LATER)), 12);
    assert_eq!(office.by(4, "give_consent", &consent(Address::default(), entries[2], "h-7", 1, LATER)), 13);
    assert_eq!(office.by(4, "give_consent", &consent(department, entries[2], "h-7", 0, LATER)), 9);
    assert_eq!(office.by(4, "give_consent", &consent(department, entries[2], "h-7", 1, LATER + 1)), 11);
    assert_eq!(office.by(4, "give_consent", &consent(department, entries[1], "h-7", 1, LATER)), 14);
    assert_eq!(office.by(4, "withdraw_consent", &(root, 0u32)), 15);
}

#[test]
fn a_consent_ends_by_withdrawal_and_by_time_and_is_for_one_department() {
    let mut office = Office::new();
    assert_eq!((office.attest(1), office.consent(1, 2)), (0, 0));
    assert!(office.verify(2, 1, 2, 0, 0) >= NOT_ALLOWED, "the authority is no department");
    let authority = office.authority.address;
    assert_eq!(office.by(1, "appoint_department", &(authority, "office-2")), 0);
    assert_eq!(office.verify(2, 1, 2, 0, 0), 16);
    let root = tree(1).2;
    assert_eq!(office.by(3, "withdraw_consent", &(root, 0u32)), 4);
    assert_eq!(office.by(4, "withdraw_consent", &(root, 0u32)), 0);
    assert_eq!(office.by(4, "withdraw_consent", &(root, 0u32)), 17);
    assert_eq!(office.verify(3, 1, 2, 0, 0), 17);
    assert_eq!(office.consent(1, 2), 0);
    office.chain.later_ms = LATER;
    assert_eq!(office.verify(3, 1, 2, 1, 0), 8, "the credential and its consents are over");
}

#[test]
fn what_does_not_hold_yet_or_no_longer_is_refused_by_its_own_number() {
    let mut office = Office::new();
    let new = (tree(1).2, 4u32, office.resident.address, LATER - 1_000, LATER);
    assert_eq!(office.by(2, "attest", &vec![new]), 0);
    assert_eq!(office.consent(1, 2), 7, "its time has not come");
    let mut office = Office::new();
    assert_eq!(office.attest(1), 0);
    let (entries, leaves, root) = tree(1);
    let siblings = merkle::path(&leaves, 2).expect("there are four leaves").siblings;
    let until_ms = LATER / 2;
    let terms = (Digest([9; 32]), tags(1, 2).2, 2u32, until_ms);
    let consent = (office.department.address, entries[2], 2u64, siblings, "housing-7", terms);
    assert_eq!(office.by(4, "give_consent", &(root, consent)), 0);
    assert_eq!(office.verify(3, 1, 2, 0, 0), 0);
    office.chain.later_ms = until_ms;
    assert_eq!(office.verify(3, 1, 2, 0, 1), 18, "the consent is over, and the credential is not");
}

#[test]
fn what_is_revoked_or_erased_never_verifies_again() {
    for (method, code) in [("revoke", 5), ("erase", 6)] {
        let mut office = Office::new();
        assert_eq!((office.attest(1), office.consent(1, 2)), (0, 0));
        let root = tree(1).2;
        let done = match method {
            "revoke" => office.by(2, method, &(vec![root], "fraud-1")),
            // The resident erases what is the resident's.
            _ => office.by(4, method, &vec![root]),
        };
        assert_eq!(done, 0);
        assert_eq!(office.verify(3, 1, 2, 0, 0), code);
        assert!(!office.has_record(tags(1, 2).0[0]));
        assert_eq!(office.attest(1), 1, "it is not attested again");
    }
}

#[test]
fn a_lost_key_is_replaced_after_a_notice_and_a_delay_unless_its_holder_objects() {
    let mut office = Office::new();
    assert_eq!((office.attest(1), office.consent(1, 2)), (0, 0));
    let root = tree(1).2;
    let next = Account::new(3).address;
    assert_eq!(office.by(2, "replace_key", &root), 23);
    assert_eq!(office.by(4, "object", &root), 23);
    assert_eq!(office.by(2, "cancel_replacement", &root), 23);
    assert_eq!(office.by(4, "announce_replacement", &(root, next, "lost-1")), 3);
    assert_eq!(office.by(2, "announce_replacement", &(root, next, "lost-1")), 0);
    assert_eq!(office.by(2, "announce_replacement", &(root, next, "lost-1")), 24);
    assert_eq!(office.by(2, "replace_key", &root), 25);
    office.chain.later_ms = DELAY_MS;
    assert_eq!(office.by(4, "object", &root), 0);
    assert_eq!(office.by(2, "replace_key", &root), 26);
    assert_eq!(office.by(2, "cancel_replacement", &root), 0);
    assert_eq!(office.by(2, "announce_replacement", &(root, next, "lost-1")), 0);
    office.chain.later_ms = 2 * DELAY_MS;
    assert_eq!(office.by(2, "replace_key", &root), 0);
    assert_eq!(office.verify(3, 1, 2, 0, 0), 20, "the old key's consents end with it");
    assert_eq!(office.consent(1, 2), 4, "and so does its say");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever honest and hostile callers do in whatever order, a verification is done exactly when a consent stands,
    /// its credential is not revoked, and its department asks with the next tag; and exactly those leave records.
    #[test]
    fn no_verification_without_consent_and_record(steps in prop::collection::vec((0u8..6, 1u8..5, 0u64..4), 10..40)) {
        let mut office = Office::new();
        prop_assert_eq!(office.attest(1), 0);
        let (root, mut consents, mut revoked, mut recorded) = (tree(1).2, Vec::new(), false, 0u64);
        for (step, who, place) in steps {
            match step {
                0 if consents.is_empty() => {
                    if office.consent(1, 4) == 0 {
                        prop_assert!(!revoked);
                        consents.push(true);
                    }
                }
                1 => {
                    let done = office.by(who, "withdraw_consent", &(root, 0u32)) == 0;
                    prop_assert_eq!(done, who == 4 && consents == [true]);
                    if done {
                        consents[0] = false;
                    }
                }
                2 if place == 3 => {
                    let done = office.by(who, "revoke", &(vec![root], "r-1")) == 0;
                    prop_assert_eq!(done, who <= 2 && !revoked);
                    revoked |= done;
                }
                _ => {
                    let done = office.verify(who, 1, 4, 0, place) == 0;
                    let expected = who == 3 && consents == [true] && !revoked && place == recorded;
                    prop_assert_eq!(done, expected);
                    recorded += u64::from(done);
                }
            }
            for (number, tag) in tags(1, 4).0.into_iter().enumerate() {
                prop_assert_eq!(office.has_record(tag), (number as u64) < recorded);
            }
        }
    }
}

#[test]
fn gas_does_not_grow_with_the_records_there_are() {
    let sizes: &[u32] = if std::env::var_os("CHANCERY_LARGE").is_some() { &[10, 1_000, 100_000] } else { &[10, 1_000] };
    let (mut office, mut filled, mut table) = (Office::new(), 1_000_000, Vec::new());
    for size in sizes {
        while filled < 1_000_000 + size {
            let batch: Vec<_> = (filled..(1_000_000 + size).min(filled + 1_000))
                .map(|n| (Digest::of(&n.to_le_bytes()), 4u32, office.resident.address, 0u64, LATER))
                .collect();
            filled += batch.len() as u32;
            assert_eq!(office.by(2, "attest", &batch), 0);
        }
        let (entries, leaves, root) = tree(*size);
        let siblings = merkle::path(&leaves, 2).expect("it exists").siblings;
        let (all, tag_leaves, tag_root) = tags(*size, 1);
        let tail = (Digest::default(), tag_root, 1u32, LATER);
        let consent = (root, (office.department.address, entries[2], 2u64, siblings, "h-7", tail));
        let no_siblings = merkle::path(&tag_leaves, 0).expect("it exists").siblings;
        let ask = (root, 0u32, all[0], no_siblings, Digest::default(), Digest::default());
        let new = vec![(root, 4u32, office.resident.address, 0u64, LATER)];
        let row = [
            ("attest", office.receipt(2, "attest", &new)),
            ("give_consent", office.receipt(4, "give_consent", &consent)),
            ("verify", office.receipt(3, "verify", &ask)),
            ("withdraw_consent", office.receipt(4, "withdraw_consent", &(root, 0u32))),
            ("announce_replacement", office.receipt(2, "announce_replacement", &(root, Address::default(), "l-1"))),
            ("object", office.receipt(4, "object", &root)),
            ("cancel_replacement", office.receipt(2, "cancel_replacement", &root)),
            ("revoke", office.receipt(2, "revoke", &(vec![root], "r-1"))),
            ("erase", office.receipt(2, "erase", &vec![root])),
        ];
        table.push(row.map(|(method, receipt)| {
            assert!(receipt.outcome.is_done(), "{method}: {:?}", receipt.outcome);
            (method, receipt.gas_used)
        }));
    }
    for (place, (method, first)) in table[0].iter().enumerate() {
        let gas: Vec<u64> = table.iter().map(|row| row[place].1).collect();
        println!("{method:22} {gas:?} gas at {sizes:?} credentials");
        let (least, most) = (gas.iter().min(), gas.iter().max());
        assert!(most <= least.map(|least| least + least / 20).as_ref(), "{method}: {first} grew: {gas:?}");
    }
}

/// Synthetic citizens are attested; nothing that tells who they are is in the attestations' inputs and receipts. What nodes
/// keep of consents and verifications, their files, logs and metrics are searched in `canary.rs`.
#[test]
fn no_personal_data_in_any_attestation() {
    let citizens: u32 = if std::env::var_os("CHANCERY_LARGE").is_some() { 10_000 } else { 500 };
    let mut office = Office::new();
    let (mut public, mut personal, mut batch) = (Vec::new(), Vec::new(), Vec::new());
    for citizen in 0..citizens {
        let facts = [
            ("name", format!("Zhang-Canary-{citizen:05}")),
            ("number", format!("1101011990{citizen:08}")),
            ("address", format!("Canary Lane {citizen:05}")),
            ("over-18", "yes".to_owned()),
        ];
        let salt = |n: usize| Digest::of(&(b"salt", citizen, n as u32).encode()).0;
        let entries = facts.iter().enumerate().map(|(n, (name, value))| commitment(&salt(n), name, value));
        let leaves: Vec<Digest> = entries.map(|entry| merkle::leaf(&entry.0)).collect();
        batch.push((merkle::root(&leaves), 4u32, office.resident.address, 0u64, LATER));
        personal.extend(facts.into_iter().take(3).map(|(_, value)| value));
    }
    for part in batch.chunks(1_000) {
        let receipt = office.receipt(2, "attest", &part.to_vec());
        assert!(receipt.outcome.is_done(), "{:?}", receipt.outcome);
        public.extend(part.encode());
        public.extend(receipt.encode());
    }
    let found = |what: &str| public.windows(what.len()).any(|window| window == what.as_bytes());
    // All of one kind begin alike, so looking for the beginnings looks for every one.
    for beginning in ["Zhang-Canary-", "1101011990", "Canary Lane "] {
        assert!(personal.iter().any(|fact| fact.starts_with(beginning)));
        assert!(!found(beginning), "{beginning} is public");
    }
    assert!(public.windows(32).any(|window| window == batch[7].0.0), "the roots are what is public");
    let standing = office.chain.query("identity", "standing", &batch[7].0).outcome;
    assert_eq!(standing, Outcome::Done { output: vec![0] });
}
