//! What a final block costs the disk: 1,000 updates over a million entries through the real state over RocksDB, beside
//! the same entries put raw into a RocksDB of their own, synced, in the same run and in turns; and what reading an entry,
//! making a proof and checking it cost.
//!
//! The raw store has one column with RocksDB's usual settings and is given the entries and nothing else: no root, no
//! proof, no way back. So the ratio is the whole price of a provable state. `STATE_ENTRIES` sets another number of
//! entries; the databases go to the target directory, because a temporary directory may be in memory.

#[path = "../../runtime/benches/clock.rs"]
mod clock;

use std::{
    collections::BTreeMap,
    hint::black_box,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use chancery::store::{ChainIdentity, ChainStore, DiskDb, StoreConfig, StoreDirectory};
use chancery_abi::{
    Address, Certificate, Claim, Committee, Digest, Finality, Genesis, Header, Link, Name, Origin, ProofBundle,
    StateSubject, TrustAnchor, VoteSignature, WIRE_VERSION,
};
use chancery_runtime::{
    state::{Changes, State, StateConfig, StateView as _},
    storage::{Durability, StateBackend as _, WriteBatch},
};
use criterion::{Criterion, Throughput};
use ed25519_zebra::{SigningKey, VerificationKey};
use parity_scale_codec::Encode;

use self::clock::{median, process_cpu, thread_cpu, timed};

const UPDATES: u64 = 1_000;
const POPULATE_PER_BLOCK: u64 = 20_000;
/// Blocks of each store that are compared.
const ROUNDS: u64 = 60;

fn name(text: &str) -> Name {
    Name::new(text).expect("the bench's names are names")
}

fn contract() -> Address {
    Address::of_contract(&name("main"), &name("office"), &name("yardstick"))
}

fn key(n: u64) -> Vec<u8> {
    Digest::of(&n.to_be_bytes()).0.to_vec()
}

fn value(n: u64, version: u64) -> Vec<u8> {
    [Digest::of(&n.to_le_bytes()).0, Digest::of(&version.to_le_bytes()).0].concat()
}

fn changes(entries: impl Iterator<Item = u64>, version: u64) -> Changes {
    let contract = contract();
    Changes(entries.map(|n| ((contract, key(n)), Some(value(n, version)))).collect::<BTreeMap<_, _>>())
}

/// The changes of block `version`: distinct entries spread over all, others in each block.
fn updates(entries: u64, version: u64) -> Changes {
    let step = (entries / UPDATES).max(1);
    changes((0..UPDATES).map(|i| (i * step + version.wrapping_mul(0x9e37_79b9) % step) % entries), version)
}

/// The real state: computes the root, writes one synced batch, moves on.
struct Provable {
    state: State<ChainStore>,
    database: Arc<DiskDb>,
}

impl Provable {
    fn open(path: &Path) -> Self {
        let directory = StoreDirectory::open(path).expect("a new directory");
        let database = DiskDb::open(directory, &StoreConfig::default()).expect("a new database");
        let identity = ChainIdentity { name: name("main"), genesis: Digest([1; 32]) };
        let store = database.open_chain(identity).expect("the chain's store");
        let state = State::open(Arc::new(store), StateConfig::default()).expect("an empty store opens");
        Self { state, database }
    }

    fn block(&mut self, changes: Changes) {
        let overlay = Arc::new(self.state.prepare(None, changes).expect("the store can be read"));
        let mut batch = WriteBatch::default();
        self.state.stage(&overlay, &mut batch).expect("the block is the next");
        self.state.backend().write(batch, Durability::Synced).expect("the store can be written");
        self.state.advance(overlay).expect("the block was staged");
    }
}

/// The same entries and nothing else.
struct Raw(rocksdb::DB);

impl Raw {
    fn open(path: &Path) -> Self {
        let mut options = rocksdb::Options::default();
        options.create_if_missing(true);
        options.set_compression_type(rocksdb::DBCompressionType::Lz4);
        Self(rocksdb::DB::open(&options, path).expect("a new database"))
    }

    fn block(&self, changes: Changes) {
        let mut batch = rocksdb::WriteBatch::default();
        for ((contract, key), value) in changes.0 {
            batch.put([&contract.0, &key[..]].concat(), value.expect("the bench only writes"));
        }
        let mut options = rocksdb::WriteOptions::default();
        options.set_sync(true);
        self.0.write_opt(batch, &options).expect("the store can be written");
    }
}

/// What blocks of one store took: each block's CPU time and wall time in microseconds an update, and the process's CPU
/// time over all of them, compactions included.
#[derive(Default)]
struct Times {
    thread: Vec<f64>,
    wall: Vec<f64>,
    process: Duration,
}

impl Times {
    fn measure(&mut self, block: impl FnOnce()) {
        let (process, thread, wall) = (process_cpu(), thread_cpu(), Instant::now());
        block();
        let per_update = |time: Duration| time.as_secs_f64() * 1e6 / UPDATES as f64;
        self.thread.push(per_update(thread_cpu() - thread));
        self.wall.push(per_update(wall.elapsed()));
        self.process += process_cpu() - process;
    }

    fn row(&self, name: &str) -> ([f64; 4], String) {
        let mean = |times: &[f64]| times.iter().sum::<f64>() / times.len() as f64;
        let cells = [
            median(self.thread.clone()),
            mean(&self.thread),
            median(self.wall.clone()),
            self.process.as_secs_f64() * 1e6 / (UPDATES * self.thread.len() as u64) as f64,
        ];
        let text = cells.iter().map(|us| format!("{us:.2}")).collect::<Vec<_>>().join(" | ");
        (cells, format!("| {name} | {text} |"))
    }
}

fn compare_blocks(provable: &mut Provable, raw: &Raw, entries: u64, version: &mut u64) -> Vec<String> {
    let (mut ours, mut theirs) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        *version += 1;
        let (block, copy) = (updates(entries, *version), updates(entries, *version));
        ours.measure(|| provable.block(block));
        theirs.measure(|| raw.block(copy));
    }
    let ((ours, our_row), (theirs, their_row)) = (ours.row("provable state"), theirs.row("raw put"));
    let ratios = ours.iter().zip(theirs).map(|(ours, theirs)| format!("{:.2}", ours / theirs)).collect::<Vec<_>>();
    vec![
        "| us an update | CPU, median | CPU, mean | wall, median | whole process's CPU |".into(),
        "| --- | ---: | ---: | ---: | ---: |".into(),
        our_row,
        their_row,
        format!("| ratio | {} |", ratios.join(" | ")),
    ]
}

fn blocks(criterion: &mut Criterion, provable: &mut Provable, raw: &Raw, entries: u64, version: &mut u64) {
    let mut group = criterion.benchmark_group(format!("block of 1,000 updates over {entries} entries"));
    group.throughput(Throughput::Elements(UPDATES));
    group.bench_function("provable state", |bencher| {
        bencher.iter_custom(|blocks| {
            let block = |_| {
                *version += 1;
                let changes = updates(entries, *version);
                timed(|| provable.block(changes))
            };
            (0..blocks).map(block).sum::<Duration>()
        });
    });
    group.bench_function("raw put", |bencher| {
        bencher.iter_custom(|blocks| {
            let block = |_| {
                *version += 1;
                let changes = updates(entries, *version);
                timed(|| raw.block(changes))
            };
            (0..blocks).map(block).sum::<Duration>()
        });
    });
    group.finish();
}

/// The committee of four that certifies the bench's header.
struct Certifier {
    keys: Vec<SigningKey>,
    genesis: Genesis,
}

impl Certifier {
    fn new() -> Self {
        let mut keys: Vec<_> = (1..=4).map(|seed| SigningKey::from([seed; 32])).collect();
        keys.sort_by_key(|key| <[u8; 32]>::from(VerificationKey::from(key)));
        let members = keys.iter().map(|key| VerificationKey::from(key).into()).collect();
        let genesis = Genesis {
            version: WIRE_VERSION,
            chain: name("main"),
            timestamp_ms: 1_000,
            committee: Committee::new(members).expect("four keys make a committee"),
            schedule: 1,
            departments: Vec::new(),
            relying_parties: Vec::new(),
            mainchain: None,
            registry: None,
        };
        Self { keys, genesis }
    }

    fn header(&self, height: u64, state_root: Digest) -> Header {
        Header {
            version: WIRE_VERSION,
            chain: name("main"),
            height,
            epoch: 0,
            parent: Digest([2; 32]),
            timestamp_ms: 2_000,
            proposer: self.genesis.committee.keys()[0],
            state_root,
            transactions_root: Digest::default(),
            receipts_root: Digest::default(),
            history_root: Digest::default(),
            next_committee: None,
            gas_used: 0,
            schedule: 1,
            beacons: Vec::new(),
            mainchain: None,
        }
    }

    fn certify(&self, header: &Header) -> Certificate {
        let genesis = self.genesis.digest();
        let mut certificate = Certificate {
            version: WIRE_VERSION,
            epoch: 0,
            view: header.height,
            parent_view: header.height - 1,
            header: header.digest(&genesis),
            votes: Vec::new(),
        };
        let preimage = certificate.preimage(&genesis);
        let quorum = self.keys.iter().take(self.genesis.committee.quorum());
        certificate.votes = (0..)
            .zip(quorum)
            .map(|(member, key)| VoteSignature { member, signature: key.sign(&preimage).to_bytes() })
            .collect();
        certificate
    }
}

/// Entries that no block read before, which is what a contract's look-up costs at worst.
fn reads(criterion: &mut Criterion, provable: &Provable, entries: u64) {
    let (view, contract) = (provable.state.view(None), contract());
    let mut group = criterion.benchmark_group(format!("read of one of {entries} entries"));
    for (name, first) in [("there", 0), ("absent", entries)] {
        let mut n = 0;
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|reads| {
                let mut next = || {
                    n = (n + 7_919) % entries;
                    key(first + n)
                };
                let keys: Vec<_> = (0..reads).map(|_| next()).collect();
                let read = |key: &Vec<u8>| drop(black_box(view.get(&contract, key).expect("the store can be read")));
                timed(|| keys.iter().for_each(read))
            });
        });
    }
    group.finish();
}

/// Bytes of a bundle, of an empty block's header and of its certificate.
fn proofs(criterion: &mut Criterion, provable: &Provable, entries: u64) -> [usize; 3] {
    let certifier = Certifier::new();
    let (height, root) = (provable.state.height(), provable.state.root());
    let header = certifier.header(height, root);
    let certificate = certifier.certify(&header);
    let bundle = |n: u64| {
        let key = key(n);
        let proof = provable.state.prove(height, &contract(), &key).expect("the newest root is provable");
        let subject = StateSubject::Contract { department: name("office"), name: name("yardstick") };
        ProofBundle {
            version: WIRE_VERSION,
            origin: Origin::AnchoredChain,
            claim: Claim::State { subject, key, value: proof.value, nodes: proof.nodes },
            header: header.clone(),
            link: Link::Same,
            finality: Finality::Certificate { hand_overs: Vec::new(), certificate: certificate.clone() },
        }
        .encode()
    };
    let anchor = TrustAnchor::of_genesis(&certifier.genesis);
    let verify = |bundle: &[u8]| chancery_verify::verify(bundle, &anchor).expect("the bundle proves its claim");
    let (there, absent) = (bundle(7), bundle(entries + 7));
    assert_eq!(
        (verify(&there).statement.value().is_some(), verify(&absent).statement.value().is_some()),
        (true, false)
    );
    let mut group = criterion.benchmark_group("proof bundle");
    let mut n = 0;
    group.bench_function("make", |bencher| {
        bencher.iter_custom(|proofs| {
            timed(|| {
                for _ in 0..proofs {
                    n = (n + 7_919) % entries;
                    black_box(bundle(n));
                }
            })
        });
    });
    for (name, bundle) in [("verify an inclusion", &there), ("verify an absence", &absent)] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|proofs| timed(|| (0..proofs).for_each(|_| drop(black_box(verify(bundle))))));
        });
    }
    group.finish();
    [there.len(), header.encoded_size(), certificate.encoded_size()]
}

fn main() {
    let entries = std::env::var("STATE_ENTRIES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let home = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "../target".into(), std::path::PathBuf::from);
    let home = tempfile::tempdir_in(home).expect("the target directory can be written");
    let (mut provable, raw) = (Provable::open(&home.path().join("chain")), Raw::open(&home.path().join("raw")));
    let filled = Instant::now();
    for from in (0..entries).step_by(POPULATE_PER_BLOCK as usize) {
        let until = (from + POPULATE_PER_BLOCK).min(entries);
        provable.block(changes(from..until, 0));
        raw.block(changes(from..until, 0));
    }
    provable.state.flush().expect("the store can be written");
    provable.database.compact();
    raw.0.compact_range(None::<&[u8]>, None::<&[u8]>);
    println!("both stores hold {entries} entries after {:.0?}", filled.elapsed());
    let mut criterion = Criterion::default()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut version = 0;
    let table = compare_blocks(&mut provable, &raw, entries, &mut version);
    blocks(&mut criterion, &mut provable, &raw, entries, &mut version);
    reads(&mut criterion, &provable, entries);
    let [bundle, header, certificate] = proofs(&mut criterion, &provable, entries);
    criterion.final_summary();
    println!("\nBlocks of {UPDATES} updates over {entries} entries, {ROUNDS} of each store in turns\n");
    println!("{}\n\nwith four validators, a bundle has {bundle} bytes;", table.join("\n"));
    println!("an empty block keeps a header of {header} bytes and a certificate of {certificate}");
}
