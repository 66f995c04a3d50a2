//! What the contract stores.

use chancery_sdk::prelude::*;

/// How a period is run. It is fixed when the period opens.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Plates to draw.
    pub quota: u32,
    /// Whoever lost so many times has that many tickets more, up to this.
    pub extra_tickets_max: u8,
    /// Until when entries are taken, milliseconds since 1970.
    pub entries_until_ms: u64,
    /// Blocks between the freeze of the list and the height whose beacon draws.
    pub draw_after_blocks: u64,
    /// Milliseconds in which a winner claims.
    pub claim_within_ms: u64,
}

/// Where a period stands.
#[data]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Entries are taken.
    Open,
    /// The list is closed and committed to; its beacon is to come.
    Frozen,
    /// The draw goes on, in pages.
    Drawing,
    /// Winners claim.
    Claiming,
    /// It is over; who has not won has lost.
    Closed,
}

/// A period.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its rules.
    pub rules: Rules,
    /// The modulus of the key with which the authority signs this period's tokens.
    pub token_key: [u8; 256],
    /// Where it stands.
    pub stage: Stage,
    /// Entries.
    pub entries: u32,
    /// Their tickets.
    pub tickets: u64,
    /// The hash chain over all entries in order: what the list is, committed to.
    pub list: Digest,
    /// The height whose beacon draws; nothing until the list is frozen.
    pub draw_height: Option<u64>,
    /// At which height the list was frozen.
    pub frozen_height: Option<u64>,
    /// That height's beacon, once the draw began.
    pub beacon: Option<Digest>,
    /// Numbers of the stream that were read.
    pub numbers: u64,
    /// Winners drawn, those whose claim expired included.
    pub drawn: u32,
    /// Winners to draw, to which expired claims add.
    pub to_draw: u32,
    /// Plates claimed.
    pub claimed: u32,
    /// Until when winners claim, milliseconds since 1970.
    pub claims_until_ms: u64,
    /// The first rank whose claim may still expire.
    pub expiry_from: u32,
}

/// One entry in a list. It says nothing of who is behind it.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The SHA-256 of the token it was made with.
    pub token: Digest,
    /// An ed25519 key made for this entry alone: who can sign with it is behind the entry.
    pub key: [u8; 32],
    /// Its first ticket.
    pub first_ticket: u64,
    /// Its tickets.
    pub tickets: u8,
    /// Earlier losses that it stands for.
    pub losses: u8,
    /// Whether a later entry stands for its loss.
    pub taken_over: bool,
}

/// An entry's win.
#[data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Win {
    /// Its place among the winners, from 0.
    pub rank: u32,
    /// When it was claimed, milliseconds since 1970.
    pub claimed_ms: Option<u64>,
    /// Whether nobody claimed it in time.
    pub expired: bool,
}

/// One's own earlier losing entry, opened by its key's signature over what the new entry is.
#[data]
#[derive(Clone)]
pub struct EarlierLoss {
    /// The period.
    pub period: u32,
    /// The entry.
    pub entry: u32,
    /// The ed25519 signature, by that entry's key.
    pub signature: [u8; 64],
}

/// An entry to make.
#[data]
#[derive(Clone)]
pub struct NewEntry {
    /// The token: 32 random bytes that the authority signed without seeing them.
    pub token: [u8; 32],
    /// The authority's signature, unblinded.
    pub signature: [u8; 256],
    /// The key that is behind the entry.
    pub key: [u8; 32],
    /// An earlier loss that counts.
    pub loss: Option<EarlierLoss>,
}

#[error]
pub enum LotteryError {
    #[code(1)]
    #[message(en = "there is no period {period}", zh = "未找到第 {period} 期")]
    NoPeriod { period: u32 },
    #[code(2)]
    #[message(en = "the period is not at this stage", zh = "本期不处于该阶段")]
    OtherStage,
    #[code(3)]
    #[message(
        en = "rules need a quota, an end of entries to come within a year, 1 to 100,000 blocks before the draw, and an hour to a year for claims",
        zh = "规则须有:指标数;一年之内的报名截止时间;摇号前1至100000个区块;认领期1小时至1年"
    )]
    BadRules,
    #[code(4)]
    #[message(en = "this is no key of 2,048 bits", zh = "不是2048位密钥")]
    BadKey,
    #[code(5)]
    #[message(en = "entries are over", zh = "报名已截止")]
    EntriesOver,
    #[code(6)]
    #[message(en = "entries are taken until {until_ms}", zh = "报名截止时间为 {until_ms}")]
    EntriesOpen { until_ms: u64 },
    #[code(7)]
    #[message(en = "the token is not signed by the authority", zh = "凭证未经主管机关签署")]
    BadToken,
    #[code(8)]
    #[message(en = "the token was used in entry {entry}", zh = "凭证已用于第 {entry} 号报名")]
    TokenUsed { entry: u32 },
    #[code(9)]
    #[message(en = "there is no entry {entry}", zh = "未找到第 {entry} 号报名")]
    NoEntry { entry: u32 },
    #[code(10)]
    #[message(
        en = "the earlier entry has not lost, or a later one stands for it",
        zh = "该早期报名并未落选,或已被后续报名计入"
    )]
    NoLoss,
    #[code(11)]
    #[message(en = "the signature is not by the entry's key", zh = "签名与报名密钥不符")]
    BadSignature,
    #[code(12)]
    #[message(en = "the beacon of height {height} is not known yet", zh = "高度 {height} 的信标尚未产生")]
    NoBeacon { height: u64 },
    #[code(13)]
    #[message(
        en = "a draw is put off to a later height, and only before its own has come",
        zh = "摇号只能在其高度到来之前推迟到更晚的高度"
    )]
    NoDelay,
    #[code(14)]
    #[message(en = "the entry has not won, has claimed or is too late", zh = "该报名未中签、已认领或已逾期")]
    NothingToClaim,
    #[code(15)]
    #[message(en = "claims are open until {until_ms}", zh = "认领期至 {until_ms}")]
    ClaimsOpen { until_ms: u64 },
    #[code(16)]
    #[message(en = "a page has 1 to {limit}", zh = "每页1至 {limit}")]
    BadPage { limit: u32 },
    #[code(17)]
    #[message(en = "a list has at most {limit} entries", zh = "名单最多 {limit} 条")]
    Full { limit: u32 },
    #[code(18)]
    #[message(en = "the message is not from a contract whose word counts", zh = "消息并非来自可信合约")]
    UnknownSource,
    #[code(19)]
    #[message(en = "no verification of this department's is on record", zh = "没有该部门的身份核验记录")]
    NotVerified,
    #[code(20)]
    #[message(en = "a token was issued for this verification", zh = "该核验已签发凭证")]
    AlreadyIssued,
    #[code(21)]
    #[message(en = "there are as many entries as tokens that were issued", zh = "报名数已达签发凭证数")]
    NotIssued,
    #[code(22)]
    #[message(en = "withheld by order {order}", zh = "依 {order} 号令限制")]
    Withheld { order: String },
    #[code(23)]
    #[message(
        en = "it is not shown that the list was on the mainchain's record before its beacon",
        zh = "尚未证明名单在信标产生之前已锚定于主链"
    )]
    NotAnchored,
    #[code(24)]
    #[message(
        en = "no draw can be promised beyond mainchain height {furthest} now",
        zh = "目前最远只能约定主链高度 {furthest} 的摇号"
    )]
    NoPromise { furthest: u64 },
}

/// A contract on another chain whose word counts.
#[data]
#[derive(Clone)]
pub struct Source {
    /// The chain.
    pub chain: String,
    /// The contract.
    pub contract: Address,
}

/// A resident who was verified for a period. Who it is stands nowhere.
#[data]
pub struct Eligible {
    /// The department that verified.
    pub department: Address,
    /// The salted commitment of what was verified.
    pub commitment: Digest,
}

/// A token that was signed blind for a verification.
#[data]
pub struct Issued {
    /// The SHA-256 of the blinded token.
    pub blinded: Digest,
    /// At which height.
    pub height: u64,
}

/// A token was signed.
#[event]
pub struct TokenIssued {
    #[index]
    pub period: u32,
    pub tag: Digest,
}

/// A court's order came.
#[event]
pub struct OrderTaken {
    #[index]
    pub subject: Digest,
    pub order: String,
    pub withheld: bool,
}

/// A frozen list is on the mainchain's record.
#[event]
pub struct ListAnchored {
    #[index]
    pub period: u32,
    pub mainchain_height: u64,
}

/// A period opened.
#[event]
pub struct Opened {
    #[index]
    pub period: u32,
    pub quota: u32,
}

/// An entry was made.
#[event]
pub struct Entered {
    #[index]
    pub period: u32,
    #[index]
    pub token: Digest,
    pub entry: u32,
    pub tickets: u8,
}

/// The list was closed and committed to; the beacon of `draw_height` draws.
#[event]
pub struct Frozen {
    #[index]
    pub period: u32,
    pub list: Digest,
    pub entries: u32,
    pub draw_height: u64,
}

/// The draw was put off.
#[event]
pub struct Delayed {
    #[index]
    pub period: u32,
    pub draw_height: u64,
    pub reason: String,
}

/// A page of winners was drawn.
#[event]
pub struct Drawn {
    #[index]
    pub period: u32,
    pub winners: u32,
    pub is_complete: bool,
}

/// A plate was claimed.
#[event]
pub struct Claimed {
    #[index]
    pub period: u32,
    #[index]
    pub entry: u32,
}

/// Claims expired, whose plates are drawn again.
#[event]
pub struct Expired {
    #[index]
    pub period: u32,
    pub count: u32,
}
