//! The registry that a new mainchain begins with: this release's Wasm, and what its init method is given.
//!
//! The module is kept beside its source, so that every node of this release has the same; a test builds it again. The
//! types here are written as `contracts/registry` reads them; a test compares the two.

use chancery_abi::{Address, Name, RegistrySetup};
use parity_scale_codec::Encode;

/// This release's registry, which `chancery contract build contracts/registry` gives.
pub const REGISTRY_WASM: &[u8] = include_bytes!("../../../contracts/registry/registry.wasm");

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// How many heights ahead beacons are promised: from some hours of a busy chain to two days of an idle one.
const BEACON_LEAD_BLOCKS: u64 = 100_000;
/// How long a deployer's right from the genesis holds.
const DEPLOYERS_DAYS: u64 = 5 * 365;

/// What an act of a class takes.
#[derive(Clone, Copy, Debug, Encode)]
pub struct ActRule {
    /// Administrators who must approve, the proposer included.
    pub approvals: u32,
    /// Different departments among them.
    pub departments: u32,
    /// Milliseconds between approval and carrying out.
    pub delay_ms: u64,
    /// Milliseconds after which an act expires.
    pub open_ms: u64,
}

/// A department of a new network.
#[derive(Clone, Debug)]
pub struct PlannedDepartment {
    /// Its name.
    pub name: Name,
    /// Its official title.
    pub title: String,
    /// Its administrators' accounts.
    pub administrators: Vec<Address>,
    /// Its nodes: the validator's key, and its operator's, both ed25519.
    pub nodes: Vec<([u8; 32], [u8; 32])>,
    /// The accounts that may deploy for it.
    pub deployers: Vec<Address>,
}

/// Where committees change and what acts take.
#[derive(Clone, Debug)]
pub struct RegistryPlan {
    /// The departments.
    pub departments: Vec<PlannedDepartment>,
    /// The rule of routine acts.
    pub routine: ActRule,
    /// The rule of constitutional acts.
    pub constitution: ActRule,
    /// The rule of freezes.
    pub freeze: ActRule,
    /// Committees change at multiples of this height only.
    pub epoch_blocks: u64,
    /// How many heights ahead a contract may promise to use a beacon; a new threshold key is announced twice as many before
    /// it begins.
    pub beacon_lead_blocks: u64,
}

impl RegistryPlan {
    /// A plan for a trial network, whose acts take two departments where there are two, and no delay.
    pub fn trial(departments: Vec<PlannedDepartment>) -> Self {
        let two = u32::from(departments.iter().filter(|of| !of.administrators.is_empty()).count() > 2) + 1;
        let rule = |approvals| ActRule { approvals, departments: approvals, delay_ms: 0, open_ms: 30 * DAY_MS };
        let (routine, constitution, freeze) = (rule(1), rule(two), rule(2));
        let beacon_lead_blocks = BEACON_LEAD_BLOCKS;
        Self { departments, routine, constitution, freeze, epoch_blocks: 100, beacon_lead_blocks }
    }

    /// A plan for a network of departments: routine acts take one administrator, freezes two departments, constitutional
    /// acts more than half of the departments and a delay, as far as losing one key locks nobody out.
    pub fn real(departments: Vec<PlannedDepartment>, delay_ms: u64, epoch_blocks: u64) -> Self {
        let offices = departments.iter().filter(|department| !department.administrators.is_empty()).count();
        let offices = u32::try_from(offices).unwrap_or(u32::MAX);
        let majority = (offices / 2 + 1).min(offices.saturating_sub(1)).max(1);
        let rule = |approvals, delay_ms| ActRule {
            approvals,
            departments: approvals,
            delay_ms,
            open_ms: 30 * DAY_MS + delay_ms,
        };
        let (routine, constitution, freeze) = (rule(1, 0), rule(majority, delay_ms), rule(2, 0));
        let beacon_lead_blocks = BEACON_LEAD_BLOCKS;
        Self { departments, routine, constitution, freeze, epoch_blocks, beacon_lead_blocks }
    }

    /// The setup that a genesis on this chain, of this moment, takes up.
    pub fn setup(&self, chain: &Name, now_ms: u64) -> RegistrySetup {
        let name = |department: &PlannedDepartment| department.name.as_str().to_owned();
        let of = &self.departments;
        let departments: Vec<_> = of.iter().map(|department| (name(department), department.title.clone())).collect();
        let administrators: Vec<(Address, String)> = of
            .iter()
            .flat_map(|department| department.administrators.iter().map(move |account| (*account, name(department))))
            .collect();
        let nodes: Vec<([u8; 32], String, [u8; 32])> = of
            .iter()
            .flat_map(|department| {
                department.nodes.iter().map(move |(key, operator)| (*key, name(department), *operator))
            })
            .collect();
        let until_ms = now_ms + DEPLOYERS_DAYS * DAY_MS;
        let deployer = |department: &PlannedDepartment, account: &Address| {
            (chain.as_str().to_owned(), name(department), *account, until_ms)
        };
        let deployers: Vec<(String, String, Address, u64)> = of
            .iter()
            .flat_map(|department| department.deployers.iter().map(move |account| deployer(department, account)))
            .collect();
        let meters = Vec::<Address>::new();
        let rules = (self.routine, self.constitution, self.freeze);
        let blocks = (self.epoch_blocks, self.beacon_lead_blocks);
        let input = (departments, administrators, nodes, deployers, meters, rules, blocks).encode();
        RegistrySetup { code: REGISTRY_WASM.to_vec(), input }
    }
}
