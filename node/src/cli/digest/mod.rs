//! `chancery digest`: what may go on a chain in a document's place.
//!
//! A document's digest is SHA-256(salt || document), with 32 random bytes of salt for each document. Salts stay in a
//! local file and never go on a chain: without its salt nobody can tell which document a digest is of, and erasing the
//! salt erases the tie for ever. A batch puts any number of digests under one Merkle root (RFC 6962, a digest's 32
//! bytes being the leaf's entry), and a path shows that a digest is in it.

pub(super) mod documents;
pub(super) mod paths;
pub(super) mod salts;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
};

use chancery_abi::{Digest, merkle};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    failure::{Failure, Result, at},
    options::Format,
    output::{Output, table},
};
use documents::{Document, Salted};
use salts::SaltFile;

/// Digests of one batch.
const BATCH_MAX: usize = 10_000_000;

/// Make salted digests of documents.
///
/// chancery digest FILE ...          a digest for each document
/// chancery digest batch FILE ...    one Merkle root over the digests of many
/// chancery digest path ...          the path of one digest in a batch
#[derive(Args)]
#[command(verbatim_doc_comment, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct DigestCommand {
    #[command(subcommand)]
    group: Option<Group>,
    #[command(flatten)]
    each: Each,
}

#[derive(Subcommand)]
enum Group {
    /// Put the digests of many documents under one Merkle root.
    Batch(Batch),
    /// Show the path of one digest in a batch, as contracts take it.
    Path(ShowPath),
}

/// Which documents.
#[derive(Args)]
struct Documents {
    /// The documents.
    files: Vec<PathBuf>,
    /// A file that names one document a line; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,
    /// A file of which every line is a document, such as a register's export.
    #[arg(long, value_name = "FILE")]
    lines: Option<PathBuf>,
    /// Where salts are kept, on this machine only.
    #[arg(long, value_name = "FILE", default_value = "chancery-salts.jsonl")]
    salt_file: PathBuf,
}

/// A digest for each document.
#[derive(Args)]
struct Each {
    #[command(flatten)]
    documents: Documents,
    /// Print a line of JSON for each, for `chancery call ... --each`.
    #[arg(long)]
    jsonl: bool,
    /// The name of the digest in those lines.
    #[arg(long, value_name = "NAME", default_value = "digest")]
    name: String,
    #[command(flatten)]
    format: Format,
}

/// A root over many.
#[derive(Args)]
struct Batch {
    #[command(flatten)]
    documents: Documents,
    /// A file of digests made before, one a line: hexadecimal, or JSON with a member `digest`.
    #[arg(long, value_name = "FILE")]
    digests: Option<PathBuf>,
    /// Where to write every digest's path.
    #[arg(long, value_name = "FILE")]
    paths: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// One digest's path.
#[derive(Args)]
struct ShowPath {
    /// The batch's paths.
    #[arg(long, value_name = "FILE")]
    paths: PathBuf,
    /// The digest.
    #[arg(long, value_name = "HEX")]
    digest: Digest,
    #[command(flatten)]
    format: Format,
}

impl DigestCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When a document cannot be read or a file cannot be written.
    pub(super) fn run(self, output: &Output) -> Result {
        match self.group {
            None => self.each.run(output),
            Some(Group::Batch(batch)) => batch.run(output),
            Some(Group::Path(path)) => path.run(output),
        }
    }
}

impl Documents {
    fn list(&self) -> Result<Vec<Document>> {
        let mut list: Vec<Document> = self.files.iter().cloned().map(Document::File).collect();
        if let Some(names) = &self.files_from {
            let named = |line: String| (!line.is_empty()).then(|| Document::File(line.into()));
            list.extend(read_lines(names)?.into_iter().filter_map(named));
        }
        if let Some(file) = &self.lines {
            let place = |(index, text)| Document::Line { file: file.clone(), number: index + 1, text };
            list.extend(read_lines(file)?.into_iter().enumerate().map(place));
        }
        Ok(list)
    }

    fn salted(&self, output: &Output) -> Result<Vec<Salted>> {
        let list = self.list()?;
        let mut salts = SaltFile::open(&self.salt_file)?;
        let mut progress = output.progress("documents", Some(list.len() as u64));
        let mut salted = Vec::with_capacity(list.len());
        for document in &list {
            salted.push(salts.digest(document)?);
            progress.step();
        }
        // The salts are safe before any digest leaves this machine.
        salts.keep()?;
        progress.finish();
        Ok(salted)
    }
}

impl Each {
    fn run(self, output: &Output) -> Result {
        let salted = self.documents.salted(output)?;
        if salted.is_empty() {
            return Err(Failure::usage("which documents?").help("name files, or give --files-from or --lines"));
        }
        if self.jsonl {
            let line = |salted: &Salted| json!({ self.name.as_str(): salted.digest.to_string(), "_document": salted.document });
            return salted.iter().try_for_each(|salted| output.document(&line(salted)));
        }
        let view = |salted: &Salted| json!({ "digest": salted.digest.to_string(), "document": salted.document });
        let json =
            json!({ "documents": salted.iter().map(view).collect::<Vec<_>>(), "salt_file": self.documents.salt_file });
        output.result(&json, || {
            let row = |salted: &Salted| vec![salted.digest.to_string(), salted.document.clone()];
            table(&["DIGEST", "DOCUMENT"], &[], &salted.iter().map(row).collect::<Vec<_>>())
        })
    }
}

impl Batch {
    fn run(self, output: &Output) -> Result {
        let mut digests: Vec<Digest> = self.documents.salted(output)?.into_iter().map(|salted| salted.digest).collect();
        if let Some(file) = &self.digests {
            for (index, line) in read_lines(file)?.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let digest = ready_digest(line);
                digests.push(
                    digest.ok_or_else(|| {
                        Failure::new(format!("{}: line {} is not a digest", file.display(), index + 1))
                    })?,
                );
            }
        }
        if digests.is_empty() {
            return Err(
                Failure::usage("which documents?").help("name files, or give --files-from, --lines or --digests")
            );
        }
        if digests.len() > BATCH_MAX {
            return Err(Failure::new(format!("{} digests, of which a batch has at most {BATCH_MAX}", digests.len())));
        }
        let root = paths::write(&self.paths, &digests)?;
        let json = json!({ "root": root.to_string(), "count": digests.len(), "paths": self.paths });
        output.result(&json, || format!("root   {root}\ncount  {}\npaths  {}", digests.len(), self.paths.display()))
    }
}

impl ShowPath {
    fn run(self, output: &Output) -> Result {
        let member = paths::find(&self.paths, &self.digest)?;
        let member =
            member.ok_or_else(|| Failure::new(format!("{} is not in this batch", self.digest)).code("not_in_batch"))?;
        let siblings: Vec<String> = member.path.siblings.iter().map(Digest::to_string).collect();
        let json = json!({ "index": member.path.index, "count": member.path.count, "siblings": siblings });
        output.result(&json, || json.to_string())
    }
}

fn ready_digest(line: &str) -> Option<Digest> {
    let line = line.trim();
    match serde_json::from_str::<Value>(line) {
        Ok(Value::Object(object)) => object.get("digest")?.as_str()?.parse().ok(),
        _ => line.parse().ok(),
    }
}

/// The lines of a file; `-` is standard input.
fn read_lines(path: &Path) -> Result<Vec<String>> {
    let reader: Box<dyn std::io::BufRead> = match path.as_os_str() == "-" {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(BufReader::new(fs::File::open(path).map_err(at(path))?)),
    };
    reader.lines().take(BATCH_MAX + 1).map(|line| line.map_err(at(path))).collect()
}

/// The leaf of a digest in a batch.
fn leaf(digest: &Digest) -> Digest {
    merkle::leaf(&digest.0)
}

/// Writes a file whole or not at all, and never over another.
fn write_new(path: &Path, write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> Result {
    let mut file = std::io::BufWriter::new(fs::File::create_new(path).map_err(at(path))?);
    let written = write(&mut file).and_then(|()| file.flush()).and_then(|()| file.get_ref().sync_all());
    written.map_err(at(path))
}

#[cfg(test)]
mod tests;
