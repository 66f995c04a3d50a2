//! One key's file: JSON whose public part is readable and whose secret is an age file (or, for a developer's key, plain),
//! both in hexadecimal.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use age::secrecy::SecretString;
use chancery_abi::{Address, Scheme, types::from_hex};
use serde::{Deserialize, Serialize};

use super::{AccountKey, KeystoreError, PassphraseSource};
use crate::schema_json::to_hex;

/// The format of key files.
const FORMAT: &str = "chancery-key/1";
/// Bytes that a key file may have.
const FILE_BYTES_MAX: u64 = 16 * 1024;

/// How a key's secret is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protection {
    /// Encrypted with age under a passphrase (scrypt).
    #[serde(rename = "age-scrypt")]
    AgeScrypt,
    /// Not at all.
    #[serde(rename = "none: INSECURE, for development only")]
    InsecureDevelopment,
}

/// A key as its file has it: the secret still locked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    format: String,
    name: String,
    scheme: String,
    public_key: String,
    address: String,
    protection: Protection,
    secret: String,
}

impl KeyFile {
    pub(super) fn encrypt(
        name: &str,
        key: &AccountKey,
        passphrase: SecretString,
        work_factor: Option<u8>,
    ) -> Result<Self, KeystoreError> {
        let mut recipient = age::scrypt::Recipient::new(passphrase);
        if let Some(work_factor) = work_factor {
            recipient.set_work_factor(work_factor);
        }
        let sealed = age::encrypt(&recipient, &key.seed());
        let sealed = sealed.map_err(|error| KeystoreError::Encryption { problem: error.to_string() })?;
        Ok(Self::new(name, key, Protection::AgeScrypt, to_hex(&sealed)))
    }

    pub(super) fn insecure(name: &str, key: &AccountKey) -> Self {
        Self::new(name, key, Protection::InsecureDevelopment, to_hex(&key.seed()))
    }

    fn new(name: &str, key: &AccountKey, protection: Protection, secret: String) -> Self {
        Self {
            format: FORMAT.into(),
            name: name.into(),
            scheme: "ed25519".into(),
            public_key: to_hex(&key.public_key()),
            address: key.address().to_string(),
            protection,
            secret,
        }
    }

    pub(super) fn read(path: &Path) -> Result<Self, KeystoreError> {
        let io_error = |error| KeystoreError::Io { path: path.into(), error };
        let malformed = |problem: String| KeystoreError::Malformed { path: path.into(), problem };
        let length = fs::metadata(path).map_err(io_error)?.len();
        if length > FILE_BYTES_MAX {
            return Err(malformed(format!("{length} bytes, of which at most {FILE_BYTES_MAX} are allowed")));
        }
        let text = fs::read_to_string(path).map_err(io_error)?;
        let file: Self = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if file.format != FORMAT {
            return Err(malformed(format!("format `{}`; this release reads `{FORMAT}`", file.format)));
        }
        if path.file_stem().is_none_or(|stem| stem != file.name.as_str()) {
            return Err(malformed(format!("it holds a key named `{}`", file.name)));
        }
        let public_key = from_hex(&file.public_key).filter(|key| key.len() == 32 && file.scheme == "ed25519");
        let public_key = public_key.ok_or_else(|| malformed("it has no ed25519 public key".into()))?;
        if Address::of_key(Scheme::Ed25519, &public_key).to_string() != file.address {
            return Err(malformed("its address is not its public key's".into()));
        }
        Ok(file)
    }

    /// Writes and syncs the file, whole or not at all, and never over another.
    pub(super) fn write_new(&self, path: &Path, directory: &Path) -> Result<(), KeystoreError> {
        let io_error = |error| KeystoreError::Io { path: path.into(), error };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(io_error)?;
        let text = serde_json::to_string_pretty(self).expect("a key file's fields are texts");
        let partial = path.with_extension(format!("new-{}", std::process::id()));
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
            writeln!(file, "{text}")?;
            file.sync_all()?;
            // A link, unlike a rename, fails when the name is taken.
            fs::hard_link(&partial, path)?;
            File::open(directory)?.sync_all()
        };
        let written = write();
        let cleared = fs::remove_file(&partial);
        match written {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(KeystoreError::Exists { name: self.name.clone(), directory: directory.into() })
            }
            written => written.and(cleared).map_err(io_error),
        }
    }

    pub(super) fn unlock(&self, passphrases: &PassphraseSource) -> Result<AccountKey, KeystoreError> {
        let locked = || KeystoreError::Locked { name: self.name.clone() };
        let secret = from_hex(&self.secret).ok_or_else(locked)?;
        let seed = match self.protection {
            Protection::InsecureDevelopment => secret,
            Protection::AgeScrypt => {
                let identity = age::scrypt::Identity::new(passphrases.existing(&self.name)?);
                age::decrypt(&identity, &secret).map_err(|_| locked())?
            }
        };
        let key = AccountKey::from_seed(seed.try_into().map_err(|_| locked())?);
        if to_hex(&key.public_key()) == self.public_key { Ok(key) } else { Err(locked()) }
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ed25519 public key in hexadecimal.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// The account's address.
    pub fn address(&self) -> Address {
        self.address.parse().expect("reading and making a key file check its address")
    }

    /// How the secret is kept.
    pub fn protection(&self) -> Protection {
        self.protection
    }
}
