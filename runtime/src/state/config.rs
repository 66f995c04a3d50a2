//! What a node may choose about its state: memory and how far back it proves. Nothing here changes a root.

/// A node's choices about its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateConfig {
    /// How many roots can be proven, the newest included; at least 1. The journal keeps as many blocks, and nodes are
    /// written at the latest after as many.
    pub provable_heights: u64,
    /// Bytes of changed nodes that are collected in memory before they are written.
    pub flush_bytes: usize,
    /// Bytes of the cache of branch nodes.
    pub cache_bytes: usize,
    /// Bytes of the steps back to older roots that are kept in memory. What does not fit is made from the journal, which
    /// takes some ten microseconds for every entry that changed since.
    pub history_bytes: usize,
    /// Entries whose change since a root may be taken back from the journal for a proof. The last such step is kept, so
    /// this bounds memory too: about a kilobyte an entry.
    pub rewind_entries_max: usize,
    /// Makes the trie anew from the values on opening, whatever is stored of it.
    pub rebuild: bool,
}

impl Default for StateConfig {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            provable_heights: 256,
            flush_bytes: 16 * MIB,
            cache_bytes: 128 * MIB,
            history_bytes: 64 * MIB,
            rewind_entries_max: 100_000,
            rebuild: false,
        }
    }
}
