//! A document's place in a batch: the paths file that the filing department gives out, checked against the batch's root.

use chancery_abi::Digest;
use chancery_json::paths::{Heading, PathsError};
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

/// The `root`, place (`index`, from 0) and `count` by which `digest` is in the batch that a paths file is of; or an `error`:
/// `not_in_batch`, or what [`PathsError::code`] says.
#[wasm_bindgen]
pub fn batch_place(paths: &str, digest: &[u8]) -> String {
    let json = place(paths, digest).unwrap_or_else(|error| json!({ "error": error.code() }));
    json.to_string()
}

fn place(paths: &str, digest: &[u8]) -> Result<Value, PathsError> {
    let digest = Digest(digest.try_into().map_err(|_| PathsError::Unreadable)?);
    let mut lines = paths.lines();
    let heading = Heading::read(lines.next().ok_or(PathsError::Unreadable)?)?;
    for line in lines {
        if let Some(member) = heading.member(line, &digest)? {
            let (index, count) = (member.path.index, member.path.count);
            return Ok(json!({ "root": member.root.to_string(), "index": index, "count": count }));
        }
    }
    Ok(json!({ "error": "not_in_batch" }))
}
