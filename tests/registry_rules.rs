//! What contracts meet of the registry's rules through the runtime: roles, freezes and beacons.

use chancery_testing::{Account, Address, Chain, Deployed, ExecutionRefusal, Outcome};
use clerks::*;

fn clerk() -> Account {
    Account::named("clerk")
}

fn office() -> (Chain, Deployed<Clerks>) {
    let chain = Chain::new();
    let clerks = chain.deploy::<Clerks>("clerks").done();
    (chain, clerks)
}

#[test]
fn a_method_for_holders_of_a_role_refuses_others() {
    let (chain, clerks) = office();
    clerks.draw(1).by(&clerk()).refused("NotAllowed");
    // The registry's names have dashes.
    chain.grant_role("chief-clerk", &clerk());
    clerks.draw(1).by(&Account::named("other")).refused("NotAllowed");
    let drawn = clerks.draw(1).by(&clerk()).done();
    assert!(drawn.is_some());
    chain.revoke_role("chief_clerk", &clerk());
    clerks.draw(1).by(&clerk()).refused("NotAllowed");
}

#[test]
fn a_beacon_is_known_once_a_later_block_brought_it_and_each_height_has_another() {
    let (chain, clerks) = office();
    let next = chain.height() + 1;
    assert_eq!(clerks.beacon(next).ask(), None, "the height is not there yet");
    chain.grant_role("chief_clerk", &clerk());
    assert_eq!(clerks.draw(next + 1).by(&clerk()).done(), None, "a block never knows its own");
    let (first, second) = (clerks.draw(next).by(&clerk()).done(), clerks.draw(next + 1).by(&clerk()).done());
    assert!(first.is_some() && second.is_some() && first != second);
    assert_eq!(clerks.beacon(next).ask(), first, "a beacon never changes");
}

#[test]
fn without_the_holders_of_the_key_a_draw_waits_and_is_not_lost() {
    let (chain, clerks) = office();
    chain.grant_role("chief_clerk", &clerk());
    chain.withhold_beacons(true);
    let height = chain.height() + 1;
    assert_eq!(clerks.draw(height).by(&clerk()).done(), None);
    assert_eq!(clerks.draw(height).by(&clerk()).done(), None, "no beacon, no draw");
    chain.withhold_beacons(false);
    assert!(clerks.draw(height).by(&clerk()).done().is_some());
}

#[test]
fn what_is_frozen_does_nothing_and_can_be_looked_at() {
    let (chain, clerks) = office();
    chain.grant_role("chief_clerk", &clerk());
    let frozen = |target: Address| {
        chain.freeze(target);
        let outcome = clerks.draw(1).by(&clerk()).outcome().clone();
        assert_eq!(outcome, Outcome::Refused { reason: ExecutionRefusal::Frozen });
        assert!(clerks.beacon(1).ask().is_some());
        chain.unfreeze(target);
        assert!(clerks.draw(1).by(&clerk()).done().is_some());
    };
    frozen(clerk().address());
    frozen(clerks.address());
}
