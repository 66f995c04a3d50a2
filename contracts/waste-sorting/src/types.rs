//! What the contract stores and announces. Fields are stored as they stand here, so a change needs a migration.

use chancery_sdk::prelude::*;

/// Kinds of waste, in the order of their rates.
#[data]
#[derive(Clone, Copy)]
pub enum Category {
    /// Kitchen waste.
    Kitchen,
    /// What can be used again.
    Recyclable,
    /// What is a danger.
    Hazardous,
    /// All else.
    Residual,
}

/// How well it was sorted, in the order of their rates.
#[data]
#[derive(Clone, Copy)]
pub enum Grade {
    /// Well.
    A,
    /// With small mistakes.
    B,
    /// With mistakes.
    C,
    /// Not sorted.
    D,
}

/// A district and the office that runs it.
#[data]
pub struct District {
    /// The administrator's reference for it.
    pub label: String,
    /// The account of its office.
    pub office: Address,
}

/// What an account may do in a district.
#[data]
#[derive(Clone)]
pub struct Staff {
    /// The district.
    pub district: u16,
    /// Files weigh-ins.
    pub weighs: bool,
    /// Decides disputes.
    pub arbitrates: bool,
    /// Redeems points.
    pub redeems: bool,
    /// The office's reference for it.
    pub label: String,
}

/// A collection point.
#[data]
pub struct CollectionPoint {
    /// Its district.
    pub district: u16,
    /// Whether it takes weigh-ins.
    pub open: bool,
    /// The office's reference for it.
    pub label: String,
}

/// The time for which codes hold. Days are counted from 1970-01-01 at UTC+8.
#[data]
#[derive(Clone)]
pub struct Period {
    /// Its first day.
    pub first_day: u16,
    /// Its last day.
    pub last_day: u16,
    /// The last day on which its points are redeemed.
    pub redeem_until_day: u16,
    /// Whether it was closed: nothing changes in it any more.
    pub closed: bool,
    /// Households enrolled.
    pub households: u64,
    /// Points that its households have together; once closed, those not carried over yet.
    pub outstanding: u64,
}

/// What a district pays from a day on, in hundredths of a point for a kilogram.
#[data]
#[derive(Clone)]
pub struct Rule {
    /// For each category, in its order, the rate of each grade, in its order: 16 in all.
    pub rates: Vec<u32>,
    /// The district's reference of the decision.
    pub reference: String,
}

/// A household in one period.
#[data]
#[derive(Clone)]
pub struct Household {
    /// Its district.
    pub district: u16,
    /// Its period.
    pub period: u32,
    /// Points it has. Equal to the sum of its history.
    pub points: u64,
    /// Points that a correction took back when they were spent already; later credits pay them first.
    pub owed: u64,
    /// Entries of its history.
    pub entries: u32,
}

/// Why a household's points changed.
#[data]
pub enum Cause {
    /// A weigh-in, by its slip.
    Weighed(u64),
    /// A dispute about a slip was decided.
    Corrected(u64),
    /// A redemption, by its receipt.
    Redeemed(Digest),
    /// A redemption was undone.
    Returned(Digest),
    /// Points came over from an earlier period.
    CarriedOver(u32),
}

/// One change of a household's points.
#[data]
pub struct Entry {
    /// Why.
    pub cause: Cause,
    /// By how much.
    pub points: i64,
    /// The height.
    pub height: u64,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

/// One row of a batch of weigh-ins.
#[data]
pub struct Row {
    /// The row's line in the office's file: refusals name it.
    pub line: u32,
    /// The number on the slip. There is one of each.
    pub slip: u64,
    /// The household's code.
    pub household: [u8; 16],
    /// The day.
    pub day: u16,
    /// What was weighed.
    pub category: Category,
    /// How well it was sorted.
    pub grade: Grade,
    /// Its weight in grams.
    pub grams: u32,
}

/// Why a row was left out.
#[data]
pub enum RowProblem {
    /// No household has this code.
    UnknownHousehold,
    /// The household's period is of another district.
    OtherDistrict,
    /// The household's period is closed.
    PeriodClosed,
    /// The day is outside the code's period.
    DayOutsidePeriod,
    /// The day is in the future.
    DayAhead,
    /// The day is more than 45 days ago.
    DayTooOld,
    /// There is a weigh-in of this slip.
    SlipKnown,
    /// The weight is zero, or over 500 kg.
    BadWeight,
    /// The district had no rule on that day.
    NoRule,
}

/// A row that was left out.
#[data]
pub struct RefusedRow {
    /// Its line.
    pub line: u32,
    /// Why.
    pub problem: RowProblem,
}

/// What became of a batch.
#[data]
pub struct BatchResult {
    /// Rows that went in.
    pub accepted: u32,
    /// Points they are worth.
    pub points: u64,
    /// Rows that were left out.
    pub refused: Vec<RefusedRow>,
}

/// What was measured.
#[data]
#[derive(Clone)]
pub struct Measured {
    /// What was weighed.
    pub category: Category,
    /// How well it was sorted.
    pub grade: Grade,
    /// Its weight in grams.
    pub grams: u32,
}

/// A weigh-in as it stands now.
#[data]
#[derive(Clone)]
pub struct Weighing {
    /// The household's code.
    pub household: [u8; 16],
    /// The collection point.
    pub point: u32,
    /// The day.
    pub day: u16,
    /// What was measured.
    pub measured: Measured,
    /// What it is worth by the rule of that day.
    pub points: u64,
    /// Who filed it.
    pub filed_by: Address,
    /// The height at which it was filed.
    pub filed_height: u64,
    /// How often it was corrected.
    pub corrections: u32,
}

/// What a weigh-in was before a correction.
#[data]
pub struct Correction {
    /// What had been measured.
    pub before: Measured,
    /// What it had been worth.
    pub points_before: u64,
    /// Who corrected it.
    pub by: Address,
    /// The reference of the decision.
    pub reference: String,
    /// The height.
    pub height: u64,
}

/// How far a dispute is.
#[data]
#[derive(Clone, PartialEq, Eq)]
pub enum DisputeStatus {
    /// Undecided.
    Open,
    /// The weigh-in was corrected.
    Upheld,
    /// The weigh-in stays.
    Dismissed,
}

/// The latest dispute about a slip.
#[data]
#[derive(Clone)]
pub struct Dispute {
    /// The reference of the complaint.
    pub reference: String,
    /// Who entered it.
    pub entered_by: Address,
    /// The height at which it was entered.
    pub entered_height: u64,
    /// How far it is.
    pub status: DisputeStatus,
    /// The reference of the decision.
    pub decision: Option<String>,
}

/// Points given away for something.
#[data]
#[derive(Clone)]
pub struct Redemption {
    /// The household's code.
    pub household: [u8; 16],
    /// The points.
    pub points: u64,
    /// Who redeemed them.
    pub by: Address,
    /// The height.
    pub height: u64,
    /// Whether it was undone.
    pub undone: bool,
}

/// Points that a household brings along from an earlier period.
#[data]
pub struct Opening {
    /// Its new code.
    pub household: [u8; 16],
    /// The points, whole hundreds.
    pub points: u64,
}

/// What a district did in a month.
#[data]
#[derive(Clone)]
pub struct Totals {
    /// Weigh-ins.
    pub weighings: u64,
    /// Grams of each category, in its order.
    pub grams: Vec<u64>,
    /// What the month's weigh-ins are worth.
    pub points: u64,
    /// Points redeemed in the month.
    pub redeemed: u64,
    /// Points given back in the month for redemptions that were undone.
    pub returned: u64,
    /// Corrections of the month's weigh-ins.
    pub corrections: u64,
}

/// A batch of weigh-ins was filed.
#[event]
pub struct BatchFiled {
    #[index]
    pub point: u32,
    pub accepted: u32,
    pub refused: u32,
}

/// A rule was set.
#[event]
pub struct RuleSet {
    #[index]
    pub district: u16,
    pub from_day: u16,
}

/// A dispute was entered.
#[event]
pub struct DisputeEntered {
    #[index]
    pub slip: u64,
}

/// A dispute was decided.
#[event]
pub struct DisputeDecided {
    #[index]
    pub slip: u64,
    pub corrected: bool,
}

/// Points were redeemed.
#[event]
pub struct Redeemed {
    #[index]
    pub receipt: Digest,
    pub points: u64,
}

/// A redemption was undone.
#[event]
pub struct RedemptionUndone {
    #[index]
    pub receipt: Digest,
}

/// A period was opened or closed.
#[event]
pub struct PeriodChanged {
    #[index]
    pub district: u16,
    #[index]
    pub period: u32,
    pub closed: bool,
}
