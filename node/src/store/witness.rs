//! The witness: a small file beside the database that says how far the newest synced write went.
//!
//! RocksDB's log cannot tell a record that a power loss cut off, which was never acknowledged and must be dropped, from
//! one whose length a failing disk changed afterwards: both end before they should, and both are dropped, with
//! everything that follows in the same block of the log. The witness can tell them apart. It is written after each
//! synced write, so whenever it is on the disk the write is too; a database that ends before it has lost something that
//! was acknowledged.
//!
//! Invariants: the witness never says more than is durable, so it never raises a false alarm; a write of it costs no
//! sync, so after a power loss it may say less, or nothing. What it says is a sequence number of RocksDB's, which only
//! ever grows.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::{Mutex, PoisonError},
};

use chancery_abi::Digest;

const FILE: &str = "WITNESS";
const NUMBER_BYTES: usize = size_of::<u64>();
/// The number and the first bytes of its SHA-256, so that a torn write of it reads as no witness.
const WITNESS_BYTES: usize = 2 * NUMBER_BYTES;

/// How far the newest synced write went.
#[derive(Debug)]
pub(super) struct Witness {
    file: File,
    newest: Mutex<u64>,
}

impl Witness {
    /// The witness of the store in `directory`, and what it says. A missing or torn one says 0.
    pub(super) fn open(directory: &Path) -> io::Result<(Self, u64)> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(directory.join(FILE))?;
        let mut bytes = [0; WITNESS_BYTES];
        let newest = match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => decode(&bytes).unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(error),
        };
        Ok((Self { file, newest: Mutex::new(newest) }, newest))
    }

    /// Remembers that everything up to `sequence` is durable.
    pub(super) fn record(&self, sequence: u64) -> io::Result<()> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if sequence > *newest {
            self.file.write_all_at(&encode(sequence), 0)?;
            *newest = sequence;
        }
        Ok(())
    }

    /// Makes it durable, so that it speaks for a store that was closed even after a power loss.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn encode(sequence: u64) -> [u8; WITNESS_BYTES] {
    let number = sequence.to_be_bytes();
    let mut bytes = [0; WITNESS_BYTES];
    bytes[..NUMBER_BYTES].copy_from_slice(&number);
    bytes[NUMBER_BYTES..].copy_from_slice(&Digest::of(&number).0[..NUMBER_BYTES]);
    bytes
}

fn decode(bytes: &[u8; WITNESS_BYTES]) -> Option<u64> {
    let number = u64::from_be_bytes(*bytes.first_chunk()?);
    (encode(number) == *bytes).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_survives_reopening_and_is_silent_when_torn() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (witness, newest) = Witness::open(home.path()).expect("a new witness");
        assert_eq!(newest, 0);
        for sequence in [5, 9, 7] {
            witness.record(sequence).expect("written");
        }
        witness.sync().expect("synced");
        assert_eq!(Witness::open(home.path()).expect("the same witness").1, 9);
        for length in [0, 1, WITNESS_BYTES - 1] {
            let mut bytes = encode(9).to_vec();
            bytes.truncate(length);
            std::fs::write(home.path().join(FILE), &bytes).expect("torn");
            assert_eq!(Witness::open(home.path()).expect("a torn witness").1, 0);
        }
        for place in 0..WITNESS_BYTES {
            let mut bytes = encode(9);
            bytes[place] ^= 1;
            std::fs::write(home.path().join(FILE), bytes).expect("damaged");
            assert_eq!(Witness::open(home.path()).expect("a damaged witness").1, 0);
        }
    }
}
