//! Periods and the households' codes in them.
//!
//! Codes of two periods are tied by nothing here. Points come over to a new period as openings that the office makes, in
//! whole hundreds and never more in all than the closed period had left.

use chancery_sdk::prelude::*;

use crate::{
    Cause, Household, Opening, Period, WasteError, WasteSorting, calendar::day_of, refusals::check_count,
    types::PeriodChanged,
};

/// Codes of one call.
const CODES_MAX: u32 = 5_000;
/// Openings of one call.
const OPENINGS_MAX: u32 = 3_000;
/// Days after a period in which its points may still be redeemed.
const GRACE_DAYS_MAX: u16 = 366;
/// Points are carried over in multiples of this, so that an odd number does not tie two codes.
const CARRY_UNIT: u64 = 100;

#[methods]
impl WasteSorting {
    /// Opens a period.
    /// zh: 开启周期
    #[access(anyone)]
    pub fn open_period(
        &mut self,
        cx: &Cx,
        district: u16,
        number: u32,
        first_day: u16,
        last_day: u16,
        redeem_until_day: u16,
    ) -> Result<(), WasteError> {
        self.check_office(cx, district)?;
        ensure!(!self.periods.contains(&(district, number)), WasteError::PeriodKnown { period: number });
        let in_grace = redeem_until_day >= last_day && redeem_until_day - last_day <= GRACE_DAYS_MAX;
        ensure!(first_day <= last_day && in_grace, WasteError::BadPeriod);
        let period = Period { first_day, last_day, redeem_until_day, closed: false, households: 0, outstanding: 0 };
        self.periods.insert(&(district, number), &period);
        cx.emit(&PeriodChanged { district, period: number, closed: false });
        Ok(())
    }

    /// Enrols households' codes for a period, up to 5,000 at once: all of them or none.
    /// zh: 批量登记住户代码
    #[access(anyone)]
    pub fn enrol(&mut self, cx: &Cx, district: u16, number: u32, codes: Vec<[u8; 16]>) -> Result<u64, WasteError> {
        self.check_office(cx, district)?;
        check_count(codes.len(), CODES_MAX)?;
        let mut period = self.open(district, number)?;
        let household = Household { district, period: number, points: 0, owed: 0, entries: 0 };
        for (row, code) in codes.iter().enumerate() {
            ensure!(self.households.insert_new(code, &household), WasteError::CodeKnown { row: row as u32 });
        }
        period.households += codes.len() as u64;
        self.periods.insert(&(district, number), &period);
        Ok(period.households)
    }

    /// Closes a period that is over: nothing changes in it any more.
    /// zh: 关闭周期
    #[access(anyone)]
    pub fn close_period(&mut self, cx: &Cx, district: u16, number: u32) -> Result<u64, WasteError> {
        self.check_office(cx, district)?;
        let mut period = self.open(district, number)?;
        ensure!(day_of(cx.time_ms()) > period.last_day, WasteError::PeriodRuns { day: period.last_day });
        period.closed = true;
        self.periods.insert(&(district, number), &period);
        cx.emit(&PeriodChanged { district, period: number, closed: true });
        Ok(period.outstanding)
    }

    /// Enrols households with points from a closed period, up to 3,000 at once. Returns what the closed period has left.
    /// zh: 结转积分到新周期
    #[access(anyone)]
    pub fn carry_over(
        &mut self,
        cx: &Cx,
        district: u16,
        from: u32,
        to: u32,
        openings: Vec<Opening>,
    ) -> Result<u64, WasteError> {
        self.check_office(cx, district)?;
        check_count(openings.len(), OPENINGS_MAX)?;
        let mut closed = self.period(district, from)?;
        ensure!(closed.closed, WasteError::PeriodOpen { period: from });
        let mut period = self.open(district, to)?;
        for (row, opening) in openings.iter().enumerate() {
            let (code, points) = (&opening.household, opening.points);
            ensure!(points.is_multiple_of(CARRY_UNIT), WasteError::NotHundreds);
            ensure!(!self.households.contains(code), WasteError::CodeKnown { row: row as u32 });
            let left = closed.outstanding;
            closed.outstanding =
                left.checked_sub(points).ok_or(WasteError::NothingToCarry { period: from, points: left })?;
            let mut household = Household { district, period: to, points, owed: 0, entries: 0 };
            if points > 0 {
                self.note(cx, code, &mut household, Cause::CarriedOver(from), points as i64);
            }
            self.households.insert(code, &household);
            period.outstanding += points;
        }
        period.households += openings.len() as u64;
        self.periods.insert(&(district, from), &closed);
        self.periods.insert(&(district, to), &period);
        Ok(closed.outstanding)
    }

    /// A period.
    /// zh: 查询周期
    #[query]
    pub fn period(&self, district: u16, number: u32) -> Result<Period, WasteError> {
        self.periods.get(&(district, number)).ok_or(WasteError::NoPeriod { period: number })
    }

    /// A period in which things may still change.
    pub(crate) fn open(&self, district: u16, number: u32) -> Result<Period, WasteError> {
        let period = self.period(district, number)?;
        ensure!(!period.closed, WasteError::PeriodClosed { period: number });
        Ok(period)
    }
}
