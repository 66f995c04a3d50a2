//! Identity: what an authority says of a resident, shown one attribute at a time, with no attribute on the chain.
//!
//! A credential is the Merkle root over a resident's salted attributes, attested for the key that the resident uses for
//! one service. Invariants: a root is attested once, and a revoked or erased one never stands again; there is no
//! verification without a consent of the credential's present key, and none without a record under the consent's next
//! tag; a key is replaced only after a delay that began with a notice. What is deliberately absent: values, names of
//! attributes, names of people, and any link between one resident's credentials. How leaves and tags are made is in
//! this contract's README.
#![no_std]

mod consents;
mod keys;
mod refusals;
mod types;

use chancery_sdk::prelude::*;
pub use refusals::IdentityError;
pub use types::{
    Consent, Credential, NewConsent, NewCredential, Office, Record, Replacement, Standing, Status, Verification,
};

use refusals::check_reference;
use types::{Attested, Erased, Revoked};

/// Credentials of one call.
const BATCH_MAX: u32 = 1_000;
/// Leaves of one credential.
const LEAVES_MAX: u32 = 64;
/// Milliseconds of an hour.
const HOUR_MS: u64 = 3_600_000;

/// Residents' attested attributes.
///
/// zh: 居民身份属性核验
#[contract]
pub struct Identity {
    /// Who appoints authorities and departments.
    /// zh: 登记机关
    registrar: Value<Address>,
    /// How long a key's replacement is announced before it is carried out, in milliseconds.
    /// zh: 更换密钥的等待期(毫秒)
    #[public]
    replacement_delay_ms: Value<u64>,
    /// Who attests.
    /// zh: 签发机关
    #[public]
    authorities: Map<Address, Office>,
    /// Who verifies.
    /// zh: 核验部门
    #[public]
    departments: Map<Address, Office>,
    /// What was attested, by its root.
    /// zh: 凭证
    #[public]
    credentials: Map<Digest, Credential>,
    /// How many consents were given for a credential.
    /// zh: 同意数量
    #[public]
    consent_counts: Map<Digest, u32>,
    /// Consents, by credential and number.
    /// zh: 同意
    #[public]
    consents: Map<(Digest, u32), Consent>,
    /// What verifications left, by their tags.
    /// zh: 核验记录
    #[public]
    records: Map<Digest, Record>,
    /// Announced replacements of keys, by credential.
    /// zh: 待更换的密钥
    #[public]
    replacements: Map<Digest, Replacement>,
}

#[methods]
impl Identity {
    /// Sets the contract up; whoever deploys it becomes its registrar.
    /// zh: 初始化,部署者为登记机关
    #[init]
    pub fn init(&mut self, cx: &Cx, replacement_delay_ms: u64) -> Result<(), IdentityError> {
        ensure!((HOUR_MS..=90 * 24 * HOUR_MS).contains(&replacement_delay_ms), IdentityError::BadDelay);
        self.registrar.set(&cx.caller());
        self.replacement_delay_ms.set(&replacement_delay_ms);
        Ok(())
    }

    /// Hands the registrar's office to another account.
    /// zh: 移交登记机关职责
    #[access(only(registrar))]
    pub fn hand_over(&mut self, to: Address) {
        self.registrar.set(&to);
    }

    /// Lets an account attest. The label is the registrar's own reference for it.
    /// zh: 任命签发机关
    #[access(only(registrar))]
    pub fn appoint_authority(&mut self, cx: &Cx, account: Address, label: String) -> Result<(), IdentityError> {
        check_reference(&label)?;
        self.authorities.insert(&account, &Office { label, since_ms: cx.time_ms() });
        Ok(())
    }

    /// Takes an account's right to attest. What it attested stands, and is the registrar's to revoke.
    /// zh: 撤销签发机关
    #[access(only(registrar))]
    pub fn dismiss_authority(&mut self, account: Address) -> Result<(), IdentityError> {
        ensure!(self.authorities.remove(&account), IdentityError::NotAppointed { account });
        Ok(())
    }

    /// Lets an account or a contract verify.
    /// zh: 任命核验部门
    #[access(only(registrar))]
    pub fn appoint_department(&mut self, cx: &Cx, account: Address, label: String) -> Result<(), IdentityError> {
        check_reference(&label)?;
        self.departments.insert(&account, &Office { label, since_ms: cx.time_ms() });
        Ok(())
    }

    /// Takes an account's right to verify.
    /// zh: 撤销核验部门
    #[access(only(registrar))]
    pub fn dismiss_department(&mut self, account: Address) -> Result<(), IdentityError> {
        ensure!(self.departments.remove(&account), IdentityError::NotAppointed { account });
        Ok(())
    }

    /// Attests residents' roots, up to 1,000 at once: all of them or, when one is refused, none.
    /// zh: 批量签发凭证
    #[access(member(authorities))]
    pub fn attest(&mut self, cx: &Cx, credentials: Vec<NewCredential>) -> Result<u64, IdentityError> {
        check_count(credentials.len())?;
        let (authority, now_ms, attested_height) = (cx.caller(), cx.time_ms(), cx.height());
        for new in &credentials {
            ensure!((1..=LEAVES_MAX).contains(&new.leaves), IdentityError::BadLeaves);
            let is_time = new.valid_from_ms < new.valid_until_ms && new.valid_until_ms > now_ms;
            ensure!(is_time, IdentityError::BadTime);
            let credential = Credential {
                authority,
                subject: new.subject,
                leaves: new.leaves,
                valid_from_ms: new.valid_from_ms,
                valid_until_ms: new.valid_until_ms,
                attested_height,
                key_epoch: 0,
                status: Status::Attested,
            };
            let is_new = self.credentials.insert_new(&new.root, &credential);
            ensure!(is_new, IdentityError::AlreadyAttested { root: new.root });
        }
        cx.emit(&Attested { authority, count: credentials.len() as u32 });
        Ok(attested_height)
    }

    /// Revokes credentials, for ever. Their authority may, and the registrar.
    /// zh: 吊销凭证
    #[access(anyone)]
    pub fn revoke(&mut self, cx: &Cx, credentials: Vec<Digest>, reason: String) -> Result<(), IdentityError> {
        check_count(credentials.len())?;
        check_reference(&reason)?;
        for root in &credentials {
            let mut credential = self.answered_for(cx, *root)?;
            standing(&credential)?;
            credential.status = Status::Revoked { height: cx.height(), reason: reason.clone() };
            self.credentials.insert(root, &credential);
            self.replacements.remove(root);
            if credentials.len() <= EVENTS_EACH_MAX {
                cx.emit(&Revoked { credential: *root });
            }
        }
        Ok(())
    }

    /// Says that the salts of credentials were destroyed. Their authority may, the registrar, and the resident of one's
    /// own. Whose the credential was is no longer in the state.
    /// zh: 声明盐已销毁(删除)
    #[access(anyone)]
    pub fn erase(&mut self, cx: &Cx, credentials: Vec<Digest>) -> Result<(), IdentityError> {
        check_count(credentials.len())?;
        for root in &credentials {
            let mut credential = self.credential(*root)?;
            if credential.subject != cx.caller() {
                credential = self.answered_for(cx, *root)?;
            }
            if let Status::Erased { height } = credential.status {
                return Err(IdentityError::CredentialErased { height });
            }
            credential.status = Status::Erased { height: cx.height() };
            credential.subject = Address::default();
            self.credentials.insert(root, &credential);
            self.replacements.remove(root);
            if credentials.len() <= EVENTS_EACH_MAX {
                cx.emit(&Erased { credential: *root });
            }
        }
        Ok(())
    }

    /// What was attested under a root.
    /// zh: 查询凭证
    #[query]
    pub fn credential(&self, root: Digest) -> Result<Credential, IdentityError> {
        self.credentials.get(&root).ok_or(IdentityError::NotAttested { root })
    }

    /// How a credential stands now.
    /// zh: 查询凭证当前状态
    #[query]
    pub fn standing(&self, cx: &Cx, root: Digest) -> Result<Standing, IdentityError> {
        let credential = self.credential(root)?;
        Ok(match credential.status {
            Status::Revoked { .. } => Standing::Revoked,
            Status::Erased { .. } => Standing::Erased,
            Status::Attested if cx.time_ms() < credential.valid_from_ms => Standing::NotYet,
            Status::Attested if cx.time_ms() >= credential.valid_until_ms => Standing::Expired,
            Status::Attested => Standing::Valid,
        })
    }

    /// The credential, when the caller answers for it: its authority while appointed, or the registrar.
    fn answered_for(&self, cx: &Cx, root: Digest) -> Result<Credential, IdentityError> {
        let (credential, caller) = (self.credential(root)?, cx.caller());
        let is_authority = credential.authority == caller && self.authorities.contains(&caller);
        let answers = is_authority || self.registrar.get() == Some(caller);
        ensure!(answers, IdentityError::NotYourCredential { authority: credential.authority });
        Ok(credential)
    }

    /// The credential, when it holds now.
    fn holding(&self, cx: &Cx, root: Digest) -> Result<Credential, IdentityError> {
        let (credential, now_ms) = (self.credential(root)?, cx.time_ms());
        standing(&credential)?;
        let (valid_from_ms, valid_until_ms) = (credential.valid_from_ms, credential.valid_until_ms);
        ensure!(now_ms >= valid_from_ms, IdentityError::CredentialNotYet { valid_from_ms });
        ensure!(now_ms < valid_until_ms, IdentityError::CredentialExpired { valid_until_ms });
        Ok(credential)
    }
}

/// Roots of one call for which an event each is announced; a receipt holds no more than 512 events.
const EVENTS_EACH_MAX: usize = 256;

fn check_count(count: usize) -> Result<(), IdentityError> {
    ensure!((1..=BATCH_MAX as usize).contains(&count), IdentityError::BadCount { limit: BATCH_MAX });
    Ok(())
}

/// Refuses a credential that was revoked or erased.
fn standing(credential: &Credential) -> Result<(), IdentityError> {
    match credential.status {
        Status::Attested => Ok(()),
        Status::Revoked { height, .. } => Err(IdentityError::CredentialRevoked { height }),
        Status::Erased { height } => Err(IdentityError::CredentialErased { height }),
    }
}
