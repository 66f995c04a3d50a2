//! What a transaction's payload does: deploy, call, upgrade, batch.

use std::sync::Arc;

use parity_scale_codec::Encode;

use super::{
    accounts,
    frame::Stop,
    invoke::{Invocation, Returned, invoke, load},
    lanes,
    registry::Registry,
    rules::ChainRules,
    session::{Halt, Savepoint, Session},
    trace::StepKind,
};
use crate::{
    abi::{
        Address, Call, Deploy, ExecutionRefusal, Ident, Name, Outcome, Payload, RegistrySetup, Upgrade,
        host::CallFailure,
        limits,
        schema::{ContractRecord, MethodKind, Schema, diff::reads_state_of},
        slot::push_field,
    },
    engine::{Compiled, Engine},
    module::{CheckedModule, ModuleError},
};

/// Gas for looking whether a field that an upgrade adds has entries: what a page of one costs a contract.
const ADDED_FIELD_GAS: u64 = 50_000;

/// How a payload went.
pub(super) struct Ran {
    pub(super) session: Box<Session>,
    pub(super) gas_left: u64,
    /// What each call of a batch used, as far as it came; or what the one payload did.
    pub(super) gas_of_parts: Vec<u64>,
    pub(super) outcome: Outcome,
}

pub(super) struct Runner<'a> {
    engine: &'a Arc<Engine>,
    rules: &'a ChainRules,
    sender: Address,
    /// Away while a contract runs.
    session: Option<Box<Session>>,
    gas_left: u64,
    gas_of_parts: Vec<u64>,
}

/// Where a payload stopped: at a contract, or before any.
pub(super) struct StoppedAt {
    contract: Address,
    stop: Stop,
}

/// Runs a payload of `sender` with `gas` to spend.
pub(super) fn run(
    engine: &Arc<Engine>,
    rules: &ChainRules,
    session: Box<Session>,
    payload: &Payload,
    sender: Address,
    gas: u64,
) -> Result<Ran, Halt> {
    let mut runner = Runner::new(engine, rules, session, sender, gas);
    let ran = match payload {
        _ if runner.is_frozen(payload)? => Err(refused(ExecutionRefusal::Frozen)),
        Payload::Call(call) => runner.part(|runner| runner.call(call)),
        Payload::Batch(calls) => calls.iter().try_fold(Vec::new(), |_, call| runner.part(|runner| runner.call(call))),
        Payload::Deploy(deploy) => runner.part(|runner| runner.deploy(deploy)),
        Payload::Upgrade(upgrade) => runner.part(|runner| runner.upgrade(upgrade)),
        lane => runner.part(|runner| runner.lane(lane)),
    };
    let outcome = match ran {
        Ok(output) => Outcome::Done { output },
        Err(StoppedAt { contract, stop }) => stop.into_outcome(contract)?,
    };
    Ok(runner.finish(outcome))
}

/// Deploys the registry that a genesis has.
pub(super) fn set_up_registry(
    engine: &Arc<Engine>,
    rules: &ChainRules,
    session: Box<Session>,
    setup: &RegistrySetup,
) -> Result<Ran, Halt> {
    let name = Name::new("registry").expect("a valid name");
    let mut runner = Runner::new(engine, rules, session, Address::system(), limits::BLOCK_GAS_MAX);
    let deploy = Deploy { department: name.clone(), name, code: setup.code.clone(), input: setup.input.clone() };
    let outcome = match runner.deploy_checked(&deploy) {
        Ok(output) => Outcome::Done { output },
        Err(StoppedAt { contract, stop }) => stop.into_outcome(contract)?,
    };
    Ok(runner.finish(outcome))
}

impl StoppedAt {
    /// This node cannot go on.
    pub(super) fn halted(halt: impl Into<Halt>) -> Self {
        halted(halt)
    }
}

fn refused(reason: ExecutionRefusal) -> StoppedAt {
    StoppedAt { contract: Address::default(), stop: Stop::Refused(reason) }
}

fn halted(halt: impl Into<Halt>) -> StoppedAt {
    StoppedAt { contract: Address::default(), stop: Stop::Halt(halt.into()) }
}

impl<'a> Runner<'a> {
    fn new(
        engine: &'a Arc<Engine>,
        rules: &'a ChainRules,
        session: Box<Session>,
        sender: Address,
        gas_left: u64,
    ) -> Self {
        Self { engine, rules, sender, session: Some(session), gas_left, gas_of_parts: Vec::new() }
    }

    fn finish(self, outcome: Outcome) -> Ran {
        let Self { session, gas_left, gas_of_parts, .. } = self;
        Ran { session: session.expect("the session is back once no contract runs"), gas_left, gas_of_parts, outcome }
    }

    /// Runs a part of the payload and notes what it used.
    fn part(&mut self, run: impl FnOnce(&mut Self) -> Result<Vec<u8>, StoppedAt>) -> Result<Vec<u8>, StoppedAt> {
        let before = self.gas_left;
        let ran = run(self);
        self.gas_of_parts.push(before - self.gas_left);
        ran
    }

    pub(super) fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("no contract runs")
    }

    pub(super) fn rules(&self) -> &'a ChainRules {
        self.rules
    }

    pub(super) fn gas_left(&self) -> u64 {
        self.gas_left
    }

    /// What is carried between chains, which was admitted.
    fn lane(&mut self, payload: &Payload) -> Result<Vec<u8>, StoppedAt> {
        let rules = self.rules;
        Ok(match payload {
            Payload::Deliver(delivery) => lanes::deliver(self, delivery)?.encode(),
            Payload::Settle(settlement) => lanes::settle(self, settlement)?.encode(),
            Payload::Claim { source, sequence } => lanes::claim(self, source, *sequence)?.encode(),
            Payload::Anchor(updates) => lanes::anchors::run(rules, self.session(), updates).map_err(halted)?.encode(),
            Payload::Fork(evidence) => {
                lanes::anchors::run_fork(rules, self.session(), evidence).map_err(halted)?.encode()
            }
            Payload::Beacons(beacons) => {
                lanes::seen::keep_beacons(self.session(), beacons);
                Vec::new()
            }
            Payload::Deploy(_) | Payload::Call(_) | Payload::Upgrade(_) | Payload::Batch(_) => Vec::new(),
        })
    }

    /// Runs the method that takes a message, or the one of its kind; the sender of the message is the caller.
    pub(super) fn enter_for_message(
        &mut self,
        contract: Address,
        kind: MethodKind,
        method: Option<&Ident>,
        input: Vec<u8>,
        gas: u64,
    ) -> Result<Result<(), CallFailure>, StoppedAt> {
        let kinds: &'static [MethodKind] = match kind {
            MethodKind::Bounce => &[MethodKind::Bounce],
            _ => &[MethodKind::Message],
        };
        let mut session = self.session.take().expect("no contract runs");
        let known = load(self.engine, self.rules.schedule(), &mut session, &contract);
        let method = match (method, known) {
            (Some(method), _) => Ok(method.clone()),
            (None, Ok(compiled)) => {
                compiled.method_of_kind(kind).cloned().ok_or(Stop::Refused(ExecutionRefusal::UnknownMethod))
            }
            (None, Err(stop)) => Err(stop),
        };
        let caller = session.facts.arrived.as_ref().map(|(_, arrived)| arrived.sender).unwrap_or_default();
        let result = match method {
            Ok(method) => {
                let given = gas.min(self.gas_left);
                let invocation = Invocation {
                    contract,
                    caller,
                    method: &method,
                    kinds,
                    input,
                    gas: given,
                    stack_slots: 0,
                    read_only: false,
                };
                let returned = invoke(self.engine, self.rules.schedule(), session, invocation);
                session = returned.session;
                self.gas_left -= given - returned.gas_left;
                returned.result.map(|_| ())
            }
            Err(stop) => Err(stop),
        };
        self.session = Some(session);
        match result {
            Ok(()) => Ok(Ok(())),
            Err(Stop::Halt(halt)) => Err(halted(halt)),
            Err(Stop::Failed { code, data }) => Ok(Err(CallFailure::Failed { code, data })),
            Err(Stop::Trapped(class)) => Ok(Err(CallFailure::Trapped(class))),
            Err(Stop::Refused(reason)) => Ok(Err(CallFailure::Refused(reason))),
        }
    }

    fn call(&mut self, call: &Call) -> Result<Vec<u8>, StoppedAt> {
        self.enter(call.contract, &call.method, &[MethodKind::Call, MethodKind::Query], call.input.clone())
    }

    fn enter(
        &mut self,
        contract: Address,
        method: &crate::abi::Ident,
        kinds: &'static [MethodKind],
        input: Vec<u8>,
    ) -> Result<Vec<u8>, StoppedAt> {
        let session = self.session.take().expect("no contract runs");
        let invocation = Invocation {
            contract,
            caller: self.sender,
            method,
            kinds,
            input,
            gas: self.gas_left,
            stack_slots: 0,
            read_only: false,
        };
        let Returned { session, gas_left, result } = invoke(self.engine, self.rules.schedule(), session, invocation);
        self.session = Some(session);
        self.gas_left = gas_left;
        result.map_err(|stop| StoppedAt { contract, stop })
    }

    /// Whether the registry has frozen the sender, who may still turn to the registry itself.
    fn is_frozen(&mut self, payload: &Payload) -> Result<bool, Halt> {
        let Some(registry) = self.rules.registry() else { return Ok(false) };
        let is_appeal = matches!(payload, Payload::Call(call) if call.contract == *registry);
        let sender = self.sender;
        if is_appeal { Ok(false) } else { self.session().is_frozen(&sender) }
    }

    fn deploy(&mut self, deploy: &Deploy) -> Result<Vec<u8>, StoppedAt> {
        self.check_department(&deploy.department)?;
        let contract = Address::of_contract(self.rules.name(), &deploy.department, &deploy.name);
        if self.rules.registry() == Some(&contract) {
            // What stands there is the mainchain's, whether it has code here or not.
            return Err(refused(ExecutionRefusal::ContractExists));
        }
        self.deploy_checked(deploy)
    }

    fn deploy_checked(&mut self, deploy: &Deploy) -> Result<Vec<u8>, StoppedAt> {
        let contract = Address::of_contract(self.rules.name(), &deploy.department, &deploy.name);
        if accounts::contract_record(self.session(), &contract).map_err(halted)?.is_some() {
            return Err(refused(ExecutionRefusal::ContractExists));
        }
        let record = |code, height| ContractRecord {
            department: deploy.department.clone(),
            name: deploy.name.clone(),
            code,
            revision: 0,
            height,
        };
        let compiled = self.install(contract, &deploy.code, record)?;
        self.run_once(contract, &compiled, MethodKind::Init, &deploy.input)?;
        Ok(contract.encode())
    }

    fn upgrade(&mut self, upgrade: &Upgrade) -> Result<Vec<u8>, StoppedAt> {
        let contract = upgrade.contract;
        let old = accounts::contract_record(self.session(), &contract)
            .map_err(halted)?
            .ok_or_else(|| refused(ExecutionRefusal::UnknownContract))?;
        let is_registry = self.rules.registry() == Some(&contract);
        match is_registry {
            true => self.check_approved(upgrade)?,
            false => self.check_department(&old.department)?,
        }
        let schedule = self.rules.schedule();
        let session = self.session.as_mut().expect("no contract runs");
        let savepoint = session.savepoint();
        let old_code = super::invoke::load(self.engine, schedule, session, &contract)
            .map_err(|stop| StoppedAt { contract, stop })?;
        let record = |code, height| ContractRecord { code, height, revision: old.revision.saturating_add(1), ..old };
        let compiled = self.install(contract, &upgrade.code, record)?;
        let migrates = compiled.method_of_kind(MethodKind::Migrate).is_some();
        if !migrates && !reads_state_of(compiled.schema(), old_code.schema()) {
            return Err(refused(ExecutionRefusal::IncompatibleUpgrade));
        }
        if !migrates {
            self.check_added_fields(contract, compiled.schema(), old_code.schema())?;
        }
        self.run_once(contract, &compiled, MethodKind::Migrate, &upgrade.input)?;
        if is_registry {
            self.conclude_registry(contract, savepoint, compiled.schema())?;
        }
        Ok(contract.encode())
    }

    /// The registry is nobody's department's: whoever likes upgrades it to what an act has approved.
    fn check_approved(&mut self, upgrade: &Upgrade) -> Result<(), StoppedAt> {
        let rules = self.rules;
        let session = self.session();
        let (height, now_ms) = (session.facts.height, session.facts.timestamp_ms);
        let registry = Registry::of(rules, &*session);
        let approved = registry.map(|registry| registry.has_approved(upgrade, height, now_ms)).transpose();
        let approved = approved.map_err(halted)?;
        if approved == Some(true) { Ok(()) } else { Err(refused(ExecutionRefusal::UpgradeNotApproved)) }
    }

    /// After the registry's upgrade: nodes must be able to go on reading and calling it, and what was approved is used up,
    /// whatever the migration made of it.
    fn conclude_registry(&mut self, contract: Address, savepoint: Savepoint, new: &Schema) -> Result<(), StoppedAt> {
        let rules = self.rules;
        let session = self.session();
        let usable = match Registry::of(rules, &*session) {
            Some(registry) => registry.stays_usable(session, savepoint, new).map_err(halted)?,
            None => false,
        };
        if !usable {
            return Err(refused(ExecutionRefusal::UnreadableRegistry));
        }
        session.set(&contract, Registry::approval_slot(), None);
        Ok(())
    }

    /// Refuses fields that the old code did not have and that have entries all the same: an earlier release left them.
    fn check_added_fields(&mut self, contract: Address, new: &Schema, old: &Schema) -> Result<(), StoppedAt> {
        for name in new.storage.keys().filter(|name| !old.storage.contains_key(*name)) {
            let Some(gas_left) = self.gas_left.checked_sub(ADDED_FIELD_GAS) else {
                self.gas_left = 0;
                return Err(refused(ExecutionRefusal::OutOfGas));
            };
            self.gas_left = gas_left;
            let mut prefix = Vec::new();
            push_field(&mut prefix, name.as_str());
            let found = self.session().page(&contract, &prefix, &[], 1, usize::MAX).map_err(halted)?;
            if !found.entries.is_empty() {
                return Err(refused(ExecutionRefusal::StaleEntries));
            }
        }
        Ok(())
    }

    /// Who may deploy says the registry, and the genesis of a chain without one.
    fn check_department(&mut self, department: &Name) -> Result<(), StoppedAt> {
        let (rules, sender) = (self.rules, self.sender);
        let session = self.session();
        let now_ms = session.facts.timestamp_ms;
        let genesis = rules.genesis();
        let decides = genesis.registry.is_some() || genesis.mainchain.is_some();
        let registry = Registry::of(rules, &*session).filter(|_| decides);
        let may_deploy = match registry {
            Some(registry) => registry.may_deploy(department, &sender, now_ms).map_err(halted)?,
            None => rules.may_deploy(&sender, department),
        };
        if may_deploy { Ok(()) } else { Err(refused(ExecutionRefusal::NotDepartment)) }
    }

    /// Checks and compiles code, and writes it and the contract's record.
    fn install(
        &mut self,
        contract: Address,
        code: &[u8],
        record: impl FnOnce(crate::abi::Digest, u64) -> ContractRecord,
    ) -> Result<Arc<Compiled>, StoppedAt> {
        let module = CheckedModule::check(code).map_err(|error| refused(refusal_of(&error)))?;
        // Compiling takes time with the square of a body; what it costs is known only once the module was read.
        let body_gas = module.body_gas(self.rules.schedule());
        let Some(gas_left) = self.gas_left.checked_sub(body_gas) else {
            self.record_compilation(self.gas_left);
            self.gas_left = 0;
            return Err(refused(ExecutionRefusal::OutOfGas));
        };
        self.gas_left = gas_left;
        self.record_compilation(body_gas);
        let compiled = self.engine.compile(&module, self.rules.schedule()).map_err(halted)?;
        let digest = module.code_digest();
        let height = self.session().facts.height;
        let record = record(digest, height).encode();
        let session = self.session();
        session.set(&Address::system(), accounts::code_slot(&digest), Some(code.to_vec()));
        session.set(&Address::system(), accounts::contract_slot(&contract), Some(record));
        session.loaded.insert(contract, Arc::clone(&compiled));
        Ok(compiled)
    }

    fn record_compilation(&mut self, gas: u64) {
        if let Some(recorder) = &mut self.session().recorder {
            recorder.outside(gas, StepKind::Compile);
        }
    }

    /// Runs the method of this kind, which is there at most once; without one there may be no input either.
    fn run_once(
        &mut self,
        contract: Address,
        compiled: &Compiled,
        kind: MethodKind,
        input: &[u8],
    ) -> Result<(), StoppedAt> {
        let kinds: &'static [MethodKind] = match kind {
            MethodKind::Migrate => &[MethodKind::Migrate],
            _ => &[MethodKind::Init],
        };
        match compiled.method_of_kind(kind) {
            Some(method) => self.enter(contract, method, kinds, input.to_vec()).map(|_| ()),
            None if input.is_empty() => Ok(()),
            None => Err(refused(ExecutionRefusal::UnknownMethod)),
        }
    }
}

fn refusal_of(error: &ModuleError) -> ExecutionRefusal {
    if matches!(error, ModuleError::SchemaMissing | ModuleError::SchemaTwice | ModuleError::Schema(_)) {
        ExecutionRefusal::InvalidSchema
    } else {
        ExecutionRefusal::InvalidModule
    }
}
