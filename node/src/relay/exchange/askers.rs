//! What other nodes may ask of this one: each has an allowance that fills up again, so that one that asks without end has
//! used up its own and nobody else's.

use std::collections::BTreeMap;

use super::What;

/// What an asker may use at once.
const ALLOWANCE_MAX: u64 = 96;
/// A part of it comes back in so many milliseconds.
const REFILLED_EVERY_MS: u64 = 25;
/// Askers that are remembered.
const ASKERS_MAX: usize = 256;

#[derive(Debug)]
struct Allowance {
    left: u64,
    /// When the last part came back.
    filled_ms: u64,
}

impl Allowance {
    fn fill(&mut self, now_ms: u64) {
        // A clock that was set back fills it, too.
        let parts = now_ms.abs_diff(self.filled_ms) / REFILLED_EVERY_MS;
        if parts > 0 {
            self.left = self.left.saturating_add(parts).min(ALLOWANCE_MAX);
            self.filled_ms = now_ms;
        }
    }
}

/// What a question costs: messages take a proof each.
fn cost(what: &What) -> u64 {
    match what {
        What::Counts => 1,
        What::Messages { .. } => 8,
    }
}

/// Who has asked of late, and what each may still use.
#[derive(Debug, Default)]
pub(in crate::relay) struct Askers(BTreeMap<[u8; 32], Allowance>);

impl Askers {
    /// Whether a node may have a question answered now.
    pub(in crate::relay) fn may_ask(&mut self, node: &[u8; 32], what: &What, now_ms: u64) -> bool {
        if !self.0.contains_key(node) && self.0.len() >= ASKERS_MAX {
            self.0.values_mut().for_each(|allowance| allowance.fill(now_ms));
            // A full allowance is what anybody has.
            self.0.retain(|_, allowance| allowance.left < ALLOWANCE_MAX);
            if self.0.len() >= ASKERS_MAX {
                return false;
            }
        }
        let full = Allowance { left: ALLOWANCE_MAX, filled_ms: now_ms };
        let allowance = self.0.entry(*node).or_insert(full);
        allowance.fill(now_ms);
        let left = allowance.left.checked_sub(cost(what));
        allowance.left = left.unwrap_or(allowance.left);
        left.is_some()
    }
}
