//! Letters: what two nodes say to each other beside agreeing on blocks, as bytes that nobody looks at here.
//!
//! They go over a channel of the mainchain's, to and from the nodes that it knows. Whoever writes and reads them has threads
//! of its own; here they wait in queues with an end, and what does not fit is left out. Nothing depends on one letter:
//! whoever needs an answer asks again.

use bytes::Bytes;
use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::select;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::{Handle, Spawner};
use tokio::sync::mpsc;

use super::certificate::{key_bytes, public_key};

/// Bytes of a letter, at most.
pub const LETTER_BYTES_MAX: usize = 512 << 10;
/// Letters that wait in each direction.
const WAITING_MAX: usize = 128;

/// A letter from a node, or to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The node's key.
    pub peer: [u8; 32],
    /// What it says.
    pub bytes: Vec<u8>,
}

/// The end of those who write letters and read them.
#[derive(Debug)]
pub struct Letters {
    outgoing: mpsc::Sender<Letter>,
    incoming: mpsc::Receiver<Letter>,
}

/// The network's end.
pub(super) struct Post {
    outgoing: mpsc::Receiver<Letter>,
    incoming: mpsc::Sender<Letter>,
}

/// Letters that reach nobody, and to which nobody writes.
impl Default for Letters {
    fn default() -> Self {
        open().0
    }
}

impl Letters {
    /// Sends a letter, if there is room for it; one that is too long never leaves.
    pub fn send(&self, letter: Letter) {
        let bytes = letter.bytes.len();
        if bytes > LETTER_BYTES_MAX || self.outgoing.try_send(letter).is_err() {
            tracing::debug!(bytes, "a letter is not sent");
        }
    }

    /// The next letter that has come; none once there will be no more.
    pub async fn next(&mut self) -> Option<Letter> {
        self.incoming.recv().await
    }

    /// The next letter, if one is there.
    pub fn ready(&mut self) -> Option<Letter> {
        self.incoming.try_recv().ok()
    }
}

/// The two ends.
pub(super) fn open() -> (Letters, Post) {
    let (to_network, outgoing) = mpsc::channel(WAITING_MAX);
    let (to_node, incoming) = mpsc::channel(WAITING_MAX);
    (Letters { outgoing: to_network, incoming }, Post { outgoing, incoming: to_node })
}

/// Starts carrying letters between the node and the network, until the node writes no more.
pub(super) fn start<E, S, R>(context: E, mut post: Post, (mut sender, mut receiver): (S, R)) -> Handle<()>
where
    E: Spawner,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    context.spawn(move |_| async move {
        loop {
            select! {
                letter = post.outgoing.recv() => {
                    let Some(Letter { peer, bytes }) = letter else { return };
                    let Some(peer) = public_key(&peer) else { continue };
                    sender.send(Recipients::One(peer), Bytes::from(bytes), false);
                },
                received = receiver.recv() => {
                    let Ok((peer, message)) = received else { return };
                    let bytes: &[u8] = message.as_ref();
                    let letter = Letter { peer: key_bytes(&peer), bytes: bytes.to_vec() };
                    if bytes.len() > LETTER_BYTES_MAX || post.incoming.try_send(letter).is_err() {
                        tracing::debug!(peer = %chancery_abi::Digest(key_bytes(&peer)), "a letter is left out");
                    }
                },
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(bytes: usize) -> Letter {
        Letter { peer: [7; 32], bytes: vec![1; bytes] }
    }

    #[test]
    fn what_is_too_long_or_too_much_does_not_leave() {
        let (letters, mut post) = open();
        letters.send(letter(LETTER_BYTES_MAX + 1));
        assert!(post.outgoing.try_recv().is_err(), "the network cannot carry it");
        letters.send(letter(LETTER_BYTES_MAX));
        assert_eq!(post.outgoing.try_recv().ok(), Some(letter(LETTER_BYTES_MAX)));
        (0..2 * WAITING_MAX).for_each(|_| letters.send(letter(1)));
        assert_eq!(std::iter::from_fn(|| post.outgoing.try_recv().ok()).count(), WAITING_MAX);
    }

    #[test]
    fn letters_without_a_network_wait_for_nobody() {
        let mut letters = Letters::default();
        letters.send(letter(1));
        assert_eq!(letters.ready(), None);
    }
}
