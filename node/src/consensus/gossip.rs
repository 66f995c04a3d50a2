//! Transactions from validator to validator, and each one's word on its clock.
//!
//! A transaction that is handed in anywhere goes once from there to everyone else; nobody passes on what came from
//! another. What waits for long is said again now and then, for those who were away. A message holds several, each behind its
//! length. Every peer has a lane of its own in the pool ([`TransactionSource::take_in`] is told who sent), so that one that
//! floods fills its own lane only.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use chancery_abi::limits::TRANSACTION_BYTES_MAX;
use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::select;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::{Clock, Handle, Metrics, Spawner};
use tokio::sync::mpsc;

use super::{Participation, TransactionSource, certificate::key_bytes, delivery::clock_ms};
use crate::priority::{Work, give_way};

/// Bytes of one message, beside a single transaction that is larger.
const MESSAGE_BYTES: usize = 256 << 10;
/// How often a validator says that it is there, and what time it has.
const HELLO_EVERY: Duration = Duration::from_secs(2);
/// How often a validator says again what was handed in to it and still waits, and how many bytes of that. What was handed
/// in since is not said twice within so short a time.
const AGAIN_EVERY: Duration = Duration::from_secs(5);
/// It does so sooner when it has just begun: where a chain begins, others may not have listened yet.
const AGAIN_FIRST: Duration = Duration::from_secs(1);
const AGAIN_BYTES: usize = 512 << 10;
/// Transactions gather for this long, so that many go in one message.
const GATHER: Duration = Duration::from_millis(2);

/// The largest message there is.
pub(super) const GOSSIP_BYTES_MAX: usize = MESSAGE_BYTES + TRANSACTION_BYTES_MAX + 64;

const HELLO: u8 = 0;
const TRANSACTIONS: u8 = 1;

/// Starts passing on and taking in.
pub(super) fn start<E, T, S, R>(
    context: E,
    source: T,
    participation: Arc<Participation>,
    (sender, receiver): (S, R),
) -> Handle<()>
where
    E: Spawner + Clock + Metrics,
    T: TransactionSource,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    context.spawn(move |context| async move {
        let sending = {
            let source = source.clone();
            context.child("send").spawn(move |context| send(context, source, sender))
        };
        let receiving =
            context.child("receive").spawn(move |context| receive(context, source, participation, receiver));
        select! {
            _ = sending => {},
            _ = receiving => {},
        }
    })
}

async fn send<E: Clock, T: TransactionSource, S: Sender<PublicKey = PublicKey>>(context: E, source: T, mut sender: S) {
    let mut outgoing = source.outgoing();
    let mut hello_at = context.current();
    let mut again_at = context.current() + AGAIN_FIRST;
    loop {
        select! {
            changed = outgoing.changed() => {
                if changed.is_err() {
                    return;
                }
                context.sleep(GATHER).await;
                outgoing.borrow_and_update();
                for message in messages(&source.take_outgoing()) {
                    // Whoever is not there now hears of it from its proposer, or in a block.
                    sender.send(Recipients::All, message, false);
                }
            },
            _ = context.sleep_until(again_at) => {
                for message in messages(&source.still_waiting(AGAIN_BYTES)) {
                    sender.send(Recipients::All, message, false);
                }
                again_at = context.current() + AGAIN_EVERY;
            },
            _ = context.sleep_until(hello_at) => {
                let mut hello = BytesMut::with_capacity(9);
                hello.put_u8(HELLO);
                hello.put_u64(clock_ms(&context));
                sender.send(Recipients::All, hello.freeze(), false);
                hello_at = context.current() + HELLO_EVERY;
            },
        }
    }
}

/// Packs transactions into as few messages as they fit in.
fn messages(transactions: &[Arc<Vec<u8>>]) -> Vec<Bytes> {
    let mut messages = Vec::new();
    let mut message = BytesMut::new();
    for transaction in transactions {
        let Ok(length) = u32::try_from(transaction.len()) else { continue };
        if transaction.len() > TRANSACTION_BYTES_MAX {
            continue;
        }
        if message.is_empty() {
            message.put_u8(TRANSACTIONS);
        }
        message.put_u32(length);
        message.put_slice(transaction);
        if message.len() >= MESSAGE_BYTES {
            messages.push(std::mem::take(&mut message).freeze());
        }
    }
    if !message.is_empty() {
        messages.push(message.freeze());
    }
    messages
}

async fn receive<E, T, R>(context: E, source: T, participation: Arc<Participation>, mut receiver: R)
where
    E: Spawner + Clock,
    T: TransactionSource,
    R: Receiver<PublicKey = PublicKey>,
{
    // Checking signatures takes its time, and what others pass on is the least urgent.
    let (passed_on, mut queue) = mpsc::channel::<([u8; 32], Vec<u8>)>(1);
    let taking_in = context.child("take_in").dedicated().spawn(move |_| async move {
        give_way(Work::Intake);
        while let Some((from, message)) = queue.recv().await {
            for transaction in unpack(&message[1..]) {
                source.take_in(&from, transaction);
            }
        }
    });
    while let Ok((peer, message)) = receiver.recv().await {
        let from = key_bytes(&peer);
        let message: Vec<u8> = message.as_ref().to_vec();
        match message.split_first() {
            Some((&HELLO, time)) => {
                if let Ok(time) = time.try_into() {
                    participation.heard(&from, u64::from_be_bytes(time), clock_ms(&context));
                }
            }
            Some((&TRANSACTIONS, _)) => {
                if passed_on.send((from, message)).await.is_err() {
                    return;
                }
            }
            // Another release may say more.
            _ => tracing::debug!(peer = %chancery_abi::Digest(from), "a message of an unknown kind"),
        }
    }
    drop(passed_on);
    if taking_in.await.is_err() {
        tracing::debug!("taking in ended with the engine");
    }
}

/// The transactions in a message's body. What follows a length that does not fit is left out.
fn unpack(mut body: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = body.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (transaction, rest) = rest.split_at_checked(length)?;
        body = rest;
        Some(transaction)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_come_out_of_messages_as_they_went_in_and_garbage_gives_nothing() {
        let transactions: Vec<_> = (0..2_000u32).map(|n| Arc::new(vec![n as u8; 1 + (n as usize * 7) % 900])).collect();
        let packed = messages(&transactions);
        assert!(packed.len() > 1 && packed.iter().all(|message| message.len() <= GOSSIP_BYTES_MAX));
        let unpacked: Vec<Vec<u8>> =
            packed.iter().flat_map(|message| unpack(&message[1..]).map(<[u8]>::to_vec).collect::<Vec<_>>()).collect();
        assert!(unpacked.iter().eq(transactions.iter().map(|transaction| &**transaction)));
        assert_eq!(unpack(&[0, 0, 0, 9, 1]).count(), 0);
        assert_eq!(unpack(&[255; 40]).count(), 0);
        assert_eq!(unpack(&[]).count(), 0);
    }
}
