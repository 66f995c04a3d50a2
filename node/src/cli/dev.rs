//! `chancery dev`: a mainchain and its departments' sidechains on this machine, for trying things out and writing contracts.
//!
//! Its keys are made here and kept without a passphrase, which their files say; nothing of it belongs on a real network.
//! Making the chain can be interrupted anywhere: the genesis is written last, and everything before it is taken up
//! again as it is.

use std::{
    hash::{BuildHasher, RandomState},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use chancery_abi::{Committee, Digest, Genesis, Name, TrustAnchor, codec};
use clap::Args;
use ed25519_zebra::SigningKey;
use serde_json::json;

use super::{
    chain,
    failure::{Failure, Result},
    network::{administrator_key, trial_departments, write_durably},
    node::{self, Member},
    options::Format,
    output::Output,
};
use crate::{
    chain::{GenesisPlan, RegistryPlan, now_ms, plan_genesis},
    client::Node,
    config::NodeConfig,
    keystore::{AccountKey, Keystore, KeystoreError, NewProtection, PassphraseSource},
};

/// The chain's name.
const CHAIN: &str = "main";
/// The name of each node's own key.
const VALIDATOR: &str = "validator";
/// The key that may deploy for every department.
const DEMO: &str = "demo";
/// The departments.
const DEPARTMENTS: &[&str] = &["judicial", "interior", "environment", "transport"];
/// What the genesis' file is called.
const GENESIS_FILE: &str = "genesis";
/// What the trust anchor's file is called.
const ANCHOR_FILE: &str = "anchor";
/// Memory of each of the nodes for blocks of its database, in MiB: they share a machine.
const BLOCK_CACHE_MIB: usize = 64;
/// Memory of each for what is not in tables yet, in MiB.
const WRITE_BUFFER_MIB: usize = 16;

/// Run a developer's network on this machine: a chain `main` with sidechains `evidence`, `waste` and `plates`, four
/// validators in one process, a key `demo` that may deploy.
#[derive(Args)]
pub(super) struct Dev {
    /// Where the chain is kept; it is made when it is not there.
    #[arg(long, value_name = "DIR", default_value = "chancery-dev")]
    data: PathBuf,
    /// Where the first validator's API listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// How many validators, when the chain is made.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=16))]
    validators: u16,
    /// Make the chain's files and stop.
    #[arg(long)]
    no_run: bool,
    /// The mainchain alone, without the departments' sidechains.
    #[arg(long)]
    no_sidechains: bool,
    #[command(flatten)]
    format: Format,
}

impl Dev {
    /// Runs the command.
    ///
    /// # Errors
    /// When the chain cannot be made or a node does not run.
    pub(super) fn run(self, output: &Output) -> Result {
        let data = &self.data;
        let keys = Keystore::at(Some(data.join("keys")))?;
        let genesis_file = data.join(GENESIS_FILE);
        let node_dir = |number: u16| data.join(format!("node-{number}"));
        if !genesis_file.exists() && node_dir(1).join("store").exists() {
            return Err(Failure::new(format!("{} has a store and no genesis", data.display()))
                .help("this is not a developer's chain; name another directory with --data"));
        }
        let made = !genesis_file.exists();
        let demo = keep(&keys, DEMO)?;
        if made {
            let validators = (1..=self.validators).map(|number| keep(&validator_keys(&node_dir(number))?, VALIDATOR));
            let validators = validators.collect::<Result<Vec<_>>>()?;
            let departments = DEPARTMENTS.iter().map(|department| Name::new(*department));
            let departments = departments
                .collect::<std::result::Result<Vec<_>, _>>()
                .map_err(|error| Failure::new(error.to_string()))?;
            let administrators = departments.iter().map(|department| keep(&keys, &administrator_key(department)));
            let genesis = plan(&departments, &validators, &administrators.collect::<Result<Vec<_>>>()?, &demo)?;
            write_durably(&data.join(ANCHOR_FILE), &codec::encode(&TrustAnchor::of_genesis(&genesis)))?;
            write_durably(&genesis_file, &codec::encode(&genesis))?;
        }
        let genesis = node::read_genesis(&genesis_file)?;
        if self.no_run {
            let json = json!({ "data": data.to_string_lossy(), "genesis": genesis.digest().to_string() });
            return output.result(&json, || format!("made {}", data.display()));
        }
        let numbers = 1..=u16::try_from(genesis.committee.len()).unwrap_or(u16::MAX);
        let nodes: Vec<(PathBuf, AccountKey)> = numbers
            .map(|number| Ok((node_dir(number), keep(&validator_keys(&node_dir(number))?, VALIDATOR)?)))
            .collect::<Result<_>>()?;
        let members = self.configurations(&nodes, &genesis_file)?;
        output.note(&format!("{} {}", if made { "made" } else { "reopening" }, data.display()));
        node::run(members, genesis, |node| {
            let (url, height) = (format!("http://{}", node.address()), node.chain().ledger().tip().height);
            if !self.no_sidechains {
                let mut committee: Vec<String> =
                    nodes.iter().map(|(_, key)| Digest(key.public_key()).to_string()).collect();
                committee.sort_unstable();
                chain::found_reference(&Node::at(&url)?, &keys, &committee, output)?;
            }
            let json = json!({
                "ready": true,
                "url": url,
                "chain": CHAIN,
                "sidechains": chain::REFERENCE.iter().map(|(chain, _)| *chain).collect::<Vec<_>>(),
                "height": height,
                "validators": nodes.len(),
                "data": data.to_string_lossy(),
                "keys": keys.directory().to_string_lossy(),
                "anchor": data.join(ANCHOR_FILE).to_string_lossy(),
                "demo": demo.address().to_string(),
                "departments": DEPARTMENTS,
            });
            output.result(&json, || ready_text(&url, data, &keys, height))
        })
    }

    /// Each validator's configuration, with its key. They find each other on ports that are free now.
    fn configurations(&self, nodes: &[(PathBuf, AccountKey)], genesis: &Path) -> Result<Vec<Member>> {
        let sockets = free_sockets(nodes.len());
        if sockets.len() < nodes.len() {
            return Err(Failure::new("there are no free ports for the validators between 10,000 and 32,000"));
        }
        let addresses: Vec<SocketAddr> = sockets.iter().map(TcpListener::local_addr).collect::<std::io::Result<_>>()?;
        let peer = |((_, key), address): (&(PathBuf, AccountKey), &SocketAddr)| {
            let key = Digest(key.public_key());
            format!("{key}@{address}")
        };
        let peers: Vec<String> = nodes.iter().zip(&addresses).map(peer).collect();
        let mut members = Vec::new();
        for (place, (directory, key)) in nodes.iter().enumerate() {
            let mut config = NodeConfig::load(None).map_err(|error| Failure::usage(error.to_string()))?;
            config.data_dir = directory.clone();
            config.genesis = Some(genesis.to_owned());
            // What is for a real network's nodes would not find its files here, and `dev` itself asks over plain HTTP.
            (config.api.tls_certificate, config.api.tls_key, config.api.client_ca) = (None, None, None);
            config.api.submit_needs_certificate = false;
            config.api.listen = if place == 0 { self.listen } else { ([127, 0, 0, 1], 0).into() };
            config.p2p.listen = addresses[place];
            config.p2p.peers = peers.clone();
            let given = |name| std::env::var_os(name).is_some();
            if !given("CHANCERY_LOG_FILTER") {
                config.log.filter = "warn".into();
            }
            if !given("CHANCERY_STORE_BLOCK_CACHE_MIB") {
                config.store.block_cache_mib = BLOCK_CACHE_MIB;
            }
            if !given("CHANCERY_STORE_WRITE_BUFFER_MIB") {
                config.store.write_buffer_mib = WRITE_BUFFER_MIB;
            }
            members.push(Member { config, key: SigningKey::from(key.seed()) });
        }
        Ok(members)
    }
}

/// So many sockets, below the range that the kernel takes ports of outgoing connections from, so that none of those is
/// made on one before its validator listens.
fn free_sockets(count: usize) -> Vec<TcpListener> {
    let seed = RandomState::new().hash_one(std::process::id());
    (0..22_000u64)
        .map(|attempt| 10_000 + (seed.wrapping_add(attempt * 7_919) % 22_000) as u16)
        .filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok())
        .take(count)
        .collect()
}

fn validator_keys(node: &Path) -> Result<Keystore> {
    Ok(Keystore::at(Some(node.join("keys")))?)
}

fn ready_text(url: &str, data: &Path, keys: &Keystore, height: u64) -> String {
    format!(
        "ready: chain {CHAIN} with its sidechains evidence, waste and plates at {url}, height {height}\n\
         \x20 keys         {keys} (demo; INSECURE, for development only)\n\
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

fn plan(
    departments: &[Name],
    validators: &[AccountKey],
    administrators: &[AccountKey],
    demo: &AccountKey,
) -> Result<Genesis> {
    let name = |text: &str| Name::new(text).expect("the names written here are names");
    let now = now_ms();
    let registry = RegistryPlan::trial(trial_departments(departments, validators, administrators, demo));
    let committee = Committee::new(validators.iter().map(AccountKey::public_key).collect());
    Ok(plan_genesis(GenesisPlan {
        chain: name(CHAIN),
        committee: committee.ok_or_else(|| Failure::new("two validators have one key"))?,
        timestamp_ms: now,
        departments: Vec::new(),
        registry: Some(registry.setup(&name(CHAIN), now)),
    }))
}
