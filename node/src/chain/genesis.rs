//! Making the genesis of a chain from its plan.

use chancery_abi::{Address, Committee, Department, Genesis, Name, RegistrySetup, WIRE_VERSION};

/// The gas schedule that new chains begin with.
const FIRST_SCHEDULE: u32 = 1;

/// What a genesis is made of.
#[derive(Clone, Debug)]
pub struct GenesisPlan {
    /// The chain's name.
    pub chain: Name,
    /// The first committee.
    pub committee: Committee,
    /// Milliseconds since 1970; no block is earlier.
    pub timestamp_ms: u64,
    /// The departments, with the accounts that may deploy for each; what counts where there is no registry.
    pub departments: Vec<(Name, Vec<Address>)>,
    /// The registry that a mainchain begins with.
    pub registry: Option<RegistrySetup>,
}

/// The genesis that `plan` makes.
pub fn plan_genesis(plan: GenesisPlan) -> Genesis {
    let departments = plan.departments.into_iter().map(|(name, deployers)| Department { name, deployers });
    Genesis {
        version: WIRE_VERSION,
        chain: plan.chain,
        timestamp_ms: plan.timestamp_ms,
        committee: plan.committee,
        schedule: FIRST_SCHEDULE,
        departments: departments.collect(),
        relying_parties: Vec::new(),
        mainchain: None,
        registry: plan.registry,
    }
}
