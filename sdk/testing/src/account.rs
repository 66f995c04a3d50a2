//! Accounts of tests.

use chancery_abi::{Address, Authorisation, Scheme, Transaction, TransactionBody};
use chancery_runtime::execution::ChainRules;
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use sha2::{Digest as _, Sha256};

/// Someone who signs. The same name is the same account on every chain and in every run.
#[derive(Clone)]
pub struct Account {
    name: String,
    key: SigningKey,
}

impl Account {
    /// The account of this name.
    pub fn named(name: &str) -> Self {
        let seed: [u8; 32] = Sha256::digest([b"chancery-testing account ", name.as_bytes()].concat()).into();
        Self { name: name.to_owned(), key: SigningKey::from(seed) }
    }

    /// The account of the ed25519 key that this seed makes.
    pub fn with_seed(seed: [u8; 32]) -> Self {
        Self { name: format!("key of seed {}..", seed[0]), key: SigningKey::from(seed) }
    }

    /// Its name, which failures tell.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address, by which contracts know it.
    pub fn address(&self) -> Address {
        Address::of_key(Scheme::Ed25519, &self.public_key())
    }

    pub(crate) fn public_key(&self) -> [u8; 32] {
        VerificationKeyBytes::from(&self.key).into()
    }

    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).into()
    }

    pub(crate) fn sign(&self, body: TransactionBody, rules: &ChainRules) -> Transaction {
        let signature = self.sign_bytes(&body.digest(rules.digest()).0);
        let authorisation = Authorisation::Ed25519 { public_key: self.public_key(), signature };
        Transaction { body, authorisation, sponsor_authorisation: None }
    }

    /// Signs as the sponsor that the transaction's body names.
    pub(crate) fn sponsor(&self, transaction: &mut Transaction, rules: &ChainRules) {
        let signature = self.sign_bytes(&transaction.body.digest(rules.digest()).0);
        let authorisation = Authorisation::Ed25519 { public_key: self.public_key(), signature };
        transaction.sponsor_authorisation = Some(Box::new(authorisation));
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Account({})", self.name)
    }
}
