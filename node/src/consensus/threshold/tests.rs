//! Four validators over sockets and the registry's real Wasm: one key, its beacons, and what outlives a restart.

use std::time::Duration;

use chancery_abi::Beacon;
use chancery_runtime::{
    execution::registry::{Group, Registry},
    state::FinalView,
};
use chancery_verify::threshold::beacon_holds;

use crate::consensus::tests::Net;

const PATIENCE: Duration = Duration::from_secs(90);

fn group(net: &Net, place: usize) -> Option<Group> {
    let ledger = net.chain(place).ledger();
    let view = FinalView(&**ledger.backend());
    let registry = Registry::of(ledger.rules(), &view).expect("a mainchain has a place for its registry");
    registry.group().expect("memory can be read")
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
