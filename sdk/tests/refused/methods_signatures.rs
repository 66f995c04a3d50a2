//! Methods whose signatures cannot be called from outside.
#![allow(unused)]
use chancery_sdk::prelude::*;

#[contract]
pub struct Office {
    owner: Value<Address>,
}

#[methods]
impl Office {
    #[query]
    pub fn writes(&mut self) {}

    #[access(anyone)]
    pub fn consumes(self) {}

    #[access(anyone)]
    pub fn boxed(self: Box<Self>) {}

    #[access(anyone)]
    pub fn no_receiver(amount: u64) {}

    #[access(anyone)]
    pub fn generic<T: Data>(&mut self, value: T) {}

    #[access(anyone)]
    pub fn opaque(&mut self, value: impl Data) {}

    #[access(anyone)]
    pub async fn later(&mut self) {}

    #[access(anyone)]
    pub unsafe fn dangerous(&mut self) {}

    #[access(anyone)]
    pub fn late_context(&mut self, amount: u64, cx: &Cx) {}

    #[access(anyone)]
    pub fn owned_context(&mut self, cx: Cx) {}

    #[access(anyone)]
    pub fn changed_context(&mut self, cx: &mut Cx) {}

    #[access(anyone)]
    pub fn unnamed(&mut self, (a, b): (u32, u32)) {}

    #[access(anyone)]
    pub fn ignored(&mut self, _: u32) {}

    #[access(anyone)]
    pub fn Capital(&mut self) {}

    #[init]
    pub fn init(&mut self) {}

    #[init]
    pub fn set_up(&mut self) {}

    #[init]
    pub fn answers(&mut self) -> u64 {
        0
    }

    #[migrate]
    pub fn migrate(&mut self) -> Result<u32, ()> {
        Ok(0)
    }
}

fn main() {}
