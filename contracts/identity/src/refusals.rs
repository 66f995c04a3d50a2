//! What the contract refuses with. The errors' numbers never change.

use chancery_sdk::prelude::*;

/// Bytes of a reference into a department's register.
const REFERENCE_BYTES_MAX: usize = 40;

#[error]
pub enum IdentityError {
    #[code(1)]
    #[message(en = "{root} was attested before", zh = "该凭证已签发:{root}")]
    AlreadyAttested { root: Digest },
    #[code(2)]
    #[message(en = "nothing was attested under {root}", zh = "未找到凭证:{root}")]
    NotAttested { root: Digest },
    #[code(3)]
    #[message(en = "the credential was attested by {authority}", zh = "该凭证由其他机关签发:{authority}")]
    NotYourCredential { authority: Address },
    #[code(4)]
    #[message(en = "the credential is another key's", zh = "该凭证不属于此密钥")]
    NotYourKey,
    #[code(5)]
    #[message(en = "the credential was revoked at height {height}", zh = "凭证已于高度 {height} 吊销")]
    CredentialRevoked { height: u64 },
    #[code(6)]
    #[message(en = "the credential was erased at height {height}", zh = "凭证已于高度 {height} 删除")]
    CredentialErased { height: u64 },
    #[code(7)]
    #[message(en = "the credential holds from {valid_from_ms}", zh = "凭证尚未生效,生效时间:{valid_from_ms}")]
    CredentialNotYet { valid_from_ms: u64 },
    #[code(8)]
    #[message(en = "the credential held until {valid_until_ms}", zh = "凭证已过期,截止时间:{valid_until_ms}")]
    CredentialExpired { valid_until_ms: u64 },
    #[code(9)]
    #[message(en = "a list has 1 to {limit} entries", zh = "每次须为 1 至 {limit} 条")]
    BadCount { limit: u32 },
    #[code(10)]
    #[message(en = "a tree has 1 to 64 leaves", zh = "属性树须有 1 至 64 个叶子")]
    BadLeaves,
    #[code(11)]
    #[message(en = "a time begins before it ends, and ends in the future", zh = "期限须先起后止,且截止于将来")]
    BadTime,
    #[code(12)]
    #[message(
        en = "a reference has 1 to 40 letters, digits and - _ / . ( )",
        zh = "编号须为1至40个字母、数字或 - _ / . ( )"
    )]
    BadReference,
    #[code(13)]
    #[message(en = "{account} is not a department here", zh = "该账户不是部门:{account}")]
    NotDepartment { account: Address },
    #[code(14)]
    #[message(en = "the commitment is not a leaf of this credential", zh = "该承诺不在此凭证中")]
    NotInCredential,
    #[code(15)]
    #[message(en = "no consent of this number was given", zh = "未找到该同意")]
    NoConsent,
    #[code(16)]
    #[message(en = "the consent was given to {department}", zh = "该同意授予其他部门:{department}")]
    ConsentToAnother { department: Address },
    #[code(17)]
    #[message(en = "the consent was withdrawn at height {height}", zh = "同意已于高度 {height} 撤回")]
    ConsentWithdrawn { height: u64 },
    #[code(18)]
    #[message(en = "the consent ended at {until_ms}", zh = "同意已到期:{until_ms}")]
    ConsentEnded { until_ms: u64 },
    #[code(19)]
    #[message(en = "all {uses_max} verifications of the consent were made", zh = "同意的 {uses_max} 次核验已用完")]
    ConsentUsedUp { uses_max: u32 },
    #[code(20)]
    #[message(en = "the consent was given under a key that was replaced", zh = "该同意由已更换的密钥授予")]
    ConsentOfLostKey,
    #[code(21)]
    #[message(en = "the tag is not the consent's next one", zh = "标签不是该同意的下一个标签")]
    WrongTag,
    #[code(22)]
    #[message(en = "there is a record under this tag", zh = "该标签已有记录")]
    TagUsed,
    #[code(23)]
    #[message(en = "no replacement of this credential's key was announced", zh = "未公告更换该凭证的密钥")]
    NoReplacement,
    #[code(24)]
    #[message(en = "a replacement was announced before", zh = "已公告更换密钥")]
    ReplacementPending,
    #[code(25)]
    #[message(en = "the replacement may be carried out from {effective_ms}", zh = "更换自 {effective_ms} 起方可执行")]
    ReplacementTooEarly { effective_ms: u64 },
    #[code(26)]
    #[message(en = "who has the present key objected", zh = "现密钥持有人已提出异议")]
    ReplacementObjected,
    #[code(27)]
    #[message(en = "{account} has no such office", zh = "该账户没有此职责:{account}")]
    NotAppointed { account: Address },
    #[code(28)]
    #[message(en = "the delay has 1 hour to 90 days", zh = "等待期须为 1 小时至 90 天")]
    BadDelay,
    #[code(29)]
    #[message(en = "word of it cannot be sent there", zh = "无法送交该链")]
    NotSent,
}

/// Accepts what can be a number in a register and cannot be a sentence.
pub(crate) fn check_reference(text: &str) -> Result<(), IdentityError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/.()".contains(&byte);
    let is_reference = !text.is_empty() && text.len() <= REFERENCE_BYTES_MAX && text.bytes().all(is_allowed);
    ensure!(is_reference, IdentityError::BadReference);
    Ok(())
}
