//! Certificates against the verifier that knows no engine, and four validators in one process over loopback: a load
//! of real calls, one that is away and comes back, and what is refused at the start.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use chancery_abi::{Certificate, Digest, Genesis};
use chancery_runtime::{state::MemoryBackend, storage::StateBackend as _};
use chancery_verify::signatures::verify_certificate;
use commonware_consensus::{
    simplex::{
        scheme::ed25519::Scheme,
        types::{Finalization, Finalize, Proposal},
    },
    types::{Epoch, Round, View},
};
use commonware_cryptography::sha256;
use commonware_parallel::Sequential;
use commonware_utils::non_empty;
use ed25519_zebra::SigningKey;

use super::{
    block::engine_digest,
    certificate::{namespace, participants, private_key, to_engine, to_own},
    *,
};
use crate::{
    chain::{ChainConfig, ChainService, FatalSignal, RegistryBoard},
    fixture::{call, deploy, deployer, engine, genesis_of, genesis_with_registry},
    metrics::Metrics,
    snapshot::{Folder, create, restore},
};

type Side = Arc<ChainService<MemoryBackend>>;
type Finalized = Finalization<Scheme, sha256::Digest>;

pub(super) fn keys() -> Vec<SigningKey> {
    (1..=4).map(|seed| SigningKey::from([seed; 32])).collect()
}

/// The engine's own certificate of `header`, by the members at `signers`.
fn engine_certificate(genesis: &Genesis, signers: &[usize], epoch: u64, view: u64, header: Digest) -> Finalized {
    let namespace = namespace(&genesis.digest());
    let committee = participants(&genesis.committee).expect("keys");
    let schemes: Vec<Scheme> = keys()
        .iter()
        .map(|key| {
            let key = private_key(&(*key).into()).expect("a key");
            Scheme::signer(&namespace, committee.clone(), key).expect("a member")
        })
        .collect();
    let proposal =
        Proposal::new(Round::new(Epoch::new(epoch), View::new(view)), View::new(view - 1), engine_digest(&header));
    let votes: Vec<_> =
        signers.iter().map(|signer| Finalize::sign(&schemes[*signer], proposal.clone()).expect("it signs")).collect();
    Finalization::from_owned_finalizes(&schemes[0], non_empty![@votes.into_iter()], &Sequential).expect("a quorum")
}

#[test]
fn what_the_engine_signs_holds_for_a_verifier_that_knows_no_engine() {
    let genesis = genesis_of(&keys());
    let digest = genesis.digest();
    for (signers, view) in [(&[0, 1, 2][..], 1), (&[3, 1, 2], 200), (&[0, 1, 2, 3], u64::MAX)] {
        let finalization = engine_certificate(&genesis, signers, 0, view, Digest([7; 32]));
        let certificate = to_own(&finalization).expect("it has our form");
        assert_eq!(
            (certificate.view, certificate.parent_view, certificate.votes.len()),
            (view, view - 1, signers.len())
        );
        verify_certificate(&digest, &genesis.committee, &certificate).expect("it holds");
        assert_eq!(to_engine(&certificate, 4), Some(finalization), "nothing is lost on the way");
        let refused = |change: &dyn Fn(&mut Certificate)| {
            let mut changed = certificate.clone();
            change(&mut changed);
            assert!(verify_certificate(&digest, &genesis.committee, &changed).is_err());
        };
        refused(&|certificate| certificate.view ^= 1);
        refused(&|certificate| certificate.parent_view ^= 1);
        refused(&|certificate| certificate.epoch += 1);
        refused(&|certificate| certificate.header.0[31] ^= 1);
        refused(&|certificate| certificate.votes[0].signature[0] ^= 1);
        refused(&|certificate| certificate.votes.truncate(2));
        refused(&|certificate| certificate.votes[1] = certificate.votes[0].clone());
        assert!(verify_certificate(&Digest([1; 32]), &genesis.committee, &certificate).is_err(), "another chain");
    }
}

/// The bytes in `sdk/verify`'s vector of a certificate are what the engine gives today.
#[test]
fn the_verifiers_vector_is_the_engines() {
    let genesis = genesis_of(&keys());
    let certificate = to_own(&engine_certificate(&genesis, &[0, 1, 3], 0, 300, Digest([0x0a; 32]))).expect("our form");
    let vector = include_str!("../../../sdk/verify/tests/verify/engine_vector.txt");
    let field = |name: &str| {
        let line = vector.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("the vector has no {name}")).to_owned()
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let found = ["genesis", "committee", "certificate"].map(field);
    let expected = [
        genesis.digest().to_string(),
        hex(&chancery_abi::codec::encode(&genesis.committee)),
        hex(&chancery_abi::codec::encode(&certificate)),
    ];
    assert_eq!(found, expected);
}

struct Member {
    key: SigningKey,
    directory: PathBuf,
    listen: std::net::SocketAddr,
    backend: Arc<MemoryBackend>,
    running: Option<(Side, Consensus<Side, MemoryBackend>)>,
}

pub(super) struct Net {
    pub(super) genesis: Genesis,
    members: Vec<Member>,
}

const TIMING: Timing = Timing {
    heartbeat: Duration::from_millis(300),
    proposal_patience: Duration::from_millis(700),
    gather: Duration::from_millis(50),
    clock_tolerance: Duration::from_secs(1),
    fetch_timeout: Duration::from_secs(1),
};

impl Net {
    fn new(home: &Path) -> Self {
        Self::of(home, genesis_of(&keys()))
    }

    /// Four validators of a chain with a registry.
    pub(super) fn with_registry(home: &Path) -> Self {
        Self::of(home, genesis_with_registry(&keys()))
    }

    pub(super) fn of(home: &Path, genesis: Genesis) -> Self {
        let members = keys().into_iter().enumerate().map(|(place, key)| {
            let free = TcpListener::bind("127.0.0.1:0").expect("a socket");
            let listen = free.local_addr().expect("an address");
            let directory = home.join(place.to_string());
            Member { key, directory, listen, backend: Arc::new(MemoryBackend::new()), running: None }
        });
        Self { genesis, members: members.collect() }
    }

    fn open(&self, place: usize) -> Arc<ChainService<MemoryBackend>> {
        let (backend, genesis) = (Arc::clone(&self.members[place].backend), self.genesis.clone());
        let metrics = Metrics::new().chain(&genesis.chain);
        let config = ChainConfig::default();
        let chain = ChainService::open(backend, None, engine(), genesis, config, metrics, FatalSignal::new());
        Arc::new(chain.expect("the chain opens"))
    }

    fn config(&self, place: usize) -> ConsensusConfig {
        let peers = self.members.iter().map(|member| {
            let key = ed25519_zebra::VerificationKey::from(&member.key).into();
            Peer { key, host: member.listen.ip().to_string(), port: member.listen.port() }
        });
        ConsensusConfig {
            directory: self.members[place].directory.clone(),
            listen: self.members[place].listen,
            peers: peers.collect(),
            timing: TIMING,
            clock_bound: Duration::from_secs(10),
        }
    }

    pub(super) fn start(&mut self, place: usize) {
        let chain = self.open(place);
        let member = &self.members[place];
        let (board, backend) = (RegistryBoard::new(Arc::clone(&chain), member.key), Arc::clone(&member.backend));
        let consensus = Consensus::start(self.config(place), Arc::clone(&chain), board, backend, &member.key.into());
        self.members[place].running = Some((chain, consensus.expect("it takes part")));
    }

    pub(super) fn stop(&mut self, place: usize) {
        let (_, consensus) = self.members[place].running.take().expect("it runs");
        consensus.stop();
    }

    pub(super) fn chain(&self, place: usize) -> &Arc<ChainService<MemoryBackend>> {
        &self.members[place].running.as_ref().expect("it runs").0
    }

    pub(super) fn height(&self, place: usize) -> u64 {
        self.chain(place).ledger().tip().height
    }

    pub(super) fn wait(&self, what: &str, patience: Duration, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            let heights: Vec<_> = self
                .members
                .iter()
                .map(|member| {
                    member.running.as_ref().map(|(chain, _)| (chain.ledger().tip().height, chain.halted().cloned()))
                })
                .collect();
            assert!(began.elapsed() < patience, "{what} did not happen; {heights:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Compares the headers of all that run, up to the lowest height.
    pub(super) fn assert_equal(&self) -> u64 {
        let running: Vec<_> = self.members.iter().filter_map(|member| member.running.as_ref()).collect();
        let lowest = running.iter().map(|(chain, _)| chain.ledger().tip().height).min().expect("one runs");
        for height in 1..=lowest {
            let headers: Vec<_> =
                running.iter().map(|(chain, _)| chain.ledger().db().header(height).expect("readable")).collect();
            assert!(headers.iter().all(|header| header.is_some() && *header == headers[0]), "height {height} differs");
        }
        lowest
    }
}

#[test]
fn four_validators_agree_on_a_load_one_is_away_and_catches_up_and_places_are_not_taken_twice() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut net = Net::new(home.path());
    (0..4).for_each(|place| net.start(place));
    net.wait("a first block everywhere", Duration::from_secs(30), |net| (0..4).all(|place| net.height(place) >= 1));

    // A transaction that is handed in at one of them becomes final at all.
    let account = deployer();
    let mut transactions = vec![account.send_on(&net.genesis, 0, deploy("land"))];
    transactions.extend((1..40).map(|nonce| account.send_on(&net.genesis, nonce, call("put", &[4, nonce as u8]))));
    let genesis = net.genesis.digest();
    let digest = |transaction: &chancery_abi::Transaction| transaction.digest(&genesis);
    let last = digest(&transactions[19]);
    for transaction in &transactions[..20] {
        net.chain(1).submit(transaction.clone()).expect("it is taken");
    }
    let has = |net: &Net, place: usize, digest: &Digest| {
        net.chain(place)
            .ledger()
            .db()
            .receipt(digest)
            .expect("readable")
            .is_some_and(|receipt| receipt.outcome.is_done())
    };
    net.wait("the load's end", Duration::from_secs(30), |net| (0..4).all(|place| has(net, place, &last)));
    net.assert_equal();

    // Its place is not given to a second one, nor its files to another key.
    let (twin, backend, key) = (net.open(0), Arc::clone(&net.members[0].backend), net.members[0].key);
    let board = RegistryBoard::new(Arc::clone(&twin), key);
    let (side, kept) = (Arc::clone(&twin), Arc::clone(&backend));
    let taken = Consensus::start(net.config(0), side, board.clone(), kept, &key.into());
    assert!(matches!(taken.err(), Some(ConsensusError::AddressInUse { .. })));
    let stranger = Consensus::start(net.config(0), Arc::clone(&twin), board.clone(), backend, &[99; 32]);
    assert!(matches!(stranger.err(), Some(ConsensusError::NotAMember { .. })));
    drop((twin, board));

    net.stop(3);
    let away_since = net.height(0);
    for transaction in &transactions[20..] {
        net.chain(0).submit(transaction.clone()).expect("it is taken");
    }
    let last = digest(&transactions[39]);
    net.wait("progress of three", Duration::from_secs(60), |net| {
        (0..3).all(|place| has(net, place, &last) && net.height(place) > away_since + 3)
    });
    net.start(3);
    net.wait("catching up", Duration::from_secs(60), |net| has(net, 3, &last));
    let height = net.height(0);
    net.wait("a block of all four", Duration::from_secs(60), |net| (0..4).all(|place| net.height(place) > height + 4));
    assert!(net.assert_equal() > height);
    let view = net.chain(0).participation();
    assert!(view.is_none(), "the node connects the two");
    let view = net.members[0].running.as_ref().expect("it runs").1.participation().view();
    assert!(view.members.iter().filter(|member| member.voted_ms.is_some()).count() >= 3, "{view:?}");

    // Every final block can be shown to be final by the certificates that are kept.
    for height in 1..=net.height(0) {
        let proof = net.chain(0).ledger().db().finality(height).expect("readable").expect("there");
        verify_certificate(&net.genesis.digest(), &net.genesis.committee, &proof.certificate).expect("it holds");
    }
    (0..4).for_each(|place| net.stop(place));
}

/// A validator loses its store and keeps what it has voted for: it follows from the genesis on, and is needed again.
#[test]
fn a_validator_whose_store_is_lost_and_whose_votes_are_not_follows_and_votes_again() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut net = Net::new(home.path());
    (0..4).for_each(|place| net.start(place));
    net.wait("a few blocks", Duration::from_secs(60), |net| net.height(3) >= 5);
    net.stop(3);
    net.members[3].backend = Arc::new(MemoryBackend::new());
    net.start(3);
    let reached = net.height(0);
    net.wait("following", Duration::from_secs(60), |net| net.height(3) > reached);
    net.stop(2);
    // From here on nothing becomes final without it, so nobody tells it anything new before it votes.
    for _ in 0..2 {
        net.stop(3);
        net.members[3].backend = Arc::new(MemoryBackend::new());
        let alone = net.height(0);
        net.start(3);
        net.wait("blocks with its votes", Duration::from_secs(120), |net| {
            net.height(0) > alone + 3 && net.height(3) > alone + 3
        });
    }
    assert!(net.assert_equal() > 5);
    [0, 1, 3].into_iter().for_each(|place| net.stop(place));
}

/// A store that was just filled from a snapshot says that the key has served; an empty directory says nothing against it.
#[test]
fn a_key_that_served_does_not_begin_at_a_snapshot_without_its_votes() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut net = Net::new(home.path());
    (0..4).for_each(|place| net.start(place));
    net.wait("a few blocks", Duration::from_secs(60), |net| net.height(3) >= 3);
    let folder = Folder::at(home.path().join("snapshot"));
    let began = Instant::now();
    let is_made = || {
        let mut made = false;
        net.members[0].backend.with_snapshot(&mut |reader| made = create(reader, &folder).is_ok());
        made
    };
    // Not each block has a certificate of its own.
    while !is_made() {
        assert!(began.elapsed() < Duration::from_secs(60), "no block has a certificate");
        std::thread::sleep(Duration::from_millis(50));
    }
    (0..4).for_each(|place| net.stop(place));
    let restored = Arc::new(MemoryBackend::new());
    restore(&folder, &net.genesis, engine(), Arc::clone(&restored), |_| {}).expect("it is restored");
    net.members[3].backend = restored;
    let start = |net: &Net| {
        let (chain, member) = (net.open(3), &net.members[3]);
        let (board, backend) = (RegistryBoard::new(Arc::clone(&chain), member.key), Arc::clone(&member.backend));
        Consensus::start(net.config(3), chain, board, backend, &member.key.into()).err()
    };
    let directory = net.members[3].directory.clone();
    std::fs::rename(&directory, home.path().join("kept")).expect("it can be moved");
    assert!(matches!(start(&net), Some(ConsensusError::ServedBefore { .. })), "there is no directory");
    assert!(!directory.exists(), "nothing was made");
    std::fs::create_dir(&directory).expect("a directory");
    assert!(matches!(start(&net), Some(ConsensusError::ServedBefore { .. })), "there is nothing in it");
    std::fs::write(directory.join("IDENTITY.new"), "chancery").expect("a file");
    assert!(matches!(start(&net), Some(ConsensusError::ServedBefore { .. })), "there is no vote in it");
    std::fs::remove_dir_all(&directory).expect("it can be removed");
    std::fs::rename(home.path().join("kept"), &directory).expect("it can be moved");
    (0..4).for_each(|place| net.start(place));
    let reached = net.height(0);
    net.wait("following with its votes", Duration::from_secs(60), |net| net.height(3) > reached);
    (0..4).for_each(|place| net.stop(place));
}

#[test]
fn who_was_away_hears_of_what_still_waits() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut net = Net::new(home.path());
    // One alone makes no block, nor do two of four.
    net.start(0);
    net.chain(0).submit(deployer().send_on(&net.genesis, 0, deploy("land"))).expect("it is taken");
    std::thread::sleep(Duration::from_millis(200));
    net.start(3);
    net.wait("the transaction at the other", Duration::from_secs(60), |net| net.chain(3).pool_size().0 == 1);
    assert_eq!((net.height(0), net.height(3)), (0, 0));
    // What came from another is not passed on by who it came to.
    assert!(net.chain(3).still_waiting(1 << 20).is_empty() && net.chain(0).still_waiting(1 << 20).len() == 1);
}
