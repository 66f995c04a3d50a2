//! A node that begins with a state snapshot: downloaded from whoever has one, checked piece by piece, gone on with after
//! an interruption, and then a node like any other, with a key of its own. An operator has it do so, or it does by itself
//! when it is empty or far behind; and so it is with sidechains.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use chancery_abi::{Deploy, Payload};
use chancery_tests::{contract, name};
use parity_scale_codec::Encode as _;
use serde_json::Value;

use crate::{
    finality::{Clerk, Network, command, json, run},
    membership::{admit, join, query},
};

/// Snapshots are made at multiples of this height.
const EVERY: &str = "20";
/// The first chunk that the liar changes.
const LIES_FROM: usize = 5;

/// Answers as a node does, but for a changed byte in the middle of every chunk from the sixth on.
struct Liar {
    url: String,
    lies: Arc<AtomicUsize>,
}

impl Liar {
    fn before(node: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let node = node.trim_start_matches("http://").to_owned();
        let lies = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&lies);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                drop(Self::answer(client, &node, &count));
            }
        });
        Self { url, lies }
    }

    fn answer(client: TcpStream, node: &str, lies: &AtomicUsize) -> std::io::Result<()> {
        let mut request = BufReader::new(client.try_clone()?);
        let mut line = String::new();
        request.read_line(&mut line)?;
        let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        // The rest of the request's head is of no interest, but must be read.
        while line.trim_end() != "" {
            line.clear();
            request.read_line(&mut line)?;
        }
        let mut honest = TcpStream::connect(node)?;
        write!(honest, "GET {path} HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        honest.read_to_end(&mut answer)?;
        let chunk = path.rsplit_once("/chunks/").and_then(|(_, number)| number.parse::<usize>().ok());
        if chunk.is_some_and(|number| number >= LIES_FROM) {
            let place = answer.len() - 20;
            answer[place] ^= 1;
            lies.fetch_add(1, Ordering::SeqCst);
        }
        let mut client = client;
        client.write_all(&answer)
    }
}

/// What a node answers, head and all.
pub(crate) fn get(url: &str, path: &str) -> String {
    let node = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(node).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\n\r\n").expect("it takes a question");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Runs a command whose last line of output is JSON, whatever it ends with.
fn attempt(words: &[&str]) -> (bool, Value) {
    let output = command(words).output().expect("a process");
    (output.status.success(), json(&String::from_utf8_lossy(&output.stdout)))
}

fn fetch(network: &Network, nodes: &[&str], out: &Path) -> (bool, Value) {
    let (anchor, out) = (network.home.join("anchor"), out.to_string_lossy());
    let anchor = anchor.to_string_lossy();
    let mut words = vec!["snapshot", "fetch", "--anchor", &anchor, "--out", &out, "--json"];
    nodes.iter().for_each(|node| words.extend(["--node", node]));
    attempt(&words)
}

/// A network whose nodes make snapshots, with some thousand entries of evidence, and a snapshot of them.
fn filled(home: &Path) -> Network {
    let mut network = Network::plan(home);
    network.environment.push(("CHANCERY_SNAPSHOTS_EVERY_BLOCKS", EVERY));
    network.environment.push(("CHANCERY_SNAPSHOTS_KEPT", "100"));
    (0..4).for_each(|number| network.start(number));
    network.wait("a block everywhere", |network| (0..4).all(|number| network.height(number) > 0));
    let mut clerk = Clerk::new(&network);
    let (code, input) = (contract("evidence.wasm"), clerk.key.address().encode());
    let deploy = Deploy { department: name("judicial"), name: name("evidence"), code, input };
    let deploy = clerk.sign(Payload::Deploy(deploy));
    network.node(0).chain(name("main")).submit(&deploy, 60).expect("it is taken in");
    let keys = network.home.join("keys");
    let (keys, node) = (keys.to_string_lossy(), network.apis[0].clone());
    let words =
        ["bench", "--as", "demo", "--keys", &keys, "--node", &node, "--transactions", "1200", "--workers", "64"];
    run(&[&words[..], &["--json"]].concat());
    let filled = network.height(0);
    network.wait("a snapshot with everything", |network| {
        (0..2).all(|node| {
            let heights = network.node(node).chain(name("main")).snapshots().expect("it answers");
            heights.last().is_some_and(|newest| *newest > filled)
        })
    });
    network
}

#[test]
fn a_node_begins_with_a_snapshot_that_liars_could_not_spoil() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = filled(home.path());
    let honest = network.apis[0].clone();
    let liar = Liar::before(&honest);
    let folder = home.path().join("snapshot");

    // From a liar alone: what it tells of truth is kept, and the chunk that it lies about is named.
    let (done, failed) = fetch(&network, &[&liar.url], &folder);
    assert!(!done && failed["error"]["code"] == "no_source", "{failed}");
    assert!(failed.to_string().contains(&format!("chunk {LIES_FROM}")), "{failed}");
    assert_eq!(liar.lies.load(Ordering::SeqCst), 1, "one lie is enough");
    // With somebody honest beside it the rest comes, and what is there is not asked for again.
    let (done, fetched) = fetch(&network, &[&honest, &liar.url], &folder);
    assert!(done, "{fetched}");
    let chunks = fetched["chunks"].as_u64().expect("a number");
    assert!(chunks > LIES_FROM as u64 + 2, "{fetched}");
    assert_eq!(fetched["resumed"], LIES_FROM, "{fetched}");
    assert_eq!(fetched["liars"][0]["node"], liar.url, "{fetched}");
    assert!(fetched["liars"][0]["what"].as_str().is_some_and(|what| what.contains("chunk ")), "{fetched}");

    let (anchor, genesis) = (network.home.join("anchor"), network.home.join("genesis.scale"));
    let (anchor, genesis) = (anchor.to_string_lossy().into_owned(), genesis.to_string_lossy().into_owned());
    let at = folder.to_string_lossy().into_owned();
    let verify = ["snapshot", "verify", &at, "--anchor", &anchor, "--json"];
    let (whole, verified) = attempt(&verify);
    assert!(whole && verified["height"] == fetched["height"], "{verified}");
    assert!(verified["entries"].as_u64() > Some(1_200), "{verified}");
    // One bit of the last chunk on this disk is another: it is found, and that chunk alone comes anew.
    let last = folder.join(format!("chunk-{:06}", chunks - 1));
    let mut bytes = fs::read(&last).expect("a chunk");
    let place = bytes.len() / 2;
    bytes[place] ^= 4;
    fs::write(&last, bytes).expect("a file");
    let (whole, broken) = attempt(&verify);
    assert!(!whole && broken.to_string().contains(&format!("chunk {}", chunks - 1)), "{broken}");
    let (done, again) = fetch(&network, &[&honest], &folder);
    assert!(done && again["resumed"] == chunks - 1 && again["height"] == fetched["height"], "{again}");

    // A validator that lost everything may not come back with its old key.
    let (old, lost) = (network.node_dir(3), home.path().join("lost"));
    fs::create_dir_all(lost.join("keys")).expect("a directory");
    fs::copy(old.join("keys/validator.key"), lost.join("keys/validator.key")).expect("a copy");
    let restore = |data: &Path| {
        let data = data.to_string_lossy().into_owned();
        attempt(&["snapshot", "restore", &at, "--genesis", &genesis, "--data", &data, "--json"])
    };
    let (done, restored) = restore(&lost);
    assert!(done && restored["begins_at"] == fetched["height"], "{restored}");
    network.kill(3);
    let config = old.join("node.toml");
    let mut node = command(&["node", "--config", &config.to_string_lossy(), "--data", &lost.to_string_lossy()]);
    let refused = node.env("CHANCERY_GENESIS", &genesis).output().expect("a process");
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("knows this node's key"), "{refused}");
    network.start(3);

    // A new node does: it has the state without the blocks, goes on, proves, and says that it is ready.
    let joined = join(&mut network);
    let from_height = admit(&network, &joined);
    let (done, restored) = restore(&network.node_dir(4));
    assert!(done, "{restored}");
    network.start(4);
    network.wait("the new node follows", |network| network.height(4) > from_height + 5);
    let key = joined["key"].as_str().expect("a key").to_owned();
    network.wait("the new node is ready", |network| !query(network, &["readiness_of", "--key", &key]).is_null());
    let reached = network.height(4);
    let (new, first) = (network.node(4), network.node(0));
    let (new, first) = (new.chain(name("main")), first.chain(name("main")));
    let status = new.status().expect("it answers");
    network.wait("the first is as far", |network| network.height(0) >= reached);
    assert_eq!(status.genesis, first.status().expect("it answers").genesis);
    let proof = home.path().join("mine.proof");
    let out = proof.to_string_lossy().into_owned();
    let node = network.apis[4].clone();
    run(&["prove", "main/evidence", "admin", "--node", &node, "--output", &out]);
    let verified = json(&run(&["verify", &out, "--anchor", &anchor, "--json"]));
    assert!(verified["height"].as_u64() >= Some(from_height), "{verified}");
    // It has none of the blocks before, and says so.
    assert!(get(&network.apis[4], "/v1/chains/main/blocks/1").starts_with("HTTP/1.1 404"));
    assert!(get(&network.apis[0], "/v1/chains/main/blocks/1").starts_with("HTTP/1.1 200"));
    // After a stop it goes on where it was, and its data can be cut again.
    network.kill(4);
    let data = network.node_dir(4).to_string_lossy().into_owned();
    let cut = home.path().join("cut");
    let (_, cut) = attempt(&["snapshot", "create", "--data", &data, "--out", &cut.to_string_lossy(), "--json"]);
    assert!(cut["height"].as_u64() > fetched["height"].as_u64() || cut["error"]["code"] == "not_now", "{cut}");
    let (done, replayed) =
        attempt(&["replay", "--data", &data, "--into", &home.path().join("again").to_string_lossy(), "--json"]);
    assert!(!done && replayed.to_string().contains("begins with a snapshot"), "{replayed}");
    network.start(4);
    let reached = network.height(0);
    network.wait("the new node goes on", |network| network.height(4) > reached);
}

/// A network with quick blocks, whose nodes make snapshots of all their chains.
fn quick(home: &Path) -> Network {
    let mut network = Network::plan(home);
    network.environment.push(("CHANCERY_SNAPSHOTS_EVERY_BLOCKS", "10"));
    network.environment.push(("CHANCERY_SNAPSHOTS_KEPT", "100"));
    network.environment.push(("CHANCERY_CHAIN_HEARTBEAT_MS", "200"));
    (0..4).for_each(|number| network.start(number));
    network.wait("a block everywhere", |network| (0..4).all(|number| network.height(number) > 0));
    network
}

/// Has the nodes that are started from here on take snapshots from these.
fn take_from(network: &mut Network, sources: &[&str]) {
    network.environment.push(("CHANCERY_SNAPSHOTS_SOURCES", sources.join(",").leak()));
}

/// The height of the newest snapshot that a node keeps of a chain.
fn newest(network: &Network, number: usize, chain: &str) -> u64 {
    let heights = network.node(number).chain(name(chain)).snapshots();
    heights.ok().and_then(|heights| heights.last().copied()).unwrap_or(0)
}

fn has_block(network: &Network, number: usize, chain: &str, height: u64) -> bool {
    let answer = get(&network.apis[number], &format!("/v1/chains/{chain}/blocks/{height}"));
    assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 404"), "{answer}");
    answer.starts_with("HTTP/1.1 200")
}

/// What a node says in its log when it does.
const BEGINS: &str = "the chain begins with a state snapshot";

#[test]
fn a_new_node_begins_with_a_snapshot_by_itself_though_one_of_its_sources_lies() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = filled(home.path());
    let honest = network.apis[0].clone();
    let liar = Liar::before(&honest);
    let joined = join(&mut network);
    let from_height = admit(&network, &joined);
    take_from(&mut network, &[&liar.url, &honest]);
    network.start(4);
    network.wait("the new node follows", |network| network.height(4) > from_height + 5);
    let log = network.log(4);
    assert!(log.contains(BEGINS), "{log}");
    assert!(liar.lies.load(Ordering::SeqCst) > 0 && log.contains("this source lied"), "{log}");
    assert!(!has_block(&network, 4, "main", 1) && has_block(&network, 0, "main", 1));
    let key = joined["key"].as_str().expect("a key").to_owned();
    network.wait("the new node is ready", |network| !query(network, &["readiness_of", "--key", &key]).is_null());
    // After a stop it goes on where it was.
    network.kill(4);
    network.start(4);
    let reached = network.height(0);
    network.wait("the new node goes on", |network| network.height(4) > reached);
    assert_eq!(network.log(4).matches(BEGINS).count(), 1);
}

#[test]
fn a_validator_that_was_away_for_long_begins_anew_by_itself_and_votes_again() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = quick(home.path());
    network.wait("a few blocks", |network| network.height(3) > 3);
    network.kill(3);
    let left_at = network.height(0);
    network.wait("the others are far ahead", |network| newest(network, 0, "main") > left_at + 25);
    let sources = [network.apis[0].clone(), network.apis[1].clone()];
    take_from(&mut network, &[&sources[0], &sources[1]]);
    network.environment.push(("CHANCERY_SNAPSHOTS_BEHIND_BLOCKS", "20"));
    network.start(3);
    let reached = network.height(0);
    network.wait("it follows", |network| network.height(3) > reached);
    assert!(network.log(3).contains(BEGINS), "{}", network.log(3));
    assert!(!has_block(&network, 3, "main", 1) && !has_block(&network, 3, "main", left_at + 5));
    // With another gone, nothing becomes final without its votes.
    network.kill(2);
    let alone = network.height(0);
    network.wait("three go on", |network| network.height(0) > alone + 5);
    // It is not far behind any more, and takes no other.
    network.kill(3);
    network.start(3);
    let reached = network.height(0);
    network.wait("it goes on", |network| network.height(3) > reached);
    assert_eq!(network.log(3).matches(BEGINS).count(), 1);
}

/// A network of which only the fourth node and two others run, at a height some blocks above the newest snapshot: nothing
/// becomes final without the fourth. It is stopped.
fn fourth_needed(home: &Path) -> (Network, u64) {
    let mut network = quick(home);
    network.kill(2);
    let began_alone = network.height(0);
    network.wait("a snapshot that the fourth has signed", |network| newest(network, 0, "main") > began_alone + 5);
    // Far from the next snapshot, so that none comes in between.
    network.wait("a few blocks more", |network| (3..=5).contains(&(network.height(3) % 10)));
    network.kill(3);
    let reached = network.height(0);
    let snapshot = newest(&network, 0, "main");
    assert!(snapshot < reached, "{snapshot} {reached}");
    (network, reached)
}

#[test]
fn a_validator_whose_store_alone_is_lost_begins_below_where_it_was_and_votes_again() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (mut network, reached) = fourth_needed(home.path());
    let lose = |network: &Network| fs::remove_dir_all(network.node_dir(3).join("store")).expect("it can be removed");
    // From a snapshot that is older than what it has voted for.
    lose(&network);
    let source = network.apis[0].clone();
    take_from(&mut network, &[&source]);
    network.start(3);
    network.wait("blocks with its votes", |network| network.height(0) > reached + 5);
    assert!(network.log(3).contains(BEGINS), "{}", network.log(3));
    assert!(!has_block(&network, 3, "main", 1));
    // By blocks, from the genesis on.
    network.kill(3);
    lose(&network);
    network.environment.retain(|(key, _)| *key != "CHANCERY_SNAPSHOTS_SOURCES");
    let reached = network.height(0);
    network.start(3);
    network.wait("blocks with its votes again", |network| network.height(0) > reached + 5);
    assert!(has_block(&network, 3, "main", 1));
    assert_eq!(network.log(3).matches(BEGINS).count(), 1);
}

#[test]
fn a_validator_that_lost_its_votes_too_does_not_start_where_a_snapshot_has_one() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (mut network, reached) = fourth_needed(home.path());
    let (config, genesis) = (network.node_dir(3).join("node.toml"), network.home.join("genesis.scale"));
    let lost = home.path().join("lost");
    fs::create_dir_all(lost.join("keys")).expect("a directory");
    fs::copy(network.node_dir(3).join("keys/validator.key"), lost.join("keys/validator.key")).expect("a copy");
    // An empty directory of votes is none.
    fs::create_dir(lost.join("consensus")).expect("a directory");
    let mut node = command(&["node", "--config", &config.to_string_lossy(), "--data", &lost.to_string_lossy()]);
    node.envs(network.environment.iter().copied());
    node.env("CHANCERY_GENESIS", &genesis).env("CHANCERY_SNAPSHOTS_SOURCES", &network.apis[0]);
    let refused = node.output().expect("a process");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("knows this node's key"), "{said}");
    assert_eq!(fs::read_dir(lost.join("consensus")).expect("readable").count(), 0, "nothing was claimed");
    assert!(network.height(0) <= reached + 1, "it has voted");
    // With its own data it goes on.
    network.start(3);
    network.wait("blocks with its votes", |network| network.height(0) > reached + 5);
}

#[test]
fn a_member_of_the_first_committee_that_comes_late_starts_by_blocks() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = Network::plan(home.path());
    network.environment.push(("CHANCERY_SNAPSHOTS_EVERY_BLOCKS", "10"));
    network.environment.push(("CHANCERY_CHAIN_HEARTBEAT_MS", "200"));
    (0..3).for_each(|number| network.start(number));
    network.wait("a snapshot without the fourth", |network| newest(network, 0, "main") > 0);
    let source = network.apis[0].clone();
    take_from(&mut network, &[&source]);
    network.start(3);
    let reached = network.height(0);
    network.wait("it follows", |network| network.height(3) > reached);
    assert!(!network.log(3).contains(BEGINS), "{}", network.log(3));
    assert!(network.log(3).contains("this node's key is of the chain's committee"), "{}", network.log(3));
    assert!(has_block(&network, 3, "main", 1));
    network.kill(2);
    let alone = network.height(0);
    network.wait("its votes count", |network| network.height(0) > alone + 5);
}

#[test]
fn a_node_that_comes_late_to_a_sidechain_begins_with_a_snapshot_of_it_and_so_may_an_operator() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = quick(home.path());
    network.kill(3);
    network.found("alpha", "judicial", &[0, 1, 2, 3]);
    let founded = network.height(0);
    network.wait("snapshots of both chains", |network| {
        newest(network, 0, "alpha") > 0 && newest(network, 0, "main") > founded
    });
    let sources = [network.apis[0].clone(), network.apis[1].clone()];
    take_from(&mut network, &[&sources[0], &sources[1]]);
    network.start(3);
    let reached = newest(&network, 0, "alpha");
    network.wait("it follows the sidechain", |network| network.height_of(3, "alpha") > reached + 3);
    assert_eq!(network.log(3).matches(BEGINS).count(), 1, "{}", network.log(3));
    assert!(!has_block(&network, 3, "alpha", 1) && has_block(&network, 0, "alpha", 1));
    assert!(has_block(&network, 3, "main", 1), "the mainchain was not far behind");
    network.kill(2);
    let alone = network.height_of(0, "alpha");
    network.wait("three of the sidechain go on", |network| network.height_of(0, "alpha") > alone + 5);

    // The same by hand: the mainchain in a stopped node's data says what the sidechain's anchor is.
    network.kill(3);
    let path = |file: &str| home.path().join(file).to_string_lossy().into_owned();
    let (stopped, own) = (network.node_dir(3).to_string_lossy().into_owned(), path("alpha.anchor"));
    run(&["anchor", "export", "--chain", "alpha", "--data", &stopped, "--output", &own, "--json"]);
    let main_anchor = network.home.join("anchor").to_string_lossy().into_owned();
    let fetch_alpha = |anchor: &str, out: &str| {
        let words = ["snapshot", "fetch", "--chain", "alpha", "--anchor", anchor, "--node", &sources[0], "--out", out];
        attempt(&[&words[..], &["--json"]].concat())
    };
    let (done, refused) = fetch_alpha(&main_anchor, &path("wrong"));
    assert!(!done && refused.to_string().contains("anchor export --chain alpha"), "{refused}");
    let (alpha, main) = (path("alpha"), path("main"));
    let (done, fetched) = fetch_alpha(&own, &alpha);
    assert!(done, "{fetched}");
    let (whole, verified) = attempt(&["snapshot", "verify", &alpha, "--anchor", &own, "--json"]);
    assert!(whole && verified["height"] == fetched["height"], "{verified}");
    let (done, of_main) = fetch(&network, &[&sources[0]], Path::new(&main));
    assert!(done, "{of_main}");
    let (genesis, new) = (network.home.join("genesis.scale").to_string_lossy().into_owned(), path("new"));
    let restore_alpha = ["snapshot", "restore", &alpha, "--chain", "alpha", "--data", &new, "--json"];
    assert!(!attempt(&restore_alpha).0, "there is no mainchain that names it");
    let (done, restored) = attempt(&["snapshot", "restore", &main, "--genesis", &genesis, "--data", &new, "--json"]);
    assert!(done && restored["begins_at"] == of_main["height"], "{restored}");
    let (done, restored) = attempt(&restore_alpha);
    assert!(done && restored["chain"] == "alpha" && restored["begins_at"] == fetched["height"], "{restored}");
    let (done, again) = attempt(&restore_alpha);
    assert!(!done && again.to_string().contains("has blocks of chain alpha already"), "{again}");
}
