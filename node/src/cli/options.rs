//! Options that several commands share.

use std::path::PathBuf;

use clap::Args;

use super::failure::Result;
use crate::{
    client::{CA_VARIABLE, CERTIFICATE_VARIABLE, ClientTls, KEY_VARIABLE, NODE_DEFAULT, NODE_VARIABLE, Node},
    keystore::{DIRECTORY_VARIABLE, Keystore, PassphraseSource},
};

/// How results look.
#[derive(Args, Clone, Debug)]
pub(super) struct Format {
    /// Print JSON, for programs.
    // Looked for among the words before they are parsed, so that a misunderstanding is JSON too.
    #[arg(long)]
    pub json: bool,
}

/// Which node to ask.
#[derive(Args, Clone, Debug)]
pub(super) struct NodeOptions {
    /// The node to ask.
    #[arg(long, value_name = "URL", env = NODE_VARIABLE, default_value = NODE_DEFAULT)]
    pub node: String,
    #[command(flatten)]
    pub tls: TlsOptions,
}

/// How to talk to a node over TLS.
#[derive(Args, Clone, Debug)]
pub(super) struct TlsOptions {
    /// The authority of the node's certificate, a PEM file [default: those that this system trusts].
    #[arg(long, value_name = "FILE", env = CA_VARIABLE)]
    pub ca: Option<PathBuf>,
    /// A client certificate, a PEM file, for what the node does not show to everybody.
    #[arg(long, value_name = "FILE", env = CERTIFICATE_VARIABLE, requires = "client_key")]
    pub client_certificate: Option<PathBuf>,
    /// The client certificate's key, a PEM file.
    #[arg(long, value_name = "FILE", env = KEY_VARIABLE, requires = "client_certificate")]
    pub client_key: Option<PathBuf>,
}

impl TlsOptions {
    /// The node at `url`.
    ///
    /// # Errors
    /// When the address is not a node's, or a file does not serve.
    pub(super) fn open(&self, url: &str) -> Result<Node> {
        let identity = self.client_certificate.clone().zip(self.client_key.clone());
        Ok(Node::with_tls(url, &ClientTls { ca: self.ca.clone(), identity })?)
    }
}

impl NodeOptions {
    /// The node.
    ///
    /// # Errors
    /// When the address is not a node's, or a file for TLS does not serve.
    pub(super) fn open(&self) -> Result<Node> {
        self.tls.open(&self.node)
    }
}

/// Where keys are, and how they are unlocked.
#[derive(Args, Clone, Debug)]
pub(super) struct KeyOptions {
    /// The directory of keys [default: chancery/keys in the user's data directory].
    #[arg(long, value_name = "DIR", env = DIRECTORY_VARIABLE)]
    pub keys: Option<PathBuf>,
    /// A file whose first line is the passphrase (else CHANCERY_PASSPHRASE, else you are asked).
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

impl KeyOptions {
    /// The keystore.
    ///
    /// # Errors
    /// When no directory is known.
    pub(super) fn store(&self) -> Result<Keystore> {
        Ok(Keystore::at(self.keys.clone())?)
    }

    /// Where passphrases come from.
    pub(super) fn passphrases(&self) -> PassphraseSource {
        PassphraseSource { file: self.passphrase_file.clone() }
    }
}
