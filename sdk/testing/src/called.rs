//! What came of a call: what a test expects, and what it is told when something else came.

use std::{fmt, marker::PhantomData};

use chancery_abi::{Event, Outcome, Receipt, TrapClass};
use chancery_runtime::execution::{QueryCall, QueryResult};
use chancery_sdk::{ContractError, Data};

use crate::{Chain, explain, world::Executed};

/// What was called.
pub(crate) enum Subject {
    Transaction { by: String, executed: Box<Executed> },
    Query { call: QueryCall, result: QueryResult },
}

/// A call that was made, in a block of its own.
pub struct Called<T> {
    chain: Chain,
    subject: Subject,
    returns: PhantomData<fn() -> T>,
}

/// Why a call did nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    /// How it ended.
    pub outcome: Outcome,
    /// The error's name in the contract's schema, where it is one.
    pub name: Option<String>,
    /// All that is known: the error's sentences, the tree of calls, the lines of the source.
    pub explanation: String,
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.explanation)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.explanation)
    }
}

impl std::error::Error for Failure {}

impl<T> Called<T> {
    pub(crate) fn new(chain: Chain, subject: Subject) -> Self {
        Self { chain, subject, returns: PhantomData }
    }

    /// How it ended.
    pub fn outcome(&self) -> &Outcome {
        match &self.subject {
            Subject::Transaction { executed, .. } => &executed.receipt.outcome,
            Subject::Query { result, .. } => &result.outcome,
        }
    }

    /// The gas it used; of a transaction with what its bytes and signature cost.
    pub fn gas(&self) -> u64 {
        match &self.subject {
            Subject::Transaction { executed, .. } => executed.receipt.gas_used,
            Subject::Query { result, .. } => result.gas_used,
        }
    }

    /// Its receipt; a query has none.
    pub fn receipt(&self) -> Option<&Receipt> {
        match &self.subject {
            Subject::Transaction { executed, .. } => Some(&executed.receipt),
            Subject::Query { .. } => None,
        }
    }

    /// The events it announced, of all contracts, in order.
    pub fn events(&self) -> &[Event] {
        self.receipt().map_or(&[], |receipt| &receipt.events)
    }

    /// The same events, when one of them is this.
    ///
    /// # Panics
    /// When none is, with those that there were.
    #[track_caller]
    pub fn emitted<E: chancery_sdk::Event>(self, event: &E) -> Self {
        let data = event.encode();
        if !self.events().iter().any(|found| found.name.as_str() == E::NAME && found.data == data) {
            let names: Vec<_> = self.events().iter().map(|found| found.name.as_str()).collect();
            let same = if names.contains(&E::NAME) { ", with other fields" } else { "" };
            panic!("the event {} was not announced{same}; announced were: {names:?}", E::NAME);
        }
        self
    }

    #[track_caller]
    pub(crate) fn ended_well(&self) {
        if !self.outcome().is_done() {
            panic!("{}", self.explanation());
        }
    }

    /// Expects that the contract refused with the error of this name, its own or the SDK's (`NotAllowed`, `BadInput`,
    /// `BadState`).
    ///
    /// # Panics
    /// When anything else came.
    #[track_caller]
    pub fn refused(&self, name: &str) -> &Self {
        let found = explain::error_name(&self.chain.world.borrow(), self.outcome());
        assert!(found.as_deref() == Some(name), "expected the refusal {name}\n{}", self.explanation());
        self
    }

    /// Expects that the contract refused with this very error, fields included.
    ///
    /// # Panics
    /// When anything else came.
    #[track_caller]
    pub fn refused_with(&self, error: &impl ContractError) -> &Self {
        let mut fields = Vec::new();
        error.push_data(&mut fields);
        let same =
            matches!(self.outcome(), Outcome::Failed { code, data, .. } if *code == error.code() && *data == fields);
        assert!(
            same,
            "expected the refusal number {} with the fields {fields:?}\n{}",
            error.code(),
            self.explanation()
        );
        self
    }

    /// Expects that the sandbox stopped it for this reason.
    ///
    /// # Panics
    /// When anything else came.
    #[track_caller]
    pub fn trapped(&self, expected: TrapClass) -> &Self {
        let same = matches!(self.outcome(), Outcome::Trapped { class, .. } if *class == expected);
        assert!(same, "expected the trap {expected:?}\n{}", self.explanation());
        self
    }

    /// What came of it, in words: the error's name and sentences, gas, the tree of calls, and the lines of the source
    /// at which it stopped.
    pub fn explanation(&self) -> String {
        explain::explain(&self.chain.world.borrow(), &self.subject)
    }
}

impl<T: Data> Called<T> {
    /// What the method returned.
    ///
    /// # Panics
    /// When it did not return, with why; and when what it returned is not of its type, which no contract does that was
    /// built from this source.
    #[track_caller]
    pub fn done(self) -> T {
        match self.result() {
            Ok(value) => value,
            Err(failure) => panic!("{failure}"),
        }
    }

    /// What the method returned, or why it did nothing.
    ///
    /// # Errors
    /// When the contract refused or was stopped.
    pub fn result(&self) -> Result<T, Failure> {
        match self.outcome() {
            Outcome::Done { output } => {
                let mut rest = &output[..];
                let value = T::decode(&mut rest).ok().filter(|_| rest.is_empty());
                Ok(value.unwrap_or_else(|| panic!("the method returned {output:?}, which is not of its type")))
            }
            outcome => {
                let name = explain::error_name(&self.chain.world.borrow(), outcome);
                Err(Failure { outcome: outcome.clone(), name, explanation: self.explanation() })
            }
        }
    }
}
