//! A contract's methods as seen from outside: what `#[methods]` writes for tests and tools, on every target but wasm32.
//!
//! For each impl block there is a trait with a method for each of the contract's methods, whose arguments are typed and
//! which returns whatever the handle makes of a call. A handle, such as `chancery_testing::Deployed<Counter>`,
//! implements [`Calls`], and so has them all.

use alloc::vec::Vec;

/// A package with a contract in it. `#[contract]` implements it.
pub trait Package {
    /// The folder of its Cargo.toml.
    const DIRECTORY: &'static str;
}

/// When a method runs that no transaction calls by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// When the contract is deployed.
    Init,
    /// When its code is replaced by this.
    Migrate,
}

/// A handle of contract `C`.
pub trait Calls<C> {
    /// A call that returns `T`.
    type Call<T>;
    /// A query that returns `T`.
    type Query<T>;
    /// What runs when the contract is deployed or upgraded.
    type Begin;

    /// A method that may change the state, with its arguments in SCALE.
    fn call<T>(&self, method: &'static str, input: Vec<u8>) -> Self::Call<T>;

    /// A method that changes nothing.
    fn query<T>(&self, method: &'static str, input: Vec<u8>) -> Self::Query<T>;

    /// The init or migrate method.
    fn begin(&self, kind: Kind, method: &'static str, input: Vec<u8>) -> Self::Begin;
}
