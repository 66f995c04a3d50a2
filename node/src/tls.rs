//! Certificates and keys from PEM files, as the API and the command line both read them.
//!
//! Invariants: one provider of cryptography for both; every mistake in a file is an error that names the file and says
//! what was expected in it. What is deliberately absent: making certificates, and any trust that is not written in a file
//! or in the operating system's own store.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

/// Why a file is of no use for TLS.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TlsError {
    /// It cannot be read, or not as PEM.
    #[error("{} cannot be read: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It has nothing of what it should have.
    #[error("{} has no {expected} in PEM", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What it should have.
        expected: &'static str,
    },
    /// What is in it does not serve.
    #[error("{} cannot be used for TLS: {reason}", .path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The operating system has no certificates to trust.
    #[error("this system has no certificate authorities to trust: {0}; name one with --ca FILE")]
    NoRoots(String),
}

impl TlsError {
    pub(crate) fn unfit(path: &Path, reason: impl ToString) -> Self {
        Self::Unfit { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// The cryptography of all TLS here.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::Unreadable { path: path.to_owned(), reason: error.to_string() })
}

/// The certificates in a file, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| TlsError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
    if found.is_empty() {
        return Err(TlsError::Empty { path: path.to_owned(), expected: "certificate" });
    }
    Ok(found)
}

/// The first private key in a file.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = read(path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => {
            TlsError::Empty { path: path.to_owned(), expected: "private key" }
        }
        error => TlsError::Unreadable { path: path.to_owned(), reason: error.to_string() },
    })
}

/// The certificate authorities in a file.
pub(crate) fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| TlsError::unfit(path, error))?;
    }
    Ok(roots)
}
