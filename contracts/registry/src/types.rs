//! What the contract stores. Fields are stored as they stand here, and nodes read some of them by key (this contract's
//! README lists which), so a change needs a migration and a new protocol version.

use chancery_sdk::prelude::*;

/// How weighty an act is: each class has a rule of its own.
#[data]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Roles, deployers, meters, quotas.
    Routine,
    /// Departments, administrators, rules, nodes, committees.
    Constitution,
    /// Freezing, unfreezing and appeals.
    Freeze,
}

/// What an act of a class takes.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Administrators who must approve, the proposer included.
    pub approvals: u32,
    /// Different departments that must be among them.
    pub departments: u32,
    /// Milliseconds between the last approval it takes and the moment it may be carried out.
    pub delay_ms: u64,
    /// Milliseconds after its proposal at which an act expires.
    pub open_ms: u64,
}

/// A department.
#[data]
#[derive(Clone)]
pub struct Department {
    /// Its official title.
    pub title: String,
    /// Since when, milliseconds since 1970.
    pub since_ms: u64,
    /// When it was dissolved. Its name is never used again.
    pub dissolved_ms: Option<u64>,
}

/// Who proposes, approves and carries out acts.
#[data]
#[derive(Clone)]
pub struct Administrator {
    /// For which department.
    pub department: String,
    /// The number of this term of office. An approval counts only within the term in which it was given.
    pub term: u32,
    /// Since when, milliseconds since 1970.
    pub since_ms: u64,
}

/// A department's node.
#[data]
#[derive(Clone)]
pub struct Node {
    /// Whose it is.
    pub department: String,
    /// The operator's ed25519 key, with which a break-glass file is signed. It is kept off the node.
    pub operator: [u8; 32],
    /// The first height at which its key holds.
    pub from_height: u64,
    /// The first height at which its key no longer holds.
    pub until_height: Option<u64>,
    /// The key that took its place.
    pub replaced_by: Option<[u8; 32]>,
}

/// A node that says it could serve.
#[data]
#[derive(Clone)]
pub struct Readiness {
    /// At which height it last said so.
    pub height: u64,
    /// Where other nodes reach it: `HOST:PORT`.
    pub address: String,
}

/// Who certifies a chain's blocks.
#[data]
#[derive(Clone)]
pub struct Committee {
    /// Its number among the chain's committees, from 0.
    pub number: u32,
    /// The nodes' keys, in ascending order.
    pub members: Vec<[u8; 32]>,
    /// The first height of the mainchain at which it serves.
    pub from_height: u64,
}

/// A chain's committees.
#[data]
#[derive(Clone)]
pub struct Membership {
    /// The committee that serves until the next one does.
    pub present: Committee,
    /// The committee that follows, from its height on.
    pub next: Option<Committee>,
}

/// A chain that hosts a department's services beside the mainchain.
#[data]
#[derive(Clone)]
pub struct Sidechain {
    /// The department.
    pub department: String,
    /// Its number, from 1.
    pub number: u32,
    /// Its first committee, in ascending order.
    pub members: Vec<[u8; 32]>,
    /// When it was founded, milliseconds since 1970.
    pub founded_ms: u64,
    /// The height at which it was founded.
    pub founded_height: u64,
    /// How long a header of it may wait for its anchor, in milliseconds.
    pub anchor_ms: u64,
    /// The height at which it was retired.
    pub retired_height: Option<u64>,
}

/// What a change of a committee would come to.
#[data]
#[derive(Debug, PartialEq, Eq)]
pub struct CommitteePlan {
    /// How many members it has.
    pub members: u32,
    /// How many must sign.
    pub quorum: u32,
    /// How many may fail or lie.
    pub faults: u32,
    /// Who joins.
    pub joining: Vec<[u8; 32]>,
    /// Who leaves.
    pub leaving: Vec<[u8; 32]>,
    /// Whether it is too small to bear a member that lies.
    pub untrusted: bool,
}

/// An account's role in a department.
#[data]
#[derive(Clone)]
pub struct Role {
    /// From when it holds, milliseconds since 1970.
    pub from_ms: u64,
    /// The first moment at which it no longer holds.
    pub until_ms: u64,
    /// The act that granted it.
    pub act: u32,
}

/// An account's right to deploy and upgrade a department's contracts on a chain.
#[data]
#[derive(Clone)]
pub struct Deployer {
    /// The first moment at which it no longer holds, milliseconds since 1970.
    pub until_ms: u64,
    /// The act that granted it; nothing when it stood in the genesis.
    pub act: Option<u32>,
}

/// An account that pays for others' transactions out of a department's quota.
#[data]
#[derive(Clone)]
pub struct Sponsor {
    /// Of which department.
    pub department: String,
    /// The first moment at which it no longer is one, milliseconds since 1970.
    pub until_ms: u64,
    /// The act that appointed it.
    pub act: u32,
}

/// The code that the registry may be upgraded to, once.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedUpgrade {
    /// The SHA-256 of the module.
    pub code: Digest,
    /// The first moment at which it no longer is approved, milliseconds since 1970.
    pub until_ms: u64,
    /// The act that approved it.
    pub act: u32,
}

/// A frozen account or contract.
#[data]
#[derive(Clone)]
pub struct Freeze {
    /// The act that froze it.
    pub act: u32,
    /// The reference of its legal basis.
    pub legal_basis: String,
    /// The departments whose administrators approved.
    pub departments: Vec<String>,
    /// Since when, milliseconds since 1970.
    pub since_ms: u64,
    /// Since which height.
    pub since_height: u64,
    /// The first moment at which it ends by itself.
    pub until_ms: u64,
    /// The appeal that is open, by number.
    pub appeal: Option<u32>,
}

/// What was decided about an appeal.
#[data]
#[derive(Clone)]
pub struct Decision {
    /// Whether it was granted, which ended the freeze.
    pub granted: bool,
    /// The act that decided.
    pub act: u32,
    /// The reference of the decision.
    pub reference: String,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

/// An appeal against a freeze.
#[data]
#[derive(Clone)]
pub struct Appeal {
    /// Who or what is frozen.
    pub target: Address,
    /// The act that froze it.
    pub freeze: u32,
    /// Who filed it: the target itself, or an administrator for it.
    pub filed_by: Address,
    /// The SHA-256 of the salted statement, which stays off the chain.
    pub statement: Digest,
    /// The reference under which it is handled.
    pub reference: String,
    /// When it was filed, milliseconds since 1970.
    pub filed_ms: u64,
    /// What was decided.
    pub decision: Option<Decision>,
}

/// One resource of a department's quota.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// What each period brings.
    pub per_period: u64,
    /// How much of what was left at most goes over into the next period.
    pub carry_max: u64,
    /// What each period brings for administrative acts alone; it does not go over.
    pub reserve: u64,
}

/// What a department may use in each period.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// When period 0 begins, milliseconds since 1970.
    pub first_ms: u64,
    /// A period's length in milliseconds.
    pub period_ms: u64,
    /// Gas.
    pub gas: Allowance,
    /// Bytes that its contracts come to hold beyond what they held.
    pub storage: Allowance,
}

/// How one resource stands in a period.
#[data]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// What went over from the periods before.
    pub carried: u64,
    /// What was granted for this period alone.
    pub extra: u64,
    /// What was used.
    pub used: u64,
    /// What administrative acts used of the reserve.
    pub reserve_used: u64,
    /// What was used since the beginning.
    pub total: u64,
}

/// What a department used in a period.
#[data]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The period's number.
    pub period: u64,
    /// Gas.
    pub gas: Meter,
    /// Bytes.
    pub storage: Meter,
}

/// What a department has left, as of the moment of asking.
#[data]
#[derive(Debug, PartialEq, Eq)]
pub struct Balance {
    /// What it used in this period.
    pub usage: Usage,
    /// Gas that is left.
    pub gas_left: u64,
    /// Gas that is left for administrative acts, beside the rest.
    pub gas_reserve_left: u64,
    /// Bytes that are left.
    pub storage_left: u64,
    /// Bytes that are left for administrative acts, beside the rest.
    pub storage_reserve_left: u64,
    /// When the next period begins, milliseconds since 1970.
    pub refilled_ms: u64,
}

/// A department to set up with.
#[data]
pub struct NewDepartment {
    /// Its name: 1 to 32 of a-z, 0-9 and `-`.
    pub name: String,
    /// Its official title.
    pub title: String,
}

/// An administrator to appoint.
#[data]
#[derive(Clone)]
pub struct NewAdministrator {
    /// Whose office it is.
    pub account: Address,
    /// For which department.
    pub department: String,
}

/// A deployer to set up with.
#[data]
pub struct NewDeployer {
    /// On which chain.
    pub chain: String,
    /// For which department.
    pub department: String,
    /// Who deploys.
    pub account: Address,
    /// The first moment at which it no longer holds, milliseconds since 1970.
    pub until_ms: u64,
}

/// A node to register.
#[data]
#[derive(Clone)]
pub struct NewNode {
    /// Its ed25519 key.
    pub key: [u8; 32],
    /// Whose it is.
    pub department: String,
    /// The operator's ed25519 key.
    pub operator: [u8; 32],
}

/// What the registry begins with.
#[data]
pub struct Setup {
    /// The departments.
    pub departments: Vec<NewDepartment>,
    /// The first administrators.
    pub administrators: Vec<NewAdministrator>,
    /// The nodes of the first committee.
    pub nodes: Vec<NewNode>,
    /// Who may deploy.
    pub deployers: Vec<NewDeployer>,
    /// Who reports what departments use.
    pub meters: Vec<Address>,
    /// The rule of routine acts.
    pub routine: Rule,
    /// The rule of constitutional acts.
    pub constitution: Rule,
    /// The rule of freezes.
    pub freeze: Rule,
    /// Committees change only at multiples of this height.
    pub epoch_blocks: u64,
    /// How many heights ahead a contract may promise to use a beacon.
    pub beacon_lead_blocks: u64,
}
