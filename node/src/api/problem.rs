//! Problem documents (RFC 9457): what went wrong, for people in `detail`, for programs in `code`. A code never changes
//! its meaning.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chancery_abi::{DecodeError, Refusal};
use chancery_runtime::storage::StorageError;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::OutcomeView;
use crate::{
    chain::{ReadError, SubmitError},
    pool::PoolRefusal,
};

/// Why a request was not answered as asked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:chancery:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened, for people.
    pub detail: String,
    /// What happened, for programs; stable for ever.
    pub code: String,
    /// How a contract ended, where one ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Box<OutcomeView>>,
    /// Seconds after which it is worth asking again; one where that is not known.
    #[serde(skip)]
    pub(super) retry_after_s: u64,
}

impl Problem {
    /// A problem.
    pub fn new(status: u16, code: &str, detail: impl ToString) -> Self {
        let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        Self {
            kind: format!("urn:chancery:problem:{code}"),
            title: title.unwrap_or("Problem").to_owned(),
            status,
            detail: detail.to_string(),
            code: code.to_owned(),
            outcome: None,
            retry_after_s: 1,
        }
    }

    /// The same, with when to ask again.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_s: seconds, ..self }
    }

    /// A request that says something it may not say.
    pub fn invalid(detail: impl ToString) -> Self {
        Self::new(400, "invalid_argument", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Serialising strings and numbers cannot fail.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after_s));
        }
        response
    }
}

impl From<DecodeError> for Problem {
    fn from(error: DecodeError) -> Self {
        Refusal::Malformed(error).into()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::Malformed(_) => 400,
            Refusal::NonceUsed { .. } | Refusal::NonceGap { .. } => 409,
            Refusal::QuotaExhausted { .. } => 429,
            _ => 422,
        };
        Self::new(status, refusal.code(), refusal)
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        // The details are the operator's and stand in the log; they may name paths.
        tracing::error!(%error, "a request met a failure of the store");
        Self::new(500, "store_failed", "this node's store failed; the node stops")
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        let text = error.to_string();
        match error {
            SubmitError::Refused(refusal) => refusal.into(),
            SubmitError::Pool(refusal) => {
                let status = match refusal {
                    PoolRefusal::AccountFull { .. } => 429,
                    PoolRefusal::Full => 503,
                    _ => 409,
                };
                Self::new(status, refusal.code(), text)
            }
            SubmitError::Closed { code, .. } => Self::new(503, code, text),
            SubmitError::Storage(error) => error.into(),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let text = error.to_string();
        match error {
            ReadError::Unknown { code, .. } => Self::new(404, code, text),
            ReadError::Ambiguous { .. } => Self::new(409, "ambiguous_contract", text),
            ReadError::NotAnchored { .. } => Self::new(422, "not_anchored", text),
            ReadError::NotAttested { .. } => Self::new(422, "not_attested", text),
            ReadError::Behind { .. } => Self::new(422, "node_behind", text),
            ReadError::Invalid(_) => Self::invalid(text),
            ReadError::NotHere(_) => Self::new(422, "not_on_this_chain", text),
            ReadError::NotProvable { .. } => Self::new(422, "not_provable", text),
            ReadError::TooOld(_) => Self::new(422, "too_old", text),
            ReadError::Refused(refusal) => refusal.into(),
            ReadError::Limit { .. } => Self::new(422, "over_limit", text),
            ReadError::Busy => Self::new(503, "busy", text),
            ReadError::Failed(_) => Self::new(503, "not_answered", text),
            ReadError::Storage(error) => error.into(),
        }
    }
}

pub(super) async fn no_such_route() -> Problem {
    Problem::new(404, "no_such_route", "there is nothing at this path; /openapi.json lists what there is")
}

pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(405, "method_not_allowed", "this path does not take this method; /openapi.json lists what it takes")
}
