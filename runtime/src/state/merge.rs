//! Reads a column in order as it looks under layers of changes: the first layer that knows a key decides, a removal
//! hides it, and only what no layer knows comes from the store.

use std::{collections::VecDeque, iter::Peekable};

use crate::storage::{Column, Entry, StateReader, StorageError};

/// Rows that one read of the store asks for at most.
const ROWS_MAX: usize = 1_024;

/// The part of a column that is read.
pub(super) struct Span<'a> {
    pub(super) column: Column,
    /// What the keys begin with.
    pub(super) prefix: &'a [u8],
    /// The first key that counts.
    pub(super) from: &'a [u8],
}

impl Span<'_> {
    /// The first key that is in the span.
    pub(super) fn start(&self) -> &[u8] {
        self.from.max(self.prefix)
    }
}

/// The entries of `span` in byte order, at most `limit`. Each of `layers` yields its keys from the span's start on;
/// `own` makes of what they hold, and `parse` of a row of the store, what is returned.
pub(super) fn page<'a, W, V, R, E>(
    layers: Vec<impl Iterator<Item = (&'a [u8], Option<W>)>>,
    store: &R,
    span: &Span<'_>,
    limit: usize,
    own: impl Fn(W) -> V,
    parse: impl Fn(Vec<u8>) -> Result<V, E>,
) -> Result<Vec<(Vec<u8>, V)>, E>
where
    R: StateReader + ?Sized,
    E: From<StorageError>,
{
    let within = |layer| Iterator::take_while(layer, |(key, _): &(&[u8], _)| key.starts_with(span.prefix)).peekable();
    let mut layers: Vec<_> = layers.into_iter().map(within).collect();
    let mut rows = Rows::new(store, span, limit);
    let mut entries = Vec::new();
    while entries.len() < limit {
        rows.fill()?;
        let in_layers = layers.iter_mut().filter_map(|layer| layer.peek().map(|(key, _)| *key)).min();
        let stored = rows.ready.front().map(|(key, _)| key.as_slice());
        match (in_layers, stored) {
            (None, None) => break,
            (Some(key), stored) if stored.is_none_or(|stored| key <= stored) => {
                if stored == Some(key) {
                    rows.ready.pop_front();
                }
                if let Some(value) = take(&mut layers, key) {
                    entries.push((key.to_vec(), own(value)));
                }
            }
            _ => {
                if let Some((key, row)) = rows.ready.pop_front() {
                    entries.push((key, parse(row)?));
                }
            }
        }
    }
    Ok(entries)
}

/// Takes `key` out of all layers and says what the first that has it says.
fn take<'a, W, I: Iterator<Item = (&'a [u8], Option<W>)>>(layers: &mut [Peekable<I>], key: &[u8]) -> Option<W> {
    let mut found = None;
    for layer in layers {
        if let Some((_, value)) = layer.next_if(|(there, _)| *there == key) {
            found.get_or_insert(value);
        }
    }
    found.flatten()
}

/// The store's rows, read ahead in growing portions, because layers may hide many of them.
struct Rows<'a, R: ?Sized> {
    store: &'a R,
    span: &'a Span<'a>,
    next: Vec<u8>,
    portion: usize,
    ready: VecDeque<Entry>,
    ended: bool,
}

impl<'a, R: StateReader + ?Sized> Rows<'a, R> {
    fn new(store: &'a R, span: &'a Span<'a>, limit: usize) -> Self {
        let portion = limit.clamp(1, ROWS_MAX);
        Self { store, span, next: span.start().to_vec(), portion, ready: VecDeque::new(), ended: false }
    }

    fn fill(&mut self) -> Result<(), StorageError> {
        if !self.ready.is_empty() || self.ended {
            return Ok(());
        }
        self.ready = self.store.scan(self.span.column, self.span.prefix, &self.next, self.portion)?.into();
        self.ended = self.ready.len() < self.portion;
        if let Some((last, _)) = self.ready.back() {
            self.next.clone_from(last);
            self.next.push(0);
        }
        self.portion = (2 * self.portion).min(ROWS_MAX);
        Ok(())
    }
}
