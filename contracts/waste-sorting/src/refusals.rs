//! What the contract refuses with. The errors' numbers never change.

use chancery_sdk::prelude::*;

/// Bytes of a reference into an office's register.
const REFERENCE_BYTES_MAX: usize = 40;

#[error]
pub enum WasteError {
    #[code(1)]
    #[message(
        en = "a reference has 1 to 40 letters, digits and - _ / . ( )",
        zh = "编号须为1至40个字母、数字或 - _ / . ( )"
    )]
    BadReference,
    #[code(2)]
    #[message(en = "there is no district {district}", zh = "未找到区域:{district}")]
    NoDistrict { district: u16 },
    #[code(3)]
    #[message(en = "this is for the district's office", zh = "仅限该区办公室")]
    NotOffice,
    #[code(4)]
    #[message(en = "this account has not the role for this in the district", zh = "该账户在本区没有此职责")]
    NotYourRole,
    #[code(5)]
    #[message(en = "{account} is not staff of the district", zh = "该账户不是本区工作人员:{account}")]
    NotStaff { account: Address },
    #[code(6)]
    #[message(en = "there is no open collection point {point}", zh = "未找到开放的收集点:{point}")]
    NoPoint { point: u32 },
    #[code(8)]
    #[message(en = "there is no period {period}", zh = "未找到周期:{period}")]
    NoPeriod { period: u32 },
    #[code(9)]
    #[message(en = "there is a period {period} already", zh = "周期已存在:{period}")]
    PeriodKnown { period: u32 },
    #[code(10)]
    #[message(
        en = "a period begins before it ends, and is redeemed until 366 days after it at the latest",
        zh = "周期须先起后止,兑换截止不晚于周期结束后366天"
    )]
    BadPeriod,
    #[code(11)]
    #[message(en = "period {period} is closed", zh = "周期已关闭:{period}")]
    PeriodClosed { period: u32 },
    #[code(12)]
    #[message(en = "period {period} is not closed", zh = "周期尚未关闭:{period}")]
    PeriodOpen { period: u32 },
    #[code(13)]
    #[message(en = "points of the period were redeemed until day {day}", zh = "该周期积分兑换已截止:第 {day} 天")]
    RedemptionOver { day: u16 },
    #[code(14)]
    #[message(en = "row {row} has a code that was enrolled before", zh = "第 {row} 行的代码已登记")]
    CodeKnown { row: u32 },
    #[code(15)]
    #[message(en = "a list has 1 to {limit} entries", zh = "每次须为 1 至 {limit} 条")]
    BadCount { limit: u32 },
    #[code(16)]
    #[message(en = "a rule has 16 rates of at most {limit}", zh = "规则须有16个费率,每个不超过 {limit}")]
    BadRates { limit: u32 },
    #[code(17)]
    #[message(
        en = "a rule holds from tomorrow or later, and after every rule before it",
        zh = "规则生效日须不早于明天,且晚于已有规则"
    )]
    BadRuleDay,
    #[code(18)]
    #[message(en = "a district has at most {limit} rules", zh = "每区最多 {limit} 条规则")]
    TooManyRules { limit: u32 },
    #[code(19)]
    #[message(en = "no household has this code", zh = "未找到该住户代码")]
    NoHousehold,
    #[code(20)]
    #[message(en = "the household has {points} points", zh = "该住户现有 {points} 分")]
    NotEnough { points: u64 },
    #[code(21)]
    #[message(en = "at least one point is redeemed", zh = "至少兑换1分")]
    NoPoints,
    #[code(22)]
    #[message(en = "there is a redemption under this receipt", zh = "该凭单已兑换")]
    ReceiptKnown,
    #[code(23)]
    #[message(en = "there is no redemption under this receipt", zh = "未找到该凭单")]
    NoReceipt,
    #[code(24)]
    #[message(en = "the redemption was undone before", zh = "该兑换已撤销")]
    AlreadyUndone,
    #[code(25)]
    #[message(en = "there is no weigh-in of slip {slip}", zh = "未找到称重单:{slip}")]
    NoSlip { slip: u64 },
    #[code(26)]
    #[message(en = "a dispute about slip {slip} is open", zh = "称重单 {slip} 的异议尚未处理")]
    DisputeOpen { slip: u64 },
    #[code(27)]
    #[message(en = "no dispute about slip {slip} is open", zh = "称重单 {slip} 没有待处理的异议")]
    NoDispute { slip: u64 },
    #[code(28)]
    #[message(en = "who filed a weigh-in does not decide about it", zh = "称重人不得裁定自己的称重")]
    OwnWeighing,
    #[code(29)]
    #[message(en = "a weight is 1 gram to 500 kg", zh = "重量须为1克至500千克")]
    BadWeight,
    #[code(30)]
    #[message(en = "period {period} has {points} points left to carry over", zh = "周期 {period} 可结转 {points} 分")]
    NothingToCarry { period: u32, points: u64 },
    #[code(31)]
    #[message(en = "points are carried over in whole hundreds", zh = "结转须为整百分")]
    NotHundreds,
    #[code(32)]
    #[message(en = "the period lasts until day {day}", zh = "周期至第 {day} 天结束")]
    PeriodRuns { day: u16 },
    #[code(33)]
    #[message(en = "the number is taken by another district", zh = "该编号已被使用")]
    NumberTaken,
    #[code(34)]
    #[message(en = "the points cannot be sent there", zh = "积分无法送交该链")]
    NotSent,
}

/// Accepts what can be a number in a register and cannot be a sentence.
pub(crate) fn check_reference(text: &str) -> Result<(), WasteError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/.()".contains(&byte);
    let is_reference = !text.is_empty() && text.len() <= REFERENCE_BYTES_MAX && text.bytes().all(is_allowed);
    ensure!(is_reference, WasteError::BadReference);
    Ok(())
}

/// Refuses an empty list and one over `limit`.
pub(crate) fn check_count(count: usize, limit: u32) -> Result<(), WasteError> {
    ensure!((1..=limit as usize).contains(&count), WasteError::BadCount { limit });
    Ok(())
}
