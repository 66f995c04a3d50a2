//! The committee's threshold key gives way to another, by acts in the registry's real contract, while somebody loses power at
//! every moment of that: in each stage of the ceremony, when the new key is announced, while the old one's holders sign it,
//! around its first height and when it is in force; and at one of these all do. In every third run the rotation is given up
//! first and decided on again.
//!
//! At all times a height has one key, and a key in force changes only to the announced one. Nobody signs with the new key before
//! the old one's last beacon is known ([`overheard`]). The rotation ends in bounded time; then every height has its one beacon
//! by the key that speaks for it, and whoever trusts the old key is led to the new one ([`verdict`]).
//!
//! Never is more than one away at once, but for the moment in which all lose power. A seed decides what goes wrong; the secrets
//! are random, and so are the transactions with them, so no trace is compared.

mod moments;
mod office;
mod overheard;
mod run;
mod verdict;

pub(super) use self::{
    moments::MOMENTS,
    office::genesis,
    overheard::{Ear, Overheard, Signed},
};
