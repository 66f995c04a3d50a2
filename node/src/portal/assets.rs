//! The files that pages load, embedded in the binary and packed once when the node starts.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use flate2::Compression;
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use super::{
    dress::{gzip, takes_gzip},
    trouble::Trouble,
};
use crate::{api::Api, schema_json::to_hex};

/// The offline checker, which is served under a name of its own.
const OFFLINE: &str = "offline.html";

#[derive(RustEmbed)]
#[folder = "src/portal/assets"]
struct Embedded;

/// A file as it is served.
struct Asset {
    kind: &'static str,
    /// Changes with the bytes.
    tag: HeaderValue,
    sha256: String,
    plain: Bytes,
    /// In gzip, where that is shorter.
    packed: Option<Bytes>,
}

/// All files, by name.
pub(super) struct Assets(BTreeMap<String, Asset>);

impl Assets {
    /// Packs what is embedded.
    pub(super) fn prepare() -> Self {
        let files = Embedded::iter().filter_map(|name| {
            let plain = Bytes::from(Embedded::get(&name)?.data.into_owned());
            Some((name.to_string(), Asset::new(&name, plain)))
        });
        Self(files.collect())
    }

    /// The SHA-256 of the offline checker, where it is embedded.
    pub(super) fn offline_sha256(&self) -> Option<&str> {
        self.0.get(OFFLINE).map(|asset| asset.sha256.as_str())
    }
}

impl Asset {
    fn new(name: &str, plain: Bytes) -> Self {
        let sha256 = to_hex(&Sha256::digest(&plain));
        let packed = Bytes::from(gzip(&plain, Compression::best()));
        // The bytes differ with the packing, so the tag names the file and not the answer.
        let tag = HeaderValue::from_str(&format!("W/\"{}\"", &sha256[..32]));
        Self {
            kind: kind_of(name),
            tag: tag.unwrap_or(HeaderValue::from_static("W/\"\"")),
            sha256,
            packed: Some(packed).filter(|packed| packed.len() < plain.len()),
            plain,
        }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let mut response = Response::new(Body::empty());
        let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_known = known.split(',').any(|tag| tag.trim().as_bytes() == self.tag.as_bytes());
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            let packed = self.packed.as_ref().filter(|_| takes_gzip(headers));
            *response.body_mut() = Body::from(packed.unwrap_or(&self.plain).clone());
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
            if packed.is_some() {
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        }
        response.headers_mut().insert(header::ETAG, self.tag.clone());
        // A file may change with the next release; asking costs one small answer.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        response
    }
}

/// The content type by a name's ending.
fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

/// `/assets/{file}`.
pub(super) async fn serve(
    State(api): State<Arc<Api>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let asset = api.portal.assets.0.get(&file).filter(|_| file != OFFLINE);
    asset.map(|asset| asset.answer(&headers)).ok_or_else(Trouble::no_page)
}

/// `/offline.html`: to be kept and opened from one's own disk, so it is handed over as a file.
pub(super) async fn offline(State(api): State<Arc<Api>>, headers: HeaderMap) -> Result<Response, Trouble> {
    let asset = api.portal.assets.0.get(OFFLINE).ok_or_else(Trouble::no_page)?;
    let mut response = asset.answer(&headers);
    let name = HeaderValue::from_static("attachment; filename=\"chancery-offline.html\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}
