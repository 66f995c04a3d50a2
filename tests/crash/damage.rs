//! Damage to the files of a real database that holds a real chain: in every file, bits flipped all over it, its end torn
//! off, and the file removed. The ledger then opens with every byte it had, or is refused with an error that names the
//! directory. A log's torn last record is a crash in the middle of a write, and loses that one block.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use chancery::store::{ChainIdentity, ChainStore, DiskDb, StoreConfig, StoreDirectory};
use chancery_runtime::{
    engine::Engine,
    execution::on_execution_stack,
    storage::{Column, Entry, StateReader as _},
};
use chancery_tests::{genesis, name};

use super::{BLOCKS, Chain, certify, engine};

fn open_store(home: &Path) -> Result<Arc<ChainStore>, String> {
    let directory = StoreDirectory::open(&home.join("store")).map_err(|error| error.to_string())?;
    let config = StoreConfig { block_cache_bytes: 8 << 20, write_buffer_bytes: 4 << 20, open_files_max: 64 };
    let database = DiskDb::open(directory, &config).map_err(|error| error.to_string())?;
    let identity = ChainIdentity { name: name("main"), genesis: genesis().digest() };
    database.open_chain(identity).map(Arc::new).map_err(|error| error.to_string())
}

/// Everything that a store holds.
type Content = Vec<(Column, Vec<Entry>)>;

fn content(store: &ChainStore) -> Result<Content, String> {
    let column = |column| {
        let entries = store.scan(column, &[], &[], usize::MAX).map_err(|error| error.to_string())?;
        Ok((column, entries))
    };
    Column::ALL.into_iter().map(column).collect()
}

/// The chain as a node opens it, with everything its store holds.
fn read(home: &Path, engine: &Arc<Engine>) -> Result<(u64, Content), String> {
    let store = open_store(home)?;
    let chain = Chain::open(&store, engine).map_err(|error| error.to_string())?;
    Ok((chain.height(), content(&store)?))
}

/// The story over a real database, half of it in tables and half in the log; what it holds.
fn chain_on_disk(home: &Path, engine: &Arc<Engine>) -> Content {
    let store = open_store(home).expect("a new store");
    let chain = Chain::open(&store, engine).expect("a new chain");
    let commit = |stack: &_| {
        let candidate = chain.next(stack).expect("it builds");
        chain.ledger.commit(&candidate, &certify(&candidate)).expect("it commits");
    };
    on_execution_stack(|stack| (0..BLOCKS / 2).for_each(|_| commit(stack)));
    store.database().compact();
    on_execution_stack(|stack| (BLOCKS / 2..BLOCKS).for_each(|_| commit(stack)));
    content(&store).expect("readable")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// The files that matter, in the store's directory: all but locks and RocksDB's messages.
fn files(home: &Path) -> Vec<PathBuf> {
    let of = |directory: PathBuf| {
        let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.is_file()).collect::<Vec<_>>()
    };
    let all = [of(home.join("store")), of(home.join("store/db"))].concat();
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut files: Vec<_> =
        all.into_iter().filter(|path| !name(path).starts_with("LOG") && name(path) != "LOCK").collect();
    files.sort();
    files
}

/// Opens a copy of `sound` in which one file was changed: it has all that it had, or it is refused in words that help.
fn opens_whole_or_is_refused(
    sound: &Path,
    file: &Path,
    expected: &Content,
    engine: &Arc<Engine>,
    damage: impl FnOnce(&Path),
) -> bool {
    let home = tempfile::tempdir().expect("a temporary directory");
    copy(sound, home.path());
    damage(&home.path().join(file));
    match read(home.path(), engine) {
        Ok((height, content)) => {
            assert_eq!(height, BLOCKS, "{}: acknowledged blocks are silently gone", file.display());
            let same = content == *expected;
            assert!(same, "{}: the content is silently another", file.display());
            true
        }
        Err(why) => {
            let says = ["damaged", "contradict", "format version", "half-created", "cannot be read", "corrupt"];
            assert!(says.iter().any(|word| why.contains(word)), "{}: {why}", file.display());
            assert!(!why.contains("panicked"), "{why}");
            false
        }
    }
}

/// Places all over a file: its first and last bytes, and some between.
fn places(length: usize, between: usize) -> Vec<usize> {
    let mut places: Vec<_> = (0..length.min(16)).chain(length.saturating_sub(16)..length).collect();
    places.extend((0..between).map(|n| length * n / between));
    places.sort_unstable();
    places.dedup();
    places
}

#[test]
fn any_bit_flipped_in_any_file() {
    let engine = engine();
    let home = tempfile::tempdir().expect("a temporary directory");
    let expected = chain_on_disk(home.path(), &engine);
    let files = files(home.path());
    let kinds = [".sst", ".log", "MANIFEST-", "CURRENT", "OPTIONS-", "STORE", "WITNESS"];
    for kind in kinds {
        assert!(files.iter().any(|file| file.to_string_lossy().contains(kind)), "there is no {kind}: {files:?}");
    }
    let mut refused = 0;
    for file in files {
        let length = fs::metadata(&file).expect("a file").len() as usize;
        let relative = file.strip_prefix(home.path()).expect("it is within");
        for place in places(length, 12) {
            let flip = |path: &Path| {
                let mut bytes = fs::read(path).expect("a file");
                bytes[place] ^= 1 << (place % 8);
                fs::write(path, bytes).expect("a damaged file");
            };
            refused += u32::from(!opens_whole_or_is_refused(home.path(), relative, &expected, &engine, flip));
        }
    }
    assert!(refused > 20, "hardly any damage was noticed: {refused}");
}

#[test]
fn any_file_cut_in_half_emptied_or_removed() {
    let engine = engine();
    let home = tempfile::tempdir().expect("a temporary directory");
    let expected = chain_on_disk(home.path(), &engine);
    for file in files(home.path()) {
        let relative = file.strip_prefix(home.path()).expect("it is within");
        let cut = |part: usize| {
            move |path: &Path| {
                let bytes = fs::read(path).expect("a file");
                fs::write(path, &bytes[..bytes.len() * part / 2]).expect("a cut file");
            }
        };
        opens_whole_or_is_refused(home.path(), relative, &expected, &engine, cut(1));
        opens_whole_or_is_refused(home.path(), relative, &expected, &engine, cut(0));
        // Without its witness a store is as it was before there were any.
        opens_whole_or_is_refused(home.path(), relative, &expected, &engine, |path| {
            fs::remove_file(path).expect("removed");
        });
    }
}

/// A power loss in the middle of a write: the last record is cut off anywhere, and the witness, which is written after
/// it, is not there yet. The chain opens with the blocks before, whole, and goes on.
#[test]
fn a_log_torn_anywhere_in_its_last_record() {
    let engine = engine();
    let home = tempfile::tempdir().expect("a temporary directory");
    let (whole, witness, log) = {
        let store = open_store(home.path()).expect("a new store");
        let chain = Chain::open(&store, &engine).expect("a new chain");
        on_execution_stack(|stack| {
            let commit = || {
                let candidate = chain.next(stack).expect("it builds");
                chain.ledger.commit(&candidate, &certify(&candidate)).expect("it commits");
            };
            (1..BLOCKS).for_each(|_| commit());
            // A store whose process was killed: what is on the disk before the last block and after it.
            let witness = fs::read(home.path().join("store/WITNESS")).expect("a witness");
            let before = tempfile::tempdir().expect("a temporary directory");
            copy(home.path(), before.path());
            commit();
            let after = tempfile::tempdir().expect("a temporary directory");
            copy(home.path(), after.path());
            let log = files(after.path()).into_iter().rfind(|path| path.extension().is_some_and(|end| end == "log"));
            let log = log.expect("a log");
            let relative = log.strip_prefix(after.path()).expect("it is within").to_owned();
            let written = fs::metadata(before.path().join(&relative)).expect("the same log").len() as usize;
            (after, witness, (relative, written))
        })
    };
    let (relative, begin) = log;
    let end = fs::metadata(whole.path().join(&relative)).expect("a log").len() as usize;
    assert!(end > begin + 100, "the last block is in the log");
    let mut whole_enough = 0;
    for length in places(end - begin, 20).into_iter().map(|place| begin + place) {
        let home = tempfile::tempdir().expect("a temporary directory");
        copy(whole.path(), home.path());
        let log = home.path().join(&relative);
        let bytes = fs::read(&log).expect("a log");
        fs::write(&log, &bytes[..length]).expect("a torn log");
        fs::write(home.path().join("store/WITNESS"), &witness).expect("the witness before");
        let store = open_store(home.path()).unwrap_or_else(|why| panic!("torn after {length} bytes: {why}"));
        let chain = Chain::open(&store, &engine).unwrap_or_else(|why| panic!("torn after {length} bytes: {why}"));
        assert!((BLOCKS - 1..=BLOCKS).contains(&chain.height()), "torn after {length} bytes: {}", chain.height());
        assert_eq!(on_execution_stack(|stack| chain.run(stack)), BLOCKS);
        // The same cut with the witness of the whole store is no crash: what it speaks for had been acknowledged.
        let home = tempfile::tempdir().expect("a temporary directory");
        copy(whole.path(), home.path());
        fs::write(home.path().join(&relative), &bytes[..length]).expect("a cut log");
        match open_store(home.path()) {
            Err(refused) => assert!(refused.contains("damaged") && refused.contains("acknowledged"), "{refused}"),
            // Cut off were only nodes of the trie, which were not synced and are made again.
            Ok(store) => {
                let chain =
                    Chain::open(&store, &engine).unwrap_or_else(|why| panic!("cut after {length} bytes: {why}"));
                assert_eq!(chain.height(), BLOCKS, "cut after {length} bytes");
                whole_enough += 1;
            }
        }
    }
    assert!(whole_enough < 20, "hardly any cut lost anything: {whole_enough}");
}
