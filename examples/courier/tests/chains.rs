//! Contracts of several chains under test: messages go when the test says so, run once, and what is refused comes back once.

use chancery_testing::{Account, Address, Chains, Deployed};
use courier::*;

/// A courier on each of the chains.
fn couriers(chains: &Chains) -> Vec<Deployed<Courier>> {
    ["main", "waste", "plates"].map(|chain| chains.on(chain).deploy::<Courier>("courier").init(100).done()).into()
}

#[test]
fn messages_between_all_chains_run_once_or_come_back_once() {
    let chains = Chains::new(&["waste", "plates"]);
    let couriers = couriers(&chains);
    let anyone = Account::named("anyone");
    let names = ["main", "waste", "plates"];
    for (of, sender) in couriers.iter().enumerate() {
        for (to, other) in couriers.iter().enumerate().filter(|(to, _)| *to != of) {
            let send = |method: &str| sender.send(names[to], other.address(), method, 7, 1_000).by(&anyone).done();
            assert_eq!((send("credit"), send("decline")), (0, 1), "each lane counts by itself");
        }
    }
    assert_eq!(couriers[1].points("plates").ask(), (72, 0), "sent, and not arrived before it is carried");
    // Twelve there, and the way back of the six that were refused.
    assert_eq!(chains.carry(), 18);
    for (at, courier) in couriers.iter().enumerate() {
        for other in (0..names.len()).filter(|other| *other != at) {
            assert_eq!(courier.points(names[other]).ask(), (86, 7));
            assert!(courier.fate(names[other], 0).ask().0);
            assert!(courier.fate(names[other], 1).ask().1);
        }
    }
    assert_eq!(chains.carry(), 0, "nothing is carried twice");
}

#[test]
fn a_chain_that_is_not_there_is_told_at_once() {
    let chains = Chains::new(&["waste"]);
    let courier = chains.on("waste").deploy::<Courier>("courier").init(100).done();
    courier.send("nowhere", Address::system(), "credit", 7, 1_000).by(&Account::named("anyone")).refused("NotSent");
    assert_eq!(courier.points("nowhere").ask(), (100, 0), "nothing left with it");
}
