//! A sidechain's committee changes on a running network, by an act in the registry and while messages leave the chain: the
//! node that comes in begins to follow by itself before it votes, the one that leaves votes no more and goes on to follow,
//! every transaction on the way becomes final, every message arrives once, and what was proven before and what is proven
//! after lead to the same anchor.

use std::time::{Duration, Instant};

use chancery::keystore::{AccountKey, Keystore, PassphraseSource};
use chancery_abi::{Address, Call, Digest, Ident, Payload, TransactionBody, WIRE_VERSION};
use chancery_tests::{contract_file, name};
use parity_scale_codec::Encode as _;
use serde_json::{Value, json as object};

use crate::{
    finality::{Network, json, run},
    membership::{enact, query},
};

/// Time for what takes a while on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);
/// As `network plan` sets it.
const EPOCH: u64 = 100;
/// Blocks from an act to the first block of the mainchain at which it may name a committee, and a few for the act itself.
const NOTICE: u64 = 64 + 10;
const POINTS: u64 = 100_000;

/// The keys of a chain's present committee, as a node knows it.
fn members(network: &Network, number: usize, chain: &str) -> Vec<String> {
    let status = network.node(number).chain(name(chain)).status();
    let consensus = status.map(|status| status.consensus).unwrap_or_default();
    let members = consensus["members"].as_array().cloned().unwrap_or_default();
    members.iter().filter_map(|member| member["key"].as_str().map(str::to_owned)).collect()
}

/// Those of them whose votes are in the newest certificate.
fn certifiers(network: &Network, number: usize, chain: &str) -> Vec<String> {
    let status = network.node(number).chain(name(chain)).status();
    let consensus = status.map(|status| status.consensus).unwrap_or_default();
    let members = consensus["members"].as_array().cloned().unwrap_or_default();
    let certified = members.iter().filter(|member| member["in_certificate"] == true);
    certified.filter_map(|member| member["key"].as_str().map(str::to_owned)).collect()
}

fn keys(network: &Network, numbers: &[usize]) -> Vec<String> {
    let mut keys: Vec<String> = numbers.iter().map(|number| network.key_of(*number)).collect();
    keys.sort_unstable();
    keys
}

/// Somebody who sends points from alpha to the mainchain, one after the other, and calls the mainchain as well so that it
/// makes blocks.
struct Load {
    key: AccountKey,
    main: (Digest, Address),
    alpha: (Digest, Address),
    sent: u64,
}

impl Load {
    /// Deploys the couriers.
    fn new(network: &Network) -> Self {
        let keystore = Keystore::at(Some(network.home.join("keys"))).expect("keys");
        let key = keystore.unlock("demo", &PassphraseSource::default()).expect("it has no passphrase");
        let file = contract_file("courier.wasm").to_string_lossy().into_owned();
        let [main, alpha] = ["main", "alpha"].map(|chain| {
            let points = POINTS.to_string();
            let deploy = ["contract", "deploy", chain, &file, "--department", "judicial", "--name", "courier"];
            network.cli(0, &[&deploy[..], &["--points", &points, "--as", "demo"]].concat());
            let genesis = network.node(0).chain(name(chain)).genesis().expect("it answers").digest();
            (genesis, Address::of_contract(&name(chain), &name("judicial"), &name("courier")))
        });
        Self { key, main, alpha, sent: 0 }
    }

    /// Calls a courier; the call becomes final.
    fn call(
        &self,
        network: &Network,
        chain: &str,
        (genesis, contract): (Digest, Address),
        method: &str,
        input: Vec<u8>,
    ) {
        let node = network.node(0);
        let client = node.chain(name(chain));
        let sender = self.key.address();
        let method = Ident::new(method).expect("an identifier");
        let body = TransactionBody {
            version: WIRE_VERSION,
            chain: name(chain),
            sender,
            nonce: client.account(&sender).expect("it answers").next_nonce,
            gas_limit: 1_000_000_000,
            valid_until_height: 50_000,
            payload: Payload::Call(Call { contract, method, input }),
            sponsor: None,
        };
        let receipt = client.submit(&self.key.sign(body, &genesis), 60).expect("it is taken in");
        let receipt = receipt.unwrap_or_else(|| panic!("it is not final on {chain}\n{}", network.log(0)));
        assert_eq!(receipt.outcome.kind, "done", "{receipt:?}");
    }

    /// Sends a point, and calls the mainchain.
    fn send(&mut self, network: &Network) {
        let input = ("main", self.main.1, "credit", 1u64, 100_000u64).encode();
        self.call(network, "alpha", self.alpha, "send", input);
        self.sent += 1;
        self.call(network, "main", self.main, "set_stubborn", false.encode());
    }

    /// Goes on until something is so.
    fn until(&mut self, network: &mut Network, what: &str, mut done: impl FnMut(&Network) -> bool) {
        let began = Instant::now();
        while !done(network) {
            let heights = ["main", "alpha"].map(|chain| network.height_of(0, chain));
            assert!(began.elapsed() < PATIENCE, "{what} did not happen at {heights:?}\n{}", network.log(0));
            network.all_run();
            self.send(network);
        }
    }
}

/// Proves what alpha's courier has left, by a node's word, and verifies it by the network's anchor.
fn prove(network: &Network, number: usize, file: &str) -> Value {
    network.cli(number, &["prove", "alpha/courier", "balance", "-o", file]);
    verify(network, file)
}

fn verify(network: &Network, file: &str) -> Value {
    let anchor = network.home.join("anchor").to_string_lossy().into_owned();
    json(&run(&["verify", file, "--anchor", &anchor, "--json"]))
}

/// Whether every message between the two chains has arrived.
fn has_arrived(network: &Network, number: usize) -> bool {
    ["main", "alpha"].iter().all(|chain| {
        let lanes = network.get(number, &format!("{chain}/lanes")).unwrap_or_default();
        let lanes = lanes["lanes"].as_array().cloned().unwrap_or_default();
        !lanes.is_empty() && lanes.iter().all(|lane| lane["sent"] == lane["taken_there"])
    })
}

#[test]
fn a_sidechains_committee_changes_while_messages_leave_it() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = Network::plan(home.path());
    (0..4).for_each(|number| network.start(number));
    network.wait("a block everywhere", |network| (0..4).all(|number| network.height(number) > 0));
    network.found("alpha", "judicial", &[0, 1, 2]);
    network.wait("word from the registry", |network| {
        (0..3).all(|number| network.height_of(number, "alpha") > 1) && has_arrived(network, 0)
    });
    assert!(network.node(3).chain(name("alpha")).status().is_err(), "node 3 is not of alpha's committee");
    let (old, new) = (keys(&network, &[0, 1, 2]), keys(&network, &[0, 1, 3]));
    assert_eq!(members(&network, 0, "alpha"), old);

    let mut load = Load::new(&network);
    load.send(&network);
    let path = |file: &str| home.path().join(file).to_string_lossy().into_owned();
    let (before, after) = (path("before.proof"), path("after.proof"));
    let proven = prove(&network, 0, &before);
    assert_eq!((&proven["chain"], &proven["mainchain"]["chain"]), (&object!("alpha"), &object!("main")), "{proven}");

    // Node 3 takes node 2's place, by an act.
    let newcomer = network.key_of(3);
    load.until(&mut network, "node 3's readiness", |network| {
        !query(network, &["readiness_of", "--key", &newcomer]).is_null()
    });
    let from_height = (network.height(0) + NOTICE).next_multiple_of(EPOCH);
    enact(&network, &object!({ "SetCommittee": { "chain": "alpha", "members": new, "from_height": from_height } }));

    // It begins to follow with that word, long before it is to vote.
    load.until(&mut network, "node 3 follows alpha", |network| {
        let height = network.height_of(3, "alpha");
        height > 0 && height + 5 >= network.height_of(0, "alpha")
    });
    assert_eq!(members(&network, 0, "alpha"), old, "it followed only when it had to vote");
    load.until(&mut network, "alpha's new committee", |network| members(network, 0, "alpha") == new);
    assert!(network.height(0) >= from_height);
    let changed_at = network.height_of(0, "alpha");

    // Finality goes on. Of three members it takes all: the newcomer votes, and the one that left does not.
    load.until(&mut network, "blocks of the new committee", |network| {
        certifiers(network, 0, "alpha") == new && network.height_of(0, "alpha") > changed_at + 10
    });
    let reached = network.height_of(0, "alpha");
    load.until(&mut network, "the one that left follows", |network| network.height_of(2, "alpha") > reached);
    assert_eq!(members(&network, 2, "alpha"), new, "it knows that it has left");
    network.kill(2);
    let alone = network.height_of(0, "alpha");
    load.until(&mut network, "alpha without the one that left", |network| {
        [0, 1, 3].iter().all(|number| network.height_of(*number, "alpha") > alone + 10)
    });

    // One anchor leads to what was proven before and to what is proven now, by the newcomer.
    assert_eq!(verify(&network, &before), proven);
    let proven = prove(&network, 3, &after);
    assert_eq!((&proven["chain"], &proven["mainchain"]["chain"]), (&object!("alpha"), &object!("main")), "{proven}");
    assert!(proven["mainchain"]["anchored_height"].as_u64() > Some(changed_at), "{proven}");

    // A node of the mainchain's committee goes on saying that it is ready, so that it could be named after a long time too.
    let member = network.key_of(0);
    load.until(&mut network, "node 0's word once more", |network| {
        query(network, &["readiness_of", "--key", &member])["height"].as_u64() >= Some(2 * EPOCH)
    });

    // Every message has arrived, once.
    network.wait("every message has arrived", |network| has_arrived(network, 0));
    let sent = load.sent;
    assert_eq!(network.points(0, "main", "alpha"), (POINTS, sent));
    assert_eq!(network.points(3, "alpha", "main"), (POINTS - sent, 0));

    // Whoever left is started again: it hosts the chain as before, and follows.
    network.start(2);
    let reached = network.height_of(0, "alpha");
    load.until(&mut network, "the one that left is back", |network| network.height_of(2, "alpha") > reached);
}
