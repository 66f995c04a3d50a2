//! Where passphrases come from: a file, the environment, or a person at a terminal, in this order.

use std::{
    fs,
    io::{self, IsTerminal as _},
    path::PathBuf,
};

use age::secrecy::SecretString;

use super::KeystoreError;

/// The environment variable that may hold a passphrase.
pub(super) const VARIABLE: &str = "CHANCERY_PASSPHRASE";

/// Where to look for a passphrase.
#[derive(Clone, Debug, Default)]
pub struct PassphraseSource {
    /// A file whose first line it is.
    pub file: Option<PathBuf>,
}

impl PassphraseSource {
    /// The passphrase of the key `name`, which has one.
    pub(super) fn existing(&self, name: &str) -> Result<SecretString, KeystoreError> {
        match self.written()? {
            Some(passphrase) => Ok(passphrase),
            None => ask(name, &format!("Passphrase of key `{name}`: ")),
        }
    }

    /// A passphrase for a new key `name`; a person enters it twice.
    ///
    /// # Errors
    /// When it is empty, differs the second time, or nobody can be asked.
    pub fn chosen(&self, name: &str) -> Result<SecretString, KeystoreError> {
        use age::secrecy::ExposeSecret as _;
        let passphrase = match self.written()? {
            Some(passphrase) => passphrase,
            None => {
                let first = ask(name, &format!("New passphrase for key `{name}`: "))?;
                let second = ask(name, "The same again: ")?;
                if first.expose_secret() != second.expose_secret() {
                    return Err(KeystoreError::BadPassphrase { problem: "not the same both times" });
                }
                first
            }
        };
        match passphrase.expose_secret().is_empty() {
            true => Err(KeystoreError::BadPassphrase { problem: "empty" }),
            false => Ok(passphrase),
        }
    }

    fn written(&self) -> Result<Option<SecretString>, KeystoreError> {
        if let Some(path) = &self.file {
            let text = fs::read_to_string(path).map_err(|error| KeystoreError::Io { path: path.clone(), error })?;
            return Ok(Some(text.lines().next().unwrap_or_default().to_owned().into()));
        }
        Ok(std::env::var(VARIABLE).ok().map(SecretString::from))
    }
}

fn ask(name: &str, question: &str) -> Result<SecretString, KeystoreError> {
    let no_terminal = || KeystoreError::NoPassphrase { name: name.into() };
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(no_terminal());
    }
    let terminal = console::Term::stderr();
    let entered = terminal.write_str(question).and_then(|()| terminal.read_secure_line());
    entered.map(SecretString::from).map_err(|_| no_terminal())
}
