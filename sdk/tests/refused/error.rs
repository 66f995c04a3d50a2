//! Enums that cannot be refused with.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[error]
pub struct Refusal;

#[error]
pub enum Generic<T> {
    #[code(1)]
    #[message(en = "full", zh = "已满")]
    Full(T),
}

#[error]
pub enum Unnumbered {
    #[message(en = "full", zh = "已满")]
    Full,
    #[code]
    #[message(en = "full", zh = "已满")]
    Bare,
    #[code("2")]
    #[message(en = "full", zh = "已满")]
    Text,
    #[code(0)]
    #[message(en = "full", zh = "已满")]
    Zero,
    #[code(0xFFFF_0000)]
    #[message(en = "full", zh = "已满")]
    Reserved,
    #[code(3)]
    #[code(4)]
    #[message(en = "full", zh = "已满")]
    Two,
    #[code(5)]
    #[message(en = "full", zh = "已满")]
    First,
    #[code(5)]
    #[message(en = "full", zh = "已满")]
    Second,
}

#[error]
pub enum Wordless {
    #[code(1)]
    Full,
    #[code(2)]
    #[message(en = "full")]
    English,
    #[code(3)]
    #[message(en = "full", zh = " ")]
    Empty,
    #[code(4)]
    #[message(en = "full", zh = "已满", fr = "plein")]
    French,
    #[code(5)]
    #[message("full")]
    Alone,
    #[code(6)]
    #[message(en = "{limit} is the most", zh = "最多{max}")]
    Placeholder { max: u32 },
    #[code(7)]
    #[message(en = "{limit is the most", zh = "最多{limit}")]
    Unclosed { limit: u32 },
    #[code(8)]
    #[message(en = "full", zh = "已满")]
    #[message(en = "full", zh = "已满")]
    Repeated,
    #[code(9)]
    #[message(en = "{price} is the price", zh = "价格{price}")]
    Float { price: f64 },
}

fn main() {}
