//! What can go wrong between the command line and a node.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A refusal as a node puts it: RFC 9457 problem details.
#[derive(Clone, Debug, Deserialize)]
pub struct Problem {
    /// What it is, in a few words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What it is in this case.
    #[serde(default)]
    pub detail: String,
    /// A stable, lower-case code for programs.
    pub code: String,
    /// Whatever else the node says, such as a contract's error.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Why a node gave no answer that can be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one of the web.
    #[error("`{url}` is not the address of a node, such as http://127.0.0.1:7070")]
    Url {
        /// The address.
        url: String,
    },
    /// No connection, or it broke.
    #[error("the node at {url} cannot be reached: {error}")]
    Unreachable {
        /// The node.
        url: String,
        /// Why.
        error: String,
    },
    /// A file for TLS does not serve.
    #[error(transparent)]
    Tls(#[from] crate::tls::TlsError),
    /// The node refuses.
    #[error("{}", if .0.detail.is_empty() { &.0.title } else { &.0.detail })]
    Refused(Box<Problem>),
    /// The answer is not what this release expects.
    #[error("{url} gave an answer that this release does not understand: {problem}")]
    Unexpected {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        problem: String,
    },
}

impl ClientError {
    /// The node's code for its refusal, when it refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }
}
