//! The database against the runtime's suite for stores, and against what disks and operators do.

use std::{fs, path::Path, sync::Arc};

use chancery_abi::{Address, Digest, Name};
use chancery_runtime::{
    state::{Changes, State, StateConfig, conformance},
    storage::{Column, Durability, StateBackend, StateReader, WriteBatch},
};
use parity_scale_codec::Encode as _;

use super::*;

fn open(path: &Path) -> Result<Arc<DiskDb>, StoreError> {
    let config = StoreConfig { block_cache_bytes: 8 << 20, write_buffer_bytes: 4 << 20, open_files_max: 64 };
    DiskDb::open(StoreDirectory::open(path)?, &config)
}

fn identity(name: &str, genesis: u8) -> ChainIdentity {
    ChainIdentity { name: Name::new(name).expect("a name"), genesis: Digest([genesis; 32]) }
}

fn chain(database: &Arc<DiskDb>) -> ChainStore {
    database.open_chain(identity("main", 1)).expect("the chain's store")
}

fn put(store: &ChainStore, key: &[u8], value: &[u8]) {
    let mut batch = WriteBatch::default();
    batch.put(Column::Values, key, value);
    store.write(batch, Durability::Synced).expect("a write");
}

#[test]
fn it_does_what_every_store_must() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut made = 0;
    conformance(&mut || {
        made += 1;
        let database = open(&home.path().join(made.to_string())).expect("a new store");
        Box::new(chain(&database))
    });
    assert!(made > 0);
}

#[test]
fn what_was_written_is_there_after_opening_again_and_one_process_has_it() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let database = open(home.path()).expect("a new store");
    put(&chain(&database), b"key", b"value");
    assert!(matches!(open(home.path()), Err(StoreError::Locked { .. })));
    drop(database);
    let database = open(home.path()).expect("the same store");
    let value = chain(&database).get(Column::Values, b"key").expect("readable");
    assert_eq!(value.as_deref(), Some(&b"value"[..]));
}

#[test]
fn another_chains_genesis_is_refused_and_named() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let database = open(home.path()).expect("a new store");
    chain(&database);
    for other in [identity("main", 2), identity("land", 3)] {
        let refused = database.open_chain(other).err().expect("it is another chain");
        assert!(
            matches!(&refused, StoreError::OtherChain { found, .. } if **found == identity("main", 1)),
            "{refused}"
        );
    }
    assert_eq!(database.chains().expect("readable").len(), 1);
}

#[test]
fn what_a_chain_takes_on_disk_is_told_of_each() {
    const WRITTEN: usize = 8 << 20;
    let home = tempfile::tempdir().expect("a temporary directory");
    let database = open(home.path()).expect("a new store");
    let (main, side) = (chain(&database), database.open_sidechain(identity("land", 2)).expect("rows beside"));
    // Nothing that a table could compress.
    let mut value = Digest([1; 32]);
    for key in 0..(WRITTEN / 1_024) as u32 {
        let part = |_| {
            value = Digest::of(&value.0);
            value.0
        };
        let bytes: Vec<u8> = (0..32).flat_map(part).collect();
        put(&side, &key.to_be_bytes(), &bytes);
    }
    put(&main, b"key", b"value");
    drop((main, side, database));
    // What waited in memory is in tables when it is open again.
    let database = open(home.path()).expect("the same store");
    let (main, side) = (chain(&database), database.open_sidechain(identity("land", 2)).expect("rows beside"));
    let (of_main, of_side) = (main.size_bytes(), side.size_bytes());
    assert!((WRITTEN as u64..2 * WRITTEN as u64).contains(&of_side), "{of_side}");
    assert!(of_main < 1 << 20, "{of_main}");
}

#[test]
fn a_scan_never_leaves_its_chain() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let database = open(home.path()).expect("a new store");
    let store = chain(&database);
    put(&store, &[0xff, 0xff], b"last");
    // The database's own entries stand before, in a column that the chain uses too.
    assert_eq!(store.scan(Column::Meta, &[], &[], 10).expect("readable"), []);
    assert_eq!(store.scan(Column::Values, &[0xff], &[], 10).expect("readable").len(), 1);
}

/// Finds the files of the database whose name ends so.
fn files(home: &Path, ending: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(home.join("db")).expect("the database's directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

fn store_with_tables(home: &Path) {
    let database = open(home).expect("a new store");
    let store = chain(&database);
    for number in 0..2_000u32 {
        put_buffered(&store, &number.to_be_bytes(), &[7; 100]);
    }
    database.compact();
    drop((store, database));
}

fn put_buffered(store: &ChainStore, key: &[u8], value: &[u8]) {
    let mut batch = WriteBatch::default();
    batch.put(Column::Values, key, value);
    store.write(batch, Durability::Buffered).expect("a write");
}

#[test]
fn a_damaged_table_is_an_error_that_says_what_to_do() {
    let home = tempfile::tempdir().expect("a temporary directory");
    store_with_tables(home.path());
    for table in files(home.path(), ".sst") {
        let mut bytes = fs::read(&table).expect("a table");
        for byte in bytes.iter_mut().take(512) {
            *byte ^= 0x55;
        }
        fs::write(&table, bytes).expect("a damaged table");
    }
    let failed = match open(home.path()) {
        Err(error) => error.to_string(),
        Ok(database) => {
            let read = chain_read(&database);
            read.expect_err("damage must not read as data")
        }
    };
    assert!(failed.contains("damaged") && failed.contains("restore"), "{failed}");
}

fn chain_read(database: &Arc<DiskDb>) -> Result<(), String> {
    let store = database.open_chain(identity("main", 1)).map_err(|error| error.to_string())?;
    let scanned = store.scan(Column::Values, &[], &[], usize::MAX).map_err(|error| error.to_string())?;
    assert_eq!(scanned.len(), 2_000, "damage must not read as an end");
    Ok(())
}

#[test]
fn a_missing_manifest_is_damage_and_not_an_empty_store() {
    let home = tempfile::tempdir().expect("a temporary directory");
    store_with_tables(home.path());
    for file in files(home.path(), "CURRENT") {
        fs::remove_file(file).expect("removed");
    }
    assert!(matches!(open(home.path()), Err(StoreError::Corrupted { .. })));
}

#[test]
fn a_log_that_is_cut_off_loses_the_cut_record_only_and_one_damaged_inside_is_refused() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let database = open(home.path()).expect("a new store");
    let store = chain(&database);
    put(&store, b"first", &[1; 64]);
    put(&store, b"second", &[2; 64]);
    // A copy of the running store is what a power loss leaves.
    let copies: Vec<_> = (0..2).map(|_| tempfile::tempdir().expect("a temporary directory")).collect();
    for copy in &copies {
        fs::create_dir(copy.path().join("db")).expect("a directory");
        fs::copy(home.path().join("STORE"), copy.path().join("STORE")).expect("copied");
        for file in files(home.path(), "") {
            let target = copy.path().join("db").join(file.file_name().expect("a file"));
            fs::copy(&file, target).expect("copied");
        }
    }
    let log = |home: &Path| {
        let mut logs = files(home, ".log").into_iter().filter(|log| fs::metadata(log).is_ok_and(|log| log.len() > 0));
        logs.next_back().expect("a log with records")
    };
    let cut = log(copies[0].path());
    let bytes = fs::read(&cut).expect("a log");
    fs::write(&cut, &bytes[..bytes.len() - 10]).expect("a cut log");
    let reopened = chain(&open(copies[0].path()).expect("a torn end is recovered"));
    assert!(reopened.get(Column::Values, b"first").expect("readable").is_some());
    assert!(reopened.get(Column::Values, b"second").expect("readable").is_none());

    let damaged = log(copies[1].path());
    let mut bytes = fs::read(&damaged).expect("a log");
    let middle = bytes.windows(5).position(|bytes| bytes == b"first").expect("the first record");
    bytes[middle] ^= 1;
    fs::write(&damaged, bytes).expect("a damaged log");
    assert!(
        matches!(open(copies[1].path()), Err(StoreError::Corrupted { .. })),
        "it must not open as an earlier state"
    );
}

/// What the state's columns take on disk once everything that may go is gone.
fn state_bytes(database: &DiskDb) -> u64 {
    database.compact();
    let columns = [Column::Values, Column::Leaves, Column::Nodes, Column::Journal];
    columns.iter().map(|column| database.column_bytes(*column).expect("measured")).sum()
}

/// A block that gives entries with these numbers values that nothing can compress.
fn overwrite(state: &mut State<ChainStore>, numbers: impl Iterator<Item = u64>) {
    let height = state.height();
    let entry = |number: u64| {
        let value = [Digest::of(&(number, height).encode()).0, Digest::of(&(height, number).encode()).0].concat();
        ((Address([7; 32]), Digest::of(&number.to_be_bytes()).0.to_vec()), Some(value))
    };
    let overlay = Arc::new(state.prepare(None, Changes(numbers.map(entry).collect())).expect("readable"));
    let mut batch = WriteBatch::default();
    state.stage(&overlay, &mut batch).expect("it is the next block");
    state.backend().write(batch, Durability::Synced).expect("a write");
    state.advance(overlay).expect("it was staged");
}

#[test]
fn a_state_of_constant_size_takes_constant_room_however_many_blocks_it_is_old() {
    const ENTRIES: u64 = 4_000;
    let blocks = std::env::var("STATE_BLOCKS").ok().and_then(|blocks| blocks.parse().ok()).unwrap_or(240);
    let home = tempfile::tempdir().expect("a temporary directory");
    let database = open(home.path()).expect("a new store");
    let config = StateConfig { provable_heights: 16, flush_bytes: 1 << 20, ..StateConfig::default() };
    let mut state = State::open(Arc::new(chain(&database)), config).expect("an empty state");
    overwrite(&mut state, 0..ENTRIES);
    let mut room = Vec::new();
    while room.len() < 2 {
        for _ in 0..blocks {
            let first = state.height().wrapping_mul(0x9e37_79b9);
            overwrite(&mut state, (0..100).map(|i| (first + i * 37) % ENTRIES));
        }
        state.flush().expect("a write");
        // The next block lets go of the rows that the written nodes no longer need.
        overwrite(&mut state, 0..100);
        room.push(state_bytes(&database));
    }
    println!("{ENTRIES} entries: {} bytes after {blocks} blocks, {} after twice as many", room[0], room[1]);
    assert!(room[0] > ENTRIES * 200, "it holds the entries");
    assert!(room[1] * 100 <= room[0] * 105, "{room:?}");
}

#[test]
fn a_chain_is_copied_whole_and_removed_without_touching_another() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let database = open(&home.path().join("all")).expect("a new store");
    let main = chain(&database);
    let side = database.open_sidechain(identity("side", 2)).expect("its store");
    let other = database.open_sidechain(identity("other", 3)).expect("its store");
    for number in 0..2_500u32 {
        put_buffered(&side, &number.to_be_bytes(), b"side");
    }
    put(&main, b"key", b"main");
    put(&other, b"key", b"other");
    let entry = |name: &str| {
        let chains = database.chains().expect("readable");
        chains.into_iter().find(|entry| entry.chain.name.as_str() == name)
    };
    let entry_of_side = entry("side").expect("it is listed");
    let target = open(&home.path().join("kept")).expect("a new store");
    assert_eq!(database.copy_chain(&entry_of_side, &target, |_| {}).expect("a copy"), 2_500);
    let copied = target.open_chain(identity("side", 2)).expect("it is its only chain");
    let all = |store: &ChainStore| store.scan(Column::Values, &[], &[], usize::MAX).expect("readable");
    assert_eq!(all(&copied), all(&side));

    database.remove_chain(&entry_of_side).expect("it is removed");
    assert_eq!((all(&side).len(), all(&main).len(), all(&other).len()), (0, 1, 1));
    assert!(entry("side").is_none() && entry("other").is_some());
    drop((main, side, other));
    drop(database);
    let database = open(&home.path().join("all")).expect("the same store");
    assert_eq!(database.chains().expect("readable").len(), 2);
    assert_eq!(all(&copied).len(), 2_500, "the copy is of its own");
}

#[test]
fn what_is_filled_in_for_a_chain_is_no_chain_before_it_is_in_place() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let database = open(home.path()).expect("a new store");
    let (main, side) = (chain(&database), database.open_sidechain(identity("side", 2)).expect("its store"));
    put(&main, b"old", b"main");
    put(&side, b"key", b"side");
    // The process ends half-way: the chain is as it was, and what was begun is gone.
    let filled = database.begin_filling(identity("main", 1)).expect("rows of its own");
    put(&filled, b"new", b"half");
    // A chain that comes meanwhile has a number of its own.
    let third = database.open_sidechain(identity("third", 3)).expect("its store");
    assert_eq!(third.scan(Column::Values, &[], &[], 9).expect("readable"), []);
    drop((filled, main, side, third));
    drop(database);
    let database = open(home.path()).expect("the same store");
    let main = chain(&database);
    let keys = |store: &ChainStore| -> Vec<Vec<u8>> {
        let all = store.scan(Column::Values, &[], &[], usize::MAX).expect("readable");
        all.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(&main), [b"old".to_vec()]);
    assert!(database.put_in_place(&identity("main", 1)).is_err(), "nothing is filled in any more");

    // Begun again, the rows of the attempt before do not come back; given up, nothing is left of it.
    put(&database.begin_filling(identity("main", 1)).expect("rows"), b"first", b"attempt");
    let filled = database.begin_filling(identity("main", 1)).expect("rows again");
    assert!(keys(&filled).is_empty());
    put(&filled, b"second", b"attempt");
    database.give_up_filling(&identity("main", 1)).expect("it is given up");
    assert!(keys(&filled).is_empty() && keys(&main) == [b"old".to_vec()]);
    drop(filled);

    let filled = database.begin_filling(identity("main", 1)).expect("rows once more");
    put(&filled, b"new", b"main");
    database.put_in_place(&identity("main", 1)).expect("it is put in place");
    assert!(keys(&main).is_empty(), "the rows of before are gone");
    drop((filled, main));
    drop(database);
    let database = open(home.path()).expect("the same store");
    assert_eq!(keys(&chain(&database)), [b"new".to_vec()]);
    assert_eq!(keys(&database.open_sidechain(identity("side", 2)).expect("its store")), [b"key".to_vec()]);
    assert_eq!(database.chains().expect("readable").len(), 3);
}
