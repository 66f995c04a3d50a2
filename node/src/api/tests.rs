//! The API of a whole node, over sockets: what it answers, what bad input gets, and what it does under load and at its
//! end.

use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

use chancery_abi::{TrustAnchor, limits::TRANSACTION_BYTES_MAX};
use chancery_verify::Statement;
use serde_json::Value;

use super::{
    test_node::{CHAIN, OCTETS, TestNode, connect, events, read_answer, request},
    *,
};
use crate::{
    fixture::{Account, SLOT, call, contract, deploy, deployer, genesis},
    schema_json::to_hex,
};

#[test]
fn a_contract_is_deployed_called_queried_listed_and_proven() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let account = deployer();
    assert_eq!(node.get("/v1/chains").json()[0]["genesis"], genesis().digest().to_string());
    let deployed = node.run(&account.send(0, deploy("land")));
    assert_eq!((&deployed["outcome"]["kind"], &deployed["index"]), (&"done".into(), &0.into()));
    let put = account.send(1, call("put", b"\x0cone"));
    let receipt = node.run(&put);
    assert_eq!(receipt["events"][0]["name"], "put");
    assert_eq!(node.run(&put), receipt, "handed in again, it is executed once");
    let digest = receipt["transaction"].as_str().expect("a digest");
    let found = node.get(&format!("{CHAIN}/transactions/{digest}")).json();
    assert_eq!((&found["status"], &found["receipt"]), (&"final".into(), &receipt));

    for reference in ["box", "land.box", &contract("land").to_string()] {
        let path = format!("{CHAIN}/contracts/{reference}");
        assert_eq!(node.get(&path).json()["schema"]["name"], "Box", "{reference}");
        let answer = node.post(&format!("{path}/query"), "application/json", br#"{"method":"get"}"#).json();
        assert_eq!(answer["output"], "0c6f6e65", "{answer}");
    }
    assert_eq!(node.get(&format!("{CHAIN}/contracts/box/code")).body, crate::fixture::module());
    let schema = node.get(&format!("{CHAIN}/contracts/box/schema")).body;
    assert_eq!(chancery_abi::schema::Schema::from_section(&schema).expect("a schema").name, "Box");
    let nonces = node.get(&format!("{CHAIN}/accounts/{}", account.address())).json();
    assert_eq!((&nonces["nonce"], &nonces["next_nonce"]), (&2.into(), &2.into()));

    let simulated = node.post(&format!("{CHAIN}/simulate"), OCTETS, &account.send(77, call("put", b"\0")).to_bytes());
    assert_eq!(simulated.json()["outcome"]["kind"], "done");
    let refused = node.post(&format!("{CHAIN}/contracts/box/query"), "application/json", br#"{"method":"refuse"}"#);
    assert_eq!((refused.status, refused.code().as_str()), (422, "contract_failed"));
    assert_eq!(refused.json()["outcome"]["message"], "Closed: the box is closed");

    node.run(&account.send(2, deploy("water")));
    let ambiguous = node.get(&format!("{CHAIN}/contracts/box"));
    assert_eq!((ambiguous.status, ambiguous.code().as_str()), (409, "ambiguous_contract"));
    let page = node.get(&format!("{CHAIN}/contracts?limit=1")).json();
    let after = page["next_after"].as_str().expect("another page");
    let rest = node.get(&format!("{CHAIN}/contracts?after={after}")).json();
    assert_eq!(rest["contracts"].as_array().map(Vec::len), Some(1));
    assert!(rest["next_after"].is_null());

    let status = node.get(CHAIN).json();
    let height = status["height"].as_u64().expect("a height");
    let block = node.get(&format!("{CHAIN}/blocks/{}", receipt["height"])).json();
    assert_eq!(block["transactions"][0], *digest);
    assert_eq!(block["certificate"]["votes"].as_array().map(Vec::len), Some(1));
    let headers = node.get(&format!("{CHAIN}/blocks?before={height}&limit=1")).json();
    assert_eq!(headers["blocks"][0]["height"], height - 1);
    assert_eq!(headers["next_before"], height - 1);
    node.stop();
}

#[test]
fn a_final_transaction_is_traced_while_the_state_leads_back_to_it() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let account = deployer();
    let deployed = node.run(&account.send(0, deploy("land")));
    let receipt = node.run(&account.send(1, call("put", b"\x0cone")));
    let refused = node.run(&account.send(2, call("refuse", b"")));
    // What came later does not show.
    node.run(&account.send(3, call("put", b"\x0ctwo")));
    let trace = |receipt: &Value| {
        let digest = receipt["transaction"].as_str().expect("a digest");
        let answer = node.get(&format!("{CHAIN}/transactions/{digest}/trace"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let gas = |steps: &Value| -> u64 {
        steps.as_array().expect("steps").iter().map(|step| step["gas"].as_u64().expect("gas")).sum()
    };
    let traced = trace(&receipt);
    assert_eq!(traced["receipt"]["gas_used"], receipt["gas_used"]);
    assert_eq!(gas(&traced["steps"]), receipt["gas_used"].as_u64().expect("gas"));
    let called = &traced["steps"][1]["call"];
    assert_eq!((&called["method"], &called["contract"]), (&"put".into(), &contract("land").to_string().into()));
    assert_eq!(gas(&called["steps"]), called["gas_used"].as_u64().expect("gas"));
    let of_kind = |kind: &str| {
        let steps = called["steps"].as_array().expect("steps");
        steps.iter().find(|step| step["kind"] == kind).cloned().unwrap_or_else(|| panic!("no {kind}: {called}"))
    };
    let write = of_kind("write");
    assert_eq!((&write["key"], &write["before"]), (&to_hex(SLOT).into(), &Value::Null));
    assert_eq!(of_kind("event")["event"]["name"], "put");
    let code = called["code"].as_str().expect("a digest");
    let schema = chancery_abi::types::from_hex(traced["schemas"][code].as_str().expect("a schema")).expect("digits");
    assert_eq!(chancery_abi::schema::Schema::from_section(&schema).expect("a schema").name, "Box");
    let stopped = &trace(&refused)["steps"][1]["call"];
    assert_eq!(stopped["outcome"]["kind"], "failed");
    assert!(stopped["stopped_at"][0]["offset"].as_u64() > Some(8), "{stopped}");
    assert_eq!(trace(&deployed)["receipt"]["outcome"]["kind"], "done");
    let unknown = node.get(&format!("{CHAIN}/transactions/{}/trace", "0".repeat(64)));
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "unknown_transaction"));
    node.stop();
}

#[test]
fn proofs_verify_offline_for_values_absences_and_receipts() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let account = deployer();
    node.run(&account.send(0, deploy("land")));
    let first = node.run(&account.send(1, call("put", b"\x0cone")));
    node.run(&account.send(2, call("put", b"\x0ctwo")));
    let anchor = node.get(&format!("{CHAIN}/anchor")).body;
    let anchor: TrustAnchor = chancery_abi::codec::decode(&anchor, 4_096).expect("an anchor");
    assert_eq!(anchor, TrustAnchor::of_genesis(&genesis()));
    let verify = |path: &str| {
        let answer = node.get(path);
        assert_eq!((answer.status, answer.kind.as_str()), (200, OCTETS), "{}", answer.text());
        chancery_verify::verify(&answer.body, &anchor).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let key = to_hex(SLOT);
    let value = |path: &str| match verify(path).statement {
        Statement::Present { value, .. } => Some(value),
        Statement::Absent { .. } => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(value(&format!("{CHAIN}/contracts/box/proof?key={key}")).as_deref(), Some(&b"\x0ctwo"[..]));
    let then = format!("{CHAIN}/contracts/land.box/proof?key={key}&height={}", first["height"]);
    assert_eq!(value(&then).as_deref(), Some(&b"\x0cone"[..]));
    assert_eq!(value(&format!("{CHAIN}/contracts/box/proof?key=00ff")), None);
    let system = chancery_abi::Address::system();
    let nonce = to_hex(&chancery_runtime::execution::accounts::nonce_slot(&account.address()));
    assert_eq!(value(&format!("{CHAIN}/contracts/{system}/proof?key={nonce}")), Some(3u64.to_le_bytes().to_vec()));
    let digest = first["transaction"].as_str().expect("a digest");
    let proven = verify(&format!("{CHAIN}/transactions/{digest}/proof"));
    assert!(matches!(proven.statement, Statement::Receipt(_)), "{:?}", proven.statement);
    node.stop();
}

#[test]
fn what_is_wrong_gets_a_problem_with_its_code() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let account = deployer();
    node.run(&account.send(0, deploy("land")));
    for (path, status, code) in [
        ("/nothing", 404, "no_such_route"),
        ("/v1/chains/other", 404, "unknown_chain"),
        (&format!("{CHAIN}/blocks?limit=101"), 400, "invalid_argument"),
        (&format!("{CHAIN}/blocks?wrong=1"), 400, "invalid_argument"),
        (&format!("{CHAIN}/blocks/x"), 400, "invalid_argument"),
        (&format!("{CHAIN}/blocks/0"), 404, "unknown_block"),
        (&format!("{CHAIN}/blocks/%ff"), 400, "invalid_argument"),
        (&format!("{CHAIN}/transactions/12"), 400, "invalid_argument"),
        (&format!("{CHAIN}/transactions/{}", "0".repeat(64)), 404, "unknown_transaction"),
        (&format!("{CHAIN}/transactions/{}/proof", "0".repeat(64)), 404, "unknown_transaction"),
        (&format!("{CHAIN}/contracts/none"), 404, "unknown_contract"),
        (&format!("{CHAIN}/contracts/NONE"), 400, "invalid_argument"),
        (&format!("{CHAIN}/contracts/box/proof?key=0"), 400, "invalid_argument"),
        (&format!("{CHAIN}/contracts/box/proof"), 400, "invalid_argument"),
        (&format!("{CHAIN}/contracts/box/proof?key=00&height=0"), 422, "not_provable"),
        (&format!("{CHAIN}/contracts/box/proof?key=00&height=99999"), 422, "not_provable"),
        (&format!("{CHAIN}/contracts/box/proof?key={}", "00".repeat(129)), 422, "over_limit"),
        (&format!("{CHAIN}/contracts?after=12"), 400, "invalid_argument"),
        (&format!("{CHAIN}/stream?from=99999"), 400, "invalid_argument"),
    ] {
        let answer = node.get(path);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "GET {path}: {}", answer.text());
    }
    let delete = request(node.node.address(), "DELETE", CHAIN, None);
    assert_eq!((delete.status, delete.code().as_str()), (405, "method_not_allowed"));

    let query = format!("{CHAIN}/contracts/box/query");
    let get = r#"{"method":"get","gas_limit":99999999999}"#;
    for (kind, body, status, code) in [
        ("text/plain", "{}", 415, "unsupported_media_type"),
        ("application/json", "{", 400, "malformed_json"),
        ("application/json", "{}", 422, "invalid_argument"),
        ("application/json", r#"{"method":"GET"}"#, 422, "invalid_argument"),
        ("application/json", r#"{"method":"get","input":"0"}"#, 422, "invalid_argument"),
        ("application/json", r#"{"method":"get","caller":"0"}"#, 422, "invalid_argument"),
        ("application/json", r#"{"method":"get","more":1}"#, 422, "invalid_argument"),
        ("application/json", r#"{"method":"none"}"#, 404, "unknown_method"),
        ("application/json", r#"{"method":"put"}"#, 404, "unknown_method"),
        ("application/json", r#"{"method":"spin","gas_limit":1000000}"#, 422, "contract_trapped"),
        ("application/json", get, 422, "over_limit"),
    ] {
        let answer = node.post(&query, kind, body.as_bytes());
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{body}: {}", answer.text());
    }
    node.stop();
}

#[test]
fn what_is_wrong_with_a_transaction_is_told_before_it_waits() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let account = deployer();
    node.run(&account.send(0, deploy("land")));
    let good = account.send(1, call("put", b"\0"));
    let changed = |change: &dyn Fn(&mut chancery_abi::Transaction)| {
        let mut transaction = good.clone();
        change(&mut transaction);
        transaction.to_bytes()
    };
    let mut trailing = good.to_bytes();
    trailing.push(0);
    let far = account.send(1 + 256, call("put", b"\0")).to_bytes();
    let used = account.send(0, call("put", b"\0")).to_bytes();
    for (body, status, code) in [
        (Vec::new(), 400, "malformed"),
        (vec![1, 2, 3], 400, "malformed"),
        (trailing, 400, "malformed"),
        (changed(&|transaction| transaction.body.version = 9), 400, "malformed"),
        (changed(&|transaction| transaction.body.chain = crate::fixture::name("other")), 422, "wrong_chain"),
        (changed(&|transaction| transaction.body.gas_limit -= 1), 422, "bad_signature"),
        (changed(&|transaction| transaction.body.sender.0[0] ^= 1), 422, "wrong_key"),
        (changed(&|transaction| transaction.body.gas_limit = 1), 422, "gas_below_intrinsic"),
        (changed(&|transaction| transaction.body.gas_limit = u64::MAX), 422, "gas_above_limit"),
        (far, 409, "nonce_gap"),
        (used, 409, "nonce_used"),
    ] {
        let answer = node.post(&format!("{CHAIN}/transactions"), OCTETS, &body);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text());
    }
    let waiting = account.send(2, call("put", b"\0"));
    assert_eq!(node.post(&format!("{CHAIN}/transactions"), OCTETS, &waiting.to_bytes()).status, 202);
    let path = format!("{CHAIN}/transactions/{}", waiting.digest(&genesis().digest()));
    assert_eq!(node.get(&path).json()["status"], "pending", "nonce 1 is missing");
    let rival = node.post(&format!("{CHAIN}/transactions"), OCTETS, &account.send(2, call("put", b"\x04x")).to_bytes());
    assert_eq!((rival.status, rival.code().as_str()), (409, "duplicate_nonce"));
    let large = node.post(&format!("{CHAIN}/transactions"), OCTETS, &vec![0; TRANSACTION_BYTES_MAX + 1]);
    assert_eq!((large.status, large.code().as_str()), (413, "too_large"));
    let wait = node.post(&format!("{CHAIN}/transactions?wait=61"), OCTETS, &good.to_bytes());
    assert_eq!(wait.code(), "invalid_argument");
    node.run(&good);
    assert_eq!(node.run(&waiting)["outcome"]["kind"], "done", "the gap is filled");
    node.stop();
}

#[test]
fn a_stream_resumes_after_any_event() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let account = deployer();
    let deployed = node.run(&account.send(0, deploy("land")));
    let put = node.run(&account.send(1, call("put", b"\x0cone")));
    let address = node.node.address();
    let stream = format!("{CHAIN}/stream");
    let from = format!("{stream}?from={}", deployed["height"]);
    let all = events(address, &from, None, 8);
    let height = put["height"].as_u64().expect("a height");
    let place = all.iter().position(|(id, ..)| *id == format!("{height}.0.0")).expect("the receipt is in the stream");
    let names: Vec<_> = all[place..].iter().take(3).map(|(id, name, _)| (id.as_str(), name.as_str())).collect();
    let ids = [format!("{height}.0.0"), format!("{height}.0.1"), format!("{height}.1.0")];
    assert_eq!(names, [(ids[0].as_str(), "receipt"), (&ids[1], "event"), (&ids[2], "block")]);
    assert_eq!(all[place].2, put);
    assert_eq!(all[place + 1].2["name"], "put");
    for (index, (id, ..)) in all.iter().enumerate().take(6) {
        let resumed = events(address, &stream, Some(id), 1);
        assert_eq!(resumed[0], all[index + 1], "after {id}");
    }
    let live = events(address, &stream, None, 1);
    assert_eq!(live[0].1, "block", "heartbeats come by themselves");
    let wrong = node.get(&format!("{stream}?from=1&to=2"));
    assert_eq!(wrong.code(), "invalid_argument");
    node.stop();
}

#[test]
fn a_stream_with_filters_sends_what_was_asked_for_and_resumes() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let account = deployer();
    node.run(&account.send(0, deploy("land")));
    let (first, second) =
        (node.run(&account.send(1, call("put", b"\x0cone"))), node.run(&account.send(2, call("put", b"\0"))));
    node.run(&account.send(3, deploy("water")));
    let address = node.node.address();
    let stream = |filter: &str| format!("{CHAIN}/stream?from=1&{filter}");
    let id = |receipt: &Value, n: u64| format!("{}.{}.{n}", receipt["height"], receipt["index"]);
    let ids = |events: &[(String, String, Value)]| events.iter().map(|(id, ..)| id.clone()).collect::<Vec<_>>();
    for filter in ["kinds=event", "kinds=event&contract=land.box", "kinds=event&event=put"] {
        let found = events(address, &stream(filter), None, 2);
        assert_eq!(ids(&found), [id(&first, 1), id(&second, 1)], "{filter}");
    }
    let concerned = events(address, &stream("kinds=receipt&event=put"), None, 2);
    assert_eq!(ids(&concerned), [id(&first, 0), id(&second, 0)], "deployments announce nothing");
    let all = events(address, &stream("kinds=receipt"), None, 4);
    assert!(all.iter().all(|(_, name, _)| name == "receipt"));
    let quiet = events(address, &stream(&format!("contract={}", contract("water"))), None, 5);
    assert!(quiet.iter().all(|(_, name, _)| name == "block"), "blocks still mark the heights");
    let resumed = events(address, &format!("{CHAIN}/stream?kinds=event&event=put"), Some(&id(&first, 1)), 1);
    assert_eq!(ids(&resumed), [id(&second, 1)]);
    for (wrong, status, code) in [
        ("kinds=blocks", 400, "invalid_argument"),
        ("kinds=", 400, "invalid_argument"),
        ("contract=NONE", 400, "invalid_argument"),
        ("contract=none", 404, "unknown_contract"),
        ("contract=box", 409, "ambiguous_contract"),
        ("event=Put", 400, "invalid_argument"),
        ("key=0", 400, "invalid_argument"),
    ] {
        let answer = node.get(&stream(wrong));
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{wrong}");
    }
    node.stop();
}

#[test]
fn events_are_paged_through_and_gone_on_with_by_the_stream() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let account = deployer();
    let none = node.get(&format!("{CHAIN}/events")).json();
    assert_eq!((&none["events"], &none["more"]), (&Value::Array(Vec::new()), &false.into()));
    node.run(&account.send(0, deploy("land")));
    let puts: Vec<Value> = (1..=3).map(|nonce| node.run(&account.send(nonce, call("put", b"\0")))).collect();
    let ids: Vec<String> = puts.iter().map(|put| format!("{}.{}.1", put["height"], put["index"])).collect();
    let page = |query: &str| {
        let answer = node.get(&format!("{CHAIN}/events?{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let page = answer.json();
        let found = page["events"].as_array().expect("events").iter();
        let found: Vec<String> = found.map(|event| event["id"].as_str().expect("an id").to_owned()).collect();
        (found, page["next_after"].as_str().expect("a place").to_owned(), page["more"] == true)
    };
    let (mut found, mut after, mut more) = page("limit=1");
    let mut pages = 1;
    while more {
        let next = page(&format!("limit=1&event=put&contract=box&after={after}"));
        found.extend(next.0);
        (after, more, pages) = (next.1, next.2, pages + 1);
        assert!(pages < 50, "it comes to an end");
    }
    assert_eq!(found, ids);
    let (rest, _, _) = page(&format!("after={}", ids[1]));
    assert_eq!(rest, ids[2..], "an event's id is a place");
    assert_eq!(page(&format!("from={}", puts[2]["height"])).0, ids[2..]);
    assert!(page("event=other").0.is_empty() && page("key=00").0.is_empty());
    // Where the pages end the stream goes on, and leaves nothing out.
    let later = node.run(&account.send(4, call("put", b"\0")));
    let streamed = events(node.node.address(), &format!("{CHAIN}/stream?kinds=event"), Some(&after), 1);
    assert_eq!(streamed[0].0, format!("{}.{}.1", later["height"], later["index"]));
    for (wrong, status, code) in [
        ("limit=0", 400, "invalid_argument"),
        ("limit=101", 400, "invalid_argument"),
        ("after=1.2", 400, "invalid_argument"),
        ("from=999999", 404, "unknown_block"),
        ("after=18446744073709551615.0.0", 404, "unknown_block"),
        ("contract=none", 404, "unknown_contract"),
        ("kinds=event", 400, "invalid_argument"),
    ] {
        let answer = node.get(&format!("{CHAIN}/events?{wrong}"));
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{wrong}: {}", answer.text());
    }
    node.stop();
}

#[test]
fn an_estimate_is_the_smallest_limit_that_does() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let account = deployer();
    let with_limit = |payload: chancery_abi::Payload, gas_limit: u64| {
        let mut transaction = account.send(0, payload);
        transaction.body.gas_limit = gas_limit;
        transaction.to_bytes()
    };
    let estimate = |payload: chancery_abi::Payload| {
        // Whatever limit stands in it.
        let answer = node.post(&format!("{CHAIN}/estimate"), OCTETS, &with_limit(payload, 7));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let kind = |payload: chancery_abi::Payload, gas_limit: u64| {
        let answer = node.post(&format!("{CHAIN}/simulate"), OCTETS, &with_limit(payload, gas_limit));
        if answer.status == 200 {
            answer.json()["outcome"]["kind"].as_str().unwrap_or_default().to_owned()
        } else {
            answer.code()
        }
    };
    let check = |payload: chancery_abi::Payload| {
        let found = estimate(payload.clone());
        let (used, limit) = (found["gas_used"].as_u64().expect("gas"), found["gas_limit"].as_u64().expect("gas"));
        assert_eq!(found["outcome"]["kind"], "done", "{found}");
        assert!(limit >= used, "{found}");
        assert_eq!(kind(payload.clone(), limit), "done", "{found}");
        assert_ne!(kind(payload, limit - 1), "done", "{found}");
    };
    check(deploy("land"));
    node.run(&account.send(0, deploy("land")));
    check(call("put", b"\x0cone"));
    let refused = estimate(call("refuse", b""));
    assert_eq!(refused["outcome"]["kind"], "failed");
    let endless = estimate(call("spin", b""));
    assert_eq!(endless["outcome"]["kind"], "trapped");
    assert_eq!(endless["gas_limit"], chancery_abi::limits::TRANSACTION_GAS_MAX);
    let malformed = node.post(&format!("{CHAIN}/estimate"), OCTETS, &[1, 2, 3]);
    assert_eq!((malformed.status, malformed.code().as_str()), (400, "malformed"));
    node.stop();
}

#[test]
fn slow_and_endless_clients_are_cut_off_and_others_served() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start_with(home.path(), |config| {
        config.api.connections_max = 8;
        config.api.streams_max = 1;
    });
    let address = node.node.address();
    // Headers that never end, on as many connections as there are.
    let slow: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = connect(address);
            stream.write_all(b"GET /livez HTTP/1.1\r\nHost: ").expect("sent");
            stream
        })
        .collect();
    assert_eq!(node.get("/livez").status, 200, "served once the slow ones were cut off");
    drop(slow);
    // A body that never comes.
    let mut stream = connect(address);
    let head = format!(
        "POST {CHAIN}/transactions HTTP/1.1\r\nHost: n\r\nContent-Type: {OCTETS}\r\nContent-Length: 9\r\n\r\nabc"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream.shutdown(std::net::Shutdown::Read).ok();
    let mut stream = connect(address);
    stream.write_all(head.replace("Host: n", "Host: n\r\nConnection: close").as_bytes()).expect("sent");
    assert_eq!(read_answer(stream).code(), "body_timeout");
    // A header that is too long.
    let mut stream = connect(address);
    stream.write_all(format!("GET /{} HTTP/1.1\r\n", "x".repeat(100_000)).as_bytes()).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{:?}", String::from_utf8_lossy(&answer));
    // More streams than allowed.
    let mut stream = connect(address);
    stream.write_all(format!("GET {CHAIN}/stream HTTP/1.1\r\nHost: n\r\n\r\n").as_bytes()).expect("sent");
    let mut first = [0; 12];
    stream.read_exact(&mut first).expect("the stream begins");
    assert_eq!(node.get(&format!("{CHAIN}/stream")).code(), "too_many_streams");
    node.stop();
}

#[test]
fn many_accounts_at_once_are_all_served_and_all_is_there_after_a_restart() {
    const ACCOUNTS: u8 = 8;
    const EACH: u64 = 12;
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    node.run(&deployer().send(0, deploy("land")));
    let receipts: Vec<Value> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..ACCOUNTS)
            .map(|seed| {
                let node = &node;
                scope.spawn(move || {
                    let account = Account::new(100 + seed);
                    // The last first: they wait for their predecessors.
                    for nonce in (1..EACH).rev() {
                        let transaction = account.send(nonce, call("put", b"\x04x"));
                        let answer = node.post(&format!("{CHAIN}/transactions"), OCTETS, &transaction.to_bytes());
                        assert_eq!(answer.status, 202, "{}", answer.text());
                    }
                    node.run(&account.send(0, call("put", b"\x04y")));
                    (0..EACH)
                        .map(|nonce| {
                            node.run(&account.send(nonce, call("put", if nonce == 0 { b"\x04y" } else { b"\x04x" })))
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    });
    assert_eq!(receipts.len(), usize::from(ACCOUNTS) * EACH as usize);
    let before = node.get(CHAIN).json();
    node.stop();
    let node = TestNode::start(home.path());
    assert!(node.get(CHAIN).json()["height"].as_u64() >= before["height"].as_u64());
    for receipt in receipts {
        let digest = receipt["transaction"].as_str().expect("a digest");
        assert_eq!(node.get(&format!("{CHAIN}/transactions/{digest}")).json()["receipt"], receipt);
    }
    node.stop();
}

#[test]
fn a_halted_chain_is_not_ready_takes_nothing_and_still_answers() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    node.run(&deployer().send(0, deploy("land")));
    assert_eq!(node.get("/readyz").json()["ready"], true);
    node.node.chain().halt_after_panic(7, &"a test");
    let ready = node.get("/readyz");
    assert_eq!((ready.status, ready.code().as_str()), (503, "not_ready"));
    assert!(
        ready.text().contains("chain main halted at height 7: executing the block panicked: a test"),
        "{}",
        ready.text()
    );
    let refused =
        node.post(&format!("{CHAIN}/transactions"), OCTETS, &deployer().send(1, call("put", b"\0")).to_bytes());
    assert_eq!((refused.status, refused.code().as_str()), (503, "chain_halted"));
    assert_eq!((node.get("/livez").status, node.get(&format!("{CHAIN}/contracts/box")).status), (200, 200));
    assert!(node.get(CHAIN).json()["halted"].is_string());
    assert!(node.get("/metrics").text().contains("chancery_halted{chain=\"main\"} 1"));
    node.stop();
}

#[test]
fn a_store_that_fails_stops_the_whole_node_and_says_why() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let failed = chancery_runtime::storage::StorageError::new("write", "no such disk");
    node.node.chain().halt(1, &crate::chain::ChainError::Storage(failed));
    let ready = node.get("/readyz").text();
    assert!(ready.contains("store: ") && ready.contains("no such disk"), "{ready}");
    let ended = node.wait().expect_err("the node stops itself").to_string();
    assert!(ended.contains("no such disk"), "{ended}");
}

#[test]
fn a_full_disk_closes_the_intake_and_only_that() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start_with(home.path(), |config| config.store.disk_reserve_mib = u64::MAX >> 20);
    std::thread::sleep(Duration::from_millis(300));
    let refused = node.post(&format!("{CHAIN}/transactions"), OCTETS, &deployer().send(0, deploy("land")).to_bytes());
    assert_eq!((refused.status, refused.code().as_str()), (503, "disk_reserve"));
    assert!(node.get("/readyz").text().contains("reserve"));
    assert!(node.get(CHAIN).json()["height"].as_u64() > Some(0), "heartbeats go on");
    node.stop();
}

#[test]
fn the_openapi_document_has_every_route_and_no_other() {
    let document = serde_json::to_value(document()).expect("the document is JSON");
    let paths = document["paths"].as_object().expect("paths");
    let declared: Vec<&str> = routes().iter().map(|(path, ..)| *path).collect();
    let mut documented: Vec<&str> = paths.keys().map(String::as_str).collect();
    documented.sort_unstable();
    let mut sorted = declared.clone();
    sorted.sort_unstable();
    assert_eq!(documented, sorted);
    let mut ids = std::collections::BTreeSet::new();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().expect("operations") {
            assert!(ids.insert(operation["operationId"].to_string()), "{path} {method}: an id twice");
            assert!(operation["summary"].is_string() || operation["description"].is_string(), "{path}: no words");
        }
    }
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    assert_eq!(node.get("/openapi.json").json(), document);
    for (path, class, _) in routes() {
        for (method, operation) in paths[path].as_object().expect("operations") {
            let answers = operation["responses"].as_object().expect("answers");
            let closed = class.access != guard::Access::Open;
            let body = method == "post";
            for (status, wanted) in
                [("403", closed), ("408", body), ("413", body), ("415", body), ("429", true), ("503", true)]
            {
                assert_eq!(answers.contains_key(status), wanted, "{method} {path} {status}");
            }
            let problems = answers.iter().filter(|(status, _)| status.starts_with(['4', '5']));
            for (status, answer) in problems {
                let content = answer["content"].as_object().expect("content");
                assert!(content.keys().eq(["application/problem+json"]), "{method} {path} {status}: {answer}");
            }
        }
    }
    for (path, operations) in paths.iter().filter(|(path, _)| !path.ends_with("/stream")) {
        let path = path.replace("{chain}", "main").replace("{height}", "1").replace("{contract}", "box");
        for method in operations.as_object().expect("operations").keys() {
            let answer = request(node.node.address(), &method.to_uppercase(), &path, None);
            assert!(
                !["no_such_route", "method_not_allowed"].iter().any(|code| answer.text().contains(code)),
                "{method} {path}"
            );
        }
    }
    node.stop();
}
