//! A state in chunks, each of which can be checked by itself against the root.
//!
//! A chunk is all entries below one place in the trie; the branch nodes above those places are the **spine**. The spine
//! hashes to the root, and every place in it says what the chunk there must hash to. So whoever hands over a chunk that
//! is wrong in one byte is found out by that chunk, whatever else was right, and chunks can come in any order from
//! anybody.
//!
//! ```text
//! spine   Vec<branch node>, encoded as in the trie, each before those below it
//! chunk   Vec<(contract (32) ‖ slot key, value)>, in the order of their trie keys
//! ```
//!
//! What is deliberately absent: where the root is from (a certified header, which the caller has checked), and files.

use chancery_abi::{Digest, codec};
use parity_scale_codec::Encode as _;

use super::{
    codec::{Branch, decode_branch, encode_branch, encode_leaf},
    error::StateError,
    format::{self, Point, PointRow},
    hasher::{HASH_BYTES, Hash, TrieKey, empty_root, hash},
    path::{Path, common_nibbles, nibble},
    rebuild::Rows,
};
use crate::storage::{Column, StateReader, WriteBatch};

/// Entries of a chunk, about.
const CHUNK_ENTRIES: u64 = 1_024;
/// Nibbles that chunks are told apart by, at most: there are no more than 16 to the power of this.
const DEPTH_MAX: usize = 5;
/// Bytes of a chunk at most. Values have at most 64 KiB, and chunks hold twice as many entries as meant only by chance.
pub const CHUNK_BYTES_MAX: usize = 256 << 20;
/// Branch nodes that a spine may have.
const SPINE_MAX: usize = 1 << 20;

/// What is wrong with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The nodes that are said to be above the chunks do not lead to the root.
    #[error("the snapshot's upper nodes do not lead to the state's root")]
    Spine,
    /// A chunk is not what the state has there.
    #[error("chunk {number} is not what the state has there: {what}")]
    Chunk {
        /// Its number.
        number: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// Where a chunk belongs, and what it must hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkPlace {
    number: usize,
    path: Path,
    hash: Hash,
}

/// What a state was cut into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The state's height.
    pub height: u64,
    /// Its root.
    pub root: Digest,
    /// The branch nodes above the chunks.
    pub spine: Vec<Vec<u8>>,
    /// How many chunks there are.
    pub chunks: usize,
    /// How many entries.
    pub entries: u64,
}

/// The topmost node of some leaves. How it is encoded depends on how deep it is.
enum Top {
    Leaf(TrieKey, Hash),
    Branch(Box<Branch>),
}

impl Top {
    /// Of leaves in the order of their keys, of which there is at least one.
    fn of(leaves: &[(TrieKey, Hash)]) -> Self {
        let (first, last) = (&leaves[0], &leaves[leaves.len() - 1]);
        if leaves.len() == 1 {
            return Self::Leaf(first.0, first.1);
        }
        let common = common_nibbles(&first.0, &last.0);
        let mut branch = Branch { prefix: Path::of_key(&first.0, common), children: [None; 16] };
        for below in leaves.chunk_by(|left, right| nibble(&left.0, common) == nibble(&right.0, common)) {
            branch.children[usize::from(nibble(&below[0].0, common))] = Some(Self::of(below).hash(common + 1));
        }
        Self::Branch(Box::new(branch))
    }

    fn hash(&self, depth: usize) -> Hash {
        match self {
            Self::Leaf(key, value) => hash(encode_leaf(depth, key, value).as_slice()),
            Self::Branch(branch) => hash(encode_branch(depth, branch).as_slice()),
        }
    }
}

/// Cuts the state that `reader` shows, at one moment, into chunks, and gives each to `keep` with its number.
///
/// # Errors
/// When the store fails or contradicts itself, and when `keep` does.
pub fn cut<E: From<StateError>>(
    reader: &dyn StateReader,
    mut keep: impl FnMut(usize, Vec<u8>) -> Result<(), E>,
) -> Result<Cut, E> {
    let head = match format::read_point(reader, format::META_HEAD)? {
        PointRow::Present(head) => head,
        PointRow::Absent => Point { height: 0, root: empty_root() },
        PointRow::Invalid => return Err(StateError::corrupt("a malformed head", "the store's meta column").into()),
    };
    let mut rows = Rows::new(reader, Column::Leaves);
    let mut entries = 0u64;
    while rows.next()?.is_some() {
        entries += 1;
    }
    let depth = (0..DEPTH_MAX).find(|depth| entries >> (4 * depth) <= CHUNK_ENTRIES).unwrap_or(DEPTH_MAX);
    let mut tops: Vec<(TrieKey, Top)> = Vec::new();
    let mut chunk = Chunk::default();
    let mut rows = Rows::new(reader, Column::Leaves);
    while let Some((key, row)) = rows.next()? {
        let wrong = |_| StateError::corrupt("a key of the wrong length", "the column of leaves");
        let key: TrieKey = key.try_into().map_err(wrong)?;
        if chunk.leaves.first().is_some_and(|(first, _)| common_nibbles(first, &key) < depth) {
            let number = tops.len();
            let (top, bytes) = std::mem::take(&mut chunk).close();
            tops.push(top);
            keep(number, bytes)?;
        }
        let value_hash = format::leaf_value_hash(&row)?;
        let value_key = [&row[..HASH_BYTES], &row[2 * HASH_BYTES..]].concat();
        let value = reader.get(Column::Values, &value_key).map_err(StateError::from)?;
        let value = value.ok_or_else(|| StateError::corrupt("a leaf without a value", "the column of leaves"))?;
        chunk.leaves.push((key, value_hash));
        chunk.entries.push((value_key, value));
    }
    if !chunk.leaves.is_empty() {
        let number = tops.len();
        let (top, bytes) = chunk.close();
        tops.push(top);
        keep(number, bytes)?;
    }
    let mut spine = Vec::new();
    let root = if tops.is_empty() { empty_root() } else { Digest(raise(0, &tops, &mut spine)) };
    if root != head.root {
        let place = format_args!("height {}", head.height);
        return Err(StateError::corrupt("values whose root is not the head's", place).into());
    }
    Ok(Cut { height: head.height, root, spine, chunks: tops.len(), entries })
}

#[derive(Default)]
struct Chunk {
    leaves: Vec<(TrieKey, Hash)>,
    entries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Chunk {
    fn close(self) -> ((TrieKey, Top), Vec<u8>) {
        ((self.leaves[0].0, Top::of(&self.leaves)), self.entries.encode())
    }
}

/// The hash of the node over these chunks at a path of `depth` nibbles; adds the branch nodes above the chunks to `spine`.
fn raise(depth: usize, tops: &[(TrieKey, Top)], spine: &mut Vec<Vec<u8>>) -> Hash {
    let (first, last) = (&tops[0], &tops[tops.len() - 1]);
    if tops.len() == 1 {
        return first.1.hash(depth);
    }
    let common = common_nibbles(&first.0, &last.0);
    let place = spine.len();
    spine.push(Vec::new());
    let mut branch = Branch { prefix: Path::of_key(&first.0, common), children: [None; 16] };
    for below in tops.chunk_by(|left, right| nibble(&left.0, common) == nibble(&right.0, common)) {
        branch.children[usize::from(nibble(&below[0].0, common))] = Some(raise(common + 1, below, spine));
    }
    let node = encode_branch(depth, &branch);
    spine[place] = node.as_slice().to_vec();
    hash(node.as_slice())
}

/// The places of the chunks of the state with this root, in their order.
///
/// # Errors
/// When `spine` does not lead to the root.
pub fn places(root: &Digest, spine: &[Vec<u8>]) -> Result<Vec<ChunkPlace>, SnapshotError> {
    if spine.len() > SPINE_MAX {
        return Err(SnapshotError::Spine);
    }
    let (mut places, mut rest) = (Vec::new(), spine);
    if *root != empty_root() {
        descend(Path::ROOT, root.0, &mut rest, &mut places)?;
    }
    if rest.is_empty() { Ok(places) } else { Err(SnapshotError::Spine) }
}

fn descend(
    path: Path,
    expected: Hash,
    rest: &mut &[Vec<u8>],
    places: &mut Vec<ChunkPlace>,
) -> Result<(), SnapshotError> {
    let Some((node, others)) = rest.split_first().filter(|(node, _)| hash(node) == expected) else {
        places.push(ChunkPlace { number: places.len(), path, hash: expected });
        return Ok(());
    };
    *rest = others;
    let branch = decode_branch(&path, node).ok_or(SnapshotError::Spine)?;
    for (nibble, child) in (0..).zip(&branch.children) {
        if let Some(child) = child {
            // A branch is never as deep as a key is long.
            let path = branch.prefix.with(nibble).ok_or(SnapshotError::Spine)?;
            descend(path, *child, rest, places)?;
        }
    }
    Ok(())
}

impl ChunkPlace {
    /// The entries of a chunk, once it has been found to be all and only what the state has at this place.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self, chunk: &[u8]) -> Result<CheckedChunk, SnapshotError> {
        let wrong = |what| SnapshotError::Chunk { number: self.number, what };
        let entries: Vec<(Vec<u8>, Vec<u8>)> =
            codec::decode(chunk, CHUNK_BYTES_MAX).map_err(|_| wrong("it cannot be read"))?;
        if entries.is_empty() {
            return Err(wrong("it is empty"));
        }
        let mut leaves: Vec<(TrieKey, Hash)> = Vec::with_capacity(entries.len());
        for (key, value) in &entries {
            if key.len() < HASH_BYTES {
                return Err(wrong("a key has no contract"));
            }
            let trie_key = format::trie_key(key);
            if !self.path.leads_to(&trie_key) {
                return Err(wrong("an entry belongs elsewhere"));
            }
            if leaves.last().is_some_and(|(last, _)| *last >= trie_key) {
                return Err(wrong("its entries are not in order"));
            }
            leaves.push((trie_key, hash(value)));
        }
        if Top::of(&leaves).hash(self.path.len()) != self.hash {
            return Err(wrong("its entries are not those under the root"));
        }
        Ok(CheckedChunk { entries })
    }
}

/// Entries that were found to be the state's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedChunk {
    entries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl CheckedChunk {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Each entry's contract and slot key, as one, and its value.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().map(|(key, value)| (&key[..], &value[..]))
    }

    /// Adds the entries to `batch`, for a store whose state is yet to be set by [`stage_head`].
    pub fn stage(self, batch: &mut WriteBatch) {
        for (key, value) in self.entries {
            batch.put(Column::Values, key, value);
        }
    }
}

/// Adds to `batch` that the entries which were staged are the state at this height, with this root. Opening it makes the
/// trie and checks the root.
pub fn stage_head(batch: &mut WriteBatch, height: u64, root: Digest) {
    batch.put(Column::Meta, format::META_HEAD, Point { height, root }.to_bytes());
    batch.put(Column::Meta, format::META_NODES, format::NODES_INVALID);
}
