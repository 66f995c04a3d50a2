//! What a district's office does: staff, collection points, rules.

use chancery_sdk::prelude::*;

use crate::{
    CollectionPoint, Rule, Staff, WasteError, WasteSorting, calendar::day_of, refusals::check_reference, types::RuleSet,
};

/// Hundredths of a point for a kilogram.
const RATE_MAX: u32 = 100_000;
/// Categories times grades.
const RATES: usize = 16;
/// Rules of a district: more than one a month for twenty years.
const RULES_MAX: usize = 256;

#[methods]
impl WasteSorting {
    /// Gives an account its roles in the district, or others.
    /// zh: 任命工作人员
    #[access(anyone)]
    pub fn appoint(&mut self, cx: &Cx, account: Address, staff: Staff) -> Result<(), WasteError> {
        self.check_office(cx, staff.district)?;
        check_reference(&staff.label)?;
        let other = self.staff.get(&account).is_some_and(|present| present.district != staff.district);
        ensure!(!other, WasteError::NumberTaken);
        self.staff.insert(&account, &staff);
        Ok(())
    }

    /// Takes an account's roles.
    /// zh: 撤销工作人员
    #[access(anyone)]
    pub fn dismiss(&mut self, cx: &Cx, account: Address) -> Result<(), WasteError> {
        let staff = self.staff.get(&account).ok_or(WasteError::NotStaff { account })?;
        self.check_office(cx, staff.district)?;
        self.staff.remove(&account);
        Ok(())
    }

    /// Opens a collection point, closes it, or gives it another label. Its number is the city's.
    /// zh: 设立或关闭收集点
    #[access(anyone)]
    pub fn set_point(&mut self, cx: &Cx, number: u32, point: CollectionPoint) -> Result<(), WasteError> {
        self.check_office(cx, point.district)?;
        check_reference(&point.label)?;
        let other = self.points.get(&number).is_some_and(|present| present.district != point.district);
        ensure!(!other, WasteError::NumberTaken);
        self.points.insert(&number, &point);
        Ok(())
    }

    /// Sets what the district pays from a day on: tomorrow or later, so that no weigh-in changes its worth.
    /// zh: 制定积分规则,自某日起生效
    #[access(anyone)]
    pub fn set_rule(&mut self, cx: &Cx, district: u16, from_day: u16, rule: Rule) -> Result<(), WasteError> {
        self.check_office(cx, district)?;
        check_reference(&rule.reference)?;
        let is_rule = rule.rates.len() == RATES && rule.rates.iter().all(|rate| *rate <= RATE_MAX);
        ensure!(is_rule, WasteError::BadRates { limit: RATE_MAX });
        let mut days = self.rule_days.get_or_default(&district);
        ensure!(days.len() < RULES_MAX, WasteError::TooManyRules { limit: RULES_MAX as u32 });
        // The first rule may hold from earlier: there is nothing yet that it could change.
        let is_later = days.last().is_none_or(|last| from_day > *last && from_day > day_of(cx.time_ms()));
        ensure!(is_later, WasteError::BadRuleDay);
        days.push(from_day);
        self.rule_days.insert(&district, &days);
        self.rules.insert(&(district, from_day), &rule);
        cx.emit(&RuleSet { district, from_day });
        Ok(())
    }

    /// The rule that holds in a district on a day, and since when.
    /// zh: 查询某日适用的规则
    #[query]
    pub fn rule_on(&self, district: u16, day: u16) -> Option<(u16, Rule)> {
        self.rule_at(district, day)
    }

    /// The rule of a day: the last one that began by then.
    pub(crate) fn rule_at(&self, district: u16, day: u16) -> Option<(u16, Rule)> {
        let days = self.rule_days.get(&district)?;
        let place = days.partition_point(|from| *from <= day).checked_sub(1)?;
        let from = *days.get(place)?;
        self.rules.get(&(district, from)).map(|rule| (from, rule))
    }
}
