//! Keys at rest: what is encrypted, and what a wrong passphrase or a damaged file gets.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;

/// Cheap on purpose: the cost of guessing is not what these tests are about.
const WORK_FACTOR: u8 = 2;

fn store() -> (tempfile::TempDir, Keystore) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = Keystore::at(Some(directory.path().join("keys"))).expect("a directory is given");
    (directory, store)
}

fn passphrase(text: &str) -> (tempfile::NamedTempFile, PassphraseSource) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), format!("{text}\nsecond line\n")).expect("it can be written");
    let source = PassphraseSource { file: Some(file.path().into()) };
    (file, source)
}

fn encrypted(text: &str) -> NewProtection {
    NewProtection::Passphrase { passphrase: text.to_owned().into(), work_factor: Some(WORK_FACTOR) }
}

#[test]
fn a_key_is_unlocked_by_its_passphrase_alone() {
    let (_directory, store) = store();
    let key = AccountKey::from_seed([7; 32]);
    let added = store.add("clerk", &key, encrypted("open sesame")).expect("it is new");
    assert_eq!(added.address(), key.address());
    let (_file, right) = passphrase("open sesame");
    assert_eq!(store.unlock("clerk", &right).expect("the right passphrase").seed(), key.seed());
    let (_file, wrong) = passphrase("open sesam");
    assert!(matches!(store.unlock("clerk", &wrong), Err(KeystoreError::Locked { .. })));
    let text = fs::read_to_string(store.directory().join("clerk.key")).expect("the file is there");
    assert!(!text.contains(&crate::schema_json::to_hex(&key.seed())), "the secret is not in the file");
}

#[test]
fn a_developer_s_key_says_that_it_is_insecure_and_is_its_owner_s_alone() {
    let (_directory, store) = store();
    let key = AccountKey::generate().expect("the system has randomness");
    store.add("demo", &key, NewProtection::InsecureDevelopment).expect("it is new");
    let path = store.directory().join("demo.key");
    assert!(fs::read_to_string(&path).expect("the file is there").contains("INSECURE"));
    assert_eq!(fs::metadata(&path).expect("the file is there").permissions().mode() & 0o777, 0o600);
    assert_eq!(store.unlock("demo", &PassphraseSource::default()).expect("no passphrase").seed(), key.seed());
}

#[test]
fn a_key_is_never_overwritten() {
    let (_directory, store) = store();
    let first = AccountKey::from_seed([1; 32]);
    store.add("demo", &first, NewProtection::InsecureDevelopment).expect("it is new");
    let second = store.add("demo", &AccountKey::from_seed([2; 32]), NewProtection::InsecureDevelopment);
    assert!(matches!(second, Err(KeystoreError::Exists { .. })));
    assert_eq!(store.find("demo").expect("it is there").address(), first.address());
    assert_eq!(store.list().expect("the directory is there").len(), 1);
}

#[test]
fn a_changed_or_foreign_file_is_no_key() {
    let (_directory, store) = store();
    let key = AccountKey::from_seed([1; 32]);
    store.add("demo", &key, NewProtection::InsecureDevelopment).expect("it is new");
    let path = store.directory().join("demo.key");
    let text = fs::read_to_string(&path).expect("the file is there");
    let other = AccountKey::from_seed([2; 32]);
    fs::write(&path, text.replace(&key.address().to_string(), &other.address().to_string()))
        .expect("it can be written");
    assert!(matches!(store.find("demo"), Err(KeystoreError::Malformed { .. })));
    fs::write(&path, text.replace(&crate::schema_json::to_hex(&key.seed()), &"00".repeat(32)))
        .expect("it can be written");
    assert!(matches!(store.unlock("demo", &PassphraseSource::default()), Err(KeystoreError::Locked { .. })));
    assert!(matches!(store.find("nobody"), Err(KeystoreError::Missing { .. })));
    assert!(matches!(store.find("../demo"), Err(KeystoreError::Name { .. })));
}

#[test]
fn what_it_signs_holds_under_its_address() {
    use chancery_abi::{Call, Ident, Name, Payload, WIRE_VERSION};
    let key = AccountKey::from_seed([3; 32]);
    let genesis = Digest([8; 32]);
    let call = Call { contract: Address([1; 32]), method: Ident::new("file").expect("a name"), input: vec![1] };
    let body = TransactionBody {
        version: WIRE_VERSION,
        chain: Name::new("main").expect("a name"),
        sender: key.address(),
        nonce: 0,
        gas_limit: 1,
        valid_until_height: 1,
        payload: Payload::Call(call),
        sponsor: None,
    };
    let transaction = key.sign(body, &genesis);
    assert_eq!(transaction.authorisation.address(), key.address());
    let Authorisation::Ed25519 { public_key, signature } = transaction.authorisation else {
        panic!("an ed25519 key signs with ed25519");
    };
    assert!(chancery_verify::signatures::holds(&public_key, &signature, &transaction.body.digest(&genesis).0));

    // A sponsor signs the same bytes.
    let sponsor = AccountKey::from_seed([4; 32]);
    let body = TransactionBody { sponsor: Some(sponsor.address()), ..transaction.body };
    let transaction = sponsor.sponsor(key.sign(body, &genesis), &genesis);
    let digest = transaction.body.digest(&genesis);
    let both = [Some(&transaction.authorisation), transaction.sponsor_authorisation.as_deref()];
    for (by, authorisation) in [&key, &sponsor].into_iter().zip(both) {
        let Some(Authorisation::Ed25519 { public_key, signature }) = authorisation else { panic!("both have signed") };
        assert_eq!(*public_key, by.public_key());
        assert!(chancery_verify::signatures::holds(public_key, signature, &digest.0));
    }
}
