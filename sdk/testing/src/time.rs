//! Spans of a chain's time.

/// A span of time in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub(crate) u64);

/// So many seconds.
pub const fn seconds(count: u64) -> Span {
    Span(count.saturating_mul(1_000))
}

/// So many minutes.
pub const fn minutes(count: u64) -> Span {
    seconds(count.saturating_mul(60))
}

/// So many hours.
pub const fn hours(count: u64) -> Span {
    minutes(count.saturating_mul(60))
}

/// So many days of 24 hours.
pub const fn days(count: u64) -> Span {
    hours(count.saturating_mul(24))
}
