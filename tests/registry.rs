//! The registry: every act, every refusal, and its invariants under whatever callers do.
//!
//! The network of these tests: three departments with two administrators each, four nodes, committees that change at
//! multiples of ten.

#[path = "registry/acts.rs"]
mod acts;
#[path = "registry/break_glass.rs"]
mod break_glass;
#[path = "registry/ceremonies.rs"]
mod ceremonies;
#[path = "registry/freezes.rs"]
mod freezes;
#[path = "registry/gas.rs"]
mod gas;
#[path = "registry/nodes.rs"]
mod nodes;
#[path = "registry/offices.rs"]
mod offices;
#[path = "registry/quotas.rs"]
mod quotas;
#[path = "registry/rotation.rs"]
mod rotation;
#[path = "registry/upgrades.rs"]
mod upgrades;

use ::registry::{acts::*, nodes::RegistryNodeCalls as _, *};
use chancery_testing::{Account, Address, Chain, Deployed, days, hours};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
const EPOCH: u64 = 10;
const LEAD: u64 = 20;
const DEPARTMENTS: [&str; 3] = ["justice", "interior", "finance"];

const ROUTINE: Rule = Rule { approvals: 2, departments: 1, delay_ms: HOUR_MS, open_ms: 10 * DAY_MS };
const CONSTITUTION: Rule = Rule { approvals: 3, departments: 2, delay_ms: DAY_MS, open_ms: 30 * DAY_MS };
const FREEZE: Rule = Rule { approvals: 2, departments: 2, delay_ms: 0, open_ms: 2 * DAY_MS };

/// Administrators 0 and 1 are of `justice`, 2 and 3 of `interior`, 4 and 5 of `finance`.
fn administrator(number: usize) -> Account {
    Account::named(&format!("administrator {number}"))
}

/// The key of a node, and of its operator.
fn key(number: u8) -> [u8; 32] {
    VerificationKeyBytes::from(&SigningKey::from([number; 32])).into()
}

/// The keys of nodes, in the order that a committee has.
fn keys(numbers: impl IntoIterator<Item = u8>) -> Vec<[u8; 32]> {
    let mut keys: Vec<_> = numbers.into_iter().map(key).collect();
    keys.sort_unstable();
    keys
}

fn new_node(number: u8, department: &str) -> NewNode {
    NewNode { key: key(number), department: department.into(), operator: key(100 + number) }
}

fn new_administrator(account: Address, department: &str) -> NewAdministrator {
    NewAdministrator { account, department: department.into() }
}

/// What the tests' registry begins with.
fn setup(now_ms: u64) -> Setup {
    let department = |name: &str| NewDepartment { name: name.into(), title: format!("{name} 厅") };
    let appoint = |number: usize| new_administrator(administrator(number).address(), DEPARTMENTS[number / 2]);
    Setup {
        departments: DEPARTMENTS.map(department).into(),
        administrators: (0..6).map(appoint).collect(),
        nodes: (1..=4).map(|number| new_node(number, DEPARTMENTS[usize::from(number) % 3])).collect(),
        deployers: vec![NewDeployer {
            chain: "main".into(),
            department: "justice".into(),
            account: Account::named("deployer").address(),
            until_ms: now_ms + 30 * DAY_MS,
        }],
        meters: vec![Account::named("meter").address()],
        routine: ROUTINE,
        constitution: CONSTITUTION,
        freeze: FREEZE,
        epoch_blocks: EPOCH,
        beacon_lead_blocks: LEAD,
    }
}

/// A network's registry.
struct Network {
    chain: Chain,
    registry: Deployed<Registry>,
}

impl Network {
    fn new() -> Self {
        let chain = Chain::new();
        let registry = chain.deploy::<Registry>("registry").init(setup(chain.now_ms())).done();
        Self { chain, registry }
    }

    fn fork(&self) -> Self {
        let chain = self.chain.fork();
        Self { registry: self.registry.on(&chain), chain }
    }

    /// Proposes an act and has administrators of all departments approve it, as many as any rule takes.
    fn approved(&self, measure: Measure) -> u32 {
        let act = self.registry.propose(measure, "2026-1").by(&administrator(0)).done();
        for number in [2, 4] {
            self.registry.approve(act).by(&administrator(number)).done();
        }
        act
    }

    /// Has a measure approved, waits and carries it out: the error's name when it is refused.
    fn enact(&self, measure: Measure) -> Result<u32, String> {
        let act = self.approved(measure);
        self.chain.advance(days(1));
        self.finish(act)
    }

    fn finish(&self, act: u32) -> Result<u32, String> {
        match self.registry.carry_out(act).by(&administrator(0)).result() {
            Ok(()) => Ok(act),
            Err(failure) => Err(failure.name.clone().unwrap_or_else(|| panic!("{failure}"))),
        }
    }

    /// That a measure, though approved, is refused with this error; nothing has changed then.
    #[track_caller]
    fn refuses(&self, measure: Measure, error: &str) {
        assert_eq!(self.fork().enact(measure), Err(error.into()));
    }

    /// A node says that it is ready.
    fn ready(&self, number: u8) {
        self.registry.declare_ready(key(number), "10.0.0.9:7171").by(&ceremonies::node(number)).done();
    }

    /// Makes blocks until the next one has this height.
    fn until_height(&self, height: u64) {
        assert!(self.chain.height() < height, "the chain is past height {height}");
        while self.chain.height() + 1 < height {
            // Refused, which is a block too.
            self.registry.withdraw(u32::MAX).by(&Account::named("idler")).refused("NotAdministrator");
        }
    }

    /// The first height at which a committee can change after `blocks` more blocks.
    fn epoch_after(&self, blocks: u64) -> u64 {
        (self.chain.height() + blocks).div_ceil(EPOCH) * EPOCH
    }
}

fn grant_role(now_ms: u64) -> Measure {
    Measure::GrantRole {
        department: "justice".into(),
        role: "clerk".into(),
        account: Account::named("clerk").address(),
        from_ms: 0,
        until_ms: now_ms + 100 * DAY_MS,
    }
}
