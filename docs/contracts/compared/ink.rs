//! The counter of docs/contracts/compared.md with ink's SDK. This line is not counted there.
#![cfg_attr(not(feature = "std"), no_std, no_main)]

#[ink::contract]
mod counter {
    #[ink(storage)]
    pub struct Counter {
        owner: AccountId,
        count: u64,
    }

    #[ink(event)]
    pub struct Counted {
        #[ink(topic)]
        by: AccountId,
        count: u64,
    }

    #[derive(Debug, PartialEq, Eq)]
    #[ink::scale_derive(Encode, Decode, TypeInfo)]
    pub enum CounterError {
        Full,
        NotOwner,
    }

    impl Counter {
        #[ink(constructor)]
        pub fn new() -> Self {
            Self { owner: Self::env().caller(), count: 0 }
        }

        #[ink(message)]
        pub fn add(&mut self, step: u64) -> Result<u64, CounterError> {
            self.count = self.count.checked_add(step).ok_or(CounterError::Full)?;
            self.env().emit_event(Counted { by: self.env().caller(), count: self.count });
            Ok(self.count)
        }

        #[ink(message)]
        pub fn reset(&mut self) -> Result<(), CounterError> {
            if self.env().caller() != self.owner {
                return Err(CounterError::NotOwner);
            }
            self.count = 0;
            Ok(())
        }

        #[ink(message)]
        pub fn value(&self) -> u64 {
            self.count
        }
    }
}
