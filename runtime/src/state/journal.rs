//! The journal: per block, the root before it and the old value of every entry that it changed. From it the nodes are
//! brought up to the head after a crash, and older roots are proven.
//!
//! A row is the SCALE of (version, root before, entries), the entries in the order of their keys and each once. Rows
//! are kept for the heights that can be proven and for those that the stored nodes lag behind, whichever reach further.

use std::collections::BTreeMap;

use chancery_abi::Digest;
use parity_scale_codec::{Compact, Decode, Encode};

use super::{changes::EntryChange, error::StateError, format};
use crate::storage::{Column, StateReader};

/// The version of a row's format.
const JOURNAL_VERSION: u8 = 1;

/// What a block overwrote.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Journal {
    /// The state's root before the block.
    pub(super) root_before: Digest,
    /// The old values; `None` where there was none.
    pub(super) old: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

/// The row for a block that changes `entries`, which are in the order of their keys.
pub(super) fn encode(root_before: &Digest, entries: &[EntryChange]) -> Vec<u8> {
    let size: usize = entries.iter().map(|entry| 9 + entry.key.len() + entry.old.as_ref().map_or(0, Vec::len)).sum();
    let mut row = Vec::with_capacity(size + 40);
    row.push(JOURNAL_VERSION);
    root_before.encode_to(&mut row);
    Compact(entries.len() as u64).encode_to(&mut row);
    for entry in entries {
        (&entry.key, &entry.old).encode_to(&mut row);
    }
    row
}

/// The journal that `row` is the encoding of.
fn decode(mut row: &[u8]) -> Option<Journal> {
    let input = &mut row;
    if u8::decode(input).ok()? != JOURNAL_VERSION {
        return None;
    }
    let root_before = Digest::decode(input).ok()?;
    let count = Compact::<u64>::decode(input).ok()?.0;
    let mut old = BTreeMap::new();
    for _ in 0..count {
        let (key, value) = <(Vec<u8>, Option<Vec<u8>>)>::decode(input).ok()?;
        if old.last_key_value().is_some_and(|(last, _)| *last >= key) || key.len() < size_of::<Digest>() {
            return None;
        }
        old.insert(key, value);
    }
    row.is_empty().then_some(Journal { root_before, old })
}

/// The journal of the block at `height`.
pub(super) fn read<R: StateReader + ?Sized>(store: &R, height: u64) -> Result<Journal, StateError> {
    let place = format_args!("height {height}").to_string();
    match store.get(Column::Journal, &format::height_key(height))? {
        None => Err(StateError::corrupt("a journal row that is missing", place)),
        Some(row) => decode(&row).ok_or_else(|| StateError::corrupt("a malformed journal row", place)),
    }
}

/// The lowest height that the journal has.
pub(super) fn lowest<R: StateReader + ?Sized>(store: &R) -> Result<Option<u64>, StateError> {
    store.scan(Column::Journal, &[], &[], 1)?.first().map(|(key, _)| format::height_of_key(key)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Digest = Digest([9; 32]);

    fn entries() -> Vec<EntryChange> {
        [(vec![1; 33], None), (vec![1; 34], Some(vec![7, 8])), (vec![2; 40], Some(Vec::new()))]
            .map(|(key, old)| EntryChange { key, old, new: Some(vec![1]) })
            .into()
    }

    #[test]
    fn a_row_decodes_to_what_was_encoded() {
        let old = entries().into_iter().map(|entry| (entry.key, entry.old)).collect();
        assert_eq!(decode(&encode(&ROOT, &entries())), Some(Journal { root_before: ROOT, old }));
        let empty = encode(&ROOT, &[]);
        assert_eq!(empty.len(), 34);
        assert_eq!(decode(&empty), Some(Journal { root_before: ROOT, old: BTreeMap::new() }));
    }

    #[test]
    fn a_row_that_is_cut_extended_or_of_another_version_is_refused() {
        let row = encode(&ROOT, &entries());
        assert!((0..row.len()).all(|length| decode(&row[..length]).is_none()));
        assert_eq!(decode(&[&row[..], &[0]].concat()), None);
        assert_eq!(decode(&[&[2], &row[1..]].concat()), None);
    }

    #[test]
    fn entries_out_of_order_are_refused() {
        let mut row = encode(&ROOT, &[]);
        row.pop();
        Compact(2u64).encode_to(&mut row);
        for key in [vec![2u8; 32], vec![1; 32]] {
            (key, None::<Vec<u8>>).encode_to(&mut row);
        }
        assert_eq!(decode(&row), None);
    }
}
