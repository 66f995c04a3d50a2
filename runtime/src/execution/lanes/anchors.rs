//! On a mainchain: certified headers of its sidechains, each shown to extend the last.
//!
//! A sidechain whose committee certified two histories is closed by whoever shows it, whatever heights the two have; what
//! was anchored before stays. What the committee of a closed term certified against it is kept and changes nothing. A
//! chain that the registry retires is closed by the first header whose state knows of that, since nothing follows there.

use parity_scale_codec::Decode as _;

use super::{Admission, get, mirror, not_shown, put};
use crate::{
    abi::{
        Committee, Digest, LaneRefusal, Name,
        lane::{AnchorState, AnchorUpdate, Anchored, Closed, ForkEvidence, slots},
        limits::ANCHORS_MAX,
    },
    execution::{
        rules::ChainRules,
        session::{Halt, Session},
    },
    state::{StateView, empty_root},
    storage::StorageError,
};

/// How a sidechain stands; none when the registry does not know it.
///
/// # Errors
/// When the store cannot be read.
pub fn state_of(rules: &ChainRules, view: &dyn StateView, chain: &Name) -> Result<Option<AnchorState>, StorageError> {
    if let Some(state) = get(view, &slots::anchor(chain))? {
        return Ok(Some(state));
    }
    let Some(sidechain) = mirror::sidechain(rules, view, chain)? else { return Ok(None) };
    let Some(genesis) = mirror::sidechain_genesis(rules.genesis(), rules.digest(), chain, &sidechain) else {
        return Ok(None);
    };
    let digest = genesis.digest();
    let newest = Anchored {
        genesis: digest,
        height: 0,
        header: digest,
        state_root: empty_root(),
        history_root: Digest::default(),
        timestamp_ms: genesis.timestamp_ms,
        seen_height: 0,
        mainchain_height: sidechain.founded_height,
    };
    Ok(Some(AnchorState { epoch: 0, committee: genesis.committee, newest, closed: None }))
}

/// The record of an anchored header.
///
/// # Errors
/// When the store cannot be read.
pub fn anchored(view: &dyn StateView, chain: &Name, height: u64) -> Result<Option<Anchored>, StorageError> {
    get(view, &slots::anchored(chain, height))
}

/// The first record of a sidechain's header at `height` or above; none where there is none yet.
///
/// # Errors
/// When the store cannot be read.
pub fn first_anchored_from(view: &dyn StateView, chain: &Name, height: u64) -> Result<Option<Anchored>, StorageError> {
    let mut prefix = slots::anchored(chain, 0);
    prefix.truncate(prefix.len() - size_of::<u64>());
    // Pages begin after a key; no slot ends like this one but the last of all heights before.
    let after = height.checked_sub(1).map(|before| slots::anchored(chain, before)).unwrap_or_default();
    let page = view.page(&crate::abi::Address::system(), &prefix, &after, 1)?;
    let first = page.first().map(|(_, value)| Anchored::decode(&mut &value[..]));
    first.transpose().map_err(|error| StorageError::new("read a record of an anchored header", error))
}

/// What an update comes to: the new state, or why it is passed over.
fn after(
    rules: &ChainRules,
    session: &Session,
    update: &AnchorUpdate,
) -> Result<Result<AnchorState, LaneRefusal>, Halt> {
    let chain = &update.header.chain;
    let Some(state) = state_of(rules, session, chain)? else {
        return Ok(Err(LaneRefusal::UnknownChain { chain: chain.clone() }));
    };
    if state.closed.is_some() {
        return Ok(Err(LaneRefusal::ChainClosed { chain: chain.clone() }));
    }
    let height = session.facts.height;
    let mut extended = match chancery_verify::lane::extend(chain, &state, update, height) {
        Ok(extended) => extended,
        Err(error) => return Ok(Err(not_shown(error))),
    };
    if let Some(nodes) = &update.retired {
        let not_retired = Ok(Err(LaneRefusal::NotClosed { chain: chain.clone() }));
        let Some(sidechain) = mirror::sidechain(rules, session, chain)? else { return not_retired };
        if sidechain.retired_height.is_none() {
            return not_retired;
        }
        let (address, slot, value) = mirror::entry_of(chain, &sidechain);
        let root = &extended.newest.state_root;
        if let Err(error) = chancery_verify::lane::entry(root, &address, &slot, Some(&value), nodes) {
            return Ok(Err(not_shown(error)));
        }
        extended.closed = Some(Closed::Retired { height });
    }
    Ok(Ok(extended))
}

/// Refuses what is not for a mainchain, and a transaction of which nothing would be taken.
pub(super) fn admit(rules: &ChainRules, session: &Session, updates: &[AnchorUpdate]) -> Result<Admission, Halt> {
    if rules.genesis().mainchain.is_some() {
        return Ok(Err(LaneRefusal::NotAMainchain));
    }
    if updates.is_empty() || updates.len() > ANCHORS_MAX {
        return Ok(Err(LaneRefusal::Count { found: updates.len(), limit: ANCHORS_MAX }));
    }
    let mut why = None;
    for update in updates {
        match after(rules, session, update)? {
            Ok(_) => return Ok(Ok(())),
            Err(refusal) => why = why.or(Some(refusal)),
        }
    }
    Ok(why.map_or(Ok(()), Err))
}

/// Takes the headers that hold, each by itself; tells which.
pub(in crate::execution) fn run(
    rules: &ChainRules,
    session: &mut Session,
    updates: &[AnchorUpdate],
) -> Result<Vec<bool>, Halt> {
    let mut taken = Vec::with_capacity(updates.len());
    for update in updates {
        let extended = after(rules, session, update)?;
        taken.push(extended.is_ok());
        let Ok(state) = extended else { continue };
        let chain = &update.header.chain;
        let epoch_before = get::<AnchorState>(&*session, &slots::anchor(chain))?.map(|before| before.epoch);
        if epoch_before.is_none() {
            let first = state_of(rules, &*session, chain)?.map(|first| first.committee);
            if let Some(first) = first {
                put(session, slots::committee(chain, 0), &first);
            }
        }
        if update.next.is_some() {
            put(session, slots::committee(chain, state.epoch), &state.committee);
        }
        put(session, slots::anchored(chain, state.newest.height), &state.newest);
        put(session, slots::anchor(chain), &state);
    }
    Ok(taken)
}

/// What evidence of two histories comes to.
enum Contradiction {
    /// The present committee certified both.
    Present(Digest),
    /// The committee of a closed term certified the other.
    Late(Digest),
}

fn judge(
    rules: &ChainRules,
    session: &Session,
    evidence: &ForkEvidence,
) -> Result<Result<(AnchorState, Contradiction), LaneRefusal>, Halt> {
    let (chain, epoch) = (&evidence.header.chain, evidence.header.epoch);
    let Some(state) = state_of(rules, session, chain)? else {
        return Ok(Err(LaneRefusal::UnknownChain { chain: chain.clone() }));
    };
    let is_late = epoch < state.epoch;
    let committee = match is_late {
        true => get::<Committee>(session, &slots::committee(chain, epoch))?,
        false if epoch == state.epoch => Some(state.committee.clone()),
        false => None,
    };
    let Some(committee) = committee else {
        return Ok(Err(LaneRefusal::NotDue { expected: state.epoch, found: epoch }));
    };
    let digest = match chancery_verify::lane::contradicts(chain, &state.newest, &committee, evidence) {
        Ok(digest) => digest,
        Err(error) => return Ok(Err(not_shown(error))),
    };
    if is_late {
        let known: Option<Digest> = get(session, &slots::late_evidence(chain, &digest))?;
        return Ok(match known {
            Some(_) => Err(LaneRefusal::ChainClosed { chain: chain.clone() }),
            None => Ok((state, Contradiction::Late(digest))),
        });
    }
    if state.closed.is_some() {
        return Ok(Err(LaneRefusal::ChainClosed { chain: chain.clone() }));
    }
    Ok(Ok((state, Contradiction::Present(digest))))
}

pub(super) fn admit_fork(rules: &ChainRules, session: &Session, evidence: &ForkEvidence) -> Result<Admission, Halt> {
    if rules.genesis().mainchain.is_some() {
        return Ok(Err(LaneRefusal::NotAMainchain));
    }
    Ok(judge(rules, session, evidence)?.map(drop))
}

/// Closes a chain whose committee certified two histories, or keeps what a closed term's did. The evidence itself stands in
/// the transaction that brought it.
pub(in crate::execution) fn run_fork(
    rules: &ChainRules,
    session: &mut Session,
    evidence: &ForkEvidence,
) -> Result<bool, Halt> {
    let chain = &evidence.header.chain;
    let transaction = session.facts.transaction;
    match judge(rules, session, evidence)? {
        Ok((mut state, Contradiction::Present(header))) => {
            state.closed = Some(Closed::Forked { height: session.facts.height, header });
            put(session, slots::anchor(chain), &state);
            Ok(true)
        }
        Ok((_, Contradiction::Late(header))) => {
            put(session, slots::late_evidence(chain, &header), &transaction);
            Ok(false)
        }
        Err(_) => Ok(false),
    }
}
