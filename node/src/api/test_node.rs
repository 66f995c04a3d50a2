//! A node for the API's tests, and a client of a few lines over a socket, so that it can also be one that no HTTP
//! library would be.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    config::NodeConfig,
    fixture::{genesis, validator_key},
    node::Node,
};

pub(super) const OCTETS: &str = "application/octet-stream";
pub(super) const CHAIN: &str = "/v1/chains/main";

pub(crate) struct TestNode {
    runtime: Runtime,
    pub(crate) node: Node,
}

impl TestNode {
    pub(crate) fn start(home: &Path) -> Self {
        Self::start_with(home, |_| {})
    }

    pub(crate) fn start_with(home: &Path, change: impl FnOnce(&mut NodeConfig)) -> Self {
        let mut config = NodeConfig::defaults();
        config.data_dir = home.to_owned();
        config.api.listen = "127.0.0.1:0".parse().expect("an address");
        config.api.read_timeout_s = 1;
        config.chain.heartbeat_ms = 100;
        config.store.disk_reserve_mib = 1;
        change(&mut config);
        let runtime = Runtime::new().expect("a runtime");
        let node = runtime.block_on(Node::start(&config, genesis(), validator_key())).expect("the node starts");
        Self { runtime, node }
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.node.stop()).expect("the node stops");
    }

    /// Runs until the node stops by itself; how it ended.
    pub(super) fn wait(self) -> Result<(), crate::node::NodeError> {
        self.runtime.block_on(self.node.run_until_stopped())
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        request(self.node.address(), "GET", path, None)
    }

    pub(super) fn post(&self, path: &str, kind: &str, body: &[u8]) -> Answer {
        request(self.node.address(), "POST", path, Some((kind, body)))
    }

    /// Hands in a transaction and waits for its receipt.
    pub(crate) fn run(&self, transaction: &chancery_abi::Transaction) -> Value {
        let answer = self.post(&format!("{CHAIN}/transactions?wait=20"), OCTETS, &transaction.to_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The code of a problem, which has everything that one must have.
    pub(super) fn code(&self) -> String {
        assert_eq!(self.kind, "application/problem+json", "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(problem["title"].is_string() && problem["detail"].is_string());
        let code = problem["code"].as_str().expect("a code").to_owned();
        assert_eq!(problem["type"], format!("urn:chancery:problem:{code}"));
        code
    }
}

pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the node listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream
}

pub(super) fn request(address: SocketAddr, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Answer {
    let mut stream = connect(address);
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n");
    if let Some((kind, body)) = body {
        head += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).expect("the header is sent");
    if let Some((_, body)) = body {
        // A node that refuses a body by its length may close before it is all sent.
        stream.write_all(body).ok();
    }
    read_answer(stream)
}

pub(super) fn read_answer(stream: TcpStream) -> Answer {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).expect("a status line");
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let (mut kind, mut chunked) = (String::new(), false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header");
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-type") => kind = value.to_owned(),
            Some((name, _)) if name.eq_ignore_ascii_case("transfer-encoding") => chunked = true,
            Some(_) => {}
            None => break,
        }
    }
    assert!(!chunked, "only streams are sent in chunks");
    let mut body = Vec::new();
    reader.read_to_end(&mut body).ok();
    Answer { status, kind, body }
}

/// Reads events of a stream until `enough` says so: (id, name, data).
pub(super) fn events(
    address: SocketAddr,
    path: &str,
    last: Option<&str>,
    count: usize,
) -> Vec<(String, String, Value)> {
    let mut stream = connect(address);
    let last = last.map_or_else(String::new, |last| format!("Last-Event-ID: {last}\r\n"));
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: node\r\n{last}\r\n").as_bytes()).expect("sent");
    let (mut events, mut id, mut name) = (Vec::new(), String::new(), String::new());
    for line in BufReader::new(stream).lines() {
        let line = line.expect("the stream goes on");
        if let Some(found) = line.strip_prefix("id: ") {
            id = found.to_owned();
        } else if let Some(found) = line.strip_prefix("event: ") {
            name = found.to_owned();
        } else if let Some(found) = line.strip_prefix("data: ") {
            events.push((id.clone(), name.clone(), serde_json::from_str(found).expect("JSON")));
        }
        // An event's lines come in this order or with its data first; both are complete at the empty line.
        if line.is_empty() && events.len() >= count {
            break;
        }
    }
    events
}
