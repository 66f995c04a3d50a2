//! Accepting connections: at most so many at once, each with a bounded header in size and time, until the node stops.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

use super::{Api, Shared, router, until_stopped, write_timeout::WriteTimeout};

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
}

/// The API with its socket.
pub struct ApiServer {
    listener: TcpListener,
    address: SocketAddr,
    api: Shared,
}

impl ApiServer {
    /// Listens; connections wait until [`Self::run`].
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(api: Api) -> Result<Self, ServeError> {
        let address = api.config.listen;
        let failed = |reason| ServeError::Listen { address, reason };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, api: Arc::new(api) })
    }

    /// Where it listens; with port 0 in the configuration, the port that was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the node stops, then lets the requests at hand finish within `grace`.
    pub async fn run(self, grace: Duration) {
        let mut stopping = self.api.stopping.clone();
        let connections = Arc::new(Semaphore::new(self.api.config.connections_max));
        let router = router(Arc::clone(&self.api));
        let mut open = JoinSet::new();
        loop {
            while open.try_join_next().is_some() {}
            let accepted = tokio::select! {
                () = until_stopped(&mut stopping) => break,
                accepted = accept(&self.listener, &connections) => accepted,
            };
            match accepted {
                Ok((stream, permit)) => {
                    let connection = serve(Arc::clone(&self.api), router.clone(), stream, permit, grace);
                    open.spawn(connection);
                }
                Err(error) => {
                    // Out of file descriptors, mostly; what is open goes on.
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        if timeout(grace, async { while open.join_next().await.is_some() {} }).await.is_err() {
            tracing::warn!(connections = open.len(), "connections were cut off");
        }
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await;
    let permit = permit.map_err(|_| std::io::Error::other("the connections' semaphore is closed"))?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

async fn serve(api: Shared, router: axum::Router, stream: TcpStream, _permit: OwnedSemaphorePermit, grace: Duration) {
    let _counted = api.metrics.connection();
    let mut stopping: watch::Receiver<bool> = api.stopping.clone();
    let patience = api.config.read_timeout;
    let io = TokioIo::new(WriteTimeout::new(stream, patience));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(io, TowerToHyperService::new(router));
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
