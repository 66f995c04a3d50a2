//! What was read from the store since the last block became final. A block's execution reads most entries that it
//! changes; their old values are needed again when its root is computed and need not be looked for twice.
//!
//! Invariant: it holds values as the store has them, of keys that no layer covers. Those change only when a block
//! becomes final, and then everything is forgotten.

use std::{collections::HashMap, sync::Mutex};

use super::node::lock;
use crate::storage::StorageError;

/// Bytes that are kept; what is read beyond is not.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// What an entry costs in memory beside its bytes.
const ENTRY_OVERHEAD_BYTES: usize = 80;

#[derive(Default)]
struct Kept {
    values: HashMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
}

/// Values read from the store, or their absence.
#[derive(Default)]
pub(super) struct Reads {
    kept: Mutex<Kept>,
}

impl Reads {
    /// The value of `key`, if it was read.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        lock(&self.kept).values.get(key).cloned()
    }

    /// The value of `key`, which is read with `read` unless it was before.
    pub(super) fn get_or_read(
        &self,
        key: Vec<u8>,
        read: impl FnOnce(&[u8]) -> Result<Option<Vec<u8>>, StorageError>,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        if let Some(value) = self.get(&key) {
            return Ok(value);
        }
        let value = read(&key)?;
        let bytes = ENTRY_OVERHEAD_BYTES + key.len() + value.as_ref().map_or(0, Vec::len);
        let mut kept = lock(&self.kept);
        if kept.bytes + bytes <= BYTES_MAX && kept.values.insert(key, value.clone()).is_none() {
            kept.bytes += bytes;
        }
        Ok(value)
    }

    /// Forgets everything, because a block became final.
    pub(super) fn clear(&mut self) {
        self.kept = Mutex::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_once_until_a_block_is_final() {
        let mut reads = Reads::default();
        let mut count = 0;
        for (value, expected) in [(Some(vec![1]), 1), (None, 2)] {
            for _ in 0..2 {
                let found = reads.get_or_read(b"key".to_vec(), |_| {
                    count += 1;
                    Ok(value.clone())
                });
                assert_eq!(found, Ok(value.clone()));
            }
            assert_eq!(count, expected);
            assert_eq!(reads.get(b"key"), Some(value));
            reads.clear();
        }
        assert_eq!(reads.get(b"key"), None);
    }

    #[test]
    fn no_more_than_the_limit_is_kept_and_errors_are_not() {
        let reads = Reads::default();
        let error = StorageError::new("read", "it is broken");
        assert_eq!(reads.get_or_read(vec![1], |_| Err(error.clone())), Err(error));
        assert_eq!(reads.get(&[1]), None);
        for n in 0..40u8 {
            assert!(reads.get_or_read(vec![n], |_| Ok(Some(vec![0; 1024 * 1024]))).is_ok());
        }
        assert!(lock(&reads.kept).bytes <= BYTES_MAX);
        assert_eq!((reads.get(&[14]).is_some(), reads.get(&[39])), (true, None));
    }
}
