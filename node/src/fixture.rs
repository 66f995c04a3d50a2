//! What the node's tests share: a chain with one validator, an account that may deploy, and a small contract.

use chancery_abi::{
    Address, Authorisation, Call, Certificate, Committee, Deploy, Genesis, Ident, Name, Payload, Scheme, Transaction,
    TransactionBody, VoteSignature, WIRE_VERSION,
    host::MODULE,
    schema::{
        Access, Collection, Docs, Entry, ErrorType, EventType, FORMAT, Method, MethodKind, SECTION, StorageField,
        TypeRef,
    },
};
use chancery_runtime::{
    engine::{Engine, EngineConfig},
    execution::{ChainRules, VerifiedTransaction},
};
use ed25519_zebra::{SigningKey, VerificationKey};
use std::sync::Arc;

use crate::chain::{Candidate, FinalityProof, GenesisPlan, PlannedDepartment, RegistryPlan, plan_genesis};

pub(crate) const GENESIS_TIME_MS: u64 = 1_700_000_000_000;
/// The slot key of the contract's one field.
pub(crate) const SLOT: &[u8] = b"\x05value";
pub(crate) const ERROR_CODE: u32 = 7;

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

pub(crate) fn ident(text: &str) -> Ident {
    Ident::new(text).expect("an identifier")
}

/// An account.
pub(crate) struct Account {
    key: SigningKey,
    public_key: [u8; 32],
}

impl Account {
    pub(crate) fn new(seed: u8) -> Self {
        Self::of_key(SigningKey::from([seed; 32]))
    }

    pub(crate) fn of_key(key: SigningKey) -> Self {
        let public_key = VerificationKey::from(&key).into();
        Self { key, public_key }
    }

    pub(crate) fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    pub(crate) fn address(&self) -> Address {
        Address::of_key(Scheme::Ed25519, &self.public_key)
    }

    pub(crate) fn send(&self, nonce: u64, payload: Payload) -> Transaction {
        self.send_on(&genesis(), nonce, payload)
    }

    pub(crate) fn send_on(&self, genesis: &Genesis, nonce: u64, payload: Payload) -> Transaction {
        let body = TransactionBody {
            version: WIRE_VERSION,
            chain: name("main"),
            sender: self.address(),
            nonce,
            gas_limit: 2_000_000_000,
            valid_until_height: 1_000,
            payload,
            sponsor: None,
        };
        let signature = self.key.sign(&body.digest(&genesis.digest()).0).to_bytes();
        let authorisation = Authorisation::Ed25519 { public_key: self.public_key, signature };
        Transaction { body, authorisation, sponsor_authorisation: None }
    }
}

pub(crate) fn deployer() -> Account {
    Account::new(1)
}

pub(crate) fn validator_key() -> SigningKey {
    SigningKey::from([9; 32])
}

pub(crate) fn genesis() -> Genesis {
    genesis_of(&[validator_key()])
}

/// The genesis of a chain with these validators.
pub(crate) fn genesis_of(validators: &[SigningKey]) -> Genesis {
    let keys = validators.iter().map(|key| VerificationKey::from(key).into()).collect();
    plan_genesis(GenesisPlan {
        chain: name("main"),
        committee: Committee::new(keys).expect("a committee"),
        timestamp_ms: GENESIS_TIME_MS,
        departments: vec![(name("land"), vec![deployer().address()]), (name("water"), vec![deployer().address()])],
        registry: None,
    })
}

/// The genesis of a chain with these validators and a registry, each of whose departments has one of them in turn.
pub(crate) fn genesis_with_registry(validators: &[SigningKey]) -> Genesis {
    genesis_with_plan(validators, &registry_plan(validators))
}

/// The same by another plan.
pub(crate) fn genesis_with_plan(validators: &[SigningKey], plan: &RegistryPlan) -> Genesis {
    let registry = plan.setup(&name("main"), GENESIS_TIME_MS);
    Genesis { departments: Vec::new(), registry: Some(registry), ..genesis_of(validators) }
}

/// The administrator of a department of [`registry_plan`], by its place.
pub(crate) fn administrator(place: u8) -> Account {
    Account::new(100 + place)
}

/// Three departments, each with an administrator and in turn one of the validators.
pub(crate) fn registry_plan(validators: &[SigningKey]) -> RegistryPlan {
    let department = |(place, text): (usize, &str)| {
        let nodes = validators.iter().skip(place).step_by(3);
        let operator = VerificationKey::from(&SigningKey::from([200 + place as u8; 32])).into();
        PlannedDepartment {
            name: name(text),
            title: text.to_owned(),
            administrators: vec![administrator(place as u8).address()],
            nodes: nodes.map(|key| (VerificationKey::from(key).into(), operator)).collect(),
            deployers: vec![deployer().address()],
        }
    };
    let departments = ["land", "water", "forest"].into_iter().enumerate().map(department).collect();
    RegistryPlan::trial(departments)
}

/// The one validator's public key.
pub(crate) fn validator_public_key() -> [u8; 32] {
    VerificationKey::from(&validator_key()).into()
}

/// What shows that a block of the chain with one validator is final.
pub(crate) fn certify(candidate: &Candidate) -> FinalityProof {
    let header = &candidate.block().header;
    let mut certificate = Certificate {
        version: WIRE_VERSION,
        epoch: header.epoch,
        view: header.height,
        parent_view: header.height - 1,
        header: *candidate.digest(),
        votes: Vec::new(),
    };
    let signature = validator_key().sign(&certificate.preimage(&genesis().digest())).to_bytes();
    certificate.votes.push(VoteSignature { member: 0, signature });
    certificate.into()
}

pub(crate) fn rules() -> ChainRules {
    ChainRules::new(genesis()).expect("a genesis of this release")
}

pub(crate) fn engine() -> Arc<Engine> {
    Arc::new(Engine::new(EngineConfig::default()).expect("this machine runs contracts"))
}

pub(crate) fn verified(transaction: Transaction) -> VerifiedTransaction {
    VerifiedTransaction::verify(transaction, &rules()).expect("it is whole and signed")
}

pub(crate) fn contract(department: &str) -> Address {
    Address::of_contract(&name("main"), &name(department), &name("box"))
}

pub(crate) fn deploy(department: &str) -> Payload {
    let (department, name) = (name(department), name("box"));
    Payload::Deploy(Deploy { department, name, code: module(), input: Vec::new() })
}

pub(crate) fn call(method: &str, input: &[u8]) -> Payload {
    Payload::Call(Call { contract: contract("land"), method: ident(method), input: input.to_vec() })
}

/// A contract that keeps one value of bytes: `put` takes the SCALE of bytes, announces `put` and stores them, `get`
/// gives them back, `refuse` refuses, `spin` never ends.
pub(crate) fn module() -> Vec<u8> {
    let section: Vec<u8> = schema().iter().flat_map(Entry::to_section_bytes).collect();
    let section: String = section.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(
        r#"(module
            (import "{MODULE}" "input_len" (func $input_len (result i32)))
            (import "{MODULE}" "input_read" (func $input_read (param i32 i32)))
            (import "{MODULE}" "output" (func $output (param i32 i32)))
            (import "{MODULE}" "fail" (func $fail (param i32 i32 i32)))
            (import "{MODULE}" "emit" (func $emit (param i32 i32)))
            (import "{MODULE}" "storage_get" (func $get (param i32 i32 i32 i32) (result i32)))
            (import "{MODULE}" "storage_set" (func $set (param i32 i32 i32 i32)))
            (memory (export "memory") 2 2)
            (data (i32.const 0) "\05value")
            (data (i32.const 16) "\0cput\00\00")
            (func (export "call.put")
                (call $input_read (i32.const 64) (call $input_len))
                (call $set (i32.const 0) (i32.const 6) (i32.const 64) (call $input_len))
                (call $emit (i32.const 16) (i32.const 6)))
            (func (export "call.get")
                (call $output (i32.const 64) (call $get (i32.const 0) (i32.const 6) (i32.const 64) (i32.const 65536))))
            (func (export "call.refuse") (call $fail (i32.const {ERROR_CODE}) (i32.const 0) (i32.const 0)))
            (func (export "call.spin") (loop (br 0)))
            (@custom "{SECTION}" "{section}"))"#
    );
    wat::parse_str(text).expect("the text is a module")
}

fn docs(text: &str) -> Docs {
    Docs { en: text.into(), zh: String::new() }
}

fn schema() -> Vec<Entry> {
    let method = |name: &str, kind, arguments, returns| {
        Entry::Method(Method {
            name: ident(name),
            kind,
            access: Access::Anyone,
            arguments,
            returns,
            reentrant: false,
            docs: Docs::default(),
        })
    };
    let value = chancery_abi::schema::Field { name: ident("value"), ty: TypeRef::Bytes, docs: Docs::default() };
    vec![
        Entry::Contract {
            format: FORMAT,
            name: "Box".into(),
            version: "1.0.0".into(),
            sdk: "0.1.0".into(),
            docs: docs("Keeps one value."),
        },
        Entry::Storage(StorageField {
            name: ident("value"),
            collection: Collection::Value(TypeRef::Bytes),
            public: true,
            docs: Docs::default(),
        }),
        method("put", MethodKind::Call, vec![value], TypeRef::Unit),
        method("get", MethodKind::Query, Vec::new(), TypeRef::Bytes),
        method("refuse", MethodKind::Query, Vec::new(), TypeRef::Unit),
        method("spin", MethodKind::Query, Vec::new(), TypeRef::Unit),
        Entry::Event(EventType { name: ident("put"), fields: Vec::new(), keys: Vec::new(), docs: Docs::default() }),
        Entry::Error(ErrorType {
            code: ERROR_CODE,
            name: "Closed".into(),
            fields: Vec::new(),
            message: docs("the box is closed"),
        }),
    ]
}
