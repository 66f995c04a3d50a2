//! Documents and their salted digests.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use chancery_abi::Digest;
use sha2::{Digest as _, Sha256};

use crate::cli::failure::{Result, at};

/// Bytes of a salt.
pub(in crate::cli) const SALT_BYTES: usize = 32;
/// Bytes that are read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Random bytes that make a digest tell nothing.
pub(in crate::cli) type Salt = [u8; SALT_BYTES];

/// Something that is digested.
pub(super) enum Document {
    /// A file.
    File(PathBuf),
    /// A line of a file, without its end.
    Line {
        /// The file.
        file: PathBuf,
        /// From 1.
        number: usize,
        /// The line.
        text: String,
    },
}

/// A document's digest.
pub(super) struct Salted {
    /// What the document is called on this machine.
    pub(super) document: String,
    /// SHA-256(salt || document).
    pub(super) digest: Digest,
}

impl Document {
    /// What it is called on this machine.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Line { file, number, .. } => format!("{}:{number}", file.display()),
        }
    }

    /// SHA-256(salt || document).
    pub(super) fn digest(&self, salt: &Salt) -> Result<Digest> {
        match self {
            Self::File(path) => digest_of_file(path, salt),
            Self::Line { text, .. } => Ok(Digest(Sha256::new_with_prefix(salt).chain_update(text).finalize().into())),
        }
    }
}

/// The digests that `document` has under each of `salts`.
pub(in crate::cli) fn salted_digests(document: &Path, salts: &[Salt]) -> Result<Vec<Digest>> {
    salts.iter().map(|salt| digest_of_file(document, salt)).collect()
}

fn digest_of_file(path: &Path, salt: &Salt) -> Result<Digest> {
    let mut file = File::open(path).map_err(at(path))?;
    let (mut hasher, mut piece) = (Sha256::new_with_prefix(salt), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece).map_err(at(path))? {
            0 => return Ok(Digest(hasher.finalize().into())),
            count => hasher.update(&piece[..count]),
        }
    }
}
