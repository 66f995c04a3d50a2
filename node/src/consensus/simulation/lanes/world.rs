//! The nodes, their chains and their stores; starting, crashing, and standing still.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chancery_abi::{Address, Genesis, Name};
use chancery_runtime::{engine::Engine, state::MemoryBackend};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::simulated::{self, Link, Network, Oracle};
use commonware_runtime::{Clock as _, Handle, Quota, Spawner as _, Supervisor as _, deterministic};
use commonware_utils::{NZU32, NZUsize};
use ed25519_zebra::SigningKey;

use super::{
    books::{Books, Violation},
    carrier::{Carrier, Hostile, Tricks},
    storm::{genesis, public},
    terms::{self, Change, MEMBERS},
};
use crate::{
    chain::{ChainConfig, ChainService, ChainSet, FatalSignal},
    consensus::{
        ChainSide as _, Participation, Timing,
        block::BlockRules,
        certificate::{private_key, public_key},
        engine::{self, Channels, Parts},
        gossip,
        simulation::faults::{self, Choices, Fault},
    },
    fixture::{engine, name},
    metrics::Metrics,
};

pub(super) const NODES: usize = 5;
/// The mainchain's name.
pub(super) const MAIN: &str = "main";
/// Its sidechains'.
pub(super) const SIDES: [&str; 2] = ["alpha", "beta"];
const TIMING: Timing = Timing {
    heartbeat: Duration::from_millis(400),
    proposal_patience: Duration::from_millis(250),
    gather: Duration::from_millis(60),
    clock_tolerance: Duration::from_millis(500),
    fetch_timeout: Duration::from_millis(500),
};
/// A chain's channels: the engine's, and that of transactions.
const CHANNELS: u64 = 6;
const QUOTA: Quota = Quota::per_second(NZU32!(1_024));
/// How many members a sidechain loses that loses its quorum: one more than it bears.
const LOST: usize = 2;

pub(super) type Service = Arc<ChainService<MemoryBackend>>;

/// Whether a sidechain loses its quorum in a seed's run.
pub(super) fn loses_a_quorum(seed: u64) -> bool {
    seed.is_multiple_of(3)
}

/// The address of a chain's courier.
pub(super) fn courier(chain: &Name) -> Address {
    Address::of_contract(chain, &name("land"), &name("courier"))
}

/// All that outlives a loss of power.
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) choices: Choices,
    pub(super) keys: Vec<SigningKey>,
    pub(super) genesis: Genesis,
    engine: Arc<Engine>,
    stores: BTreeMap<(usize, Name), Arc<MemoryBackend>>,
    pub(super) books: Books,
    /// The node whose relay is hostile, and what that has done.
    hostile: usize,
    pub(super) tricks: Arc<Mutex<Tricks>>,
    /// The sidechain that has lost its quorum, and the nodes that do not run it any more.
    still: Option<(Name, Vec<usize>)>,
    pub(super) changes: Vec<Change>,
    pub(super) under_load: bool,
    pub(super) faults: Vec<Fault>,
}

/// A node that runs.
struct Node {
    chains: ChainSet<MemoryBackend>,
    engines: BTreeMap<Name, Handle<()>>,
    relay: Handle<()>,
}

/// What lasts until power is lost.
pub(super) struct Session {
    pub(super) context: deterministic::Context,
    oracle: Oracle<PublicKey, deterministic::Context>,
    peers: Vec<PublicKey>,
    nodes: Vec<Option<Node>>,
    starts: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut keys: Vec<_> = (1..=NODES as u8).map(|seed| SigningKey::from([seed; 32])).collect();
        keys.sort_by_key(public);
        let mut choices = Choices::new(seed);
        let hostile = choices.below(NODES);
        Self {
            seed,
            choices,
            genesis: genesis(&keys),
            keys,
            engine: engine(),
            stores: BTreeMap::new(),
            books: Books::default(),
            hostile,
            tricks: Arc::default(),
            still: None,
            changes: terms::changes(),
            under_load: false,
            faults: Vec::new(),
        }
    }

    /// Whether a chain has lost its quorum.
    pub(super) fn stands_still(&self, chain: &Name) -> bool {
        self.still.as_ref().is_some_and(|(still, _)| still == chain)
    }

    pub(super) async fn open(&mut self, context: deterministic::Context) -> Result<Session, Violation> {
        let rules = BlockRules { genesis: self.genesis.digest() };
        let own = |node: &SigningKey| public_key(&public(node)).expect("a key");
        let peers: Vec<PublicKey> = self.keys.iter().map(own).collect();
        let config = simulated::Config {
            max_size: engine::message_bytes_max(rules).max(gossip::GOSSIP_BYTES_MAX as u32),
            max_peers_per_set: NZUsize!(NODES),
            disconnect_on_block: true,
            tracked_peer_sets: NZUsize!(1),
        };
        let (network, oracle) = Network::new_with_peers(context.child("network"), config, peers.clone()).await;
        network.start();
        let mut session = Session { context, oracle, peers, nodes: (0..NODES).map(|_| None).collect(), starts: 0 };
        session.link(|_, _| Some(faults::good())).await;
        for place in 0..NODES {
            self.start(&mut session, place).await?;
        }
        Ok(session)
    }

    /// Starts a node: the mainchain, the sidechains that it knows of, and its relay.
    pub(super) async fn start(&mut self, session: &mut Session, place: usize) -> Result<(), Violation> {
        let main = self.open_chain(place, self.genesis.clone())?;
        let chains = ChainSet::of(Arc::clone(&main));
        let engine = self.take_part(session, place, 0, &main).await;
        let is_hostile = place == self.hostile;
        let hostile = is_hostile.then(|| Hostile::new(Choices::new(self.choices.next()), Arc::clone(&self.tricks)));
        let engines = BTreeMap::from([(self.genesis.chain.clone(), engine)]);
        let carrier = Carrier::new(main, chains.clone(), self.keys[place], hostile);
        let context = session.context.child("relay").with_attribute("start", session.starts);
        let relay = context.spawn(move |context| carrier.run(context));
        session.nodes[place] = Some(Node { chains, engines, relay });
        self.host(session, place).await
    }

    /// Starts the sidechains that a node's mainchain knows of and that do not run there yet.
    pub(super) async fn host(&mut self, session: &mut Session, place: usize) -> Result<(), Violation> {
        let Some(main) = session.chain(place, &self.genesis.chain) else { return Ok(()) };
        for (chain, sidechain) in main.sidechains().expect("memory is readable") {
            if session.chain(place, &chain).is_some() {
                continue;
            }
            let genesis = main.sidechain_genesis(&chain, &sidechain).expect("the registry's committee is one");
            let side = self.open_chain(place, genesis)?;
            side.follow_mainchain(Arc::clone(&main));
            let is_lost = |(still, lost): &(Name, Vec<usize>)| *still == chain && lost.contains(&place);
            let runs = !self.still.as_ref().is_some_and(is_lost);
            let engine = match runs {
                true => Some(self.take_part(session, place, sidechain.number.into(), &side).await),
                false => None,
            };
            if let Some(node) = &mut session.nodes[place] {
                node.engines.extend(engine.map(|engine| (chain, engine)));
                node.chains.insert(side);
            }
        }
        Ok(())
    }

    fn open_chain(&mut self, place: usize, genesis: Genesis) -> Result<Service, Violation> {
        let chain = genesis.chain.clone();
        let store = Arc::clone(self.stores.entry((place, chain.clone())).or_default());
        let (engine, metrics) = (Arc::clone(&self.engine), Metrics::new().chain(&chain));
        let config = ChainConfig::default();
        let opened = ChainService::open(store, None, engine, genesis, config, metrics, FatalSignal::new());
        let fatal = |reason: String| Violation::DoesNotOpen { chain, place, reason };
        opened.map(Arc::new).map_err(|error| fatal(error.to_string()))
    }

    /// A node's part in one chain: the engine, and passing on transactions.
    async fn take_part(&self, session: &mut Session, place: usize, number: u64, chain: &Service) -> Handle<()> {
        let control = session.oracle.control(session.peers[place].clone());
        let mut channels = Vec::new();
        for channel in 0..CHANNELS {
            let registered = control.register(number * CHANNELS + channel, QUOTA).await;
            channels.push(registered.expect("the network runs"));
        }
        let mut channels = channels.into_iter();
        let mut next = || channels.next().expect("as many as there are channels");
        let engine_channels =
            Channels { votes: next(), certificates: next(), views: next(), backfill: next(), blocks: next() };
        let transactions = next();
        let own_key = public(&self.keys[place]);
        let term = chain.terms().present();
        let participation = Arc::new(Participation::new(&term.committee, own_key, 0));
        let parts = Parts {
            side: Arc::clone(chain),
            backend: Arc::clone(chain.ledger().backend()),
            key: private_key(&self.keys[place].into()).expect("a key"),
            blocker: control,
            peers: session.oracle.manager(),
            timing: TIMING,
            participation: Arc::clone(&participation),
            files: format!("v{place}-{number}"),
            pages: engine::pages(),
        };
        session.starts += 1;
        let context = session.context.child("chain").with_attribute("start", session.starts);
        let source = Arc::clone(chain);
        context.spawn(move |context| async move {
            let engine = engine::start(context.child("engine"), parts, engine_channels).await;
            let gossip = gossip::start(context.child("gossip"), source, participation, transactions);
            engine.expect("its files are readable").await.ok();
            gossip.await.ok();
        })
    }

    /// A node loses power, with all that its stores had not synced.
    pub(super) async fn crash(&mut self, session: &mut Session, place: usize) {
        if let Some(Node { engines, relay, .. }) = session.nodes[place].take() {
            relay.abort();
            engines.values().for_each(Handle::abort);
        }
        // What was aborted is dropped when the runtime comes round to it.
        session.context.sleep(Duration::from_millis(20)).await;
        self.lose_what_is_not_synced(|of| of == place);
    }

    pub(super) fn lose_what_is_not_synced(&mut self, of: impl Fn(usize) -> bool) {
        for (_, store) in self.stores.iter().filter(|((place, _), _)| of(*place)) {
            store.crash(self.choices.below(2));
        }
    }

    /// A sidechain loses its quorum, and nothing else changes.
    pub(super) fn lose_quorum(&mut self, session: &mut Session) {
        let chain = name(SIDES[self.choices.below(SIDES.len())]);
        let Some(newest) = session.newest().remove(&chain) else { return };
        let (members, first) = (terms::members(&newest), self.choices.below(MEMBERS));
        let place_of = |member: usize| {
            let lost = members[(first + member) % members.len()];
            self.keys.iter().position(|node| public(node) == lost).expect("a member is a node")
        };
        let lost: Vec<usize> = (0..LOST).map(place_of).collect();
        for &place in &lost {
            if let Some(engine) = session.nodes[place].as_mut().and_then(|node| node.engines.remove(&chain)) {
                engine.abort();
            }
        }
        self.still = Some((chain, lost));
    }
}

impl Session {
    /// A node's chains, while it runs.
    pub(super) fn chains(&self, place: usize) -> Vec<Service> {
        self.nodes[place].as_ref().map_or_else(Vec::new, |node| node.chains.all())
    }

    /// A chain as a node has it.
    pub(super) fn chain(&self, place: usize, chain: &Name) -> Option<Service> {
        self.nodes[place].as_ref()?.chains.get(chain.as_str())
    }

    /// Every chain as the node has it that is furthest.
    pub(super) fn newest(&self) -> BTreeMap<Name, Service> {
        let mut newest: BTreeMap<Name, Service> = BTreeMap::new();
        for chain in (0..NODES).flat_map(|place| self.chains(place)) {
            let height = chain.ledger().tip().height;
            let name = chain.ledger().rules().name().clone();
            if newest.get(&name).is_none_or(|known| known.ledger().tip().height < height) {
                newest.insert(name, chain);
            }
        }
        newest
    }

    pub(super) async fn link(&self, link: impl Fn(usize, usize) -> Option<Link>) {
        faults::relink(&self.oracle, &self.peers, link).await;
    }
}
