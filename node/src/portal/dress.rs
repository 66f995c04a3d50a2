//! What every answer of the portal gets on its way out: the headers that keep browsers from doing anything but what
//! these pages need, trouble made readable, and gzip where the client takes it.

use std::{io::Write as _, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use flate2::{Compression, write::GzEncoder};

use super::{lang::Lang, page::Page, trouble::Trouble, visit::place_of};
use crate::api::Api;

/// Bytes of a page; the longest is far below.
const PAGE_BYTES_MAX: usize = 16 << 20;
/// Bytes below which packing saves nothing.
const PACKED_BYTES_MIN: usize = 1_024;

/// What browsers may do: load this origin's own files, run its scripts and WebAssembly, and nothing else.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; media-src 'self' blob:; manifest-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Dresses the answer to a request.
pub(super) async fn dress(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let response = next.run(request).await;
    let lang = Lang::of_path(uri.path()).unwrap_or_else(|| Lang::asked(&headers));
    let trouble = trouble_of(&response);
    let mut response = match trouble {
        Some(trouble) => trouble.answer(Page::new(&api, lang, String::new(), "trouble", place_of(&uri))),
        None => response,
    };
    if is_page(&response) && takes_gzip(&headers) {
        response = packed(response).await;
    }
    let set = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in set {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if is_page(&response) {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        // What is shown is as of now.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// What is to be shown instead of the answer: what a handler says, or that the API's own limits stopped it.
fn trouble_of(response: &Response) -> Option<Trouble> {
    if let Some(trouble) = response.extensions().get::<Trouble>() {
        return Some(trouble.clone());
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_problem = response.status() == StatusCode::SERVICE_UNAVAILABLE && kind.starts_with("application/problem");
    is_problem.then(|| Trouble::not_ready("the answer took too long"))
}

/// Whether it was made for this request; the files that are embedded are packed already, and have tags.
fn is_page(response: &Response) -> bool {
    if response.headers().contains_key(header::ETAG) {
        return false;
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// Whether the client takes gzip (RFC 9110, `Accept-Encoding`).
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let header = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    header.split(',').any(|coding| {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let is_refused = parameters.trim().strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

/// `bytes` in gzip.
pub(super) fn gzip(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), level);
    // Writing to memory cannot fail.
    encoder.write_all(bytes).ok();
    encoder.finish().unwrap_or_default()
}

async fn packed(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, PAGE_BYTES_MAX).await else {
        parts.status = StatusCode::INTERNAL_SERVER_ERROR;
        return Response::from_parts(parts, Body::empty());
    };
    if bytes.len() < PACKED_BYTES_MIN {
        return Response::from_parts(parts, Body::from(bytes));
    }
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(gzip(&bytes, Compression::fast())))
}
