//! Weigh-ins in bulk. A row that cannot be is left out and named by its line; the rest go in.
//!
//! What rows share (a household, a period, a month's totals, a rule) is read once a batch and written once at its end.

use alloc::collections::BTreeMap;

use chancery_sdk::prelude::*;

use crate::{
    BatchResult, Cause, Household, Measured, Period, RefusedRow, Row, RowProblem, Rule, Totals, WasteError,
    WasteSorting, Weighing,
    calendar::{day_of, month_of},
    points::{GRAMS_MAX, add, worth},
    refusals::check_count,
    types::BatchFiled,
};

/// Rows of one call.
const ROWS_MAX: u32 = 3_500;
/// Days after which a weigh-in comes too late.
const LATE_DAYS_MAX: u16 = 45;

/// What a batch has read, and writes back at its end.
#[derive(Default)]
struct Books {
    households: BTreeMap<[u8; 16], Household>,
    periods: BTreeMap<u32, Period>,
    months: BTreeMap<u32, Totals>,
    rules: BTreeMap<u16, Option<Rule>>,
}

/// Where and when a batch is filed.
struct Place {
    district: u16,
    point: u32,
    today: u16,
    filed_by: Address,
    filed_height: u64,
}

#[methods]
impl WasteSorting {
    /// Files weigh-ins at a collection point, up to 3,500 at once.
    /// zh: 批量提交称重记录
    #[access(anyone)]
    pub fn weigh(&mut self, cx: &Cx, point: u32, rows: Vec<Row>) -> Result<BatchResult, WasteError> {
        check_count(rows.len(), ROWS_MAX)?;
        let district = self.open_point(point)?;
        self.check_role(cx, district, |staff| staff.weighs)?;
        let (today, filed_by, filed_height) = (day_of(cx.time_ms()), cx.caller(), cx.height());
        let place = Place { district, point, today, filed_by, filed_height };
        let mut books = Books::default();
        let mut result = BatchResult { accepted: 0, points: 0, refused: Vec::new() };
        for row in &rows {
            match self.weigh_row(cx, &place, &mut books, row) {
                Ok(points) => {
                    result.accepted += 1;
                    result.points += points;
                }
                Err(problem) => result.refused.push(RefusedRow { line: row.line, problem }),
            }
        }
        self.write(district, &books);
        cx.emit(&BatchFiled { point, accepted: result.accepted, refused: result.refused.len() as u32 });
        Ok(result)
    }

    /// The district of an open collection point.
    fn open_point(&self, point: u32) -> Result<u16, WasteError> {
        let found = self.points.get(&point).filter(|found| found.open);
        found.map(|found| found.district).ok_or(WasteError::NoPoint { point })
    }

    fn weigh_row(&mut self, cx: &Cx, place: &Place, books: &mut Books, row: &Row) -> Result<u64, RowProblem> {
        let (district, day) = (place.district, row.day);
        ensure!((1..=GRAMS_MAX).contains(&row.grams), RowProblem::BadWeight);
        ensure!(day <= place.today, RowProblem::DayAhead);
        ensure!(place.today - day <= LATE_DAYS_MAX, RowProblem::DayTooOld);
        if !books.households.contains_key(&row.household) {
            let household = self.households.get(&row.household).ok_or(RowProblem::UnknownHousehold)?;
            ensure!(household.district == district, RowProblem::OtherDistrict);
            books.households.insert(row.household, household);
        }
        let household = books.households.get_mut(&row.household).ok_or(RowProblem::UnknownHousehold)?;
        let number = household.period;
        if !books.periods.contains_key(&number) {
            let period = self.periods.get(&(district, number)).ok_or(RowProblem::PeriodClosed)?;
            books.periods.insert(number, period);
        }
        let period = books.periods.get_mut(&number).ok_or(RowProblem::PeriodClosed)?;
        ensure!(!period.closed, RowProblem::PeriodClosed);
        ensure!((period.first_day..=period.last_day).contains(&day), RowProblem::DayOutsidePeriod);
        if !books.rules.contains_key(&day) {
            books.rules.insert(day, self.rule_at(district, day).map(|(_, rule)| rule));
        }
        let rule = books.rules.get(&day).and_then(Option::as_ref).ok_or(RowProblem::NoRule)?;
        let measured = Measured { category: row.category, grade: row.grade, grams: row.grams };
        let points = worth(rule, &measured);
        let weighing = Weighing {
            household: row.household,
            point: place.point,
            day,
            measured,
            points,
            filed_by: place.filed_by,
            filed_height: place.filed_height,
            corrections: 0,
        };
        ensure!(self.weighings.insert_new(&row.slip, &weighing), RowProblem::SlipKnown);
        let change = household.credit(points);
        self.note(cx, &row.household, household, Cause::Weighed(row.slip), change);
        add(&mut period.outstanding, change);
        let month = month_of(day);
        let totals = books.months.entry(month).or_insert_with(|| self.totals_of(district, month));
        totals.weighings += 1;
        totals.points += points;
        if let Some(grams) = totals.grams.get_mut(row.category as usize) {
            *grams += u64::from(row.grams);
        }
        Ok(points)
    }

    fn write(&mut self, district: u16, books: &Books) {
        for (code, household) in &books.households {
            self.households.insert(code, household);
        }
        for (number, period) in &books.periods {
            self.periods.insert(&(district, *number), period);
        }
        for (month, totals) in &books.months {
            self.totals.insert(&(district, *month), totals);
        }
    }
}
