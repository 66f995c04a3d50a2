//! Proofs in the state's trie: a walk over whole nodes from the root to a key, or to where the key is not.
//!
//! The trie is sp-trie's LayoutV1 under SHA-256, and this is its node format as far as our trie uses it. Every key
//! and every value has 32 bytes, which leaves three kinds of node:
//!
//! | first byte  | node   | what follows                                                                       |
//! |-------------|--------|------------------------------------------------------------------------------------|
//! | `00`        | empty  | nothing; only as the whole trie                                                    |
//! | `01` + size | leaf   | partial key, value behind its compact length                                       |
//! | `10` + size | branch | partial key, bitmap of children (u16, little-endian), each child behind its length |
//!
//! The size counts nibbles in six bits, and from 63 on in one more byte. An odd partial key begins with a zero
//! nibble. Values, and children's hashes, have 32 bytes, so their compact length is always `80`. Inline children
//! (nodes shorter than a hash), values in branches and values stored as nodes of their own cannot occur, and neither
//! can branches with one child: all are refused, as is every other way to write the same node.

use alloc::vec::Vec;
use core::fmt;

use chancery_abi::{Address, Digest, limits::PROOF_NODES_MAX};
use sha2::{Digest as _, Sha256};

/// The bytes of the one node of an empty trie.
pub const EMPTY_NODE: [u8; 1] = [0];
/// Nibbles of a key.
const KEY_NIBBLES: usize = 64;
/// The compact length of 32.
const LENGTH_32: u8 = 32 << 2;

/// Why nodes are not a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrieError {
    /// There are more nodes than a key can lead through.
    TooManyNodes {
        /// How many there are.
        found: usize,
    },
    /// The walk goes on and there are no more nodes.
    MissingNode {
        /// How many there are.
        found: usize,
    },
    /// The walk ended before the last node.
    ExtraNodes {
        /// How many nodes it used.
        used: usize,
        /// How many there are.
        found: usize,
    },
    /// A node is not the one that the root, or the node above it, names.
    WrongNode {
        /// Its place from the root, from 0.
        place: usize,
    },
    /// A node is not written the way the trie writes one.
    MalformedNode {
        /// Its place from the root, from 0.
        place: usize,
    },
}

impl fmt::Display for TrieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyNodes { found } => {
                write!(f, "it has {found} trie nodes, of which at most {PROOF_NODES_MAX} can be on a path")
            }
            Self::MissingNode { found } => write!(f, "its {found} trie nodes end before the path does"),
            Self::ExtraNodes { used, found } => write!(f, "it has {found} trie nodes and the path ends after {used}"),
            Self::WrongNode { place } => {
                write!(f, "trie node {place} is not the one that the root or the node above it names")
            }
            Self::MalformedNode { place } => write!(f, "trie node {place} is malformed"),
        }
    }
}

impl core::error::Error for TrieError {}

/// The trie key of a contract's slot.
pub fn key(contract: &Address, slot: &[u8]) -> [u8; 32] {
    Sha256::new_with_prefix(contract.0).chain_update(slot).finalize().into()
}

/// The root of a trie without entries.
pub fn empty_root() -> Digest {
    Digest::of(&EMPTY_NODE)
}

/// What the trie under `root` holds at `key`: the 32-byte value, or `None` when the nodes prove that there is none.
///
/// # Errors
/// When the nodes are not exactly those on the way from the root to the key, or to where the key would be.
pub fn verify(root: &Digest, key: &[u8; 32], nodes: &[Vec<u8>]) -> Result<Option<[u8; 32]>, TrieError> {
    let found = nodes.len();
    if found > PROOF_NODES_MAX {
        return Err(TrieError::TooManyNodes { found });
    }
    let mut expected = *root;
    let mut depth = 0;
    for (place, bytes) in nodes.iter().enumerate() {
        if Digest::of(bytes) != expected {
            return Err(TrieError::WrongNode { place });
        }
        let node = Node::parse(bytes, place == 0).ok_or(TrieError::MalformedNode { place })?;
        match node.step(key, depth).ok_or(TrieError::MalformedNode { place })? {
            Step::Down { child, depth: below } => (expected, depth) = (child, below),
            Step::End(_) if place + 1 < found => return Err(TrieError::ExtraNodes { used: place + 1, found }),
            Step::End(value) => return Ok(value),
        }
    }
    Err(TrieError::MissingNode { found })
}

/// Where a node leads.
enum Step {
    /// To a child, whose partial key begins at nibble `depth`.
    Down { child: Digest, depth: usize },
    /// Nowhere: the key's value is known, or that it has none.
    End(Option<[u8; 32]>),
}

enum Node<'a> {
    Empty,
    Leaf {
        partial: Partial<'a>,
        value: [u8; 32],
    },
    /// `children` holds 33 bytes, a length and a hash, for each bit of `bitmap` from the lowest.
    Branch {
        partial: Partial<'a>,
        bitmap: u16,
        children: &'a [u8],
    },
}

impl<'a> Node<'a> {
    fn parse(bytes: &'a [u8], is_root: bool) -> Option<Self> {
        let (&header, rest) = bytes.split_first()?;
        match header >> 6 {
            0b00 => (is_root && header == 0 && rest.is_empty()).then_some(Self::Empty),
            0b01 => {
                let (partial, rest) = Partial::parse(header, rest)?;
                let (&length, value) = rest.split_first()?;
                let value = value.try_into().ok()?;
                (length == LENGTH_32).then_some(Self::Leaf { partial, value })
            }
            0b10 => {
                let (partial, rest) = Partial::parse(header, rest)?;
                let (bitmap, children) = rest.split_first_chunk()?;
                let bitmap = u16::from_le_bytes(*bitmap);
                let count = bitmap.count_ones() as usize;
                let valid = count >= 2
                    && children.len() == count * 33
                    && children.iter().step_by(33).all(|&length| length == LENGTH_32);
                valid.then_some(Self::Branch { partial, bitmap, children })
            }
            _ => None,
        }
    }

    /// One step along `key` from nibble `depth`, or `None` when the node cannot stand there.
    fn step(&self, key: &[u8; 32], depth: usize) -> Option<Step> {
        match self {
            Self::Empty => Some(Step::End(None)),
            Self::Leaf { partial, value } => {
                let fits = depth + partial.count == KEY_NIBBLES;
                fits.then(|| Step::End(partial.is_in(key, depth).then_some(*value)))
            }
            Self::Branch { partial, bitmap, children } => {
                let fork = depth + partial.count;
                if fork >= KEY_NIBBLES {
                    return None;
                }
                let bit = 1u16 << nibble(key, fork);
                if !partial.is_in(key, depth) || bitmap & bit == 0 {
                    return Some(Step::End(None));
                }
                let before = (bitmap & (bit - 1)).count_ones() as usize;
                let child = children.chunks_exact(33).nth(before)?.get(1..)?.try_into().ok()?;
                Some(Step::Down { child: Digest(child), depth: fork + 1 })
            }
        }
    }
}

/// The nibbles that a node shares with all keys below it.
struct Partial<'a> {
    /// At most [`KEY_NIBBLES`].
    count: usize,
    /// `count.div_ceil(2)` bytes; when `count` is odd, the first nibble is padding.
    bytes: &'a [u8],
}

impl<'a> Partial<'a> {
    /// The partial key after `header`, and what follows it.
    fn parse(header: u8, rest: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (count, rest) = match usize::from(header & 0x3f) {
            // The next byte counts on from 63; a key has no room for more than 64.
            63 => match rest.split_first()? {
                (&more @ 0..=1, rest) => (63 + usize::from(more), rest),
                _ => return None,
            },
            count => (count, rest),
        };
        let (bytes, rest) = rest.split_at_checked(count.div_ceil(2))?;
        let padded = count % 2 == 1 && bytes.first().is_some_and(|byte| byte >> 4 != 0);
        (!padded).then_some((Self { count, bytes }, rest))
    }

    /// Whether these are the nibbles of `key` from `depth` on; there are that many.
    fn is_in(&self, key: &[u8; 32], depth: usize) -> bool {
        let padding = self.count % 2;
        (0..self.count).all(|place| nibble(self.bytes, padding + place) == nibble(key, depth + place))
    }
}

/// The nibble at `place`, the higher half of a byte first; beyond the end, a value that no nibble has.
fn nibble(bytes: &[u8], place: usize) -> u8 {
    match bytes.get(place / 2) {
        Some(byte) if place.is_multiple_of(2) => byte >> 4,
        Some(byte) => byte & 0xf,
        None => u8::MAX,
    }
}
