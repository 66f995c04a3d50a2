//! The file of a batch's paths, which the department that files a batch gives out: the root and count in the first line, then a
//! line for each digest, all JSON. Read line by line, since a batch may have millions.

use chancery_abi::{Digest, merkle};
use serde_json::{Value, json};

/// What the first line says it is.
const FORMAT: &str = "chancery-paths/1";

/// Why a file of paths says nothing of a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathsError {
    /// It is no file of paths.
    #[error("it is not a file of paths")]
    Unreadable,
    /// It has a format that this release does not know.
    #[error("it has format `{found}`; this release reads `{FORMAT}`")]
    OtherFormat {
        /// The format found.
        found: String,
    },
    /// A path does not lead to the file's own root.
    #[error("the path of {digest} in it does not lead to its root")]
    WrongPath {
        /// The digest.
        digest: Digest,
    },
}

impl PathsError {
    /// A stable, lower-case word for it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::OtherFormat { .. } => "other_format",
            Self::WrongPath { .. } => "wrong_path",
        }
    }
}

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heading {
    /// The batch's root.
    pub root: Digest,
    /// How many digests it has.
    pub count: u64,
}

/// A digest's place in a batch, checked against the batch's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The batch's root.
    pub root: Digest,
    /// The place, and the siblings that lead to the root.
    pub path: merkle::Path,
}

impl Heading {
    /// Reads the first line.
    ///
    /// # Errors
    /// When it is none, or of another format.
    pub fn read(line: &str) -> Result<Self, PathsError> {
        let json: Value = serde_json::from_str(line).map_err(|_| PathsError::Unreadable)?;
        let format = json["format"].as_str().ok_or(PathsError::Unreadable)?;
        if format != FORMAT {
            return Err(PathsError::OtherFormat { found: format.into() });
        }
        let count = json["count"].as_u64().ok_or(PathsError::Unreadable)?;
        Ok(Self { root: read_digest(&json["root"])?, count })
    }

    /// The first line.
    pub fn line(&self) -> String {
        json!({ "format": FORMAT, "root": self.root.to_string(), "count": self.count }).to_string()
    }

    /// What another line says of `digest`; none when it is about another.
    ///
    /// # Errors
    /// When it is malformed, or its path does not lead to the root.
    pub fn member(&self, line: &str, digest: &Digest) -> Result<Option<Member>, PathsError> {
        // Lines are many and long; only one that has the digest somewhere is read, and it may be there as a sibling.
        let wanted = digest.to_string();
        if !line.contains(&wanted) {
            return Ok(None);
        }
        let json: Value = serde_json::from_str(line).map_err(|_| PathsError::Unreadable)?;
        if json["digest"] != *wanted {
            return Ok(None);
        }
        let index = json["index"].as_u64().ok_or(PathsError::Unreadable)?;
        let siblings = json["siblings"].as_array().ok_or(PathsError::Unreadable)?;
        let siblings = siblings.iter().map(read_digest).collect::<Result<_, _>>()?;
        let path = merkle::Path { index, count: self.count, siblings };
        match path.root(&merkle::leaf(&digest.0)) == Some(self.root) {
            true => Ok(Some(Member { root: self.root, path })),
            false => Err(PathsError::WrongPath { digest: *digest }),
        }
    }
}

/// A line for a digest: its place and the siblings from the leaf upwards.
pub fn entry_line(digest: &Digest, index: u64, siblings: &[Digest]) -> String {
    let siblings: Vec<_> = siblings.iter().map(Digest::to_string).collect();
    json!({ "digest": digest.to_string(), "index": index, "siblings": siblings }).to_string()
}

fn read_digest(value: &Value) -> Result<Digest, PathsError> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or(PathsError::Unreadable)
}
