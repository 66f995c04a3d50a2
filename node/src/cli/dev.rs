//! `chancery dev`: a whole chain on this machine, for trying things out and writing contracts.
//!
//! Its keys are made here and kept without a passphrase, which their files say; nothing of it belongs on a real network.
//! Making the chain can be interrupted anywhere: the genesis is written last, and everything before it is taken up
//! again as it is.

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use chancery_abi::{Genesis, Name, TrustAnchor, codec};
use clap::Args;
use ed25519_zebra::SigningKey;
use serde_json::json;

use super::{
    failure::{Failure, Result, at},
    node,
    options::Format,
    output::Output,
};
use crate::{
    chain::{GenesisPlan, now_ms, single_validator_genesis},
    config::NodeConfig,
    keystore::{AccountKey, Keystore, KeystoreError, NewProtection, PassphraseSource},
};

/// The chain's name.
const CHAIN: &str = "main";
/// The key that makes blocks.
const VALIDATOR: &str = "validator";
/// The key that may deploy for every department.
const DEMO: &str = "demo";
/// The departments.
const DEPARTMENTS: &[&str] = &["judicial", "interior", "environment", "transport"];
/// An idle developer's chain makes an empty block this often, so that it is soon seen to commit.
const HEARTBEAT_MS: u64 = 2_000;
/// What the genesis' file is called.
const GENESIS_FILE: &str = "genesis";
/// What the trust anchor's file is called.
const ANCHOR_FILE: &str = "anchor";

/// Run a developer's chain on this machine: one validator, one chain `main`, a key `demo` that may deploy.
#[derive(Args)]
pub(super) struct Dev {
    /// Where the chain is kept; it is made when it is not there.
    #[arg(long, value_name = "DIR", default_value = "chancery-dev")]
    data: PathBuf,
    /// Where the API listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Make the chain's files and stop.
    #[arg(long)]
    no_run: bool,
    #[command(flatten)]
    format: Format,
}

impl Dev {
    /// Runs the command.
    ///
    /// # Errors
    /// When the chain cannot be made or its node does not run.
    pub(super) fn run(self, output: &Output) -> Result {
        let data = &self.data;
        let keys = Keystore::at(Some(data.join("keys")))?;
        let genesis_file = data.join(GENESIS_FILE);
        if !genesis_file.exists() && data.join("store").exists() {
            return Err(Failure::new(format!("{} has a store and no genesis", data.display()))
                .help("this is not a developer's chain; name another directory with --data"));
        }
        let made = !genesis_file.exists();
        let validator = keep(&keys, VALIDATOR)?;
        let demo = keep(&keys, DEMO)?;
        if made {
            let genesis = plan(&validator, &demo);
            write_durably(&data.join(ANCHOR_FILE), &codec::encode(&TrustAnchor::of_genesis(&genesis)))?;
            write_durably(&genesis_file, &codec::encode(&genesis))?;
        }
        let genesis = node::read_genesis(&genesis_file)?;
        if self.no_run {
            let json = json!({ "data": data.to_string_lossy(), "genesis": genesis.digest().to_string() });
            return output.result(&json, || format!("made {}", data.display()));
        }
        let mut config = NodeConfig::load(None).map_err(|error| Failure::usage(error.to_string()))?;
        config.data_dir = data.clone();
        config.genesis = Some(genesis_file);
        config.api.listen = self.listen;
        let given = |name| std::env::var_os(name).is_some();
        if !given("CHANCERY_LOG_FILTER") {
            config.log.filter = "warn".into();
        }
        if !given("CHANCERY_CHAIN_HEARTBEAT_MS") {
            config.chain.heartbeat_ms = HEARTBEAT_MS;
        }
        output.note(&format!("{} {}", if made { "made" } else { "reopening" }, data.display()));
        node::run(&config, genesis, SigningKey::from(validator.seed()), |node| {
            let (url, height) = (format!("http://{}", node.address()), node.chain().ledger().tip().height);
            let json = json!({
                "ready": true,
                "url": url,
                "chain": CHAIN,
                "height": height,
                "data": data.to_string_lossy(),
                "keys": keys.directory().to_string_lossy(),
                "anchor": data.join(ANCHOR_FILE).to_string_lossy(),
                "demo": demo.address().to_string(),
                "departments": DEPARTMENTS,
            });
            output.result(&json, || ready_text(&url, data, &keys, height))
        })
    }
}

fn ready_text(url: &str, data: &Path, keys: &Keystore, height: u64) -> String {
    format!(
        "ready: chain {CHAIN} at {url}, height {height}\n\
         \x20 keys         {keys} (demo, validator; INSECURE, for development only)\n\
         \x20 departments  {departments} (key `{DEMO}` deploys for each)\n\
         \x20 anchor       {anchor}\n\
         in another terminal:\n\
         \x20 export CHANCERY_NODE={url} CHANCERY_KEYS={keys}\n\
         \x20 chancery status\n\
         \x20 chancery contract deploy {CHAIN} FILE --department judicial --name NAME --as {DEMO}\n\
         ctrl-c stops it; nothing is lost",
        keys = keys.directory().display(),
        departments = DEPARTMENTS.join(", "),
        anchor = data.join(ANCHOR_FILE).display(),
    )
}

/// The key of this name, made when it is not there.
fn keep(keys: &Keystore, name: &str) -> Result<AccountKey> {
    match keys.unlock(name, &PassphraseSource::default()) {
        Err(KeystoreError::Missing { .. }) => {
            let key = AccountKey::generate()?;
            keys.add(name, &key, NewProtection::InsecureDevelopment)?;
            Ok(key)
        }
        key => Ok(key?),
    }
}

fn plan(validator: &AccountKey, demo: &AccountKey) -> Genesis {
    let name = |text: &str| Name::new(text).expect("the names written here are names");
    single_validator_genesis(GenesisPlan {
        chain: name(CHAIN),
        validator: validator.public_key(),
        timestamp_ms: now_ms(),
        departments: DEPARTMENTS.iter().map(|department| (name(department), vec![demo.address()])).collect(),
    })
}

/// Writes a file whole or not at all.
fn write_durably(path: &Path, bytes: &[u8]) -> Result {
    let partial = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        match path.parent() {
            Some(directory) => fs::File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(at(path))
}
