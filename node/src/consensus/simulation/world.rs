//! The simulated world: validators, their stores and network, the load, and the run from beginning to judgement.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use chancery_abi::{Address, Call, Deploy, Digest, Genesis, Payload, Transaction};
use chancery_runtime::engine::Engine;
use commonware_codec::Encode as _;
use commonware_consensus::{
    simplex::{
        scheme::ed25519::Scheme,
        types::{Notarize, Proposal, Vote},
    },
    types::{Epoch, Round, View},
};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{
    Recipients, Sender as _,
    simulated::{self, Link, Network, Oracle},
};
use commonware_runtime::{Clock as _, Handle, Quota, Spawner as _, Supervisor as _, deterministic};
use commonware_utils::{NZU32, NZUsize};
use ed25519_zebra::{SigningKey, VerificationKey};
use parity_scale_codec::Encode as _;

use super::{
    changes::Changes,
    doubles::{Double, SimSide, SimStore},
    faults::{self, Choices, Fault},
    judge::{self, Violation},
    rotations::{self, Ear, Overheard, Signed},
};
use crate::{
    chain::{ChainConfig, ChainService, FatalSignal, RegistryBoard},
    consensus::{
        ChainSide as _, Participation, Timing,
        block::{BlockRules, ChainBlock, engine_digest},
        certificate::{namespace, participants, private_key, public_key},
        engine::{self, Channels, Parts},
        gossip, threshold,
    },
    fixture::{Account, GENESIS_TIME_MS, deployer, engine, genesis_of, ident, name},
    metrics::Metrics,
};

pub(super) const VALIDATORS: usize = 4;
const TIMING: Timing = Timing {
    heartbeat: Duration::from_millis(250),
    proposal_patience: Duration::from_millis(250),
    gather: Duration::from_millis(60),
    clock_tolerance: Duration::from_millis(500),
    fetch_timeout: Duration::from_millis(500),
};
/// How long each fault lasts, and how long all is well after it.
const FAULT_LASTS: Duration = Duration::from_millis(2_500);
const HEALED_FOR: Duration = Duration::from_millis(1_500);
/// A transaction is handed in this often.
const LOAD_EVERY: Duration = Duration::from_millis(120);
/// The channels of the engine, of transactions, and of partial signatures.
const CHANNELS: u64 = 7;
const SLOW_HEARTBEAT: Duration = Duration::from_millis(1_000);
const QUOTA: Quota = Quota::per_second(NZU32!(1_024));

/// What was acknowledged, and by whom.
pub(super) type Acknowledged = BTreeMap<Digest, usize>;

/// What a run came to.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) height: u64,
    pub(super) epoch: u64,
    pub(super) acknowledged: usize,
    pub(super) faults: Vec<Fault>,
    /// A digest over everything that the runtime did and the chain that came of it.
    pub(super) trace: String,
}

/// All that outlives a loss of power.
pub(super) struct World {
    seed: u64,
    pub(super) choices: Choices,
    double: Option<Double>,
    pub(super) keys: Vec<SigningKey>,
    pub(super) genesis: Genesis,
    engine: Arc<Engine>,
    pub(super) stores: Vec<Arc<SimStore>>,
    clerks: Vec<Clerk>,
    pub(super) acknowledged: Acknowledged,
    waiting: Vec<Digest>,
    pub(super) under_load: bool,
    faults: Vec<Fault>,
    /// How its committee changes, where it does.
    pub(super) changes: Option<Changes>,
    /// Whether validators hold a threshold key. Then nobody files anything, and an idle chain's blocks come slowly, because
    /// every block's beacon costs real time.
    holds_key: bool,
    /// With which threshold keys anyone signed.
    pub(super) signed: Signed,
}

/// An account that files evidence.
pub(super) struct Clerk {
    pub(super) account: Account,
    pub(super) nonce: u64,
}

impl Clerk {
    pub(super) fn sign(&mut self, genesis: &Genesis, payload: Payload) -> Transaction {
        self.nonce += 1;
        self.account.send_on(genesis, self.nonce - 1, payload)
    }
}

type Running = (SimSide, Handle<()>);
type SimOracle = Oracle<PublicKey, deterministic::Context>;

/// What lasts until power is lost.
pub(super) struct Session {
    pub(super) context: deterministic::Context,
    oracle: SimOracle,
    peers: Vec<PublicKey>,
    pub(super) running: Vec<Option<Running>>,
    starts: u64,
}

/// The Wasm of a contract that `scripts/contracts.sh` compiled.
pub(super) fn contract(name: &str) -> Vec<u8> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("../target"), PathBuf::from);
    let file = target.join("contracts").join(format!("{name}.wasm"));
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}; run scripts/contracts.sh", file.display()))
}

fn call(method: &str, input: Vec<u8>) -> Payload {
    call_of(Address::of_contract(&name("main"), &name("land"), &name("evidence")), method, input)
}

pub(super) fn call_of(contract: Address, method: &str, input: Vec<u8>) -> Payload {
    Payload::Call(Call { contract, method: ident(method), input })
}

impl World {
    /// A world of validators; one whose committee `changes` has a registry and one node more.
    pub(super) fn new(seed: u64, double: Option<Double>, changes: bool) -> Self {
        let nodes = VALIDATORS + usize::from(changes);
        let mut keys: Vec<_> = (1..=nodes as u8).map(|seed| SigningKey::from([seed; 32])).collect();
        keys.sort_by_key(|key| <[u8; 32]>::from(VerificationKey::from(key)));
        let genesis = if changes { Changes::genesis(&keys) } else { genesis_of(&keys) };
        let store = |place: usize| {
            // One validator has the mistake; a committee that is counted short is everybody's.
            let own = double.filter(|double| place == 0 || *double == Double::CountsShort);
            Arc::new(SimStore::new(own))
        };
        let clerks =
            (0..8).map(|n| Clerk { account: if n == 0 { deployer() } else { Account::new(100 + n) }, nonce: 0 });
        Self {
            seed,
            choices: Choices::new(seed),
            double,
            engine: engine(),
            stores: (0..nodes).map(store).collect(),
            clerks: clerks.collect(),
            acknowledged: Acknowledged::new(),
            waiting: Vec::new(),
            under_load: false,
            faults: Vec::new(),
            changes: changes.then(|| Changes::new(&keys)),
            holds_key: false,
            signed: Signed::default(),
            genesis,
            keys,
        }
    }

    /// A world whose committee changes and holds a threshold key.
    pub(super) fn with_key(seed: u64) -> Self {
        Self { holds_key: true, ..Self::new(seed, None, true) }
    }

    /// A world whose committee holds a threshold key and may soon rotate it.
    pub(super) fn with_rotations(seed: u64) -> Self {
        let world = Self::new(seed, None, false);
        Self { holds_key: true, genesis: rotations::genesis(&world.keys), ..world }
    }

    fn timing(&self) -> Timing {
        if self.holds_key { Timing { heartbeat: SLOW_HEARTBEAT, ..TIMING } } else { TIMING }
    }

    /// Runs to the end.
    pub(super) fn run(mut self) -> Result<Report, Violation> {
        let order = self.choices.shuffled();
        let power_loss = order.iter().position(|fault| *fault == Fault::PowerLoss).unwrap_or(order.len());
        let (before, after) = (order[..power_loss].to_vec(), order[power_loss + 1..].to_vec());
        let config = deterministic::Config::default()
            .with_seed(self.seed)
            // The genesis' time and a day: a network begins after its genesis.
            .with_start_time(UNIX_EPOCH + Duration::from_millis(GENESIS_TIME_MS) + Duration::from_secs(86_400));
        let (first, checkpoint) = deterministic::Runner::new(config).start_and_recover(|context| async {
            let mut session = self.open(context).await?;
            self.warm_up(&mut session).await?;
            self.go_through(&mut session, &before).await
        });
        first?;
        self.faults.push(Fault::PowerLoss);
        // What the chain's stores had not synced is gone, as is what the engine's files had not.
        for store in &self.stores {
            store.memory.crash(self.choices.below(2));
        }
        let (second, _) = deterministic::Runner::from(checkpoint).start_and_recover(|context| async {
            let mut session = self.open(context).await?;
            self.wait(&session, HEALED_FOR).await?;
            self.go_through(&mut session, &after).await?;
            self.conclude(&mut session).await
        });
        second
    }
}

impl World {
    pub(super) async fn open(&mut self, context: deterministic::Context) -> Result<Session, Violation> {
        let rules = BlockRules { genesis: self.genesis.digest() };
        let own = |key: &SigningKey| public_key(&VerificationKey::from(key).into()).expect("a key");
        let peers: Vec<PublicKey> = self.keys.iter().map(own).collect();
        let largest = engine::message_bytes_max(rules).max(gossip::GOSSIP_BYTES_MAX as u32);
        let config = simulated::Config {
            max_size: largest,
            max_peers_per_set: NZUsize!(VALIDATORS + 1),
            disconnect_on_block: true,
            tracked_peer_sets: NZUsize!(1),
        };
        let (network, oracle) = Network::new_with_peers(context.child("network"), config, peers.clone()).await;
        network.start();
        let mut session =
            Session { context, oracle, peers, running: self.keys.iter().map(|_| None).collect(), starts: 0 };
        session.link(|_, _| Some(faults::good())).await;
        for place in 0..self.keys.len() {
            self.start(&mut session, place).await?;
        }
        Ok(session)
    }

    pub(super) async fn start(&self, session: &mut Session, place: usize) -> Result<(), Violation> {
        let fatal = |reason: String| Violation::DoesNotOpen { place, reason };
        let store = Arc::clone(&self.stores[place]);
        let (engine, genesis) = (Arc::clone(&self.engine), self.genesis.clone());
        let metrics = Metrics::new().chain(&genesis.chain);
        let chain = ChainService::open(
            Arc::clone(&store),
            None,
            engine,
            genesis,
            ChainConfig::default(),
            metrics,
            FatalSignal::new(),
        );
        let chain = Arc::new(chain.map_err(|error| fatal(error.to_string()))?);
        let half = if place < 2 { 0..2 } else { 2..4 };
        let double = self.double.filter(|double| place == 0 || *double == Double::CountsShort);
        let side = SimSide::new(chain, &self.genesis.committee.keys()[half], double);
        let control = session.oracle.control(session.peers[place].clone());
        let mut channels = Vec::new();
        for channel in 0..CHANNELS {
            channels.push(control.register(channel, QUOTA).await.map_err(|error| fatal(error.to_string()))?);
        }
        let mut channels = channels.into_iter();
        let mut next = || channels.next().expect("as many as there are channels");
        let engine_channels =
            Channels { votes: next(), certificates: next(), views: next(), backfill: next(), blocks: next() };
        let (transactions, partials) = (next(), next());
        let own_key = VerificationKey::from(&self.keys[place]).into();
        let participation = Arc::new(Participation::new(&self.genesis.committee, own_key, 0));
        let parts = Parts {
            side: side.clone(),
            backend: store,
            key: private_key(&self.keys[place].into()).expect("a key"),
            blocker: control,
            peers: session.oracle.manager(),
            timing: self.timing(),
            participation: Arc::clone(&participation),
            files: format!("v{place}"),
            pages: engine::pages(),
        };
        session.starts += 1;
        let context = session.context.child("validator").with_attribute("start", session.starts);
        let source = side.clone();
        let (key, files) = (private_key(&self.keys[place].into()).expect("a key"), format!("v{place}"));
        let board = self.holds_key.then(|| RegistryBoard::new(Arc::clone(&side.chain), self.keys[place]));
        let signed = self.signed.clone();
        let handle = context.spawn(move |context| async move {
            let engine = engine::start(context.child("engine"), parts, engine_channels).await;
            let gossip = gossip::start(context.child("gossip"), source, participation, transactions);
            let _threshold = board.map(|board| {
                let (sender, receiver) = partials;
                let sender = Overheard { inner: sender, ear: Ear { place, board: board.clone(), signed } };
                threshold::start(context.child("threshold"), board, key, files, (sender, receiver))
            });
            if let Ok(engine) = engine {
                engine.await.ok();
            }
            gossip.await.ok();
        });
        session.running[place] = Some((side, handle));
        Ok(())
    }

    /// The contract is deployed, and everyone who files may do so, before anything goes wrong.
    async fn warm_up(&mut self, session: &mut Session) -> Result<(), Violation> {
        let (department, evidence_name) = (name("land"), name("evidence"));
        let input = self.clerks[0].account.address().encode();
        let deploy = Payload::Deploy(Deploy { department, name: evidence_name, code: contract("evidence"), input });
        let deploy = self.clerks[0].sign(&self.genesis, deploy);
        self.hand_in(session, 0, deploy);
        for clerk in 0..self.clerks.len() {
            let address = self.clerks[clerk].account.address();
            let appoint = self.clerks[0].sign(&self.genesis, call("appoint", (address, "registry").encode()));
            self.hand_in(session, 0, appoint);
        }
        for _ in 0..200 {
            self.wait(session, Duration::from_millis(100)).await?;
            if self.waiting.is_empty() {
                self.under_load = true;
                return Ok(());
            }
        }
        Err(self.no_progress(session, "warming up", Vec::new()))
    }

    pub(super) fn hand_in(&mut self, session: &Session, place: usize, transaction: Transaction) -> Option<Digest> {
        let (side, _) = session.running[place].as_ref()?;
        let digest = transaction.digest(&self.genesis.digest());
        // What is not taken is the sender's to hand in again.
        side.chain.submit(transaction).ok()?;
        self.waiting.push(digest);
        Some(digest)
    }

    /// Some clerk files something somewhere.
    fn load(&mut self, session: &Session) {
        let place = self.choices.below(VALIDATORS);
        let clerk = 1 + self.choices.below(self.clerks.len() - 1);
        let Some((side, _)) = &session.running[place] else { return };
        let evidence = Digest::of(&self.choices.next().to_le_bytes());
        let address = self.clerks[clerk].account.address();
        // As a client does: ask for the nonce that is next.
        let (_, next) = side.chain.account_nonces(&address).expect("memory is readable");
        self.clerks[clerk].nonce = next;
        let file = self.clerks[clerk].sign(&self.genesis, call("file", (evidence, "2026-0001").encode()));
        self.hand_in(session, place, file);
    }

    /// Lets time pass under load, looks at what was acknowledged, and that all is well.
    pub(super) async fn wait(&mut self, session: &Session, time: Duration) -> Result<(), Violation> {
        let end = session.context.current() + time;
        while session.context.current() < end {
            session.context.sleep(LOAD_EVERY).await;
            if self.under_load {
                if !self.holds_key {
                    self.load(session);
                }
                self.change(session);
            }
            let sides = session.sides();
            judge::still_run(&sides)?;
            let acknowledged = &mut self.acknowledged;
            self.waiting.retain(|digest| {
                let has = |side: &SimSide| side.chain.ledger().db().receipt(digest).expect("readable").is_some();
                match sides.iter().position(|side| side.as_ref().is_some_and(has)) {
                    Some(by) => acknowledged.insert(*digest, by).is_some(),
                    None => true,
                }
            });
        }
        Ok(())
    }

    async fn go_through(&mut self, session: &mut Session, faults: &[Fault]) -> Result<(), Violation> {
        for fault in faults {
            self.faults.push(*fault);
            let odd = self.choices.below(VALIDATORS);
            self.go_wrong(session, *fault, odd).await?;
            session.link(|_, _| Some(faults::good())).await;
            self.wait(session, HEALED_FOR).await?;
        }
        Ok(())
    }

    async fn go_wrong(&mut self, session: &mut Session, fault: Fault, odd: usize) -> Result<(), Violation> {
        match fault {
            Fault::Loss | Fault::Slow => {
                session.link(|_, _| faults::under(fault)).await;
                self.wait(session, FAULT_LASTS).await
            }
            Fault::Halves | Fault::Alone | Fault::Mute => {
                session.link(|from, to| (!faults::is_cut(fault, odd, from, to)).then(faults::good)).await;
                self.wait(session, FAULT_LASTS).await
            }
            Fault::Declining => {
                let declines = session.running[odd].as_ref().map(|(side, _)| Arc::clone(&side.declines));
                declines.iter().for_each(|declines| declines.store(true, Ordering::SeqCst));
                let waited = self.wait(session, FAULT_LASTS).await;
                declines.iter().for_each(|declines| declines.store(false, Ordering::SeqCst));
                waited
            }
            Fault::Crash => {
                self.crash(session, odd).await;
                self.wait(session, FAULT_LASTS).await?;
                self.start(session, odd).await
            }
            Fault::Garbage | Fault::Equivocation => {
                self.crash(session, odd).await;
                let liar = self.liar(session, fault, odd).await;
                let waited = self.wait(session, FAULT_LASTS).await;
                liar.abort();
                session.forgive(odd).await;
                waited?;
                self.start(session, odd).await
            }
            // The run itself loses power.
            Fault::PowerLoss => Ok(()),
        }
    }

    pub(super) async fn crash(&mut self, session: &mut Session, place: usize) {
        if let Some((_, handle)) = session.running[place].take() {
            handle.abort();
        }
        // What was aborted is dropped when the runtime comes round to it.
        session.context.sleep(Duration::from_millis(20)).await;
        self.stores[place].memory.crash(self.choices.below(2));
    }

    /// Someone who has a validator's key and place, and does as it likes.
    async fn liar(&mut self, session: &Session, fault: Fault, odd: usize) -> Handle<()> {
        let control = session.oracle.control(session.peers[odd].clone());
        let mut senders = Vec::new();
        for channel in 0..CHANNELS {
            senders.push(control.register(channel, QUOTA).await.expect("the network runs").0);
        }
        let others: Vec<usize> = (0..VALIDATORS).filter(|place| *place != odd).collect();
        let peers = session.peers.clone();
        let mut choices = Choices::new(self.choices.next());
        let sides: Vec<SimSide> = session.sides().into_iter().flatten().collect();
        let (key, genesis) = (self.keys[odd], self.genesis.clone());
        session.context.child("liar").spawn(move |context| async move {
            let mut lied_on = Digest::default();
            loop {
                context.sleep(Duration::from_millis(15)).await;
                if fault == Fault::Garbage {
                    let bytes: Vec<u8> = (0..choices.below(300)).map(|_| choices.next() as u8).collect();
                    let channel = choices.below(senders.len());
                    senders[channel].send(Recipients::All, Bytes::from(bytes), false);
                    continue;
                }
                let side = &sides[0];
                let tip = side.chain.ledger().tip();
                let own = side.chain.ledger().db().certificate(tip.height).expect("memory is readable");
                let Some(certificate) = own.filter(|certificate| tip.header == certificate.header) else { continue };
                if tip.epoch > 0 {
                    continue;
                }
                let view = certificate.view + 1;
                if tip.header == lied_on || view as usize % VALIDATORS != odd {
                    continue;
                }
                lied_on = tip.header;
                let now_ms = super::super::delivery::clock_ms(&context);
                for (time, to) in [(now_ms, &others[..1]), (now_ms + 1, &others[1..])] {
                    let proposer = VerificationKey::from(&key).into();
                    let Ok(block) = side.build(&tip.header, proposer, time) else { continue };
                    let block = ChainBlock::new(block, BlockRules { genesis: genesis.digest() });
                    let digest = engine_digest(&block.own_digest());
                    let round = Round::new(Epoch::zero(), View::new(view));
                    let proposal = Proposal::new(round, View::new(certificate.view), digest);
                    let committee = participants(&genesis.committee).expect("keys");
                    let signer = private_key(&key.into()).expect("a key");
                    let scheme = Scheme::signer(&namespace(&genesis.digest()), committee, signer).expect("a member");
                    let vote = Vote::<Scheme, _>::Notarize(Notarize::sign(&scheme, proposal).expect("it signs"));
                    let to = Recipients::Some(to.iter().map(|place| peers[*place].clone()).collect());
                    senders[4].send(to.clone(), block.encode(), true);
                    // Votes go by terms, and this is the first.
                    senders[0].send(to, Bytes::from([&[0][..], &vote.encode()].concat()), true);
                }
            }
        })
    }

    async fn conclude(&mut self, session: &mut Session) -> Result<Report, Violation> {
        let before = session.heights();
        let patience = TIMING.leader_timeout() * 10;
        let end = session.context.current() + patience;
        loop {
            self.wait(session, Duration::from_millis(100)).await?;
            let (heights, highest) = (session.heights(), before.iter().max().copied().unwrap_or(0));
            if heights.iter().all(|height| *height > highest + 1) {
                break;
            }
            if session.context.current() > end {
                return Err(self.no_progress(session, "all faults", before));
            }
        }
        // Enough blocks for a verdict that means something.
        while session.heights().iter().any(|height| *height < 200) || !self.has_changed_enough(session) {
            self.wait(session, Duration::from_millis(500)).await?;
        }
        // Nothing new comes in, and all that is final reaches everyone.
        session.context.sleep(Duration::from_secs(3)).await;
        let sides = session.sides();
        judge::still_run(&sides)?;
        let chain = judge::one_chain(&sides)?;
        judge::one_anchor_leads_to_all(&sides)?;
        judge::nothing_lost(&sides, &self.acknowledged)?;
        let height = chain.keys().last().copied().unwrap_or(0);
        let chain: Vec<u8> = chain.values().flat_map(|digest| digest.0).collect();
        let epoch = sides.iter().flatten().map(|side| side.chain.ledger().tip().epoch).max().unwrap_or(0);
        Ok(Report {
            height,
            epoch,
            acknowledged: self.acknowledged.len(),
            faults: self.faults.clone(),
            trace: format!("{} {}", session.context.auditor().state(), Digest::of(&chain)),
        })
    }

    fn no_progress(&self, session: &Session, faults: &str, before: Vec<u64>) -> Violation {
        let faults = format!("{faults} ({:?})", self.faults);
        Violation::NoProgress { faults, before, heights: session.heights() }
    }
}

impl Session {
    pub(super) fn sides(&self) -> Vec<Option<SimSide>> {
        self.running.iter().map(|running| running.as_ref().map(|(side, _)| side.clone())).collect()
    }

    pub(super) fn heights(&self) -> Vec<u64> {
        self.sides().iter().flatten().map(|side| side.final_height()).collect()
    }

    /// Makes every link what `link` says of it; none where it is cut.
    async fn link(&self, link: impl Fn(usize, usize) -> Option<Link>) {
        faults::relink(&self.oracle, &self.peers, link).await;
    }

    /// Whoever was shut out for lying is let in again.
    async fn forgive(&self, odd: usize) {
        for other in &self.peers {
            self.oracle.unblock(other.clone(), self.peers[odd].clone()).await.ok();
        }
    }
}
