//! Certificates: that a quorum of a committee voted for a header.
//!
//! Signatures are ed25519 under ZIP-215's rules, one at a time: those rules give every verifier on every machine the
//! same answer, which batches and RFC 8032's looser text do not. All that can be refused without a curve operation
//! is refused first, and the first bad signature ends the check.

use core::fmt;

use chancery_abi::{Certificate, Committee, Digest, WIRE_VERSION};
use ed25519_zebra::{Signature, VerificationKey};

/// Why a certificate does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateError {
    /// It has a format that this release does not know.
    UnknownVersion {
        /// The version found.
        found: u8,
    },
    /// It has fewer votes than the committee's quorum.
    NoQuorum {
        /// How many votes it takes.
        quorum: usize,
        /// How many there are.
        found: usize,
    },
    /// A vote is of a member that the committee does not have.
    UnknownMember {
        /// The member's place.
        member: u16,
    },
    /// Votes are not in strictly ascending order of their members.
    Unordered {
        /// The first member out of order.
        member: u16,
    },
    /// A vote's signature does not hold.
    BadSignature {
        /// The member's place.
        member: u16,
    },
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion { found } => {
                write!(f, "the certificate has format version {found}, of which this release knows nothing")
            }
            Self::NoQuorum { quorum, found } => write!(f, "the certificate has {found} votes, and it takes {quorum}"),
            Self::UnknownMember { member } => {
                write!(f, "the certificate has a vote of member {member}, and the committee has no such member")
            }
            Self::Unordered { member } => {
                write!(f, "the certificate's votes are not in order, or twice there, at member {member}")
            }
            Self::BadSignature { member } => write!(f, "the vote of member {member} does not hold"),
        }
    }
}

impl core::error::Error for CertificateError {}

/// Whether `signature` by the ed25519 key `key` holds over `message`, under ZIP-215.
pub fn holds(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> bool {
    VerificationKey::try_from(*key).is_ok_and(|key| key.verify(&Signature::from_bytes(signature), message).is_ok())
}

/// Checks that `certificate` has the valid votes of a quorum of `committee`, on the chain whose genesis has the digest
/// `genesis`. That the certificate is of this committee's epoch is the caller's to know.
///
/// # Errors
/// When there are too few votes, or any one of them is not as it must be.
pub fn verify_certificate(
    genesis: &Digest,
    committee: &Committee,
    certificate: &Certificate,
) -> Result<(), CertificateError> {
    if certificate.version != WIRE_VERSION {
        return Err(CertificateError::UnknownVersion { found: certificate.version });
    }
    let (quorum, found) = (committee.quorum(), certificate.votes.len());
    if found < quorum {
        return Err(CertificateError::NoQuorum { quorum, found });
    }
    let mut next = 0;
    for vote in &certificate.votes {
        let member = vote.member;
        if usize::from(member) >= committee.len() {
            return Err(CertificateError::UnknownMember { member });
        }
        if u32::from(member) < next {
            return Err(CertificateError::Unordered { member });
        }
        next = u32::from(member) + 1;
    }
    let preimage = certificate.preimage(genesis);
    for vote in &certificate.votes {
        let member = vote.member;
        let key = committee.keys().get(usize::from(member)).ok_or(CertificateError::UnknownMember { member })?;
        if !holds(key, &vote.signature, &preimage) {
            return Err(CertificateError::BadSignature { member });
        }
    }
    Ok(())
}
