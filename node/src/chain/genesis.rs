//! Making the genesis of a chain with one validator, as `dev` and tests need it.

use chancery_abi::{Address, Committee, Department, Genesis, Name, WIRE_VERSION};

/// The gas schedule that new chains begin with.
const FIRST_SCHEDULE: u32 = 1;

/// What a genesis is made of.
#[derive(Clone, Debug)]
pub struct GenesisPlan {
    /// The chain's name.
    pub chain: Name,
    /// The validator's ed25519 key.
    pub validator: [u8; 32],
    /// Milliseconds since 1970; no block is earlier.
    pub timestamp_ms: u64,
    /// The departments, with the accounts that may deploy for each.
    pub departments: Vec<(Name, Vec<Address>)>,
}

/// The genesis of a chain with one validator.
pub fn single_validator_genesis(plan: GenesisPlan) -> Genesis {
    let committee = Committee::new(vec![plan.validator]).expect("one key makes a committee");
    let departments = plan.departments.into_iter().map(|(name, deployers)| Department { name, deployers });
    Genesis {
        version: WIRE_VERSION,
        chain: plan.chain,
        timestamp_ms: plan.timestamp_ms,
        committee,
        schedule: FIRST_SCHEDULE,
        departments: departments.collect(),
        relying_parties: Vec::new(),
        mainchain: None,
    }
}
