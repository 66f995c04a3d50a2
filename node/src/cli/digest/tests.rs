//! Salts: what is written, with which permissions, and what is found again.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn an_unchanged_document_keeps_its_digest_and_a_changed_one_gets_a_new_salt() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (document, salt_file) = (home.path().join("a.txt"), home.path().join("salts.jsonl"));
    fs::write(&document, "first").expect("it can be written");
    let digest = || {
        let mut salts = SaltFile::open(&salt_file).expect("a file of salts");
        let salted = salts.digest(&Document::File(document.clone())).expect("the document is there");
        salts.keep().expect("it can be written");
        salted.digest
    };
    let first = digest();
    assert_eq!(digest(), first);
    fs::write(&document, "second").expect("it can be written");
    let second = digest();
    assert_ne!(second, first);
    let mode = fs::metadata(&salt_file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "salts are their owner's alone");
    // Both forms can still be shown.
    let salts = salts::candidates(&salt_file, &document).expect("a file of salts");
    assert_eq!(salts.len(), 2);
    assert!(documents::salted_digests(&document, &salts).expect("it is there").contains(&second));
    let unsalted = Digest::of(b"second");
    assert_ne!(second, unsalted);
}

#[test]
fn every_member_of_a_batch_has_its_path_and_no_one_else() {
    let home = tempfile::tempdir().expect("a temporary directory");
    for count in [1usize, 2, 3, 100] {
        let file = home.path().join(format!("{count}.jsonl"));
        let digests: Vec<Digest> = (0..count).map(|index| Digest::of(&index.to_le_bytes())).collect();
        let root = paths::write(&file, &digests).expect("it can be written");
        assert_eq!(root, merkle::root(&digests.iter().map(leaf).collect::<Vec<_>>()));
        for (index, digest) in digests.iter().enumerate() {
            let member = paths::find(&file, digest).expect("a file of paths").expect("it is in the batch");
            assert_eq!((member.root, member.path.index, member.path.count), (root, index as u64, count as u64));
        }
        assert!(paths::find(&file, &Digest::of(b"another")).expect("a file of paths").is_none());
    }
}

#[test]
fn a_changed_path_is_refused() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let file = home.path().join("paths.jsonl");
    let digests: Vec<Digest> = (0u8..4).map(|index| Digest::of(&[index])).collect();
    paths::write(&file, &digests).expect("it can be written");
    let text = fs::read_to_string(&file).expect("it is there").replace("\"index\":2", "\"index\":3");
    fs::write(&file, text).expect("it can be written");
    assert!(paths::find(&file, &digests[2]).is_err());
}

#[test]
fn ready_digests_are_read_in_both_forms() {
    let digest = Digest::of(b"x");
    assert_eq!(ready_digest(&format!(" {digest} ")), Some(digest));
    assert_eq!(ready_digest(&format!("{{\"digest\":\"{digest}\",\"_document\":\"x\"}}")), Some(digest));
    assert_eq!(ready_digest("no"), None);
}
