//! Making beacons: this node's partial signatures, those of others, and the one signature that enough of them give.
//!
//! Invariants: one partial signature of each holder counts for a height; what is combined is checked before it is
//! offered, and only if that fails is every part of it looked at, so that f who send garbage cost a little time and
//! change nothing. Heights are bounded, and so is what is kept of each.

use std::collections::BTreeMap;

use chancery_abi::{Beacon, Digest, domain};
use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_cryptography::bls12381::primitives::{
    group::Share,
    ops::{self, threshold},
    variant::{MinSig, PartialSignature},
};
use commonware_parallel::Sequential;

use super::ceremony::KeyOutput;
use crate::consensus::certificate::key_bytes;

/// Heights whose beacons are made at once.
pub(super) const HEIGHTS_MAX: u64 = 64;

/// A partial signature's bytes.
pub(super) type Partial = Vec<u8>;

/// The making of beacons under one key, as one holder sees it.
pub(super) struct Partials {
    round: u32,
    output: KeyOutput,
    share: Share,
    genesis: Digest,
    quorum: usize,
    heights: BTreeMap<u64, Height>,
}

#[derive(Default)]
struct Height {
    own: Option<Partial>,
    /// By the holder's place.
    parts: BTreeMap<u32, PartialSignature<MinSig>>,
    beacon: Option<Beacon>,
}

impl Partials {
    pub(super) fn new(round: u32, output: KeyOutput, share: Share, genesis: Digest) -> Self {
        let quorum = output.quorum::<commonware_utils::N3f1>() as usize;
        Self { round, output, share, genesis, quorum, heights: BTreeMap::new() }
    }

    /// The round whose shares these are.
    pub(super) fn round(&self) -> u32 {
        self.round
    }

    /// The key's 96 bytes.
    pub(super) fn key(&self) -> Vec<u8> {
        self.output.public().public().encode().to_vec()
    }

    fn namespace(&self) -> Vec<u8> {
        domain::domain(domain::Kind::Beacon, &self.genesis).into_bytes()
    }

    /// Forgets heights below `first`, whose beacons blocks have brought.
    pub(super) fn forget_below(&mut self, first: u64) {
        self.heights = self.heights.split_off(&first);
    }

    /// This node's partial signature for a final height, unless its beacon is known.
    pub(super) fn own(&mut self, height: u64) -> Option<Partial> {
        let namespace = self.namespace();
        let at = self.heights.entry(height).or_default();
        if at.beacon.is_some() {
            return None;
        }
        if at.own.is_none() {
            let partial = threshold::sign_message::<MinSig>(&self.share, &namespace, &height.to_le_bytes());
            at.own = Some(partial.encode().to_vec());
            at.parts.insert(partial.index.get(), partial);
        }
        at.own.clone()
    }

    /// Another holder's partial signature for a height between `first` and [`HEIGHTS_MAX`] above it.
    pub(super) fn take(&mut self, from: &[u8; 32], first: u64, height: u64, partial: &[u8]) {
        let bounded = (first..first.saturating_add(HEIGHTS_MAX)).contains(&height);
        let Some(place) = self.output.players().iter().position(|player| key_bytes(player) == *from) else { return };
        let Ok(partial) = PartialSignature::<MinSig>::decode(Copying(partial)) else { return };
        if bounded && usize::try_from(partial.index.get()) == Ok(place) {
            self.heights.entry(height).or_default().parts.entry(partial.index.get()).or_insert(partial);
        }
    }

    /// The beacon of a height, when enough is there and it was not made before.
    pub(super) fn combine(&mut self, height: u64) -> Option<Beacon> {
        let namespace = self.namespace();
        let (message, public, quorum) = (height.to_le_bytes(), self.output.public(), self.quorum);
        let at = self.heights.get_mut(&height)?;
        if at.beacon.is_some() || at.parts.len() < quorum {
            return None;
        }
        let combined = threshold::recover::<MinSig, _>(public, at.parts.values(), &Sequential).ok()?;
        if ops::verify_message::<MinSig>(public.public(), &namespace, &message, &combined).is_err() {
            at.parts.retain(|_, partial| {
                threshold::verify_message::<MinSig>(public, &namespace, &message, partial).is_ok()
            });
            tracing::warn!(height, left = at.parts.len(), "a partial signature of the beacon does not hold");
            return if at.parts.len() < quorum { None } else { self.combine(height) };
        }
        let mut signature = [0; 48];
        signature.copy_from_slice(&combined.encode());
        let beacon = Beacon { height, signature };
        at.beacon = Some(beacon.clone());
        Some(beacon)
    }
}

#[cfg(test)]
mod tests {
    use commonware_cryptography::{
        Signer as _,
        bls12381::{dkg::feldman_desmedt::deal, primitives::sharing::Mode},
        ed25519::{PrivateKey, PublicKey},
    };
    use commonware_runtime::{Runner as _, deterministic};
    use commonware_utils::{N3f1, TryCollect as _, ordered::Set};

    use super::*;

    const HEIGHT: u64 = 7;

    /// Four holders of one key.
    struct Holders {
        output: KeyOutput,
        shares: Vec<([u8; 32], Share)>,
    }

    impl Holders {
        fn new() -> Self {
            let keys = (1..=4u64).map(|seed| PrivateKey::from_seed(seed).public_key());
            let players: Set<PublicKey> = keys.try_collect().expect("four different keys");
            let (output, shares) = deterministic::Runner::seeded(1).start(|context| async move {
                deal::<MinSig, _, N3f1>(context, Mode::NonZeroCounter, players).expect("four can hold a key")
            });
            let shares = shares.into_iter().map(|(player, share)| (key_bytes(&player), share)).collect();
            Self { output, shares }
        }

        fn holder(&self, place: usize) -> Partials {
            Partials::new(0, self.output.clone(), self.shares[place].1.clone(), Digest([9; 32]))
        }

        fn partial(&self, place: usize, height: u64) -> Partial {
            self.holder(place).own(height).expect("nobody made the beacon")
        }

        /// What one of these makes of the partial signatures of all of them.
        fn beacon(&self, of: &[usize]) -> Option<Beacon> {
            let mut holder = self.holder(of[0]);
            holder.own(HEIGHT);
            for place in &of[1..] {
                holder.take(&self.shares[*place].0, HEIGHT, HEIGHT, &self.partial(*place, HEIGHT));
            }
            holder.combine(HEIGHT)
        }
    }

    #[test]
    fn every_quorum_makes_the_one_beacon_and_no_smaller_subset_makes_any() {
        let holders = Holders::new();
        let all = holders.beacon(&[0, 1, 2, 3]).expect("all are there");
        for subset in 1u32..16 {
            let of: Vec<usize> = (0..4).filter(|place| subset >> place & 1 == 1).collect();
            let made = holders.beacon(&of);
            assert_eq!(made.as_ref(), (of.len() >= 3).then_some(&all), "{of:?}");
        }
        let key: [u8; 96] = holders.holder(0).key().try_into().expect("a key has 96 bytes");
        let holds = chancery_verify::threshold::beacon_holds(&Digest([9; 32]), &key, &all);
        assert!(holds, "and it is one for everybody");
    }

    #[test]
    fn what_a_holder_sends_that_is_false_changes_nothing() {
        let holders = Holders::new();
        let all = holders.beacon(&[0, 1, 2, 3]).expect("all are there");
        let liar = holders.shares[3].0;
        let lies = [
            vec![0xff; 49],
            Vec::new(),
            holders.partial(3, HEIGHT + 1),
            // Somebody else's, as its own.
            holders.partial(2, HEIGHT),
        ];
        for lie in &lies {
            let mut holder = holders.holder(0);
            holder.own(HEIGHT);
            holder.take(&liar, HEIGHT, HEIGHT, lie);
            holder.take(&holders.shares[1].0, HEIGHT, HEIGHT, &holders.partial(1, HEIGHT));
            assert_eq!(holder.combine(HEIGHT), None, "two and a lie are not three");
            // Nobody counts twice.
            holder.take(&holders.shares[1].0, HEIGHT, HEIGHT, &holders.partial(1, HEIGHT));
            assert_eq!(holder.combine(HEIGHT), None);
            holder.take(&[7; 32], HEIGHT, HEIGHT, &holders.partial(2, HEIGHT));
            assert_eq!(holder.combine(HEIGHT), None, "a stranger has no part");
            holder.take(&holders.shares[2].0, HEIGHT, HEIGHT, &holders.partial(2, HEIGHT));
            assert_eq!(holder.combine(HEIGHT).as_ref(), Some(&all));
            assert_eq!(holder.combine(HEIGHT), None, "it is made once");
        }
    }

    #[test]
    fn heights_out_of_reach_are_not_kept() {
        let holders = Holders::new();
        let mut holder = holders.holder(0);
        for height in [HEIGHT - 1, HEIGHT + HEIGHTS_MAX, u64::MAX] {
            holder.take(&holders.shares[1].0, HEIGHT, height, &holders.partial(1, height));
        }
        assert!(holder.heights.is_empty());
        holder.take(&holders.shares[1].0, HEIGHT, HEIGHT + HEIGHTS_MAX - 1, &holders.partial(1, HEIGHT));
        assert_eq!(holder.heights.len(), 1);
        holder.forget_below(HEIGHT + HEIGHTS_MAX);
        assert!(holder.heights.is_empty());
    }
}
