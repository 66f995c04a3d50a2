//! Messages that come to this chain.
//!
//! Each is taken in its order, and whatever comes of it is part of the block: it ran, or it goes back with the reason; one
//! that had gone back from the other end and cannot be handed to its contract is kept until somebody claims it. So a lane
//! never waits for a contract. A message runs with a savepoint of its own, and with the gas that its sender set aside.

use parity_scale_codec::{Decode, Encode};

use super::{Admission, get, mirror, not_shown, outbox, put, remove, seen};
use crate::{
    abi::{
        Address, Digest, ExecutionRefusal, Ident, LaneRefusal, Name,
        host::CallFailure,
        lane::{Delivery, LaneProof, slots},
        limits::{BOUNCE_GAS, DELIVERY_MESSAGES_MAX, MESSAGE_GAS_MAX},
        message::{Arrived, BounceReason, Bounced, Message, MessageBody, Quantity},
        schema::MethodKind,
    },
    execution::{
        payload::{Runner, StoppedAt},
        quotas,
        rules::ChainRules,
        session::{Halt, Session},
    },
};

/// What became of a message, as the receipt of its delivery says, in order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Taken {
    /// Its method returned.
    Done,
    /// It goes back.
    Returned(BounceReason),
    /// It had come back, and its contract did not take it: it can be claimed.
    Kept,
    /// Entries of the registry were taken over.
    Registry,
}

/// The root of another chain's state that a proof leads to.
pub(super) fn root_of(
    rules: &ChainRules,
    session: &Session,
    other: &Name,
    proof: &LaneProof,
) -> Result<Result<Digest, LaneRefusal>, Halt> {
    if other == rules.name() {
        return Ok(Err(LaneRefusal::WrongLane));
    }
    let mainchain = rules.genesis().mainchain.as_ref();
    match (proof, mainchain) {
        (LaneProof::Anchored { height }, None) => {
            let record = super::anchors::anchored(session, other, *height)?;
            Ok(match record {
                Some(record) => Ok(record.state_root),
                None => Err(LaneRefusal::NotAnchored { chain: other.clone(), height: *height }),
            })
        }
        (LaneProof::Mainchain { header }, Some(mainchain)) if mainchain.name == *other => {
            Ok(seen::check_header(rules, session, header)?.map(|()| header.state_root))
        }
        (LaneProof::Through { header, record, nodes }, Some(mainchain)) if mainchain.name != *other => {
            if let Err(refusal) = seen::check_header(rules, session, header)? {
                return Ok(Err(refusal));
            }
            let shown = chancery_verify::lane::record(header, other, record, nodes);
            Ok(shown.map(|()| record.state_root).map_err(not_shown))
        }
        _ => Ok(Err(LaneRefusal::WrongProof)),
    }
}

/// Checks that messages are the next ones of their lane, and shown to be sent.
pub(super) fn admit(
    rules: &ChainRules,
    session: &Session,
    delivery: &Delivery,
    gas_limit: u64,
    intrinsic: u64,
) -> Result<Admission, Halt> {
    let Delivery { source, proof, messages } = delivery;
    if messages.is_empty() || messages.len() > DELIVERY_MESSAGES_MAX {
        return Ok(Err(LaneRefusal::Count { found: messages.len(), limit: DELIVERY_MESSAGES_MAX }));
    }
    // The cheapest question first: another carrier may have been faster.
    let expected: u64 = get(session, &slots::inbox(source))?.unwrap_or(0);
    let found = messages[0].message.sequence;
    if found != expected {
        return Ok(Err(LaneRefusal::NotDue { expected, found }));
    }
    let needed = messages.iter().fold(intrinsic, |sum, proven| sum.saturating_add(gas_of(&proven.message)));
    if gas_limit < needed {
        return Ok(Err(LaneRefusal::GasBelowMessages { needed, found: gas_limit }));
    }
    let root = match root_of(rules, session, source, proof)? {
        Ok(root) => root,
        Err(refusal) => return Ok(Err(refusal)),
    };
    for (sequence, proven) in (expected..).zip(messages) {
        if let Err(error) = chancery_verify::lane::message(&root, proven, (source, rules.name()), sequence) {
            return Ok(Err(not_shown(error)));
        }
    }
    Ok(Ok(()))
}

/// What a message may use. A chain that lets its contracts ask for more than there is gets no more than that.
pub fn gas_of(message: &Message) -> u64 {
    match &message.body {
        MessageBody::Call { .. } => message.gas.min(MESSAGE_GAS_MAX),
        MessageBody::Bounce(_) => BOUNCE_GAS,
        MessageBody::Registry(_) => 0,
    }
}

/// Takes the messages of a delivery that was admitted.
pub(in crate::execution) fn deliver(runner: &mut Runner<'_>, delivery: &Delivery) -> Result<Vec<Taken>, StoppedAt> {
    let mut taken = Vec::with_capacity(delivery.messages.len());
    for proven in &delivery.messages {
        let message = &proven.message;
        put(runner.session(), slots::inbox(&delivery.source), &(message.sequence + 1));
        taken.push(take(runner, message)?);
    }
    Ok(taken)
}

fn take(runner: &mut Runner<'_>, message: &Message) -> Result<Taken, StoppedAt> {
    if !books_hold(runner.session(), message).map_err(StoppedAt::halted)? {
        let failure = CallFailure::Refused(ExecutionRefusal::WrongBooks);
        return match &message.body {
            MessageBody::Call { .. } => {
                // It never counted here, so nothing of it goes back.
                let message = Message { quantity: None, ..message.clone() };
                go_back(runner, &message, BounceReason::NotDone(failure))
            }
            _ => Ok(Taken::Kept),
        };
    }
    match &message.body {
        MessageBody::Registry(entries) => {
            let rules = runner.rules();
            let of_mainchain = rules.genesis().mainchain.as_ref().is_some_and(|main| main.name == message.source);
            if of_mainchain {
                mirror::take_over(rules, runner.session(), entries.clone());
            }
            Ok(Taken::Registry)
        }
        MessageBody::Call { method, input } => {
            let now = outbox::mainchain_height(runner.session()).map_err(StoppedAt::halted)?;
            if now >= message.expiry {
                return go_back(runner, message, BounceReason::Expired);
            }
            let arrived = arrived(message, None);
            match run(runner, message.contract, arrived, MethodKind::Message, Some(method), input, gas_of(message))? {
                Ok(()) => Ok(Taken::Done),
                Err(failure) => go_back(runner, message, BounceReason::NotDone(failure)),
            }
        }
        MessageBody::Bounce(bounced) => hand_back(runner, message, bounced, BOUNCE_GAS),
    }
}

fn go_back(runner: &mut Runner<'_>, message: &Message, reason: BounceReason) -> Result<Taken, StoppedAt> {
    outbox::bounce(runner.session(), message, reason.clone()).map_err(StoppedAt::halted)?;
    Ok(Taken::Returned(reason))
}

/// Enters a quantity that comes in the books of its lane. What came may never be more than what was sent, and nobody sends
/// what another contract issued: then false, and nothing is entered.
fn books_hold(session: &mut Session, message: &Message) -> Result<bool, Halt> {
    let Some(quantity) = &message.quantity else { return Ok(true) };
    let Quantity { owner, home, amount, total, .. } = quantity;
    let is_own = match &message.body {
        MessageBody::Call { .. } => *home == message.source && *owner == message.sender,
        MessageBody::Bounce(_) => *home == session.facts.chain && *owner == message.contract,
        MessageBody::Registry(_) => false,
    };
    let slot = slots::books_received(&message.source, &quantity.kind());
    let before: u64 = get(&*session, &slot)?.unwrap_or(0);
    match before.checked_add(*amount).filter(|received| is_own && received <= total) {
        Some(received) => {
            put(session, slot, &received);
            Ok(true)
        }
        None => Ok(false),
    }
}

fn arrived(message: &Message, bounce: Option<Bounced>) -> Arrived {
    Arrived {
        chain: message.source.clone(),
        sender: message.sender,
        sequence: message.sequence,
        quantity: message.quantity.clone(),
        bounce,
    }
}

/// Hands a message that came back to the contract that had sent it; one that does not take it leaves it to be claimed.
fn hand_back(runner: &mut Runner<'_>, message: &Message, bounced: &Bounced, gas: u64) -> Result<Taken, StoppedAt> {
    let arrived = arrived(message, Some(bounced.clone()));
    if run(runner, message.contract, arrived, MethodKind::Bounce, None, &[], gas)?.is_ok() {
        return Ok(Taken::Done);
    }
    let session = runner.session();
    let slot = slots::claim(&message.source, message.sequence);
    if get::<Message>(&*session, &slot).map_err(StoppedAt::halted)?.is_none() {
        put(session, slot, message);
        count_claims(session, |count| count.saturating_add(1)).map_err(StoppedAt::halted)?;
    }
    Ok(Taken::Kept)
}

fn count_claims(session: &mut Session, change: impl FnOnce(u64) -> u64) -> Result<(), Halt> {
    let count: u64 = get(&*session, &slots::claims())?.unwrap_or(0);
    put(session, slots::claims(), &change(count));
    Ok(())
}

/// Gives a message back from this end, because its destination was closed before it took it.
pub(super) fn give_back(runner: &mut Runner<'_>, message: Message) -> Result<(), StoppedAt> {
    let MessageBody::Call { method, input } = &message.body else { return Ok(()) };
    let bounced = Bounced {
        sequence: message.sequence,
        contract: message.contract,
        method: method.clone(),
        input: input.clone(),
        reason: BounceReason::Closed,
    };
    // As it would have come from there, under a number that nothing from there has.
    let back = Message {
        source: message.destination.clone(),
        destination: message.source.clone(),
        sequence: message.sequence | 1 << 63,
        sender: message.contract,
        contract: message.sender,
        body: MessageBody::Bounce(bounced.clone()),
        gas: BOUNCE_GAS,
        ..message.clone()
    };
    hand_back(runner, &back, &bounced, BOUNCE_GAS).map(drop)
}

pub(super) fn admit_claim(session: &Session, source: &Name, sequence: u64) -> Result<Admission, Halt> {
    let waits: Option<Message> = get(session, &slots::claim(source, sequence))?;
    Ok(waits.map(drop).ok_or(LaneRefusal::NothingToClaim))
}

/// Hands what came back to its contract once more, with all the gas that the transaction has.
pub(in crate::execution) fn claim(runner: &mut Runner<'_>, source: &Name, sequence: u64) -> Result<Taken, StoppedAt> {
    let slot = slots::claim(source, sequence);
    let message: Option<Message> = get(&*runner.session(), &slot).map_err(StoppedAt::halted)?;
    let Some(message) = message else { return Ok(Taken::Kept) };
    let MessageBody::Bounce(bounced) = &message.body else { return Ok(Taken::Kept) };
    let gas = runner.gas_left();
    let taken = hand_back(runner, &message, bounced, gas)?;
    if taken == Taken::Done {
        remove(runner.session(), slot);
        count_claims(runner.session(), |count| count.saturating_sub(1)).map_err(StoppedAt::halted)?;
    }
    Ok(taken)
}

/// Runs a method for a message, with a savepoint: what fails changes nothing.
fn run(
    runner: &mut Runner<'_>,
    contract: Address,
    arrived: Arrived,
    kind: MethodKind,
    method: Option<&Ident>,
    input: &[u8],
    gas: u64,
) -> Result<Result<(), CallFailure>, StoppedAt> {
    let savepoint = runner.session().savepoint();
    let outer = runner.session().facts.arrived.replace((contract, arrived));
    let ran = runner.enter_for_message(contract, kind, method, input.to_vec(), gas);
    runner.session().facts.arrived = outer;
    let mut result = ran?;
    if result.is_ok()
        && !quotas::charge_growth(runner.rules(), runner.session(), savepoint).map_err(StoppedAt::halted)?
    {
        result = Err(CallFailure::Refused(ExecutionRefusal::StorageQuota));
    }
    if result.is_err() {
        runner.session().roll_back(savepoint);
    }
    Ok(result)
}
