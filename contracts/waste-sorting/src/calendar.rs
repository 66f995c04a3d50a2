//! Days and months. A day is counted from 1970-01-01 at UTC+8, China's one time all year.

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// UTC+8.
const OFFSET_MS: u64 = 8 * 3_600_000;

/// The day of a moment.
pub(crate) fn day_of(at_ms: u64) -> u16 {
    // Until the year 2149; the chain's clock does not go further by mistake.
    u16::try_from((at_ms + OFFSET_MS) / DAY_MS).unwrap_or(u16::MAX)
}

/// The month of a day: 202611 is November 2026. (Howard Hinnant's `civil_from_days`, for days from 1970 on.)
pub(crate) fn month_of(day: u16) -> u32 {
    let days = u32::from(day) + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (month, next_year) = if shifted < 10 { (shifted + 3, 0) } else { (shifted - 9, 1) };
    (era * 400 + year_of_era + next_year) * 100 + month
}
