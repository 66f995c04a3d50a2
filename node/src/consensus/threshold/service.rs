//! The loop: looks at the board after every final block and every little while, does what is due, and makes beacons.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use chancery_abi::Digest;
use chancery_runtime::execution::registry::{Ceremony, Group, Stage};
use commonware_cryptography::{
    Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_macros::select;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::{Clock, Handle, Metrics, Spawner, Storage};
use parity_scale_codec::{Decode, Encode};
use rand_core::CryptoRng;

use super::{
    ceremony::{CeremonyError, Outcome, Part, public_bytes, read_output},
    partials::{HEIGHTS_MAX, Partial, Partials},
    secrets::{Secrets, SecretsError},
};
use crate::consensus::{Blackboard, Board, certificate::key_bytes, delivery::clock_ms};

/// How often the board is looked at when no block comes.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A call of the registry that shows no effect is handed in again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// What any member may do is left to each in turn for this long.
const TURN: Duration = Duration::from_millis(1_500);
/// How long a stage waits for those who have not contributed; the registry holds to the same.
const STAGE_MS: u64 = 20_000;

/// Partial signatures under the key of a round.
#[derive(Encode, Decode)]
struct Message {
    round: u32,
    partials: Vec<(u64, Partial)>,
}

/// Starts the threshold layer of a chain. It ends only with what it cannot do without: its secrets' store.
pub(crate) fn start<E, B, S, R>(
    context: E,
    board: B,
    key: PrivateKey,
    files: String,
    (sender, receiver): (S, R),
) -> Handle<()>
where
    E: CryptoRng + Spawner + Clock + Metrics + Storage,
    B: Blackboard,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    context.spawn(move |context| async move {
        let secrets = match Secrets::open(context.child("secrets"), &files).await {
            Ok(secrets) => secrets,
            Err(error) => return tracing::error!(%error, "the threshold layer does not start"),
        };
        let me = key_bytes(&key.public_key());
        let (partials, called) = (None, BTreeMap::new());
        let holder = Holder { context, board, key, me, secrets, sender, partials, called, due_since: None };
        if let Err(error) = holder.run(receiver).await {
            tracing::error!(%error, "the threshold layer ends; finality goes on without it");
        }
    })
}

/// What this node did, so that it does not do it twice in a row: a call of the registry, in which round and stage.
type Doing = (&'static str, u32, Stage);

struct Holder<E: Storage + Clock + Metrics, B, S> {
    context: E,
    board: B,
    key: PrivateKey,
    me: [u8; 32],
    secrets: Secrets<E>,
    sender: S,
    partials: Option<Partials>,
    called: BTreeMap<Doing, SystemTime>,
    /// Since when something is due that any member may do.
    due_since: Option<(Doing, SystemTime)>,
}

impl<E, B, S> Holder<E, B, S>
where
    E: CryptoRng + Spawner + Clock + Metrics + Storage,
    B: Blackboard,
    S: Sender<PublicKey = PublicKey>,
{
    async fn run<R: Receiver<PublicKey = PublicKey>>(mut self, mut receiver: R) -> Result<(), SecretsError> {
        let mut finals = self.board.finals();
        let mut look_at = self.context.current();
        loop {
            select! {
                changed = finals.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    finals.borrow_and_update();
                    self.look().await?;
                    look_at = self.context.current() + LOOK_EVERY;
                },
                _ = self.context.sleep_until(look_at) => {
                    self.look().await?;
                    look_at = self.context.current() + LOOK_EVERY;
                },
                received = receiver.recv() => {
                    let Ok((peer, message)) = received else { return Ok(()) };
                    self.hear(&key_bytes(&peer), message.as_ref());
                },
            }
        }
    }

    /// Does what the board asks for.
    async fn look(&mut self) -> Result<(), SecretsError> {
        let Some(board) = self.board.board() else { return Ok(()) };
        match &board.ceremony {
            Some(ceremony) => {
                if let Err(error) = self.contribute(ceremony, board.group.as_ref()).await? {
                    tracing::warn!(round = ceremony.round, stage = ?ceremony.stage, %error, "no part in this stage");
                }
                self.press_on(ceremony);
            }
            None => self.begin(&board),
        }
        if let Some(group) = &board.group {
            self.hold(&board, group).await?;
            self.sign(&board, group);
        }
        Ok(())
    }

    /// Contributes to the stage, if that is still to do.
    async fn contribute(
        &mut self,
        ceremony: &Ceremony,
        group: Option<&Group>,
    ) -> Result<Result<(), CeremonyError>, SecretsError> {
        let among = match ceremony.stage {
            Stage::Dealings | Stage::Logs => &ceremony.dealers,
            Stage::Keys | Stage::Acknowledgements | Stage::Declarations => &ceremony.players,
        };
        if !among.contains(&self.me) || ceremony.given.contains(&self.me) {
            return Ok(Ok(()));
        }
        let doing = ("contribute", ceremony.round, ceremony.stage);
        if !self.is_time_for(doing) {
            return Ok(Ok(()));
        }
        let secret = self.secrets.of_round(ceremony.round).await?;
        let share = group.filter(|group| ceremony.previous == Some(group.round));
        let share = share.and_then(|group| self.secrets.share(group.round));
        let part = Part { board: &self.board, ceremony, key: &self.key, secret: &secret };
        let made = match ceremony.stage {
            Stage::Keys => part.sealing_key(),
            Stage::Dealings => part.dealing(share),
            Stage::Acknowledgements => part.acknowledgements(),
            Stage::Logs => part.log(share),
            Stage::Declarations => match part.outcome(&mut self.context) {
                Ok(Outcome::Share(output, share)) => {
                    // Whoever declares a share has it.
                    self.secrets.keep_share(ceremony.round, &share).await?;
                    self.declare(ceremony.round, Some(public_bytes(&output)));
                    return Ok(Ok(()));
                }
                Ok(Outcome::Failed(reason)) => {
                    tracing::warn!(round = ceremony.round, reason, "the ceremony failed");
                    self.declare(ceremony.round, None);
                    return Ok(Ok(()));
                }
                Err(error) => Err(error),
            },
        };
        Ok(made.map(|content| {
            let input = (self.me, ceremony.round, ceremony.stage, content).encode();
            self.call(doing, "contribute", input);
        }))
    }

    fn declare(&mut self, round: u32, result: Option<([u8; 96], Vec<u8>)>) {
        let input = (self.me, round, result).encode();
        self.call(("contribute", round, Stage::Declarations), "declare", input);
    }

    /// Begins a ceremony when one is due.
    fn begin(&mut self, board: &Board) {
        let Some(target) = &board.target else { return };
        let holds = board.group.as_ref().is_some_and(|group| group.committee == target.number);
        if holds || !target.members.contains(&self.me) {
            self.due_since = None;
            return;
        }
        let doing = ("begin", target.number, Stage::Keys);
        if self.is_my_turn(doing, &target.members) {
            self.call(doing, "begin_ceremony", self.me.encode());
        }
    }

    /// Goes on without those who have not contributed in time.
    fn press_on(&mut self, ceremony: &Ceremony) {
        let late = clock_ms(&self.context) >= ceremony.since_ms.saturating_add(STAGE_MS);
        let parties: Vec<_> = ceremony.players.iter().chain(&ceremony.dealers).copied().collect();
        let doing = ("press on", ceremony.round, ceremony.stage);
        if !late || !parties.contains(&self.me) {
            return;
        }
        if self.is_my_turn(doing, &ceremony.players) {
            self.call(doing, "press_on", self.me.encode());
        }
    }

    /// Whether what any member may do is left to this one by now: each waits a little longer than the one before.
    fn is_my_turn(&mut self, doing: Doing, members: &[[u8; 32]]) -> bool {
        let now = self.context.current();
        let since = match self.due_since {
            Some((due, since)) if due == doing => since,
            _ => {
                self.due_since = Some((doing, now));
                now
            }
        };
        let place = members.iter().position(|member| *member == self.me).unwrap_or(members.len());
        let wait = TURN * u32::try_from(place).unwrap_or(u32::MAX);
        now.duration_since(since).unwrap_or_default() >= wait && self.is_time_for(doing)
    }

    fn is_time_for(&self, doing: Doing) -> bool {
        let now = self.context.current();
        self.called.get(&doing).is_none_or(|called| now.duration_since(*called).unwrap_or_default() >= AGAIN_AFTER)
    }

    fn call(&mut self, doing: Doing, method: &'static str, input: Vec<u8>) {
        self.called.retain(|(_, round, _), _| *round + 8 > doing.1);
        self.called.insert(doing, self.context.current());
        if let Err(reason) = self.board.call_registry(method, input) {
            tracing::warn!(method, reason, "a call of the registry was not taken");
        }
    }

    /// Takes up the share of the key in force, and lets go of what was before it.
    async fn hold(&mut self, board: &Board, group: &Group) -> Result<(), SecretsError> {
        if self.partials.as_ref().is_some_and(|partials| partials.round() == group.round) {
            return Ok(());
        }
        if !group.members.contains(&self.me) {
            self.partials = None;
            return self.secrets.erase_before(group).await;
        }
        if self.secrets.share(group.round).is_none() && self.secrets.get(group.round).is_some() {
            self.recover(board, group).await?;
        }
        let output = self.board.output(group.round).and_then(|bytes| read_output(&bytes));
        if let Some((output, share)) = output.zip(self.secrets.share(group.round)) {
            let partials = Partials::new(group.round, output, share, self.board.domain_of());
            if partials.key() != group.key {
                tracing::error!(round = group.round, "the public data of the threshold key is of another key");
                return Ok(());
            }
            tracing::info!(
                round = group.round,
                holders = group.holders,
                "this node holds a share of the threshold key"
            );
            self.partials = Some(partials);
            self.secrets.erase_before(group).await?;
        }
        Ok(())
    }

    /// Makes out the share of a ceremony that ended while this node was away.
    async fn recover(&mut self, board: &Board, group: &Group) -> Result<(), SecretsError> {
        let Some(ceremony) = board.concluded.as_ref().filter(|ceremony| ceremony.round == group.round) else {
            return Ok(());
        };
        let secret = self.secrets.of_round(group.round).await?;
        let part = Part { board: &self.board, ceremony, key: &self.key, secret: &secret };
        match part.outcome(&mut self.context) {
            Ok(Outcome::Share(_, share)) => self.secrets.keep_share(group.round, &share).await,
            Ok(Outcome::Failed(error)) => {
                tracing::error!(round = group.round, error, "the share cannot be made out");
                Ok(())
            }
            Err(error) => {
                tracing::error!(round = group.round, %error, "the share cannot be made out");
                Ok(())
            }
        }
    }

    /// Signs the final heights whose beacons no block has brought, and sends that to all.
    fn sign(&mut self, board: &Board, group: &Group) {
        let Some(partials) = &mut self.partials else { return };
        let first = first_due(board, group);
        partials.forget_below(first);
        let heights = first..=board.height.min(first + HEIGHTS_MAX - 1);
        let own: Vec<_> = heights.filter_map(|height| Some((height, partials.own(height)?))).collect();
        for (height, _) in &own {
            if let Some(beacon) = partials.combine(*height) {
                self.board.offer(beacon);
            }
        }
        if !own.is_empty() {
            let message = Message { round: partials.round(), partials: own };
            self.sender.send(Recipients::All, Bytes::from(message.encode()), false);
        }
    }

    /// Takes partial signatures of another holder.
    fn hear(&mut self, from: &[u8; 32], message: &[u8]) {
        let Ok(Message { round, partials: received }) = Message::decode(&mut &message[..]) else {
            return tracing::debug!(peer = %Digest(*from), "a message that is none");
        };
        let Some(partials) = self.partials.as_mut().filter(|partials| partials.round() == round) else { return };
        let Some(board) = self.board.board() else { return };
        let Some(group) = &board.group else { return };
        let first = first_due(&board, group);
        for (height, partial) in received.into_iter().take(HEIGHTS_MAX as usize) {
            partials.take(from, first, height, &partial);
            if let Some(beacon) = partials.combine(height) {
                self.board.offer(beacon);
            }
        }
    }
}

/// The first height whose beacon no block has brought.
fn first_due(board: &Board, group: &Group) -> u64 {
    board.newest_beacon.map_or(0, |newest| newest + 1).max(group.from_height)
}
