//! Who certifies a chain's next blocks, by what the registry says.
//!
//! On a mainchain the registry names the height. On a sidechain its word comes by a message, so the change is counted from
//! the block that knows of it: it is decided then, and takes effect [`SIDECHAIN_NOTICE_BLOCKS`] later, so that every node
//! knows of it in time.

use super::{get, put, remove, seen};
use crate::{
    abi::{Committee, lane::slots, limits::SIDECHAIN_NOTICE_BLOCKS},
    execution::{
        registry::Registry,
        rules::ChainRules,
        session::{Halt, Session},
    },
    state::StateView,
    storage::StorageError,
};

/// At a block's end: the committee that follows it, where the block is the last of its term.
///
/// # Errors
/// When the store cannot be read.
pub(in crate::execution) fn conclude(rules: &ChainRules, session: &mut Session) -> Result<Option<Committee>, Halt> {
    let height = session.facts.height;
    if rules.genesis().mainchain.is_none() {
        return Ok(match Registry::of(rules, &*session) {
            Some(registry) => registry.committee_from(height + 1)?,
            None => None,
        });
    }
    if let Some((last, committee)) = get::<(u64, Committee)>(&*session, &slots::next_committee())? {
        if last == height {
            remove(session, slots::next_committee());
            return Ok(Some(committee));
        }
        return Ok(None);
    }
    let known: u32 = get(&*session, &slots::committee_number())?.unwrap_or(0);
    let registry = Registry::of(rules, &*session);
    let membership = registry.map(|registry| registry.membership()).transpose()?.flatten();
    let Some(term) = membership.map(|membership| membership.next.unwrap_or(membership.present)) else {
        return Ok(None);
    };
    let is_due = term.number > known && seen::newest(&*session)? >= term.from_height;
    if let Some(committee) = term.committee().filter(|_| is_due) {
        put(session, slots::committee_number(), &term.number);
        put(session, slots::next_committee(), &(height + SIDECHAIN_NOTICE_BLOCKS, committee));
    }
    Ok(None)
}

/// A committee of a sidechain that is decided and does not serve yet, and the last height before it.
///
/// # Errors
/// When the store cannot be read.
pub fn next_committee(view: &dyn StateView) -> Result<Option<(u64, Committee)>, StorageError> {
    get(view, &slots::next_committee())
}

/// The last height of the present term, where the state after `height` has decided it.
///
/// # Errors
/// When the store cannot be read.
pub fn settled_end(rules: &ChainRules, view: &dyn StateView, height: u64) -> Result<Option<u64>, StorageError> {
    if rules.genesis().mainchain.is_some() {
        return Ok(next_committee(view)?.map(|(last, _)| last));
    }
    let Some(registry) = Registry::of(rules, view) else { return Ok(None) };
    let membership = registry.membership()?;
    let settled = membership.as_ref().and_then(|membership| membership.settled(height));
    // One that is no committee leaves the present one in office.
    Ok(settled.filter(|next| next.committee().is_some()).map(|next| next.from_height - 1))
}
