//! From what one chain knows of another to a message in that one's state: anchors, records of them, messages, forks.
//!
//! Everything here is a function of what is claimed and of what the asking chain's own state says; nothing is taken on
//! anybody's word but that of a committee's quorum. The runtime asks on every chain, and there is no way round it.

use alloc::string::{String, ToString as _};
use core::fmt;

use chancery_abi::{
    Address, Certificate, Committee, Digest, Header, Name, WIRE_VERSION, codec,
    lane::{AnchorState, AnchorUpdate, Anchored, ForkEvidence, MainchainEntry, ProvenMessage, slots},
    merkle::Path,
};
use sha2::{Digest as _, Sha256};

use crate::{TrieError, roots, signatures::verify_certificate, trie};

/// Why something does not follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneError {
    /// The trie's nodes do not lead from the root to the entry or its absence.
    Trie(TrieError),
    /// The state has another value there.
    OtherValue,
    /// The state has nothing there.
    Absent,
    /// The state has something there.
    Present,
    /// It is of another lane, or has another number.
    OtherLane,
    /// The format is not one that this release knows.
    UnknownVersion {
        /// The version found.
        found: u8,
    },
    /// A header of another chain.
    OtherChain {
        /// The chain found.
        found: Name,
    },
    /// A header that is not the one named by its digest.
    OtherHeader,
    /// A header that is not above the newest anchored one.
    NotAbove {
        /// The newest anchored height.
        anchored: u64,
        /// The header's.
        found: u64,
    },
    /// A header or certificate of another term.
    OtherEpoch {
        /// The term that certifies now.
        expected: u64,
        /// The term found.
        found: u64,
    },
    /// The certificate does not hold.
    Certificate(crate::CertificateError),
    /// The newest anchored header is not in the header's history where it must be.
    DoesNotExtend,
    /// The committee is not the one that the header names, or is missing or too much.
    OtherCommittee,
    /// The two headers do not contradict each other.
    NoContradiction,
}

impl fmt::Display for LaneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trie(error) => write!(f, "{error}"),
            Self::OtherValue => f.write_str("the state has another value there"),
            Self::Absent => f.write_str("the state has nothing there"),
            Self::Present => f.write_str("the state has something there"),
            Self::OtherLane => f.write_str("it is of another lane, or has another number"),
            Self::UnknownVersion { found } => write!(f, "format version {found}, of which this release knows nothing"),
            Self::OtherChain { found } => write!(f, "a header of chain {found}"),
            Self::OtherHeader => f.write_str("another header than the one that is named"),
            Self::NotAbove { anchored, found } => write!(f, "height {found}, and {anchored} is anchored"),
            Self::OtherEpoch { expected, found } => write!(f, "of epoch {found}, and the present one is {expected}"),
            Self::Certificate(error) => write!(f, "{error}"),
            Self::DoesNotExtend => f.write_str("it does not extend the newest anchored header"),
            Self::OtherCommittee => f.write_str("the committee is not the one that the header names"),
            Self::NoContradiction => f.write_str("the two headers do not contradict each other"),
        }
    }
}

impl core::error::Error for LaneError {}

impl From<LaneError> for String {
    fn from(error: LaneError) -> Self {
        error.to_string()
    }
}

/// Checks that a state has exactly `value` at a slot, or nothing.
///
/// # Errors
/// When the nodes show something else, or nothing.
pub fn entry(
    state_root: &Digest,
    contract: &Address,
    slot: &[u8],
    value: Option<&[u8]>,
    nodes: &[alloc::vec::Vec<u8>],
) -> Result<(), LaneError> {
    let proven = trie::verify(state_root, &trie::key(contract, slot), nodes).map_err(LaneError::Trie)?;
    match (value, proven) {
        (Some(value), Some(hash)) if <[u8; 32]>::from(Sha256::digest(value)) == hash => Ok(()),
        (Some(_), Some(_)) => Err(LaneError::OtherValue),
        (Some(_), None) => Err(LaneError::Absent),
        (None, Some(_)) => Err(LaneError::Present),
        (None, None) => Ok(()),
    }
}

/// Checks that a message is in its chain's state, at `sequence` of the lane.
///
/// # Errors
/// When it is not shown to be there.
pub fn message(
    state_root: &Digest,
    proven: &ProvenMessage,
    (source, destination): (&Name, &Name),
    sequence: u64,
) -> Result<(), LaneError> {
    let ProvenMessage { message, nodes } = proven;
    if message.version != WIRE_VERSION {
        return Err(LaneError::UnknownVersion { found: message.version });
    }
    if message.source != *source || message.destination != *destination || message.sequence != sequence {
        return Err(LaneError::OtherLane);
    }
    let slot = slots::outbox(destination, sequence);
    entry(state_root, &Address::system(), &slot, Some(&codec::encode(message)), nodes)
}

/// Checks that a mainchain header is the one with a digest that the asking chain has seen.
///
/// # Errors
/// When it is another.
pub fn mainchain_header(header: &Header, genesis: &Digest, seen: &Digest) -> Result<(), LaneError> {
    if header.digest(genesis) == *seen { Ok(()) } else { Err(LaneError::OtherHeader) }
}

/// Checks that a record of a sidechain's header is in the mainchain's state.
///
/// # Errors
/// When it is not shown to be there.
pub fn record(
    mainchain: &Header,
    chain: &Name,
    record: &Anchored,
    nodes: &[alloc::vec::Vec<u8>],
) -> Result<(), LaneError> {
    let slot = slots::anchored(chain, record.height);
    entry(&mainchain.state_root, &Address::system(), &slot, Some(&codec::encode(record)), nodes)
}

/// Checks an entry of the mainchain's state that is presented.
///
/// # Errors
/// When it is not shown to be so.
pub fn mainchain_entry(presented: &MainchainEntry, genesis: &Digest, seen: &Digest) -> Result<(), LaneError> {
    let MainchainEntry { header, contract, key, value, nodes } = presented;
    mainchain_header(header, genesis, seen)?;
    entry(&header.state_root, contract, key, value.as_deref(), nodes)
}

/// Checks a header against the committee and its own claims.
fn certified(
    chain: &Name,
    genesis: &Digest,
    (epoch, committee): (u64, &Committee),
    header: &Header,
    certificate: &Certificate,
) -> Result<Digest, LaneError> {
    if header.version != WIRE_VERSION {
        return Err(LaneError::UnknownVersion { found: header.version });
    }
    if header.chain != *chain {
        return Err(LaneError::OtherChain { found: header.chain.clone() });
    }
    for found in [header.epoch, certificate.epoch] {
        if found != epoch {
            return Err(LaneError::OtherEpoch { expected: epoch, found });
        }
    }
    let digest = header.digest(genesis);
    if certificate.header != digest {
        return Err(LaneError::OtherHeader);
    }
    verify_certificate(genesis, committee, certificate).map_err(LaneError::Certificate)?;
    Ok(digest)
}

/// The state of a sidechain's anchors after a header that extends them.
///
/// # Errors
/// When the header is not certified by the present committee, or does not extend the newest anchored one.
pub fn extend(
    chain: &Name,
    state: &AnchorState,
    update: &AnchorUpdate,
    mainchain_height: u64,
) -> Result<AnchorState, LaneError> {
    let AnchorUpdate { header, certificate, extends, next, .. } = update;
    let newest = &state.newest;
    let genesis = newest.genesis;
    if header.height <= newest.height {
        return Err(LaneError::NotAbove { anchored: newest.height, found: header.height });
    }
    let extends = match extends {
        None => newest.height == 0,
        Some(path) => {
            newest.height > 0
                && path.index == newest.height - 1
                && path.count == header.height - 1
                && roots::history_root_by(&genesis, &newest.header, path) == Some(header.history_root)
        }
    };
    if !extends {
        return Err(LaneError::DoesNotExtend);
    }
    let named = next.as_ref().map(|committee| committee.digest(&genesis));
    if named != header.next_committee {
        return Err(LaneError::OtherCommittee);
    }
    let digest = certified(chain, &genesis, (state.epoch, &state.committee), header, certificate)?;
    let newest = Anchored {
        genesis,
        height: header.height,
        header: digest,
        state_root: header.state_root,
        history_root: header.history_root,
        timestamp_ms: header.timestamp_ms,
        seen_height: header.mainchain.map_or(0, |seen| seen.height),
        mainchain_height,
    };
    let (epoch, committee) = match next {
        Some(next) => (state.epoch.saturating_add(1), next.clone()),
        None => (state.epoch, state.committee.clone()),
    };
    Ok(AnchorState { epoch, committee, newest, closed: state.closed })
}

/// The digest of a header that a committee certified and that contradicts what is anchored. `committee` is the one of the
/// header's epoch.
///
/// # Errors
/// When it is not certified, or does not contradict.
pub fn contradicts(
    chain: &Name,
    newest: &Anchored,
    committee: &Committee,
    evidence: &ForkEvidence,
) -> Result<Digest, LaneError> {
    let ForkEvidence { header, certificate, instead } = evidence;
    let genesis = &newest.genesis;
    if newest.height == 0 || header.height == 0 {
        return Err(LaneError::NoContradiction);
    }
    let digest = certified(chain, genesis, (header.epoch, committee), header, certificate)?;
    let leads = |other: &Digest, path: &Path, height: u64, later: u64, root: &Digest| {
        path.index == height - 1
            && path.count == later - 1
            && roots::history_root_by(genesis, other, path).as_ref() == Some(root)
    };
    let contradicts = match (header.height.cmp(&newest.height), instead) {
        (core::cmp::Ordering::Equal, None) => digest != newest.header,
        (core::cmp::Ordering::Greater, Some((other, path))) => {
            *other != newest.header && leads(other, path, newest.height, header.height, &header.history_root)
        }
        (core::cmp::Ordering::Less, Some((other, path))) => {
            *other != digest && leads(other, path, header.height, newest.height, &newest.history_root)
        }
        _ => false,
    };
    if contradicts { Ok(digest) } else { Err(LaneError::NoContradiction) }
}
