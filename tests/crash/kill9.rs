//! SIGKILL while calls are being acknowledged, with one validator, so that no other node can give back what was lost.
//! `make kill9` does the same with the binary, four validators and fifty rounds.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chancery::{
    client,
    keystore::{AccountKey, Keystore, PassphraseSource},
};
use chancery_abi::{
    Address, Call, Deploy, Digest, Genesis, Ident, Payload, Transaction, TransactionBody, WIRE_VERSION, codec,
};
use chancery_tests::{contract, name};
use parity_scale_codec::Encode;

use crate::finality::{command, run};

const ROUNDS: usize = 3;
const CALLERS: u8 = 4;

/// A node in a process of its own, killed when dropped.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(data: &Path) -> Self {
        let data = data.to_string_lossy();
        let mut command = command(&["dev", "--json", "--validators", "1", "--data", &data, "--listen", "127.0.0.1:0"]);
        command.env("CHANCERY_STORE_DISK_RESERVE_MIB", "1").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a process");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut lines = lines.map_while(Result::ok).filter(|line| line.contains(r#""ready":true"#));
        let line = lines.next().expect("the node becomes ready");
        let (_, rest) = line.split_once(r#""url":""#).expect("it says where it listens");
        let url = rest.split('"').next().unwrap_or_default().to_owned();
        Self { child, url }
    }

    fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Someone who calls the counter.
struct Caller {
    key: AccountKey,
    nonce: u64,
}

impl Caller {
    fn sign(&self, genesis: &Digest, payload: Payload) -> Transaction {
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
        self.key.sign(body, genesis)
    }

    fn add(&self, genesis: &Digest) -> Transaction {
        let contract = Address::of_contract(&name("main"), &name("judicial"), &name("counter"));
        let method = Ident::new("add").expect("an identifier");
        self.sign(genesis, Payload::Call(Call { contract, method, input: 1u64.encode() }))
    }

    /// Calls until the node is gone. What was acknowledged is remembered at once.
    fn call_until_gone(&mut self, url: &str, genesis: &Digest, acknowledged: &Mutex<Vec<Digest>>, gone: &AtomicBool) {
        let node = client::Node::at(url).expect("an address");
        let chain = node.chain(name("main"));
        // A call that was under way when the node died may have become final.
        if let Ok(account) = chain.account(&self.key.address()) {
            self.nonce = account.nonce;
        }
        while !gone.load(Ordering::SeqCst) {
            let transaction = self.add(genesis);
            match chain.submit(&transaction, 20) {
                Ok(Some(receipt)) => {
                    assert_eq!(receipt.outcome.kind, "done", "{receipt:?}");
                    acknowledged.lock().expect("nobody panics").push(transaction.digest(genesis));
                    self.nonce += 1;
                }
                Ok(None) => {}
                Err(_) => break,
            }
        }
    }
}

fn has_all(url: &str, acknowledged: &[Digest], when: &str) {
    let node = client::Node::at(url).expect("an address");
    for digest in acknowledged {
        let answer = node.chain(name("main")).transaction(digest).unwrap_or_else(|error| panic!("{when}: {error}"));
        assert!(answer.receipt.is_some(), "{when}: {digest} was acknowledged and is gone");
    }
}

#[test]
fn a_node_killed_under_load_has_everything_it_acknowledged_and_replays_to_equal_roots() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let data = home.path().join("chain");
    let mut process = Process::start(&data);
    let genesis = std::fs::read(data.join("genesis")).expect("a genesis");
    let genesis = codec::decode::<Genesis>(&genesis, 1 << 20).expect("a genesis").digest();
    let keys = Keystore::at(Some(data.join("keys"))).expect("keys");
    let demo = keys.unlock("demo", &PassphraseSource::default()).expect("it has no passphrase");
    let deploy = Deploy {
        department: name("judicial"),
        name: name("counter"),
        code: contract("counter.wasm"),
        input: Vec::new(),
    };
    let deploy = Caller { key: demo, nonce: 0 }.sign(&genesis, Payload::Deploy(deploy));
    let node = client::Node::at(&process.url).expect("an address");
    let receipt = node.chain(name("main")).submit(&deploy, 30).expect("it is taken").expect("it is final in time");
    assert_eq!(receipt.outcome.kind, "done", "{receipt:?}");

    let acknowledged = Mutex::new(vec![deploy.digest(&genesis)]);
    let mut callers: Vec<_> =
        (0..CALLERS).map(|seed| Caller { key: AccountKey::from_seed([seed + 1; 32]), nonce: 0 }).collect();
    for round in 0..ROUNDS {
        let before = acknowledged.lock().expect("nobody panics").len();
        let gone = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let url = process.url.clone();
            for caller in &mut callers {
                let (url, acknowledged, gone) = (url.clone(), &acknowledged, &gone);
                scope.spawn(move || caller.call_until_gone(&url, &genesis, acknowledged, gone));
            }
            // Under load, and at another moment each time.
            while acknowledged.lock().expect("nobody panics").len() < before + 20 {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(37 * round as u64));
            process.kill();
            gone.store(true, Ordering::SeqCst);
        });
        process = Process::start(&data);
        has_all(&process.url, &acknowledged.lock().expect("nobody panics"), &format!("round {round}"));
    }
    process.kill();
    let (from, into) = (data.join("node-1"), home.path().join("replayed"));
    let replayed = run(&["replay", "--data", &from.to_string_lossy(), "--into", &into.to_string_lossy(), "--json"]);
    assert!(replayed.contains(r#""equal":true"#), "{replayed}");
}
