//! Disputes about weigh-ins, and corrections, which keep what was before.

use chancery_sdk::prelude::*;

use crate::{
    Cause, Correction, Dispute, DisputeStatus, Measured, WasteError, WasteSorting, Weighing,
    calendar::month_of,
    points::{GRAMS_MAX, worth},
    refusals::check_reference,
    types::{DisputeDecided, DisputeEntered},
};

#[methods]
impl WasteSorting {
    /// Enters a household's complaint about a slip. Any staff of the district may.
    /// zh: 登记对称重单的异议
    #[access(anyone)]
    pub fn dispute(&mut self, cx: &Cx, slip: u64, reference: String) -> Result<(), WasteError> {
        check_reference(&reference)?;
        let household = self.household(self.weighing(slip)?.household)?;
        self.check_role(cx, household.district, |_| true)?;
        self.open(household.district, household.period)?;
        let is_open = self.disputes.get(&slip).is_some_and(|dispute| dispute.status == DisputeStatus::Open);
        ensure!(!is_open, WasteError::DisputeOpen { slip });
        let (entered_by, entered_height) = (cx.caller(), cx.height());
        let dispute = Dispute { reference, entered_by, entered_height, status: DisputeStatus::Open, decision: None };
        self.disputes.insert(&slip, &dispute);
        cx.emit(&DisputeEntered { slip });
        Ok(())
    }

    /// Decides a dispute: with what was really measured, or with nothing when the weigh-in stays. Arbiters may, but not
    /// about what they filed themselves.
    /// zh: 裁定异议,可更正称重
    #[access(anyone)]
    pub fn decide(
        &mut self,
        cx: &Cx,
        slip: u64,
        correct: Option<Measured>,
        reference: String,
    ) -> Result<(), WasteError> {
        check_reference(&reference)?;
        let weighing = self.weighing(slip)?;
        let household = self.household(weighing.household)?;
        self.check_role(cx, household.district, |staff| staff.arbitrates)?;
        ensure!(weighing.filed_by != cx.caller(), WasteError::OwnWeighing);
        self.open(household.district, household.period)?;
        let dispute = self.disputes.get(&slip).filter(|dispute| dispute.status == DisputeStatus::Open);
        let mut dispute = dispute.ok_or(WasteError::NoDispute { slip })?;
        let corrected = correct.is_some();
        dispute.status = if corrected { DisputeStatus::Upheld } else { DisputeStatus::Dismissed };
        dispute.decision = Some(reference.clone());
        self.disputes.insert(&slip, &dispute);
        if let Some(measured) = correct {
            ensure!((1..=GRAMS_MAX).contains(&measured.grams), WasteError::BadWeight);
            self.correct(cx, slip, weighing, measured, reference)?;
        }
        cx.emit(&DisputeDecided { slip, corrected });
        Ok(())
    }

    /// The latest dispute about a slip.
    /// zh: 查询异议
    #[query]
    pub fn dispute_of(&self, slip: u64) -> Option<Dispute> {
        self.disputes.get(&slip)
    }

    fn correct(
        &mut self,
        cx: &Cx,
        slip: u64,
        mut weighing: Weighing,
        measured: Measured,
        reference: String,
    ) -> Result<(), WasteError> {
        let code = weighing.household;
        let mut household = self.household(code)?;
        let district = household.district;
        let rule = self.rule_at(district, weighing.day).map(|(_, rule)| rule);
        let points = rule.map(|rule| worth(&rule, &measured)).unwrap_or_default();
        let (before, points_before) = (weighing.measured.clone(), weighing.points);
        let change = match points.checked_sub(points_before) {
            Some(more) => household.credit(more),
            None => household.take_back(points_before - points),
        };
        self.note(cx, &code, &mut household, Cause::Corrected(slip), change);
        self.settle(&code, &household, change);
        let month = month_of(weighing.day);
        let mut totals = self.totals_of(district, month);
        totals.corrections += 1;
        totals.points = totals.points - points_before + points;
        if let Some(grams) = totals.grams.get_mut(before.category as usize) {
            *grams -= u64::from(before.grams);
        }
        if let Some(grams) = totals.grams.get_mut(measured.category as usize) {
            *grams += u64::from(measured.grams);
        }
        self.totals.insert(&(district, month), &totals);
        let correction = Correction { before, points_before, by: cx.caller(), reference, height: cx.height() };
        self.corrections.insert(&(slip, weighing.corrections), &correction);
        weighing.corrections += 1;
        weighing.measured = measured;
        weighing.points = points;
        self.weighings.insert(&slip, &weighing);
        Ok(())
    }
}
