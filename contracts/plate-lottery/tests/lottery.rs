//! The plate lottery as its officers, entrants and checkers use it: every refusal, the draw against a program that shares
//! no code with it, its fairness, and what never happens whatever is tried.

#[path = "lottery/authority.rs"]
mod authority;
#[path = "lottery/fairness.rs"]
mod fairness;
#[path = "lottery/gas.rs"]
mod gas;
#[path = "lottery/million.rs"]
mod million;
#[path = "lottery/redraw.rs"]
mod redraw;
#[path = "lottery/refusals.rs"]
mod refusals;
#[path = "lottery/sidechain.rs"]
mod sidechain;
#[path = "lottery/whatever.rs"]
mod whatever;

use chancery_testing::{Account, Address, Chain, Deployed, Digest, hours};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use plate_lottery::{draw::*, periods::*, *};
use sha2::Digest as _;

const HOUR_MS: u64 = 3_600_000;

/// A lottery with an officer.
pub(crate) struct Office {
    pub(crate) chain: Chain,
    pub(crate) lottery: Deployed<PlateLottery>,
    pub(crate) officer: Account,
    pub(crate) anyone: Account,
}

impl Office {
    pub(crate) fn new() -> Self {
        let (chain, officer, anyone) = (Chain::new(), Account::named("officer"), Account::named("anyone"));
        let lottery = chain.deploy::<PlateLottery>("plate-lottery").done();
        chain.grant_role("lottery-officer", &officer);
        Self { chain, lottery, officer, anyone }
    }

    pub(crate) fn rules(&self, quota: u32) -> Rules {
        Rules {
            quota,
            extra_tickets_max: 3,
            entries_until_ms: self.chain.now_ms() + 10 * HOUR_MS,
            draw_after_blocks: 2,
            claim_within_ms: 24 * HOUR_MS,
        }
    }

    pub(crate) fn open(&self, quota: u32) -> u32 {
        self.lottery.open(self.rules(quota), authority::modulus()).by(&self.officer).done()
    }

    /// Makes a block of no importance.
    pub(crate) fn idle(&self) {
        self.lottery.expire(u32::MAX, 1).by(&self.anyone).refused("NoPeriod");
    }

    /// Enters with the tokens of these people, all new.
    pub(crate) fn enter(&self, period: u32, people: impl IntoIterator<Item = u32>) {
        let entries: Vec<_> = people.into_iter().map(|person| new_entry(period, person)).collect();
        for page in entries.chunks(16) {
            self.lottery.enter_many(period, page.to_vec()).by(&self.anyone).done();
        }
    }

    /// Freezes the list and lets the draw's height come.
    pub(crate) fn freeze(&self, period: u32) -> u64 {
        self.chain.advance(hours(10));
        let height = self.lottery.freeze(period).by(&self.anyone).done();
        while self.chain.height() < height {
            self.idle();
        }
        height
    }

    /// Draws to the end, in pages of so many numbers.
    pub(crate) fn draw(&self, period: u32, page: u32) {
        while !self.lottery.draw(period, page).by(&self.anyone).done() {}
    }

    /// The winning entries by rank.
    pub(crate) fn winners(&self, period: u32) -> Vec<u32> {
        let mut winners: Vec<u32> = Vec::new();
        loop {
            let after = u32::try_from(winners.len()).expect("few").checked_sub(1);
            let page = self.lottery.winners(period, after, 200).ask();
            if page.is_empty() {
                return winners;
            }
            winners.extend(page.into_iter().map(|(_, entry)| entry));
        }
    }

    /// Has everyone claim who has won so far, where entry n is of person n.
    pub(crate) fn claim_all(&self, period: u32) {
        let account = Account::named("winner").address();
        for winner in self.winners(period) {
            let signature = claim(self.lottery.address(), period, winner, winner, account);
            self.lottery.claim(period, winner, account, signature).by(&self.anyone).done();
        }
    }

    /// Lets all claims expire until the period is closed.
    pub(crate) fn close(&self, period: u32) {
        self.chain.advance(hours(24));
        loop {
            if self.lottery.expire(period, 500).by(&self.anyone).done() {
                return;
            }
            if self.lottery.period(period).ask().stage == Stage::Drawing {
                self.draw(period, 2_000);
                self.chain.advance(hours(24));
            }
        }
    }
}

/// The key behind a person's entry in a period.
pub(crate) fn key(period: u32, person: u32) -> SigningKey {
    let mut seed = [0x5e; 32];
    seed[..4].copy_from_slice(&period.to_be_bytes());
    seed[4..8].copy_from_slice(&person.to_be_bytes());
    SigningKey::from(seed)
}

pub(crate) fn token(period: u32, person: u32) -> [u8; 32] {
    sha2::Sha256::digest([period.to_be_bytes(), person.to_be_bytes()].concat()).into()
}

/// The modulus of the authority's key.
#[allow(dead_code, reason = "the tests across chains use it")]
pub(crate) fn token_key() -> [u8; 256] {
    authority::modulus()
}

/// A person's entry in a period, without earlier losses.
pub(crate) fn new_entry(period: u32, person: u32) -> NewEntry {
    let token = token(period, person);
    let key = VerificationKeyBytes::from(&key(period, person)).into();
    NewEntry { token, signature: authority::sign(&token), key, loss: None }
}

/// Opens a person's losing entry of an earlier period for the new entry.
pub(crate) fn opened(mut entry: NewEntry, lottery: Address, period: u32, person: u32, earlier: (u32, u32)) -> NewEntry {
    let hash = Digest(sha2::Sha256::digest(entry.token).into());
    let message = [LOSS_DOMAIN, &lottery.0, &period.to_be_bytes(), &hash.0, &entry.key].concat();
    let signature = key(earlier.0, person).sign(&message).into();
    entry.loss = Some(EarlierLoss { period: earlier.0, entry: earlier.1, signature });
    entry
}

pub(crate) fn claim(lottery: Address, period: u32, entry: u32, person: u32, account: Address) -> [u8; 64] {
    let place = [period.to_be_bytes(), entry.to_be_bytes()].concat();
    key(period, person).sign(&[CLAIM_DOMAIN, &lottery.0, &place, &account.0].concat()).into()
}

#[test]
fn what_openssl_signed_holds_and_nothing_that_differs_in_a_bit() {
    let signature = authority::hex(authority::OPENSSL_SIGNATURE);
    let message = [TOKEN_DOMAIN, &[7; 32]].concat();
    assert!(rsa::holds(&authority::modulus(), &message, &signature));
    assert!(rsa::holds(&authority::modulus(), &message, &authority::sign(&[7; 32])), "as do those of these tests");
    assert!(!rsa::holds(&authority::modulus(), &[TOKEN_DOMAIN, &[8; 32]].concat(), &signature));
    for bit in (0..2_048).step_by(97) {
        let mut other = signature;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(!rsa::holds(&authority::modulus(), &message, &other), "bit {bit}");
    }
    assert!(!rsa::holds(&authority::modulus(), &message, &[0xff; 256]) && !rsa::holds(&[0; 256], &message, &signature));
}

#[test]
fn a_period_from_its_rules_to_its_last_plate() {
    let office = Office::new();
    let period = office.open(2);
    office.enter(period, 0..5);
    let height = office.freeze(period);
    let frozen = office.lottery.period(period).ask();
    assert!(frozen.frozen_height.expect("frozen") < height && frozen.beacon.is_none());
    office.draw(period, 1);
    let winners = office.winners(period);
    assert_eq!(winners.len(), 2);
    let (lottery, account) = (office.lottery.address(), Account::named("winner").address());
    let signature = claim(lottery, period, winners[0], winners[0], account);
    office.lottery.claim(period, winners[0], account, signature).by(&office.anyone).done();

    // The other one does not claim: its plate is drawn again, to somebody else, from the same stream.
    office.chain.advance(hours(24));
    assert!(!office.lottery.expire(period, 500).by(&office.anyone).done());
    office.draw(period, 100);
    let again = office.winners(period);
    assert_eq!((again.len(), &again[..2]), (3, &winners[..]));
    assert!(!winners.contains(&again[2]));
    let signature = claim(lottery, period, again[2], again[2], account);
    office.lottery.claim(period, again[2], account, signature).by(&office.anyone).done();
    office.chain.advance(hours(24));
    assert!(office.lottery.expire(period, 500).by(&office.anyone).done(), "all is claimed or nobody is left");
    let closed = office.lottery.period(period).ask();
    assert_eq!((closed.stage, closed.claimed, closed.drawn), (Stage::Closed, 2, 3));

    // Winners and losers are provable alike.
    let win: Win = office.lottery.prove_entry("wins", &(period, again[2])).value().expect("it won");
    assert!(win.claimed_ms.is_some());
    let loser = (0..5).find(|entry| !again.contains(entry)).expect("two lost");
    assert!(office.lottery.prove_entry("wins", &(period, loser)).value::<Win>().is_none());

    // A loss counts once, for whoever has its key, and adds up.
    let next = office.open(1);
    let entry = opened(new_entry(next, loser), lottery, next, loser, (period, loser));
    let number = office.lottery.enter(next, entry).by(&office.anyone).done();
    let entered = office.lottery.entry(next, number).ask();
    assert_eq!((entered.tickets, entered.losses), (2, 1));
    assert!(office.lottery.entry(period, loser).ask().taken_over);
}

#[test]
fn as_many_entries_as_plates_all_win_and_an_empty_list_ends() {
    let office = Office::new();
    let (full, empty) = (office.open(5), office.open(5));
    office.enter(full, 0..3);
    office.freeze(full);
    office.lottery.freeze(empty).by(&office.anyone).done();
    office.idle();
    office.idle();
    office.draw(full, 2);
    assert_eq!(office.winners(full), [0, 1, 2]);
    office.draw(empty, 10);
    office.close(empty);
    assert_eq!(office.lottery.period(empty).ask().drawn, 0);
}
