//! Compiled contracts on this node's disk, so that a restart does not compile them again.
//!
//! ```text
//! modules/KEY         32 random bytes, readable by the node alone: what the MACs are made with
//! modules/NAME        one compiled module; the oldest go when there are too many bytes
//! modules/NAME.new    one that is being written
//! ```
//!
//! Nothing here is trusted or needed. The runtime checks each file's MAC before it is used and compiles again where that
//! fails, so a file that is torn, changed, missing or unreadable costs time and nothing else, and so does a disk that is
//! full. Whoever can read `KEY` can make the node run machine code of theirs, which is why others must not: a key that
//! others can read is thrown away, and with it everything that it signed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use chancery_runtime::engine::{KeptModules, ModuleStore};

const KEY_FILE: &str = "KEY";
const KEY_BYTES: usize = 32;
const UNFINISHED: &str = ".new";
/// A compiled module is many times its source, of which there are at most 256 KiB; more is not one of ours.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The directory of compiled modules.
#[derive(Debug)]
pub struct ModuleFiles {
    directory: PathBuf,
    bytes_max: u64,
    /// Held while files come and go, so that the sum is right.
    writing: Mutex<()>,
}

impl ModuleFiles {
    /// The compiled modules in `directory`, at most `bytes_max` of them, with the key they are signed with.
    ///
    /// # Errors
    /// When the directory or the key can be neither used nor made. A node then does without.
    pub fn open(directory: &Path, bytes_max: u64) -> io::Result<KeptModules> {
        fs::create_dir_all(directory)?;
        let key = key(&directory.join(KEY_FILE))?;
        let files = Self { directory: directory.to_owned(), bytes_max, writing: Mutex::default() };
        files.make_room(0)?;
        Ok(KeptModules::new(Box::new(files), key))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let file = OpenOptions::new().read(true).write(true).open(self.directory.join(name))?;
        let mut bytes = Vec::new();
        // One byte more than there may be, so that a longer file does not pass for its beginning.
        (&file).take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        // Used now, so it goes later. Where that cannot be noted, it goes by its age.
        file.set_modified(SystemTime::now()).ok();
        Ok(bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() as u64 > self.bytes_max.min(FILE_BYTES_MAX) {
            return Ok(());
        }
        self.make_room(bytes.len() as u64)?;
        let unfinished = self.directory.join(format!("{name}{UNFINISHED}"));
        let written = fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, self.directory.join(name)));
        if written.is_err() {
            fs::remove_file(&unfinished).ok();
        }
        written
    }

    /// Removes the files that were used longest ago until there is room for so many bytes, and what was left unfinished.
    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let (entry, path) = entry.map(|entry| (entry.metadata(), entry.path()))?;
            let metadata = entry?;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.ends_with(UNFINISHED) {
                fs::remove_file(&path)?;
            } else if metadata.is_file() && name != KEY_FILE {
                files.push((metadata.modified()?, metadata.len(), path));
            }
        }
        files.sort();
        let mut kept: u64 = files.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in files {
            if kept + bytes <= self.bytes_max {
                break;
            }
            fs::remove_file(path)?;
            kept -= length;
        }
        Ok(())
    }
}

impl ModuleStore for ModuleFiles {
    fn load(&self, name: &str) -> Option<Vec<u8>> {
        match self.read(name) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%error, name, "a compiled contract cannot be read and is compiled again");
                }
                None
            }
        }
    }

    fn save(&self, name: &str, bytes: &[u8]) {
        if let Err(error) = self.write(name, bytes) {
            tracing::warn!(%error, name, "a compiled contract is not kept");
        }
    }
}

/// The node's key for its compiled modules; a new one where there is none that is secret and whole.
fn key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    match read_key(path) {
        Ok(Some(key)) => return Ok(key),
        Ok(None) => {
            tracing::warn!(path = %path.display(), "the key of the compiled contracts is not secret or not whole; a new one");
            fs::remove_file(path)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&key)?;
    Ok(key)
}

fn read_key(path: &Path) -> io::Result<Option<[u8; KEY_BYTES]>> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.permissions().mode() & 0o077 != 0 || metadata.len() != KEY_BYTES as u64 {
        return Ok(None);
    }
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key)?;
    Ok(Some(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(home: &Path, bytes_max: u64) -> ModuleFiles {
        ModuleFiles { directory: home.to_owned(), bytes_max, writing: Mutex::default() }
    }

    #[test]
    fn the_key_is_made_once_for_the_node_alone_and_anew_when_others_could_read_it() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join(KEY_FILE);
        let first = key(&path).expect("a key");
        let mode = fs::metadata(&path).expect("its file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(key(&path).expect("the same key"), first);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("readable by others");
        let second = key(&path).expect("a new key");
        assert_ne!(second, first);
        fs::write(&path, &second[..31]).expect("torn");
        let third = key(&path).expect("a new key");
        assert_ne!(third, second);
        assert_eq!(fs::metadata(&path).expect("its file").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_was_used_longest_ago_goes_when_there_is_no_more_room() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let files = files(home.path(), 1_000);
        let at = |seconds| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
            files.save(name, &[number as u8; 300]);
            let file = File::options().write(true).open(home.path().join(name)).expect("the file");
            file.set_modified(at(number as u64 + 1)).expect("its age");
        }
        assert_eq!(files.load("a"), Some(vec![0; 300]), "used now, so `b` is the oldest");
        fs::write(home.path().join("x.new"), [9; 5_000]).expect("left by a crash");
        files.save("d", &[3; 300]);
        assert_eq!(files.load("b"), None);
        assert!(["a", "c", "d"].iter().all(|name| files.load(name).is_some()));
        assert!(!home.path().join("x.new").exists());
        files.save("huge", &[0; 1_001]);
        assert_eq!(files.load("huge"), None, "more than there is room for at all");
        assert!(files.load("d").is_some(), "and nothing goes for it");
    }

    #[test]
    fn a_directory_that_cannot_be_used_is_an_error_and_a_file_that_cannot_be_written_is_not() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let taken = home.path().join("modules");
        fs::write(&taken, "a file").expect("a file where the directory should be");
        assert!(ModuleFiles::open(&taken, 1_000).is_err());
        let gone = files(&home.path().join("gone"), 1_000);
        gone.save("a", &[1; 10]);
        assert_eq!(gone.load("a"), None);
        // A directory in the place of a file can be neither read nor replaced.
        let files = files(home.path(), 1_000);
        fs::create_dir_all(home.path().join("a/b")).expect("a directory");
        files.save("a", &[1; 10]);
        assert_eq!(files.load("a"), None);
        assert!(!home.path().join("a.new").exists(), "nothing is left of the attempt");
    }
}
