//! The partial signatures that leave every node, overheard by somebody who knows what is final at that node just then.
//!
//! Of a message only the round is read whose key signs; it stands first.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use commonware_actor::{Feedback, Unreliable};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{CheckedSender, LimitedSender, Recipients};
use commonware_runtime::IoBufs;
use parity_scale_codec::Decode as _;

use super::super::{doubles::SimStore, judge::Violation};
use crate::{chain::RegistryBoard, consensus::Blackboard as _};

/// With which keys anyone signed in a run, whoever lost power in between.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Signed(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    rounds: BTreeSet<u32>,
    /// Who signed with an announced key before its time, the key's round, and the height that was final there.
    early: Option<(usize, u32, u64)>,
}

impl Signed {
    /// The rounds whose keys signed.
    pub(super) fn rounds(&self) -> BTreeSet<u32> {
        self.0.lock().expect("nobody panicked").rounds.clone()
    }

    /// Nobody signed with a key before the last beacon of the one before was known.
    pub(super) fn in_turn(&self) -> Result<(), Violation> {
        match self.0.lock().expect("nobody panicked").early {
            Some((place, round, height)) => Err(Violation::SignedEarly { place, round, height }),
            None => Ok(()),
        }
    }
}

/// Whoever listens at one node.
#[derive(Clone)]
pub(in super::super) struct Ear {
    pub(in super::super) place: usize,
    pub(in super::super) board: RegistryBoard<SimStore>,
    pub(in super::super) signed: Signed,
}

impl Ear {
    fn hear(&self, mut message: &[u8]) {
        let round = u32::decode(&mut message).expect("a round stands first");
        // One that has stopped is found by other means.
        let Some(board) = self.board.board() else { return };
        let mut heard = self.signed.0.lock().expect("nobody panicked");
        heard.rounds.insert(round);
        let Some(successor) = board.successor.filter(|successor| successor.round == round) else { return };
        let last = successor.from_height - 1;
        if board.height <= last || board.newest_beacon.is_none_or(|newest| newest < last) {
            heard.early.get_or_insert((self.place, round, board.height));
        }
    }
}

/// A node's way to the others, at which somebody listens.
#[derive(Clone)]
pub(in super::super) struct Overheard<S> {
    pub(in super::super) inner: S,
    pub(in super::super) ear: Ear,
}

impl<S: LimitedSender<PublicKey = PublicKey>> LimitedSender for Overheard<S> {
    type PublicKey = PublicKey;
    type Checked<'a> = CheckedOverheard<'a, S::Checked<'a>>;

    fn check(&mut self, recipients: Recipients<PublicKey>) -> Result<Self::Checked<'_>, SystemTime> {
        let Self { inner, ear } = self;
        inner.check(recipients).map(|inner| CheckedOverheard { inner, ear })
    }
}

/// The same for one message.
pub(in super::super) struct CheckedOverheard<'a, C> {
    inner: C,
    ear: &'a Ear,
}

impl<C: CheckedSender<PublicKey = PublicKey>> CheckedSender for CheckedOverheard<'_, C> {
    type PublicKey = PublicKey;

    fn recipients(&self) -> Vec<PublicKey> {
        self.inner.recipients()
    }

    fn send(self, message: impl Into<IoBufs> + Send, priority: bool) -> Unreliable<Feedback> {
        let message = message.into().coalesce();
        self.ear.hear(message.as_ref());
        self.inner.send(message, priority)
    }
}
