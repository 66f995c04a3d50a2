//! One canonical encoding: [`decode`] accepts exactly the bytes that [`encode`] makes.
//!
//! Decoding is bounded: at most [`TYPE_DEPTH_MAX`] levels deep, and what it holds is at
//! most twice the input (for a [`Block`](crate::Block), two and a quarter times) and [`ALLOCATION_SLACK_BYTES`] more,
//! whatever lengths the input claims. The canonical form is checked by encoding the value again into a comparison, not into a second buffer.

use core::fmt;

use parity_scale_codec::{DecodeLimit, DecodeWithMemTracking, Encode, MemTrackingInput, Output};

use crate::{WIRE_VERSION, limits::TYPE_DEPTH_MAX};

/// What a decoder may hold beyond twice its input: lists of small things (a schema's fields, a receipt's events) are
/// many times larger in memory than on the wire. Enough for every value that is within its own limits.
pub const ALLOCATION_SLACK_BYTES: usize = 64 * 1024;

/// Why bytes are not the canonical encoding of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// There are more bytes than the format allows.
    TooLong {
        /// The bytes there are.
        found: usize,
        /// The bytes allowed.
        limit: usize,
    },
    /// The bytes end early, have an unknown tag, claim too much or nest too deeply.
    Malformed,
    /// Bytes follow the value.
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// The value has another, canonical encoding.
    NotCanonical,
    /// The version byte is not one that this release knows.
    UnknownVersion {
        /// The version found.
        found: u8,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { found, limit } => write!(f, "{found} bytes, of which at most {limit} are allowed"),
            Self::Malformed => f.write_str("malformed bytes"),
            Self::TrailingBytes { count } => write!(f, "{count} bytes too many"),
            Self::NotCanonical => f.write_str("not the canonical encoding of its value"),
            Self::UnknownVersion { found } => write!(f, "format version {found}, of which this release knows nothing"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// The canonical bytes of `value`.
pub fn encode<T: Encode>(value: &T) -> alloc::vec::Vec<u8> {
    value.encode()
}

/// The value whose canonical encoding `bytes` are, when they are at most `limit` bytes.
///
/// # Errors
/// When they are longer, malformed, followed by more, or not the canonical encoding.
pub fn decode<T: DecodeWithMemTracking + Encode>(bytes: &[u8], limit: usize) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLong { found: bytes.len(), limit });
    }
    let mut input = bytes;
    let allocation_max = bytes.len().saturating_mul(2).saturating_add(ALLOCATION_SLACK_BYTES);
    let mut tracked = MemTrackingInput::new(&mut input, allocation_max);
    let value = T::decode_with_depth_limit(TYPE_DEPTH_MAX, &mut tracked).map_err(|_| DecodeError::Malformed)?;
    if !input.is_empty() {
        return Err(DecodeError::TrailingBytes { count: input.len() });
    }
    let mut comparison = Comparison { rest: bytes, same: true };
    value.encode_to(&mut comparison);
    if !comparison.same || !comparison.rest.is_empty() {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

/// The value whose canonical encoding `bytes` are, when they are at most `limit` bytes and of a type whose first byte
/// is its version. The version is looked at first, because what follows it may look like anything.
///
/// # Errors
/// When the version is unknown, and whenever [`decode`] has one.
pub fn decode_versioned<T: DecodeWithMemTracking + Encode>(bytes: &[u8], limit: usize) -> Result<T, DecodeError> {
    match bytes.first() {
        Some(&WIRE_VERSION) | None => decode(bytes, limit),
        Some(&found) => Err(DecodeError::UnknownVersion { found }),
    }
}

/// An output that holds nothing: it compares what is written with what was read.
struct Comparison<'a> {
    rest: &'a [u8],
    same: bool,
}

impl Output for Comparison<'_> {
    fn write(&mut self, bytes: &[u8]) {
        match self.rest.strip_prefix(bytes) {
            Some(rest) => self.rest = rest,
            None => self.same = false,
        }
    }
}
