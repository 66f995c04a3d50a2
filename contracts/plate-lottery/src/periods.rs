//! A period's life but its draw: it opens with its rules, its list is frozen before its beacon can be known, and it may be
//! put off as long as that has not come.

use chancery_sdk::prelude::*;

use crate::{Delayed, Frozen, LotteryError, Opened, Period, PlateLottery, Rules, Stage, rsa};

const HOUR_MS: u64 = 3_600_000;
const YEAR_MS: u64 = 366 * 24 * HOUR_MS;
/// Mainchain blocks that may lie between the freeze and the draw.
const BLOCKS_MAX: u64 = 100_000;

#[methods]
impl PlateLottery {
    /// Opens a period with its rules and the key of its tokens. Neither changes afterwards.
    /// zh: 开启一期
    #[access(role(lottery_officer))]
    pub fn open(&mut self, cx: &Cx, rules: Rules, token_key: [u8; 256]) -> Result<u32, LotteryError> {
        let now_ms = cx.time_ms();
        // What could never be promised would lock the entries in.
        let ahead = cx.beacon_horizon().saturating_sub(cx.mainchain_height());
        let are_rules = rules.quota > 0
            && (now_ms + 1..=now_ms + YEAR_MS).contains(&rules.entries_until_ms)
            && (1..=ahead.min(BLOCKS_MAX)).contains(&rules.draw_after_blocks)
            && (HOUR_MS..=YEAR_MS).contains(&rules.claim_within_ms);
        ensure!(are_rules, LotteryError::BadRules);
        ensure!(rsa::is_modulus(&token_key), LotteryError::BadKey);
        let period = self.period_count.get_or_default();
        let (quota, list) = (rules.quota, cx.sha256(&period.to_be_bytes()));
        let opened = Period {
            rules,
            token_key,
            stage: Stage::Open,
            entries: 0,
            tickets: 0,
            list,
            draw_height: None,
            frozen_height: None,
            beacon: None,
            numbers: 0,
            drawn: 0,
            to_draw: quota,
            claimed: 0,
            claims_until_ms: 0,
            expiry_from: 0,
        };
        self.periods.insert(&period, &opened);
        self.period_count.set(&(period + 1));
        cx.emit(&Opened { period, quota });
        Ok(period)
    }

    /// Closes the list, commits to it and fixes the height whose beacon draws, which is still to come. Anyone may, once
    /// entries are over.
    /// zh: 冻结名单
    #[access(anyone)]
    pub fn freeze(&mut self, cx: &Cx, period: u32) -> Result<u64, LotteryError> {
        let mut frozen = self.period_at(period, Stage::Open)?;
        let until_ms = frozen.rules.entries_until_ms;
        ensure!(cx.time_ms() >= until_ms, LotteryError::EntriesOpen { until_ms });
        let draw_height = cx.mainchain_height() + frozen.rules.draw_after_blocks;
        // While the threshold key is rotated it can take until the new one speaks.
        ensure!(cx.expect_beacon(draw_height), LotteryError::NoPromise { furthest: cx.beacon_horizon() });
        frozen.stage = Stage::Frozen;
        frozen.frozen_height = Some(cx.height());
        frozen.draw_height = Some(draw_height);
        let (list, entries) = (frozen.list, frozen.entries);
        self.periods.insert(&period, &frozen);
        cx.emit(&Frozen { period, list, entries, draw_height });
        Ok(draw_height)
    }

    /// Puts the draw off to a later height, as long as its own is still to come. It can never be put forward, and never
    /// once its beacon may be known.
    /// zh: 推迟摇号
    #[access(role(lottery_officer))]
    pub fn delay(&mut self, cx: &Cx, period: u32, draw_height: u64, reason: String) -> Result<(), LotteryError> {
        let mut delayed = self.period_at(period, Stage::Frozen)?;
        let due = delayed.draw_height.unwrap_or_default();
        let may = cx.mainchain_height() < due && draw_height > due;
        ensure!(may && !reason.is_empty() && reason.len() <= 120, LotteryError::NoDelay);
        ensure!(cx.expect_beacon(draw_height), LotteryError::NoPromise { furthest: cx.beacon_horizon() });
        delayed.draw_height = Some(draw_height);
        self.periods.insert(&period, &delayed);
        cx.emit(&Delayed { period, draw_height, reason });
        Ok(())
    }

    /// A period.
    /// zh: 查询一期
    #[query]
    pub fn period(&self, period: u32) -> Result<Period, LotteryError> {
        self.periods.get(&period).ok_or(LotteryError::NoPeriod { period })
    }

    pub(crate) fn period_at(&self, period: u32, stage: Stage) -> Result<Period, LotteryError> {
        let found = self.periods.get(&period).ok_or(LotteryError::NoPeriod { period })?;
        ensure!(found.stage == stage, LotteryError::OtherStage);
        Ok(found)
    }
}
