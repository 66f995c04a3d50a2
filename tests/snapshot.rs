//! A node that begins with a state snapshot: downloaded from whoever has one, checked piece by piece, gone on with after
//! an interruption, and then a node like any other, with a key of its own.

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
