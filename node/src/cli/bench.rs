//! `chancery bench`: how many signed registrations of evidence a network finalises, and how long each one takes from
//! being handed in to its final receipt, through the HTTP API as anyone would use it.
//!
//! Every transaction is made and signed before the clock starts. Each worker has accounts of its own and hands in one
//! transaction after the other, waiting for each receipt, so what is under way at once is the number of workers.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use chancery_abi::{Address, Call, Digest, Ident, Name, Payload, Transaction, TransactionBody, WIRE_VERSION};
use clap::Args;
use parity_scale_codec::Encode as _;
use serde_json::json;

use super::{
    failure::{Failure, Result},
    options::{Format, KeyOptions, TlsOptions},
    output::Output,
};
use crate::{
    client::{NODE_DEFAULT, NODE_VARIABLE, Node},
    keystore::AccountKey,
};

const CASE: &str = "bench";
const GAS: u64 = 50_000_000;
/// Seconds that one transaction may take.
const PATIENCE_S: u64 = 60;
/// Heights for which a transaction is valid.
const VALID_FOR: u64 = 50_000;
/// Appointments that wait at once: what one account may have in the pool.
const APPOINTED_AT_ONCE: usize = 128;

/// Measure a network with a deployed evidence contract: finalised registrations a second, and their latency.
#[derive(Args)]
pub(super) struct Bench {
    /// The nodes to hand transactions to, in turn.
    #[arg(long = "node", value_name = "URL", env = NODE_VARIABLE, default_value = NODE_DEFAULT)]
    nodes: Vec<String>,
    /// The chain.
    #[arg(long, default_value = "main")]
    chain: Name,
    /// The department whose contract `evidence` it is.
    #[arg(long, default_value = "judicial")]
    department: Name,
    /// The key that may appoint custodians.
    #[arg(long = "as", value_name = "KEY")]
    key: String,
    /// Transactions in all.
    #[arg(long, default_value_t = 10_000)]
    transactions: usize,
    /// Transactions that are under way at once, each with an account of its own.
    #[arg(long, default_value_t = 128)]
    workers: usize,
    /// Milliseconds that a worker waits before it hands in each transaction.
    #[arg(long, default_value_t = 0)]
    pause_ms: u64,
    #[command(flatten)]
    tls: TlsOptions,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

/// What all transactions of a run have in common.
struct Signer {
    genesis: Digest,
    valid_until_height: u64,
}

impl Bench {
    /// Runs the command.
    ///
    /// # Errors
    /// When a node cannot be reached or a transaction is not done.
    pub(super) fn run(self, output: &Output) -> Result {
        if self.workers == 0 || self.transactions < self.workers {
            return Err(Failure::usage("there must be workers, and at least a transaction for each"));
        }
        let nodes = self.nodes.iter().map(|url| self.tls.open(url)).collect::<Result<Vec<Node>>>()?;
        let first = nodes.first().ok_or_else(|| Failure::usage("--node is missing"))?;
        let chain = first.chain(self.chain.clone());
        let valid_until_height = chain.status()?.height + VALID_FOR;
        let signer = Signer { genesis: chain.genesis()?.digest(), valid_until_height };
        let court = self.keys.store()?.unlock(&self.key, &self.keys.passphrases())?;
        let clerks = (0..self.workers).map(|_| Ok(AccountKey::generate()?)).collect::<Result<Vec<_>>>()?;
        output.note(&format!("appointing {} custodians", clerks.len()));
        self.appoint(first, &signer, &court, &clerks)?;
        output.note(&format!("signing {} registrations", self.transactions));
        let run = Digest::of(&clerks[0].seed());
        let prepared: Vec<Vec<Transaction>> = clerks
            .iter()
            .enumerate()
            .map(|(worker, clerk)| {
                let share = self.transactions / self.workers + usize::from(worker < self.transactions % self.workers);
                let file = |nonce: u64| {
                    let evidence = Digest::of(&(run, worker as u64, nonce).encode());
                    self.sign(&signer, clerk, nonce, "file", (evidence, CASE).encode())
                };
                (0..share as u64).map(file).collect()
            })
            .collect();
        let (latencies, elapsed) = self.measure(&nodes, prepared)?;
        report(output, &latencies, elapsed, self.workers, nodes.len())
    }

    fn sign(&self, signer: &Signer, key: &AccountKey, nonce: u64, method: &str, input: Vec<u8>) -> Transaction {
        let name = |text: &str| Name::new(text).expect("the name written here is a name");
        let contract = Address::of_contract(&self.chain, &self.department, &name("evidence"));
        let method = Ident::new(method).expect("the methods written here are identifiers");
        let body = TransactionBody {
            version: WIRE_VERSION,
            chain: self.chain.clone(),
            sender: key.address(),
            nonce,
            gas_limit: GAS,
            valid_until_height: signer.valid_until_height,
            payload: Payload::Call(Call { contract, method, input }),
            sponsor: None,
        };
        key.sign(body, &signer.genesis)
    }

    fn appoint(&self, node: &Node, signer: &Signer, court: &AccountKey, clerks: &[AccountKey]) -> Result {
        let chain = node.chain(self.chain.clone());
        let mut nonce = chain.account(&court.address())?.next_nonce;
        for batch in clerks.chunks(APPOINTED_AT_ONCE) {
            for (place, clerk) in batch.iter().enumerate() {
                let appoint = self.sign(signer, court, nonce, "appoint", (clerk.address(), CASE).encode());
                nonce += 1;
                let is_last = place + 1 == batch.len();
                if let Some(receipt) = chain.submit(&appoint, if is_last { PATIENCE_S } else { 0 })?
                    && receipt.outcome.kind != "done"
                {
                    return Err(Failure::new(format!("key `{}` may not appoint custodians", self.key)));
                }
            }
        }
        Ok(())
    }

    /// Hands everything in; the latencies, and the time from the first to the last.
    fn measure(&self, nodes: &[Node], prepared: Vec<Vec<Transaction>>) -> Result<(Vec<Duration>, Duration)> {
        let failed = AtomicUsize::new(0);
        let began = Instant::now();
        let work = |worker: usize, transactions: Vec<Transaction>| -> Result<Vec<Duration>> {
            let chain = nodes[worker % nodes.len()].chain(self.chain.clone());
            let mut latencies = Vec::with_capacity(transactions.len());
            for transaction in transactions {
                if failed.load(Ordering::Relaxed) > 0 {
                    break;
                }
                std::thread::sleep(Duration::from_millis(self.pause_ms));
                let handed_in = Instant::now();
                let receipt = chain.submit(&transaction, PATIENCE_S).map_err(Failure::from);
                match receipt {
                    Ok(Some(receipt)) if receipt.outcome.kind == "done" => latencies.push(handed_in.elapsed()),
                    Ok(receipt) => {
                        failed.fetch_add(1, Ordering::Relaxed);
                        return Err(Failure::new(format!("a registration was not done: {receipt:?}")));
                    }
                    Err(failure) => {
                        failed.fetch_add(1, Ordering::Relaxed);
                        return Err(failure);
                    }
                }
            }
            Ok(latencies)
        };
        let results: Vec<Result<Vec<Duration>>> = std::thread::scope(|scope| {
            let work = &work;
            let spawn = |(worker, transactions)| scope.spawn(move || work(worker, transactions));
            let threads: Vec<_> = prepared.into_iter().enumerate().map(spawn).collect();
            let panicked = || Err(Failure::new("a worker panicked"));
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| panicked())).collect()
        });
        let elapsed = began.elapsed();
        let latencies = results.into_iter().collect::<Result<Vec<_>>>()?;
        Ok((latencies.into_iter().flatten().collect(), elapsed))
    }
}

fn report(output: &Output, latencies: &[Duration], elapsed: Duration, workers: usize, nodes: usize) -> Result {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let percentile = |percent: usize| {
        let at = (sorted.len().saturating_sub(1) * percent).div_ceil(100);
        sorted.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    };
    let (count, seconds) = (sorted.len(), elapsed.as_secs_f64());
    let rate = count as f64 / seconds;
    let (p50, p90, p99) = (percentile(50), percentile(90), percentile(99));
    let json = json!({
        "transactions": count,
        "seconds": seconds,
        "per_second": rate,
        "latency_ms": { "p50": p50, "p90": p90, "p99": p99, "max": percentile(100) },
        "workers": workers,
        "nodes": nodes,
    });
    output.result(&json, || {
        format!(
            "{count} registrations finalised in {seconds:.2} s: {rate:.0} a second\n\
             from hand-in to final receipt: p50 {p50:.0} ms, p90 {p90:.0} ms, p99 {p99:.0} ms, at most {:.0} ms\n\
             {workers} under way at once, over {nodes} nodes",
            percentile(100),
        )
    })
}
