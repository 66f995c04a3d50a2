//! The draw, in pages, and what becomes of winners.
//!
//! A number's ticket belongs to the last entry whose first ticket is not above it; an entry that has won is passed over. So
//! the winners are the first `to_draw` different entries of the stream, whatever the pages. Where there are no more entries
//! than plates, all win in the list's order.

use chancery_sdk::prelude::*;

use crate::{
    CLAIM_DOMAIN, Claimed, Drawn, Entry, Expired, LotteryError, Period, PlateLottery, Stage, Win, sampler::Sampler,
};

/// Numbers of the stream that one call reads.
const NUMBERS_MAX: u32 = 2_000;
/// Ranks that one call looks at for claims that expired.
const RANKS_MAX: u32 = 500;

#[methods]
impl PlateLottery {
    /// Goes on with the draw: reads up to `numbers` numbers of the stream. Anyone may. Returns whether it is complete.
    /// zh: 摇号(分页进行,结果与分页无关)
    #[access(anyone)]
    pub fn draw(&mut self, cx: &Cx, period: u32, numbers: u32) -> Result<bool, LotteryError> {
        ensure!((1..=NUMBERS_MAX).contains(&numbers), LotteryError::BadPage { limit: NUMBERS_MAX });
        let mut drawing = self.drawing(cx, period)?;
        let beacon = drawing.beacon.unwrap_or_default();
        let goal = drawing.to_draw.min(drawing.entries);
        let before = drawing.drawn;
        if drawing.entries <= drawing.rules.quota {
            for _ in 0..numbers.min(goal - drawing.drawn) {
                let entry = drawing.drawn;
                self.win(period, &mut drawing, entry);
            }
        } else {
            let hash = |bytes: &[u8]| cx.sha256(bytes).0;
            let mut sampler = Sampler::new(hash, beacon.0, period, drawing.tickets, drawing.numbers);
            for _ in 0..numbers {
                if drawing.drawn == goal {
                    break;
                }
                let Some(ticket) = sampler.ticket() else { continue };
                let entry = self.entry_with(period, drawing.entries, ticket);
                if !self.wins.contains(&(period, entry)) {
                    self.win(period, &mut drawing, entry);
                }
            }
            drawing.numbers = sampler.next;
        }
        let is_complete = drawing.drawn == goal;
        if is_complete {
            drawing.stage = Stage::Claiming;
            drawing.claims_until_ms = cx.time_ms().saturating_add(drawing.rules.claim_within_ms);
        }
        let winners = drawing.drawn - before;
        self.periods.insert(&period, &drawing);
        cx.emit(&Drawn { period, winners, is_complete });
        Ok(is_complete)
    }

    /// Claims a plate for an account, by the signature of the winning entry's key.
    /// zh: 认领指标
    #[access(anyone)]
    pub fn claim(
        &mut self,
        cx: &Cx,
        period: u32,
        entry: u32,
        account: Address,
        signature: [u8; 64],
    ) -> Result<(), LotteryError> {
        let mut claiming = self.period_at(period, Stage::Claiming)?;
        let in_time = cx.time_ms() < claiming.claims_until_ms;
        let win = self.wins.get(&(period, entry)).filter(|win| in_time && win.claimed_ms.is_none() && !win.expired);
        let mut win = win.ok_or(LotteryError::NothingToClaim)?;
        let Entry { key, token, .. } = self.entries.get(&(period, entry)).ok_or(LotteryError::NoEntry { entry })?;
        if let Some(order) = self.withheld.get(&token) {
            return Err(LotteryError::Withheld { order });
        }
        let place = [period.to_be_bytes(), entry.to_be_bytes()].concat();
        let message = [CLAIM_DOMAIN, &cx.this().0, &place, &account.0].concat();
        ensure!(cx.verify_ed25519(&key, &signature, &message), LotteryError::BadSignature);
        win.claimed_ms = Some(cx.time_ms());
        self.wins.insert(&(period, entry), &win);
        claiming.claimed += 1;
        self.periods.insert(&period, &claiming);
        cx.emit(&Claimed { period, entry });
        Ok(())
    }

    /// Once claims are over: passes over winners who did not claim, up to `ranks` of them. When all were looked at, their
    /// plates are drawn again from the same stream, or the period is closed. Anyone may. Returns whether it is closed.
    /// zh: 处理逾期未认领的指标
    #[access(anyone)]
    pub fn expire(&mut self, cx: &Cx, period: u32, ranks: u32) -> Result<bool, LotteryError> {
        ensure!((1..=RANKS_MAX).contains(&ranks), LotteryError::BadPage { limit: RANKS_MAX });
        let mut claiming = self.period_at(period, Stage::Claiming)?;
        let until_ms = claiming.claims_until_ms;
        ensure!(cx.time_ms() >= until_ms, LotteryError::ClaimsOpen { until_ms });
        let end = claiming.drawn.min(claiming.expiry_from.saturating_add(ranks));
        let mut count = 0;
        for rank in claiming.expiry_from..end {
            let Some(entry) = self.ranks.get(&(period, rank)) else { continue };
            let expired = self.wins.update(&(period, entry), |win| {
                win.expired = win.claimed_ms.is_none();
                win.expired
            });
            count += u32::from(expired == Some(true));
        }
        claiming.expiry_from = end;
        claiming.to_draw = claiming.to_draw.saturating_add(count);
        if end == claiming.drawn {
            let goes_on = claiming.to_draw > claiming.drawn && claiming.drawn < claiming.entries;
            claiming.stage = if goes_on { Stage::Drawing } else { Stage::Closed };
        }
        let is_closed = claiming.stage == Stage::Closed;
        self.periods.insert(&period, &claiming);
        cx.emit(&Expired { period, count });
        Ok(is_closed)
    }

    /// What became of an entry: its win, or nothing. Once the period is closed, nothing means that it lost.
    /// zh: 查询中签结果
    #[query]
    pub fn win_of(&self, period: u32, entry: u32) -> Option<Win> {
        self.wins.get(&(period, entry))
    }

    /// The winning entries in the order in which they were drawn, after the rank given.
    /// zh: 查询中签名单
    #[query]
    pub fn winners(&self, period: u32, after: Option<u32>, limit: u32) -> Vec<(u32, u32)> {
        self.ranks.page_of(&period, after.as_ref(), limit)
    }

    /// The period under draw, whose beacon is known.
    fn drawing(&self, cx: &Cx, period: u32) -> Result<Period, LotteryError> {
        let mut found = self.periods.get(&period).ok_or(LotteryError::NoPeriod { period })?;
        match found.stage {
            Stage::Drawing => Ok(found),
            Stage::Frozen => {
                let height = found.draw_height.unwrap_or(u64::MAX);
                let is_anchored = cx.mainchain().is_none() || self.anchored.contains(&period);
                ensure!(is_anchored, LotteryError::NotAnchored);
                found.beacon = Some(cx.beacon(height).ok_or(LotteryError::NoBeacon { height })?);
                found.stage = Stage::Drawing;
                Ok(found)
            }
            _ => Err(LotteryError::OtherStage),
        }
    }

    /// The entry that a ticket belongs to.
    fn entry_with(&self, period: u32, entries: u32, ticket: u64) -> u32 {
        let (mut low, mut high) = (0, entries);
        // The first ticket of `low` is never above the one that is looked for, that of `high` always.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let first = self.entries.get(&(period, middle)).map_or(u64::MAX, |entry| entry.first_ticket);
            if first <= ticket { low = middle } else { high = middle }
        }
        low
    }

    fn win(&mut self, period: u32, drawing: &mut Period, entry: u32) {
        let rank = drawing.drawn;
        self.wins.insert(&(period, entry), &Win { rank, claimed_ms: None, expired: false });
        self.ranks.insert(&(period, rank), &entry);
        drawing.drawn += 1;
    }
}
