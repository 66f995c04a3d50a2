//! One chain in memory, run by the real runtime with the contracts' real Wasm: what the tests of this crate drive.
//!
//! It is the runtime without a node: blocks are executed, staged, written synced and advanced as the node does it.

pub mod running_node;

use std::{path::PathBuf, sync::Arc};

use chancery_abi::{
    Address, Authorisation, Call, Committee, Department, Deploy, Digest, Genesis, Ident, Name, Outcome, Payload,
    Receipt, Refusal, Scheme, Transaction, TransactionBody, Upgrade, WIRE_VERSION,
    schema::{self, Access, Docs, Entry, Method, MethodKind, TypeRef},
};
use chancery_runtime::{
    engine::{Engine, EngineConfig},
    execution::{
        BlockContext, BlockExecutor, ChainRules, ExecuteError, QueryCall, QueryResult, VerifiedTransaction,
        on_execution_stack, query,
    },
    state::{MemoryBackend, State, StateConfig, StateView},
    storage::{Durability, StateBackend, WriteBatch},
};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use parity_scale_codec::Encode;

/// Gas that is enough for everything the tests do.
pub const PLENTY: u64 = 5_000_000_000;

/// An account of the tests.
pub struct Account {
    key: SigningKey,
    /// Its address.
    pub address: Address,
    /// The nonce of its next transaction.
    pub nonce: u64,
}

impl Account {
    /// The account whose private key is `seed` 32 times.
    pub fn new(seed: u8) -> Self {
        let key = SigningKey::from([seed; 32]);
        let public: [u8; 32] = VerificationKeyBytes::from(&key).into();
        Self { key, address: Address::of_key(Scheme::Ed25519, &public), nonce: 0 }
    }

    /// A body with the account's next nonce.
    pub fn body(&self, payload: Payload) -> TransactionBody {
        TransactionBody {
            version: WIRE_VERSION,
            chain: name("main"),
            sender: self.address,
            nonce: self.nonce,
            gas_limit: PLENTY,
            valid_until_height: 1_000,
            payload,
            sponsor: None,
        }
    }

    /// The body, signed for the chain of `rules`.
    pub fn sign(&self, rules: &ChainRules, body: TransactionBody) -> Transaction {
        let signature = self.key.sign(&body.digest(rules.digest()).0);
        let public_key = VerificationKeyBytes::from(&self.key).into();
        let authorisation = Authorisation::Ed25519 { public_key, signature: signature.into() };
        Transaction { body, authorisation, sponsor_authorisation: None }
    }
}

/// `text` as a name.
pub fn name(text: &str) -> Name {
    Name::new(text).expect("the tests' names are names")
}

/// Where `scripts/contracts.sh` leaves a contract's Wasm.
pub fn contract_file(file: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("../target"), PathBuf::from);
    target.join("contracts").join(file)
}

/// The module of a contract that `scripts/contracts.sh` compiled.
///
/// # Panics
/// When it was not compiled.
pub fn contract(file: &str) -> Vec<u8> {
    let path = contract_file(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run scripts/contracts.sh", path.display()))
}

/// A module from its text, with a schema that names these methods, all without arguments.
///
/// # Panics
/// When the text is not a module.
pub fn module(text: &str, methods: &[(&str, MethodKind)]) -> Vec<u8> {
    let contract = Entry::Contract {
        format: schema::FORMAT,
        name: "Hostile".into(),
        version: "0.1.0".into(),
        sdk: "0.1.0".into(),
        docs: Docs::default(),
    };
    let method = |(method, kind): &(&str, MethodKind)| {
        Entry::Method(Method {
            name: Ident::new(*method).expect("the tests' methods are identifiers"),
            kind: *kind,
            access: Access::Anyone,
            arguments: Vec::new(),
            returns: TypeRef::Unit,
            reentrant: false,
            docs: Docs::default(),
        })
    };
    module_with(text, std::iter::once(contract).chain(methods.iter().map(method)))
}

/// A module from its text, with a schema of these entries.
///
/// # Panics
/// When the text is not a module.
pub fn module_with(text: &str, entries: impl Iterator<Item = Entry>) -> Vec<u8> {
    let section: Vec<u8> = entries.flat_map(|entry| entry.to_section_bytes()).collect();
    let mut wasm = wat::parse_str(text).expect("the tests' texts are modules");
    let mut custom = Vec::new();
    leb128(&mut custom, schema::SECTION.len());
    custom.extend_from_slice(schema::SECTION.as_bytes());
    custom.extend_from_slice(&section);
    wasm.push(0);
    leb128(&mut wasm, custom.len());
    wasm.extend_from_slice(&custom);
    wasm
}

fn leb128(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push((number as u8) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The genesis of the tests' chain: one department, `judicial`, and one validator.
pub fn genesis() -> Genesis {
    Genesis {
        version: WIRE_VERSION,
        chain: name("main"),
        timestamp_ms: 1_000,
        committee: Committee::new(vec![validator_public_key()]).expect("one member is a committee"),
        schedule: 1,
        departments: vec![Department { name: name("judicial"), deployers: vec![Account::new(1).address] }],
        relying_parties: Vec::new(),
        mainchain: None,
        registry: None,
    }
}

/// The key that makes the tests' blocks.
pub fn validator_key() -> SigningKey {
    SigningKey::from([7; 32])
}

fn validator_public_key() -> [u8; 32] {
    VerificationKeyBytes::from(&validator_key()).into()
}

/// A chain in memory.
pub struct Chain {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The chain's rules.
    pub rules: ChainRules,
    /// Its state.
    pub state: State<MemoryBackend>,
    /// The department's deployer.
    pub department: Account,
    /// Milliseconds by which the next block is later than its height says.
    pub later_ms: u64,
}

impl Chain {
    /// A new chain with one department, `judicial`.
    pub fn new() -> Self {
        Self::with_engine(EngineConfig::default())
    }

    /// A new chain whose engine is configured as said.
    pub fn with_engine(config: EngineConfig) -> Self {
        Self::on(Arc::new(Engine::new(config).expect("this machine runs the sandbox")))
    }

    /// A new chain that this engine runs.
    pub fn on(engine: Arc<Engine>) -> Self {
        Self::begin(engine, genesis())
    }

    /// A new chain that takes passkeys of this site.
    pub fn with_relying_party(site: &str) -> Self {
        let genesis = Genesis { relying_parties: vec![Digest::of(site.as_bytes())], ..genesis() };
        let engine = Engine::new(EngineConfig::default()).expect("this machine runs the sandbox");
        Self::begin(Arc::new(engine), genesis)
    }

    fn begin(engine: Arc<Engine>, genesis: Genesis) -> Self {
        let rules = ChainRules::new(genesis).expect("the genesis is sound");
        let state = State::open(Arc::new(MemoryBackend::default()), StateConfig::default()).expect("a new store opens");
        Self { engine, rules, state, department: Account::new(1), later_ms: 0 }
    }

    /// Executes one block of one transaction and makes it final.
    ///
    /// # Errors
    /// When the transaction may not be in the block; the state is then unchanged.
    pub fn submit(&mut self, transaction: Transaction) -> Result<Receipt, Refusal> {
        let receipts = self.submit_block(vec![transaction])?;
        Ok(receipts.into_iter().next().expect("one transaction was executed"))
    }

    /// Executes one block and makes it final.
    ///
    /// # Errors
    /// When a transaction may not be in the block; the state is then unchanged.
    pub fn submit_block(&mut self, transactions: Vec<Transaction>) -> Result<Vec<Receipt>, Refusal> {
        let verify = |transaction| VerifiedTransaction::verify(transaction, &self.rules);
        let verified = transactions.into_iter().map(verify).collect::<Result<Vec<_>, _>>()?;
        let context = self.next();
        let executed = on_execution_stack(|stack| {
            let view = self.state.view(None);
            let mut executor =
                BlockExecutor::begin(stack, &self.engine, &self.rules, &view, context, &[]).expect("the block begins");
            for transaction in &verified {
                match executor.execute(transaction) {
                    Ok(_) => {}
                    Err(ExecuteError::Refused(refusal)) => return Err(refusal),
                    Err(error) => panic!("the tests' chain stopped: {error}"),
                }
            }
            Ok(executor.finish().expect("the chain does not stop"))
        })?;
        let overlay = Arc::new(self.state.prepare(None, executed.changes).expect("the state is readable"));
        let mut batch = WriteBatch::default();
        self.state.stage(&overlay, &mut batch).expect("the overlay follows the state");
        self.state.backend().write(batch, Durability::Synced).expect("memory takes every write");
        self.state.advance(overlay).expect("the overlay was staged");
        Ok(executed.receipts)
    }

    fn next(&self) -> BlockContext {
        let height = self.state.height() + 1;
        BlockContext { height, timestamp_ms: 1_000 + height + self.later_ms, mainchain: None }
    }

    /// Deploys a module for the department.
    pub fn deploy(&mut self, contract: &str, code: Vec<u8>, input: Vec<u8>) -> Receipt {
        let deploy = Deploy { department: name("judicial"), name: name(contract), code, input };
        let transaction = self.department.sign(&self.rules, self.department.body(Payload::Deploy(deploy)));
        self.department.nonce += 1;
        self.submit(transaction).expect("a signed deploy may be in a block")
    }

    /// Puts a module in a contract's place.
    pub fn upgrade(&mut self, contract: &str, code: Vec<u8>, input: Vec<u8>) -> Receipt {
        let upgrade = Upgrade { contract: self.address(contract), code, input };
        self.department.nonce = self.nonce(&self.department.address);
        let transaction = self.department.sign(&self.rules, self.department.body(Payload::Upgrade(upgrade)));
        self.department.nonce += 1;
        self.submit(transaction).expect("a signed upgrade may be in a block")
    }

    /// The address of one of the department's contracts.
    pub fn address(&self, contract: &str) -> Address {
        Address::of_contract(self.rules.name(), &name("judicial"), &name(contract))
    }

    /// Calls a contract's method.
    pub fn call(&mut self, account: &mut Account, contract: &str, method: &str, arguments: &impl Encode) -> Receipt {
        self.call_with_gas(account, contract, method, arguments, PLENTY)
    }

    /// Calls a contract's method with a gas limit.
    pub fn call_with_gas(
        &mut self,
        account: &mut Account,
        contract: &str,
        method: &str,
        arguments: &impl Encode,
        gas_limit: u64,
    ) -> Receipt {
        let method = Ident::new(method).expect("the tests' methods are identifiers");
        let call = Call { contract: self.address(contract), method, input: arguments.encode() };
        let valid_until_height = self.state.height() + 1_000;
        let body = TransactionBody { gas_limit, valid_until_height, ..account.body(Payload::Call(call)) };
        account.nonce += 1;
        self.submit(account.sign(&self.rules, body)).expect("a signed call may be in a block")
    }

    /// Asks a contract.
    pub fn query(&self, contract: &str, method: &str, arguments: &impl Encode) -> QueryResult {
        self.query_with_gas(contract, method, arguments, PLENTY)
    }

    /// Asks a contract with a gas limit.
    pub fn query_with_gas(&self, contract: &str, method: &str, arguments: &impl Encode, gas_limit: u64) -> QueryResult {
        let call = QueryCall {
            contract: self.address(contract),
            method: Ident::new(method).expect("the tests' methods are identifiers"),
            input: arguments.encode(),
            caller: Address::default(),
            gas_limit,
        };
        on_execution_stack(|stack| {
            let view = self.state.view(None);
            query(stack, &self.engine, &self.rules, &view, self.next(), call).expect("the state is readable")
        })
    }

    /// An account's next nonce as the state has it.
    pub fn nonce(&self, account: &Address) -> u64 {
        let view: &dyn StateView = &self.state.view(None);
        chancery_runtime::execution::accounts::nonce(view, account).expect("the state is readable")
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

/// The code of the contract's own error that an outcome is, or 0.
pub fn error_code(outcome: &Outcome) -> u32 {
    match outcome {
        Outcome::Failed { code, .. } => *code,
        _ => 0,
    }
}
