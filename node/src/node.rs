//! A node, assembled: store, chain, consensus and API in one process, and its end.
//!
//! Stopping goes from the outside in: the API takes nothing more and lets its requests finish, consensus finishes the
//! block at hand, the chain writes out what speeds up the next start, the database closes. All of it within
//! [`STOP_TIMEOUT`]; after that the process may end anyway, because nothing acknowledged depends on it.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use chancery_abi::{Genesis, limits::CALL_DEPTH_MAX};
use chancery_runtime::engine::{Engine, EngineConfig, EngineError, Observe, Optimisation};
use ed25519_zebra::{SigningKey, VerificationKey};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    api::{Api, ApiServer, ServeError},
    chain::{ChainError, ChainService, ChainSet, FatalSignal, RegistryBoard},
    config::{ConfigError, LogFormat, LogSection, NodeConfig},
    consensus::{Consensus, ConsensusError},
    metrics::Metrics,
    module_files::ModuleFiles,
    portal::Portal,
    priority::{Work, give_way},
    relay,
    sidechains::Sidechains,
    snapshot::{BeginError, Beside, Place, Turn, begin_anew},
    store::{ChainIdentity, ChainStore, DiskDb, StoreDirectory, StoreError},
};

/// How long stopping may take in all.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of that the requests at hand may take.
const API_GRACE: Duration = Duration::from_secs(10);
/// How long the last requests may go on reading.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);
/// How long sidechains that are taking a state snapshot have to leave off.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(10);
/// How often the disk's free space is looked at.
const DISK_CHECK_EVERY: Duration = Duration::from_secs(2);
/// Chains that execute a block at once; more wait for each other's instances to come free.
const CHAINS_AT_ONCE: u32 = 16;
/// Contracts under execution at once in one transaction or query, with one to spare.
const INSTANCES_EACH: u32 = CALL_DEPTH_MAX + 1;

/// Why a node does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain may not be opened.
    #[error(transparent)]
    Begin(#[from] BeginError),
    /// The chain cannot be opened.
    #[error("chain {chain} cannot be opened: {reason}")]
    Chain {
        /// The chain.
        chain: chancery_abi::Name,
        /// Why.
        reason: ChainError,
    },
    /// The node does not take part in the agreement on blocks.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// The sandbox does not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The API cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The configuration says something that cannot be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system refused something.
    #[error("the operating system refused to {action}: {reason}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What it said.
        reason: std::io::Error,
    },
    /// Something happened after which nothing may be written any more.
    #[error("the node stopped itself: {0}")]
    Fatal(String),
    /// A part did not come to its end in time.
    #[error("the node did not stop within {} s; nothing that was acknowledged is lost", STOP_TIMEOUT.as_secs())]
    StopTimeout,
}

/// A node that runs.
pub struct Node {
    chain: Arc<ChainService>,
    chains: ChainSet,
    consensus: Consensus<Arc<ChainService>, ChainStore>,
    api: JoinHandle<()>,
    /// Outlives what it runs.
    _serving: Serving,
    /// What goes on beside: minding the disk and the sidechains, and carrying between chains.
    beside: Vec<JoinHandle<()>>,
    /// Sidechains that are taking a state snapshot.
    snapshots: Beside,
    address: SocketAddr,
    url: String,
    stopping: watch::Sender<bool>,
    fatal: FatalSignal,
}

impl Node {
    /// Starts a node for the chain of `genesis`, of whose committee `key` is. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a part cannot start; those that did are stopped.
    pub async fn start(config: &NodeConfig, genesis: Genesis, key: SigningKey) -> Result<Self, NodeError> {
        let (metrics, fatal) = (Arc::new(Metrics::new()), FatalSignal::new());
        let public_key = VerificationKey::from(&key).into();
        let opened = open_chain(config.clone(), genesis, public_key, Arc::clone(&metrics), fatal.clone());
        let (database, chain) = run_blocking(opened).await?;
        let (stopping, stop) = watch::channel(false);
        let chains = ChainSet::of(Arc::clone(&chain));
        let api_config = config.api_config();
        let streams = Arc::new(Semaphore::new(api_config.streams_max));
        let api = Api {
            config: api_config,
            chains: chains.clone(),
            database: Arc::clone(&database),
            metrics: Arc::clone(&metrics),
            fatal: fatal.clone(),
            streams,
            portal: Portal::new(config.portal_config()?),
            stopping: stop.clone(),
        };
        let serving = Serving::begin()?;
        // The socket first: an address that is taken must not leave a block behind.
        let server = ApiServer::bind(api).await?;
        let (address, url) = (server.address(), server.url());
        let (consensus_config, side) = (config.consensus_config(), Arc::clone(&chain));
        let consensus = run_blocking(move || {
            side.check_disk(None);
            let backend = Arc::clone(side.ledger().backend());
            let board = RegistryBoard::new(Arc::clone(&side), key);
            Ok(Consensus::start(consensus_config, side, board, backend, &key.into())?)
        });
        let mut consensus = consensus.await?;
        chain.watch_participation(Arc::clone(consensus.participation()));
        let snapshots = Beside::new(stop.clone());
        let sidechains = Sidechains {
            mainchain: Arc::clone(&chain),
            chains: chains.clone(),
            host: consensus.host().clone(),
            database,
            metrics,
            config: config.clone(),
            key: public_key,
            fatal: fatal.clone(),
            beside: snapshots.clone(),
        };
        let beside = vec![
            tokio::spawn(watch_disk(chains.clone(), stop.clone())),
            tokio::spawn(sidechains.run(stop.clone())),
            relay::start(Arc::clone(&chain), chains.clone(), key, consensus.letters(), stop),
        ];
        let api = serving.spawn(server.run(API_GRACE));
        tracing::info!(%address, "the API listens");
        Ok(Self { chain, chains, consensus, api, _serving: serving, beside, snapshots, address, url, stopping, fatal })
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as an address of the web: `https` where the API speaks TLS.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The chain that the node was started with.
    pub fn chain(&self) -> &Arc<ChainService> {
        &self.chain
    }

    /// Runs until the process is asked to stop or must stop, then stops.
    ///
    /// # Errors
    /// When the node stopped itself, or did not stop in time.
    pub async fn run_until_stopped(self) -> Result<(), NodeError> {
        let asked = stop_signal()?;
        tokio::select! {
            signal = asked => tracing::info!(signal, "stopping"),
            reason = self.fatal.wait() => tracing::error!(reason, "stopping"),
        }
        self.stop().await
    }

    /// Stops taking transactions, finishes the block at hand and closes everything.
    ///
    /// # Errors
    /// When the node had stopped itself, or did not stop in time.
    pub async fn stop(self) -> Result<(), NodeError> {
        let Self { chain, chains, consensus, api, _serving, beside, snapshots, stopping, fatal, .. } = self;
        let stop = async {
            chains.all().iter().for_each(|chain| chain.stop());
            stopping.send_replace(true);
            for task in beside {
                // They end by themselves, and hold on to nothing once they have.
                if task.await.is_err() {
                    tracing::error!("a task beside the chains ended in a panic");
                }
            }
            if api.await.is_err() {
                tracing::error!("the API ended in a panic");
            }
            let closed = tokio::task::spawn_blocking(move || {
                consensus.stop();
                chains.all().iter().for_each(|chain| chain.finish());
                chains.clear();
                // They hold on to the database.
                snapshots.finish(SNAPSHOT_PATIENCE);
                close(chain);
            });
            if closed.await.is_err() {
                tracing::error!("closing the store panicked");
            }
        };
        let in_time = timeout(STOP_TIMEOUT, stop).await;
        if let Some(reason) = fatal.get() {
            return Err(NodeError::Fatal(reason));
        }
        in_time.map_err(|_| NodeError::StopTimeout)?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// The threads that the API's requests are answered on, which give way to those that the chains need.
struct Serving(Option<Runtime>);

impl Serving {
    fn begin() -> Result<Self, NodeError> {
        let mut threads = Builder::new_multi_thread();
        threads.enable_all().thread_name("api").on_thread_start(|| give_way(Work::Intake));
        let refused = |reason| NodeError::System { action: "begin the API's threads", reason };
        Ok(Self(Some(threads.build().map_err(refused)?)))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        match &self.0 {
            Some(threads) => threads.spawn(task),
            None => tokio::spawn(task),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Without waiting, which nobody may within another runtime. A node that stops has waited for its requests.
        if let Some(threads) = self.0.take() {
            threads.shutdown_background();
        }
    }
}

async fn watch_disk(chains: ChainSet, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(DISK_CHECK_EVERY) => {}
        }
        let chains = chains.clone();
        if tokio::task::spawn_blocking(move || chains.check_disk()).await.is_err() {
            tracing::error!("looking at the disk's free space panicked");
        }
    }
}

/// Waits until the process is asked to stop.
///
/// # Errors
/// When the operating system does not tell.
pub async fn asked_to_stop() -> Result<(), NodeError> {
    let signal = stop_signal()?.await;
    tracing::info!(signal, "stopping");
    Ok(())
}

/// Waits until the database's last user is gone: a cut-off request may still be reading.
fn close(chain: Arc<ChainService>) {
    let database = Arc::downgrade(chain.ledger().backend().database());
    drop(chain);
    let began = Instant::now();
    while database.strong_count() > 0 {
        if began.elapsed() > CLOSE_PATIENCE {
            tracing::warn!("something still uses the store; it closes with the process");
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A future that ends when the process is asked to stop, with the signal's name.
fn stop_signal() -> Result<impl Future<Output = &'static str>, NodeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|reason| NodeError::System { action: "listen for signals", reason });
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

fn open_chain(
    config: NodeConfig,
    genesis: Genesis,
    key: [u8; 32],
    metrics: Arc<Metrics>,
    fatal: FatalSignal,
) -> impl FnOnce() -> Result<(Arc<DiskDb>, Arc<ChainService>), NodeError> + Send + 'static {
    move || {
        let name = genesis.chain.clone();
        let engine = Arc::new(new_engine(&config)?);
        let database = DiskDb::open(StoreDirectory::open(&config.store_dir())?, &config.store_config())?;
        let (snapshots, votes) = (config.snapshots_dir(), config.consensus_config().directory);
        let place = Place { database: &database, engine: &engine, genesis: &genesis, snapshots, votes, key };
        let turn = Turn { is_stopping: &|| false, may_download: &|| true };
        begin_anew(&place, &config.snapshot_sources(), &turn)?;
        let store = database.open_chain(ChainIdentity { name: name.clone(), genesis: genesis.digest() })?;
        let path = Some(database.directory().path().to_owned());
        let (metrics, store) = (metrics.chain(&name), Arc::new(store));
        let chain = ChainService::open(store, path, engine, genesis, config.chain_config(), metrics, fatal)
            .map_err(|reason| NodeError::Chain { chain: name, reason })?;
        Ok((database, Arc::new(chain)))
    }
}

/// The sandbox, with room for the chain's blocks and for all questions at once, so that neither starves the other.
fn new_engine(config: &NodeConfig) -> Result<Engine, EngineError> {
    // The configuration bounds the number.
    let queries = u32::try_from(config.chain.queries_max).unwrap_or(u32::MAX / INSTANCES_EACH / 2);
    let at_once = queries.saturating_add(CHAINS_AT_ONCE);
    let engine = EngineConfig {
        optimisation: Optimisation::Speed,
        cache_bytes: config.module_cache_bytes(),
        instances: at_once * INSTANCES_EACH,
        observe: Observe::Nothing,
    };
    let bytes_max = config.module_files_bytes();
    if bytes_max == 0 {
        return Engine::new(engine);
    }
    match ModuleFiles::open(&config.module_files_dir(), bytes_max) {
        Ok(kept) => Engine::with_kept_modules(engine, kept),
        Err(error) => {
            let directory = config.module_files_dir();
            tracing::warn!(%error, directory = %directory.display(), "compiled contracts are not kept on disk");
            Engine::new(engine)
        }
    }
}

async fn run_blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, NodeError> + Send + 'static,
) -> Result<R, NodeError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(NodeError::Fatal(format!("starting panicked: {error}"))),
    }
}

/// Writes the node's log to standard error from here on. A second call changes nothing.
///
/// # Errors
/// When the filter is not one.
pub fn start_log(config: &LogSection) -> Result<(), tracing_subscriber::filter::ParseError> {
    use std::io::IsTerminal as _;
    let filter = tracing_subscriber::EnvFilter::builder().parse(&config.filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    if started.is_err() {
        tracing::debug!("the log was started before");
    }
    Ok(())
}
