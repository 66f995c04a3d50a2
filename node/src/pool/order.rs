//! In which order accounts are served: one transaction a turn, in the order of their turns.

use std::{collections::VecDeque, sync::Arc};

use super::{Waiting, account::Account};

/// How much a selection may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectLimits {
    /// Transactions.
    pub count: usize,
    /// Bytes of all transactions.
    pub bytes: usize,
}

/// Selects from `accounts`, which stand in the order of their turns, each from the given nonce on. An account whose
/// next transaction has no room is not served further, because its later ones cannot go first.
pub(super) fn select<'a, T: 'a>(
    accounts: impl Iterator<Item = (&'a Account<T>, u64)>,
    limits: SelectLimits,
) -> Vec<Arc<Waiting<T>>> {
    let mut lanes: VecDeque<(&Account<T>, u64)> = accounts.collect();
    let mut selected = Vec::new();
    let mut bytes_left = limits.bytes;
    while let Some((account, nonce)) = lanes.pop_front() {
        if selected.len() == limits.count {
            break;
        }
        let Some(waiting) = account.entries.get(&nonce) else { continue };
        let Some(left) = bytes_left.checked_sub(waiting.size_bytes) else { continue };
        bytes_left = left;
        selected.push(Arc::clone(waiting));
        lanes.push_back((account, nonce.saturating_add(1)));
    }
    selected
}
