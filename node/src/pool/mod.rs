//! The mempool: verified transactions that wait for a block, bounded in every direction.
//!
//! It is a value: each call takes the pool and an input and gives the pool and its outputs, the [`Dropped`]
//! transactions. No clock, no lock, no I/O; [`crate::chain`] performs what comes out.
//!
//! Rules:
//! - **Queue.** An account's transactions stand in the order of their nonces. One whose predecessors are missing waits,
//!   at most [`PoolConfig::nonce_window`] ahead of the nonce that is due.
//! - **No replacement.** A second transaction with a sender and nonce that are taken is refused: what was accepted
//!   once is not undone by a later wish. The same transaction again is recognised by its digest.
//! - **Fair order.** Accounts take turns in the order in which they came to have something due, one transaction a
//!   turn, and after a block those that were served stand behind those that were not.
//! - **Shares.** No account has more than its cap. When the pool is full, a newcomer takes the place of the last
//!   transactions of the account with the largest share, and only as long as that account is left with at least as
//!   large a share as the newcomer's account then has. So a full pool never shuts out who has little in it, and nobody
//!   gains by sending more.
//! - **Expiry.** A transaction leaves when its last valid height has passed, and after
//!   [`PoolConfig::stay_heights_max`] heights in any case.

mod account;
mod order;
mod queue;
#[cfg(test)]
mod tests;

pub use self::{order::SelectLimits, queue::Pool};

use chancery_abi::{Address, Digest, Refusal};

/// The pool's limits: one node's choice, no part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// Transactions of all accounts.
    pub count_max: usize,
    /// Bytes of all transactions.
    pub bytes_max: usize,
    /// Transactions of one account.
    pub account_count_max: usize,
    /// Bytes of one account's transactions.
    pub account_bytes_max: usize,
    /// How far ahead of the nonce that is due a nonce may be.
    pub nonce_window: u64,
    /// Heights after which a transaction leaves, however long it says it is valid.
    pub stay_heights_max: u64,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            count_max: 10_000,
            bytes_max: 64 << 20,
            account_count_max: 256,
            account_bytes_max: 4 << 20,
            nonce_window: 256,
            stay_heights_max: 2_880,
        }
    }
}

/// A transaction as the pool sees it. `item` is what the pool hands out again and never looks into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting<T> {
    /// What it is known by.
    pub digest: Digest,
    /// Whose it is.
    pub sender: Address,
    /// Its place among the sender's.
    pub nonce: u64,
    /// Its length on the wire.
    pub size_bytes: usize,
    /// The last height at which it may be executed.
    pub valid_until_height: u64,
    /// The transaction.
    pub item: T,
}

/// Why the pool does not take a transaction. Nothing in the pool has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolRefusal {
    /// It is in the pool already.
    #[error("this transaction is waiting already")]
    Known,
    /// It may not be in the next blocks.
    #[error(transparent)]
    Transaction(#[from] Refusal),
    /// Another transaction of the sender with this nonce waits.
    #[error(
        "another transaction of this account with nonce {nonce} is waiting; an accepted transaction is not replaced"
    )]
    DuplicateNonce {
        /// The nonce.
        nonce: u64,
    },
    /// The account has as much waiting as one account may.
    #[error("this account has as much waiting as one account may: {count} transactions, {bytes} bytes")]
    AccountFull {
        /// Its transactions.
        count: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// The pool is full and no account has a larger share to give up.
    #[error("the pool is full; try again when a block was made")]
    Full,
}

impl PoolRefusal {
    /// A stable, lower-case code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Known => "already_waiting",
            Self::Transaction(refusal) => refusal.code(),
            Self::DuplicateNonce { .. } => "duplicate_nonce",
            Self::AccountFull { .. } => "account_pool_full",
            Self::Full => "pool_full",
        }
    }
}

/// A transaction that left the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The transaction.
    pub digest: Digest,
    /// Why.
    pub reason: DropReason,
}

/// Why a transaction left the pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropReason {
    /// Its nonce was used by the transaction itself or by another one.
    #[error("its nonce was used in a block")]
    NonceUsed,
    /// Its last valid height passed, or it stayed too long.
    #[error("it waited longer than it may; a transaction with an earlier nonce may be missing")]
    Expired,
    /// It gave its place to an account with less in the pool.
    #[error("the pool was full, and accounts with less in it come first")]
    Evicted,
    /// It may not be in a block.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl DropReason {
    /// A stable, lower-case code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NonceUsed => "nonce_used",
            Self::Expired => "expired",
            Self::Evicted => "evicted",
            Self::Refused(refusal) => refusal.code(),
        }
    }
}
