//! The trust anchor as people compare it: by its fingerprint, which fits on a wall, a letterhead or a telephone call.

use chancery_abi::{Digest, TrustAnchor, codec};

/// The SHA-256 of an anchor's bytes.
pub(crate) fn fingerprint(anchor: &TrustAnchor) -> Digest {
    Digest::of(&codec::encode(anchor))
}

/// A fingerprint as it is read out and compared: eight groups of eight digits.
pub(crate) fn grouped(fingerprint: &Digest) -> String {
    let digits = fingerprint.to_string();
    let groups: Vec<&str> = digits.as_bytes().chunks(8).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_follows_from_every_byte_of_the_anchor_and_is_read_in_groups() {
        let anchor = TrustAnchor::of_genesis(&crate::fixture::genesis());
        let mut other = anchor.clone();
        other.genesis.0[31] ^= 1;
        assert_ne!(fingerprint(&anchor), fingerprint(&other));
        let text = grouped(&fingerprint(&anchor));
        assert_eq!(text.split(' ').map(str::len).collect::<Vec<_>>(), [8; 8]);
        assert_eq!(text.replace(' ', ""), fingerprint(&anchor).to_string());
    }
}
