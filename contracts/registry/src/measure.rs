//! What an act may do. The numbers of the variants are part of every stored act and never change.

use chancery_sdk::prelude::*;

use crate::{Class, NewAdministrator, NewNode, Quota, Rule};

/// What an act does once it is approved and its delay is over.
#[data]
#[derive(Clone)]
pub enum Measure {
    /// Founds a department.
    FoundDepartment {
        /// Its name, never used before.
        name: String,
        /// Its official title.
        title: String,
    },
    /// Dissolves a department that has neither administrators nor nodes.
    DissolveDepartment {
        /// Its name.
        name: String,
    },
    /// Appoints an administrator.
    AppointAdministrator {
        /// Whom, and for which department.
        administrator: NewAdministrator,
    },
    /// Dismisses an administrator.
    DismissAdministrator {
        /// Whom.
        account: Address,
    },
    /// Puts one administrator in another's place, for the same department: a new key, or a successor.
    ReplaceAdministrator {
        /// Whom.
        old: Address,
        /// By whom.
        new: Address,
    },
    /// Sets what acts of a class take.
    SetRule {
        /// Of which class.
        class: Class,
        /// What they take.
        rule: Rule,
    },
    /// Registers a node.
    AddNode {
        /// The node.
        node: NewNode,
        /// The first height at which its key holds.
        from_height: u64,
    },
    /// Puts a new key in the place of a node's, in every committee that it serves in.
    RotateNodeKey {
        /// The old key.
        old: [u8; 32],
        /// The new key.
        new: [u8; 32],
        /// The operator's key from then on.
        operator: [u8; 32],
        /// From which height.
        at_height: u64,
    },
    /// Revokes the key of a node that serves in no committee from that height on.
    RevokeNode {
        /// The key.
        key: [u8; 32],
        /// From which height.
        at_height: u64,
    },
    /// Sets who certifies a chain's blocks. For a chain without a committee it is the first.
    SetCommittee {
        /// The chain's name.
        chain: String,
        /// The nodes' keys, in ascending order.
        members: Vec<[u8; 32]>,
        /// From which height of the mainchain.
        from_height: u64,
    },
    /// Grants a role, or changes its time.
    GrantRole {
        /// In which department.
        department: String,
        /// The role's name.
        role: String,
        /// To whom.
        account: Address,
        /// From when it holds, milliseconds since 1970.
        from_ms: u64,
        /// The first moment at which it no longer holds.
        until_ms: u64,
    },
    /// Takes a role away.
    RevokeRole {
        /// In which department.
        department: String,
        /// The role's name.
        role: String,
        /// From whom.
        account: Address,
    },
    /// Lets an account deploy and upgrade a department's contracts on a chain.
    GrantDeployment {
        /// On which chain.
        chain: String,
        /// For which department.
        department: String,
        /// Who.
        account: Address,
        /// The first moment at which it no longer holds, milliseconds since 1970.
        until_ms: u64,
    },
    /// Takes the right to deploy away.
    RevokeDeployment {
        /// On which chain.
        chain: String,
        /// For which department.
        department: String,
        /// From whom.
        account: Address,
    },
    /// Lets an account or contract report what departments use.
    AppointMeter {
        /// Which.
        account: Address,
    },
    /// Takes that away.
    DismissMeter {
        /// From which.
        account: Address,
    },
    /// Sets what a department may use in each period.
    SetQuota {
        /// Which department.
        department: String,
        /// How much.
        quota: Quota,
    },
    /// Grants a department more for the present period alone.
    GrantExtra {
        /// Which department.
        department: String,
        /// Gas.
        gas: u64,
        /// Bytes.
        storage: u64,
    },
    /// Freezes an account or a contract.
    Freeze {
        /// Which.
        target: Address,
        /// The reference of the legal basis.
        legal_basis: String,
        /// The first moment at which it ends by itself, milliseconds since 1970.
        until_ms: u64,
    },
    /// Ends a freeze.
    Unfreeze {
        /// Of which account or contract.
        target: Address,
        /// The reference of the legal basis.
        legal_basis: String,
    },
    /// Decides an appeal; one that is granted ends the freeze.
    DecideAppeal {
        /// The appeal's number.
        appeal: u32,
        /// Whether it is granted.
        granted: bool,
        /// The reference of the decision.
        reference: String,
    },
    /// Founds a sidechain, which the nodes that it names start by themselves.
    FoundChain {
        /// Its name, never used before.
        chain: String,
        /// The department whose services it hosts.
        department: String,
        /// The nodes' keys, in ascending order.
        members: Vec<[u8; 32]>,
        /// How long a header of it may wait for its anchor, in milliseconds.
        anchor_ms: u64,
        /// Who may deploy for that department there.
        deployers: Vec<Address>,
        /// The first moment at which they no longer may, milliseconds since 1970.
        deployers_until_ms: u64,
    },
    /// Retires a sidechain: it takes nothing more, and its last header is fixed.
    RetireChain {
        /// Its name.
        chain: String,
    },
    /// Lets the registry itself be upgraded to this code, once and without arguments, by whoever hands it in. It takes the
    /// place of what was approved before and not used.
    ApproveUpgrade {
        /// The SHA-256 of the module.
        code: Digest,
        /// The first moment at which it no longer is approved, milliseconds since 1970.
        until_ms: u64,
    },
    /// Lets an account pay for others' transactions out of a department's quota.
    AppointSponsor {
        /// Which.
        account: Address,
        /// Of which department, instead of any other.
        department: String,
        /// The first moment at which it no longer is one, milliseconds since 1970.
        until_ms: u64,
    },
    /// Takes that away.
    DismissSponsor {
        /// From which.
        account: Address,
    },
    /// Has the committee make a new threshold key, which takes the present one's place.
    RotateThresholdKey {
        /// The first height that it is to speak for.
        from_height: u64,
    },
    /// Gives the rotation of the threshold key up, as long as the new one does not speak yet.
    GiveUpRotation,
}

impl Measure {
    /// The class whose rule it is under.
    pub(crate) fn class(&self) -> Class {
        match self {
            Self::FoundDepartment { .. }
            | Self::DissolveDepartment { .. }
            | Self::AppointAdministrator { .. }
            | Self::DismissAdministrator { .. }
            | Self::ReplaceAdministrator { .. }
            | Self::SetRule { .. }
            | Self::AddNode { .. }
            | Self::RotateNodeKey { .. }
            | Self::RevokeNode { .. }
            | Self::SetCommittee { .. }
            | Self::FoundChain { .. }
            | Self::RetireChain { .. }
            | Self::ApproveUpgrade { .. }
            | Self::RotateThresholdKey { .. }
            | Self::GiveUpRotation => Class::Constitution,
            Self::Freeze { .. } | Self::Unfreeze { .. } | Self::DecideAppeal { .. } => Class::Freeze,
            Self::GrantRole { .. }
            | Self::RevokeRole { .. }
            | Self::GrantDeployment { .. }
            | Self::RevokeDeployment { .. }
            | Self::AppointMeter { .. }
            | Self::DismissMeter { .. }
            | Self::SetQuota { .. }
            | Self::GrantExtra { .. }
            | Self::AppointSponsor { .. }
            | Self::DismissSponsor { .. } => Class::Routine,
        }
    }
}
