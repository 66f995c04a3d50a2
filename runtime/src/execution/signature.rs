//! Checking signatures: ed25519 under ZIP-215, so that all nodes agree on every edge case, and ECDSA on P-256 as a
//! passkey makes it.

use ed25519_zebra::{Signature, VerificationKey};
use p256::ecdsa::signature::Verifier;
use sha2::{Digest as _, Sha256};

use crate::abi::{Authorisation, Digest, Genesis, Refusal, limits};

/// Whether an ed25519 signature holds.
pub(crate) fn ed25519_holds(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> bool {
    VerificationKey::try_from(*key).is_ok_and(|key| key.verify(&Signature::from(*signature), message).is_ok())
}

/// Whether an ECDSA signature on P-256, in its one accepted form, holds over the message's SHA-256.
pub(crate) fn p256_holds(key: &[u8; 33], signature: &[u8; 64], message: &[u8]) -> bool {
    let Ok(key) = p256::ecdsa::VerifyingKey::from_sec1_bytes(key) else { return false };
    let Ok(signature) = p256::ecdsa::Signature::from_slice(signature) else { return false };
    // The other s of a signature holds as well; only one of the two may be the signature.
    signature.normalize_s() == signature && key.verify(message, &signature).is_ok()
}

/// Checks that an authorisation signs `digest`.
pub(super) fn check(authorisation: &Authorisation, digest: &Digest, genesis: &Genesis) -> Result<(), Refusal> {
    match authorisation {
        Authorisation::Ed25519 { public_key, signature } => {
            if ed25519_holds(public_key, signature, &digest.0) {
                Ok(())
            } else {
                Err(Refusal::BadSignature)
            }
        }
        Authorisation::WebAuthn { public_key, authenticator_data, client_data, signature } => {
            let passkey = Passkey { public_key, authenticator_data, client_data, signature };
            passkey.check(digest, &genesis.relying_parties)
        }
    }
}

/// A passkey's assertion. Source: Web Authentication Level 3, 6.1 (authenticator data), 5.8.1.2 (the limited
/// verification of client data) and 7.2 (verifying an assertion).
struct Passkey<'a> {
    public_key: &'a [u8; 33],
    authenticator_data: &'a [u8],
    client_data: &'a [u8],
    signature: &'a [u8; 64],
}

const USER_PRESENT: u8 = 1;

impl Passkey<'_> {
    fn check(&self, digest: &Digest, relying_parties: &[Digest]) -> Result<(), Refusal> {
        at_most("authenticator data", self.authenticator_data.len(), limits::AUTHENTICATOR_DATA_BYTES_MAX)?;
        at_most("client data", self.client_data.len(), limits::CLIENT_DATA_BYTES_MAX)?;
        // 32 bytes relying party, one byte of flags, four of counter; extensions may follow.
        let (relying_party, rest) = self.authenticator_data.split_first_chunk::<32>().ok_or(Refusal::BadSignature)?;
        let is_registered = relying_parties.iter().any(|registered| registered.0 == *relying_party);
        if !is_registered {
            return Err(Refusal::UnknownRelyingParty);
        }
        let is_whole = rest.len() >= 5 && rest[0] & USER_PRESENT != 0;
        let holds = is_whole && self.client_data_names(digest) && self.signature_holds();
        if holds { Ok(()) } else { Err(Refusal::BadSignature) }
    }

    fn client_data_names(&self, digest: &Digest) -> bool {
        let mut expected = Vec::from(br#"{"type":"webauthn.get","challenge":""#);
        expected.extend_from_slice(&base64url(&digest.0));
        expected.extend_from_slice(br#"","origin":""#);
        self.client_data.starts_with(&expected) && self.client_data.ends_with(b"}")
    }

    fn signature_holds(&self) -> bool {
        let mut message = self.authenticator_data.to_vec();
        message.extend_from_slice(&Sha256::digest(self.client_data));
        p256_holds(self.public_key, self.signature, &message)
    }
}

pub(super) fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), Refusal> {
    if found > limit { Err(Refusal::TooLarge { what, limit: limit as u64, found: found as u64 }) } else { Ok(()) }
}

/// Base64 for URLs, without padding (RFC 4648, 5).
fn base64url(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digits = (0..=chunk.len()).map(|place| ALPHABET[(group >> (18 - 6 * place)) as usize & 63]);
        text.extend(digits);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_follows_rfc_4648() {
        let cases: [(&[u8], &str); 6] =
            [(b"", ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"foob", "Zm9vYg"), (b"\xfb\xff", "-_8")];
        for (bytes, text) in cases {
            assert_eq!(base64url(bytes), text.as_bytes());
        }
    }
}
