//! The API's TLS: which certificate it shows, and whose client certificates it knows.
//!
//! TLS 1.2 and 1.3 only. A client certificate is asked for and not needed: who brings none is anybody, who brings one of
//! another authority is turned away. The files are looked at again from time to time, so that a renewed certificate takes
//! effect without a restart; files that do not fit leave the ones before in force and are told in the log.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::{ServerConfig, server::WebPkiClientVerifier};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::until_stopped;
use crate::tls::{self, TlsError};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Where the API's certificates are, as PEM files.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The node's certificate, and those that lead from it to an authority.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// The authority of clients that may ask for what is not public.
    pub client_ca: Option<PathBuf>,
}

impl TlsFiles {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten().map(PathBuf::as_path)
    }

    /// When each was changed, and its size; nothing of one that is not there.
    fn stamps(&self) -> Vec<Option<(SystemTime, u64)>> {
        let stamp = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        self.paths().map(stamp).collect()
    }

    fn server_config(&self) -> Result<ServerConfig, TlsError> {
        let provider = tls::provider();
        let certificates = tls::certificates(&self.certificate)?;
        let key = tls::private_key(&self.key)?;
        let versions = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let versions = versions.map_err(|error| TlsError::unfit(&self.certificate, error))?;
        let clients = match &self.client_ca {
            None => versions.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(tls::roots(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).allow_unauthenticated();
                versions.with_client_cert_verifier(verifier.build().map_err(|error| TlsError::unfit(path, error))?)
            }
        };
        // The key is wrong as often as the certificate, so the error names the one and speaks of both.
        let unfit =
            |error| TlsError::unfit(&self.certificate, format_args!("with the key {}: {error}", self.key.display()));
        let mut config = clients.with_single_cert(certificates, key).map_err(unfit)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// What connections are accepted with.
pub(super) struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
    /// Of the files as they were read last.
    stamps: Mutex<Vec<Option<(SystemTime, u64)>>>,
}

impl Tls {
    pub(super) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        // Before they are read, so that a change in between is seen.
        let stamps = files.stamps();
        let current = files.server_config()?;
        Ok(Self { files, current: RwLock::new(Arc::new(current)), stamps: Mutex::new(stamps) })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Reads the files again if one has changed; whether what connections are accepted with is new.
    pub(super) fn look(&self) -> Result<bool, TlsError> {
        let stamps = self.files.stamps();
        {
            let mut known = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
            if *known == stamps {
                return Ok(false);
            }
            *known = stamps;
        }
        let renewed = Arc::new(self.files.server_config()?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(true)
    }

    /// Looks at the files until the node stops.
    pub(super) async fn keep_current(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = until_stopped(&mut stopping) => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let tls = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || tls.look()).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => tracing::info!("the API's certificates were read again"),
                Ok(Err(error)) => tracing::warn!(%error, "the API goes on with the certificates it has"),
                Err(error) => tracing::error!(%error, "reading the API's certificates panicked"),
            }
        }
    }
}
