//! A chain in memory, for tests.

use std::{cell::RefCell, rc::Rc};

use chancery_abi::{
    Address, Digest,
    quota::{Quota, Usage},
};

use crate::{Account, Deployed, Deploying, Span, Upgrading, contract::Contract, world::World};

/// A chain with one validator and one department, in memory. Clones are the same chain; [`Self::fork`] makes another.
#[derive(Clone)]
pub struct Chain {
    pub(crate) world: Rc<RefCell<World>>,
}

impl Chain {
    /// A new chain.
    pub fn new() -> Self {
        Self::of(World::new())
    }

    pub(crate) fn of(world: World) -> Self {
        Self { world: Rc::new(RefCell::new(world)) }
    }

    /// Who may deploy, and is the caller of `#[init]` and `#[migrate]` methods.
    pub fn deployer(&self) -> Account {
        World::deployer()
    }

    /// Begins to deploy a contract under a name; the contract's own `#[init]` method goes on from here.
    pub fn deploy<C: chancery_sdk::calls::Package>(&self, name: &str) -> Deploying<C> {
        Deploying::new(self.clone(), name, Contract::of(C::DIRECTORY))
    }

    /// Begins to put the code of `D` in the place of a contract's; the `#[migrate]` method of `D` goes on from here.
    pub fn upgrade<C, D: chancery_sdk::calls::Package>(&self, contract: &Deployed<C>) -> Upgrading<D> {
        Upgrading::new(self.clone(), contract.address(), Contract::of(D::DIRECTORY))
    }

    /// Lets time pass. The next block has a time that is later by this.
    pub fn advance(&self, span: Span) {
        self.world.borrow_mut().now_ms += span.0;
    }

    /// Gives an account a role in the contracts' department, as the mainchain's registry would, in a block of its own:
    /// what `#[access(role(NAME))]` asks for.
    pub fn grant_role(&self, role: &str, account: &Account) {
        self.set_role(role, account, true);
    }

    /// Takes a role away, in a block of its own.
    pub fn revoke_role(&self, role: &str, account: &Account) {
        self.set_role(role, account, false);
    }

    fn set_role(&self, role: &str, account: &Account, holds: bool) {
        let world = &mut *self.world.borrow_mut();
        let department = world.department();
        world.office.role(department.as_str(), role, &account.address(), holds);
        world.enter_office();
    }

    /// Makes an account a sponsor of a department, as the mainchain's registry would, in a block of its own: that department
    /// pays for what the account sponsors.
    pub fn appoint_sponsor(&self, account: &Account, department: &str) {
        self.set_sponsor(account, Some(department));
    }

    /// Takes that away, in a block of its own.
    pub fn dismiss_sponsor(&self, account: &Account) {
        self.set_sponsor(account, None);
    }

    fn set_sponsor(&self, account: &Account, department: Option<&str>) {
        let world = &mut *self.world.borrow_mut();
        world.office.sponsor(&account.address(), department);
        world.enter_office();
    }

    /// Freezes an account or a contract, as the mainchain's registry would, in a block of its own.
    pub fn freeze(&self, target: Address) {
        self.set_freeze(target, true);
    }

    /// Ends a freeze, in a block of its own.
    pub fn unfreeze(&self, target: Address) {
        self.set_freeze(target, false);
    }

    fn set_freeze(&self, target: Address, frozen: bool) {
        let world = &mut *self.world.borrow_mut();
        world.office.freeze(&target, frozen);
        world.enter_office();
    }

    /// Grants a department a quota, as the mainchain's registry would, in a block of its own. The contracts of a test are
    /// of [`DEPARTMENT`](crate::DEPARTMENT).
    pub fn set_quota(&self, department: &str, quota: Option<Quota>) {
        let world = &mut *self.world.borrow_mut();
        world.office.set_quota(department, quota.as_ref());
        world.enter_office();
    }

    /// What a department used, as the runtime last counted it.
    pub fn usage(&self, department: &str) -> Usage {
        self.world.borrow().usage(department)
    }

    /// Whether blocks bring no beacons, as while the holders of the threshold key are away. Afterwards they catch up.
    pub fn withhold_beacons(&self, withhold: bool) {
        self.world.borrow_mut().office.withholds = withhold;
    }

    /// Makes so many blocks without transactions.
    pub fn make_blocks(&self, count: u64) {
        (0..count).for_each(|_| self.world.borrow_mut().enter_office());
    }

    /// The time that the next block will have, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.world.borrow().next().timestamp_ms
    }

    /// The height of the last block, 0 before the first.
    pub fn height(&self) -> u64 {
        self.world.borrow().state.height()
    }

    /// The state's root after the last block.
    pub fn root(&self) -> Digest {
        self.world.borrow().state.root()
    }

    /// Another chain that begins where this one is; what happens on either does not reach the other. Handles stay with
    /// the chain they were made on; [`Deployed::on`] gives one on the other.
    pub fn fork(&self) -> Self {
        Self { world: Rc::new(RefCell::new(self.world.borrow().fork())) }
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}
