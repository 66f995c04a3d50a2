//! What can be seen of an execution when somebody asks: the tree of calls, what each of them read, wrote, announced and
//! paid, and where in its source it stopped.
//!
//! Invariants: nothing here is asked for when blocks are proposed or checked; an outcome, gas figure or root is the same
//! with and without a recorder; the gas of the steps adds up to the receipt's. A trace has limits of its own
//! ([`TraceLimits`]), past which steps are counted and their gas is kept, but not what they were.
//!
//! What is deliberately absent: names and lines of sources, which are in nobody's module; a [`SourcePlace`] is what
//! leads there.

mod profile;
mod recorder;

pub use self::profile::{Charge, Place, Profile, ProfileNode};
pub(crate) use self::recorder::Recorder;
use crate::{
    abi::{Address, Digest, Ident, Outcome},
    module::SourcePlace,
};

/// How much of an execution is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceLimits {
    /// Steps, over all calls.
    pub steps_max: usize,
    /// Bytes of keys, values, inputs and outputs, over all steps.
    pub bytes_max: usize,
}

impl Default for TraceLimits {
    fn default() -> Self {
        Self { steps_max: 20_000, bytes_max: 4 << 20 }
    }
}

/// What an execution did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Step by step; the gas of all of them is what the receipt says.
    pub steps: Vec<Step>,
    /// Where the gas went by place in the sources; there only when the engine was made to profile.
    pub profile: Option<Profile>,
}

/// One step and its gas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The gas it used, nested calls included.
    pub gas: u64,
    /// What it was.
    pub what: StepKind,
}

/// What a step was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// What every transaction pays before anything runs: its bytes, its signatures, and checking its code.
    Intrinsic,
    /// Compiling the code it brings.
    Compile,
    /// Giving a contract an instance.
    Instance,
    /// The contract's own instructions since the step before.
    Code,
    /// A host function that has nothing more to say.
    Host {
        /// Its name.
        function: &'static str,
    },
    /// An entry was looked up.
    Read {
        /// The slot's key.
        key: Vec<u8>,
        /// What it holds; none without an entry.
        value: Option<Vec<u8>>,
    },
    /// It was asked whether an entry is there.
    Has {
        /// The slot's key.
        key: Vec<u8>,
        /// Whether it is.
        found: bool,
    },
    /// An entry was written, or removed.
    Write {
        /// The slot's key.
        key: Vec<u8>,
        /// What it held.
        before: Option<Vec<u8>>,
        /// What it holds now; none when it was removed.
        value: Option<Vec<u8>>,
    },
    /// Entries were paged through.
    Page {
        /// What their keys begin with.
        prefix: Vec<u8>,
        /// The entries that were found: slot key and value.
        entries: Vec<(Vec<u8>, Vec<u8>)>,
    },
    /// An event was announced. It comes to nothing when the call does.
    Event {
        /// Its name.
        name: Ident,
        /// Its index fields.
        keys: Vec<Vec<u8>>,
        /// All its fields in SCALE.
        data: Vec<u8>,
    },
    /// A contract was called.
    Call(Box<CallTrace>),
    /// Steps that the limits left out.
    Omitted {
        /// How many.
        steps: u64,
    },
}

/// One call of one contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallTrace {
    /// The contract.
    pub contract: Address,
    /// Whom it sees as its caller.
    pub caller: Address,
    /// The method.
    pub method: Ident,
    /// Its arguments in SCALE.
    pub input: Vec<u8>,
    /// Whether it may change nothing.
    pub read_only: bool,
    /// The digest of the contract's code; none when the contract was not entered.
    pub code: Option<Digest>,
    /// The gas it may use.
    pub gas_given: u64,
    /// What was left of that.
    pub gas_left: u64,
    /// How it ended. Its changes and events stand only when it is done, and all its callers are.
    pub outcome: Outcome,
    /// What it did.
    pub steps: Vec<Step>,
    /// Where it stopped, innermost first, when it did not return; known only to an engine that was made to trace.
    pub stopped_at: Vec<SourcePlace>,
    /// Where its caller called it, innermost first; as above.
    pub called_at: Vec<SourcePlace>,
}

impl CallTrace {
    /// The gas it used.
    pub fn gas_used(&self) -> u64 {
        self.gas_given - self.gas_left
    }
}

impl Trace {
    /// The gas of all steps.
    pub fn gas(&self) -> u64 {
        self.steps.iter().map(|step| step.gas).sum()
    }

    /// Every call, callers before those they called.
    pub fn calls(&self) -> Vec<&CallTrace> {
        let mut calls = Vec::new();
        collect(&self.steps, &mut calls);
        calls
    }
}

fn collect<'a>(steps: &'a [Step], calls: &mut Vec<&'a CallTrace>) {
    // As deep as contracts may call one another, which has a limit.
    for step in steps {
        if let StepKind::Call(call) = &step.what {
            calls.push(call);
            collect(&call.steps, calls);
        }
    }
}
