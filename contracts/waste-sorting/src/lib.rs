//! Waste sorting: what households hand in, graded and weighed, and the points they get for it, without saying who they
//! are.
//!
//! Invariants: a household's points are never negative and equal to the sum of its history; a period's outstanding
//! points are the sum of its households'; a slip counts once and a receipt redeems once; a weigh-in is worth what the
//! district's rule of its day says, and no rule reaches into the past; a correction keeps what was before. What is
//! deliberately absent: names, addresses, and any tie between a household's codes of two periods. How codes are made is
//! in this contract's README.
#![no_std]

extern crate alloc;

mod batches;
mod calendar;
mod disputes;
mod office;
mod periods;
mod points;
mod redemptions;
mod refusals;
mod types;

use chancery_sdk::prelude::*;
pub use refusals::WasteError;
pub use types::{
    BatchResult, Category, Cause, CollectionPoint, Correction, Dispute, DisputeStatus, District, Entry, Grade,
    Household, Measured, Opening, Period, Redemption, RefusedRow, Row, RowProblem, Rule, Staff, Totals, Weighing,
};

use refusals::check_reference;

/// A city's waste sorting.
///
/// zh: 生活垃圾分类积分
#[contract]
pub struct WasteSorting {
    /// Who opens districts.
    /// zh: 管理员
    admin: Value<Address>,
    /// Districts.
    /// zh: 区域
    #[public]
    districts: Map<u16, District>,
    /// Who may do what.
    /// zh: 工作人员
    #[public]
    staff: Map<Address, Staff>,
    /// Collection points.
    /// zh: 收集点
    #[public]
    points: Map<u32, CollectionPoint>,
    /// Periods, by district and number.
    /// zh: 周期
    #[public]
    periods: Map<(u16, u32), Period>,
    /// The days from which a district's rules hold.
    /// zh: 规则生效日
    #[public]
    rule_days: Map<u16, Vec<u16>>,
    /// Rules, by district and first day.
    /// zh: 积分规则
    #[public]
    rules: Map<(u16, u16), Rule>,
    /// Households, by code.
    /// zh: 住户
    #[public]
    households: Map<[u8; 16], Household>,
    /// How a household's points came about, by code and place.
    /// zh: 积分历史
    #[public]
    history: Map<([u8; 16], u32), Entry>,
    /// Weigh-ins, by slip.
    /// zh: 称重记录
    #[public]
    weighings: Map<u64, Weighing>,
    /// What weigh-ins were before, by slip and place.
    /// zh: 更正记录
    #[public]
    corrections: Map<(u64, u32), Correction>,
    /// The latest dispute, by slip.
    /// zh: 异议
    #[public]
    disputes: Map<u64, Dispute>,
    /// Redemptions, by receipt.
    /// zh: 兑换记录
    #[public]
    redemptions: Map<Digest, Redemption>,
    /// Receipts of points that went to another chain, by chain and the message's number.
    /// zh: 送往其他链的兑换
    #[public]
    sent: Map<(String, u64), Digest>,
    /// Totals, by district and month.
    /// zh: 按区按月汇总
    #[public]
    totals: Map<(u16, u32), Totals>,
}

#[methods]
impl WasteSorting {
    /// Sets the contract up; whoever deploys it becomes its administrator.
    /// zh: 初始化,部署者为管理员
    #[init]
    pub fn init(&mut self, cx: &Cx) {
        self.admin.set(&cx.caller());
    }

    /// Hands the administrator's office to another account.
    /// zh: 移交管理员职责
    #[access(only(admin))]
    pub fn hand_over(&mut self, to: Address) {
        self.admin.set(&to);
    }

    /// Opens a district, or gives it another office or label.
    /// zh: 设立区域
    #[access(only(admin))]
    pub fn set_district(&mut self, district: u16, office: Address, label: String) -> Result<(), WasteError> {
        check_reference(&label)?;
        self.districts.insert(&district, &District { label, office });
        Ok(())
    }

    /// A household's code, points and period.
    /// zh: 查询住户积分
    #[query]
    pub fn household(&self, code: [u8; 16]) -> Result<Household, WasteError> {
        self.households.get(&code).ok_or(WasteError::NoHousehold)
    }

    /// How a household's points came about, after place `after`.
    /// zh: 查询积分历史
    #[query]
    pub fn history(&self, code: [u8; 16], after: Option<u32>, limit: u32) -> Vec<Entry> {
        self.history.page_of(&code, after.as_ref(), limit).into_iter().map(|(_, entry)| entry).collect()
    }

    /// A weigh-in as it stands now.
    /// zh: 查询称重记录
    #[query]
    pub fn weighing(&self, slip: u64) -> Result<Weighing, WasteError> {
        self.weighings.get(&slip).ok_or(WasteError::NoSlip { slip })
    }

    /// What a weigh-in was before its corrections, after place `after`.
    /// zh: 查询更正历史
    #[query]
    pub fn corrections(&self, slip: u64, after: Option<u32>, limit: u32) -> Vec<Correction> {
        self.corrections.page_of(&slip, after.as_ref(), limit).into_iter().map(|(_, before)| before).collect()
    }

    /// What a district did in a month such as 202611.
    /// zh: 查询某区某月汇总
    #[query]
    pub fn month(&self, district: u16, month: u32) -> Totals {
        self.totals_of(district, month)
    }

    /// What a district did in the months after `after`.
    /// zh: 查询某区各月汇总
    #[query]
    pub fn months(&self, district: u16, after: Option<u32>, limit: u32) -> Vec<(u32, Totals)> {
        self.totals.page_of(&district, after.as_ref(), limit)
    }

    fn totals_of(&self, district: u16, month: u32) -> Totals {
        let none = || Totals { weighings: 0, grams: vec![0; 4], points: 0, redeemed: 0, returned: 0, corrections: 0 };
        self.totals.get(&(district, month)).unwrap_or_else(none)
    }

    /// Refuses who is not the office of the district.
    fn check_office(&self, cx: &Cx, district: u16) -> Result<(), WasteError> {
        let found = self.districts.get(&district).ok_or(WasteError::NoDistrict { district })?;
        ensure!(found.office == cx.caller(), WasteError::NotOffice);
        Ok(())
    }

    /// Refuses who has not the role in the district.
    fn check_role(&self, cx: &Cx, district: u16, has: impl FnOnce(&Staff) -> bool) -> Result<(), WasteError> {
        let staff = self.staff.get(&cx.caller()).ok_or(WasteError::NotYourRole)?;
        ensure!(staff.district == district && has(&staff), WasteError::NotYourRole);
        Ok(())
    }
}
