//! A department's quota on a running network: granted by an act, charged by every node alike, shown, and kept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chancery_abi::{Deploy, Digest, Payload};
use chancery_tests::{contract, name};
use parity_scale_codec::Encode as _;
use serde_json::json as object;

use crate::{
    finality::{Clerk, Network, json, run},
    membership::{enact, query},
};

/// What `Clerk` gives each of its transactions.
const LIMIT: u64 = 2_000_000_000;
/// Room for a few calls beside the gas limit that has to be left for each.
const ROOM: u64 = 1_000_000;

#[test]
fn a_department_that_has_used_its_quota_waits_and_another_does_not() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = Network::plan(home.path());
    (0..4).for_each(|number| network.start(number));
    network.wait("a block everywhere", |network| (0..4).all(|number| network.height(number) > 0));
    let mut clerk = Clerk::new(&network);
    let main = name("main");
    let deploy = |department: &str, clerk: &mut Clerk| {
        let input = clerk.key.address().encode();
        let (department, name, code) = (name(department), name("evidence"), contract("evidence.wasm"));
        clerk.sign(Payload::Deploy(Deploy { department, name, code, input }))
    };
    let me = clerk.key.address();
    let transactions = [deploy("judicial", &mut clerk), clerk.call("appoint", (me, "registry-1"))];
    for transaction in transactions {
        let receipt = network.node(0).chain(main.clone()).submit(&transaction, 60).expect("it is taken in");
        assert_eq!(receipt.expect("it is final").outcome.kind, "done");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let quota = object!({
        "first_ms": u64::try_from(now.as_millis()).expect("a time"),
        "period_ms": 86_400_000u64,
        "gas": { "per_period": LIMIT + ROOM, "carry_max": 0, "reserve": 500_000 },
        "storage": { "per_period": 1_000_000, "carry_max": 0, "reserve": 0 },
    });
    enact(&network, &object!({ "SetQuota": { "department": "judicial", "quota": quota } }));
    let balance = |network: &Network| query(network, &["balance", "--department", "judicial"]);
    let used = |balance: &serde_json::Value| balance["usage"]["gas"]["used"].as_u64().expect("a number");
    // Carrying the act out was an administrator's of this department: the reserve pays for that, and then the rest.
    let begun = used(&balance(&network));

    let (mut filed, mut gas) = (0, 0);
    let refusal = loop {
        assert!(filed < 20, "the quota never ends");
        let transaction = clerk.file(filed);
        match network.node(filed as usize % 4).chain(main.clone()).submit(&transaction, 60) {
            Ok(receipt) => gas += receipt.expect("it is final").gas_used,
            Err(refusal) => break refusal,
        }
        filed += 1;
    };
    // A node that is a block behind takes the transaction in, and drops it when it has caught up.
    assert!(refusal.code() == Some("quota_exhausted") || refusal.to_string().contains("quota_exhausted"), "{refusal}");
    assert!(filed > 1, "nothing fitted");
    network.wait("what the receipts say is counted", |network| used(&balance(network)) - begun == gas);
    let after = balance(&network);
    assert!(after["usage"]["storage"]["used"].as_u64() > Some(100), "{after}");
    assert!(after["gas_left"].as_u64() < Some(LIMIT), "{after}");

    // A sponsor of another department helps out: its department pays, and this one does not.
    let (keys, digest) = (network.home.join("keys"), Digest::of(b"sponsored").to_string());
    let (keys, node) = (keys.to_string_lossy(), &network.apis[0]);
    let call = ["call", "main/evidence", "file", "--digest", &digest, "--case-number", "2026-9"];
    let signed = ["--as", "demo", "--sponsor", "admin-interior", "--keys", &keys, "--node", node, "--json"];
    let before = used(&balance(&network));
    let sponsored = json(&run(&[&call[..], &signed].concat()));
    assert_eq!(sponsored["outcome"]["kind"], "done", "{sponsored}");
    assert_eq!(used(&balance(&network)), before);

    // Another department's contracts go on, and so do the registry's acts; one of them helps.
    let mut clerk = Clerk::starting_at(&network, clerk.nonce());
    let deployed = deploy("interior", &mut clerk);
    let receipt = network.node(1).chain(main.clone()).submit(&deployed, 60).expect("interior has no quota");
    assert_eq!(receipt.expect("it is final").outcome.kind, "done");
    enact(&network, &object!({ "GrantExtra": { "department": "judicial", "gas": LIMIT, "storage": 0 } }));
    // The node that the act was seen at: another may still be a block behind.
    let receipt = network.node(0).chain(main).submit(&clerk.file(filed), 60).expect("there is enough again");
    assert_eq!(receipt.expect("it is final").outcome.kind, "done");
}
