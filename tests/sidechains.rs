//! Sidechains on a running network: founded by one act, started by the nodes that it names, anchored, exchanging messages;
//! what they say is proven by the mainchain's anchor; and nothing of it is lost with a node.

use chancery_abi::Address;
use chancery_tests::{contract_file, name};
use serde_json::Value;

use crate::finality::{Network, command, json, run};

impl Network {
    fn url(&self, number: usize) -> &str {
        &self.apis[number]
    }

    /// Runs a command against a node, with the network's keys.
    pub(crate) fn cli(&self, number: usize, words: &[&str]) -> Value {
        let keys = self.home.join("keys");
        let (url, keys) = (self.url(number).to_owned(), keys.to_string_lossy().into_owned());
        json(&run(&[words, &["--node", &url, "--keys", &keys, "--json"]].concat()))
    }

    pub(crate) fn get(&self, number: usize, path: &str) -> Option<Value> {
        let node = self.node(number);
        let chain = path.split('/').next().unwrap_or_default();
        match path.split_once('/') {
            Some((_, "lanes")) => node.chain(name(chain)).lanes().ok(),
            Some((_, "sidechains")) => node.chain(name(chain)).sidechains().ok().map(Value::Array),
            _ => None,
        }
    }

    pub(crate) fn height_of(&self, number: usize, chain: &str) -> u64 {
        self.node(number).chain(name(chain)).status().map_or(0, |status| status.height)
    }

    /// Founds a chain whose committee are these nodes.
    pub(crate) fn found(&self, chain: &str, department: &str, members: &[usize]) -> Value {
        let mut keys: Vec<String> = members.iter().map(|number| self.key_of(*number)).collect();
        keys.sort_unstable();
        let committee = keys.join(",");
        let node = self.url(members[0]).to_owned();
        let directory = self.home.join("keys").to_string_lossy().into_owned();
        let words = [
            "chain",
            "create",
            chain,
            "--department",
            department,
            "--committee",
            &committee,
            "--deployer",
            "key:demo",
            "--anchor-ms",
            "1000",
            "--as",
            "admin-judicial",
            "--as",
            "admin-interior",
            "--node",
            &node,
            "--keys",
            &directory,
            "--json",
        ];
        json(&run(&words))
    }

    pub(crate) fn key_of(&self, number: usize) -> String {
        self.peers()[number].split('@').next().expect("KEY@HOST:PORT").to_owned()
    }

    pub(crate) fn deploy_courier(&self, number: usize, chain: &str, department: &str) -> Address {
        let file = contract_file("courier.wasm").to_string_lossy().into_owned();
        let words =
            ["contract", "deploy", chain, &file, "--department", department, "--name", "courier", "--points", "1000"];
        self.cli(number, &[&words[..], &["--as", "demo"]].concat());
        Address::of_contract(&name(chain), &name(department), &name("courier"))
    }

    /// Sends points from a chain's courier to another's.
    pub(crate) fn send(&self, number: usize, from: &str, to: &str, other: Address, amount: u64) {
        let (target, to, other) = (format!("{from}/courier"), format!("chain={to}"), other.to_string());
        let amount = amount.to_string();
        let words = ["call", &target, "send", "--arg", &to, "--to", &other, "--method", "credit", "--amount", &amount];
        let sent = self.cli(number, &[&words[..], &["--arg", "valid_for=1000", "--as", "demo"]].concat());
        assert_eq!(sent["outcome"]["kind"], "done", "{sent}");
    }

    /// Points of a courier's own, and those it holds of a chain.
    pub(crate) fn points(&self, number: usize, chain: &str, of: &str) -> (u64, u64) {
        let of = format!("chain={of}");
        let answer = self.cli(number, &["query", &format!("{chain}/courier"), "points", "--arg", &of]);
        let value = |place: usize| answer["value"][place].as_u64().expect("points");
        (value(0), value(1))
    }

    /// Whether nothing is on its way on any lane that this node sees both ends of.
    fn lanes_are_empty(&self, number: usize) -> bool {
        ["main", "alpha", "beta"].iter().all(|chain| {
            let Some(lanes) = self.get(number, &format!("{chain}/lanes")) else { return false };
            lanes["lanes"].as_array().is_some_and(|lanes| lanes.iter().all(|lane| lane["sent"] == lane["taken_there"]))
        })
    }
}

#[test]
fn nodes_start_sidechains_by_themselves_messages_cross_and_the_mainchains_anchor_proves_it() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = Network::plan(home.path());
    (0..4).for_each(|number| network.start(number));
    network.wait("a block everywhere", |network| (0..4).all(|number| network.height(number) > 0));

    // Alpha is of three of the nodes, beta of all.
    let founded = network.found("alpha", "judicial", &[0, 1, 2]);
    assert!(founded["height"].as_u64() > Some(0), "it makes blocks within seconds: {founded}");
    network.found("beta", "transport", &[0, 1, 2, 3]);
    network.wait("blocks where they are to be", |network| {
        (0..3).all(|number| network.height_of(number, "alpha") > 1) && network.height_of(3, "beta") > 1
    });
    assert!(network.node(3).chain(name("alpha")).status().is_err(), "node 3 is not of alpha's committee");
    // Its own word on that, and every other's.
    let hosted = |network: &Network, number: usize| -> Vec<bool> {
        let sidechains = network.get(number, "main/sidechains").expect("they answer");
        sidechains.as_array().expect("a list").iter().map(|side| side["hosted"] == true).collect()
    };
    assert_eq!((hosted(&network, 0), hosted(&network, 3)), (vec![true, true], vec![false, true]));
    // A name is used once.
    let mut again = command(&[
        "chain",
        "create",
        "alpha",
        "--department",
        "judicial",
        "--as",
        "admin-judicial",
        "--as",
        "admin-interior",
        "--node",
        network.url(0),
        "--keys",
        &network.home.join("keys").to_string_lossy(),
        "--wait",
        "0",
        "--json",
    ]);
    let refused = again.output().expect("a process");
    assert!(!refused.status.success());

    // Who may deploy on them, the registry's messages say.
    network.wait("word from the registry", |network| network.lanes_are_empty(0));
    let alpha = network.deploy_courier(0, "alpha", "judicial");
    let beta = network.deploy_courier(1, "beta", "transport");
    let main = network.deploy_courier(2, "main", "judicial");

    for _ in 0..3 {
        network.send(0, "alpha", "beta", beta, 5);
        network.send(1, "beta", "main", main, 2);
        network.send(2, "main", "alpha", alpha, 1);
    }
    network.wait("everything has arrived", |network| network.lanes_are_empty(0));
    assert_eq!(network.points(3, "beta", "alpha"), (994, 15));
    assert_eq!(network.points(0, "main", "beta"), (997, 6));
    assert_eq!(network.points(1, "alpha", "main"), (985, 3));

    // One node loses power. Alpha is of three, which is as many as it takes, so it stands still, and nothing else does:
    // messages to it wait, where everybody sees them.
    network.kill(0);
    network.send(1, "beta", "alpha", alpha, 4);
    network.send(1, "beta", "main", main, 2);
    network.wait("the mainchain has it without node 0", |network| network.points(1, "main", "beta").1 == 8);
    let waiting = network.get(1, "beta/lanes").expect("it answers");
    let lane = waiting["lanes"].as_array().and_then(|lanes| lanes.iter().find(|lane| lane["chain"] == "alpha"));
    let lane = lane.expect("there is one");
    assert_eq!(lane["sent"].as_u64(), lane["taken_there"].as_u64().map(|taken| taken + 1), "{lane}");
    network.start(0);
    network.wait("node 0 is back on all chains, and nothing is on its way", |network| {
        let is_back = |chain: &str| network.height_of(0, chain) + 2 >= network.height_of(1, chain).max(1);
        ["main", "alpha", "beta"].into_iter().all(is_back) && network.lanes_are_empty(0)
    });
    assert_eq!((network.points(0, "alpha", "beta"), network.points(0, "beta", "alpha")), ((985, 4), (988, 15)));

    // What a sidechain says is proven by the mainchain's anchor, and by nothing less.
    let proof = home.path().join("held.proof").to_string_lossy().into_owned();
    network.cli(0, &["prove", "beta/courier", "held", "alpha", "-o", &proof]);
    let anchor = network.home.join("anchor").to_string_lossy().into_owned();
    let verified = json(&run(&["verify", &proof, "--anchor", &anchor, "--json"]));
    assert_eq!((verified["chain"].as_str(), verified["mainchain"]["chain"].as_str()), (Some("beta"), Some("main")));
    let bytes = std::fs::read(&proof).expect("it was written");
    for place in (0..bytes.len()).step_by(97) {
        let mut forged = bytes.clone();
        forged[place] ^= 1;
        let file = home.path().join("forged.proof");
        std::fs::write(&file, &forged).expect("a file");
        let anchor = std::fs::read(&anchor).expect("an anchor");
        let anchor = chancery_abi::codec::decode(&anchor, 1 << 20).expect("an anchor");
        let Ok(verified) = chancery_verify::verify(&forged, &anchor) else { continue };
        // Only a vote more or less changes nothing of what is said.
        let original = chancery_verify::verify(&bytes, &anchor).expect("the proof holds");
        assert_eq!(verified.statement, original.statement, "byte {place}");
    }

    // Executed again, every chain has every root.
    (0..4).for_each(|number| network.kill(number));
    let (data, into) = (network.node_dir(0), home.path().join("again"));
    let replayed =
        json(&run(&["replay", "--data", &data.to_string_lossy(), "--into", &into.to_string_lossy(), "--json"]));
    let chains: Vec<_> = replayed["chains"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|chain| chain["chain"].as_str().unwrap_or_default())
        .collect();
    assert_eq!((chains, &replayed["equal"]), (vec!["main", "alpha", "beta"], &Value::Bool(true)));
}

#[test]
fn a_retired_chain_is_exported_then_removed_and_not_hosted_again() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = Network::plan(home.path());
    (0..4).for_each(|number| network.start(number));
    network.wait("a block everywhere", |network| (0..4).all(|number| network.height(number) > 0));
    network.found("alpha", "judicial", &[0, 1, 2, 3]);
    network.wait("word from the registry", |network| network.get(0, "alpha/lanes").is_some());
    network.wait("its deployers are known there", |network| {
        let lanes = network.get(0, "main/lanes").expect("it answers");
        lanes["lanes"].as_array().is_some_and(|lanes| lanes.iter().all(|lane| lane["sent"] == lane["taken_there"]))
    });
    let alpha = network.deploy_courier(0, "alpha", "judicial");
    let main = network.deploy_courier(0, "main", "judicial");
    network.send(0, "alpha", "main", main, 5);
    network.wait("it has arrived", |network| network.points(0, "main", "alpha").1 == 5);

    let path = |name: &str| home.path().join(name).to_string_lossy().into_owned();
    let (kept, again, data) = (path("kept"), path("again"), network.node_dir(0).to_string_lossy().into_owned());
    let refusal = |words: &[&str]| -> Value {
        let output = command(words).output().expect("a process");
        assert!(!output.status.success(), "{words:?} was done");
        json(&String::from_utf8_lossy(&output.stdout))
    };
    let export = ["chain", "export", "alpha", "--data", &data, "--out", &kept, "--json"];
    let remove = ["chain", "remove", "alpha", "--data", &data, "--export", &kept, "--json"];
    assert_eq!(refusal(&export)["error"]["code"], "in_use", "the node runs");
    // Node 0 goes down while the chain still lives: nothing can be removed then.
    network.kill(0);
    run(&export);
    assert_eq!(refusal(&remove)["error"]["code"], "not_closed");
    network.start(0);
    network.wait("node 0 is back", |network| network.height_of(0, "alpha") >= network.height_of(1, "alpha").max(1));

    network.cli(0, &["chain", "retire", "alpha", "--as", "admin-judicial", "--as", "admin-interior"]);
    network.wait("its last header is fixed, everywhere", |network| {
        (0..4).all(|number| {
            let sidechains = network.get(number, "main/sidechains");
            sidechains.is_some_and(|sidechains| !sidechains[0]["closed"].is_null())
        })
    });
    // It takes nothing more, and what it says can still be proven.
    let (target, other) = ("alpha/courier", main.to_string());
    let words = ["call", target, "send", "--arg", "chain=main", "--to", &other, "--method", "credit", "--amount", "1"];
    let (url, keys) = (network.url(0).to_owned(), network.home.join("keys").to_string_lossy().into_owned());
    let more = ["--arg", "valid_for=1000", "--as", "demo", "--node", &url, "--keys", &keys, "--json"];
    refusal(&[&words[..], &more].concat());
    let proof = path("held.proof");
    network.cli(0, &["prove", target, "balance", "-o", &proof]);
    let anchor = network.home.join("anchor").to_string_lossy().into_owned();
    run(&["verify", &proof, "--anchor", &anchor, "--json"]);
    let _ = alpha;

    network.kill(0);
    // The export of before does not reach the last header.
    assert_eq!(refusal(&remove)["error"]["code"], "not_exported");
    std::fs::remove_dir_all(&kept).expect("it is there");
    let exported = json(&run(&export));
    let removed = json(&run(&remove));
    assert_eq!((&removed["removed"], &removed["height"]), (&Value::Bool(true), &exported["height"]));
    let replayed = json(&run(&["replay", "--data", &kept, "--into", &again, "--json"]));
    assert_eq!((&replayed["chain"], &replayed["height"]), (&Value::from("alpha"), &exported["height"]));
    network.start(0);
    let target = network.height(1) + 1;
    network.wait("node 0 goes on with the mainchain", |network| network.height(0) > target);
    assert!(network.node(0).chain(name("alpha")).status().is_err(), "node 0 does not host it any more");
    assert!(network.height_of(1, "alpha") > 0, "node 1 still has it");
}
