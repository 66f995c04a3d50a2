//! Where the gas of an execution went: by the stack of functions, and in each function by the place in its source.
//!
//! A probed module reports every function's beginning and end and every charge (`crate::module::Probe`), so that the
//! figures are exact and their sum is the gas used. What a charge stands for is known: a region's gas is that of its
//! instructions. Only where the gas ran out in the middle of a charge does what was left go to its first instruction.

use std::{collections::BTreeMap, sync::Arc};

use super::StepKind;
use crate::{
    abi::{Address, Digest, Ident},
    engine::Observation,
    module::Probe,
};

/// Nodes of functions; past them, a function's gas counts as its caller's.
const NODES_MAX: usize = 100_000;

/// The gas of an execution by place. The first node stands for the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The nodes, those above before those below.
    pub nodes: Vec<ProfileNode>,
}

/// A place in the tree of what ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileNode {
    /// The node above; none for the first.
    pub parent: Option<usize>,
    /// What it is.
    pub place: Place,
    /// Its own gas that belongs to no instruction.
    pub gas: u64,
    /// Its own gas by instruction.
    pub charges: Vec<Charge>,
}

/// The gas that went to one instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The instruction's offset in the source module.
    pub offset: u32,
    /// The gas.
    pub gas: u64,
}

/// What a node stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The transaction or query.
    Whole,
    /// Work of the chain that no contract asked for.
    Chain(&'static str),
    /// A contract under a call.
    Contract {
        /// The contract.
        contract: Address,
        /// The method.
        method: Ident,
    },
    /// A function of the contract above.
    Function {
        /// The digest of the contract's code.
        code: Digest,
        /// The function's index in the source.
        function: u32,
    },
    /// A host function.
    Host(&'static str),
}

impl Profile {
    /// The gas of all nodes.
    pub fn gas(&self) -> u64 {
        let own = |node: &ProfileNode| node.gas + node.charges.iter().map(|charge| charge.gas).sum::<u64>();
        self.nodes.iter().map(own).sum()
    }
}

struct Node {
    parent: usize,
    place: Place,
    gas: u64,
    charges: BTreeMap<u32, u64>,
    /// How often each probe of a region was met.
    hits: BTreeMap<u32, u64>,
    observation: Option<Arc<Observation>>,
}

struct Open {
    /// Where to go back to.
    outer: usize,
    code: Digest,
    observation: Option<Arc<Observation>>,
    /// The gas that was left at the last probe or host function.
    seen: u64,
    /// Functions under execution that have no node.
    beyond: usize,
}

pub(super) struct ProfileBuilder {
    nodes: Vec<Node>,
    children: BTreeMap<(usize, Place), usize>,
    current: usize,
    open: Vec<Open>,
}

impl Default for ProfileBuilder {
    fn default() -> Self {
        let mut builder = Self { nodes: Vec::new(), children: BTreeMap::new(), current: 0, open: Vec::new() };
        builder.add(0, Place::Whole, None);
        builder
    }
}

impl ProfileBuilder {
    fn add(&mut self, parent: usize, place: Place, observation: Option<Arc<Observation>>) -> usize {
        let (gas, charges, hits) = (0, BTreeMap::new(), BTreeMap::new());
        self.nodes.push(Node { parent, place, gas, charges, hits, observation });
        self.nodes.len() - 1
    }

    fn child(&mut self, place: Place, observation: Option<Arc<Observation>>) -> usize {
        let key = (self.current, place);
        if let Some(node) = self.children.get(&key) {
            return *node;
        }
        let node = self.add(self.current, key.1.clone(), observation);
        self.children.insert(key, node);
        node
    }

    fn chain(&mut self, what: &'static str, gas: u64) {
        let node = self.child(Place::Chain(what), None);
        self.nodes[node].gas += gas;
    }

    pub(super) fn outside(&mut self, gas: u64, what: &StepKind) {
        self.chain(if matches!(what, StepKind::Compile) { "compile the code" } else { "take the transaction" }, gas);
    }

    pub(super) fn enter(&mut self, contract: Address, method: &Ident) {
        let outer = self.current;
        self.current = self.child(Place::Contract { contract, method: method.clone() }, None);
        self.open.push(Open { outer, code: Digest::default(), observation: None, seen: 0, beyond: 0 });
    }

    pub(super) fn instance(&mut self, code: Digest, gas: u64, gas_left: u64, observation: Option<Arc<Observation>>) {
        self.chain("make an instance", gas);
        if let Some(open) = self.open.last_mut() {
            self.nodes[self.current].observation.clone_from(&observation);
            (open.code, open.observation, open.seen) = (code, observation, gas_left);
        }
    }

    pub(super) fn leave(&mut self) {
        if let Some(open) = self.open.pop() {
            self.current = open.outer;
        }
    }

    pub(super) fn host(&mut self, function: &'static str, gas: u64, gas_left: u64) {
        let node = self.child(Place::Host(function), None);
        self.nodes[node].gas += gas;
        if let Some(open) = self.open.last_mut() {
            open.seen = gas_left;
        }
    }

    pub(super) fn probe(&mut self, number: u32, gas_left: u64) {
        let Some(open) = self.open.last_mut() else { return };
        let Some(observation) = open.observation.clone() else { return };
        let Some(probe) = observation.probes.get(number as usize) else { return };
        let gas = open.seen.saturating_sub(gas_left);
        open.seen = gas_left;
        match probe {
            Probe::Enter { .. } if self.nodes.len() >= NODES_MAX => open.beyond += 1,
            Probe::Enter { function } => {
                let place = Place::Function { code: open.code, function: *function };
                self.current = self.child(place, Some(observation));
            }
            Probe::Leave if open.beyond > 0 => open.beyond -= 1,
            Probe::Leave => self.current = self.nodes[self.current].parent,
            Probe::Region(charges) => {
                let node = &mut self.nodes[self.current];
                if charges.iter().map(|(_, cost)| cost).sum::<u64>() == gas {
                    *node.hits.entry(number).or_default() += 1;
                } else if let Some((offset, _)) = charges.first() {
                    *node.charges.entry(*offset).or_default() += gas;
                }
            }
            Probe::Operand { offset } => *self.nodes[self.current].charges.entry(*offset).or_default() += gas,
        }
    }

    pub(super) fn finish(self) -> Profile {
        let finished = |(index, node): (usize, Node)| {
            let mut charges = node.charges;
            for (number, times) in &node.hits {
                let probe = node.observation.as_ref().and_then(|observation| observation.probes.get(*number as usize));
                if let Some(Probe::Region(costs)) = probe {
                    costs.iter().for_each(|(offset, cost)| *charges.entry(*offset).or_default() += cost * times);
                }
            }
            let charges = charges.into_iter().map(|(offset, gas)| Charge { offset, gas }).collect();
            let parent = (index > 0).then_some(node.parent);
            ProfileNode { parent, place: node.place, gas: node.gas, charges }
        };
        Profile { nodes: self.nodes.into_iter().enumerate().map(finished).collect() }
    }
}
