//! Several chains over one network: every channel is shared out by chain, so that chains can begin and end while it runs.
//!
//! The mainchain has number 0, sidechains have the registry's. A full mailbox of one chain drops that chain's messages and
//! holds up no other. A sidechain's end is its own: it is told, and the rest goes on.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chancery_abi::Digest;
use chancery_runtime::storage::{StateBackend, StorageError};
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_macros::select;
use commonware_p2p::{
    Blocker, Provider, Receiver, Sender,
    utils::mux::{self, MuxHandle, Muxer, SubReceiver, SubSender},
};
use commonware_runtime::{Clock, Handle, Metrics, Spawner, Storage, buffer::paged::CacheRef};
use rand_core::CryptoRng;
use tokio::sync::mpsc;

use super::{
    ChainSide, ConsensusError, Participation, Timing, TransactionSource,
    audience::{Audience, FromAudience, ToAudience},
    certificate::public_key,
    engine::{self, Channel, Channels, Parts},
    gossip,
    identity::{self, VotesRecord},
};
use crate::store::ChainDb;

/// The mainchain's number on the network.
pub(super) const MAINCHAIN: u64 = 0;
/// How often it is looked whose messages a sidechain takes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The folder of the engine's files, in the consensus folder.
pub(super) const ENGINE_FOLDER: &str = "engine";

/// A chain's two ends of a channel.
pub(super) type ChainChannel<S> = Channel<ToAudience<SubSender<S>>, FromAudience<SubReceiver<PublicKey>>>;

/// The network's channels, each shared out by chain.
pub(super) struct SharedChannels<S: Sender<PublicKey = PublicKey>>(Vec<MuxHandle<S>>);

/// All channels of one chain.
pub(super) struct ChainChannels<S: Sender<PublicKey = PublicKey>> {
    pub(super) engine: Channels<ToAudience<SubSender<S>>, FromAudience<SubReceiver<PublicKey>>>,
    pub(super) transactions: ChainChannel<S>,
    pub(super) partials: ChainChannel<S>,
    pub(super) letters: ChainChannel<S>,
}

/// How many channels a chain has.
pub(super) const CHANNELS: u64 = 8;

impl<S: Sender<PublicKey = PublicKey>> SharedChannels<S> {
    /// Shares out [`CHANNELS`] channels, which `register` opens by number.
    pub(super) fn new<E, R>(context: &E, mut register: impl FnMut(u64) -> (S, R)) -> Self
    where
        E: Spawner + Metrics,
        R: Receiver<PublicKey = PublicKey>,
    {
        let share = |channel| {
            let (sender, receiver) = register(channel);
            let context = context.child("shared").with_attribute("channel", channel);
            let (muxer, handle) = Muxer::new(context, sender, receiver);
            muxer.start();
            handle
        };
        Self((0..CHANNELS).map(share).collect())
    }

    /// The channels of the chain with this number, which must not be open already.
    pub(super) async fn of(&mut self, number: u64, audience: &Audience) -> Result<ChainChannels<S>, mux::Error> {
        let mut channels = Vec::new();
        for handle in &mut self.0 {
            channels.push(audience.only(handle.register(number).await?));
        }
        let mut channels = channels.into_iter();
        let mut next = || channels.next().ok_or(mux::Error::Closed);
        Ok(ChainChannels {
            engine: Channels {
                votes: next()?,
                certificates: next()?,
                views: next()?,
                backfill: next()?,
                blocks: next()?,
            },
            transactions: next()?,
            partials: next()?,
            letters: next()?,
        })
    }
}

/// A sidechain to take part in.
pub(super) struct NewChain<C, B> {
    pub(super) number: u32,
    pub(super) side: C,
    pub(super) backend: Arc<B>,
    pub(super) participation: Arc<Participation>,
}

/// What the sidechains of a process have in common.
pub(super) struct Hosting<S: Sender<PublicKey = PublicKey>, P> {
    pub(super) channels: SharedChannels<S>,
    pub(super) oracle: P,
    pub(super) key: PrivateKey,
    pub(super) timing: Timing,
    pub(super) pages: CacheRef,
}

impl<S, P> Hosting<S, P>
where
    S: Sender<PublicKey = PublicKey>,
    P: Blocker<PublicKey = PublicKey> + Provider<PublicKey = PublicKey> + Clone,
{
    /// Begins and ends chains as ordered, for as long as anybody can order.
    pub(super) async fn run<E, C, B>(mut self, context: E, mut orders: mpsc::UnboundedReceiver<NewChain<C, B>>)
    where
        E: CryptoRng + Spawner + Metrics + Clock + Storage,
        C: ChainSide + TransactionSource,
        B: StateBackend + 'static,
    {
        let mut running: Vec<Handle<()>> = Vec::new();
        while let Some(chain) = orders.recv().await {
            let side = chain.side.clone();
            match self.begin(&context, chain).await {
                Ok(handle) => running.push(handle),
                Err(reason) => side.engine_failed(&reason),
            }
        }
    }

    async fn begin<E, C, B>(&mut self, context: &E, chain: NewChain<C, B>) -> Result<Handle<()>, String>
    where
        E: CryptoRng + Spawner + Metrics + Clock + Storage,
        C: ChainSide + TransactionSource,
        B: StateBackend + 'static,
    {
        let NewChain { number, side, backend, participation } = chain;
        let audience = Audience::default();
        audience.set(side.audience().iter().filter_map(public_key));
        let channels = self.channels.of(number.into(), &audience).await.map_err(|error| error.to_string())?;
        let ChainChannels { engine: channels, transactions, .. } = channels;
        let name = side.genesis().chain.clone();
        let parts = Parts {
            side: side.clone(),
            backend,
            key: self.key.clone(),
            blocker: self.oracle.clone(),
            peers: self.oracle.clone(),
            timing: self.timing,
            participation: Arc::clone(&participation),
            files: files_of(number),
            pages: self.pages.clone(),
        };
        let context = context.child("sidechain").with_attribute("number", number);
        Ok(context.spawn(move |context| async move {
            let engine = match engine::start(context.child("chain"), parts, channels).await {
                Ok(engine) => engine,
                Err(error) => return side.engine_failed(&error.to_string()),
            };
            let gossip = gossip::start(context.child("gossip"), side.clone(), participation, transactions);
            let watched = side.clone();
            let watching = context.child("audience").spawn(move |context| async move {
                loop {
                    context.sleep(LOOK_EVERY).await;
                    audience.set(watched.audience().iter().filter_map(public_key));
                }
            });
            tracing::info!(chain = %name, number, "the chain begins");
            select! {
                _ = engine => side.engine_failed("the consensus engine ended by itself"),
                _ = gossip => side.engine_failed("passing on transactions ended by itself"),
                _ = watching => {},
            }
        }))
    }
}

/// What the names of a sidechain's files begin with.
fn files_of(number: u32) -> String {
    format!("side-{number}")
}

/// Removes the engine's files of a sidechain from the consensus folder of a stopped node. That this node voted there stays known.
///
/// # Errors
/// When they cannot be removed.
pub fn remove_files(directory: &Path, number: u32) -> std::io::Result<()> {
    let beginning = format!("{}-", files_of(number));
    for entry in std::fs::read_dir(directory.join(ENGINE_FOLDER))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&beginning) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Claims the folder in which this node's votes on a sidechain are remembered, and says who takes part.
pub(super) fn prepare<C: ChainSide, B: StateBackend>(
    directory: PathBuf,
    side: &C,
    backend: &B,
    me: [u8; 32],
) -> Result<Participation, ConsensusError> {
    let failed = |error: StorageError| ConsensusError::Engine(error.to_string());
    let (db, genesis) = (ChainDb(backend), side.genesis_digest());
    let base = db.base().map_err(failed)?;
    // Who comes to a sidechain is of its committee, so that says nothing; votes of its own do.
    if let Some(base) = base.filter(|base| *base == side.final_height())
        && identity::votes_record(&directory, &genesis, &me) == VotesRecord::None
        && identity::has_signed(&db, side.terms(), base, &me).map_err(failed)?
    {
        return Err(ConsensusError::ServedBefore { key: Digest(me).to_string() });
    }
    identity::claim(&directory, &genesis, &me, side.final_height(), base)?;
    let present = side.terms().present().committee;
    if !side.certifiers().contains(&me) {
        tracing::info!(chain = %side.genesis().chain, key = %Digest(me), "this node follows the chain and does not vote");
    }
    Ok(Participation::new(&present, me, crate::chain::now_ms()))
}
