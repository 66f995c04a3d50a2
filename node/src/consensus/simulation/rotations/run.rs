//! A run: a first key, one rotation or two, and what comes after.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use commonware_runtime::{Clock as _, deterministic};

use super::{
    super::{
        ceremonies::board,
        faults::Choices,
        judge::{self, Violation},
        world::{Session, World},
    },
    moments::{BEFORE_SIGNING, MOMENTS, Moment},
    office::{Office, Wish},
    verdict::{Keys, spans_of},
};
use crate::{
    consensus::{Board, ChainSide as _},
    fixture::GENESIS_TIME_MS,
};

/// How often everyone's board is looked at: a stage to which all contribute at once is over in a block or two.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long whoever lost power is away: a moment, a while, or longer than a stage waits for anybody.
const AWAY_MS: [u64; 4] = [60, 300, 1_500, 24_000];
/// Beacons that must be made once all is quiet.
const BEACONS: u64 = 5;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A first key, and a beacon by it.
    FirstKey,
    /// A decision to rotate it.
    Deciding,
    /// A new key in force.
    Rotating,
    /// The end of a rotation that is to be given up.
    GivingUp,
    /// A quiet time.
    InForce,
}

impl Phase {
    /// Time in which it must be over. A ceremony in which somebody is missing in every stage, and which fails for that, takes
    /// some 200 seconds with the one that follows, and the blocks after an announcement at most as many.
    fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Rotating => 600,
            Self::FirstKey | Self::Deciding | Self::GivingUp | Self::InForce => 150,
        })
    }
}

/// How a run stands.
struct Course {
    phase: Phase,
    since: Option<SystemTime>,
    office: Office,
    keys: Keys,
    /// The moment at which the first rotation is given up, if it is.
    give_up_at: Option<Moment>,
    /// All lose power at this moment of the first rotation or of the second.
    power_loss: (u32, Moment),
    /// Rotations that were given up.
    given_up: u32,
    /// The moments that have come, each of which rotation.
    seen: BTreeSet<(u32, Moment)>,
    /// Who is away, and when it comes back.
    away: Option<(usize, SystemTime)>,
    crashes: u64,
    /// The height of everyone when it was looked at last, and the highest.
    heights: Vec<u64>,
    highest: u64,
}

/// What a run came to.
#[derive(Debug)]
pub(in super::super) struct Report {
    /// Rotations that were given up before the one that went through.
    pub(in super::super) given_up: u32,
    /// The moments at which somebody lost power, or all.
    pub(in super::super) moments: BTreeSet<Moment>,
    /// How often somebody lost power alone.
    pub(in super::super) crashes: u64,
    /// All beacons that there are.
    pub(in super::super) beacons: u64,
}

impl Course {
    fn new(choices: &mut Choices, nodes: usize, gives_up: bool) -> Self {
        let give_up_at = gives_up.then(|| MOMENTS[choices.below(BEFORE_SIGNING)]);
        let power_loss = match give_up_at {
            Some(moment) if choices.below(2) == 0 => (0, moment),
            _ => (u32::from(gives_up), MOMENTS[choices.below(MOMENTS.len())]),
        };
        Self {
            phase: Phase::FirstKey,
            since: None,
            office: Office::new(),
            keys: Keys::default(),
            give_up_at,
            power_loss,
            given_up: 0,
            seen: BTreeSet::new(),
            away: None,
            crashes: 0,
            heights: vec![0; nodes],
            highest: 0,
        }
    }

    fn enter(&mut self, phase: Phase) {
        if self.phase != phase {
            (self.phase, self.since) = (phase, None);
            self.office.turn_over();
        }
    }

    /// Goes on with what the newest board says; a moment that begins with it.
    fn follow(&mut self, board: &Board) -> Option<(u32, Moment)> {
        self.highest = board.height;
        let (first, group) = (self.keys.first()?, board.group.as_ref()?);
        let is_under_way = board.rotates || board.successor.is_some();
        match self.phase {
            Phase::FirstKey if board.newest_beacon.is_some() => self.enter(Phase::Deciding),
            Phase::Deciding if is_under_way => self.enter(Phase::Rotating),
            Phase::Rotating if group.round != first => self.enter(Phase::InForce),
            // If it went through instead, time runs out.
            Phase::GivingUp if !is_under_way && group.round == first => {
                self.given_up += 1;
                self.enter(Phase::Deciding);
            }
            _ => {}
        }
        let moment = Moment::of(board, first).map(|moment| (self.given_up, moment));
        let new = moment.filter(|moment| self.seen.insert(*moment))?;
        if new.0 == 0 && self.give_up_at == Some(new.1) {
            self.enter(Phase::GivingUp);
        }
        Some(new)
    }
}

impl World {
    /// Runs to the end, which is some time after the new key came in force.
    pub(in super::super) fn run_rotations(mut self, gives_up: bool) -> Result<Report, Violation> {
        let config = deterministic::Config::default()
            .with_seed(self.choices.next())
            .with_start_time(UNIX_EPOCH + Duration::from_millis(GENESIS_TIME_MS) + Duration::from_secs(86_400));
        let mut course = Course::new(&mut self.choices, self.keys.len(), gives_up);
        let (first, checkpoint) = deterministic::Runner::new(config).start_and_recover(|context| async {
            let mut session = self.open(context).await?;
            self.go_through_rotations(&mut session, &mut course, true).await
        });
        first?;
        for store in &self.stores {
            store.memory.crash(self.choices.below(2));
        }
        // Whoever was away comes back with all others.
        course.away = None;
        let (second, _) = deterministic::Runner::from(checkpoint).start_and_recover(|context| async {
            let mut session = self.open(context).await?;
            self.go_through_rotations(&mut session, &mut course, false).await?;
            self.all_goes_on(&mut session, &mut course).await
        });
        let moments = course.seen.iter().map(|(_, moment)| *moment).collect();
        second.map(|beacons| Report { given_up: course.given_up, moments, crashes: course.crashes, beacons })
    }

    /// Until a new key is in force, or all are to lose power.
    async fn go_through_rotations(
        &mut self,
        session: &mut Session,
        course: &mut Course,
        all_lose_power: bool,
    ) -> Result<(), Violation> {
        while course.phase != Phase::InForce {
            let Some(moment) = self.pass(session, course).await? else { continue };
            if all_lose_power && moment == course.power_loss {
                return Ok(());
            }
            self.lose_power(session, course).await?;
        }
        Ok(())
    }

    /// Lets a little time pass, looks at what everyone knows, and does what is due; a moment that begins.
    async fn pass(&mut self, session: &mut Session, course: &mut Course) -> Result<Option<(u32, Moment)>, Violation> {
        session.context.sleep(LOOK_EVERY).await;
        let now = session.context.current();
        if let Some((place, back)) = course.away
            && now >= back
        {
            course.away = None;
            self.start(session, place).await?;
        }
        let newest = self.look(session, course)?;
        let new = newest.filter(|board| board.height > course.highest).and_then(|board| course.follow(&board));
        match course.phase {
            Phase::Deciding => self.petition(session, &mut course.office, Wish::Rotate),
            Phase::GivingUp => self.petition(session, &mut course.office, Wish::GiveUp),
            Phase::FirstKey | Phase::Rotating | Phase::InForce => {}
        }
        let since = *course.since.get_or_insert(now);
        if now.duration_since(since).unwrap_or_default() >= course.phase.patience() {
            let what = format!("what is waited for when {:?}", course.phase);
            let keys = format!("{:?} {:?} at {:?}", course.keys, course.seen, session.heights());
            return Err(Violation::KeyLost { what, keys });
        }
        Ok(new)
    }

    /// Judges what everyone knows who knows more than at the last look; the newest board among them.
    fn look(&self, session: &Session, course: &mut Course) -> Result<Option<Board>, Violation> {
        let sides = session.sides();
        judge::still_run(&sides)?;
        self.signed.in_turn()?;
        let mut newest: Option<Board> = None;
        for (place, side) in sides.iter().enumerate() {
            let Some(side) = side else { continue };
            let height = side.final_height();
            if std::mem::replace(&mut course.heights[place], height) == height {
                continue;
            }
            let Some(board) = board(self, place, side) else { continue };
            course.keys.look(place, &board, &spans_of(side))?;
            if newest.as_ref().is_none_or(|newest| newest.height < board.height) {
                newest = Some(board);
            }
        }
        Ok(newest)
    }

    /// One of them loses power. Whoever was away comes back first, so that never are two.
    async fn lose_power(&mut self, session: &mut Session, course: &mut Course) -> Result<(), Violation> {
        if let Some((place, _)) = course.away.take() {
            self.start(session, place).await?;
        }
        // Somewhat later each time.
        session.context.sleep(Duration::from_millis(self.choices.below(30) as u64)).await;
        let odd = self.choices.below(self.keys.len());
        let away = AWAY_MS[self.choices.below(AWAY_MS.len())];
        self.crash(session, odd).await;
        course.crashes += 1;
        course.away = Some((odd, session.context.current() + Duration::from_millis(away)));
        Ok(())
    }

    /// All are back and know the new key; beacons and attestations are made with it; and everything is as it must be. Returns
    /// how many beacons there are.
    async fn all_goes_on(&mut self, session: &mut Session, course: &mut Course) -> Result<u64, Violation> {
        let newest = session.heights().into_iter().max().unwrap_or(0) + BEACONS;
        let mut looked_at = 0;
        loop {
            self.pass(session, course).await?;
            if course.highest > looked_at {
                looked_at = course.highest;
                if course.keys.last().is_some_and(|key| self.all_sign(session, key, newest)) {
                    return self.judge_rotation(session, &course.keys);
                }
            }
        }
    }

    /// Whether everyone has the key of a round in force, an attestation by it, and the beacon of a height.
    fn all_sign(&self, session: &Session, (round, from_height): (u32, u64), height: u64) -> bool {
        session.sides().iter().enumerate().all(|(place, side)| {
            let Some(side) = side else { return false };
            let attestation = side.chain.attestation().expect("memory is readable");
            let board = board(self, place, side);
            attestation.is_some_and(|(attested, _)| attested >= from_height)
                && board.is_some_and(|board| {
                    board.newest_beacon >= Some(height) && board.group.is_some_and(|group| group.round == round)
                })
        })
    }
}
