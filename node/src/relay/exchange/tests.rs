//! What is asked, of whom, and what of the answers is used.

use std::sync::Arc;

use chancery_abi::{
    Address, WIRE_VERSION,
    lane::{ProvenMessage, slots},
    limits::{DELIVERY_MESSAGES_MAX, MESSAGE_INPUT_BYTES_MAX, PROOF_NODES_MAX},
    message::{Message, MessageBody},
};
use chancery_runtime::{
    state::{Changes, MemoryBackend, State, StateConfig},
    storage::{Durability, StateBackend as _, WriteBatch},
};

use super::{wire::WrongAnswer, *};
use crate::{
    chain::{ChainConfig, ChainService, ChainSet, FatalSignal},
    consensus::LETTER_BYTES_MAX,
    fixture::{engine, genesis, ident, name, validator_key},
    metrics::Metrics,
    relay::{Relay, other::Load},
};

const NODES: [[u8; 32]; 3] = [[1; 32], [2; 32], [3; 32]];

fn message(sequence: u64, input: usize) -> Message {
    Message {
        version: WIRE_VERSION,
        source: name("alpha"),
        destination: name("beta"),
        sequence,
        sender: Address([1; 32]),
        contract: Address([2; 32]),
        body: MessageBody::Call { method: ident("credit"), input: vec![7; input] },
        quantity: None,
        gas: 20_000_000,
        expiry: 1_000,
    }
}

/// The state of alpha: it has sent five messages to beta and taken three.
fn alpha() -> State<MemoryBackend> {
    let mut state = State::open(Arc::new(MemoryBackend::new()), StateConfig::default()).expect("it opens");
    let beta = name("beta");
    let mut entries: Vec<(Vec<u8>, Vec<u8>)> =
        (0..5).map(|n| (slots::outbox(&beta, n), codec::encode(&message(n, 9)))).collect();
    entries.push((slots::sent(&beta), codec::encode(&5u64)));
    entries.push((slots::inbox(&beta), codec::encode(&3u64)));
    let entries = entries.into_iter().map(|(slot, value)| ((Address::system(), slot), Some(value)));
    let overlay = Arc::new(state.prepare(None, Changes(entries.collect())).expect("memory is readable"));
    let mut batch = WriteBatch::default();
    state.stage(&overlay, &mut batch).expect("it follows");
    state.backend().write(batch, Durability::Synced).expect("memory takes it");
    state.advance(overlay).expect("it was staged");
    state
}

fn nodes_of(state: &State<MemoryBackend>, slot: &[u8]) -> Vec<Vec<u8>> {
    state.prove(1, &Address::system(), slot).expect("it is provable").nodes
}

fn question(height: u64, what: What) -> Question {
    Question { chain: name("alpha"), other: name("beta"), height, what }
}

fn true_counts(state: &State<MemoryBackend>) -> ProvenCounts {
    let beta = name("beta");
    let count = |count, slot: &[u8]| ProvenCount { count: Some(count), nodes: nodes_of(state, slot) };
    ProvenCounts { sent: count(5, &slots::sent(&beta)), taken: count(3, &slots::inbox(&beta)) }
}

fn true_messages(state: &State<MemoryBackend>, from: u64) -> Vec<ProvenMessage> {
    let slot = |n| slots::outbox(&name("beta"), n);
    (from..5).map(|n| ProvenMessage { message: message(n, 9), nodes: nodes_of(state, &slot(n)) }).collect()
}

#[test]
fn an_answer_is_used_only_where_all_of_it_is_shown() {
    let (state, asks) = (alpha(), question(1, What::Counts));
    let (root, honest) = (state.root(), true_counts(&state));
    Answer::Counts(honest.clone()).check(&asks, &root).expect("the truth holds");
    let lies: [fn(&mut ProvenCounts); 8] = [
        |counts| counts.sent.count = Some(6),
        |counts| counts.sent.count = None,
        |counts| counts.taken.count = Some(4),
        |counts| counts.taken.count = None,
        |counts| drop(counts.sent.nodes.pop()),
        |counts| counts.taken.nodes.push(vec![0]),
        |counts| counts.sent.nodes[0][3] ^= 1,
        |counts| std::mem::swap(&mut counts.sent, &mut counts.taken),
    ];
    for (place, lie) in lies.iter().enumerate() {
        let mut counts = honest.clone();
        lie(&mut counts);
        assert!(Answer::Counts(counts).check(&asks, &root).is_err(), "lie {place}");
    }
    assert!(Answer::Counts(honest.clone()).check(&asks, &Digest([9; 32])).is_err(), "of another state");
    let other = Question { other: name("gamma"), ..asks.clone() };
    assert!(Answer::Counts(honest.clone()).check(&other, &root).is_err(), "of another lane");

    let (asks_messages, messages) = (question(1, What::Messages { from: 1 }), true_messages(&state, 1));
    Answer::Messages(messages.clone()).check(&asks_messages, &root).expect("the truth holds");
    Answer::Messages(messages[..2].to_vec()).check(&asks_messages, &root).expect("so does a part of it");
    let lies: [fn(&mut Vec<ProvenMessage>); 7] = [
        |messages| drop(messages.remove(0)),
        |messages| messages.swap(0, 1),
        |messages| messages[1] = messages[0].clone(),
        |messages| messages[2].message.gas += 1,
        |messages| messages[2].message.sequence += 1,
        |messages| messages[3].message.destination = name("gamma"),
        |messages| drop(messages[3].nodes.pop()),
    ];
    for (place, lie) in lies.iter().enumerate() {
        let mut lied = messages.clone();
        lie(&mut lied);
        assert!(Answer::Messages(lied).check(&asks_messages, &root).is_err(), "lie {place}");
    }
    let far = question(1, What::Messages { from: u64::MAX });
    assert!(Answer::Messages(messages.clone()).check(&far, &root).is_err());
    let crossed = [(Answer::Messages(messages), &asks), (Answer::Counts(honest), &asks_messages)];
    for (answer, asks) in crossed {
        assert!(matches!(answer.check(asks, &root), Err(WrongAnswer::OtherQuestion)));
    }
}

#[test]
fn an_answer_that_is_larger_than_any_is_refused_before_it_is_looked_at() {
    let (state, asks) = (alpha(), question(1, What::Messages { from: 0 }));
    let one = true_messages(&state, 4).remove(0);
    for count in [0, DELIVERY_MESSAGES_MAX + 1] {
        let refused = Answer::Messages(vec![one.clone(); count]).check(&asks, &state.root());
        assert!(matches!(refused, Err(WrongAnswer::Count { found, .. }) if found == count), "{refused:?}");
    }
    let long = ProvenMessage { nodes: vec![Vec::new(); PROOF_NODES_MAX + 1], ..one };
    let refused = Answer::Messages(vec![long]).check(&asks, &state.root());
    assert!(matches!(refused, Err(WrongAnswer::Nodes { .. })), "{refused:?}");
    let mut counts = true_counts(&state);
    counts.taken.nodes = vec![Vec::new(); PROOF_NODES_MAX + 1];
    let refused = Answer::Counts(counts).check(&question(1, What::Counts), &state.root());
    assert!(matches!(refused, Err(WrongAnswer::Nodes { .. })), "{refused:?}");
}

#[test]
fn letters_are_read_whole_or_not_at_all_and_the_fullest_answer_fits_in_one() {
    let said = Said::Question { number: 7, question: question(1, What::Messages { from: 3 }) };
    let bytes = codec::encode(&said);
    assert_eq!(Said::read(&bytes).expect("it is a letter"), said);
    for cut in 0..bytes.len() {
        assert!(Said::read(&bytes[..cut]).is_err(), "{cut} bytes of it");
    }
    assert!(Said::read(&[bytes, vec![0]].concat()).is_err());
    assert!(Said::read(&[2, 0, 0]).is_err(), "of a kind that there is not");
    assert!(Said::read(&[255; 64]).is_err());
    assert!(Said::read(&vec![0; LETTER_BYTES_MAX + 1]).is_err());

    // The longest messages there are, each behind more of the trie than any path has.
    let mut load = Load::default();
    let nodes = vec![vec![0; 600]; PROOF_NODES_MAX];
    let longest = |n| ProvenMessage { message: message(n, MESSAGE_INPUT_BYTES_MAX), nodes: nodes.clone() };
    let messages: Vec<_> = (0..40).map(longest).take_while(|proven| load.takes(proven)).collect();
    assert!((2..DELIVERY_MESSAGES_MAX).contains(&messages.len()), "{} go together", messages.len());
    let said = Said::Answer { number: u64::MAX, answer: Some(Answer::Messages(messages)) };
    let bytes = codec::encode(&said);
    assert!(bytes.len() <= LETTER_BYTES_MAX, "{} bytes", bytes.len());
    assert_eq!(Said::read(&bytes).expect("it is a letter"), said);
    let mut load = Load::default();
    let small = ProvenMessage { message: message(0, 1), nodes: Vec::new() };
    assert_eq!((0..100).take_while(|_| load.takes(&small)).count(), DELIVERY_MESSAGES_MAX);
}

/// Whom letters ask, under which number and what.
fn asked(letters: &[Letter]) -> Vec<([u8; 32], u64, Question)> {
    let read = |letter: &Letter| match Said::read(&letter.bytes) {
        Ok(Said::Question { number, question }) => (letter.peer, number, question),
        other => panic!("{other:?} is no question"),
    };
    letters.iter().map(read).collect()
}

#[test]
fn whoever_lies_or_is_silent_costs_time_and_the_next_one_is_asked() {
    let (state, asks) = (alpha(), question(1, What::Counts));
    let root = state.root();
    let truth = || Some(Answer::Counts(true_counts(&state)));
    let lie = || {
        let mut counts = true_counts(&state);
        counts.sent.count = Some(500);
        Some(Answer::Counts(counts))
    };
    let mut exchange = Exchange::default();
    let want = |exchange: &mut Exchange, now| exchange.want(asks.clone(), root, NODES.to_vec(), now);
    let due = |exchange: &mut Exchange, now| asked(&exchange.due(now));

    assert!(want(&mut exchange, 0).is_none());
    assert_eq!(due(&mut exchange, 0), [(NODES[0], 1, asks.clone())]);
    assert!(due(&mut exchange, 10).is_empty(), "one is asked at a time");
    // Nobody asked this one, and nobody asked under this number.
    exchange.hear(&NODES[1], 1, truth(), 10);
    exchange.hear(&NODES[0], 2, truth(), 10);
    assert!(want(&mut exchange, 11).is_none());
    exchange.hear(&NODES[0], 1, lie(), 20);
    assert!(want(&mut exchange, 21).is_none(), "what is not shown is no answer");
    assert_eq!(due(&mut exchange, 22), [(NODES[1], 2, asks.clone())]);
    // The second keeps silent, and what the first says now comes too late.
    exchange.hear(&NODES[0], 1, truth(), 30);
    assert!(want(&mut exchange, 31).is_none() && due(&mut exchange, 22 + PATIENCE_MS - 1).is_empty());
    let now = 22 + PATIENCE_MS;
    assert_eq!(due(&mut exchange, now), [(NODES[2], 3, asks.clone())]);
    exchange.hear(&NODES[2], 3, None, now);
    // All were asked in vain.
    assert!(want(&mut exchange, now).is_none() && due(&mut exchange, now + PAUSE_MS - 1).is_empty());
    let now = now + PAUSE_MS;
    assert_eq!(due(&mut exchange, now), [(NODES[0], 4, asks.clone())]);
    exchange.hear(&NODES[0], 4, None, now);
    assert_eq!(due(&mut exchange, now), [(NODES[1], 5, asks.clone())]);
    exchange.hear(&NODES[1], 5, truth(), now);
    let answered = want(&mut exchange, now).expect("it is there");
    assert_eq!((answered.question, answered.root, Some(answered.answer)), (asks.clone(), root, truth()));

    // Who answered is asked first from now on, until it disappoints.
    let more = question(1, What::Messages { from: 0 });
    assert!(exchange.want(more.clone(), root, NODES.to_vec(), now).is_none());
    assert_eq!(due(&mut exchange, now), [(NODES[1], 6, more.clone())]);
    exchange.hear(&NODES[1], 6, None, now);
    assert_eq!(due(&mut exchange, now), [(NODES[2], 7, more)]);
    assert!(want(&mut exchange, now).is_none());
    assert_eq!(due(&mut exchange, now), [(NODES[0], 8, asks.clone())]);
}

#[test]
fn an_answer_on_its_way_is_waited_for_and_a_question_that_nobody_answers_gives_way_to_a_newer_one() {
    let state = alpha();
    let (root, newer) = (state.root(), Digest([8; 32]));
    let ask =
        |exchange: &mut Exchange, height, root| exchange.want(question(height, What::Counts), root, NODES.to_vec(), 0);
    let mut exchange = Exchange::default();
    assert!(ask(&mut exchange, 5, root).is_none());
    assert_eq!(asked(&exchange.due(0)), [(NODES[0], 1, question(5, What::Counts))]);
    assert!(ask(&mut exchange, 6, newer).is_none());
    assert!(exchange.due(0).is_empty());
    exchange.hear(&NODES[0], 1, Some(Answer::Counts(true_counts(&state))), 0);
    let answered = ask(&mut exchange, 6, newer).expect("the earlier one's answer is there");
    assert_eq!((answered.question.height, answered.root), (5, root));
    assert!(ask(&mut exchange, 6, newer).is_none());
    assert_eq!(asked(&exchange.due(0)), [(NODES[0], 2, question(6, What::Counts))]);
    exchange.hear(&NODES[0], 2, None, 0);
    assert!(ask(&mut exchange, 7, root).is_none());
    assert_eq!(asked(&exchange.due(0)), [(NODES[1], 3, question(7, What::Counts))]);
}

#[test]
fn nodes_that_never_know_are_asked_ever_more_seldom_and_a_newer_question_is_asked_at_once() {
    let (mut exchange, root, asks) = (Exchange::default(), Digest([1; 32]), question(1, What::Counts));
    let mut times = Vec::new();
    for now in 0..60_000 {
        assert!(exchange.want(asks.clone(), root, vec![NODES[0]], now).is_none());
        for (node, number, _) in asked(&exchange.due(now)) {
            times.push(now);
            exchange.hear(&node, number, None, now);
        }
    }
    let pauses: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses[..6], [1, 2, 4, 8, 16, 32].map(|times| times * PAUSE_MS));
    assert!(pauses[6..].iter().all(|pause| *pause == PAUSE_MS << PAUSE_DOUBLED_MAX), "{pauses:?}");
    assert!(exchange.want(question(2, What::Counts), root, vec![NODES[0]], 60_000).is_none());
    assert_eq!(asked(&exchange.due(60_000)).len(), 1);
}

#[test]
fn questions_are_bounded_and_what_nobody_wants_is_forgotten() {
    let mut exchange = Exchange::default();
    for number in 0..QUESTIONS_MAX + 10 {
        let about = Question { chain: name(&format!("chain-{number}")), ..question(1, What::Counts) };
        assert!(exchange.want(about, Digest([1; 32]), vec![NODES[0]], 0).is_none());
    }
    assert_eq!(exchange.asked.len(), QUESTIONS_MAX);
    assert_eq!(exchange.due(0).len(), AT_ONCE_MAX, "one node is not asked everything at once");
    exchange.want(question(1, What::Counts), Digest([1; 32]), Vec::new(), 0);
    exchange.forget(KEPT_MS - 1);
    assert_eq!(exchange.asked.len(), QUESTIONS_MAX);
    exchange.forget(KEPT_MS);
    assert!(exchange.asked.is_empty());
    assert!(exchange.want(question(1, What::Counts), Digest([1; 32]), Vec::new(), 0).is_none());
    assert!(exchange.asked.is_empty(), "there is nobody to ask");
}

#[test]
fn one_that_asks_without_end_uses_up_its_own_allowance_only() {
    let (mut askers, messages) = (Askers::default(), What::Messages { from: 0 });
    let flood = (0..1_000).filter(|_| askers.may_ask(&NODES[0], &messages, 0)).count();
    assert!((4..100).contains(&flood), "{flood} at once");
    assert!(!askers.may_ask(&NODES[0], &What::Counts, 0) && askers.may_ask(&NODES[1], &messages, 0));
    assert!(askers.may_ask(&NODES[0], &messages, 1_000), "a second later it may ask again");
    let later = (0..1_000).filter(|_| askers.may_ask(&NODES[0], &messages, 1_000)).count();
    assert!(later < flood, "{later} a second, and {flood} at once");
    let others = |n: u16| {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&n.to_le_bytes());
        key
    };
    let taken = (1_000..2_000).filter(|n| askers.may_ask(&others(*n), &messages, 1_000)).count();
    assert!(taken < 1_000, "they are remembered, and not without end");
    assert!(askers.may_ask(&others(9_000), &messages, 100_000), "until they have not asked for a while");
}

#[test]
fn a_node_says_what_it_cannot_tell_is_not_flooded_and_reads_nothing_into_garbage() {
    let (store, metrics) = (Arc::new(MemoryBackend::new()), Metrics::new().chain(&name("main")));
    let main =
        ChainService::open(store, None, engine(), genesis(), ChainConfig::default(), metrics, FatalSignal::new());
    let main = Arc::new(main.expect("it opens"));
    let mut relay = Relay::new(Arc::clone(&main), ChainSet::of(main), validator_key());
    let ask = |number, chain: &str| {
        let question = Question { chain: name(chain), ..question(1, What::Counts) };
        Letter { peer: NODES[0], bytes: codec::encode(&Said::Question { number, question }) }
    };
    // A chain that is elsewhere, and the mainchain, which everybody has.
    relay.hear(ask(1, "alpha"));
    relay.hear(ask(2, "main"));
    relay.hear(Letter { peer: NODES[1], bytes: vec![255; 100] });
    let unasked = Said::Answer { number: 1, answer: None };
    relay.hear(Letter { peer: NODES[1], bytes: codec::encode(&unasked) });
    relay.pass(1_000);
    let nothing = |number| Letter { peer: NODES[0], bytes: codec::encode(&Said::Answer { number, answer: None }) };
    assert_eq!(relay.take_letters(), [nothing(1), nothing(2)]);
    relay.pass(1_020);
    assert!(relay.take_letters().is_empty());
    (0..10_000).for_each(|number| relay.hear(ask(number, "alpha")));
    // Whoever comes after that is heard all the same.
    relay.hear(Letter { peer: NODES[1], ..ask(7, "alpha") });
    relay.pass(1_040);
    let answered = relay.take_letters();
    let of = |node: [u8; 32]| answered.iter().filter(|letter| letter.peer == node).count();
    assert!((1..200).contains(&of(NODES[0])), "{} of a flood", of(NODES[0]));
    assert_eq!(of(NODES[1]), 1);
}

#[test]
fn a_pass_answers_so_much_and_the_next_one_goes_on() {
    let (store, metrics) = (Arc::new(MemoryBackend::new()), Metrics::new().chain(&name("main")));
    let main =
        ChainService::open(store, None, engine(), genesis(), ChainConfig::default(), metrics, FatalSignal::new());
    let main = Arc::new(main.expect("it opens"));
    let mut relay = Relay::new(Arc::clone(&main), ChainSet::of(main), validator_key());
    let question = question(1, What::Messages { from: 0 });
    for (node, number) in NODES.into_iter().flat_map(|node| (0..6).map(move |number| (node, number))) {
        let said = Said::Question { number, question: question.clone() };
        relay.hear(Letter { peer: node, bytes: codec::encode(&said) });
    }
    let mut answered = Vec::new();
    let passes: Vec<usize> = (0..4)
        .map(|pass| {
            relay.pass(1_000 + pass);
            let letters = relay.take_letters();
            let count = letters.len();
            answered.extend(letters.into_iter().map(|letter| letter.peer));
            count
        })
        .collect();
    // Each may take as many proofs as there are messages in a delivery.
    assert_eq!(passes, [8, 8, 2, 0]);
    assert!(NODES.iter().all(|node| answered.iter().filter(|peer| *peer == node).count() == 6), "in the end, all");
}
