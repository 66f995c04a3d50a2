//! Charging departments for what their contracts use, by the quotas that the registry grants.
//!
//! A transaction is paid for by the department of the contract that it calls or deploys, each call of a batch by its own;
//! by the sponsor's department where it names a sponsor, who is an administrator or appointed, and without whom it is not
//! taken; and what an administrator asks of the registry by the administrator's department, out of its reserve first. What
//! others ask of the registry is nobody's, and a department without a quota uses what it likes. A sponsor pays gas alone:
//! bytes are the department's whose contract holds them.
//!
//! Invariants: a transaction is in a block only when whoever pays has its whole gas limit left; so gas is never
//! overdrawn. Bytes are counted once it is done, and one that would take more than is left changes nothing. What is
//! counted stands in the registry's own entries, where its queries show it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    accounts,
    payload::Ran,
    registry::Registry,
    rules::ChainRules,
    session::{Halt, Savepoint, Session},
};
use crate::{
    abi::{
        Address, ExecutionRefusal, Outcome, Payload, Refusal, TransactionBody,
        quota::{Quota, Usage},
    },
    state::StateView,
    storage::StorageError,
};

/// Who pays for a part of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Payer {
    department: String,
    administrative: bool,
}

/// Who pays for each part of a transaction: each call of a batch, or the one payload.
pub(super) struct Payers(Vec<Option<Payer>>);

/// Refuses a transaction whose gas limit a department that pays for it has not left at `now_ms`.
///
/// # Errors
/// When the store cannot be read.
pub fn check_quota(
    rules: &ChainRules,
    view: &dyn StateView,
    body: &TransactionBody,
    now_ms: u64,
) -> Result<Result<(), Refusal>, StorageError> {
    let Some(registry) = Registry::of(rules, view) else { return Ok(Ok(())) };
    match parts_of(&registry, rules, view, body, now_ms)? {
        Ok(parts) => check(&registry, &parts, body.gas_limit, now_ms),
        Err(refusal) => Ok(Err(refusal)),
    }
}

fn check(
    registry: &Registry<'_>,
    Payers(parts): &Payers,
    gas_limit: u64,
    now_ms: u64,
) -> Result<Result<(), Refusal>, StorageError> {
    let payers: BTreeSet<&Payer> = parts.iter().flatten().collect();
    for Payer { department, administrative } in payers {
        let Some((quota, usage)) = standing(registry, department, now_ms)? else { continue };
        let left = usage.gas.available(&quota.gas, *administrative);
        if left < gas_limit {
            let refilled_ms = quota.end_of(usage.period);
            return Ok(Err(Refusal::QuotaExhausted { department: department.clone(), left, gas_limit, refilled_ms }));
        }
    }
    Ok(Ok(()))
}

/// A department's quota, and what it used in the period at `now_ms`; none when it has no quota.
fn standing(registry: &Registry<'_>, department: &str, now_ms: u64) -> Result<Option<(Quota, Usage)>, StorageError> {
    let Some(quota) = registry.quota(department)? else { return Ok(None) };
    let usage = quota.settled(registry.usage(department)?, now_ms);
    Ok(Some((quota, usage)))
}

fn parts_of(
    registry: &Registry<'_>,
    rules: &ChainRules,
    view: &dyn StateView,
    body: &TransactionBody,
    now_ms: u64,
) -> Result<Result<Payers, Refusal>, StorageError> {
    let ordinary = |department: String| Payer { department, administrative: false };
    let sponsor = match &body.sponsor {
        Some(sponsor) => match registry.department_of_sponsor(sponsor, now_ms)? {
            Some(department) => Some(ordinary(department)),
            // Whoever names a sponsor relies on it: another department does not pay instead.
            None => return Ok(Err(Refusal::NotSponsor { sponsor: *sponsor })),
        },
        None => None,
    };
    let of_contract = |contract: &Address| -> Result<Option<Payer>, StorageError> {
        if rules.registry() == Some(contract) {
            let department = registry.department_of_administrator(&body.sender)?;
            return Ok(department.map(|department| Payer { department, administrative: true }));
        }
        if sponsor.is_some() {
            return Ok(sponsor.clone());
        }
        let record = accounts::contract_record(view, contract)?;
        Ok(record.map(|record| ordinary(record.department.as_str().to_owned())))
    };
    let parts = match &body.payload {
        Payload::Call(call) => vec![of_contract(&call.contract)?],
        Payload::Batch(calls) => calls.iter().map(|call| of_contract(&call.contract)).collect::<Result<_, _>>()?,
        Payload::Upgrade(upgrade) => vec![of_contract(&upgrade.contract)?],
        Payload::Deploy(deploy) => {
            vec![sponsor.clone().or_else(|| Some(ordinary(deploy.department.as_str().to_owned())))]
        }
        // What is carried between chains is nobody's; messages have a share of the block.
        Payload::Anchor(_)
        | Payload::Deliver(_)
        | Payload::Settle(_)
        | Payload::Fork(_)
        | Payload::Claim { .. }
        | Payload::Beacons(_) => Vec::new(),
    };
    Ok(Ok(Payers(parts)))
}

impl Session {
    /// Who pays for a transaction, or why nobody does.
    pub(super) fn payers(
        &mut self,
        rules: &ChainRules,
        body: &TransactionBody,
    ) -> Result<Result<Payers, Refusal>, StorageError> {
        let single = match &body.payload {
            Payload::Call(call) if body.sponsor.is_none() => Some(call.contract),
            _ => None,
        };
        if single.is_some_and(|contract| self.unmetered.contains(&contract)) {
            return Ok(Ok(Payers(Vec::new())));
        }
        let Some(registry) = Registry::of(rules, &*self) else { return Ok(Ok(Payers(Vec::new()))) };
        let parts = match parts_of(&registry, rules, &*self, body, self.facts.timestamp_ms)? {
            Ok(parts) => parts,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let (Some(contract), [Some(payer)]) = (single, &parts.0[..])
            && registry.quota(&payer.department)?.is_none()
        {
            self.unmetered.insert(contract);
        }
        Ok(Ok(parts))
    }

    /// Refuses a transaction whose gas limit one of its payers has not left.
    pub(super) fn check_payers(
        &self,
        rules: &ChainRules,
        payers: &Payers,
        gas_limit: u64,
    ) -> Result<Result<(), Refusal>, StorageError> {
        match Registry::of(rules, self) {
            Some(registry) => check(&registry, payers, gas_limit, self.facts.timestamp_ms),
            None => Ok(Ok(())),
        }
    }
}

/// Charges what a transaction used of gas, `outside` of it before any contract ran, and of bytes since `savepoint`. One
/// that holds more bytes than are left becomes a refused one, whose changes are taken back.
pub(super) fn settle(
    rules: &ChainRules,
    ran: &mut Ran,
    savepoint: Savepoint,
    Payers(parts): &Payers,
    body: &TransactionBody,
    outside: u64,
) -> Result<(), Halt> {
    let mut grown = BTreeMap::new();
    if ran.outcome.is_done() {
        grown = growth(rules, &ran.session, savepoint, &body.payload)?;
        if !has_room(rules, &ran.session, &grown)? {
            ran.outcome = Outcome::Refused { reason: ExecutionRefusal::StorageQuota };
            grown.clear();
        }
    }
    if !ran.outcome.is_done() {
        ran.session.roll_back(savepoint);
        ran.session.loaded.clear();
    }
    let mut used: BTreeMap<&Payer, u64> = BTreeMap::new();
    let gas = ran.gas_of_parts.iter().copied().chain(std::iter::repeat(0));
    for (place, (payer, gas)) in parts.iter().zip(gas).enumerate() {
        let outside = if place == 0 { outside } else { 0 };
        if let Some(payer) = payer {
            *used.entry(payer).or_default() += gas + outside;
        }
    }
    for (Payer { department, administrative }, gas) in used {
        charge(rules, &mut ran.session, department, |quota, usage| {
            // What the transaction itself did to the quota may have left less than was there when it began.
            let most = gas.min(usage.gas.available(&quota.gas, *administrative));
            usage.gas = usage.gas.charged(&quota.gas, most, *administrative).unwrap_or(usage.gas);
        })?;
    }
    charge_bytes(rules, &mut ran.session, grown)
}

fn charge_bytes(rules: &ChainRules, session: &mut Session, grown: BTreeMap<String, i64>) -> Result<(), Halt> {
    for (department, bytes) in grown {
        charge(rules, session, &department, |quota, usage| {
            let amount = bytes.unsigned_abs();
            usage.storage = match bytes.is_positive() {
                // There was room for it a moment ago.
                true => usage.storage.charged(&quota.storage, amount, false).unwrap_or(usage.storage),
                false => usage.storage.released(amount),
            };
        })?;
    }
    Ok(())
}

/// Charges the bytes that contracts came to hold for one message; false when a department has no room for them.
pub(super) fn charge_growth(rules: &ChainRules, session: &mut Session, savepoint: Savepoint) -> Result<bool, Halt> {
    let grown = growth_of(rules, session, savepoint, None)?;
    let fits = has_room(rules, session, &grown)?;
    if fits {
        charge_bytes(rules, session, grown)?;
    }
    Ok(fits)
}

fn charge(
    rules: &ChainRules,
    session: &mut Session,
    department: &str,
    change: impl FnOnce(&Quota, &mut Usage),
) -> Result<(), Halt> {
    let Some(registry) = Registry::of(rules, &*session) else { return Ok(()) };
    let now_ms = session.facts.timestamp_ms;
    let Some((quota, mut usage)) = standing(&registry, department, now_ms)? else { return Ok(()) };
    change(&quota, &mut usage);
    let (address, slot, value) = registry.usage_entry(department, &usage);
    session.set(&address, slot, Some(value));
    Ok(())
}

fn has_room(rules: &ChainRules, session: &Session, grown: &BTreeMap<String, i64>) -> Result<bool, Halt> {
    let Some(registry) = Registry::of(rules, session) else { return Ok(true) };
    for (department, bytes) in grown {
        let Some((quota, usage)) = standing(&registry, department, session.facts.timestamp_ms)? else { continue };
        if u64::try_from(*bytes).is_ok_and(|bytes| bytes > usage.storage.left(&quota.storage)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many bytes of keys and values the contracts of each department that has a quota hold more, or fewer, than at
/// `savepoint`. Code and records of contracts are the department's that deploys; the registry's entries are nobody's.
fn growth(
    rules: &ChainRules,
    session: &Session,
    savepoint: Savepoint,
    payload: &Payload,
) -> Result<BTreeMap<String, i64>, Halt> {
    let deploys = match payload {
        Payload::Deploy(deploy) => Some(Address::of_contract(rules.name(), &deploy.department, &deploy.name)),
        Payload::Upgrade(upgrade) => Some(upgrade.contract),
        Payload::Call(_) | Payload::Batch(_) => None,
        // Each message was charged by itself.
        _ => return Ok(BTreeMap::new()),
    };
    growth_of(rules, session, savepoint, deploys)
}

fn growth_of(
    rules: &ChainRules,
    session: &Session,
    savepoint: Savepoint,
    deploys: Option<Address>,
) -> Result<BTreeMap<String, i64>, Halt> {
    let Some(registry) = Registry::of(rules, session) else { return Ok(BTreeMap::new()) };
    let mut grown = BTreeMap::new();
    for written in session.written_since(savepoint) {
        if session.unmetered.contains(&written) {
            continue;
        }
        let contract = if written == Address::system() { deploys } else { Some(written) };
        let Some(contract) = contract.filter(|contract| rules.registry() != Some(contract)) else { continue };
        let Some(record) = accounts::contract_record(session, &contract)? else { continue };
        let department = record.department.as_str();
        if registry.quota(department)?.is_some() {
            *grown.entry(department.to_owned()).or_default() += session.growth_since(savepoint, &written)?;
        }
    }
    Ok(grown)
}
