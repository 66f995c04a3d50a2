//! A whole node in this process, over a data directory, and a client of a few lines over a socket, so that it can also be
//! one that no HTTP library would be.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use chancery::{
    config::NodeConfig,
    node::{Node, NodeError},
};
use chancery_abi::{Genesis, Transaction};
use tokio::runtime::Runtime;

/// A node that runs.
pub struct RunningNode {
    runtime: Runtime,
    node: Node,
}

/// What a node answered.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl RunningNode {
    /// Starts a node with the tests' validator key.
    ///
    /// # Errors
    /// When the node does not start.
    pub fn start(data: &Path, genesis: Genesis) -> Result<Self, NodeError> {
        let mut config = NodeConfig::defaults();
        config.data_dir = data.to_owned();
        config.api.listen = "127.0.0.1:0".parse().expect("an address");
        config.chain.heartbeat_ms = 100;
        config.store.disk_reserve_mib = 1;
        let runtime = Runtime::new().expect("the machine has threads");
        let node = runtime.block_on(Node::start(&config, genesis, crate::validator_key()))?;
        Ok(Self { runtime, node })
    }

    /// The newest final height.
    pub fn height(&self) -> u64 {
        self.node.chain().ledger().tip().height
    }

    /// Stops it.
    pub fn stop(self) {
        self.runtime.block_on(self.node.stop()).expect("the node stops");
    }

    /// Hands in bytes as a transaction and waits for what becomes of it.
    pub fn submit_bytes(&self, body: &[u8]) -> Answer {
        let head = format!("Content-Length: {}\r\n", body.len());
        self.post(&head, |stream| stream.write_all(body))
    }

    /// Hands in a transaction and waits for its receipt.
    pub fn submit(&self, transaction: &Transaction) -> Answer {
        self.submit_bytes(&transaction.to_bytes())
    }

    /// Sends a body of whatever kind; `head` says of which length it claims to be.
    pub fn post(&self, head: &str, send: impl FnOnce(&mut TcpStream) -> std::io::Result<()>) -> Answer {
        let mut stream = TcpStream::connect(self.node.address()).expect("the node listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let head = format!(
            "POST /v1/chains/main/transactions?wait=20 HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\
             Content-Type: application/octet-stream\r\n{head}\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the header is sent");
        // A node that refuses a body may close before it is all sent.
        send(&mut stream).ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer { status: status.unwrap_or_else(|| panic!("no status in {head:?}")), body: body.to_owned() }
    }
}
