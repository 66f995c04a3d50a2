//! One chain's engine, put together: votes, certificates, blocks on their way, catching up, and the chain behind it.
//!
//! It knows nothing of sockets and clocks but what `context` and the channels give it, so that it runs unchanged in a
//! simulation. Several run in one process over one network, each with channels of its own.

use std::{
    num::{NonZeroU16, NonZeroUsize},
    sync::Arc,
    time::Duration,
};

use chancery_abi::limits::COMMITTEE_MAX;
use chancery_runtime::storage::{StateBackend, StorageError};
use commonware_broadcast::buffered;
use commonware_consensus::{
    Reporters,
    marshal::{
        self, Start,
        core::Actor as Marshal,
        resolver::p2p as marshal_resolver,
        standard::{Inline, Standard},
    },
    simplex::{self, scheme::ed25519::Scheme},
    types::ViewDelta,
};
use commonware_cryptography::{
    Digested, Digestible as _,
    ed25519::{PrivateKey, PublicKey},
    sha256,
};
use commonware_p2p::{Blocker, Provider, Receiver, Sender, utils::mux};
use commonware_parallel::Sequential;
use commonware_runtime::{self as runtime, Clock, Handle, Metrics, Spawner, Storage, buffer::paged::CacheRef};
use commonware_utils::{NZDuration, NZU16, NZU64, NZUsize};
use rand_core::CryptoRng;

use super::{
    ChainSide, Participation,
    application::Chain,
    archive::{FinalBlocks, FinalCertificates},
    block::{BlockRules, ChainBlock},
    certificate::{key_bytes, namespace, participants, to_engine},
    delivery::{self, Observer},
    epochs::{BUFFER, Epochs, MAILBOX, VIEWS_KEPT, Voting},
};
use crate::store::ChainDb;

/// Pages of the engine's files that stay in memory: 2 MiB.
const PAGE: NonZeroU16 = NZU16!(4_096);
const PAGES: NonZeroUsize = NZUsize!(512);
/// Blocks of one peer that are kept while it is not known whether they are proposals.
const BLOCKS_OF_A_PEER: usize = 8;
/// Final blocks that are handed to the chain before it has committed the first of them.
const DELIVERED_AT_ONCE: NonZeroUsize = NZUsize!(16);
/// Missing heights that are fetched at once.
const FETCHED_AT_ONCE: NonZeroUsize = NZUsize!(32);
/// Final blocks that the engine archives together.
const SECTION: std::num::NonZeroU64 = NZU64!(1_024);

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// An idle chain makes an empty block this often.
    pub heartbeat: Duration,
    /// How long a proposer may take beyond the heartbeat before its view is given up.
    pub proposal_patience: Duration,
    /// While many transactions wait, blocks are so far apart at least, so that many go into one.
    pub gather: Duration,
    /// How far a proposal's time may be ahead of this node's clock.
    pub clock_tolerance: Duration,
    /// How long a peer may take to answer when this node catches up.
    pub fetch_timeout: Duration,
}

impl Timing {
    /// After this long without a proposal a view is given up. An idle proposer uses the whole heartbeat.
    pub fn leader_timeout(&self) -> Duration {
        self.heartbeat + self.proposal_patience
    }

    pub(super) fn certification_timeout(&self) -> Duration {
        self.leader_timeout() + self.proposal_patience
    }

    /// A proposer that was silent for so long is passed over at once until it is heard again.
    pub(super) fn skip_timeout(&self) -> Duration {
        self.certification_timeout() + self.proposal_patience
    }
}

/// A channel's two ends.
pub(super) type Channel<S, R> = (S, R);

/// What one chain sends and receives by.
pub(super) struct Channels<S, R> {
    pub(super) votes: Channel<S, R>,
    pub(super) certificates: Channel<S, R>,
    pub(super) views: Channel<S, R>,
    pub(super) backfill: Channel<S, R>,
    pub(super) blocks: Channel<S, R>,
}

/// What a chain's engine is made of.
pub(super) struct Parts<C, B, K, P> {
    pub(super) side: C,
    pub(super) backend: Arc<B>,
    pub(super) key: PrivateKey,
    pub(super) blocker: K,
    pub(super) peers: P,
    pub(super) timing: Timing,
    pub(super) participation: Arc<Participation>,
    /// What the engine's own files of this chain begin with.
    pub(super) files: String,
    /// Pages of the engines' files that stay in memory, for all chains of the process.
    pub(super) pages: CacheRef,
}

/// A cache of pages for engines to share.
pub(super) fn pages() -> CacheRef {
    CacheRef::new(PAGE, PAGES)
}

/// Why a chain's engine does not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    #[error("the genesis' committee has a key that is none")]
    BadKey,
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The largest message of a chain.
pub(super) fn message_bytes_max(rules: BlockRules) -> u32 {
    let members = u32::try_from(COMMITTEE_MAX).unwrap_or(u32::MAX);
    commonware_p2p::max_message_size(&[
        mux::prefixed(simplex::max_payload_size::<Scheme, sha256::Digest>(members)),
        marshal::max_payload_size::<Standard<ChainBlock>, Scheme>(members, &rules),
    ])
}

/// Starts the engine of one chain. The handle ends when a part of it does, which is always a failure.
pub(super) async fn start<E, C, B, K, P, S, R>(
    context: E,
    parts: Parts<C, B, K, P>,
    channels: Channels<S, R>,
) -> Result<Handle<()>, EngineError>
where
    E: CryptoRng + Spawner + Metrics + Clock + Storage,
    C: ChainSide,
    B: StateBackend + 'static,
    K: Blocker<PublicKey = PublicKey>,
    P: Provider<PublicKey = PublicKey>,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let Parts { side, backend, key, blocker, peers, timing, participation, files, pages } = parts;
    let rules = BlockRules { genesis: side.genesis_digest() };
    let me = commonware_cryptography::Signer::public_key(&key);
    participants(&side.genesis().committee).ok_or(EngineError::BadKey)?;
    let epochs = Epochs::new(Arc::clone(side.terms()), &namespace(&rules.genesis), key);
    let voting_side = side.clone();
    let fetch_timeout = NZDuration!(timing.fetch_timeout);

    let resolver = marshal_resolver::init(
        context.child("marshal_resolver"),
        marshal_resolver::Config {
            public_key: me.clone(),
            peer_provider: peers.clone(),
            blocker: blocker.clone(),
            mailbox_size: MAILBOX,
            fetch_timeout,
            fetch_retry_delay: Duration::from_millis(100),
            priority_requests: false,
            priority_responses: false,
        },
        channels.backfill,
    );
    let (broadcast, buffer) = buffered::Engine::new(
        context.child("broadcast"),
        buffered::Config {
            public_key: me.clone(),
            mailbox_size: MAILBOX,
            deque_size: BLOCKS_OF_A_PEER,
            priority: true,
            codec_config: rules,
            peer_provider: peers,
            strategy: Sequential,
        },
    );
    broadcast.start(channels.blocks);

    let start = start_of(&*backend, &epochs, rules)?;
    let tip = side.final_height();
    if tip == ChainDb(&*backend).base()?.unwrap_or(0) {
        forget_progress(&context, &files).await?;
    }
    let certificates =
        FinalCertificates::open(context.child("certificates"), Arc::clone(&backend), epochs.clone(), tip)?;
    let blocks = FinalBlocks::open(context.child("blocks"), backend, rules, tip)?;
    let (marshal, mailbox, _) = Marshal::<_, Standard<ChainBlock>, _, _, _, _, _>::init(
        context.child("marshal"),
        certificates,
        blocks,
        marshal::Config {
            provider: epochs.clone(),
            epocher: epochs.clone(),
            start,
            partition_prefix: format!("{files}-marshal"),
            mailbox_size: MAILBOX,
            view_retention: ViewDelta::new(VIEWS_KEPT),
            prunable_items_per_section: SECTION,
            page_cache: pages.clone(),
            replay_buffer: BUFFER,
            key_write_buffer: BUFFER,
            value_write_buffer: BUFFER,
            block_codec_config: rules,
            max_repair: FETCHED_AT_ONCE,
            max_pending_acks: DELIVERED_AT_ONCE,
            strategy: Sequential,
        },
    )
    .await;
    let chain = Chain::new(side.clone(), rules, timing, key_bytes(&me));
    let voting_mailbox = mailbox.clone();
    let automaton = Inline::new(context.child("chain"), chain, mailbox, epochs.clone());
    let (delivery, committing) = delivery::start(context.child("delivery"), side, Arc::clone(&participation));
    let marshal = marshal.start(delivery, buffer, resolver);

    let observer = Observer::new(context.child("observer"), Arc::clone(&participation));
    let voting = Voting {
        side: voting_side,
        epochs,
        automaton: automaton.clone(),
        reporter: Reporters::from((automaton, observer)),
        blocker,
        marshal: voting_mailbox,
        participation,
        timing,
        files,
        pages,
    };
    let Channels { votes, certificates, views, .. } = channels;
    let engine = context.child("voting").spawn(move |context| voting.run(context, votes, certificates, views));
    Ok(context.child("chain_engine").spawn(move |_| async move {
        commonware_macros::select! {
            _ = engine => {},
            _ = marshal => {},
            _ = committing => {},
        }
    }))
}

/// Takes away what the engine noted of how far the chain is, which is of use only while the store has gone on from where it
/// begins. Of a store that was lost it says more than there is, and the first block to be delivered would be one whose
/// parent nobody has here. What this node's key has voted for stays, and so do the blocks it voted for: others may count on
/// them.
async fn forget_progress<E: Storage>(context: &E, files: &str) -> Result<(), StorageError> {
    match context.remove(&format!("{files}-marshal-application-metadata"), None).await {
        Ok(()) | Err(runtime::Error::PartitionMissing(_)) => Ok(()),
        Err(error) => Err(StorageError::new("forget how far the engine was", error)),
    }
}

/// Where the engine's books begin: at the genesis, or at the block of the snapshot that the store was filled from.
fn start_of<B: StateBackend>(
    backend: &B,
    epochs: &Epochs,
    rules: BlockRules,
) -> Result<Start<Scheme, sha256::Digest, Digested<ChainBlock>>, StorageError> {
    let db = ChainDb(backend);
    let Some(base) = db.base()? else {
        let genesis = ChainBlock::genesis(rules.genesis);
        let digest = genesis.digest();
        return Ok(Start::Genesis(Digested::precomputed(genesis, digest)));
    };
    let certificate = db.expect_part(db.certificate(base)?, "certificate", base)?;
    let members = epochs.members(certificate.epoch);
    let floor = members.and_then(|members| to_engine(&certificate, members));
    floor.map(Start::Floor).ok_or_else(|| StorageError::new("begin at a snapshot", "it is of another committee"))
}
