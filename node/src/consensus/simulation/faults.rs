//! What goes wrong in the simulated world, and in which order.

use std::time::Duration;

use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::simulated::{Link, Oracle};
use commonware_runtime::deterministic;
use commonware_utils::{Probability, probability};

/// A class of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A tenth of all messages is lost and the rest arrives in any order.
    Loss,
    /// Every message takes a long time.
    Slow,
    /// One validator loses power, with what it had not synced.
    Crash,
    /// Two validators do not hear the other two.
    Halves,
    /// One validator hears nobody and is heard by nobody.
    Alone,
    /// One validator hears everyone and is heard by nobody.
    Mute,
    /// One validator proposes nothing.
    Declining,
    /// One validator sends garbage on every channel instead of taking part.
    Garbage,
    /// One validator proposes two blocks in its views, each to half of the others.
    Equivocation,
    /// All lose power at once.
    PowerLoss,
}

impl Fault {
    pub(super) const ALL: [Self; 10] = [
        Self::Loss,
        Self::Slow,
        Self::Crash,
        Self::Halves,
        Self::Alone,
        Self::Mute,
        Self::Declining,
        Self::Garbage,
        Self::Equivocation,
        Self::PowerLoss,
    ];
}

/// A small deterministic source of choices.
#[derive(Clone, Debug)]
pub(super) struct Choices(u64);

impl Choices {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    /// SplitMix64.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// The faults in an order of this source's own.
    pub(super) fn shuffled(&mut self) -> Vec<Fault> {
        let mut faults = Fault::ALL.to_vec();
        for place in (1..faults.len()).rev() {
            faults.swap(place, self.below(place + 1));
        }
        faults
    }
}

fn link(latency_ms: u64, jitter_ms: u64, success_rate: Probability) -> Link {
    let (latency, jitter) = (Duration::from_millis(latency_ms), Duration::from_millis(jitter_ms));
    Link { latency, jitter, success_rate }
}

/// A department's network on a good day.
pub(super) fn good() -> Link {
    link(4, 2, probability!(1.0))
}

/// Makes every link between peers what `link` says of it, by their places; none where it is cut.
pub(super) async fn relink(
    oracle: &Oracle<PublicKey, deterministic::Context>,
    peers: &[PublicKey],
    link: impl Fn(usize, usize) -> Option<Link>,
) {
    for (from, sender) in peers.iter().enumerate() {
        for (to, receiver) in peers.iter().enumerate().filter(|(to, _)| *to != from) {
            // There may be none yet, or none any more.
            oracle.remove_link(sender.clone(), receiver.clone()).await.ok();
            if let Some(link) = link(from, to) {
                oracle.add_link(sender.clone(), receiver.clone(), link).await.ok();
            }
        }
    }
}

/// How every link is under a fault that is the network's as a whole.
pub(super) fn under(fault: Fault) -> Option<Link> {
    match fault {
        Fault::Loss => Some(link(10, 15, probability!(0.9))),
        Fault::Slow => Some(link(120, 60, probability!(1.0))),
        _ => None,
    }
}

/// Whether a message from one validator reaches another, when `odd` is the one that the fault is about.
pub(super) fn is_cut(fault: Fault, odd: usize, from: usize, to: usize) -> bool {
    match fault {
        Fault::Halves => is_first_half(odd, from) != is_first_half(odd, to),
        Fault::Alone => (from == odd) != (to == odd),
        Fault::Mute => from == odd,
        _ => false,
    }
}

fn is_first_half(odd: usize, place: usize) -> bool {
    (place + 4 - odd) % 4 < 2
}
