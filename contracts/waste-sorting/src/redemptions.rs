//! Redemptions: points given away under a receipt's number, which stands for one redemption only.

use chancery_sdk::prelude::*;

use crate::{
    Cause, Redemption, WasteError, WasteSorting,
    calendar::{day_of, month_of},
    types::{Redeemed, RedemptionUndone},
};

/// Gas for granting a benefit.
const GRANT_GAS: u64 = 20_000_000;

#[methods]
impl WasteSorting {
    /// Redeems a household's points under a receipt's number. Returns what is left.
    /// zh: 兑换积分
    #[access(anyone)]
    pub fn redeem(&mut self, cx: &Cx, receipt: Digest, code: [u8; 16], points: u64) -> Result<u64, WasteError> {
        let mut household = self.household(code)?;
        self.check_role(cx, household.district, |staff| staff.redeems)?;
        ensure!(points > 0, WasteError::NoPoints);
        let period = self.open(household.district, household.period)?;
        let today = day_of(cx.time_ms());
        ensure!(today <= period.redeem_until_day, WasteError::RedemptionOver { day: period.redeem_until_day });
        ensure!(!self.redemptions.contains(&receipt), WasteError::ReceiptKnown);
        let left = household.points.checked_sub(points).ok_or(WasteError::NotEnough { points: household.points })?;
        household.points = left;
        let redemption = Redemption { household: code, points, by: cx.caller(), height: cx.height(), undone: false };
        self.redemptions.insert(&receipt, &redemption);
        self.note(cx, &code, &mut household, Cause::Redeemed(receipt), -(points as i64));
        self.settle(&code, &household, -(points as i64));
        let month = month_of(today);
        let mut totals = self.totals_of(household.district, month);
        totals.redeemed += points;
        self.totals.insert(&(household.district, month), &totals);
        cx.emit(&Redeemed { receipt, points });
        Ok(left)
    }

    /// Redeems a household's points for a benefit that a contract on another chain grants: the points go there in the books
    /// of the lane, and its method `grant` is given the receipt's number. They come back if it grants nothing. Returns what
    /// is left.
    /// zh: 以积分兑换其他链上的权益
    #[access(anyone)]
    pub fn redeem_for(
        &mut self,
        cx: &Cx,
        receipt: Digest,
        code: [u8; 16],
        points: u64,
        chain: String,
        contract: Address,
    ) -> Result<u64, WasteError> {
        let left = self.redeem(cx, receipt, code, points)?;
        let name = Name::new(chain.clone()).map_err(|_| WasteError::NotSent)?;
        let sent = cx.send_quantity(&name, &contract, "grant", &receipt, GRANT_GAS, ("points", points));
        let number = sent.map_err(|_| WasteError::NotSent)?;
        self.sent.insert(&(chain, number), &receipt);
        Ok(left)
    }

    /// Points for which nothing was granted come back to their household.
    /// zh: 未获权益,积分退回
    #[on_bounce]
    pub fn points_returned(&mut self, cx: &Cx) -> Result<(), WasteError> {
        let arrived = cx.arrived().ok_or(WasteError::NoReceipt)?;
        let bounced = arrived.bounce.ok_or(WasteError::NoReceipt)?;
        let key = (arrived.chain.as_str().to_owned(), bounced.sequence);
        let receipt = self.sent.get(&key).ok_or(WasteError::NoReceipt)?;
        self.sent.remove(&key);
        let redemption = self.redemption(receipt)?;
        ensure!(!redemption.undone, WasteError::AlreadyUndone);
        self.give_back(cx, receipt, redemption)?;
        Ok(())
    }

    /// Undoes a redemption, once, while its period is open; its receipt stays used. Arbiters may.
    /// zh: 撤销兑换
    #[access(anyone)]
    pub fn undo_redemption(&mut self, cx: &Cx, receipt: Digest) -> Result<u64, WasteError> {
        let redemption = self.redemption(receipt)?;
        let household = self.household(redemption.household)?;
        self.check_role(cx, household.district, |staff| staff.arbitrates)?;
        ensure!(!redemption.undone, WasteError::AlreadyUndone);
        self.open(household.district, household.period)?;
        self.give_back(cx, receipt, redemption)
    }

    /// Gives a redemption's points back.
    fn give_back(&mut self, cx: &Cx, receipt: Digest, mut redemption: Redemption) -> Result<u64, WasteError> {
        let code = redemption.household;
        let mut household = self.household(code)?;
        redemption.undone = true;
        self.redemptions.insert(&receipt, &redemption);
        let change = household.credit(redemption.points);
        self.note(cx, &code, &mut household, Cause::Returned(receipt), change);
        self.settle(&code, &household, change);
        // It counts where the points are given back: an earlier month's total stays as it was read.
        let month = month_of(day_of(cx.time_ms()));
        let mut totals = self.totals_of(household.district, month);
        totals.returned += redemption.points;
        self.totals.insert(&(household.district, month), &totals);
        cx.emit(&RedemptionUndone { receipt });
        Ok(household.points)
    }

    /// A redemption.
    /// zh: 查询兑换记录
    #[query]
    pub fn redemption(&self, receipt: Digest) -> Result<Redemption, WasteError> {
        self.redemptions.get(&receipt).ok_or(WasteError::NoReceipt)
    }
}
