//! What the contract refuses with, and the checks of single words and numbers. The errors' numbers never change.

use chancery_sdk::prelude::*;

/// Bytes of a reference into an office's register.
const REFERENCE_BYTES_MAX: usize = 40;
/// Bytes of a department's title.
const TITLE_BYTES_MAX: usize = 120;

#[error]
pub enum RegistryError {
    #[code(1)]
    #[message(
        en = "a reference has 1 to 40 letters, digits and - _ / . ( )",
        zh = "编号须为1至40个字母、数字或 - _ / . ( )"
    )]
    BadReference,
    #[code(2)]
    #[message(
        en = "a name begins with a letter and has 1 to 32 of a-z, 0-9 and -",
        zh = "名称须以字母开头,为1至32个小写字母、数字或 -"
    )]
    BadName,
    #[code(3)]
    #[message(en = "a title has 1 to 120 bytes of printable text", zh = "机构名称须为1至120字节的可显示文本")]
    BadTitle,
    #[code(4)]
    #[message(en = "this is for administrators", zh = "仅限管理员")]
    NotAdministrator,
    #[code(5)]
    #[message(en = "there is no department {name}", zh = "未找到部门:{name}")]
    NoDepartment { name: String },
    #[code(6)]
    #[message(en = "the name {name} was used before", zh = "名称已被使用:{name}")]
    DepartmentKnown { name: String },
    #[code(7)]
    #[message(en = "department {name} has administrators or nodes", zh = "部门仍有管理员或节点:{name}")]
    DepartmentInUse { name: String },
    #[code(8)]
    #[message(en = "there are at most {limit}", zh = "最多 {limit} 个")]
    TooMany { limit: u32 },
    #[code(9)]
    #[message(en = "{account} is an administrator already", zh = "该账户已是管理员:{account}")]
    AlreadyAdministrator { account: Address },
    #[code(10)]
    #[message(en = "{account} is no administrator", zh = "该账户不是管理员:{account}")]
    NoAdministrator { account: Address },
    #[code(11)]
    #[message(
        en = "then {administrators} administrators of {departments} departments could not meet the rule: one lost key must not lock everybody out",
        zh = "届时 {departments} 个部门的 {administrators} 名管理员将无法满足规则:遗失一把密钥不得使全体失权"
    )]
    LocksOut { administrators: u32, departments: u32 },
    #[code(12)]
    #[message(
        en = "a rule has at most 64 approvals, no more departments than approvals (a freeze at least two), a delay of at most 90 days, and is open longer than its delay, for an hour to a year",
        zh = "规则须:批准不超过64人,部门数不超过批准人数(冻结至少两个部门),等待期不超过90天,有效期长于等待期且为1小时至1年"
    )]
    BadRule,
    #[code(13)]
    #[message(en = "there is no act {act}", zh = "未找到事项:{act}")]
    NoAct { act: u32 },
    #[code(14)]
    #[message(en = "act {act} is closed", zh = "事项已终结:{act}")]
    ActClosed { act: u32 },
    #[code(15)]
    #[message(en = "act {act} expired", zh = "事项已逾期:{act}")]
    ActExpired { act: u32 },
    #[code(16)]
    #[message(
        en = "the act has {approvals} approvals of {departments} departments and takes {approvals_needed} of {departments_needed}",
        zh = "该事项有 {departments} 个部门的 {approvals} 份批准,需要 {departments_needed} 个部门的 {approvals_needed} 份"
    )]
    NotApproved { approvals: u32, departments: u32, approvals_needed: u32, departments_needed: u32 },
    #[code(17)]
    #[message(en = "the act's delay lasts until {ready_ms}", zh = "等待期至 {ready_ms} 结束")]
    TooEarly { ready_ms: u64 },
    #[code(18)]
    #[message(en = "you approved this act before", zh = "您已批准该事项")]
    ApprovedBefore,
    #[code(19)]
    #[message(en = "you have not approved this act", zh = "您未批准该事项")]
    NotApprovedByYou,
    #[code(20)]
    #[message(en = "only who proposed an act withdraws it", zh = "仅提案人可撤回事项")]
    NotProposer,
    #[code(21)]
    #[message(en = "this key is known already", zh = "该节点密钥已登记")]
    NodeKnown,
    #[code(22)]
    #[message(en = "there is no node of this key", zh = "未找到该节点")]
    NoNode,
    #[code(23)]
    #[message(en = "the node's key does not hold at height {height}", zh = "该节点密钥在高度 {height} 无效")]
    NodeNotInForce { height: u64 },
    #[code(24)]
    #[message(en = "the node serves in the committee of {chain}", zh = "该节点仍在链 {chain} 的委员会中")]
    NodeServes { chain: String },
    #[code(25)]
    #[message(en = "the height must be later than {height}", zh = "高度须大于 {height}")]
    HeightOver { height: u64 },
    #[code(26)]
    #[message(en = "committees change at multiples of {epoch} only", zh = "委员会仅在 {epoch} 的整数倍高度变更")]
    NotEpoch { epoch: u64 },
    #[code(27)]
    #[message(en = "a committee has 1 to 128 keys in ascending order", zh = "委员会须为1至128个按升序排列的密钥")]
    BadCommittee,
    #[code(28)]
    #[message(
        en = "{found} members would change at once and {limit} may: the quorum would be lost",
        zh = "一次将变更 {found} 名成员,最多 {limit} 名:否则将失去法定多数"
    )]
    TooManyChanges { found: u32, limit: u32 },
    #[code(29)]
    #[message(en = "a committee of four or more never has fewer again", zh = "四名以上成员的委员会不得少于四名")]
    CommitteeTooSmall,
    #[code(30)]
    #[message(en = "another change takes effect at height {height}", zh = "另一变更将于高度 {height} 生效")]
    CommitteePending { height: u64 },
    #[code(31)]
    #[message(en = "chain {chain} has no committee", zh = "链 {chain} 没有委员会")]
    NoCommittee { chain: String },
    #[code(32)]
    #[message(
        en = "the time must begin before it ends, end in the future, and end within {days} days",
        zh = "时间须先起后止、止于将来,且不超过 {days} 天"
    )]
    BadTime { days: u32 },
    #[code(33)]
    #[message(en = "the account has not this role", zh = "该账户无此职责")]
    NoRole,
    #[code(34)]
    #[message(en = "the account may not deploy there", zh = "该账户无此部署权限")]
    NoDeployment,
    #[code(35)]
    #[message(en = "the account is no meter", zh = "该账户不是计量方")]
    NoMeter,
    #[code(36)]
    #[message(en = "department {name} has no quota", zh = "部门没有配额:{name}")]
    NoQuota { name: String },
    #[code(37)]
    #[message(
        en = "a period has an hour to 366 days and amounts have at most 18 digits",
        zh = "周期须为1小时至366天,数额最多18位"
    )]
    BadQuota,
    #[code(38)]
    #[message(en = "{gas} gas and {storage} bytes are left", zh = "剩余 {gas} gas、{storage} 字节")]
    QuotaExceeded { gas: u64, storage: u64 },
    #[code(39)]
    #[message(en = "the registry and its administrators cannot be frozen", zh = "登记机构及其管理员不得冻结")]
    CannotFreeze,
    #[code(40)]
    #[message(en = "it is not frozen", zh = "未被冻结")]
    NotFrozen,
    #[code(41)]
    #[message(en = "it is frozen until {until_ms}", zh = "冻结至 {until_ms}")]
    Frozen { until_ms: u64 },
    #[code(42)]
    #[message(
        en = "only who is frozen appeals, or an administrator on their behalf",
        zh = "仅被冻结方或代其申请的管理员可提出申诉"
    )]
    NotAppellant,
    #[code(43)]
    #[message(en = "appeal {appeal} is open", zh = "申诉 {appeal} 尚未处理")]
    AppealOpen { appeal: u32 },
    #[code(44)]
    #[message(en = "no appeal {appeal} is open", zh = "没有待处理的申诉:{appeal}")]
    NoAppeal { appeal: u32 },
    #[code(45)]
    #[message(en = "the next break-glass file has number {number}", zh = "下一应急文件编号为 {number}")]
    BreakGlassNumber { number: u32 },
    #[code(46)]
    #[message(
        en = "{found} operators of the committee signed and {quorum} must",
        zh = "委员会有 {found} 名运营方签署,需要 {quorum} 名"
    )]
    NoQuorum { found: u32, quorum: u32 },
    #[code(47)]
    #[message(
        en = "signatures stand in ascending order of their nodes, each of the committee and valid",
        zh = "签名须按节点升序排列,均属委员会且有效"
    )]
    BadSignature,
    #[code(48)]
    #[message(en = "no break-glass file is waiting for this height", zh = "没有应于此高度生效的应急文件")]
    NoBreakGlass,
    #[code(49)]
    #[message(
        en = "setting up takes at least one department and one administrator",
        zh = "初始化至少需要一个部门和一名管理员"
    )]
    NothingToBeginWith,
    #[code(50)]
    #[message(en = "an epoch has 1 to 10,000,000 blocks", zh = "周期须为1至10000000个区块")]
    BadEpoch,
    #[code(51)]
    #[message(en = "who began a freeze's act does not decide its appeal alone", zh = "申诉不得仅由原冻结批准人决定")]
    OwnFreeze,
    #[code(52)]
    #[message(en = "the effective height lies {limit} heights ahead at most", zh = "生效高度最多提前 {limit}")]
    TooFarAhead { limit: u64 },
    #[code(53)]
    #[message(en = "a ceremony is under way", zh = "仪式正在进行")]
    CeremonyUnderWay,
    #[code(54)]
    #[message(en = "the committee holds the threshold key already", zh = "委员会已持有门限密钥")]
    NothingToHandOn,
    #[code(55)]
    #[message(en = "no ceremony waits for this", zh = "没有等待此材料的仪式")]
    StaleCeremony,
    #[code(56)]
    #[message(en = "this node has contributed already", zh = "该节点已提交")]
    ContributedAlready,
    #[code(57)]
    #[message(en = "this is for the nodes that have a part in it", zh = "仅限参与的节点")]
    NoPart,
    #[code(58)]
    #[message(
        en = "every node must know of it in time: the earliest height is {earliest}, if it is carried out now",
        zh = "须预留通知时间:如现在执行,最早高度为 {earliest}"
    )]
    ShortNotice { earliest: u64 },
    #[code(59)]
    #[message(
        en = "node {node} has not said lately that it is ready; start it and let it catch up",
        zh = "节点 {node} 近期未声明就绪;请启动该节点并待其同步"
    )]
    NotReady { node: Digest },
    #[code(60)]
    #[message(en = "an address is HOST:PORT of at most 128 bytes", zh = "地址格式为 HOST:PORT,不超过128字节")]
    BadAddress,
    #[code(61)]
    #[message(en = "chain {chain} is there, or its name was used before", zh = "链 {chain} 已存在或名称已被使用")]
    ChainKnown { chain: String },
    #[code(62)]
    #[message(en = "there is no sidechain {chain}", zh = "没有侧链 {chain}")]
    NoChain { chain: String },
    #[code(63)]
    #[message(en = "chain {chain} was retired", zh = "侧链 {chain} 已停用")]
    ChainRetired { chain: String },
    #[code(64)]
    #[message(en = "a header waits 200 ms to a day for its anchor", zh = "区块头等待锚定的时间为200毫秒至一天")]
    BadAnchorTime,
    #[code(65)]
    #[message(en = "{account} is no sponsor", zh = "该账户不是代付账户:{account}")]
    NoSponsor { account: Address },
    #[code(70)]
    #[message(
        en = "there is no threshold key that could be rotated: a group of fewer than four makes a new one by growing",
        zh = "没有可轮换的门限密钥:少于四个节点的组扩大时自动生成新密钥"
    )]
    NoThresholdKey,
    #[code(71)]
    #[message(
        en = "the threshold key is being rotated; give the rotation up first, or wait for it",
        zh = "门限密钥正在轮换;请先放弃轮换或等待其完成"
    )]
    RotationUnderWay,
    #[code(72)]
    #[message(en = "no rotation of the threshold key waits for this", zh = "没有等待此操作的密钥轮换")]
    NoRotation,
    #[code(73)]
    #[message(
        en = "the new key speaks from height {height} on; the beacons before it and its signatures come first",
        zh = "新密钥自高度 {height} 起生效;须先有此前全部信标及签名"
    )]
    RotationWaits { height: u64 },
    #[code(74)]
    #[message(en = "beacons are promised 1 to 1,000,000 heights ahead", zh = "信标可预先约定的高度为1至1000000")]
    BadLead,
    #[code(75)]
    #[message(
        en = "beacons are late: the present key has to end its time itself, so it is not rotated now",
        zh = "信标滞后:现行密钥须自行完成其任期,目前不能轮换"
    )]
    BeaconsLate,
}

/// Accepts what nodes can be reached by, as they read it: a host's name or an IP address, that of IPv6 in brackets, and a
/// port.
pub(crate) fn check_address(text: &str) -> Result<(), RegistryError> {
    let parts = text.rsplit_once(':').filter(|_| text.len() <= 128);
    ensure!(parts.is_some_and(|(host, port)| is_host(host) && is_port(port)), RegistryError::BadAddress);
    Ok(())
}

fn is_host(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok(),
        None => text.split('.').all(is_label),
    }
}

/// Whether this can stand between the dots of a host's name; the numbers of IPv4 can.
fn is_label(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(is_allowed) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Accepts what can be a number in a register and cannot be a sentence.
pub(crate) fn check_reference(text: &str) -> Result<(), RegistryError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/.()".contains(&byte);
    let is_reference = !text.is_empty() && text.len() <= REFERENCE_BYTES_MAX && text.bytes().all(is_allowed);
    ensure!(is_reference, RegistryError::BadReference);
    Ok(())
}

/// Accepts a name as chains, departments and roles have them.
pub(crate) fn check_name(text: &str) -> Result<(), RegistryError> {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    ensure!(begins && text.len() <= Name::BYTES_MAX && text.bytes().all(is_allowed), RegistryError::BadName);
    Ok(())
}

/// Accepts a department's title in any language.
pub(crate) fn check_title(text: &str) -> Result<(), RegistryError> {
    let is_title = !text.trim().is_empty() && text.len() <= TITLE_BYTES_MAX && !text.chars().any(char::is_control);
    ensure!(is_title, RegistryError::BadTitle);
    Ok(())
}

/// Accepts a time that begins before it ends, ends after `now_ms` and at most `days` after it.
pub(crate) fn check_time(from_ms: u64, until_ms: u64, now_ms: u64, days: u32) -> Result<(), RegistryError> {
    let last_ms = now_ms.saturating_add(u64::from(days) * DAY_MS);
    ensure!(from_ms < until_ms && until_ms > now_ms && until_ms <= last_ms, RegistryError::BadTime { days });
    Ok(())
}

/// Milliseconds of an hour.
pub(crate) const HOUR_MS: u64 = 3_600_000;
/// Milliseconds of a day.
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;
