//! Two chains over one network, in the same processes, with committees that overlap: each goes its own way, hears nobody
//! who is not of it, and does not notice when the other halts.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use chancery_abi::{Committee, Genesis};
use chancery_runtime::state::MemoryBackend;
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{
    Receiver as _, Recipients, Sender as _,
    simulated::{self, Network, Oracle},
};
use commonware_runtime::{Clock as _, Handle, Quota, Runner as _, Spawner as _, Supervisor as _, deterministic};
use commonware_utils::{NZU32, NZUsize};
use ed25519_zebra::{SigningKey, VerificationKey};

use super::faults;
use crate::{
    chain::{ChainConfig, ChainService, FatalSignal},
    consensus::{
        ChainSide as _, Participation, Timing,
        audience::Audience,
        block::BlockRules,
        certificate::{private_key, public_key},
        engine::{self, Channels, Parts},
    },
    fixture::{GENESIS_TIME_MS, engine, genesis_of, name},
    metrics::Metrics,
};

const TIMING: Timing = Timing {
    heartbeat: Duration::from_millis(250),
    proposal_patience: Duration::from_millis(250),
    gather: Duration::from_millis(60),
    clock_tolerance: Duration::from_millis(500),
    fetch_timeout: Duration::from_millis(500),
};
pub(super) const QUOTA: Quota = Quota::per_second(NZU32!(1_024));
const CHANNELS: u64 = 5;
/// Which of them a node that lacks blocks asks on.
pub(super) const BACKFILL: u64 = 3;

type Side = Arc<ChainService<MemoryBackend>>;
type SimOracle = Oracle<PublicKey, deterministic::Context>;

pub(super) struct Chains {
    pub(super) context: deterministic::Context,
    pub(super) oracle: SimOracle,
    keys: Vec<SigningKey>,
    pub(super) peers: Vec<PublicKey>,
    /// Who is of the first chain's audience besides its committee.
    pub(super) guest: Option<usize>,
    /// What came on a chain's channels to a node that is not of it, by chain.
    strays: [Arc<AtomicU64>; 2],
    pub(super) running: BTreeMap<(usize, usize), (Side, Handle<()>)>,
}

/// Of five nodes, the first four serve the first chain and the last four the second.
fn serves(chain: usize, place: usize) -> bool {
    (chain..chain + 4).contains(&place)
}

impl Chains {
    /// A network of five nodes that run nothing.
    pub(super) async fn network(context: deterministic::Context) -> Self {
        let mut keys: Vec<_> = (1..=5u8).map(|seed| SigningKey::from([seed; 32])).collect();
        keys.sort_by_key(|key| <[u8; 32]>::from(VerificationKey::from(key)));
        let peer = |key: &SigningKey| public_key(&VerificationKey::from(key).into()).expect("a key");
        let peers: Vec<PublicKey> = keys.iter().map(peer).collect();
        let config = simulated::Config {
            max_size: engine::message_bytes_max(BlockRules { genesis: genesis_of(&keys).digest() }),
            max_peers_per_set: NZUsize!(5),
            disconnect_on_block: true,
            tracked_peer_sets: NZUsize!(1),
        };
        let (network, oracle) = Network::new_with_peers(context.child("network"), config, peers.clone()).await;
        network.start();
        for from in &peers {
            for to in peers.iter().filter(|to| *to != from) {
                oracle.add_link(from.clone(), to.clone(), faults::good()).await.expect("both are there");
            }
        }
        Self { context, oracle, keys, peers, guest: None, strays: Default::default(), running: BTreeMap::new() }
    }

    async fn open(context: deterministic::Context) -> Self {
        let mut chains = Self::network(context).await;
        for chain in 0..2 {
            for place in 0..5 {
                if serves(chain, place) { chains.start(chain, place).await } else { chains.listen(chain, place).await }
            }
        }
        chains
    }

    fn genesis(&self, chain: usize) -> Genesis {
        let of_chain = &self.keys[chain..chain + 4];
        let committee = of_chain.iter().map(|key| VerificationKey::from(key).into()).collect();
        let committee = Committee::new(committee).expect("a committee");
        Genesis { chain: name(["main", "evidence"][chain]), committee, ..genesis_of(of_chain) }
    }

    /// A node's part in one chain.
    pub(super) async fn start(&mut self, chain: usize, place: usize) {
        let genesis = self.genesis(chain);
        let backend = Arc::new(MemoryBackend::new());
        let metrics = Metrics::new().chain(&genesis.chain);
        let own_key = VerificationKey::from(&self.keys[place]).into();
        let participation = Arc::new(Participation::new(&genesis.committee, own_key, 0));
        let config = ChainConfig::default();
        let store = Arc::clone(&backend);
        let side = ChainService::open(store, None, engine(), genesis, config, metrics, FatalSignal::new());
        let side = Arc::new(side.expect("it opens"));
        let control = self.oracle.control(self.peers[place].clone());
        let audience = Audience::default();
        let guest = self.guest.filter(|_| chain == 0);
        audience.set((chain..chain + 4).chain(guest).map(|of| self.peers[of].clone()));
        let mut channels = Vec::new();
        for channel in 0..CHANNELS {
            let registered = control.register(chain as u64 * CHANNELS + channel, QUOTA).await;
            channels.push(audience.only(registered.expect("the network runs")));
        }
        let mut channels = channels.into_iter();
        let mut next = || channels.next().expect("as many as there are channels");
        let channels =
            Channels { votes: next(), certificates: next(), views: next(), backfill: next(), blocks: next() };
        let parts = Parts {
            side: Arc::clone(&side),
            backend,
            key: private_key(&self.keys[place].into()).expect("a key"),
            blocker: control,
            peers: self.oracle.manager(),
            timing: TIMING,
            participation,
            files: format!("v{place}-{chain}"),
            pages: engine::pages(),
        };
        let context = self.context.child("validator").with_attribute("chain", chain).with_attribute("place", place);
        let handle = context.spawn(move |context| async move {
            engine::start(context.child("engine"), parts, channels).await.expect("it starts").await.ok();
        });
        self.running.insert((chain, place), (side, handle));
    }

    /// Counts what reaches a node on the channels of a chain that it is not of, and talks to that chain's nodes on them.
    async fn listen(&mut self, chain: usize, place: usize) {
        let control = self.oracle.control(self.peers[place].clone());
        for channel in 0..CHANNELS {
            let registered = control.register(chain as u64 * CHANNELS + channel, QUOTA).await;
            let (mut sender, mut receiver) = registered.expect("the network runs");
            let heard = Arc::clone(&self.strays[chain]);
            self.context.child("listener").spawn(move |_| async move {
                while receiver.recv().await.is_ok() {
                    heard.fetch_add(1, Ordering::Relaxed);
                }
            });
            self.context.child("talker").spawn(move |context| async move {
                loop {
                    // A vote of somebody of no committee, or what looks like the beginning of one.
                    sender.send(Recipients::All, Bytes::from_static(&[0, 1, 2, 3]), false);
                    context.sleep(Duration::from_millis(100)).await;
                }
            });
        }
    }

    fn heights(&self, chain: usize) -> Vec<u64> {
        let of_chain = self.running.iter().filter(|((of, _), _)| *of == chain);
        of_chain.map(|(_, (side, _))| side.final_height()).collect()
    }

    pub(super) async fn until(&self, chain: usize, height: u64) {
        let end = self.context.current() + Duration::from_secs(120);
        while self.heights(chain).iter().any(|reached| *reached < height) {
            assert!(self.context.current() < end, "chain {chain} is at {:?}, not at {height}", self.heights(chain));
            self.context.sleep(Duration::from_millis(100)).await;
        }
    }
}

#[test]
fn two_chains_share_a_network_and_nothing_else() {
    let start = UNIX_EPOCH + Duration::from_millis(GENESIS_TIME_MS) + Duration::from_secs(86_400);
    let config = deterministic::Config::default().with_seed(7).with_start_time(start);
    deterministic::Runner::new(config).start(|context| async {
        let mut chains = Chains::open(context).await;
        chains.until(0, 10).await;
        chains.until(1, 10).await;
        // Nodes 1 to 3 are of both, and what they make of each is that chain's own.
        let digests = [0, 1].map(|chain| chains.running[&(chain, 2)].0.digest_at(5).expect("it is final"));
        assert_ne!(digests[0], digests[1]);
        for (chain, digest) in digests.iter().enumerate() {
            for place in (0..5).filter(|place| serves(chain, *place)) {
                assert_eq!(chains.running[&(chain, place)].0.digest_at(5).as_ref(), Some(digest), "{chain} {place}");
            }
        }
        // One chain loses its quorum: the other does not notice.
        for place in [3, 4] {
            chains.running.remove(&(1, place)).expect("it runs").1.abort();
        }
        chains.context.sleep(Duration::from_secs(2)).await;
        let (halted, height) = (chains.heights(1), chains.heights(0).into_iter().max().unwrap_or(0));
        chains.until(0, height + 20).await;
        assert_eq!(chains.heights(1), halted, "two of four cannot agree");
        let heard = chains.strays.each_ref().map(|heard| heard.load(Ordering::Relaxed));
        assert_eq!(heard, [0, 0], "a node heard of a chain that it is not of");
        let views = chains.running.values().map(|(side, _)| side.halted().is_some()).filter(|halted| *halted);
        assert_eq!(views.count(), 0);
    });
}
