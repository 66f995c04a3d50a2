//! The counter of docs/contracts/compared.md with near's SDK. This line is not counted there.
use near_sdk::{env, near, require, AccountId, FunctionError, PanicOnDefault};

#[near(contract_state)]
#[derive(PanicOnDefault)]
pub struct Counter {
    owner: AccountId,
    count: u64,
}

#[near(event_json(standard = "counter"))]
pub enum CounterEvent {
    #[event_version("1.0.0")]
    Counted { by: AccountId, count: u64 },
}

#[derive(Debug)]
pub enum CounterError {
    Full,
}

impl FunctionError for CounterError {
    fn panic(&self) -> ! {
        env::panic_str("the counter is full")
    }
}

#[near]
impl Counter {
    #[init]
    pub fn new() -> Self {
        Self { owner: env::predecessor_account_id(), count: 0 }
    }

    #[handle_result]
    pub fn add(&mut self, step: u64) -> Result<u64, CounterError> {
        self.count = self.count.checked_add(step).ok_or(CounterError::Full)?;
        CounterEvent::Counted { by: env::predecessor_account_id(), count: self.count }.emit();
        Ok(self.count)
    }

    pub fn reset(&mut self) {
        require!(env::predecessor_account_id() == self.owner, "only its owner may reset it");
        self.count = 0;
    }

    pub fn value(&self) -> u64 {
        self.count
    }
}
