//! The context of a call: who calls, where and when, and what a contract may ask of the chain.

use alloc::{string::String, vec::Vec};

use chancery_abi::{
    Address, Digest, Ident, Name, Scheme,
    host::CallFailure,
    lane::{Anchored, slots},
    merkle,
    message::{Arrived, MainchainFact, Outgoing, SendFailure},
};
use parity_scale_codec::Encode;

use crate::{Event, data, entry, event, sys};

/// For how many heights of the mainchain a message may run, where its sender says nothing else: about a day of idle blocks.
pub const MESSAGE_VALID_FOR: u64 = 43_200;

/// The context of a call. Every method that names a parameter `cx: &Cx` is given it.
pub struct Cx(());

/// The context of the call under execution.
#[doc(hidden)]
pub fn cx() -> Cx {
    Cx(())
}

impl Cx {
    /// Who calls: the signer of the transaction, or the contract that called this one.
    pub fn caller(&self) -> Address {
        sys::caller()
    }

    /// This contract's own address.
    pub fn this(&self) -> Address {
        sys::this()
    }

    /// Who signed the transaction. Access is checked of the [`caller`](Self::caller); this only tells whose
    /// transaction it is.
    pub fn signer(&self) -> Address {
        sys::signer()
    }

    /// The transaction's digest; zero in a query.
    pub fn transaction(&self) -> Digest {
        sys::transaction()
    }

    /// The chain's name.
    pub fn chain(&self) -> Name {
        let name = String::from_utf8(sys::chain()).ok().and_then(|name| Name::new(name).ok());
        name.expect("the runtime's chain has a valid name")
    }

    /// The block's height.
    pub fn height(&self) -> u64 {
        sys::height()
    }

    /// The block's time, in milliseconds since 1970. It never goes back, and is the proposer's within bounds.
    pub fn time_ms(&self) -> u64 {
        sys::time_ms()
    }

    /// The beacon of a mainchain height: 32 bytes that nobody could know or choose before that height was final. `None`
    /// until a later block has brought it, and for heights before the chain had a threshold key. A draw names the height
    /// before it comes, and its list is closed by then.
    pub fn beacon(&self, height: u64) -> Option<Digest> {
        sys::beacon(height)
    }

    /// Promises to draw by the beacon of a mainchain height, and has it brought to this chain as soon as there is one: a
    /// sidechain is brought those that its contracts expect. `false`, and nothing is promised, where the height is not above
    /// [`mainchain_height`](Self::mainchain_height) or beyond the [`beacon_horizon`](Self::beacon_horizon).
    #[must_use = "a beacon that is not promised may never come, or be of a key that was made after the list was closed"]
    pub fn expect_beacon(&self, height: u64) -> bool {
        height > self.mainchain_height() && height <= sys::expect_beacon(height)
    }

    /// The furthest mainchain height whose beacon can be promised now; 0 while there is no threshold key. It is so many heights
    /// ahead as the network was set up with (100,000 where nothing else was said), or the last height of the present key once
    /// another was announced.
    pub fn beacon_horizon(&self) -> u64 {
        // No height is above this one, so nothing is promised.
        sys::expect_beacon(u64::MAX)
    }

    /// The newest mainchain height that this chain has seen; on the mainchain the block's own height.
    pub fn mainchain_height(&self) -> u64 {
        sys::mainchain_height()
    }

    /// The mainchain's name, on a sidechain; `None` on a mainchain itself.
    pub fn mainchain(&self) -> Option<Name> {
        let name = sys::mainchain();
        if name.is_empty() { None } else { String::from_utf8(name).ok().and_then(|name| Name::new(name).ok()) }
    }

    /// The mainchain's record of a header of this chain, by a proof that a caller presents (`chancery chain anchored`), or
    /// `None` where it is none. What stood in this chain's state at that height was fixed when the record was made, whose
    /// mainchain height is in it.
    pub fn own_anchor(&self, presented: &[u8]) -> Option<Anchored> {
        let fact = self.mainchain_entry(presented)?;
        let record: Anchored = data::decode(&fact.value?)?;
        let system = self.sha256(&Address::system_identity());
        let is_own = fact.contract.0 == system.0 && fact.key == slots::anchored(&self.chain(), record.height);
        is_own.then_some(record)
    }

    /// What an entry of the mainchain's state is, by a proof that a caller presents (`chancery prove --present`), or `None`
    /// where it does not hold or is of a header that this chain has not seen of late. Whose entry it is and of which
    /// height stands in the answer, and is the contract's to check.
    pub fn mainchain_entry(&self, presented: &[u8]) -> Option<MainchainFact> {
        sys::mainchain_entry(presented).and_then(|fact| data::decode(&fact))
    }

    /// Sends a message: a method of a contract on another chain, marked `#[on_message]` there, will be run with
    /// `arguments`, a tuple as for [`call`](Self::call), and at most `gas`. Returns its number on the lane to that chain.
    ///
    /// It runs exactly once there, in the order of the lane, or comes back exactly once to this contract's `#[on_bounce]`
    /// method. It leaves with the block, so a transaction that fails sends nothing.
    ///
    /// # Errors
    /// When it was not sent; this contract may go on.
    pub fn send(
        &self,
        chain: &Name,
        contract: &Address,
        method: &str,
        arguments: &impl Encode,
        gas: u64,
    ) -> Result<u64, SendFailure> {
        self.send_with(chain, contract, method, arguments, gas, MESSAGE_VALID_FOR, None)
    }

    /// As [`send`](Self::send), with something countable of this contract's own that goes with it, in the books of the
    /// lane: there it can never be more than was sent. It comes back with the message.
    ///
    /// # Errors
    /// When it was not sent; this contract may go on.
    pub fn send_quantity(
        &self,
        chain: &Name,
        contract: &Address,
        method: &str,
        arguments: &impl Encode,
        gas: u64,
        (asset, amount): (&str, u64),
    ) -> Result<u64, SendFailure> {
        self.send_with(chain, contract, method, arguments, gas, MESSAGE_VALID_FOR, Some((asset, amount)))
    }

    /// As [`send`](Self::send) and [`send_quantity`](Self::send_quantity), valid for so many heights of the mainchain.
    ///
    /// # Errors
    /// When it was not sent; this contract may go on.
    #[expect(clippy::too_many_arguments, reason = "these are the message's own fields")]
    pub fn send_with(
        &self,
        chain: &Name,
        contract: &Address,
        method: &str,
        arguments: &impl Encode,
        gas: u64,
        valid_for: u64,
        quantity: Option<(&str, u64)>,
    ) -> Result<u64, SendFailure> {
        let ident = |text: &str| Ident::new(text).map_err(|_| SendFailure::OutOfBounds);
        let quantity = match quantity {
            Some((asset, amount)) => Some((ident(asset)?, amount)),
            None => None,
        };
        let (chain, contract, method) = (chain.clone(), *contract, ident(method)?);
        let input = arguments.encode();
        let outgoing = Outgoing { chain, contract, method, input, gas, valid_for, quantity };
        sys::send(&outgoing.encode()).map_err(|failure| match data::decode(&failure) {
            Some(failure) => failure,
            None => entry::stop(entry::BAD_STATE),
        })
    }

    /// The message that this method was run by: the chain and the contract it came from, what came with it, and in an
    /// `#[on_bounce]` method the message that came back. `None` in every other method.
    pub fn arrived(&self) -> Option<Arrived> {
        sys::arrived().and_then(|arrived| data::decode(&arrived))
    }

    /// The address of the contract that `department` calls `name` on another chain.
    pub fn contract_on(&self, chain: &Name, department: &Name, name: &Name) -> Address {
        Address(self.sha256(&Address::contract_identity(chain, department, name)).0)
    }

    /// Whether the caller holds a role in this contract's department, by the mainchain's registry, at this block's time.
    /// `#[access(role(NAME))]` asks this before the method runs.
    pub fn has_role(&self, role: &str) -> bool {
        sys::has_role(role)
    }

    /// The gas that is left for this call.
    pub fn gas_left(&self) -> u64 {
        sys::gas_left()
    }

    /// Announces an event. It is in the receipt if the transaction is done.
    #[inline(never)]
    pub fn emit<E: Event>(&self, event: &E) {
        event::emit(event);
    }

    /// The SHA-256 of `bytes`, by the host: far cheaper than in the contract.
    pub fn sha256(&self, bytes: &[u8]) -> Digest {
        sys::sha256(bytes)
    }

    /// The Merkle root (RFC 6962, SHA-256) that `path` leads to from a leaf that holds `entry`, or `None` when the path
    /// is not one of its index and count.
    pub fn merkle_root(&self, path: &merkle::Path, entry: &[u8]) -> Option<Digest> {
        let leaf = self.sha256(&[&[0], entry].concat());
        path.root_by(&leaf, |left, right| self.sha256(&[&[1], &left.0[..], &right.0].concat()))
    }

    /// Whether an ed25519 signature by `key` holds over `message` (ZIP-215 rules).
    pub fn verify_ed25519(&self, key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> bool {
        sys::verify_ed25519(key, signature, message)
    }

    /// Whether an ECDSA signature (r and s) by a compressed P-256 key holds over the SHA-256 of `message`: what passkeys
    /// and many smart cards make. Its s must be in the lower half, so that a signature has one form only.
    pub fn verify_p256(&self, key: &[u8; 33], signature: &[u8; 64], message: &[u8]) -> bool {
        sys::verify_p256(key, signature, message)
    }

    /// The address of whoever signs transactions with an ed25519 key.
    pub fn account(&self, key: &[u8; 32]) -> Address {
        Address(self.sha256(&Address::key_identity(Scheme::Ed25519, key)).0)
    }

    /// The address of the contract that `department` calls `name` on this chain, whether it is there or not.
    pub fn contract(&self, department: &Name, name: &Name) -> Address {
        self.contract_on(&self.chain(), department, name)
    }

    /// Calls a method of another contract with at most `gas`, and returns the SCALE of what it returned. `arguments`
    /// are a tuple, `&(digest, 7u32)`; `&()` when there are none. A handle made by [`handle!`](crate::handle) does this
    /// with types.
    ///
    /// # Errors
    /// When the other contract refused, was stopped or could not be called. It then changed nothing, and this one may
    /// go on.
    pub fn call(
        &self,
        contract: &Address,
        method: &str,
        arguments: &impl Encode,
        gas: u64,
    ) -> Result<Vec<u8>, CallFailure> {
        arguments.using_encoded(|input| self.call_encoded(contract, method, input, gas))
    }

    /// As [`call`](Self::call), with the arguments' SCALE.
    ///
    /// # Errors
    /// When the other contract refused, was stopped or could not be called.
    pub fn call_encoded(
        &self,
        contract: &Address,
        method: &str,
        input: &[u8],
        gas: u64,
    ) -> Result<Vec<u8>, CallFailure> {
        sys::call(contract, method.as_bytes(), input, gas).map_err(|failure| match data::decode(&failure) {
            Some(failure) => failure,
            None => entry::stop(entry::BAD_STATE),
        })
    }
}
