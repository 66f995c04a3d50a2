//! The counter of docs/contracts/compared.md with soroban's SDK. This line is not counted there.
#![no_std]
use soroban_sdk::{contract, contracterror, contractevent, contractimpl, contracttype, Address, Env};

#[contracttype]
pub enum DataKey {
    Owner,
    Count,
}

#[contractevent]
pub struct Counted {
    #[topic]
    pub by: Address,
    pub count: u64,
}

#[contracterror]
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum CounterError {
    Full = 1,
}

#[contract]
pub struct Counter;

#[contractimpl]
impl Counter {
    pub fn __constructor(env: Env, owner: Address) {
        env.storage().instance().set(&DataKey::Owner, &owner);
    }

    pub fn add(env: Env, by: Address, step: u64) -> Result<u64, CounterError> {
        by.require_auth();
        let count = Self::value(env.clone()).checked_add(step).ok_or(CounterError::Full)?;
        env.storage().instance().set(&DataKey::Count, &count);
        Counted { by, count }.publish(&env);
        Ok(count)
    }

    pub fn reset(env: Env) {
        let owner: Address = env.storage().instance().get(&DataKey::Owner).unwrap();
        owner.require_auth();
        env.storage().instance().set(&DataKey::Count, &0u64);
    }

    pub fn value(env: Env) -> u64 {
        env.storage().instance().get(&DataKey::Count).unwrap_or_default()
    }
}
