//! The counter on a chain of its own.

use chancery_testing::{Account, Chain};
use counter::*;

#[test]
fn anyone_counts_and_only_its_owner_resets() {
    let (chain, bob) = (Chain::new(), Account::named("bob"));
    let counter = chain.deploy::<Counter>("counter").init().done();
    assert_eq!(counter.add(5).by(&bob).emitted(&Counted { by: bob.address(), count: 5 }).done(), 5);
    counter.reset().by(&bob).refused("NotAllowed");
    counter.reset().by(&chain.deployer()).done();
    assert_eq!(counter.value().ask(), 0);
}

#[test]
fn a_full_counter_stays_as_it_is() {
    let chain = Chain::new();
    let counter = chain.deploy::<Counter>("counter").init().done();
    counter.add(u64::MAX).by(&chain.deployer()).done();
    counter.add(1).by(&chain.deployer()).refused_with(&CounterError::Full);
    assert_eq!(counter.prove("count").value(), Some(u64::MAX));
}
