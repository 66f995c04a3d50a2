//! The loop: looks at the board after every final block and every little while, does what is due, and makes beacons and
//! attestations.
//!
//! While a key is rotated this node may hold shares of two: each makes the beacons of its own heights, and the one in force
//! signs the one to come.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use chancery_abi::{Beacon, Digest, KeyRotation, limits::KEY_NOTICE_BLOCKS};
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
    partials::{HEIGHTS_MAX, Partial, Partials, Subject},
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

/// Every so many heights a header is attested; the history that it commits to leads to those between.
const ATTEST_EVERY: u64 = 32;
/// How far above this node's height another's attestations are kept.
const ATTEST_AHEAD: u64 = 64 * ATTEST_EVERY;

/// Partial signatures under the key of a round.
#[derive(Encode, Decode)]
struct Message {
    round: u32,
    partials: Vec<(Subject, Partial)>,
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
        let (partials, called) = (Vec::new(), BTreeMap::new());
        let holder = Holder {
            context,
            board,
            key,
            me,
            secrets,
            sender,
            partials,
            called,
            tried: BTreeSet::new(),
            due_since: None,
        };
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
    /// Of the key in force, and of the one that was announced.
    partials: Vec<Partials>,
    called: BTreeMap<Doing, SystemTime>,
    /// Rounds whose share was made out afterwards, or could not be.
    tried: BTreeSet<u32>,
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
            None if is_over(&board) => self.complete(&board),
            None => self.begin(&board),
        }
        self.hold(&board).await?;
        self.sign(&board);
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
        if holds && !board.rotates || !target.members.contains(&self.me) {
            self.due_since = None;
            return;
        }
        let doing = ("begin", target.number, Stage::Keys);
        if self.is_my_turn(doing, &target.members) {
            self.call(doing, "begin_ceremony", self.me.encode());
        }
    }

    /// Puts the announced key in force.
    fn complete(&mut self, board: &Board) {
        let Some(successor) = board.successor.as_ref().filter(|group| group.members.contains(&self.me)) else { return };
        let doing = ("complete", successor.round, Stage::Declarations);
        if self.is_my_turn(doing, &successor.members) {
            self.call(doing, "complete_rotation", self.me.encode());
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

    /// Takes up the shares of the key in force and of the announced one, and lets go of all others.
    async fn hold(&mut self, board: &Board) -> Result<(), SecretsError> {
        let groups: Vec<&Group> = board.group.iter().chain(&board.successor).collect();
        self.partials.retain(|partials| groups.iter().any(|group| group.round == partials.round()));
        let mut all_held = !groups.is_empty();
        for group in groups {
            let is_held = self.partials.iter().any(|partials| partials.round() == group.round);
            if !is_held && group.members.contains(&self.me) {
                all_held &= self.take_up(board, group).await?;
            }
        }
        if !all_held {
            return Ok(());
        }
        let groups = board.group.iter().chain(&board.successor).map(|group| group.round);
        let ceremonies = board.ceremony.iter().chain(&board.concluded).chain(&board.announced);
        let ceremonies = ceremonies.map(|ceremony| ceremony.round);
        let kept: Vec<u32> = groups.chain(ceremonies).collect();
        self.secrets.erase_all_but(&kept).await
    }

    /// Takes up this node's share of a key; whether it has it.
    async fn take_up(&mut self, board: &Board, group: &Group) -> Result<bool, SecretsError> {
        // Who was away for all of it finds its shares in the logs, which reveal what was not acknowledged.
        if self.secrets.share(group.round).is_none() && self.tried.insert(group.round) {
            self.recover(board, group).await?;
        }
        let output = self.board.output(group.round).and_then(|bytes| read_output(&bytes));
        let Some((output, share)) = output.zip(self.secrets.share(group.round)) else { return Ok(false) };
        let partials = Partials::new(group.round, output, share, self.board.domain_of());
        if partials.key() != group.key {
            tracing::error!(round = group.round, "the public data of the threshold key is of another key");
            return Ok(false);
        }
        tracing::info!(round = group.round, holders = group.holders, "this node holds a share of the threshold key");
        self.partials.push(partials);
        Ok(true)
    }

    /// Makes out the share of a ceremony that ended while this node was away.
    async fn recover(&mut self, board: &Board, group: &Group) -> Result<(), SecretsError> {
        let mut ceremonies = board.concluded.iter().chain(&board.announced);
        let Some(ceremony) = ceremonies.find(|ceremony| ceremony.round == group.round) else { return Ok(()) };
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

    /// Signs what is due under each key, and sends that to all.
    fn sign(&mut self, board: &Board) {
        let attested = self.board.attested();
        let (mut messages, mut made) = (Vec::new(), Vec::new());
        for partials in &mut self.partials {
            let due = Due::of(board, partials.round(), attested);
            partials.retain(|subject| due.wants(subject));
            let mut own = Vec::new();
            for subject in due.subjects(board) {
                let Some(message) = message_of(&self.board, board, subject) else { continue };
                own.push((subject, partials.own(subject, message)));
                partials.combine(subject);
                // Again until it has had its effect: a beacon in a block, a signature in the registry.
                made.extend(partials.made(subject).map(|signature| (subject, signature)));
            }
            if !own.is_empty() {
                messages.push(Message { round: partials.round(), partials: own });
            }
        }
        for message in messages {
            self.sender.send(Recipients::All, Bytes::from(message.encode()), false);
        }
        for (subject, signature) in made {
            self.made(board, subject, signature);
        }
    }

    /// Takes partial signatures of another holder.
    fn hear(&mut self, from: &[u8; 32], message: &[u8]) {
        let Ok(Message { round, partials: received }) = Message::decode(&mut &message[..]) else {
            return tracing::debug!(peer = %Digest(*from), "a message that is none");
        };
        let Some(board) = self.board.board() else { return };
        let due = Due::of(&board, round, self.board.attested());
        let mut made = Vec::new();
        let Some(partials) = self.partials.iter_mut().find(|partials| partials.round() == round) else { return };
        for (subject, partial) in received.into_iter().take(SUBJECTS_MAX).filter(|(subject, _)| due.wants(subject)) {
            partials.take(from, subject, &partial);
            made.extend(partials.combine(subject).map(|signature| (subject, signature)));
        }
        for (subject, signature) in made {
            self.made(&board, subject, signature);
        }
    }

    /// Passes a signature of the whole key on to where it belongs.
    fn made(&mut self, board: &Board, subject: Subject, signature: [u8; 48]) {
        match subject {
            Subject::Beacon(height) => self.board.offer(Beacon { height, signature }),
            Subject::Attestation(height) if height > self.board.attested() => self.board.attest(height, signature),
            Subject::Attestation(_) => {}
            Subject::Rotation(round) => {
                let doing = ("endorse", round, Stage::Declarations);
                if !board.endorsed_by.contains(&self.me) && self.is_time_for(doing) {
                    self.call(doing, "endorse", (self.me, round, signature).encode());
                }
            }
        }
    }
}

/// Subjects of one message.
const SUBJECTS_MAX: usize = HEIGHTS_MAX as usize + 2;

/// What is to be signed under one key.
struct Due {
    /// The heights that the key speaks for.
    from: u64,
    below: u64,
    /// The first height whose beacon no block has brought.
    first: u64,
    attested: u64,
    /// The heights whose attestations are of use.
    lowest: u64,
    ahead: u64,
    /// The round of the key that this one is to sign.
    rotation: Option<u32>,
}

impl Due {
    /// What is due under the key of a round; nothing when it is neither in force nor announced.
    fn of(board: &Board, round: u32, attested: u64) -> Self {
        let successor = board.successor.as_ref();
        let began = successor.map(|successor| successor.from_height);
        let (from, below, rotation) = match &board.group {
            Some(group) if group.round == round => {
                let is_time =
                    |successor: &&Group| board.height >= successor.from_height.saturating_sub(KEY_NOTICE_BLOCKS);
                let rotation = successor.filter(is_time).map(|successor| successor.round);
                (group.from_height, began.unwrap_or(u64::MAX), rotation)
            }
            // It makes nothing before the old one's last beacon is known: until then the rotation may be given up.
            _ if is_over(board) && successor.is_some_and(|successor| successor.round == round) => {
                (began.unwrap_or(u64::MAX), u64::MAX, None)
            }
            _ => (u64::MAX, 0, None),
        };
        let first = board.newest_beacon.map_or(0, |newest| newest + 1).max(from);
        let (lowest, ahead) = (board.height.saturating_sub(ATTEST_AHEAD), board.height.saturating_add(ATTEST_AHEAD));
        Self { from, below, first, attested, lowest, ahead, rotation }
    }

    /// Whether a signature is of use.
    fn wants(&self, subject: &Subject) -> bool {
        let speaks = |height: u64| (self.from..self.below).contains(&height);
        match *subject {
            Subject::Beacon(height) => {
                speaks(height) && (self.first..self.first.saturating_add(HEIGHTS_MAX)).contains(&height)
            }
            Subject::Attestation(height) => {
                speaks(height)
                    && height.is_multiple_of(ATTEST_EVERY)
                    && (self.lowest.max(self.attested + 1)..=self.ahead).contains(&height)
            }
            Subject::Rotation(round) => self.rotation == Some(round),
        }
    }

    /// What this node can sign now.
    fn subjects(&self, board: &Board) -> Vec<Subject> {
        let last = board.height.min(self.below.saturating_sub(1)).min(self.first.saturating_add(HEIGHTS_MAX - 1));
        let beacons = (self.first..=last).map(Subject::Beacon);
        let newest = Subject::Attestation(board.height.min(self.below.saturating_sub(1)) / ATTEST_EVERY * ATTEST_EVERY);
        let rotation = self.rotation.map(Subject::Rotation);
        beacons.chain([newest]).chain(rotation).filter(|subject| self.wants(subject)).collect()
    }
}

/// What is signed, without its domain; none while this node does not know it.
fn message_of(blackboard: &impl Blackboard, board: &Board, subject: Subject) -> Option<Vec<u8>> {
    match subject {
        Subject::Beacon(height) => Some(height.to_le_bytes().to_vec()),
        Subject::Attestation(height) => blackboard.header(height).map(|digest| digest.0.to_vec()),
        Subject::Rotation(round) => {
            let successor = board.successor.as_ref().filter(|successor| successor.round == round)?;
            Some(KeyRotation::message(&successor.key, successor.from_height))
        }
    }
}

/// Whether the announced key's time has come, and the old one's last beacon is known.
fn is_over(board: &Board) -> bool {
    board.successor.as_ref().is_some_and(|successor| {
        board.height >= successor.from_height && board.newest_beacon >= successor.from_height.checked_sub(1)
    })
}
