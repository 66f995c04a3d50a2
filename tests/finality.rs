//! Four validators as four processes with directories of their own: they finalise a load of real contract calls; one
//! is killed and the rest go on, and it catches up; two are killed and the chain halts, losing nothing; they come back
//! and it goes on. In the end every height has the same roots everywhere, and each node's own replay agrees.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    hash::{BuildHasher, RandomState},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use chancery::{
    client,
    keystore::{Keystore, PassphraseSource},
};
use chancery_abi::{
    Address, Call, Deploy, Digest, Genesis, Ident, Name, Payload, Transaction, TransactionBody, WIRE_VERSION,
};
use chancery_tests::{contract, name};
use parity_scale_codec::Encode;
use serde_json::Value;

/// The words of a command, for a process that runs nothing else.
const COMMAND: &str = "CHANCERY_TEST_COMMAND";
/// Time for what takes a moment on an idle machine.
const PATIENCE: Duration = Duration::from_secs(180);
const VALIDATORS: usize = 4;
const CASE: &str = "2026-0001";

/// Runs the command line in this process, when another test asks for it.
#[test]
#[ignore = "it is the other tests' node process"]
fn node_process() {
    let Ok(words) = std::env::var(COMMAND) else { return };
    let words: Vec<OsString> = words.lines().map(OsString::from).collect();
    let succeeded = chancery::cli::run_words(&words) == ExitCode::SUCCESS;
    std::process::exit(i32::from(!succeeded));
}

/// A process that runs `chancery` with these words.
pub(crate) fn command(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test has a file"));
    let words = std::iter::once("chancery").chain(words.iter().copied()).collect::<Vec<_>>().join("\n");
    command.args(["--exact", "finality::node_process", "--ignored", "--nocapture"]).env(COMMAND, words);
    command
}

/// What a command printed, which must succeed.
pub(crate) fn run(words: &[&str]) -> String {
    let output = command(words).output().expect("a process");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The one line of JSON among what the test harness prints too.
pub(crate) fn json(text: &str) -> Value {
    let line = text.lines().find_map(|line| line.find('{').map(|start| &line[start..]));
    serde_json::from_str(line.unwrap_or_else(|| panic!("no JSON in {text}"))).expect("JSON")
}

/// The first of eight free ports in a row. They lie below the range that the kernel takes ports of outgoing connections
/// from, so that none of these comes in between; whoever takes one meanwhile all the same fails the test loudly.
pub(crate) fn free_ports() -> u16 {
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let seed = RandomState::new().hash_one(std::process::id());
    (0..1_000u64)
        .map(|attempt| 10_000 + ((seed.wrapping_add(attempt * 7_919)) % 22_000) as u16)
        .find(|&first| (first..first + 8).all(is_free))
        .expect("eight free ports in a row")
}

pub(crate) struct Network {
    pub(crate) home: PathBuf,
    genesis: Genesis,
    processes: BTreeMap<usize, Child>,
    pub(crate) apis: Vec<String>,
    /// What the nodes' configurations are overridden by.
    pub(crate) environment: Vec<(&'static str, &'static str)>,
}

impl Network {
    pub(crate) fn plan(home: &Path) -> Self {
        let out = home.join("network");
        let first = free_ports();
        let (p2p, api) = (first.to_string(), (first + 4).to_string());
        let planned = json(&run(&[
            "network",
            "plan",
            "--validators",
            "4",
            "--out",
            &out.to_string_lossy(),
            "--p2p-port",
            &p2p,
            "--api-port",
            &api,
            "--heartbeat-ms",
            "500",
            "--json",
        ]));
        let apis = planned["nodes"]
            .as_array()
            .expect("nodes")
            .iter()
            .map(|node| node["api"].as_str().expect("an address").to_owned());
        let genesis = std::fs::read(out.join("genesis.scale")).expect("a genesis");
        let genesis = chancery_abi::codec::decode(&genesis, 1 << 20).expect("a genesis");
        let (apis, environment) = (apis.collect(), vec![("CHANCERY_STORE_DISK_RESERVE_MIB", "1")]);
        Self { home: out, genesis, processes: BTreeMap::new(), apis, environment }
    }

    pub(crate) fn node_dir(&self, number: usize) -> PathBuf {
        self.home.join(format!("node-{}", number + 1))
    }

    pub(crate) fn start(&mut self, number: usize) {
        let config = self.node_dir(number).join("node.toml");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.node_dir(number).join("log"));
        let mut command = command(&["node", "--config", &config.to_string_lossy()]);
        command.envs(self.environment.iter().copied());
        let child = command.stdout(Stdio::null()).stderr(log.expect("a log")).spawn().expect("a process");
        self.processes.insert(number, child);
    }

    pub(crate) fn kill(&mut self, number: usize) {
        let mut child = self.processes.remove(&number).expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    pub(crate) fn node(&self, number: usize) -> client::Node {
        client::Node::at(&self.apis[number]).expect("an address")
    }

    pub(crate) fn status(&self, number: usize) -> Option<client::ChainStatus> {
        self.node(number).chain(name("main")).status().ok()
    }

    pub(crate) fn height(&self, number: usize) -> u64 {
        self.status(number).map_or(0, |status| status.height)
    }

    pub(crate) fn wait(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            self.all_run();
            let heights: Vec<_> = (0..VALIDATORS).map(|number| self.height(number)).collect();
            assert!(began.elapsed() < PATIENCE, "{what} did not happen; heights {heights:?}\n{}", log(&self.home, 0));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Nobody has ended by itself.
    pub(crate) fn all_run(&mut self) {
        for (number, child) in &mut self.processes {
            let ended = child.try_wait().expect("it can be asked");
            assert!(ended.is_none(), "node {number} ended: {ended:?}\n{}", log(&self.home, *number));
        }
    }

    pub(crate) fn log(&self, number: usize) -> String {
        log(&self.home, number)
    }

    /// The validators as its configurations name them.
    pub(crate) fn peers(&self) -> Vec<String> {
        let config = std::fs::read_to_string(self.node_dir(0).join("node.toml")).expect("a configuration");
        let line = |line: &str| line.trim().trim_matches(['"', ',']).to_owned();
        config.lines().map(line).filter(|line| line.contains('@')).collect()
    }

    fn receipt(&self, number: usize, digest: &Digest) -> bool {
        let answer = self.node(number).chain(name("main")).transaction(digest);
        answer.is_ok_and(|answer| answer.receipt.is_some())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for child in self.processes.values_mut() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn log(home: &Path, number: usize) -> String {
    std::fs::read_to_string(home.join(format!("node-{}", number + 1)).join("log")).unwrap_or_default()
}

/// The planned network's key that may deploy.
pub(crate) struct Clerk {
    pub(crate) key: chancery::keystore::AccountKey,
    genesis: Digest,
    nonce: u64,
}

impl Clerk {
    pub(crate) fn new(network: &Network) -> Self {
        let keys = Keystore::at(Some(network.home.join("keys"))).expect("keys");
        let key = keys.unlock("demo", &PassphraseSource::default()).expect("it has no passphrase");
        Self { key, genesis: network.genesis.digest(), nonce: 0 }
    }

    /// The same account, whose next transaction has this nonce.
    pub(crate) fn starting_at(network: &Network, nonce: u64) -> Self {
        Self { nonce, ..Self::new(network) }
    }

    pub(crate) fn nonce(&self) -> u64 {
        self.nonce
    }

    pub(crate) fn sign(&mut self, payload: Payload) -> Transaction {
        let body = TransactionBody {
            version: WIRE_VERSION,
            chain: name("main"),
            sender: self.key.address(),
            nonce: self.nonce,
            gas_limit: 2_000_000_000,
            valid_until_height: 100_000,
            payload,
            sponsor: None,
        };
        self.nonce += 1;
        self.key.sign(body, &self.genesis)
    }

    pub(crate) fn call(&mut self, method: &str, arguments: impl Encode) -> Transaction {
        let department: Name = name("judicial");
        let contract = Address::of_contract(&name("main"), &department, &name("evidence"));
        let method = Ident::new(method).expect("an identifier");
        self.sign(Payload::Call(Call { contract, method, input: arguments.encode() }))
    }

    pub(crate) fn file(&mut self, number: u32) -> Transaction {
        self.call("file", (Digest::of(&number.to_le_bytes()), CASE))
    }
}

#[test]
fn four_processes_finalise_bear_a_loss_halt_at_two_and_come_back_with_everything() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = Network::plan(home.path());
    (0..VALIDATORS).for_each(|number| network.start(number));
    network.wait("a block everywhere", |network| (0..VALIDATORS).all(|number| network.height(number) > 0));

    let mut clerk = Clerk::new(&network);
    let genesis = network.genesis.digest();
    let mut acknowledged: Vec<Digest> = Vec::new();
    let mut submit = |network: &Network, number: usize, transaction: Transaction| {
        let receipt = network.node(number).chain(name("main")).submit(&transaction, 60);
        let receipt = receipt.unwrap_or_else(|error| panic!("node {number}: {error}\n{}", log(&network.home, number)));
        let receipt = receipt.unwrap_or_else(|| {
            let status = network.status(number).map(|status| (status.height, status.halted));
            panic!("node {number} does not say that it is final: {status:?}\n{}", log(&network.home, number))
        });
        assert_eq!(receipt.outcome.kind, "done", "{receipt:?}");
        acknowledged.push(transaction.digest(&genesis));
    };
    let (department, evidence) = (name("judicial"), name("evidence"));
    let input = clerk.key.address().encode();
    let deploy =
        clerk.sign(Payload::Deploy(Deploy { department, name: evidence, code: contract("evidence.wasm"), input }));
    submit(&network, 0, deploy);
    submit(&network, 1, clerk.call("appoint", (clerk.key.address(), "registry-1")));
    (0..12).for_each(|n| submit(&network, n as usize % VALIDATORS, clerk.file(n)));

    // One is killed: the others go on, and it catches up.
    network.kill(2);
    (12..20).for_each(|n| submit(&network, [0, 1, 3][n as usize % 3], clerk.file(n)));
    network.start(2);
    let height = network.height(0);
    network.wait("catching up", |network| network.height(2) > height);

    // Two are killed: nothing becomes final, what was is still there, and what was taken in waits.
    network.kill(1);
    network.kill(3);
    // What was being agreed on when they went may still become final.
    std::thread::sleep(Duration::from_secs(2));
    let halted_at = network.height(0);
    let waiting = clerk.file(20);
    let waiting_digest = waiting.digest(&genesis);
    let answer = network.node(0).chain(name("main")).submit(&waiting, 0).expect("it is taken in");
    assert!(answer.is_none());
    std::thread::sleep(Duration::from_secs(5));
    assert!(network.height(0) <= halted_at + 1, "two of four cannot agree, and {} > {halted_at}", network.height(0));
    assert!(!network.receipt(0, &waiting_digest));
    network.start(1);
    network.start(3);
    network.wait("going on", |network| (0..VALIDATORS).all(|number| network.receipt(number, &waiting_digest)));
    (21..24).for_each(|n| submit(&network, n as usize % VALIDATORS, clerk.file(n)));

    let height = network.height(0);
    network.wait("one height everywhere", |network| (0..VALIDATORS).all(|number| network.height(number) >= height));
    for digest in &acknowledged {
        assert!((0..VALIDATORS).all(|number| network.receipt(number, digest)), "{digest} was acknowledged and is gone");
    }
    (0..VALIDATORS).for_each(|number| network.kill(number));
    assert_replays_agree(&network, home.path());
}

/// Replays every node's own blocks from the genesis, and compares the roots at the heights that all have.
fn assert_replays_agree(network: &Network, home: &Path) {
    let mut roots: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for number in 0..VALIDATORS {
        let into = home.join(format!("replayed-{number}"));
        let (data, target) = (network.node_dir(number), into.to_string_lossy());
        let words = ["replay", "--data", &data.to_string_lossy(), "--into", &target, "--json"];
        let replayed = json(&run(&words));
        assert_eq!(replayed["equal"], true);
        for (height, root) in state_roots(&into, replayed["height"].as_u64().expect("a height")) {
            roots.entry(height).or_default().push(root);
        }
    }
    assert!(roots.len() > 24, "{} heights", roots.len());
    for (height, roots) in &roots {
        assert!(roots.iter().all(|root| root == &roots[0]), "height {height} has {roots:?}");
    }
    assert_eq!(roots[&1].len(), VALIDATORS);
}

fn state_roots(data: &Path, height: u64) -> Vec<(u64, String)> {
    use chancery::store::{ChainDb, DiskDb, StoreConfig, StoreDirectory};
    let directory = StoreDirectory::open(&data.join("store")).expect("a store");
    let database = DiskDb::open(directory, &StoreConfig::default()).expect("a database");
    let chain = database.chains().expect("readable").remove(0).chain;
    let store = database.open_chain(chain).expect("the chain");
    let root = |height| ChainDb(&store).header(height).expect("readable").expect("there").state_root.to_string();
    (1..=height).map(|height| (height, root(height))).collect()
}

#[test]
fn a_node_is_not_started_with_another_genesis_another_key_or_without_its_votes() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = Network::plan(home.path());
    (0..VALIDATORS).for_each(|number| network.start(number));
    network.wait("a block everywhere", |network| (0..VALIDATORS).all(|number| network.height(number) > 0));

    // A second process with the same key, in a directory of its own.
    let twin = home.path().join("twin");
    std::fs::create_dir_all(twin.join("keys")).expect("a directory");
    std::fs::copy(network.node_dir(0).join("keys/validator.key"), twin.join("keys/validator.key")).expect("a copy");
    let config = network.node_dir(0).join("node.toml");
    let genesis = network.home.join("genesis.scale");
    let refusal = |data: &Path, genesis: &Path| {
        let words = [
            "node",
            "--config",
            &config.to_string_lossy(),
            "--data",
            &data.to_string_lossy(),
            "--listen",
            "127.0.0.1:0",
        ];
        let mut command = command(&words);
        let output = command.env("CHANCERY_GENESIS", genesis).output().expect("a process");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let taken = refusal(&twin, &genesis);
    assert!(taken.contains("another node with this key"), "{taken}");

    (0..VALIDATORS).for_each(|number| network.kill(number));
    let own = network.node_dir(0);
    let other = Network::plan(&home.path().join("other"));
    let wrong_genesis = refusal(&own, &other.home.join("genesis.scale"));
    assert!(wrong_genesis.contains("belongs to chain main"), "{wrong_genesis}");
    std::fs::rename(own.join("consensus"), own.join("consensus-of-before")).expect("it can be moved");
    let no_votes = refusal(&own, &genesis);
    assert!(no_votes.contains("says what this node's key has voted for"), "{no_votes}");
}
