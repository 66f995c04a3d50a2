//! Whether there is room for a snapshot, on the disk of the downloads and on the store's, which may be one.
//!
//! How long chunks are is a source's word. By it a download is not even begun; while it goes on, what is really left is
//! looked at before every chunk.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{Folder, Manifest, SnapshotError};
use crate::store::disk_space;

/// Bytes in the database for each byte of a chunk: the values, the trie over them, and what is being compacted.
const ROWS_FOR_CHUNKS: u64 = 2;

/// Two places and what must stay free there.
pub(super) struct Room {
    downloads: PathBuf,
    store: PathBuf,
    reserve_bytes: u64,
}

impl Room {
    /// Room in `folder` and in the store's directory, with so many bytes to be left.
    pub(super) fn of(folder: &Folder, store: &Path, reserve_bytes: u64) -> Self {
        Self { downloads: folder.path().to_owned(), store: store.to_owned(), reserve_bytes }
    }

    /// Whether there is room for the snapshot with this manifest, some of which may be in `folder` already.
    ///
    /// # Errors
    /// When there is not, or the operating system does not say.
    pub(super) fn is_there_for(&self, manifest: &Manifest, folder: &Folder) -> Result<(), SnapshotError> {
        let chunks: u64 = manifest.chunk_bytes.iter().map(|bytes| u64::from(*bytes)).sum();
        let (missing, rows) = (chunks.saturating_sub(folder.bytes()?), chunks.saturating_mul(ROWS_FOR_CHUNKS));
        if self.is_one_disk()? {
            return self.has(&self.store, missing.saturating_add(rows));
        }
        self.has(&self.downloads, missing)?;
        self.has(&self.store, rows)
    }

    /// Whether the reserve is untouched.
    ///
    /// # Errors
    /// When it is not, or the operating system does not say.
    pub(super) fn is_left(&self) -> Result<(), SnapshotError> {
        self.has(&self.store, 0)?;
        self.has(&self.downloads, 0)
    }

    fn has(&self, path: &Path, bytes: u64) -> Result<(), SnapshotError> {
        let needed = bytes.saturating_add(self.reserve_bytes);
        let left = disk_space::free_bytes(path).map_err(failed(path))?;
        match left < needed {
            true => {
                Err(SnapshotError::NoRoom { path: path.to_owned(), left_mib: left >> 20, needed_mib: needed >> 20 })
            }
            false => Ok(()),
        }
    }

    fn is_one_disk(&self) -> Result<bool, SnapshotError> {
        let disk = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).map_err(failed(path));
        Ok(disk(&self.downloads)? == disk(&self.store)?)
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> SnapshotError {
    let path = path.to_owned();
    move |reason| SnapshotError::File { path, reason }
}
