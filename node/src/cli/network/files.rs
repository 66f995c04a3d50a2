//! What a network's files say: the genesis and its anchor, and per node a configuration and a service unit.

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use chancery_abi::{Genesis, TrustAnchor, codec};

use crate::{
    cli::failure::{Result, at},
    consensus::Peer,
};

/// What the genesis' file is called.
pub(super) const GENESIS_FILE: &str = "genesis.scale";
/// What the trust anchor's file is called.
pub(super) const ANCHOR_FILE: &str = "anchor";
/// The name of a validator's key in its node's keystore.
pub(super) const VALIDATOR: &str = "validator";

/// A node's own values.
pub(super) struct NodeFile<'a> {
    pub(super) data_dir: &'a Path,
    pub(super) api: SocketAddr,
    pub(super) p2p: SocketAddr,
    pub(super) heartbeat_ms: u64,
}

/// Writes the genesis and its trust anchor into `directory`.
pub(super) fn write_genesis(directory: &Path, genesis: &Genesis) -> Result {
    write_durably(&directory.join(ANCHOR_FILE), &codec::encode(&TrustAnchor::of_genesis(genesis)))?;
    write_durably(&directory.join(GENESIS_FILE), &codec::encode(genesis))
}

/// A node's configuration; everything it does not name has its default.
pub(super) fn configuration(node: &NodeFile<'_>, peers: &[Peer]) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let peers: String = peers.iter().map(|peer| format!("  {},\n", quoted(&peer.to_string()))).collect();
    format!(
        "# A Chancery node. `chancery node --template` shows every key.\n\
         data_dir = {}\n\
         validator_key = \"{VALIDATOR}\"\n\n\
         [api]\nlisten = \"{}\"\n\n\
         [chain]\nheartbeat_ms = {}\n\n\
         [p2p]\nlisten = \"{}\"\npeers = [\n{peers}]\n",
        quoted(&node.data_dir.to_string_lossy()),
        node.api,
        node.heartbeat_ms,
        node.p2p,
    )
}

/// A systemd unit that keeps a node running.
pub(super) fn unit(name: &str, binary: &Path, configuration: &Path) -> String {
    format!(
        "# Copy to /etc/systemd/system, then: systemctl enable --now chancery-{name}\n\
         [Unit]\nDescription=Chancery node {name}\nAfter=network-online.target\nWants=network-online.target\n\n\
         [Service]\nExecStart=\"{}\" node --config \"{}\"\nRestart=on-failure\nRestartSec=5\nTimeoutStopSec=40\n\
         LimitNOFILE=65536\nNoNewPrivileges=yes\nProtectSystem=full\nPrivateTmp=yes\n\n\
         [Install]\nWantedBy=multi-user.target\n",
        binary.display(),
        configuration.display(),
    )
}

/// Makes a directory for someone's files; one that has a network already is left alone.
pub(super) fn make_directory(directory: &Path) -> Result<PathBuf> {
    fs::create_dir_all(directory).map_err(at(directory))?;
    fs::canonicalize(directory).map_err(at(directory))
}

/// Writes a file whole or not at all.
pub(in crate::cli) fn write_durably(path: &Path, bytes: &[u8]) -> Result {
    let partial = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        match path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => fs::File::open(directory)?.sync_all(),
            _ => Ok(()),
        }
    };
    write().map_err(at(path))
}
