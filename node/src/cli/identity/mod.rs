//! `chancery identity`: the off-chain half of the contract `identity`.
//!
//! An authority prepares salted trees of residents' attributes, thousands at once; a resident presents one attribute from
//! the tree's file; anyone checks it offline against a proof of the credential. Salts and values stay in files that only
//! their owner reads: nothing but roots goes into the calls.

mod check;
mod tree;

use clap::Subcommand;

use super::{failure::Result, output::Output};

/// Prepare, present and check attested attributes.
#[derive(Subcommand)]
pub(super) enum Identity {
    /// Make salted trees of residents' attributes, and the calls that attest their roots.
    Prepare(tree::Prepare),
    /// Present one attribute of a credential.
    Present(tree::Present),
    /// Check a presented attribute against a proof of its credential, without a network.
    Check(check::Check),
}

impl Identity {
    /// Runs the command.
    ///
    /// # Errors
    /// When a file cannot be read or written, or a presentation does not hold.
    pub(super) fn run(self, output: &Output) -> Result {
        match self {
            Self::Prepare(prepare) => prepare.run(output),
            Self::Present(present) => present.run(output),
            Self::Check(check) => check.run(output),
        }
    }
}
