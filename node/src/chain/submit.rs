//! Taking transactions in, and telling what became of them.

use std::time::Duration;

use chancery_abi::{Digest, Receipt, Refusal, Transaction, limits::TRANSACTION_BYTES_MAX};
use chancery_runtime::{
    execution::{VerifiedTransaction, accounts, check_quota},
    state::FinalView,
    storage::{StateBackend, StorageError},
};
use tokio::time::{Instant, timeout_at};

use super::{ChainService, SubmitError};
use crate::pool::{DropReason, PoolRefusal, Waiting};

/// What became of a transaction that was handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It waits for a block, now or since earlier.
    Waiting(Digest),
    /// It was final already.
    Final(Box<Receipt>),
}

/// Where a transaction stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It waits for a block.
    Waiting,
    /// It is final.
    Final(Box<Receipt>),
    /// It was taken once and dropped without being executed.
    Dropped(DropReason),
    /// It is not known.
    Unknown,
}

/// Where a transaction came from.
#[derive(Clone, Copy)]
enum Origin {
    /// It was handed in here, and is passed on.
    Here,
    /// The validator with this key passed it on.
    Validator([u8; 32]),
}

impl<B: StateBackend + 'static> ChainService<B> {
    /// Takes in a transaction: checks its signatures, then asks the mempool. Blocks for as long as that takes.
    ///
    /// # Errors
    /// When it may not be in a block, the mempool refuses it, or the chain takes none.
    pub fn submit(&self, transaction: Transaction) -> Result<Submitted, SubmitError> {
        self.submit_by(transaction, Origin::Here)
    }

    /// Takes in a transaction that another validator passed on, as far as its share of the pool reaches.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and when that validator's share is used up.
    pub fn submit_from(&self, validator: [u8; 32], transaction: Transaction) -> Result<Submitted, SubmitError> {
        self.submit_by(transaction, Origin::Validator(validator))
    }

    fn submit_by(&self, transaction: Transaction, origin: Origin) -> Result<Submitted, SubmitError> {
        let result = self.try_submit(transaction, origin);
        match &result {
            Ok(_) => self.metrics.accepted(),
            Err(SubmitError::Refused(refusal)) => self.metrics.refused(refusal.code()),
            Err(SubmitError::Pool(refusal)) => self.metrics.refused(refusal.code()),
            Err(SubmitError::Closed { code, .. }) => self.metrics.refused(code),
            Err(SubmitError::Storage(error)) => self.fail(error),
        }
        result
    }

    fn try_submit(&self, transaction: Transaction, origin: Origin) -> Result<Submitted, SubmitError> {
        if let Origin::Validator(validator) = origin
            && !self.lock_lanes().has_room(&validator, TRANSACTION_BYTES_MAX)
        {
            return Err(SubmitError::Pool(PoolRefusal::Full));
        }
        if let Some(closed) = self.health.closed() {
            let chain = self.ledger.rules().name().clone();
            return Err(SubmitError::Closed { chain, code: closed.code, reason: closed.reason });
        }
        let verified = VerifiedTransaction::verify(transaction, self.ledger.rules())?;
        let digest = *verified.digest();
        let view = FinalView(&**self.ledger.backend());
        let body = &verified.transaction().body;
        let due = accounts::nonce(&view, &body.sender)?;
        // Only what used its nonce can be final, so most transactions need no look for a receipt.
        if body.nonce < due
            && let Some(receipt) = self.ledger.db().receipt(&digest)?
        {
            return Ok(Submitted::Final(Box::new(receipt)));
        }
        let tip = self.ledger.tip();
        let height = tip.height;
        verified.check_validity(height + 1)?;
        check_quota(self.ledger.rules(), &view, body, tip.timestamp_ms)??;
        let waiting = Waiting {
            digest,
            sender: body.sender,
            nonce: body.nonce,
            size_bytes: verified.size_bytes(),
            valid_until_height: body.valid_until_height,
            item: verified,
        };
        let bytes = waiting.size_bytes;
        let outgoing = matches!(origin, Origin::Here).then(|| waiting.item.transaction().to_bytes());
        let inserted = self.lock_pool().insert(waiting, due, height);
        match inserted {
            Ok(evicted) => {
                if let Origin::Validator(validator) = origin {
                    self.lock_lanes().entered(validator, digest, bytes);
                }
                self.announce_work();
                if outgoing.is_some_and(|transaction| self.lock_lanes().pass_on(transaction)) {
                    self.outgoing.send_modify(|count| *count = count.wrapping_add(1));
                }
                self.remember_dropped(evicted);
                Ok(Submitted::Waiting(digest))
            }
            Err(PoolRefusal::Known) => Ok(Submitted::Waiting(digest)),
            // It may have become final between the two looks.
            Err(PoolRefusal::Transaction(Refusal::NonceUsed { expected, found })) => {
                match self.ledger.db().receipt(&digest)? {
                    Some(receipt) => Ok(Submitted::Final(Box::new(receipt))),
                    None => Err(Refusal::NonceUsed { expected, found }.into()),
                }
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Where a transaction stands.
    ///
    /// # Errors
    /// When the store fails.
    pub fn progress(&self, digest: &Digest) -> Result<Progress, StorageError> {
        // The pool first: what leaves it as executed is in the store by then.
        if self.lock_pool().contains(digest) {
            return Ok(Progress::Waiting);
        }
        let recent = self.lock_recent().get(digest);
        let receipt = match recent {
            Some(receipt) => Some(receipt),
            None => self.ledger.db().receipt(digest).inspect_err(|error| self.fail(error))?,
        };
        Ok(match (receipt, self.drop_reason(digest)) {
            (Some(receipt), _) => Progress::Final(Box::new(receipt)),
            (None, Some(reason)) => Progress::Dropped(reason),
            (None, None) => Progress::Unknown,
        })
    }

    /// Waits until a transaction does not wait any more, at most for `patience`, and says where it then stands.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn wait_until_decided(&self, digest: &Digest, patience: Duration) -> Result<Progress, StorageError> {
        let mut finalised = self.follow();
        let deadline = Instant::now() + patience;
        loop {
            let progress = self.progress(digest)?;
            if progress != Progress::Waiting || self.halted().is_some() || self.is_stopping() {
                return Ok(progress);
            }
            match timeout_at(deadline, finalised.changed()).await {
                Ok(Ok(())) => {}
                // The time is over; the sender lives in `self`.
                Ok(Err(_)) | Err(_) => return Ok(progress),
            }
        }
    }

    /// The nonce that a new transaction of this account should have: what the state expects, and what is due after all
    /// that waits.
    ///
    /// # Errors
    /// When the store fails.
    pub fn account_nonces(&self, address: &chancery_abi::Address) -> Result<(u64, u64), StorageError> {
        let view = FinalView(&**self.ledger.backend());
        let nonce = accounts::nonce(&view, address).inspect_err(|error| self.fail(error))?;
        Ok((nonce, self.lock_pool().next_nonce(address, nonce)))
    }
}
