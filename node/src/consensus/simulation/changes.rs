//! A committee that changes all the while: five nodes, four of whom serve; one comes in for another, again and again, by
//! acts in the registry's real contract.

use std::time::{Duration, SystemTime};

use chancery_abi::{Address, Digest, Genesis, Outcome, Payload};
use commonware_runtime::Clock as _;
use ed25519_zebra::{SigningKey, VerificationKey};
use parity_scale_codec::{Decode as _, Encode as _};

use super::{
    doubles::SimSide,
    world::{Clerk, Session, World, call_of},
};
use crate::{
    chain::{PlannedDepartment, RegistryPlan},
    consensus::ChainSide as _,
    fixture::{Account, GENESIS_TIME_MS, deployer, genesis_of, name},
};

/// Committees change at multiples of this height.
const EPOCH: u64 = 8;
/// Blocks from an act to the committee that it names, and some for what goes wrong meanwhile.
const NOTICE: u64 = 64 + 20;
/// What shows no effect for so long is done again.
const AGAIN_AFTER: Duration = Duration::from_secs(4);
/// Changes that a run has to see.
const ENOUGH: u64 = 2;

/// The variants of the contract's `Measure`.
const ADD_NODE: u8 = 6;
const SET_COMMITTEE: u8 = 9;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The fifth node is registered.
    ProposeNode,
    CarryOutNode(u32),
    /// Whoever does not serve says that it is ready.
    Ready,
    /// It is to come in for another.
    Propose,
    CarryOut(u32, u64),
    /// Until the height has come.
    Wait(u64),
}

/// Where it stands.
pub(super) struct Changes {
    administrator: Clerk,
    nodes: Vec<Clerk>,
    step: Step,
    /// What was handed in for the step, and when.
    handed_in: Option<(Option<Digest>, SystemTime)>,
}

fn key(of: &SigningKey) -> [u8; 32] {
    VerificationKey::from(of).into()
}

fn administrator() -> Account {
    Account::new(50)
}

impl Changes {
    /// The first four of these serve.
    pub(super) fn genesis(keys: &[SigningKey]) -> Genesis {
        let serving = &keys[..keys.len() - 1];
        let operator = key(&SigningKey::from([200; 32]));
        let plan = RegistryPlan::trial(vec![PlannedDepartment {
            name: name("land"),
            title: "land".to_owned(),
            administrators: vec![administrator().address()],
            nodes: serving.iter().map(|node| (key(node), operator)).collect(),
            deployers: vec![deployer().address()],
        }]);
        let registry = RegistryPlan { epoch_blocks: EPOCH, ..plan }.setup(&name("main"), GENESIS_TIME_MS);
        Genesis { departments: Vec::new(), registry: Some(registry), ..genesis_of(serving) }
    }

    pub(super) fn new(keys: &[SigningKey]) -> Self {
        let clerk = |account| Clerk { account, nonce: 0 };
        Self {
            administrator: clerk(administrator()),
            nodes: keys.iter().map(|key| clerk(Account::of_key(*key))).collect(),
            step: Step::ProposeNode,
            handed_in: None,
        }
    }

    /// What came of what was handed in, as this side knows it: done or not, and what it gave.
    fn outcome(&self, side: &SimSide) -> Option<(bool, Vec<u8>)> {
        let digest = self.handed_in?.0?;
        let receipt = side.chain.ledger().db().receipt(&digest).expect("memory is readable")?;
        Some(match receipt.outcome {
            Outcome::Done { output } => (true, output),
            _ => (false, Vec::new()),
        })
    }

    /// The step after this one, once what was handed in for it is final.
    fn step_on(&mut self, side: &SimSide) {
        if let Step::Wait(height) = self.step {
            if side.final_height() > height {
                self.step = Step::Ready;
            }
            return;
        }
        let Some((done, output)) = self.outcome(side) else { return };
        let act = u32::decode(&mut &output[..]);
        self.handed_in = None;
        self.step = match (self.step, done) {
            (Step::ProposeNode, true) => Step::CarryOutNode(act.expect("an act's number")),
            (Step::CarryOutNode(_), true) => Step::Wait(side.final_height() + 4),
            // It may be known already, by an act that was handed in twice.
            (Step::ProposeNode | Step::CarryOutNode(_), false) => Step::Ready,
            (Step::Ready, true) => Step::Propose,
            (Step::Ready, false) => Step::ProposeNode,
            (Step::Propose, true) => Step::CarryOut(act.expect("an act's number"), self.next_height(side)),
            (Step::CarryOut(_, from_height), true) => Step::Wait(from_height),
            // Too late by now, or another change waits: from the beginning.
            (Step::Propose | Step::CarryOut(..) | Step::Wait(_), _) => Step::Ready,
        };
    }

    fn next_height(&self, side: &SimSide) -> u64 {
        (side.final_height() + NOTICE).next_multiple_of(EPOCH)
    }

    /// Who does not serve, and the committee with it in the place of one who does.
    fn swapped(&self, side: &SimSide, who: usize) -> (usize, Vec<[u8; 32]>) {
        let serving = side.terms().present().committee;
        let keys = self.nodes.iter().map(|node| node.account.public_key());
        let idle = keys.clone().position(|key| !serving.keys().contains(&key)).unwrap_or(0);
        let mut members = serving.keys().to_vec();
        let place = who % members.len();
        members[place] = self.nodes[idle].account.public_key();
        members.sort_unstable();
        (idle, members)
    }
}

impl World {
    /// Goes one step on with the committee's changes, where there are any.
    pub(super) fn change(&mut self, session: &Session) {
        let who = self.choices.below(self.keys.len());
        let Some(mut changes) = self.changes.take() else { return };
        if let Some((side, _)) = &session.running[who] {
            changes.step_on(side);
            let now = session.context.current();
            let is_due =
                changes.handed_in.is_none_or(|(_, at)| now.duration_since(at).unwrap_or_default() >= AGAIN_AFTER);
            if is_due && let Some((node, method, input)) = self.action(&changes, side, who) {
                let registry = Address::registry(&self.genesis.chain);
                let payload: Payload = call_of(registry, method, input);
                let clerk = node.map_or(&mut changes.administrator, |node| &mut changes.nodes[node]);
                let (_, next) = side.chain.account_nonces(&clerk.account.address()).expect("memory is readable");
                clerk.nonce = next;
                let transaction = clerk.sign(&self.genesis, payload);
                let digest = self.hand_in(session, who, transaction);
                changes.handed_in = Some((digest, now));
            }
        }
        self.changes = Some(changes);
    }

    /// What is to be handed in: by which node, or by the administrator; the method, and its input.
    fn action(&self, changes: &Changes, side: &SimSide, who: usize) -> Option<(Option<usize>, &'static str, Vec<u8>)> {
        let propose = |measure: Vec<u8>| {
            let reference = "2026-1".encode();
            Some((None, "propose", [measure, reference].concat()))
        };
        match changes.step {
            Step::ProposeNode => {
                let node = (key(self.keys.last().expect("five nodes")), "land", [7u8; 32]);
                propose((ADD_NODE, node, side.final_height() + 10).encode())
            }
            Step::CarryOutNode(act) | Step::CarryOut(act, _) => Some((None, "carry_out", act.encode())),
            Step::Ready => {
                let (idle, _) = changes.swapped(side, who);
                let input = (changes.nodes[idle].account.public_key(), "10.0.0.1:7171").encode();
                Some((Some(idle), "declare_ready", input))
            }
            Step::Propose => {
                let (_, members) = changes.swapped(side, who);
                propose((SET_COMMITTEE, "main", members, changes.next_height(side)).encode())
            }
            Step::Wait(_) => None,
        }
    }

    /// Whether the committee, where it changes, has done so often enough everywhere.
    pub(super) fn has_changed_enough(&self, session: &Session) -> bool {
        let sides = session.sides();
        let changed = |side: &SimSide| side.terms().present().epoch >= ENOUGH;
        self.changes.is_none() || sides.iter().flatten().all(changed)
    }
}
