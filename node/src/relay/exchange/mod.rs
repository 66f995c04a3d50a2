//! Asking other nodes for what only a host of another chain can give, and answering them.
//!
//! A question goes to one node at a time, of those who certify the chain; whoever keeps silent or answers wrongly has cost
//! that time, and the next one is asked. Nothing here waits: a question is wanted again in every pass of the relay until its
//! answer is there, and one that nobody has wanted for a while is forgotten with its answer. What this node answers is
//! bounded for each asker by itself ([`askers`]) and for all of them in a pass ([`answers`]).
//!
//! Time is what the relay says it is, and letters are handed in and out, so all of it follows from what it is given.

mod answers;
mod askers;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;

use chancery_abi::{Digest, Name, codec};

pub(super) use self::{
    answers::count,
    askers::Askers,
    wire::{Answer, ProvenCount, ProvenCounts, Question, Said, What},
};
use crate::consensus::Letter;

/// Questions that are remembered, with their answers.
const QUESTIONS_MAX: usize = 256;
/// Questions that one node is asked at once.
const AT_ONCE_MAX: usize = 4;
/// Who has not answered after this is silent.
const PATIENCE_MS: u64 = 1_500;
/// All of them were asked in vain: so long until the first is asked again, and twice as long each time after, up to 2 to the
/// power of so many. The first time they may only be a block behind.
const PAUSE_MS: u64 = 300;
const PAUSE_DOUBLED_MAX: usize = 5;
/// What nobody has wanted for so long is forgotten. Longer than it takes until a node of a large committee has its turn again.
const KEPT_MS: u64 = 20_000;

/// What there is one question of at a time: the lanes from a chain to another, and what is asked about them.
type Subject = (Name, Name, Kind);

/// Kinds of questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Counts,
    Messages,
}

/// A question, and how it stands.
#[derive(Debug)]
struct Asked {
    question: Question,
    /// The root of the state that the answer must follow from.
    root: Digest,
    /// Who may know, never none.
    nodes: Vec<[u8; 32]>,
    /// Whose turn it is to be asked, counted on and on.
    turn: usize,
    /// How often it was asked in vain.
    vain: usize,
    /// The number under which it was asked, and when.
    waits: Option<(u64, u64)>,
    /// When all had been asked in vain.
    paused_ms: Option<u64>,
    /// When it was last wanted.
    wanted_ms: u64,
    answer: Option<Answer>,
}

impl Asked {
    fn node(&self) -> [u8; 32] {
        self.nodes[self.turn % self.nodes.len()]
    }

    /// Leaves it to the next node.
    fn pass_on(&mut self, now_ms: u64) {
        self.waits = None;
        (self.turn, self.vain) = (self.turn + 1, self.vain + 1);
        if self.vain.is_multiple_of(self.nodes.len()) {
            self.paused_ms = Some(now_ms);
        }
    }

    fn is_due(&self, now_ms: u64) -> bool {
        let doubled = (self.vain / self.nodes.len()).saturating_sub(1).min(PAUSE_DOUBLED_MAX);
        let pauses = self.paused_ms.is_some_and(|paused| now_ms.abs_diff(paused) < PAUSE_MS << doubled);
        self.answer.is_none() && self.waits.is_none() && !pauses
    }
}

/// An answer that holds.
#[derive(Debug)]
pub(super) struct Answered {
    /// What it answers.
    pub(super) question: Question,
    /// The root of the state that it follows from.
    pub(super) root: Digest,
    /// The answer.
    pub(super) answer: Answer,
}

/// This node's questions.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    asked: BTreeMap<Subject, Asked>,
    /// The number of the newest question.
    number: u64,
    /// Who answered last about a chain, and is asked first.
    answered: BTreeMap<Name, [u8; 32]>,
}

impl Exchange {
    /// The answer to a question, which must follow from the state with this root; none yet, and one of `nodes` is going to be
    /// asked. It may be the answer to an earlier question about the same, which was on its way: whoever always wants to know
    /// of the newest height would otherwise never learn of any.
    pub(super) fn want(
        &mut self,
        question: Question,
        root: Digest,
        nodes: Vec<[u8; 32]>,
        now_ms: u64,
    ) -> Option<Answered> {
        let kind = if question.what == What::Counts { Kind::Counts } else { Kind::Messages };
        let subject = (question.chain.clone(), question.other.clone(), kind);
        if let Some(asked) = self.asked.get_mut(&subject) {
            asked.wanted_ms = now_ms;
            if asked.answer.is_none() {
                if asked.waits.is_none() && asked.question != question && !nodes.is_empty() {
                    (asked.question, asked.root, asked.nodes) = (question, root, nodes);
                    (asked.vain, asked.paused_ms) = (0, None);
                }
                return None;
            }
            let Asked { question, root, answer, .. } = self.asked.remove(&subject)?;
            return answer.map(|answer| Answered { question, root, answer });
        }
        if nodes.is_empty() || self.asked.len() >= QUESTIONS_MAX {
            return None;
        }
        let first = self.answered.get(&question.chain);
        let turn = nodes.iter().position(|node| Some(node) == first).unwrap_or(0);
        let (vain, waits, paused_ms, wanted_ms) = (0, None, None, now_ms);
        let asked = Asked { question, root, nodes, turn, vain, waits, paused_ms, wanted_ms, answer: None };
        self.asked.insert(subject, asked);
        None
    }

    /// Forgets what nobody wants any more.
    pub(super) fn forget(&mut self, now_ms: u64) {
        self.asked.retain(|_, asked| now_ms.abs_diff(asked.wanted_ms) < KEPT_MS);
    }

    /// The questions that are to be sent now.
    pub(super) fn due(&mut self, now_ms: u64) -> Vec<Letter> {
        let mut at_once: BTreeMap<[u8; 32], usize> = BTreeMap::new();
        for asked in self.asked.values_mut() {
            if asked.waits.is_some_and(|(_, since)| now_ms.abs_diff(since) >= PATIENCE_MS) {
                tracing::debug!(node = %Digest(asked.node()), chain = %asked.question.chain, "no answer about a lane");
                disappointed(&mut self.answered, asked, now_ms);
            }
            if asked.waits.is_some() {
                *at_once.entry(asked.node()).or_default() += 1;
            }
        }
        let mut letters = Vec::new();
        for asked in self.asked.values_mut() {
            let at_once = at_once.entry(asked.node()).or_default();
            if *at_once >= AT_ONCE_MAX || !asked.is_due(now_ms) {
                continue;
            }
            *at_once += 1;
            self.number += 1;
            asked.waits = Some((self.number, now_ms));
            let said = Said::Question { number: self.number, question: asked.question.clone() };
            letters.push(Letter { peer: asked.node(), bytes: codec::encode(&said) });
        }
        letters
    }

    /// Takes an answer, when this node was asked and it holds.
    pub(super) fn hear(&mut self, node: &[u8; 32], number: u64, answer: Option<Answer>, now_ms: u64) {
        let is_it = |asked: &Asked| asked.waits.is_some_and(|(waits, _)| waits == number) && asked.node() == *node;
        let Some(asked) = self.asked.values_mut().find(|asked| is_it(asked)) else {
            return tracing::debug!(node = %Digest(*node), number, "an answer that nobody waits for");
        };
        let checked = answer.map(|answer| answer.check(&asked.question, &asked.root).map(|()| answer));
        let chain = &asked.question.chain;
        match checked {
            Some(Ok(answer)) => {
                // As many as there are sidechains.
                self.answered.insert(chain.clone(), *node);
                (asked.waits, asked.answer) = (None, Some(answer));
            }
            Some(Err(error)) => {
                tracing::warn!(node = %Digest(*node), %chain, %error, "a node's answer about a lane does not hold");
                disappointed(&mut self.answered, asked, now_ms);
            }
            None => disappointed(&mut self.answered, asked, now_ms),
        }
    }
}

/// The node that was asked did not help.
fn disappointed(answered: &mut BTreeMap<Name, [u8; 32]>, asked: &mut Asked, now_ms: u64) {
    if answered.get(&asked.question.chain) == Some(&asked.node()) {
        answered.remove(&asked.question.chain);
    }
    asked.pass_on(now_ms);
}
