//! The keys that this machine's people sign with: one file a key, its secret encrypted with age under a passphrase.
//!
//! Invariants: a secret reaches the disk only encrypted, except for a developer's key, whose file says that it is
//! insecure; key files are readable by their owner alone and are never overwritten; what is public (address, public
//! key) is readable without the passphrase, and unlocking checks that it belongs to the secret. What is deliberately
//! absent: validators' shares and passkeys, which never come here, and any way to export a secret.

mod file;
mod passphrase;
#[cfg(test)]
mod tests;

use std::{fs, io, path::PathBuf};

use age::secrecy::SecretString;
use chancery_abi::{Address, Authorisation, Digest, Scheme, Transaction, TransactionBody};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};

pub use file::{KeyFile, Protection};
pub use passphrase::PassphraseSource;

/// The environment variable that names the directory of keys.
pub const DIRECTORY_VARIABLE: &str = "CHANCERY_KEYS";
/// What the name of a key file ends with.
const EXTENSION: &str = "key";
/// Bytes that a key's name may have.
const NAME_BYTES_MAX: usize = 64;

/// Why a key cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The name would not make a file name.
    #[error("`{name}` is not a key's name: 1 to {NAME_BYTES_MAX} of a-z, A-Z, 0-9, `-` and `_`")]
    Name {
        /// The name.
        name: String,
    },
    /// There is a key of this name.
    #[error("there is already a key `{name}` in {directory}")]
    Exists {
        /// The name.
        name: String,
        /// The directory.
        directory: PathBuf,
    },
    /// There is no key of this name.
    #[error("there is no key `{name}` in {directory}")]
    Missing {
        /// The name.
        name: String,
        /// The directory.
        directory: PathBuf,
    },
    /// A file that should be a key is not.
    #[error("{path} is not a key file: {problem}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The passphrase is wrong, or the file was changed.
    #[error("key `{name}` cannot be unlocked: the passphrase is wrong, or its file was changed")]
    Locked {
        /// The name.
        name: String,
    },
    /// A passphrase is needed and cannot be asked for.
    #[error("a passphrase is needed for key `{name}`, and there is no terminal to ask for it")]
    NoPassphrase {
        /// The name.
        name: String,
    },
    /// The two entries of a new passphrase differ, or it is empty.
    #[error("the passphrase is {problem}")]
    BadPassphrase {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No place for keys is known.
    #[error("no directory for keys is known, because neither HOME nor XDG_DATA_HOME is set")]
    NoDirectory,
    /// The encryption failed.
    #[error("the secret cannot be encrypted: {problem}")]
    Encryption {
        /// Why.
        problem: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// An account's ed25519 key, ready to sign.
#[derive(Clone)]
pub struct AccountKey {
    signing: SigningKey,
}

impl AccountKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn generate() -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        Ok(Self::from_seed(seed))
    }

    /// The key whose secret seed is `seed`.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { signing: SigningKey::from(seed) }
    }

    /// The secret seed. Whoever has it is the account.
    pub fn seed(&self) -> [u8; 32] {
        self.signing.into()
    }

    /// The public key.
    pub fn public_key(&self) -> [u8; 32] {
        VerificationKeyBytes::from(&self.signing).into()
    }

    /// The account's address.
    pub fn address(&self) -> Address {
        Address::of_key(Scheme::Ed25519, &self.public_key())
    }

    /// The signed transaction, for the chain whose genesis has the digest `genesis`.
    pub fn sign(&self, body: TransactionBody, genesis: &Digest) -> Transaction {
        let authorisation = self.authorise(&body, genesis);
        Transaction { body, authorisation, sponsor_authorisation: None }
    }

    /// The same transaction with the signature of the sponsor that its body names, whose key this is.
    pub fn sponsor(&self, transaction: Transaction, genesis: &Digest) -> Transaction {
        let authorisation = self.authorise(&transaction.body, genesis);
        Transaction { sponsor_authorisation: Some(Box::new(authorisation)), ..transaction }
    }

    fn authorise(&self, body: &TransactionBody, genesis: &Digest) -> Authorisation {
        let signature = self.signing.sign(&body.digest(genesis).0).to_bytes();
        Authorisation::Ed25519 { public_key: self.public_key(), signature }
    }
}

/// A directory of key files.
#[derive(Clone, Debug)]
pub struct Keystore {
    directory: PathBuf,
}

impl Keystore {
    /// The keys in `directory`, or in the user's own when there is none given. Nothing is created before a key is.
    ///
    /// # Errors
    /// When no directory is given and the environment names none.
    pub fn at(directory: Option<PathBuf>) -> Result<Self, KeystoreError> {
        let data_home = || {
            let xdg = std::env::var_os("XDG_DATA_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
            xdg.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")))
        };
        let directory = directory.or_else(|| data_home().map(|data| data.join("chancery/keys")));
        directory.map(|directory| Self { directory }).ok_or(KeystoreError::NoDirectory)
    }

    /// The directory.
    pub fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    /// Keeps `key` under `name`.
    ///
    /// # Errors
    /// When there is such a key already, the name is no name, or the file cannot be written.
    pub fn add(&self, name: &str, key: &AccountKey, protection: NewProtection) -> Result<KeyFile, KeystoreError> {
        let path = self.path(name)?;
        let file = match protection {
            NewProtection::Passphrase { passphrase, work_factor } => {
                KeyFile::encrypt(name, key, passphrase, work_factor)?
            }
            NewProtection::InsecureDevelopment => KeyFile::insecure(name, key),
        };
        file.write_new(&path, &self.directory)?;
        Ok(file)
    }

    /// Every key, by name, and every file that should be one and is not.
    ///
    /// # Errors
    /// When the directory cannot be read; that there is none means that there are no keys.
    pub fn list(&self) -> Result<Vec<Result<KeyFile, KeystoreError>>, KeystoreError> {
        let io_error = |error| KeystoreError::Io { path: self.directory.clone(), error };
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io_error)?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(io_error)?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths.iter().map(|path| KeyFile::read(path)).collect())
    }

    /// What is public of the key `name`.
    ///
    /// # Errors
    /// When there is none, or its file is not a key.
    pub fn find(&self, name: &str) -> Result<KeyFile, KeystoreError> {
        match KeyFile::read(&self.path(name)?) {
            Err(KeystoreError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                Err(KeystoreError::Missing { name: name.into(), directory: self.directory.clone() })
            }
            other => other,
        }
    }

    /// The key `name`, unlocked. The passphrase is asked for only when the key has one.
    ///
    /// # Errors
    /// When there is no such key or it cannot be unlocked.
    pub fn unlock(&self, name: &str, passphrases: &PassphraseSource) -> Result<AccountKey, KeystoreError> {
        self.find(name)?.unlock(passphrases)
    }

    fn path(&self, name: &str) -> Result<PathBuf, KeystoreError> {
        let valid = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !valid || name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(KeystoreError::Name { name: name.into() });
        }
        Ok(self.directory.join(format!("{name}.{EXTENSION}")))
    }
}

/// How a new key's secret is kept.
#[derive(Clone)]
pub enum NewProtection {
    /// Encrypted.
    Passphrase {
        /// Under this passphrase.
        passphrase: SecretString,
        /// With scrypt's N = 2^this; by default what takes about a second here.
        work_factor: Option<u8>,
    },
    /// Not at all: for a developer's chain that lives on one machine.
    InsecureDevelopment,
}
