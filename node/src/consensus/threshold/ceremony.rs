//! What a node does next in a ceremony: a function of what stands on the blackboard and of its own secrets.
//!
//! The protocol is commonware's Feldman-Desmedt: joint Feldman for a new key, Desmedt's redistribution for handing one
//! on. Whatever others put up is bounded by the registry and judged here; what cannot be read is as good as not there.

use std::collections::BTreeMap;

use chancery_abi::{Digest, domain};
use chancery_runtime::execution::registry::{Ceremony, Stage};
use commonware_codec::{Copying, Decode as _, DecodeExt as _, Encode as _};
use commonware_cryptography::{
    Signer as _,
    bls12381::{
        dkg::feldman_desmedt::{
            Dealer, DealerLog, DealerPrivMsg, DealerPubMsg, FinalizeError, Info, Logs, Output, Player, PlayerAck,
            Reveal, SignedDealerLog,
        },
        primitives::{
            group::Share,
            sharing::{Mode, ModeVersion},
            variant::MinSig,
        },
    },
    ed25519::{PrivateKey, PublicKey},
    transcript::{Transcript, Version},
};
use commonware_parallel::Sequential;
use commonware_utils::{N3f1, NZU32, TryCollect as _, ordered::Set};
use parity_scale_codec::{Decode, Encode};

use super::secrets::Secret;
use crate::consensus::{
    Blackboard,
    certificate::{key_bytes, public_key},
};

/// Members of a committee.
const MEMBERS_MAX: std::num::NonZeroU32 = NZU32!(128);

/// Everything public about a key.
pub(super) type KeyOutput = Output<MinSig, PublicKey>;
type RoundInfo = Info<MinSig, PublicKey>;

/// A dealing as it stands on the blackboard: the commitment, and a share sealed to each player's key.
#[derive(Encode, Decode)]
struct Dealing {
    commitment: Vec<u8>,
    sealed: Vec<([u8; 32], Vec<u8>)>,
}

/// A holder's acknowledgements: of which dealer, and the signature.
#[derive(Encode, Decode)]
struct Acknowledgements(Vec<([u8; 32], Vec<u8>)>);

/// A dealer, its commitment, and the share of each player.
type Deal = (Dealer<MinSig, PrivateKey>, DealerPubMsg<MinSig>, Vec<(PublicKey, DealerPrivMsg)>);

/// Why a node cannot do its part.
#[derive(Debug, thiserror::Error)]
pub(super) enum CeremonyError {
    #[error("the ceremony names nodes that cannot hold or deal: {0}")]
    Parties(String),
    #[error("nothing is known of the key that is handed on")]
    PreviousUnknown,
    #[error("this node does not have its share of the key that is handed on")]
    NoShare,
    #[error("this node's own secrets do not fit the ceremony: {0}")]
    Secrets(String),
}

/// What came out of a ceremony for this node.
pub(super) enum Outcome {
    /// The key, and this node's share of it.
    Share(Box<KeyOutput>, Share),
    /// There are too few usable logs; all who look come to this.
    Failed(String),
}

/// A ceremony as one node sees it.
pub(super) struct Part<'a, B> {
    pub(super) board: &'a B,
    pub(super) ceremony: &'a Ceremony,
    pub(super) key: &'a PrivateKey,
    pub(super) secret: &'a Secret,
}

/// A set of nodes in the library's type.
fn nodes(keys: &[[u8; 32]]) -> Result<Set<PublicKey>, CeremonyError> {
    let keys = keys.iter().map(|key| public_key(key).ok_or_else(|| CeremonyError::Parties(Digest(*key).to_string())));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    keys.into_iter().try_collect().map_err(|_| CeremonyError::Parties("one twice".into()))
}

/// A key's public side from its bytes.
pub(super) fn read_output(bytes: &[u8]) -> Option<KeyOutput> {
    KeyOutput::decode_cfg(Copying(bytes), &(MEMBERS_MAX, ModeVersion::v0())).ok()
}

/// A key, and everything public about it.
pub(super) fn public_bytes(output: &KeyOutput) -> ([u8; 96], Vec<u8>) {
    let mut key = [0; 96];
    key.copy_from_slice(&commonware_codec::Encode::encode(output.public().public()));
    (key, commonware_codec::Encode::encode(output).to_vec())
}

impl<B: Blackboard> Part<'_, B> {
    fn info(&self) -> Result<RoundInfo, CeremonyError> {
        let previous = match self.ceremony.previous {
            Some(round) => {
                let bytes = self.board.output(round).ok_or(CeremonyError::PreviousUnknown)?;
                Some(read_output(&bytes).ok_or(CeremonyError::PreviousUnknown)?)
            }
            None => None,
        };
        let namespace = domain::domain(domain::Kind::Ceremony, &self.board.domain_of());
        let (dealers, players) = (nodes(&self.ceremony.dealers)?, nodes(&self.ceremony.players)?);
        let (round, mode) = (u64::from(self.ceremony.round), Mode::NonZeroCounter);
        let info = Info::new::<N3f1>(namespace.as_bytes(), round, previous, mode, Reveal::V1, dealers, players);
        info.map_err(|error| CeremonyError::Parties(error.to_string()))
    }

    fn contribution(&self, stage: Stage, node: &[u8; 32]) -> Option<Vec<u8>> {
        self.board.contribution(self.ceremony.round, stage, node)
    }

    fn identity(&self) -> Result<age::x25519::Identity, CeremonyError> {
        self.secret.identity.parse().map_err(|error: &str| CeremonyError::Secrets(error.to_owned()))
    }

    /// The key that dealings to this node are to be sealed to.
    pub(super) fn sealing_key(&self) -> Result<Vec<u8>, CeremonyError> {
        Ok(self.identity()?.to_public().to_string().into_bytes())
    }

    /// This node as a dealer, the same however often it is asked, with what it deals.
    fn dealer(&self, share: Option<Share>) -> Result<Deal, CeremonyError> {
        if self.ceremony.previous.is_some() && share.is_none() {
            return Err(CeremonyError::NoShare);
        }
        let mut transcript = Transcript::new(b"chancery threshold dealing", Version::V1);
        transcript.commit(&self.secret.seed[..]);
        let share = share.filter(|_| self.ceremony.previous.is_some());
        let started = Dealer::start::<N3f1>(transcript.noise(b"dealing"), self.info()?, self.key.clone(), share);
        started.map_err(|error| CeremonyError::Secrets(error.to_string()))
    }

    /// This node's dealing, sealed to the keys that are on the blackboard. `share` is its share of the key that is
    /// handed on.
    pub(super) fn dealing(&self, share: Option<Share>) -> Result<Vec<u8>, CeremonyError> {
        let (_, commitment, shares) = self.dealer(share)?;
        let sealed = shares.into_iter().filter_map(|(player, share)| {
            let player = key_bytes(&player);
            let key = self.contribution(Stage::Keys, &player)?;
            let recipient: age::x25519::Recipient = std::str::from_utf8(&key).ok()?.parse().ok()?;
            // Whoever gave no key that can be sealed to finds its share in the log.
            Some((player, age::encrypt(&recipient, &share.encode()).ok()?))
        });
        Ok(Dealing { sealed: sealed.collect(), commitment: commitment.encode().to_vec() }.encode())
    }

    /// This node as a holder that has read all dealings, and its acknowledgements of those that hold.
    fn player(&self) -> Result<(Player<MinSig, PrivateKey>, Acknowledgements), CeremonyError> {
        let player = Player::new(self.info()?, self.key.clone());
        let mut player = player.map_err(|error| CeremonyError::Secrets(error.to_string()))?;
        let (identity, me) = (self.identity()?, key_bytes(&self.key.public_key()));
        let mut acknowledgements = Vec::new();
        for dealer in &self.ceremony.dealers {
            let read = || {
                let dealing = Dealing::decode(&mut &self.contribution(Stage::Dealings, dealer)?[..]).ok()?;
                let (_, sealed) = dealing.sealed.into_iter().find(|(player, _)| *player == me)?;
                let share = DealerPrivMsg::decode(Copying(&age::decrypt(&identity, &sealed).ok()?[..])).ok()?;
                let commitment = DealerPubMsg::decode_cfg(Copying(&dealing.commitment[..]), &MEMBERS_MAX).ok()?;
                Some((public_key(dealer)?, commitment, share))
            };
            let Some((key, commitment, share)) = read() else { continue };
            match player.dealer_message::<N3f1>(key, commitment, share) {
                Ok(Some(acknowledgement)) => acknowledgements.push((*dealer, acknowledgement.encode().to_vec())),
                Ok(None) => {}
                Err(error) => {
                    let (dealer, round) = (Digest(*dealer), self.ceremony.round);
                    tracing::warn!(%dealer, round, %error, "a dealing does not hold");
                }
            }
        }
        Ok((player, Acknowledgements(acknowledgements)))
    }

    /// This node's acknowledgements.
    pub(super) fn acknowledgements(&self) -> Result<Vec<u8>, CeremonyError> {
        Ok(self.player()?.1.encode())
    }

    /// This node's log as a dealer: what was acknowledged, and the shares of those who did not.
    pub(super) fn log(&self, share: Option<Share>) -> Result<Vec<u8>, CeremonyError> {
        let (mut dealer, ..) = self.dealer(share)?;
        let me = key_bytes(&self.key.public_key());
        for player in &self.ceremony.players {
            let acknowledged = || {
                let Acknowledgements(all) =
                    Acknowledgements::decode(&mut &self.contribution(Stage::Acknowledgements, player)?[..]).ok()?;
                let (_, acknowledgement) = all.into_iter().find(|(dealer, _)| *dealer == me)?;
                Some((public_key(player)?, PlayerAck::decode(Copying(&acknowledgement[..])).ok()?))
            };
            if let Some((key, acknowledgement)) = acknowledged()
                && let Err(error) = dealer.receive_player_ack(key, acknowledgement)
            {
                tracing::warn!(player = %Digest(*player), %error, "an acknowledgement does not hold");
            }
        }
        Ok(dealer.finalize::<N3f1>().encode().to_vec())
    }

    fn logs(&self, info: &RoundInfo) -> BTreeMap<PublicKey, DealerLog<MinSig, PublicKey>> {
        let log = |dealer: &[u8; 32]| {
            let bytes = self.contribution(Stage::Logs, dealer)?;
            let log = SignedDealerLog::<MinSig, PublicKey>::decode_cfg(Copying(&bytes[..]), &MEMBERS_MAX).ok()?;
            // What another than its dealer put up is not its log.
            log.check(info).filter(|(key, _)| public_key(dealer).as_ref() == Some(key))
        };
        self.ceremony.dealers.iter().filter_map(log).collect()
    }

    /// What came out of it for this node.
    pub(super) fn outcome(&self, rng: &mut impl rand_core::CryptoRng) -> Result<Outcome, CeremonyError> {
        let info = self.info()?;
        let mut logs = Logs::<MinSig, PublicKey, N3f1>::new(info.clone());
        for (dealer, log) in self.logs(&info) {
            logs.record(dealer, log);
        }
        match self.player()?.0.finalize::<N3f1>(rng, logs, &Sequential) {
            Ok((output, share)) => Ok(Outcome::Share(Box::new(output), share)),
            Err(FinalizeError::Failure(failure)) => Ok(Outcome::Failed(failure.to_string())),
            Err(FinalizeError::Error(error)) => Err(CeremonyError::Secrets(error.to_string())),
        }
    }
}
