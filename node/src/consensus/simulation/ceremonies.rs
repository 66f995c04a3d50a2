//! The committee's threshold key while its committee changes and somebody loses power at every step of every ceremony:
//! there is one key, it outlives every committee, and its beacons go on.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chancery_runtime::execution::registry::Stage;
use commonware_runtime::{Clock as _, deterministic};

use super::{
    doubles::SimSide,
    judge::Violation,
    world::{Session, World},
};
use crate::{
    chain::RegistryBoard,
    consensus::{Blackboard as _, Board, ChainSide as _},
    fixture::GENESIS_TIME_MS,
};

/// Time in which everything must have happened; a stage that misses somebody takes 20 seconds of it.
const PATIENCE: Duration = Duration::from_secs(1_500);
/// Changes of the committee that a run sees.
const CHANGES: u64 = 2;
/// How often everyone's board is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Beacons that must be made once all is quiet.
const BEACONS: u64 = 5;

/// What was seen of the key.
#[derive(Debug, Default)]
pub(super) struct Keys {
    key: Option<[u8; 96]>,
    stages: BTreeSet<(u32, Stage)>,
    /// The stages in which somebody lost power, of all rounds together.
    pub(super) crashed_in: BTreeSet<Stage>,
    /// How often.
    pub(super) crashes: u64,
    /// The newest round whose key is in force.
    pub(super) round: u32,
}

/// What a node knows of the key.
pub(super) fn board(world: &World, place: usize, side: &SimSide) -> Option<Board> {
    RegistryBoard::new(side.chain.clone(), world.keys[place]).board()
}

impl World {
    /// Runs to the end, which is that of the second committee's handing on.
    pub(super) fn run_ceremonies(mut self) -> Result<Keys, Violation> {
        let config = deterministic::Config::default()
            .with_seed(self.choices.next())
            .with_start_time(UNIX_EPOCH + Duration::from_millis(GENESIS_TIME_MS) + Duration::from_secs(86_400));
        let mut keys = Keys::default();
        // All lose power in one of the stages of the first handing on.
        let stages = [Stage::Keys, Stage::Dealings, Stage::Acknowledgements, Stage::Logs, Stage::Declarations];
        let power_loss = (1, stages[self.choices.below(stages.len())]);
        let (first, checkpoint) = deterministic::Runner::new(config).start_and_recover(|context| async {
            let mut session = self.open(context).await?;
            self.go_through_ceremonies(&mut session, &mut keys, Some(power_loss)).await
        });
        first?;
        for store in &self.stores {
            store.memory.crash(self.choices.below(2));
        }
        let (second, _) = deterministic::Runner::from(checkpoint).start_and_recover(|context| async {
            let mut session = self.open(context).await?;
            self.go_through_ceremonies(&mut session, &mut keys, None).await?;
            self.beacons_go_on(&session, &mut keys).await
        });
        second.map(|()| keys)
    }

    /// Until the key is with the committee that came after enough changes, or a ceremony is at `end`.
    async fn go_through_ceremonies(
        &mut self,
        session: &mut Session,
        keys: &mut Keys,
        end: Option<(u32, Stage)>,
    ) -> Result<(), Violation> {
        let until = session.context.current() + PATIENCE;
        self.under_load = true;
        loop {
            let new = self.watch(session, keys, Duration::from_millis(240)).await?;
            if new.is_some() && new == end {
                return Ok(());
            }
            if let Some((_, stage)) = new {
                self.lose_power_in(session, keys, stage).await?;
            }
            if self.changes.is_some() && self.epoch(session) >= CHANGES {
                self.changes = None;
            }
            if self.changes.is_none() && self.is_handed_on(session) {
                return Ok(());
            }
            self.in_time(session, until, keys, "a handing on of the key")?;
        }
    }

    fn in_time(&self, session: &Session, until: SystemTime, keys: &Keys, what: &str) -> Result<(), Violation> {
        if session.context.current() < until {
            return Ok(());
        }
        let sides = session.sides();
        let boards = sides.iter().enumerate().filter_map(|(place, side)| board(self, place, side.as_ref()?));
        let state = boards
            .map(|board| {
                let group = board.group.map(|group| (group.round, group.committee));
                let ceremony = board.ceremony.map(|ceremony| (ceremony.round, ceremony.stage, ceremony.given.len()));
                format!("{}: {group:?} {ceremony:?} beacons to {:?}", board.height, board.newest_beacon)
            })
            .collect::<Vec<_>>();
        Err(Violation::KeyLost { what: what.to_owned(), keys: format!("{keys:?} {state:?}") })
    }

    fn epoch(&self, session: &Session) -> u64 {
        let sides = session.sides();
        sides.iter().flatten().map(|side| side.terms().present().epoch).min().unwrap_or(0)
    }

    /// Whether everyone knows the key as the present committee's.
    fn is_handed_on(&self, session: &Session) -> bool {
        let sides = session.sides();
        let handed_on = |(place, side): (usize, &Option<SimSide>)| {
            let board = side.as_ref().and_then(|side| board(self, place, side));
            board.is_some_and(|board| {
                let held_by = board.group.as_ref().map(|group| group.committee);
                board.ceremony.is_none() && held_by.is_some() && held_by == board.target.map(|target| target.number)
            })
        };
        sides.iter().enumerate().all(handed_on)
    }

    /// Looks at what everyone knows of the key; returns a stage that begins.
    fn look_at_keys(&self, session: &Session, keys: &mut Keys) -> Result<Option<(u32, Stage)>, Violation> {
        let mut new = None;
        for (place, side) in session.sides().iter().enumerate() {
            let Some(board) = side.as_ref().and_then(|side| board(self, place, side)) else { continue };
            if let Some(group) = &board.group {
                if *keys.key.get_or_insert(group.key) != group.key {
                    return Err(Violation::TwoKeys { place, round: group.round });
                }
                keys.round = keys.round.max(group.round);
            }
            if let Some(ceremony) = &board.ceremony
                && keys.stages.insert((ceremony.round, ceremony.stage))
            {
                new = Some((ceremony.round, ceremony.stage));
            }
        }
        Ok(new)
    }

    /// Lets time pass until a stage begins.
    async fn watch(
        &mut self,
        session: &Session,
        keys: &mut Keys,
        time: Duration,
    ) -> Result<Option<(u32, Stage)>, Violation> {
        let end = session.context.current() + time;
        while session.context.current() < end {
            // A stage to which everyone contributes at once is over in a block or two.
            session.context.sleep(LOOK_EVERY).await;
            let new = self.look_at_keys(session, keys)?;
            if new.is_some() {
                return Ok(new);
            }
        }
        self.wait(session, Duration::from_millis(1)).await?;
        Ok(None)
    }

    /// One of them loses power for a moment, a while, or longer than a stage waits for anybody.
    async fn lose_power_in(&mut self, session: &mut Session, keys: &mut Keys, stage: Stage) -> Result<(), Violation> {
        let odd = self.choices.below(self.keys.len());
        let away = [60, 300, 1_500, 24_000][self.choices.below(4)];
        // At different moments of the stage.
        session.context.sleep(Duration::from_millis(self.choices.below(30) as u64)).await;
        self.crash(session, odd).await;
        keys.crashes += 1;
        keys.crashed_in.insert(stage);
        let back = session.context.current() + Duration::from_millis(away);
        while session.context.current() < back {
            self.watch(session, keys, Duration::from_millis(50)).await?;
        }
        self.start(session, odd).await
    }

    /// Beacons are made of heights that come now, by those who hold the key now.
    async fn beacons_go_on(&mut self, session: &Session, keys: &mut Keys) -> Result<(), Violation> {
        let until = session.context.current() + Duration::from_secs(120);
        let from = session.heights().into_iter().max().unwrap_or(0);
        let newest = |world: &Self| {
            let sides = session.sides();
            let boards = sides.iter().enumerate().map(|(place, side)| board(world, place, side.as_ref()?));
            boards.map(|board| board.and_then(|board| board.newest_beacon).unwrap_or(0)).min().unwrap_or(0)
        };
        while newest(self) < from + BEACONS {
            self.wait(session, Duration::from_millis(240)).await?;
            self.look_at_keys(session, keys)?;
            self.in_time(session, until, keys, "beacons")?;
        }
        super::judge::one_chain(&session.sides()).map(drop)
    }
}
