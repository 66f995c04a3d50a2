//! A node's HTTP interface, from the other side: what the command line knows of a chain it asks a node.
//!
//! Invariants: every answer is bounded in bytes and time; what comes in SCALE is decoded canonically; a refusal keeps
//! the stable `code` the node gave; who is told to ask again later does, for a while, since such a request did nothing.
//! What is deliberately absent: other retries, redirections, and trust: TLS says whom one talks to, and what must hold
//! regardless of the node is proven with a bundle.

mod answers;
mod error;
mod tls;

use answers::{ContractsPage, SnapshotsAnswer};
use std::time::{Duration, Instant};

use chancery_abi::{
    Address, Digest, Genesis, Ident, Name, Transaction, codec,
    limits::{CODE_BYTES_MAX, PROOF_BYTES_MAX, SCHEMA_BYTES_MAX},
    schema::Schema,
};
use chancery_runtime::state::snapshot::CHUNK_BYTES_MAX;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{chain::Word, schema_json::to_hex};

pub use answers::{
    AccountAnswer, ChainAnswer, ChainStatus, ContractAnswer, EstimateAnswer, EventAnswer, OutcomeAnswer, QueryAnswer,
    ReceiptAnswer, TransactionAnswer, TransactionStatus,
};
pub use error::{ClientError, Problem};
pub use tls::{CA_VARIABLE, CERTIFICATE_VARIABLE, ClientTls, KEY_VARIABLE};

/// The environment variable that names the node.
pub const NODE_VARIABLE: &str = "CHANCERY_NODE";
/// Where a node listens unless told otherwise.
pub const NODE_DEFAULT: &str = "http://127.0.0.1:7070";

/// Bytes of a JSON answer.
const JSON_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Bytes of a genesis: departments and committee at their limits.
const GENESIS_BYTES_MAX: usize = 1024 * 1024;
/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for an answer, beyond what the node was asked to wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a request is repeated that came too soon after others.
const REPEATS_MAX: u32 = 10;
/// The longest wait before that, in seconds.
const REPEAT_AFTER_MAX_S: u64 = 10;

type Response = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

/// A node.
#[derive(Clone)]
pub struct Node {
    agent: ureq::Agent,
    url: String,
    /// How long a question may take with all its repeats, where that is bounded.
    whole: Option<Duration>,
}

/// One chain on a node.
#[derive(Clone)]
pub struct ChainClient<'a> {
    node: &'a Node,
    chain: Name,
}

impl Node {
    /// The node whose interface is at `url`.
    ///
    /// # Errors
    /// When the address is not one of the web. With `https`, when this system trusts no certificate authority.
    pub fn at(url: &str) -> Result<Self, ClientError> {
        Self::with_tls(url, &ClientTls::default())
    }

    /// The same, with what TLS takes; of no consequence for an address of plain HTTP.
    ///
    /// # Errors
    /// When the address is not one of the web, or a file does not serve.
    pub fn with_tls(url: &str, tls: &ClientTls) -> Result<Self, ClientError> {
        let tls = match url.split_once("://") {
            Some(("http", _)) => None,
            Some(("https", _)) => Some(tls.config()?),
            _ => return Err(ClientError::Url { url: url.into() }),
        };
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(ANSWER_TIMEOUT))
            // A node is named by its address; a proxy from the environment must not see what goes there.
            .proxy(None)
            .user_agent(concat!("chancery/", env!("CARGO_PKG_VERSION")));
        let config = match tls {
            Some(tls) => config.tls_config(tls),
            None => config,
        };
        Ok(Self { agent: config.build().into(), url: url.trim_end_matches('/').into(), whole: None })
    }

    /// The same node, for who does not trust it with the time either: a question is answered within `whole`, with all its
    /// repeats, or not at all.
    pub(crate) fn within(&self, whole: Duration) -> Self {
        Self { whole: Some(whole), ..self.clone() }
    }

    /// The node's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The chain `chain` on this node.
    pub fn chain(&self, chain: Name) -> ChainClient<'_> {
        ChainClient { node: self, chain }
    }

    /// The chains on the node.
    ///
    /// # Errors
    /// When the node cannot be reached or answers with something else.
    pub fn chains(&self) -> Result<Vec<ChainAnswer>, ClientError> {
        self.get_json("/v1/chains")
    }

    fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let bytes = self.get(path, JSON_BYTES_MAX)?;
        serde_json::from_slice(&bytes).map_err(|error| self.unexpected(path, error.to_string()))
    }

    fn get(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, ClientError> {
        let asked = self.ask(path, bytes_max, ANSWER_TIMEOUT, |within| {
            let request = self.agent.get(format!("{}{path}", self.url));
            request.config().timeout_global(Some(within)).build().call()
        });
        asked.map(|(_, bytes)| bytes)
    }

    fn post(&self, path: &str, kind: &str, body: &[u8], patience: Duration) -> Result<(u16, Vec<u8>), ClientError> {
        self.ask(path, JSON_BYTES_MAX, ANSWER_TIMEOUT + patience, |within| {
            let request = self.agent.post(format!("{}{path}", self.url)).content_type(kind);
            request.config().timeout_global(Some(within)).build().send(body)
        })
    }

    /// Asks, each time for an answer `within` so long, and again where the node says that it was too soon.
    fn ask(
        &self,
        path: &str,
        bytes_max: u64,
        within: Duration,
        send: impl Fn(Duration) -> Response,
    ) -> Result<(u16, Vec<u8>), ClientError> {
        let began = Instant::now();
        let left = || self.whole.map_or(Duration::MAX, |whole| whole.saturating_sub(began.elapsed()));
        let mut repeats = 0;
        loop {
            let response = send(within.min(left()));
            let wait = response.as_ref().ok().and_then(|response| {
                let told = response.headers().get("retry-after")?.to_str().ok()?.parse().ok();
                told.map(|seconds: u64| seconds.clamp(1, REPEAT_AFTER_MAX_S))
            });
            let wait = Duration::from_secs(wait.unwrap_or(1));
            match self.read(path, response, bytes_max) {
                Err(error) if error.code() == Some("rate_limited") && repeats < REPEATS_MAX && wait < left() => {
                    repeats += 1;
                    std::thread::sleep(wait);
                }
                answer => return answer,
            }
        }
    }

    fn read(&self, path: &str, response: Response, bytes_max: u64) -> Result<(u16, Vec<u8>), ClientError> {
        let unreachable =
            |error: ureq::Error| ClientError::Unreachable { url: self.url.clone(), error: error.to_string() };
        let mut response = response.map_err(unreachable)?;
        let status = response.status().as_u16();
        let bytes = match response.body_mut().with_config().limit(bytes_max).read_to_vec() {
            Err(ureq::Error::BodyExceedsLimit(limit)) => {
                return Err(self.unexpected(path, format!("more than {limit} bytes")));
            }
            bytes => bytes.map_err(unreachable)?,
        };
        if (200..300).contains(&status) {
            return Ok((status, bytes));
        }
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
            Err(_) => Err(self.unexpected(path, format!("status {status} without a reason"))),
        }
    }

    fn unexpected(&self, path: &str, problem: String) -> ClientError {
        ClientError::Unexpected { url: format!("{}{path}", self.url), problem }
    }
}

impl ChainClient<'_> {
    /// The chain's name.
    pub fn name(&self) -> &Name {
        &self.chain
    }

    /// How far the chain is.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub fn status(&self) -> Result<ChainStatus, ClientError> {
        self.json("")
    }

    /// The chain's genesis. It is checked to be of this chain; whether it is the right one only an anchor says.
    ///
    /// # Errors
    /// When the node cannot be reached, refuses, or gives another chain's.
    pub fn genesis(&self) -> Result<Genesis, ClientError> {
        let genesis: Genesis = self.scale("/genesis", GENESIS_BYTES_MAX)?;
        match genesis.chain == self.chain {
            true => Ok(genesis),
            false => Err(self.unexpected("/genesis", format!("the genesis of chain {}", genesis.chain))),
        }
    }

    /// What a final transaction did step by step.
    ///
    /// # Errors
    /// When the node cannot be reached, does not know it, or cannot execute it any more.
    pub fn trace(&self, transaction: &Digest) -> Result<crate::trace_view::TraceView, ClientError> {
        self.json(&format!("/transactions/{transaction}/trace"))
    }

    /// An account's nonces.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub fn account(&self, address: &Address) -> Result<AccountAnswer, ClientError> {
        self.json(&format!("/accounts/{address}"))
    }

    /// The contract that `contract` names: an address, a name, or department and name with a dot between.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn contract(&self, contract: &str) -> Result<ContractAnswer, ClientError> {
        self.json(&format!("/contracts/{}", path_segment(contract)))
    }

    /// All contracts of the chain.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub fn contracts(&self) -> Result<Vec<ContractAnswer>, ClientError> {
        let (mut contracts, mut after) = (Vec::new(), None);
        loop {
            let page: ContractsPage = match &after {
                None => self.json("/contracts?limit=100")?,
                Some(after) => self.json(&format!("/contracts?limit=100&after={after}"))?,
            };
            contracts.extend(page.contracts);
            match page.next_after {
                // A node that repeats itself would never end.
                Some(next) if after.as_ref() != Some(&next) => after = Some(next),
                _ => return Ok(contracts),
            }
        }
    }

    /// The contract's schema.
    ///
    /// # Errors
    /// When there is no such contract, or what the node gives is no schema.
    pub fn schema(&self, contract: &str) -> Result<Schema, ClientError> {
        self.schema_section(contract).map(|(_, schema)| schema)
    }

    /// The contract's schema, with the bytes of its section.
    ///
    /// # Errors
    /// When there is no such contract, or what the node gives is no schema.
    pub fn schema_section(&self, contract: &str) -> Result<(Vec<u8>, Schema), ClientError> {
        let path = format!("/contracts/{}/schema", path_segment(contract));
        let section = self.bytes(&path, SCHEMA_BYTES_MAX)?;
        let schema = Schema::from_section(&section).map_err(|error| self.unexpected(&path, error.to_string()))?;
        Ok((section, schema))
    }

    /// The contract's code.
    ///
    /// # Errors
    /// When there is no such contract.
    pub fn code(&self, contract: &str) -> Result<Vec<u8>, ClientError> {
        self.bytes(&format!("/contracts/{}/code", path_segment(contract)), CODE_BYTES_MAX)
    }

    /// The sidechains that the chain knows of.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub fn sidechains(&self) -> Result<Vec<serde_json::Value>, ClientError> {
        self.json("/sidechains")
    }

    /// An entry of the mainchain's state with its proof, for a contract of this sidechain to be shown.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub fn present_slot(&self, contract: &Address, slot: &[u8]) -> Result<Vec<u8>, ClientError> {
        let slot: String = slot.iter().map(|byte| format!("{byte:02x}")).collect();
        self.bytes(&format!("/presented?contract={contract}&key={slot}"), PROOF_BYTES_MAX)
    }

    /// The mainchain's first record of this sidechain's header from a height on, for a contract of it to be shown.
    ///
    /// # Errors
    /// When there is none yet, or the node cannot be reached or refuses.
    pub fn present_own_anchor(&self, height: u64) -> Result<Vec<u8>, ClientError> {
        self.bytes(&format!("/presented?anchored_from={height}"), PROOF_BYTES_MAX)
    }

    /// The lanes between the chain and others, and how many messages wait to be claimed.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub fn lanes(&self) -> Result<serde_json::Value, ClientError> {
        self.json("/lanes")
    }

    /// Messages that are still in the chain's outbox for another, from a number on.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub fn lane_messages(
        &self,
        other: &Name,
        from: Option<u64>,
        limit: u64,
    ) -> Result<Vec<serde_json::Value>, ClientError> {
        let from = from.map_or_else(String::new, |from| format!("&from={from}"));
        self.json(&format!("/lanes/{other}?limit={limit}{from}"))
    }

    /// The heights of the snapshots that the node keeps.
    ///
    /// # Errors
    /// When the node cannot be reached.
    pub fn snapshots(&self) -> Result<Vec<u64>, ClientError> {
        let answer: SnapshotsAnswer = self.node.get_json(&self.path("/snapshots"))?;
        Ok(answer.heights)
    }

    /// A snapshot's manifest, unchecked.
    ///
    /// # Errors
    /// When the node has none, or cannot be reached.
    pub fn snapshot_manifest(&self, height: u64) -> Result<Vec<u8>, ClientError> {
        self.bytes(&format!("/snapshots/{height}/manifest"), crate::snapshot::MANIFEST_BYTES_MAX)
    }

    /// A snapshot's chunk, unchecked.
    ///
    /// # Errors
    /// When the node does not have it or sends more than any chunk has, or cannot be reached.
    pub fn snapshot_chunk(&self, height: u64, number: usize) -> Result<Vec<u8>, ClientError> {
        // One more, because at the limit itself a body counts as too long.
        self.bytes(&format!("/snapshots/{height}/chunks/{number}"), CHUNK_BYTES_MAX + 1)
    }

    /// Hands a transaction over, and waits up to `wait_seconds` for its receipt.
    ///
    /// # Errors
    /// When the node refuses it or cannot be reached.
    pub fn submit(&self, transaction: &Transaction, wait_seconds: u64) -> Result<Option<ReceiptAnswer>, ClientError> {
        let path = match wait_seconds {
            0 => "/transactions".to_owned(),
            seconds => format!("/transactions?wait={seconds}"),
        };
        let (status, answer) = self.post_transaction(&path, transaction, Duration::from_secs(wait_seconds))?;
        match status {
            200 => self.parse(&path, &answer).map(Some),
            _ => Ok(None),
        }
    }

    /// What the transaction would do now. Its signatures are not looked at.
    ///
    /// # Errors
    /// When the node refuses it or cannot be reached.
    pub fn simulate(&self, transaction: &Transaction) -> Result<ReceiptAnswer, ClientError> {
        let (_, answer) = self.post_transaction("/simulate", transaction, Duration::ZERO)?;
        self.parse("/simulate", &answer)
    }

    /// How much gas the transaction needs. Its signatures and its own limit are not looked at.
    ///
    /// # Errors
    /// When the node refuses it or cannot be reached.
    pub fn estimate(&self, transaction: &Transaction) -> Result<EstimateAnswer, ClientError> {
        let (_, answer) = self.post_transaction("/estimate", transaction, Duration::ZERO)?;
        self.parse("/estimate", &answer)
    }

    /// A transaction's status, and its receipt once it is final.
    ///
    /// # Errors
    /// When the node does not know it.
    pub fn transaction(&self, transaction: &Digest) -> Result<TransactionAnswer, ClientError> {
        self.json(&format!("/transactions/{transaction}"))
    }

    /// A proof that the transaction was executed: the bytes of a bundle, for the verifier to judge.
    ///
    /// # Errors
    /// When there is none.
    pub fn prove_transaction(&self, transaction: &Digest, word: Word) -> Result<Vec<u8>, ClientError> {
        let path = format!("/transactions/{transaction}/proof");
        self.bytes(&with_parameters(path, word_parameters(word)), PROOF_BYTES_MAX)
    }

    /// A proof of what stands in a contract's slot, or that nothing does, after block `height` or the last.
    ///
    /// # Errors
    /// When there is none.
    pub fn prove_slot(
        &self,
        contract: &str,
        slot: &[u8],
        height: Option<u64>,
        word: Word,
    ) -> Result<Vec<u8>, ClientError> {
        let mut parameters = vec![format!("key={}", to_hex(slot))];
        parameters.extend(height.map(|height| format!("height={height}")));
        parameters.extend(word_parameters(word));
        let path = format!("/contracts/{}/proof", path_segment(contract));
        self.bytes(&with_parameters(path, parameters), PROOF_BYTES_MAX)
    }

    /// Runs a query.
    ///
    /// # Errors
    /// When the contract refuses it or is stopped, or there is no such method.
    pub fn query(
        &self,
        contract: &str,
        method: &Ident,
        input: &[u8],
        caller: Option<&Address>,
        gas_limit: Option<u64>,
    ) -> Result<QueryAnswer, ClientError> {
        let path = format!("/contracts/{}/query", path_segment(contract));
        let mut body = json!({ "method": method.as_str(), "input": crate::schema_json::to_hex(input) });
        if let Some(caller) = caller {
            body["caller"] = caller.to_string().into();
        }
        if let Some(gas_limit) = gas_limit {
            body["gas_limit"] = gas_limit.into();
        }
        let body = body.to_string();
        let (_, answer) = self.node.post(&self.path(&path), "application/json", body.as_bytes(), Duration::ZERO)?;
        self.parse(&path, &answer)
    }

    fn post_transaction(
        &self,
        path: &str,
        transaction: &Transaction,
        patience: Duration,
    ) -> Result<(u16, Vec<u8>), ClientError> {
        self.node.post(&self.path(path), "application/octet-stream", &transaction.to_bytes(), patience)
    }

    fn path(&self, path: &str) -> String {
        format!("/v1/chains/{}{path}", self.chain)
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.node.get_json(&self.path(path))
    }

    fn bytes(&self, path: &str, bytes_max: usize) -> Result<Vec<u8>, ClientError> {
        self.node.get(&self.path(path), bytes_max as u64)
    }

    fn scale<T: parity_scale_codec::DecodeWithMemTracking + parity_scale_codec::Encode>(
        &self,
        path: &str,
        bytes_max: usize,
    ) -> Result<T, ClientError> {
        let bytes = self.bytes(path, bytes_max)?;
        codec::decode(&bytes, bytes_max).map_err(|error| self.unexpected(path, error.to_string()))
    }

    fn parse<T: DeserializeOwned>(&self, path: &str, answer: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(answer).map_err(|error| self.unexpected(path, error.to_string()))
    }

    fn unexpected(&self, path: &str, problem: String) -> ClientError {
        self.node.unexpected(&self.path(path), problem)
    }
}

/// `text` as one segment of a path, so that nothing a user types can reach another resource.
fn path_segment(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut segment, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => segment.push(byte as char),
            _ => write!(segment, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
        segment
    })
}

/// A path with what is asked behind it.
fn with_parameters(path: String, parameters: Vec<String>) -> String {
    if parameters.is_empty() { path } else { format!("{path}?{}", parameters.join("&")) }
}

fn word_parameters(word: Word) -> Vec<String> {
    match word {
        Word::Certificate => Vec::new(),
        Word::Attestation { known } => {
            let known = known.map(|key| format!("known={}", to_hex(&key)));
            [Some("by=attestation".to_owned()), known].into_iter().flatten().collect()
        }
    }
}
