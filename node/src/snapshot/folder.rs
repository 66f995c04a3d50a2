//! A snapshot as files. A folder is whole once its manifest is there: that is written last.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use chancery_abi::TrustAnchor;
use chancery_runtime::state::snapshot::{CHUNK_BYTES_MAX, CheckedChunk};

use super::{CheckedManifest, MANIFEST_BYTES_MAX, Manifest, SnapshotError};

const MANIFEST: &str = "manifest";
/// What a file that is not whole yet ends with.
const PARTIAL: &str = "partial";

/// A folder that is, or is to become, a snapshot.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> SnapshotError {
    let path = path.to_owned();
    move |reason| SnapshotError::File { path, reason }
}

impl Folder {
    /// The folder at `path`, whatever is there.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the folder where it is missing.
    pub(super) fn make(&self) -> Result<(), SnapshotError> {
        fs::create_dir_all(&self.0).map_err(failed(&self.0))
    }

    /// Whether a manifest is there.
    pub(super) fn has_manifest(&self) -> bool {
        self.0.join(MANIFEST).exists()
    }

    /// The manifest's bytes.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn manifest_bytes(&self) -> Result<Vec<u8>, SnapshotError> {
        self.read(MANIFEST, MANIFEST_BYTES_MAX)
    }

    /// The manifest, once it has been found to lead to `anchor`.
    ///
    /// # Errors
    /// When it cannot be read or does not.
    pub fn manifest(&self, anchor: &TrustAnchor) -> Result<CheckedManifest, SnapshotError> {
        Manifest::from_bytes(&self.manifest_bytes()?)?.check(anchor)
    }

    /// A chunk's bytes, as they are.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn chunk_bytes(&self, number: usize) -> Result<Vec<u8>, SnapshotError> {
        self.read(&chunk_name(number), CHUNK_BYTES_MAX)
    }

    /// A chunk, once it has been found to be the state's.
    ///
    /// # Errors
    /// When it cannot be read or is not.
    pub fn chunk(&self, manifest: &CheckedManifest, number: usize) -> Result<CheckedChunk, SnapshotError> {
        let place = manifest.places().get(number);
        let place = place.ok_or_else(|| SnapshotError::Unfit(format!("there is no chunk {number}")))?;
        Ok(place.check(&self.chunk_bytes(number)?)?)
    }

    pub(super) fn keep_chunk(&self, number: usize, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.keep(&chunk_name(number), bytes)
    }

    pub(super) fn keep_manifest(&self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.keep(MANIFEST, bytes)?;
        // The names of all files, too.
        fs::File::open(&self.0).and_then(|folder| folder.sync_all()).map_err(failed(&self.0))
    }

    /// Takes the manifest away, so that another snapshot's may come; chunks that it has too are used again.
    pub(super) fn forget_manifest(&self) -> Result<(), SnapshotError> {
        let path = self.0.join(MANIFEST);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(&path)(error)),
            _ => Ok(()),
        }
    }

    /// Bytes of all its files.
    pub(super) fn bytes(&self) -> Result<u64, SnapshotError> {
        let mut bytes = 0;
        for entry in fs::read_dir(&self.0).map_err(failed(&self.0))? {
            bytes += entry.and_then(|entry| entry.metadata()).map_err(failed(&self.0))?.len();
        }
        Ok(bytes)
    }

    /// Removes the folder with all that is in it.
    pub(super) fn remove(&self) -> Result<(), SnapshotError> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(&self.0)(error)),
            _ => Ok(()),
        }
    }

    fn read(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, SnapshotError> {
        let path = self.0.join(name);
        let length = fs::metadata(&path).map_err(failed(&path))?.len();
        if length > bytes_max as u64 {
            return Err(SnapshotError::Unfit(format!("{} has {length} bytes", path.display())));
        }
        fs::read(&path).map_err(failed(&path))
    }

    /// Writes a file whole or not at all.
    fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), SnapshotError> {
        let path = self.0.join(name);
        let partial = path.with_extension(PARTIAL);
        let write = || {
            let mut file = fs::File::create(&partial)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&partial, &path)
        };
        write().map_err(failed(&path))
    }
}

fn chunk_name(number: usize) -> String {
    format!("chunk-{number:06}")
}
