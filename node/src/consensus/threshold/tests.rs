//! Four validators over sockets and the registry's real Wasm: one key, its beacons and attestations, what outlives a
//! restart, and a key that takes another's place.

use std::time::Duration;

use chancery_abi::{Address, Beacon, Call, Digest, Finality, Outcome, Payload, TrustAnchor, codec};
use chancery_runtime::{
    execution::registry::{Group, Registry, ThresholdKeys},
    state::FinalView,
};
use chancery_verify::{Confirmed, threshold::beacon_holds, verify};
use parity_scale_codec::{Decode as _, Encode as _};

use crate::{
    chain::{RegistryPlan, Word},
    consensus::tests::{Net, keys},
    fixture::{administrator, genesis_with_plan, ident, name, registry_plan},
};

const PATIENCE: Duration = Duration::from_secs(90);

fn read<T>(net: &Net, place: usize, read: impl FnOnce(&Registry<'_>) -> T) -> T {
    let ledger = net.chain(place).ledger();
    let view = FinalView(&**ledger.backend());
    read(&Registry::of(ledger.rules(), &view).expect("a mainchain has a place for its registry"))
}

fn group(net: &Net, place: usize) -> Option<Group> {
    read(net, place, |registry| registry.group().expect("memory can be read"))
}

fn threshold_keys(net: &Net, place: usize) -> ThresholdKeys {
    read(net, place, |registry| registry.threshold_keys().expect("memory can be read"))
}

/// The chain's trust anchor with the threshold keys that a node's state has now.
fn anchor(net: &Net, place: usize) -> TrustAnchor {
    let threshold_keys = threshold_keys(net, place).spans.into_iter().map(|span| span.key).collect();
    TrustAnchor { threshold_keys, ..TrustAnchor::of_genesis(&net.genesis) }
}

/// The height of a node's newest attestation.
fn attested(net: &Net, place: usize) -> u64 {
    net.chain(place).attestation().expect("memory can be read").map_or(0, |(height, _)| height)
}

/// Calls the registry as an administrator and waits until that is done; what it gave.
fn call_registry(net: &Net, by: u8, method: &str, input: Vec<u8>) -> Vec<u8> {
    let (account, chain) = (administrator(by), net.chain(0));
    let (_, nonce) = chain.account_nonces(&account.address()).expect("memory can be read");
    let call = Call { contract: Address::registry(&name("main")), method: ident(method), input };
    let transaction = account.send_on(&net.genesis, nonce, Payload::Call(call));
    let digest: Digest = transaction.body.digest(&net.genesis.digest());
    chain.submit(transaction).expect("it is taken");
    let receipt = || chain.ledger().db().receipt(&digest).expect("memory can be read");
    net.wait("the call", PATIENCE, |_| receipt().is_some());
    match receipt().expect("just seen").outcome {
        Outcome::Done { output } => output,
        other => panic!("{method}: {other:?}"),
    }
}

/// Has two departments decide on a measure.
fn enact(net: &Net, measure: impl parity_scale_codec::Encode) {
    let proposed = call_registry(net, 0, "propose", (measure, "2026-1").encode());
    let act = u32::decode(&mut &proposed[..]).expect("an act's number");
    call_registry(net, 1, "approve", act.encode());
    call_registry(net, 0, "carry_out", act.encode());
}

/// The beacons that a node's blocks have brought, each with the height of its block.
fn brought(net: &Net, place: usize) -> Vec<(u64, Beacon)> {
    let ledger = net.chain(place).ledger();
    let header = |height| ledger.db().header(height).expect("memory can be read").expect("it is final");
    let of = |height| header(height).beacons.into_iter().map(move |beacon| (height, beacon));
    (1..=ledger.tip().height).flat_map(of).collect()
}

/// Waits until everyone's blocks have brought `count` more beacons than the first one's have now.
fn wait_for_more(net: &Net, places: &[usize], count: usize) {
    let before = brought(net, places[0]).len();
    net.wait("more beacons", PATIENCE, |net| places.iter().all(|place| brought(net, *place).len() >= before + count));
}

#[test]
fn four_hold_one_key_and_every_height_has_one_beacon_which_outlives_restarts() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut net = Net::with_registry(home.path());
    (0..4).for_each(|place| net.start(place));
    net.wait("a key everywhere", PATIENCE, |net| (0..4).all(|place| group(net, place).is_some()));
    let key = group(&net, 0).expect("just seen");
    assert_eq!((key.holders, key.untrusted, key.round), (4, false, 0));
    wait_for_more(&net, &[0, 1, 2, 3], 5);

    // One of them may be away.
    net.stop(3);
    wait_for_more(&net, &[0, 1, 2], 4);
    // After a restart of all, the shares are where they were: no new ceremony.
    (0..3).for_each(|place| net.stop(place));
    (0..4).for_each(|place| net.start(place));
    wait_for_more(&net, &[0, 1, 2, 3], 4);

    net.assert_equal();
    assert_eq!((0..4).map(|place| group(&net, place)).collect::<Vec<_>>(), vec![Some(key.clone()); 4]);
    let genesis = net.genesis.digest();
    let mut due = key.from_height;
    for (height, beacon) in brought(&net, 2) {
        assert_eq!(beacon.height, due, "a height is left out, or comes twice");
        assert!(beacon.height < height, "the beacon of height {} is in block {height}", beacon.height);
        assert!(beacon_holds(&genesis, &key.key, &beacon));
        due += 1;
    }
    assert!(due > key.from_height + 10);
}

/// The variants of the contract's `Measure`.
const ROTATE_THRESHOLD_KEY: u8 = 26;
const GIVE_UP_ROTATION: u8 = 27;

#[test]
fn a_key_takes_anothers_place_and_what_trusts_the_old_one_follows() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let plan = RegistryPlan { beacon_lead_blocks: 2, ..registry_plan(&keys()) };
    let mut net = Net::of(home.path(), genesis_with_plan(&keys(), &plan));
    (0..4).for_each(|place| net.start(place));
    net.wait("a key everywhere", PATIENCE, |net| (0..4).all(|place| group(net, place).is_some()));
    let old = group(&net, 0).expect("just seen");
    let old_anchor = anchor(&net, 0);

    // Headers are attested; one file leads to the key, by any node.
    net.wait("attestations", PATIENCE, |net| (0..4).all(|place| attested(net, place) > old.from_height));
    let registry = crate::chain::ContractRef::Address(Address::registry(&name("main")));
    let slot = b"\x0cepoch_blocks";
    let prove = |net: &Net, place: usize, known| {
        let word = Word::Attestation { known };
        codec::encode(&net.chain(place).prove_state(&registry, slot, None, word).expect("it is provable"))
    };
    for place in 0..4 {
        let verified = verify(&prove(&net, place, None), &old_anchor).expect("it is attested");
        assert_eq!(verified.confirmed, Confirmed::Attestation { key: old.key, rotations: 0, untrusted: false });
    }

    // One rotation is given up, and nothing is left of it.
    let far = net.height(0) + 10_000;
    enact(&net, (ROTATE_THRESHOLD_KEY, far));
    let successor = |net: &Net, place| read(net, place, |registry| registry.successor().expect("readable"));
    net.wait("an announced key", PATIENCE, |net| successor(net, 0).is_some());
    assert_eq!(threshold_keys(&net, 0).spans.len(), 2);
    enact(&net, GIVE_UP_ROTATION);
    net.wait("that it is given up", PATIENCE, |net| (0..4).all(|place| successor(net, place).is_none()));
    assert_eq!(threshold_keys(&net, 0).spans.len(), 1);

    // The other goes through, with one away for the ceremony, all restarted after the announcement, and one again while the
    // others sign.
    net.stop(3);
    enact(&net, (ROTATE_THRESHOLD_KEY, net.height(0) + 100));
    net.wait("an announced key", PATIENCE, |net| (0..3).all(|place| successor(net, place).is_some()));
    let announced = successor(&net, 0).expect("just seen");
    assert_ne!(announced.key, old.key);
    (0..3).for_each(|place| net.stop(place));
    (0..4).for_each(|place| net.start(place));
    net.wait("the time to sign", PATIENCE, |net| net.height(0) >= announced.from_height - 30);
    net.stop(1);
    net.start(1);
    net.wait("the new key", PATIENCE, |net| {
        (0..4).all(|place| group(net, place).is_some_and(|now| now.key != old.key))
    });
    let new = group(&net, 0).expect("just seen");
    assert_eq!((new.key, new.from_height), (announced.key, announced.from_height));
    wait_for_more(&net, &[0, 1, 2, 3], 3);
    net.assert_equal();
    // The one that was away for the ceremony has made its share out since, so another may go.
    net.stop(2);
    wait_for_more(&net, &[0, 1, 3], 4);
    net.start(2);
    wait_for_more(&net, &[0, 1, 2, 3], 2);

    // No height is without its beacon, and each is of the key that speaks for it.
    let (genesis, spans) = (net.genesis.digest(), threshold_keys(&net, 2));
    let mut due = old.from_height;
    for (_, beacon) in brought(&net, 2) {
        assert_eq!(beacon.height, due, "a height is left out, or comes twice");
        let key = if due < new.from_height { &old.key } else { &new.key };
        assert!(beacon_holds(&genesis, key, &beacon), "the beacon of height {due}");
        assert_eq!(spans.at(due).map(|span| &span.key), Some(key));
        due += 1;
    }
    assert!(due > new.from_height);

    // The anchor from before leads to today's key by the signature that stands in the registry; an anchor of today needs
    // none. The old key's word ends where the new one's begins.
    net.wait("attestations by it", PATIENCE, |net| (0..4).all(|place| attested(net, place) >= new.from_height));
    let bundle = prove(&net, 3, Some(old.key));
    let verified = verify(&bundle, &old_anchor).expect("the old key names the new one");
    assert_eq!(verified.confirmed, Confirmed::Attestation { key: new.key, rotations: 1, untrusted: false });
    let verified = verify(&prove(&net, 1, Some(new.key)), &anchor(&net, 1)).expect("it is attested");
    assert_eq!(verified.confirmed, Confirmed::Attestation { key: new.key, rotations: 0, untrusted: false });
    let mut without: chancery_abi::ProofBundle = codec::decode(&bundle, bundle.len()).expect("a bundle");
    let Finality::Attestation { rotations, .. } = &mut without.finality else { panic!("it is attested") };
    rotations.clear();
    assert!(verify(&codec::encode(&without), &old_anchor).is_err(), "it takes the old key's signature");
}
