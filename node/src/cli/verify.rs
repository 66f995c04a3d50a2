//! `chancery verify`: judges a proof with nothing but a trust anchor. It opens no connection.
//!
//! With a document and its salt it also says whether the proof is about that document: its salted digest, or the root of
//! the batch that the digest is in, must stand in the proven key or value.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chancery_abi::{Digest, TrustAnchor, codec, limits::PROOF_BYTES_MAX, schema::Schema};
use chancery_build::source;
use chancery_verify::{Verified, verify};
use clap::Args;
use serde_json::{Value, json};

use super::{
    contract::source_failure,
    digest::{documents, paths, salts},
    failure::{Failure, Result, at},
    options::Format,
    outcome::plain,
    output::Output,
};
use crate::schema_json::proof;

/// Bytes of a trust anchor.
const ANCHOR_BYTES_MAX: usize = 64 * 1024;

/// Verify a proof, without a network.
#[derive(Args)]
pub(super) struct Verify {
    /// The proof.
    file: PathBuf,
    /// The trust anchor, from a source you trust.
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    /// The contract's module, to say what the bytes mean. Only explains; proves nothing.
    #[arg(long, value_name = "WASM")]
    schema: Option<PathBuf>,
    /// Check that the proof is about this document.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// The document's salt, in hexadecimal.
    #[arg(long, value_name = "HEX", requires = "document")]
    salt: Option<String>,
    /// The file of salts that `chancery digest` keeps, to find the document's.
    #[arg(long, value_name = "FILE", requires = "document", conflicts_with = "salt")]
    salt_file: Option<PathBuf>,
    /// The paths of the batch that the document is in.
    #[arg(long, value_name = "FILE", requires = "document")]
    paths: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// What ties a document to a proof.
struct Tie {
    digest: Digest,
    /// The batch's root and the document's place in it, where it is in one.
    batch: Option<(Digest, u64, u64)>,
    /// `key` or `value`.
    stands_in: &'static str,
}

/// The trust anchor in a file.
///
/// # Errors
/// When it cannot be read or is none.
pub(super) fn read_anchor(file: &Path) -> Result<TrustAnchor> {
    let bytes = fs::read(file).map_err(at(file))?;
    codec::decode(&bytes, ANCHOR_BYTES_MAX)
        .map_err(|error| Failure::new(format!("{} is not a trust anchor", file.display())).because(error))
}

impl Verify {
    /// Runs the command.
    ///
    /// # Errors
    /// When the proof does not hold, or is not about the document.
    pub(super) fn run(self, output: &Output) -> Result {
        let anchor = read_anchor(&self.anchor)?;
        let bundle = read_bounded(&self.file, PROOF_BYTES_MAX as u64)?;
        let verified = verify(&bundle, &anchor).map_err(|error| {
            Failure::new(format!("NOT PROVEN: {} does not hold under this anchor", self.file.display()))
                .because(error)
                .code("not_proven")
        })?;
        let schema = match &self.schema {
            Some(path) => Some(source::load(path).map_err(source_failure)?.schema().clone()),
            None => None,
        };
        let tie = match &self.document {
            Some(document) => Some(self.tie(document, &verified)?),
            None => None,
        };
        let json = json(&verified, schema.as_ref(), tie.as_ref());
        output.result(&json, || text(&verified, schema.as_ref(), tie.as_ref(), self.document.as_deref()))
    }

    fn tie(&self, document: &Path, verified: &Verified) -> Result<Tie> {
        let candidates = match (&self.salt, &self.salt_file) {
            (Some(salt), _) => vec![salts::parse(salt)?],
            (None, Some(file)) => salts::candidates(file, document)?,
            (None, None) => {
                return Err(Failure::usage("the document's salt is needed").help("give --salt HEX or --salt-file FILE"));
            }
        };
        for digest in documents::salted_digests(document, &candidates)? {
            let (wanted, batch) = match &self.paths {
                None => (digest, None),
                Some(file) => match paths::find(file, &digest)? {
                    Some(member) => (member.root, Some((member.root, member.path.index, member.path.count))),
                    None => continue,
                },
            };
            let within =
                |bytes: Option<&[u8]>| bytes.is_some_and(|bytes| bytes.windows(32).any(|part| part == wanted.0));
            let stands_in = if within(verified.statement.key()) {
                "key"
            } else if within(verified.statement.value()) {
                "value"
            } else {
                continue;
            };
            return Ok(Tie { digest, batch, stands_in });
        }
        Err(Failure::new(format!("the proof holds, and is NOT about {}", document.display()))
            .because("neither the document's salted digest nor the root of its batch stands in what is proven")
            .help("is this the document as it was filed, byte for byte, with its own salt?")
            .code("other_document"))
    }
}

fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let length = fs::metadata(path).map_err(at(path))?.len();
    if length > bytes_max {
        let problem = format!("{} has {length} bytes, of which a proof has at most {bytes_max}", path.display());
        return Err(Failure::new(problem).code("not_proven"));
    }
    fs::read(path).map_err(at(path))
}

fn json(verified: &Verified, schema: Option<&Schema>, tie: Option<&Tie>) -> Value {
    let mut json = proof::verified(verified, schema);
    if let Some(tie) = tie {
        json["document"] = json!({
            "digest": tie.digest.to_string(),
            "stands_in": tie.stands_in,
            "batch": tie.batch.map(|(root, index, count)| json!({ "root": root.to_string(), "index": index, "count": count })),
        });
    }
    json
}

fn text(verified: &Verified, schema: Option<&Schema>, tie: Option<&Tie>, document: Option<&Path>) -> String {
    let mut lines = vec!["PROVEN".to_owned()];
    lines.extend(verified.sentences());
    if let Some((field, key, value)) = schema.and_then(|schema| proof::meaning(&verified.statement, schema)) {
        let key = key.map(|key| format!("[{}]", plain(&key))).unwrap_or_default();
        let value = match value {
            Some(value) => format!(" = {}", super::outcome::pretty(&value)),
            None if verified.statement.value().is_none() => " is not there".into(),
            None => " is there".into(),
        };
        lines.push(format!("By the schema given: {field}{key}{value}"));
    }
    if let (Some(tie), Some(document)) = (tie, document) {
        let document = document.display();
        lines.push(match tie.batch {
            None => format!("The salted digest of {document} stands in the proven {}.", tie.stands_in),
            Some((_, index, count)) => {
                format!(
                    "{document} is number {} of {count} in the batch whose root stands in the proven {}.",
                    index + 1,
                    tie.stands_in
                )
            }
        });
    }
    lines.join("\n")
}
