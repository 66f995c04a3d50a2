//! From a bundle's header to the trust anchor: the link to a certified header, and the hand-overs to its committee.
//!
//! Two directions meet at the certified header. Downwards, parent digests or the history bind the bundle's header to
//! it. Upwards, the anchor's committee (epoch 0) names the next in its epoch's last header, and so on to the committee
//! whose certificate the bundle has. A header's digest covers the chain's genesis through its domain, so a header of
//! another chain of the same name never fits. An attestation is the short way up: one signature under a threshold key
//! that the anchor has, or that such a key named as its successor.

use chancery_abi::{
    Certificate, Committee, Digest, Finality, HandOver, Header, KeyRotation, Link, ThresholdKey, TrustAnchor,
    WIRE_VERSION,
    limits::{PROOF_DESCENDANTS_MAX, PROOF_HAND_OVERS_MAX, PROOF_ROTATIONS_MAX},
};

use crate::{
    Confirmed, Refused, Stage, VerifyError,
    error::Part,
    roots,
    signatures::verify_certificate,
    threshold::{attestation_holds, rotation_holds},
};

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
pub(crate) fn confirm(header: &Header, finality: &Finality, anchor: &TrustAnchor) -> Result<Confirmed, Refused> {
    match finality {
        Finality::Certificate { hand_overs, certificate } => certify(header, hand_overs, certificate, anchor),
        Finality::Attestation { rotations, signature } => attest(header, rotations, signature, anchor),
    }
}

fn certify(
    header: &Header,
    hand_overs: &[HandOver],
    certificate: &Certificate,
    anchor: &TrustAnchor,
) -> Result<Confirmed, Refused> {
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
    Ok(Confirmed::Certificate { epoch, signers: signers.copied().collect() })
}

/// Checks that a threshold key which speaks for the height of `header`, which is checked itself, attested it: first the
/// signature under the key that the bundle names, and then that the anchor's key leads to that one.
fn attest(
    header: &Header,
    rotations: &[KeyRotation],
    signature: &[u8; 48],
    anchor: &TrustAnchor,
) -> Result<Confirmed, Refused> {
    if rotations.len() > PROOF_ROTATIONS_MAX {
        return Err(Stage::Proof.refuse(VerifyError::TooManyRotations { found: rotations.len() }));
    }
    let height = header.height;
    let known = |key: &&ThresholdKey| match rotations {
        [] => key.speaks_for(height),
        // What is rotated is the key that serves.
        _ => key.to_height.is_none(),
    };
    let Some(known) = anchor.threshold_keys.iter().find(known) else {
        return Err(Stage::Signatures.refuse(VerifyError::NoThresholdKey { height }));
    };
    let (key, from_height) =
        rotations.last().map_or((&known.key, known.from_height), |last| (&last.key, last.from_height));
    if height < from_height {
        return Err(Stage::Signatures.refuse(VerifyError::KeyNotInForce { from_height, found: height }));
    }
    if !attestation_holds(&anchor.genesis, key, &header.digest(&anchor.genesis), signature) {
        return Err(Stage::Signatures.refuse(VerifyError::AttestationForged));
    }
    follow_rotations(known, rotations, &anchor.genesis).map_err(|error| Stage::Departments.refuse(error))?;
    Ok(Confirmed::Attestation { key: *key, rotations: rotations.len() as u64, untrusted: known.untrusted })
}

/// Checks that a key leads through these rotations to the last of them.
fn follow_rotations(known: &ThresholdKey, rotations: &[KeyRotation], genesis: &Digest) -> Result<(), VerifyError> {
    let (mut key, mut from_height) = (&known.key, known.from_height);
    for (place, rotation) in (0..).zip(rotations) {
        if rotation.from_height <= from_height {
            return Err(VerifyError::RotationOrder { place });
        }
        if !rotation_holds(genesis, key, rotation) {
            return Err(VerifyError::RotationForged { place });
        }
        (key, from_height) = (&rotation.key, rotation.from_height);
    }
    Ok(())
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
