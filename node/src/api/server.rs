//! Accepting connections: at most so many at once, each with a bounded header in size and time, until the node stops.
//! With TLS, the handshake has the same time.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::extract::Request;
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

use super::{Api, Shared, guard::Peer, router, tls::Tls, until_stopped, write_timeout::WriteTimeout};
use crate::tls::TlsError;

/// What a header, or a piece of a body, may take in memory.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// How long the loop rests when the operating system gives no more connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}; choose another with --listen or api.listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The files for TLS do not serve.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The API with its socket.
pub struct ApiServer {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
    api: Shared,
}

impl ApiServer {
    /// Listens; connections wait until [`Self::run`].
    ///
    /// # Errors
    /// When the address cannot be listened on, or the files for TLS do not serve.
    pub async fn bind(api: Api) -> Result<Self, ServeError> {
        let tls = api.config.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
        let address = api.config.listen;
        let failed = |reason| ServeError::Listen { address, reason };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let closed = api.config.tls.as_ref().is_some_and(|files| files.client_ca.is_some());
        if !closed && !address.ip().is_loopback() {
            tracing::warn!(%address, "figures, traces and snapshots are open to everybody; api.client_ca closes them");
        }
        Ok(Self { listener, address, tls, api: Arc::new(api) })
    }

    /// Where it listens; with port 0 in the configuration, the port that was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as an address of the web.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until the node stops, then lets the requests at hand finish within `grace`.
    pub async fn run(self, grace: Duration) {
        let mut stopping = self.api.stopping.clone();
        let connections = Arc::new(Semaphore::new(self.api.config.connections_max));
        let router = router(Arc::clone(&self.api));
        let mut open = JoinSet::new();
        let current = self.tls.clone().map(|tls| tokio::spawn(tls.keep_current(stopping.clone())));
        loop {
            while open.try_join_next().is_some() {}
            let accepted = tokio::select! {
                () = until_stopped(&mut stopping) => break,
                accepted = accept(&self.listener, &connections) => accepted,
            };
            match accepted {
                Ok((stream, from, permit)) => {
                    let peer = Peer { address: from.ip(), certified: false };
                    let connection = Connection { api: Arc::clone(&self.api), router: router.clone(), peer, grace };
                    open.spawn(connection.serve(stream, self.tls.clone(), permit));
                }
                Err(error) => {
                    // Out of file descriptors, mostly; what is open goes on.
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        if let Some(current) = current
            && current.await.is_err()
        {
            tracing::error!("looking at the API's certificates ended in a panic");
        }
        if timeout(grace, async { while open.join_next().await.is_some() {} }).await.is_err() {
            tracing::warn!(connections = open.len(), "connections were cut off");
        }
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await;
    let permit = permit.map_err(|_| std::io::Error::other("the connections' semaphore is closed"))?;
    let (stream, from) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, from, permit))
}

/// One connection, with what its requests need.
struct Connection {
    api: Shared,
    router: axum::Router,
    peer: Peer,
    grace: Duration,
}

impl Connection {
    async fn serve(mut self, stream: TcpStream, tls: Option<Arc<Tls>>, _permit: OwnedSemaphorePermit) {
        let api = Arc::clone(&self.api);
        let _counted = api.metrics.connection();
        let patience = api.config.read_timeout;
        // Below TLS, so that a handshake whose answers are not taken ends as well.
        let stream = WriteTimeout::new(stream, patience);
        let Some(tls) = tls else { return self.converse(stream).await };
        match timeout(patience, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => {
                // One of another authority would have ended the handshake.
                self.peer.certified = stream.get_ref().1.peer_certificates().is_some();
                self.converse(stream).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn converse(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self { api, router, peer, grace } = self;
        let mut stopping: watch::Receiver<bool> = api.stopping.clone();
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(api.config.read_timeout)
            .max_buf_size(BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = until_stopped(&mut stopping) => {
                connection.as_mut().graceful_shutdown();
                match timeout(grace, connection).await {
                    Ok(ended) => ended,
                    Err(_) => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
