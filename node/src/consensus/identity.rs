//! Whose files the engine's directory holds. What is in them says what this key has voted for, so they must never be
//! used with another key or chain, and their loss must never be passed over.
//!
//! `IDENTITY` has three lines: the format, the genesis' digest, the public key. It is written before the first vote.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use chancery_abi::Digest;

const FILE: &str = "IDENTITY";
const FORMAT: &str = "chancery-consensus 1";

/// Why the engine's directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It cannot be made, read or written.
    #[error("cannot use {path}: {reason}")]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// It is of another node or chain.
    #[error(
        "{path} belongs to another node or chain: it has {what} {found}, and this node has {expected}; a directory is \
         never used again for another one"
    )]
    Other {
        /// The directory.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What this node has.
        expected: String,
        /// What is there.
        found: String,
    },
    /// It holds something else.
    #[error("{path} holds files that this release does not know; name another directory")]
    Unknown {
        /// The directory.
        path: PathBuf,
    },
    /// The chain's store has blocks, and what this key voted for is gone.
    #[error(
        "the chain's store is at height {height}, and {path}, which says what this node's key has voted for, is \
         missing. Signing again could contradict an earlier vote. Let the node join with a new key, or restore the \
         directory as it was when the node last stopped"
    )]
    VotesMissing {
        /// The directory.
        path: PathBuf,
        /// The height.
        height: u64,
    },
}

/// Checks that `directory` is this node's, or makes it so when the chain is at its beginning, which is `base` where the
/// store was filled from a snapshot.
///
/// # Errors
/// When it is another's, or missing although the chain has blocks.
pub(super) fn claim(
    directory: &Path,
    genesis: &Digest,
    key: &[u8; 32],
    height: u64,
    base: Option<u64>,
) -> Result<(), IdentityError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |reason| IdentityError::Directory { path, reason }
    };
    let file = directory.join(FILE);
    let expected = [FORMAT.to_owned(), genesis.to_string(), Digest(*key).to_string()];
    if file.try_exists().map_err(failed(&file))? {
        let text = fs::read_to_string(&file).map_err(failed(&file))?;
        let found: Vec<&str> = text.lines().collect();
        let names = ["format", "genesis", "validator key"];
        if found.len() != names.len() {
            return Err(IdentityError::Unknown { path: directory.to_owned() });
        }
        for ((what, expected), found) in names.into_iter().zip(expected).zip(found) {
            if expected != found {
                let (path, found) = (directory.to_owned(), found.to_owned());
                return Err(IdentityError::Other { path, what, expected, found });
            }
        }
        return Ok(());
    }
    // A store that was just filled from a snapshot has no votes behind it.
    if height > 0 && base != Some(height) {
        return Err(IdentityError::VotesMissing { path: directory.to_owned(), height });
    }
    fs::create_dir_all(directory).map_err(failed(directory))?;
    if fs::read_dir(directory).map_err(failed(directory))?.next().is_some() {
        return Err(IdentityError::Unknown { path: directory.to_owned() });
    }
    write(directory, &file, &expected.join("\n")).map_err(failed(&file))
}

fn write(directory: &Path, file: &Path, text: &str) -> std::io::Result<()> {
    let partial = directory.join("IDENTITY.new");
    let mut new = fs::File::create(&partial)?;
    writeln!(new, "{text}")?;
    new.sync_all()?;
    fs::rename(&partial, file)?;
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_one_nodes_of_one_chain_and_its_loss_is_noticed() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let directory = home.path().join("consensus");
        let (genesis, key) = (Digest([1; 32]), [2; 32]);
        claim(&directory, &genesis, &key, 0, None).expect("it is new");
        claim(&directory, &genesis, &key, 7, None).expect("it is the same node's");
        let other_key = claim(&directory, &genesis, &[3; 32], 7, None);
        assert!(matches!(other_key, Err(IdentityError::Other { what: "validator key", .. })));
        let other_chain = claim(&directory, &Digest([4; 32]), &key, 7, None);
        assert!(matches!(other_chain, Err(IdentityError::Other { what: "genesis", .. })));
        fs::remove_dir_all(&directory).expect("it can be removed");
        assert!(matches!(
            claim(&directory, &genesis, &key, 7, None),
            Err(IdentityError::VotesMissing { height: 7, .. })
        ));
        assert!(!directory.exists(), "nothing was made");
        let begun_at = |height, base| claim(&home.path().join("restored"), &genesis, &key, height, base);
        let has_gone_on = begun_at(8, Some(7));
        assert!(matches!(has_gone_on, Err(IdentityError::VotesMissing { height: 8, .. })), "it has gone on since");
        begun_at(7, Some(7)).expect("a store that was filled from a snapshot is new");
        fs::create_dir(&directory).expect("a directory");
        fs::write(directory.join("something"), "else").expect("a file");
        assert!(matches!(claim(&directory, &genesis, &key, 0, None), Err(IdentityError::Unknown { .. })));
    }
}
