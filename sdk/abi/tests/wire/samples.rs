//! One value of every wire type, of easily recognised bytes.

use chancery_abi::{
    Address, Authorisation, Beacon, Block, Call, Certificate, Claim, Committee, Department, Deploy, Digest, Event,
    Finality, Genesis, HandOver, Header, Ident, KeyRotation, Link, MainchainSeen, Name, Origin, Outcome, Payload,
    ProofBundle, Receipt, RegistrySetup, StateSubject, ThresholdKey, Transaction, TransactionBody, TrustAnchor,
    Upgrade, VoteSignature,
    merkle::Path,
    schema::{
        Access, Collection, Docs, Entry, ErrorType, EventType, Field, Method, MethodKind, Shape, StorageField, TypeRef,
        Variant,
    },
};

pub(crate) const GENESIS: Digest = Digest([0x77; 32]);

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("the samples' names are valid")
}

pub(crate) fn ident(text: &str) -> Ident {
    Ident::new(text).expect("the samples' names are valid")
}

pub(crate) fn body(payload: Payload, sponsor: Option<Address>) -> TransactionBody {
    TransactionBody {
        version: 1,
        chain: name("main"),
        sender: Address([0x22; 32]),
        nonce: 7,
        gas_limit: 1_000_000,
        valid_until_height: 500,
        payload,
        sponsor,
    }
}

pub(crate) fn call() -> Call {
    Call { contract: Address([0x33; 32]), method: ident("file_it"), input: vec![1, 2, 3] }
}

pub(crate) fn ed25519() -> Authorisation {
    Authorisation::Ed25519 { public_key: [0x44; 32], signature: [0x55; 64] }
}

pub(crate) fn webauthn() -> Authorisation {
    Authorisation::WebAuthn {
        public_key: [0x02; 33],
        authenticator_data: vec![0xaa; 37],
        client_data: b"{}".to_vec(),
        signature: [0x66; 64],
    }
}

pub(crate) fn transaction() -> Transaction {
    Transaction { body: body(Payload::Call(call()), None), authorisation: ed25519(), sponsor_authorisation: None }
}

pub(crate) fn sponsored_deploy() -> Transaction {
    let deploy =
        Deploy { department: name("archive"), name: name("evidence-2"), code: b"\0asm".to_vec(), input: Vec::new() };
    Transaction {
        body: body(Payload::Deploy(deploy), Some(Address([0x99; 32]))),
        authorisation: webauthn(),
        sponsor_authorisation: Some(Box::new(ed25519())),
    }
}

pub(crate) fn upgrade() -> Payload {
    Payload::Upgrade(Upgrade { contract: Address([0x33; 32]), code: b"\0asm".to_vec(), input: vec![9] })
}

pub(crate) fn batch() -> Payload {
    Payload::Batch(vec![call(), call()])
}

pub(crate) fn header() -> Header {
    Header {
        version: 1,
        chain: name("main"),
        height: 258,
        epoch: 3,
        parent: Digest([0x01; 32]),
        timestamp_ms: 1_795_404_561_000,
        proposer: [0x02; 32],
        state_root: Digest([0x03; 32]),
        transactions_root: Digest([0x04; 32]),
        receipts_root: Digest([0x05; 32]),
        history_root: Digest([0x06; 32]),
        next_committee: None,
        gas_used: 4_096,
        schedule: 1,
        beacons: Vec::new(),
        mainchain: None,
    }
}

pub(crate) fn full_header() -> Header {
    Header {
        next_committee: Some(Digest([0x07; 32])),
        beacons: vec![Beacon { height: 257, signature: [0x08; 48] }],
        mainchain: Some(MainchainSeen { height: 256, header: Digest([0x09; 32]) }),
        ..header()
    }
}

pub(crate) fn block() -> Block {
    Block { header: header(), transactions: vec![transaction()] }
}

pub(crate) fn event() -> Event {
    Event { contract: Address([0x33; 32]), name: ident("filed"), keys: vec![vec![1], vec![2, 3]], data: vec![4, 5, 6] }
}

pub(crate) fn receipt(outcome: Outcome, events: Vec<Event>) -> Receipt {
    Receipt { version: 1, transaction: Digest([0x11; 32]), height: 258, index: 2, gas_used: 1_500, outcome, events }
}

pub(crate) fn done() -> Receipt {
    receipt(Outcome::Done { output: vec![0xff] }, vec![event()])
}

pub(crate) fn certificate() -> Certificate {
    let vote = |(member, byte): (u16, u8)| VoteSignature { member, signature: [byte; 64] };
    Certificate {
        version: 1,
        epoch: 3,
        view: 300,
        parent_view: 299,
        header: Digest([0x0a; 32]),
        votes: [(0, 0xb0), (2, 0xb2), (3, 0xb3)].map(vote).to_vec(),
    }
}

pub(crate) fn committee() -> Committee {
    Committee::new(vec![[0xc3; 32], [0xc1; 32], [0xc4; 32], [0xc2; 32]]).expect("the keys are different")
}

pub(crate) fn genesis() -> Genesis {
    Genesis {
        version: 1,
        chain: name("main"),
        timestamp_ms: 1_795_404_561_000,
        committee: committee(),
        schedule: 1,
        departments: vec![Department { name: name("archive"), deployers: vec![Address([0x22; 32])] }],
        relying_parties: vec![Digest([0xdd; 32])],
        mainchain: None,
        registry: Some(RegistrySetup { code: vec![0xc0, 0xde], input: vec![0x01] }),
    }
}

pub(crate) fn anchor() -> TrustAnchor {
    TrustAnchor {
        threshold_keys: vec![ThresholdKey { key: [0xee; 96], from_height: 1, to_height: Some(1_000), untrusted: true }],
        ..TrustAnchor::of_genesis(&genesis())
    }
}

pub(crate) fn path() -> Path {
    Path { index: 1, count: 3, siblings: vec![Digest([0x0b; 32]), Digest([0x0c; 32])] }
}

/// A bundle of every kind of claim and link. None of them proves anything.
pub(crate) fn bundles() -> Vec<ProofBundle> {
    let state = |subject, value| Claim::State {
        subject,
        key: vec![5, b'f', b'i', b'l', b'e', b's'],
        value,
        nodes: vec![vec![0]],
    };
    let contract = StateSubject::Contract { department: name("archive"), name: name("evidence") };
    let claims = [
        (state(contract, Some(vec![1, 2])), Link::Same),
        (state(StateSubject::System, None), Link::Descendants(vec![full_header()])),
        (Claim::Receipt { receipt: done(), path: path() }, Link::History { header: full_header(), path: path() }),
    ];
    let hand_over = HandOver { header: full_header(), certificate: certificate(), next: committee() };
    let bundle = |(claim, link)| ProofBundle {
        version: 1,
        origin: Origin::AnchoredChain,
        claim,
        header: header(),
        link,
        finality: Finality::Certificate { hand_overs: vec![hand_over.clone()], certificate: certificate() },
    };
    claims.map(bundle).to_vec()
}

/// The first of them, by the threshold key.
pub(crate) fn attested() -> ProofBundle {
    let rotation = KeyRotation { key: [0xee; 96], from_height: 9, signature: [0xef; 48] };
    let finality = Finality::Attestation { rotations: vec![rotation], signature: [0xf0; 48] };
    ProofBundle { finality, ..bundles().swap_remove(0) }
}

fn docs() -> Docs {
    Docs { en: "A".into(), zh: "甲".into() }
}

fn field(name: &str, ty: TypeRef) -> Field {
    Field { name: ident(name), ty, docs: Docs::default() }
}

/// A schema entry of every kind, which together are a schema.
pub(crate) fn entries() -> Vec<Entry> {
    let pair = TypeRef::Tuple(vec![TypeRef::Unsigned(64), TypeRef::Optional(Box::new(TypeRef::Text))]);
    let variant = |index: u8, fields| Variant { name: "Open".into(), index, fields, docs: Docs::default() };
    vec![
        Entry::Contract {
            format: 1,
            name: "Evidence".into(),
            version: "1.0.0".into(),
            sdk: "0.1.0".into(),
            docs: docs(),
        },
        Entry::Storage(StorageField {
            name: ident("files"),
            collection: Collection::Map(TypeRef::Digest, TypeRef::Named("Status".into())),
            public: true,
            docs: docs(),
        }),
        Entry::Method(Method {
            name: ident("file_it"),
            kind: MethodKind::Call,
            access: Access::Member(ident("files")),
            arguments: vec![field("digest", TypeRef::FixedBytes(32)), field("pair", pair)],
            returns: TypeRef::Unit,
            reentrant: false,
            docs: docs(),
        }),
        Entry::Type {
            name: "Status".into(),
            shape: Shape::Enum(vec![variant(3, vec![field("by", TypeRef::Address)])]),
            docs: Docs::default(),
        },
        Entry::Event(EventType {
            name: ident("filed"),
            fields: vec![field("list", TypeRef::List(Box::new(TypeRef::Signed(8))))],
            keys: vec![ident("list")],
            docs: Docs::default(),
        }),
        Entry::Error(ErrorType { code: 7, name: "Sealed".into(), fields: Vec::new(), message: docs() }),
    ]
}
