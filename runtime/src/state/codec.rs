//! The trie's node format: that of sp-trie's LayoutV1, byte for byte, as far as this trie has it.
//!
//! ```text
//! leaf    01 + count    partial key    80 + value's hash
//! branch  10 + count    partial key    bitmap (2, little-endian)    for each child: 80 + hash
//! ```
//!
//! The header's low 6 bits count the partial key's nibbles; 63 goes on in further bytes. The partial key is packed to
//! the right, an odd first nibble alone in its byte; 80 is the SCALE length of a hash. Branches never hold a value,
//! because no key is the beginning of another, and nodes are never embedded, because a leaf is longer than a hash.
//! Decoding accepts exactly what encoding makes. The tests hold every form against sp-trie's own codec.

use super::{
    hasher::{HASH_BYTES, Hash, TrieKey},
    path::{KEY_NIBBLES, Path, nibble},
};

/// Children that a branch may have.
pub(super) const BRANCH_CHILDREN: usize = 16;
/// Bytes of a branch node at most: header, partial key, bitmap, children.
pub(super) const BRANCH_BYTES_MAX: usize = 2 + HASH_BYTES + 2 + BRANCH_CHILDREN * (1 + HASH_BYTES);
/// Bytes of a leaf at most: header, partial key, value's hash.
const LEAF_BYTES_MAX: usize = 2 + HASH_BYTES + 1 + HASH_BYTES;
/// The kind of a leaf, in the header's high bits.
const LEAF: u8 = 0b01 << 6;
/// The kind of a branch without a value.
const BRANCH: u8 = 0b10 << 6;
/// The header's bits for the kind.
const KIND: u8 = 0b11 << 6;
/// The count that says that another byte follows.
const COUNT_CONTINUES: u8 = 0x3f;
/// The SCALE encoding of a hash's length.
const HASH_LENGTH: u8 = (HASH_BYTES as u8) << 2;

/// A branch node: where it branches, and its children's hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Branch {
    /// The nibbles from the root to the point where the children part.
    pub(super) prefix: Path,
    pub(super) children: [Option<Hash>; BRANCH_CHILDREN],
}

/// An encoded node, on the stack.
pub(super) struct Encoded<const MAX: usize> {
    bytes: [u8; MAX],
    length: usize,
}

impl<const MAX: usize> Encoded<MAX> {
    fn new() -> Self {
        Self { bytes: [0; MAX], length: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// Header and partial key: the nibbles of `key` from `from` to `to`.
    fn push_partial(&mut self, kind: u8, key: &TrieKey, mut from: usize, to: usize) {
        let count = to - from;
        match u8::try_from(count) {
            Ok(count) if count < COUNT_CONTINUES => self.push(&[kind | count]),
            _ => self.push(&[kind | COUNT_CONTINUES, (count - usize::from(COUNT_CONTINUES)) as u8]),
        }
        if !count.is_multiple_of(2) {
            self.push(&[nibble(key, from)]);
            from += 1;
        }
        if from.is_multiple_of(2) {
            self.push(&key[from / 2..to / 2]);
        } else {
            for from in (from..to).step_by(2) {
                self.push(&[nibble(key, from) << 4 | nibble(key, from + 1)]);
            }
        }
    }

    fn push_hash(&mut self, hash: &Hash) {
        self.push(&[HASH_LENGTH]);
        self.push(hash);
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The leaf of `key` at a path of `depth` nibbles, which lead to it.
pub(super) fn encode_leaf(depth: usize, key: &TrieKey, value: &Hash) -> Encoded<LEAF_BYTES_MAX> {
    let mut node = Encoded::new();
    node.push_partial(LEAF, key, depth, KEY_NIBBLES);
    node.push_hash(value);
    node
}

/// The branch node at a path of `depth` nibbles, with which its prefix begins.
pub(super) fn encode_branch(depth: usize, branch: &Branch) -> Encoded<BRANCH_BYTES_MAX> {
    let mut node = Encoded::new();
    node.push_partial(BRANCH, branch.prefix.padded(), depth, branch.prefix.len());
    let bitmap = (0..).zip(&branch.children).fold(0u16, |bitmap, (i, child)| bitmap | u16::from(child.is_some()) << i);
    node.push(&bitmap.to_le_bytes());
    branch.children.iter().flatten().for_each(|child| node.push_hash(child));
    node
}

/// The branch node that is encoded at path `at`, or `None` when the bytes are no branch node that could be there.
pub(super) fn decode_branch(at: &Path, encoded: &[u8]) -> Option<Branch> {
    let (&header, mut rest) = encoded.split_first()?;
    if header & KIND != BRANCH {
        return None;
    }
    let mut count = header & COUNT_CONTINUES;
    if count == COUNT_CONTINUES {
        let (&more, tail) = rest.split_first()?;
        count = count.checked_add(more)?;
        rest = tail;
    }
    let (partial, tail) = rest.split_at_checked(usize::from(count.div_ceil(2)))?;
    let odd = usize::from(count % 2);
    if odd == 1 && partial[0] > 0x0f {
        return None;
    }
    let nibbles = partial.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).skip(odd);
    let prefix = nibbles.into_iter().try_fold(*at, Path::with).filter(|prefix| prefix.len() < KEY_NIBBLES)?;
    let (bitmap, mut rest) = tail.split_first_chunk()?;
    let bitmap = u16::from_le_bytes(*bitmap);
    let mut children = [None; BRANCH_CHILDREN];
    for (i, child) in children.iter_mut().enumerate() {
        if bitmap >> i & 1 == 1 {
            let (&length, tail) = rest.split_first()?;
            let (hash, tail) = tail.split_first_chunk()?;
            if length != HASH_LENGTH {
                return None;
            }
            *child = Some(*hash);
            rest = tail;
        }
    }
    (rest.is_empty() && bitmap.count_ones() >= 2).then_some(Branch { prefix, children })
}

#[cfg(test)]
mod tests {
    use sp_trie::NodeCodec;
    use trie_db::{ChildReference, NibbleSlice, NodeCodec as _, node::Value};

    use super::*;
    use crate::state::tests::Sha256Hasher;

    type Plain = NodeCodec<Sha256Hasher>;

    #[test]
    fn leaves_are_sp_tries() {
        for key in [[0x5a; 32], [0xff; 32], std::array::from_fn(|i| i as u8)] {
            for depth in 0..=KEY_NIBBLES {
                let partial = NibbleSlice::new_offset(&key, depth);
                let plain = Plain::leaf_node(partial.right_iter(), partial.len(), Value::Inline(&[7; 32]));
                assert_eq!(encode_leaf(depth, &key, &[7; 32]).as_slice(), plain, "{depth} nibbles deep");
            }
        }
    }

    #[test]
    fn branches_are_sp_tries_and_decode() {
        let key: TrieKey = std::array::from_fn(|i| (i as u8).wrapping_mul(29));
        for depth in 0..KEY_NIBBLES {
            for end in depth..KEY_NIBBLES {
                for bitmap in [0b11u16, 0x8001, 0xffff, 0x5555] {
                    let children = std::array::from_fn(|i| (bitmap >> i & 1 == 1).then_some([i as u8; 32]));
                    let branch = Branch { prefix: Path::of_key(&key, end), children };
                    let encoded = encode_branch(depth, &branch);
                    let partial: Vec<u8> = (depth..end).map(|i| nibble(&key, i)).collect();
                    let mut packed: Vec<u8> =
                        partial.rchunks(2).map(|pair| pair.iter().fold(0, |byte, n| byte << 4 | n)).collect();
                    packed.reverse();
                    let references = children.iter().map(|child| child.map(ChildReference::Hash));
                    let plain = Plain::branch_node_nibbled(packed.into_iter(), partial.len(), references, None);
                    assert_eq!(encoded.as_slice(), plain, "nibbles {depth} to {end}, children {bitmap:016b}");
                    assert_eq!(decode_branch(&Path::of_key(&key, depth), &plain), Some(branch));
                }
            }
        }
    }

    #[test]
    fn what_is_no_branch_is_refused() {
        let children = std::array::from_fn(|i| (i < 3).then_some([i as u8; 32]));
        let branch = Branch { prefix: Path::of_key(&[0x77; 32], 5), children };
        let encoded = encode_branch(2, &branch);
        let (good, at) = (encoded.as_slice(), Path::of_key(&[0x77; 32], 2));
        assert_eq!(decode_branch(&at, good), Some(branch));
        assert!((0..good.len()).all(|length| decode_branch(&at, &good[..length]).is_none()));
        assert_eq!(decode_branch(&at, &[good, &[0]].concat()), None, "a byte too many");
        let with = |index: usize, byte: u8| {
            let mut wrong = good.to_vec();
            wrong[index] = byte;
            decode_branch(&at, &wrong)
        };
        assert_eq!(with(0, LEAF | 3), None, "a leaf");
        assert_eq!(with(1, 0x17), None, "padding that is not zero");
        assert_eq!(with(3, 0b11), None, "a child that the bitmap leaves out");
        assert_eq!(with(5, HASH_LENGTH + 4), None, "a child of another length");
        assert_eq!(decode_branch(&Path::of_key(&[0; 32], 61), good), None, "a prefix as long as a key");
    }
}
