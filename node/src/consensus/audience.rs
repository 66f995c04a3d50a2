//! Whose messages a chain takes, and to whom its own go: the nodes that take part in it or follow it, and nobody else
//! among those that this process is connected to. Several chains share one network; a vote of somebody who is not of a
//! chain's committee would cost that node its connection on all of them.

use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{LimitedSender, Message, Receiver, Recipients, Sender};

/// A chain's nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Audience(Arc<RwLock<BTreeSet<PublicKey>>>);

impl Audience {
    /// From now on it is these.
    pub(super) fn set(&self, nodes: impl IntoIterator<Item = PublicKey>) {
        // A set is replaced whole, so a poisoned lock still holds one.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = nodes.into_iter().collect();
    }

    fn has(&self, node: &PublicKey) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(node)
    }

    fn of(&self, recipients: Recipients<PublicKey>) -> Recipients<PublicKey> {
        let nodes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Recipients::Some(match recipients {
            Recipients::All => nodes.iter().cloned().collect(),
            Recipients::Some(some) => some.into_iter().filter(|node| nodes.contains(node)).collect(),
            Recipients::One(one) => nodes.get(&one).cloned().into_iter().collect(),
        })
    }

    /// A channel's two ends, for this audience alone.
    pub(super) fn only<S, R>(&self, (sender, receiver): (S, R)) -> (ToAudience<S>, FromAudience<R>) {
        (ToAudience { inner: sender, audience: self.clone() }, FromAudience { inner: receiver, audience: self.clone() })
    }
}

/// Sends to an audience alone.
#[derive(Clone, Debug)]
pub(super) struct ToAudience<S> {
    inner: S,
    audience: Audience,
}

impl<S: Sender<PublicKey = PublicKey>> LimitedSender for ToAudience<S> {
    type PublicKey = PublicKey;
    type Checked<'a> = S::Checked<'a>;

    fn check(&mut self, recipients: Recipients<PublicKey>) -> Result<Self::Checked<'_>, SystemTime> {
        let recipients = self.audience.of(recipients);
        self.inner.check(recipients)
    }
}

/// Hears an audience alone.
#[derive(Debug)]
pub(super) struct FromAudience<R> {
    inner: R,
    audience: Audience,
}

impl<R: Receiver<PublicKey = PublicKey>> Receiver for FromAudience<R> {
    type Error = R::Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, R::Error> {
        loop {
            let (from, message) = self.inner.recv().await?;
            if self.audience.has(&from) {
                return Ok((from, message));
            }
            tracing::debug!(peer = %from, "a message of somebody who is not of this chain");
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        self.inner.capacity()
    }
}
