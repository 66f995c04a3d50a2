//! Moments as people write them: milliseconds since 1970 as a date and time of the Gregorian calendar, and a date as days
//! since 1970. There is no clock here, no time zone and no leap second.

use core::fmt;

const DAY_MS: u64 = 86_400_000;
/// Days from the 1st of March of the year 0 to 1970.
const DAYS_TO_1970: u64 = 719_468;
/// Days of 400 years, after which the calendar is the same.
const ERA_DAYS: u64 = 146_097;

/// A moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc {
    /// The year.
    pub year: u64,
    /// The month, from 1.
    pub month: u64,
    /// The day of the month, from 1.
    pub day: u64,
    /// The hour, from 0.
    pub hour: u64,
    /// The minute.
    pub minute: u64,
    /// The second.
    pub second: u64,
    /// The millisecond.
    pub ms: u64,
}

impl Utc {
    /// The moment so many milliseconds after the beginning of 1970, by Howard Hinnant's `civil_from_days`: years begin in
    /// March, so that a leap day is the last. The largest u64 is some 213 billion days, so nothing overflows.
    pub fn of(timestamp_ms: u64) -> Self {
        let (days, ms) = (timestamp_ms / DAY_MS + DAYS_TO_1970, timestamp_ms % DAY_MS);
        let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + u64::from(month <= 2);
        let seconds = ms / 1_000;
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        Self { year, month, day, hour, minute, second, ms: ms % 1_000 }
    }

    /// The days from 1 January 1970 to a date; none when there is no such date, or it lies before. The way back of
    /// [`Self::of`].
    pub fn days_to(year: u32, month: u32, day: u32) -> Option<u64> {
        let (year, month, day) = (u64::from(year), u64::from(month), u64::from(day));
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match month {
            2 => 28 + u64::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=last).contains(&day) {
            return None;
        }
        let year = year.checked_sub(u64::from(month <= 2))?;
        let (era, of_era) = (year / 400, year % 400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        days.checked_sub(DAYS_TO_1970)
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, ms } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{ms:03} UTC")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        assert_eq!(Utc::of(0).to_string(), "1970-01-01 00:00:00.000 UTC");
        assert_eq!(Utc::of(1_709_251_199_999).to_string(), "2024-02-29 23:59:59.999 UTC");
        assert_eq!(Utc::of(1_709_251_200_000).to_string(), "2024-03-01 00:00:00.000 UTC");
        assert_eq!(Utc::of(4_107_542_400_000).to_string(), "2100-03-01 00:00:00.000 UTC");
        assert!(Utc::of(u64::MAX).year > 500_000_000);
    }

    #[test]
    fn days_lead_there_and_back() {
        for days in (0..200_000).step_by(7) {
            let Utc { year, month, day, .. } = Utc::of(days * DAY_MS);
            let small = |number: u64| u32::try_from(number).expect("it is not far off");
            assert_eq!(Utc::days_to(small(year), small(month), small(day)), Some(days));
        }
        for (year, month, day) in [(1969, 12, 31), (0, 1, 1), (2100, 2, 29), (2026, 13, 1), (2026, 0, 1), (2026, 4, 31)]
        {
            assert_eq!(Utc::days_to(year, month, day), None);
        }
        assert!(Utc::days_to(u32::MAX, 12, 31).is_some());
    }
}
