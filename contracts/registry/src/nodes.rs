//! Nodes, their keys, and the committees of all chains.
//!
//! Invariants: a key is registered once, for ever. A committee changes at an epoch's border only, to nodes whose keys hold
//! then and that have said lately that they are ready, by at most f members at once (one while it has fewer than four), so
//! that those who stay are a quorum of it; and one of four or more never has fewer. It is decided some blocks before, so
//! that every node knows it in time. While a change waits for its height there is no other but at that same height.
//! A key that serves is not revoked before a committee without it does. All heights are the mainchain's.

use chancery_sdk::prelude::*;

use crate::{
    Committee, CommitteePlan, Membership, NewNode, Node, Readiness, Registry, RegistryError,
    events::CommitteeSet,
    refusals::{check_address, check_name},
};

/// Members of a committee.
const MEMBERS_MAX: usize = 128;
/// Blocks from the decision about a committee to its first one, at least. Nodes hold to the same.
const NOTICE_BLOCKS: u64 = 64;
/// From so many members on, a committee bears one that fails or lies.
const TRUSTED_MIN: usize = 4;

/// Refuses what are not the members of a committee in their order.
pub(crate) fn check_members(members: &[[u8; 32]]) -> Result<(), RegistryError> {
    let ascending = members.windows(2).all(|pair| pair[0] < pair[1]);
    ensure!(ascending && (1..=MEMBERS_MAX).contains(&members.len()), RegistryError::BadCommittee);
    Ok(())
}

/// How many of `members` may fail or lie.
pub(crate) fn faults(members: usize) -> usize {
    members.saturating_sub(1) / 3
}

impl Membership {
    /// The committee that serves at `height`; none before the first.
    pub fn at(&self, height: u64) -> Option<&Committee> {
        let serves = |committee: &&Committee| committee.from_height <= height;
        self.next.as_ref().filter(serves).or(Some(&self.present).filter(serves))
    }
}

#[methods]
impl Registry {
    /// A node, by its key.
    /// zh: 查询节点
    #[query]
    pub fn node(&self, key: [u8; 32]) -> Result<Node, RegistryError> {
        self.nodes.get(&key).ok_or(RegistryError::NoNode)
    }

    /// Nodes in the order of their keys, after the one given.
    /// zh: 查询全部节点
    #[query]
    pub fn nodes(&self, after: Option<[u8; 32]>, limit: u32) -> Vec<([u8; 32], Node)> {
        self.nodes.page(after.as_ref(), limit)
    }

    /// The keys of a department's nodes that are not revoked, after the one given.
    /// zh: 查询部门的节点
    #[query]
    pub fn nodes_of(&self, department: String, after: Option<[u8; 32]>, limit: u32) -> Vec<[u8; 32]> {
        self.nodes_of.page(&department, after.as_ref(), limit)
    }

    /// The committee that serves a chain at a height of the mainchain.
    /// zh: 查询某高度的委员会
    #[query]
    pub fn committee(&self, chain: String, height: u64) -> Result<Committee, RegistryError> {
        let membership = self.memberships.get(&chain);
        let serving = membership.and_then(|membership| membership.at(height).cloned());
        serving.ok_or(RegistryError::NoCommittee { chain })
    }

    /// The committees of all chains in the order of their names, after the one given.
    /// zh: 查询各链委员会
    #[query]
    pub fn chains(&self, after: Option<String>, limit: u32) -> Vec<(String, Membership)> {
        self.memberships.page(after.as_ref(), limit)
    }

    /// All committees that a chain had, after the number given.
    /// zh: 查询历届委员会
    #[query]
    pub fn committees(&self, chain: String, after: Option<u32>, limit: u32) -> Vec<Committee> {
        self.committees.page_of(&chain, after.as_ref(), limit).into_iter().map(|(_, committee)| committee).collect()
    }

    /// What a node last said of itself.
    /// zh: 查询节点就绪声明
    #[query]
    pub fn readiness_of(&self, key: [u8; 32]) -> Option<Readiness> {
        self.readiness.get(&key)
    }

    /// Says that a node follows the chain and could serve, and where other nodes reach it. The node itself says so, again
    /// in every epoch while it does not serve.
    /// zh: 节点声明已就绪及其网络地址
    #[access(anyone)]
    pub fn declare_ready(&mut self, cx: &Cx, key: [u8; 32], address: String) -> Result<(), RegistryError> {
        ensure!(cx.caller() == cx.account(&key), RegistryError::NoPart);
        ensure!(self.node(key)?.until_height.is_none(), RegistryError::NodeNotInForce { height: cx.height() });
        check_address(&address)?;
        self.readiness.insert(&key, &Readiness { height: cx.height(), address });
        Ok(())
    }

    /// What a change of a committee would come to: its quorum, who joins, who leaves. Refuses as the change itself would.
    /// zh: 试行委员会变更:显示法定人数、加入者与离开者
    #[query]
    pub fn plan_committee(
        &self,
        cx: &Cx,
        chain: String,
        members: Vec<[u8; 32]>,
        from_height: u64,
    ) -> Result<CommitteePlan, RegistryError> {
        self.plan(cx, &chain, &members, from_height, None)
    }

    pub(crate) fn check_add_node(&self, cx: &Cx, node: &NewNode, from_height: u64) -> Result<(), RegistryError> {
        self.check_department(&node.department)?;
        ensure!(!self.nodes.contains(&node.key), RegistryError::NodeKnown);
        ensure!(from_height > cx.height(), RegistryError::HeightOver { height: cx.height() });
        Ok(())
    }

    pub(crate) fn add_node(&mut self, new: &NewNode, from_height: u64) {
        let NewNode { key, department, operator } = new.clone();
        self.nodes_of.insert(&department, &key);
        self.nodes.insert(&key, &Node { department, operator, from_height, until_height: None, replaced_by: None });
    }

    pub(crate) fn check_revoke(&self, cx: &Cx, key: &[u8; 32], at_height: u64) -> Result<(), RegistryError> {
        self.check_in_force(cx, key, at_height)?;
        for chain in self.serving.iter(key) {
            let membership = self.memberships.get(&chain);
            let then = membership.as_ref().and_then(|membership| membership.at(at_height));
            let next = membership.as_ref().and_then(|membership| membership.next.as_ref());
            let serves = [then, next].into_iter().flatten().any(|committee| committee.members.contains(key));
            ensure!(!serves, RegistryError::NodeServes { chain });
        }
        Ok(())
    }

    pub(crate) fn revoke(&mut self, key: &[u8; 32], at_height: u64, replaced_by: Option<[u8; 32]>) {
        let department = self.nodes.update(key, |node| {
            node.until_height = Some(at_height);
            node.replaced_by = replaced_by;
            node.department.clone()
        });
        if let Some(department) = department {
            self.nodes_of.remove(&department, key);
        }
    }

    pub(crate) fn check_rotate(
        &self,
        cx: &Cx,
        old: &[u8; 32],
        new: &[u8; 32],
        at_height: u64,
    ) -> Result<(), RegistryError> {
        self.check_in_force(cx, old, at_height)?;
        ensure!(!self.nodes.contains(new), RegistryError::NodeKnown);
        for chain in self.serving.iter(old) {
            if let Some(members) = self.members_after(&chain, old, new) {
                self.plan(cx, &chain, &members, at_height, Some(new))?;
            }
        }
        Ok(())
    }

    pub(crate) fn rotate(
        &mut self,
        cx: &Cx,
        old: &[u8; 32],
        new: &[u8; 32],
        operator: &[u8; 32],
        at_height: u64,
    ) -> Result<(), RegistryError> {
        let department = self.node(*old)?.department;
        self.add_node(&NewNode { key: *new, department, operator: *operator }, at_height);
        let chains: Vec<String> = self.serving.iter(old).collect();
        for chain in &chains {
            if let Some(members) = self.members_after(chain, old, new) {
                self.set_committee(cx, chain, members, at_height);
            }
        }
        self.revoke(old, at_height, Some(*new));
        Ok(())
    }

    /// What a committee of `chain` at `from_height` with these members would be. `joining_now` is a key that the same act
    /// registers for that height.
    pub(crate) fn plan(
        &self,
        cx: &Cx,
        chain: &str,
        members: &[[u8; 32]],
        from_height: u64,
        joining_now: Option<&[u8; 32]>,
    ) -> Result<CommitteePlan, RegistryError> {
        check_name(chain)?;
        check_members(members)?;
        self.check_no_rotation(cx, chain)?;
        ensure!(from_height > cx.height(), RegistryError::HeightOver { height: cx.height() });
        let epoch = self.epoch_blocks.get_or(1);
        ensure!(from_height.is_multiple_of(epoch), RegistryError::NotEpoch { epoch });
        for key in members.iter().filter(|key| joining_now != Some(key)) {
            let node = self.node(*key)?;
            ensure!(holds(&node, from_height), RegistryError::NodeNotInForce { height: from_height });
        }
        let before = match self.memberships.get(&chain.to_owned()) {
            Some(membership) => self.serving_before(cx, &membership, from_height)?,
            None => Vec::new(),
        };
        let missing = |of: &[[u8; 32]], from: &[[u8; 32]]| -> Vec<[u8; 32]> {
            of.iter().filter(|key| !from.contains(key)).copied().collect()
        };
        let (joining, leaving) = (missing(members, &before), missing(&before, members));
        if !before.is_empty() {
            let (found, limit) = (joining.len().max(leaving.len()) as u32, faults(before.len()).max(1) as u32);
            ensure!(found <= limit, RegistryError::TooManyChanges { found, limit });
            let earliest = cx.height() + NOTICE_BLOCKS;
            ensure!(from_height >= earliest, RegistryError::ShortNotice { earliest });
            for node in joining.iter().filter(|key| joining_now != Some(key)) {
                ensure!(self.is_ready(cx, node, epoch), RegistryError::NotReady { node: Digest(*node) });
            }
            let shrinks = before.len() >= TRUSTED_MIN && members.len() < TRUSTED_MIN;
            ensure!(!shrinks, RegistryError::CommitteeTooSmall);
        }
        let faults = faults(members.len());
        Ok(CommitteePlan {
            members: members.len() as u32,
            quorum: (members.len() - faults) as u32,
            faults: faults as u32,
            joining,
            leaving,
            untrusted: members.len() < TRUSTED_MIN,
        })
    }

    /// Whether a node has said lately that it could serve.
    fn is_ready(&self, cx: &Cx, node: &[u8; 32], epoch: u64) -> bool {
        let readiness = self.readiness.get(node);
        readiness.is_some_and(|ready| cx.height() <= ready.height + 2 * epoch + NOTICE_BLOCKS)
    }

    /// Who serves until `from_height`, unless another change is under way for another height.
    fn serving_before(
        &self,
        cx: &Cx,
        membership: &Membership,
        from_height: u64,
    ) -> Result<Vec<[u8; 32]>, RegistryError> {
        let waiting = [Some(&membership.present), membership.next.as_ref()].into_iter().flatten();
        for committee in waiting.filter(|committee| committee.from_height > cx.height()) {
            let height = committee.from_height;
            ensure!(height == from_height, RegistryError::CommitteePending { height });
        }
        Ok(membership.at(cx.height()).map(|committee| committee.members.clone()).unwrap_or_default())
    }

    /// Writes a committee that [`Self::plan`] let pass.
    pub(crate) fn set_committee(&mut self, cx: &Cx, chain: &str, members: Vec<[u8; 32]>, from_height: u64) {
        let name = chain.to_owned();
        let before = self.memberships.get(&name);
        let present = before.as_ref().and_then(|membership| membership.at(cx.height()).cloned());
        let number = before.as_ref().map_or(0, |known| known.next.as_ref().unwrap_or(&known.present).number + 1);
        let committee = Committee { number, members, from_height };
        let after = match present {
            Some(present) => Membership { present, next: Some(committee.clone()) },
            None => Membership { present: committee.clone(), next: None },
        };
        for key in before.iter().flat_map(all_members) {
            self.serving.remove(key, &name);
        }
        for key in all_members(&after) {
            self.serving.insert(key, &name);
        }
        self.memberships.insert(&name, &after);
        self.committees.insert(&(name.clone(), number), &committee);
        cx.emit(&CommitteeSet { chain: name, number, from_height });
    }

    /// Registers the nodes that the chain begins with, which are its first committee.
    pub(crate) fn set_first_committee(&mut self, cx: &Cx, nodes: Vec<NewNode>) -> Result<(), RegistryError> {
        for node in &nodes {
            self.check_department(&node.department)?;
            ensure!(!self.nodes.contains(&node.key), RegistryError::NodeKnown);
            self.add_node(node, 0);
        }
        let mut members: Vec<[u8; 32]> = nodes.iter().map(|node| node.key).collect();
        members.sort_unstable();
        ensure!((1..=MEMBERS_MAX).contains(&members.len()), RegistryError::BadCommittee);
        self.set_committee(cx, cx.chain().as_str(), members, 0);
        Ok(())
    }

    /// The members that a chain will have with one key in another's place; `None` when the old one leaves anyway.
    fn members_after(&self, chain: &str, old: &[u8; 32], new: &[u8; 32]) -> Option<Vec<[u8; 32]>> {
        let Membership { present, next } = self.memberships.get(&chain.to_owned())?;
        let mut members = next.unwrap_or(present).members;
        *members.iter_mut().find(|key| *key == old)? = *new;
        members.sort_unstable();
        Some(members)
    }

    /// Refuses a key that does not hold until `at_height`, which must be to come.
    fn check_in_force(&self, cx: &Cx, key: &[u8; 32], at_height: u64) -> Result<(), RegistryError> {
        let node = self.node(*key)?;
        ensure!(at_height > cx.height(), RegistryError::HeightOver { height: cx.height() });
        let in_force = node.until_height.is_none() && node.from_height < at_height;
        ensure!(in_force, RegistryError::NodeNotInForce { height: at_height });
        Ok(())
    }
}

/// Whether a node's key holds from `height` on, with no end in sight.
fn holds(node: &Node, height: u64) -> bool {
    node.from_height <= height && node.until_height.is_none()
}

fn all_members(membership: &Membership) -> impl Iterator<Item = &[u8; 32]> {
    membership.present.members.iter().chain(membership.next.iter().flat_map(|next| next.members.iter()))
}
