//! How far a bundle held before it failed: what a reader who is no programmer is told, step by step.

use core::fmt;

use crate::VerifyError;

/// The steps of a check, in the order in which they are made: what comes before the one that failed has held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The bytes are a bundle of the anchor's chain, or of a sidechain of it.
    Proof,
    /// What is stated is so in the state or the receipts that the header commits to.
    State,
    /// A quorum of the committee that the bundle names signed that header, or one that leads to it.
    Signatures,
    /// That committee is the anchor's, or one that it handed over to.
    Departments,
}

impl Stage {
    /// A stable, lower-case word for it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Proof => "proof",
            Self::State => "state",
            Self::Signatures => "signatures",
            Self::Departments => "departments",
        }
    }

    /// Puts an error at this stage.
    pub(crate) fn refuse(self, error: impl Into<VerifyError>) -> Refused {
        Refused { stage: self, error: error.into() }
    }
}

/// Why a bundle proves nothing, and at which step that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The step that failed.
    pub stage: Stage,
    /// Why.
    pub error: VerifyError,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for Refused {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.error.source()
    }
}
