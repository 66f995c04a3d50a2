//! Digesting documents of any size, piece by piece.

use sha2::{Digest as _, Sha256};
use wasm_bindgen::prelude::wasm_bindgen;

/// SHA-256 over a salt and a document, which is how documents are filed.
#[wasm_bindgen]
pub struct Hasher {
    state: Sha256,
}

#[wasm_bindgen]
impl Hasher {
    /// Begins with the salt, which may be empty.
    #[wasm_bindgen(constructor)]
    pub fn new(salt: &[u8]) -> Self {
        Self { state: Sha256::new_with_prefix(salt) }
    }

    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.state.update(piece);
    }

    /// The digest of all that was taken, 32 bytes.
    pub fn finish(&self) -> Vec<u8> {
        self.state.clone().finalize().to_vec()
    }
}
