//! Drawing a period of the licence-plate lottery again, from what the chain has published.

use redraw::{Entry, Problem, Published, redraw};
use serde_json::json;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::fixed;

/// The most entries that a list can have.
const ENTRIES_MAX: usize = 10_000_000;

/// A draw to be made again: its list is taken entry by entry.
#[wasm_bindgen]
pub struct Draw {
    published: Option<Published>,
}

#[wasm_bindgen]
impl Draw {
    /// A period by its number, its frozen list's hash, its beacon, its plates, and how many were drawn.
    #[wasm_bindgen(constructor)]
    pub fn new(period: u32, list: &str, beacon: &str, quota: u32, drawn: u32) -> Self {
        let published = fixed(list).zip(fixed(beacon));
        let published = published.map(|(list, beacon)| Published {
            period,
            list,
            beacon,
            quota,
            winners: drawn,
            entries: Vec::new(),
        });
        Self { published }
    }

    /// Takes the next entry: its token's hash, its key, its tickets and its losses.
    pub fn push(&mut self, token: &str, key: &str, tickets: u32, losses: u32) {
        let entry = || {
            let (tickets, losses) = (u8::try_from(tickets).ok()?, u8::try_from(losses).ok()?);
            Some(Entry { token: fixed(token)?, key: fixed(key)?, tickets, losses })
        };
        match (self.published.as_mut(), entry()) {
            (Some(published), Some(entry)) if published.entries.len() < ENTRIES_MAX => published.entries.push(entry),
            // What is no entry makes it another list.
            _ => self.published = None,
        }
    }

    /// The `winners` in the order in which they are drawn, or an `error`: `other_list` when the entries are not those that
    /// were frozen, `too_few_entries` when more were drawn than there are.
    pub fn finish(&self) -> String {
        let drawn = self.published.as_ref().ok_or(Problem::OtherList).and_then(redraw);
        let json = match drawn {
            Ok(winners) => json!({ "winners": winners }),
            Err(Problem::OtherList) => json!({ "error": "other_list" }),
            Err(Problem::TooFewEntries) => json!({ "error": "too_few_entries" }),
        };
        json.to_string()
    }
}
