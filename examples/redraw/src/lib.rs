//! The draw as the lottery's README describes it, written from that description alone. Browsers run it too (`sdk/web`).

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

/// An entry of the published list.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The token's SHA-256.
    pub token: [u8; 32],
    /// The entry's key.
    pub key: [u8; 32],
    /// Its tickets.
    pub tickets: u8,
    /// The losses it stands for.
    pub losses: u8,
}

/// What is published about a period.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its number.
    pub period: u32,
    /// The hash that the list was frozen with.
    pub list: [u8; 32],
    /// The beacon of the draw's height.
    pub beacon: [u8; 32],
    /// Plates of the period.
    pub quota: u32,
    /// How many were drawn, those who did not claim included.
    pub winners: u32,
    /// The list in order.
    pub entries: Vec<Entry>,
}

/// Why there is nothing to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The list is not the one that was frozen.
    OtherList,
    /// More were drawn than the list has.
    TooFewEntries,
}

/// The winning entries in the order in which they are drawn.
pub fn redraw(published: &Published) -> Result<Vec<u32>, Problem> {
    let mut list: [u8; 32] = Sha256::digest(published.period.to_be_bytes()).into();
    // Every ticket, and whose it is.
    let mut tickets: Vec<u32> = Vec::new();
    for (number, entry) in (0u32..).zip(&published.entries) {
        let mut hasher = Sha256::new();
        hasher.update(list);
        hasher.update(number.to_be_bytes());
        hasher.update(entry.token);
        hasher.update(entry.key);
        hasher.update([entry.tickets, entry.losses]);
        list = hasher.finalize().into();
        tickets.extend(std::iter::repeat_n(number, usize::from(entry.tickets)));
    }
    if list != published.list {
        return Err(Problem::OtherList);
    }
    let wanted = published.winners as usize;
    // Whoever has no ticket is never drawn.
    if wanted > published.entries.iter().filter(|entry| entry.tickets > 0).count() {
        return Err(Problem::TooFewEntries);
    }
    if published.entries.len() <= published.quota as usize {
        return Ok((0..published.winners).collect());
    }
    let (mut winners, mut seen) = (Vec::new(), HashSet::new());
    let count = tickets.len() as u128;
    // The largest multiple of the count that 64 bits hold.
    let fair = (1u128 << 64) / count.max(1) * count;
    let mut number = 0u64;
    while winners.len() < wanted {
        let mut hasher = Sha256::new();
        hasher.update(b"chancery/plate-lottery/draw/v1");
        hasher.update(published.beacon);
        hasher.update(published.period.to_be_bytes());
        hasher.update(number.to_be_bytes());
        let digest = hasher.finalize();
        let value = digest[..8].iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
        number += 1;
        if value < fair {
            let entry = tickets[(value % count) as usize];
            if seen.insert(entry) {
                winners.push(entry);
            }
        }
    }
    Ok(winners)
}
