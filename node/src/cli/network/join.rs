//! `chancery network join`: a department's own part in making a network. The key is made here and stays here; what
//! leaves is a public request that the key itself signed, so that nobody can ask for a key that is not theirs.

use std::path::{Path, PathBuf};

use chancery_abi::{Address, Digest, Name, types::from_hex};
use clap::Args;
use ed25519_zebra::SigningKey;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::files::{self, VALIDATOR};
use crate::{
    cli::{
        failure::{Failure, Result, at},
        options::Format,
        output::Output,
    },
    consensus::Peer,
    keystore::{AccountKey, Keystore, NewProtection, PassphraseSource},
};

pub(super) const REQUEST_FILE: &str = "join.json";
const REQUEST_BYTES_MAX: u64 = 64 << 10;

/// The folder of the keys that belong to people and not to the node.
const OFFICE: &str = "office";
/// The operator's key, with which a break-glass file is signed.
pub(super) const OPERATOR: &str = "operator";
/// The key of the department's first administrator in the registry.
const ADMINISTRATOR: &str = "administrator";

/// Make a validator key and a request.
#[derive(Args)]
pub(in crate::cli) struct Join {
    /// The chain to take part in.
    #[arg(long, default_value = "main")]
    chain: Name,
    /// The department that runs the node.
    #[arg(long)]
    department: Name,
    /// Where the others reach this node: a host name or IP address, and a port.
    #[arg(long, value_name = "HOST:PORT")]
    address: String,
    /// The node's directory; the key stays in it.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The operator's ed25519 key, in hexadecimal, which signs break-glass files. Made here unless given.
    #[arg(long, value_name = "KEY")]
    operator: Option<Digest>,
    /// The account of the department's first administrator. Its key is made here unless given.
    #[arg(long, value_name = "ADDRESS")]
    administrator: Option<Address>,
    /// Keep the keys without a passphrase, for trials only.
    #[arg(long)]
    insecure: bool,
    /// A file whose first line is the key's passphrase.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// A department's public request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// Of this file.
    pub(super) format: u32,
    pub(super) chain: String,
    pub(super) department: String,
    /// `KEY@HOST:PORT`.
    pub(super) validator: String,
    /// The operator's key.
    pub(super) operator: String,
    /// The account of the department's first administrator.
    pub(super) administrator: String,
    /// By the validator's key over all of the above.
    signature: String,
}

impl Request {
    const FORMAT: u32 = 2;

    fn signed(join: &Join, peer: &Peer, office: (Digest, Address), key: &AccountKey) -> Self {
        let mut request = Self {
            format: Self::FORMAT,
            chain: join.chain.to_string(),
            department: join.department.to_string(),
            validator: peer.to_string(),
            operator: office.0.to_string(),
            administrator: office.1.to_string(),
            signature: String::new(),
        };
        let signature = SigningKey::from(key.seed()).sign(&request.preimage()).to_bytes();
        request.signature = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        request
    }

    /// What the signature is over. Names hold no line breaks.
    fn preimage(&self) -> Vec<u8> {
        let Self { format, chain, department, validator, operator, administrator, .. } = self;
        let facts = [chain, department, validator, operator, administrator].map(String::as_str).join("\n");
        format!("chancery/v1/join/ed25519\n{format}\n{facts}").into_bytes()
    }

    /// The request in `file`, checked.
    pub(super) fn read(file: &Path) -> Result<(Self, Peer)> {
        let bad = |why: String| Failure::new(format!("{} is not a request to take part", file.display())).because(why);
        let length = std::fs::metadata(file).map_err(at(file))?.len();
        if length > REQUEST_BYTES_MAX {
            return Err(bad(format!("it has {length} bytes")));
        }
        let text = std::fs::read_to_string(file).map_err(at(file))?;
        let request: Self = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        if request.format != Self::FORMAT {
            return Err(bad(format!("its format is {}, and this release reads {}", request.format, Self::FORMAT)));
        }
        let peer: Peer = request.validator.parse().map_err(bad)?;
        let signature = from_hex(&request.signature).and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        let holds = signature
            .is_some_and(|signature| chancery_verify::signatures::holds(&peer.key, &signature, &request.preimage()));
        if !holds {
            return Err(bad("its signature does not hold: it was changed, or is of another key".into()));
        }
        Ok((request, peer))
    }
}

impl Join {
    pub(super) fn run(self, output: &Output) -> Result {
        let out = files::make_directory(&self.out)?;
        let keys = Keystore::at(Some(out.join("keys")))?;
        let key = AccountKey::generate()?;
        let peer: Peer = format!("{}@{}", Digest(key.public_key()), self.address)
            .parse()
            .map_err(|_| Failure::usage(format!("--address: `{}` is not HOST:PORT", self.address)))?;
        let protection = match self.insecure {
            true => NewProtection::InsecureDevelopment,
            false => {
                let passphrases = PassphraseSource { file: self.passphrase_file.clone() };
                NewProtection::Passphrase { passphrase: passphrases.chosen(VALIDATOR)?, work_factor: None }
            }
        };
        keys.add(VALIDATOR, &key, protection.clone())?;
        let office = self.office(&out, &protection)?;
        let request = Request::signed(&self, &peer, office, &key);
        let file = out.join(REQUEST_FILE);
        let text = serde_json::to_string_pretty(&request).map_err(|error| Failure::new(error.to_string()))?;
        files::write_durably(&file, format!("{text}\n").as_bytes())?;
        let json = json!({ "request": file.to_string_lossy(), "validator": peer.to_string() });
        output.result(&json, || {
            let made = self.operator.is_none() || self.administrator.is_none();
            let office = out.join(OFFICE);
            let people = match made {
                true => format!("\nmove {} to a machine that is not the node: its keys are people's", office.display()),
                false => String::new(),
            };
            format!(
                "made validator key {} in {}; it stays there{people}\nsend {} to whoever assembles the network",
                Digest(peer.key),
                out.display(),
                file.display(),
            )
        })
    }

    /// The operator's key and the administrator's account, made where they were not given.
    fn office(&self, out: &Path, protection: &NewProtection) -> Result<(Digest, Address)> {
        let keys = Keystore::at(Some(out.join(OFFICE)))?;
        let made = |name: &str| -> Result<AccountKey> {
            let key = AccountKey::generate()?;
            keys.add(name, &key, protection.clone())?;
            Ok(key)
        };
        let operator = match self.operator {
            Some(key) => key,
            None => Digest(made(OPERATOR)?.public_key()),
        };
        let administrator = match self.administrator {
            Some(account) => account,
            None => made(ADMINISTRATOR)?.address(),
        };
        Ok((operator, administrator))
    }
}
