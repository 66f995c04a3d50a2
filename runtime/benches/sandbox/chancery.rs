//! The jobs on Chancery as a block's transactions, signatures aside: nonce, intrinsic gas, savepoint, the call with its
//! gas and stack height counted, receipt. Entries are read through the real state.

use std::{sync::Arc, time::Duration};

use chancery_abi::{
    Address, Authorisation, Call, Committee, Department, Deploy, Genesis, Ident, Name, Payload, Scheme, Transaction,
    TransactionBody, WIRE_VERSION,
};
use chancery_runtime::{
    engine::{Engine, EngineConfig},
    execution::{BlockContext, BlockExecutor, ChainRules, ExecutionStack, VerifiedTransaction},
    state::{MemoryBackend, State, StateConfig},
    storage::{Durability, StateBackend as _, WriteBatch},
};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};

use crate::clock::timed;

/// A chain in memory with the contract deployed.
pub(crate) struct Chancery {
    engine: Arc<Engine>,
    rules: ChainRules,
    state: State<MemoryBackend>,
    key: SigningKey,
    sender: Address,
    nonce: u64,
    contract: Address,
}

fn name(text: &str) -> Name {
    Name::new(text).expect("the benches' names are names")
}

impl Chancery {
    /// A chain with `code` deployed, which its init method gets `input` for.
    pub(crate) fn new(stack: &ExecutionStack, code: Vec<u8>, input: Vec<u8>) -> Self {
        let key = SigningKey::from([1; 32]);
        let public: [u8; 32] = VerificationKeyBytes::from(&key).into();
        let sender = Address::of_key(Scheme::Ed25519, &public);
        let genesis = Genesis {
            version: WIRE_VERSION,
            chain: name("main"),
            timestamp_ms: 1_000,
            committee: Committee::new(vec![[7; 32]]).expect("one member is a committee"),
            schedule: 1,
            departments: vec![Department { name: name("office"), deployers: vec![sender] }],
            relying_parties: Vec::new(),
            mainchain: None,
            registry: None,
        };
        let rules = ChainRules::new(genesis).expect("the genesis is sound");
        let contract = Address::of_contract(rules.name(), &name("office"), &name("yardstick"));
        let engine = Arc::new(Engine::new(EngineConfig::default()).expect("this machine runs the sandbox"));
        let state = State::open(Arc::new(MemoryBackend::default()), StateConfig::default()).expect("a new store opens");
        let mut chain = Self { engine, rules, state, key, sender, nonce: 0, contract };
        chain.deploy(stack, code, input);
        chain
    }

    /// Who calls.
    #[allow(dead_code, reason = "each bench uses its part")]
    pub(crate) fn sender(&self) -> Address {
        self.sender
    }

    fn sign(&self, nonce: u64, gas_limit: u64, payload: Payload) -> VerifiedTransaction {
        let body = TransactionBody {
            version: WIRE_VERSION,
            chain: name("main"),
            sender: self.sender,
            nonce,
            gas_limit,
            valid_until_height: 1_000,
            payload,
            sponsor: None,
        };
        let signature = self.key.sign(&body.digest(self.rules.digest()).0).into();
        let public_key = VerificationKeyBytes::from(&self.key).into();
        let authorisation = Authorisation::Ed25519 { public_key, signature };
        let transaction = Transaction { body, authorisation, sponsor_authorisation: None };
        VerifiedTransaction::verify(transaction, &self.rules).expect("the signature holds")
    }

    fn context(&self) -> BlockContext {
        let height = self.state.height() + 1;
        BlockContext { height, timestamp_ms: 1_000 + height, mainchain: None }
    }

    fn deploy(&mut self, stack: &ExecutionStack, code: Vec<u8>, input: Vec<u8>) {
        let deploy = Deploy { department: name("office"), name: name("yardstick"), code, input };
        let transaction = self.sign(0, 5_000_000_000, Payload::Deploy(deploy));
        let view = self.state.view(None);
        let mut executor = BlockExecutor::begin(stack, &self.engine, &self.rules, &view, self.context(), &[])
            .expect("the block begins");
        let receipt = executor.execute(&transaction).expect("the deploy may be in a block");
        assert!(receipt.outcome.is_done(), "{receipt:?}");
        let changes = executor.finish().expect("it does not halt").changes;
        drop(view);
        let overlay = Arc::new(self.state.prepare(None, changes).expect("memory can be read"));
        let mut batch = WriteBatch::default();
        self.state.stage(&overlay, &mut batch).expect("the block is the next");
        self.state.backend().write(batch, Durability::Synced).expect("memory can be written");
        self.state.advance(overlay).expect("the block was staged");
        self.nonce = 1;
    }

    /// Signed and verified calls with these inputs, each with at most `gas`.
    pub(crate) fn calls(&self, method: &str, inputs: &[Vec<u8>], gas: u64) -> Vec<VerifiedTransaction> {
        let method = Ident::new(method).expect("a method's name");
        let call = |input: &Vec<u8>| Call { contract: self.contract, method: method.clone(), input: input.clone() };
        let payloads = inputs.iter().map(|input| Payload::Call(call(input)));
        (self.nonce..).zip(payloads).map(|(nonce, payload)| self.sign(nonce, gas, payload)).collect()
    }

    /// CPU time of executing `calls` as a block on the same state every time, and the gas it used.
    pub(crate) fn time_of_block(&self, stack: &ExecutionStack, calls: &[VerifiedTransaction]) -> (Duration, u64) {
        let view = self.state.view(None);
        let mut executor = BlockExecutor::begin(stack, &self.engine, &self.rules, &view, self.context(), &[])
            .expect("the block begins");
        let time = timed(|| {
            for call in calls {
                let receipt = executor.execute(call).expect("the call may be in the block");
                assert!(receipt.outcome.is_done(), "{receipt:?}");
            }
        });
        (time, executor.finish().expect("it does not halt").gas_used)
    }
}
