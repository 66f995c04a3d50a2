//! Sidechains: each is founded by one act, from which every node derives the same genesis and the nodes it names start it
//! by themselves; and retired by one.
//!
//! Invariants: a chain's name is used once, for ever, and its number too; its first committee are nodes whose keys hold.
//! How it stands, how far it is anchored and whether it is closed is the runtime's to know, not this contract's.

use chancery_sdk::prelude::*;

use crate::{
    Registry, RegistryError, Sidechain,
    nodes::check_members,
    refusals::{DAY_MS, check_name},
};

/// A chain whose headers wait longer for their anchor than this is not anchored at all.
const ANCHOR_MS_MAX: u64 = DAY_MS;
const ANCHOR_MS_MIN: u64 = 200;

#[methods]
impl Registry {
    /// A sidechain.
    /// zh: 查询侧链
    #[query]
    pub fn sidechain(&self, chain: String) -> Result<Sidechain, RegistryError> {
        self.sidechains.get(&chain).ok_or(RegistryError::NoChain { chain })
    }

    /// Sidechains in the order of their names, after the one given.
    /// zh: 查询全部侧链
    #[query]
    pub fn sidechains(&self, after: Option<String>, limit: u32) -> Vec<(String, Sidechain)> {
        self.sidechains.page(after.as_ref(), limit)
    }

    pub(crate) fn check_found_chain(
        &self,
        cx: &Cx,
        chain: &str,
        department: &str,
        members: &[[u8; 32]],
        anchor_ms: u64,
    ) -> Result<(), RegistryError> {
        check_name(chain)?;
        self.check_department(department)?;
        let name = chain.to_owned();
        let is_new = !self.sidechains.contains(&name) && !self.memberships.contains(&name);
        ensure!(is_new, RegistryError::ChainKnown { chain: name });
        ensure!((ANCHOR_MS_MIN..=ANCHOR_MS_MAX).contains(&anchor_ms), RegistryError::BadAnchorTime);
        check_members(members)?;
        for key in members {
            let node = self.node(*key)?;
            let holds = node.from_height <= cx.height() && node.until_height.is_none();
            ensure!(holds, RegistryError::NodeNotInForce { height: cx.height() });
        }
        Ok(())
    }

    pub(crate) fn found_chain(&mut self, cx: &Cx, chain: &str, department: &str, members: &[[u8; 32]], anchor_ms: u64) {
        let number = self.sidechain_count.get_or(0) + 1;
        self.sidechain_count.set(&number);
        let (founded_ms, founded_height) = (cx.time_ms(), cx.height());
        let sidechain = Sidechain {
            department: department.to_owned(),
            number,
            members: members.to_vec(),
            founded_ms,
            founded_height,
            anchor_ms,
            retired_height: None,
        };
        self.sidechains.insert(&chain.to_owned(), &sidechain);
        self.set_committee(cx, chain, members.to_vec(), cx.height());
    }

    pub(crate) fn check_retire_chain(&self, chain: &str) -> Result<(), RegistryError> {
        let sidechain = self.sidechain(chain.to_owned())?;
        ensure!(sidechain.retired_height.is_none(), RegistryError::ChainRetired { chain: chain.to_owned() });
        Ok(())
    }

    pub(crate) fn retire_chain(&mut self, cx: &Cx, chain: &str) {
        let height = cx.height();
        self.sidechains.update(&chain.to_owned(), |sidechain| sidechain.retired_height = Some(height));
    }
}
