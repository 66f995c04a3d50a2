//! The store's directory: who may use it, and whether what is in it is a whole store of this release.
//!
//! ```text
//! LOCK    held for as long as a process uses the store
//! STORE   one line, the format's version; written last, so that a store without it was never finished
//! db/     RocksDB's own files
//! ```
//!
//! Invariant: `STORE` is durable only after an empty database was opened beside it once. This module never deletes
//! anything: what it cannot use it names and leaves alone.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use chancery_runtime::storage::STORE_VERSION;

use super::StoreError;

const LOCK_FILE: &str = "LOCK";
const STORE_FILE: &str = "STORE";
const STORE_FILE_UNFINISHED: &str = "STORE.unfinished";
const DATABASE: &str = "db";
const MAGIC: &str = "chancery-store";
/// More than the line of any release has; a longer file is not one of ours.
const STORE_FILE_BYTES_MAX: u64 = 256;

/// A store's directory, locked for this process until dropped.
#[derive(Debug)]
pub struct StoreDirectory {
    path: PathBuf,
    fresh: bool,
    _lock: File,
}

impl StoreDirectory {
    /// Locks `path`, making it where it is missing, and checks what is in it.
    ///
    /// # Errors
    /// When it is in use, half-created, of another version, or not a store.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |action| move |reason| StoreError::Directory { action, path: path.to_owned(), reason };
        fs::create_dir_all(path).map_err(failed("make"))?;
        // Looked at before the lock file is made: a directory of someone else's files must stay as it is.
        let store_file = path.join(STORE_FILE);
        let exists = store_file.try_exists().map_err(failed("read"))?;
        if !exists && !path.join(LOCK_FILE).try_exists().map_err(failed("read"))? {
            let mut entries = fs::read_dir(path).map_err(failed("read"))?;
            if entries.next().is_some() {
                return Err(StoreError::NotAStore { path: path.to_owned() });
            }
        }
        let lock = lock(path)?;
        if exists {
            check_version(path, &store_file)?;
        } else if path.join(DATABASE).try_exists().map_err(failed("read"))? {
            return Err(StoreError::HalfCreated { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), fresh: !exists, _lock: lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the database's own files are.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Whether the store is yet to be created.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Marks the store as whole, after its database was created.
    ///
    /// # Errors
    /// When the mark cannot be made durable.
    pub fn finish_creation(&mut self) -> Result<(), StoreError> {
        let unfinished = self.path.join(STORE_FILE_UNFINISHED);
        let write = || -> io::Result<()> {
            let mut file = File::create(&unfinished)?;
            writeln!(file, "{MAGIC} {STORE_VERSION}")?;
            file.sync_all()?;
            fs::rename(&unfinished, self.path.join(STORE_FILE))?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|reason| StoreError::Directory { action: "write in", path: self.path.clone(), reason })?;
        self.fresh = false;
        Ok(())
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let failed = |reason| StoreError::Directory { action: "lock", path: path.to_owned(), reason };
    let file = File::options().create(true).truncate(false).write(true).open(path.join(LOCK_FILE)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(reason)) => Err(failed(reason)),
    }
}

fn check_version(path: &Path, store_file: &Path) -> Result<(), StoreError> {
    let failed = |reason| StoreError::Directory { action: "read", path: store_file.to_owned(), reason };
    let other = |found: String| StoreError::OtherVersion { path: path.to_owned(), expected: STORE_VERSION, found };
    if fs::metadata(store_file).map_err(failed)?.len() > STORE_FILE_BYTES_MAX {
        return Err(other("unknown".into()));
    }
    let bytes = fs::read(store_file).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    let version = text.trim_end().strip_prefix(MAGIC).map(str::trim_start);
    match version {
        Some(found) if found == STORE_VERSION.to_string() => Ok(()),
        Some(found) => Err(other(found.escape_default().to_string())),
        None => Err(other("unknown".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_store_opens_again_and_only_once_at_a_time() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join("store");
        let mut directory = StoreDirectory::open(&path).expect("a new directory");
        assert!(directory.is_fresh());
        fs::create_dir(directory.database()).expect("the database's directory");
        directory.finish_creation().expect("the mark");
        assert!(matches!(StoreDirectory::open(&path), Err(StoreError::Locked { .. })));
        drop(directory);
        assert!(!StoreDirectory::open(&path).expect("the same store").is_fresh());
    }

    #[test]
    fn half_created_foreign_and_other_versions_are_told_apart() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let half = home.path().join("half");
        let directory = StoreDirectory::open(&half).expect("a new directory");
        fs::create_dir(directory.database()).expect("the database's directory");
        drop(directory);
        assert!(matches!(StoreDirectory::open(&half), Err(StoreError::HalfCreated { .. })));

        let foreign = home.path().join("foreign");
        fs::create_dir(&foreign).expect("a directory");
        fs::write(foreign.join("letter.txt"), "dear all").expect("a file");
        assert!(matches!(StoreDirectory::open(&foreign), Err(StoreError::NotAStore { .. })));
        assert_eq!(fs::read_dir(&foreign).expect("readable").count(), 1, "nothing was added");

        for (name, text) in [("later", "chancery-store 99\n"), ("strange", "\u{0}\u{1}")] {
            let path = home.path().join(name);
            fs::create_dir(&path).expect("a directory");
            fs::write(path.join(STORE_FILE), text).expect("a file");
            assert!(matches!(StoreDirectory::open(&path), Err(StoreError::OtherVersion { .. })), "{name}");
        }
    }

    #[test]
    fn a_creation_that_ended_before_the_database_begins_again() {
        let home = tempfile::tempdir().expect("a temporary directory");
        drop(StoreDirectory::open(home.path()).expect("a new directory"));
        assert!(StoreDirectory::open(home.path()).expect("still nothing in it").is_fresh());
    }
}
