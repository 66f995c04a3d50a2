//! What the benchmarks measure the sandbox by: the small jobs that services consist of (register a record once, move
//! points from one account to another), and kernels that show what metering costs each kind of code.
//!
//! Its rules are those of a real service as far as the jobs go, and its figures are in docs/performance.md.
#![no_std]
use chancery_sdk::prelude::*;
use sha2::{Digest as _, Sha256};

/// Bytes that `digest` hashes.
const MESSAGE_BYTES: usize = 64 * 1024;

/// The jobs that the benchmarks run.
#[contract]
pub struct Yardstick {
    /// What was registered, by its digest.
    #[public]
    records: Map<Digest, Record>,
    /// The points of each account.
    #[public]
    points: Map<Address, u128>,
}

/// A registered record.
#[data]
pub struct Record {
    pub meta: [u8; 64],
}

/// A record was registered.
#[event]
pub struct Registered {
    #[index]
    pub digest: Digest,
    pub by: Address,
}

/// Points changed hands.
#[event]
pub struct Transferred {
    #[index]
    pub from: Address,
    #[index]
    pub to: Address,
    pub amount: u128,
}

#[error]
pub enum YardstickError {
    #[code(1)]
    #[message(en = "this digest is registered already", zh = "该摘要已登记")]
    AlreadyRegistered,
    #[code(2)]
    #[message(en = "the account has too few points", zh = "积分不足")]
    TooFewPoints,
    #[code(3)]
    #[message(en = "the account cannot hold so many points", zh = "积分溢出")]
    TooManyPoints,
}

#[methods]
impl Yardstick {
    /// Gives whoever deploys it so many points.
    #[init]
    pub fn init(&mut self, cx: &Cx, points: u128) {
        self.points.insert(&cx.caller(), &points);
    }

    /// Does nothing: what is left is the call itself.
    #[access(anyone)]
    pub fn nothing(&mut self) {}

    /// Registers a record, once.
    #[access(anyone)]
    pub fn register(&mut self, cx: &Cx, digest: Digest, meta: [u8; 64]) -> Result<(), YardstickError> {
        ensure!(!self.records.contains(&digest), YardstickError::AlreadyRegistered);
        self.records.insert(&digest, &Record { meta });
        cx.emit(&Registered { digest, by: cx.caller() });
        Ok(())
    }

    /// Moves points of the caller to another account.
    #[access(anyone)]
    pub fn transfer(&mut self, cx: &Cx, to: Address, amount: u128) -> Result<(), YardstickError> {
        let from = cx.caller();
        let left = self.points_of(&from).checked_sub(amount).ok_or(YardstickError::TooFewPoints)?;
        self.points.insert(&from, &left);
        let grown = self.points_of(&to).checked_add(amount).ok_or(YardstickError::TooManyPoints)?;
        self.points.insert(&to, &grown);
        cx.emit(&Transferred { from, to, amount });
        Ok(())
    }

    /// SHA-256 of 64 KiB, computed here and not by the host.
    #[query]
    pub fn digest(&self) -> Digest {
        let message: Vec<u8> = (0..MESSAGE_BYTES).map(|at| (at as u8).wrapping_mul(31)).collect();
        Digest(Sha256::digest(&message).into())
    }

    /// A loop without a branch or a memory access: the worst case for a counter.
    #[query]
    pub fn mix(&self, rounds: u64) -> u64 {
        let (mut state, mut sum) = (rounds | 1, 0u64);
        for _ in 0..rounds {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            sum = sum.wrapping_add(state.wrapping_mul(0x2545_F491_4F6C_DD1D));
        }
        sum
    }

    /// Branches that depend on data: the steps of all Collatz sequences below `end`.
    #[query]
    pub fn collatz(&self, end: u64) -> u64 {
        let mut steps = 0;
        for start in 1..end {
            let mut at = start;
            while at != 1 {
                at = if at & 1 == 0 { at >> 1 } else { at.wrapping_mul(3).wrapping_add(1) };
                steps += 1;
            }
        }
        steps
    }

    /// Nothing but calls: the worst case for the stack's height.
    #[query]
    pub fn fibonacci(&self, n: u32) -> u64 {
        fibonacci(n)
    }

    /// Memory: sorts numbers and finds each of them again.
    #[query]
    pub fn sort(&self, count: u32) -> u64 {
        let mut state = u64::from(count) | 1;
        let mut numbers: Vec<u64> = (0..count)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            })
            .collect();
        numbers.sort_unstable();
        numbers.iter().filter_map(|number| numbers.binary_search(number).ok()).fold(0, |sum, at| sum + at as u64)
    }
}

impl Yardstick {
    fn points_of(&self, account: &Address) -> u128 {
        self.points.get(account).unwrap_or_default()
    }
}

#[inline(never)]
fn fibonacci(n: u32) -> u64 {
    if n < 2 { n.into() } else { fibonacci(n - 1).wrapping_add(fibonacci(n - 2)) }
}
