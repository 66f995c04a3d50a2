//! Whom the command line trusts to be a node, and what it shows of itself, when it talks to one over TLS.

use std::path::{Path, PathBuf};

use rustls::{ClientConfig, RootCertStore};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::tls::{self, TlsError};

/// The environment variable that names the authority of nodes' certificates.
pub const CA_VARIABLE: &str = "CHANCERY_CA";
/// The environment variable that names the client's certificate.
pub const CERTIFICATE_VARIABLE: &str = "CHANCERY_CLIENT_CERTIFICATE";
/// The environment variable that names its key.
pub const KEY_VARIABLE: &str = "CHANCERY_CLIENT_KEY";

/// What TLS takes, as PEM files.
#[derive(Clone, Debug, Default)]
pub struct ClientTls {
    /// The authority of the node's certificate; without it, those that the operating system trusts.
    pub ca: Option<PathBuf>,
    /// The client's certificate with its key, for what a node does not show to everybody.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl ClientTls {
    /// The same for the client. Everything is tried out first, because the client takes for granted that it is sound.
    pub(super) fn config(&self) -> Result<TlsConfig, TlsError> {
        let roots = match &self.ca {
            Some(path) => {
                tls::roots(path)?;
                tls::certificates(path)?
            }
            None => system_roots()?,
        };
        let roots: Vec<_> = roots.iter().map(|found| Certificate::from_der(found).to_owned()).collect();
        let config = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(tls::provider())
            .root_certs(RootCerts::new_with_certs(&roots));
        let identity = self.identity.as_ref().map(|(certificate, key)| identity(certificate, key)).transpose()?;
        Ok(config.client_cert(identity).build())
    }
}

fn system_roots() -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(TlsError::NoRoots(if why.is_empty() { "none were found".into() } else { why.join("; ") }));
    }
    Ok(found.certs)
}

fn identity(certificate: &Path, key: &Path) -> Result<ClientCert, TlsError> {
    let chain = tls::certificates(certificate)?;
    let tried = ClientConfig::builder_with_provider(tls::provider()).with_safe_default_protocol_versions();
    let unfit = |error| TlsError::unfit(certificate, format_args!("with the key {}: {error}", key.display()));
    let tried = tried.map_err(unfit)?.with_root_certificates(RootCertStore::empty());
    tried.with_client_auth_cert(chain.clone(), tls::private_key(key)?).map_err(unfit)?;
    let private = PrivateKey::from_pem(&tls::read(key)?).map_err(|error| TlsError::unfit(key, error))?;
    let chain: Vec<_> = chain.iter().map(|found| Certificate::from_der(found).to_owned()).collect();
    Ok(ClientCert::new_with_certs(&chain, private))
}
