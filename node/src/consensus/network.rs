//! The engine for real: a thread with the engine's runtime, sockets, and files; peers by their keys and addresses.
//!
//! The runtime runs beside the node's own and has a thread of its own to start from, because it cannot be started
//! within another. What fails in it ends it, and its end is reported to the chain, which stops the node.

use std::{
    net::{SocketAddr, TcpStream},
    num::NonZeroUsize,
    path::PathBuf,
    str::FromStr,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use chancery_abi::{Digest, domain};
use chancery_runtime::storage::StateBackend;
use commonware_cryptography::{ChaCha20Poly1305, ed25519::PrivateKey};
use commonware_macros::select;
use commonware_p2p::{Address, AddressableManager as _, Ingress, authenticated::lookup};
use commonware_runtime::{Quota, Runner as _, Spawner as _, Supervisor as _, tokio as runtime};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{Hostname, NZU32, NZUsize};
use tokio::sync::{mpsc, oneshot};

use super::{
    Blackboard, ChainSide, IdentityError, Participation, Timing, TransactionSource,
    audience::Audience,
    block::BlockRules,
    certificate::private_key,
    engine::{self, EngineError, Parts},
    gossip,
    hosting::{self, CHANNELS, ChainChannels, Hosting, MAINCHAIN, NewChain, SharedChannels},
    identity,
    letters::{self, LETTER_BYTES_MAX, Letters, Post},
    members::{Members, Wanted},
    threshold,
};
use crate::store::ChainDb;

/// Messages a second of one peer on one channel, of all chains together. Memory for as many is set aside for every peer.
const MESSAGES_PER_SECOND: std::num::NonZeroU32 = NZU32!(512);
/// Messages of transactions a second of one peer; each holds many.
const GOSSIP_PER_SECOND: std::num::NonZeroU32 = NZU32!(128);
/// Messages of partial signatures a second of one peer.
const PARTIALS_PER_SECOND: std::num::NonZeroU32 = NZU32!(64);
/// Letters a second of one peer.
const LETTERS_PER_SECOND: std::num::NonZeroU32 = NZU32!(32);
/// Nodes that a node is connected to at most, itself included; more where there are more already. Memory for what each
/// may send is set aside.
const PEERS_MAX: usize = 24;
/// Sets of peers that are kept at once: before and after a change of the committee.
const PEER_SETS: NonZeroUsize = NZUsize!(2);
/// Threads of the engine's runtime.
const THREADS: usize = 2;
/// How long a peer may take to be connected to or to prove its key.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it takes to see whether another node answers at this one's address.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// Bytes that a message's chain and term take at most.
const PREFIXES_BYTES: u32 = 32;

/// The channels of transactions, of partial signatures and of letters, after those of the engine.
const TRANSACTIONS: u64 = CHANNELS - 3;
const PARTIALS: u64 = CHANNELS - 2;
const LETTERS: u64 = CHANNELS - 1;

/// What the engine's own files of the chain begin with.
const FILES: &str = "chain";

/// Another validator: its key and where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its ed25519 key.
    pub key: [u8; 32],
    /// A host name or IP address, and a port.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("`{text}` is not KEY@HOST:PORT, with a key of 64 hexadecimal digits");
        let (key, address) = text.split_once('@').ok_or_else(malformed)?;
        let (host, port) = address.rsplit_once(':').ok_or_else(malformed)?;
        let key = Digest::from_str(key).map_err(|_| malformed())?.0;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
        let port = port.parse().map_err(|_| malformed())?;
        let peer = Self { key, host, port };
        peer.address().map(|_| peer.clone()).ok_or_else(malformed)
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", Digest(self.key), self.host_and_port())
    }
}

impl Peer {
    /// Where it listens, without its key.
    pub(super) fn host_and_port(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    pub(super) fn address(&self) -> Option<Address> {
        if let Ok(ip) = self.host.parse() {
            return Some(Address::Symmetric(SocketAddr::new(ip, self.port)));
        }
        let host = Hostname::new(&self.host).ok()?;
        // Connections to a name come from an address that only its owner knows.
        let egress = SocketAddr::from(([0, 0, 0, 0], 0));
        Some(Address::Asymmetric { ingress: Ingress::Dns { host, port: self.port }, egress })
    }
}

/// How a node takes part.
#[derive(Clone, Debug)]
pub struct ConsensusConfig {
    /// Where the engine keeps its own files.
    pub directory: PathBuf,
    /// Where to listen for other validators.
    pub listen: SocketAddr,
    /// The validators, with or without this node itself.
    pub peers: Vec<Peer>,
    /// How long things may take.
    pub timing: Timing,
    /// How far a peer's clock may be off when it connects.
    pub clock_bound: Duration,
}

/// Why a node does not take part.
#[derive(Debug, thiserror::Error)]
pub enum ConsensusError {
    /// The engine's files are not this node's.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// This node's key is not in the committee.
    #[error(
        "this node's validator key {key} is not of the committee of chain {chain}; check the key file and the genesis"
    )]
    NotAMember {
        /// The key, in hexadecimal.
        key: String,
        /// The chain.
        chain: chancery_abi::Name,
    },
    /// It begins from a snapshot, and its key has voted before or said that it would.
    #[error(
        "this store was just filled from a snapshot, and the chain knows this node's key {key} from before: what it has \
         voted for is not here, and voting again could contradict it. Let the node join with a new key"
    )]
    ServedBefore {
        /// The key, in hexadecimal.
        key: String,
    },
    /// No other member has an address.
    #[error(
        "neither the configuration nor the chain has an address of any other validator, as of {key}; add \
         `{key}@HOST:PORT` to `p2p.peers`"
    )]
    NoAddress {
        /// The key of one of them, in hexadecimal.
        key: String,
    },
    /// Another process answers where this node's peers look for it.
    #[error(
        "something answers already at {address}, where this node's validators look for it; if that is another node \
         with this key, two of them would sign against each other: stop that one first"
    )]
    AddressInUse {
        /// The address.
        address: String,
    },
    /// It cannot listen.
    #[error("cannot listen for validators on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The engine did not start.
    #[error("the consensus engine did not start: {0}")]
    Engine(String),
}

/// A node's part in the agreement on one chain, while it runs.
pub struct Consensus<C, B> {
    thread: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    participation: Arc<Participation>,
    host: Host<C, B>,
    letters: Letters,
}

/// Has this process take part in sidechains.
pub struct Host<C, B> {
    directory: PathBuf,
    me: [u8; 32],
    orders: mpsc::UnboundedSender<NewChain<C, B>>,
}

impl<C, B> Clone for Host<C, B> {
    fn clone(&self) -> Self {
        Self { directory: self.directory.clone(), me: self.me, orders: self.orders.clone() }
    }
}

impl<C: ChainSide + TransactionSource, B: StateBackend + 'static> Host<C, B> {
    /// Takes part in the sidechain behind `side`, which has this number in the registry and whose store is `backend`.
    ///
    /// # Errors
    /// When the folder of this node's votes on it is not this node's.
    pub fn begin(&self, number: u32, side: C, backend: Arc<B>) -> Result<Arc<Participation>, ConsensusError> {
        let directory = identity::sidechain_directory(&self.directory, &side.genesis().chain);
        let participation = Arc::new(hosting::prepare(directory, &side, &*backend, self.me)?);
        let chain = NewChain { number, side, backend, participation: Arc::clone(&participation) };
        let ordered = self.orders.send(chain);
        ordered.map_err(|_| ConsensusError::Engine("it has ended".into()))?;
        Ok(participation)
    }
}

impl<C: ChainSide + TransactionSource, B: StateBackend + 'static> Consensus<C, B> {
    /// Joins the committee of the chain behind `side`, whose store is `backend`, with the key of `seed`. Blocks until
    /// the engine runs.
    ///
    /// # Errors
    /// When the configuration, the key or the engine's files are not right.
    pub fn start<T>(
        config: ConsensusConfig,
        side: C,
        board: T,
        backend: Arc<B>,
        seed: &[u8; 32],
    ) -> Result<Self, ConsensusError>
    where
        T: Blackboard,
    {
        let key = private_key(seed).ok_or_else(|| ConsensusError::Engine("the key is none".into()))?;
        let me = super::certificate::key_bytes(&commonware_cryptography::Signer::public_key(&key));
        let (genesis, present) = (side.genesis(), side.terms().present().committee);
        let serves = present.keys().contains(&me);
        if !serves && genesis.registry.is_none() {
            return Err(ConsensusError::NotAMember { key: Digest(me).to_string(), chain: genesis.chain.clone() });
        }
        let participation = Arc::new(Participation::new(&present, me, crate::chain::now_ms()));
        let (configured, listen, terms) = (config.peers.clone(), config.listen, Arc::clone(side.terms()));
        let watched = Arc::clone(&participation);
        let audience = Audience::default();
        let members = Members { board: board.clone(), terms, participation: watched, me, configured, listen, audience };
        let wanted = members.wanted(board.roll().as_ref(), usize::MAX);
        members.audience.set(wanted.nodes());
        if let Some(key) = wanted.unreached(&me) {
            return Err(ConsensusError::NoAddress { key: Digest(*key).to_string() });
        }
        for key in wanted.without_address() {
            // What a member says of itself on the chain, or does not, keeps no other from starting: it may still dial.
            let key = Digest(*key);
            tracing::warn!(%key, "no address of this validator is known, so it is not dialled; `p2p.peers` may name one");
        }
        if !serves {
            tracing::warn!(key = %Digest(me), "this node's key is not of the committee: it follows and does not vote");
        }
        check_address(&config, &me)?;
        let base = ChainDb(&*backend).base().map_err(|error| ConsensusError::Engine(error.to_string()))?;
        let height = side.final_height();
        let votes = identity::votes_record(&config.directory, &side.genesis_digest(), &me);
        if base == Some(height) && votes == identity::VotesRecord::None {
            let terms = side.terms();
            let served = (0..).map_while(|epoch| terms.of(epoch)).any(|term| term.committee.keys().contains(&me));
            let declared = |roll: super::Roll| roll.nodes.iter().any(|node| node.key == me && node.ready.is_some());
            if served || board.roll().is_some_and(declared) {
                return Err(ConsensusError::ServedBefore { key: Digest(me).to_string() });
            }
        }
        identity::claim(&config.directory, &side.genesis_digest(), &me, height, base)?;
        let (stop, stopped) = oneshot::channel();
        let (started, has_started) = std::sync::mpsc::sync_channel(1);
        let (orders, ordered) = mpsc::unbounded_channel();
        let host = Host { directory: config.directory.clone(), me, orders };
        let (letters, post) = letters::open();
        let own = Arc::clone(&participation);
        let parts = Running { config, side, board, backend, key, members, wanted, participation: own, ordered, post };
        let thread = std::thread::Builder::new().name("consensus".into()).spawn(move || parts.run(stopped, &started));
        let thread = thread.map_err(|error| ConsensusError::Engine(error.to_string()))?;
        match has_started.recv() {
            Ok(Ok(())) => Ok(Self { thread, stop, participation, host, letters }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ConsensusError::Engine("it ended at once; the log says more".into())),
        }
    }

    /// Who takes part.
    pub fn participation(&self) -> &Arc<Participation> {
        &self.participation
    }

    /// Has this process take part in sidechains.
    pub fn host(&self) -> &Host<C, B> {
        &self.host
    }

    /// Letters between this node and others, for whoever asks first.
    pub fn letters(&mut self) -> Letters {
        std::mem::take(&mut self.letters)
    }

    /// Stops taking part. Blocks until the block at hand is committed.
    pub fn stop(self) {
        // The engine may have ended by itself.
        self.stop.send(()).ok();
        if self.thread.join().is_err() {
            tracing::error!("the consensus engine ended in a panic");
        }
    }
}

/// Looks whether this node's place is taken: by another process here, or by one that answers at this node's address.
fn check_address(config: &ConsensusConfig, me: &[u8; 32]) -> Result<(), ConsensusError> {
    if let Some(own) = config.peers.iter().find(|peer| peer.key == *me)
        && let Ok(ip) = own.host.parse()
    {
        let address = SocketAddr::new(ip, own.port);
        if TcpStream::connect_timeout(&address, PROBE_TIMEOUT).is_ok() {
            return Err(ConsensusError::AddressInUse { address: address.to_string() });
        }
    }
    let bound = std::net::TcpListener::bind(config.listen);
    bound.map(drop).map_err(|reason| ConsensusError::Listen { address: config.listen, reason })
}

/// What the engine's thread takes over.
struct Running<C, T, B> {
    config: ConsensusConfig,
    side: C,
    board: T,
    backend: Arc<B>,
    key: PrivateKey,
    members: Members<T>,
    wanted: Wanted,
    participation: Arc<Participation>,
    ordered: mpsc::UnboundedReceiver<NewChain<C, B>>,
    post: Post,
}

type Started = std::sync::mpsc::SyncSender<Result<(), ConsensusError>>;

impl<C, T, B> Running<C, T, B>
where
    C: ChainSide + TransactionSource,
    T: Blackboard,
    B: StateBackend + 'static,
{
    fn run(self, stopped: oneshot::Receiver<()>, started: &Started) {
        let side = self.side.clone();
        let runner = runtime::Runner::new(
            runtime::Config::new()
                .with_worker_threads(THREADS)
                .with_storage_directory(self.config.directory.join(super::hosting::ENGINE_FOLDER)),
        );
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runner.start(|context| self.take_part(context, stopped, started))
        }));
        match ran {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => side.engine_failed(&reason),
            Err(_) => side.engine_failed("the consensus engine panicked; the log says where"),
        }
    }

    async fn take_part(
        self,
        context: runtime::Context,
        stopped: oneshot::Receiver<()>,
        started: &Started,
    ) -> Result<(), String> {
        let Self { config, side, board, backend, key, members, wanted, participation, ordered, post } = self;
        let threshold_key = key.clone();
        let rules = BlockRules { genesis: side.genesis_digest() };
        let peers_max = PEERS_MAX.max(2 * wanted.len() + 1);
        let network_config = network_config(&config, key.clone(), peers_max, rules);
        let (mut network, mut oracle) = lookup::Network::new(context.child("network"), network_config);
        oracle.track(0, wanted.peers());
        let membership = oracle.clone();
        let mut shared = SharedChannels::new(&context, |channel| {
            let quota = match channel {
                TRANSACTIONS => GOSSIP_PER_SECOND,
                PARTIALS => PARTIALS_PER_SECOND,
                LETTERS => LETTERS_PER_SECOND,
                _ => MESSAGES_PER_SECOND,
            };
            network.register(channel, Quota::per_second(quota))
        });
        // The muxers that answer this were just started; it fails only when the network has ended.
        let own = shared.of(MAINCHAIN, &members.audience).await.map_err(|error| error.to_string())?;
        let ChainChannels { engine: channels, transactions, partials, letters } = own;
        let (pages, timing) = (engine::pages(), config.timing);
        let hosting =
            Hosting { channels: shared, oracle: oracle.clone(), key: key.clone(), timing, pages: pages.clone() };
        let parts = Parts {
            side: side.clone(),
            backend,
            key,
            blocker: oracle.clone(),
            peers: oracle,
            timing: config.timing,
            participation: Arc::clone(&participation),
            files: FILES.to_owned(),
            pages: pages.clone(),
        };
        let engine = engine::start(context.child("chain"), parts, channels).await;
        let engine = match engine {
            Ok(engine) => engine,
            Err(error) => {
                let error = match error {
                    EngineError::Storage(_) | EngineError::BadKey => error.to_string(),
                };
                started.send(Err(ConsensusError::Engine(error))).ok();
                return Ok(());
            }
        };
        let gossip = gossip::start(context.child("gossip"), side, participation, transactions);
        // It may end without the node ending: finality does without it.
        let _threshold = threshold::start(context.child("threshold"), board, threshold_key, FILES.to_owned(), partials);
        let _letters = letters::start(context.child("letters"), post, letters);
        // One place is this node's own, whether it is in the set or not.
        let membership =
            context.child("members").spawn(move |context| members.run(context, membership, peers_max - 1, wanted));
        let hosting = context.child("hosting").spawn(move |context| hosting.run(context, ordered));
        let network = network.start();
        started.send(Ok(())).ok();
        select! {
            _ = stopped => Ok(()),
            _ = engine => Err("the consensus engine ended by itself".to_owned()),
            _ = membership => Err("minding the connections ended by itself".to_owned()),
            _ = gossip => Err("passing on transactions ended by itself".to_owned()),
            _ = hosting => Err("minding the sidechains ended by itself".to_owned()),
            _ = network => Err("the network ended by itself".to_owned()),
        }
    }
}

type Handshake = Cups<Sake<PrivateKey>, ChaCha20Poly1305>;

fn network_config(
    config: &ConsensusConfig,
    signer: PrivateKey,
    peers_max: usize,
    rules: BlockRules,
) -> lookup::Config<Handshake> {
    let handshake = Sake {
        signer,
        synchrony_bound: config.clock_bound,
        max_handshake_age: config.clock_bound * 2,
        version: sake::Version::V1,
    };
    let message_bytes = engine::message_bytes_max(rules)
        .max(u32::try_from(gossip::GOSSIP_BYTES_MAX.max(LETTER_BYTES_MAX)).unwrap_or(u32::MAX))
        + PREFIXES_BYTES;
    let namespace = domain::domain(domain::Kind::Certificate, &rules.genesis) + "/p2p";
    lookup::Config {
        handshake: Cups::new(handshake, cups::Version::V1),
        namespace: namespace.into_bytes(),
        listen: config.listen,
        // Departments' networks are private. Who a peer is, its key says and not its address.
        allow_private_ips: true,
        allow_dns: true,
        bypass_ip_check: true,
        max_message_size: message_bytes,
        max_peers_per_set: NonZeroUsize::new(peers_max).unwrap_or(NonZeroUsize::MIN),
        mailbox_size: NZUsize!(1_024),
        send_batch_size: NZUsize!(8),
        handshake_timeout: DIAL_TIMEOUT,
        dial_timeout: DIAL_TIMEOUT,
        peer_connection_cooldown: Duration::from_secs(1),
        max_concurrent_handshakes: NZU32!(64),
        // Several validators may stand behind one address.
        allowed_handshake_rate_per_ip: Quota::per_second(NZU32!(32)),
        allowed_handshake_rate_per_subnet: Quota::per_second(NZU32!(64)),
        ping_frequency: Duration::from_secs(5),
        dial_frequency: Duration::from_millis(250),
        tracked_peer_sets: PEER_SETS,
        block_duration: Duration::from_secs(600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_written_as_key_and_address() {
        let key = Digest([7; 32]).to_string();
        for address in ["10.0.0.2:7171", "[::1]:7171", "node-2.interior.example:7171"] {
            let text = format!("{key}@{address}");
            let peer = Peer::from_str(&text).expect("a peer");
            assert_eq!((peer.key, peer.to_string()), ([7; 32], text));
        }
        for text in ["10.0.0.2:7171", "abc@10.0.0.2:1", &format!("{key}@10.0.0.2"), &format!("{key}@10.0.0.2:99999")] {
            assert!(Peer::from_str(text).is_err(), "{text}");
        }
    }
}
