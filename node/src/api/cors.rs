//! Pages of other sites: which of them may read the answers in a browser (CORS). There is a list, and no credentials:
//! nothing here depends on a cookie. A site that is not on the list gets the same answers without the header.

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST");
const HEADERS: HeaderValue = HeaderValue::from_static("Content-Type, Last-Event-ID");
const EXPOSED: HeaderValue = HeaderValue::from_static("Retry-After");
/// Seconds that a browser may remember what it was allowed.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// An origin as browsers write it, such as `https://city.example`.
pub(crate) fn origin(text: &str) -> Option<HeaderValue> {
    let (scheme, host) = text.split_once("://")?;
    let is_host = !host.is_empty()
        && host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':' | b'[' | b']'));
    (matches!(scheme, "http" | "https") && is_host).then(|| HeaderValue::from_str(text).ok()).flatten()
}

/// Answers for `origins`, and asks `next` for everybody.
pub(super) async fn share(origins: Arc<[HeaderValue]>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).filter(|origin| origins.contains(origin)).cloned();
    let asks_first =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if asks_first && origin.is_some() {
        let allowed = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
            (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        ];
        (StatusCode::NO_CONTENT, allowed).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    // Also for others: a cache must not give one site's answer to another.
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for right in ["https://city.example", "http://127.0.0.1:3000", "https://[2001:db8::1]:8443"] {
            assert!(origin(right).is_some(), "{right}");
        }
        for wrong in
            ["", "*", "null", "city.example", "https://", "https://a.example/", "ftp://a.example", "https://A.example"]
        {
            assert!(origin(wrong).is_none(), "{wrong}");
        }
    }
}
