//! [`Recorder`]: what the execution tells its observer, made into a [`Trace`].
//!
//! It travels in the session, so that there is one for all the contracts of a transaction. The execution calls it in
//! this order: `enter`, then for each host function `before_host` and `after_host` (with `note` between them when there
//! is more to say), then `leave`.

use std::sync::Arc;

use super::{CallTrace, Step, StepKind, Trace, TraceLimits, profile::ProfileBuilder};
use crate::{
    abi::{Address, Digest, Ident, Outcome},
    engine::Observation,
    module::SourcePlace,
};

/// Failed calls that are kept past the limits, so that the one that everything ended with is never among the omitted.
const FAILURES_MAX: usize = 64;

struct Open {
    call: CallTrace,
    /// The gas that was left after the last step.
    seen: u64,
    /// What the host function at hand has to say of itself.
    note: Option<StepKind>,
    /// The gas that was left when it began.
    host_gas: u64,
    /// What of its gas another contract used.
    nested_gas: u64,
}

/// Records one transaction or query.
pub(crate) struct Recorder {
    steps_left: usize,
    bytes_left: usize,
    failures: usize,
    steps: Vec<Step>,
    open: Vec<Open>,
    /// Where the next call is made from.
    called_at: Vec<SourcePlace>,
    profile: Option<ProfileBuilder>,
}

impl Recorder {
    pub(crate) fn new(limits: TraceLimits, with_profile: bool) -> Self {
        Self {
            steps_left: limits.steps_max,
            bytes_left: limits.bytes_max,
            failures: 0,
            steps: Vec::new(),
            open: Vec::new(),
            called_at: Vec::new(),
            profile: with_profile.then(ProfileBuilder::default),
        }
    }

    pub(crate) fn finish(self) -> Trace {
        Trace { steps: self.steps, profile: self.profile.map(ProfileBuilder::finish) }
    }

    /// A step outside all contracts.
    pub(crate) fn outside(&mut self, gas: u64, what: StepKind) {
        if let Some(profile) = &mut self.profile {
            profile.outside(gas, &what);
        }
        self.push(Step { gas, what });
    }

    /// A call begins.
    pub(crate) fn enter(&mut self, contract: Address, caller: Address, method: &Ident, input: &[u8], gas: u64) {
        let input = self.kept(input);
        let call = CallTrace {
            contract,
            caller,
            method: method.clone(),
            input,
            read_only: false,
            code: None,
            gas_given: gas,
            gas_left: gas,
            outcome: Outcome::Done { output: Vec::new() },
            steps: Vec::new(),
            stopped_at: Vec::new(),
            called_at: std::mem::take(&mut self.called_at),
        };
        self.open.push(Open { call, seen: gas, note: None, host_gas: gas, nested_gas: 0 });
        if let Some(profile) = &mut self.profile {
            profile.enter(contract, method);
        }
    }

    /// The call that began last has found its code and pays for an instance.
    pub(crate) fn instance(
        &mut self,
        code: Digest,
        read_only: bool,
        instance_gas: u64,
        observation: Option<Arc<Observation>>,
    ) {
        let Some(open) = self.open.last_mut() else { return };
        let gas = instance_gas.min(open.seen);
        open.seen -= gas;
        open.call.code = Some(code);
        open.call.read_only = read_only;
        let seen = open.seen;
        if let Some(profile) = &mut self.profile {
            profile.instance(code, gas, seen, observation);
        }
        self.push(Step { gas, what: StepKind::Instance });
    }

    /// The call that began last has ended.
    pub(crate) fn leave(&mut self, gas_left: u64, outcome: Outcome, stopped_at: Vec<SourcePlace>) {
        self.code(gas_left);
        let Some(Open { mut call, .. }) = self.open.pop() else { return };
        call.gas_left = gas_left;
        call.outcome = match outcome {
            Outcome::Done { output } => Outcome::Done { output: self.kept(&output) },
            other => other,
        };
        call.stopped_at = stopped_at;
        if let Some(profile) = &mut self.profile {
            profile.leave();
        }
        let gas = call.gas_used();
        match self.open.last_mut() {
            // It becomes a step once the host function that made it has ended.
            Some(caller) => {
                caller.nested_gas = gas;
                caller.note = Some(StepKind::Call(Box::new(call)));
            }
            None => self.push(Step { gas, what: StepKind::Call(Box::new(call)) }),
        }
    }

    /// A host function begins, with so much gas left.
    pub(crate) fn before_host(&mut self, gas_left: i64) {
        let gas_left = u64::try_from(gas_left).unwrap_or(0);
        self.code(gas_left);
        if let Some(open) = self.open.last_mut() {
            (open.note, open.host_gas, open.nested_gas) = (None, gas_left, 0);
        }
    }

    /// What the host function at hand does.
    pub(crate) fn note(&mut self, note: StepKind) {
        if let Some(open) = self.open.last_mut() {
            open.note = Some(note);
        }
    }

    /// Where the next call is made from.
    pub(crate) fn calling(&mut self, called_at: Vec<SourcePlace>) {
        self.called_at = called_at;
    }

    /// A host function ended, with so much gas left.
    pub(crate) fn after_host(&mut self, function: &'static str, gas_left: i64) {
        let gas_left = u64::try_from(gas_left).unwrap_or(0);
        let Some(open) = self.open.last_mut() else { return };
        let gas = open.host_gas.saturating_sub(gas_left);
        open.seen = gas_left;
        let (note, nested_gas) = (open.note.take(), open.nested_gas);
        if let Some(profile) = &mut self.profile {
            profile.host(function, gas.saturating_sub(nested_gas), gas_left);
        }
        let what = match note {
            Some(note) => self.bounded(note, function),
            None => StepKind::Host { function },
        };
        self.push(Step { gas, what });
    }

    /// A probe was met, with so much gas left.
    pub(crate) fn probe(&mut self, probe: u32, gas_left: i64) {
        if let Some(profile) = &mut self.profile {
            profile.probe(probe, u64::try_from(gas_left).unwrap_or(0));
        }
    }

    /// The contract's own instructions up to here.
    fn code(&mut self, gas_left: u64) {
        let Some(open) = self.open.last_mut() else { return };
        let gas = open.seen.saturating_sub(gas_left);
        open.seen = gas_left;
        if gas > 0 {
            self.push(Step { gas, what: StepKind::Code });
        }
    }

    fn push(&mut self, step: Step) {
        let is_failure = matches!(&step.what, StepKind::Call(call) if !call.outcome.is_done());
        // What is outside all contracts has a small number of its own: what a batch may hold.
        let fits = self.steps_left > 0 || (is_failure && self.failures < FAILURES_MAX) || self.open.is_empty();
        self.failures += usize::from(is_failure);
        self.steps_left = self.steps_left.saturating_sub(1);
        let steps = match self.open.last_mut() {
            Some(open) => &mut open.call.steps,
            None => &mut self.steps,
        };
        if fits {
            steps.push(step);
        } else if let Some(Step { gas, what: StepKind::Omitted { steps } }) = steps.last_mut() {
            *gas += step.gas;
            *steps += 1;
        } else {
            steps.push(Step { gas: step.gas, what: StepKind::Omitted { steps: 1 } });
        }
    }

    /// The bytes, while there is room for them.
    fn kept(&mut self, bytes: &[u8]) -> Vec<u8> {
        match self.bytes_left.checked_sub(bytes.len()) {
            Some(left) => {
                self.bytes_left = left;
                bytes.to_vec()
            }
            None => Vec::new(),
        }
    }

    /// A note, or less than it when there is no room for its bytes.
    fn bounded(&mut self, note: StepKind, function: &'static str) -> StepKind {
        let length = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        let bytes = match &note {
            StepKind::Read { key, value } => key.len() + length(value),
            StepKind::Has { key, .. } => key.len(),
            StepKind::Write { key, before, value } => key.len() + length(before) + length(value),
            StepKind::Page { prefix, entries } => {
                prefix.len() + entries.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
            }
            StepKind::Event { keys, data, .. } => keys.iter().map(Vec::len).sum::<usize>() + data.len(),
            _ => 0,
        };
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.bytes_left = left;
                note
            }
            None => StepKind::Host { function },
        }
    }
}
