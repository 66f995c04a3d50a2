//! A node comes to a network that runs, is taken into the committee, and another leaves it: under load, without a halt,
//! under the same threshold key, and with proofs from before and after that lead to the same anchor.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use chancery::client;
use chancery_abi::{Deploy, Digest, Payload};
use chancery_tests::{contract, name};
use parity_scale_codec::Encode as _;
use serde_json::{Value, json as object};

use crate::finality::{Clerk, Network, command, free_ports, json, run};

/// Time for what takes a while on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);
/// As `network plan` sets it.
const EPOCH: u64 = 100;
/// Blocks from an act to the first block of a committee that it names, and a few for the act itself.
const NOTICE: u64 = 64 + 10;

/// Calls the registry as an administrator.
fn call(network: &Network, by: &str, words: &[&str]) -> Value {
    let keys = network.home.join("keys");
    let (keys, node) = (keys.to_string_lossy(), &network.apis[0]);
    let rest = ["--as", by, "--keys", &keys, "--node", node, "--json"];
    json(&run(&[&["call", "main/registry"], words, &rest].concat()))
}

pub(crate) fn query(network: &Network, words: &[&str]) -> Value {
    let rest = ["--node", &network.apis[0], "--json"];
    json(&run(&[&["query", "main/registry"], words, &rest].concat()))["value"].clone()
}

/// Has a measure proposed, approved and carried out.
pub(crate) fn enact(network: &Network, measure: &Value) {
    let administrators = ["admin-judicial", "admin-interior", "admin-environment"];
    let proposed =
        call(network, administrators[0], &["propose", "--reference", "2026-1", "--measure", &measure.to_string()]);
    assert!(proposed["outcome"]["value"].is_u64(), "{proposed}");
    let act = proposed["outcome"]["value"].to_string();
    call(network, administrators[1], &["approve", "--act", &act]);
    call(network, administrators[0], &["carry_out", "--act", &act]);
}

/// Makes a fifth node where it lives, configured to follow; it does not run yet. Returns what it is.
pub(crate) fn join(network: &mut Network) -> Value {
    let (dir, port) = (network.node_dir(4), free_ports());
    let (address, api) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", port + 1));
    let out = dir.to_string_lossy().into_owned();
    run(&["network", "join", "--department", "interior", "--address", &address, "--out", &out, "--insecure", "--json"]);
    let genesis = network.home.join("genesis.scale");
    let peers = network.peers();
    let mut words = vec!["network", "follow", "--dir", &out, "--genesis", genesis.to_str().expect("a path")];
    peers[..2].iter().for_each(|peer| words.extend(["--peer", peer]));
    words.extend(["--api", &api, "--heartbeat-ms", "500", "--json"]);
    let joined = json(&run(&words));
    network.apis.push(format!("http://{api}"));
    joined
}

/// Has a node that `join` made registered; returns the height from which on it is.
pub(crate) fn admit(network: &Network, joined: &Value) -> u64 {
    let node = object!({ "key": joined["key"], "department": "interior", "operator": joined["operator"] });
    // Other transactions make blocks meanwhile.
    let from_height = network.height(0) + 30;
    enact(network, &object!({ "AddNode": { "node": node, "from_height": from_height } }));
    from_height
}

struct Load {
    clerk: Clerk,
    filed: u32,
}

impl Load {
    /// Files one piece of evidence, which becomes final.
    fn file(&mut self, network: &Network) {
        let transaction = self.clerk.file(self.filed);
        let receipt = network.node(0).chain(name("main")).submit(&transaction, 60).expect("it is taken in");
        assert_eq!(receipt.expect("it is final").outcome.kind, "done");
        self.filed += 1;
    }

    /// Files evidence until something is so.
    fn until(&mut self, network: &mut Network, what: &str, mut done: impl FnMut(&Network) -> bool) {
        let began = Instant::now();
        while !done(network) {
            assert!(began.elapsed() < PATIENCE, "{what} did not happen at {}\n{}", network.height(0), network.log(0));
            network.all_run();
            self.file(network);
        }
    }
}

fn prove(network: &Network, node: &str, evidence: u32, file: &Path) {
    let digest = Digest::of(&evidence.to_le_bytes()).to_string();
    let file = file.to_string_lossy();
    let words = ["prove", "main/evidence", "records", &digest, "--node", node, "--output", &file];
    run(&words);
    assert!(fs::metadata(&*file).expect("a proof").len() > 0, "{}", network.height(0));
}

/// The same by the threshold key, which `anchor` has.
fn prove_attested(node: &str, evidence: u32, file: &Path, anchor: &str) -> Value {
    let digest = Digest::of(&evidence.to_le_bytes()).to_string();
    let file = file.to_string_lossy();
    let words = ["prove", "main/evidence", "records", &digest, "--node", node, "--output", &file];
    run(&[&words[..], &["--attested", "--anchor", anchor]].concat());
    json(&run(&["verify", &file, "--anchor", anchor, "--json"]))
}

fn verify(network: &Network, file: &Path) -> Value {
    let anchor = network.home.join("anchor");
    json(&run(&["verify", &file.to_string_lossy(), "--anchor", &anchor.to_string_lossy(), "--json"]))
}

#[test]
fn a_validator_joins_and_another_leaves_under_load_and_the_key_stays() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = Network::plan(home.path());
    (0..4).for_each(|number| network.start(number));
    network.wait("a threshold key", |network| {
        (0..4).all(|number| network.status(number).is_some_and(|status| status.threshold["holders"] == 4))
    });
    let mut load = Load { clerk: Clerk::new(&network), filed: 0 };
    let (department, evidence) = (name("judicial"), name("evidence"));
    let (code, input) = (contract("evidence.wasm"), load.clerk.key.address().encode());
    let clerk = load.clerk.key.address();
    for transaction in [
        load.clerk.sign(Payload::Deploy(Deploy { department, name: evidence, code, input })),
        load.clerk.call("appoint", (clerk, "registry-1")),
    ] {
        let receipt = network.node(0).chain(name("main")).submit(&transaction, 60).expect("it is taken in");
        assert_eq!(receipt.expect("it is final").outcome.kind, "done");
    }
    load.file(&network);
    let before = home.path().join("before.proof");
    prove(&network, &network.apis[0], 0, &before);
    assert_eq!(verify(&network, &before)["epoch"], 0);
    let group = |network: &Network, number: usize| network.status(number).map(|status| status.threshold).expect("up");
    let key = group(&network, 0)["key"].clone();
    assert!(key.is_string(), "{key}");

    // An anchor with the key, which the anchor's own committee has proven; the short proof that it takes names nobody.
    let keyed = home.path().join("keyed.anchor");
    let keyed = keyed.to_str().expect("a path");
    let genesis = network.home.join("genesis.scale");
    let genesis = genesis.to_str().expect("a path");
    let words = ["anchor", "export", "--genesis", genesis, "--keys", "-o", keyed, "--node", &network.apis[0], "--json"];
    let exported = json(&run(&words));
    assert_eq!(
        (&exported["threshold_keys"][0]["key"], exported["threshold_keys"].as_array().map(Vec::len)),
        (&key, Some(1))
    );
    load.until(&mut network, "an attestation", |network| group(network, 0)["attested_height"].as_u64() > Some(0));
    let attested = home.path().join("attested.proof");
    let proven = prove_attested(&network.apis[0], 0, &attested, keyed);
    assert_eq!(
        (&proven["attestation"]["key"], &proven["attestation"]["untrusted"]),
        (&key, &object!(false)),
        "{proven}"
    );
    assert_eq!(proven["signers"], object!([]));
    let unkeyed =
        command(&["verify", &attested.to_string_lossy(), "--anchor", &network.home.join("anchor").to_string_lossy()]);
    let refused = { unkeyed }.stdout(Stdio::null()).output().expect("a process");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("has none that speaks for height"), "{refused:?}");

    // A fifth node is made where it lives, and follows once the registry knows its key.
    let peers = network.peers();
    let joined = join(&mut network);
    network.start(4);
    let from_height = admit(&network, &joined);
    let newcomer = joined["key"].as_str().expect("a key").to_owned();
    load.until(&mut network, "the fifth node's readiness", |network| {
        network.height(4) > from_height && !query(network, &["readiness_of", "--key", &newcomer]).is_null()
    });

    // It takes the fourth one's place.
    let mut keys: Vec<String> = peers.iter().map(|peer| peer[..64].to_owned()).collect();
    keys[3] = newcomer.clone();
    keys.sort();
    let from_height = (network.height(0) + NOTICE).next_multiple_of(EPOCH);
    let from_text = from_height.to_string();
    let members = object!(keys).to_string();
    let plan =
        query(&network, &["plan_committee", "--chain", "main", "--members", &members, "--from_height", &from_text]);
    assert_eq!((&plan["quorum"], &plan["untrusted"]), (&object!(3), &object!(false)), "{plan}");
    enact(&network, &object!({ "SetCommittee": { "chain": "main", "members": keys, "from_height": from_height } }));
    load.until(&mut network, "the new committee", |network| network.height(0) > from_height + 5);

    // Everyone goes on, the one that left too; the newcomer's vote is needed and given when an old one is gone.
    let reached = network.height(0);
    load.until(&mut network, "all follow", |network| (0..5).all(|number| network.height(number) > reached));
    load.until(&mut network, "the key is handed on", |network| {
        (0..5).all(|number| group(network, number)["round"].as_u64() > Some(0))
    });
    assert!((0..5).all(|number| group(&network, number)["key"] == key), "the group's key has changed");
    network.kill(1);
    let alone = network.height(0);
    load.until(&mut network, "three of the new four go on", |network| network.height(0) > alone + 10);
    let beacons = group(&network, 0)["newest_beacon"].as_u64();
    load.until(&mut network, "beacons of the new holders", |network| {
        group(network, 0)["newest_beacon"].as_u64() > beacons.map(|height| height + 3)
    });

    // One anchor leads to what was proven before and to what is proven now, by whomever.
    assert_eq!(verify(&network, &before)["epoch"], 0);
    let after = home.path().join("after.proof");
    prove(&network, &network.apis[4], load.filed - 1, &after);
    let verified = verify(&network, &after);
    assert_eq!(verified["epoch"], 1, "{verified}");
    assert!(verified.to_string().contains(&newcomer), "the newcomer signed: {verified}");
    load.until(&mut network, "an attestation by the new holders", |network| {
        group(network, 4)["attested_height"].as_u64() > Some(from_height)
    });
    let proven = prove_attested(&network.apis[4], load.filed - 1, &home.path().join("late.proof"), keyed);
    assert_eq!(proven["attestation"]["key"], key, "the key outlives the committee");
    let still = json(&run(&["verify", &attested.to_string_lossy(), "--anchor", keyed, "--json"]));
    assert_eq!(still["verified"], object!(true));

    // Whoever was away over the change finds its way into the new term.
    network.start(1);
    let reached = network.height(0);
    load.until(&mut network, "the one that was away is back", |network| network.height(1) > reached);
}

/// A node whose key nobody registered is let in by nobody.
#[test]
fn a_node_that_the_registry_does_not_know_follows_nothing() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = Network::plan(home.path());
    (0..4).for_each(|number| network.start(number));
    network.wait("a block", |network| network.height(0) > 0);
    let (dir, port) = (network.node_dir(4), free_ports());
    let out = dir.to_string_lossy().into_owned();
    let address = format!("127.0.0.1:{port}");
    run(&["network", "join", "--department", "interior", "--address", &address, "--out", &out, "--insecure"]);
    let (genesis, peers) = (network.home.join("genesis.scale"), network.peers());
    let genesis = genesis.to_str().expect("a path");
    let api = format!("127.0.0.1:{}", port + 1);
    let words = ["network", "follow", "--dir", &out, "--genesis", genesis, "--peer", &peers[0], "--api", &api];
    let said = run(&words);
    assert!(said.contains("AddNode") && said.contains(r#""department": "interior""#), "{said}");
    let again = command(&words).stdout(Stdio::null()).output().expect("a process");
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
    network.apis.push(format!("http://{api}"));
    network.start(4);
    let height = network.height(0);
    network.wait("blocks", |network| network.height(0) > height + 6);
    network.wait("that it says so", |network| network.log(4).contains("it follows and does not vote"));
    assert_eq!(network.height(4), 0);
    let status = client::Node::at(&network.apis[4]).expect("an address").chain(name("main")).status();
    assert_eq!(status.expect("it answers").height, 0);
}
