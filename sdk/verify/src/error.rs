//! Why a bundle proves nothing. Every refusal has a name of its own and carries the facts; none carries text.

use core::fmt;

use chancery_abi::{
    DecodeError, Name,
    limits::{PROOF_DESCENDANTS_MAX, PROOF_HAND_OVERS_MAX, PROOF_ROTATIONS_MAX},
};

use crate::{CertificateError, LaneError, TrieError};

/// A part of a bundle that says which version of the format it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The trust anchor.
    Anchor,
    /// A header.
    Header,
    /// The receipt.
    Receipt,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anchor => "the trust anchor",
            Self::Header => "a header",
            Self::Receipt => "the receipt",
        })
    }
}

/// Why a bundle proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// The bytes are not a bundle.
    Unreadable(DecodeError),
    /// A part has a format that this release does not know.
    UnknownVersion {
        /// Which part.
        part: Part,
        /// The version found.
        found: u8,
    },
    /// A header is of another chain than the anchor.
    WrongChain {
        /// The anchor's chain.
        expected: Name,
        /// The header's.
        found: Name,
    },
    /// A header claims height 0, which has none.
    HeightZero,
    /// A sidechain's header does not lead to the mainchain's state.
    Sidechain(LaneError),

    /// The trie nodes are not a proof under the header's state root.
    State(TrieError),
    /// The state holds another value under the key.
    WrongValue,
    /// The bundle claims a value, and the state holds none.
    ValueAbsent,
    /// The bundle claims absence, and the state holds a value.
    ValuePresent,
    /// The receipt is of another block.
    ReceiptOfOtherBlock {
        /// The header's height.
        expected: u64,
        /// The receipt's.
        found: u64,
    },
    /// The receipt's path is of another place than its own.
    ReceiptPlace {
        /// The receipt's place in its block.
        expected: u32,
        /// The path's.
        found: u64,
    },
    /// The receipt's path does not lead to the header's receipts root.
    ReceiptRoot,

    /// A list of descendants that names none.
    NoDescendants,
    /// More descendants than a bundle may have.
    TooManyDescendants {
        /// How many there are.
        found: usize,
    },
    /// A descendant's height is not the next.
    DescendantHeight {
        /// The height before and one more.
        expected: u64,
        /// The descendant's.
        found: u64,
    },
    /// A descendant names another header as its parent.
    DescendantParent {
        /// The descendant's height.
        height: u64,
    },
    /// The header whose history is used is not later than the proven one.
    HistoryNotLater {
        /// The proven header's height.
        header: u64,
        /// The height of the header whose history is used.
        later: u64,
    },
    /// The history path's place or count is not what the two heights ask for.
    HistoryPlace,
    /// The history path does not lead to the later header's history root.
    HistoryRoot,

    /// More hand-overs than a bundle may have.
    TooManyHandOvers {
        /// How many there are.
        found: usize,
    },
    /// A certified header is of another epoch than the one that is due.
    HeaderEpoch {
        /// The epoch that is due.
        expected: u64,
        /// The header's.
        found: u64,
    },
    /// A certificate is of another epoch than the one that is due.
    CertificateEpoch {
        /// The epoch that is due.
        expected: u64,
        /// The certificate's.
        found: u64,
    },
    /// A certificate certifies another header than the one it comes with.
    CertificateOfOtherHeader {
        /// The epoch.
        epoch: u64,
    },
    /// A certificate does not hold.
    Certificate {
        /// Its epoch.
        epoch: u64,
        /// Why.
        error: CertificateError,
    },
    /// A hand-over's header does not end its epoch: it names no committee.
    NotAHandOver {
        /// The epoch.
        epoch: u64,
    },
    /// A hand-over's committee is not the one that its header names.
    WrongCommittee {
        /// The epoch that ends.
        epoch: u64,
    },
    /// A certified header is not later than the one that ended the epoch before.
    EpochsOverlap {
        /// The height at which the epoch before ended.
        ended: u64,
        /// The header's height.
        found: u64,
    },

    /// The trust anchor has no threshold key that could speak for the header.
    NoThresholdKey {
        /// The header's height.
        height: u64,
    },
    /// More rotations of the threshold key than a bundle may have.
    TooManyRotations {
        /// How many there are.
        found: usize,
    },
    /// The header lies below the first height that the key which attests it speaks for.
    KeyNotInForce {
        /// That first height.
        from_height: u64,
        /// The header's.
        found: u64,
    },
    /// The attestation is not a signature over the header under the key that is due.
    AttestationForged,
    /// A rotation takes effect no later than the one before.
    RotationOrder {
        /// Its place, from 0.
        place: u64,
    },
    /// A rotation is not signed by the key before.
    RotationForged {
        /// Its place, from 0.
        place: u64,
    },
}

impl VerifyError {
    /// A stable, lower-case word for it, which texts in other languages are chosen by.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::UnknownVersion { .. } => "unknown_version",
            Self::WrongChain { .. } => "wrong_chain",
            Self::HeightZero => "height_zero",
            Self::Sidechain(_) => "sidechain",
            Self::State(_) => "state",
            Self::WrongValue => "wrong_value",
            Self::ValueAbsent => "value_absent",
            Self::ValuePresent => "value_present",
            Self::ReceiptOfOtherBlock { .. } => "receipt_of_other_block",
            Self::ReceiptPlace { .. } => "receipt_place",
            Self::ReceiptRoot => "receipt_root",
            Self::NoDescendants => "no_descendants",
            Self::TooManyDescendants { .. } => "too_many_descendants",
            Self::DescendantHeight { .. } => "descendant_height",
            Self::DescendantParent { .. } => "descendant_parent",
            Self::HistoryNotLater { .. } => "history_not_later",
            Self::HistoryPlace => "history_place",
            Self::HistoryRoot => "history_root",
            Self::TooManyHandOvers { .. } => "too_many_hand_overs",
            Self::HeaderEpoch { .. } => "header_epoch",
            Self::CertificateEpoch { .. } => "certificate_epoch",
            Self::CertificateOfOtherHeader { .. } => "certificate_of_other_header",
            Self::Certificate { .. } => "certificate",
            Self::NotAHandOver { .. } => "not_a_hand_over",
            Self::WrongCommittee { .. } => "wrong_committee",
            Self::EpochsOverlap { .. } => "epochs_overlap",
            Self::NoThresholdKey { .. } => "no_threshold_key",
            Self::TooManyRotations { .. } => "too_many_rotations",
            Self::KeyNotInForce { .. } => "key_not_in_force",
            Self::AttestationForged => "attestation_forged",
            Self::RotationOrder { .. } => "rotation_order",
            Self::RotationForged { .. } => "rotation_forged",
        }
    }
}

impl From<TrieError> for VerifyError {
    fn from(error: TrieError) -> Self {
        Self::State(error)
    }
}

impl From<DecodeError> for VerifyError {
    fn from(error: DecodeError) -> Self {
        Self::Unreadable(error)
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "this is not a proof bundle: {error}"),
            Self::UnknownVersion { part, found } => {
                write!(f, "{part} has format version {found}, of which this release knows nothing")
            }
            Self::WrongChain { expected, found } => {
                write!(f, "a header is of chain {found}, and the trust anchor is of {expected}")
            }
            Self::Sidechain(error) => {
                write!(f, "the sidechain's header is not shown to be on the mainchain's record: {error}")
            }
            Self::HeightZero => f.write_str("a header claims height 0, which is the genesis and has no header"),
            Self::State(error) => write!(f, "the state proof does not hold: {error}"),
            Self::WrongValue => f.write_str("the state holds another value than the bundle says"),
            Self::ValueAbsent => f.write_str("the bundle says there is a value, and the state holds none"),
            Self::ValuePresent => f.write_str("the bundle says there is no value, and the state holds one"),
            Self::ReceiptOfOtherBlock { expected, found } => {
                write!(f, "the receipt is of height {found}, and the header of height {expected}")
            }
            Self::ReceiptPlace { expected, found } => {
                write!(f, "the receipt stands at place {expected}, and its path at place {found}")
            }
            Self::ReceiptRoot => f.write_str("the receipt's path does not lead to the header's receipts root"),
            Self::NoDescendants => f.write_str("the list of headers that follow is empty"),
            Self::TooManyDescendants { found } => {
                write!(f, "{found} headers follow, of which at most {PROOF_DESCENDANTS_MAX} are allowed")
            }
            Self::DescendantHeight { expected, found } => {
                write!(f, "a header that follows has height {found}, and {expected} is due")
            }
            Self::DescendantParent { height } => {
                write!(f, "the header at height {height} does not follow the one before it")
            }
            Self::HistoryNotLater { header, later } => {
                write!(f, "the header at height {later} cannot have height {header} in its history")
            }
            Self::HistoryPlace => {
                f.write_str("the history path's place or count is not what the headers' heights ask for")
            }
            Self::HistoryRoot => f.write_str("the history path does not lead to the later header's history root"),
            Self::TooManyHandOvers { found } => {
                write!(f, "it has {found} hand-overs, of which at most {PROOF_HAND_OVERS_MAX} are allowed")
            }
            Self::HeaderEpoch { expected, found } => {
                write!(f, "a certified header is of epoch {found}, and {expected} is due")
            }
            Self::CertificateEpoch { expected, found } => {
                write!(f, "a certificate is of epoch {found}, and {expected} is due")
            }
            Self::CertificateOfOtherHeader { epoch } => {
                write!(f, "in epoch {epoch}, a certificate is of another header than the one it comes with")
            }
            Self::Certificate { epoch, error } => write!(f, "in epoch {epoch}, {error}"),
            Self::NotAHandOver { epoch } => {
                write!(f, "the hand-over of epoch {epoch} has a header that names no committee")
            }
            Self::WrongCommittee { epoch } => {
                write!(f, "the hand-over of epoch {epoch} has another committee than its header names")
            }
            Self::EpochsOverlap { ended, found } => {
                write!(f, "a header at height {found} is certified in an epoch that began after height {ended}")
            }
            Self::NoThresholdKey { height } => write!(
                f,
                "the proof is attested by a threshold key, and the trust anchor has none that speaks for height {height}"
            ),
            Self::TooManyRotations { found } => {
                write!(
                    f,
                    "it has {found} rotations of the threshold key, of which at most {PROOF_ROTATIONS_MAX} are allowed"
                )
            }
            Self::KeyNotInForce { from_height, found } => {
                write!(f, "the threshold key speaks from height {from_height} on, and attests height {found}")
            }
            Self::AttestationForged => {
                f.write_str("the attestation is not the threshold key's signature over the header")
            }
            Self::RotationOrder { place } => {
                write!(f, "rotation {place} of the threshold key takes effect no later than the one before")
            }
            Self::RotationForged { place } => {
                write!(f, "rotation {place} of the threshold key is not signed by the key before")
            }
        }
    }
}

impl core::error::Error for VerifyError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Unreadable(error) => Some(error),
            Self::State(error) => Some(error),
            Self::Certificate { error, .. } => Some(error),
            _ => None,
        }
    }
}
