//! The jobs in plain Rust over a hash map: what they cost without a sandbox.

use std::{collections::HashMap, hint::black_box};

use chancery_abi::{Address, Digest};
use parity_scale_codec::{Decode, Encode};

/// A map of entries and a list of events, as the simplest service would have them.
#[derive(Default)]
pub(crate) struct Native {
    entries: HashMap<Vec<u8>, Vec<u8>>,
    events: Vec<Vec<u8>>,
    caller: Address,
}

impl Native {
    /// A service whose caller has all points there are.
    pub(crate) fn new(caller: Address) -> Self {
        let mut native = Self { caller, ..Self::default() };
        native.entries.insert(slot(b'p', &caller.0), u128::MAX.encode());
        native
    }

    /// Forgets what was done.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.caller);
    }

    /// Runs a job on its encoded arguments.
    pub(crate) fn run(&mut self, method: &str, mut input: &[u8]) {
        let input = &mut input;
        let done = match method {
            "nothing" => Some(()),
            "register" => self.register(input),
            "transfer" => self.transfer(input),
            "digest" => {
                black_box(digest());
                Some(())
            }
            _ => None,
        };
        done.expect("the benches' jobs succeed");
    }

    fn register(&mut self, input: &mut &[u8]) -> Option<()> {
        let (digest, meta) = <(Digest, [u8; 64])>::decode(input).ok()?;
        let slot = slot(b'r', &digest.0);
        if self.entries.contains_key(&slot) {
            return None;
        }
        self.entries.insert(slot, meta.encode());
        self.events.push((digest, self.caller).encode());
        Some(())
    }

    fn transfer(&mut self, input: &mut &[u8]) -> Option<()> {
        let (to, amount) = <(Address, u128)>::decode(input).ok()?;
        let (from_slot, to_slot) = (slot(b'p', &self.caller.0), slot(b'p', &to.0));
        let left = self.points(&from_slot).checked_sub(amount)?;
        self.entries.insert(from_slot, left.encode());
        let grown = self.points(&to_slot).checked_add(amount)?;
        self.entries.insert(to_slot, grown.encode());
        self.events.push((self.caller, to, amount).encode());
        Some(())
    }

    fn points(&self, slot: &[u8]) -> u128 {
        self.entries.get(slot).and_then(|bytes| u128::decode(&mut &bytes[..]).ok()).unwrap_or_default()
    }
}

fn slot(field: u8, key: &[u8; 32]) -> Vec<u8> {
    let mut slot = Vec::with_capacity(33);
    slot.push(field);
    slot.extend_from_slice(key);
    slot
}

fn digest() -> Digest {
    let message: Vec<u8> = (0..black_box(64 * 1024usize)).map(|at| (at as u8).wrapping_mul(31)).collect();
    Digest::of(&message)
}
