//! What comes out of the engine: final blocks, one by one into the chain, and what its members were seen to do.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chancery_abi::Block;
use commonware_actor::Feedback;
use commonware_consensus::{
    Epochable as _, Reporter, Viewable as _,
    marshal::Update,
    simplex::{scheme::ed25519::Scheme, types::Activity},
};
use commonware_cryptography::sha256;
use commonware_runtime::{Clock, Handle, Metrics, Spawner};
use commonware_utils::{Acknowledgement as _, acknowledgement::Exact};
use tokio::sync::mpsc;

use super::{ChainSide, Committed, Participation, Stopped, block::ChainBlock};

/// How often a block that cannot be shown to be final yet is looked at again.
const CERTIFICATE_LOOKED_FOR_EVERY: Duration = Duration::from_millis(50);

/// Milliseconds since 1970 by the clock of `context`.
pub(super) fn clock_ms(context: &impl Clock) -> u64 {
    millis(context.current())
}

fn millis(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// Hands final blocks on to the task that commits them.
#[derive(Clone)]
pub(super) struct Delivery {
    sender: mpsc::UnboundedSender<(ChainBlock, Exact)>,
    participation: Arc<Participation>,
}

impl Reporter for Delivery {
    type Activity = Update<ChainBlock>;

    fn report(&mut self, update: Update<ChainBlock>) -> Feedback {
        match update {
            Update::Tip(_, height, _) => {
                self.participation.tip(height.get());
                Feedback::Ok
            }
            // The engine bounds how many wait.
            Update::Block(block, acknowledgement) => match self.sender.send((block.inner().clone(), acknowledgement)) {
                Ok(()) => Feedback::Ok,
                Err(_) => Feedback::Closed,
            },
        }
    }
}

/// Starts committing what the engine delivers, in its order, each acknowledged after it is durable.
pub(super) fn start<E, C>(context: E, side: C, participation: Arc<Participation>) -> (Delivery, Handle<()>)
where
    E: Spawner + Clock + Metrics,
    C: ChainSide,
{
    let (sender, mut receiver) = mpsc::unbounded_channel::<(ChainBlock, Exact)>();
    let delivery = Delivery { sender, participation: Arc::clone(&participation) };
    let task = context.spawn(move |context| async move {
        while let Some((block, acknowledgement)) = receiver.recv().await {
            if let Some(own) = block.block().cloned() {
                let (height, block_ms) = (own.header.height, own.header.timestamp_ms);
                if commit(&context, &side, own).await.is_err() {
                    // The chain has said why. Without an acknowledgement nothing more is delivered.
                    std::future::pending::<()>().await;
                }
                participation.final_height(height, block_ms, clock_ms(&context));
            }
            acknowledgement.acknowledge();
        }
    });
    (delivery, task)
}

/// Commits a block, as soon as it is shown to be final.
async fn commit<E: Spawner + Clock, C: ChainSide>(context: &E, side: &C, block: Arc<Block>) -> Result<(), Stopped> {
    let mut is_new = true;
    loop {
        let (side, block) = (side.clone(), Arc::clone(&block));
        let height = block.header.height;
        let commit = move |_| async move { side.commit(&block) };
        match context.child("commit").shared(true).spawn(commit).await {
            Ok(Ok(Committed::Done)) => return Ok(()),
            Ok(Ok(Committed::NotShown)) => {
                if is_new {
                    tracing::info!(height, "a block waits for a certificate that shows that it is final");
                }
                is_new = false;
                context.sleep(CERTIFICATE_LOOKED_FOR_EVERY).await;
            }
            Ok(Err(Stopped)) | Err(_) => return Err(Stopped),
        }
    }
}

/// Notes who voted.
pub(super) struct Observer<E> {
    context: Arc<E>,
    participation: Arc<Participation>,
}

impl<E> Clone for Observer<E> {
    fn clone(&self) -> Self {
        Self { context: Arc::clone(&self.context), participation: Arc::clone(&self.participation) }
    }
}

impl<E: Clock> Observer<E> {
    pub(super) fn new(context: E, participation: Arc<Participation>) -> Self {
        Self { context: Arc::new(context), participation }
    }
}

impl<E: Clock> Reporter for Observer<E> {
    type Activity = Activity<Scheme, sha256::Digest>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        let (epoch, view, now_ms) = (activity.epoch().get(), activity.view().get(), clock_ms(&*self.context));
        match &activity {
            Activity::Notarize(vote) => self.participation.voted(vote.attestation.signer.get(), view, now_ms),
            Activity::Finalize(vote) => self.participation.voted(vote.attestation.signer.get(), view, now_ms),
            Activity::Nullify(vote) => self.participation.voted(vote.attestation.signer.get(), view, now_ms),
            Activity::Finalization(finalization) => {
                let members: Vec<u32> = finalization.certificate.signers.iter().map(|member| member.get()).collect();
                self.participation.certified(view, &members);
            }
            Activity::Nullification(_) => self.participation.skipped(view),
            Activity::ConflictingNotarize(_) | Activity::ConflictingFinalize(_) | Activity::NullifyFinalize(_) => {
                tracing::error!(epoch, view, evidence = ?activity, "a validator signed two votes that exclude each other");
            }
            Activity::Notarization(_) | Activity::Certification(_) => {}
        }
        Feedback::Ok
    }
}
