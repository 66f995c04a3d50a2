//! What the contract is asked and answers; the tests compile this file too.

use chancery_sdk::prelude::*;

/// One operation.
#[data]
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    ValueSet(u32),
    ValueAdd(u32),
    ValueTake,
    ValueGet,
    MapInsert(u8, String, u64),
    MapInsertNew(u8, String, u64),
    MapUpdate(u8, String),
    MapUpdateOrDefault(u8, String),
    MapTake(u8, String),
    MapRemove(u8, String),
    MapGet(u8, String),
    MapPage(Option<(u8, String)>, u32),
    MapPageOf(u8, Option<String>, u32),
    MapIter,
    MapIterOf(u8),
    SetInsert(i16),
    SetInsertNew(i16),
    SetRemove(i16),
    SetContains(i16),
    SetPage(Option<i16>, u32),
    SetIter,
    ListPush(Vec<u8>),
    ListPop,
    ListSet(u64, Vec<u8>),
    ListUpdate(u64),
    ListSwapRemove(u64),
    ListGet(u64),
    ListLast,
    ListPage(u64, u32),
    ListIter,
    IndexInsert(String, u8),
    IndexRemove(String, u8),
    IndexShift(u8, String, String),
    IndexContains(String, u8),
    IndexPage(String, Option<u8>, u32),
    IndexPageAll(Option<(String, u8)>, u32),
    IndexIter(String),
    ValueXInsert(u8, u8),
}

/// What an operation answered.
#[data]
#[derive(Debug, PartialEq)]
pub enum Answer {
    Nothing,
    Flag(bool),
    Number(Option<u64>),
    Bytes(Option<Vec<u8>>),
    Entries(Vec<(u8, String, u64)>),
    Parts(Vec<(String, u64)>),
    Keys(Vec<i16>),
    Values(Vec<Vec<u8>>),
    Places(Vec<u8>),
    Pairs(Vec<(String, u8)>),
}
