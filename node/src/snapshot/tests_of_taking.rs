//! A chain that begins anew with a snapshot: from sources that may lie, across ends of the process, and only where its key
//! cannot sign against what it signed before.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    slice::from_ref,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use chancery_abi::{Committee, Digest, HandOver, TrustAnchor};
use chancery_runtime::{
    execution::{ExecutionStack, chain::Proposal, on_execution_stack},
    state::{MemoryBackend, StateConfig},
    storage::{Durability, StateBackend, WriteBatch},
};
use tempfile::TempDir;

use super::{
    fits::{contradicts, has_signed, may_be_taken},
    room::Room,
    *,
};
use crate::{
    chain::Ledger,
    client::ClientTls,
    consensus::VotesRecord,
    fixture::{GENESIS_TIME_MS, call, certify, deploy, deployer, engine, genesis, validator_public_key, verified},
    store::{
        ChainDb, ChainIdentity, ChainStore, DiskDb, StoreConfig, StoreDirectory,
        chain_db::{self, BaseBlock},
    },
};

/// The height of the sources' snapshot.
const NEWEST: u64 = 20;
/// A key that has never served.
const NEW_KEY: [u8; 32] = [7; 32];

/// Makes blocks until the chain has so many.
fn grow<B: StateBackend + 'static>(stack: &ExecutionStack, backend: &Arc<B>, blocks: u64) {
    let ledger = Ledger::open(Arc::clone(backend), engine(), genesis(), StateConfig::default());
    let ledger = ledger.expect("the ledger opens");
    while ledger.tip().height < blocks {
        let height = ledger.tip().height + 1;
        let payload = if height == 1 { deploy("land") } else { call("put", b"\x0cone") };
        let transactions = [verified(deployer().send(height - 1, payload))];
        let timestamp_ms = GENESIS_TIME_MS + height;
        let proposal =
            Proposal { proposer: validator_public_key(), timestamp_ms, beacons: Vec::new(), mainchain: None };
        let built = ledger.build(stack, None, proposal, &BTreeMap::new(), &transactions).expect("the block builds");
        ledger.commit(&built.candidate, &certify(&built.candidate)).expect("it commits");
    }
}

/// A snapshot at [`NEWEST`].
fn snapshot(home: &Path) -> Folder {
    snapshot_at(home, NEWEST)
}

fn snapshot_at(home: &Path, height: u64) -> Folder {
    let folder = Folder::at(home.join(format!("snapshot-{height}")));
    on_execution_stack(|stack| {
        let backend = Arc::new(MemoryBackend::new());
        grow(stack, &backend, height);
        backend.with_snapshot(&mut |reader| {
            create(reader, &folder).expect("a snapshot is made");
        });
    });
    folder
}

/// What a source does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Honest,
    /// It changes a byte of every chunk.
    Lies,
    /// It has no chunk of what it offers.
    HasNoChunks,
}

/// Answers as a node does that keeps the snapshot.
struct Source {
    url: String,
    /// How often a chunk was asked for.
    chunks: Arc<AtomicUsize>,
}

impl Source {
    fn of(folder: &Folder, way: Way) -> Self {
        let height = folder.manifest(&TrustAnchor::of_genesis(&genesis())).expect("a manifest").height();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let chunks = Arc::new(AtomicUsize::new(0));
        let (folder, count) = (folder.clone(), Arc::clone(&chunks));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A client that is gone is no matter of the test's.
                drop(Self::answer(client, &folder, height, way, &count));
            }
        });
        Self { url, chunks }
    }

    fn asked_for_chunks(&self) -> usize {
        self.chunks.load(Ordering::SeqCst)
    }

    fn answer(
        mut client: TcpStream,
        folder: &Folder,
        height: u64,
        way: Way,
        chunks: &AtomicUsize,
    ) -> std::io::Result<()> {
        let mut request = BufReader::new(client.try_clone()?);
        let mut line = String::new();
        request.read_line(&mut line)?;
        let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        while !line.trim_end().is_empty() {
            line.clear();
            request.read_line(&mut line)?;
        }
        let mut status = "200 OK";
        let body = match path.rsplit('/').next().unwrap_or_default() {
            "snapshots" => format!("{{\"heights\":[{height}]}}").into_bytes(),
            "manifest" => folder.manifest_bytes().expect("a manifest"),
            number => {
                chunks.fetch_add(1, Ordering::SeqCst);
                let mut bytes = folder.chunk_bytes(number.parse().expect("a number")).expect("a chunk");
                let place = bytes.len() / 2;
                bytes[place] ^= u8::from(way == Way::Lies);
                if way == Way::HasNoChunks {
                    (status, bytes) = ("404 Not Found", b"{}".to_vec());
                }
                bytes
            }
        };
        write!(client, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
        client.write_all(&body)
    }
}

/// A node's data, while nobody runs it.
struct Data {
    home: TempDir,
}

impl Data {
    /// Data whose chain has so many blocks.
    fn with(blocks: u64) -> Self {
        let data = Self { home: tempfile::tempdir().expect("a temporary directory") };
        if blocks > 0 {
            let store = Arc::new(data.chain(&data.database()));
            on_execution_stack(|stack| grow(stack, &store, blocks));
        }
        data
    }

    fn database(&self) -> Arc<DiskDb> {
        let config = StoreConfig { block_cache_bytes: 8 << 20, write_buffer_bytes: 4 << 20, open_files_max: 64 };
        let directory = StoreDirectory::open(&self.home.path().join("store")).expect("a directory");
        DiskDb::open(directory, &config).expect("the database opens")
    }

    fn chain(&self, database: &Arc<DiskDb>) -> ChainStore {
        let identity = ChainIdentity { name: genesis().chain, genesis: genesis().digest() };
        database.open_chain(identity).expect("the chain's store")
    }

    /// Notes that a key votes here.
    fn remember_votes_of(&self, key: [u8; 32]) {
        let directory = self.home.path().join("consensus");
        fs::create_dir_all(&directory).expect("a directory");
        let text = format!("chancery-consensus 1\n{}\n{}\n", genesis().digest(), Digest(key));
        fs::write(directory.join("IDENTITY"), text).expect("a file");
    }

    /// What a node does when it starts.
    fn begin(&self, key: [u8; 32], sources: &[&Source], behind_blocks: u64) -> Option<u64> {
        self.try_begin(key, sources, behind_blocks, 0).expect("the store works, and the key may vote")
    }

    fn try_begin(
        &self,
        key: [u8; 32],
        sources: &[&Source],
        behind_blocks: u64,
        reserve_bytes: u64,
    ) -> Result<Option<u64>, BeginError> {
        let (database, engine, genesis) = (self.database(), engine(), genesis());
        let (snapshots, votes) = (self.home.path().join("snapshots"), self.home.path().join("consensus"));
        let place = Place { database: &database, engine: &engine, genesis: &genesis, snapshots, votes, key };
        let urls = sources.iter().map(|source| source.url.clone()).collect();
        let sources = Sources { urls, tls: ClientTls::default(), behind_blocks, reserve_bytes };
        let turn = Turn { is_stopping: &|| false, may_download: &|| true };
        begin_anew(&place, &sources, &turn)
    }

    /// Where the chain begins and ends when it opens.
    fn opens_at(&self) -> (Option<u64>, u64) {
        let store = Arc::new(self.chain(&self.database()));
        let ledger = Ledger::open(store, engine(), genesis(), StateConfig::default()).expect("the chain opens");
        (ledger.db().base().expect("readable"), ledger.tip().height)
    }

    fn has_download(&self) -> bool {
        self.home.path().join("snapshots/download").exists()
    }
}

#[test]
fn a_chain_begins_anew_when_it_is_empty_or_far_behind_and_not_otherwise() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let source = Source::of(&snapshot(home.path()), Way::Honest);
    let empty = Data::with(0);
    assert_eq!(empty.begin(NEW_KEY, &[], 10), None, "there is nobody to ask");
    assert_eq!(empty.begin(NEW_KEY, &[&source], 10_000), Some(NEWEST));
    assert_eq!(empty.opens_at(), (Some(NEWEST), NEWEST));

    let behind = Data::with(3);
    behind.remember_votes_of(validator_public_key());
    assert_eq!(behind.begin(validator_public_key(), &[&source], NEWEST - 3), None, "it is not that far");
    assert_eq!(behind.opens_at(), (None, 3));
    assert_eq!(behind.begin(validator_public_key(), &[&source], NEWEST - 4), Some(NEWEST));
    assert_eq!(behind.opens_at(), (Some(NEWEST), NEWEST));
    let store = behind.chain(&behind.database());
    assert_eq!(ChainDb(&store).header(2).expect("readable"), None, "the blocks of before are gone");
    drop(store);
    assert!(!behind.has_download(), "what was downloaded is not kept twice");
    assert_eq!(behind.begin(validator_public_key(), &[&source], 1), None, "it is as new as the snapshot");
}

#[test]
fn a_liar_spoils_nothing_and_without_anybody_honest_the_chain_stays_as_it_is() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let folder = snapshot(home.path());
    let (honest, liar) = (Source::of(&folder, Way::Honest), Source::of(&folder, Way::Lies));
    let data = Data::with(3);
    data.remember_votes_of(NEW_KEY);
    assert_eq!(data.begin(NEW_KEY, &[&liar], 1), None);
    assert_eq!(liar.asked_for_chunks(), 1, "one lie is enough");
    assert_eq!(data.opens_at(), (None, 3));
    assert_eq!(data.begin(NEW_KEY, &[&liar, &honest], 1), Some(NEWEST));
    assert_eq!(data.opens_at(), (Some(NEWEST), NEWEST));
}

#[test]
fn what_was_downloaded_is_not_asked_for_again_and_nobody_need_have_it_any_more() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let folder = snapshot(home.path());
    let data = Data::with(0);
    // A process that ended when all was there, and nothing restored.
    let download = data.home.path().join("snapshots/download");
    fs::create_dir_all(&download).expect("a directory");
    for file in fs::read_dir(folder.path()).expect("readable").flatten() {
        fs::copy(file.path(), download.join(file.file_name())).expect("a copy");
    }
    let nobody = Source { url: "http://127.0.0.1:1".into(), chunks: Arc::default() };
    assert_eq!(data.begin(NEW_KEY, &[&nobody], 1), Some(NEWEST));
    assert_eq!(data.opens_at(), (Some(NEWEST), NEWEST));
}

#[test]
fn a_process_that_ends_while_it_restores_leaves_the_chain_as_it_was() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let folder = snapshot(home.path());
    let source = Source::of(&folder, Way::Honest);
    for blocks in [0, 3] {
        let data = Data::with(blocks);
        data.remember_votes_of(NEW_KEY);
        let database = data.database();
        drop(data.chain(&database));
        // The first chunk is there, and nothing is cleaned up.
        let torn = catch_unwind(AssertUnwindSafe(|| {
            let ends = &mut |_| -> Result<(), SnapshotError> { panic!("the process ends here") };
            restore_beside(&folder, &genesis(), engine(), &database, ends, |_| Ok(()))
        }));
        assert!(torn.is_err());
        drop(database);
        assert_eq!(data.opens_at(), (None, blocks), "half a snapshot is no chain");
        assert_eq!(data.begin(NEW_KEY, &[&source], 1), Some(NEWEST));
        assert_eq!(data.opens_at(), (Some(NEWEST), NEWEST));
    }
}

#[test]
fn a_snapshot_that_does_not_fit_changes_nothing() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let folder = snapshot(home.path());
    let data = Data::with(3);
    let database = data.database();
    let unfit = |_: &ChainStore| Err(SnapshotError::Unfit("on purpose".into()));
    let refused = restore_beside(&folder, &genesis(), engine(), &database, &mut |_| Ok(()), unfit);
    assert!(matches!(refused, Err(SnapshotError::Unfit(_))), "{refused:?}");
    drop(database);
    assert_eq!(data.opens_at(), (None, 3));
}

#[test]
fn a_key_whose_votes_are_not_here_does_not_begin_anew() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let folder = snapshot(home.path());
    let source = Source::of(&folder, Way::Honest);
    let lost = Data::with(3);
    assert_eq!(lost.begin(NEW_KEY, &[&source], 1), None, "its start must say that its votes are missing");
    assert_eq!(lost.opens_at(), (None, 3));
    let other = Data::with(3);
    other.remember_votes_of([8; 32]);
    assert_eq!(other.begin(NEW_KEY, &[&source], 1), None, "its start must say whose directory this is");
    let validator = Data::with(0);
    let refused = validator.try_begin(validator_public_key(), &[&source], 1, 0);
    assert!(matches!(refused, Err(BeginError::ServedBefore { .. })), "it has voted elsewhere: {refused:?}");
    assert!(!validator.has_download(), "nothing is left of it");
    // A directory without a vote in it is as good as none.
    fs::create_dir(validator.home.path().join("consensus")).expect("a directory");
    let refused = validator.try_begin(validator_public_key(), &[&source], 1, 0);
    assert!(matches!(refused, Err(BeginError::ServedBefore { .. })), "{refused:?}");
    assert_eq!(validator.opens_at(), (None, 0));
    assert_eq!(source.asked_for_chunks(), 0, "nothing was downloaded for that");
    validator.remember_votes_of(validator_public_key());
    assert_eq!(validator.begin(validator_public_key(), &[&source], 1), Some(NEWEST), "its votes are here");

    let anchor = TrustAnchor::of_genesis(&genesis());
    let manifest = folder.manifest(&anchor).expect("it leads to the anchor");
    assert!(has_signed(&manifest, &anchor, &validator_public_key()));
    assert!(!has_signed(&manifest, &anchor, &NEW_KEY));
}

/// A member of the committee that has signed nothing may be one that comes late: it takes no snapshot, and starts.
#[test]
fn a_member_that_has_signed_nothing_goes_on_by_blocks() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let own = TrustAnchor::of_genesis(&genesis());
    let manifest = snapshot(home.path()).manifest(&own).expect("it leads to the anchor");
    // Its one vote is the validator's; the late one comes after it in the committee.
    let late = [0xff; 32];
    let committee = Committee::new(vec![validator_public_key(), late]).expect("a committee");
    assert_eq!(committee.keys().first(), Some(&validator_public_key()));
    let anchor = TrustAnchor { committee, ..own };
    let taken = |votes, key| may_be_taken(&manifest, &anchor, &genesis(), votes, &key);
    assert!(matches!(taken(VotesRecord::None, late), Err(SnapshotError::Unfit(_))));
    assert!(matches!(taken(VotesRecord::None, validator_public_key()), Err(SnapshotError::ServedBefore)));
    taken(VotesRecord::None, NEW_KEY).expect("it is new");
    taken(VotesRecord::Kept, validator_public_key()).expect("its votes are here");
}

#[test]
fn a_source_that_does_not_give_what_it_offers_keeps_the_node_from_nobody_elses() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let honest = Source::of(&snapshot(home.path()), Way::Honest);
    let newer = snapshot_at(home.path(), NEWEST + 5);
    for way in [Way::HasNoChunks, Way::Lies] {
        let hostile = Source::of(&newer, way);
        let data = Data::with(3);
        data.remember_votes_of(NEW_KEY);
        assert_eq!(data.begin(NEW_KEY, &[&hostile, &honest], 1), Some(NEWEST), "{way:?}");
        assert_eq!(data.opens_at(), (Some(NEWEST), NEWEST));
        assert_eq!(hostile.asked_for_chunks(), 1, "{way:?}");
        // Where it is alone, that is the end.
        let alone = Data::with(3);
        alone.remember_votes_of(NEW_KEY);
        assert_eq!(alone.begin(NEW_KEY, &[&hostile], 1), None, "{way:?}");
        assert_eq!(alone.opens_at(), (None, 3));
    }
}

#[test]
fn a_source_that_takes_a_question_and_says_nothing_holds_up_a_start_for_moments() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let honest = Source::of(&snapshot(home.path()), Way::Honest);
    let listeners: Vec<_> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let silent = |listener: &TcpListener| {
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        Source { url, chunks: Arc::default() }
    };
    let silent: Vec<_> = listeners.iter().map(silent).collect();
    let mut sources: Vec<_> = silent.iter().collect();
    sources.push(&honest);
    let data = Data::with(3);
    data.remember_votes_of(NEW_KEY);
    let began = Instant::now();
    assert_eq!(data.begin(NEW_KEY, &sources, 1), Some(NEWEST));
    let took = began.elapsed();
    // They are asked at once, for five seconds; the rest is a busy machine's.
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[test]
fn nothing_is_begun_and_nothing_kept_where_there_is_no_room() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let source = Source::of(&snapshot(home.path()), Way::Honest);
    let data = Data::with(3);
    data.remember_votes_of(NEW_KEY);
    let all = u64::MAX;
    assert_eq!(data.try_begin(NEW_KEY, &[&source], 1, all).expect("the store works"), None);
    assert_eq!(source.asked_for_chunks(), 0, "there would be no room for it");
    assert!(!data.has_download());
    assert_eq!(data.opens_at(), (None, 3));
    // What a source says of the chunks' lengths counts before anything is begun.
    let folder = snapshot_at(home.path(), NEWEST + 2);
    let mut manifest = Manifest::from_bytes(&folder.manifest_bytes().expect("a manifest")).expect("one");
    let room = Room::of(&folder, data.home.path(), 0);
    room.is_there_for(&manifest, &folder).expect("it is small");
    manifest.chunk_bytes = vec![u32::MAX; 1 << 20];
    assert!(matches!(room.is_there_for(&manifest, &folder), Err(SnapshotError::NoRoom { .. })), "four pebibytes");
    // A download of before takes the room that somebody else needs now.
    let download = data.home.path().join("snapshots/download");
    fs::create_dir_all(&download).expect("a directory");
    for file in fs::read_dir(snapshot_at(home.path(), NEWEST + 1).path()).expect("readable").flatten() {
        fs::copy(file.path(), download.join(file.file_name())).expect("a copy");
    }
    assert_eq!(data.try_begin(NEW_KEY, &[&source], 1, all).expect("the store works"), None);
    assert!(!data.has_download());
    assert_eq!(data.begin(NEW_KEY, &[&source], 1), Some(NEWEST), "now there is");
}

#[test]
fn a_snapshot_in_which_another_committee_follows_contradicts_what_is_final() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let anchor = TrustAnchor::of_genesis(&genesis());
    let manifest = snapshot(home.path()).manifest(&anchor).expect("it leads to the anchor");
    let Manifest { block, certificate, .. } = manifest.manifest().clone();
    let hand_over = |state_root: Digest| {
        let mut header = block.header.clone();
        (header.height, header.state_root) = (9, state_root);
        HandOver { header, certificate: certificate.clone(), next: anchor.committee.clone() }
    };
    let (ours, theirs) = (hand_over(Digest([1; 32])), hand_over(Digest([2; 32])));
    let backend = MemoryBackend::new();
    assert!(!contradicts(&ChainDb(&backend), from_ref(&theirs)).expect("readable"), "nothing is final");
    let tip = on_execution_stack(|stack| {
        let other = Arc::new(MemoryBackend::new());
        grow(stack, &other, 1);
        ChainDb(&*other).tip().expect("readable").expect("a block")
    });
    let (hand_overs, subtrees) = (from_ref(&ours), &[]);
    let base = BaseBlock { block: &block, certificate: &certificate, hand_overs, subtrees, tip: &tip };
    let mut batch = WriteBatch::default();
    chain_db::stage_base(&mut batch, &base, &genesis().digest());
    backend.write(batch, Durability::Synced).expect("a write");
    let is_contradicted = |hand_overs: &[HandOver]| contradicts(&ChainDb(&backend), hand_overs).expect("readable");
    assert!(!is_contradicted(from_ref(&ours)), "it is the same");
    assert!(!is_contradicted(&[ours.clone(), theirs.clone()]), "it goes on");
    assert!(is_contradicted(from_ref(&theirs)), "it ends otherwise");
    assert!(is_contradicted(&[theirs, ours]), "it ends otherwise, earlier");
    assert!(is_contradicted(&[]), "a term that is over here is not in it");
}
