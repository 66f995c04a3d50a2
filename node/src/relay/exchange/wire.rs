//! What two nodes say to each other about a lane, and what is looked at before anything of it is used.
//!
//! Every answer is shown to follow from a state root that the asking node has from its own mainchain, by the checks that the
//! chain makes to which it goes. So an answer is right or it is none, whoever gave it.

use chancery_abi::{
    Address, Digest, Name, codec,
    lane::{ProvenMessage, slots},
    limits::{DELIVERY_MESSAGES_MAX, PROOF_NODES_MAX},
};
use chancery_verify::{LaneError, lane};
use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};

use crate::consensus::LETTER_BYTES_MAX;

/// Something about the lanes between two chains, for whoever hosts the first of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, DecodeWithMemTracking)]
pub(in crate::relay) struct Question {
    /// The chain whose state it is about.
    pub(in crate::relay) chain: Name,
    /// The chain at the other end.
    pub(in crate::relay) other: Name,
    /// The height after which it is to be so; one that the mainchain has on record.
    pub(in crate::relay) height: u64,
    /// What is asked.
    pub(in crate::relay) what: What,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, DecodeWithMemTracking)]
pub(in crate::relay) enum What {
    /// How many messages it has sent to the other, and how many it has taken.
    #[codec(index = 0)]
    Counts,
    /// Its messages to the other, from a number on, as many as go together.
    #[codec(index = 1)]
    Messages {
        /// The first.
        from: u64,
    },
}

/// A number in a chain's state, or that there is none, with the nodes that prove it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub(in crate::relay) struct ProvenCount {
    /// The number.
    pub(in crate::relay) count: Option<u64>,
    /// The trie's nodes from the state's root towards it.
    pub(in crate::relay) nodes: Vec<Vec<u8>>,
}

/// The numbers of a lane at one of its ends.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub(in crate::relay) struct ProvenCounts {
    /// Messages that were sent.
    pub(in crate::relay) sent: ProvenCount,
    /// The number of the message that is taken next.
    pub(in crate::relay) taken: ProvenCount,
}

/// What a host of the chain answers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub(in crate::relay) enum Answer {
    /// To [`What::Counts`].
    #[codec(index = 0)]
    Counts(ProvenCounts),
    /// To [`What::Messages`]; never empty.
    #[codec(index = 1)]
    Messages(Vec<ProvenMessage>),
}

/// A letter of the exchange.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub(in crate::relay) enum Said {
    /// A question, under a number of the asking node's own.
    #[codec(index = 0)]
    Question {
        /// The number.
        number: u64,
        /// The question.
        question: Question,
    },
    /// An answer.
    #[codec(index = 1)]
    Answer {
        /// The question's number.
        number: u64,
        /// None where this node cannot say.
        answer: Option<Answer>,
    },
}

/// Why an answer is not used.
#[derive(Debug, thiserror::Error)]
pub(in crate::relay) enum WrongAnswer {
    /// It is of another kind than what was asked.
    #[error("it answers another question")]
    OtherQuestion,
    /// There are none, or more messages than go together.
    #[error("it has {found} messages, and 1 to {limit} go together")]
    Count {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A proof is longer than any is.
    #[error("it has a proof of {found} nodes, and the longest has {limit}")]
    Nodes {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// It does not follow from the chain's state.
    #[error("it is not shown: {0}")]
    NotShown(#[from] LaneError),
}

impl Said {
    /// The letter in these bytes, if they are one.
    pub(in crate::relay) fn read(bytes: &[u8]) -> Result<Self, codec::DecodeError> {
        codec::decode(bytes, LETTER_BYTES_MAX)
    }
}

impl Answer {
    /// Checks that this answers `question`, and that all of it is so in the state with this root.
    ///
    /// # Errors
    /// When it does not, is larger than an answer can be, or is not shown.
    pub(in crate::relay) fn check(&self, question: &Question, root: &Digest) -> Result<(), WrongAnswer> {
        let Question { chain, other, what, .. } = question;
        match (self, *what) {
            (Self::Counts(ProvenCounts { sent, taken }), What::Counts) => {
                sent.check(root, &slots::sent(other))?;
                taken.check(root, &slots::inbox(other))
            }
            (Self::Messages(messages), What::Messages { from }) => {
                let (found, limit) = (messages.len(), DELIVERY_MESSAGES_MAX);
                if found == 0 || found > limit {
                    return Err(WrongAnswer::Count { found, limit });
                }
                for (place, proven) in (0u64..).zip(messages) {
                    check_length(&proven.nodes)?;
                    // Whoever asks from so far on is told that there is no such message.
                    let sequence = from.checked_add(place).ok_or(LaneError::OtherLane)?;
                    lane::message(root, proven, (chain, other), sequence)?;
                }
                Ok(())
            }
            _ => Err(WrongAnswer::OtherQuestion),
        }
    }
}

impl ProvenCount {
    fn check(&self, root: &Digest, slot: &[u8]) -> Result<(), WrongAnswer> {
        check_length(&self.nodes)?;
        let value = self.count.as_ref().map(codec::encode);
        Ok(lane::entry(root, &Address::system(), slot, value.as_deref(), &self.nodes)?)
    }
}

fn check_length(nodes: &[Vec<u8>]) -> Result<(), WrongAnswer> {
    let (found, limit) = (nodes.len(), PROOF_NODES_MAX);
    if found > limit { Err(WrongAnswer::Nodes { found, limit }) } else { Ok(()) }
}
