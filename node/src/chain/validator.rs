//! The node's own key, and the certificates it can make alone.

use chancery_abi::{Certificate, Digest, Genesis, Header, VoteSignature, WIRE_VERSION};
use ed25519_zebra::{SigningKey, VerificationKey};

/// Why a key cannot certify a chain alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorError {
    /// The committee has other members.
    #[error(
        "the genesis names {members} validators, and this release makes blocks with one only; several validators come \
         with consensus"
    )]
    SeveralValidators {
        /// How many it names.
        members: usize,
    },
    /// The committee's one member is another key.
    #[error("the genesis names the validator {expected}, and this node's validator key is {found}; check the key file")]
    OtherKey {
        /// The committee's key, in hexadecimal.
        expected: String,
        /// This node's key, in hexadecimal.
        found: String,
    },
}

/// A key that is the whole committee of a chain.
#[derive(Debug)]
pub struct Validator {
    key: SigningKey,
    public_key: [u8; 32],
    genesis: Digest,
}

impl Validator {
    /// The validator of the chain that begins with `genesis`.
    ///
    /// # Errors
    /// When the genesis' committee is not exactly this key.
    pub fn new(key: SigningKey, genesis: &Genesis) -> Result<Self, ValidatorError> {
        let public_key = <[u8; 32]>::from(VerificationKey::from(&key));
        match genesis.committee.keys() {
            [only] if *only == public_key => Ok(Self { key, public_key, genesis: genesis.digest() }),
            [only] => {
                let hex = |key: &[u8; 32]| Digest(*key).to_string();
                Err(ValidatorError::OtherKey { expected: hex(only), found: hex(&public_key) })
            }
            members => Err(ValidatorError::SeveralValidators { members: members.len() }),
        }
    }

    /// Its public key.
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// The certificate of `header`. With one validator every block is its view's first proposal, so views are heights.
    pub fn certify(&self, header: &Header, digest: Digest) -> Certificate {
        let mut certificate = Certificate {
            version: WIRE_VERSION,
            epoch: header.epoch,
            view: header.height,
            parent_view: header.height - 1,
            header: digest,
            votes: Vec::new(),
        };
        let signature = self.key.sign(&certificate.preimage(&self.genesis)).to_bytes();
        certificate.votes.push(VoteSignature { member: 0, signature });
        certificate
    }
}
