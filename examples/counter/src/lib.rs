//! A counter that its owner resets and anyone may count with: a whole contract on one screen.
#![no_std]
use chancery_sdk::prelude::*;

/// A counter.
///
/// zh: 计数器
#[contract]
pub struct Counter {
    /// Who may reset it.
    owner: Value<Address>,
    /// The count so far.
    #[public]
    count: Value<u64>,
}

/// The count changed.
#[event]
pub struct Counted {
    #[index]
    pub by: Address,
    pub count: u64,
}

#[error]
pub enum CounterError {
    #[code(1)]
    #[message(en = "the counter is full", zh = "计数器已满")]
    Full,
}

#[methods]
impl Counter {
    #[init]
    pub fn init(&mut self, cx: &Cx) {
        self.owner.set(&cx.caller());
    }

    /// Counts on by `step`.
    #[access(anyone)]
    pub fn add(&mut self, cx: &Cx, step: u64) -> Result<u64, CounterError> {
        let count = self.count().checked_add(step).ok_or(CounterError::Full)?;
        self.count.set(&count);
        cx.emit(&Counted { by: cx.caller(), count });
        Ok(count)
    }

    #[access(only(owner))]
    pub fn reset(&mut self) {
        self.count.set(&0);
    }

    #[query]
    pub fn value(&self) -> u64 {
        self.count()
    }

    fn count(&self) -> u64 {
        self.count.get().unwrap_or_default()
    }
}
