//! Messages that leave this chain, and what comes of them as far as is proven here.
//!
//! A message stays in the outbox until it is proven that its destination has taken it, so that anybody can prove it to
//! that chain for as long as it takes. Where a destination is closed, what it never took comes back from here.

use super::{Admission, LaneCounts, counts, get, inbox, mirror, not_shown, put, remove, seen};
use crate::{
    abi::{
        Address, LaneRefusal, Name, WIRE_VERSION, codec,
        lane::{AnchorState, LaneProof, Settlement, slots},
        limits::{
            BOUNCE_GAS, LANE_PENDING_MAX, MESSAGE_GAS_MAX, MESSAGE_INPUT_BYTES_MAX, MESSAGE_VALID_MAX,
            SETTLEMENT_RETURNS_MAX,
        },
        message::{BounceReason, Bounced, Message, MessageBody, Outgoing, Quantity, SendFailure},
    },
    execution::{
        payload::{Runner, StoppedAt},
        rules::ChainRules,
        session::{Halt, Session},
    },
    storage::StorageError,
};

/// Messages that one settlement removes at most.
const SETTLED_MAX: u64 = 256;
/// What `settled` says of a chain that is closed and of which all came back.
const CLOSED: u64 = u64::MAX;

/// The newest mainchain height, as this chain knows it.
pub(in crate::execution) fn mainchain_height(session: &Session) -> Result<u64, StorageError> {
    if session.facts.mainchain.is_some() { seen::newest(session) } else { Ok(session.facts.height) }
}

/// Sends a contract's message; its number on the lane, or why it was not sent.
pub(in crate::execution) fn send(
    session: &mut Session,
    sender: Address,
    outgoing: Outgoing,
) -> Result<Result<u64, SendFailure>, Halt> {
    let Outgoing { chain, contract, method, input, gas, valid_for, quantity } = outgoing;
    let in_bounds = gas <= MESSAGE_GAS_MAX
        && (1..=MESSAGE_VALID_MAX).contains(&valid_for)
        && input.len() <= MESSAGE_INPUT_BYTES_MAX
        && quantity.as_ref().is_none_or(|(_, amount)| *amount > 0);
    if !in_bounds {
        return Ok(Err(SendFailure::OutOfBounds));
    }
    if let Err(failure) = check_open(session, &chain)? {
        return Ok(Err(failure));
    }
    let LaneCounts { sent, settled, .. } = counts(&*session, &chain)?;
    if settled == CLOSED {
        return Ok(Err(SendFailure::Closed));
    }
    if sent.saturating_sub(settled) >= LANE_PENDING_MAX {
        return Ok(Err(SendFailure::LaneFull));
    }
    let quantity = match quantity {
        None => None,
        Some((asset, amount)) => {
            let home = session.facts.chain.clone();
            let mut quantity = Quantity { owner: sender, home, asset, amount, total: 0 };
            if !book(session, &chain, &mut quantity)? {
                return Ok(Err(SendFailure::OutOfBounds));
            }
            Some(quantity)
        }
    };
    let expiry = mainchain_height(session)?.saturating_add(valid_for);
    let body = MessageBody::Call { method, input };
    Ok(Ok(push(session, &chain, sender, contract, body, quantity, gas, expiry)?))
}

/// Whether messages may go to a chain at all.
fn check_open(session: &Session, chain: &Name) -> Result<Result<(), SendFailure>, Halt> {
    let facts = &session.facts;
    if facts.mainchain.as_ref().is_some_and(|mainchain| mainchain.name == *chain) {
        return Ok(Ok(()));
    }
    let known = match &facts.registry {
        Some(registry) if *chain != facts.chain => mirror::sidechain_in(registry, session, chain)?,
        _ => None,
    };
    let Some(sidechain) = known else { return Ok(Err(SendFailure::UnknownChain)) };
    let anchors: Option<AnchorState> = get(session, &slots::anchor(chain))?;
    let is_closed = sidechain.retired_height.is_some() || anchors.is_some_and(|state| state.closed.is_some());
    Ok(if is_closed { Err(SendFailure::Closed) } else { Ok(()) })
}

/// Enters a quantity that leaves in the books of a lane; false when they do not hold so much.
fn book(session: &mut Session, destination: &Name, quantity: &mut Quantity) -> Result<bool, StorageError> {
    let slot = slots::books_sent(destination, &quantity.kind());
    let before: u64 = get(&*session, &slot)?.unwrap_or(0);
    let Some(total) = before.checked_add(quantity.amount) else { return Ok(false) };
    quantity.total = total;
    put(session, slot, &total);
    Ok(true)
}

/// Puts a message on a lane; its number.
#[expect(clippy::too_many_arguments, reason = "these are the message's own fields")]
pub(super) fn push(
    session: &mut Session,
    destination: &Name,
    sender: Address,
    contract: Address,
    body: MessageBody,
    quantity: Option<Quantity>,
    gas: u64,
    expiry: u64,
) -> Result<u64, Halt> {
    let sequence: u64 = get(&*session, &slots::sent(destination))?.unwrap_or(0);
    let message = Message {
        version: WIRE_VERSION,
        source: session.facts.chain.clone(),
        destination: destination.clone(),
        sequence,
        sender,
        contract,
        body,
        quantity,
        gas,
        expiry,
    };
    put(session, slots::outbox(destination, sequence), &message);
    put(session, slots::sent(destination), &(sequence + 1));
    Ok(sequence)
}

/// Sends back a message that was taken and did not run. What came with it goes back as well.
pub(super) fn bounce(session: &mut Session, message: &Message, reason: BounceReason) -> Result<(), Halt> {
    let MessageBody::Call { method, input } = &message.body else { return Ok(()) };
    let bounced = Bounced {
        sequence: message.sequence,
        contract: message.contract,
        method: method.clone(),
        input: input.clone(),
        reason,
    };
    let mut quantity = message.quantity.clone();
    if let Some(quantity) = &mut quantity {
        // What was sent from there in all is a u64, so what goes back of it is one too.
        book(session, &message.source, quantity)?;
    }
    let body = MessageBody::Bounce(bounced);
    push(session, &message.source, message.contract, message.sender, body, quantity, BOUNCE_GAS, u64::MAX)?;
    Ok(())
}

/// Checks how far another chain has come, as far as it is claimed.
pub(super) fn admit(
    rules: &ChainRules,
    session: &Session,
    settlement: &Settlement,
    gas_limit: u64,
    intrinsic: u64,
) -> Result<Admission, Halt> {
    let Settlement { destination, proof, next, nodes, closed } = settlement;
    let root = match inbox::root_of(rules, session, destination, proof)? {
        Ok(root) => root,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let slot = slots::inbox(rules.name());
    let value = next.as_ref().map(codec::encode);
    let shown = chancery_verify::lane::entry(&root, &Address::system(), &slot, value.as_deref(), nodes);
    if let Err(error) = shown {
        return Ok(Err(not_shown(error)));
    }
    let LaneCounts { sent, settled, .. } = counts(session, destination)?;
    let next = next.unwrap_or(0);
    if next > sent {
        // It has taken what this chain never sent.
        return Ok(Err(LaneRefusal::NotShown { reason: format!("{next} messages were taken, and {sent} were sent") }));
    }
    let Some((state, state_nodes)) = closed else {
        let is_news = next > settled && settled != CLOSED;
        return Ok(if is_news { Ok(()) } else { Err(LaneRefusal::NotDue { expected: settled + 1, found: next }) });
    };
    if settled == CLOSED {
        return Ok(Err(LaneRefusal::ChainClosed { chain: destination.clone() }));
    }
    let needed = intrinsic.saturating_add(BOUNCE_GAS.saturating_mul(returned_now(sent, settled, next)));
    if gas_limit < needed {
        return Ok(Err(LaneRefusal::GasBelowMessages { needed, found: gas_limit }));
    }
    check_closed(session, settlement, state, state_nodes)
}

/// Checks that the destination is closed, and that the settlement is of its last header.
fn check_closed(
    session: &Session,
    settlement: &Settlement,
    state: &AnchorState,
    nodes: &[Vec<u8>],
) -> Result<Admission, Halt> {
    let Settlement { destination, proof, .. } = settlement;
    let height = match proof {
        LaneProof::Mainchain { .. } => return Ok(Err(LaneRefusal::WrongProof)),
        LaneProof::Anchored { height } => {
            let own: Option<AnchorState> = get(session, &slots::anchor(destination))?;
            if own.as_ref() != Some(state) {
                return Ok(Err(LaneRefusal::NotClosed { chain: destination.clone() }));
            }
            *height
        }
        LaneProof::Through { header, record, .. } => {
            let (slot, value) = (slots::anchor(destination), codec::encode(state));
            let root = &header.state_root;
            let shown = chancery_verify::lane::entry(root, &Address::system(), &slot, Some(&value), nodes);
            if let Err(error) = shown {
                return Ok(Err(not_shown(error)));
            }
            record.height
        }
    };
    if state.closed.is_none() || state.newest.height != height {
        return Ok(Err(LaneRefusal::NotClosed { chain: destination.clone() }));
    }
    Ok(Ok(()))
}

/// How many messages a settlement with a closed chain hands back in one transaction.
fn returned_now(sent: u64, settled: u64, next: u64) -> u64 {
    sent.saturating_sub(settled.max(next)).min(SETTLEMENT_RETURNS_MAX)
}

/// Forgets what was taken; hands back what a closed chain never took. Returns how many of each.
pub(in crate::execution) fn settle(runner: &mut Runner<'_>, settlement: &Settlement) -> Result<(u64, u64), StoppedAt> {
    let Settlement { destination, next, closed, .. } = settlement;
    let next = next.unwrap_or(0);
    let session = runner.session();
    let LaneCounts { sent, settled, .. } = counts(&*session, destination).map_err(StoppedAt::halted)?;
    let until = next.min(settled.saturating_add(SETTLED_MAX)).max(settled);
    for sequence in settled..until {
        remove(session, slots::outbox(destination, sequence));
    }
    put(session, slots::settled(destination), &until);
    if closed.is_none() || until < next {
        return Ok((until - settled, 0));
    }
    let count = returned_now(sent, until, next);
    for sequence in until..until + count {
        let slot = slots::outbox(destination, sequence);
        let message: Option<Message> = get(&*runner.session(), &slot).map_err(StoppedAt::halted)?;
        remove(runner.session(), slot);
        put(runner.session(), slots::settled(destination), &(sequence + 1));
        if let Some(message) = message {
            inbox::give_back(runner, message)?;
        }
    }
    if until + count == sent {
        put(runner.session(), slots::settled(destination), &CLOSED);
    }
    Ok((until - settled, count))
}
