//! Every storage collection in real Wasm, in the real runtime, against a model made of the standard library's.

use std::collections::{BTreeMap, BTreeSet};

use chancery_abi::{Outcome, TrapClass, host::PAGE_ENTRY_GAS};
use chancery_tests::{Account, Chain, contract};
use parity_scale_codec::{Decode, Encode};
use proptest::{collection::vec, option, prelude::*, sample::select};

#[path = "contracts/collections/src/steps.rs"]
#[expect(unreachable_pub, reason = "the contract offers them to everyone, and this is its file")]
mod steps;

use steps::{Answer, Step};

/// What the contract's storage should be.
#[derive(Default)]
struct Model {
    value: Option<u32>,
    map: BTreeMap<(u8, Text), u64>,
    set: BTreeSet<i16>,
    list: Vec<Vec<u8>>,
    index: BTreeSet<(Text, u8)>,
}

/// A text in the order of its slot keys: shorter ones first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Text(usize, String);

impl Text {
    fn of(text: &str) -> Self {
        Self(text.len(), text.to_owned())
    }
}

impl Model {
    fn step(&mut self, step: Step) -> Answer {
        match step {
            Step::ValueSet(number) => nothing(self.value.replace(number)),
            Step::ValueAdd(number) => Answer::Number(self.value.as_mut().map(|value| {
                *value = value.wrapping_add(number);
                u64::from(*value)
            })),
            Step::ValueTake => Answer::Number(self.value.take().map(u64::from)),
            Step::ValueGet => Answer::Number(self.value.map(u64::from)),
            Step::ValueXInsert(..) => Answer::Nothing,
            other => self.map_step(other),
        }
    }

    fn map_step(&mut self, step: Step) -> Answer {
        let map = &mut self.map;
        let next = |value: &mut u64| {
            *value = value.wrapping_add(1);
            *value
        };
        let flat = |((a, b), value): (&(u8, Text), &u64)| (*a, b.1.clone(), *value);
        let parts = |map: &BTreeMap<(u8, Text), u64>, first: u8, after: Option<String>| -> Vec<(String, u64)> {
            let of_first = map.iter().filter(|((a, _), _)| *a == first);
            let after = after.map(|after| Text::of(&after));
            let later = of_first.filter(|((_, b), _)| after.as_ref().is_none_or(|after| b > after));
            later.map(|((_, b), value)| (b.1.clone(), *value)).collect()
        };
        match step {
            Step::MapInsert(a, b, value) => nothing(map.insert((a, Text::of(&b)), value)),
            Step::MapInsertNew(a, b, value) => {
                let key = (a, Text::of(&b));
                let is_new = !map.contains_key(&key);
                map.entry(key).or_insert(value);
                Answer::Flag(is_new)
            }
            Step::MapUpdate(a, b) => Answer::Number(map.get_mut(&(a, Text::of(&b))).map(next)),
            Step::MapUpdateOrDefault(a, b) => Answer::Number(Some(next(map.entry((a, Text::of(&b))).or_default()))),
            Step::MapTake(a, b) => Answer::Number(map.remove(&(a, Text::of(&b)))),
            Step::MapRemove(a, b) => Answer::Flag(map.remove(&(a, Text::of(&b))).is_some()),
            Step::MapGet(a, b) => Answer::Number(map.get(&(a, Text::of(&b))).copied()),
            Step::MapPage(after, limit) => {
                let after = after.map(|(a, b)| (a, Text::of(&b)));
                let later = map.iter().filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
                Answer::Entries(later.take(limit as usize).map(flat).collect())
            }
            Step::MapPageOf(first, after, limit) => {
                let mut parts = parts(map, first, after);
                parts.truncate(limit as usize);
                Answer::Parts(parts)
            }
            Step::MapIter => Answer::Entries(map.iter().map(flat).collect()),
            Step::MapIterOf(first) => Answer::Parts(parts(map, first, None)),
            other => self.set_step(other),
        }
    }

    fn set_step(&mut self, step: Step) -> Answer {
        let set = &mut self.set;
        match step {
            Step::SetInsert(key) => nothing(set.insert(key)),
            Step::SetInsertNew(key) => Answer::Flag(set.insert(key)),
            Step::SetRemove(key) => Answer::Flag(set.remove(&key)),
            Step::SetContains(key) => Answer::Flag(set.contains(&key)),
            Step::SetPage(after, limit) => {
                let later = set.iter().filter(|key| after.is_none_or(|after| **key > after));
                Answer::Keys(later.take(limit as usize).copied().collect())
            }
            Step::SetIter => Answer::Keys(set.iter().copied().collect()),
            other => self.list_step(other),
        }
    }

    fn list_step(&mut self, step: Step) -> Answer {
        let list = &mut self.list;
        match step {
            Step::ListPush(value) => {
                list.push(value);
                Answer::Number(Some(list.len() as u64 - 1))
            }
            Step::ListPop => Answer::Bytes(list.pop()),
            Step::ListSet(place, value) => {
                let found = list.get_mut(place as usize);
                let is_there = found.is_some();
                found.into_iter().for_each(|old| *old = value.clone());
                Answer::Flag(is_there)
            }
            Step::ListUpdate(place) => Answer::Number(list.get_mut(place as usize).map(|value| {
                value.push(7);
                value.len() as u64
            })),
            Step::ListSwapRemove(place) => {
                let is_there = (place as usize) < list.len();
                Answer::Bytes(is_there.then(|| list.swap_remove(place as usize)))
            }
            Step::ListGet(place) => Answer::Bytes(list.get(place as usize).cloned()),
            Step::ListLast => Answer::Bytes(list.last().cloned()),
            Step::ListPage(from, limit) => {
                Answer::Values(list.iter().skip(from as usize).take(limit as usize).cloned().collect())
            }
            Step::ListIter => Answer::Values(list.clone()),
            other => self.index_step(other),
        }
    }

    fn index_step(&mut self, step: Step) -> Answer {
        let index = &mut self.index;
        let under = |index: &BTreeSet<(Text, u8)>, case: &str| -> Vec<u8> {
            index.iter().filter(|(text, _)| text.1 == case).map(|(_, key)| *key).collect()
        };
        match step {
            Step::IndexInsert(case, key) => nothing(index.insert((Text::of(&case), key))),
            Step::IndexRemove(case, key) => Answer::Flag(index.remove(&(Text::of(&case), key))),
            Step::IndexShift(key, from, to) => {
                let was_there = index.remove(&(Text::of(&from), key));
                was_there.then(|| index.insert((Text::of(&to), key)));
                Answer::Flag(was_there)
            }
            Step::IndexContains(case, key) => Answer::Flag(index.contains(&(Text::of(&case), key))),
            Step::IndexPage(case, after, limit) => {
                let later = under(index, &case).into_iter().filter(|key| after.is_none_or(|after| *key > after));
                Answer::Places(later.take(limit as usize).collect())
            }
            Step::IndexPageAll(after, limit) => {
                let after = after.map(|(case, key)| (Text::of(&case), key));
                let later = index.iter().filter(|entry| after.as_ref().is_none_or(|after| *entry > after));
                Answer::Pairs(later.take(limit as usize).map(|(case, key)| (case.1.clone(), *key)).collect())
            }
            Step::IndexIter(case) => Answer::Places(under(index, &case)),
            other => panic!("the model does not know {other:?}"),
        }
    }
}

fn nothing<T>(_: T) -> Answer {
    Answer::Nothing
}

/// Few keys, so that operations meet the same entries often; texts that are beginnings of each other.
fn text() -> impl Strategy<Value = String> {
    select(vec!["", "a", "ab", "b", "京"]).prop_map(String::from)
}

fn key() -> std::ops::Range<u8> {
    0..3
}

fn step() -> impl Strategy<Value = Step> {
    let (limit, bytes) = (0u32..5, || vec(any::<u8>(), 0..3));
    let number = || select(vec![i16::MIN, -256, -1, 0, 1, 256]);
    prop_oneof![
        value_step(),
        (key(), text(), any::<u64>()).prop_map(|(a, b, value)| Step::MapInsert(a, b, value)),
        (key(), text(), any::<u64>()).prop_map(|(a, b, value)| Step::MapInsertNew(a, b, value)),
        (key(), text()).prop_map(|(a, b)| Step::MapUpdate(a, b)),
        (key(), text()).prop_map(|(a, b)| Step::MapUpdateOrDefault(a, b)),
        (key(), text()).prop_map(|(a, b)| Step::MapTake(a, b)),
        (key(), text()).prop_map(|(a, b)| Step::MapRemove(a, b)),
        (key(), text()).prop_map(|(a, b)| Step::MapGet(a, b)),
        (option::of((key(), text())), limit.clone()).prop_map(|(after, limit)| Step::MapPage(after, limit)),
        (key(), option::of(text()), limit.clone()).prop_map(|(a, after, limit)| Step::MapPageOf(a, after, limit)),
        Just(Step::MapIter),
        key().prop_map(Step::MapIterOf),
        number().prop_map(Step::SetInsert),
        number().prop_map(Step::SetInsertNew),
        number().prop_map(Step::SetRemove),
        number().prop_map(Step::SetContains),
        (option::of(number()), limit.clone()).prop_map(|(after, limit)| Step::SetPage(after, limit)),
        Just(Step::SetIter),
        bytes().prop_map(Step::ListPush),
        bytes().prop_map(Step::ListPush),
        Just(Step::ListPop),
        (0u64..6, bytes()).prop_map(|(place, value)| Step::ListSet(place, value)),
        (0u64..6).prop_map(Step::ListUpdate),
        (0u64..6).prop_map(Step::ListSwapRemove),
        (0u64..6).prop_map(Step::ListGet),
        Just(Step::ListLast),
        (0u64..6, limit.clone()).prop_map(|(from, limit)| Step::ListPage(from, limit)),
        Just(Step::ListIter),
        index_step(limit),
    ]
}

fn value_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<u32>().prop_map(Step::ValueSet),
        any::<u32>().prop_map(Step::ValueAdd),
        Just(Step::ValueTake),
        Just(Step::ValueGet),
        (any::<u8>(), any::<u8>()).prop_map(|(key, value)| Step::ValueXInsert(key, value)),
    ]
}

fn index_step(limit: std::ops::Range<u32>) -> impl Strategy<Value = Step> {
    prop_oneof![
        (text(), key()).prop_map(|(case, key)| Step::IndexInsert(case, key)),
        (text(), key()).prop_map(|(case, key)| Step::IndexInsert(case, key)),
        (text(), key()).prop_map(|(case, key)| Step::IndexRemove(case, key)),
        (key(), text(), text()).prop_map(|(key, from, to)| Step::IndexShift(key, from, to)),
        (text(), key()).prop_map(|(case, key)| Step::IndexContains(case, key)),
        (text(), option::of(key()), limit.clone()).prop_map(|(case, after, limit)| Step::IndexPage(case, after, limit)),
        (option::of((text(), key())), limit).prop_map(|(after, limit)| Step::IndexPageAll(after, limit)),
        text().prop_map(Step::IndexIter),
    ]
}

/// A chain with the contract on it.
fn chain() -> Chain {
    let mut chain = Chain::new();
    let deployed = chain.deploy("collections", contract("collections.wasm"), Vec::new());
    assert!(deployed.outcome.is_done(), "{:?}", deployed.outcome);
    chain
}

fn run(chain: &mut Chain, account: &mut Account, steps: &[Step]) -> Vec<Answer> {
    let receipt = chain.call(account, "collections", "run", &steps);
    let Outcome::Done { output } = receipt.outcome else { panic!("{:?} after {steps:?}", receipt.outcome) };
    Vec::decode(&mut &output[..]).expect("the contract answers in SCALE")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Several transactions, so that what one wrote is read by the next from the state and not from the session.
    #[test]
    fn every_operation_answers_as_the_model_does(transactions in vec(vec(step(), 1..24), 1..5)) {
        let (mut chain, mut account, mut model) = (chain(), Account::new(9), Model::default());
        for steps in transactions {
            let expected: Vec<_> = steps.iter().cloned().map(|step| model.step(step)).collect();
            prop_assert_eq!(run(&mut chain, &mut account, &steps), expected, "{:?}", steps);
        }
    }
}

#[test]
fn going_through_many_entries_crosses_pages_by_count_and_by_bytes() {
    let (mut chain, mut account) = (chain(), Account::new(9));
    let small: Vec<_> = (0..100u8).map(|key| Step::IndexInsert("case".into(), key)).collect();
    run(&mut chain, &mut account, &small);
    let all = run(&mut chain, &mut account, &[Step::IndexIter("case".into())]);
    assert_eq!(all, [Answer::Places((0..100).collect())]);
    // Five values of 60 KB: a page has room for two of them.
    let large: Vec<Vec<u8>> = (0..5u8).map(|fill| vec![fill; 60_000]).collect();
    for value in &large {
        run(&mut chain, &mut account, &[Step::ListPush(value.clone())]);
    }
    let Outcome::Done { output } = chain.query("collections", "list_lengths", &()).outcome else {
        panic!("the list is read")
    };
    assert_eq!(Vec::<u32>::decode(&mut &output[..]), Ok(vec![60_000; 5]));
}

#[test]
fn going_through_entries_is_metered() {
    let (mut chain, mut account) = (chain(), Account::new(9));
    let insert = |keys: std::ops::Range<u8>| keys.map(|key| Step::MapInsert(key, "x".into(), 1)).collect::<Vec<_>>();
    run(&mut chain, &mut account, &insert(0..20));
    let few = chain.query("collections", "total", &());
    assert_eq!(few.outcome, Outcome::Done { output: 20u64.encode() });
    run(&mut chain, &mut account, &insert(20..200));
    let many = chain.query("collections", "total", &());
    assert_eq!(many.outcome, Outcome::Done { output: 200u64.encode() });
    let more = many.gas_used - few.gas_used;
    assert!(more >= 180 * PAGE_ENTRY_GAS, "each entry costs: {} after {}", many.gas_used, few.gas_used);
    let starved = chain.query_with_gas("collections", "total", &(), few.gas_used * 2);
    assert_eq!(
        starved.outcome,
        Outcome::Trapped { contract: chain.address("collections"), class: TrapClass::OutOfGas }
    );
}

#[test]
fn an_overflow_stops_the_call_and_does_not_wrap() {
    let chain = chain();
    let sum = |a: u64, b: u64| chain.query("collections", "sum", &(a, b)).outcome;
    assert_eq!(sum(u64::MAX, 0), Outcome::Done { output: u64::MAX.encode() });
    let stopped = Outcome::Trapped { contract: chain.address("collections"), class: TrapClass::Unreachable };
    assert_eq!(sum(u64::MAX, 1), stopped);
}

#[test]
fn each_entry_is_stored_by_itself_under_a_key_made_of_its_fields_name() {
    use chancery_runtime::state::StateView as _;

    let (mut chain, mut account) = (chain(), Account::new(9));
    let steps = [Step::MapInsert(2, "ab".into(), 7), Step::ListPush(vec![9]), Step::SetInsert(-1)];
    run(&mut chain, &mut account, &steps);
    let (address, view) = (chain.address("collections"), chain.state.view(None));
    let entry = |slot: &[u8]| view.get(&address, slot).expect("the state is readable");
    assert_eq!(entry(b"\x03map\x02\x00\x02ab"), Some(7u64.encode()));
    assert_eq!(entry(b"\x04list"), Some(1u64.encode()));
    assert_eq!(entry(b"\x04list\0\0\0\0\0\0\0\0"), Some(vec![9u8].encode()));
    assert_eq!(entry(b"\x03set\x7f\xff"), Some(Vec::new()));
    assert_eq!(view.page(&address, &[], &[], 10).expect("readable").len(), 4, "and nothing else is stored");
}
