//! What decoding holds in memory: never more than twice the input and the slack, whatever the input claims; and every
//! value that is within its own limits can still be read.
//!
//! A global allocator counts what the running thread holds and held at most. Growing a block in place of another
//! counts as its growth, which is what the system's allocator does with large ones.
#![expect(
    unsafe_code,
    reason = "counting what is allocated takes a global allocator; it passes every call on unchanged"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use chancery_abi::{
    Address, Authorisation, Beacon, Block, Call, Certificate, Claim, Committee, DecodeError, Department, Digest, Event,
    Finality, Genesis, HandOver, Header, Ident, Link, MainchainSeen, Name, Origin, Outcome, Payload, ProofBundle,
    Receipt, StateSubject, Transaction, TransactionBody, TrustAnchor, VoteSignature,
    codec::{ALLOCATION_SLACK_BYTES, decode, encode},
    limits::*,
    merkle::Path,
    schema::{Docs, Entry, Field, Method, Shape, TypeRef, Variant},
};
use parity_scale_codec::{Compact, DecodeWithMemTracking, Encode};

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

fn count(more: usize, less: usize) {
    let held = HELD.get().wrapping_add(more).wrapping_sub(less);
    HELD.set(held);
    // What another thread gave us to free leaves a number below zero.
    if held < usize::MAX / 2 {
        MOST.set(MOST.get().max(held));
    }
}

// SAFETY: every call goes to the system's allocator with the same arguments, and its result is returned unchanged.
// Counting touches two cells of the thread that need no destructor and allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `run` returns, and what this thread held at most beyond what it held before.
fn measured<R>(run: impl FnOnce() -> R) -> (R, usize) {
    let before = HELD.get();
    MOST.set(before);
    let result = run();
    (result, MOST.get() - before)
}

/// Decodes `bytes`, checks what that held, and returns the result.
fn bounded<T: Encode + DecodeWithMemTracking>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (result, held) = measured(|| decode::<T>(bytes, bytes.len()));
    let kind = std::any::type_name::<T>();
    let limit = match kind == std::any::type_name::<Block>() {
        true => (2 * bytes.len() + ALLOCATION_SLACK_BYTES) * 9 / 8,
        false => 2 * bytes.len() + ALLOCATION_SLACK_BYTES,
    };
    assert!(held <= limit, "{} bytes of a {kind} took {held}, more than {limit}", bytes.len());
    result
}

fn name(text: &str) -> Name {
    Name::new(text).expect("the tests' names are valid")
}

fn ident(text: &str) -> Ident {
    Ident::new(text).expect("the tests' names are valid")
}

fn header() -> Header {
    Header {
        version: 1,
        chain: name("m"),
        height: 1,
        epoch: 0,
        parent: Digest::default(),
        timestamp_ms: 0,
        proposer: [0; 32],
        state_root: Digest::default(),
        transactions_root: Digest::default(),
        receipts_root: Digest::default(),
        history_root: Digest::default(),
        next_committee: None,
        gas_used: 0,
        schedule: 1,
        beacons: Vec::new(),
        mainchain: None,
    }
}

/// The smallest call that can be in a block.
fn small_call() -> Call {
    Call { contract: Address::default(), method: ident("m"), input: Vec::new() }
}

fn transaction(payload: Payload, sponsor: Option<Box<Authorisation>>) -> Transaction {
    let body = TransactionBody {
        version: 1,
        chain: name("m"),
        sender: Address::default(),
        nonce: 0,
        gas_limit: 0,
        valid_until_height: 0,
        payload,
        sponsor: sponsor.is_some().then(Address::default),
    };
    let authorisation = Authorisation::Ed25519 { public_key: [0; 32], signature: [0; 64] };
    Transaction { body, authorisation, sponsor_authorisation: sponsor }
}

fn webauthn() -> Authorisation {
    Authorisation::WebAuthn {
        public_key: [0; 33],
        authenticator_data: Vec::new(),
        client_data: Vec::new(),
        signature: [0; 64],
    }
}

/// An event that is many times larger in memory than on the wire.
fn small_event() -> Event {
    Event { contract: Address::default(), name: ident("e"), keys: vec![Vec::new(); EVENT_KEYS_MAX], data: Vec::new() }
}

fn receipt(events: Vec<Event>) -> Receipt {
    let outcome = Outcome::Done { output: Vec::new() };
    Receipt { version: 1, transaction: Digest::default(), height: 1, index: 0, gas_used: 0, outcome, events }
}

fn committee(members: usize) -> Committee {
    Committee::new((0..members).map(|i| [i as u8; 32]).collect()).expect("the keys are different")
}

fn certificate(votes: usize) -> Certificate {
    let vote = |member| VoteSignature { member, signature: [0; 64] };
    let votes = (0..votes as u16).map(vote).collect();
    Certificate { version: 1, epoch: 0, view: 1, parent_view: 0, header: Digest::default(), votes }
}

fn genesis(departments: Vec<Department>) -> Genesis {
    Genesis {
        version: 1,
        chain: name("m"),
        timestamp_ms: 0,
        committee: committee(COMMITTEE_MAX),
        schedule: 1,
        departments,
        relying_parties: Vec::new(),
        mainchain: None,
        registry: None,
    }
}

fn bundle(claim: Claim, link: Link, hand_overs: Vec<HandOver>) -> ProofBundle {
    let finality = Finality::Certificate { hand_overs, certificate: certificate(1) };
    ProofBundle { version: 1, origin: Origin::AnchoredChain, claim, header: header(), link, finality }
}

fn state_claim() -> Claim {
    Claim::State { subject: StateSubject::System, key: vec![1], value: Some(vec![2]), nodes: vec![vec![3; 100]; 4] }
}

fn receipt_claim(events: Vec<Event>) -> Claim {
    Claim::Receipt { receipt: receipt(events), path: Path { index: 0, count: 2, siblings: vec![Digest::default()] } }
}

fn hand_over() -> HandOver {
    let header = Header { next_committee: Some(Digest::default()), ..header() };
    HandOver { header, certificate: certificate(1), next: committee(1) }
}

fn field(name: &str) -> Field {
    Field { name: ident(name), ty: TypeRef::Unit, docs: Docs::default() }
}

fn method(arguments: usize) -> Entry {
    Entry::Method(Method {
        name: ident("m"),
        kind: chancery_abi::schema::MethodKind::Call,
        access: chancery_abi::schema::Access::Anyone,
        arguments: (0..arguments).map(|i| field(&format!("a{i}"))).collect(),
        returns: TypeRef::Tuple(vec![TypeRef::Optional(Box::new(TypeRef::Named("T".into()))); 3]),
        reentrant: false,
        docs: Docs::default(),
    })
}

/// A type of `count` variants with a field each.
fn variants(count: usize) -> Entry {
    let variant = |index| Variant { name: "V".into(), index, fields: vec![field("f")], docs: Docs::default() };
    let variants = (0..count).map(|index| variant(index as u8)).collect();
    Entry::Type { name: "T".into(), shape: Shape::Enum(variants), docs: Docs::default() }
}

/// Puts lengths that nothing can have at every place of a value's bytes, with nothing, little or much behind them.
fn claim_everywhere<T: Encode + DecodeWithMemTracking>(value: &T) {
    let good = encode(value);
    bounded::<T>(&good).unwrap_or_else(|error| panic!("{}: {error}", std::any::type_name::<T>()));
    let lengths: [&[u8]; 4] =
        [&Compact(1u32 << 14).encode(), &Compact((1u32 << 30) - 1).encode(), &[3, 255, 255, 255, 255], &[255; 20]];
    // Zeros are as many empty things, ones as many of something, and fours lists of one within lists of one.
    let tails: [&[u8]; 5] = [&[], &[0; 100], &[0; 20_000], &[1; 20_000], &[4; 20_000]];
    for place in 0..good.len() {
        for length in lengths {
            for tail in tails {
                drop(bounded::<T>(&[&good[..place], length, tail].concat()));
            }
            drop(bounded::<T>(&[&good[..place], length, &good[place..]].concat()));
        }
    }
}

#[test]
fn claimed_lengths_allocate_nothing_they_do_not_have() {
    claim_everywhere(&transaction(Payload::Batch(vec![small_call(); 2]), Some(Box::new(webauthn()))));
    claim_everywhere(&Block { header: header(), transactions: vec![transaction(Payload::Call(small_call()), None)] });
    claim_everywhere(&receipt(vec![small_event(); 2]));
    claim_everywhere(&certificate(2));
    claim_everywhere(&genesis(vec![Department { name: name("d"), deployers: vec![Address::default()] }]));
    claim_everywhere(&TrustAnchor::of_genesis(&genesis(Vec::new())));
    claim_everywhere(&method(2));
    claim_everywhere(&variants(2));
    claim_everywhere(&bundle(state_claim(), Link::Descendants(vec![header()]), vec![hand_over()]));
    let history = Link::History { header: header(), path: Path { index: 0, count: 1, siblings: Vec::new() } };
    claim_everywhere(&bundle(receipt_claim(vec![small_event()]), history, Vec::new()));
}

/// Valid lists of the things that grow most when they are read, far longer than any limit.
#[test]
fn long_lists_of_small_things_are_bounded() {
    let refused = |result: Result<(), DecodeError>| assert_eq!(result, Err(DecodeError::Malformed));
    refused(bounded::<Receipt>(&encode(&receipt(vec![small_event(); 100_000]))).map(drop));
    let claim = Claim::State {
        subject: StateSubject::System,
        key: Vec::new(),
        value: None,
        nodes: vec![Vec::new(); 1_000_000],
    };
    refused(bounded::<ProofBundle>(&encode(&bundle(claim, Link::Same, Vec::new()))).map(drop));
    let departments = vec![Department { name: name("d"), deployers: Vec::new() }; 100_000];
    refused(bounded::<Genesis>(&encode(&genesis(departments))).map(drop));
    refused(bounded::<Entry>(&encode(&variants(10_000))).map(drop));
    let batch = transaction(Payload::Batch(vec![small_call(); 100_000]), None);
    refused(bounded::<Transaction>(&encode(&batch)).map(drop));
    let unit = vec![0u8; 1_000_000];
    refused(bounded::<TypeRef>(&[&[11][..], &Compact(1_000_000u32).encode(), &unit].concat()).map(drop));
}

#[test]
fn deep_nesting_is_cut_off() {
    for (level, unit) in [(&[9u8][..], 1_000_000), (&[10], 1_000_000), (&[11, 4], 500_000), (&[11, 8, 0], 300_000)] {
        assert_eq!(bounded::<TypeRef>(&level.repeat(unit)).map(drop), Err(DecodeError::Malformed));
    }
}

#[test]
fn random_changes_of_long_values() {
    let mut random = 1u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize
    };
    let bundle = encode(&bundle(
        receipt_claim(vec![small_event(); 20]),
        Link::Descendants(vec![header(); 4]),
        vec![hand_over(); 4],
    ));
    let entry = encode(&variants(50));
    for _ in 0..20_000 {
        for good in [&bundle, &entry] {
            let mut changed = good.clone();
            for _ in 0..1 + next() % 4 {
                let place = next() % changed.len();
                changed[place] = next() as u8;
            }
            drop(bounded::<ProofBundle>(&changed));
            drop(bounded::<Entry>(&changed));
        }
    }
}

/// Whatever is within its own limits, and as large in memory for its bytes as it can be, can be read.
fn readable<T: Encode + DecodeWithMemTracking>(value: &T, limit: usize) {
    let bytes = encode(value);
    assert!(bytes.len() <= limit, "{} bytes are over the limit themselves", bytes.len());
    if let Err(error) = bounded::<T>(&bytes) {
        panic!("{} bytes of a {} cannot be read: {error}", bytes.len(), std::any::type_name::<T>());
    }
}

#[test]
fn the_fullest_blocks_and_transactions_can_be_read() {
    let block = |transaction: Transaction, count| Block { header: header(), transactions: vec![transaction; count] };
    let limit = BLOCK_BYTES_MAX + 4_096;
    readable(&block(transaction(Payload::Call(small_call()), None), BLOCK_TRANSACTIONS_MAX), limit);
    let ed25519 = Authorisation::Ed25519 { public_key: [0; 32], signature: [0; 64] };
    for sponsor in [ed25519, webauthn()] {
        let sponsored = transaction(Payload::Call(small_call()), Some(Box::new(sponsor)));
        readable(&block(sponsored, BLOCK_TRANSACTIONS_MAX), limit);
    }
    let mut passkey = transaction(Payload::Call(small_call()), None);
    passkey.authorisation = webauthn();
    readable(&block(passkey, BLOCK_TRANSACTIONS_MAX), limit);
    readable(&block(transaction(Payload::Batch(vec![small_call(); 1]), None), BLOCK_TRANSACTIONS_MAX), limit);
    let batch = transaction(Payload::Batch(vec![small_call(); BATCH_CALLS_MAX]), None);
    readable(&batch, TRANSACTION_BYTES_MAX);
    readable(&block(batch, 1_500), limit);
    let mut call = small_call();
    call.input = vec![7; CALL_DATA_BYTES_MAX];
    readable(&transaction(Payload::Call(call), None), TRANSACTION_BYTES_MAX);
}

#[test]
fn the_fullest_receipts_can_be_read() {
    readable(&receipt(vec![small_event(); EVENTS_MAX]), EVENTS_BYTES_MAX);
    let large = Event { data: vec![7; EVENT_BYTES_MAX - 50], ..small_event() };
    readable(&receipt(vec![large; EVENTS_BYTES_MAX / EVENT_BYTES_MAX]), EVENTS_BYTES_MAX + CALL_DATA_BYTES_MAX);
    readable(&bundle(receipt_claim(vec![small_event(); EVENTS_MAX]), Link::Same, Vec::new()), PROOF_BYTES_MAX);
}

#[test]
fn the_fullest_headers_genesis_and_anchors_can_be_read() {
    let header = Header {
        next_committee: Some(Digest::default()),
        beacons: vec![Beacon { height: 1, signature: [0; 48] }; BEACONS_MAX],
        mainchain: Some(MainchainSeen { height: 1, header: Digest::default() }),
        ..header()
    };
    readable(&header, 4_096);
    readable(&certificate(COMMITTEE_MAX), 16_384);
    // The shortest names there are.
    let short = |i: usize| name(&format!("{}{}", (b'a' + (i % 26) as u8) as char, i / 26));
    let department = |i| Department { name: short(i), deployers: Vec::new() };
    let genesis = genesis((0..DEPARTMENTS_MAX).map(department).collect());
    readable(&genesis, 1 << 20);
    readable(&TrustAnchor::of_genesis(&genesis), 1 << 20);
}

#[test]
fn the_fullest_bundles_can_be_read() {
    let descendants = |count| Link::Descendants(vec![header(); count]);
    readable(&bundle(state_claim(), descendants(PROOF_DESCENDANTS_MAX), Vec::new()), PROOF_BYTES_MAX);
    readable(&bundle(state_claim(), Link::Same, vec![hand_over(); PROOF_HAND_OVERS_MAX]), PROOF_BYTES_MAX);
    // No node of ours is shorter than a leaf of no nibbles.
    let nodes = vec![vec![7; 34]; PROOF_NODES_MAX];
    let claim =
        Claim::State { subject: StateSubject::System, key: vec![1], value: Some(vec![7; CODE_BYTES_MAX]), nodes };
    readable(&bundle(claim, descendants(1), vec![hand_over()]), PROOF_BYTES_MAX);
}

#[test]
fn the_fullest_schema_entries_can_be_read() {
    readable(&method(PARAMETERS_MAX), SCHEMA_BYTES_MAX);
    readable(&variants(256), SCHEMA_BYTES_MAX);
    let shape = Shape::Struct((0..256).map(|i| field(&format!("f{i}"))).collect());
    readable(&Entry::Type { name: "T".into(), shape, docs: Docs::default() }, SCHEMA_BYTES_MAX);
}
