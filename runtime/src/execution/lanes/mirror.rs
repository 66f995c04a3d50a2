//! What of the mainchain's registry concerns its sidechains, on both ends.
//!
//! On the mainchain, a block that changes such entries ends by sending them to every sidechain; a chain that was just
//! founded gets all there are. On a sidechain they stand under the address that its own registry would have, so the same
//! code reads them ([`Registry`](crate::execution::registry::Registry)); they are as new as the last message that was
//! taken. What a department used is every chain's own.

use std::collections::BTreeMap;

use parity_scale_codec::{Decode, Encode};

use super::outbox;
use crate::{
    abi::{
        Address, Committee, Digest, Genesis, Mainchain, Name, WIRE_VERSION,
        limits::REGISTRY_MESSAGE_BYTES,
        message::{MessageBody, RegistryEntry},
        slot::{SlotKey, push_field},
    },
    execution::{
        rules::ChainRules,
        session::{Halt, Session},
    },
    state::StateView,
    storage::StorageError,
};

/// A sidechain as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Sidechain {
    /// The department whose services it hosts.
    pub department: String,
    /// Its number, from 1, which its messages between nodes go by.
    pub number: u32,
    /// Its first committee, in ascending order.
    pub members: Vec<[u8; 32]>,
    /// When it was founded, milliseconds since 1970.
    pub founded_ms: u64,
    /// The mainchain height at which it was founded.
    pub founded_height: u64,
    /// How long a header may wait for its anchor, in milliseconds.
    pub anchor_ms: u64,
    /// The mainchain height at which it was retired.
    pub retired_height: Option<u64>,
}

/// The field that has the sidechains.
const SIDECHAINS: &str = "sidechains";
/// Fields whose entries concern every chain.
const OF_ALL: &[&str] = &[
    "departments",
    "administrators",
    "sponsors",
    "roles",
    "freezes",
    "quotas",
    "group",
    "keys",
    "epoch_blocks",
    SIDECHAINS,
];
/// Fields whose keys begin with the chain that they concern.
const OF_ONE: &[&str] = &["deployers", "memberships"];
/// Sidechains of one mainchain.
pub const SIDECHAINS_MAX: usize = 1_024;
/// Entries that are read at once.
const PAGE: usize = 256;

/// A sidechain as the registry has it, on the mainchain or on any sidechain that has heard of it.
///
/// # Errors
/// When the store cannot be read.
pub fn sidechain(rules: &ChainRules, view: &dyn StateView, chain: &Name) -> Result<Option<Sidechain>, StorageError> {
    match rules.registry() {
        Some(registry) => sidechain_in(registry, view, chain),
        None => Ok(None),
    }
}

/// As [`sidechain`], in the registry at an address.
pub(super) fn sidechain_in(
    registry: &Address,
    view: &dyn StateView,
    chain: &Name,
) -> Result<Option<Sidechain>, StorageError> {
    let bytes = view.get(registry, &sidechain_slot(chain))?;
    // An entry that cannot be read is as good as none.
    Ok(bytes.and_then(|bytes| Sidechain::decode(&mut &bytes[..]).ok()))
}

/// All sidechains that the registry has, by name.
///
/// # Errors
/// When the store cannot be read.
pub fn sidechains(rules: &ChainRules, view: &dyn StateView) -> Result<BTreeMap<Name, Sidechain>, StorageError> {
    let Some(registry) = rules.registry() else { return Ok(BTreeMap::new()) };
    let prefix = field(SIDECHAINS);
    let entries = view.page(registry, &prefix, &[], SIDECHAINS_MAX)?;
    let read = |(key, value): (Vec<u8>, Vec<u8>)| {
        let name = String::take_from(&mut key.get(prefix.len()..)?).and_then(|name| Name::new(name).ok())?;
        Some((name, Sidechain::decode(&mut &value[..]).ok()?))
    };
    Ok(entries.into_iter().filter_map(read).collect())
}

fn field(name: &str) -> Vec<u8> {
    let mut slot = Vec::with_capacity(64);
    push_field(&mut slot, name);
    slot
}

fn sidechain_slot(chain: &Name) -> Vec<u8> {
    let mut slot = field(SIDECHAINS);
    chain.as_str().to_owned().push_to(&mut slot);
    slot
}

/// The entry by which a sidechain knows of itself: whose it is, its key and its value.
pub fn entry_of(chain: &Name, sidechain: &Sidechain) -> (Address, Vec<u8>, Vec<u8>) {
    (Address::registry(chain), sidechain_slot(chain), sidechain.encode())
}

/// The genesis of a sidechain, which follows from its mainchain's genesis and what the registry has of it; none when its
/// committee is none.
pub fn sidechain_genesis(mainchain: &Genesis, digest: &Digest, chain: &Name, sidechain: &Sidechain) -> Option<Genesis> {
    Some(Genesis {
        version: WIRE_VERSION,
        chain: chain.clone(),
        timestamp_ms: sidechain.founded_ms,
        committee: Committee::new(sidechain.members.clone())?,
        schedule: mainchain.schedule,
        departments: Vec::new(),
        relying_parties: mainchain.relying_parties.clone(),
        mainchain: Some(Mainchain { name: mainchain.chain.clone(), genesis: *digest }),
        registry: None,
    })
}

/// Whether an entry of the registry concerns a chain.
fn concerns(key: &[u8], chain: &Name) -> bool {
    let Some((&length, rest)) = key.split_first() else { return false };
    let Some((name, mut rest)) = rest.split_at_checked(usize::from(length)) else { return false };
    let is = |field: &&&str| field.as_bytes() == name;
    OF_ALL.iter().any(|field| is(&field))
        || OF_ONE.iter().any(|field| is(&field)) && String::take_from(&mut rest).as_deref() == Some(chain.as_str())
}

/// At the end of a mainchain's block: sends what of the registry changed to the sidechains that it concerns.
pub(in crate::execution) fn publish(rules: &ChainRules, session: &mut Session) -> Result<(), Halt> {
    if rules.genesis().mainchain.is_some() {
        return Ok(());
    }
    let Some(registry) = rules.registry().copied() else { return Ok(()) };
    let changed = session.changed(&registry)?;
    let prefix = field(SIDECHAINS);
    let sends = |entry: &&RegistryEntry| {
        let name = entry.0.split_first().and_then(|(length, rest)| rest.get(..usize::from(*length)));
        OF_ALL.iter().chain(OF_ONE).any(|field| Some(field.as_bytes()) == name)
    };
    if !changed.iter().any(|entry| sends(&entry)) {
        return Ok(());
    }
    for (chain, sidechain) in sidechains(rules, &*session)? {
        let own = sidechain_slot(&chain);
        let is_new = sidechain.founded_height == session.facts.height
            && changed.iter().any(|(key, _)| key.starts_with(&prefix) && *key == own);
        let entries = match is_new {
            true => all_of(session, &registry, &chain)?,
            false => changed.iter().filter(|(key, _)| concerns(key, &chain)).cloned().collect(),
        };
        let is_closed = super::anchors::state_of(rules, &*session, &chain)?.is_some_and(|state| state.closed.is_some());
        if !is_closed {
            send_all(session, &registry, &chain, entries)?;
        }
    }
    Ok(())
}

/// Everything in the registry that concerns a chain.
fn all_of(session: &Session, registry: &Address, chain: &Name) -> Result<Vec<RegistryEntry>, StorageError> {
    let mut all = Vec::new();
    for name in OF_ALL.iter().chain(OF_ONE) {
        let (prefix, mut after) = (field(name), Vec::new());
        loop {
            let page = session.page(registry, &prefix, &after, PAGE, usize::MAX)?.entries;
            let is_last = page.len() < PAGE;
            if let Some((key, _)) = page.last() {
                after.clone_from(key);
            }
            let mine = page.into_iter().filter(|(key, _)| concerns(key, chain));
            all.extend(mine.map(|(key, value)| (key, Some(value))));
            if is_last {
                break;
            }
        }
    }
    Ok(all)
}

fn send_all(session: &mut Session, registry: &Address, chain: &Name, entries: Vec<RegistryEntry>) -> Result<(), Halt> {
    let mut entries = entries.into_iter().peekable();
    while entries.peek().is_some() {
        let (mut part, mut bytes) = (Vec::new(), 0);
        while let Some(entry) = entries.next_if(|(key, value)| {
            let more = key.len() + value.as_ref().map_or(0, Vec::len) + 16;
            let fits = bytes == 0 || bytes + more <= REGISTRY_MESSAGE_BYTES;
            bytes += if fits { more } else { 0 };
            fits
        }) {
            part.push(entry);
        }
        outbox::push(session, chain, *registry, Address::default(), MessageBody::Registry(part), None, 0, u64::MAX)?;
    }
    Ok(())
}

/// On a sidechain: takes over what the mainchain's registry has.
pub(super) fn take_over(rules: &ChainRules, session: &mut Session, entries: Vec<RegistryEntry>) {
    let Some(registry) = rules.registry().copied() else { return };
    for (key, value) in entries.into_iter().filter(|(key, _)| concerns(key, rules.name())) {
        session.set(&registry, key, value);
    }
}
