//! The receipts of the newest final blocks, in memory: whoever waits for a transaction asks for its receipt the moment it
//! is final, and a block's receipts lie in the store as one row, which would be read and decoded anew for each of them.
//!
//! Invariant: what is here is in the store as well. What is not here may be.

use std::collections::{HashMap, VecDeque};

use chancery_abi::{Digest, Receipt};
use parity_scale_codec::Encode as _;

/// Encoded bytes that are kept at most.
const BYTES_MAX: usize = 8 << 20;

/// The newest receipts.
#[derive(Default)]
pub(super) struct Recent {
    receipts: HashMap<Digest, Receipt>,
    /// Of what is kept, the oldest first, with its bytes.
    order: VecDeque<(Digest, usize)>,
    bytes: usize,
}

impl Recent {
    /// The receipt of a transaction, if it is one of the newest.
    pub(super) fn get(&self, transaction: &Digest) -> Option<Receipt> {
        self.receipts.get(transaction).cloned()
    }

    /// A block with these receipts is in the store.
    pub(super) fn committed(&mut self, receipts: &[Receipt]) {
        for receipt in receipts {
            let bytes = receipt.encoded_size();
            if self.receipts.insert(receipt.transaction, receipt.clone()).is_none() {
                self.order.push_back((receipt.transaction, bytes));
                self.bytes += bytes;
            }
        }
        while self.bytes > BYTES_MAX {
            let Some((oldest, bytes)) = self.order.pop_front() else { break };
            self.receipts.remove(&oldest);
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use chancery_abi::{Outcome, WIRE_VERSION};

    use super::*;

    fn receipt(number: u32, bytes: usize) -> Receipt {
        Receipt {
            version: WIRE_VERSION,
            transaction: Digest::of(&number.to_le_bytes()),
            height: 1,
            index: number,
            gas_used: 1,
            outcome: Outcome::Done { output: vec![7; bytes] },
            events: Vec::new(),
        }
    }

    #[test]
    fn the_newest_are_kept_within_their_bytes() {
        let mut recent = Recent::default();
        let receipts: Vec<_> = (0..20).map(|number| receipt(number, 1 << 20)).collect();
        for block in receipts.chunks(4) {
            recent.committed(block);
            assert!(recent.bytes <= BYTES_MAX);
        }
        recent.committed(&receipts[19..]);
        assert_eq!(recent.get(&receipts[19].transaction), Some(receipts[19].clone()));
        assert_eq!(recent.get(&receipts[0].transaction), None);
        assert_eq!(recent.receipts.len(), recent.order.len());
        assert_eq!(recent.bytes, recent.receipts.values().map(|receipt| receipt.encoded_size()).sum::<usize>());
    }
}
