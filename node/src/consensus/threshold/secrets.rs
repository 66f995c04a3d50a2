//! What a node keeps to itself about ceremonies: for each round the key that dealings to it are sealed to and the seed
//! of its own dealing, and the share that came out.
//!
//! It is written through the engine's storage, two copies in turn, and synced before it counts.

use commonware_codec::{Copying, DecodeExt as _, RangeCfg, Write as _};
use commonware_cryptography::bls12381::primitives::group::Share;
use commonware_runtime::{Clock, Metrics, Storage};
use commonware_storage::metadata::{Config, Metadata};
use commonware_utils::sequence::U64;
use parity_scale_codec::{Decode, Encode};

/// Bytes of one round's secrets.
const SECRET_BYTES_MAX: usize = 4_096;

/// A round's secrets.
#[derive(Clone, Encode, Decode)]
pub(super) struct Secret {
    /// The key that dealings to this node are sealed to, as age writes it.
    pub(super) identity: String,
    /// What this node's dealing is made from.
    pub(super) seed: [u8; 32],
    /// The share, once the ceremony gave it.
    pub(super) share: Option<Vec<u8>>,
}

/// Why secrets cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecretsError {
    #[error("the threshold secrets cannot be kept: {0}")]
    Storage(#[from] commonware_storage::metadata::Error),
    #[error("this machine gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// All rounds' secrets.
pub(super) struct Secrets<E: Storage + Clock + Metrics> {
    /// Away while it is written.
    store: Option<Metadata<E, U64, Vec<u8>>>,
}

impl<E: Storage + Clock + Metrics> Secrets<E> {
    pub(super) async fn open(context: E, files: &str) -> Result<Self, SecretsError> {
        let codec_config = (RangeCfg::new(0..=SECRET_BYTES_MAX), ());
        let config = Config { partition: format!("{files}-threshold"), codec_config };
        Ok(Self { store: Some(Metadata::init(context, config).await?) })
    }

    fn store(&mut self) -> &mut Metadata<E, U64, Vec<u8>> {
        self.store.as_mut().expect("the store is back after each write, or the node has stopped")
    }

    async fn sync(&mut self) -> Result<(), SecretsError> {
        let store = self.store.take().expect("the store is back after each write, or the node has stopped");
        self.store = Some(store.sync().await?);
        Ok(())
    }

    pub(super) fn get(&mut self, round: u32) -> Option<Secret> {
        let bytes = self.store().get(&U64::new(u64::from(round)))?;
        Secret::decode(&mut &bytes[..]).ok()
    }

    async fn put(&mut self, round: u32, secret: &Secret) -> Result<(), SecretsError> {
        self.store().put(U64::new(u64::from(round)), secret.encode());
        self.sync().await
    }

    /// The secrets of a round, which are made and durable if there were none.
    pub(super) async fn of_round(&mut self, round: u32) -> Result<Secret, SecretsError> {
        if let Some(secret) = self.get(round) {
            return Ok(secret);
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(SecretsError::Random)?;
        let identity = age::x25519::Identity::generate().to_string();
        let identity = age::secrecy::ExposeSecret::expose_secret(&identity).to_owned();
        let secret = Secret { identity, seed, share: None };
        self.put(round, &secret).await?;
        Ok(secret)
    }

    /// The share of a round, when there is one.
    pub(super) fn share(&mut self, round: u32) -> Option<Share> {
        let bytes = self.get(round)?.share?;
        Share::decode(Copying(&bytes[..])).ok()
    }

    /// Keeps the share that a round gave.
    pub(super) async fn keep_share(&mut self, round: u32, share: &Share) -> Result<(), SecretsError> {
        let mut secret = self.of_round(round).await?;
        let mut bytes = Vec::new();
        share.write(&mut bytes);
        secret.share = Some(bytes);
        self.put(round, &secret).await
    }

    /// Erases the secrets of all rounds but these.
    pub(super) async fn erase_all_but(&mut self, rounds: &[u32]) -> Result<(), SecretsError> {
        let is_kept = |round: &U64| rounds.iter().any(|kept| u64::from(round) == u64::from(*kept));
        if self.store().keys().all(is_kept) {
            return Ok(());
        }
        self.store().retain(|round, _| is_kept(round));
        // Both copies.
        self.sync().await?;
        self.sync().await
    }
}
