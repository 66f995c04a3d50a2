//! Going through entries one by one.

use alloc::vec::{self, Vec};

use chancery_abi::limits::{PAGE_BYTES_MAX, SLOT_KEY_BYTES_MAX, VALUE_BYTES_MAX};

use super::split_page;
use crate::sys;

/// Entries that are read at once: a page costs gas for each entry that it asks for, whether it is there or not.
const AT_ONCE: u32 = 16;
/// Bytes that the host counts for the largest entry.
const ENTRY_BYTES_MAX: usize = SLOT_KEY_BYTES_MAX + VALUE_BYTES_MAX + 8;
/// Bytes that the host may have counted for a page beyond those that it handed over.
const SLACK_BYTES_MAX: usize = 8 * AT_ONCE as usize;

/// The entries whose slot keys begin with a prefix, in the order of the keys; what `read` makes of each.
pub(super) struct Entries<T, R> {
    prefix: Vec<u8>,
    after: Vec<u8>,
    page: vec::IntoIter<T>,
    is_last: bool,
    read: R,
}

impl<T, R: FnMut(&[u8], &[u8]) -> T> Entries<T, R> {
    /// Those after slot key `after`, or from the first when it is empty.
    pub(super) fn new(prefix: &[u8], after: &[u8], read: R) -> Self {
        Self { prefix: prefix.to_vec(), after: after.to_vec(), page: Vec::new().into_iter(), is_last: false, read }
    }

    fn turn(&mut self) {
        let bytes = sys::storage_page(&self.prefix, &self.after, AT_ONCE);
        let (after, read) = (&mut self.after, &mut self.read);
        let page = split_page(&bytes, |slot, value| {
            after.clear();
            after.extend_from_slice(slot);
            read(slot, value)
        });
        // A page is short because it is the last, or because the next entry had no room in it.
        let had_room = bytes.len() + SLACK_BYTES_MAX + ENTRY_BYTES_MAX <= PAGE_BYTES_MAX;
        self.is_last = page.is_empty() || (page.len() < AT_ONCE as usize && had_room);
        self.page = page.into_iter();
    }
}

impl<T, R: FnMut(&[u8], &[u8]) -> T> Iterator for Entries<T, R> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.page.as_slice().is_empty() && !self.is_last {
            self.turn();
        }
        self.page.next()
    }
}
