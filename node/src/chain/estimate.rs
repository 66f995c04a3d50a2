//! How much gas a transaction needs: the smallest limit with which it does what it does with the most gas there is.
//!
//! What it uses is not always enough: a call within a call is given a part of what is left, and some work is checked for
//! before it is done. So limits are tried out, all on one snapshot: first what was used, then more in growing steps, then
//! the gap is halved. The tries are bounded in number and gas; when they are used up, the smallest limit that was seen to
//! do is the answer, so an answer always does.

use chancery_abi::{Outcome, Receipt, Refusal, Transaction, limits::TRANSACTION_GAS_MAX};

use super::{ChainService, ReadError, now_ms};

/// Tries for one estimate.
const TRIES_MAX: u32 = 64;
/// Gas that the tries of one estimate may use in all; the last may go beyond by its own.
const TRIES_GAS_MAX: u64 = 2 * TRANSACTION_GAS_MAX;

/// What a transaction needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// What it does with the most gas there is, and with `gas_limit`.
    pub outcome: Outcome,
    /// Gas it uses with the most gas there is.
    pub gas_used: u64,
    /// The smallest limit that was found to do.
    pub gas_limit: u64,
    /// The height whose state it was tried out on.
    pub height: u64,
}

impl ChainService {
    /// What a transaction needs, as the only one of the next block. Its signatures, its nonce and its own gas limit are not
    /// looked at. Blocks; see [`Self::ask`].
    ///
    /// # Errors
    /// When it may not be in a block, or this node cannot run it.
    pub fn estimate(&self, transaction: Transaction) -> Result<Estimate, ReadError> {
        self.on_snapshot(|stack, reader, tip| {
            let (height, timestamp_ms) = (tip.height, now_ms().max(tip.timestamp_ms));
            let run = |gas_limit| {
                let mut transaction = transaction.clone();
                transaction.body.gas_limit = gas_limit;
                self.simulate_on(stack, reader, &tip, timestamp_ms, transaction)
            };
            let most = run(TRANSACTION_GAS_MAX)?;
            let gas_limit = smallest(most.gas_used, TRANSACTION_GAS_MAX, |gas_limit| match run(gas_limit) {
                Ok(receipt) => Ok((does_the_same(&receipt, &most), receipt.gas_used)),
                Err(ReadError::Refused(Refusal::GasBelowIntrinsic { .. })) => Ok((false, 0)),
                Err(error) => Err(error),
            })?;
            Ok(Estimate { outcome: most.outcome, gas_used: most.gas_used, gas_limit, height })
        })
    }
}

fn does_the_same(receipt: &Receipt, most: &Receipt) -> bool {
    receipt.outcome == most.outcome && receipt.events == most.events
}

/// The smallest limit from `used` to `most` that does, as far as the tries go. A try says whether it did, and what it used.
fn smallest<E>(used: u64, most: u64, mut does: impl FnMut(u64) -> Result<(bool, u64), E>) -> Result<u64, E> {
    // `low` does not do, as far as is known; `high` does.
    let (mut low, mut high) = (used.saturating_sub(1), most);
    let (mut tries, mut spent, mut step) = (0, 0u64, 0u64);
    let mut found = false;
    while high - low > 1 && tries < TRIES_MAX && spent < TRIES_GAS_MAX {
        let limit = if found { low + (high - low) / 2 } else { used.saturating_add(step) };
        if limit >= high {
            // Nothing below what is known to do is left but the gap itself.
            found = true;
            continue;
        }
        let (did, gas) = does(limit)?;
        (tries, spent) = (tries + 1, spent.saturating_add(gas));
        if did {
            (high, found) = (limit, true);
        } else {
            low = limit;
        }
        step = step.saturating_mul(2).max(used / 64).max(1);
    }
    Ok(high)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// The smallest limit when `needed` is needed, and after how many tries.
    fn found(used: u64, needed: u64, most: u64) -> (u64, u32) {
        let mut tries = 0;
        let limit = smallest(used, most, |limit| {
            tries += 1;
            Ok::<_, Infallible>((limit >= needed, used.min(limit)))
        });
        (limit.unwrap_or_else(|never| match never {}), tries)
    }

    #[test]
    fn what_is_used_is_enough_in_one_try() {
        assert_eq!(found(1_000_000, 1_000_000, TRANSACTION_GAS_MAX), (1_000_000, 1));
        assert_eq!(found(1, 1, TRANSACTION_GAS_MAX), (1, 1));
        assert_eq!(found(0, 0, 10), (0, 1));
    }

    #[test]
    fn a_need_above_the_use_is_found_exactly() {
        for needed in [1_000_001, 1_015_000, 1_200_000, 37_000_000, 5_000_000_000, TRANSACTION_GAS_MAX] {
            let (limit, tries) = found(1_000_000, needed, TRANSACTION_GAS_MAX);
            assert_eq!(limit, needed, "after {tries} tries");
        }
    }

    #[test]
    fn who_uses_everything_is_not_tried_again() {
        assert_eq!(found(TRANSACTION_GAS_MAX, TRANSACTION_GAS_MAX, TRANSACTION_GAS_MAX), (TRANSACTION_GAS_MAX, 0));
    }

    #[test]
    fn dear_tries_end_with_a_limit_that_does() {
        let (used, needed) = (TRANSACTION_GAS_MAX / 4, TRANSACTION_GAS_MAX / 2 + 7);
        let (limit, tries) = found(used, needed, TRANSACTION_GAS_MAX);
        assert!(limit >= needed && tries <= 10, "{limit} after {tries} tries");
    }
}
