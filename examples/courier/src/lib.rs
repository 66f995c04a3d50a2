//! Sends points to its like on other chains, and keeps books that must add up: what it has, what it holds of others, and
//! which messages of each lane it saw.
#![no_std]

use chancery_sdk::prelude::*;

/// Sends and takes points.
#[contract]
pub struct Courier {
    /// Points of its own.
    #[public]
    balance: Value<u64>,
    /// Points of others, by the chain they are from.
    #[public]
    held: Map<String, u64>,
    /// Messages that were taken, by chain and number.
    #[public]
    taken: Map<(String, u64), u64>,
    /// Messages that came back, by chain and the number they had.
    #[public]
    returned: Map<(String, u64), u64>,
    /// Whether it refuses what comes back.
    #[public]
    stubborn: Value<bool>,
    /// What it was shown of the mainchain.
    #[public]
    shown: Value<Vec<u8>>,
    /// The beacon it drew by.
    #[public]
    drawn: Value<Digest>,
}

/// Why it refuses.
#[error]
pub enum CourierError {
    /// It has not so many.
    #[code(1)]
    #[message(en = "not so many points", zh = "积分不足")]
    TooFew,
    /// The message was not sent.
    #[code(2)]
    #[message(en = "not sent: {why}", zh = "未能发送:{why}")]
    NotSent { why: u8 },
    /// It does not want to.
    #[code(3)]
    #[message(en = "no", zh = "不")]
    No,
    /// What was shown does not hold.
    #[code(4)]
    #[message(en = "not shown", zh = "未能证明")]
    NotShown,
    /// The beacon cannot be promised.
    #[code(5)]
    #[message(en = "not promised", zh = "不能预先约定")]
    NotPromised,
}

#[methods]
impl Courier {
    /// Begins with so many points.
    #[init]
    pub fn init(&mut self, points: u64) {
        self.balance.set(&points);
    }

    /// Sends points to a contract on another chain, for one of its methods.
    #[access(anyone)]
    pub fn send(
        &mut self,
        cx: &Cx,
        chain: String,
        to: Address,
        method: String,
        amount: u64,
        valid_for: u64,
    ) -> Result<u64, CourierError> {
        let left = self.balance.get_or(0).checked_sub(amount).ok_or(CourierError::TooFew)?;
        self.balance.set(&left);
        let name = Name::new(chain).map_err(|_| CourierError::NotSent { why: 9 })?;
        let quantity = (amount > 0).then_some(("points", amount));
        let sent = cx.send_with(&name, &to, &method, &(amount,), 20_000_000, valid_for, quantity);
        sent.map_err(|failure| CourierError::NotSent { why: failure as u8 })
    }

    /// Takes points.
    #[on_message]
    pub fn credit(&mut self, cx: &Cx, amount: u64) {
        let arrived = cx.arrived().expect("a message runs this");
        assert!(cx.caller() == arrived.sender && arrived.bounce.is_none());
        let chain = arrived.chain.as_str().to_owned();
        let key = (chain.clone(), arrived.sequence);
        assert!(!self.taken.contains(&key), "a message was taken twice");
        self.taken.insert(&key, &amount);
        let came = arrived.quantity.map_or(0, |quantity| quantity.amount);
        assert!(came == amount);
        self.held.update_or_default(&chain, |held| *held += came);
    }

    /// Refuses points.
    #[on_message]
    pub fn decline(&mut self, cx: &Cx, amount: u64) -> Result<(), CourierError> {
        self.credit(cx, amount);
        Err(CourierError::No)
    }

    /// Never ends.
    #[on_message]
    pub fn spin(&mut self, amount: u64) {
        let mut count = amount;
        loop {
            count = core::hint::black_box(count.wrapping_add(1));
        }
    }

    /// Is stopped.
    #[on_message]
    pub fn trap(&mut self, amount: u64) {
        assert!(amount == u64::MAX, "stopped");
    }

    /// Takes its own points back.
    #[on_bounce]
    pub fn take_back(&mut self, cx: &Cx) -> Result<(), CourierError> {
        ensure!(!self.stubborn.get_or(false), CourierError::No);
        let arrived = cx.arrived().expect("a message runs this");
        let bounced = arrived.bounce.expect("it came back");
        let key = (arrived.chain.as_str().to_owned(), bounced.sequence);
        assert!(!self.returned.contains(&key), "a message came back twice");
        let amount = arrived.quantity.map_or(0, |quantity| quantity.amount);
        self.returned.insert(&key, &amount);
        self.balance.set(&(self.balance.get_or(0) + amount));
        Ok(())
    }

    /// Whether it refuses what comes back, from now on.
    #[access(anyone)]
    pub fn set_stubborn(&mut self, stubborn: bool) {
        self.stubborn.set(&stubborn);
    }

    /// Only holders of the role may.
    #[access(role(clerk))]
    pub fn clerks_only(&mut self) {}

    /// Looks at an entry of the mainchain that is presented.
    #[access(anyone)]
    pub fn look(&mut self, cx: &Cx, presented: Vec<u8>) -> Result<(u64, Option<Vec<u8>>), CourierError> {
        let fact = cx.mainchain_entry(&presented).ok_or(CourierError::NotShown)?;
        self.shown.set(&fact.value.clone().unwrap_or_default());
        Ok((fact.height, fact.value))
    }

    /// Asks for a beacon to be brought.
    #[access(anyone)]
    pub fn expect(&mut self, cx: &Cx, height: u64) -> Result<(), CourierError> {
        ensure!(cx.expect_beacon(height), CourierError::NotPromised);
        Ok(())
    }

    /// Draws by a beacon.
    #[access(anyone)]
    pub fn draw(&mut self, cx: &Cx, height: u64) -> Result<u64, CourierError> {
        self.drawn.set(&cx.beacon(height).ok_or(CourierError::NotShown)?);
        Ok(cx.mainchain_height())
    }

    /// What it has and what it holds of a chain.
    #[query]
    pub fn points(&self, chain: String) -> (u64, u64) {
        (self.balance.get_or(0), self.held.get(&chain).unwrap_or(0))
    }

    /// What became of message `number` to or from a chain: whether it was taken here, and whether it came back here.
    #[query]
    pub fn fate(&self, chain: String, number: u64) -> (bool, bool) {
        let key = (chain, number);
        (self.taken.contains(&key), self.returned.contains(&key))
    }
}
