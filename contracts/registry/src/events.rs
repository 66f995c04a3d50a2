//! What the contract announces.

use chancery_sdk::prelude::*;

/// An act was proposed.
#[event]
pub struct ActProposed {
    #[index]
    pub act: u32,
    #[index]
    pub by: Address,
}

/// An act was approved.
#[event]
pub struct ActApproved {
    #[index]
    pub act: u32,
    #[index]
    pub by: Address,
    pub approvals: u32,
    /// From when it may be carried out, once it has what it takes.
    pub ready_ms: Option<u64>,
}

/// An approval was taken back.
#[event]
pub struct ApprovalWithdrawn {
    #[index]
    pub act: u32,
    #[index]
    pub by: Address,
}

/// An act was withdrawn by who proposed it.
#[event]
pub struct ActWithdrawn {
    #[index]
    pub act: u32,
}

/// An act was carried out.
#[event]
pub struct ActDone {
    #[index]
    pub act: u32,
    #[index]
    pub by: Address,
}

/// The registry may be upgraded to this code.
#[event]
pub struct UpgradeApproved {
    #[index]
    pub act: u32,
    #[index]
    pub code: Digest,
    pub until_ms: u64,
}

/// A chain gets another committee.
#[event]
pub struct CommitteeSet {
    #[index]
    pub chain: String,
    pub number: u32,
    pub from_height: u64,
}

/// An account or contract was frozen.
#[event]
pub struct Frozen {
    #[index]
    pub target: Address,
    pub act: u32,
    pub until_ms: u64,
}

/// A freeze was ended before its time.
#[event]
pub struct Unfrozen {
    #[index]
    pub target: Address,
    /// The act that ended it; nothing when a break-glass file did.
    pub act: Option<u32>,
}

/// An appeal was filed.
#[event]
pub struct AppealFiled {
    #[index]
    pub target: Address,
    #[index]
    pub appeal: u32,
}

/// An appeal was decided.
#[event]
pub struct AppealDecided {
    #[index]
    pub target: Address,
    #[index]
    pub appeal: u32,
    pub granted: bool,
}

/// THE GLASS WAS BROKEN: a quorum of operators will replace all administrators.
#[event]
pub struct BreakGlassFiled {
    #[index]
    pub number: u32,
    pub effective_height: u64,
    pub reference: String,
}

/// THE GLASS IS BROKEN: all administrators were replaced by a quorum of operators.
#[event]
pub struct BreakGlassInForce {
    #[index]
    pub number: u32,
}

/// A ceremony for a threshold key began.
#[event]
pub struct CeremonyBegun {
    #[index]
    pub round: u32,
    pub committee: u32,
}

/// A threshold key is in force.
#[event]
pub struct GroupInForce {
    #[index]
    pub round: u32,
    pub from_height: u64,
    pub holders: u32,
}

/// A new threshold key was made, which speaks from a height on.
#[event]
pub struct KeyAnnounced {
    #[index]
    pub round: u32,
    pub from_height: u64,
}

/// The threshold key stays: its rotation was given up.
#[event]
pub struct RotationGivenUp {}
