//! The other end of a lane, in this process or elsewhere.
//!
//! What a chain has sent and taken, its messages and what proves them are the same wherever they come from. Of a chain that is
//! here they are read from its store. Of one that is not, other nodes are asked ([`super::exchange`]) how it stood at a
//! height that the mainchain has on record, and what they answer is shown by that record. Such a [`View`] stays as it is for
//! as long as something follows from it, so that a chain that is anchored with every block is not always a question ahead.

use chancery_abi::{
    Digest, Name, codec,
    lane::{ProvenMessage, slots},
    limits::DELIVERY_MESSAGES_MAX,
    message::Message,
};
use chancery_runtime::{
    execution::lanes::{self, LaneCounts},
    storage::StateBackend,
};
use parity_scale_codec::Encode as _;

use super::{
    Chain, Relay,
    carry::SETTLE_FROM,
    exchange::{Answer, Answered, ProvenCount, ProvenCounts, Question, What, count},
    proofs::prove,
};
use crate::chain::ChainError;

/// Gas of messages that go in one delivery, at most: a lane's share of a block holds it.
const DELIVERY_GAS_MAX: u64 = 4_000_000_000;
/// Bytes of one delivery or of one transaction of anchors, with room for the rest of it.
pub(super) const BYTES_MAX: usize = 400 << 10;
/// A view from which something follows stays for so long: its height can be proven for a while only.
const VIEW_MS: u64 = 10_000;
/// What stands for the messages that have settled when the other chain is closed and all that it never took came back.
const ALL_SETTLED: u64 = u64::MAX;
/// After that it is asked about in one of so many spans of time, each of so many milliseconds.
const SETTLED_SPANS: u64 = 64;
const SETTLED_SPAN_MS: u64 = 10_000;

/// The other end of a lane.
pub(super) enum Other<B> {
    /// A chain of this process.
    Here(Chain<B>),
    /// A sidechain that others host.
    Elsewhere(Name),
}

impl<B: StateBackend + 'static> Other<B> {
    pub(super) fn name(&self) -> &Name {
        match self {
            Self::Here(chain) => chain.ledger().rules().name(),
            Self::Elsewhere(name) => name,
        }
    }

    pub(super) fn is_here(&self) -> bool {
        matches!(self, Self::Here(_))
    }

    pub(super) fn is_mainchain(&self) -> bool {
        match self {
            Self::Here(chain) => chain.ledger().rules().genesis().mainchain.is_none(),
            Self::Elsewhere(_) => false,
        }
    }
}

/// How a chain that is elsewhere stood at one of its heights.
#[derive(Clone, Debug)]
pub(super) struct View {
    height: u64,
    /// The root of its state.
    root: Digest,
    counts: ProvenCounts,
    /// Since when it is known here.
    since_ms: u64,
}

impl View {
    fn sent(&self) -> u64 {
        self.counts.sent.count.unwrap_or(0)
    }

    fn taken(&self) -> u64 {
        self.counts.taken.count.unwrap_or(0)
    }
}

impl<B: StateBackend + 'static> Relay<B> {
    /// All chains that lanes lead to: those `here`, and those that the mainchain has on record.
    pub(super) fn others(&self, here: &[Chain<B>]) -> Vec<Other<B>> {
        let is_here = |name: &Name| here.iter().any(|chain| chain.ledger().rules().name() == name);
        let main = self.known.get(self.mainchain.ledger().rules().name());
        let recorded = main.into_iter().flat_map(|main| &main.sidechains);
        let elsewhere = recorded.filter(|(name, (_, state))| state.newest.height > 0 && !is_here(name));
        let elsewhere = elsewhere.map(|(name, _)| Other::Elsewhere(name.clone()));
        here.iter().cloned().map(Other::Here).chain(elsewhere).collect()
    }

    /// How the lanes between `of` and `to` stand at the end of `of`, as far as this node knows. What of them has settled there
    /// is nothing to `to`.
    pub(super) fn counts_of(&mut self, of: &Other<B>, to: &Chain<B>) -> LaneCounts {
        let to_name = to.ledger().rules().name();
        match of {
            Other::Here(_) => self.known.get(of.name()).map(|known| known.counts(to_name)).unwrap_or_default(),
            Other::Elsewhere(name) => {
                self.look(name, to);
                let view = self.views.get(&(name.clone(), to_name.clone()));
                view.map_or_else(LaneCounts::default, |view| LaneCounts {
                    sent: view.sent(),
                    taken: view.taken(),
                    settled: 0,
                })
            }
        }
    }

    /// The height of the view of a chain elsewhere; 0 when there is none.
    pub(super) fn viewed_height(&self, of: &Name, to: &Chain<B>) -> u64 {
        let lane = (of.clone(), to.ledger().rules().name().clone());
        self.views.get(&lane).map_or(0, |view| view.height)
    }

    /// Brings the view of a chain elsewhere up to the newest record of it, unless it is in use. Only those who certify `to`
    /// ever carry anything there.
    fn look(&mut self, of: &Name, to: &Chain<B>) {
        let to_name = to.ledger().rules().name();
        let known = self.known.get(self.mainchain.ledger().rules().name());
        let Some((_, state)) = known.and_then(|known| known.sidechains.get(of)) else { return };
        let own = known.and_then(|known| known.sidechains.get(to_name));
        let takes_nothing = own.is_some_and(|(_, state)| state.closed.is_some());
        if state.newest.height == 0 || takes_nothing || self.place(to).is_none() {
            return;
        }
        let lane = (of.clone(), to_name.clone());
        let own = self.known.get(to_name).map(|known| known.counts(of)).unwrap_or_default();
        if let Some(view) = self.views.get(&lane) {
            let follows = view.sent() > own.taken || view.taken() >= own.settled.saturating_add(SETTLE_FROM);
            let is_in_use = follows && self.now_ms.abs_diff(view.since_ms) < VIEW_MS && state.closed.is_none();
            if view.height == state.newest.height || is_in_use {
                return;
            }
        }
        // All that may be left is what it sent last, and everybody who could say may be gone for good.
        let span = (self.now_ms / SETTLED_SPAN_MS).wrapping_add(self.public_key[0].into());
        if state.closed.is_some() && own.settled == ALL_SETTLED && !span.is_multiple_of(SETTLED_SPANS) {
            return;
        }
        let (height, root, nodes) = (state.newest.height, state.newest.state_root, self.hosts_of(of));
        let question = Question { chain: of.clone(), other: to_name.clone(), height, what: What::Counts };
        let answered = self.exchange.want(question, root, nodes, self.now_ms);
        if let Some(Answered { question, root, answer: Answer::Counts(counts) }) = answered {
            self.views.insert(lane, View { height: question.height, root, counts, since_ms: self.now_ms });
        }
    }

    /// Who certifies a chain that is elsewhere, and so has it. Every node begins with another of them.
    fn hosts_of(&self, of: &Name) -> Vec<[u8; 32]> {
        let known = self.known.get(self.mainchain.ledger().rules().name());
        let Some((sidechain, state)) = known.and_then(|known| known.sidechains.get(of)) else { return Vec::new() };
        let mut hosts: Vec<[u8; 32]> = state.committee.keys().to_vec();
        hosts.extend(sidechain.members.iter().filter(|key| !state.committee.keys().contains(key)));
        hosts.retain(|key| *key != self.public_key);
        let first = usize::from(self.public_key[0]) % hosts.len().max(1);
        hosts.rotate_left(first);
        hosts
    }

    /// The messages from `of` to a chain from number `from` on, with proofs of the state of `of` at a height, as many as go
    /// together; none where this node cannot have them now.
    pub(super) fn messages_of(
        &mut self,
        of: &Other<B>,
        to: &Name,
        height: u64,
        from: u64,
    ) -> Result<Vec<ProvenMessage>, ChainError> {
        let name = match of {
            Other::Here(of) => return self.proven_messages(of, to, height, from),
            Other::Elsewhere(name) => name,
        };
        let view = self.views.get(&(name.clone(), to.clone())).filter(|view| view.height == height);
        let Some(root) = view.map(|view| view.root) else { return Ok(Vec::new()) };
        let question = Question { chain: name.clone(), other: to.clone(), height, what: What::Messages { from } };
        let nodes = self.hosts_of(name);
        let answered = self.exchange.want(question.clone(), root, nodes, self.now_ms);
        // An answer that came too late is to another question.
        let answered = answered.filter(|answered| answered.question == question);
        let Some(Answered { answer: Answer::Messages(messages), .. }) = answered else { return Ok(Vec::new()) };
        let mut load = Load::default();
        Ok(messages.into_iter().take_while(|proven| load.takes(proven)).collect())
    }

    /// The same, of a chain that is here.
    pub(super) fn proven_messages(
        &self,
        of: &Chain<B>,
        to: &Name,
        height: u64,
        from: u64,
    ) -> Result<Vec<ProvenMessage>, ChainError> {
        let (mut messages, mut load) = (Vec::new(), Load::default());
        for sequence in (from..u64::MAX).take(DELIVERY_MESSAGES_MAX) {
            let Some((Some(value), nodes)) = prove(of, height, &slots::outbox(to, sequence))? else { break };
            let Ok(message) = codec::decode::<Message>(&value, value.len()) else { break };
            let proven = ProvenMessage { message, nodes };
            if !load.takes(&proven) {
                break;
            }
            messages.push(proven);
        }
        Ok(messages)
    }

    /// The number of the message from `to` that `of` takes next, with what proves it in the state of `of` at a height.
    pub(super) fn taken_by(&self, of: &Other<B>, to: &Name, height: u64) -> Result<Option<ProvenCount>, ChainError> {
        match of {
            Other::Here(of) => count(of, height, &slots::inbox(to)),
            Other::Elsewhere(name) => {
                let view = self.views.get(&(name.clone(), to.clone())).filter(|view| view.height == height);
                Ok(view.map(|view| view.counts.taken.clone()))
            }
        }
    }
}

/// What goes together in one delivery.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    count: usize,
    gas: u64,
    bytes: usize,
}

impl Load {
    /// Whether another message goes with those before. A first one always does.
    pub(super) fn takes(&mut self, proven: &ProvenMessage) -> bool {
        let gas = self.gas.saturating_add(lanes::gas_of(&proven.message));
        let bytes = self.bytes.saturating_add(proven.encoded_size());
        let fits =
            self.count == 0 || self.count < DELIVERY_MESSAGES_MAX && gas <= DELIVERY_GAS_MAX && bytes <= BYTES_MAX;
        if fits {
            *self = Self { count: self.count + 1, gas, bytes };
        }
        fits
    }
}
