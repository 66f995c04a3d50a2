//! The node's JSON answers, as far as the command line reads them. Fields it does not know are left alone, so that an
//! older command line understands a newer node.

use chancery_abi::{Address, Digest, Ident, Name};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// How far a chain is.
#[derive(Clone, Debug, Deserialize)]
pub struct ChainStatus {
    /// The chain's name.
    #[serde(deserialize_with = "parsed")]
    pub name: Name,
    /// The digest of its genesis.
    #[serde(deserialize_with = "parsed")]
    pub genesis: Digest,
    /// The height of the last block.
    pub height: u64,
    /// The digest of the last header.
    #[serde(deserialize_with = "parsed")]
    pub header: Digest,
    /// The state's root.
    #[serde(deserialize_with = "parsed")]
    pub state_root: Digest,
    /// The last block's time.
    pub timestamp_ms: u64,
    /// What waits, as the node counts it.
    #[serde(default)]
    pub pool: serde_json::Value,
    /// Who takes part, as the node sees it.
    #[serde(default)]
    pub consensus: serde_json::Value,
    /// The threshold key, as the chain has it.
    #[serde(default)]
    pub threshold: serde_json::Value,
    /// Why it halted, if it did.
    #[serde(default)]
    pub halted: Option<String>,
}

/// A chain that a node has.
#[derive(Clone, Debug, Deserialize)]
pub struct ChainAnswer {
    /// Its name.
    #[serde(deserialize_with = "parsed")]
    pub name: Name,
}

/// An account's nonces.
#[derive(Clone, Debug, Deserialize)]
pub struct AccountAnswer {
    /// What is due on the chain.
    pub nonce: u64,
    /// What comes after everything that waits.
    pub next_nonce: u64,
}

/// A contract.
#[derive(Clone, Debug, Deserialize)]
pub struct ContractAnswer {
    /// Its address.
    #[serde(deserialize_with = "parsed")]
    pub address: Address,
    /// Its department.
    #[serde(deserialize_with = "parsed")]
    pub department: Name,
    /// Its name.
    #[serde(deserialize_with = "parsed")]
    pub name: Name,
    /// SHA-256 of its code.
    #[serde(deserialize_with = "parsed")]
    pub code: Digest,
    /// How often its code was replaced.
    pub revision: u32,
    /// The height of that.
    pub height: u64,
}

/// Some of a chain's contracts.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ContractsPage {
    pub(super) contracts: Vec<ContractAnswer>,
    /// Where the next page begins, when there is one.
    #[serde(default)]
    pub(super) next_after: Option<String>,
}

/// How a transaction ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct OutcomeAnswer {
    /// `done`, `failed`, `trapped` or `refused`.
    pub kind: String,
    /// What the method returned, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The contract that refused or was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// The contract's error's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// The error's fields, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Why the sandbox stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Why no contract ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same as a sentence.
    #[serde(default)]
    pub message: String,
}

/// An event.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct EventAnswer {
    /// The contract.
    pub contract: String,
    /// The event's name.
    pub name: String,
    /// Its keys, in hexadecimal.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Its fields, in hexadecimal.
    pub data: String,
}

/// A receipt.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ReceiptAnswer {
    /// The transaction.
    pub transaction: String,
    /// The block's height.
    pub height: u64,
    /// Its place in the block.
    pub index: u32,
    /// Gas it used.
    pub gas_used: u64,
    /// How it ended.
    pub outcome: OutcomeAnswer,
    /// What was announced.
    #[serde(default)]
    pub events: Vec<EventAnswer>,
}

/// How much gas a transaction needs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct EstimateAnswer {
    /// Gas it uses with the most gas there is.
    pub gas_used: u64,
    /// The smallest limit with which it does the same.
    pub gas_limit: u64,
    /// How it ends.
    pub outcome: OutcomeAnswer,
    /// The height whose state it was tried out on.
    pub height: u64,
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransactionStatus {
    /// In the pool.
    Pending,
    /// In a block.
    Final,
}

/// A transaction's status.
#[derive(Clone, Debug, Deserialize)]
pub struct TransactionAnswer {
    /// Where it is.
    pub status: TransactionStatus,
    /// Its receipt, once it is final.
    #[serde(default)]
    pub receipt: Option<ReceiptAnswer>,
}

/// What a query returned.
#[derive(Clone, Debug, Deserialize)]
pub struct QueryAnswer {
    /// In hexadecimal.
    pub output: String,
    /// Gas it used.
    pub gas_used: u64,
    /// The height as of which it holds.
    pub height: u64,
}

impl EventAnswer {
    /// The event's name as an identifier, when it is one.
    pub fn ident(&self) -> Option<Ident> {
        Ident::new(self.name.as_str()).ok()
    }
}

/// A value that is written as a text.
fn parsed<'de, T: std::str::FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error>
where
    T::Err: std::fmt::Display,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|error| D::Error::custom(format!("`{text}`: {error}")))
}

/// A node's snapshots.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SnapshotsAnswer {
    /// Their heights.
    pub(super) heights: Vec<u64>,
}
