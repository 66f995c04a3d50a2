//! Data directories that are not this node's: of another chain, of another release, half-created, somebody else's, in
//! use. The node does not start, says which and what to do, and leaves the directory as it was.

use std::{collections::BTreeMap, fs, path::Path};

use chancery::{
    node::NodeError,
    store::{StoreDirectory, StoreError},
};
use chancery_abi::Genesis;
use chancery_tests::{genesis, name, running_node::RunningNode};

/// A data directory in which a node has made a few blocks, and their height.
fn used(home: &Path) -> u64 {
    let node = RunningNode::start(home, genesis()).expect("the node starts");
    while node.height() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let height = node.height();
    node.stop();
    height
}

/// Every file of the store with its bytes, without RocksDB's own messages.
fn files(store: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![store.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("LOG")) {
                files.insert(path.clone(), fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

/// Why a node does not start on `home`, whose files stay as they were.
fn refused(home: &Path, genesis: Genesis) -> StoreError {
    let before = files(&home.join("store"));
    match RunningNode::start(home, genesis) {
        Err(NodeError::Store(error)) => {
            // Opening a database writes nothing that a refusal does not take back but its log of messages.
            let after = files(&home.join("store"));
            let same = before.iter().all(|(path, bytes)| path.ends_with("LOCK") || after.get(path) == Some(bytes));
            let opened = matches!(error, StoreError::OtherChain { .. });
            assert!(opened || (same && after.len() == before.len()), "the refusal changed the directory");
            error
        }
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("the node starts"),
    }
}

#[test]
fn a_directory_of_another_chain() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let height = used(home.path());
    let other_name = Genesis { chain: name("plates"), ..genesis() };
    let other_time = Genesis { timestamp_ms: 2_000, ..genesis() };
    for other in [other_name, other_time] {
        let error = refused(home.path(), other.clone());
        let StoreError::OtherChain { expected, found, .. } = &error else { panic!("{error}") };
        assert_eq!((expected.genesis, found.genesis), (other.digest(), genesis().digest()));
        assert!(error.to_string().contains("belongs to chain main"), "{error}");
    }
    let node = RunningNode::start(home.path(), genesis()).expect("its own chain still opens");
    assert!(node.height() >= height);
    node.stop();
}

#[test]
fn a_directory_of_another_version() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let height = used(home.path());
    let mark = home.path().join("store/STORE");
    let ours = fs::read(&mark).expect("the mark");
    for (mark_text, found) in [("chancery-store 2\n", "2"), ("chancery-store 0\n", "0"), ("something else", "unknown")]
    {
        fs::write(&mark, mark_text).expect("another mark");
        let error = refused(home.path(), genesis());
        assert!(matches!(&error, StoreError::OtherVersion { found: version, .. } if version == found), "{error}");
        assert!(error.to_string().contains("this release reads version"), "{error}");
    }
    fs::write(&mark, ours).expect("the mark");
    let node = RunningNode::start(home.path(), genesis()).expect("its own version still opens");
    assert!(node.height() >= height);
    node.stop();
}

#[test]
fn a_directory_that_is_half_created_or_somebody_elses() {
    let home = tempfile::tempdir().expect("a temporary directory");
    used(home.path());
    fs::remove_file(home.path().join("store/STORE")).expect("the mark");
    let error = refused(home.path(), genesis());
    assert!(matches!(error, StoreError::HalfCreated { .. }), "{error}");

    let theirs = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(theirs.path().join("store")).expect("a directory");
    fs::write(theirs.path().join("store/thesis.tex"), "\\chapter{One}").expect("a file");
    let error = refused(theirs.path(), genesis());
    assert!(matches!(error, StoreError::NotAStore { .. }), "{error}");
}

#[test]
fn a_directory_that_another_process_uses() {
    let home = tempfile::tempdir().expect("a temporary directory");
    used(home.path());
    let held = StoreDirectory::open(&home.path().join("store")).expect("nobody uses it");
    let error = refused(home.path(), genesis());
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(held);
    RunningNode::start(home.path(), genesis()).expect("it is free again").stop();
}
