//! Signing and sending transactions: which nonce, how much gas, how long to wait.

use std::time::{Duration, Instant};

use chancery_abi::{
    Address, Digest, Payload, Transaction, TransactionBody, WIRE_VERSION,
    limits::{TRANSACTION_GAS_MAX, VALIDITY_HEIGHTS_MAX},
};
use clap::Args;

use super::failure::{Failure, Result};
use crate::{
    client::{ChainClient, EstimateAnswer, ReceiptAnswer, TransactionStatus},
    keystore::AccountKey,
};

/// Seconds that one request may ask a node to wait.
const WAIT_SECONDS_MAX: u64 = 30;
/// How often to ask for a transaction that is still waiting.
const POLL_EVERY: Duration = Duration::from_millis(250);

/// How a transaction is sent.
#[derive(Args, Clone, Debug)]
pub(super) struct SendOptions {
    /// The most gas it may use [default: what it is found to need, and 20 percent more].
    #[arg(long, value_name = "GAS")]
    pub gas: Option<u64>,
    /// How many blocks it stays valid.
    #[arg(long, value_name = "BLOCKS", default_value_t = 1_000)]
    pub valid_for: u64,
    /// Wait for the receipt (the default).
    #[arg(long, overrides_with = "no_wait")]
    pub wait: bool,
    /// Do not wait for the receipt.
    #[arg(long, overrides_with = "wait")]
    pub no_wait: bool,
    /// How long to wait for the receipt, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
}

/// An account on a chain, ready to send.
pub(super) struct Sender<'a> {
    /// The chain.
    pub chain: &'a ChainClient<'a>,
    key: AccountKey,
    sponsor: Option<AccountKey>,
    address: Address,
    genesis: Digest,
    valid_until_height: u64,
}

/// What became of a transaction.
pub(super) enum Sent {
    /// It is final.
    Final(ReceiptAnswer),
    /// It waits.
    Pending(Digest),
    /// It was not sent, because a simulation says that it would not be done.
    Withheld(ReceiptAnswer),
}

impl<'a> Sender<'a> {
    /// `key`'s account on `chain`, sending transactions that stay valid for `valid_for` blocks.
    ///
    /// # Errors
    /// When the node cannot be reached.
    pub(super) fn new(chain: &'a ChainClient<'a>, key: AccountKey, valid_for: u64) -> Result<Self> {
        let genesis = chain.genesis()?.digest();
        let mut sender = Self { chain, address: key.address(), key, sponsor: None, genesis, valid_until_height: 0 };
        sender.renew_validity(valid_for)?;
        Ok(sender)
    }

    /// The same, whose transactions are sponsored by whoever has this key.
    pub(super) fn sponsored_by(self, sponsor: Option<AccountKey>) -> Self {
        Self { sponsor, ..self }
    }

    /// From now on, transactions stay valid for `valid_for` blocks after the newest.
    ///
    /// # Errors
    /// When the node cannot be reached.
    pub(super) fn renew_validity(&mut self, valid_for: u64) -> Result {
        let height = self.chain.status()?.height;
        self.valid_until_height = height.saturating_add(valid_for.min(VALIDITY_HEIGHTS_MAX));
        Ok(())
    }

    /// The nonce after everything of this account that is final or waits.
    ///
    /// # Errors
    /// When the node cannot be reached.
    pub(super) fn next_nonce(&self) -> Result<u64> {
        Ok(self.chain.account(&self.address)?.next_nonce)
    }

    /// Signs.
    pub(super) fn sign(&self, nonce: u64, gas_limit: u64, payload: Payload) -> Transaction {
        let body = TransactionBody {
            version: WIRE_VERSION,
            chain: self.chain.name().clone(),
            sender: self.address,
            nonce,
            gas_limit,
            valid_until_height: self.valid_until_height,
            payload,
            sponsor: self.sponsor.as_ref().map(AccountKey::address),
        };
        let transaction = self.key.sign(body, &self.genesis);
        match &self.sponsor {
            Some(sponsor) => sponsor.sponsor(transaction, &self.genesis),
            None => transaction,
        }
    }

    /// The digest that the chain knows a transaction by.
    pub(super) fn digest(&self, transaction: &Transaction) -> Digest {
        transaction.digest(&self.genesis)
    }

    /// What the payload would do now.
    ///
    /// # Errors
    /// When the node refuses it.
    pub(super) fn simulate(&self, nonce: u64, payload: Payload) -> Result<ReceiptAnswer> {
        Ok(self.chain.simulate(&self.sign(nonce, TRANSACTION_GAS_MAX, payload))?)
    }

    /// The gas to allow for the payload, or how it would end when it would not be done.
    ///
    /// # Errors
    /// When the node refuses it.
    pub(super) fn gas_for(&self, nonce: u64, payload: &Payload) -> Result<std::result::Result<u64, ReceiptAnswer>> {
        let estimated = self.estimate(nonce, payload.clone())?;
        if estimated.outcome.kind == "done" {
            return Ok(Ok(with_margin(estimated.gas_limit)));
        }
        let simulated = self.simulate(nonce, payload.clone())?;
        Ok(match simulated.outcome.kind == "done" {
            // The state changed in between.
            true => Ok(with_margin(simulated.gas_used)),
            false => Err(simulated),
        })
    }

    /// How much gas the payload needs.
    ///
    /// # Errors
    /// When the node refuses it.
    pub(super) fn estimate(&self, nonce: u64, payload: Payload) -> Result<EstimateAnswer> {
        Ok(self.chain.estimate(&self.sign(nonce, TRANSACTION_GAS_MAX, payload))?)
    }

    /// Sends one transaction: finds out what it needs unless gas is given, signs, sends, and waits as the options say.
    ///
    /// # Errors
    /// When the node refuses it, or the time is over.
    pub(super) fn send(&self, payload: Payload, options: &SendOptions) -> Result<Sent> {
        let nonce = self.next_nonce()?;
        let gas_limit = match options.gas {
            Some(gas) => gas,
            None => match self.gas_for(nonce, &payload)? {
                Ok(gas) => gas,
                Err(simulated) => return Ok(Sent::Withheld(simulated)),
            },
        };
        let transaction = self.sign(nonce, gas_limit, payload);
        let digest = self.digest(&transaction);
        let wait = if options.no_wait { 0 } else { options.timeout.min(WAIT_SECONDS_MAX) };
        let deadline = Instant::now() + Duration::from_secs(options.timeout);
        match self.chain.submit(&transaction, wait)? {
            Some(receipt) => Ok(Sent::Final(receipt)),
            None if options.no_wait => Ok(Sent::Pending(digest)),
            None => self.await_receipt(&digest, deadline).map(Sent::Final),
        }
    }

    /// Waits for a transaction's receipt.
    ///
    /// # Errors
    /// When it was dropped, or the time is over.
    pub(super) fn await_receipt(&self, digest: &Digest, deadline: Instant) -> Result<ReceiptAnswer> {
        loop {
            let answer = self.chain.transaction(digest)?;
            match (answer.status, answer.receipt) {
                (TransactionStatus::Final, Some(receipt)) => return Ok(receipt),
                _ if Instant::now() >= deadline => {
                    return Err(Failure::new(format!("transaction {digest} was sent and is not final yet"))
                        .help(format!(
                            "`chancery tx {} {digest}` shows it later; --timeout SECONDS waits longer",
                            self.chain.name()
                        ))
                        .code("timeout"));
                }
                _ => std::thread::sleep(POLL_EVERY),
            }
        }
    }
}

/// What is needed and 20 percent more, because the state may change before the block.
pub(super) fn with_margin(gas: u64) -> u64 {
    gas.saturating_add(gas / 5).saturating_add(1).min(TRANSACTION_GAS_MAX)
}
