//! Signatures that hold in one form only: what is bad, and what would be the same signature in another form, is
//! refused, for both schemes.

use chancery_abi::{Address, Authorisation, Digest, Refusal, Scheme, Transaction, limits};
use chancery_tests::{Account, Chain};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use sha2::{Digest as _, Sha256};

use super::{add, counter_chain, refusal};

/// Ed25519's group order L, little-endian (RFC 8032, 5.1).
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn signed(chain: &Chain) -> Transaction {
    let sender = Account::new(9);
    sender.sign(&chain.rules, sender.body(add(chain)))
}

fn ed25519_signature(transaction: &mut Transaction) -> &mut [u8; 64] {
    match &mut transaction.authorisation {
        Authorisation::Ed25519 { signature, .. } => signature,
        other => panic!("the tests' accounts sign with ed25519, not {other:?}"),
    }
}

#[test]
fn an_ed25519_signature_with_s_plus_l_and_with_any_bit_changed() {
    let mut chain = counter_chain();
    let good = signed(&chain);
    let mut malleable = good.clone();
    let s = &mut ed25519_signature(&mut malleable)[32..];
    let mut carry = 0u16;
    for (byte, l) in s.iter_mut().zip(L) {
        carry += u16::from(*byte) + u16::from(l);
        *byte = carry as u8;
        carry >>= 8;
    }
    assert_eq!(carry, 0, "s + L fits, so the other form exists");
    assert_ne!(malleable, good);
    assert_eq!(refusal(&mut chain, malleable), Refusal::BadSignature);
    for bit in 0..512 {
        let mut changed = good.clone();
        ed25519_signature(&mut changed)[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(refusal(&mut chain, changed), Refusal::BadSignature, "bit {bit}");
    }
    assert!(chain.submit(good).expect("as it was signed, it is good").outcome.is_done());
}

#[test]
fn a_key_of_no_point_and_the_zero_signature() {
    let mut chain = counter_chain();
    let good = signed(&chain);
    // y = 2 is on no point of the curve.
    let mut public_key = [0; 32];
    public_key[0] = 2;
    for signature in [[0; 64], [0xff; 64]] {
        let authorisation = Authorisation::Ed25519 { public_key, signature };
        let mut body = good.body.clone();
        body.sender = Address::of_key(Scheme::Ed25519, &public_key);
        let transaction = Transaction { body, authorisation, sponsor_authorisation: None };
        assert_eq!(refusal(&mut chain, transaction), Refusal::BadSignature);
    }
    let mut zero = good;
    *ed25519_signature(&mut zero) = [0; 64];
    assert_eq!(refusal(&mut chain, zero), Refusal::BadSignature);
}

/// A citizen's passkey, as a browser would use it.
struct Passkey {
    key: SigningKey,
    public_key: [u8; 33],
}

const SITE: &str = "portal.example";

impl Passkey {
    fn new() -> Self {
        let key = SigningKey::from_slice(&[7; 32]).expect("a scalar");
        let point = key.verifying_key().to_sec1_point(true);
        let public_key = point.as_bytes().try_into().expect("a compressed point has 33 bytes");
        Self { key, public_key }
    }

    fn address(&self) -> Address {
        Address::of_key(Scheme::WebAuthn, &self.public_key)
    }

    /// Signs a transaction for a call of the counter; `change` makes it another assertion before it is signed.
    fn sign(&self, chain: &Chain, change: impl FnOnce(&mut Assertion)) -> Transaction {
        let mut body = Account::new(9).body(add(chain));
        body.sender = self.address();
        let digest = body.digest(chain.rules.digest());
        let mut assertion = Assertion::of(&digest);
        change(&mut assertion);
        let message = [&assertion.authenticator_data[..], &Sha256::digest(&assertion.client_data)].concat();
        let signature: Signature = self.key.sign(&message);
        let authorisation = Authorisation::WebAuthn {
            public_key: self.public_key,
            authenticator_data: assertion.authenticator_data,
            client_data: assertion.client_data,
            signature: signature.normalize_s().to_bytes().into(),
        };
        Transaction { body, authorisation, sponsor_authorisation: None }
    }
}

/// What an authenticator and a browser say.
struct Assertion {
    authenticator_data: Vec<u8>,
    client_data: Vec<u8>,
}

impl Assertion {
    fn of(digest: &Digest) -> Self {
        // The relying party, one byte of flags (the user was present), a counter.
        let authenticator_data = [&Sha256::digest(SITE)[..], &[1, 0, 0, 0, 5]].concat();
        let challenge = base64url(&digest.0);
        let client_data = format!(
            r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"https://{SITE}","crossOrigin":false}}"#
        );
        Self { authenticator_data, client_data: client_data.into_bytes() }
    }
}

/// Base64 for URLs without padding (RFC 4648, 5), of 32 bytes, bit by bit.
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bit = |place: usize| bytes.get(place / 8).map_or(0, |byte| usize::from(byte >> (7 - place % 8) & 1));
    let digit = |first: usize| (first..first + 6).fold(0, |digit, place| digit << 1 | bit(place));
    (0..bytes.len() * 8).step_by(6).map(|first| char::from(DIGITS[digit(first)])).collect()
}

fn passkey_chain() -> Chain {
    let mut chain = Chain::with_relying_party(SITE);
    let deployed = chain.deploy("counter", chancery_tests::contract("counter.wasm"), Vec::new());
    assert!(deployed.outcome.is_done());
    chain
}

fn passkey_signature(transaction: &mut Transaction) -> &mut [u8; 64] {
    match &mut transaction.authorisation {
        Authorisation::WebAuthn { signature, .. } => signature,
        other => panic!("a passkey signs through WebAuthn, not {other:?}"),
    }
}

#[test]
fn a_passkeys_signature_holds_and_its_twin_with_high_s_does_not() {
    let mut chain = passkey_chain();
    let good = Passkey::new().sign(&chain, |_| {});
    let mut twin = good.clone();
    let bytes = passkey_signature(&mut twin);
    let signature = Signature::from_slice(&bytes[..]).expect("a signature");
    let (r, s) = signature.split_scalars();
    let high = Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).expect("n - s is a scalar too");
    *bytes = high.to_bytes().into();
    assert_ne!(twin, good);
    assert_eq!(refusal(&mut chain, twin), Refusal::BadSignature);
    for byte in [0, 31, 32, 63] {
        let mut changed = good.clone();
        passkey_signature(&mut changed)[byte] ^= 1;
        assert_eq!(refusal(&mut chain, changed), Refusal::BadSignature, "byte {byte}");
    }
    assert!(chain.submit(good).expect("as it was signed, it is good").outcome.is_done());
}

#[test]
fn a_passkeys_assertion_for_something_else() {
    let mut chain = passkey_chain();
    let passkey = Passkey::new();
    let other_site = passkey.sign(&chain, |assertion| {
        assertion.authenticator_data[..32].copy_from_slice(&Sha256::digest("phishing.example"));
    });
    assert_eq!(refusal(&mut chain, other_site), Refusal::UnknownRelyingParty);
    let changes: [fn(&mut Assertion); 6] = [
        // Nobody was there.
        |assertion| assertion.authenticator_data[32] = 0,
        // Cut off.
        |assertion| assertion.authenticator_data.truncate(36),
        // The challenge of another transaction.
        |assertion| assertion.client_data = Assertion::of(&Digest([1; 32])).client_data,
        // A registration instead of an assertion.
        |assertion| {
            let text = String::from_utf8_lossy(&assertion.client_data).replace("webauthn.get", "webauthn.create");
            assertion.client_data = text.into_bytes();
        },
        // The challenge further inside, where only a lenient parser would find it.
        |assertion| assertion.client_data = [br#"{"x":1,"#, &assertion.client_data[1..]].concat(),
        |assertion| {
            assertion.client_data.pop();
        },
    ];
    for (case, change) in changes.into_iter().enumerate() {
        let transaction = passkey.sign(&chain, change);
        assert_eq!(refusal(&mut chain, transaction), Refusal::BadSignature, "case {case}");
    }
    let long = passkey.sign(&chain, |assertion| {
        assertion.authenticator_data.resize(limits::AUTHENTICATOR_DATA_BYTES_MAX + 1, 0);
    });
    assert_eq!(refusal(&mut chain, long).code(), "too_large");
    let long = passkey.sign(&chain, |assertion| {
        assertion.client_data.resize(limits::CLIENT_DATA_BYTES_MAX + 1, b'}');
    });
    assert_eq!(refusal(&mut chain, long).code(), "too_large");
}
