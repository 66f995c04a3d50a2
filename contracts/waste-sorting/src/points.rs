//! How points change: the one place where a household's points, its history and its period's sum are written, so that
//! they cannot differ.

use chancery_sdk::prelude::*;

use crate::{Cause, Entry, Household, Measured, Rule, WasteSorting};

/// Grams of the heaviest weigh-in.
pub(crate) const GRAMS_MAX: u32 = 500_000;

/// What a weigh-in is worth by a rule: grams times hundredths for a kilogram, rounded down to whole points.
pub(crate) fn worth(rule: &Rule, measured: &Measured) -> u64 {
    let place = measured.category as usize * 4 + measured.grade as usize;
    let rate = rule.rates.get(place).copied().unwrap_or_default();
    u64::from(measured.grams) * u64::from(rate) / 100_000
}

impl Household {
    /// Adds points; what is owed is paid first. Returns by how much they changed.
    pub(crate) fn credit(&mut self, points: u64) -> i64 {
        let paid = points.min(self.owed);
        self.owed -= paid;
        self.points += points - paid;
        (points - paid) as i64
    }

    /// Takes points back; what is not there is owed. Returns by how much they changed.
    pub(crate) fn take_back(&mut self, points: u64) -> i64 {
        let taken = points.min(self.points);
        self.points -= taken;
        self.owed += points - taken;
        -(taken as i64)
    }
}

impl WasteSorting {
    /// Appends to a household's history. The household itself is written by the caller.
    pub(crate) fn note(&mut self, cx: &Cx, code: &[u8; 16], household: &mut Household, cause: Cause, points: i64) {
        let entry = Entry { cause, points, height: cx.height(), at_ms: cx.time_ms() };
        self.history.insert(&(*code, household.entries), &entry);
        household.entries += 1;
    }

    /// Writes a household whose points changed by `change`, and its period's sum.
    pub(crate) fn settle(&mut self, code: &[u8; 16], household: &Household, change: i64) {
        self.households.insert(code, household);
        self.periods.update(&(household.district, household.period), |period| add(&mut period.outstanding, change));
    }
}

/// Adds a change to a sum that it cannot take below zero.
pub(crate) fn add(sum: &mut u64, change: i64) {
    *sum = sum.checked_add_signed(change).expect("a sum is never less than its parts");
}
