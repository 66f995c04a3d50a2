//! What belongs to one contract under execution: the data of its store.

use wasmtime::{Global, Memory, ResourceLimiter};

use super::{
    session::{Halt, Session},
    trace::Recorder,
};
use crate::{
    abi::{Address, ExecutionRefusal, Outcome, TrapClass},
    engine::{Engine, Observation},
};

/// Why a contract did not return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It refused with an error of its own.
    Failed { code: u32, data: Vec<u8> },
    /// The sandbox stopped it.
    Trapped(TrapClass),
    /// It was not entered.
    Refused(ExecutionRefusal),
    /// This node cannot go on.
    Halt(Halt),
}

impl Stop {
    /// The outcome of a transaction that `contract` stopped this way, or the node's fault.
    pub(crate) fn into_outcome(self, contract: Address) -> Result<Outcome, Halt> {
        Ok(match self {
            Self::Failed { code, data } => Outcome::Failed { contract, code, data },
            Self::Trapped(class) => Outcome::Trapped { contract, class },
            Self::Refused(reason) => Outcome::Refused { reason },
            Self::Halt(halt) => return Err(halt),
        })
    }
}

/// One contract under execution.
pub(crate) struct Frame {
    /// Away while a contract that this one called runs.
    pub(super) session: Option<Box<Session>>,
    pub(super) engine: std::sync::Arc<Engine>,
    pub(super) schedule: &'static crate::module::Schedule,
    pub(super) contract: Address,
    pub(super) caller: Address,
    pub(super) read_only: bool,
    pub(super) input: Vec<u8>,
    pub(super) output: Vec<u8>,
    /// The result of variable length that the contract has not taken yet.
    pub(super) kept: Vec<u8>,
    /// Set by a host function before it stops the contract.
    pub(super) stop: Option<Stop>,
    pub(super) handles: Option<Handles>,
    pub(super) growth: Growth,
    /// Whether the session has a recorder.
    pub(super) is_recorded: bool,
    /// What an observing engine knows of the contract's code.
    pub(super) observation: Option<std::sync::Arc<Observation>>,
}

/// Lets everything grow to what the module declares, and remembers a failure below that: it is the node's fault.
#[derive(Default)]
pub(super) struct Growth {
    allowed: bool,
    /// What the machine could not give.
    pub(super) failed: Option<String>,
}

/// What the host reaches into.
#[derive(Clone, Copy)]
pub(super) struct Handles {
    pub(super) memory: Memory,
    pub(super) gas: Global,
    pub(super) height: Global,
}

impl Frame {
    /// The frame of an instance that no contract runs in yet.
    pub(super) fn idle(engine: std::sync::Arc<Engine>, schedule: &'static crate::module::Schedule) -> Self {
        Self {
            session: None,
            engine,
            schedule,
            contract: Address::default(),
            caller: Address::default(),
            read_only: true,
            input: Vec::new(),
            output: Vec::new(),
            kept: Vec::new(),
            stop: None,
            handles: None,
            growth: Growth::default(),
            is_recorded: false,
            observation: None,
        }
    }

    /// The recorder, when there is one.
    pub(super) fn recorder(&mut self) -> Option<&mut Recorder> {
        self.session.as_mut().and_then(|session| session.recorder.as_deref_mut())
    }

    /// A contract is about to run; the frame is idle.
    pub(super) fn enter(
        &mut self,
        session: Box<Session>,
        contract: Address,
        caller: Address,
        read_only: bool,
        input: Vec<u8>,
        observation: Option<std::sync::Arc<Observation>>,
    ) {
        self.is_recorded = session.recorder.is_some();
        self.observation = observation;
        self.session = Some(session);
        self.contract = contract;
        self.caller = caller;
        self.read_only = read_only;
        self.input = input;
    }

    /// The contract has returned, and its session and output were taken: nothing of it stays.
    pub(super) fn leave(&mut self) {
        self.input = Vec::new();
        self.output = Vec::new();
        self.kept = Vec::new();
        self.stop = None;
        self.growth = Growth::default();
        self.is_recorded = false;
    }

    pub(super) fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("the session is away only while this contract waits for another")
    }
}

impl ResourceLimiter for Growth {
    fn memory_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.allowed = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(self.allowed)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        if self.allowed {
            self.failed = Some(format!("{error:#}"));
            return Err(error);
        }
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }
}
