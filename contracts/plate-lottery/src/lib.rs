//! The licence-plate lottery: who takes part nobody can say, that the draw was fair everybody can.
//!
//! A person enters with a token that the authority signed blind (RFC 9474), one a period, so neither this contract nor the
//! authority can tell whose entry is whose. Entries are closed and committed to before the beacon that draws can be known
//! to anyone; the draw is a function of the list and the beacon and nothing else, and anyone can do it again (how stands in
//! `sampler` and in this contract's README).
//!
//! Invariants: a token makes one entry; nobody wins twice; tickets are those of the list, each as likely; a draw is put
//! off before its height comes or not at all, and never done again; who has not claimed in time is passed over and the same
//! stream goes on; a loss counts once, for whoever can sign with its key.
#![no_std]

pub mod draw;
pub mod neighbours;
pub mod periods;
pub mod rsa;
pub mod sampler;
mod types;

use chancery_sdk::prelude::*;

pub use types::*;

/// What the authority's signature over a token is over, before its 32 bytes.
pub const TOKEN_DOMAIN: &[u8] = b"chancery/plate-lottery/token/v1";
/// What a signature that opens an earlier loss is over, before contract, period, token hash and key.
pub const LOSS_DOMAIN: &[u8] = b"chancery/plate-lottery/loss/v1";
/// What a signature that claims is over, before contract, period, entry and account.
pub const CLAIM_DOMAIN: &[u8] = b"chancery/plate-lottery/claim/v1";

/// Entries of one list.
const ENTRIES_MAX: u32 = 10_000_000;
/// Entries of one call.
const PAGE_MAX: u32 = 256;

/// A city's licence-plate lottery.
///
/// zh: 小客车指标摇号
#[contract]
pub struct PlateLottery {
    /// How many periods there were.
    /// zh: 期数
    #[public]
    period_count: Value<u32>,
    /// Periods, by number.
    /// zh: 各期
    #[public]
    periods: Map<u32, Period>,
    /// Lists, by period and number.
    /// zh: 报名名单
    #[public]
    entries: Map<(u32, u32), Entry>,
    /// The entries that tokens made, by period and the token's hash.
    /// zh: 凭证对应的报名
    #[public]
    tokens: Map<(u32, Digest), u32>,
    /// Wins, by period and entry. Who is not here once the period is closed has lost.
    /// zh: 中签结果
    #[public]
    wins: Map<(u32, u32), Win>,
    /// The winning entries, by period and rank.
    /// zh: 中签次序
    #[public]
    ranks: Map<(u32, u32), u32>,
    /// The contract `identity`.
    /// zh: 身份合约
    #[public]
    identity: Value<Source>,
    /// The court's contract.
    /// zh: 法院合约
    #[public]
    court: Value<Source>,
    /// Verified residents by a message, by period and the verification's tag.
    /// zh: 已核验的资格
    #[public]
    eligible: Map<(u32, Digest), Eligible>,
    /// Blinded tokens that were signed, by period and the verification's tag.
    /// zh: 已签发的盲签凭证
    #[public]
    issued: Map<(u32, Digest), Issued>,
    /// How many they are, of periods that require them.
    /// zh: 已签发凭证数
    #[public]
    issued_counts: Map<u32, u32>,
    /// Orders by which entries are withheld, by their tokens' hashes.
    /// zh: 限制令
    #[public]
    withheld: Map<Digest, String>,
    /// The mainchain heights at which frozen lists were anchored.
    /// zh: 名单锚定高度
    #[public]
    anchored: Map<u32, u64>,
}

#[methods]
impl PlateLottery {
    /// Enters a period. Anyone may hand in an entry: the authority's signature decides.
    /// zh: 报名
    #[access(anyone)]
    pub fn enter(&mut self, cx: &Cx, period: u32, entry: NewEntry) -> Result<u32, LotteryError> {
        let mut open = self.open_period(cx, period)?;
        let number = self.take_entry(cx, period, &mut open, &entry)?;
        self.periods.insert(&period, &open);
        Ok(number)
    }

    /// Enters many at once: all of them, or none. Returns the first one's number.
    /// zh: 批量报名
    #[access(anyone)]
    pub fn enter_many(&mut self, cx: &Cx, period: u32, entries: Vec<NewEntry>) -> Result<u32, LotteryError> {
        ensure!((1..=PAGE_MAX as usize).contains(&entries.len()), LotteryError::BadPage { limit: PAGE_MAX });
        let mut open = self.open_period(cx, period)?;
        let first = open.entries;
        for entry in &entries {
            self.take_entry(cx, period, &mut open, entry)?;
        }
        self.periods.insert(&period, &open);
        Ok(first)
    }

    /// An entry of a list.
    /// zh: 查询报名
    #[query]
    pub fn entry(&self, period: u32, entry: u32) -> Result<Entry, LotteryError> {
        self.entries.get(&(period, entry)).ok_or(LotteryError::NoEntry { entry })
    }

    /// A period's list in order, after the entry given.
    /// zh: 查询名单
    #[query]
    pub fn entries(&self, period: u32, after: Option<u32>, limit: u32) -> Vec<(u32, Entry)> {
        self.entries.page_of(&period, after.as_ref(), limit)
    }

    /// The number of the entry that a token made.
    /// zh: 按凭证查询报名
    #[query]
    pub fn entry_of(&self, period: u32, token: Digest) -> Option<u32> {
        self.tokens.get(&(period, token))
    }

    fn open_period(&self, cx: &Cx, period: u32) -> Result<Period, LotteryError> {
        let open = self.period_at(period, Stage::Open)?;
        ensure!(cx.time_ms() < open.rules.entries_until_ms, LotteryError::EntriesOver);
        Ok(open)
    }

    fn take_entry(&mut self, cx: &Cx, period: u32, open: &mut Period, new: &NewEntry) -> Result<u32, LotteryError> {
        ensure!(open.entries < ENTRIES_MAX, LotteryError::Full { limit: ENTRIES_MAX });
        let is_issued = self.issued_counts.get(&period).is_none_or(|issued| open.entries < issued);
        ensure!(is_issued, LotteryError::NotIssued);
        let token = cx.sha256(&new.token);
        if let Some(entry) = self.tokens.get(&(period, token)) {
            return Err(LotteryError::TokenUsed { entry });
        }
        let signed = rsa::holds(&open.token_key, &[TOKEN_DOMAIN, &new.token].concat(), &new.signature);
        ensure!(signed, LotteryError::BadToken);
        let losses = match &new.loss {
            Some(loss) => self.take_over(cx, period, &token, new, loss)?,
            None => 0,
        };
        let number = open.entries;
        let tickets = 1 + losses.min(open.rules.extra_tickets_max);
        let (key, first_ticket) = (new.key, open.tickets);
        let entry = Entry { token, key, first_ticket, tickets, losses, taken_over: false };
        open.list = chained(cx, &open.list, number, &entry);
        open.entries += 1;
        open.tickets += u64::from(tickets);
        self.entries.insert(&(period, number), &entry);
        self.tokens.insert(&(period, token), &number);
        cx.emit(&Entered { period, token, entry: number, tickets });
        Ok(number)
    }

    /// Lets an earlier losing entry count for a new one. Returns the losses that the new one stands for.
    fn take_over(
        &mut self,
        cx: &Cx,
        period: u32,
        token: &Digest,
        new: &NewEntry,
        loss: &EarlierLoss,
    ) -> Result<u8, LotteryError> {
        let key = (loss.period, loss.entry);
        let closed = self.periods.get(&loss.period).is_some_and(|earlier| earlier.stage == Stage::Closed);
        let entry = self.entries.get(&key).filter(|entry| closed && !entry.taken_over && !self.wins.contains(&key));
        let mut entry = entry.ok_or(LotteryError::NoLoss)?;
        let message = [LOSS_DOMAIN, &cx.this().0, &period.to_be_bytes(), &token.0, &new.key].concat();
        ensure!(cx.verify_ed25519(&entry.key, &loss.signature, &message), LotteryError::BadSignature);
        entry.taken_over = true;
        self.entries.insert(&key, &entry);
        Ok(entry.losses.saturating_add(1))
    }
}

/// The list's hash chain with one more entry: the SHA-256 of the chain so far, the entry's number, its token's hash, its
/// key, tickets and losses.
fn chained(cx: &Cx, list: &Digest, number: u32, entry: &Entry) -> Digest {
    let counts = [entry.tickets, entry.losses];
    cx.sha256(&[&list.0[..], &number.to_be_bytes(), &entry.token.0, &entry.key, &counts].concat())
}
