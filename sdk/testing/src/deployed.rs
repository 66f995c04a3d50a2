//! Handles of contracts: what the methods that `#[methods]` writes are called on, and what they return.

use std::{marker::PhantomData, sync::Arc};

use chancery_abi::{Address, Call as AbiCall, Deploy, Ident, Payload, Refusal, Upgrade, slot::SlotKey};
use chancery_runtime::execution::QueryCall;
use chancery_sdk::{
    Data,
    calls::{Calls, Kind},
};

use crate::{
    Account, Chain, Proof,
    called::{Called, Failure, Subject},
    contract::Contract,
    proof,
};

/// Gas of a call unless the test says otherwise: enough for everything but endless loops.
const GAS: u64 = 5_000_000_000;

/// A deployed contract. It has the contract's own methods, which give a [`Call`] or a [`Query`].
pub struct Deployed<C> {
    chain: Chain,
    address: Address,
    contract: PhantomData<fn() -> C>,
}

impl<C> Deployed<C> {
    fn new(chain: Chain, address: Address) -> Self {
        Self { chain, address, contract: PhantomData }
    }

    /// Its address, by which other contracts know it.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The same contract on another chain, which was forked from this one's.
    pub fn on(&self, chain: &Chain) -> Self {
        Self::new(chain.clone(), self.address)
    }

    /// Proves what a field holds that has one value, or that it holds nothing, after the last block.
    ///
    /// # Panics
    /// Before the first block, and when the contract has no such field.
    pub fn prove(&self, field: &str) -> Proof {
        proof::prove(&self.chain.world.borrow(), &self.address, field, |_| {})
    }

    /// Proves what a field holds under a key, or that it holds nothing there, after the last block.
    ///
    /// # Panics
    /// Before the first block, and when the contract has no such field.
    pub fn prove_entry(&self, field: &str, key: &impl SlotKey) -> Proof {
        proof::prove(&self.chain.world.borrow(), &self.address, field, |slot| key.push_to(slot))
    }
}

impl<C> Clone for Deployed<C> {
    fn clone(&self) -> Self {
        Self::new(self.chain.clone(), self.address)
    }
}

impl<C> std::fmt::Debug for Deployed<C> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Deployed({})", self.address)
    }
}

impl<C> Calls<C> for Deployed<C> {
    type Call<T> = Call<T>;
    type Query<T> = Query<T>;
    type Begin = std::convert::Infallible;

    fn call<T>(&self, method: &'static str, input: Vec<u8>) -> Call<T> {
        let call = AbiCall { contract: self.address, method: ident(method), input };
        let (chain, payload) = (self.chain.clone(), Payload::Call(call));
        Call { chain, payload, gas: GAS, sponsor: None, returns: PhantomData }
    }

    fn query<T>(&self, method: &'static str, input: Vec<u8>) -> Query<T> {
        let call = QueryCall {
            contract: self.address,
            method: ident(method),
            input,
            caller: Address::default(),
            gas_limit: GAS,
        };
        Query { chain: self.chain.clone(), call, returns: PhantomData }
    }

    fn begin(&self, _kind: Kind, method: &'static str, _input: Vec<u8>) -> Self::Begin {
        panic!("`{method}` runs once, when the contract is deployed or upgraded: chain.deploy::<C>(NAME).{method}(...)")
    }
}

fn ident(method: &'static str) -> Ident {
    Ident::new(method).expect("the contract compiled, so its methods are identifiers")
}

/// A call that was not made yet.
#[must_use = "nothing is called until `.by(&account)`"]
pub struct Call<T> {
    chain: Chain,
    payload: Payload,
    gas: u64,
    sponsor: Option<Account>,
    returns: PhantomData<fn() -> T>,
}

impl<T: Data> Call<T> {
    /// Has this account sign as well, so that its department pays: see [`Chain::appoint_sponsor`].
    pub fn sponsored_by(mut self, sponsor: &Account) -> Self {
        self.sponsor = Some(sponsor.clone());
        self
    }

    /// Gives it at most so much gas.
    pub fn with_gas(mut self, gas: u64) -> Self {
        self.gas = gas;
        self
    }

    /// Signs it as this account and makes a block of it.
    ///
    /// # Panics
    /// When it may not be in a block at all, such as with less gas than its bytes cost.
    pub fn by(self, account: &Account) -> Called<T> {
        self.try_by(account).unwrap_or_else(|refusal| panic!("the call may not be in a block: {refusal}"))
    }

    /// The same, for a call that may not be in a block.
    ///
    /// # Errors
    /// When it may not, such as when its department has not as much gas left. Nothing has changed then.
    pub fn try_by(self, account: &Account) -> Result<Called<T>, Refusal> {
        let sponsor = self.sponsor.as_ref();
        let executed = self.chain.world.borrow_mut().submit_sponsored(account, sponsor, self.payload, self.gas)?;
        let subject = Subject::Transaction { by: account.name().to_owned(), executed: Box::new(executed) };
        Ok(Called::new(self.chain, subject))
    }
}

/// A question that was not asked yet.
#[must_use = "nothing is asked until `.ask()`"]
pub struct Query<T> {
    chain: Chain,
    call: QueryCall,
    returns: PhantomData<fn() -> T>,
}

impl<T: Data> Query<T> {
    /// Asks it as this account; without, the contract sees the zero address as its caller.
    pub fn by(mut self, account: &Account) -> Self {
        self.call.caller = account.address();
        self
    }

    /// The answer.
    ///
    /// # Panics
    /// When there is none, with why.
    pub fn ask(self) -> T {
        self.asked().done()
    }

    /// The answer, or why there is none.
    ///
    /// # Errors
    /// When the contract refused or was stopped.
    pub fn try_ask(self) -> Result<T, Failure> {
        self.asked().result()
    }

    /// What came of it, with its gas.
    pub fn asked(self) -> Called<T> {
        let result = self.chain.world.borrow().query(self.call.clone());
        Called::new(self.chain, Subject::Query { call: self.call, result })
    }
}

/// A contract that is about to be deployed; its `#[init]` method goes on from here.
#[must_use = "nothing is deployed until its init method is called, or `.done()`"]
pub struct Deploying<C> {
    chain: Chain,
    name: String,
    contract: Arc<Contract>,
    of: PhantomData<fn() -> C>,
}

impl<C> Deploying<C> {
    pub(crate) fn new(chain: Chain, name: &str, contract: Arc<Contract>) -> Self {
        Self { chain, name: name.to_owned(), contract, of: PhantomData }
    }

    /// Deploys a contract that has no `#[init]` method.
    ///
    /// # Panics
    /// When it is refused, with why.
    pub fn done(&self) -> Deployed<C> {
        self.begin(Kind::Init, "", Vec::new()).done()
    }
}

/// A contract whose code is about to be replaced; the new code's `#[migrate]` method goes on from here.
#[must_use = "nothing is upgraded until its migrate method is called, or `.done()`"]
pub struct Upgrading<C> {
    chain: Chain,
    address: Address,
    contract: Arc<Contract>,
    of: PhantomData<fn() -> C>,
}

impl<C> Upgrading<C> {
    pub(crate) fn new(chain: Chain, address: Address, contract: Arc<Contract>) -> Self {
        Self { chain, address, contract, of: PhantomData }
    }

    /// Upgrades to code that has no `#[migrate]` method.
    ///
    /// # Panics
    /// When it is refused, with why.
    pub fn done(&self) -> Deployed<C> {
        self.begin(Kind::Migrate, "", Vec::new()).done()
    }
}

/// A deployment or upgrade that was tried.
pub struct Begin<C> {
    called: Called<()>,
    deployed: Deployed<C>,
}

impl<C> Begin<C> {
    /// The contract.
    ///
    /// # Panics
    /// When it was refused, with why.
    pub fn done(self) -> Deployed<C> {
        self.called.ended_well();
        self.deployed
    }

    /// What came of it: its receipt, events and gas, and the expectations of failures.
    pub fn called(&self) -> &Called<()> {
        &self.called
    }
}

/// Runs a deployment or upgrade by the chain's deployer. The world knows the contract before, so that a failure is
/// explained by its schema and source.
fn begin<C>(
    chain: &Chain,
    address: Address,
    known: (String, Arc<Contract>),
    kind: Kind,
    expected: Kind,
    method: &str,
    payload: Payload,
) -> Begin<C> {
    assert!(
        kind == expected,
        "`{method}` cannot begin here: `deploy` takes the init method, `upgrade` the migrate method"
    );
    let before = chain.world.borrow_mut().expect_contract(address, known.0, known.1);
    let deployer = chain.deployer();
    let submitted = chain.world.borrow_mut().submit(&deployer, payload, GAS);
    let executed = submitted.unwrap_or_else(|refusal| panic!("this may not be in a block: {refusal}"));
    if let (false, Some(before)) = (executed.receipt.outcome.is_done(), before) {
        chain.world.borrow_mut().contracts.insert(address, before);
    }
    let subject = Subject::Transaction { by: deployer.name().to_owned(), executed: Box::new(executed) };
    Begin { called: Called::new(chain.clone(), subject), deployed: Deployed::new(chain.clone(), address) }
}

macro_rules! only_begins {
    ($handle:ident, $what:literal) => {
        type Call<T> = std::convert::Infallible;
        type Query<T> = std::convert::Infallible;
        type Begin = Begin<C>;

        fn call<T>(&self, method: &'static str, _input: Vec<u8>) -> Self::Call<T> {
            panic!("`{method}` cannot be called before the contract is {}", $what)
        }

        fn query<T>(&self, method: &'static str, _input: Vec<u8>) -> Self::Query<T> {
            panic!("`{method}` cannot be asked before the contract is {}", $what)
        }
    };
}

impl<C> Calls<C> for Deploying<C> {
    only_begins!(Deploying, "deployed");

    fn begin(&self, kind: Kind, method: &'static str, input: Vec<u8>) -> Begin<C> {
        let (address, department) = {
            let world = self.chain.world.borrow();
            (world.address(&self.name), world.department())
        };
        let deploy =
            Deploy { department, name: crate::world::name(&self.name), code: self.contract.wasm.clone(), input };
        let known = (self.name.clone(), Arc::clone(&self.contract));
        begin(&self.chain, address, known, kind, Kind::Init, method, Payload::Deploy(deploy))
    }
}

impl<C> Calls<C> for Upgrading<C> {
    only_begins!(Upgrading, "upgraded");

    fn begin(&self, kind: Kind, method: &'static str, input: Vec<u8>) -> Begin<C> {
        let upgrade = Upgrade { contract: self.address, code: self.contract.wasm.clone(), input };
        let name = self.chain.world.borrow().contracts.get(&self.address).map(|(name, _)| name.clone());
        let known = (name.unwrap_or_default(), Arc::clone(&self.contract));
        begin(&self.chain, self.address, known, kind, Kind::Migrate, method, Payload::Upgrade(upgrade))
    }
}
