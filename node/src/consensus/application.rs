//! The engine's questions to the chain: what to propose, and whether a proposal holds.
//!
//! Both begin by executing what lies between the chain's newest final block and the parent, which a node that was away
//! may not have done yet. A question whose answer may still change is not answered: the engine drops it when the view
//! is over.

use std::{future::pending, sync::Arc, time::Duration};

use chancery_abi::Digest;
use commonware_consensus::{
    Application, Epochable as _,
    marshal::ancestry::Ancestry,
    simplex::{scheme::ed25519::Scheme, types::Context},
};
use commonware_cryptography::{Digested, ed25519::PublicKey, sha256};
use commonware_macros::select;
use commonware_runtime::{Clock, Metrics, Spawner};
use futures::StreamExt as _;

use super::{
    ChainSide, Stopped, Timing, Verdict,
    block::{BlockRules, ChainBlock},
    certificate::key_bytes,
    delivery::clock_ms,
};

/// Blocks that are not final between the newest final one and a proposal, at most. The engine does not come near it
/// while it works; a peer that makes up more is not followed.
const UNFINAL_MAX: usize = 200;

/// How often a proposal that knows more than this node is looked at again.
const AHEAD_LOOKED_AT_EVERY: Duration = Duration::from_millis(5);

/// The chain behind the engine's interface.
pub(super) struct Chain<C> {
    side: C,
    rules: BlockRules,
    timing: Timing,
    me: [u8; 32],
}

impl<C: Clone> Clone for Chain<C> {
    fn clone(&self) -> Self {
        Self { side: self.side.clone(), rules: self.rules, timing: self.timing, me: self.me }
    }
}

impl<C: ChainSide> Chain<C> {
    pub(super) fn new(side: C, rules: BlockRules, timing: Timing, me: [u8; 32]) -> Self {
        Self { side, rules, timing, me }
    }

    /// Runs what blocks on a thread where it may.
    async fn blocking<E: Spawner, R: Send + 'static>(
        &self,
        context: &E,
        work: impl FnOnce(&C) -> R + Send + 'static,
    ) -> Option<R> {
        let side = self.side.clone();
        context.child("chain").shared(true).spawn(move |_| async move { work(&side) }).await.ok()
    }

    /// Executes blocks from `newest` down to one that the chain knows, oldest first. `None` when that cannot be said
    /// here and now.
    async fn execute<E: Spawner>(
        &self,
        context: &E,
        newest: ChainBlock,
        mut older: impl Ancestry<ChainBlock>,
    ) -> Option<Verdict> {
        let mut unknown = Vec::new();
        let mut block = newest;
        while !self.side.knows(&block.own_digest()) {
            let own = Arc::clone(block.block()?);
            // What is not above the newest final block cannot be built on it.
            if own.header.height <= self.side.final_height() || unknown.len() == UNFINAL_MAX {
                return None;
            }
            let parent = own.header.parent;
            unknown.push(own);
            if self.side.knows(&parent) {
                break;
            }
            block = older.next().await?.inner().clone();
        }
        for block in unknown.into_iter().rev() {
            let verdict = self.blocking(context, move |side| side.check(&block)).await?;
            if verdict != Verdict::Valid {
                return Some(verdict);
            }
        }
        Some(Verdict::Valid)
    }

    /// Waits until there is something to propose on `parent`, or an idle chain is due to show that it goes on.
    async fn pace<E: Clock>(&self, context: &E, parent: &Digest) {
        let mut work = self.side.work();
        let age = clock_ms(context).saturating_sub(self.side.time_of(parent).unwrap_or(0));
        // A parent whose proposer's clock is ahead does not make this node wait longer.
        let left = self.timing.heartbeat.saturating_sub(Duration::from_millis(age));
        let deadline = context.current() + left;
        loop {
            work.borrow_and_update();
            if self.side.has_work_on(parent) {
                if self.side.is_under_load() {
                    // One that waits alone is never kept waiting; many are better off together.
                    let age = clock_ms(context).saturating_sub(self.side.time_of(parent).unwrap_or(0));
                    context.sleep(self.timing.gather.saturating_sub(Duration::from_millis(age))).await;
                }
                return;
            }
            select! {
                changed = work.changed() => {
                    if changed.is_err() {
                        return;
                    }
                },
                _ = context.sleep_until(deadline) => return,
            }
        }
    }

    async fn make<E: Spawner + Clock>(
        &self,
        context: &E,
        mut ancestry: impl Ancestry<ChainBlock>,
    ) -> Option<Digested<ChainBlock>> {
        let parent = ancestry.next().await?.inner().clone();
        let digest = parent.own_digest();
        if self.execute(context, parent, ancestry).await? != Verdict::Valid {
            return None;
        }
        self.pace(context, &digest).await;
        let (me, now_ms) = (self.me, clock_ms(context));
        match self.blocking(context, move |side| side.build(&digest, me, now_ms)).await? {
            Ok(block) => {
                let block = ChainBlock::new(block, self.rules);
                let digest = commonware_cryptography::Digestible::digest(&block);
                Some(Digested::precomputed(block, digest))
            }
            Err(Stopped) => None,
        }
    }

    async fn judge<E: Spawner + Clock>(
        &self,
        context: &E,
        round: &Context<sha256::Digest, PublicKey>,
        mut ancestry: impl Ancestry<ChainBlock>,
    ) -> Option<bool> {
        let block = ancestry.next().await?.inner().clone();
        let Some(own) = block.block().cloned() else { return Some(false) };
        let header = &own.header;
        if header.proposer != key_bytes(&round.leader) || header.epoch != round.epoch().get() {
            tracing::warn!(height = header.height, "a proposal names another proposer or epoch than its view has");
            return Some(false);
        }
        let ahead_max = u64::try_from(self.timing.clock_tolerance.as_millis()).unwrap_or(u64::MAX);
        loop {
            let ahead = header.timestamp_ms.saturating_sub(clock_ms(context));
            if ahead <= ahead_max {
                break;
            }
            context.sleep(Duration::from_millis(ahead - ahead_max)).await;
        }
        while self.side.is_ahead(&own) {
            context.sleep(AHEAD_LOOKED_AT_EVERY).await;
        }
        match self.execute(context, block, ancestry).await? {
            Verdict::Valid => Some(true),
            Verdict::Invalid(reason) => {
                tracing::warn!(height = header.height, reason, "a proposal is invalid");
                Some(false)
            }
            Verdict::Undecided(reason) => {
                tracing::debug!(height = header.height, reason, "a proposal cannot be judged here");
                None
            }
        }
    }
}

impl<E, C> Application<E> for Chain<C>
where
    E: Spawner + Clock + Metrics,
    C: ChainSide,
{
    type SigningScheme = Scheme;
    type Context = Context<sha256::Digest, PublicKey>;
    type Block = ChainBlock;
    type Input = ();

    async fn propose(
        &mut self,
        (context, _): (E, Self::Context),
        ancestry: impl Ancestry<ChainBlock>,
        (): (),
    ) -> Option<Digested<ChainBlock>> {
        self.make(&context, ancestry).await
    }

    async fn verify(&mut self, (context, round): (E, Self::Context), ancestry: impl Ancestry<ChainBlock>) -> bool {
        match self.judge(&context, &round, ancestry).await {
            Some(verdict) => verdict,
            None => pending().await,
        }
    }
}
