//! Calls between contracts through typed handles, and what else a call's context gives, in real Wasm.

use chancery_abi::{
    Address, Digest, Outcome, TrapClass,
    schema::{SECTION, Schema, custom_section},
};
use chancery_tests::{Account, Chain, PLENTY, contract, error_code};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use p256::ecdsa::signature::Signer as _;
use parity_scale_codec::{Decode, Encode};

/// A chain with a counter, an evidence repository, and the contract that calls them.
fn chain() -> Chain {
    let mut chain = Chain::new();
    let court = Account::new(2).address;
    for (name, file, input) in [
        ("counter", "counter.wasm", Vec::new()),
        ("evidence", "evidence.wasm", court.encode()),
        ("caller", "caller.wasm", "judicial".encode()),
    ] {
        let deployed = chain.deploy(name, contract(file), input);
        assert!(deployed.outcome.is_done(), "{name}: {:?}", deployed.outcome);
    }
    chain
}

fn answer<T: Decode>(outcome: &Outcome) -> T {
    let Outcome::Done { output } = outcome else { panic!("{outcome:?}") };
    T::decode(&mut &output[..]).expect("the answer is of the method's type")
}

#[test]
fn a_handle_calls_and_reads_what_was_returned() {
    let (mut chain, mut anyone) = (chain(), Account::new(9));
    let receipt = chain.call(&mut anyone, "caller", "add_twice", &5u64);
    assert_eq!(answer::<u64>(&receipt.outcome), 10);
    let [first, second] = &receipt.events[..] else { panic!("two events: {:?}", receipt.events) };
    assert_eq!((first.contract, second.contract), (chain.address("counter"), chain.address("counter")));
    assert_eq!(first.keys, [chain.address("caller").encode()], "the counter's caller is the contract");
    assert_eq!(answer::<u64>(&chain.query("caller", "count", &PLENTY).outcome), 10);
}

#[test]
fn the_callees_errors_have_their_names_and_fields() {
    let (mut chain, mut anyone) = (chain(), Account::new(9));
    chain.call(&mut anyone, "caller", "add_twice", &1u64);
    let full = chain.call(&mut anyone, "caller", "add_twice", &(u64::MAX - 2));
    assert_eq!(error_code(&full.outcome), 1, "CounterFull: {:?}", full.outcome);
    assert_eq!(answer::<u64>(&chain.query("caller", "count", &PLENTY).outcome), 2, "what it did first is undone");
    let digest = Digest([5; 32]);
    let missing = chain.query("caller", "case_of", &digest);
    let expected = Outcome::Failed { contract: chain.address("caller"), code: 2, data: digest.encode() };
    assert_eq!(missing.outcome, expected, "the digest came with the callee's error");
    let denied = chain.call(&mut anyone, "caller", "reset", &());
    let not_allowed = Outcome::Failed { contract: chain.address("caller"), code: 4, data: 0xFFFF_0001u32.encode() };
    assert_eq!(denied.outcome, not_allowed, "an error of the SDK's own is passed on by its number");
}

#[test]
fn a_caller_goes_on_after_a_callee_that_refused() {
    let (mut chain, mut anyone) = (chain(), Account::new(9));
    let tried = chain.call(&mut anyone, "caller", "try_add", &u64::MAX);
    assert!(answer::<bool>(&tried.outcome));
    let tried = chain.call(&mut anyone, "caller", "try_add", &1u64);
    assert!(!answer::<bool>(&tried.outcome));
    assert_eq!(tried.events, [], "the callee that refused announced nothing");
}

#[test]
fn a_handle_gives_the_gas_it_is_told_to() {
    let chain = chain();
    let starved = chain.query("caller", "count", &100u64);
    assert_eq!(error_code(&starved.outcome), 3, "Stopped: {:?}", starved.outcome);
    assert_eq!(answer::<u64>(&chain.query("caller", "count", &1_000_000u64).outcome), 0);
}

#[test]
fn a_record_of_another_contract_is_read_with_its_types() {
    let mut chain = chain();
    let (mut admin, mut custodian) = (Account::new(1), Account::new(3));
    admin.nonce = chain.nonce(&admin.address);
    chain.call(&mut admin, "evidence", "appoint", &(custodian.address, "registry-1"));
    let digest = Digest([5; 32]);
    let filed = chain.call(&mut custodian, "evidence", "file", &(digest, "2026-0001"));
    assert!(filed.outcome.is_done(), "{:?}", filed.outcome);
    let record: (String, u32, bool) = answer(&chain.query("caller", "case_of", &digest).outcome);
    assert_eq!(record, ("2026-0001".into(), 0, true));
}

#[test]
fn the_schemas_beside_the_caller_are_those_of_the_contracts() {
    for (file, saved) in [
        ("counter.wasm", &include_bytes!("contracts/caller/interfaces/counter.schema")[..]),
        ("evidence.wasm", &include_bytes!("contracts/caller/interfaces/evidence.schema")[..]),
    ] {
        let module = contract(file);
        let section = custom_section(&module, SECTION).expect("a contract has a schema");
        let saved = Schema::from_section(saved).expect("it was a schema when it was saved");
        let now = Schema::from_section(section).expect("a contract's schema is one");
        assert_eq!(saved, now, "save it again: chancery contract schema {file} --save FILE");
    }
}

#[test]
fn a_call_knows_where_it_is() {
    let chain = chain();
    type Whereabouts = (Address, Address, Address, String, u64, u64);
    let (this, caller, signer, name, height, time): Whereabouts =
        answer(&chain.query("caller", "whereabouts", &()).outcome);
    assert_eq!((this, caller, signer), (chain.address("caller"), Address::default(), Address::default()));
    let next = chain.state.height() + 1;
    assert_eq!((name.as_str(), height, time), ("main", next, 1_000 + next));
}

#[test]
fn signatures_of_both_kinds_hold_and_break() {
    let chain = chain();
    let (message, other) = (b"the message".to_vec(), b"another one".to_vec());
    let key = SigningKey::from([7; 32]);
    let (public, signature) = (<[u8; 32]>::from(VerificationKeyBytes::from(&key)), key.sign(&message).to_bytes());
    let ed25519 =
        |message: &Vec<u8>| answer::<bool>(&chain.query("caller", "ed25519", &(public, signature, message)).outcome);
    assert_eq!((ed25519(&message), ed25519(&other)), (true, false));

    let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a scalar");
    let signature: p256::ecdsa::Signature = key.sign(&message);
    let signature = signature.normalize_s();
    let public: [u8; 33] =
        key.verifying_key().to_sec1_point(true).as_bytes().try_into().expect("a compressed point has 33 bytes");
    let holds = |public: [u8; 33], signature: p256::ecdsa::Signature, message: &Vec<u8>| {
        let signature: [u8; 64] = signature.to_bytes().into();
        answer::<bool>(&chain.query("caller", "p256", &(public, signature, message)).outcome)
    };
    assert!(holds(public, signature, &message));
    assert!(!holds(public, signature, &other), "another message");
    let high = p256::ecdsa::Signature::from_scalars(*signature.r(), -*signature.s()).expect("scalars");
    assert!(!holds(public, high, &message), "the other s, which plain ECDSA accepts");
    assert!(!holds([9; 33], signature, &message), "no point of the curve");
}

#[test]
fn a_contract_in_a_contract_runs_out_of_gas_alone_only_when_it_was_given_less() {
    let (mut chain, mut anyone) = (chain(), Account::new(9));
    let receipt = chain.call_with_gas(&mut anyone, "caller", "add_twice", &1u64, 200_000);
    let stopped = matches!(receipt.outcome, Outcome::Trapped { class: TrapClass::OutOfGas, .. })
        || error_code(&receipt.outcome) == 3;
    assert!(stopped, "{:?}", receipt.outcome);
    assert_eq!(answer::<u64>(&chain.query("caller", "count", &PLENTY).outcome), 0);
}
