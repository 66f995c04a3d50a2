//! `chancery identity`: the off-chain half of the contract `identity`.
//!
//! An authority prepares salted trees of residents' attributes, thousands at once; a resident presents one attribute from
//! the tree's file, gives consents and sees what was made of them; anyone checks it offline against a proof of the credential. Salts and values stay in files that only
//! their owner reads: nothing but roots goes into the calls.

mod check;
mod consent;
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
    /// Make a consent for one department to verify one attribute, and print the call that gives it.
    Consent(consent::Consent),
    /// Make the record of one verification, and print the call that files it.
    Verification(consent::Verification),
    /// Show all verifications under a consent, proven to be all.
    Records(consent::Records),
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
            Self::Consent(consent) => consent.run(output),
            Self::Verification(verification) => verification.run(output),
            Self::Records(records) => records.run(output),
        }
    }
}
