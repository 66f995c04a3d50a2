//! Ceremonies: how the mainchain's committee comes to hold shares of one threshold key, and hands them on.
//!
//! The chain is the ceremony's blackboard. In each stage every node that has a part in it puts up one sealed or public
//! contribution, which this contract keeps and does not understand: first keys made for this ceremony alone, then
//! dealings with the shares sealed to those keys, acknowledgements, the dealers' logs, and at last what came out. All
//! nodes read the same blackboard, so they come to the same result, and a node that was away or crashed finds all it
//! needs here and in its own secret.
//!
//! Invariants: one ceremony at a time, and each round's number once; a key is in force only when all but f of those who
//! hold it have declared the same one; handing on never changes the key; a stage that too few take part in is given up
//! after a while and the ceremony begins anew under the next number. Nothing here can stop the chain.

use chancery_sdk::prelude::*;

use crate::{
    Registry, RegistryError,
    events::{CeremonyBegun, GroupInForce},
    nodes::faults,
};

/// How long a stage waits for those who have not contributed.
const STAGE_MS: u64 = 20_000;
/// Bytes of a contribution.
const CONTRIBUTION_BYTES_MAX: usize = 60_000;

/// What a ceremony waits for.
#[data]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Keys of those who are to hold shares, made for this ceremony.
    Keys,
    /// The dealers' commitments, with a share sealed to each key.
    Dealings,
    /// The holders' acknowledgements of all dealings.
    Acknowledgements,
    /// The dealers' logs, with what was not acknowledged.
    Logs,
    /// What the holders made of it.
    Declarations,
}

/// A ceremony under way.
#[data]
#[derive(Clone)]
pub struct Ceremony {
    /// Its number, from 0; no two ceremonies have the same.
    pub round: u32,
    /// What it waits for.
    pub stage: Stage,
    /// Since when, milliseconds since 1970.
    pub since_ms: u64,
    /// The number of the committee that is to hold the key.
    pub committee: u32,
    /// Its members.
    pub players: Vec<[u8; 32]>,
    /// Who deals: those who hold the key now, or the players when there is none.
    pub dealers: Vec<[u8; 32]>,
    /// The round that made the key which is handed on.
    pub previous: Option<u32>,
    /// Who has contributed to this stage.
    pub given: Vec<[u8; 32]>,
}

/// A threshold key in force. The runtime reads it by its key, so its first fields never change.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The round of the ceremony that its holders' shares are from.
    pub round: u32,
    /// The key, a compressed point of BLS12-381's G2.
    pub key: [u8; 96],
    /// The first height whose beacon it makes.
    pub from_height: u64,
    /// How many hold a share.
    pub holders: u32,
    /// The digest of everything public about it.
    pub output: Digest,
    /// The number of the committee that holds it.
    pub committee: u32,
    /// Its members.
    pub members: Vec<[u8; 32]>,
    /// Whether they are too few to bear one that lies: its beacons prove nothing about them together.
    pub untrusted: bool,
}

/// What a holder made of a ceremony.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The key.
    pub key: [u8; 96],
    /// Everything public about it, as the nodes' library writes it.
    pub output: Vec<u8>,
}

impl Ceremony {
    /// Who contributes to the stage.
    fn contributors(&self) -> &[[u8; 32]] {
        match self.stage {
            Stage::Dealings | Stage::Logs => &self.dealers,
            Stage::Keys | Stage::Acknowledgements | Stage::Declarations => &self.players,
        }
    }

    /// How many must contribute for the ceremony to go on without the others.
    fn needed(&self) -> usize {
        match self.stage {
            // What is not acknowledged is revealed, and the logs are judged by how much that is.
            Stage::Acknowledgements => 0,
            _ => self.contributors().len() - faults(self.contributors().len()),
        }
    }

    fn enter(&mut self, stage: Stage, now_ms: u64) {
        self.stage = stage;
        self.since_ms = now_ms;
        self.given.clear();
    }

    /// The stage after this one; none after the last.
    fn next_stage(&self) -> Option<Stage> {
        match self.stage {
            Stage::Keys => Some(Stage::Dealings),
            Stage::Dealings => Some(Stage::Acknowledgements),
            Stage::Acknowledgements => Some(Stage::Logs),
            Stage::Logs => Some(Stage::Declarations),
            Stage::Declarations => None,
        }
    }
}

#[methods]
impl Registry {
    /// Begins a ceremony, when the committee that is to hold the key does not: the next one as soon as it is decided,
    /// else the present one.
    /// zh: 开始门限密钥仪式
    #[access(anyone)]
    pub fn begin_ceremony(&mut self, cx: &Cx, node: [u8; 32]) -> Result<u32, RegistryError> {
        ensure!(self.ceremony.get().is_none(), RegistryError::CeremonyUnderWay);
        let (committee, group) = self.due(cx).ok_or(RegistryError::NothingToHandOn)?;
        let mut may = committee.members.clone();
        may.extend(group.iter().flat_map(|group| group.members.iter().copied()));
        check_node(cx, &node, &may)?;
        self.begin(cx, committee.number, committee.members, group);
        Ok(self.rounds.get_or_default() - 1)
    }

    /// Puts a node's contribution to the present stage on the blackboard.
    /// zh: 提交仪式本阶段的材料
    #[access(anyone)]
    pub fn contribute(
        &mut self,
        cx: &Cx,
        node: [u8; 32],
        round: u32,
        stage: Stage,
        content: Vec<u8>,
    ) -> Result<(), RegistryError> {
        ensure!(stage != Stage::Declarations, RegistryError::StaleCeremony);
        ensure!(
            content.len() <= CONTRIBUTION_BYTES_MAX,
            RegistryError::TooMany { limit: CONTRIBUTION_BYTES_MAX as u32 }
        );
        let mut ceremony = self.stage_for(cx, &node, round, stage)?;
        self.contributions.insert(&(round, stage as u8, node), &content);
        ceremony.given.push(node);
        if ceremony.given.len() == ceremony.contributors().len()
            && let Some(next) = ceremony.next_stage()
        {
            ceremony.enter(next, cx.time_ms());
        }
        self.ceremony.set(&ceremony);
        Ok(())
    }

    /// Says what a holder made of a ceremony: the key, or nothing when it failed. All but f that say the same decide.
    /// zh: 申报仪式结果
    #[access(anyone)]
    pub fn declare(
        &mut self,
        cx: &Cx,
        node: [u8; 32],
        round: u32,
        result: Option<Declaration>,
    ) -> Result<(), RegistryError> {
        let length = result.as_ref().map_or(0, |declared| declared.output.len());
        ensure!(length <= CONTRIBUTION_BYTES_MAX, RegistryError::TooMany { limit: CONTRIBUTION_BYTES_MAX as u32 });
        let mut ceremony = self.stage_for(cx, &node, round, Stage::Declarations)?;
        self.declarations.insert(&(round, node), &result);
        ceremony.given.push(node);
        let same = |other: &[u8; 32]| self.declarations.get(&(round, *other)).is_some_and(|other| other == result);
        let agree = ceremony.given.iter().filter(|other| same(other)).count();
        self.ceremony.set(&ceremony);
        if agree >= ceremony.needed() {
            match result {
                Some(declared) => self.put_in_force(cx, &ceremony, &declared),
                None => self.begin_anew(cx, ceremony),
            }
        }
        Ok(())
    }

    /// Goes on without those who have not contributed in time, or begins anew when they are too many.
    /// zh: 超时推进仪式
    #[access(anyone)]
    pub fn press_on(&mut self, cx: &Cx, node: [u8; 32]) -> Result<(), RegistryError> {
        let mut ceremony = self.ceremony.get().ok_or(RegistryError::StaleCeremony)?;
        let may: Vec<_> = ceremony.players.iter().chain(&ceremony.dealers).copied().collect();
        check_node(cx, &node, &may)?;
        let ready_ms = ceremony.since_ms.saturating_add(STAGE_MS);
        ensure!(cx.time_ms() >= ready_ms, RegistryError::TooEarly { ready_ms });
        match ceremony.next_stage() {
            Some(next) if ceremony.given.len() >= ceremony.needed() => {
                ceremony.enter(next, cx.time_ms());
                self.ceremony.set(&ceremony);
            }
            _ => self.begin_anew(cx, ceremony),
        }
        Ok(())
    }

    /// The threshold key in force.
    /// zh: 查询现行门限密钥
    #[query]
    pub fn group(&self) -> Option<Group> {
        self.group.get()
    }

    /// The ceremony under way.
    /// zh: 查询进行中的仪式
    #[query]
    pub fn ceremony(&self) -> Option<Ceremony> {
        self.ceremony.get()
    }

    /// The committee that a ceremony is due for, and the key that it hands on; none where it is to make another.
    fn due(&self, cx: &Cx) -> Option<(crate::Committee, Option<Group>)> {
        match self.holding_next(cx) {
            Some(committee) => Some((committee, self.group.get())),
            None if self.rotates() => Some((self.to_hold(cx)?, None)),
            None => None,
        }
    }

    /// The committee that is to hold the key and does not.
    pub(crate) fn holding_next(&self, cx: &Cx) -> Option<crate::Committee> {
        let target = self.to_hold(cx)?;
        let holds = self.group.get().is_some_and(|group| group.committee == target.number);
        (!holds).then_some(target)
    }

    fn to_hold(&self, cx: &Cx) -> Option<crate::Committee> {
        let membership = self.memberships.get(&cx.chain().as_str().to_owned())?;
        Some(membership.next.unwrap_or(membership.present))
    }

    fn begin(&mut self, cx: &Cx, committee: u32, players: Vec<[u8; 32]>, group: Option<Group>) {
        let round = self.rounds.get_or_default();
        self.rounds.set(&(round + 1));
        // So few never hand a key on: growth makes a new one.
        let group = group.filter(|group| !group.untrusted);
        let dealers = group.as_ref().map_or_else(|| players.clone(), |group| group.members.clone());
        let previous = group.map(|group| group.round);
        let (stage, since_ms, given) = (Stage::Keys, cx.time_ms(), Vec::new());
        self.ceremony.set(&Ceremony { round, stage, since_ms, committee, players, dealers, previous, given });
        cx.emit(&CeremonyBegun { round, committee });
    }

    fn begin_anew(&mut self, cx: &Cx, failed: Ceremony) {
        self.ceremony.remove();
        // The committee that is to hold the key may be another by now.
        let (number, members, group) = match self.due(cx) {
            Some((committee, group)) => (committee.number, committee.members, group),
            None => (failed.committee, failed.players, self.group.get()),
        };
        self.begin(cx, number, members, group);
    }

    fn put_in_force(&mut self, cx: &Cx, ceremony: &Ceremony, declared: &Declaration) {
        let is_rotation = self.is_rotation(ceremony);
        let before = self.group.get().filter(|_| ceremony.previous.is_some());
        if before.as_ref().is_some_and(|before| before.key != declared.key) {
            // Shares of another key are no handing on, whoever says so.
            return self.begin_anew(cx, ceremony.clone());
        }
        let holders = ceremony.players.len() as u32;
        let is_new = before.is_none();
        let group = Group {
            round: ceremony.round,
            key: declared.key,
            from_height: before.map_or(cx.height() + 1, |before| before.from_height),
            holders,
            output: cx.sha256(&declared.output),
            committee: ceremony.committee,
            members: ceremony.players.clone(),
            untrusted: faults(ceremony.players.len()) == 0,
        };
        self.outputs.insert(&ceremony.round, &declared.output);
        self.ceremony.remove();
        if is_rotation {
            return self.announce(cx, group, ceremony);
        }
        self.concluded.set(ceremony);
        if is_new {
            self.begin_span(&group);
        }
        self.group.set(&group);
        self.groups.insert(&ceremony.round, &group);
        cx.emit(&GroupInForce { round: group.round, from_height: group.from_height, holders });
    }

    /// The ceremony under way, if it waits for this node's contribution to this stage.
    fn stage_for(&self, cx: &Cx, node: &[u8; 32], round: u32, stage: Stage) -> Result<Ceremony, RegistryError> {
        let ceremony = self.ceremony.get().ok_or(RegistryError::StaleCeremony)?;
        ensure!(ceremony.round == round && ceremony.stage == stage, RegistryError::StaleCeremony);
        check_node(cx, node, ceremony.contributors())?;
        ensure!(!ceremony.given.contains(node), RegistryError::ContributedAlready);
        Ok(ceremony)
    }
}

/// Refuses who is not the node, or a node that has no part.
pub(crate) fn check_node(cx: &Cx, node: &[u8; 32], among: &[[u8; 32]]) -> Result<(), RegistryError> {
    let is_caller = cx.caller() == cx.account(node);
    ensure!(is_caller && among.contains(node), RegistryError::NoPart);
    Ok(())
}
