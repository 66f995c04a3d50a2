//! Quotas: charged, refilled, shown, with a reserve for administrative acts, and never overdrawn.

use ::registry::quotas::*;
use proptest::{collection::vec, prelude::*};

use super::*;

fn quota(first_ms: u64) -> Quota {
    Quota {
        first_ms,
        period_ms: DAY_MS,
        gas: Allowance { per_period: 1_000, carry_max: 300, reserve: 100 },
        storage: Allowance { per_period: 50, carry_max: 0, reserve: 10 },
    }
}

fn set(department: &str, quota: Quota) -> Measure {
    Measure::SetQuota { department: department.into(), quota }
}

fn meter() -> Account {
    Account::named("meter")
}

/// A network in which `justice` has a quota whose period has just begun.
fn granted() -> Network {
    let network = Network::new();
    let act = network.approved(set("justice", quota(network.chain.now_ms() + DAY_MS)));
    network.chain.advance(days(1));
    network.finish(act).expect("the quota is in bounds");
    network
}

#[test]
fn use_is_charged_and_shown_and_what_is_not_left_is_refused_whole() {
    let network = granted();
    let registry = &network.registry;
    let charge = |gas, storage| registry.charge("justice", gas, storage, false).by(&meter());
    assert_eq!(charge(400, 20).done(), (600, 30));
    charge(601, 1).refused_with(&RegistryError::QuotaExceeded { gas: 600, storage: 30 });
    charge(1, 31).refused_with(&RegistryError::QuotaExceeded { gas: 600, storage: 30 });
    let balance = registry.balance("justice").ask();
    assert_eq!((balance.gas_left, balance.storage_left, balance.usage.gas.used), (600, 30, 400));
    assert_eq!(charge(600, 30).done(), (0, 0));
    assert_eq!(registry.release("justice", 12).by(&meter()).done(), 12);
    assert_eq!(registry.release("justice", 999).by(&meter()).done(), 50);
    registry.charge("justice", 1, 1, false).by(&Account::named("stranger")).refused("NotAllowed");
    registry.release("justice", 1).by(&administrator(0)).refused("NotAllowed");
    registry.charge("interior", 1, 1, false).by(&meter()).refused("NoQuota");
    assert_eq!(registry.quota("justice").ask().gas.per_period, 1_000);
    assert_eq!(registry.quotas(None, 9).ask().len(), 1);
}

#[test]
fn the_reserve_is_for_administrative_acts_alone() {
    let network = granted();
    let registry = &network.registry;
    assert_eq!(registry.charge("justice", 1_000, 50, false).by(&meter()).done(), (0, 0));
    registry.charge("justice", 1, 0, false).by(&meter()).refused("QuotaExceeded");
    registry.charge("justice", 90, 10, true).by(&meter()).done();
    registry.charge("justice", 11, 0, true).by(&meter()).refused("QuotaExceeded");
    registry.charge("justice", 10, 0, true).by(&meter()).done();
    let balance = registry.balance("justice").ask();
    assert_eq!((balance.gas_reserve_left, balance.storage_reserve_left, balance.usage.gas.total), (0, 0, 1_100));
}

#[test]
fn a_period_refills_and_carries_over_what_its_rule_says() {
    let network = granted();
    let registry = &network.registry;
    registry.charge("justice", 800, 50, false).by(&meter()).done();
    network.chain.advance(days(1));
    let balance = registry.balance("justice").ask();
    assert_eq!((balance.gas_left, balance.storage_left), (1_200, 50));
    registry.charge("justice", 1_200, 0, true).by(&meter()).done();
    assert_eq!(registry.balance("justice").ask().gas_left, 100, "the reserve was taken first");
    network.chain.advance(days(5));
    assert_eq!(registry.balance("justice").ask().gas_left, 1_300);
    let refilled_ms = registry.balance("justice").ask().refilled_ms;
    assert!((network.chain.now_ms()..=network.chain.now_ms() + DAY_MS).contains(&refilled_ms));
}

#[test]
fn quotas_are_granted_by_act_alone_and_within_bounds() {
    let network = granted();
    let registry = &network.registry;
    let first_ms = registry.quota("justice").ask().first_ms;
    let now_ms = network.chain.now_ms();
    network.refuses(set("culture", quota(now_ms)), "NoDepartment");
    network.refuses(set("justice", Quota { period_ms: 1, ..quota(now_ms) }), "BadQuota");
    network.refuses(set("justice", Quota { period_ms: 367 * DAY_MS, ..quota(now_ms) }), "BadQuota");
    let huge = Allowance { per_period: u64::MAX, carry_max: 0, reserve: 0 };
    network.refuses(set("justice", Quota { gas: huge, ..quota(now_ms) }), "BadQuota");
    let extra = |department: &str, gas| Measure::GrantExtra { department: department.into(), gas, storage: 7 };
    network.refuses(extra("interior", 1), "NoQuota");
    network.refuses(extra("culture", 1), "NoDepartment");
    network.refuses(extra("justice", u64::MAX), "BadQuota");
    network.enact(extra("justice", 500)).expect("there is a quota");
    assert_eq!(registry.balance("justice").ask().gas_left, 1_000 + 300 + 500);
    registry.charge("justice", 1_700, 57, false).by(&meter()).done();
    network.chain.advance(days(1));
    assert_eq!(registry.balance("justice").ask().gas_left, 1_100, "what is granted on top is for one period");
    // A smaller quota in the same periods: what was used stays used.
    registry.charge("justice", 900, 0, false).by(&meter()).done();
    let act = network.approved(set(
        "justice",
        Quota { gas: Allowance { per_period: 200, carry_max: 0, reserve: 0 }, ..quota(first_ms) },
    ));
    network.chain.advance(hours(2));
    network.finish(act).expect("it is in bounds");
    registry.charge("justice", 1, 0, false).by(&meter()).refused("QuotaExceeded");
}

/// What a quota is worth, period by period: the plain way.
struct Model {
    quota: Quota,
    period: u64,
    carried: u64,
    extra: u64,
    used: u64,
    reserve_used: u64,
}

impl Model {
    fn pass(&mut self, now_ms: u64) {
        while self.period < now_ms.saturating_sub(self.quota.first_ms) / self.quota.period_ms {
            let gas = &self.quota.gas;
            let left = (gas.per_period + self.carried + self.extra).saturating_sub(self.used);
            (self.carried, self.extra, self.used, self.reserve_used) = (left.min(gas.carry_max), 0, 0, 0);
            self.period += 1;
        }
    }

    /// Charges it, or says that it is not left.
    fn charge(&mut self, amount: u64, administrative: bool) -> bool {
        let gas = &self.quota.gas;
        let reserve = if administrative { amount.min(gas.reserve.saturating_sub(self.reserve_used)) } else { 0 };
        let fits = self.used + (amount - reserve) <= gas.per_period + self.carried + self.extra;
        if fits {
            self.used += amount - reserve;
            self.reserve_used += reserve;
        }
        fits
    }
}

#[derive(Clone, Debug)]
enum Use {
    Charge(u64, bool),
    Hostile(u64),
    Wait(u64),
    Extra(u64),
    Quota(u64, u64, u64),
}

fn a_use() -> impl Strategy<Value = Use> {
    prop_oneof![
        8 => (0..900u64, any::<bool>()).prop_map(|(amount, administrative)| Use::Charge(amount, administrative)),
        1 => Just(Use::Charge(u64::MAX, true)),
        1 => (0..900u64).prop_map(Use::Hostile),
        3 => (1..80u64).prop_map(Use::Wait),
        1 => (0..500u64).prop_map(Use::Extra),
        1 => (0..1_500u64, 0..2_500u64, 0..300u64).prop_map(|(gas, carry, reserve)| Use::Quota(gas, carry, reserve)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is charged, granted and changed in whatever order, a charge is taken exactly when a plain count says that it
    /// is left, and nobody but a meter charges.
    #[test]
    fn a_quota_is_never_overdrawn(uses in vec(a_use(), 10..50)) {
        let network = granted();
        let (chain, registry) = (&network.chain, &network.registry);
        let quota = registry.quota("justice").ask();
        let mut model = Model { quota, period: 0, carried: 0, extra: 0, used: 0, reserve_used: 0 };
        for one in uses {
            match one {
                Use::Wait(count) => chain.advance(hours(count)),
                Use::Charge(amount, administrative) => {
                    model.pass(chain.now_ms());
                    let done = registry.charge("justice", amount, 0, administrative).by(&meter());
                    let fits = amount < u64::MAX && model.charge(amount, administrative);
                    prop_assert_eq!(done.outcome().is_done(), fits);
                }
                Use::Hostile(amount) => {
                    for who in [administrator(0), Account::named("stranger")] {
                        registry.charge("justice", amount, 0, true).by(&who).refused("NotAllowed");
                        registry.release("justice", amount).by(&who).refused("NotAllowed");
                    }
                }
                Use::Extra(gas) => {
                    network
                        .enact(Measure::GrantExtra { department: "justice".into(), gas, storage: 0 })
                        .expect("there is a quota");
                    // Its block was the last one.
                    model.pass(chain.now_ms() - 1_000);
                    model.extra += gas;
                }
                Use::Quota(per_period, carry_max, reserve) => {
                    let quota = Quota { gas: Allowance { per_period, carry_max, reserve }, ..model.quota.clone() };
                    network.enact(set("justice", quota.clone())).expect("it is in bounds");
                    model.pass(chain.now_ms() - 1_000);
                    model.carried = model.carried.min(carry_max);
                    model.quota = quota;
                }
            }
            model.pass(chain.now_ms());
            let balance = registry.balance("justice").ask();
            let gas = &model.quota.gas;
            prop_assert_eq!(balance.gas_left, (gas.per_period + model.carried + model.extra).saturating_sub(model.used));
            prop_assert_eq!(balance.gas_reserve_left, gas.reserve.saturating_sub(model.reserve_used));
        }
    }
}
