//! What is fixed about a chain for as long as it lives, checked once.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    abi::{Address, Digest, Genesis, Name, WIRE_VERSION, limits::DEPARTMENTS_MAX},
    module::Schedule,
};

/// Why a genesis cannot begin a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Its format is of another release.
    #[error("the genesis has format version {found}; this release knows {WIRE_VERSION}")]
    UnknownVersion {
        /// The version found.
        found: u8,
    },
    /// Its gas schedule is not one that this release has.
    #[error("the genesis begins with gas schedule {found}, which this release does not have")]
    UnknownSchedule {
        /// The number found.
        found: u32,
    },
    /// A department is in it twice.
    #[error("the genesis has department {0} twice")]
    DepartmentTwice(Name),
    /// It has too many departments.
    #[error("the genesis has {found} departments, of which at most {DEPARTMENTS_MAX} are allowed")]
    TooManyDepartments {
        /// How many it has.
        found: usize,
    },
}

/// A chain's genesis, checked, with its digest.
#[derive(Clone, Debug)]
pub struct ChainRules {
    genesis: Genesis,
    digest: Digest,
    schedule: &'static Schedule,
    deployers: BTreeMap<Name, BTreeSet<Address>>,
    registry: Option<Address>,
}

impl ChainRules {
    /// The rules of the chain that begins with `genesis`.
    ///
    /// # Errors
    /// When this release cannot run such a chain, or the genesis contradicts itself.
    pub fn new(genesis: Genesis) -> Result<Self, GenesisError> {
        if genesis.version != WIRE_VERSION {
            return Err(GenesisError::UnknownVersion { found: genesis.version });
        }
        let schedule =
            Schedule::by_number(genesis.schedule).ok_or(GenesisError::UnknownSchedule { found: genesis.schedule })?;
        if genesis.departments.len() > DEPARTMENTS_MAX {
            return Err(GenesisError::TooManyDepartments { found: genesis.departments.len() });
        }
        let mut deployers = BTreeMap::new();
        for department in &genesis.departments {
            let members = department.deployers.iter().copied().collect();
            if deployers.insert(department.name.clone(), members).is_some() {
                return Err(GenesisError::DepartmentTwice(department.name.clone()));
            }
        }
        let registry = Some(Address::registry(&genesis.chain));
        Ok(Self { digest: genesis.digest(), genesis, schedule, deployers, registry })
    }

    /// The genesis.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The genesis' digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The chain's name.
    pub fn name(&self) -> &Name {
        &self.genesis.chain
    }

    /// The gas schedule in force.
    pub fn schedule(&self) -> &'static Schedule {
        self.schedule
    }

    /// Where a mainchain's registry is, and on a sidechain what it knows of that. A mainchain that began without one reads
    /// nothing there.
    pub fn registry(&self) -> Option<&Address> {
        self.registry.as_ref()
    }

    /// Whether `account` may deploy for `department` by the genesis, which counts where there is no registry.
    pub fn may_deploy(&self, account: &Address, department: &Name) -> bool {
        self.deployers.get(department).is_some_and(|members| members.contains(account))
    }
}
