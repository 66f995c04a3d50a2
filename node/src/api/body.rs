//! Reading bodies: in one of the two types this API takes, up to a size, within a time.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::header,
};
use chancery_abi::{
    Transaction,
    limits::{CALL_DATA_BYTES_MAX, TRANSACTION_BYTES_MAX},
};
use serde::de::DeserializeOwned;

use super::{Problem, Shared};

/// A query's arguments in hexadecimal, and room for the rest.
const JSON_BYTES_MAX: usize = 2 * CALL_DATA_BYTES_MAX + 4 * 1024;

async fn read(request: Request, api: &Shared, kind: &'static str, limit: usize) -> Result<Bytes, Problem> {
    let found = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = found.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(kind) {
        let detail = format!("the body must be sent with Content-Type: {kind}, not {essence:?}");
        return Err(Problem::new(415, "unsupported_media_type", detail));
    }
    let too_large = || Problem::new(413, "too_large", format!("the body has more than {limit} bytes"));
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > limit as u64) {
        return Err(too_large());
    }
    let body = axum::body::to_bytes(request.into_body(), limit);
    match tokio::time::timeout(api.config.read_timeout, body).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_length_limit(&error) => Err(too_large()),
        Ok(Err(error)) => Err(Problem::new(400, "unreadable_body", format!("the body could not be read: {error}"))),
        Err(_) => Err(Problem::new(408, "body_timeout", "the body did not arrive in time")),
    }
}

/// The limit's error stands somewhere in the chain; its type is not public here, its text is all there is.
fn is_length_limit(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        source = error.source();
    }
    false
}

/// A transaction in SCALE.
pub(super) struct ScaleTransaction(pub(super) Transaction);

impl FromRequest<Shared> for ScaleTransaction {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Shared) -> Result<Self, Problem> {
        let bytes = read(request, api, "application/octet-stream", TRANSACTION_BYTES_MAX).await?;
        Ok(Self(Transaction::from_bytes(&bytes)?))
    }
}

/// A value in JSON.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Shared) -> Result<Self, Problem> {
        let bytes = read(request, api, "application/json", JSON_BYTES_MAX).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Problem::new(422, "invalid_argument", error),
            _ => Problem::new(400, "malformed_json", error),
        })
    }
}
