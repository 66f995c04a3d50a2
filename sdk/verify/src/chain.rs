//! From a bundle's header to the trust anchor: the link to a certified header, and the hand-overs to its committee.
//!
//! Two directions meet at the certified header. Downwards, parent digests or the history bind the bundle's header to
//! it. Upwards, the anchor's committee (epoch 0) names the next in its epoch's last header, and so on to the committee
//! whose certificate the bundle has. A header's digest covers the chain's genesis through its domain, so a header of
//! another chain of the same name never fits.

use alloc::vec::Vec;

use chancery_abi::{
    Certificate, Committee, Digest, Finality, HandOver, Header, Link, TrustAnchor, WIRE_VERSION,
    limits::{PROOF_DESCENDANTS_MAX, PROOF_HAND_OVERS_MAX},
};

use crate::{Refused, Stage, VerifyError, error::Part, roots, signatures::verify_certificate};

/// Who certified a header.
pub(crate) struct Certified {
    pub(crate) height: u64,
    pub(crate) epoch: u64,
    pub(crate) signers: Vec<[u8; 32]>,
}

/// Checks all that a header says of itself, as far as it can be checked without the chain.
pub(crate) fn check_header(header: &Header, anchor: &TrustAnchor) -> Result<(), VerifyError> {
    if header.version != WIRE_VERSION {
        return Err(VerifyError::UnknownVersion { part: Part::Header, found: header.version });
    }
    if header.chain != anchor.chain {
        return Err(VerifyError::WrongChain { expected: anchor.chain.clone(), found: header.chain.clone() });
    }
    if header.height == 0 {
        return Err(VerifyError::HeightZero);
    }
    Ok(())
}

/// Follows `link` from `header`, which is checked, to the header that is certified.
pub(crate) fn follow<'a>(header: &'a Header, link: &'a Link, anchor: &TrustAnchor) -> Result<&'a Header, VerifyError> {
    match link {
        Link::Same => Ok(header),
        Link::Descendants(headers) => descend(header, headers, anchor),
        Link::History { header: later, path } => {
            check_header(later, anchor)?;
            if later.height <= header.height {
                return Err(VerifyError::HistoryNotLater { header: header.height, later: later.height });
            }
            // No height is 0 here.
            if path.index != header.height - 1 || path.count != later.height - 1 {
                return Err(VerifyError::HistoryPlace);
            }
            let root = roots::history_root_by(&anchor.genesis, &header.digest(&anchor.genesis), path);
            if root != Some(later.history_root) {
                return Err(VerifyError::HistoryRoot);
            }
            Ok(later)
        }
    }
}

fn descend<'a>(header: &'a Header, descendants: &'a [Header], anchor: &TrustAnchor) -> Result<&'a Header, VerifyError> {
    if descendants.is_empty() {
        return Err(VerifyError::NoDescendants);
    }
    if descendants.len() > PROOF_DESCENDANTS_MAX {
        return Err(VerifyError::TooManyDescendants { found: descendants.len() });
    }
    let mut last = header;
    for descendant in descendants {
        check_header(descendant, anchor)?;
        let (expected, found) = (last.height.saturating_add(1), descendant.height);
        if found != expected {
            return Err(VerifyError::DescendantHeight { expected, found });
        }
        if descendant.parent != last.digest(&anchor.genesis) {
            return Err(VerifyError::DescendantParent { height: found });
        }
        last = descendant;
    }
    Ok(last)
}

/// Checks that `header`, which is checked itself, is final by what the anchor's committee and its successors signed:
/// first that the committee of its epoch signed it, as far as the bundle names that committee rightly, and then that it
/// does.
pub(crate) fn certify(header: &Header, finality: &Finality, anchor: &TrustAnchor) -> Result<Certified, Refused> {
    let Finality::Certificate { hand_overs, certificate } = finality;
    if hand_overs.len() > PROOF_HAND_OVERS_MAX {
        return Err(Stage::Proof.refuse(VerifyError::TooManyHandOvers { found: hand_overs.len() }));
    }
    let epoch = hand_overs.len() as u64;
    let (committee, ended) = match hand_overs.last() {
        Some(last) => (&last.next, last.header.height),
        None => (&anchor.committee, 0),
    };
    check_certified(header, certificate, Term { epoch, committee, ended }, anchor)
        .map_err(|error| Stage::Signatures.refuse(error))?;
    hand_over(hand_overs, anchor).map_err(|error| Stage::Departments.refuse(error))?;
    let signers = certificate.votes.iter().filter_map(|vote| committee.keys().get(usize::from(vote.member)));
    Ok(Certified { height: header.height, epoch, signers: signers.copied().collect() })
}

/// Checks that the anchor's committee handed over to the next, and that to the one after it, to the last one's `next`.
fn hand_over(hand_overs: &[HandOver], anchor: &TrustAnchor) -> Result<(), VerifyError> {
    let (mut committee, mut ended) = (&anchor.committee, 0);
    for (epoch, hand_over) in (0..).zip(hand_overs) {
        check_header(&hand_over.header, anchor)?;
        check_certified(&hand_over.header, &hand_over.certificate, Term { epoch, committee, ended }, anchor)?;
        committee = successor(hand_over, epoch, &anchor.genesis)?;
        ended = hand_over.header.height;
    }
    Ok(())
}

/// A committee's time in office.
struct Term<'a> {
    epoch: u64,
    committee: &'a Committee,
    /// The height at which the epoch before ended.
    ended: u64,
}

fn check_certified(
    header: &Header,
    certificate: &Certificate,
    term: Term<'_>,
    anchor: &TrustAnchor,
) -> Result<(), VerifyError> {
    let Term { epoch, committee, ended } = term;
    if header.epoch != epoch {
        return Err(VerifyError::HeaderEpoch { expected: epoch, found: header.epoch });
    }
    if certificate.epoch != epoch {
        return Err(VerifyError::CertificateEpoch { expected: epoch, found: certificate.epoch });
    }
    if header.height <= ended {
        return Err(VerifyError::EpochsOverlap { ended, found: header.height });
    }
    if certificate.header != header.digest(&anchor.genesis) {
        return Err(VerifyError::CertificateOfOtherHeader { epoch });
    }
    verify_certificate(&anchor.genesis, committee, certificate)
        .map_err(|error| VerifyError::Certificate { epoch, error })
}

/// The committee that a certified hand-over puts into office.
fn successor<'a>(hand_over: &'a HandOver, epoch: u64, genesis: &Digest) -> Result<&'a Committee, VerifyError> {
    let named = hand_over.header.next_committee.ok_or(VerifyError::NotAHandOver { epoch })?;
    if named != hand_over.next.digest(genesis) {
        return Err(VerifyError::WrongCommittee { epoch });
    }
    Ok(&hand_over.next)
}
