//! `chancery key`: the keys that people sign with.

use std::io::Read as _;

use age::secrecy::zeroize::Zeroize as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    failure::{Failure, Result, at},
    options::{Format, KeyOptions},
    output::{Output, table},
};
use crate::keystore::{AccountKey, KeyFile, NewProtection, Protection};

/// Make, list and show the keys you sign with.
#[derive(Subcommand)]
pub(super) enum Key {
    /// Make a key and keep it under a passphrase.
    New(New),
    /// List the keys.
    List(List),
    /// Show one key's address and public key.
    Show(Show),
    /// Keep a key that was made elsewhere.
    Import(Import),
}

/// Make a key.
#[derive(Args)]
pub(super) struct New {
    /// What to call it.
    name: String,
    /// Keep it without a passphrase, for a developer's chain only.
    #[arg(long)]
    insecure: bool,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

/// List the keys.
#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

/// Show a key.
#[derive(Args)]
pub(super) struct Show {
    /// Its name.
    name: String,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

/// Keep a key that was made elsewhere.
#[derive(Args)]
pub(super) struct Import {
    /// What to call it.
    name: String,
    /// A file with the ed25519 seed, 64 hexadecimal digits; `-` reads standard input. The file is not removed.
    #[arg(long, value_name = "FILE", default_value = "-")]
    seed_file: std::path::PathBuf,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

impl Key {
    /// Runs the command.
    ///
    /// # Errors
    /// When the keystore refuses.
    pub(super) fn run(self, output: &Output) -> Result {
        match self {
            Self::New(new) => {
                let key = AccountKey::generate()?;
                let file = keep(&new.name, &key, &new.keys, new.insecure)?;
                shown(output, &file, "made")
            }
            Self::List(list) => list.run(output),
            Self::Show(show) => {
                let file = show.keys.store()?.find(&show.name)?;
                output.result(&view(&file), || text(&file))
            }
            Self::Import(import) => {
                let key = AccountKey::from_seed(import.seed()?);
                let file = keep(&import.name, &key, &import.keys, false)?;
                shown(output, &file, "kept")
            }
        }
    }
}

fn keep(name: &str, key: &AccountKey, keys: &KeyOptions, insecure: bool) -> Result<KeyFile> {
    let store = keys.store()?;
    let protection = match insecure {
        true => NewProtection::InsecureDevelopment,
        false => NewProtection::Passphrase { passphrase: keys.passphrases().chosen(name)?, work_factor: None },
    };
    Ok(store.add(name, key, protection)?)
}

impl Import {
    fn seed(&self) -> Result<[u8; 32]> {
        let mut text = String::new();
        if self.seed_file.as_os_str() == "-" {
            std::io::stdin().lock().read_to_string(&mut text)?;
        } else {
            text = std::fs::read_to_string(&self.seed_file).map_err(at(&self.seed_file))?;
        }
        let seed = chancery_abi::types::from_hex(text.trim()).and_then(|bytes| bytes.try_into().ok());
        text.zeroize();
        seed.ok_or_else(|| Failure::new("this is not an ed25519 seed").help("a seed is 64 hexadecimal digits"))
    }
}

impl List {
    fn run(self, output: &Output) -> Result {
        let store = self.keys.store()?;
        let mut keys = Vec::new();
        for key in store.list()? {
            match key {
                Ok(key) => keys.push(key),
                Err(error) => output.note(&format!("warning: {error}")),
            }
        }
        let json = json!({
            "directory": store.directory().to_string_lossy(),
            "keys": keys.iter().map(view).collect::<Vec<_>>(),
        });
        output.result(&json, || {
            if keys.is_empty() {
                return format!("no keys in {}; `chancery key new NAME` makes one", store.directory().display());
            }
            let row = |key: &KeyFile| vec![key.name().into(), key.address().to_string(), protection(key).into()];
            table(&["NAME", "ADDRESS", "KEPT"], &[], &keys.iter().map(row).collect::<Vec<_>>())
        })
    }
}

fn shown(output: &Output, file: &KeyFile, done: &str) -> Result {
    if file.protection() == Protection::InsecureDevelopment {
        output.note("warning: this key is kept without a passphrase; use it on a developer's chain only");
    }
    output.result(&view(file), || format!("{done} key {}\n{}", file.name(), text(file)))
}

fn text(file: &KeyFile) -> String {
    format!(
        "name        {}\naddress     {}\npublic key  {} (ed25519)\nkept        {}",
        file.name(),
        file.address(),
        file.public_key(),
        protection(file)
    )
}

fn view(file: &KeyFile) -> Value {
    json!({
        "name": file.name(),
        "address": file.address().to_string(),
        "scheme": "ed25519",
        "public_key": file.public_key(),
        "encrypted": file.protection() == Protection::AgeScrypt,
    })
}

fn protection(file: &KeyFile) -> &'static str {
    match file.protection() {
        Protection::AgeScrypt => "encrypted under a passphrase",
        Protection::InsecureDevelopment => "INSECURE, for development only",
    }
}
