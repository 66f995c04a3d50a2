//! The chain itself: blocks of one transaction each, executed, staged, written and advanced as a node does it.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, OnceLock},
};

use chancery_abi::{
    Address, Beacon, Certificate, Committee, Department, Genesis, Header, MainchainSeen, Name, Payload, Receipt,
    Refusal, Transaction, TransactionBody, VoteSignature, WIRE_VERSION, quota::Usage,
};
use chancery_runtime::{
    engine::{Engine, EngineConfig, Observe},
    execution::{
        BlockContext, BlockExecutor, ChainRules, ExecuteError, QueryCall, QueryResult, VerifiedTransaction, accounts,
        chain::{ChainTip, Proposal, assemble_header},
        on_execution_stack, query, query_traced,
        registry::Registry,
        trace::{Trace, TraceLimits},
    },
    state::{MemoryBackend, State, StateConfig},
    storage::{Durability, StateBackend, WriteBatch},
};

use crate::{Account, contract::Contract, office::Office};

/// The time of the genesis: 1 January 2026, 00:00 UTC.
const GENESIS_MS: u64 = 1_767_225_600_000;
/// What passes from one block to the next by itself.
const BLOCK_MS: u64 = 1_000;
/// Blocks for which a transaction stays valid.
const VALID_BLOCKS: u64 = 100;
/// The department that contracts are deployed for.
pub const DEPARTMENT: &str = "department";

/// A transaction that is final.
pub(crate) struct Executed {
    pub(crate) transaction: VerifiedTransaction,
    pub(crate) context: BlockContext,
    pub(crate) receipt: Receipt,
    /// What the block's header brought.
    pub(crate) beacons: Vec<Beacon>,
}

pub(crate) struct World {
    pub(crate) rules: ChainRules,
    pub(crate) state: State<MemoryBackend>,
    /// The last header; none before the first block.
    pub(crate) header: Option<Header>,
    /// All headers, from height 1.
    pub(crate) headers: Vec<Header>,
    /// Of a sidechain, its mainchain.
    mainchain: Option<Rc<RefCell<World>>>,
    /// The time of the last block, or later when the test let time pass.
    pub(crate) now_ms: u64,
    /// What is deployed, by address: the name it was given, and the contract.
    pub(crate) contracts: BTreeMap<Address, (String, Arc<Contract>)>,
    /// What the registry of the chain says.
    pub(crate) office: Office,
    /// Of a mainchain, whether a contract of a sidechain could ask for its beacons.
    asked_by_sides: bool,
    tip: ChainTip,
}

impl World {
    pub(crate) fn new() -> Self {
        let genesis = Genesis {
            version: WIRE_VERSION,
            chain: name("main"),
            timestamp_ms: GENESIS_MS,
            committee: Committee::new(vec![validator().public_key()]).expect("one member is a committee"),
            schedule: 1,
            departments: vec![Department { name: name(DEPARTMENT), deployers: vec![Self::deployer().address()] }],
            relying_parties: Vec::new(),
            mainchain: None,
            registry: None,
        };
        Self::begin(genesis, None)
    }

    /// The chain that begins with a genesis; a sidechain's blocks see the newest of its mainchain.
    pub(crate) fn begin(genesis: Genesis, mainchain: Option<Rc<RefCell<World>>>) -> Self {
        let rules = ChainRules::new(genesis).expect("the genesis is sound");
        let backend = Arc::new(MemoryBackend::new());
        let state = State::open(backend, StateConfig::default()).expect("an empty store opens");
        let tip = ChainTip::genesis(&rules);
        Self {
            rules,
            state,
            header: None,
            headers: Vec::new(),
            mainchain,
            now_ms: GENESIS_MS,
            contracts: BTreeMap::new(),
            office: Office::new(),
            asked_by_sides: false,
            tip,
        }
    }

    pub(crate) fn deployer() -> Account {
        Account::named("deployer")
    }

    /// The same chain once more.
    pub(crate) fn fork(&self) -> Self {
        let backend = Arc::new(self.state.backend().fork());
        Self {
            rules: self.rules.clone(),
            state: State::open(backend, StateConfig::default()).expect("a copy of a sound store opens"),
            header: self.header.clone(),
            headers: self.headers.clone(),
            mainchain: self.mainchain.clone(),
            now_ms: self.now_ms,
            contracts: self.contracts.clone(),
            office: self.office.clone(),
            asked_by_sides: self.asked_by_sides,
            tip: self.tip.clone(),
        }
    }

    /// Takes note of the contract that is about to stand at an address; what was known to stand there before.
    pub(crate) fn expect_contract(
        &mut self,
        address: Address,
        name: String,
        contract: Arc<Contract>,
    ) -> Option<(String, Arc<Contract>)> {
        if let Some(mainchain) = &self.mainchain
            && contract.asks_for_beacons()
        {
            mainchain.borrow_mut().asked_by_sides = true;
        }
        self.contracts.insert(address, (name, contract))
    }

    /// The beacons that the next block brings. They are made as soon as a contract could ask for one.
    fn beacons_due(&self) -> Vec<Beacon> {
        let asks = self.asked_by_sides || self.contracts.values().any(|(_, contract)| contract.asks_for_beacons());
        if asks && self.mainchain.is_none() {
            self.office.beacons(&self.rules, &self.state.view(None), self.state.height())
        } else {
            Vec::new()
        }
    }

    /// What a department used, as it was last counted.
    pub(crate) fn usage(&self, department: &str) -> Usage {
        let view = self.state.view(None);
        let registry = Registry::of(&self.rules, &view).expect("a mainchain has a place for its registry");
        registry.usage(department).expect("memory can be read")
    }

    /// What the next block is.
    pub(crate) fn next(&self) -> BlockContext {
        BlockContext { height: self.state.height() + 1, timestamp_ms: self.now_ms + BLOCK_MS, mainchain: self.seen() }
    }

    /// The certificate of a header of this chain, by its one validator.
    pub(crate) fn certify(&self, header: &Header) -> Certificate {
        let genesis = self.rules.digest();
        let mut certificate = Certificate {
            version: WIRE_VERSION,
            epoch: 0,
            view: header.height,
            parent_view: header.height - 1,
            header: header.digest(genesis),
            votes: Vec::new(),
        };
        let signature = validator().sign_bytes(&certificate.preimage(genesis));
        certificate.votes.push(VoteSignature { member: 0, signature });
        certificate
    }

    /// What a block sees of the mainchain now.
    fn seen(&self) -> Option<MainchainSeen> {
        let main = self.mainchain.as_ref()?.borrow();
        (main.tip.height > 0).then_some(MainchainSeen { height: main.tip.height, header: main.tip.header })
    }

    /// The address of a contract by its name.
    pub(crate) fn address(&self, contract: &str) -> Address {
        Address::of_contract(self.rules.name(), &name(DEPARTMENT), &name(contract))
    }

    pub(crate) fn department(&self) -> Name {
        name(DEPARTMENT)
    }

    /// Signs a transaction with the account's next nonce and makes a block of it.
    ///
    /// # Errors
    /// When it may not be in a block; nothing has changed then.
    pub(crate) fn submit(&mut self, by: &Account, payload: Payload, gas: u64) -> Result<Executed, Refusal> {
        self.submit_sponsored(by, None, payload, gas)
    }

    /// The same, which somebody else may sponsor.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub(crate) fn submit_sponsored(
        &mut self,
        by: &Account,
        sponsor: Option<&Account>,
        payload: Payload,
        gas: u64,
    ) -> Result<Executed, Refusal> {
        let nonce = accounts::nonce(&self.state.view(None), &by.address()).expect("memory can be read");
        let body = TransactionBody {
            version: WIRE_VERSION,
            chain: self.rules.name().clone(),
            sender: by.address(),
            nonce,
            gas_limit: gas,
            valid_until_height: self.state.height() + VALID_BLOCKS,
            payload,
            sponsor: sponsor.map(Account::address),
        };
        let mut transaction = by.sign(body, &self.rules);
        if let Some(sponsor) = sponsor {
            sponsor.sponsor(&mut transaction, &self.rules);
        }
        let transaction = VerifiedTransaction::verify(transaction, &self.rules)?;
        let context = self.next();
        let receipt = self.block(Some(&transaction), context)?.expect("a transaction that was executed has a receipt");
        let beacons = self.header.as_ref().map(|header| header.beacons.clone()).unwrap_or_default();
        Ok(Executed { transaction, context, receipt, beacons })
    }

    /// Makes a block without transactions, in which what the registry says takes effect.
    pub(crate) fn enter_office(&mut self) {
        let context = self.next();
        self.block(None, context).expect("no transaction is refused");
    }

    /// Makes a block of one transaction, whose receipt it returns, or of none.
    fn block(
        &mut self,
        verified: Option<&VerifiedTransaction>,
        context: BlockContext,
    ) -> Result<Option<Receipt>, Refusal> {
        let beacons = self.beacons_due();
        let mut executed = on_execution_stack(|stack| {
            let view = self.state.view(None);
            let begun = BlockExecutor::begin(stack, engine(Observe::Nothing), &self.rules, &view, context, &beacons);
            let mut executor = begun.unwrap_or_else(|error| panic!("the block does not begin: {error}"));
            match verified.map(|verified| executor.execute(verified)).transpose() {
                Ok(_) => Ok(executor.finish().unwrap_or_else(|halt| panic!("the chain stopped: {halt}"))),
                Err(ExecuteError::Refused(refusal)) => Err(refusal),
                Err(error) => panic!("the chain stopped: {error}"),
            }
        })?;
        let receipt = executed.receipts.first().cloned();
        self.office.enter(&self.rules, &mut executed.changes);
        let overlay = self.state.prepare(None, executed.changes.clone()).expect("memory can be read");
        let proposal = Proposal {
            proposer: validator().public_key(),
            timestamp_ms: context.timestamp_ms,
            beacons,
            mainchain: context.mainchain,
        };
        let transactions: Vec<Transaction> =
            verified.map(|verified| verified.transaction().clone()).into_iter().collect();
        let header = assemble_header(&self.rules, &self.tip, proposal, &transactions, &executed, overlay.root());
        let overlay = Arc::new(overlay);
        let mut batch = WriteBatch::default();
        self.state.stage(&overlay, &mut batch).expect("the block is the next");
        self.state.backend().write(batch, Durability::Synced).expect("memory can be written");
        self.state.advance(overlay).expect("the block was staged");
        self.tip.advance(&self.rules, &header, None);
        self.headers.push(header.clone());
        self.header = Some(header);
        self.now_ms = context.timestamp_ms;
        Ok(receipt)
    }

    /// Asks a contract, on the state after the last block.
    pub(crate) fn query(&self, call: QueryCall) -> QueryResult {
        let (rules, state, next) = (&self.rules, &self.state, self.next());
        on_execution_stack(|stack| {
            let view = state.view(None);
            query(stack, engine(Observe::Nothing), rules, &view, next, call).expect("memory can be read")
        })
    }

    pub(crate) fn trace_query(&self, call: QueryCall) -> Trace {
        let (rules, state, next) = (&self.rules, &self.state, self.next());
        on_execution_stack(|stack| {
            let (view, engine, limits) = (state.view(None), engine(Observe::Stops), TraceLimits::default());
            let traced = query_traced(stack, engine, rules, &view, next, call, limits);
            traced.expect("memory can be read").1
        })
    }

    /// Executes a final transaction again on the state before it and watches; none when that state is too far back.
    pub(crate) fn trace(&self, executed: &Executed) -> Option<Trace> {
        let past = self.state.past(executed.context.height - 1).ok()?;
        let (rules, state) = (&self.rules, &self.state);
        on_execution_stack(|stack| {
            let view = past.view(state.backend().as_ref());
            let (observing, beacons) = (engine(Observe::Stops), &executed.beacons);
            let begun = BlockExecutor::begin(stack, observing, rules, &view, executed.context, beacons);
            let mut executor = begun.ok()?;
            executor.execute_traced(&executed.transaction, TraceLimits::default()).ok().map(|(_, trace)| trace)
        })
    }
}

/// Who makes the blocks.
pub(crate) fn validator() -> Account {
    Account::named("validator")
}

/// The engine of this process that observes so much. Compiled modules are shared between its chains.
fn engine(observe: Observe) -> &'static Arc<Engine> {
    static PLAIN: OnceLock<Arc<Engine>> = OnceLock::new();
    static OBSERVING: OnceLock<Arc<Engine>> = OnceLock::new();
    let place = if observe == Observe::Nothing { &PLAIN } else { &OBSERVING };
    place.get_or_init(|| {
        let config = EngineConfig { observe, ..EngineConfig::default() };
        Arc::new(Engine::new(config).expect("this machine runs the sandbox"))
    })
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap_or_else(|error| panic!("{text:?} is not a name: {error}"))
}
