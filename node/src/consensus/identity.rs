//! Whose files the engine's directory holds. What is in them says what this key has voted for, so they must never be
//! used with another key or chain, and their loss must never be passed over.
//!
//! `IDENTITY` has three lines: the format, the genesis' digest, the public key. It is written before the first vote.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use chancery_abi::{Digest, Name};
use chancery_runtime::storage::StorageError;

use super::Terms;
use crate::store::ChainDb;

const FILE: &str = "IDENTITY";
/// The file until it is whole. Where it is alone, nothing was voted for yet.
const PARTIAL: &str = "IDENTITY.new";
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

/// What a directory says of a key's votes on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VotesRecord {
    /// It is this key's on this chain.
    Kept,
    /// There is no such directory yet, or no file in it that a vote could stand in.
    None,
    /// It is another's, or cannot be read: the node does not start with it.
    Unfit,
}

/// Where the votes on a sidechain are remembered, in the mainchain's directory.
pub(crate) fn sidechain_directory(directory: &Path, chain: &Name) -> PathBuf {
    directory.join("sidechains").join(chain.as_str())
}

/// What `directory` says of the votes of this key on the chain with this genesis. Nothing is changed.
pub(crate) fn votes_record(directory: &Path, genesis: &Digest, key: &[u8; 32]) -> VotesRecord {
    let expected = [FORMAT.to_owned(), genesis.to_string(), Digest(*key).to_string()];
    match fs::read_to_string(directory.join(FILE)) {
        Ok(text) if text.lines().eq(expected) => VotesRecord::Kept,
        Ok(_) => VotesRecord::Unfit,
        Err(error) if error.kind() == ErrorKind::NotFound => match is_unused(directory) {
            Ok(true) => VotesRecord::None,
            Err(error) if error.kind() == ErrorKind::NotFound => VotesRecord::None,
            Ok(false) | Err(_) => VotesRecord::Unfit,
        },
        Err(_) => VotesRecord::Unfit,
    }
}

/// Whether a directory without the file is nobody's: it is empty, or a process ended while it wrote the file.
fn is_unused(directory: &Path) -> std::io::Result<bool> {
    for entry in fs::read_dir(directory)? {
        if entry?.file_name() != PARTIAL {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a key has signed any of what a store that was filled from a snapshot has of blocks: the certificates that lead to
/// the block it begins at, and that block's own.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn has_signed(db: &ChainDb<'_>, terms: &Terms, base: u64, key: &[u8; 32]) -> Result<bool, StorageError> {
    let ends = (1..).map_while(|epoch| terms.of(epoch)).map(|term| term.first_height - 1);
    for height in ends.chain([base]) {
        let has_proposed = db.header(height)?.is_some_and(|header| header.proposer == *key);
        let has_voted = db.certificate(height)?.is_some_and(|certificate| {
            let term = terms.of(certificate.epoch);
            let is_own =
                |member: u16| term.as_ref()?.committee.keys().get(usize::from(member)).map(|found| found == key);
            certificate.votes.iter().any(|vote| is_own(vote.member) == Some(true))
        });
        if has_proposed || has_voted {
            return Ok(true);
        }
    }
    Ok(false)
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
    if !is_unused(directory).map_err(failed(directory))? {
        return Err(IdentityError::Unknown { path: directory.to_owned() });
    }
    write(directory, &file, &expected.join("\n")).map_err(failed(&file))
}

fn write(directory: &Path, file: &Path, text: &str) -> std::io::Result<()> {
    let partial = directory.join(PARTIAL);
    let mut new = fs::File::create(&partial)?;
    writeln!(new, "{text}")?;
    new.sync_all()?;
    fs::rename(&partial, file)?;
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use chancery_abi::{Certificate, VoteSignature, WIRE_VERSION};
    use chancery_runtime::{
        state::MemoryBackend,
        storage::{Durability, StateBackend as _, WriteBatch},
    };

    use super::*;
    use crate::{
        fixture::{genesis, validator_public_key},
        store::{Term, chain_db},
    };

    #[test]
    fn a_vote_of_ones_own_is_found_in_what_a_snapshot_left() {
        let (backend, terms) = (MemoryBackend::new(), Terms::new(vec![Term::first(&genesis())], None));
        let vote = VoteSignature { member: 0, signature: [0; 64] };
        let (header, votes) = (Digest([5; 32]), vec![vote]);
        let certificate = Certificate { version: WIRE_VERSION, epoch: 0, view: 9, parent_view: 8, header, votes };
        let mut batch = WriteBatch::default();
        chain_db::stage_certificate(&mut batch, 7, &certificate);
        backend.write(batch, Durability::Synced).expect("a write");
        let has_signed = |base, key| has_signed(&ChainDb(&backend), &terms, base, &key).expect("readable");
        assert!(has_signed(7, validator_public_key()));
        assert!(!has_signed(7, [3; 32]) && !has_signed(6, validator_public_key()));
    }

    #[test]
    fn a_directory_is_one_nodes_of_one_chain_and_its_loss_is_noticed() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let directory = home.path().join("consensus");
        let (genesis, key) = (Digest([1; 32]), [2; 32]);
        assert_eq!(votes_record(&directory, &genesis, &key), VotesRecord::None);
        claim(&directory, &genesis, &key, 0, None).expect("it is new");
        assert_eq!(votes_record(&directory, &genesis, &key), VotesRecord::Kept);
        assert_eq!(votes_record(&directory, &genesis, &[3; 32]), VotesRecord::Unfit);
        assert_eq!(votes_record(&directory, &Digest([4; 32]), &key), VotesRecord::Unfit);
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
        assert_eq!(votes_record(&directory, &genesis, &key), VotesRecord::None);
        fs::write(directory.join("something"), "else").expect("a file");
        assert!(matches!(claim(&directory, &genesis, &key, 0, None), Err(IdentityError::Unknown { .. })));
        assert_eq!(votes_record(&directory, &genesis, &key), VotesRecord::Unfit);
    }

    #[test]
    fn a_process_that_ended_while_it_claimed_a_directory_leaves_it_to_be_claimed() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (directory, genesis, key) = (home.path().join("consensus"), Digest([1; 32]), [2; 32]);
        fs::create_dir(&directory).expect("a directory");
        for text in ["", "chancery-cons", "chancery-consensus 1\nof another chain\nand key\n"] {
            fs::write(directory.join(PARTIAL), text).expect("a file");
            assert_eq!(votes_record(&directory, &genesis, &key), VotesRecord::None);
            claim(&directory, &genesis, &key, 0, None).expect("nothing was voted for");
            assert_eq!(votes_record(&directory, &genesis, &key), VotesRecord::Kept);
            assert!(!directory.join(PARTIAL).exists(), "it was replaced");
            fs::remove_file(directory.join(FILE)).expect("it can be removed");
        }
        // Beside something else it proves nothing, and blocks without votes stay what they are.
        fs::write(directory.join(PARTIAL), "").expect("a file");
        let lost = claim(&directory, &genesis, &key, 7, None);
        assert!(matches!(lost, Err(IdentityError::VotesMissing { height: 7, .. })));
        fs::create_dir(directory.join("engine")).expect("a directory");
        assert_eq!(votes_record(&directory, &genesis, &key), VotesRecord::Unfit);
        assert!(matches!(claim(&directory, &genesis, &key, 0, None), Err(IdentityError::Unknown { .. })));
    }
}
