//! What this node answers to others: what it can prove of the lanes of sidechains that it hosts, as of headers that the
//! mainchain has on record, and nothing else.
//!
//! Whoever may ask of the mainchain's nodes may ask for what it likes, so an answer is made of what the state has in memory,
//! and a pass makes so many and no more: neither the chain nor the relay waits for those who ask.

use chancery_abi::{Digest, codec, lane::slots, limits::DELIVERY_MESSAGES_MAX};
use chancery_runtime::{execution::lanes, storage::StateBackend};

use super::{Answer, ProvenCount, ProvenCounts, Question, Said, What};
use crate::{
    chain::ChainError,
    consensus::{LETTER_BYTES_MAX, Letter},
    relay::{
        Chain, Relay,
        proofs::{is_at_hand, prove},
    },
};

/// Bytes of the answers of one pass, and the proofs that are made for them; what is asked beyond waits for the next.
const ANSWERS_BYTES_MAX: usize = 8 << 20;
const ANSWERS_PROOFS_MAX: usize = 256;

/// Proofs that an answer takes, at most.
fn proofs(what: What) -> usize {
    match what {
        What::Counts => 2,
        What::Messages { .. } => DELIVERY_MESSAGES_MAX,
    }
}

impl<B: StateBackend + 'static> Relay<B> {
    /// Reads what other nodes have written: takes their answers, and answers their questions.
    pub(in crate::relay) fn read_letters(&mut self) {
        let (mut answered, mut proven) = (0, 0);
        for Letter { peer, bytes } in std::mem::take(&mut self.heard) {
            match Said::read(&bytes) {
                Ok(Said::Question { .. }) if proven >= ANSWERS_PROOFS_MAX || answered > ANSWERS_BYTES_MAX => {
                    self.heard.push(Letter { peer, bytes });
                }
                Ok(Said::Question { number, question }) => {
                    if !self.askers.may_ask(&peer, &question.what, self.now_ms) {
                        tracing::debug!(node = %Digest(peer), "a node asks more than it may");
                        continue;
                    }
                    proven += proofs(question.what);
                    let answer = self.answer(&question).unwrap_or_else(|error| {
                        // The chain that it came from has stopped by itself where it had to.
                        tracing::debug!(%error, "a question about a lane is not answered");
                        None
                    });
                    let mut bytes = codec::encode(&Said::Answer { number, answer });
                    if bytes.len() > LETTER_BYTES_MAX {
                        bytes = codec::encode(&Said::Answer { number, answer: None });
                    }
                    answered += bytes.len();
                    self.outgoing.push(Letter { peer, bytes });
                }
                Ok(Said::Answer { number, answer }) => self.exchange.hear(&peer, number, answer, self.now_ms),
                // Another release may say more.
                Err(error) => tracing::debug!(node = %Digest(peer), %error, "a letter that is none"),
            }
        }
    }

    /// What this node can say to a question; none where that is nothing.
    fn answer(&self, question: &Question) -> Result<Option<Answer>, ChainError> {
        let Question { chain, other, height, what } = question;
        let Some(of) = self.chains.get(chain.as_str()).filter(|of| of.halted().is_none() && chain != other) else {
            return Ok(None);
        };
        // Everybody has the mainchain. Heights that are not on record lead nowhere, and there are many of them.
        let record = self.mainchain.read_state(|view| lanes::anchors::anchored(view, chain, *height))?;
        let is_side = of.ledger().rules().genesis().mainchain.is_some();
        if !is_side || record.is_none() || !is_at_hand(&of, *height)? {
            return Ok(None);
        }
        match *what {
            What::Counts => {
                let sent = count(&of, *height, &slots::sent(other))?;
                let taken = count(&of, *height, &slots::inbox(other))?;
                Ok(sent.zip(taken).map(|(sent, taken)| Answer::Counts(ProvenCounts { sent, taken })))
            }
            What::Messages { from } => {
                let messages = self.proven_messages(&of, other, *height, from)?;
                Ok((!messages.is_empty()).then_some(Answer::Messages(messages)))
            }
        }
    }
}

/// A number of the runtime's own in a chain's state at a height; none when that cannot be proven any more or not yet.
pub(in crate::relay) fn count<B: StateBackend + 'static>(
    chain: &Chain<B>,
    height: u64,
    slot: &[u8],
) -> Result<Option<ProvenCount>, ChainError> {
    let Some((value, nodes)) = prove(chain, height, slot)? else { return Ok(None) };
    let count = value.and_then(|value| codec::decode::<u64>(&value, value.len()).ok());
    Ok(Some(ProvenCount { count, nodes }))
}
