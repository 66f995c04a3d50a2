//! The file of salts: a line of JSON for each document, readable by its owner alone. Lines are only ever appended, so
//! that a document which changed keeps the salts of its earlier forms.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use chancery_abi::{Digest, types::from_hex};
use serde::{Deserialize, Serialize};

use super::documents::{Document, Salt, Salted};
use crate::{
    cli::failure::{Failure, Result, at},
    schema_json::to_hex,
};

#[derive(Serialize, Deserialize)]
struct Entry {
    document: String,
    salt: String,
    digest: String,
}

/// The salts of this machine's documents.
pub(super) struct SaltFile {
    path: PathBuf,
    known: BTreeMap<String, (Salt, Digest)>,
    new: Vec<Entry>,
}

impl SaltFile {
    /// The salts kept in `path`; none when there is no such file yet.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut known = BTreeMap::new();
        for entry in read(path)? {
            let parsed = parse(&entry.salt).ok().zip(entry.digest.parse().ok());
            let parsed = parsed.ok_or_else(|| malformed(path))?;
            known.insert(entry.document, parsed);
        }
        Ok(Self { path: path.into(), known, new: Vec::new() })
    }

    /// The document's digest: the one it had, if it has not changed since, else one under a new salt.
    pub(super) fn digest(&mut self, document: &Document) -> Result<Salted> {
        let name = document.name();
        if let Some((salt, digest)) = self.known.get(&name)
            && document.digest(salt)? == *digest
        {
            return Ok(Salted { document: name, digest: *digest });
        }
        let mut salt = Salt::default();
        getrandom::fill(&mut salt).map_err(|error| Failure::new(format!("this machine has no randomness: {error}")))?;
        let digest = document.digest(&salt)?;
        self.known.insert(name.clone(), (salt, digest));
        self.new.push(Entry { document: name.clone(), salt: to_hex(&salt), digest: digest.to_string() });
        Ok(Salted { document: name, digest })
    }

    /// Appends the new salts and waits until they are on the disk.
    pub(super) fn keep(self) -> Result {
        if self.new.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for entry in &self.new {
            text.push_str(&serde_json::to_string(entry).expect("an entry is texts"));
            text.push('\n');
        }
        let append = || -> io::Result<()> {
            let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        append().map_err(at(&self.path))
    }
}

/// The salts that `document` may have: those of its own name, else of all names.
pub(in crate::cli) fn candidates(path: &Path, document: &Path) -> Result<Vec<Salt>> {
    fs::metadata(path).map_err(at(path))?;
    let entries = read(path)?;
    let same = |entry: &&Entry| {
        let recorded = Path::new(&entry.document);
        recorded == document || (recorded.file_name().is_some() && recorded.file_name() == document.file_name())
    };
    let mut named: Vec<&Entry> = entries.iter().filter(same).collect();
    if named.is_empty() {
        named = entries.iter().collect();
    }
    named.into_iter().map(|entry| parse(&entry.salt).map_err(|_| malformed(path))).collect()
}

/// A salt in hexadecimal.
pub(in crate::cli) fn parse(text: &str) -> Result<Salt> {
    let salt = from_hex(text).and_then(|bytes| bytes.try_into().ok());
    salt.ok_or_else(|| Failure::usage("a salt is 64 hexadecimal digits"))
}

fn read(path: &Path) -> Result<Vec<Entry>> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file.map_err(at(path))?,
    };
    let entry = |line: io::Result<String>| serde_json::from_str(&line.map_err(at(path))?).map_err(|_| malformed(path));
    BufReader::new(file).lines().map(entry).collect()
}

fn malformed(path: &Path) -> Failure {
    Failure::new(format!("{} is not a file of salts", path.display())).help("name another with --salt-file")
}
