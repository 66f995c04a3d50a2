//! Places in the order in which a chain's receipts and events happen: `height.index.n`.
//!
//! The index is the transaction's place in its block; n is 0 for its receipt and the event's number from 1 for an event. A
//! block's own place is after everything in it: its index is the number of its transactions. Streams and pages have the
//! same places, so that one can be gone on with by the other.

use std::{fmt, str::FromStr};

/// A place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) height: u64,
    pub(super) index: u64,
    pub(super) n: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.height, self.index, self.n)
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.').map(|part| part.parse::<u64>().ok());
        match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten(), parts.next()) {
            (Some(height), Some(index), Some(n), None) => Ok(Self { height, index, n }),
            _ => Err("an event's id is height.index.n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_ordered() {
        let place = Place { height: 12, index: 3, n: 1 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "1", "1.2", "1.2.3.4", "a.b.c", "1.2.-3"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong:?}");
        }
        assert!(place < Place { height: 12, index: 4, n: 0 });
    }
}
