//! One engine of votes after another: each committee's term has its own, with a journal and channels of its own.
//!
//! A term's last block is proposed again until it is final; then its engine ends, and the next term's begins on that
//! block. Whoever still waits for that block hears votes of a term that it does not know, and asks those who sent them.
//! A node that is not in a term's committee runs the same engine without a key: it follows and never votes.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use chancery_abi::{Digest, limits::COMMITTEE_NOTICE_BLOCKS};
use commonware_consensus::{
    CertifiableAutomaton, Relay, Reporter,
    marshal::core::Mailbox as MarshalMailbox,
    marshal::standard::Standard,
    simplex::{
        self, Plan,
        config::{Floor, ForwardPolicy, SkipBudget, SkipPolicy},
        elector::RoundRobin,
        scheme::ed25519::Scheme,
        types::{Activity, Context},
    },
    types::{Epoch, EpochInfo, Epocher, Height, ViewDelta},
};
use commonware_cryptography::{
    certificate::{Provider, Scoped},
    ed25519::{PrivateKey, PublicKey},
    sha256::{self, Sha256},
};
use commonware_macros::select;
use commonware_p2p::{
    Blocker, Receiver, Sender,
    utils::mux::{Builder as _, MuxHandle, Muxer},
};
use commonware_parallel::Sequential;
use commonware_runtime::{Clock, Handle, Metrics, Spawner, Storage, buffer::paged::CacheRef};
use commonware_utils::{NZUsize, vec::NonEmptyVec};
use rand_core::CryptoRng;

use super::{
    ChainSide, Participation, Terms, Timing,
    block::{ChainBlock, engine_digest},
    certificate::{key_bytes, participants},
};
use crate::store::Term;

/// Buffers of files that are written or read in one go.
pub(super) const BUFFER: NonZeroUsize = NZUsize!(256 << 10);
/// Messages that wait between the engine's parts.
pub(super) const MAILBOX: NonZeroUsize = NZUsize!(1_024);
/// Views behind the newest final one whose messages are still of use to others.
pub(super) const VIEWS_KEPT: u64 = 256;
/// Who is behind a term's end asks about it this often.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How many heights are asked about at once: not each has a certificate of its own.
const ASKED_AT_ONCE: u64 = 4;

/// A chain's terms as the engine asks about them.
#[derive(Clone)]
pub(super) struct Epochs {
    terms: Arc<Terms>,
    namespace: Arc<[u8]>,
    key: PrivateKey,
    schemes: Arc<Mutex<BTreeMap<u64, Arc<Scheme>>>>,
}

impl Epochs {
    pub(super) fn new(terms: Arc<Terms>, namespace: &[u8], key: PrivateKey) -> Self {
        Self { terms, namespace: namespace.into(), key, schemes: Arc::default() }
    }

    /// How many are in a term's committee.
    pub(super) fn members(&self, epoch: u64) -> Option<u32> {
        u32::try_from(self.terms.of(epoch)?.committee.len()).ok()
    }

    /// A term's committee, with this node's key where it is of it.
    fn scheme(&self, epoch: u64) -> Option<Arc<Scheme>> {
        let mut schemes = self.schemes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scheme) = schemes.get(&epoch) {
            return Some(Arc::clone(scheme));
        }
        let committee = participants(&self.terms.of(epoch)?.committee)?;
        let signer = Scheme::signer(&self.namespace, committee.clone(), self.key.clone());
        let scheme = Arc::new(signer.unwrap_or_else(|| Scheme::verifier(&self.namespace, committee)));
        schemes.insert(epoch, Arc::clone(&scheme));
        Some(scheme)
    }
}

impl std::fmt::Debug for Epochs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Epochs").field(&self.terms).finish()
    }
}

impl Epocher for Epochs {
    fn containing(&self, height: Height) -> Option<EpochInfo> {
        let span = self.terms.containing(height.get());
        Some(EpochInfo::new(Epoch::new(span.epoch), height, Height::new(span.first), Height::new(span.last)))
    }

    fn first(&self, epoch: Epoch) -> Option<Height> {
        self.terms.span(epoch.get()).map(|span| Height::new(span.first))
    }

    fn last(&self, epoch: Epoch) -> Option<Height> {
        self.terms.span(epoch.get()).map(|span| Height::new(span.last))
    }
}

impl Provider for Epochs {
    type Scope = Epoch;
    type Scheme = Scheme;

    fn scoped(&self, epoch: Epoch) -> Option<Scoped<Scheme>> {
        self.scheme(epoch.get()).map(Scoped::scheme)
    }
}

/// The channels of votes, shared out by terms.
struct Shared<S: Sender> {
    votes: MuxHandle<S>,
    certificates: MuxHandle<S>,
    views: MuxHandle<S>,
}

/// What the engines of all terms have in common.
pub(super) struct Voting<C, A, O, K> {
    pub(super) side: C,
    pub(super) epochs: Epochs,
    pub(super) automaton: A,
    pub(super) reporter: O,
    pub(super) blocker: K,
    pub(super) marshal: MarshalMailbox<Scheme, Standard<ChainBlock>>,
    pub(super) participation: Arc<Participation>,
    pub(super) timing: Timing,
    pub(super) files: String,
    pub(super) pages: CacheRef,
}

impl<C, A, O, K> Voting<C, A, O, K>
where
    C: ChainSide,
    A: CertifiableAutomaton<Context = Context<sha256::Digest, PublicKey>, Digest = sha256::Digest>
        + Relay<Digest = sha256::Digest, PublicKey = PublicKey, Plan = Plan<PublicKey>>,
    O: Reporter<Activity = Activity<Scheme, sha256::Digest>> + Clone + Send + 'static,
    K: Blocker<PublicKey = PublicKey>,
{
    /// Votes in one term after another. It ends when an engine does, which is always a failure.
    pub(super) async fn run<E, S, R>(mut self, context: E, votes: (S, R), certificates: (S, R), views: (S, R))
    where
        E: CryptoRng + Spawner + Metrics + Clock + Storage,
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let (votes_mux, votes, mut stray_votes) =
            Muxer::builder(context.child("votes"), votes.0, votes.1).with_backup().build();
        let (certificates_mux, certificates, mut stray_certificates) =
            Muxer::builder(context.child("certificates"), certificates.0, certificates.1).with_backup().build();
        let (views_mux, views) = Muxer::new(context.child("views"), views.0, views.1);
        votes_mux.start();
        certificates_mux.start();
        views_mux.start();
        let mut shared = Shared { votes, certificates, views };
        let mut changes = self.epochs.terms.follow();
        loop {
            changes.borrow_and_update();
            let term = self.epochs.terms.present();
            let Some(mut engine) = self.enter(&context, &term, &mut shared).await else { return };
            let mut asked = context.current();
            loop {
                let stray = select! {
                    _ = &mut engine => return,
                    changed = changes.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        break;
                    },
                    stray = stray_votes.recv() => stray,
                    stray = stray_certificates.recv() => stray,
                };
                let Some((epoch, (from, _))) = stray else { return };
                if epoch > term.epoch && self.may_ask(&context, &mut asked) {
                    self.ask(term.epoch, &from);
                }
            }
            engine.abort();
        }
    }

    /// Starts the engine of a term, on the last block of the one before.
    async fn enter<E, S>(&mut self, context: &E, term: &Term, shared: &mut Shared<S>) -> Option<Handle<()>>
    where
        E: CryptoRng + Spawner + Metrics + Clock + Storage,
        S: Sender<PublicKey = PublicKey>,
    {
        let Term { epoch, first_height, committee } = term;
        let scheme = self.epochs.scheme(*epoch)?;
        let before: Digest = self.side.digest_at(first_height.saturating_sub(1))?;
        self.participation.begin(committee);
        // A term's channels are opened once, so that this fails only when the network has ended.
        let votes = shared.votes.register(*epoch).await.ok()?;
        let certificates = shared.certificates.register(*epoch).await.ok()?;
        let views = shared.views.register(*epoch).await.ok()?;
        let serves =
            committee.keys().contains(&key_bytes(&commonware_cryptography::Signer::public_key(&self.epochs.key)));
        tracing::info!(epoch, first_height, members = committee.len(), serves, "a committee's term begins");
        let timing = &self.timing;
        let engine = simplex::Engine::new(
            context.child("simplex").with_attribute("epoch", epoch),
            simplex::Config {
                scheme: Scheme::clone(&scheme),
                elector: RoundRobin::<Sha256>::default(),
                blocker: self.blocker.clone(),
                automaton: self.automaton.clone(),
                relay: self.automaton.clone(),
                reporter: self.reporter.clone(),
                strategy: Sequential,
                partition: partition(&self.files, *epoch),
                mailbox_size: MAILBOX,
                epoch: Epoch::new(*epoch),
                floor: Floor::Genesis(engine_digest(&before)),
                replay_buffer: BUFFER,
                write_buffer: BUFFER,
                page_cache: self.pages.clone(),
                leader_timeout: timing.leader_timeout(),
                certification_timeout: timing.certification_timeout(),
                timeout_retry: timing.certification_timeout(),
                view_retention: ViewDelta::new(VIEWS_KEPT),
                skip: SkipPolicy::Enabled { timeout: timing.skip_timeout(), budget: SkipBudget::Participants },
                fetch_timeout: commonware_utils::NZDuration!(timing.fetch_timeout),
                fetch_retry_delay: Duration::from_millis(500),
                forward: ForwardPolicy::SilentVoters,
                track_historical_votes: false,
            },
        );
        Some(engine.start(votes, certificates, views))
    }

    fn may_ask<E: Clock>(&self, context: &E, asked: &mut SystemTime) -> bool {
        let now = context.current();
        let is_due = now.duration_since(*asked).unwrap_or_default() >= ASK_EVERY;
        if is_due {
            *asked = now;
        }
        is_due
    }

    /// Asks one who is in a later term for what leads to the end of this one. Nothing is asked that could be of a later
    /// term already: whoever answered that would be taken for a liar.
    fn ask(&self, epoch: u64, whom: &PublicKey) {
        let height = self.side.final_height();
        let Some(span) = self.epochs.terms.span(epoch) else { return };
        let newest = span.last.min(height + COMMITTEE_NOTICE_BLOCKS);
        let oldest = newest.saturating_sub(ASKED_AT_ONCE).max(height);
        for height in oldest + 1..=newest {
            self.marshal.hint_finalized(Height::new(height), NonEmptyVec::new(whom.clone()));
        }
    }
}

/// What a term's journal of votes is called. The first term's has had its name since before there were others.
fn partition(files: &str, epoch: u64) -> String {
    if epoch == 0 { format!("{files}-simplex") } else { format!("{files}-simplex-{epoch}") }
}
