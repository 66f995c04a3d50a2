//! A mainchain and its sidechains in memory, with the real runtime and the real registry: blocks are executed, certified by
//! the keys of their committees, staged and written as a node does it. Who carries between them is the tests' to say.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use bls12_381::{G1Affine, G2Affine, G2Projective, Scalar};
use chancery::chain::{GenesisPlan, PlannedDepartment, RegistryPlan, plan_genesis};
use chancery_abi::{
    Address, Authorisation, Beacon, Call, Certificate, Committee, Deploy, Digest, Genesis, Header, Ident,
    MainchainSeen, Outcome, Payload, Receipt, Refusal, Scheme, ThresholdKey, Transaction, TransactionBody,
    VoteSignature, WIRE_VERSION, message::RegistryEntry, slot::push_field,
};
use chancery_runtime::{
    engine::{Engine, EngineConfig},
    execution::{
        BlockContext, BlockExecutor, ChainRules, ExecuteError, QueryCall, VerifiedTransaction, accounts,
        chain::{ChainTip, Proposal, assemble_header},
        lanes::{self, LaneCounts, Sidechain},
        on_execution_stack, query,
        registry::{Group, KeySpan, ThresholdKeys},
    },
    state::{MemoryBackend, State, StateConfig},
    storage::{Durability, StateBackend, WriteBatch},
};
use chancery_tests::{contract, name};
use chancery_verify::{roots, threshold::hash_to_point};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use parity_scale_codec::{Decode, Encode};
use registry::Measure;

/// The mainchain's name.
pub(super) const MAIN: &str = "main";
/// The department that everything here is of.
const LAND: &str = "land";
/// Blocks are so far apart.
const BLOCK_MS: u64 = 1_000;
const GENESIS_MS: u64 = 1_767_225_600_000;
/// Gas that is enough for everything here.
pub(super) const PLENTY: u64 = 4_000_000_000;

fn engine() -> &'static Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    ENGINE.get_or_init(|| Arc::new(Engine::new(EngineConfig::default()).expect("this machine runs the sandbox")))
}

/// A key of the tests.
pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from([seed; 32])
}

/// What others know it by.
pub(super) fn public(key: &SigningKey) -> [u8; 32] {
    VerificationKeyBytes::from(key).into()
}

/// The keys of a committee, in its order.
pub(super) fn committee_keys(seeds: &[u8]) -> Vec<SigningKey> {
    let mut keys: Vec<SigningKey> = seeds.iter().copied().map(key).collect();
    keys.sort_by_key(public);
    keys
}

/// A threshold key with one holder.
fn secret() -> Scalar {
    Scalar::from(77)
}

/// The registry's entry of that key.
pub(super) fn group_entry() -> RegistryEntry {
    let group = Group {
        round: 0,
        key: G2Affine::from(G2Projective::generator() * secret()).to_compressed(),
        from_height: 2,
        holders: 1,
        output: Digest::default(),
        committee: 0,
        members: Vec::new(),
        untrusted: true,
    };
    let mut slot = Vec::new();
    push_field(&mut slot, "group");
    (slot, Some(group.encode()))
}

/// The registry's entry of all keys: that one, and from a height on another.
pub(super) fn keys_entry(lead_blocks: u64, from_height: u64) -> RegistryEntry {
    let span = |(secret, from_height, to_height)| KeySpan {
        key: ThresholdKey {
            key: G2Affine::from(G2Projective::generator() * secret).to_compressed(),
            from_height,
            to_height,
            untrusted: true,
        },
        round: 0,
    };
    let spans = [(secret(), 2, Some(from_height - 1)), (next_secret(), from_height, None)].map(span).to_vec();
    let mut slot = Vec::new();
    push_field(&mut slot, "keys");
    (slot, Some(ThresholdKeys { lead_blocks, spans }.encode()))
}

fn next_secret() -> Scalar {
    Scalar::from(78)
}

/// One chain.
pub(super) struct Chain {
    pub(super) rules: ChainRules,
    pub(super) state: State<MemoryBackend>,
    pub(super) tip: ChainTip,
    /// All headers, from height 1.
    pub(super) headers: Vec<Header>,
    /// What waits.
    pub(super) pool: Vec<Transaction>,
    /// What was done, by transaction.
    pub(super) receipts: BTreeMap<Digest, Receipt>,
    /// Why the last transactions that were left out were.
    pub(super) refused: Vec<Refusal>,
    /// Entries of the registry that the next block writes beside what it executes.
    pub(super) due: Vec<RegistryEntry>,
    now_ms: u64,
}

impl Chain {
    fn begin(genesis: Genesis) -> Self {
        let rules = ChainRules::new(genesis).expect("the genesis is sound");
        let state = State::open(Arc::new(MemoryBackend::default()), StateConfig::default()).expect("a new store opens");
        let (tip, now_ms) = (ChainTip::genesis(&rules), rules.genesis().timestamp_ms);
        let (headers, pool, receipts, refused) = (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
        Self { rules, state, tip, headers, pool, receipts, refused, due: Vec::new(), now_ms }
    }

    /// The header of a height that there is.
    pub(super) fn header(&self, height: u64) -> &Header {
        &self.headers[height as usize - 1]
    }

    /// Makes a block of what waits. What may not be in it is left out for good.
    pub(super) fn produce(&mut self, mainchain: Option<MainchainSeen>, beacons: &[Beacon]) {
        let transactions = std::mem::take(&mut self.pool);
        self.now_ms += BLOCK_MS;
        let context = BlockContext { height: self.tip.height + 1, timestamp_ms: self.now_ms, mainchain };
        self.refused.clear();
        let mut included = Vec::new();
        let mut executed = on_execution_stack(|stack| {
            let view = self.state.view(None);
            let begun = BlockExecutor::begin(stack, engine(), &self.rules, &view, context, beacons);
            let mut executor = begun.expect("the block begins");
            for transaction in transactions {
                let verified = match VerifiedTransaction::verify(transaction.clone(), &self.rules) {
                    Ok(verified) => verified,
                    Err(refusal) => {
                        self.refused.push(refusal);
                        continue;
                    }
                };
                match executor.execute(&verified) {
                    Ok(_) => included.push(transaction),
                    Err(ExecuteError::Refused(refusal)) => self.refused.push(refusal),
                    Err(ExecuteError::BlockFull) => {}
                    Err(ExecuteError::Halt(halt)) => panic!("chain {} halts: {halt}", self.rules.name()),
                }
            }
            executor.finish().expect("the chain does not stop")
        });
        let registry = Address::registry(self.rules.name());
        let due = std::mem::take(&mut self.due).into_iter().map(|(key, value)| ((registry, key), value));
        executed.changes.0.extend(due);
        let overlay =
            Arc::new(self.state.prepare(None, std::mem::take(&mut executed.changes)).expect("it is readable"));
        let proposer = self.tip.committee.keys()[0];
        let proposal = Proposal { proposer, timestamp_ms: self.now_ms, beacons: beacons.to_vec(), mainchain };
        let header = assemble_header(&self.rules, &self.tip, proposal, &included, &executed, overlay.root());
        let mut batch = WriteBatch::default();
        self.state.stage(&overlay, &mut batch).expect("the overlay follows the state");
        self.state.backend().write(batch, Durability::Synced).expect("memory takes every write");
        self.state.advance(overlay).expect("the overlay was staged");
        for receipt in executed.receipts {
            self.receipts.insert(receipt.transaction, receipt);
        }
        self.tip.advance(&self.rules, &header, executed.next_committee);
        self.headers.push(header);
    }

    /// Lets time pass: the next block is later by so much more.
    pub(super) fn let_pass(&mut self, ms: u64) {
        self.now_ms += ms;
    }

    /// Loses power: what was written and not synced is gone, and the chain goes on from its store.
    pub(super) fn crash(&mut self, keep: usize) {
        let backend = Arc::clone(self.state.backend());
        backend.crash(keep);
        self.state = State::open(backend, StateConfig::default()).expect("what was synced opens");
        assert_eq!(self.state.height(), self.tip.height, "an acknowledged block is gone");
    }

    /// The next nonce of an account, those that wait included.
    fn nonce(&self, address: &Address) -> u64 {
        let waiting = self.pool.iter().filter(|waiting| waiting.body.sender == *address).count() as u64;
        accounts::nonce(&self.state.view(None), address).expect("it is readable") + waiting
    }

    /// Signs a transaction, which then waits.
    pub(super) fn hand_in(&mut self, by: &SigningKey, payload: Payload, gas_limit: u64) -> Digest {
        self.hand_in_sponsored(by, None, payload, gas_limit)
    }

    /// The same, which another may sponsor.
    pub(super) fn hand_in_sponsored(
        &mut self,
        by: &SigningKey,
        sponsor: Option<&SigningKey>,
        payload: Payload,
        gas_limit: u64,
    ) -> Digest {
        let account = |key: &SigningKey| Address::of_key(Scheme::Ed25519, &public(key));
        let sender = account(by);
        let body = TransactionBody {
            version: WIRE_VERSION,
            chain: self.rules.name().clone(),
            sender,
            nonce: self.nonce(&sender),
            gas_limit,
            valid_until_height: self.tip.height + 1_000,
            payload,
            sponsor: sponsor.map(account),
        };
        let digest = body.digest(self.rules.digest());
        let sign = |key: &SigningKey| {
            let signature = key.sign(&digest.0).to_bytes();
            Authorisation::Ed25519 { public_key: public(key), signature }
        };
        let sponsor_authorisation = sponsor.map(|sponsor| Box::new(sign(sponsor)));
        self.pool.push(Transaction { body, authorisation: sign(by), sponsor_authorisation });
        digest
    }

    /// Calls a method; the transaction waits.
    pub(super) fn call(&mut self, by: &SigningKey, contract: Address, method: &str, arguments: &impl Encode) -> Digest {
        let method = Ident::new(method).expect("the tests' methods are identifiers");
        self.hand_in(by, Payload::Call(Call { contract, method, input: arguments.encode() }), PLENTY)
    }

    /// Asks a contract.
    pub(super) fn ask<T: Decode>(&self, contract: Address, method: &str, arguments: &impl Encode) -> T {
        let method = Ident::new(method).expect("the tests' methods are identifiers");
        let call =
            QueryCall { contract, method, input: arguments.encode(), caller: Address::default(), gas_limit: PLENTY };
        let context = BlockContext { height: self.tip.height, timestamp_ms: self.now_ms, mainchain: None };
        let result = on_execution_stack(|stack| {
            let view = self.state.view(None);
            query(stack, engine(), &self.rules, &view, context, call).expect("it is readable")
        });
        match result.outcome {
            Outcome::Done { output } => T::decode(&mut &output[..]).expect("it is of that type"),
            other => panic!("{other:?}"),
        }
    }

    /// The counts of the lanes to and from a chain.
    pub(super) fn counts(&self, other: &str) -> LaneCounts {
        lanes::counts(&self.state.view(None), &name(other)).expect("it is readable")
    }

    /// An entry of the runtime's own.
    pub(super) fn entry<T: Decode>(&self, slot: &[u8]) -> Option<T> {
        lanes::get(&self.state.view(None), slot).expect("it is readable")
    }

    /// The outcome of a transaction that is in a block.
    pub(super) fn outcome(&self, digest: &Digest) -> &Outcome {
        &self.receipts.get(digest).unwrap_or_else(|| panic!("it is in no block: {:?}", self.refused)).outcome
    }
}

/// A mainchain with sidechains.
pub(super) struct World {
    pub(super) chains: BTreeMap<String, Chain>,
    /// Everybody's keys, by what others know them by.
    keys: BTreeMap<[u8; 32], SigningKey>,
}

impl World {
    /// A mainchain of four nodes and these sidechains, each with a committee of its own among them, and a courier with
    /// 1,000 points on every chain.
    pub(super) fn new(sides: &[&str]) -> Self {
        Self::new_later(sides, 0)
    }

    /// The same, whose genesis is later by so much.
    pub(super) fn new_later(sides: &[&str], later_ms: u64) -> Self {
        let mut world = Self::bare_later(later_ms);
        for (place, side) in sides.iter().enumerate() {
            let left_out = 4 - place % 4;
            let members: Vec<u8> = (1..=4).filter(|seed| usize::from(*seed) != left_out || place % 4 == 3).collect();
            world.found(side, &members);
        }
        // Each hears of those that were founded after it.
        world.carry_all(&[]);
        for chain in world.names() {
            world.deploy(&chain);
        }
        world
    }

    /// A mainchain without sidechains.
    pub(super) fn bare() -> Self {
        Self::bare_later(0)
    }

    fn bare_later(later_ms: u64) -> Self {
        let nodes: Vec<SigningKey> = (1..=6).map(key).collect();
        let administrator = Address::of_key(Scheme::Ed25519, &public(&key(100)));
        let department = PlannedDepartment {
            name: name(LAND),
            title: "土地".into(),
            administrators: vec![administrator, Address::of_key(Scheme::Ed25519, &public(&key(101)))],
            nodes: nodes[..4].iter().map(|node| (public(node), public(node))).collect(),
            deployers: vec![administrator],
        };
        let mut plan = RegistryPlan::trial(vec![department]);
        plan.epoch_blocks = 10;
        let genesis = plan_genesis(GenesisPlan {
            chain: name(MAIN),
            committee: Committee::new(nodes[..4].iter().map(public).collect()).expect("a committee"),
            timestamp_ms: GENESIS_MS + later_ms,
            departments: Vec::new(),
            registry: Some(plan.setup(&name(MAIN), GENESIS_MS)),
        });
        let keys = nodes.into_iter().map(|key| (public(&key), key)).collect();
        let mut world = Self { chains: [(MAIN.to_owned(), Chain::begin(genesis))].into(), keys };
        world.step(MAIN);
        world
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.chains.keys().cloned().collect()
    }

    pub(super) fn main(&mut self) -> &mut Chain {
        self.chains.get_mut(MAIN).expect("there is a mainchain")
    }

    pub(super) fn chain(&mut self, chain: &str) -> &mut Chain {
        self.chains.get_mut(chain).unwrap_or_else(|| panic!("there is no chain {chain}"))
    }

    pub(super) fn at(&self, chain: &str) -> &Chain {
        &self.chains[chain]
    }

    /// Makes a block of a chain, which sees the newest of the mainchain.
    pub(super) fn step(&mut self, chain: &str) {
        let seen = self.newest_seen(chain);
        self.chain(chain).produce(seen, &[]);
    }

    /// What a block of a chain may see of the mainchain now.
    pub(super) fn newest_seen(&self, chain: &str) -> Option<MainchainSeen> {
        let tip = &self.at(MAIN).tip;
        (chain != MAIN).then_some(MainchainSeen { height: tip.height, header: tip.header })
    }

    /// Has an administrator propose a measure and carry it out.
    pub(super) fn enact(&mut self, measure: Measure) {
        let registry = Address::registry(&name(MAIN));
        let proposed = self.main().call(&key(100), registry, "propose", &(measure, "2026-1"));
        self.step(MAIN);
        let Outcome::Done { output } = self.at(MAIN).outcome(&proposed).clone() else {
            panic!("{:?}", self.at(MAIN).outcome(&proposed));
        };
        let act = u32::decode(&mut &output[..]).expect("an act's number");
        let carried_out = self.main().call(&key(100), registry, "carry_out", &act);
        self.step(MAIN);
        assert!(self.at(MAIN).outcome(&carried_out).is_done(), "{:?}", self.at(MAIN).outcome(&carried_out));
    }

    /// Founds a sidechain by an act, and begins it as the nodes do: from what the registry has.
    pub(super) fn found(&mut self, side: &str, members: &[u8]) {
        let deployer = Address::of_key(Scheme::Ed25519, &public(&key(100)));
        self.enact(Measure::FoundChain {
            chain: side.into(),
            department: LAND.into(),
            members: committee_keys(members).iter().map(public).collect(),
            anchor_ms: 10_000,
            deployers: vec![deployer],
            deployers_until_ms: GENESIS_MS + 365 * 86_400_000,
        });
        let main = self.at(MAIN);
        let sidechain: Sidechain = lanes::mirror::sidechain(&main.rules, &main.state.view(None), &name(side))
            .expect("it is readable")
            .expect("it was founded");
        let genesis = lanes::sidechain_genesis(main.rules.genesis(), main.rules.digest(), &name(side), &sidechain);
        self.chains.insert(side.into(), Chain::begin(genesis.expect("a committee")));
        // The first messages bring what the registry has. A key is written beside, as there is no ceremony.
        self.chain(side).due = vec![group_entry()];
        self.step(side);
        self.deliver(side, MAIN);
        self.step(side);
    }

    /// Deploys a courier.
    pub(super) fn deploy(&mut self, chain: &str) {
        let (department, contract_name) = (name(LAND), name("courier"));
        let deploy =
            Deploy { department, name: contract_name, code: contract("courier.wasm"), input: 1_000u64.encode() };
        let deployed = self.chain(chain).hand_in(&key(100), Payload::Deploy(deploy), PLENTY);
        self.step(chain);
        assert!(self.at(chain).outcome(&deployed).is_done(), "{:?}", self.at(chain).outcome(&deployed));
    }

    /// Brings a sidechain the beacon of a mainchain height, once it is final there and seen, under a key with one holder that
    /// it has heard of.
    pub(super) fn bring_beacon(&mut self, side: &str, height: u64) {
        while self.at(MAIN).tip.height < height {
            self.step(MAIN);
        }
        self.chain(side).due = vec![group_entry()];
        self.step(side);
        let beacon = self.beacon_of(height);
        self.chain(side).hand_in(&key(222), Payload::Beacons(vec![beacon]), PLENTY);
        self.step(side);
        assert!(self.at(side).refused.is_empty(), "{:?}", self.at(side).refused);
    }

    /// The beacon of a mainchain height.
    pub(super) fn beacon_of(&self, height: u64) -> Beacon {
        self.beacon_under(height, secret())
    }

    /// The same under the key that comes after.
    pub(super) fn next_beacon_of(&self, height: u64) -> Beacon {
        self.beacon_under(height, next_secret())
    }

    fn beacon_under(&self, height: u64, secret: Scalar) -> Beacon {
        let point = hash_to_point(&Beacon::preimage(self.at(MAIN).rules.digest(), height)) * secret;
        Beacon { height, signature: G1Affine::from(point).to_compressed() }
    }

    /// The address of a chain's courier.
    pub(super) fn courier(&self, chain: &str) -> Address {
        Address::of_contract(&name(chain), &name(LAND), &name("courier"))
    }

    /// Sends points from a chain's courier to another's; the call waits.
    pub(super) fn send(&mut self, from: &str, to: &str, method: &str, amount: u64, valid_for: u64) -> Digest {
        let (courier, other) = (self.courier(from), self.courier(to));
        self.chain(from).call(&key(200), courier, "send", &(to, other, method, amount, valid_for))
    }

    /// A certificate of a header, by all members of a committee.
    pub(super) fn certificate(&self, chain: &str, header: &Header, committee: &Committee) -> Certificate {
        let genesis = self.at(chain).rules.digest();
        let mut certificate = Certificate {
            version: WIRE_VERSION,
            epoch: header.epoch,
            view: header.height,
            parent_view: header.height - 1,
            header: header.digest(genesis),
            votes: Vec::new(),
        };
        let preimage = certificate.preimage(genesis);
        for (member, key) in (0..).zip(committee.keys()) {
            let signature = self.keys[key].sign(&preimage).to_bytes();
            certificate.votes.push(VoteSignature { member, signature });
        }
        certificate
    }

    /// The committee of a chain's term.
    pub(super) fn committee_of(&self, chain: &str, epoch: u64) -> Committee {
        let chain = self.at(chain);
        if chain.tip.epoch == epoch {
            return chain.tip.committee.clone();
        }
        // Tests have one change at most.
        chain.rules.genesis().committee.clone()
    }

    /// The leaf of every header of a chain, in order.
    pub(super) fn leaves(&self, chain: &str) -> Vec<Digest> {
        let chain = self.at(chain);
        chain.headers.iter().map(|header| roots::history_leaf(&header.digest(chain.rules.digest()))).collect()
    }
}
