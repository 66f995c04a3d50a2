//! The verifier in the browser: `chancery-verify` and what a page needs beside it, through wasm-bindgen.
//!
//! Invariants: every function is total. Whatever the bytes are it answers, and says what is wrong instead of throwing; a
//! panic would end the module for the page, so nothing here can. Answers are JSON texts in the forms of
//! [`chancery_json::proof`], which the command line writes too. It reads no clock, opens no connection and keeps nothing:
//! pages do that. What is deliberately absent: any judgement of how old a proof may be, and any choice of the anchor.

mod batch;
mod document;
mod draw;
mod qr;

pub use batch::batch_place;
pub use document::Hasher;
pub use draw::Draw;
pub use qr::{qr_svg, read_qr};

use chancery_abi::{
    Digest, TrustAnchor, codec,
    schema::{SECTION, Schema, custom_section},
};
use chancery_json::proof;
use chancery_verify::examine;
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

/// Bytes of a trust anchor.
const ANCHOR_BYTES_MAX: usize = 64 * 1024;

/// Checks a bundle against a trust anchor; see [`proof::verified`] and [`proof::refused`] for the JSON. With the Wasm of the
/// contract that it is about, it also says what key and value mean by the schema in it, and the `code_hash`, which the
/// reader must compare with what the chain has on record.
#[wasm_bindgen]
pub fn verify(bundle: &[u8], anchor: &[u8], code: Option<Box<[u8]>>) -> String {
    let anchor = match read_anchor(anchor) {
        Ok(anchor) => anchor,
        Err(message) => {
            let code = "unreadable_anchor";
            return json!({ "verified": false, "stage": "proof", "code": code, "message": message }).to_string();
        }
    };
    match examine(bundle, &anchor) {
        Ok(verified) => {
            let schema = code.as_deref().and_then(schema_of);
            let mut json = proof::verified(&verified, schema.as_ref());
            if let Some(code) = code {
                json["code_hash"] = Digest::of(&code).to_string().into();
            }
            json.to_string()
        }
        Err(refused) => proof::refused(&refused).to_string(),
    }
}

/// What a trust anchor says, see [`proof::anchor`], or an `error`.
#[wasm_bindgen]
pub fn anchor_view(anchor: &[u8]) -> String {
    let json: Value = match read_anchor(anchor) {
        Ok(anchor) => proof::anchor(&anchor),
        Err(message) => json!({ "error": message }),
    };
    json.to_string()
}

fn read_anchor(bytes: &[u8]) -> Result<TrustAnchor, String> {
    codec::decode(bytes, ANCHOR_BYTES_MAX).map_err(|error| format!("this is not a trust anchor: {error}"))
}

fn schema_of(code: &[u8]) -> Option<Schema> {
    Schema::from_section(custom_section(code, SECTION)?).ok()
}

/// The bytes of `text` in hexadecimal, where it is that of `N` bytes.
fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    chancery_abi::types::from_hex(text)?.try_into().ok()
}

#[cfg(test)]
mod tests;
