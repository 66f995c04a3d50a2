//! The producer: the one thread that makes a chain's blocks while there is one validator.
//!
//! It takes what the mempool has as soon as it has something, and while nothing comes it makes an empty block every
//! heartbeat. While one block is being written the next transactions gather, so a busy chain fills its blocks by
//! itself. A panic while executing and every error halt this chain alone; a failure of the store stops the process.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use chancery_abi::limits;
use chancery_runtime::execution::{ExecutionStack, chain::Proposal, on_execution_stack};

use super::{Built, ChainError, ChainService, Validator, now_ms};
use crate::pool::SelectLimits;

/// How often the disk's free space is looked at.
const DISK_CHECK_EVERY: Duration = Duration::from_secs(2);
/// What a block may have at most; the executor decides again.
const BLOCK: SelectLimits = SelectLimits { count: limits::BLOCK_TRANSACTIONS_MAX, bytes: limits::BLOCK_BYTES_MAX };

/// A running producer.
#[derive(Debug)]
pub struct Producer {
    thread: JoinHandle<()>,
}

impl Producer {
    /// Starts making blocks of `chain`.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(chain: Arc<ChainService>, validator: Validator) -> std::io::Result<Self> {
        let name = format!("producer-{}", chain.ledger().rules().name());
        let thread = std::thread::Builder::new().name(name).spawn(move || run(&chain, &validator))?;
        Ok(Self { thread })
    }

    /// Whether it has come to its end.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until it has finished the block at hand, after [`ChainService::stop`] or a halt. Blocks.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("a producer ended in a panic");
        }
    }
}

fn run(chain: &ChainService, validator: &Validator) {
    on_execution_stack(|stack| {
        let mut disk_checked = None;
        let mut last_block = Instant::now();
        while !chain.is_stopping() && chain.halted().is_none() {
            if disk_checked.is_none_or(|at: Instant| at.elapsed() >= DISK_CHECK_EVERY) {
                chain.check_disk();
                disk_checked = Some(Instant::now());
            }
            let until_heartbeat = chain.config().heartbeat.saturating_sub(last_block.elapsed());
            let has_ready = chain.wait_for_transactions(until_heartbeat.min(DISK_CHECK_EVERY));
            let is_heartbeat = last_block.elapsed() >= chain.config().heartbeat;
            if chain.is_stopping() || !(has_ready || is_heartbeat) {
                continue;
            }
            if make_block(stack, chain, validator, is_heartbeat) {
                last_block = Instant::now();
            }
        }
    });
    if chain.halted().is_none()
        && let Err(error) = chain.ledger().flush()
    {
        chain.halt(chain.ledger().tip().height, &error);
    }
}

/// Makes one block, and halts the chain when that fails. Tells whether one was made.
fn make_block(stack: &ExecutionStack, chain: &ChainService, validator: &Validator, allow_empty: bool) -> bool {
    let height = chain.ledger().tip().height + 1;
    // Nothing of a block is visible before its commit, and the locks say when a panic came in the middle of one.
    let made = catch_unwind(AssertUnwindSafe(|| try_make_block(stack, chain, validator, allow_empty)));
    match made {
        Ok(Ok(made)) => made,
        Ok(Err(error)) => {
            chain.halt(height, &error);
            false
        }
        Err(panic) => {
            chain.halt_after_panic(height, &*panic);
            false
        }
    }
}

fn try_make_block(
    stack: &ExecutionStack,
    chain: &ChainService,
    validator: &Validator,
    allow_empty: bool,
) -> Result<bool, ChainError> {
    let began = Instant::now();
    let selected = chain.lock_pool().select(BLOCK);
    let timestamp_ms = now_ms().max(chain.ledger().tip().timestamp_ms);
    let proposal = Proposal { proposer: *validator.public_key(), timestamp_ms };
    let transactions = selected.iter().map(|waiting| &waiting.item);
    let Built { candidate, refused } = chain.ledger().build(stack, None, proposal, transactions)?;
    if !refused.is_empty() {
        let mut pool = chain.lock_pool();
        let dropped = refused.into_iter().filter_map(|(digest, refusal)| pool.refuse(&digest, refusal)).collect();
        drop(pool);
        chain.remember_dropped(dropped);
    }
    if candidate.receipts().is_empty() && !allow_empty {
        return Ok(false);
    }
    let executed = Instant::now();
    let certificate = validator.certify(&candidate.block().header, *candidate.digest());
    chain.ledger().commit(&candidate, &certificate)?;
    chain.metrics.block(&candidate, executed - began, executed.elapsed());
    tracing::debug!(
        height = candidate.height(),
        transactions = candidate.receipts().len(),
        gas_used = candidate.block().header.gas_used,
        execute_us = (executed - began).as_micros(),
        commit_us = executed.elapsed().as_micros(),
        "block committed",
    );
    chain.publish(&candidate);
    Ok(true)
}
