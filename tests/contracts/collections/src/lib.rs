//! Every storage collection with every operation it has, for the tests to compare with a model: one call carries out a
//! list of operations and answers each.
#![no_std]

mod steps;

use chancery_sdk::prelude::*;

use steps::{Answer, Step};

/// Every kind of field.
#[contract]
pub struct Collections {
    value: Value<u32>,
    map: Map<(u8, String), u64>,
    set: Set<i16>,
    list: List<Vec<u8>>,
    index: Index<String, u8>,
    /// Its name begins with another field's name: their entries must not meet.
    value_x: Map<u8, u8>,
}

#[methods]
impl Collections {
    /// Carries out `steps` in order.
    #[access(anyone)]
    pub fn run(&mut self, steps: Vec<Step>) -> Vec<Answer> {
        steps.into_iter().map(|step| self.step(step)).collect()
    }

    /// `a + b`, to see what an overflow does.
    #[query]
    pub fn sum(&self, a: u64, b: u64) -> u64 {
        a + b
    }

    /// Goes through the whole map: as much gas as there are entries.
    #[query]
    pub fn total(&self) -> u64 {
        self.map.iter().map(|(_, value)| value).fold(0, u64::wrapping_add)
    }

    /// The lengths of the list's values, which together may be more than a call may answer.
    #[query]
    pub fn list_lengths(&self) -> Vec<u32> {
        self.list.iter().map(|value| value.len() as u32).collect()
    }

    fn step(&mut self, step: Step) -> Answer {
        match step {
            Step::ValueSet(number) => done(self.value.set(&number)),
            Step::ValueAdd(number) => Answer::Number(self.value.update(|value| {
                *value = value.wrapping_add(number);
                u64::from(*value)
            })),
            Step::ValueTake => Answer::Number(self.value.take().map(u64::from)),
            Step::ValueGet => Answer::Number(self.value.get().map(u64::from)),
            Step::ValueXInsert(key, value) => done(self.value_x.insert(&key, &value)),
            other => self.map_step(other),
        }
    }

    fn map_step(&mut self, step: Step) -> Answer {
        let map = &mut self.map;
        match step {
            Step::MapInsert(a, b, value) => done(map.insert(&(a, b), &value)),
            Step::MapInsertNew(a, b, value) => Answer::Flag(map.insert_new(&(a, b), &value)),
            Step::MapUpdate(a, b) => Answer::Number(map.update(&(a, b), next)),
            Step::MapUpdateOrDefault(a, b) => Answer::Number(Some(map.update_or_default(&(a, b), next))),
            Step::MapTake(a, b) => Answer::Number(map.take(&(a, b))),
            Step::MapRemove(a, b) => Answer::Flag(map.remove(&(a, b))),
            Step::MapGet(a, b) => Answer::Number(map.get(&(a, b))),
            Step::MapPage(after, limit) => {
                Answer::Entries(map.page(after.as_ref(), limit).into_iter().map(flat).collect())
            }
            Step::MapPageOf(first, after, limit) => Answer::Parts(map.page_of(&first, after.as_ref(), limit)),
            Step::MapIter => Answer::Entries(map.iter().map(flat).collect()),
            Step::MapIterOf(first) => Answer::Parts(map.iter_of(&first).collect()),
            other => self.set_step(other),
        }
    }

    fn set_step(&mut self, step: Step) -> Answer {
        let set = &mut self.set;
        match step {
            Step::SetInsert(key) => done(set.insert(&key)),
            Step::SetInsertNew(key) => Answer::Flag(set.insert_new(&key)),
            Step::SetRemove(key) => Answer::Flag(set.remove(&key)),
            Step::SetContains(key) => Answer::Flag(set.contains(&key)),
            Step::SetPage(after, limit) => Answer::Keys(set.page(after.as_ref(), limit)),
            Step::SetIter => Answer::Keys(set.iter().collect()),
            other => self.list_step(other),
        }
    }

    fn list_step(&mut self, step: Step) -> Answer {
        let list = &mut self.list;
        match step {
            Step::ListPush(value) => Answer::Number(Some(list.push(&value))),
            Step::ListPop => Answer::Bytes(list.pop()),
            Step::ListSet(place, value) => Answer::Flag(list.set(place, &value)),
            Step::ListUpdate(place) => Answer::Number(list.update(place, |value| {
                value.push(7);
                value.len() as u64
            })),
            Step::ListSwapRemove(place) => Answer::Bytes(list.swap_remove(place)),
            Step::ListGet(place) => Answer::Bytes(list.get(place)),
            Step::ListLast => Answer::Bytes(list.last()),
            Step::ListPage(from, limit) => Answer::Values(list.page(from, limit)),
            Step::ListIter => Answer::Values(list.iter().collect()),
            other => self.index_step(other),
        }
    }

    fn index_step(&mut self, step: Step) -> Answer {
        let index = &mut self.index;
        match step {
            Step::IndexInsert(case, key) => done(index.insert(&case, &key)),
            Step::IndexRemove(case, key) => Answer::Flag(index.remove(&case, &key)),
            Step::IndexShift(key, from, to) => Answer::Flag(index.shift(&key, &from, &to)),
            Step::IndexContains(case, key) => Answer::Flag(index.contains(&case, &key)),
            Step::IndexPage(case, after, limit) => Answer::Places(index.page(&case, after.as_ref(), limit)),
            Step::IndexPageAll(after, limit) => {
                Answer::Pairs(index.page_all(after.as_ref().map(|(case, key)| (case, key)), limit))
            }
            Step::IndexIter(case) => Answer::Places(index.iter(&case).collect()),
            _ => Answer::Nothing,
        }
    }
}

fn done((): ()) -> Answer {
    Answer::Nothing
}

fn next(value: &mut u64) -> u64 {
    *value = value.wrapping_add(1);
    *value
}

fn flat(((a, b), value): ((u8, String), u64)) -> (u8, String, u64) {
    (a, b, value)
}
