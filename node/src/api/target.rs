//! What a request is about: the chain and the other parameters of its path, and the parameters after the `?`.

use std::{fmt::Display, str::FromStr, sync::Arc};

use axum::{
    extract::{FromRequestParts, Query, RawPathParams},
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde::de::DeserializeOwned;

use super::{Problem, Shared};
use crate::chain::{ChainService, ReadError};

/// A chain of this node, with the path's other parameters.
pub(super) struct Target {
    pub(super) chain: Arc<ChainService>,
    parameters: Vec<(String, String)>,
}

impl Target {
    /// The path's parameter `name`.
    pub(super) fn parameter<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Problem> {
        let text = self.parameters.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
        text.parse().map_err(|error| Problem::invalid(format_args!("{name} {text:?}: {error}")))
    }

    /// Reads from the chain where it may block.
    pub(super) async fn look_up<R: Send + 'static>(
        &self,
        work: impl FnOnce(&ChainService) -> Result<R, ReadError> + Send + 'static,
    ) -> Result<R, Problem> {
        Ok(self.chain.look_up(work).await?)
    }
}

impl FromRequestParts<Shared> for Target {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, Problem> {
        let raw = RawPathParams::from_request_parts(parts, api).await;
        let raw = raw.map_err(|error| Problem::invalid(error.body_text()))?;
        let parameters: Vec<_> = raw.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let name = parameters.iter().find(|(key, _)| key == "chain").map_or("", |(_, value)| value);
        let Some(chain) = api.chains.get(name) else {
            return Err(Problem::new(404, "unknown_chain", format_args!("this node has no chain {name:?}")));
        };
        Ok(Self { chain, parameters })
    }
}

/// The parameters after the `?`.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        let parsed = Query::try_from_uri(&parts.uri);
        parsed.map(|Query(value)| Self(value)).map_err(|error| Problem::invalid(error.body_text()))
    }
}

/// An answer in bytes.
pub(super) fn octets(bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}
