//! Two nodes that follow one mainchain, each with a sidechain of its own: neither has both ends of the lanes between those.
//! Blocks are made and certified here in the place of an engine, with the chains' own services; letters go from relay to
//! relay as a test lets them.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use chancery_abi::{
    Call, Certificate, Deploy, Digest, Genesis, Outcome, VoteSignature,
    lane::slots,
    message::{Message, MessageBody},
    slot::push_field,
};
use chancery_runtime::{
    engine::Engine,
    execution::lanes,
    state::{MemoryBackend, StateConfig},
    storage::{Column, Durability, WriteBatch},
};
use parity_scale_codec::{Decode as _, Encode as _};

use super::{
    exchange::{Answer, Question, Said, What},
    proofs::prove,
    *,
};
use crate::{
    chain::{ChainConfig, FatalSignal, PlannedDepartment, RegistryPlan},
    consensus::{ChainSide as _, Committed, TransactionSource as _},
    fixture::{GENESIS_TIME_MS, engine, genesis_of, ident, name},
    metrics::Metrics,
    store::{chain_db, disk_format},
};

type Service = Arc<ChainService<MemoryBackend>>;

const DAY_MS: u64 = 86_400_000;
const STEP_MS: u64 = 100;
/// An idle chain makes a block this often.
const HEARTBEAT_MS: u64 = 1_000;
const ANCHOR_MS: u64 = 2_000;
/// Steps within which something must be so.
const STEPS_MAX: usize = 900;
const GAS: u64 = 4_000_000_000;
const SEND_GAS: u64 = 500_000_000;
/// The variants of the registry's `Measure` that found a department, found a chain and retire it.
const FOUND_DEPARTMENT: u8 = 0;
const FOUND_CHAIN: u8 = 21;
const RETIRE_CHAIN: u8 = 22;

fn administrator() -> SigningKey {
    SigningKey::from([50; 32])
}

fn public(key: &SigningKey) -> [u8; 32] {
    VerificationKey::from(key).into()
}

fn address(key: &SigningKey) -> Address {
    Address::of_key(Scheme::Ed25519, &public(key))
}

fn courier(chain: &Name) -> Address {
    Address::of_contract(chain, &name("land"), &name("courier"))
}

fn call(contract: Address, method: &str, input: Vec<u8>) -> Payload {
    Payload::Call(Call { contract, method: ident(method), input })
}

fn contract() -> Vec<u8> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("../target"), PathBuf::from);
    let file = target.join("contracts/courier.wasm");
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}; run scripts/contracts.sh", file.display()))
}

/// What becomes of the answers on their way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Post {
    Honest,
    /// So many are changed.
    Lies(usize),
    /// Those with messages are lost.
    LosesMessages,
}

struct Node {
    key: SigningKey,
    main: Service,
    chains: ChainSet<MemoryBackend>,
    relay: Relay<MemoryBackend>,
}

struct World {
    nodes: Vec<Node>,
    engine: Arc<Engine>,
    now_ms: u64,
    post: Post,
    /// A chain that makes no blocks for now.
    still: Option<Name>,
    /// Answers that went on their way.
    answers: usize,
}

impl World {
    /// Both nodes certify the mainchain; the first certifies alpha, the second beta, each with a courier that has points.
    fn new() -> Self {
        let keys: Vec<SigningKey> = [1, 2].map(|seed| SigningKey::from([seed; 32])).to_vec();
        let plan = RegistryPlan::trial(vec![PlannedDepartment {
            name: name("land"),
            title: "land".to_owned(),
            administrators: vec![address(&administrator())],
            nodes: keys.iter().map(|key| (public(key), public(&administrator()))).collect(),
            deployers: vec![address(&administrator())],
        }]);
        let registry = plan.setup(&name("main"), GENESIS_TIME_MS);
        let genesis = Genesis { departments: Vec::new(), registry: Some(registry), ..genesis_of(&keys) };
        let engine = engine();
        let node = |key: SigningKey| {
            let main = open(&engine, genesis.clone());
            let chains = ChainSet::of(Arc::clone(&main));
            Node { key, relay: Relay::new(Arc::clone(&main), chains.clone(), key), main, chains }
        };
        let nodes = keys.into_iter().map(node).collect();
        // The genesis' time and a day: a network begins after its genesis.
        let now_ms = GENESIS_TIME_MS + DAY_MS;
        let mut world = Self { nodes, engine, now_ms, post: Post::Honest, still: None, answers: 0 };
        for (place, side) in ["alpha", "beta"].into_iter().enumerate() {
            world.found(side, place);
        }
        for chain in ["alpha", "beta"] {
            world.until("the chain is there", |world| world.chain(&name(chain)).is_some());
            // It learns from the registry who may deploy.
            world.until("word from the registry", |world| {
                world.counts("main", chain).0 > 0 && world.is_drained("main", chain)
            });
            let (department, contract_name, input) = (name("land"), name("courier"), 1_000u64.encode());
            let deploy = Payload::Deploy(Deploy { department, name: contract_name, code: contract(), input });
            world.have_done(&name(chain), deploy);
        }
        world
    }

    /// Founds a sidechain that one node certifies.
    fn found(&mut self, side: &str, place: usize) {
        let members = vec![public(&self.nodes[place].key)];
        let (deployers, until_ms) = (vec![address(&administrator())], GENESIS_TIME_MS + 365 * DAY_MS);
        self.enact((FOUND_CHAIN, side, "land", members, ANCHOR_MS, deployers, until_ms).encode());
    }

    fn chain(&self, chain: &Name) -> Option<Service> {
        self.nodes.iter().find_map(|node| node.chains.get(chain.as_str()))
    }

    /// Has an act of the registry proposed and carried out.
    fn enact(&mut self, measure: Vec<u8>) {
        let (main, registry) = (name("main"), Address::registry(&name("main")));
        let act = self.have_done(&main, call(registry, "propose", [measure, "2026-1".encode()].concat()));
        self.have_done(&main, call(registry, "carry_out", act));
    }

    fn submit(&self, chain: &Service, payload: Payload, gas_limit: u64) -> Digest {
        let (key, rules) = (administrator(), chain.ledger().rules());
        let (_, nonce) = chain.account_nonces(&address(&key)).expect("memory is readable");
        let body = TransactionBody {
            version: WIRE_VERSION,
            chain: rules.name().clone(),
            sender: address(&key),
            nonce,
            gas_limit,
            valid_until_height: chain.ledger().tip().height + 60,
            payload,
            sponsor: None,
        };
        let signature = key.sign(&body.digest(rules.digest()).0).to_bytes();
        let authorisation = Authorisation::Ed25519 { public_key: public(&key), signature };
        let transaction = Transaction { body, authorisation, sponsor_authorisation: None };
        let digest = transaction.digest(rules.digest());
        chain.submit(transaction).expect("it is taken in");
        digest
    }

    /// Has a call or a deploy done; what it gave.
    fn have_done(&mut self, chain: &Name, payload: Payload) -> Vec<u8> {
        let service = self.chain(chain).expect("it is there");
        let digest = self.submit(&service, payload, GAS);
        let receipt = || service.ledger().db().receipt(&digest).expect("memory is readable");
        self.until("a receipt", |_| receipt().is_some());
        match receipt().map(|receipt| receipt.outcome) {
            Some(Outcome::Done { output }) => output,
            outcome => panic!("on {chain}: {outcome:?}"),
        }
    }

    /// Sends points from one courier to another, for one of its methods.
    fn send(&self, from: &str, to: &str, method: &str, amount: u64) {
        let (from, to) = (name(from), name(to));
        let input = (to.as_str(), courier(&to), method, amount, 10_000u64).encode();
        let chain = self.chain(&from).expect("it is there");
        self.submit(&chain, call(courier(&from), "send", input), SEND_GAS);
    }

    /// The points of a chain's courier.
    fn points(&self, chain: &str) -> u64 {
        let (chain, mut slot) = (name(chain), Vec::new());
        push_field(&mut slot, "balance");
        let service = self.chain(&chain).expect("it is there");
        let balance = service.read_state(|view| view.get(&courier(&chain), &slot)).expect("memory is readable");
        u64::decode(&mut &balance.expect("it has points")[..]).expect("a number")
    }

    /// What `of` has sent to another chain, knows to be settled, and has taken from it.
    fn counts(&self, of: &str, other: &str) -> (u64, u64, u64) {
        let counts = self.chain(&name(of)).expect("it is there").lane_counts(&name(other)).expect("memory is readable");
        (counts.sent, counts.settled, counts.taken)
    }

    /// Whether no chain has stopped anywhere.
    fn goes_on(&self) -> bool {
        self.nodes.iter().flat_map(|node| node.chains.all()).all(|chain| chain.halted().is_none())
    }

    /// The height of a sidechain's newest header on the mainchain.
    fn anchored(&self, chain: &str) -> u64 {
        let state = self.nodes[0].main.anchor_state(&name(chain)).expect("memory is readable");
        state.expect("it is known").newest.height
    }

    /// How far a chain has come with what another sent it.
    fn is_drained(&self, from: &str, to: &str) -> bool {
        self.counts(from, to).0 == self.counts(to, from).2
    }

    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..STEPS_MAX {
            if done(self) {
                return;
            }
            self.step();
        }
        panic!("not within {STEPS_MAX} steps: {what}");
    }

    /// A moment of time: the relays look once, letters and transactions arrive, and blocks are made where they are due.
    fn step(&mut self) {
        self.now_ms += STEP_MS;
        self.host();
        for place in 0..self.nodes.len() {
            let (now_ms, relay) = (self.now_ms, &mut self.nodes[place].relay);
            relay.pass(now_ms);
            let letters = relay.take_letters();
            letters.into_iter().for_each(|letter| self.carry(place, letter));
        }
        for (from, to) in [(0, 1), (1, 0)] {
            for transaction in self.nodes[from].main.take_outgoing() {
                self.nodes[to].main.take_in(&public(&self.nodes[from].key), &transaction);
            }
        }
        let chains = self.nodes.iter().flat_map(|node| node.chains.all());
        let names: BTreeSet<Name> = chains.map(|chain| chain.ledger().rules().name().clone()).collect();
        for chain in names.iter().filter(|name| self.still.as_ref() != Some(name)) {
            let service = self.chain(chain).expect("it is there");
            let tip = service.ledger().tip();
            if service.has_work_on(&tip.header) || self.now_ms >= tip.timestamp_ms + HEARTBEAT_MS {
                self.make_block(chain);
            }
        }
    }

    /// Opens the sidechains that a node certifies.
    fn host(&self) {
        for Node { key, main, chains, .. } in &self.nodes {
            for (chain, sidechain) in main.sidechains().expect("memory is readable") {
                if chains.get(chain.as_str()).is_none() && sidechain.members.contains(&public(key)) {
                    let genesis = main.sidechain_genesis(&chain, &sidechain).expect("a committee");
                    let side = open(&self.engine, genesis);
                    side.follow_mainchain(Arc::clone(main));
                    chains.insert(side);
                }
            }
        }
    }

    fn carry(&mut self, place: usize, letter: Letter) {
        let from = public(&self.nodes[place].key);
        let Letter { peer, mut bytes } = letter;
        let said = Said::read(&bytes).expect("a relay writes letters");
        if let Said::Answer { answer: Some(answer), .. } = &said {
            self.answers += 1;
            match (self.post, answer) {
                (Post::Lies(left), _) => {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 1;
                    self.post = if left > 1 { Post::Lies(left - 1) } else { Post::Honest };
                }
                (Post::LosesMessages, Answer::Messages(_)) => return,
                (Post::LosesMessages | Post::Honest, _) => {}
            }
        }
        let to = self.nodes.iter_mut().find(|node| public(&node.key) == peer).expect("a node");
        to.relay.hear(Letter { peer: from, bytes });
    }

    /// Makes a chain's next block, certified by all its members, final on every node that has the chain.
    fn make_block(&self, chain: &Name) {
        let copies: Vec<Service> = self.nodes.iter().filter_map(|node| node.chains.get(chain.as_str())).collect();
        let (first, rules) = (&copies[0], copies[0].ledger().rules());
        let members = rules.genesis().committee.keys();
        let block = first.build(&first.ledger().tip().header, members[0], self.now_ms).expect("it builds a block");
        let header = &block.header;
        let mut certificate = Certificate {
            version: WIRE_VERSION,
            epoch: header.epoch,
            view: header.height,
            parent_view: header.height - 1,
            header: header.digest(rules.digest()),
            votes: Vec::new(),
        };
        let preimage = certificate.preimage(rules.digest());
        let vote = |(place, member): (usize, &[u8; 32])| {
            let node = self.nodes.iter().find(|node| public(&node.key) == *member).expect("a node's key");
            VoteSignature { member: place as u16, signature: node.key.sign(&preimage).to_bytes() }
        };
        certificate.votes = members.iter().enumerate().map(vote).collect();
        for copy in &copies {
            let mut batch = WriteBatch::default();
            chain_db::stage_certificate(&mut batch, header.height, &certificate);
            copy.ledger().backend().write(batch, Durability::Synced).expect("memory takes it");
            assert_eq!(copy.commit(&block).expect("it goes on"), Committed::Done);
        }
    }
}

fn open(engine: &Arc<Engine>, genesis: Genesis) -> Service {
    open_on(Arc::new(MemoryBackend::new()), engine, genesis, StateConfig::default())
}

fn open_on(store: Arc<MemoryBackend>, engine: &Arc<Engine>, genesis: Genesis, state: StateConfig) -> Service {
    let metrics = Metrics::new().chain(&genesis.chain);
    let config = ChainConfig { state, ..ChainConfig::default() };
    let opened = ChainService::open(store, None, Arc::clone(engine), genesis, config, metrics, FatalSignal::new());
    Arc::new(opened.expect("it opens"))
}

#[test]
fn messages_cross_between_chains_that_no_node_has_both_of_and_what_does_not_run_comes_back() {
    let mut world = World::new();
    let hosted = |node: &Node| -> Vec<String> {
        node.chains.all().iter().map(|chain| chain.ledger().rules().name().to_string()).collect()
    };
    let hosts: Vec<Vec<String>> = world.nodes.iter().map(hosted).collect();
    assert_eq!(hosts, [["alpha", "main"], ["beta", "main"]]);
    (0..3).for_each(|_| world.send("alpha", "beta", "credit", 5));
    world.send("alpha", "beta", "decline", 7);
    world.send("beta", "alpha", "credit", 2);
    world.send("beta", "main", "credit", 1);
    world.until("all has arrived", |world| {
        let is_sent = world.counts("alpha", "beta").0 == 4 && world.counts("beta", "alpha").0 == 2;
        is_sent && world.is_drained("alpha", "beta") && world.is_drained("beta", "alpha")
    });
    world.until("the mainchain has what was for it", |world| {
        world.counts("beta", "main").0 > 0 && world.is_drained("beta", "main")
    });
    // No more comes of it: each was taken once.
    (0..100).for_each(|_| world.step());
    assert_eq!((world.counts("alpha", "beta"), world.counts("beta", "alpha")), ((4, 0, 2), (2, 0, 4)));
    // The one that was declined went back under the second number of its lane.
    let beta = world.chain(&name("beta")).expect("it is there");
    let slot = slots::outbox(&name("alpha"), 1);
    let back: Option<Message> = beta.read_state(|view| lanes::get(view, &slot)).expect("memory is readable");
    assert!(matches!(back, Some(Message { body: MessageBody::Bounce(bounced), .. }) if bounced.sequence == 3));
    assert!(world.answers > 0, "somebody was asked");
}

#[test]
fn lies_cost_time_alone() {
    let mut world = World::new();
    world.post = Post::Lies(8);
    (0..3).for_each(|_| world.send("alpha", "beta", "credit", 5));
    world.until("eight answers were changed", |world| world.post == Post::Honest);
    assert_eq!(world.counts("beta", "alpha").2, 0, "nothing came of them");
    world.until("all has arrived", |world| world.counts("beta", "alpha").2 == 3);
    assert!(world.goes_on());
}

#[test]
fn what_was_taken_elsewhere_is_settled_and_what_a_retired_chain_never_took_comes_back() {
    let mut world = World::new();
    for sent in (10..=70).step_by(10) {
        (0..10).for_each(|_| world.send("alpha", "beta", "credit", 1));
        world.until("they are sent", |world| world.counts("alpha", "beta").0 == sent);
    }
    world.until("beta has taken them", |world| world.counts("beta", "alpha").2 == 70);
    world.until("alpha was shown that", |world| world.counts("alpha", "beta").1 >= 64);

    // While beta stands still and what is for it is lost on its way, it is retired.
    (world.still, world.post) = (Some(name("beta")), Post::LosesMessages);
    world.send("alpha", "beta", "credit", 9);
    world.until("it is sent", |world| world.counts("alpha", "beta").0 == 71);
    world.enact((RETIRE_CHAIN, "beta").encode());
    world.still = None;
    let closed = |world: &World| {
        let state = world.nodes[0].main.anchor_state(&name("beta")).expect("memory is readable");
        state.is_some_and(|state| state.closed.is_some())
    };
    world.until("beta is closed", closed);
    world.until("alpha was shown what beta never took", |world| world.counts("alpha", "beta").1 == u64::MAX);
    assert_eq!(world.counts("beta", "alpha").2, 70);
    assert_eq!(world.points("alpha"), 1_000 - 70, "what went with the last one is back");
}

#[test]
fn a_closed_chain_of_which_all_has_settled_is_asked_about_seldom() {
    let mut world = World::new();
    // Alpha is shown what beta took of so little only once beta is closed.
    world.send("alpha", "beta", "credit", 1);
    world.until("it is taken", |world| world.counts("beta", "alpha").2 == 1);
    world.enact((RETIRE_CHAIN, "beta").encode());
    world.until("all has settled", |world| world.counts("alpha", "beta").1 == u64::MAX);
    // As after a restart, and with nobody left who answers.
    let Node { key, main, chains, .. } = &world.nodes[0];
    let mut relay = Relay::new(Arc::clone(main), chains.clone(), *key);
    let (begun, mut asked) = (world.now_ms, Vec::new());
    for now_ms in (begun..begun + 3_600_000).step_by(1_000) {
        relay.pass(now_ms);
        let letters = relay.take_letters();
        let said = letters.iter().map(|letter| Said::read(&letter.bytes).expect("a relay writes letters"));
        asked.extend(said.filter_map(|said| match said {
            Said::Question { question, .. } if question.other == name("alpha") => Some(now_ms),
            _ => None,
        }));
    }
    assert!(asked.len() < 60, "{} times in an hour", asked.len());
    assert!(asked.iter().any(|at| *at > begun + 60_000), "beta may have sent something last");
}

#[test]
fn a_host_does_not_go_back_through_its_journal_for_whoever_asks() {
    let mut world = World::new();
    let (alpha, asker) = (name("alpha"), [9; 32]);
    world.until("alpha is anchored", |world| world.anchored("alpha") > 0);
    let anchored = world.anchored("alpha");
    let tip = |world: &World| world.chain(&name("alpha")).expect("it is there").ledger().tip().height;
    world.until("alpha has gone on", |world| tip(world) > anchored);
    let answers = |world: &World, height| {
        let Node { key, main, chains, .. } = &world.nodes[0];
        let mut relay = Relay::new(Arc::clone(main), chains.clone(), *key);
        let question = Question { chain: name("alpha"), other: name("beta"), height, what: What::Counts };
        let said = Said::Question { number: 1, question };
        relay.hear(Letter { peer: asker, bytes: chancery_abi::codec::encode(&said) });
        relay.pass(world.now_ms);
        let letter = relay.take_letters().into_iter().find(|letter| letter.peer == asker).expect("an answer");
        match Said::read(&letter.bytes) {
            Ok(Said::Answer { answer, .. }) => answer.is_some(),
            other => panic!("{other:?}"),
        }
    };
    assert!(answers(&world, anchored));

    // After a restart only the journal leads there.
    let reopen = |world: &World, state| {
        let before = world.chain(&alpha).expect("it is there");
        let (ledger, Node { main, chains, .. }) = (before.ledger(), &world.nodes[0]);
        let genesis = ledger.rules().genesis().clone();
        let again = open_on(Arc::clone(ledger.backend()), &world.engine, genesis, state);
        again.follow_mainchain(Arc::clone(main));
        chains.insert(Arc::clone(&again));
        again
    };
    let again = reopen(&world, StateConfig::default());
    let slot = slots::sent(&name("beta"));
    assert!(prove(&again, anchored, &slot).expect("memory is readable").is_some(), "for its own ends it goes back");
    assert!(!answers(&world, anchored));
    let height = tip(&world);
    world.until("a header of after the restart is anchored", |world| world.anchored("alpha") > height);
    assert!(answers(&world, world.anchored("alpha")));

    // Too much work even for its own ends: then it cannot be shown, and that is no failure.
    let again = reopen(&world, StateConfig { rewind_entries_max: 0, ..StateConfig::default() });
    let (oldest, _) = again.ledger().state().expect("it is there").provable();
    assert!(prove(&again, oldest, &slot).expect("it is no failure").is_none());
}

#[test]
fn a_chain_that_cannot_be_anchored_here_is_served_all_the_same() {
    let mut world = World::new();
    world.until("alpha is anchored", |world| world.anchored("alpha") > 1);
    // As in a store that was filled from a snapshot above the newest anchor: nothing of the history before.
    let alpha = world.chain(&name("alpha")).expect("it is there");
    let mut batch = WriteBatch::default();
    let (first, last) = (disk_format::subtree_key(0, 0), disk_format::subtree_key(u8::MAX, u64::MAX));
    batch.delete_range(Column::Index, first, last);
    alpha.ledger().backend().write(batch, Durability::Synced).expect("memory takes it");
    // What was handed in before may still arrive.
    (0..60).for_each(|_| world.step());
    let (anchored, sent) = (world.anchored("alpha"), world.counts("main", "alpha").0);
    world.enact((FOUND_DEPARTMENT, "tax", "tax").encode());
    world.until("alpha has heard of it", |world| {
        world.counts("main", "alpha").0 > sent && world.is_drained("main", "alpha")
    });
    (0..60).for_each(|_| world.step());
    assert_eq!(world.anchored("alpha"), anchored, "there is nobody else here who could");
    assert!(world.goes_on());
}

#[test]
fn idle_chains_share_a_transaction_for_their_anchors_and_no_header_waits_too_long() {
    const FOR_MS: u64 = 30_000;
    let mut world = World::new();
    let sides = ["alpha", "delta", "gamma"];
    for side in &sides[1..] {
        world.found(side, 0);
        world.until("it is there", |world| world.chain(&name(side)).is_some());
        // Their blocks come at different times.
        (0..3).for_each(|_| world.step());
    }
    (0..60).for_each(|_| world.step());

    let (main, from) = (Arc::clone(&world.nodes[0].main), world.now_ms);
    let begun = main.ledger().tip().height;
    while world.now_ms < from + FOR_MS {
        world.step();
        for side in sides {
            let db = world.chain(&name(side)).expect("it is there");
            let oldest = db.ledger().db().header(world.anchored(side) + 1).expect("memory is readable");
            let waits_ms = oldest.map_or(0, |header| world.now_ms - header.timestamp_ms);
            assert!(waits_ms <= ANCHOR_MS + 5 * STEP_MS, "a header of {side} waits for {waits_ms} ms");
        }
    }
    let mut shares = Vec::new();
    for height in begun + 1..=main.ledger().tip().height {
        for transaction in main.ledger().db().transactions(height).expect("memory is readable").unwrap_or_default() {
            if let Payload::Anchor(updates) = &transaction.body.payload
                && transaction.body.sender == address(&world.nodes[0].key)
            {
                shares.push(updates.len());
            }
        }
    }
    let per_chain = FOR_MS / ANCHOR_MS;
    assert!(shares.iter().sum::<usize>() as u64 >= sides.len() as u64 * (per_chain - 2), "{shares:?}");
    assert!(shares.len() as u64 <= 3 * per_chain / 2, "{shares:?}");
}
