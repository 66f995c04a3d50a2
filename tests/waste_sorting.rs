//! Waste sorting: bulk weigh-ins, points, redemptions, disputes, periods; every refusal by its number, and the sums that
//! must hold under any order of calls.

use chancery_abi::{Address, Digest, Outcome, Receipt};
use chancery_tests::{Account, Chain, contract, error_code};
use parity_scale_codec::{Decode, Encode};
use proptest::prelude::*;

const DAY_MS: u64 = 86_400_000;
/// What the SDK refuses with where an access rule does not let the caller in.
const NOT_ALLOWED: u32 = 0xFFFF_0000;
const ADMIN: u8 = 1;
const OFFICE: u8 = 2;
const WEIGHER: u8 = 3;
const ARBITER: u8 = 4;
const COUNTER: u8 = 5;
const STRANGER: u8 = 6;

type Code = [u8; 16];
type Row = (u32, u64, Code, u16, u8, u8, u32);

#[derive(Debug, Decode)]
struct Household {
    _district: u16,
    _period: u32,
    points: u64,
    owed: u64,
    entries: u32,
}

fn code(number: u32) -> Code {
    Digest::of(&number.encode()).0[..16].try_into().expect("a digest has 32 bytes")
}

fn row(line: u32, household: u32, grams: u32) -> Row {
    (line, u64::from(line), code(household), 40, 0, 0, grams)
}

struct District {
    chain: Chain,
}

impl District {
    /// District 7 with point 70, period 1 of days 0 to 100 and households 0 to 9, on day 40; grade A of kitchen waste is
    /// worth 10 points a kilogram, and grade B 2.
    fn new() -> Self {
        let mut chain = Chain::new();
        let receipt = chain.deploy("waste-sorting", contract("waste_sorting.wasm"), Vec::new());
        assert!(receipt.outcome.is_done(), "{:?}", receipt.outcome);
        chain.later_ms = 40 * DAY_MS;
        let mut new = Self { chain };
        let address = |who| Account::new(who).address;
        assert_eq!(new.by(ADMIN, "set_district", &(7u16, address(OFFICE), "chaoyang-7")), 0);
        for (who, roles) in
            [(WEIGHER, (true, false, false)), (ARBITER, (true, true, false)), (COUNTER, (false, false, true))]
        {
            assert_eq!(new.by(OFFICE, "appoint", &(address(who), (7u16, roles, "staff-1"))), 0);
        }
        assert_eq!(new.by(OFFICE, "set_point", &(70u32, (7u16, true, "point-70"))), 0);
        assert_eq!(new.by(OFFICE, "open_period", &(7u16, 1u32, 0u16, 100u16, 120u16)), 0);
        let codes: Vec<Code> = (0..10).map(code).collect();
        assert_eq!(new.by(OFFICE, "enrol", &(7u16, 1u32, codes)), 0);
        let mut rates = vec![0u32; 16];
        (rates[0], rates[1]) = (1_000, 200);
        assert_eq!(new.by(OFFICE, "set_rule", &(7u16, 10u16, (rates, "rule-1"))), 0);
        new
    }

    fn receipt(&mut self, who: u8, method: &str, arguments: &impl Encode) -> Receipt {
        let mut account = Account::new(who);
        account.nonce = self.chain.nonce(&account.address);
        self.chain.call(&mut account, "waste-sorting", method, arguments)
    }

    /// Calls, and returns the refusal's number; 0 when it is done.
    fn by(&mut self, who: u8, method: &str, arguments: &impl Encode) -> u32 {
        let receipt = self.receipt(who, method, arguments);
        let number = error_code(&receipt.outcome);
        assert!(number > 0 || receipt.outcome.is_done(), "{method}: {:?}", receipt.outcome);
        number
    }

    fn weigh(&mut self, rows: Vec<Row>) -> (u32, u64, Vec<(u32, u8)>) {
        let receipt = self.receipt(WEIGHER, "weigh", &(70u32, rows));
        match receipt.outcome {
            Outcome::Done { output } => Decode::decode(&mut &output[..]).expect("a batch's result"),
            other => panic!("{other:?}"),
        }
    }

    fn ask<T: Decode>(&self, method: &str, arguments: &impl Encode) -> T {
        match self.chain.query("waste-sorting", method, arguments).outcome {
            Outcome::Done { output } => T::decode(&mut &output[..]).expect("the method's type"),
            other => panic!("{method}: {other:?}"),
        }
    }

    fn household(&self, number: u32) -> Household {
        self.ask("household", &code(number))
    }

    fn outstanding(&self, period: u32) -> u64 {
        self.ask::<(u16, u16, u16, bool, u64, u64)>("period", &(7u16, period)).5
    }

    /// The sum of a household's history.
    fn history_sum(&self, number: u32) -> i64 {
        let (mut sum, mut seen) = (0, 0);
        let household = self.household(number);
        while seen < household.entries {
            let after = seen.checked_sub(1);
            let bytes: Vec<Entry> = self.ask("history", &(code(number), after, 100u32));
            assert!(!bytes.is_empty(), "the history has {} entries", household.entries);
            seen += bytes.len() as u32;
            sum += bytes.iter().map(|entry| entry.points).sum::<i64>();
        }
        sum
    }
}

#[derive(Decode)]
#[allow(dead_code, reason = "decoding needs every variant")]
enum Cause {
    Weighed(u64),
    Corrected(u64),
    Redeemed(Digest),
    Returned(Digest),
    CarriedOver(u32),
}

#[derive(Decode)]
struct Entry {
    _cause: Cause,
    points: i64,
    _height: u64,
    _at_ms: u64,
}

/// A correction as the contract answers it: what the weigh-in was, its points, who corrected it, why, and when.
type Correction = ((u8, u8, u32), u64, Address, String, u64);

#[test]
fn a_wrong_row_is_named_by_its_line_and_the_rest_go_in() {
    let mut district = District::new();
    let rows = vec![
        row(1, 0, 2_500),
        row(2, 99, 1_000),
        row(3, 1, 0),
        row(4, 1, 500_001),
        (5, 5, code(1), 41, 0, 0, 1_000),
        (6, 1, code(1), 40, 0, 0, 1_000),
        (7, 7, code(1), 5, 0, 0, 1_000),
        (8, 8, code(1), 40, 0, 1, 3_000),
    ];
    let (accepted, points, refused) = district.weigh(rows);
    assert_eq!((accepted, points), (2, 31));
    // Unknown household, weight, weight, ahead, slip known, no rule yet on that day.
    assert_eq!(refused, [(2, 0), (3, 7), (4, 7), (5, 4), (6, 6), (7, 8)]);
    assert_eq!((district.household(0).points, district.household(1).points), (25, 6));
    assert_eq!(district.outstanding(1), 31);
    let month: (u64, Vec<u64>, u64, u64, u64, u64) = district.ask("month", &(7u16, 197_002u32));
    assert_eq!(month, (2, vec![5_500, 0, 0, 0], 31, 0, 0, 0));
    district.chain.later_ms = 90 * DAY_MS;
    assert_eq!(district.weigh(vec![row(9, 0, 1_000)]).2, [(9, 5)], "50 days late");
    district.chain.later_ms = 101 * DAY_MS;
    assert_eq!(district.weigh(vec![(10, 10, code(0), 101, 0, 0, 9)]).2, [(10, 3)], "outside the period");
    assert_eq!(district.by(OFFICE, "close_period", &(7u16, 1u32)), 0);
    assert_eq!(district.weigh(vec![(11, 11, code(0), 100, 0, 0, 9)]).2, [(11, 2)], "the period is closed");
}

#[test]
fn roles_and_bounds_are_kept() {
    let mut district = District::new();
    let address = Account::new(STRANGER).address;
    assert!(district.by(STRANGER, "set_district", &(8u16, address, "d-8")) >= NOT_ALLOWED);
    assert_eq!(district.by(ADMIN, "set_district", &(8u16, address, "a name")), 1);
    assert_eq!(district.by(STRANGER, "appoint", &(address, (9u16, (true, true, true), "x"))), 2);
    assert_eq!(district.by(STRANGER, "appoint", &(address, (7u16, (true, true, true), "x"))), 3);
    assert_eq!(district.by(ADMIN, "set_district", &(8u16, address, "d-8")), 0);
    let weigher = Account::new(WEIGHER).address;
    assert_eq!(district.by(STRANGER, "appoint", &(weigher, (8u16, (true, true, true), "x"))), 33);
    assert_eq!(district.by(STRANGER, "set_point", &(70u32, (8u16, true, "x"))), 33);
    assert_eq!(district.by(OFFICE, "dismiss", &address), 5);
    assert_eq!(district.by(COUNTER, "weigh", &(70u32, vec![row(1, 0, 1)])), 4);
    assert_eq!(district.by(WEIGHER, "weigh", &(71u32, vec![row(1, 0, 1)])), 6);
    assert_eq!(district.by(WEIGHER, "weigh", &(70u32, Vec::<Row>::new())), 15);
    assert_eq!(district.by(OFFICE, "open_period", &(7u16, 1u32, 0u16, 9u16, 9u16)), 9);
    assert_eq!(district.by(OFFICE, "open_period", &(7u16, 2u32, 9u16, 8u16, 9u16)), 10);
    assert_eq!(district.by(OFFICE, "enrol", &(7u16, 2u32, vec![code(50)])), 8);
    assert_eq!(district.by(OFFICE, "enrol", &(7u16, 1u32, vec![code(50), code(3)])), 14);
    assert_eq!(district.by(OFFICE, "close_period", &(7u16, 1u32)), 32);
    assert_eq!(district.by(OFFICE, "set_rule", &(7u16, 50u16, (vec![1u32; 15], "r-2"))), 16);
    assert_eq!(district.by(OFFICE, "set_rule", &(7u16, 40u16, (vec![1u32; 16], "r-2"))), 17, "today is begun");
    assert_eq!(district.by(OFFICE, "set_rule", &(7u16, 41u16, (vec![1u32; 16], "r-2"))), 0);
    assert_eq!(district.by(OFFICE, "dismiss", &weigher), 0);
    assert_eq!(district.by(WEIGHER, "weigh", &(70u32, vec![row(1, 0, 1)])), 4);
}

#[test]
fn a_receipt_redeems_once_and_never_below_zero() {
    let mut district = District::new();
    district.weigh(vec![row(1, 0, 10_000)]);
    let receipt = |n: u8| Digest([n; 32]);
    assert_eq!(district.by(STRANGER, "redeem", &(receipt(1), code(0), 60u64)), 4);
    assert_eq!(district.by(COUNTER, "redeem", &(receipt(1), code(77), 60u64)), 19);
    assert_eq!(district.by(COUNTER, "redeem", &(receipt(1), code(0), 0u64)), 21);
    assert_eq!(district.by(COUNTER, "redeem", &(receipt(1), code(0), 101u64)), 20);
    assert_eq!(district.by(COUNTER, "redeem", &(receipt(1), code(0), 60u64)), 0);
    assert_eq!(district.by(COUNTER, "redeem", &(receipt(1), code(0), 10u64)), 22);
    assert_eq!(district.household(0).points, 40);
    assert_eq!(district.by(COUNTER, "undo_redemption", &receipt(1)), 4);
    assert_eq!(district.by(ARBITER, "undo_redemption", &receipt(2)), 23);
    assert_eq!(district.by(ARBITER, "undo_redemption", &receipt(1)), 0);
    assert_eq!(district.by(ARBITER, "undo_redemption", &receipt(1)), 24);
    assert_eq!(district.by(COUNTER, "redeem", &(receipt(1), code(0), 10u64)), 22, "its receipt stays used");
    assert_eq!((district.household(0).points, district.history_sum(0)), (100, 100));
    district.chain.later_ms = 121 * DAY_MS;
    assert_eq!(district.by(COUNTER, "redeem", &(receipt(3), code(0), 10u64)), 13);
}

#[test]
fn a_correction_keeps_what_was_and_what_is_spent_already_is_owed() {
    let mut district = District::new();
    district.weigh(vec![row(1, 0, 10_000)]);
    assert_eq!(district.by(COUNTER, "redeem", &(Digest([1; 32]), code(0), 90u64)), 0);
    let less = (0u8, 1u8, 10_000u32);
    assert_eq!(district.by(WEIGHER, "dispute", &(2u64, "c-1")), 25);
    assert_eq!(district.by(STRANGER, "dispute", &(1u64, "c-1")), 4);
    assert_eq!(district.by(ARBITER, "decide", &(1u64, Some(less), "d-1")), 27);
    assert_eq!(district.by(WEIGHER, "dispute", &(1u64, "c-1")), 0);
    assert_eq!(district.by(WEIGHER, "dispute", &(1u64, "c-1")), 26);
    assert_eq!(district.by(WEIGHER, "decide", &(1u64, Some(less), "d-1")), 4);
    assert_eq!(district.by(ARBITER, "decide", &(1u64, Some((0u8, 1u8, 0u32)), "d-1")), 29);
    assert_eq!(district.by(ARBITER, "decide", &(1u64, Some(less), "d-1")), 0);
    let household = district.household(0);
    assert_eq!((household.points, household.owed, district.history_sum(0)), (0, 70, 0));
    assert_eq!(district.outstanding(1), 0);
    let corrections: Vec<Correction> = district.ask("corrections", &(1u64, None::<u32>, 10u32));
    assert_eq!((corrections.len(), corrections[0].0, corrections[0].1), (1, (0, 0, 10_000), 100));
    district.weigh(vec![row(2, 0, 8_000)]);
    let household = district.household(0);
    assert_eq!((household.points, household.owed, district.history_sum(0)), (10, 0, 10));
    // An arbiter may weigh, and not decide about that.
    let own = (70u32, vec![row(3, 1, 1_000)]);
    assert_eq!(district.by(ARBITER, "weigh", &own), 0);
    assert_eq!(district.by(WEIGHER, "dispute", &(3u64, "c-2")), 0);
    assert_eq!(district.by(ARBITER, "decide", &(3u64, None::<(u8, u8, u32)>, "d-2")), 28);
}

#[test]
fn points_come_over_to_new_codes_and_never_more_than_were_left() {
    let mut district = District::new();
    district.weigh(vec![row(1, 0, 25_000)]);
    let carry = |points: u64, new: u32| (7u16, 1u32, 2u32, vec![(code(new), points)]);
    assert_eq!(district.by(OFFICE, "carry_over", &carry(100, 20)), 12);
    district.chain.later_ms = 101 * DAY_MS;
    assert_eq!(district.by(OFFICE, "close_period", &(7u16, 1u32)), 0);
    assert_eq!(district.by(OFFICE, "close_period", &(7u16, 1u32)), 11);
    assert_eq!(district.by(OFFICE, "open_period", &(7u16, 2u32, 101u16, 200u16, 220u16)), 0);
    assert_eq!(district.by(OFFICE, "carry_over", &carry(50, 20)), 31);
    assert_eq!(district.by(OFFICE, "carry_over", &carry(300, 20)), 30);
    assert_eq!(district.by(OFFICE, "carry_over", &carry(200, 0)), 14, "a code serves one period");
    assert_eq!(district.by(OFFICE, "carry_over", &carry(200, 20)), 0);
    assert_eq!(district.by(OFFICE, "carry_over", &carry(100, 21)), 30, "50 are left");
    assert_eq!((district.household(20).points, district.history_sum(20)), (200, 200));
    assert_eq!((district.outstanding(1), district.outstanding(2)), (50, 200));
    assert_eq!(district.by(COUNTER, "redeem", &(Digest([1; 32]), code(0), 1u64)), 11, "the old code is done");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever is called by whomever in whatever order, a household's points are its history's sum, a period's sum is
    /// its households', and a receipt takes points once.
    #[test]
    fn sums_hold(steps in prop::collection::vec((0u8..6, 2u8..7, 0u32..4, 1u64..120), 10..40)) {
        let mut district = District::new();
        let mut line = 0;
        let mut redeemed = std::collections::BTreeSet::new();
        for (step, who, household, number) in steps {
            line += 1;
            match step {
                0 | 1 => {
                    // Slips repeat, so that some rows are refused.
                    let slip = number % 30;
                    district.by(who, "weigh", &(70u32, vec![(line, slip, code(household), 40u16, 0u8, 0u8, number as u32 * 100)]));
                }
                2 | 3 => {
                    let receipt = Digest([number as u8 % 8; 32]);
                    let done = district.by(who, "redeem", &(receipt, code(household), number)) == 0;
                    prop_assert!(!done || redeemed.insert(receipt), "redeemed twice");
                }
                4 => {
                    let slip = number % 30;
                    district.by(who, "dispute", &(slip, "c-1"));
                    district.by(ARBITER, "decide", &(slip, Some((0u8, household as u8, number as u32 * 50)), "d-1"));
                }
                _ => {
                    district.by(who, "undo_redemption", &Digest([number as u8 % 8; 32]));
                }
            }
            let mut sum = 0;
            for household in 0..4 {
                let points = district.household(household).points;
                prop_assert_eq!(district.history_sum(household), points as i64);
                sum += points;
            }
            prop_assert_eq!(district.outstanding(1), sum);
        }
    }
}

#[test]
fn gas_does_not_grow_with_the_records_there_are() {
    let sizes: &[u32] = if std::env::var_os("CHANCERY_LARGE").is_some() { &[10, 1_000, 100_000] } else { &[10, 1_000] };
    let (mut district, mut line, mut table) = (District::new(), 0u32, Vec::new());
    for (place, size) in sizes.iter().enumerate() {
        while line < *size {
            let rows: Vec<Row> = (line..(*size).min(line + 3_000)).map(|line| row(line, line % 9, 1_000)).collect();
            line += rows.len() as u32;
            assert_eq!(district.weigh(rows).2, []);
        }
        let slip = 1_000_000 + place as u32;
        let receipt = Digest([place as u8; 32]);
        let row = [
            ("weigh (1 row)", district.receipt(WEIGHER, "weigh", &(70u32, vec![row(slip, 1, 5_000)]))),
            ("redeem", district.receipt(COUNTER, "redeem", &(receipt, code(1), 5u64))),
            ("undo_redemption", district.receipt(ARBITER, "undo_redemption", &receipt)),
            ("dispute", district.receipt(WEIGHER, "dispute", &(u64::from(slip), "c-1"))),
            ("decide", district.receipt(ARBITER, "decide", &(u64::from(slip), Some((0u8, 1u8, 9u32)), "d-1"))),
            ("enrol (1 code)", district.receipt(OFFICE, "enrol", &(7u16, 1u32, vec![code(slip)]))),
        ];
        table.push(row.map(|(method, receipt)| {
            assert!(receipt.outcome.is_done(), "{method}: {:?}", receipt.outcome);
            (method, receipt.gas_used)
        }));
        let month = district.chain.query("waste-sorting", "month", &(7u16, 197_002u32));
        assert!(month.outcome.is_done() && month.gas_used < 200_000, "{}", month.gas_used);
    }
    for (place, (method, _)) in table[0].iter().enumerate() {
        let gas: Vec<u64> = table.iter().map(|row| row[place].1).collect();
        println!("{method:16} {gas:?} gas at {sizes:?} weigh-ins");
        let (least, most) = (gas.iter().min(), gas.iter().max());
        assert!(most <= least.map(|least| least + least / 20).as_ref(), "{method} grew: {gas:?}");
    }
}

#[test]
fn ten_thousand_weigh_ins_go_in_with_four_transactions() {
    let mut district = District::new();
    let rows: Vec<Row> = (0..10_000).map(|line| row(line, line % 10, 1_000)).collect();
    let mut gas = 0;
    for batch in rows.chunks(3_000) {
        let receipt = district.receipt(WEIGHER, "weigh", &(70u32, batch.to_vec()));
        assert!(receipt.outcome.is_done(), "{:?}", receipt.outcome);
        gas += receipt.gas_used;
    }
    println!("10,000 weigh-ins: {gas} gas, {} a row", gas / 10_000);
    assert_eq!(district.outstanding(1), 100_000);
}

#[test]
fn a_rule_is_for_later_and_after_the_last_and_there_is_an_end_of_them() {
    let mut district = District::new();
    let rule = |day: u16| (7u16, day, (vec![0u32; 16], "rule-2"));
    assert_eq!(district.by(OFFICE, "set_rule", &rule(40)), 17, "today's weigh-ins have a rule already");
    assert_eq!(district.by(OFFICE, "set_rule", &rule(41)), 0);
    assert_eq!(district.by(OFFICE, "set_rule", &rule(41)), 17, "not after the last");
    let last = (42..2_000).map(|day| district.by(OFFICE, "set_rule", &rule(day))).find(|number| *number != 0);
    assert_eq!(last, Some(18));
}

#[test]
fn a_household_is_weighed_in_its_own_district_alone() {
    let mut district = District::new();
    let address = |who| Account::new(who).address;
    assert_eq!(district.by(ADMIN, "set_district", &(8u16, address(STRANGER), "haidian-8")), 0);
    assert_eq!(district.by(STRANGER, "appoint", &(address(STRANGER), (8u16, (true, false, false), "staff-8"))), 0);
    assert_eq!(district.by(STRANGER, "set_point", &(80u32, (8u16, true, "point-80"))), 0);
    let receipt = district.receipt(STRANGER, "weigh", &(80u32, vec![row(3, 0, 1_000)]));
    let Outcome::Done { output } = receipt.outcome else { panic!("{:?}", receipt.outcome) };
    let (accepted, points, refused): (u32, u64, Vec<(u32, u8)>) = Decode::decode(&mut &output[..]).expect("a result");
    assert_eq!((accepted, points, refused), (0, 0, vec![(3, 1)]));
    // And whoever weighs there has no say here.
    assert!(district.by(STRANGER, "weigh", &(70u32, vec![row(4, 0, 1_000)])) > 0);
    assert_eq!(district.household(0).points, 0);
}
