//! What the registry may be upgraded to: decided by a constitutional act, for a time, and one code at a time. What the
//! runtime makes of it is tested where it reads a registry: `cross_chain/upgraded.rs`.

use ::registry::upgrades::*;
use chancery_testing::Digest;

use super::*;

fn approve(code: u8, until_ms: u64) -> Measure {
    Measure::ApproveUpgrade { code: Digest([code; 32]), until_ms }
}

#[test]
fn code_is_approved_with_what_a_constitutional_act_takes() {
    let network = Network::new();
    let (chain, registry) = (&network.chain, &network.registry);
    let (code, until_ms) = (Digest([1; 32]), chain.now_ms() + 60 * DAY_MS);
    let act = registry.propose(approve(1, until_ms), "2026-9").by(&administrator(0)).done();
    registry.approve(act).by(&administrator(1)).done();
    chain.advance(days(1));
    // That would do for a routine act.
    assert_eq!(network.finish(act), Err("NotApproved".into()));
    registry.approve(act).by(&administrator(2)).done();
    assert_eq!(network.finish(act), Err("TooEarly".into()));
    assert_eq!(registry.approved_upgrade().ask(), None);
    chain.advance(days(1));
    let announced = UpgradeApproved { act, code, until_ms };
    registry.carry_out(act).by(&administrator(3)).emitted(&announced).done();
    assert_eq!(registry.approved_upgrade().ask(), Some(ApprovedUpgrade { code, until_ms, act }));
}

#[test]
fn an_approval_ends_by_itself_within_90_days() {
    let network = Network::new();
    let (chain, registry) = (&network.chain, &network.registry);
    network.refuses(approve(1, chain.now_ms()), "BadTime");
    // It is carried out a day later.
    network.refuses(approve(1, chain.now_ms() + 92 * DAY_MS), "BadTime");
    let until_ms = chain.now_ms() + 10 * DAY_MS;
    network.enact(approve(1, until_ms)).expect("it is in bounds");
    chain.advance(days(8));
    assert!(registry.approved_upgrade().ask().is_some());
    chain.advance(days(1));
    assert_eq!(registry.approved_upgrade().ask(), None);
}

#[test]
fn a_later_approval_takes_an_earlier_ones_place() {
    let network = Network::new();
    let until_ms = network.chain.now_ms() + 60 * DAY_MS;
    network.enact(approve(1, until_ms)).expect("it is in bounds");
    let act = network.enact(approve(2, until_ms)).expect("it is in bounds");
    let code = Digest([2; 32]);
    assert_eq!(network.registry.approved_upgrade().ask(), Some(ApprovedUpgrade { code, until_ms, act }));
}
