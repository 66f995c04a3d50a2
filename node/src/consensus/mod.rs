//! Agreement among a chain's validators on which block is next: commonware's simplex, and the seam it stands behind.
//!
//! [`ChainSide`] is what the engine asks of a chain: build a block on a parent, check one, commit one. Everything else
//! here is the adapter. Blocks travel in our own bytes ([`block`]), are known by their header's digest, and have their
//! only home in the chain's store, where the engine's own books of final blocks and certificates look them up too
//! ([`archive`]). The engine keeps two things in files of its own: the journal of this node's votes, synced before a
//! vote leaves, and proposals that are not final.
//!
//! The order after which nothing is lost: the engine syncs a final block and its certificate, the chain commits it with
//! its state in one synced batch, and only then does the engine learn that it was delivered. A restart may deliver a
//! block again; the chain skips it.
//!
//! Invariants: no type of the engine leaves this module; a check that cannot be decided yet stays pending, because the
//! engine asks once and takes a `no` as final; a block that a node did not execute itself is never voted for.
//!
//! Deliberately absent: a consensus of our own, and knowledge of what blocks mean.

mod application;
mod archive;
mod audience;
mod block;
mod boundary;
mod certificate;
mod delivery;
mod engine;
mod epochs;
mod gossip;
mod hosting;
mod identity;
mod letters;
mod members;
mod network;
mod participation;
#[cfg(test)]
mod simulation;
mod terms;
#[cfg(test)]
mod tests;
mod threshold;

pub(crate) use self::identity::{sidechain_directory, votes_record};
pub use self::{
    boundary::{Blackboard, Board, ChainSide, Committed, RegisteredNode, Roll, Stopped, TransactionSource, Verdict},
    engine::Timing,
    hosting::remove_files,
    identity::{IdentityError, VotesRecord},
    letters::{LETTER_BYTES_MAX, Letter, Letters},
    network::{Consensus, ConsensusConfig, ConsensusError, Host, Peer},
    participation::{MemberStatus, Participation, ParticipationView},
    terms::{Span, Terms},
};
