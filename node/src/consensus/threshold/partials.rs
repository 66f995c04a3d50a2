//! Making signatures of the whole key: this node's partial signatures, those of others, and the one signature that enough
//! of them give.
//!
//! Invariants: one partial signature of each holder counts for a subject; what is combined is checked before it is
//! passed on, and only if that fails is every part of it looked at, so that f who send garbage cost a little time and
//! change nothing. What is kept is bounded by what the caller says is of use.

use std::collections::BTreeMap;

use chancery_abi::{Digest, domain};
use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_cryptography::bls12381::primitives::{
    group::Share,
    ops::{self, threshold},
    variant::{MinSig, PartialSignature},
};
use commonware_parallel::Sequential;
use parity_scale_codec::{Decode, Encode};

use super::ceremony::KeyOutput;
use crate::consensus::certificate::key_bytes;

/// Heights whose beacons are made at once.
pub(super) const HEIGHTS_MAX: u64 = 64;

/// A partial signature's bytes.
pub(super) type Partial = Vec<u8>;

/// What the key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(super) enum Subject {
    /// A final height, whose beacon that is.
    Beacon(u64),
    /// The final header at a height.
    Attestation(u64),
    /// The key of a round, which takes this one's place.
    Rotation(u32),
}

impl Subject {
    fn kind(self) -> domain::Kind {
        match self {
            Self::Beacon(_) => domain::Kind::Beacon,
            Self::Attestation(_) => domain::Kind::Attestation,
            Self::Rotation(_) => domain::Kind::KeyRotation,
        }
    }
}

/// The making of signatures under one key, as one holder sees it.
pub(super) struct Partials {
    round: u32,
    output: KeyOutput,
    share: Share,
    genesis: Digest,
    quorum: usize,
    making: BTreeMap<Subject, Making>,
}

#[derive(Default)]
struct Making {
    /// What is signed, once this node knows it, and its own partial signature.
    own: Option<(Vec<u8>, Partial)>,
    /// By the holder's place.
    parts: BTreeMap<u32, PartialSignature<MinSig>>,
    /// The whole, once it is made.
    signature: Option<[u8; 48]>,
}

impl Partials {
    pub(super) fn new(round: u32, output: KeyOutput, share: Share, genesis: Digest) -> Self {
        let quorum = output.quorum::<commonware_utils::N3f1>() as usize;
        Self { round, output, share, genesis, quorum, making: BTreeMap::new() }
    }

    /// The round whose shares these are.
    pub(super) fn round(&self) -> u32 {
        self.round
    }

    /// The key's 96 bytes.
    pub(super) fn key(&self) -> Vec<u8> {
        self.output.public().public().encode().to_vec()
    }

    fn namespace(&self, subject: Subject) -> Vec<u8> {
        domain::domain(subject.kind(), &self.genesis).into_bytes()
    }

    /// Forgets what is not of use any more.
    pub(super) fn retain(&mut self, is_of_use: impl Fn(&Subject) -> bool) {
        self.making.retain(|subject, _| is_of_use(subject));
    }

    /// This node's partial signature over `message`. Others may need it though the whole is made here.
    pub(super) fn own(&mut self, subject: Subject, message: Vec<u8>) -> Partial {
        let namespace = self.namespace(subject);
        let making = self.making.entry(subject).or_default();
        if let Some((signed, partial)) = &making.own
            && *signed == message
        {
            return partial.clone();
        }
        let partial = threshold::sign_message::<MinSig>(&self.share, &namespace, &message);
        let bytes = partial.encode().to_vec();
        making.parts.insert(partial.index.get(), partial);
        making.own = Some((message, bytes.clone()));
        bytes
    }

    /// The signature of the whole key that was made.
    pub(super) fn made(&self, subject: Subject) -> Option<[u8; 48]> {
        self.making.get(&subject)?.signature
    }

    /// Another holder's partial signature, which the caller has found to be of use.
    pub(super) fn take(&mut self, from: &[u8; 32], subject: Subject, partial: &[u8]) {
        let Some(place) = self.output.players().iter().position(|player| key_bytes(player) == *from) else { return };
        let Ok(partial) = PartialSignature::<MinSig>::decode(Copying(partial)) else { return };
        if usize::try_from(partial.index.get()) == Ok(place) {
            self.making.entry(subject).or_default().parts.entry(partial.index.get()).or_insert(partial);
        }
    }

    /// The signature of the whole key, when this node has signed, enough others have, and it was not made before.
    pub(super) fn combine(&mut self, subject: Subject) -> Option<[u8; 48]> {
        let namespace = self.namespace(subject);
        let (public, quorum) = (self.output.public(), self.quorum);
        let making = self.making.get_mut(&subject)?;
        let Making { own: Some((message, _)), parts, signature: made } = making else { return None };
        if made.is_some() {
            return None;
        }
        loop {
            if parts.len() < quorum {
                return None;
            }
            let combined = threshold::recover::<MinSig, _>(public, parts.values(), &Sequential).ok()?;
            if ops::verify_message::<MinSig>(public.public(), &namespace, message, &combined).is_ok() {
                let mut signature = [0; 48];
                signature.copy_from_slice(&combined.encode());
                *made = Some(signature);
                return Some(signature);
            }
            let before = parts.len();
            parts
                .retain(|_, partial| threshold::verify_message::<MinSig>(public, &namespace, message, partial).is_ok());
            tracing::warn!(?subject, left = parts.len(), "a partial signature does not hold");
            if parts.len() == before {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chancery_abi::{Beacon, KeyRotation};
    use commonware_cryptography::{
        Signer as _,
        bls12381::{dkg::feldman_desmedt::deal, primitives::sharing::Mode},
        ed25519::{PrivateKey, PublicKey},
    };
    use commonware_runtime::{Runner as _, deterministic};
    use commonware_utils::{N3f1, TryCollect as _, ordered::Set};

    use super::*;

    const HEIGHT: u64 = 7;
    const BEACON: Subject = Subject::Beacon(HEIGHT);

    fn message(height: u64) -> Vec<u8> {
        height.to_le_bytes().to_vec()
    }

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
            self.holder(place).own(Subject::Beacon(height), message(height))
        }

        /// What one of these makes of the partial signatures of all of them.
        fn beacon(&self, of: &[usize]) -> Option<Beacon> {
            let mut holder = self.holder(of[0]);
            holder.own(BEACON, message(HEIGHT));
            for place in &of[1..] {
                holder.take(&self.shares[*place].0, BEACON, &self.partial(*place, HEIGHT));
            }
            holder.combine(BEACON).map(|signature| Beacon { height: HEIGHT, signature })
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
            holder.own(BEACON, message(HEIGHT));
            holder.take(&liar, BEACON, lie);
            holder.take(&holders.shares[1].0, BEACON, &holders.partial(1, HEIGHT));
            assert_eq!(holder.combine(BEACON), None, "two and a lie are not three");
            // Nobody counts twice.
            holder.take(&holders.shares[1].0, BEACON, &holders.partial(1, HEIGHT));
            assert_eq!(holder.combine(BEACON), None);
            holder.take(&[7; 32], BEACON, &holders.partial(2, HEIGHT));
            assert_eq!(holder.combine(BEACON), None, "a stranger has no part");
            holder.take(&holders.shares[2].0, BEACON, &holders.partial(2, HEIGHT));
            assert_eq!(holder.combine(BEACON), Some(all.signature));
            assert_eq!(holder.combine(BEACON), None, "it is made once");
        }
    }

    #[test]
    fn nothing_is_made_of_what_this_node_does_not_know() {
        let holders = Holders::new();
        let mut holder = holders.holder(0);
        for place in 1..4 {
            holder.take(&holders.shares[place].0, BEACON, &holders.partial(place, HEIGHT));
        }
        assert_eq!(holder.combine(BEACON), None, "the height is not final here");
        holder.own(BEACON, message(HEIGHT));
        assert!(holder.combine(BEACON).is_some());
    }

    #[test]
    fn headers_and_keys_are_signed_behind_domains_of_their_own() {
        let holders = Holders::new();
        let (header, next) = (Digest([5; 32]), [6; 96]);
        let cases = [
            (Subject::Attestation(HEIGHT), header.0.to_vec()),
            (Subject::Rotation(3), KeyRotation::message(&next, 99)),
        ];
        let made = cases.map(|(subject, message)| {
            let mut holder = holders.holder(0);
            holder.own(subject, message.clone());
            for place in 1..3 {
                let partial = holders.holder(place).own(subject, message.clone());
                holder.take(&holders.shares[place].0, subject, &partial);
            }
            holder.combine(subject).expect("three are enough")
        });
        let (genesis, key) = (Digest([9; 32]), holders.holder(0).key().try_into().expect("a key has 96 bytes"));
        assert!(chancery_verify::threshold::attestation_holds(&genesis, &key, &header, &made[0]));
        let rotation = KeyRotation { key: next, from_height: 99, signature: made[1] };
        assert!(chancery_verify::threshold::rotation_holds(&genesis, &key, &rotation));
    }

    #[test]
    fn what_is_of_no_use_is_forgotten() {
        let holders = Holders::new();
        let mut holder = holders.holder(0);
        for height in HEIGHT..HEIGHT + 9 {
            holder.take(&holders.shares[1].0, Subject::Beacon(height), &holders.partial(1, height));
        }
        holder.retain(|subject| *subject == BEACON);
        assert_eq!(holder.making.len(), 1);
    }
}
